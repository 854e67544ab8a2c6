"""Time that a task's data take of a training step: augmented batches against a step of a network, in turn.

The network is the largest of a space within --macs: small ones, whose steps are short, ask most of the data. Data are
synthetic, or those at --data. On a CPU the time is processor time. Some minutes. Run from the repository:
    python -m benchmarks.loader_time [--task kws:dscnn vww:mobilenetv2:80] [--data DIR] [--batch 64] [--macs 5e6]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import json
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.tables import replace_section
from micronets import tasks
from micronets.boards.board import Budget, load_board
from micronets.cost.counts import macs
from micronets.design import optim
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.dnas_loop import input_settings
from micronets.design.net import Net
from micronets.design.torch_ops import pick_device, prepare_cpu
from micronets.ir.space import derive
from micronets.pipeline.config import checked_space, make_space

LIMIT = 0.10  # of a step
DEFAULT = (
    *("kws:dscnn", "audio:dscnn", "features:dscnn", "ad:dscnn", "ic:resnet", "ic:mobilenetv2"),
    *("images:mobilenetv2:96", "vww:mobilenetv2:50", "vww:mobilenetv2:80", "vww:mobilenetv2:160"),
)


def measure(
    task: str, space_name: str, data_path: Path | None, batch: int, rounds: int, most: int, resolution: int
) -> dict[str, Any]:
    """Returns the median times of a batch and of the step it is for, in milliseconds."""
    data = tasks.load(task, data_path, **({"kept": max(96, resolution)} if resolution else {}))
    asked = {"name": space_name} | ({"resolutions": [resolution]} if resolution else {})
    space = make_space(task, checked_space(task, asked, "benchmark"), len(data.classes), data.space_options)
    chance = {c.name: [1.0] * len(c.options) for c in space.choices}
    values = BudgetFitter(space, Budget(macs=most), load_board("NUCLEO-F446RE")).repair(space.largest(), chance)
    arch, settings = derive(space, values), input_settings(data, values)
    device = pick_device()
    net = Net(arch).to(device).train()
    optimiser = optim.make_optimiser(net, "adamw", 1e-4)
    generator = torch.Generator(device).manual_seed(0)
    rows = torch.from_numpy(np.resize(data.epoch(np.random.default_rng(0)), batch))
    y = torch.from_numpy(data.labels("train"))[rows].to(device)
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    loading, steps = [], []
    for i in range(rounds + 1):
        start = clock()
        x = data.augmented(rows, settings, generator)
        if device.type == "cuda":
            torch.cuda.synchronize()
        between = clock()
        loss = F.cross_entropy(net(x), y)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        loss.item()
        if i:  # the first round warms up
            loading.append(between - start)
            steps.append(clock() - between)
    load, step = statistics.median(loading) * 1e3, statistics.median(steps) * 1e3
    shape = "x".join(map(str, arch.input_shape))
    return {
        "task": task, "space": space_name, "macs": macs(arch.steps()), "input": shape, "batch": batch,
        "threads": torch.get_num_threads(),
        "load_ms": load, "step_ms": step, "share": load / (load + step), "limit": LIMIT, "data": data.source,
    }  # fmt: skip


def table(results: list[dict[str, Any]]) -> str:
    """Returns the results as Markdown."""
    lines = ["| task | space | M MACs | input | batch | batch ms | rest of the step ms | share |", "|" + " --- |" * 8]
    for r in results:
        size = f"{r['macs'] / 1e6:.1f}"
        cells = (r["task"], r["space"], size, r["input"], r["batch"], f"{r['load_ms']:.1f}", f"{r['step_ms']:.0f}")
        lines.append(f"| {' | '.join(map(str, cells))} | {100 * r['share']:.1f} % |")
    how = f"threads: {results[0]['threads']}; host. {date.today()}, `python -m benchmarks.loader_time`"
    note = f"Medians of processor time, {how}. Pictures are kept at 96 pixels, or 160 where the input is."
    return "\n".join([*lines, "", note])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", nargs="+", default=DEFAULT)
    parser.add_argument("--data", type=Path, help="of the one task named")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--macs", type=float, default=5e6)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", type=Path, help="Markdown file whose section is replaced by the table")
    args = parser.parse_args()
    prepare_cpu()
    results = []
    for name in args.task:
        task, space, *resolution = name.split(":")
        results.append(
            measure(task, space, args.data, args.batch, args.rounds, round(args.macs), int((resolution or ["0"])[0]))
        )
    print(json.dumps(results) if args.json else table(results))
    if args.table:
        replace_section(args.table, "loader-time", table(results))


if __name__ == "__main__":
    main()
