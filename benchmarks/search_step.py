"""A step of the searches by a supernet against one plain training step of a network.

A step of `dnas`, on weights and architecture, is held against one of the largest network of the space; a step of
`supernet`, which trains one network within the limits, against one of that network. The limits are `BUDGET`; the
network is the uniform one. Same batch, same maps (every shape choice at its largest), same optimiser, same process,
steps taken in turn. On a CPU the time is processor time of all threads, which other programs on the machine disturb
least.
    python -m benchmarks.search_step [--space dscnn resnet] [--batch 64] [--rounds 5] [--json] [--table docs/results.md]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import datetime
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.tables import replace_section
from micronets.boards.board import Budget, board_budget, load_board
from micronets.cost.costs import TFLM_COSTS
from micronets.design import optim
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.candidates import uniform_candidates
from micronets.design.dnas_loop import SearchLoop
from micronets.design.net import Net
from micronets.design.path_loop import PathLoop
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import Supernet
from micronets.design.torch_ops import autocast, pick_device, pick_precision, prepare_cpu
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.space import derive

ROUNDS = 5
LIMIT = 1.25  # of a plain step, for one of `dnas`
BUDGET = Budget(arena_bytes=64_000, tflite_bytes=110_000, macs=8_300_000)


class RandomTask:
    """Random inputs of one shape, made once: data cost nothing here."""

    input_settings = ("frame_stride", "coefficients", "resolution", "colour")

    def __init__(self, shape: tuple[int, ...], batch: int, classes: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.x = torch.randn(batch, *shape, generator=generator)
        self.y = np.random.default_rng(0).integers(0, classes, batch)

    def labels(self, split: str) -> np.ndarray:
        return self.y

    def epoch(self, rng: np.random.Generator) -> np.ndarray:
        return np.arange(len(self.y))

    def augmented(self, indices: object, settings: object, generator: object) -> torch.Tensor:
        return self.x.to(pick_device())


SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {  # kind of input and options of each space
    "dscnn": ("kws", {}),
    "temporal": ("kws", {}),
    "resnet": ("ic", {}),
    "mobilenetv2": ("images", {"resolutions": (96,), "colours": (3,), "width_multiplier": 0.5}),
}


def measure(name: str, batch_size: int, rounds: int) -> dict[str, Any]:
    """Returns the median times of all steps, and the median ratios of searching to plain ones."""
    kind, options = SETTINGS[name]
    full = spaces.make(name, kind, 12, **options)
    space = replace(
        full, choices=tuple(replace(c, options=c.options[:1]) if c.kind == "shape" else c for c in full.choices)
    )
    largest, device = derive(space, space.largest()), pick_device()
    precision = pick_precision("auto", device)
    torch.manual_seed(0)
    task = RandomTask(largest.input_shape, batch_size, 12)

    board = load_board("NUCLEO-F446RE")
    settings = SearchSettings(epochs=1, batch=batch_size, warmup=0.0, precision=precision)
    fitter = BudgetFitter(space, board_budget(BUDGET, board), board)
    rest = (fitter, board, TFLM_COSTS, task, settings, 0, device)
    both, path = SearchLoop(Supernet(space).to(device), *rest), PathLoop(Supernet(space).to(device), *rest)  # type: ignore[arg-type]
    within = uniform_candidates(fitter, fitter.feasible_shapes(), 1)
    path.within = within
    for loop in (both, path):
        loop.supernet.train()
    batch = torch.arange(batch_size)
    steps: dict[str, Callable[[], object]] = {
        "largest_ms": plain_step(largest, task, settings, device),
        "dnas_ms": lambda: both.train_step(batch, 1),
        "network_ms": plain_step(derive(space, within[0]), task, settings, device),
        "supernet_ms": lambda: path.train_step(batch, 1),
    }
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    times: dict[str, list[float]] = {key: [] for key in steps}
    for i in range(rounds + 1):
        for key, step in steps.items():
            start = clock()
            step()
            if i:  # the first round warms up
                times[key].append(clock() - start)

    def ratio(search: str, plain: str) -> float:
        return statistics.median(s / p for s, p in zip(times[search], times[plain], strict=True))

    median = {key: statistics.median(found) * 1e3 for key, found in times.items()}
    return {
        "space": name,
        "batch": batch_size,
        "precision": precision,
        "largest_ms": median["largest_ms"],
        "dnas_ms": median["dnas_ms"],
        "dnas_ratio": ratio("dnas_ms", "largest_ms"),
        "limit": LIMIT,
        "network_ms": median["network_ms"],
        "supernet_ms": median["supernet_ms"],
        "supernet_ratio": ratio("supernet_ms", "network_ms"),
    }


def plain_step(arch: Arch, task: RandomTask, settings: SearchSettings, device: torch.device) -> Callable[[], object]:
    """Returns a function that trains a network by one ordinary step."""
    net = Net(arch).to(device).train()
    optimiser = optim.make_optimiser(net, "adamw", settings.weight_decay)
    x, y = task.x.to(device), torch.from_numpy(task.y).to(device)

    def step() -> None:
        with autocast(device, pick_precision(settings.precision, device)):
            logits = net(x)
        loss = F.cross_entropy(logits.float(), y, label_smoothing=settings.label_smoothing)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        loss.item()

    return step


def table(results: list[dict[str, Any]], command: str) -> str:
    """Returns the results as Markdown; `command` has printed them."""
    lines = [
        "| space | batch | precision | largest network ms | `dnas` ms | ratio | limit | network within limits ms | "
        "`supernet` ms | ratio |",
        "|" + " --- |" * 10,
    ]
    for r in results:
        cells = [
            f"{v:.0f}" if k.endswith("_ms") else f"{v:.2f}" if isinstance(v, float) else f"{v}" for k, v in r.items()
        ]
        lines.append(f"| {' | '.join(cells)} |")
    limits = ", ".join(f"{k} {v:,.0f}" for k, v in BUDGET.limits().items())
    lines += [
        "",
        f"Medians of processor time; host, {torch.get_num_threads()} thread(s). Limits: {limits}. "
        f"{datetime.date.today()}, `{command}`.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", choices=tuple(SETTINGS), nargs="+", default=list(SETTINGS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", type=Path, help="Markdown file whose section is replaced by the table")
    args = parser.parse_args()
    prepare_cpu()
    results = [measure(name, args.batch, args.rounds) for name in args.space]
    rounds = "" if args.rounds == ROUNDS else f" --rounds {args.rounds}"
    text = table(results, f"python -m benchmarks.search_step{rounds}")
    print(json.dumps(results) if args.json else text)
    if args.table:
        replace_section(args.table, "search-step", text)


if __name__ == "__main__":
    main()
