"""The place of the largest or of the smallest value along a dimension."""

from __future__ import annotations

import math
from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, LayerCode, Place, WholeKernel
from micronets.ir.layers import ArgMax
from micronets.quantized.model import QuantizedModel

ARG_EXTREME = "micronets_arg_extreme"
ARG_EXTREME_F32 = "micronets_arg_extreme_f32"


@dataclass(frozen=True)
class ArgMaxKernel(WholeKernel):
    """The kernel that finds the position along a dimension of the largest, or smallest, value.

    An output value has four bytes, and the layer stands at the end of a network. Of equal values it finds the first.
    """

    layer: ArgMax

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the sizes in front of the dimension, of it and behind it."""
        layer, shape = self.layer, self.step.input_shapes[0]
        sizes = {
            "rows": math.prod(shape[: layer.axis]),
            "count": shape[layer.axis],
            "columns": math.prod(shape[layer.axis + 1 :]),
        }
        y = place.pointer(layer.name, "int32_t")
        if self.step.input_types[0] == "float32":
            x = place.pointer(layer.inputs[0], "const float")
            call = Call.of(ARG_EXTREME_F32, input=x, output=y, **sizes, smallest=int(layer.smallest))
            return LayerCode(call, (ARG_EXTREME_F32,))
        x = place.pointer(layer.inputs[0])
        call = Call.of(ARG_EXTREME, input=x, output=y, **sizes, flip=-1 if layer.smallest else 0)
        return LayerCode(call, (ARG_EXTREME,))
