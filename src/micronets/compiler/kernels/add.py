"""Additions of two tensors."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, Kernel, LayerCode, Overlap, Place, RowReach, Struct, Value, count
from micronets.compiler.kernels.linear import ADD_PARAMS, ROW_LINEAR, linear, linear_params
from micronets.compiler.kernels.requantise import shiftable
from micronets.ir.layers import Add
from micronets.quantized.arithmetic import activation_range, add_rescale
from micronets.quantized.model import QuantizedModel, TensorQuant

ADD = "micronets_add"


@dataclass(frozen=True)
class AddKernel(Kernel):
    """The sum of two tensors, value by value.

    - long_products: whether the target multiplies a number of 32 bits by one of 16 in one instruction, which makes the
      sums of `linear` fast.
    """

    layer: Add
    long_products: bool

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
        """Returns a call with the numbers of `linear`, or with all scales where it finds none."""
        layer = self.layer
        a, b, target = (model.quant[name] for name in (*layer.inputs, layer.name))
        low, high = activation_range(layer.activation, target, self.step.output_type)
        numbers = linear(a, b, target) if self.long_products else None
        function = ADD if numbers is None else ROW_LINEAR
        params = _params(a, b, target, low, high) if numbers is None else linear_params(numbers, target, low, high)
        call = Call.of(
            function,
            a=place.pointer(layer.inputs[0]),
            b=place.pointer(layer.inputs[1]),
            output=place.pointer(layer.name),
            count=count(self.step.output_shape),
            params=params,
        )
        return LayerCode(call, (function,))


def _params(a: TensorQuant, b: TensorQuant, target: TensorQuant, low: int, high: int) -> Struct:
    """Returns the scales of both operands and of their sum, whose codes are clamped to low .. high."""
    operands: list[Value] = []
    for quant, rescale in zip((a, b, target), add_rescale(a, b, target), strict=True):
        multiplier, shift = (int(v) for v in shiftable(*rescale))
        operands.append((multiplier, quant.zero_point, shift))
    limits = ("lowest", low - target.zero_point), ("highest", high - target.zero_point)
    return Struct(ADD_PARAMS, (*zip(("a", "b", "sum"), operands, strict=True), *limits))
