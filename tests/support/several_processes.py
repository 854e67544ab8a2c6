"""Steps of trainings and searches that one process and two processes do, to be compared.

As a program, this module is the second of two processes: `python -m tests.support.several_processes PORT DIRECTORY`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from micronets.boards.board import Budget, board_budget, load_board
from micronets.cost.costs import TFLM_COSTS
from micronets.design import processes
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.dnas_loop import SearchLoop
from micronets.design.net import Net
from micronets.design.sandwich import PathLoop, SandwichLoop
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import Supernet
from micronets.design.train import TrainingJob
from micronets.design.train_loop import TrainLoop
from micronets.design.train_settings import TrainSettings
from tests.support.tiny_task import TinyTask, tiny_space
from tests.support.toy_task import ARCH, Toy

COUNT = 2
WAIT = timedelta(seconds=120)
TRAINING = TrainSettings(
    epochs=1,
    qat_epochs=1,
    batch=7,  # so that the processes have different numbers of rows
    optimiser="sgd",  # whose steps are as exact as the gradients
    lr=0.05,
    mixup=0.3,
    distill_weight=0.5,
    hint_weight=0.3,
    calibration_batches=1,
    precision="fp32",
    device="cpu",
)
SEARCH = SearchSettings(batch=7, optimiser="sgd", lr=0.05, warmup=0.0, epochs=1, precision="fp32", device="cpu")


def training(directory: Path, **changes: Any) -> TrainLoop:
    """Returns a training in float and quantised, with everything that makes a loss: a teacher, hints and mixup.

    The last examples count as made on top of the data: there the teacher is not followed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        teacher = Net(ARCH).eval()
    settings = replace(TRAINING, **changes)
    loop = TrainLoop(TrainingJob(ARCH, Toy(train=84), {}, settings, seed=3, teacher=teacher), directory)
    loop.given = 60
    return loop


def search_loop(kind: type[SearchLoop], limit: int) -> SearchLoop:
    """Returns a loop that trains a supernet; `limit` is of the multiplications, and decides whether a limit binds."""
    board, space = load_board("NUCLEO-F446RE"), tiny_space()
    fitter = BudgetFitter(space, board_budget(Budget(macs=limit), board), board)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        supernet = Supernet(space)
    loop = kind(supernet, fitter, board, TFLM_COSTS, TinyTask(), SEARCH, 5, torch.device("cpu"))
    if isinstance(loop, PathLoop):
        loop.within = [space.smallest(), space.largest()]
    if isinstance(loop, SandwichLoop):
        loop.feasible = fitter.feasible_shapes()
    loop.supernet.train()
    return loop


def outcomes(directory: Path) -> Mapping[str, Mapping[str, Tensor]]:
    """Returns what a few steps of every kind leave, by name: weights, statistics of batch norm, gradients, losses."""
    found: dict[str, dict[str, Tensor]] = {}
    loop = training(directory)
    loop.run()
    found["training"] = {
        **{f"float {name}": value for name, value in loop.best["float"].state.items()},
        **{f"quantised {name}": value for name, value in loop.best["quantised"].state.items()},
        "losses": torch.tensor([epoch.loss for epoch in loop.history]),
        "scores": torch.tensor([epoch.score for epoch in loop.history]),
    }
    for kind in (SearchLoop, PathLoop, SandwichLoop):
        search = search_loop(kind, 3000)
        told = [search.train_step(torch.arange(7 * i, 7 * i + 7), i) for i in range(3)]
        found[kind.__name__] = {
            **{name: value.clone() for name, value in search.supernet.net.state_dict().items()},
            **{f"gradient {n}": a.grad for n, a in search.supernet.alphas.items() if a.grad is not None},
            "told": torch.tensor(told),
        }
    return found


@contextmanager
def connected(store: Any, rank: int) -> Iterator[processes.Group]:
    """Connects this process with the other one while the block runs."""
    dist.init_process_group("gloo", store=store, rank=rank, world_size=COUNT, timeout=WAIT)
    try:
        with processes.together() as group:
            yield group
    finally:
        dist.destroy_process_group()


def main() -> None:
    torch.set_num_threads(1)
    store = dist.TCPStore("127.0.0.1", int(sys.argv[1]), is_master=False, timeout=WAIT)
    with connected(store, 1):
        outcomes(Path(sys.argv[2]))


if __name__ == "__main__":
    main()
