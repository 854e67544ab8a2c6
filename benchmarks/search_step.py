"""One supernet step (weights and architecture) against one plain training step of the largest network of the space.

Same batch, same maps (every shape choice at its largest), same optimiser, same process, steps taken in turn. On a CPU
the time is processor time of all threads, which other programs on the machine disturb least.
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
from micronets.design.dnas_loop import SearchLoop
from micronets.design.net import Net
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import Supernet
from micronets.design.torch_ops import autocast, pick_device, pick_precision, prepare_cpu
from micronets.ir import spaces
from micronets.ir.space import derive

LIMIT = 1.25  # of a plain step


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
    """Returns the median times of both steps and the median of their ratios."""
    kind, options = SETTINGS[name]
    full = spaces.make(name, kind, 12, **options)
    space = replace(
        full, choices=tuple(replace(c, options=c.options[:1]) if c.kind == "shape" else c for c in full.choices)
    )
    arch = derive(space, space.largest())
    device = pick_device()
    precision = pick_precision("auto", device)
    torch.manual_seed(0)
    task = RandomTask(arch.input_shape, batch_size, 12)

    board = load_board("NUCLEO-F446RE")
    limits = board_budget(Budget(arena_bytes=64_000, tflite_bytes=110_000, macs=8_300_000), board)
    settings = SearchSettings(epochs=1, batch=batch_size, warmup=0.0, precision=precision)
    supernet = Supernet(space).to(device)
    fitter = BudgetFitter(space, limits, board)
    stepper = SearchLoop(supernet, fitter, board, TFLM_COSTS, task, settings, 0, device)  # type: ignore[arg-type]
    supernet.train()
    batch = torch.arange(batch_size)

    net = Net(arch).to(device).train()
    optimiser = optim.make_optimiser(net, "adamw", settings.weight_decay)
    x, y = task.x.to(device), torch.from_numpy(task.y).to(device)

    def plain() -> None:
        with autocast(device, precision):
            logits = net(x)
        loss = F.cross_entropy(logits.float(), y, label_smoothing=settings.label_smoothing)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        loss.item()

    clock = time.process_time if device.type == "cpu" else time.perf_counter
    times: dict[str, list[float]] = {"plain": [], "supernet": []}
    for i in range(rounds + 1):
        for kind, step in (("plain", plain), ("supernet", lambda: stepper.train_step(batch, 1))):
            start = clock()
            step()
            if i:  # the first round warms up
                times[kind].append(clock() - start)
    median = {kind: statistics.median(t) * 1e3 for kind, t in times.items()}
    ratio = statistics.median(s / p for s, p in zip(times["supernet"], times["plain"], strict=True))
    facts = {"space": name, "batch": batch_size, "precision": precision, "threads": torch.get_num_threads()}
    return facts | {"plain_ms": median["plain"], "supernet_ms": median["supernet"], "ratio": ratio, "limit": LIMIT}


def table(results: list[dict[str, Any]]) -> str:
    """Returns the results as Markdown."""
    lines = [
        "| space | batch | precision | threads | plain step ms | supernet step ms | ratio | limit |",
        "|" + " --- |" * 8,
    ]
    for r in results:
        cells = [
            f"{r[k]:.0f}" if k.endswith("ms") else f"{r[k]:.2f}" if k in ("ratio", "limit") else str(r[k]) for k in r
        ]
        lines.append(f"| {' | '.join(cells)} |")
    today = datetime.date.today()
    lines += [
        "",
        f"Medians of processor time; host, {torch.get_num_threads()} thread(s). {today}, `python -m "
        "benchmarks.search_step`.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", choices=tuple(SETTINGS), nargs="+", default=list(SETTINGS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", type=Path, help="Markdown file whose section is replaced by the table")
    args = parser.parse_args()
    prepare_cpu()
    results = [measure(name, args.batch, args.rounds) for name in args.space]
    print(json.dumps(results) if args.json else table(results))
    if args.table:
        replace_section(args.table, "search-step", table(results))


if __name__ == "__main__":
    main()
