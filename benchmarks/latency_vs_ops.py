"""Searching by a latency model against searching by ops, at the same measured milliseconds.

CONFIG has `runtime = "c"` and the one limit `budget.latency_ms`. For each seed, with the same supernet, data and
    epochs: latency   the search of `micronets run`: it differentiates through the board's latency model, measures its
              result on the simulated board and steps back where that misses the limit
    ops       the paper's proxy: the limit in MACs that a line through random networks of the space gives for the
              milliseconds; the network found is measured, the limit corrected by what was missed, and the search made
              anew, until the network is within `CLOSE` of the limit, at most `SEARCHES` times; the closest is taken
Both are then trained alike, from their supernet's weights. The test split is used once for each finished model, as
int8. Run from the repository: `python -m benchmarks.latency_vs_ops benchmarks/compare_latency.toml [--table FILE.md]`.
Each finished model leaves OUT/METHOD-SEED/result.json; a run that was stopped goes on from there.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import datetime
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.dnas_vs_baselines import Comparison, say
from benchmarks.tables import replace_section
from micronets.boards.board import Budget
from micronets.commands import characterize
from micronets.commands.search import measured_costs
from micronets.cost.costs import budget_costs
from micronets.cost.counts import macs
from micronets.design.dnas import SearchResult, search
from micronets.design.search_job import SearchJob
from micronets.pipeline.config import load
from micronets.progress import NoteEvent

METHODS = ("ops", "latency")
DRAWN = 100  # random networks for the line of latency against ops
CLOSE = 0.02  # of the limit
SEARCHES = 4


class Latency(Comparison):
    """The two ways to keep a limit in milliseconds."""

    @property
    def limit_ms(self) -> float:
        limit = self.config.budget.latency_ms
        assert limit is not None
        return limit

    def found(self, method: str, seed: int, out: Path) -> tuple[SearchResult, float, int]:
        """Returns the network of a method, its measured milliseconds and the number of searches."""
        if method == "latency":
            result = self.searched(self.config.budget, seed, out / "search-1")
            return result, result.measured["latency_ms"], 1
        limit, tried = self.proxy(), list[tuple[float, SearchResult]]()
        for i in range(1, SEARCHES + 1):
            result = self.searched(Budget(macs=int(limit)), seed, out / f"search-{i}")
            ms = float(characterize.measured(result.arch, self.board).latency_ms)
            found = f"{method}, seed {seed}: {macs(result.arch.steps()):,} MACs take {ms:.4g} ms"
            say(NoteEvent("search", found), now=True)
            tried.append((ms, result))
            if 1 - CLOSE <= ms / self.limit_ms <= 1:
                break
            limit = macs(result.arch.steps()) * self.limit_ms / ms * (1 - CLOSE / 2)
        kept = [t for t in tried if t[0] <= self.limit_ms]
        ms, result = max(kept, key=lambda t: t[0]) if kept else min(tried, key=lambda t: t[0])
        return result, ms, len(tried)

    def searched(self, budget: Budget, seed: int, directory: Path) -> SearchResult:
        timed = budget.latency_ms is not None
        job = SearchJob(
            self.space,
            self.data,
            budget,
            self.board,
            self.config.search,
            seed=seed,
            directory=directory,
            progress=say,
            runtime=self.context.costs,
            measure=measured_costs(
                self.context.config.budget, self.context.board, self.context.runtime, self.context.progress
            )
            if timed
            else None,
        )
        return search(job)

    def proxy(self) -> float:
        """Returns the MACs that a line through random networks of the space gives for the limit."""
        drawn = [d.arch for d in characterize.draw(self.space, DRAWN, seed=0)]
        ops = [macs(arch.steps()) for arch in drawn]
        ms = [
            float(budget_costs(arch, self.board, ("latency_ms",), self.context.costs)["latency_ms"]) for arch in drawn
        ]
        slope, intercept = np.polyfit(ops, ms, 1)
        return float((self.limit_ms - intercept) / slope)

    def run(self, method: str, seed: int, out: Path) -> dict[str, Any]:
        result, ms, searches = self.found(method, seed, out)
        epochs = self.config.train.epochs
        entry = self.finished(result.arch, result.values, epochs, seed, result.state, out / "final")
        return {"method": method, "seed": seed, "ms": ms, "searches": searches} | entry


def table(results: Sequence[dict[str, Any]], comparison: Latency, command: str) -> str:
    """Returns the results as Markdown, with what they were obtained with."""
    config, data = comparison.config, comparison.data
    lines = [
        "| limit | seeds | searches | measured ms | MACs | validation % | test % |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for method in METHODS:
        rows = [r for r in results if r["method"] == method]
        if rows:
            cells = [
                {"ops": "ops, corrected until the milliseconds fit", "latency": "milliseconds, by the latency model"}[
                    method
                ],
                str(len(rows)),
                f"{statistics.mean(r['searches'] for r in rows):.1f}",
                _spread([r["ms"] for r in rows]),
                f"{statistics.mean(r['costs']['macs'] for r in rows):,.0f}",
                *(_spread([100 * r[key] for r in rows]) for key in ("validation", "test")),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"{'SYNTHETIC DATA. ' if data.synthetic else ''}Task {config.task}, space {comparison.space.name}, limit "
        f"{comparison.limit_ms:g} ms on the simulated {comparison.board.name}, our C. {config.search.epochs} epochs "
        f"of search, {config.train.epochs} of training and {config.train.qat_epochs} with quantisation simulated. "
        f"Data: {data.source}. int8; mean +- standard deviation over seeds. {datetime.date.today()}, `{command}`.",
    ]
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.2f}" + (f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a configuration: see docs/configuration.md")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a setting of it")
    parser.add_argument("--out", type=Path, default=Path("runs/latency_vs_ops"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument(
        "--table", type=Path, help="Markdown file whose section latency-vs-ops is replaced by the table"
    )
    args = parser.parse_args()
    config = load(args.config, args.set)
    if config.runtime != "c" or list(config.budget.limits()) != ["latency_ms"] or config.teacher is not None:
        sys.exit(f'{args.config}: give runtime = "c", the one limit budget.latency_ms and no teacher')
    comparison = Latency(config, candidates=0)
    results = comparison.results(args.seeds, args.methods, args.out)
    settings = "".join(f" --set {s}" for s in args.set if not s.startswith("data.path="))
    text = table(results, comparison, f"python -m benchmarks.latency_vs_ops {args.config}{settings}")
    print(text)
    if args.table:
        replace_section(args.table, "latency-vs-ops", text)


if __name__ == "__main__":
    main()
