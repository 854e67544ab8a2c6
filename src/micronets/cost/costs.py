"""What a network costs on a board, per layer and in total, and which limits of a budget it misses.

Everything here is an estimate made without running anything. Counts (MACs, bytes) come from `counts`, the arena from
`arena`, cycles from `cycles`; `relaxed_budget_costs` is the differentiable form of `budget_costs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from micronets.boards.board import Board, Budget
from micronets.cost import latency_model
from micronets.cost.counts import (
    live_bytes,
    macs,
    packed_bytes,
    paper_ops,
    params,
    step_macs,
    step_weight_bytes,
    step_weights,
    weight_bytes,
)
from micronets.cost.latency_model import LatencyModel
from micronets.cost.tflite_size import METADATA_BYTES, tflite_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes, persistent_bytes
from micronets.cost.tflm_cycles import base_cycles, step_cycles
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import Shape

__all__ = [
    "METADATA_BYTES",
    "TFLM",
    "Cost",
    "LayerCost",
    "Missed",
    "Runtime",
    "arena_tflm_bytes",
    "budget_costs",
    "cost",
    "cycles",
    "live_bytes",
    "macs",
    "over",
    "packed_bytes",
    "paper_ops",
    "params",
    "persistent_bytes",
    "relaxed_budget_costs",
    "step_macs",
    "step_weight_bytes",
    "step_weights",
    "tflite_bytes",
    "weight_bytes",
]

Number = Any  # int, float or 0-d tensor

RUNTIME_SRAM_BYTES = 4096  # TFLM's own static data: MicroNets (arXiv 2010.11267), 4 KB
TFLM_STACK_BYTES = 2048  # simulated: 1.2..1.9 KB for networks of the vocabulary; of our C: `runtimes.c`
RUNTIME_FLASH_BYTES = 103 * 1024  # TFLM's core and CMSIS-NN kernels, August 2026, GCC 12 -O2
SOURCE = "estimated"


@dataclass(frozen=True)
class LayerCost:
    """One layer: multiply-accumulates, weights and biases, their bytes, and cycles on the board."""

    name: str
    kind: str
    output_shape: Shape
    macs: int
    params: int
    weight_bytes: int
    cycles: float


@dataclass(frozen=True)
class Cost:
    """A network on a board.

    arena_bytes: TFLM's arena on a 64-bit host, which the limit of that name bounds; arena_tflm_cortex_m_bytes: on the board.
    sram_bytes: that, TFLM's static data and stack. flash_bytes: file and code. tflite_bytes: the file.
    latency_ms, energy_mj: of one inference; both within +-`uncertainty` (0.1 is 10 %), like cycles.
    source: how the figures were obtained.
    """

    board: str
    layers: tuple[LayerCost, ...]
    macs: int
    params: int
    weight_bytes: int
    tflite_bytes: int
    arena_bytes: int
    arena_tflm_cortex_m_bytes: int
    sram_bytes: int
    flash_bytes: int
    cycles: float
    latency_ms: float
    energy_mj: float
    uncertainty: float
    source: str = SOURCE


@dataclass(frozen=True)
class Missed:
    """A limit that a network misses: `value` is `excess` above `limit`, all in the limit's unit."""

    name: str
    value: float
    limit: float
    excess: float

    def __str__(self) -> str:
        return f"{self.name} = {self.value:,.6g} is over the limit of {self.limit:,.6g} by {self.excess:,.6g}"


def cost(arch: Arch, board: Board, metadata_bytes: int = 0) -> Cost:
    """What `arch` costs on `board`; metadata_bytes: of text that its file carries."""
    steps = arch.steps()
    layers = tuple(_layer_cost(s, board) for s in steps)
    totals: dict[str, Any] = {name: measure(arch, steps, board, metadata_bytes) for name, measure in _MEASURES.items()}
    return Cost(
        board=board.name,
        layers=layers,
        params=params(steps),
        weight_bytes=weight_bytes(steps),
        arena_tflm_cortex_m_bytes=arena_tflm_bytes(arch, 4),
        cycles=cycles(steps, board),
        uncertainty=board.cycle_uncertainty,
        **totals,
    )


def _layer_cost(step: Step, board: Board) -> LayerCost:
    return LayerCost(
        name=step.layer.name,
        kind=type(step.layer).__name__,
        output_shape=step.output_shape,
        macs=step_macs(step),
        params=sum(step_weights(step)),
        weight_bytes=step_weight_bytes(step),
        cycles=step_cycles(step) * board.cycle_factor,
    )


def cycles(steps: Sequence[Step], board: Board) -> Number:
    """Estimated cycles of one inference on the board, under TFLM and CMSIS-NN."""
    return base_cycles(steps) * board.cycle_factor


