"""Additions of two tensors."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import (
    Kernel,
    LayerCode,
    Overlap,
    Place,
    RowReach,
    RunRecord,
    Struct,
    Value,
    count,
    runner,
)
from micronets.compiler.kernels.requantise import shiftable
from micronets.ir.layers import Add
from micronets.quantized.arithmetic import activation_range, add_rescale
from micronets.quantized.model import QuantizedModel

ADD = "micronets_add"
RECORD = "micronets_add_layer"
PARAMS = "micronets_add_params"


@dataclass(frozen=True)
class AddKernel(Kernel):
    """The sum of two tensors, value by value."""

    layer: Add

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may lie over either input."""
        return Overlap(0)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the same row of both inputs."""
        return RowReach()

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a run of the record with the scales of both operands and of the sum."""
        layer = self.layer
        a, b, target = (model.quant[name] for name in (*layer.inputs, layer.name))
        operands: list[Value] = []
        for quant, rescale in zip((a, b, target), add_rescale(a, b, target), strict=True):
            multiplier, shift = (int(v) for v in shiftable(*rescale))
            operands.append((multiplier, quant.zero_point, shift))
        low, high = activation_range(layer.activation, target, self.step.output_type)
        params = Struct(
            PARAMS,
            (
                *zip(("a", "b", "sum"), operands, strict=True),
                ("lowest", low - target.zero_point),
                ("highest", high - target.zero_point),
            ),
        )
        record = place.constant(
            "layer",
            Struct(
                RECORD,
                (
                    ("a", place.offset(layer.inputs[0])),
                    ("b", place.offset(layer.inputs[1])),
                    ("output", place.offset(layer.name)),
                    ("count", count(self.step.output_shape)),
                    ("params", params),
                ),
            ),
        )
        return LayerCode((record,), RunRecord(runner(ADD), record), (ADD,))
