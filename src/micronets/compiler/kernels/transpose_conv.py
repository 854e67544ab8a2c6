"""Transposed convolutions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from micronets.compiler.kernels.base import Call, FlashOutline, LayerCode, Place, WholeKernel
from micronets.compiler.kernels.requantise import requantisation
from micronets.compiler.kernels.window import WindowSizes, sizes_struct, window_call_outline
from micronets.ir.layers import Shape, TransposeConv2D
from micronets.quantized.model import QuantizedModel

TRANSPOSE_CONV = "micronets_transpose_conv"


def transposed_sizes(layer: TransposeConv2D, x: Shape) -> WindowSizes:
    """Returns the sizes of the window of the convolution whose transposition a layer is.

    - layer: the layer.
    - x: the shape of its input.
    """
    maps = (x[0], x[1]), x[2], layer.size, layer.filters
    return WindowSizes(*maps, layer.kernel, layer.stride, (1, 1), layer.window.before(layer.size))


@dataclass(frozen=True)
class TransposeConvKernel(WholeKernel):
    """A transposed convolution: each output value sums the products of all input pixels whose window covers it.

    The output is the larger map, and how many input rows an output row needs differs from row to row.
    """

    layer: TransposeConv2D

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what the call takes of flash."""
        layer, channels = self.layer, self.step.input_shapes[0][2]
        weights = layer.filters * math.prod(layer.kernel) * channels
        return window_call_outline(TRANSPOSE_CONV, weights, layer.filters, words=3)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the window of the convolution whose transposition it is."""
        layer, x = self.layer, self.step.input_shapes[0]
        w, zero_point = model.weights[layer.name].weights, model.quant[layer.inputs[0]].zero_point
        requant = requantisation(model, layer, w.reshape(len(w), -1), place, folded=False)
        call = Call.of(
            TRANSPOSE_CONV,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            weights=place.table("int8_t", "weights", w),
            window=sizes_struct(place, transposed_sizes(layer, x), zero_point, by_rows=False),
            requant=requant.struct,
        )
        return LayerCode(call, (TRANSPOSE_CONV,))
