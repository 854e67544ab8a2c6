"""The order in which a depthwise kernel walks through a layer.

One kernel computes channel by channel. It copies lines of one channel to scratch memory, widened to 16 bits and with
the padding around them, and computes a few lines of the output from them in one pass; the next pass continues where it
ends. Two neighbours on a line make a pair for the DSP instructions. Another kernel takes four channels at a time
(`by4`), whose values lie side by side. The third one (`two_lines`), for windows of 3 x 3, copies four channels at a
time and computes two lines of outputs together; values of two lines make a pair. A line is a row of the map or, where
that is faster, a column of it; the result is the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, assert_never, get_args

from micronets.boards.targets import DepthwiseCycles
from micronets.compiler.kernels.goal import Goal
from micronets.compiler.limits import CHANNEL_WORDS
from micronets.cost.counts import step_macs
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, DepthwiseConv2D, FullyConnected
from micronets.ir.window import Pair

DepthwiseForm = Literal["by_channel", "by4", "two_lines"]
"""A kernel for depthwise layers: one channel at a time, four, or four and two lines of outputs of each."""

FORMS: tuple[DepthwiseForm, ...] = get_args(DepthwiseForm)

_SMALL_FORMS: tuple[DepthwiseForm, ...] = ("by_channel", "by4")
"""The kernels for the goal `size`: the third one takes more scratch memory."""

_SLOWER: Mapping[Goal, float] = {"fastest": 0.01, "speed": 0.01, "balanced": 0.05, "size": 0.05}
"""By what share of a network's cycles one kernel for all its depthwise layers may slow it down."""
_MORE_WORTH: Mapping[Goal, float] = {"fastest": 0.0, "speed": 0.0, "balanced": 0.015, "size": 0.015}
"""What share of a network's cycles a kernel with more scratch memory must save for what it takes."""

_GROUP = 4  # outputs of a line that the kernel for single channels computes together
_LEAST_ROWS_PER_PASS = 4
_WORTH: Mapping[DepthwiseForm, float] = {"by_channel": 1.0, "by4": 0.93, "two_lines": 0.93}
"""What share of the cycles of the kernel with the least memory another one may need, as it needs more."""
_TWO_LINES_WORDS = 4  # words that two lines have for each place: one for each of four channels


