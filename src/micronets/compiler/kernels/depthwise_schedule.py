"""How the depthwise kernel walks through a layer: channel by channel, line by line, in which direction, with what scratch.

The kernel copies lines of one channel to the scratch buffer, widened to 16 bits and with the padding around them, and
computes a strip of output lines from them; the next strip goes on where it ends. Two neighbours on a line make a pair for
the DSP instructions. A line is a row of the map or, where that is quicker and the result the same, a column of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from micronets.compiler.limits import FILTER_WORDS
from micronets.cost.counts import step_macs
from micronets.ir.arch import Step
from micronets.ir.layers import Conv2D, DepthwiseConv2D, FullyConnected
from micronets.ir.window import Pair

Driver = Literal["quickest", "rows", "fours"]

_DRIVERS: tuple[Driver, ...] = ("quickest", "rows", "fours")
_SLOWER = 0.05  # of a network's cycles, that one kernel for all its depthwise layers may cost
_FOURS_WORTH = 0.015  # likewise, for what four channels take of flash and memory in such a network

_GROUP = 4  # outputs computed together
_LEAST_STRIP = 4
_WORTH = 0.93  # of the cycles that are left, for what four channels take of memory


@dataclass(frozen=True)
class Planes:
    """A depthwise layer as its kernel sees it; pairs are (lines, along a line).

    size, out_size: of a channel's plane, input and output. before: padding in front.
    turned: lines are columns of the map.
    phases: a line is worked through in so many interleaved parts, each without dilation, instead of one with it.
    in_steps, out_steps: bytes to the next line, and to the next value of the same line.
    pitch: values of a line in the scratch buffer.
    banded: the layer runs in bands of rows, which are then its lines.
    even, odd: words of packed weights for a line of the kernel, by which outputs they are for; 0 for a kernel without pairs.
    fours: four channels go together, their values side by side, if the tables of the requantisation are quick ones.
    """

    size: Pair
    out_size: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    before: Pair
    turned: bool
    phases: int
    in_steps: Pair
    out_steps: Pair
    pitch: int
    even: int
    odd: int
    banded: bool = False
    fours: bool = False

    @property
    def paired(self) -> bool:
        """Whether the kernels for DSP instructions can compute it: a stride of 1 or 2 along the line, no dilation there."""
        return self.even > 0

    @property
    def three(self) -> bool:
        """Whether the kernels for 3 x 3 windows can compute it."""
        return self.paired and self.kernel == (3, 3) and self.dilation[0] == 1

    @property
    def span(self) -> int:
        """Lines under the kernel."""
        return (self.kernel[0] - 1) * self.dilation[0] + 1

    def scratch_bytes(self, strip: int) -> int:
        """Constants and weights of a channel, and the lines under `strip` lines of output."""
        words, lines = FILTER_WORDS + self.kernel[0] * (self.even + self.odd), (strip - 1) * self.stride[0] + self.span
        fours = 4 * self.cells * lines + (4 * self.stride[1] if self.three else 0)  # read, not used, where outputs are odd
        return max(4 * words + 2 * self.pitch * lines, fours if self.fours else 0)

    @property
    def cells(self) -> int:
        """Values of a line in the scratch buffer where four channels go together."""
        return (math.ceil(self.out_size[1] / self.phases) - 1) * self.stride[1] + self.kernel[1]

    def least_strip(self) -> int:
        """Lines of output below which a strip is slow for what there is to copy between strips; 1 in bands, which are low."""
        return 1 if self.banded else min(self.out_size[0], _LEAST_STRIP // 2 if self.fours else _LEAST_STRIP)

    def strip(self, room: int) -> int:
        """Lines of output, at least `least_strip`, whose scratch fits `room` bytes."""
        line = max(2 * self.pitch, 4 * self.cells if self.fours else 0)
        more = (room - self.scratch_bytes(1)) // (line * self.stride[0])
        return max(self.least_strip(), min(self.out_size[0], 1 + more))


def driver(steps: Sequence[Step]) -> Driver:
    """The one of the two kernels that all depthwise layers of a network go through, if that is hardly slower: the other
    then takes no flash (about 2 KB). Else "quickest"."""
    depthwise = [s for s in steps if isinstance(s.layer, DepthwiseConv2D)]
    found = {way: [planes(s, only=way) for s in depthwise] for way in _DRIVERS}
    cycles = {way: sum(_layer_cycles(p, s) for p, s in zip(found[way], depthwise, strict=True)) for way in _DRIVERS}
    others = [s for s in steps if isinstance(s.layer, Conv2D | FullyConnected)]
    total = cycles["quickest"] + sum(1.07 * step_macs(s) + 15 * math.prod(s.output_shape) for s in others)
    limit = cycles["quickest"] + _SLOWER * total
    one = [way for way in _DRIVERS if cycles[way] <= limit and len({p.fours for p in found[way]}) == 1]
    return min(one, key=lambda way: cycles[way] + (way == "fours") * _FOURS_WORTH * total) if one else "quickest"


@lru_cache(maxsize=4096)
def planes(step: Step, banded: bool = False, only: Driver = "quickest") -> Planes:
    """Of a depthwise `step`; banded: where it runs in bands of rows. only: see `driver`."""
    layer = step.layer
    if not isinstance(layer, DepthwiseConv2D):
        raise TypeError(f"not a depthwise layer: {layer}")
    (h, w, channels), (out_h, out_w, out_channels) = step.input_shapes[0], step.output_shape
    sizes = ((h, w), (out_h, out_w), layer.kernel, layer.stride, layer.dilation, layer.window.before((h, w)))
    steps = ((w * channels, channels), (out_w * out_channels, out_channels))
    rows = _oriented(*sizes, *steps, turned=False)
    if banded:
        return replace(rows, banded=True)
    if w > 1 and (layer.stride != (1, 1) or (h, w) != (out_h, out_w)):
        return _quickest([rows], layer, channels, only)
    columns = _oriented(*((b, a) for a, b in (*sizes, *steps)), turned=True)
    return _quickest([columns] if w == 1 else [rows, columns], layer, channels, only)


def _quickest(found: list[Planes], layer: DepthwiseConv2D, channels: int, only: Driver) -> Planes:
    best = min(found, key=_cycles)
    if layer.multiplier > 1 or layer.weight_bits != 8 or only == "rows":
        return best
    fours = [replace(p, fours=True) for p in found if p.dilation[1] == 1 or p.kernel[1] == 1]
    if only == "fours" and fours:
        return min(fours, key=lambda p: _cycles_of_fours(p, channels))
    return min([best, *fours], key=lambda p: _cycles_of_fours(p, channels) / _WORTH if p.fours else _cycles(p))


def _layer_cycles(p: Planes, step: Step) -> float:
    channels = step.output_shape[2]
    return channels * (_cycles_of_fours(p, channels) if p.fours else _cycles(p))


def _cycles(p: Planes) -> float:
    """Of the kernel for a channel, as simulated on a Cortex-M4: they choose the way."""
    taps, values = math.prod(p.kernel), math.prod(p.size)
    if not p.paired:
        return 400 + 3.1 * values + math.prod(p.out_size) * (30 + 12 * taps)
    groups = p.phases * math.ceil(math.ceil(p.out_size[1] / p.phases) / _GROUP)
    group = 36 + taps * (4.8 if p.three else 11) + (40 if p.stride[1] == 2 else 0)
    return 400 + 20 * taps + 3.1 * values + p.out_size[0] * (50 * p.phases + groups * group)


def _cycles_of_fours(p: Planes, channels: int) -> float:
    """The same for a channel, a quarter of four."""
    pairs = p.phases * math.ceil(math.ceil(p.out_size[1] / p.phases) / 2)
    values = pairs * 58 if p.three else p.out_size[1] * (18 + 2.75 * math.prod(p.kernel))
    line = p.phases * (22 + 1.8 * p.cells * p.stride[0]) + values
    return (60 * p.phases + p.out_size[0] * line) * math.ceil(channels / 4) * 4 / channels


def _oriented(
    size: Pair,
    out_size: Pair,
    kernel: Pair,
    stride: Pair,
    dilation: Pair,
    before: Pair,
    in_steps: Pair,
    out_steps: Pair,
    *,
    turned: bool,
) -> Planes:
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
    if kernel == (3, 3) and dilation[0] == 1 and even:  # the other words hold nothing that these do not
        even = odd = 1
    return Planes(
        size=size,
        out_size=out_size,
        kernel=kernel,
        stride=stride,
        dilation=(dilation[0], along),
        before=(before[0], before[1] // phases),
        turned=turned,
        phases=phases,
        in_steps=in_steps,
        out_steps=out_steps,
        pitch=pitch + pitch % 2,
        even=even,
        odd=odd,
    )


@lru_cache(maxsize=4096)  # a search asks for the same layers again and again
def in_place(p: Planes) -> bool:
    """Whether a channel's output may lie over its input, value for value from the first: all that an output
    overwrites has been copied, or is never needed."""
    copied, written = {}, []
    for phase in range(p.phases):
        before = 0
        for line in range(p.out_size[0]):
            end = min(line * p.stride[0] - p.before[0] + p.span, p.size[0])
            time = (phase, line)
            for y in range(before, end):
                for x in range(phase, p.size[1], p.phases):
                    copied[y * p.in_steps[0] + x * p.in_steps[1]] = time
            before = max(before, end)
            for x in range(phase, p.out_size[1], p.phases):
                written.append((line * p.out_steps[0] + x * p.out_steps[1], time))
    return all(place not in copied or copied[place] <= time for place, time in written)
