"""The methods of search side by side: same task, space, limits, recipe, seeds, and passes of a network over the data.

CONFIG is a configuration as `micronets run` takes it. For each seed, every method looks for a network during
`search.epochs` and hands its weights to a training of `train.epochs` in float (the same for all). `random` and
`uniform` divide theirs among `search.candidates` networks, one for each at least. All choices are made on the
validation split; the test split is used once for each finished network.

Each finished network leaves OUT/METHOD-SEED/result.json, and a run that was stopped goes on from there.
    python -m benchmarks.search_methods CONFIG [--set KEY=VALUE] [--clips 320] [--seeds 0 1 2]
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
from typing import get_args

import numpy as np

from benchmarks.dnas_vs_baselines import say
from benchmarks.tables import replace_section
from micronets.commands.search import budget_without_metadata
from micronets.design.dnas_loop import input_settings
from micronets.design.predict import predict
from micronets.design.search_methods import search
from micronets.design.search_settings import Method
from micronets.design.train import TrainingJob, train_network
from micronets.errors import SpecError
from micronets.files import write_atomic
from micronets.pipeline.config import Config, load
from micronets.pipeline.context import RunContext
from micronets.pipeline.directory import RunDir
from micronets.tasks import TaskData
from micronets.tasks.kws.data import KwsData

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


def fewer_clips(data: TaskData, clips: int) -> TaskData:
    """Returns keyword data with at most `clips` training clips of each class, always the same ones; 0 keeps all.

    Raises `SpecError` for data of another task.
    """
    if not clips:
        return data
    if not isinstance(data, KwsData):
        raise SpecError(f"--clips = {clips} is for keyword data, not for {data.name}; leave it out")
    rng, target = np.random.default_rng(0), data.target["train"]
    kept = np.sort(np.concatenate([rng.permutation(np.flatnonzero(target == c))[:clips] for c in np.unique(target)]))
    features = {**data.features, "train": data.features["train"][kept]}
    return replace(
        data,
        features=features,
        target={**data.target, "train": target[kept]},
        source=f"{data.source}, {len(kept)} to train",
    )


def run(method: Method, seed: int, config: Config, context: RunContext, data: TaskData, out: Path) -> Result:
    """Searches by one method and trains what it found."""
    settings = replace(config.search, method=method)
    budget = budget_without_metadata(config.budget, data, context.costs)
    began = time.process_time()
    options = {"seed": seed, "progress": say, "runtime": context.costs}
    found = search(context.space, data, budget, context.board, settings, directory=out / "search", **options)  # type: ignore[arg-type]
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


def table(results: Sequence[Result], config: Config, data: TaskData, command: str) -> str:
    """Returns the results as Markdown: means over the seeds, and the error of the mean on the test split.

    The error is the larger one of what the seeds show (standard deviation over the root of their number) and of what
    the number of test examples allows (binomial).
    """
    limits = ", ".join(f"{k} {v:,.0f}" for k, v in config.budget.limits().items())
    lines = [
        f"{'SYNTHETIC DATA. ' if data.synthetic else ''}Task {config.task}, space {config.space.name}. Limits: "
        f"{limits}. {config.search.epochs} epochs of search, then {config.train.epochs} of training in float; batches "
        f"of {config.search.batch}; {config.search.candidates} candidates, {config.search.evaluations} cut networks "
        f"compared. Data: {data.source}. {datetime.date.today()}, `{command}`.",
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
    parser.add_argument("--clips", type=int, default=0, help="training clips of each class, for keyword data; 0: all")
    parser.add_argument("--table", type=Path, help="Markdown file whose section search-methods is replaced")
    args = parser.parse_args()
    config = load(args.config, args.set)
    out = args.out or Path("runs") / f"search_methods-{config.task}-{config.space.name}"
    context = RunContext(config, RunDir(out), say)
    data = fewer_clips(context.data, args.clips)
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
    clips = f" --clips {args.clips}" if args.clips else ""
    seeds = "" if args.seeds == SEEDS else f" --seeds {' '.join(map(str, args.seeds))}"
    command = f"python -m benchmarks.search_methods {args.config}{given}{clips}{seeds}"
    text = table(results, config, data, command)
    print(text)
    if args.table:
        replace_section(args.table, "search-methods", text)


if __name__ == "__main__":
    main()
