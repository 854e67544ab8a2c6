"""DNAS: weights and architecture of a `Supernet` trained together under hard limits (MicroNets, Section 5.1).

The loss is cross-entropy + penalty * sum over limits of max(0, cost / limit - 1). The costs of a step are those of the
drawn sample, from the same functions that cost an `Arch`, times the ratio between the exact and the relaxed cost of
the most likely network (a memory plan is larger than the live bytes it places). Relaxed costs only guide: the result is
derived, checked in integers, repaired if it misses a limit, and enlarged where room is left.

`dnas_loop.py` has the training steps, `budget_fitter.py` the search in integers for a network that meets the limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from micronets.boards.board import Board, Budget, board_budget
from micronets.cost.costs import TFLM_COSTS, RuntimeCosts
from micronets.design.budget_fitter import BudgetFitter, Probabilities
from micronets.design.data_digest import data_digest
from micronets.design.dnas_loop import SearchLoop, input_settings
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import Supernet
from micronets.design.torch_ops import pick_device, prepare_cpu
from micronets.errors import BudgetError
from micronets.files import digest
from micronets.history import SearchRecord
from micronets.ir.arch import Arch
from micronets.ir.space import SearchSpace, derive
from micronets.progress import NoteEvent, Progress
from micronets.tasks import TaskData
from micronets.terminal import counted

Measure = Callable[[Arch], dict[str, float]]
MOST_MEASURED = 8  # the networks that a search measures before it gives up
SAFETY_FACTOR = 0.998  # a limit that was missed is lowered a little more than the measurement asks for

__all__ = ["SearchResult", "SearchSettings", "input_settings", "search"]


@dataclass(frozen=True)
class SearchResult:
    """The network that a search found.

    - `values`: the option of every choice of the space.
    - `arch`: the network of these options, which meets every limit by its exact costs.
    - `costs`: its exact costs by name of the limit, in the limit's unit.
    - `measured`: what the caller's `measure` returned for this network; empty without one.
    - `history`: a record for each epoch of the supernet, or for each network that was trained by itself.
    - `state`: the state dict of `Net(arch)`, cut out of the supernet's shared weights, with batch norm statistics of
      its own. The network works without further training, and a training that starts from it needs fewer steps.
    """

    values: dict[str, int]
    arch: Arch
    costs: dict[str, float]
    measured: dict[str, float]
    history: tuple[SearchRecord, ...]
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
    """Searches a space for the most accurate network that meets the limits.

    - `space`: the choices, and the network that every combination of their options is.
    - `data`: the task; the supernet is trained on its training split.
    - `budget`: the limits, to which those of the board itself are added.
    - `board`: what the costs are computed for.
    - `settings`: epochs, learning rates and the rest of the section [search].
    - `seed`: of the initial weights and of everything that is drawn.
    - `directory`: where checkpoint.pt is written; a checkpoint found there is continued.
    - `progress`: is told step, steps, seconds_left and the loss about every two seconds.
    - `runtime`: what will execute the network, which decides its costs.
    - `measure`: measures what a network really costs, by name of the limit. Where a measurement is above its limit, a
      smaller network is chosen until none is; where all are below, a larger one. None: the computed costs are taken.

    Raises `BudgetError` before any training when nothing in the space can meet the limits, `TrainingError` if the loss
    is not a number, `FileError` if a checkpoint cannot be written, and `SpecError` for a checkpoint of another search.
    """
    limits = board_budget(budget, board)
    fitter = BudgetFitter(space, limits, board, runtime=runtime)
    feasible = fitter.feasible_shapes()
    prepare_cpu()
    device = pick_device(settings.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        supernet = Supernet(space).to(device)
    _forbid_infeasible(supernet, feasible)
    loop = SearchLoop(supernet, fitter, board, runtime, data, settings, seed, device)
    of_data = data_digest(data, input_settings(data, space.largest()))
    facts = (space.name, space.choices, of_data, budget, board, runtime.runtime, settings.decisive(), seed)
    stamp = digest(repr(facts))
    path = directory / "checkpoint.pt"
    loop.resume(path, stamp)
    loop.run(progress, path, stamp)
    likely, probabilities = supernet.most_likely(), supernet.probabilities()
    values, measured = meet_measured_limits(
        fitter, likely, probabilities, limits, measure, progress, settings.fill_log_ratio
    )
    arch = derive(space, values)
    state = supernet.slice(arch, loop.calibration_batches(values))
    return SearchResult(values, arch, dict(fitter.costs(values)), measured, tuple(loop.history), state)


def meet_measured_limits(
    fitter: BudgetFitter,
    likely: Mapping[str, int],
    probabilities: Probabilities,
    limits: Budget,
    measure: Measure | None,
    progress: Progress,
    log_ratio: float,
) -> tuple[dict[str, int], dict[str, float]]:
    """Finds values near the likely ones whose network meets every limit, by its costs and by its measurement.

    Where a measurement misses a limit that the cost met, the fitter's own copy of that limit is scaled by the ratio
    between the two, and smaller values are looked for. Where the network meets all limits, every limit is scaled by
    its own ratio, and the room that the estimate left unused is filled with larger values. The part of a limit that
    the front end takes is not scaled: its estimate is close, and a smaller network does not lower it.

    - `fitter`: finds values under its limits, which are changed here.
    - `likely`: the most probable option of every choice.
    - `probabilities`: of every option, by choice.
    - `limits`: what is to be met.
    - `measure`: measures a network, by name of the limit; None takes the costs for the truth.
    - `progress`: receives an event for every network whose measurement misses a limit.
    - `log_ratio`: how improbable the options may be with which room is filled, see `BudgetFitter.fill`.

    Returns the values and what was measured of their network, which is empty without `measure`. Raises `BudgetError` if
    no network meets the costs, or none of the first `MOST_MEASURED` that are measured meets the limits.
    """
    values = fitter.fill(fitter.repair(likely, probabilities), probabilities, log_ratio)
    if measure is None:
        return values, {}
    wanted = limits.limits()
    best: tuple[dict[str, int], dict[str, float]] | None = None
    for _ in range(MOST_MEASURED):
        found = measure(derive(fitter.space, values))
        over = {name: value for name, value in found.items() if value > wanted[name]}
        if over and best is not None:
            return best
        costs, fixed = fitter.costs(values), fitter.front_end_costs(values)
        for name, value in over.items():
            miss = (
                f"{name} measured {value:,.6g}, over the limit of {wanted[name]:,.6g}; the estimate was "
                f"{costs[name]:,.6g}"
            )
            progress(NoteEvent("search", f"{miss}: stepping back"))
        for name, value in (over or found).items():
            part = fixed[name] if fixed[name] < min(wanted[name], value) else 0.0
            scaled = part + (costs[name] - part) * ((wanted[name] - part) / (value - part)) * SAFETY_FACTOR
            fitter.limits[name] = min(fitter.limits[name], scaled) if over else scaled
        if over:
            values = fitter.fill(fitter.repair(values, probabilities), probabilities, log_ratio)
            continue
        best = values, found
        values = fitter.fill(values, probabilities, log_ratio) if fitter.fits(values) else values
        if values == best[0]:
            return best
    if best is not None:
        return best
    missed = ", ".join(f"{name} {value:,.6g} of {wanted[name]:,.6g}" for name, value in over.items())
    raise BudgetError(
        f"search: {counted(MOST_MEASURED, 'networks')} measured, and the last still misses {missed}; "
        "raise the limit a little"
    )


def _forbid_infeasible(supernet: Supernet, feasible: list[dict[str, int]]) -> None:
    """Makes the probability of shape options under which no network fits practically 0, so that they are not drawn."""
    for c in supernet.space.choices:
        if c.kind == "shape":
            for k, option in enumerate(c.options):
                if all(shapes[c.name] != option for shapes in feasible):
                    supernet.alphas[c.name].data[k] = -30.0