@dataclass(frozen=True)
class DepthwiseSchedule:
    """The order in which a kernel walks through a depthwise layer. Pairs of numbers are (lines, along a line).

    - size, out_size: sizes of a channel's input and output map.
    - kernel, stride, dilation: those of the window.
    - before: padding before the first line, and before the first value of a line.
    - column_major: lines are columns of the map.
    - phases: into how many interleaved parts, each without dilation, a line with dilation is divided; otherwise 1.
    - in_strides, out_strides: bytes to the next line, and to the next value of the same line.
    - pitch: values of a line in scratch memory when one channel is computed at a time.
    - even_words, odd_words: words of packed weights for a line of the kernel, for outputs at even and at odd places; 0
      for a kernel that does not compute in pairs.
    - patched: the layer runs on a few rows at a time, which are then its lines.
    - form: which kernel it is for. Those that copy four channels take layers with packed tables of the requantisation;
      the others of such a schedule are computed channel by channel.
    """

    size: Pair
    out_size: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    before: Pair
    column_major: bool
    phases: int
    in_strides: Pair
    out_strides: Pair
    pitch: int
    even_words: int
    odd_words: int
    patched: bool = False
    form: DepthwiseForm = "by_channel"

    @property
    def by4(self) -> bool:
        """Returns whether four channels go together."""
        return self.form == "by4"

    @property
    def two_lines(self) -> bool:
        """Returns whether two lines of outputs go together."""
        return self.form == "two_lines"

    @property
    def allows_two_lines(self) -> bool:
        """Returns whether the kernel that computes two lines of outputs together can compute the layer."""
        same_stride = self.stride in ((1, 1), (2, 2))
        return self.is_3x3 and same_stride and self.dilation == (1, 1) and self.phases == 1 and self.out_size[1] > 1

    @property
    def paired(self) -> bool:
        """Returns whether values are multiplied in pairs: the stride along the line is 1 or 2, without dilation."""
        return self.even_words > 0

    @property
    def is_3x3(self) -> bool:
        """Returns whether the kernels for 3 x 3 windows can compute the layer."""
        return self.paired and self.kernel == (3, 3) and self.dilation[0] == 1

    @property
    def span(self) -> int:
        """The number of lines of the input that a window of the kernel covers."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1

    @property
    def by4_pitch(self) -> int:
        """The values of each channel in a line of scratch memory, when four channels are computed at a time."""
        return (math.ceil(self.out_size[1] / self.phases) - 1) * self.stride[1] + self.kernel[1]

    @property
    def two_lines_pitch(self) -> int:
        """The places on two lines in scratch memory, where two lines of outputs are computed together."""
        return (2 * math.ceil(self.out_size[1] / 2) - 1) * self.stride[1] + self.kernel[1]

    @property
    def bytes_pitch(self) -> int:
        """The values of a line in scratch memory, for the kernel that keeps them in bytes."""
        count = math.ceil(self.out_size[1] / self.phases)
        return (count - 1) * self.stride[1] + (self.kernel[1] - 1) * self.dilation[1] + 1

    def pitch_of(self, form: DepthwiseForm) -> int:
        """Returns the field `pitch` of the C struct, for a kernel that may be another than the schedule is for."""
        return {"by_channel": self.pitch, "by4": self.by4_pitch, "two_lines": self.two_lines_pitch}[form]

    @property
    def least_rows_per_pass(self) -> int:
        """The fewest lines of output in a pass that do not mostly copy lines again; 1 in patches, which have few."""
        if self.patched:
            return 1
        return min(self.out_size[0], _LEAST_ROWS_PER_PASS if self.form == "by_channel" else _LEAST_ROWS_PER_PASS // 2)

    def scratch_bytes(self, rows_per_pass: int) -> int:
        """Returns the bytes of a channel's constants and weights, and of the lines under this many lines of output."""
        words = CHANNEL_WORDS + self.kernel[0] * (self.even_words + self.odd_words)
        lines = (rows_per_pass - 1) * self.stride[0] + self.span
        by4 = 4 * self.by4_pitch * lines
        by4 += 4 * self.stride[1] if self.is_3x3 else 0  # after an odd last output the kernel reads a value more
        two_lines = 4 * _TWO_LINES_WORDS * self.two_lines_pitch * (self.stride[0] * math.ceil(rows_per_pass / 2) + 1)
        more = {"by_channel": 0, "by4": by4, "two_lines": two_lines}[self.form]
        return max(4 * words + 2 * self.pitch * lines, more)

    def rows_per_pass(self, room: int) -> int:
        """Returns how many lines of output a pass computes in `room` bytes, at least `least_rows_per_pass`."""
        if self.two_lines:
            fitting = (n for n in range(2, self.out_size[0] + 2, 2) if self.scratch_bytes(n) <= room)
            return max(self.least_rows_per_pass, min(self.out_size[0], max(fitting, default=0)))
        line = max(2 * self.pitch, 4 * self.by4_pitch if self.by4 else 0)
        more = (room - self.scratch_bytes(1)) // (line * self.stride[0])
        return max(self.least_rows_per_pass, min(self.out_size[0], 1 + more))

    def cycles(self, cost: DepthwiseCycles, channels: int) -> float:
        """Returns the cycles for one channel of a layer with this many channels, by the constants `cost` of a
        target."""
        match self.form:
            case "by_channel":
                return self._by_channel_cycles(cost)
            case "by4":
                return self._by4_cycles(cost, channels)
            case "two_lines":
                return self._two_lines_cycles(cost, channels)
            case _:
                assert_never(self.form)

    def _by_channel_cycles(self, cost: DepthwiseCycles) -> float:
        """Returns the cycles for one channel, computed by itself."""
        taps, values = math.prod(self.kernel), math.prod(self.size)
        if not self.paired:
            output = cost.output + cost.output_tap * taps
            return cost.channel + cost.value * values + math.prod(self.out_size) * output
        groups = self.phases * math.ceil(math.ceil(self.out_size[1] / self.phases) / _GROUP)
        group = cost.group + taps * (cost.group_tap_3x3 if self.is_3x3 else cost.group_tap)
        group += cost.group_stride2 if self.stride[1] == 2 else 0
        lines = self.out_size[0] * (cost.line * self.phases + groups * group)
        return cost.channel + cost.channel_tap * taps + cost.value * values + lines

    def _two_lines_cycles(self, cost: DepthwiseCycles, channels: int) -> float:
        """Returns the cycles for one channel when four are copied together, the last few of `channels` included."""
        twice, pairs, stride = math.ceil(self.out_size[0] / 2), math.ceil(self.out_size[1] / 2), self.stride[0]
        single = self.out_size[0] % 2
        group = cost.two_lines_group + (cost.two_lines_stride2 if stride == 2 else 0)
        line = cost.two_lines_line + cost.two_lines_odd * (self.out_size[1] % 2)
        groups = pairs * ((twice - single) * group + single * cost.two_lines_single)
        outputs = cost.two_lines_channel + twice * line + groups
        copied = (stride * twice + 1) * (cost.two_lines_copy + cost.two_lines_value * self.size[1])
        return outputs + copied * math.ceil(channels / 4) * 4 / channels

    def _by4_cycles(self, cost: DepthwiseCycles, channels: int) -> float:
        """Returns the cycles for one channel when four are computed together, the last few of `channels` included."""
        if self.is_3x3:
            outputs = self.phases * math.ceil(math.ceil(self.out_size[1] / self.phases) / 2) * cost.by4_pair_3x3
        else:
            outputs = self.out_size[1] * (cost.by4_output + cost.by4_output_tap * math.prod(self.kernel))
        line = self.phases * (cost.by4_line + cost.by4_value * self.by4_pitch * self.stride[0]) + outputs
        return (cost.by4_channel * self.phases + self.out_size[0] * line) * math.ceil(channels / 4) * 4 / channels


