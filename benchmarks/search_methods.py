"""The methods of search side by side: same task, space, limits, recipe, seeds, and passes of a network over the data.

CONFIG is a configuration as `micronets run` takes it. For each seed, every method looks for a network during
`search.epochs` and hands its weights to a training of `train.epochs` in float (the same for all). `random` and
`uniform` divide theirs among `search.candidates` networks, one for each at least. All choices are made on the
validation split; the test split is used once for each finished network.

With `--ranks N`, N networks within the limits, random and uniform ones, are cut out of a supernet of the first seed
that has trained all networks alike to the end, and trained like the one that was found; the rank correlation (Spearman)
of loss as cut and score as trained, both on validation, tells whether comparing networks as they are cut can find the
best one.

Each finished network leaves OUT/METHOD-SEED/result.json, and a run that was stopped goes on from there.
    python -m benchmarks.search_methods CONFIG [--set KEY=VALUE] [--examples 20000] [--seeds 0 1 2] [--ranks 12]
        [--table docs/results.md]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import datetime
import json
import math
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast, get_args

import numpy as np
import numpy.typing as npt

from benchmarks.progress import say
from benchmarks.tables import replace_section
from micronets.commands.search import budget_without_metadata
from micronets.design.candidates import random_candidates, uniform_candidates
from micronets.design.dnas_loop import input_settings
from micronets.design.halving import PartOfData
from micronets.design.predict import predict
from micronets.design.sandwich import cut_networks
from micronets.design.search_job import SearchJob
from micronets.design.search_methods import search
from micronets.design.search_settings import Method
from micronets.design.train import TrainingJob, train_network
from micronets.files import write_atomic
from micronets.ir.space import derive
from micronets.pipeline.config import Config, load
from micronets.pipeline.context import RunContext
from micronets.pipeline.directory import RunDir
from micronets.tasks import TaskData

METHODS: tuple[Method, ...] = get_args(Method)
SEEDS = [0, 1, 2]


@dataclass(frozen=True)
class Result:
    """What became of one method with one seed.

    - `method`, `seed`: which.
    - `cut`: the metric on validation, 0 to 1, of the network as the search handed it on.
    - `validation`, `test`: that of the finished network, in float.
    - `examples`: how many test examples there were.
    - `costs`: exact costs by name of the limit.
    - `values`: the option of every choice.
    - `search_seconds`, `train_seconds`: processor time.
    """

    method: str
    seed: int
    cut: float
    validation: float
    test: float
    examples: int
    costs: dict[str, float]
    values: dict[str, int]
    search_seconds: float
    train_seconds: float


def fewer_examples(data: TaskData, examples: int) -> TaskData:
    """Returns the data with epochs of `examples` training examples, drawn anew in every epoch; 0 keeps whole epochs."""
    return cast(TaskData, PartOfData(data, examples)) if examples else data


def run(method: Method, seed: int, config: Config, context: RunContext, data: TaskData, out: Path) -> Result:
    """Searches by one method and trains what it found."""
    settings = replace(config.search, method=method)
    budget = budget_without_metadata(config.budget, data, context.costs)
    began = time.process_time()
    how = {"seed": seed, "directory": out / "search", "progress": say, "runtime": context.costs}
    found = search(SearchJob(context.space, data, budget, context.board, settings, **how))  # type: ignore[arg-type]
    searched = time.process_time()
    inputs = input_settings(data, found.values)
    job = TrainingJob(found.arch, data, inputs, replace(config.train, qat_epochs=0), seed, found.state)
    (out / "train").mkdir(parents=True, exist_ok=True)
    trained = train_network(job, out / "train", say)
    finished = time.process_time()
    cut = trained.float_net()
    cut.load_state_dict(found.state)
    scores = {
        "cut": data.evaluate(predict(cut, data.inputs("val", inputs)), "val").value,
        "test": data.evaluate(predict(trained.float_net(), data.inputs("test", inputs)), "test").value,
    }
    return Result(
        method=method,
        seed=seed,
        validation=trained.float_score,
        examples=data.size("test"),
        costs=found.costs,
        values=found.values,
        search_seconds=searched - began,
        train_seconds=finished - searched,
        **scores,
    )


@dataclass(frozen=True)
class Ranked:
    """A network that was cut out of a supernet and then trained.

    - `loss`: the mean cross-entropy on validation examples as it was cut.
    - `validation`: the metric on the validation split when it was trained, 0 to 1.
    """

    loss: float
    validation: float


def rank(count: int, seed: int, config: Config, context: RunContext, data: TaskData, out: Path) -> list[Ranked]:
    """Trains a supernet for all networks within the limits, cuts `count` networks out of it, and trains each of them.

    Half of them, rounded down, are uniform ones as far as there are so many; the others are random.
    """
    settings = replace(config.search, method="supernet", final_share=0.0)
    budget = budget_without_metadata(config.budget, data, context.costs)
    how = {"seed": seed, "directory": out / "supernet", "progress": say, "runtime": context.costs}
    job = SearchJob(context.space, data, budget, context.board, settings, **how)  # type: ignore[arg-type]
    job.directory.mkdir(parents=True, exist_ok=True)
    fitter = job.fitter()
    networks = cut_networks(job, fitter)
    chosen = uniform_candidates(fitter, fitter.feasible_shapes(), count // 2)
    chosen += random_candidates(fitter, count - len(chosen), seed)
    found = []
    for number, values in enumerate(chosen):
        inputs, own = input_settings(data, values), out / str(number)
        own.mkdir(parents=True, exist_ok=True)
        training = replace(config.train, qat_epochs=0)
        of_one = TrainingJob(derive(context.space, values), data, inputs, training, seed, networks.state(values))
        found.append(Ranked(networks.loss(values), train_network(of_one, own, say).float_score))
    return found


def spearman(ranked: Sequence[Ranked]) -> float:
    """Returns the rank correlation of low loss as cut and high score as trained: 1 where the orders are the same."""
    losses, scores = (np.array(column) for column in zip(*((-r.loss, r.validation) for r in ranked), strict=True))
    return float(np.corrcoef(ranks(losses), ranks(scores))[0, 1])


def ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the rank of each of `values` `[N]`, from 0; equal ones have the mean of their ranks."""
    below, equal = (values[:, None] > values).sum(1), (values[:, None] == values).sum(1)
    return below + (equal - 1) / 2