def latency_ms(steps: Sequence[Step], board: Board) -> Number:
    """Estimated time of one inference on the board."""
    return board.milliseconds(cycles(steps, board))


def over(cost: Cost, budget: Budget) -> list[Missed]:
    """The limits of `budget` that `cost` misses, in the order of `Budget`'s fields; empty if it fits."""
    values = {name: float(getattr(cost, name)) for name in budget.limits()}
    return [Missed(n, values[n], limit, values[n] - limit) for n, limit in budget.limits().items() if values[n] > limit]


Exact = Callable[[Arch, Sequence[Step], Board, int], Number]
Relaxed = Callable[[Sequence[Step], Board, int], Number]


@dataclass(frozen=True)
class Runtime:
    """What executes a network on the board, as far as its costs go.

    exact, relaxed: by name of a limit: of an `Arch` with its steps, and of steps alone, whose widths, kernels and gates
    may be 0-d tensors; both for a board and bytes of metadata in the file.
    """

    name: str
    exact: Mapping[str, Exact]
    relaxed: Mapping[str, Relaxed]


_MEASURES: dict[str, Exact] = {
    "arena_bytes": lambda a, s, b, m: arena_tflm_bytes(a, 8),
    "tflite_bytes": lambda a, s, b, m: tflite_bytes(s, m),
    "sram_bytes": lambda a, s, b, m: arena_tflm_bytes(a, 4) + RUNTIME_SRAM_BYTES + TFLM_STACK_BYTES,
    "flash_bytes": lambda a, s, b, m: tflite_bytes(s, m) + RUNTIME_FLASH_BYTES,
    "latency_ms": lambda a, s, b, m: latency_ms(s, b),
    "energy_mj": lambda a, s, b, m: b.millijoules(latency_ms(s, b)),
    "macs": lambda a, s, b, m: macs(s),
}
_RELAXED: dict[str, Relaxed] = {
    "arena_bytes": lambda s, b, m: live_bytes(s) + persistent_bytes(s, 8),
    "tflite_bytes": lambda s, b, m: tflite_bytes(s, m),
    "sram_bytes": lambda s, b, m: live_bytes(s) + persistent_bytes(s, 4) + (RUNTIME_SRAM_BYTES + TFLM_STACK_BYTES),
    "flash_bytes": lambda s, b, m: tflite_bytes(s, m) + RUNTIME_FLASH_BYTES,
    "latency_ms": lambda s, b, m: latency_ms(s, b),
    "energy_mj": lambda s, b, m: b.millijoules(latency_ms(s, b)),
    "macs": lambda s, b, m: macs(s),
}


TFLM = Runtime("tflm", _MEASURES, _RELAXED)
"""TensorFlow Lite Micro with CMSIS-NN."""


def tflm_runtime(model: LatencyModel | None) -> Runtime:
    """`TFLM`, its time and energy by a latency model that was fitted to a build of it on the board, where there is one."""
    if model is None:
        return TFLM

    def milliseconds(steps: Sequence[Step], board: Board) -> Number:
        return board.milliseconds(latency_model.cycles(steps, model))

    exact: dict[str, Exact] = {
        "latency_ms": lambda a, s, b, m: milliseconds(s, b),
        "energy_mj": lambda a, s, b, m: b.millijoules(milliseconds(s, b)),
    }
    relaxed: dict[str, Relaxed] = {
        "latency_ms": lambda s, b, m: milliseconds(s, b),
        "energy_mj": lambda s, b, m: b.millijoules(milliseconds(s, b)),
    }
    return Runtime("tflm", {**TFLM.exact, **exact}, {**TFLM.relaxed, **relaxed})


def budget_costs(
    arch: Arch, board: Board, names: Iterable[str], metadata_bytes: int = METADATA_BYTES, runtime: Runtime = TFLM
) -> Mapping[str, float]:
    """The costs that the limits `names` of a `Budget` bound, by name, exact integers where they are counts.

    metadata_bytes: of text that the file will carry; by default as much as a class list and a front end take.
    """
    steps = arch.steps()
    return {name: runtime.exact[name](arch, steps, board, metadata_bytes) for name in names}


def relaxed_budget_costs(
    steps: Sequence[Step], board: Board, names: Iterable[str], metadata_bytes: int = METADATA_BYTES, runtime: Runtime = TFLM
) -> Mapping[str, Number]:
    """`budget_costs` of a network whose widths, kernels and gates may be 0-d tensors, with their gradients.

    Arenas have the bytes alive at once in place of the plan, so that they are lower bounds; the rest is the same.
    """
    return {name: runtime.relaxed[name](steps, board, metadata_bytes) for name in names}
