"""What a file may ask for: a few bytes of it can describe maps and windows that no machine could compute in an hour."""

from __future__ import annotations

import math
from collections.abc import Mapping

from micronets.ir.arch import Arch, Step

MAX_VALUES = 1 << 25  # values of a tensor, of a padded map, or of all windows of a convolution together
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
    """Returns the MACs of a network, weighted by their time; a tap of a pool counts as a MAC of a single channel."""
    facts, x, y = step.operator, step.input_shapes, step.output_shapes
    return int(facts.macs(x, y)) * (_PER_TAP if facts.by_channel else 1) + _PER_TAP * int(facts.pooled(x, y))


def _values(step: Step) -> int:
    """Returns the values of the largest array that the layer needs: its output, padded input, or gathered windows."""
    facts, x = step.operator, step.input_shapes[0]
    values = [math.prod(shape) for shape in step.output_shapes]
    values.append(int(facts.gathered(step.input_shapes, step.output_shapes)))
    if facts.window is not None:
        covered = facts.window.covered(x)
        values.append(max(covered[0], x[0]) * max(covered[1], x[1]) * x[2])
    return max(values)
