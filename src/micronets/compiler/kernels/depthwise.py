"""Depthwise convolutions: which kernel computes one, with what scratch memory, weights, tables and call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels.base import (
    Call,
    FlashOutline,
    Kernel,
    LayerCode,
    Name,
    Overlap,
    Place,
    RowReach,
    Struct,
    record_bytes,
    runner_of,
)
from micronets.compiler.kernels.depthwise_schedule import (
    DepthwiseForm,
    DepthwiseSchedule,
    patch_schedule,
    runs_in_place,
)
from micronets.compiler.kernels.requantise import DOUBLED_LIMIT, REQUANT, requant_bytes, requant_numbers, requantisation
from micronets.compiler.kernels.straight import straight_requantisation
from micronets.compiler.kernels.window import WINDOW, WindowSizes, sizes_struct, window_reach
from micronets.compiler.limits import LEAST_SHIFT, STRAIGHT_COARSE_SHIFT
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Step
from micronets.ir.layers import DepthwiseConv2D
from micronets.quantized.arithmetic import activation_range, conv_rescale
from micronets.quantized.model import QuantizedModel

DEPTHWISE = "micronets_depthwise"
DEPTHWISE_ODD = "micronets_depthwise_odd"
DEPTHWISE_S4 = "micronets_depthwise_s4"
DEPTHWISE_BY4 = "micronets_depthwise_by4"
DEPTHWISE_BY4_S4 = "micronets_depthwise_by4_s4"
DEPTHWISE_TWO_LINES = "micronets_depthwise_two_lines"
UNPACK = "micronets_unpack_s4"

ROWS_ANY = "micronets_depthwise_any"
ROWS_PAIRS = {1: "micronets_depthwise_s1", 2: "micronets_depthwise_s2"}
"""The inner function that multiplies pairs, by the stride along a line."""

ROWS_3X3 = {1: "micronets_depthwise_3x3_s1", 2: "micronets_depthwise_3x3_s2"}
ROWS_3X3_RELU = {1: "micronets_depthwise_3x3_s1_relu", 2: "micronets_depthwise_3x3_s2_relu"}
BY4_ANY = "micronets_depthwise_by4_any"
BY4_3X3 = "micronets_depthwise_by4_3x3"
BY4_3X3_RELU = "micronets_depthwise_by4_3x3_relu"

SCHEDULE = "micronets_depthwise_schedule"
TWO_LINES = {1: "micronets_depthwise_two_lines_s1", 2: "micronets_depthwise_two_lines_s2"}
TWO_LINES_STRAIGHT = {stride: f"{name}_straight" for stride, name in TWO_LINES.items()}
"""The inner function that computes two lines together, by the stride, and that for straight tables."""

INNER: Mapping[DepthwiseForm, str] = {
    "by_channel": "micronets_depthwise_kernel",
    "by4": "micronets_depthwise_by4_kernel",
    "two_lines": "micronets_depthwise_two_lines_kernel",
}
"""The types of the inner functions."""

_ALIGNMENT = 4  # bytes that each part of the scratch memory is aligned to


@dataclass(frozen=True)
class LinesKernel(Kernel):
    """A depthwise convolution, computed by a schedule, `rows_per_pass` lines of output at a time."""

    layer: DepthwiseConv2D
    schedule: DepthwiseSchedule
    rows_per_pass: int

    @classmethod
    def of(cls, step: Step, layer: DepthwiseConv2D, schedule: DepthwiseSchedule) -> Self:
        """Returns the kernel with the fewest lines of output at a time that are not slow.

        - step: the step of the layer.
        - layer: the layer.
        - schedule: the order in which the kernel walks through the layer.
        """
        return cls(step, layer, schedule, schedule.least_rows_per_pass)

    @property
    def overlap(self) -> Overlap:
        """The output may lie exactly over the input where every value has been read before it is written over."""
        return Overlap(None, same_start=self.layer.multiplier == 1 and runs_in_place(self.schedule))

    @property
    def uses_free_memory(self) -> bool:
        """True: with more lines in a pass, fewer of them are copied twice."""
        return True

    def in_patches(self) -> Self:
        """Returns the kernel whose lines are rows."""
        return self.of(self.step, self.layer, patch_schedule(self.step, self.schedule))

    @property
    def row_reach(self) -> RowReach:
        """An output row needs the input rows under its window."""
        return window_reach(self.step, self.layer.window)


@dataclass(frozen=True)
class DepthwiseKernel(LinesKernel):
    """The kernel that multiplies pairs of neighbours on a line, or goes through four channels at a time.

    Scratch memory holds the weights, where they have 4 bits and are unpacked, and what the schedule asks for.
    """

    @property
    def scratch_bytes(self) -> int:
        """Bytes of the unpacked weights, and of what the schedule asks for."""
        return self._unpacked_bytes + align(self.schedule.scratch_bytes(self.rows_per_pass), _ALIGNMENT)

    @property
    def _unpacked_bytes(self) -> int:
        """Bytes of scratch memory for weights that are unpacked from 4 bits; 0 for 8-bit weights."""
        return 4 * self._words if self.layer.weight_bits == 4 else 0

    @property
    def _words(self) -> int:
        """Words of the weights with a byte for each; where four channels go together, their number is filled up."""
        taps, channels = math.prod(self.layer.kernel), self.step.output_shape[2]
        by_channel = self.schedule.form == "by_channel"
        return math.ceil(taps * channels / 4) if by_channel else taps * math.ceil(channels / 4)

    def with_scratch(self, room: int) -> DepthwiseKernel:
        """Returns the kernel with as many lines of output at a time as `room` bytes allow."""
        return replace(self, rows_per_pass=self.schedule.rows_per_pass(room - self._unpacked_bytes))

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what a call of the kernel takes of flash."""
        layer, schedule = self.layer, self.schedule
        channels, taps = self.step.output_shape[2], math.prod(layer.kernel)
        table = taps * channels if schedule.form == "by_channel" else 4 * self._words
        if layer.weight_bits == 4:
            table = 4 * math.ceil(self._words / 2)
        zero_point = stand_in.quant[layer.name].zero_point
        if schedule.by4:
            function, inner = self._function(DEPTHWISE_BY4), _by4_function(stand_in, schedule)
        elif schedule.two_lines:
            function, inner = DEPTHWISE_TWO_LINES, TWO_LINES[schedule.stride[1]]
        else:
            function, inner = self._function(DEPTHWISE), _paired_function(schedule, zero_point)
        sources = {*_sources(function), inner}
        if schedule.two_lines and zero_point == -128:  # the weights say which of the two, or both in a network
            sources.add(TWO_LINES_STRAIGHT[schedule.stride[1]])
        record = record_bytes(5, WINDOW, SCHEDULE, REQUANT)
        constants = table + requant_bytes(channels, channels) + record
        return FlashOutline(constants, runner_of(function), tuple(sorted(sources)), -table % 4)

    def _function(self, eight: str) -> str:
        """Returns the function for the bits of the layer's weights, of that for 8 bits."""
        four = {DEPTHWISE: DEPTHWISE_S4, DEPTHWISE_BY4: DEPTHWISE_BY4_S4}
        return four[eight] if self.layer.weight_bits == 4 else eight

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of a kernel with the inner function that computes its lines."""
        layer, schedule = self.layer, self.schedule
        w, target = model.weights[layer.name], model.quant[layer.name]
        rows = filter_rows(w.weights, schedule)
        requant = requantisation(model, layer, rows, place)
        form = schedule.form if requant.packed and _fits(model, layer, schedule) else "by_channel"
        straight = None
        if form != "by_channel":  # the kernel reads a multiplier for every channel
            requant = requantisation(model, layer, rows, place, per_channel=True)
        if form == "two_lines":
            numbers = requant_numbers(model, layer, rows, per_channel=True)
            straight = straight_requantisation(place, numbers, rows, STRAIGHT_COARSE_SHIFT)
            requant = straight or requant
        match form:
            case "by4":
                function, inner = self._function(DEPTHWISE_BY4), _by4_function(model, schedule)
            case "two_lines":
                function = DEPTHWISE_TWO_LINES
                inner = (TWO_LINES_STRAIGHT if straight else TWO_LINES)[schedule.stride[1]]
            case "by_channel":
                function, inner = _rows_functions(model, layer, schedule, rows)
                function = self._function(function)
        by_channel = form == "by_channel"
        if layer.weight_bits == 4:
            words = _by_bytes(rows) if by_channel else _interleave_by4(rows)
            weights = place.table("uint32_t", "weights", _in_halves(words))
        elif not by_channel:
            weights = place.table("uint32_t", "weights", _interleave_by4(rows))
        else:
            weights = place.table("int8_t", "weights", rows)
        sources = {*_sources(function), inner}
        paired = inner != ROWS_ANY
        limits = activation_range(layer.activation, target, self.step.output_type)
        schedule_struct = Struct(
            SCHEDULE,
            (
                ("column_major", int(schedule.column_major)),
                ("multiplier", layer.multiplier),
                ("phases", schedule.phases),
                ("rows_per_pass", self.rows_per_pass),
                ("pitch", schedule.pitch_of(form)),
                ("needs_clamp", int(limits != (-128, 127))),
                ("even_words", schedule.even_words * paired),
                ("odd_words", schedule.odd_words * paired),
            ),
        )
        call = Call.of(
            function,
            input=place.pointer(layer.inputs[0]),
            output=place.pointer(layer.name),
            weights=weights,
            scratch=place.scratch(layer.name, "void"),
            window=line_window(self.step, layer, schedule, model, place),
            schedule=schedule_struct,
            requant=requant.struct,
            kernel=Name(inner, INNER[form]),
        )
        return LayerCode(call, tuple(sorted(sources)))


def filter_rows(weights: npt.NDArray[np.int8], schedule: DepthwiseSchedule) -> npt.NDArray[np.int8]:
    """Returns the weights of a depthwise layer as rows `[output channels, weights of a channel]` along its lines.

    - weights: `[1, kernel height, kernel width, output channels]`.
    - schedule: says what is a line.
    """
    filters = weights[0].transpose(2, 1, 0) if schedule.column_major else weights[0].transpose(2, 0, 1)
    return np.reshape(filters, (len(filters), -1))


def line_window(
    step: Step, layer: DepthwiseConv2D, schedule: DepthwiseSchedule, model: QuantizedModel, place: Place
) -> Struct:
    """Returns the window of a depthwise layer along the schedule's lines, as a `micronets_window`.

    - step, layer: the layer, and its step.
    - schedule: says what is a line.
    - model: gives the zero point of the input, which padding stands for.
    - place: the source of the layer's names and addresses.
    """
    s, in_c, out_c = schedule, step.input_shapes[0][2], step.output_shape[2]
    zero_point = model.quant[layer.inputs[0]].zero_point
    sizes = WindowSizes(s.size, in_c, s.out_size, out_c, s.kernel, s.stride, s.dilation, s.before)
    return sizes_struct(place, sizes, zero_point, by_rows=not s.column_major)


def _sources(function: str) -> set[str]:
    """Returns the functions of a kernel besides the inner one that is chosen: itself and those that it calls."""
    called = {
        DEPTHWISE_TWO_LINES: (),
        DEPTHWISE_BY4: (),
        DEPTHWISE_BY4_S4: (DEPTHWISE_BY4, UNPACK),
        DEPTHWISE_S4: (DEPTHWISE, ROWS_ANY, UNPACK),
    }
    return {function, *called.get(function, (ROWS_ANY,))}


def _interleave_by4(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Returns weights `[channels, taps]` as words `[channels / 4, taps]`, the first channel in the lowest byte."""
    by4 = np.pad(rows, ((0, -len(rows) % 4), (0, 0))).view(np.uint8).astype(np.uint32).reshape(-1, 4, rows.shape[1])
    return np.asarray((by4 << np.array([0, 8, 16, 24], np.uint32)[:, None]).sum(axis=1), np.uint32)


