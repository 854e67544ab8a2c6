"""DNAS: weights and architecture of a `Supernet` trained together under hard limits (MicroNets, Section 5.1).

Loss = cross-entropy + penalty * sum over limits of max(0, cost / limit - 1). The costs of a step are those of the
drawn sample, from the same functions that cost an `Arch`, times the ratio between the exact and the relaxed cost of
the most likely network (a plan is larger than the live bytes it places). Relaxed costs only guide: the result is
derived, checked in integers, repaired if it misses a limit, and enlarged where room is left.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from micronets.arch import Arch
from micronets.board import Board, Budget, board_budget
from micronets.checkpoint import load_checkpoint, save_checkpoint
from micronets.files import digest
from micronets.fit import Fitter
from micronets.ops import pick_device, prepare_cpu
from micronets.search_settings import SearchSettings
from micronets.searching import Progress, Searching, input_settings
from micronets.space import SearchSpace, derive
from micronets.supernet import Supernet
from micronets.tasks import TaskData

__all__ = ["SearchResult", "SearchSettings", "input_settings", "search"]


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    values: of every choice. arch: their network, which meets every limit by the exact costs. costs: by limit name.
    history: one record per epoch. state: of `Net(arch)`, cut out of the supernet.
    """

    values: dict[str, int]
    arch: Arch
    costs: dict[str, float]
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
) -> SearchResult:
    """Searches `space` on the training split of `data`; continues from `directory`'s checkpoint if there is one.

    Raises `BudgetError` before any training when nothing in the space can meet the limits, `TrainingError` if the loss is
    not a number, `FileError` if a checkpoint cannot be written, and `SpecError` for a checkpoint of another search.
    """
    fitter = Fitter(space, board_budget(budget, board), board)
    feasible = fitter.feasible_shapes()
    prepare_cpu()
    device = pick_device(settings.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        supernet = Supernet(space).to(device)
    _forbid_infeasible(supernet, feasible)
    run = Searching(supernet, fitter, board, data, settings, seed, device)
    chosen = {k: v for k, v in asdict(settings).items() if k not in ("checkpoint_seconds", "device")}
    stamp = digest(repr((space.name, space.choices, data.source, budget, board, chosen, seed, run.precision)))
    path = directory / "checkpoint.pt"
    run.resume(load_checkpoint(path, device, stamp))
    run.run(progress, lambda state: save_checkpoint(path, state, stamp))
    probabilities = supernet.probabilities()
    values = fitter.fill(fitter.repair(supernet.most_likely(), probabilities), probabilities)
    arch = derive(space, values)
    return SearchResult(values, arch, dict(fitter.costs(values)), run.history, supernet.slice(arch))


def _forbid_infeasible(supernet: Supernet, feasible: list[dict[str, int]]) -> None:
    """Takes shape options under which nothing fits out of the search."""
    for c in supernet.space.choices:
        if c.kind == "shape":
            for k, option in enumerate(c.options):
                if all(shapes[c.name] != option for shapes in feasible):
                    supernet.alphas[c.name].data[k] = -30.0
