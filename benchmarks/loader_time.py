"""Time that a task's data take of a training step: augmented batches against a step of a network, in turn.

The network is the largest of a space. Data are synthetic, or those at --data. On a CPU the time is processor time.
    python -m benchmarks.loader_time [--task kws:dscnn ic:resnet vww:mobilenetv2 ad:dscnn] [--data DIR] [--batch 64]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.tables import replace_section
from micronets import optim, tasks
from micronets.config import make_space, space_table
from micronets.net import Net
from micronets.ops import pick_device, prepare_cpu
from micronets.searching import input_settings
from micronets.space import derive

LIMIT = 0.10  # of a step


def measure(task: str, space_name: str, data_path: Path | None, batch: int, rounds: int) -> dict[str, Any]:
    """Median times of a batch and of the step it is for, in milliseconds."""
    data = tasks.load(task, data_path)
    space = make_space(task, space_table(task, {"name": space_name}, "benchmark"), len(data.classes), data.space_options)
    values = space.largest()
    arch, settings = derive(space, values), input_settings(data, values)
    device = pick_device()
    net = Net(arch).to(device).train()
    optimiser = optim.optimiser(net, "adamw", 1e-4)
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
        "task": task, "space": space_name, "input": shape, "batch": batch, "threads": torch.get_num_threads(),
        "load_ms": load, "step_ms": step, "share": load / (load + step), "limit": LIMIT, "data": data.source,
    }  # fmt: skip


def table(results: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    lines = ["| task | space | input | batch | threads | batch ms | rest of the step ms | share |", "|" + " --- |" * 8]
    for r in results:
        cells = (r["task"], r["space"], r["input"], r["batch"], r["threads"], f"{r['load_ms']:.1f}", f"{r['step_ms']:.0f}")
        lines.append(f"| {' | '.join(map(str, cells))} | {100 * r['share']:.1f} % |")
    return "\n".join([*lines, "", "Medians of processor time; host. `python -m benchmarks.loader_time`."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", nargs="+", default=["kws:dscnn", "ad:dscnn", "ic:resnet", "vww:mobilenetv2"])
    parser.add_argument("--data", type=Path, help="of the one task named")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", type=Path, help="Markdown file whose section is replaced by the table")
    args = parser.parse_args()
    prepare_cpu()
    results = [measure(*name.split(":"), args.data, args.batch, args.rounds) for name in args.task]
    print(json.dumps(results) if args.json else table(results))
    if args.table:
        replace_section(args.table, "loader-time", table(results))


if __name__ == "__main__":
    main()
