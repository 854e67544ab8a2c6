"""What a file may ask for: a few bytes of it can describe maps and windows that no machine could compute in an hour."""

from __future__ import annotations

import math
from collections.abc import Mapping

from micronets.cost.counts import step_macs
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D
from micronets.ir.window import Window

MAX_VALUES = 1 << 25  # of a tensor, of a padded map, of the windows of a convolution laid side by side
MAX_WORK = 1 << 33  # MACs of a network; twice those of a ResNet-50
MAX_OPERATORS = 1000
_PER_TAP = 32  # products of matrices are that much faster than windows of single channels


def excess(arch: Arch, ours: Mapping[str, str]) -> str | None:
    """Why the network is too large to be worked with, or None; `ours` names its layers.

    The limits leave room for everything that a microcontroller can hold, many times over.
    """
    work = 0
    for step in arch.steps():
        work += _work(step)
        values = _values(step)
        if values > MAX_VALUES:
            return f"{ours[step.layer.name]} works on {values:,} values at a time; at most {MAX_VALUES:,} are supported"
        if work > MAX_WORK:
            return f"{ours[step.layer.name]} brings the network to {work:,} MACs; at most {MAX_WORK:,} are supported"
    return None


def _work(step: Step) -> int:
    """MACs, those that run channel by channel at their higher price; a pool's taps count as such."""
    match step.layer:
        case AveragePool2D(pool=(h, w)) | MaxPool2D(pool=(h, w)):
            return _PER_TAP * math.prod(step.output_shape) * h * w
        case DepthwiseConv2D():
            return _PER_TAP * int(step_macs(step))
        case _:
            return int(step_macs(step))


def _values(step: Step) -> int:
    """The largest array that the layer needs: output, padded input, or gathered windows."""
    layer, y = step.layer, step.output_shape
    match layer:
        case AveragePool2D() | MaxPool2D():
            return max(math.prod(y), _covered(step, layer.window))
        case Conv2D(kernel=(1, 1)):
            return math.prod(y)
        case Conv2D(kernel=(h, w)):
            windows = math.prod(y[:2]) * h * w * step.input_shapes[0][2]
            return max(math.prod(y), windows, _covered(step, layer.window))
        case DepthwiseConv2D(kernel=(h, w)):
            windows = math.prod(y) * h * w if layer.multiplier > 1 else math.prod(y)
            return max(windows, _covered(step, layer.window))
        case _:
            return math.prod(y)


def _covered(step: Step, window: Window) -> int:
    """Values of the input under the window in all its positions, padding included; at least those of the input."""
    x = step.input_shapes[0]
    return max(math.prod(window.covered(x)), math.prod(x[:2])) * x[2]