def _by_bytes(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Returns weights in their order as words, the first of four in the lowest byte, filled up with zeros."""
    return _interleave_by4(np.pad(rows.ravel(), (0, -rows.size % 4)).reshape(-1, 4).T).ravel()


def _in_halves(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Returns words of four numbers of 4 bits, a byte for each, as the words that micronets_unpack_s4 makes them of."""
    flat = np.pad(words.ravel() & 0x0F0F0F0F, (0, words.size % 2))
    return np.asarray(flat[0::2] | flat[1::2] << 4, np.uint32)


def _fits(model: QuantizedModel, layer: DepthwiseConv2D, schedule: DepthwiseSchedule) -> bool:
    """Returns whether the kernel of a schedule can hold the scales of a layer, where packed tables can."""
    if not schedule.two_lines:
        return True
    multiplier, shift = conv_rescale(
        model.quant[layer.inputs[0]], model.weights[layer.name].scales, model.quant[layer.name]
    )
    return bool(((multiplier != 0) & (shift >= LEAST_SHIFT)).all())


def _by4_function(model: QuantizedModel, schedule: DepthwiseSchedule) -> str:
    """Returns the inner function for four channels at a time.

    The one for outputs of zero point -128, which need no lower clamp, is taken where all depthwise layers have such
    outputs: one layer alone is not worth the flash of two functions.
    """
    if not schedule.is_3x3:
        return BY4_ANY
    outputs = [s.layer.name for s in model.arch.steps() if isinstance(s.layer, DepthwiseConv2D)]
    return BY4_3X3_RELU if all(model.quant[name].zero_point == -128 for name in outputs) else BY4_3X3


def _rows_functions(
    model: QuantizedModel, layer: DepthwiseConv2D, schedule: DepthwiseSchedule, rows: npt.NDArray[np.int8]
) -> tuple[str, str]:
    """Returns the kernel and its inner function for a channel at a time: one for pairs, if it can hold the numbers.

    Where it can hold those of some channels alone, the kernel computes the others by `ROWS_ANY`.
    """
    w, target = model.weights[layer.name], model.quant[layer.name]
    multiplier, shift = conv_rescale(model.quant[layer.inputs[0]], w.scales, target)
    bias = 0 if w.bias is None else np.abs(w.bias.astype(np.int64))
    largest = int((np.abs(rows.astype(np.int64)).sum(axis=1) * 256 + bias).max())
    fits = (multiplier == 0) | ((shift < 0) & (shift >= LEAST_SHIFT))
    paired = _paired_function(schedule, target.zero_point)
    if paired == ROWS_ANY or largest >= DOUBLED_LIMIT or not fits.any():
        return DEPTHWISE, ROWS_ANY
    if fits.all():
        return DEPTHWISE, paired
    return (DEPTHWISE, ROWS_ANY) if layer.weight_bits == 4 else (DEPTHWISE_ODD, paired)


def _paired_function(schedule: DepthwiseSchedule, zero_point: int) -> str:
    """Returns the inner function for a channel at a time, for numbers that the functions for pairs can hold.

    - schedule: the order in which the kernel walks through the layer.
    - zero_point: the zero point of the output.
    """
    if not schedule.paired:
        return ROWS_ANY
    if not schedule.is_3x3:
        return ROWS_PAIRS[schedule.stride[1]]
    return (ROWS_3X3_RELU if zero_point == -128 else ROWS_3X3)[schedule.stride[1]]
