"""Sums of values as they are: running sums along a dimension, and sums of several tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import Arena, Argument, Call, LayerCode, Overlap, Place, Struct, WholeKernel
from micronets.compiler.kernels.requantise import shiftable
from micronets.ir.layers import AddN, CumSum
from micronets.quantized.model import QuantizedModel
from micronets.quantized.totals import total_rescale

CUM_SUM = "micronets_cum_sum"
CUM_SUM_F32 = "micronets_cum_sum_f32"
ADD_N = "micronets_add_n"
ADD_N_F32 = "micronets_add_n_f32"
TOTAL = "micronets_total"


def total_params(model: QuantizedModel, layer: CumSum | AddN) -> Struct:
    """Returns the zero points of the codes and of their sum, and the scale that brings one to the other."""
    source, target = model.quant[layer.inputs[0]], model.quant[layer.name]
    multiplier, shift = (int(v) for v in shiftable(*total_rescale(source, target)))
    zeros = (("zero_in", source.zero_point), ("zero_out", target.zero_point))
    return Struct(TOTAL, (*zeros, ("multiplier", multiplier), ("shift", shift)))


@dataclass(frozen=True)
class CumSumKernel(WholeKernel):
    """Running sums along a dimension."""

    layer: CumSum

    @property
    def overlap(self) -> Overlap:
        """The output may lie exactly over the input: every value is read before its sum is written."""
        return Overlap(None, same_start=True)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes in front of the dimension, of it and behind it, and the scales of codes."""
        layer, shape, axis = self.layer, self.step.input_shapes[0], self.layer.axis
        floats = self.step.output_type == "float32"
        scales: dict[str, Argument] = {} if floats else {"params": total_params(model, layer)}
        function = CUM_SUM_F32 if floats else CUM_SUM
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0], "const float" if floats else "int8_t"),
            output=place.pointer(layer.name, "float" if floats else "int8_t"),
            rows=math.prod(shape[:axis]),
            count=shape[axis],
            columns=math.prod(shape[axis + 1 :]),
            exclusive=int(layer.exclusive),
            reverse=int(layer.reverse),
            **scales,
        )
        return LayerCode(call, (function,))


@dataclass(frozen=True)
class AddNKernel(WholeKernel):
    """The sum of several tensors, whose addresses lie in a constant table."""

    layer: AddN

    @property
    def overlap(self) -> Overlap:
        """The output may lie exactly over the first input: every value is read before its sum is written."""
        return Overlap(None, same_start=True)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the table of the parts, and the scales of codes."""
        layer, floats = self.layer, self.step.output_type == "float32"
        scales: dict[str, Argument] = {} if floats else {"params": total_params(model, layer)}
        function = ADD_N_F32 if floats else ADD_N
        offsets = np.array([place.offset(name).bytes for name in layer.inputs], np.int32)
        call = Call.of(
            function,
            arena=Arena(),
            parts=place.table("int32_t", "parts", offsets),
            part_count=len(layer.inputs),
            output=place.pointer(layer.name, "float" if floats else "int8_t"),
            count=math.prod(self.step.output_shape),
            **scales,
        )
        return LayerCode(call, (function,))
