"""Additions of two tensors."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, Kernel, LayerCode, Overlap, Place, RowReach, Struct, Value, count
from micronets.compiler.kernels.requantise import shiftable
from micronets.ir.layers import Add
from micronets.quantized.arithmetic import activation_range, add_rescale
from micronets.quantized.model import QuantizedModel

ADD = "micronets_add"
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
        """Returns a call with the scales of both operands and of the sum."""
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
        call = Call.of(
            ADD,
            a=place.pointer(layer.inputs[0]),
            b=place.pointer(layer.inputs[1]),
            output=place.pointer(layer.name),
            count=count(self.step.output_shape),
            params=params,
        )
        return LayerCode(call, (ADD,))
