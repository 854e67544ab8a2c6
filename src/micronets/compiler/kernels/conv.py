"""Convolutions: which kernel computes one, with what scratch memory, weights, tables and call."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.base import (
    Call,
    FlashOutline,
    Kernel,
    LayerCode,
    OutputRows,
    Overlap,
    Place,
    RowReach,
    Struct,
    Table,
    record_bytes,
    runner_of,
)
from micronets.compiler.kernels.copied import Copies, WeightCopies, copies_that_pay, with_copied_weights
from micronets.compiler.kernels.goal import Goal
from micronets.compiler.kernels.odd_filters import ODD_MULTIPLY, divide
from micronets.compiler.kernels.requantise import (
    REQUANT,
    Requantisation,
    requant_bytes,
    requant_numbers,
    requantisation,
)
from micronets.compiler.kernels.straight import straight_requantisation
from micronets.compiler.kernels.window import WINDOW, window_call_outline, window_overlap, window_reach, window_struct
from micronets.compiler.limits import MOST_VALUES, MOST_VALUES_S4, STRAIGHT_COARSE_SHIFT, STRAIGHT_SHIFT, STRIP_BYTES
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, FullyConnected
from micronets.quantized.model import LayerWeights, QuantizedModel

CONV = "micronets_conv"
CONV_C4 = "micronets_conv_c4"
CONV_1X1 = "micronets_conv_1x1"
CONV_WIDE = "micronets_conv_wide"
CONV_ANY = "micronets_conv_any"
SHARED = ("micronets_im2col_pixel", "micronets_im2col_prepare")
"""The functions that all convolutions need besides their own, except for `CONV_WIDE` and `CONV_ANY`."""

MULTIPLY = "micronets_im2col_multiply"
"""The product with 8-bit weights, which these convolutions need."""

S4 = "_s4"
"""What a convolution or product for 4-bit weights has behind the name of that for 8."""

WINDOWED_BYTES = record_bytes(4, WINDOW, REQUANT)
"""Bytes of the record of a convolution with a window: four places and addresses, the window, the requantisation."""

POINTWISE_BYTES = record_bytes(7, REQUANT)
"""Bytes of the record of a pointwise convolution: four places and addresses, three sizes, the requantisation."""


@dataclass(frozen=True)
class ConvKernel(Kernel):
    """A convolution of more than one pixel.

    It gathers the windows of two pixels to an im2col buffer, in 16 bits, and multiplies both by four filters at a time.

    - layer: the layer.
    - copies: whether the weights are copied to scratch memory first, if there is room.
    - room_bytes: bytes of scratch memory for such a copy; 0 where none is made.
    """

    layer: Conv2D
    copies: Copies = "none"
    room_bytes: int = 0

    @property
    def function(self) -> str:
        """The C function that computes the layer if its weights and scales allow."""
        return self._eight_bits + (S4 if self.layer.weight_bits == 4 else "")

    @property
    def _eight_bits(self) -> str:
        """The C function that computes the layer with 8-bit weights."""
        if is_pointwise(self.layer):
            return CONV_1X1
        return CONV if self.step.input_shapes[0][2] % 4 else CONV_C4

    @property
    def weights_bytes(self) -> int:
        """Bytes of the weights in flash, where they suit `function`."""
        return conv_weights.weights_bytes(self.layer.weight_bits, self.layer.filters, self._size)

    @property
    def _size(self) -> int:
        """How many values a window has."""
        return math.prod(self.layer.kernel) * self.step.input_shapes[0][2]

    @property
    def passes(self) -> float:
        """How often all weights are read: once for every two pixels."""
        return math.prod(self.step.output_shape[:2]) / 2

    @property
    def scratch_bytes(self) -> int:
        """Bytes that the kernel works in, and of the copy of its weights."""
        return self.own_scratch_bytes + self.room_bytes

    @property
    def uses_free_memory(self) -> bool:
        """Returns whether the weights are copied if there is room for them."""
        return self.copies != "none"

    @property
    def may_grow(self) -> bool:
        """Returns whether the arena may become larger for the copy of the weights."""
        return self.copies == "grow"

    def with_scratch(self, room: int) -> Kernel:
        """Returns the kernel with a copy of its weights, if `room` bytes of scratch memory hold it, too."""
        fits = self.own_scratch_bytes + self.weights_bytes <= room
        return replace(self, room_bytes=self.weights_bytes if fits else 0)

    def with_copies(self, copies: WeightCopies | None, goal: Goal) -> Kernel:
        """Returns the kernel that copies its weights to scratch memory where there is room, if that saves cycles.

        - copies: how it may do so; None for not at all.
        - goal: what kernels are chosen for. For speed, the arena may grow to make room; with the fastest, the weights
          are no longer in flash.
        """
        if copies is None or goal == "fastest":
            return self
        return replace(self, copies=copies_that_pay(copies.flash, goal, self.weights_bytes, self.passes))

    @property
    def own_scratch_bytes(self) -> int:
        """Bytes of the im2col buffer, and of two strips where windows reach over the edge."""
        strips = 2 * _strip_bytes(self.step, self.layer) if self.step.input_shapes[0][2] % 4 else 0
        return im2col_bytes(self._size) + strips

    @property
    def overlap(self) -> Overlap:
        """The output may run into the input, behind what is still to be read."""
        layer = self.layer
        if is_pointwise(layer):
            x, y = self.step.input_shapes[0], self.step.output_shape
            starts = np.arange(0, y[0] * y[1], 2)  # two pixels are read, then two written; an odd last one goes alone
            return Overlap(int((np.minimum(starts + 2, y[0] * y[1]) * y[2] - starts * x[2]).max()))
        return window_overlap(self.step, layer.window, by_channel=False)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the input rows under its window."""
        return window_reach(self.step, self.layer.window)

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of `function` takes of flash."""
        return convolution_outline(self.function, self.layer.weight_bits, self.layer.filters, self._size)

    def in_patches(self) -> Kernel:
        """Returns the kernel without a copy of its weights, which each patch would make again."""
        return ConvKernel(self.step, self.layer)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of `function` or, for numbers that it cannot hold, of a slower one."""
        code = self.code_in_flash(model, place)
        room = self.own_scratch_bytes, self.room_bytes
        return with_copied_weights(code, place, self.layer.name, room) if self.room_bytes else code

    def code_in_flash(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns what `code` returns, with weights that are not copied."""
        layer, weights = self.layer, model.weights[self.layer.name]
        rows = int8_rows(weights)
        zero_point = model.quant[layer.inputs[0]].zero_point
        window = window_struct(self.step, place, layer.window, pad_value=zero_point)
        if self._size > MOST_VALUES:
            return slow_code(model, layer, place, window)
        requant = None if rows is None else requantisation(model, layer, rows, place)
        if rows is None or requant is None or not (requant.packed and conv_weights.suits(rows)):
            return self._divided_code(model, place, window) or slow_code(model, layer, place, window)
        four = layer.weight_bits == 4 and self._size <= MOST_VALUES_S4 and conv_weights.suits_four(rows)
        function, lines = self._eight_bits + (S4 if four else ""), None if is_pointwise(layer) else layer.kernel[0]
        words = conv_weights.words_of_four if four else conv_weights.words
        table = place.table("uint32_t", "weights", words(rows, lines))
        numbers = requant_numbers(model, layer, rows)
        shift = STRAIGHT_COARSE_SHIFT if four else STRAIGHT_SHIFT
        requant = straight_requantisation(place, numbers, rows, shift) or requant
        if is_pointwise(layer):
            pixels = OutputRows(self.step.output_shape[0], self.step.output_shape[1])
            return pointwise_code(place, function, layer, table, pixels, rows, requant)
        return windowed_code(place, function, layer, table, window, requant)

    def _divided_code(self, model: QuantizedModel, place: Place, window: Struct) -> LayerCode | None:
        """Returns a call of the quick kernel that computes a few filters apart; None where there are too many."""
        layer = self.layer
        function, lines = self._eight_bits, None if is_pointwise(layer) else layer.kernel[0]
        centred = model.weights[layer.name].centred
        rows = centred.reshape(len(centred), -1)
        found = divide(place, rows, requant_numbers(model, layer, rows), lines)
        if found is None:
            return None
        table = place.table("uint32_t", "weights", conv_weights.words(found.rows, lines))
        if function == CONV_1X1:
            pixels = OutputRows(self.step.output_shape[0], self.step.output_shape[1])
            code = pointwise_code(place, function, layer, table, pixels, found.rows, found.requant)
        else:
            code = windowed_code(place, function, layer, table, window, found.requant)
        assert code.call is not None
        odd = f"{function}_odd"
        call = Call(odd, (*code.call.arguments, ("odd", found.odd)))
        return LayerCode(call, (odd, ODD_MULTIPLY, *_sources(function)))


def _sources(function: str) -> tuple[str, ...]:
    """Returns the functions that a convolution kernel needs besides itself."""
    return (MULTIPLY + (S4 if function.endswith(S4) else ""), *SHARED)


def convolution_outline(function: str, weight_bits: int, filters: int, size: int) -> FlashOutline:
    """Returns what a call of a convolution kernel takes of flash.

    - function: the C function of the kernel.
    - weight_bits: bits of a weight, 4 or 8.
    - filters: how many filters the layer has.
    - size: how many weights a filter has: one for each value of a window.
    """
    weights = conv_weights.weights_bytes(weight_bits, filters, size)
    record = POINTWISE_BYTES if function.removesuffix(S4) == CONV_1X1 else WINDOWED_BYTES
    constants = weights + requant_bytes(filters, filters) + record
    return FlashOutline(constants, runner_of(function), (function, *_sources(function)))


@dataclass(frozen=True)
class GroupedConvKernel(Kernel):
    """A convolution in several groups of channels."""

    layer: Conv2D

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may overwrite input that no later window reads."""
        return window_overlap(self.step, self.layer.window, by_channel=False)

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the input rows under its window."""
        return window_reach(self.step, self.layer.window)

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what the call takes of flash."""
        layer, channels = self.layer, self.step.input_shapes[0][2]
        weights = layer.filters * math.prod(layer.kernel) * (channels // layer.groups)
        return window_call_outline(CONV_ANY, weights, layer.filters, words=5)

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the window and the number of groups."""
        zero_point = model.quant[self.layer.inputs[0]].zero_point
        window = window_struct(self.step, place, self.layer.window, pad_value=zero_point)
        return any_code(model, self.layer, place, window)


def int8_rows(weights: LayerWeights) -> npt.NDArray[np.int8] | None:
    """Returns weights less their zero point, `[filters, values of a window]`; None where these do not fit int8."""
    rows = weights.centred.reshape(len(weights.weights), -1)
    codes = rows.astype(np.int8)
    return codes if np.array_equal(codes, rows) else None


def any_code(model: QuantizedModel, layer: Conv2D | FullyConnected, place: Place, window: Struct) -> LayerCode:
    """Returns a call of the kernel for any weights, whatever their zero point is, and any number of groups.

    - model: the network, which holds the weights and the quantisation.
    - layer: the layer.
    - place: the source of the layer's names and addresses.
    - window: the `micronets_window` of the layer.
    """
    weights = model.weights[layer.name]
    rows = weights.centred.reshape(len(weights.weights), -1)
    requant = requantisation(model, layer, rows, place, folded=False)
    call = Call.of(
        CONV_ANY,
        input=place.pointer(layer.inputs[0]),
        output=place.pointer(layer.name),
        weights=place.table("int8_t", "weights", weights.weights),
        window=window,
        groups=layer.groups if isinstance(layer, Conv2D) else 1,
        weight_zero=weights.zero_point,
        requant=requant.struct,
    )
    return LayerCode(call, (CONV_ANY,))


def windowed_code(
    place: Place,
    function: str,
    layer: Conv2D | FullyConnected,
    weights: Table,
    window: Struct,
    requant: Requantisation,
) -> LayerCode:
    """Returns a call of a convolution kernel with a window.

    - place: the source of the layer's names and addresses.
    - function: the C function of the kernel.
    - layer: the layer, whose input, output and scratch memory the kernel works on.
    - weights: the weights in the order in which the kernel reads them, see `conv_weights`.
    - window: the `micronets_window` of the layer.
    - requant: the requantisation of its sums.
    """
    call = Call.of(
        function,
        input=place.pointer(layer.inputs[0]),
        output=place.pointer(layer.name),
        weights=weights,
        scratch=place.scratch(layer.name, "uint32_t"),
        window=window,
        requant=requant.struct,
    )
    return LayerCode(call, (function, *_sources(function)))


def pointwise_code(
    place: Place,
    function: str,
    layer: Conv2D | FullyConnected,
    weights: Table,
    pixels: int | OutputRows,
    rows: npt.NDArray[np.int8],
    requant: Requantisation,
) -> LayerCode:
    """Returns a call of `CONV_1X1`, which multiplies vectors by one matrix, or of its form for 4-bit weights.

    - place: the source of the layer's names and addresses.
    - function: the C function of the kernel.
    - layer: the layer, whose input, output and scratch memory the kernel works on.
    - weights: the matrix as a table, see `conv_weights`.
    - pixels: how many vectors there are.
    - rows: the matrix, `[outputs, inputs]`; only its shape is read.
    - requant: the requantisation of the sums.
    """
    outputs, inputs = rows.shape
    call = Call.of(
        function,
        input=place.pointer(layer.inputs[0]),
        output=place.pointer(layer.name),
        weights=weights,
        scratch=place.scratch(layer.name, "uint32_t"),
        pixels=pixels,
        inputs=inputs,
        outputs=outputs,
        requant=requant.struct,
    )
    return LayerCode(call, (function, *_sources(function)))


def slow_code(model: QuantizedModel, layer: Conv2D | FullyConnected, place: Place, window: Struct) -> LayerCode:
    """Returns a call of a slower kernel, for weights, sums, biases or scales that the quick ones cannot hold.

    - model, layer, place: see `any_code`.
    - window: the `micronets_window`.
    """
    rows = int8_rows(model.weights[layer.name])
    if rows is None:
        return any_code(model, layer, place, window)
    return fallback_code(model, layer, rows, place, window)


def fallback_code(
    model: QuantizedModel,
    layer: Conv2D | FullyConnected,
    rows: npt.NDArray[np.int8],
    place: Place,
    window: Struct,
) -> LayerCode:
    """Returns a call of a slower kernel, for sums, biases or scales that are too large for the others.

    - model: the network, which holds the weights and the quantisation.
    - layer: the layer.
    - rows: the weights `[filters, values of a window]`.
    - place: the source of the layer's names and addresses.
    - window: the `micronets_window` of the layer.

    The kernel is `CONV_WIDE`, or `CONV_ANY` where a weight of -128 keeps two filters from sharing 16 bits.
    """
    if not conv_weights.holds(rows):
        return any_code(model, layer, place, window)
    requant = requantisation(model, layer, rows, place)
    call = Call.of(
        CONV_WIDE,
        input=place.pointer(layer.inputs[0]),
        output=place.pointer(layer.name),
        weights=place.table("uint32_t", "weights", conv_weights.words(rows)),
        scratch=place.scratch(layer.name),
        window=window,
        requant=requant.struct,
    )
    return LayerCode(call, (CONV_WIDE,))


def is_pointwise(layer: Conv2D) -> bool:
    """Returns whether every output pixel depends on the input pixel at the same place alone."""
    return layer.kernel == (1, 1) and layer.stride == (1, 1) and layer.groups == 1


def im2col_bytes(size: int) -> int:
    """Returns the bytes of the im2col buffer of two pixels whose windows have `size` values."""
    return 8 * conv_weights.pairs(size)


def _strip_bytes(step: Step, layer: Conv2D) -> int:
    """Returns the bytes of a strip of `micronets_conv`: a copy, with padding, of the input under a row of windows.

    A strip larger than `STRIP_BYTES` holds a single window instead. The layer has no strips (0) if all its windows lie
    inside the map and are not dilated along a row.
    """
    shape, out = step.input_shapes[0], step.output_shape
    kernel, stride, dilation = layer.kernel, layer.stride, layer.dilation
    before, covered = layer.window.before(shape), layer.window.covered(shape)
    ends = covered[0] - before[0], covered[1] - before[1]
    if not any(before) and ends[0] <= shape[0] and ends[1] <= shape[1] and dilation[1] == 1:
        return 0
    line = (out[1] - 1) * stride[1] + kernel[1]
    whole = dilation[1] == 1 and line * kernel[0] * shape[2] <= STRIP_BYTES
    return align((line if whole else kernel[1]) * kernel[0] * shape[2], 4)