def choose_depthwise_forms(steps: Sequence[Step], cost: DepthwiseCycles, goal: Goal) -> tuple[DepthwiseForm, ...]:
    """Returns the kernels from which each depthwise layer of a network takes its fastest one.

    It is a single one if that is hardly slower than the best for each: another kernel then takes no flash (about 2 KB).

    - steps: the layers of the network.
    - cost: the cycles of the kernels on a target.
    - goal: what kernels are chosen for.
    """
    depthwise = [s for s in steps if isinstance(s.layer, DepthwiseConv2D)]
    every = _SMALL_FORMS if goal == "size" else FORMS
    choices = [every, *((form,) for form in every)]
    found = {forms: [choose_schedule(s, cost, forms) for s in depthwise] for forms in choices}
    cycles = {forms: sum(map(_layer_cycles, found[forms], depthwise, [cost] * len(depthwise))) for forms in choices}
    others = [s for s in steps if isinstance(s.layer, Conv2D | FullyConnected)]
    total = cycles[every] + sum(
        cost.conv_mac * step_macs(s) + cost.conv_output * math.prod(s.output_shape) for s in others
    )
    limit = cycles[every] + _SLOWER[goal] * total
    one = [forms for forms in choices if cycles[forms] <= limit and len({s.form for s in found[forms]}) == 1]
    more = {forms: 0.0 if forms == ("by_channel",) else _MORE_WORTH[goal] * total for forms in choices}
    return min(one, key=lambda forms: cycles[forms] + more[forms]) if one else every


@lru_cache(maxsize=4096)
def choose_schedule(
    step: Step, cost: DepthwiseCycles, forms: tuple[DepthwiseForm, ...] = _SMALL_FORMS
) -> DepthwiseSchedule:
    """Returns the fastest schedule of a depthwise step.

    - step: the step.
    - cost: the cycles of the kernels on a target.
    - forms: the kernels to choose from; where none of them can compute the layer, another one does.
    """
    by_rows, by_columns = _by_rows(step), _by_columns(step)
    shape, stride = step.input_shapes[0], by_rows.stride
    if shape[1] == 1:
        ways = [by_columns]
    elif stride != (1, 1) or shape[:2] != step.output_shape[:2]:
        ways = [by_rows]
    else:
        ways = [by_rows, by_columns]
    layer = _layer(step)
    if layer.multiplier == 1:
        by4 = [replace(way, form="by4") for way in ways if way.dilation[1] == 1 or way.kernel[1] == 1]
        two_lines = [replace(way, form="two_lines") for way in ways if way.allows_two_lines and layer.weight_bits == 8]
        ways = [*ways, *by4, *two_lines]
    asked = [way for way in ways if way.form in forms]
    return min(asked or ways, key=lambda way: way.cycles(cost, shape[2]) / _WORTH[way.form])


def longer_lines(step: Step) -> DepthwiseSchedule:
    """Returns the schedule of a depthwise `step` whose lines are longer, of which there are fewer.

    Lines are rows where the output has another size than the input: along columns it could then not begin where the
    input does.
    """
    height, width = step.input_shapes[0][:2]
    if width == 1 or (height > width and _layer(step).stride == (1, 1) and step.output_shape[:2] == (height, width)):
        return _by_columns(step)
    return _by_rows(step)


