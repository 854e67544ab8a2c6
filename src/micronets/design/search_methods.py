"""`search`: searches by the method that `SearchSettings.method` names. All methods keep the same hard limits."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from micronets.boards.board import Board, Budget
from micronets.cost.costs import TFLM_COSTS, RuntimeCosts
from micronets.design import candidates, dnas, sandwich
from micronets.design.search_result import Measure, SearchResult
from micronets.design.search_settings import SearchSettings
from micronets.ir.space import SearchSpace
from micronets.progress import Progress
from micronets.tasks import TaskData


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
    """Searches a space for an accurate network that meets the limits, by the method that the settings name.

    - `dnas`: weights and architecture of a supernet are trained together (`dnas.search`).
    - `supernet`: a supernet is trained so that networks cut out of it work without further training; evolution finds
      the best of these (`sandwich.search`).
    - `random`, `uniform`: single networks are trained, each for a share of the epochs (`candidates.search`).

    - `space`: the choices, and the network that every combination of their options is.
    - `data`: the task; networks are trained on its training split.
    - `budget`: the limits, to which those of the board itself are added.
    - `board`: what the costs are computed for.
    - `settings`: the section [search], of which `settings.method` names the method.
    - `seed`: of the initial weights and of everything that is drawn.
    - `directory`: where checkpoints are written; a checkpoint found there is continued.
    - `progress`: receives events that say what is in progress, and how far it is.
    - `runtime`: what will execute the network, which decides its costs.
    - `measure`: measures what a network really costs, by name of the limit; None: the computed costs are taken.

    Raises what `dnas.search` raises. All methods but `dnas` choose by validation examples, and raise `DataError` where
    there are none.
    """
    match settings.method:
        case "dnas":
            method = dnas.search
        case "supernet":
            method = sandwich.search
        case "random" | "uniform":
            method = candidates.search
        case _:
            assert_never(settings.method)
    return method(
        space,
        data,
        budget,
        board,
        settings,
        seed=seed,
        directory=directory,
        progress=progress,
        runtime=runtime,
        measure=measure,
    )
