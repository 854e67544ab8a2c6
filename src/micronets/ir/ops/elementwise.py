"""Facts that the operators on single values of a tensor have in common."""

from __future__ import annotations

import math
from collections.abc import Callable

from micronets.ir.ops.record import OPERATOR_CYCLES, Count, Shapes
from micronets.number import Number


def by_value(cycles: float) -> Count:
    """Returns the function of shapes for the cycles of a kernel that takes `cycles` for each value of its output."""
    return lambda inputs, outputs: OPERATOR_CYCLES + cycles * math.prod(outputs[0])


def timed_by_value(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
    """Returns the counts of a latency model for a kernel whose time grows with the values of its output alone."""
    return {"layer": 1, "value": math.prod(outputs[0])}


def timed_as(name: str | None) -> Callable[[Shapes], str | None]:
    """Returns the `Operator.timed_as` of a kernel that a latency model knows by one name, whatever the shapes are."""
    return lambda inputs: name
