"""`Goal`: what the compiler chooses kernels for where a faster one takes more memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from micronets.errors import SpecError, did_you_mean

Goal = Literal["fastest", "speed", "balanced", "size"]
"""What kernels are chosen for, from the most memory to the least.

- fastest: the fewest cycles, with weights and tables in SRAM of their own, where no wait states are.
- speed: the fewest cycles, with weights and tables in flash.
- balanced: the fewest cycles, but flash only where each byte of it saves cycles enough (`CYCLES_A_BYTE`).
- size: the least memory.
"""

GOALS: tuple[Goal, ...] = get_args(Goal)

DEFAULT_GOAL: Goal = "size"
"""The goal where none is asked for: what a search predicts of memory and time holds for it."""

CYCLES_A_BYTE: Mapping[Goal, float] = {
    "fastest": 0.0,
    "speed": 0.0,
    "balanced": 32.0,
    "size": float("inf"),
}
"""How many cycles of an inference each further byte of flash has to save at least."""


def goal_named(name: str) -> Goal:
    """Returns the goal of that name. Raises `SpecError` where there is none."""
    for goal in GOALS:
        if goal == name:
            return goal
    raise SpecError(f"--optimise {name}: {did_you_mean(name, GOALS)}")


def and_smaller(goal: Goal) -> tuple[Goal, ...]:
    """Returns a goal and those that take less memory, in this order."""
    return GOALS[GOALS.index(goal) :]
