"""DNAS against uniform width scaling of DS-CNN and random search: same space, same limits, same total training steps.

For each seed and method a network is chosen and trained to int8, in all for the same number of epochs:
    dnas          `--search` epochs of supernet, then `--train` epochs from the supernet's weights
    dnas-scratch  the same network trained for `--train` epochs from random weights: does the warm start pay?
    random        `--candidates` random networks that fit, trained for `--search` epochs between them; the best on
                  validation is trained for `--train` epochs more, from its weights
    uniform       DS-CNN (four blocks of one width, stem 10x4 of stride 1, as in the paper) at the largest multiple of four
                  channels that fits, trained for both counts of epochs together
    uniform-s2    the same with a stem of stride 2
Choices are made on the validation split; the test split is used once for each finished model, as int8.
Each finished model leaves OUT/METHOD-SEED/result.json and a run that was stopped goes on from there; several processes
may work on different seeds or methods of one OUT.
    python benchmarks/dnas_vs_baselines.py DATA [--out runs/dnas_vs_baselines] [--seeds 0 1 2] [--table docs/results.md]
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
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tables import replace_section

from micronets import reference, spaces
from micronets.arch import Arch
from micronets.board import Budget, board_budget, load_board
from micronets.cost import budget_costs
from micronets.device import tflm
from micronets.evaluation import logits, quantized
from micronets.export import to_quantized
from micronets.files import write_atomic
from micronets.fit import Fitter
from micronets.search import SearchSettings, input_settings, search
from micronets.space import SearchSpace, derive
from micronets.tasks import TaskData, load
from micronets.tflite import write
from micronets.train import TrainResult, TrainSettings, fit

METHODS = ("uniform", "uniform-s2", "random", "dnas-scratch", "dnas")
LIMITS = Budget(arena_bytes=32_000, tflite_bytes=50_000, macs=2_500_000)
COSTS = ("macs", "arena_bytes", "tflite_bytes")


class Comparison:
    """The data, the space and the limits that all methods share."""

    def __init__(self, data: TaskData, args: argparse.Namespace) -> None:
        self.data, self.args = data, args
        self.board = load_board("NUCLEO-F446RE")
        self.budget = board_budget(LIMITS, self.board)
        options = {"max_width": 140, "blocks": 6, "min_blocks": 2, "frame_strides": (2,), "coefficients": (10,)}
        self.space: SearchSpace = spaces.make("dscnn", "kws", len(data.classes), **options)
        self.fitter = Fitter(self.space, self.budget, self.board)

    def run(self, method: str, seed: int, out: Path) -> dict[str, Any]:
        """Chooses and trains one network; the entry of the results."""
        args, space, init = self.args, self.space, None
        match method:
            case "dnas" | "dnas-scratch":
                found = self.dnas(seed, out.parent / f"search-{seed}")
                values, init = found.values, found.state if method == "dnas" else None
                epochs = args.train
            case "random":
                values, init = self.random(seed, out)
                epochs = args.train
            case "uniform" | "uniform-s2":
                space, values = self.uniform(2 if method == "uniform-s2" else 1)
                epochs = args.search + args.train
            case _:
                raise ValueError(method)
        arch = derive(space, values)
        result = self.train(arch, values, epochs, seed, init, out / "final", args.qat)
        model = to_quantized(result.net, self.data.metadata(self.inputs(values)))
        x = quantized(model, self.data.inputs("test", self.inputs(values)))
        outputs = tflm.run(write(model), x) if tflm.available() else reference.run(model, x)
        return {
            "method": method,
            "seed": seed,
            "validation": result.quantised_score,
            "test": self.data.evaluate(logits(model, outputs), "test").value,
            "costs": {name: int(v) for name, v in budget_costs(arch, self.board, COSTS).items()},
            "values": dict(values),
        }

    def dnas(self, seed: int, directory: Path) -> Any:
        settings = SearchSettings(epochs=self.args.search)
        options: dict[str, Any] = {"seed": seed, "directory": directory, "progress": say}
        return search(self.space, self.data, LIMITS, self.board, settings, **options)

    def random(self, seed: int, out: Path) -> tuple[dict[str, int], Any]:
        """Random values, lowered at random until they fit and then raised at random until they fill the limits."""
        rng, trained = random.Random(seed), []
        epochs = max(1, self.args.search // self.args.candidates)
        for i in range(self.args.candidates):
            chance = {c.name: [rng.random() for _ in c.options] for c in self.space.choices}
            values = self.fitter.fill(self.fitter.repair(self.space.sample(rng), chance), chance)
            result = self.train(derive(self.space, values), values, epochs, seed, None, out / f"candidate-{i}", 0)
            trained.append((result, values))
        best, values = max(trained, key=lambda t: t[0].float_score)
        return values, best.float_state

    def uniform(self, stem_stride: int) -> tuple[SearchSpace, dict[str, int]]:
        """DS-CNN at the largest width that fits, and the space of that width."""
        for width in range(140, 0, -4):
            fixed = {"stem_stride": stem_stride, "stem_kernel": 10}
            choices = [replace(c, options=(width,)) if c.kind == "width" else c for c in self.space.choices]
            space = replace(self.space, choices=tuple(choices))
            values = space.smallest() | fixed
            values |= {c.name: int(c.name in ("keep3", "keep4")) for c in choices if c.kind == "keep"}
            if Fitter(space, self.budget, self.board).fits(values):
                return space, values
        sys.exit("uniform: no width of the DS-CNN fits the limits")

    def train(
        self, arch: Arch, values: Mapping[str, int], epochs: int, seed: int, init: Any, directory: Path, qat: int
    ) -> TrainResult:
        settings = TrainSettings(epochs=epochs, qat_epochs=qat)
        options: dict[str, Any] = {"seed": seed, "init": init, "directory": directory, "progress": say}
        return fit(arch, self.data, self.inputs(values), settings, **options)

    def inputs(self, values: Mapping[str, int]) -> dict[str, int]:
        return input_settings(self.data, dict(values))


class _Said:
    at = 0.0


def say(report: Mapping[str, Any]) -> None:
    """Progress, a line every half minute."""
    if time.monotonic() - _Said.at > 30:
        _Said.at = time.monotonic()
        print(" ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in report.items()), file=sys.stderr)


def table(results: list[dict[str, Any]], args: argparse.Namespace, source: str) -> str:
    """The results as Markdown, with what they were obtained with."""
    limits = ", ".join(f"{k} {v:,.0f}" for k, v in LIMITS.limits().items())
    lines = [
        f"Limits: {limits}. {args.search} + {args.train} epochs ({args.qat} more with quantisation simulated, for all); "
        f"random search: {args.candidates} candidates. Data: {source}. int8 accuracy on the test recordings under "
        f"{'TFLM' if tflm.available() else 'the numpy reference'}; mean +- standard deviation over seeds. "
        f"{datetime.date.today()}, `python benchmarks/dnas_vs_baselines.py DATA --search {args.search} --train {args.train} "
        f"--qat {args.qat} --candidates {args.candidates}`.",
        "",
        "| method | seeds | validation % | test % | MACs | arena bytes | .tflite bytes |",
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
    parser.add_argument("data", type=Path, help="a keyword data set: see docs/kws.md")
    parser.add_argument("--out", type=Path, default=Path("runs/dnas_vs_baselines"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--search", type=int, default=6, help="epochs of choosing")
    parser.add_argument("--train", type=int, default=6, help="epochs of training what was chosen")
    parser.add_argument("--qat", type=int, default=2, help="epochs with quantisation simulated")
    parser.add_argument("--candidates", type=int, default=3, help="networks that random search tries")
    parser.add_argument("--table", type=Path, help="Markdown file whose section is replaced by the table")
    parser.add_argument("--section", default="dnas-vs-baselines", help="the section's name")
    args = parser.parse_args()
    comparison = Comparison(load("kws", args.data), args)
    for seed in args.seeds:
        for method in args.methods:
            out = args.out / f"{method}-{seed}"
            if not (out / "result.json").exists():
                print(f"== seed {seed}: {method}", file=sys.stderr)
                write_atomic(out / "result.json", json.dumps(comparison.run(method, seed, out), indent=1) + "\n")
    results = [json.loads(path.read_text()) for path in sorted(args.out.glob("*/result.json"))]
    text = table(results, args, comparison.data.source)
    print(text)
    if args.table:
        replace_section(args.table, args.section, text)


if __name__ == "__main__":
    main()
