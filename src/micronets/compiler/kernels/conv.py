"""Convolutions: which kernel computes one, with what scratch memory, weights, tables and call."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.base import (
    AddressOf,
    Argument,
    Call,
    Kernel,
    LayerCode,
    OutputRows,
    Overlap,
    Place,
    Pointer,
    RowReach,
    RunRecord,
    Struct,
    Table,
    Value,
    runner,
)
from micronets.compiler.kernels.requantise import requantisation, weighted_struct
from micronets.compiler.kernels.window import window_overlap, window_reach, window_struct
from micronets.compiler.limits import STRIP_BYTES
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, FullyConnected
from micronets.quantized.model import QuantizedModel

CONV = "micronets_conv"
CONV_C4 = "micronets_conv_c4"
CONV_1X1 = "micronets_conv_1x1"
CONV_S4 = "micronets_conv_s4"
CONV_WIDE = "micronets_conv_wide"
CONV_ANY = "micronets_conv_any"
UNPACK_WEIGHTS = "micronets_unpack_weights_s4"
SHARED = ("micronets_im2col_multiply", "micronets_im2col_pixel", "micronets_im2col_prepare")
"""The sources that all convolutions share but the last two."""

WINDOWED = "micronets_conv_layer"
MATRIX = "micronets_dense_layer"


@dataclass(frozen=True)
class ConvKernel(Kernel):
    """A convolution of more than one pixel.

    It gathers the windows of two pixels to an im2col buffer, in 16 bits, and multiplies both by four filters at a time.
    """

    layer: Conv2D

    @property
    def function(self) -> str:
        """The C function that computes it where its numbers allow."""
        if self.layer.weight_bits == 4:
            return CONV_S4
        if is_pointwise(self.layer):
            return CONV_1X1
        return CONV if self.step.input_shapes[0][2] % 4 else CONV_C4

    @property
    def scratch_bytes(self) -> int:
        """The im2col buffer, two strips where windows reach over the edge, and unpacked weights of four filters."""
        channels = self.step.input_shapes[0][2]
        size = math.prod(self.layer.kernel) * channels
        strips = 2 * _strip_bytes(self.step, self.layer) if channels % 4 else 0
        return im2col_bytes(size) + strips + unpacked_bytes(size, self.layer.weight_bits)

    @property
    def overlap(self) -> Overlap:
        """The output may run into the input, but with weights of 4 bits: then every filter reads all of it."""
        layer = self.layer
        if layer.weight_bits == 4:
            return Overlap(None)
        if is_pointwise(layer):
            x, y = self.step.input_shapes[0], self.step.output_shape
            starts = np.arange(0, y[0] * y[1], 2)  # two pixels are read before both are written, an odd last one alone
            return Overlap(int((np.minimum(starts + 2, y[0] * y[1]) * y[2] - starts * x[2]).max()))
        return window_overlap(self.step, layer.window, by_channel=False)

    @property
    def row_reach(self) -> RowReach:
        """The rows under the window."""
        return window_reach(self.step, self.layer.window)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a run of `function` or, for numbers that it cannot hold, a call of a slower one."""
        layer, weights = self.layer, model.weights[self.layer.name].weights
        rows = weights.reshape(len(weights), -1)
        zero_point = model.quant[layer.inputs[0]].zero_point
        window = window_struct(self.step, place, layer.window, pad_value=zero_point)
        requant = requantisation(model, layer, rows, place)
        if not (requant.packed and conv_weights.suits(rows)):
            return wide_code(model, layer, rows, place, window, Pointer(place.scratch(layer.name)))
        function = self.function
        lines = None if function == CONV_1X1 else layer.kernel[0]
        table = conv_weights.weights_table(place, layer.weight_bits, rows, lines)
        own = weighted_struct(place, layer, table, requant.struct)
        if function == CONV_1X1:
            pixels = OutputRows(self.step.output_shape[0], self.step.output_shape[1])
            return matrix_code(place, function, SHARED, (*requant.tables, table), own, pixels, rows)
        sources: tuple[str, ...] = SHARED
        if function == CONV_S4:
            sources = (CONV, CONV_C4, UNPACK_WEIGHTS, *SHARED)
        return windowed_code(place, function, sources, (*requant.tables, table), own, window)


