"""`Goal`: what the compiler chooses kernels for where a faster one takes more memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Goal = Literal["speed", "balanced", "size"]
"""What kernels are chosen for.

- speed: the fewest cycles.
- balanced: the fewest cycles, but flash only where each byte of it saves cycles enough (`CYCLES_A_BYTE`).
- size: the least memory.
"""

DEFAULT_GOAL: Goal = "size"
"""The goal where none is asked for."""

GOALS: tuple[Goal, ...] = get_args(Goal)

CYCLES_A_BYTE: Mapping[Goal, float] = {"speed": 0.0, "balanced": 32.0, "size": float("inf")}
"""How many cycles of an inference each further byte of flash has to save at least."""
