"""What a network costs in the terms of a `Budget`: exact for an `Arch`, relaxed and differentiable for a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from micronets import cost
from micronets.arch import Arch, Step
from micronets.arena import arena_tflm_bytes, persistent_bytes
from micronets.board import Board
from micronets.errors import SpecError

Number = Any  # int, float or 0-d tensor


def budget_costs(arch: Arch, board: Board, names: Sequence[str]) -> dict[str, float]:
    """Cost of `arch` for each limit name of a `Budget`, in the limit's unit."""
    steps = arch.steps()
    arenas = {word: arena_tflm_bytes(arch, word) for word in (4, 8) if _ARENA[word] in names}  # type: ignore[arg-type]
    return {name: _cost(name, steps, board, arenas) for name in names}


def relaxed_budget_costs(steps: Sequence[Step], board: Board, names: Sequence[str]) -> dict[str, Number]:
    """The same for steps whose sizes and gates may be 0-d tensors.

    The arena is the live bytes plus the persistent buffers: at most what the plan needs.
    """
    arenas: dict[int, Number] = {}
    needed = [word for word in (4, 8) if _ARENA[word] in names]
    if needed:
        live = cost.live_bytes(steps)
        arenas = {word: live + persistent_bytes(steps, word) for word in needed}  # type: ignore[arg-type]
    return {name: _cost(name, steps, board, arenas) for name in names}


_ARENA = {8: "arena_bytes", 4: "sram_bytes"}


def _cost(name: str, steps: Sequence[Step], board: Board, arenas: dict[int, Number]) -> Number:
    match name:
        case "macs":
            return cost.macs(steps)
        case "arena_bytes":
            return arenas[8]
        case "tflite_bytes":
            return cost.tflite_bytes(steps)
        case "sram_bytes":
            return arenas[4] + cost.RUNTIME_SRAM_BYTES + cost.STACK_BYTES
        case "flash_bytes":
            return cost.tflite_bytes(steps) + cost.RUNTIME_FLASH_BYTES
        case "latency_ms":
            return cost.cycles(steps, board) * (1000 / board.clock_hz)
        case "energy_mj":
            return cost.cycles(steps, board) * (1000 / board.clock_hz * board.active_power_w)
    raise SpecError(f"budget: no limit is called '{name}'")
