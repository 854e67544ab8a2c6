"""DNAS against uniform width scaling and random search: same space, same limits, same total training steps.

CONFIG is a configuration as `micronets run` takes it: its task, data, space, limits and recipe are those of all
methods. For each seed and method a network is chosen and trained to int8, in all for the same number of epochs:
    dnas           `search.epochs` of supernet, then `train.epochs` from the supernet's weights
    dnas-scratch   the same network trained for `train.epochs` from random weights: does the warm start pay?
    random         `--candidates` random networks that fit, trained for `search.epochs` between them; the best on
                   validation is trained for `train.epochs` more, from its weights
    uniform        the space's standard network (DS-CNN with four blocks, ResNet-8, MobileNetV2) at the largest share of
                   all its widths that fits, trained for both counts of epochs together, on the largest maps of the
                   space
    uniform-small  the same on the smallest maps: strides and inputs that the search may choose, chosen by hand
Choices are made on the validation split; the test split is used once for each finished model, as int8.
Each finished model leaves OUT/METHOD-SEED/result.json and a run that was stopped goes on from there; several processes
may work on different seeds or methods of one OUT.
    python -m benchmarks.dnas_vs_baselines benchmarks/compare_kws.toml [--set data.path=DATA] [--table docs/results.md]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import datetime
import json
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import replace_section
from micronets.boards.board import board_budget
from micronets.commands.evaluate import logits, quantized
from micronets.commands.search import budget_without_metadata
from micronets.cost.costs import budget_costs
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.dnas import SearchResult, input_settings, search
from micronets.design.export import to_quantized
from micronets.design.search_job import SearchJob
from micronets.design.train import TrainingJob, TrainResult, train_network
from micronets.device.tflm import interpreter
from micronets.files import write_atomic
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.space import SearchSpace, derive
from micronets.pipeline.config import Config, load
from micronets.pipeline.context import RunContext
from micronets.pipeline.directory import RunDir
from micronets.progress import Event
from micronets.quantized import reference
from micronets.terminal import metric_label
from micronets.tflite import write

METHODS = ("uniform", "uniform-small", "random", "dnas-scratch", "dnas")
COSTS = ("macs", "arena_bytes", "tflite_bytes")
SHARES = [i / 200 for i in range(200, 0, -1)]


class Comparison:
    """The data, the space, the limits and the recipe that all methods share."""

    def __init__(self, config: Config, candidates: int) -> None:
        self.config, self.candidates = config, candidates
        self.context = RunContext(config, RunDir(Path(config.out)), say)
        self.data, self.space, self.board = self.context.data, self.context.space, self.context.board
        self.unmarked = budget_without_metadata(config.budget, self.data, self.context.costs)
        self.budget = board_budget(self.unmarked, self.board)

    @cached_property
    def fitter(self) -> BudgetFitter:
        return BudgetFitter(self.space, self.budget, self.board)

    def run(self, method: str, seed: int, out: Path) -> dict[str, Any]:
        """Chooses and trains one network; the entry of the results."""
        space, init, epochs = self.space, None, self.config.train.epochs
        match method:
            case "dnas" | "dnas-scratch":
                found = self.dnas(seed, out.parent / f"search-{seed}")
                values, init = found.values, found.state if method == "dnas" else None
            case "random":
                values, init = self.random(seed, out)
            case "uniform" | "uniform-small":
                space, values = self.uniform(small=method == "uniform-small")
                epochs += self.config.search.epochs
            case _:
                raise ValueError(method)
        return {"method": method, "seed": seed} | self.finished(
            derive(space, values), values, epochs, seed, init, out / "final"
        )

    def results(self, seeds: Sequence[int], methods: Sequence[str], out: Path) -> list[dict[str, Any]]:
        """Returns everything that `out` holds, after what it lacked of these seeds and methods."""
        for seed in seeds:
            for method in methods:
                own = out / f"{method}-{seed}"
                if not (own / "result.json").exists():
                    print(f"== seed {seed}: {method}", file=sys.stderr)
                    write_atomic(own / "result.json", json.dumps(self.run(method, seed, own), indent=1) + "\n")
        return [json.loads(path.read_text()) for path in sorted(out.glob("*/result.json"))]

    def finished(
        self, arch: Arch, values: Mapping[str, int], epochs: int, seed: int, init: Any, directory: Path
    ) -> dict[str, Any]:
        """Trains a network to int8 and uses the test split once; its entry of the results."""
        result = self.train(arch, values, epochs, seed, init, directory, self.config.train.qat_epochs)
        model = to_quantized(result.net, self.data.metadata(self.inputs(values)))
        x = quantized(model, self.data.inputs("test", self.inputs(values)))
        outputs = interpreter.run(write(model), x) if interpreter.available() else reference.run(model, x)
        return {
            "validation": result.quantised_score,
            "test": self.data.evaluate(logits(model, outputs), "test").value,
            "costs": {name: int(v) for name, v in budget_costs(arch, self.board, COSTS).items()},
            "values": dict(values),
        }

    def dnas(self, seed: int, directory: Path) -> SearchResult:
        settings, budget = self.config.search, self.unmarked
        options: dict[str, Any] = {"seed": seed, "directory": directory, "progress": say}
        return search(SearchJob(self.space, self.data, budget, self.board, settings, **options))

    def random(self, seed: int, out: Path) -> tuple[dict[str, int], Any]:
        """Returns random values, lowered at random until they fit, then raised until they fill the limits."""
        rng, trained = random.Random(seed), []
        epochs = max(1, self.config.search.epochs // self.candidates)
        for i in range(self.candidates):
            chance = {c.name: [rng.random() for _ in c.options] for c in self.space.choices}
            values = self.fitter.fill(self.fitter.repair(self.space.sample(rng), chance), chance)
            result = self.train(derive(self.space, values), values, epochs, seed, None, out / f"candidate-{i}", 0)
            trained.append((result, values))
        best, values = max(trained, key=lambda t: t[0].float_score)
        return values, best.float_state

    def uniform(self, small: bool) -> tuple[SearchSpace, dict[str, int]]:
        """Returns the space's standard network at the largest share of its widths that fits, and that space."""
        for share in SHARES:
            space, values = spaces.uniform(self.space, share)
            if small:
                values |= {c.name: c.options[-1] for c in space.choices if c.kind == "shape"}
            if BudgetFitter(space, self.budget, self.board).fits(values):
                return space, values
        sys.exit(f"uniform: no width of the standard network of space {self.space.name} fits the limits")

    def train(
        self, arch: Arch, values: Mapping[str, int], epochs: int, seed: int, init: Any, directory: Path, qat: int
    ) -> TrainResult:
        settings = replace(self.config.train, epochs=epochs, qat_epochs=qat)
        job = TrainingJob(arch, self.data, self.inputs(values), settings, seed, init)
        return train_network(job, directory, say)

    def inputs(self, values: Mapping[str, int]) -> dict[str, int]:
        return input_settings(self.data, dict(values))


