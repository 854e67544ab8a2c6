"""How a kernel's output may overlap the input that dies with it.

Kernels read their input and write their output from the first byte to the last, so the output may begin `distance` bytes
below the input and run into it: whatever it overwrites has been read for the last time. 0 is in place.
Depthwise convolutions go channel by channel instead: their output lies exactly over the input (`in_place`) or apart from it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import assert_never

import numpy as np

from micronets.compiler.kernels.conv_weights import pointwise
from micronets.compiler.kernels.depthwise_schedule import Driver, planes
from micronets.compiler.kernels.depthwise_schedule import in_place as values_in_place
from micronets.ir.arch import Step
from micronets.ir.layers import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Softmax,
)
from micronets.ir.window import Window


@lru_cache(maxsize=4096)  # a search asks for the same layers again and again
def distance(step: Step) -> int | None:
    """Bytes from the start of the output up to the start of the input, at least, or None where they must not overlap."""
    layer, x, y = step.layer, step.input_shapes[0], step.output_shape
    match layer:
        case Conv2D(weight_bits=8):
            if pointwise(layer):
                # Two pixels are read before both are written, an odd last one alone.
                starts = np.arange(0, y[0] * y[1], 2)
                return int((np.minimum(starts + 2, y[0] * y[1]) * y[2] - starts * x[2]).max())
            return _window_distance(step, layer.window, by_channel=False)
        case Conv2D() | FullyConnected():  # every filter needs the whole input
            return None
        case DepthwiseConv2D():
            return None
        case AveragePool2D() | MaxPool2D():
            return _window_distance(step, layer.window, by_channel=True)
        case Pad():
            return math.prod(y) - math.prod(x)
        case Dequantize():
            return 3 * math.prod(x)
        case Mean() | Add() | Reshape() | Softmax() | Relu() | Quantize():
            return 0
        case _:
            assert_never(layer)


def in_place(step: Step, only: Driver = "quickest") -> bool:
    """Whether the output may begin exactly where the input does, though at no other place that overlaps it."""
    return isinstance(step.layer, DepthwiseConv2D) and step.layer.multiplier == 1 and values_in_place(planes(step, only=only))


def _window_distance(step: Step, window: Window, *, by_channel: bool) -> int:
    """by_channel: output channel c of a pixel needs input channel c alone, else it needs them all."""
    x, y, before = step.input_shapes[0], step.output_shape, window.before(step.input_shapes[0])
    first = [np.maximum(np.arange(y[axis]) * window.stride[axis] - before[axis], 0) for axis in (0, 1)]
    starts = ((first[0][:, None] * x[1] + first[1]) * x[2]).ravel()  # the first byte a pixel can read
    needed = np.append(np.minimum.accumulate(starts[::-1])[::-1], np.iinfo(np.int64).max)  # by it or a later one
    written = np.arange(1, len(starts) + 1) * y[2]
    if by_channel:
        return int(max((written - y[2] - starts).max(), (written[:-1] - needed[1:-1]).max(initial=0), 0))
    return int(max((written - needed[:-1]).max(), 0))