def rank_line(ranked: Sequence[Ranked]) -> str:
    """Returns what the ranked networks show, as a sentence."""
    scores = [100 * r.validation for r in ranked]
    return (
        f"{len(ranked)} networks cut out of a supernet that trained all alike, and trained further: from "
        f"{min(scores):.2f} to {max(scores):.2f} % on validation, with a rank correlation of {spearman(ranked):.2f} "
        "between low loss as cut and score as trained."
    )


def compared(config: Config, data: TaskData) -> str:
    """Returns the beginning of a caption: whether data are synthetic, the task, the space and the limits."""
    limits = ", ".join(f"{k} {v:,.0f}" for k, v in config.budget.limits().items())
    warning = "SYNTHETIC DATA. " if data.synthetic else ""
    return f"{warning}Task {config.task}, space {config.space.name}. Limits: {limits}."


def table(results: Sequence[Result], config: Config, data: TaskData, command: str) -> str:
    """Returns the results as Markdown: means over the seeds, and the error of the mean on the test split.

    The error is the larger one of what the seeds show (standard deviation over the root of their number) and of what
    the number of test examples allows (binomial).
    """
    lines = [
        f"{compared(config, data)} {config.search.epochs} epochs of search, then {config.train.epochs} of training in "
        f"float; batches of {config.search.batch}; {config.search.candidates} candidates, {config.search.evaluations} "
        f"cut networks compared. Data: {data.source}. {datetime.date.today()}, `{command}`.",
        "",
        "| method | seeds | as found, val % | trained, val % | test % | +- | MACs | search s | training s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method in METHODS:
        rows = [r for r in results if r.method == method]
        if not rows:
            continue
        means = [100 * statistics.mean(getattr(r, key) for r in rows) for key in ("cut", "validation", "test")]
        share = means[-1] / 100
        error = 100 * math.sqrt(share * (1 - share) / rows[0].examples)
        if len(rows) > 1:
            error = max(error, 100 * statistics.stdev(r.test for r in rows) / math.sqrt(len(rows)))
        macs = statistics.mean(r.costs.get("macs", math.nan) for r in rows)
        seconds = [statistics.mean(getattr(r, key) for r in rows) for key in ("search_seconds", "train_seconds")]
        shown = [f"{v:.2f}" for v in (*means, error)] + [f"{macs:,.0f}"] + [f"{s:,.0f}" for s in seconds]
        lines.append(f"| {method} | {', '.join(str(r.seed) for r in rows)} | {' | '.join(shown)} |")
    return "\n".join(lines)


def read(path: Path) -> Result:
    """Reads a result that an earlier run left."""
    raw: Mapping[str, object] = json.loads(path.read_text())
    return Result(**raw)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a configuration: see docs/configuration.md")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a setting of it")
    parser.add_argument("--out", type=Path, help="default: runs/search_methods-TASK-SPACE")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--examples", type=int, default=0, help="training examples of an epoch; 0: all")
    parser.add_argument("--ranks", type=int, default=0, metavar="N", help="cut networks to train; 0, or 3 and more")
    parser.add_argument("--table", type=Path, help="Markdown file whose section search-methods is replaced")
    args = parser.parse_args()
    if args.ranks not in (0, *range(3, 1001)):
        parser.error("--ranks: from 3 to 1,000 networks")
    config = load(args.config, args.set)
    out = args.out or Path("runs") / f"search_methods-{config.task}-{config.space.name}"
    context = RunContext(config, RunDir(out), say)
    data = fewer_examples(context.data, args.examples)
    for seed in args.seeds:
        for method in args.methods:
            own = out / f"{method}-{seed}"
            if not (own / "result.json").exists():
                print(f"== seed {seed}: {method}", file=sys.stderr)
                (own / "search").mkdir(parents=True, exist_ok=True)
                found = run(method, seed, config, context, data, own)
                write_atomic(own / "result.json", json.dumps(asdict(found), indent=1) + "\n")
    results = [read(path) for path in sorted(out.glob("*/result.json"))]
    given = "".join(f" --set {s}" for s in args.set if not s.startswith("data.path="))
    part = f" --examples {args.examples}" if args.examples else ""
    seeds = "" if args.seeds == SEEDS else f" --seeds {' '.join(map(str, args.seeds))}"
    command = f"python -m benchmarks.search_methods {args.config}{given}{part}{seeds}"
    text = table(results, config, data, command + (f" --ranks {args.ranks}" if args.ranks else ""))
    if args.ranks:
        path = out / f"ranks-{args.ranks}.json"
        if not path.exists():
            ranked = rank(args.ranks, args.seeds[0], config, context, data, out / "ranks")
            write_atomic(path, json.dumps([asdict(r) for r in ranked], indent=1) + "\n")
        text += "\n\n" + rank_line([Ranked(**r) for r in json.loads(path.read_text())])
    print(text)
    if args.table:
        replace_section(args.table, "search-methods", text)


if __name__ == "__main__":
    main()