def patch_schedule(step: Step, whole: DepthwiseSchedule) -> DepthwiseSchedule:
    """Returns the schedule of a depthwise `step` that runs on a few rows at a time.

    whole: its schedule where it runs on all rows. Where four channels go together there, they do here, too: a single
    line of outputs is computed at once.
    """
    rows = _by_rows(step)
    by4 = whole.form != "by_channel" and (rows.dilation[1] == 1 or rows.kernel[1] == 1)
    return replace(rows, patched=True, form="by4" if by4 else "by_channel")


@lru_cache(maxsize=4096)  # a search asks for the same layers again and again
def runs_in_place(schedule: DepthwiseSchedule) -> bool:
    """Returns whether a channel's output may begin where its input begins.

    It may if every value that an output overwrites has been copied to scratch memory, or is never read.
    """
    copied, written = {}, []
    for phase in range(schedule.phases):
        before = 0
        for line in range(schedule.out_size[0]):
            end = min(line * schedule.stride[0] - schedule.before[0] + schedule.span, schedule.size[0])
            time = (phase, line)
            for y in range(before, end):
                for x in range(phase, schedule.size[1], schedule.phases):
                    copied[y * schedule.in_strides[0] + x * schedule.in_strides[1]] = time
            before = max(before, end)
            for x in range(phase, schedule.out_size[1], schedule.phases):
                written.append((line * schedule.out_strides[0] + x * schedule.out_strides[1], time))
    return all(place not in copied or copied[place] <= time for place, time in written)


def _layer_cycles(schedule: DepthwiseSchedule, step: Step, cost: DepthwiseCycles) -> float:
    """Returns the cycles for all channels of a layer."""
    channels = step.output_shape[2]
    return channels * schedule.cycles(cost, channels)


def _layer(step: Step) -> DepthwiseConv2D:
    """Returns the layer of a depthwise step. Raises `TypeError` for another."""
    if not isinstance(step.layer, DepthwiseConv2D):
        raise TypeError(f"not a depthwise layer: {step.layer}")
    return step.layer


def _by_rows(step: Step) -> DepthwiseSchedule:
    """Returns the schedule whose lines are rows of the map."""
    layer = _layer(step)
    (h, w, channels), (out_h, out_w, out_channels) = step.input_shapes[0], step.output_shape
    top, left = layer.window.before((h, w))
    return _along_lines(
        (h, w),
        (out_h, out_w),
        layer.kernel,
        layer.stride,
        layer.dilation,
        (top, left),
        (w * channels, channels),
        (out_w * out_channels, out_channels),
        column_major=False,
    )


def _by_columns(step: Step) -> DepthwiseSchedule:
    """Returns the schedule whose lines are columns of the map."""
    layer = _layer(step)
    (h, w, channels), (out_h, out_w, out_channels) = step.input_shapes[0], step.output_shape
    top, left = layer.window.before((h, w))
    return _along_lines(
        (w, h),
        (out_w, out_h),
        layer.kernel[::-1],
        layer.stride[::-1],
        layer.dilation[::-1],
        (left, top),
        (channels, w * channels),
        (out_channels, out_w * out_channels),
        column_major=True,
    )


def _along_lines(
    size: Pair,
    out_size: Pair,
    kernel: Pair,
    stride: Pair,
    dilation: Pair,
    before: Pair,
    in_strides: Pair,
    out_strides: Pair,
    *,
    column_major: bool,
) -> DepthwiseSchedule:
    """Returns the schedule for sizes that are given as (lines, along a line)."""
    phases, along = 1, dilation[1]
    if kernel[1] > 1 and along > 1 and stride[1] == 1 and before[1] % along == 0:
        phases, along = along, 1
    elif kernel[1] == 1:
        along = 1
    count = math.ceil(out_size[1] / phases)
    grouped = -(-count // _GROUP) * _GROUP
    even = odd = 0
    pitch = (count - 1) * stride[1] + (kernel[1] - 1) * along + 1
    if along == 1 and stride[1] == 1:
        even = odd = kernel[1] // 2 + 1
        pitch = grouped - 2 + 2 * even
    elif along == 1 and stride[1] == 2:
        even = (kernel[1] + 1) // 2
        pitch = 2 * (grouped - 1 + even)
    if kernel == (3, 3) and dilation[0] == 1 and even:  # (w0, w1) and (w1, w2) serve both kinds of outputs
        even = odd = 1
    return DepthwiseSchedule(
        size=size,
        out_size=out_size,
        kernel=kernel,
        stride=stride,
        dilation=(dilation[0], along),
        before=(before[0], before[1] // phases),
        column_major=column_major,
        phases=phases,
        in_strides=in_strides,
        out_strides=out_strides,
        pitch=pitch + pitch % 2,
        even_words=even,
        odd_words=odd,
    )