class _Said:
    at = 0.0


def say(event: Event, now: bool = False) -> None:
    """Prints an event to stderr, one every half minute or where it is asked for."""
    if now or time.monotonic() - _Said.at > 30:
        _Said.at = time.monotonic()
        print(event, file=sys.stderr)


def table(results: list[dict[str, Any]], comparison: Comparison, command: str) -> str:
    """Returns the results as Markdown, with what they were obtained with."""
    config, data = comparison.config, comparison.data
    limits = ", ".join(f"{k} {v:,.0f}" for k, v in config.budget.limits().items())
    warning = "SYNTHETIC DATA. " if data.synthetic else ""
    tried = (
        f"Random search: {comparison.candidates} candidates. " if any(r["method"] == "random" for r in results) else ""
    )
    metric = metric_label(data.metric)
    #  Anomaly detection has no anomalies to choose by.
    chosen_by = metric_label(data.evaluate(np.zeros((data.size("val"), len(data.classes))), "val").metric)
    lines = [
        f"{warning}Task {config.task}, space {comparison.space.name}. Limits: {limits}. {config.search.epochs} + "
        f"{config.train.epochs} epochs ({config.train.qat_epochs} more with quantisation simulated, for all). "
        f"{tried}Data: {data.source}. int8 {metric} on the test {data.noun} under "
        f"{'TFLM' if interpreter.available() else 'the numpy reference'}; mean +- standard deviation over seeds. "
        f"{datetime.date.today()}, `{command}`.",
        "",
        f"| method | seeds | validation {chosen_by} % | test {metric} % | MACs | arena bytes | .tflite bytes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method in METHODS:
        rows = [r for r in results if r["method"] == method]
        if rows:
            cells = [method, str(len(rows))]
            for key in ("validation", "test"):
                values = [100 * r[key] for r in rows]
                spread = f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""
                cells.append(f"{statistics.mean(values):.2f}{spread}")
            for key in COSTS:
                cells.append(f"{statistics.mean(r['costs'][key] for r in rows):,.0f}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a configuration: see docs/configuration.md")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a setting of it")
    parser.add_argument("--out", type=Path, help="default: runs/dnas_vs_baselines-TASK-SPACE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--candidates", type=int, default=3, help="networks that random search tries")
    parser.add_argument("--table", type=Path, help="Markdown file whose section is replaced by the table")
    parser.add_argument("--section", help="the section's name; default: dnas-vs-baselines-TASK")
    args = parser.parse_args()
    config = load(args.config, args.set)
    if config.teacher is not None:
        sys.exit(f"{args.config}: a comparison has no teacher; remove [teacher]")
    args.out = args.out or Path("runs") / f"dnas_vs_baselines-{config.task}-{config.space.name}"
    comparison = Comparison(config, args.candidates)
    results = comparison.results(args.seeds, args.methods, args.out)
    settings = "".join(f" --set {s}" for s in args.set if not s.startswith("data.path="))
    ran = [m for m in METHODS if any(r["method"] == m for r in results)]
    chosen = "" if len(ran) == len(METHODS) else f" --methods {' '.join(ran)}"
    candidates = f" --candidates {args.candidates}" if "random" in ran else ""
    command = f"python -m benchmarks.dnas_vs_baselines {args.config}{settings}{chosen}{candidates}"
    text = table(results, comparison, command)
    print(text)
    if args.table:
        replace_section(args.table, args.section or f"dnas-vs-baselines-{config.task}", text)


if __name__ == "__main__":
    main()
