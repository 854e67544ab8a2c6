"""Kernels that slide a window over a map: its sizes as a C struct, and how far the output may overlap the input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from micronets.compiler.kernels.base import (
    FlashOutline,
    InputRows,
    OutputRows,
    Overlap,
    PadTop,
    Place,
    RowReach,
    Struct,
    record_bytes,
    runner_of,
)
from micronets.compiler.kernels.requantise import REQUANT, requant_bytes
from micronets.ir.arch import Step
from micronets.ir.window import Pair, Window

WINDOW = "micronets_window"


def window_struct(step: Step, place: Place, window: Window, pad_value: int = 0) -> Struct:
    """Returns the `micronets_window` of a step.

    - step: the step; the window slides over its first input, a map `(H, W, C)`.
    - place: the source of the layer's names and addresses.
    - window: the window.
    - pad_value: the code that padding stands for.

    Raises `UnsupportedError` for a size that does not fit 16 bits.
    """
    x, y = step.input_shapes[0], step.output_shape
    maps = (x[0], x[1]), x[2], (y[0], y[1]), y[2]
    sizes = WindowSizes(*maps, window.kernel, window.stride, window.dilation, window.before(x))
    return sizes_struct(place, sizes, pad_value)


@dataclass(frozen=True)
class WindowSizes:
    """The sizes of a window that slides over a map, and of its output.

    The numbers of a pair are (rows, columns), except in a depthwise layer whose schedule walks along columns.

    - in_size, in_c: the size of the input map, and its channels.
    - out_size, out_c: the size of the output map, and its channels.
    - kernel, stride, dilation: those of the window.
    - before: how much padding there is in front of the first row, and in front of the first column.
    """

    in_size: Pair
    in_c: int
    out_size: Pair
    out_c: int
    kernel: Pair
    stride: Pair
    dilation: Pair
    before: Pair


def sizes_struct(place: Place, sizes: WindowSizes, pad_value: int, *, by_rows: bool = True) -> Struct:
    """Returns a `micronets_window` from its sizes.

    - place: the source of the layer's names and addresses.
    - sizes: the sizes.
    - pad_value: the code that padding stands for.
    - by_rows: whether the first number of each pair counts rows of the map, which may be fewer in a patch. It is False
      as well for a layer that never runs in patches.

    Raises `UnsupportedError` for a size that does not fit 16 bits.
    """
    s = sizes
    place.size(max(*s.in_size, s.in_c, *s.out_size, s.out_c, *s.kernel, *s.stride, *s.dilation, *s.before))
    return Struct(
        WINDOW,
        (
            ("in_h", InputRows(s.in_size[0]) if by_rows else s.in_size[0]),
            ("in_w", s.in_size[1]),
            ("in_c", s.in_c),
            ("out_h", OutputRows(s.out_size[0], ctype="uint16_t") if by_rows else s.out_size[0]),
            ("out_w", s.out_size[1]),
            ("out_c", s.out_c),
            ("kernel_h", s.kernel[0]),
            ("kernel_w", s.kernel[1]),
            ("stride_h", s.stride[0]),
            ("stride_w", s.stride[1]),
            ("dilation_h", s.dilation[0]),
            ("dilation_w", s.dilation[1]),
            ("pad_top", PadTop(s.before[0]) if by_rows else s.before[0]),
            ("pad_left", s.before[1]),
            ("pad_value", pad_value),
            ("filters", s.out_c),
        ),
    )


def window_call_outline(function: str, weights: int, filters: int, words: int) -> FlashOutline:
    """Returns what the call of a kernel with a window and a requantisation takes of flash.

    - function: the C function that computes the layer, and needs no other.
    - weights: how many weights the layer has, each in a byte.
    - filters: how many filters it has, each with a scale.
    - words: how many numbers, offsets into the arena and addresses its record holds besides.
    """
    constants = weights + requant_bytes(filters, filters) + record_bytes(words, WINDOW, REQUANT)
    return FlashOutline(constants, runner_of(function), (function,), -weights % 4)


@lru_cache(maxsize=4096)  # a search asks for the same layers again and again
def window_overlap(step: Step, window: Window, *, by_channel: bool, together: int = 1) -> Overlap:
    """Returns how far the output of a sliding window may overlap its input.

    - step: the step; the window slides over its first input.
    - window: the window.
    - by_channel: whether output channel c of a pixel needs input channel c alone; otherwise it needs them all.
    - together: how many pixels are computed together at most: all of them may be written before the first one's input
      has been read for the last time.
    """
    x, y, before = step.input_shapes[0], step.output_shape, window.before(step.input_shapes[0])
    first = [np.maximum(np.arange(y[axis]) * window.stride[axis] - before[axis], 0) for axis in (0, 1)]
    starts = ((first[0][:, None] * x[1] + first[1]) * x[2]).ravel()  # the first byte that a pixel can read
    # When a pixel's input is read, so many pixels have been written; each must lie below the first byte that is read.
    written = np.arange(len(starts)) + (0 if by_channel else together)
    below = max((written * y[2] - starts).max(), 0)
    return Overlap(int(below))


def window_reach(step: Step, window: Window) -> RowReach:
    """Returns the input rows that a row of windows needs."""
    return RowReach(window.stride[0], window.before(step.input_shapes[0])[0], window.reach[0])
