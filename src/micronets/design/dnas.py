"""DNAS: weights and architecture of a `Supernet` trained together under hard limits (MicroNets, Section 5.1).

Loss = cross-entropy + penalty * sum over limits of max(0, cost / limit - 1). The costs of a step are those of the
drawn sample, from the same functions that cost an `Arch`, times the ratio between the exact and the relaxed cost of
the most likely network (a plan is larger than the live bytes it places). Relaxed costs only guide: the result is
derived, checked in integers, repaired if it misses a limit, and enlarged where room is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from micronets.boards.board import Board, Budget, board_budget
from micronets.cost.costs import TFLM_COSTS, RuntimeCosts
from micronets.design.budget_fitter import Fitter, Probabilities
from micronets.design.checkpoint import load_checkpoint, save_checkpoint
from micronets.design.dnas_loop import Progress, Searching, input_settings
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import Supernet
from micronets.design.torch_ops import pick_device, prepare_cpu
from micronets.design.train_settings import WITHOUT_EFFECT
from micronets.errors import BudgetError
from micronets.files import digest
from micronets.ir.arch import Arch
from micronets.ir.space import SearchSpace, derive
from micronets.tasks import TaskData

Measure = Callable[[Arch], dict[str, float]]
MOST_MEASURED = 8  # networks, before a search gives up
CAUTION = 0.998  # a limit is lowered a little more than the measurement asks for

__all__ = ["SearchResult", "SearchSettings", "input_settings", "search"]


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    values: of every choice. arch: their network, which meets every limit by the exact costs. costs: by limit name.
    measured: what the caller's `measure` found for that network; empty without one.
    history: one record per epoch. state: of `Net(arch)`, cut out of the supernet.
    """

    values: dict[str, int]
    arch: Arch
    costs: dict[str, float]
    measured: dict[str, float]
    history: list[dict[str, Any]]
    state: dict[str, Tensor]


def search(
    space: SearchSpace,
    data: TaskData,
    budget: Budget,
    board: Board,
    settings: SearchSettings,
    *,
    seed: int,
    directory: Path,
    progress: Progress,
    runtime: RuntimeCosts = TFLM_COSTS,
    measure: Measure | None = None,
) -> SearchResult:
    """Searches `space` on the training split of `data`; continues from `directory`'s checkpoint if there is one.

    runtime: what will execute the network, for the costs. measure: what a network really costs, by limit name; where that
    is above a limit, the search steps back until it is not; where it is below all of them, the room left is used.

    Raises `BudgetError` before any training when nothing in the space can meet the limits, `TrainingError` if the loss is
    not a number, `FileError` if a checkpoint cannot be written, and `SpecError` for a checkpoint of another search.
    """
    limits = board_budget(budget, board)
    fitter = Fitter(space, limits, board, runtime=runtime)
    feasible = fitter.feasible_shapes()
    prepare_cpu()
    device = pick_device(settings.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        supernet = Supernet(space).to(device)
    _forbid_infeasible(supernet, feasible)
    run = Searching(supernet, fitter, board, runtime, data, settings, seed, device)
    chosen = {k: v for k, v in asdict(settings).items() if k not in (*WITHOUT_EFFECT, "device")}
    stamp = digest(repr((space.name, space.choices, data.source, budget, board, runtime.runtime, chosen, seed, run.precision)))
    path = directory / "checkpoint.pt"
    run.resume(load_checkpoint(path, device, stamp))
    run.run(progress, lambda state: save_checkpoint(path, state, stamp))
    values, measured = settle(fitter, supernet.most_likely(), supernet.probabilities(), limits, measure, progress)
    arch = derive(space, values)
    return SearchResult(values, arch, dict(fitter.costs(values)), measured, run.history, supernet.slice(arch))


def settle(
    fitter: Fitter,
    likely: Mapping[str, int],
    probabilities: Probabilities,
    limits: Budget,
    measure: Measure | None,
    progress: Progress,
) -> tuple[dict[str, int], dict[str, float]]:
    """Values near the likely ones that meet every limit by their costs and, where they can be measured, in truth.

    For the fitter alone, the limits of what is measured are scaled by the ratio between cost and measurement, and the values
    are found again: smaller ones where a limit is missed, larger ones where the estimate was too high and there is room.
    Raises `BudgetError` if that does not end well.
    """
    values = fitter.fill(fitter.repair(likely, probabilities), probabilities)
    if measure is None:
        return values, {}
    wanted = limits.limits()
    best: tuple[dict[str, int], dict[str, float]] | None = None
    for _ in range(MOST_MEASURED):
        found = measure(derive(fitter.space, values))
        over = {name: value for name, value in found.items() if value > wanted[name]}
        if over and best is not None:
            return best
        costs = fitter.costs(values)
        for name, value in over.items():
            said = f"{name} measured {value:,.6g}, over the limit of {wanted[name]:,.6g}; the estimate was {costs[name]:,.6g}"
            progress({"stage": "search", "note": f"{said}: stepping back"})
        for name, value in (over or found).items():
            scaled = costs[name] * (wanted[name] / value) * CAUTION
            fitter.limits[name] = min(fitter.limits[name], scaled) if over else scaled
        if over:
            values = fitter.fill(fitter.repair(values, probabilities), probabilities)
            continue
        best = values, found
        values = fitter.fill(values, probabilities) if fitter.fits(values) else values
        if values == best[0]:
            return best
    if best is not None:
        return best
    missed = ", ".join(f"{name} {value:,.6g} of {wanted[name]:,.6g}" for name, value in over.items())
    raise BudgetError(
        f"search: {MOST_MEASURED} networks measured, and the last still misses {missed}; raise the limit a little"
    )


def _forbid_infeasible(supernet: Supernet, feasible: list[dict[str, int]]) -> None:
    """Takes shape options under which nothing fits out of the search."""
    for c in supernet.space.choices:
        if c.kind == "shape":
            for k, option in enumerate(c.options):
                if all(shapes[c.name] != option for shapes in feasible):
                    supernet.alphas[c.name].data[k] = -30.0
