"""What the operators that go over a tensor value by value have in common."""

from __future__ import annotations

import math
from collections.abc import Callable

from micronets.ir.ops.record import OPERATOR_CYCLES, Count, Shapes
from micronets.number import Number


def by_value(cycles: float) -> Count:
    """The cycles of a kernel under TFLM that takes `cycles` for each value of its output."""
    return lambda inputs, outputs: OPERATOR_CYCLES + cycles * math.prod(outputs[0])


def timed_by_value(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
    """The counts of a latency model for such a kernel."""
    return {"layer": 1, "value": math.prod(outputs[0])}


def timed_as(name: str | None) -> Callable[[Shapes], str | None]:
    """The name of its kernel in a latency model, whatever the shapes are."""
    return lambda inputs: name
