"""The kernel that replaces a box of a tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from micronets.compiler.kernels.base import Argument, Call, LayerCode, Overlap, Place, WholeKernel
from micronets.compiler.kernels.copy import copy_params, merged_steps
from micronets.ir.layers import DynamicUpdateSlice
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.model import QuantizedModel

UPDATE = "micronets_update_box"
UPDATE_AT = "micronets_update_box_at"


@dataclass(frozen=True)
class UpdateKernel(WholeKernel):
    """A copy of a tensor in which a box is then overwritten with the values of another tensor."""

    layer: DynamicUpdateSlice

    @property
    def overlap(self) -> Overlap:
        """The output may lie exactly over the first input, which then need not be copied."""
        return Overlap(None, same_start=True, inputs=(0,))

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the steps through the box in the output and, where its place is computed, its limits."""
        layer, (x, box, *_) = self.layer, self.step.input_shapes
        element = ELEMENT_BYTES[self.step.output_type]
        pitch = [element * math.prod(x[axis + 1 :]) for axis in range(len(x))]
        start = sum(at * each for at, each in zip(layer.begin or (), pitch, strict=False))
        steps = merged_steps(list(zip(box, pitch, strict=True)), element)
        arguments: dict[str, Argument] = {
            "input": place.pointer(layer.inputs[0]),
            "box": place.pointer(layer.inputs[1]),
            "output": place.pointer(layer.name),
            "bytes": element * math.prod(x),
            "params": copy_params(layer.name, start, *steps),
        }
        if layer.begin is not None:
            return LayerCode(Call.of(UPDATE, **arguments), (UPDATE,))
        limits = np.stack([np.subtract(x, box), pitch], 1)  # the last place along each dimension, and its bytes
        call = Call.of(
            UPDATE_AT,
            **arguments,
            places=place.pointer(layer.inputs[2], "const int32_t"),
            limits=place.table("int32_t", "limits", limits),
            dimensions=len(x),
        )
        return LayerCode(call, (UPDATE_AT, UPDATE))
