"""Limits of the size of a network in a file: a few bytes can describe one that would run for hours."""

from __future__ import annotations

import math
from collections.abc import Mapping

from micronets.ir.arch import Arch, Step

MAX_VALUES = 1 << 25
"""The most values of a tensor, of a padded map, or of all windows of a convolution together."""

MAX_WORK = 1 << 33
"""The most MACs of a network: twice those of a ResNet-50."""

MAX_OPERATORS = 1000
"""The most operators of a network."""

_PER_TAP = 32  # how many times as long a MAC of a single channel takes here as one of a matrix product


def excess(arch: Arch, labels: Mapping[str, str]) -> str | None:
    """Returns why a network is too large to be worked with, in one line; None for one that is not.

    - arch: the network.
    - labels: what the line calls each layer, by the layer's name.

    The limits leave room for everything that a microcontroller can hold, many times over.
    """
    work = 0
    for step in arch.steps():
        label = labels[step.layer.name]
        work += _work(step)
        values = _largest_array(step)
        if values > MAX_VALUES:
            return f"{label} works on {values:,} values at a time; at most {MAX_VALUES:,} are supported"
        if work > MAX_WORK:
            return f"{label} brings the network to {work:,} MACs; at most {MAX_WORK:,} are supported"
    return None


def _work(step: Step) -> int:
    """Returns the MACs of a layer, weighted by their time; a tap of a pool counts as a MAC of a single channel."""
    facts, x, y = step.operator, step.input_shapes, step.output_shapes
    return int(facts.macs(x, y)) * (_PER_TAP if facts.by_channel else 1) + _PER_TAP * int(facts.pooled(x, y))


def _largest_array(step: Step) -> int:
    """Returns how many values the largest array of a layer has: its output, padded input, or gathered windows."""
    facts = step.operator
    values = [math.prod(shape) for shape in step.output_shapes]
    values.append(int(facts.gathered(step.input_shapes, step.output_shapes)))
    if facts.window is not None:
        x = step.input_shapes[0]
        covered = facts.window.covered(x)
        values.append(max(covered[0], x[0]) * max(covered[1], x[1]) * x[2])
    return max(values)
