"""How much more training data would help: the network of a configuration, trained on parts of them.

For each share, CONFIG is searched, taught and trained as `micronets run` does it, but epochs consist of that share of
every class's training examples alone; a smaller part is within every larger one. All shares do the same number of
steps, so that a small part is seen more often, and all are judged on the same validation and test examples. Which epoch
is kept is chosen on validation. A curve that still rises at its end asks for more data, a flat one for another network.

Each share has a run directory OUT/SHARE, and what was stopped goes on from there.
    python -m benchmarks.learning_curve CONFIG --shares .125 .25 .5 1 [--set train.epochs=10] [--table docs/results.md]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import datetime
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.progress import say
from benchmarks.tables import replace_section
from micronets.design.predict import predict
from micronets.design.train import load_result
from micronets.pipeline.config import Config, load
from micronets.pipeline.context import RunContext, opened
from micronets.pipeline.directory import TRAIN_FOLDER
from micronets.pipeline.perform import perform
from micronets.pipeline.stages.search import SEARCH
from micronets.pipeline.stages.teacher import TEACHER
from micronets.pipeline.stages.train import TRAIN
from micronets.tasks import Score, TaskData

Labels = npt.NDArray[np.int64]
SHARES = [0.125, 0.25, 0.5, 1.0]


@dataclass(frozen=True, eq=False)
class PartOfTraining:
    """A data set of whose training examples a part is used, as a `TaskData`; the other splits are whole.

    - `data`: all of the data set.
    - `kept`: which training examples are used, bool `[N]`.
    """

    data: TaskData
    kept: npt.NDArray[np.bool_]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    @property
    def source(self) -> str:
        """The line that describes the data, which tells checkpoints of different parts apart."""
        return f"{self.data.source}, {self.kept.sum():,} of {len(self.kept):,} to train"

    def epoch(self, rng: np.random.Generator) -> Labels:
        """Returns as many indices as an epoch of all data has, each example of the part about equally often."""
        order = self.data.epoch(rng)
        wanted, found = len(order), order[self.kept[order]]
        while len(found) < wanted:
            order = self.data.epoch(rng)
            found = np.concatenate([found, order[self.kept[order]]])
        return found[:wanted]


def part(labels: Labels, share: float) -> npt.NDArray[np.bool_]:
    """Returns which training examples make up a share of each class, rounded up; always the same ones.

    - `labels`: the class index of every training example, `[N]`.
    - `share`: above 0, up to 1; the examples of a smaller share are among those of a larger one.
    """
    rng, kept = np.random.default_rng(0), np.zeros(len(labels), bool)
    for c in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == c))
        kept[rows[: int(np.ceil(share * len(rows)))]] = True
    return kept


@dataclass(frozen=True)
class Point:
    """What a share of the training examples came to.

    - `share`: of every class, 0 to 1.
    - `examples`: how many that are.
    - `source`: the line that describes all of the data.
    - `validation`, `test`: scores of the trained network, with quantisation simulated if the configuration trains so.
    """

    share: float
    examples: int
    source: str
    validation: Score
    test: Score


def measure(config: Config, share: float) -> Point:
    """Searches and trains with a share of the training examples, in the directory of the configuration."""
    parts: list[PartOfTraining] = []

    def adapt(data: TaskData) -> TaskData:
        if config.teacher is not None and getattr(data, "made", 0):
            sys.exit("the teacher would be asked about sounds that a program made; add --set data.negatives=0")
        parts.append(PartOfTraining(data, part(data.labels("train"), share)))
        return parts[0]  # type: ignore[return-value]  # the rest of the protocol is that of the whole data

    with opened(config, resume=True, progress=say, event_files=False) as context:
        context = replace(context, adapt=adapt)
        for stage in (SEARCH, TEACHER, TRAIN):
            perform(context, stage)
        scores = _scores(context)
    return Point(share, int(parts[0].kept.sum()), parts[0].data.source, **scores)


def _scores(context: RunContext) -> Mapping[str, Score]:
    """Returns the scores of the trained network on validation and test."""
    net, data, settings = load_result(context.run / TRAIN_FOLDER).net, context.data, context.input_settings
    return {
        name: data.evaluate(predict(net, data.inputs(split, settings)), split)
        for name, split in (("validation", "val"), ("test", "test"))
    }


def table(points: Sequence[Point], config: Config, command: str) -> str:
    """Returns the curve as Markdown, with what was trained and how long."""
    taught, train = ", taught" if config.teacher is not None else "", config.train
    lines = [
        f"{points[0].source}. Space {config.space.name}, {config.search.epochs} epochs of search, then {train.epochs} "
        f"of training{taught} and {train.qat_epochs} with quantisation simulated, each of as many steps as one of all "
        f"data. {datetime.date.today()}, `{command}`.",
        "",
        f"| share | examples to train | validation, {points[0].validation.metric} % | test % | 95 % |",
        "| --: | --: | --: | --: | --: |",
    ]
    for p in points:
        low, high = p.test.interval or (0.0, 1.0)
        lines.append(
            f"| {p.share:g} | {p.examples:,} | {100 * p.validation.value:.2f} | {100 * p.test.value:.2f} | "
            f"{100 * low:.1f} to {100 * high:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a configuration: see docs/configuration.md")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES, help="of the training examples, up to 1")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a setting of it")
    parser.add_argument("--out", type=Path, help="default: runs/learning_curve-CONFIG")
    parser.add_argument("--table", type=Path, help="Markdown file whose section learning-curve is replaced")
    args = parser.parse_args()
    shares = sorted(set(args.shares))
    if not 0 < shares[0] <= shares[-1] <= 1:
        parser.error(f"--shares: {' '.join(map(str, shares))}; need numbers above 0, up to 1")
    config = load(args.config, args.set)
    out = args.out or Path("runs") / f"learning_curve-{args.config.stem}"
    points = []
    for share in shares:
        print(f"== {share:g} of the training examples", file=sys.stderr)
        points.append(measure(replace(config, out=str(out / f"{share:g}")), share))
    given = "".join(f" --set {s}" for s in args.set if not s.startswith("data.path="))
    chosen = "" if shares == SHARES else f" --shares {' '.join(f'{s:g}' for s in shares)}"
    text = table(points, config, f"python -m benchmarks.learning_curve {args.config}{given}{chosen}")
    print(text)
    if args.table:
        replace_section(args.table, "learning-curve", text)


if __name__ == "__main__":
    main()
