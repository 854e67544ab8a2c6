"""The kernel that replaces a box of a tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, LayerCode, Overlap, Place, WholeKernel
from micronets.compiler.kernels.copy import copy_params, merged_steps
from micronets.ir.layers import DynamicUpdateSlice
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel

UPDATE = "micronets_update_box"


@dataclass(frozen=True)
class UpdateKernel(WholeKernel):
    """A copy of a tensor in which a box is then overwritten with the values of another tensor."""

    layer: DynamicUpdateSlice

    @property
    def overlap(self) -> Overlap:
        """The output may lie exactly over the first input, which then need not be copied."""
        return Overlap(None, same_start=True, inputs=(0,))

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the steps through the box in the output."""
        layer, (x, box) = self.layer, self.step.input_shapes
        element = ELEMENT_BYTES[self.step.output_type]
        pitch = [element * math.prod(x[axis + 1 :]) for axis in range(len(x))]
        start = sum(at * each for at, each in zip(layer.begin, pitch, strict=True))
        steps = merged_steps(list(zip(box, pitch, strict=True)), element)
        call = Call.of(
            UPDATE,
            input=place.pointer(layer.inputs[0]),
            box=place.pointer(layer.inputs[1]),
            output=place.pointer(layer.name),
            bytes=element * math.prod(x),
            params=copy_params(layer.name, start, *steps),
        )
        return LayerCode(call, (UPDATE,))
