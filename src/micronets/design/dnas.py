"""DNAS: weights and architecture of a `Supernet` trained together under hard limits (MicroNets, Section 5.1).

The loss is cross-entropy + penalty * sum over limits of max(0, cost / limit - 1). The costs of a step are those of the
drawn sample, from the same functions that cost an `Arch`, times the ratio between the exact and the relaxed cost of
the most likely network (a memory plan is larger than the live bytes it places). Relaxed costs only guide: the result is
derived, checked in integers, repaired if it misses a limit, and enlarged where room is left.

`dnas_loop.py` has the training steps, `budget_fitter.py` the search in integers for a network that meets the limits.
"""

from __future__ import annotations

from pathlib import Path

import torch

from micronets.boards.board import Board, Budget, board_budget
from micronets.cost.costs import TFLM_COSTS, RuntimeCosts
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.cut_networks import CutNetworks
from micronets.design.data_digest import data_digest
from micronets.design.dnas_loop import SearchLoop, input_settings
from micronets.design.finals import Candidate, finals
from micronets.design.search_result import Measure, SearchResult, meet_measured_limits
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import Supernet
from micronets.design.torch_ops import pick_device, prepare_cpu
from micronets.errors import DataError
from micronets.files import digest
from micronets.ir.space import SearchSpace, derive
from micronets.progress import Progress
from micronets.tasks import TaskData

__all__ = ["SearchResult", "SearchSettings", "input_settings", "search"]


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

    With `settings.dnas_finals`, what the supernet ends with is compared with networks that need no search (`finals`).

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
    is not a number, `FileError` if a checkpoint cannot be written, `SpecError` for a checkpoint of another search, and
    `DataError` where finalists are to be compared and there are no validation examples.
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
    compares = settings.dnas_finals and settings.final_share > 0
    if compares and not data.size("val"):
        raise DataError("the data have no validation examples; finalists are compared on them: set dnas_finals = false")
    share = 1 - settings.final_share if compares else 1.0
    loop = SearchLoop(supernet, fitter, board, runtime, data, settings, seed, device, share)
    of_data = data_digest(data, input_settings(data, space.largest()))
    facts = (space.name, space.choices, of_data, budget, board, runtime.runtime, settings.decisive(), seed)
    stamp = digest(repr(facts))
    path = directory / "checkpoint.pt"
    loop.resume(path, stamp)
    loop.run(progress, path, stamp)
    likely, probabilities = supernet.most_likely(), supernet.probabilities()
    if compares:
        return finals(
            [Candidate("searched", likely, probabilities, settings.fill_log_ratio)],
            CutNetworks(loop, data),
            fitter,
            limits,
            measure,
            seed=seed,
            directory=directory,
            progress=progress,
            history=loop.history,
        )
    values, measured = meet_measured_limits(
        fitter, likely, probabilities, limits, measure, progress, settings.fill_log_ratio
    )
    arch = derive(space, values)
    state = supernet.slice(arch, loop.calibration_batches(values))
    return SearchResult(values, arch, dict(fitter.costs(values)), measured, tuple(loop.history), state)


def _forbid_infeasible(supernet: Supernet, feasible: list[dict[str, int]]) -> None:
    """Makes the probability of shape options under which no network fits practically 0, so that they are not drawn."""
    for c in supernet.space.choices:
        if c.kind == "shape":
            for k, option in enumerate(c.options):
                if all(shapes[c.name] != option for shapes in feasible):
                    supernet.alphas[c.name].data[k] = -30.0