def windowed_code(
    place: Place, function: str, sources: tuple[str, ...], tables: tuple[Table, ...], own: Struct, window: Struct
) -> LayerCode:
    """Returns a run of `function` from a record with a window; sources: what it needs besides its own file."""
    record = place.constant("layer", Struct(WINDOWED, (("base", own), ("window", window))))
    return LayerCode((*tables, record), RunRecord(runner(function), record), (function, *sources))


def matrix_code(
    place: Place,
    function: str,
    sources: tuple[str, ...],
    tables: tuple[Table, ...],
    own: Struct,
    pixels: Value,
    rows: npt.NDArray[np.int8],
) -> LayerCode:
    """Returns a run of `function`, which multiplies `pixels` vectors by one matrix `rows`, from its record."""
    outputs, inputs = rows.shape
    record = place.constant(
        "layer", Struct(MATRIX, (("base", own), ("pixels", pixels), ("inputs", inputs), ("outputs", outputs)))
    )
    return LayerCode((*tables, record), RunRecord(runner(function), record), (function, *sources))


def wide_code(
    model: QuantizedModel,
    layer: Conv2D | FullyConnected,
    rows: npt.NDArray[np.int8],
    place: Place,
    window: Struct,
    scratch: Argument,
) -> LayerCode:
    """Returns a call of a kernel for what the others cannot hold: large sums, biases or scales, weights of -128."""
    ordered = conv_weights.holds(rows)
    requant = requantisation(model, layer, rows, place, folded=ordered)
    sizes, scales = place.constant("window", window), place.constant("requant", requant.struct)
    table = conv_weights.weights_table(place, 8, rows) if ordered else place.table("int8_t", "weights", rows)
    ends = place.pointer(layer.inputs[0]), place.pointer(layer.name), table.as_argument
    function = CONV_WIDE if ordered else CONV_ANY
    call = Call(function, (*ends, *((scratch,) if ordered else ()), AddressOf(sizes), AddressOf(scales)))
    return LayerCode((*requant.tables, sizes, scales, table), call, (function,))


def is_pointwise(layer: Conv2D) -> bool:
    """Whether every output pixel depends on the input pixel of its own place alone."""
    return layer.kernel == (1, 1) and layer.stride == (1, 1)


def im2col_bytes(size: int) -> int:
    """Returns bytes of the im2col buffer of two pixels, whose windows have `size` values."""
    return 8 * conv_weights.pairs(size)


def unpacked_bytes(size: int, weight_bits: int) -> int:
    """Returns bytes of the words of four filters of `size` weights, where weights of 4 bits are unpacked."""
    return 8 * conv_weights.pairs(size) if weight_bits == 4 else 0


def _strip_bytes(step: Step, layer: Conv2D) -> int:
    """Returns bytes of a strip of `micronets_conv`: a line of windows, or one; 0 where all lie inside the map."""
    shape, out, kernel, stride, dilation = (
        step.input_shapes[0],
        step.output_shape,
        layer.kernel,
        layer.stride,
        layer.dilation,
    )
    before, covered = layer.window.before(shape), layer.window.covered(shape)
    ends = covered[0] - before[0], covered[1] - before[1]
    if not any(before) and ends[0] <= shape[0] and ends[1] <= shape[1] and dilation[1] == 1:
        return 0
    line = (out[1] - 1) * stride[1] + kernel[1]
    whole = dilation[1] == 1 and line * kernel[0] * shape[2] <= STRIP_BYTES
    return align((line if whole else kernel[1]) * kernel[0] * shape[2], 4)
