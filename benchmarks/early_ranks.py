"""How early the final order of networks shows: full trainings of random networks, paused to note their validation loss.

CONFIG is a configuration as `micronets run` takes it. Random networks that fill its limits are trained in float with
its settings, each from scratch and under one schedule of the learning rate. At each of `PAUSES` the averaged network,
with batch-norm statistics of its own, is evaluated on validation examples; then the training continues.

The first table has Kendall's rank correlation of that loss with the score on the whole validation split at the end. The
second compares two searches that these trainings contain: `random` trains some networks to the end and takes the best
one; a race starts with more of them, and after each pause only the better half, rounded up, goes on (after the last
pause one). Its means are over `DRAWS` random choices of the starting networks, the same for all rows.

Each training leaves OUT/NUMBER.json, and a run that was stopped goes on from there.
    python -m benchmarks.early_ranks CONFIG [--set KEY=VALUE] [--examples 20480] [--networks 12] [--seed 0]
        [--table docs/results.md]
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import random
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.progress import say
from benchmarks.search_methods import compared, fewer_examples
from benchmarks.tables import replace_section
from micronets.boards.board import board_budget
from micronets.commands.search import budget_without_metadata
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.candidates import random_values
from micronets.design.dnas_loop import input_settings
from micronets.design.net import Net
from micronets.design.predict import predict
from micronets.design.torch_ops import prepare_cpu
from micronets.design.train_loop import CALIBRATION_SEED, TrainingJob, TrainLoop
from micronets.files import write_atomic
from micronets.ir.space import derive
from micronets.pipeline.config import Config, load
from micronets.pipeline.context import RunContext
from micronets.pipeline.directory import RunDir
from micronets.tasks import TaskData

PAUSES = (0.05, 0.1, 0.16, 0.25, 0.5)  # shares of the steps
RACE_PAUSES = (2, 3, 4)  # places in `PAUSES` at which a race drops networks
COMPARED_EXAMPLES = 1500  # validation examples, evenly spaced, that are evaluated at a pause
CALIBRATION_BATCHES, CALIBRATION_BATCH = 4, 256
DRAWS = 4000


@dataclass(frozen=True)
class Trained:
    """A network's training.

    - `losses`: the mean cross-entropy on validation examples at each of `PAUSES`.
    - `validation`, `test`: the task's metric at the end, 0 to 1.
    - `steps`: its steps.
    """

    losses: list[float]
    validation: float
    test: float
    steps: int


class PausedLoop(TrainLoop):
    """A training in float that stops where it is told, and goes on."""

    def run_until(self, end: int) -> None:
        """Does the steps up to `end`."""
        batch, order = self.settings.batch, None
        while self.step < end:
            epoch, i = divmod(self.step, self.steps_per_epoch)
            if order is None or i == 0:
                order = self._order(epoch)
            self._train_step(order[i * batch : (i + 1) * batch], self.settings.epochs * self.steps_per_epoch)
            self.step += 1

    def calibrated(self) -> Net:
        """Returns a copy of the averaged network whose batch norms have the statistics of training examples."""
        net = copy.deepcopy(self.average.net)
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None  # the mean over all batches
                module.train()
        order = self._order(0)
        for i in range(CALIBRATION_BATCHES):
            rows = order[torch.arange(i * CALIBRATION_BATCH, (i + 1) * CALIBRATION_BATCH) % len(order)]
            with torch.no_grad():
                net(self.data.augmented(rows, self.job.input_settings, self._generator(CALIBRATION_SEED, i)))
        return net.eval()


def train(job: TrainingJob) -> Trained:
    """Trains a network to the end, with pauses."""
    data, inputs = job.data, job.input_settings
    rows = np.unique(np.linspace(0, data.size("val") - 1, COMPARED_EXAMPLES).astype(np.int64))
    few, labels = data.inputs("val", inputs, rows), torch.from_numpy(data.labels("val")[rows])
    with tempfile.TemporaryDirectory() as folder:
        loop = PausedLoop(job, Path(folder))
        steps, losses = job.settings.epochs * loop.steps_per_epoch, []
        for share in PAUSES:
            loop.run_until(round(share * steps))
            logits = torch.from_numpy(predict(loop.calibrated(), few))
            losses.append(float(F.cross_entropy(logits, labels)))
        loop.run_until(steps)
    scores = [data.evaluate(predict(loop.average.net, data.inputs(s, inputs)), s).value for s in ("val", "test")]
    return Trained(losses, *scores, steps)


def kendall(one: Sequence[float], other: Sequence[float]) -> float:
    """Returns Kendall's rank correlation: the share of pairs in the same order less that of pairs in the opposite."""
    signs = [np.sign((one[i] - one[j]) * (other[i] - other[j])) for i, j in combinations(range(len(one)), 2)]
    return float(np.mean(signs))


def race(starters: Sequence[Trained]) -> tuple[Trained, float]:
    """Returns the winner of a race, and its cost in full trainings."""
    left, cost, before = list(starters), 0.0, 0.0
    for place in RACE_PAUSES:
        cost, before = cost + len(left) * (PAUSES[place] - before), PAUSES[place]
        left.sort(key=lambda network: network.losses[place])
        left = left[: 1 if place == RACE_PAUSES[-1] else -(-len(left) // 2)]
    return left[0], cost + len(left) * (1 - before)


def table(found: Sequence[Trained], config: Config, data: TaskData, command: str) -> str:
    """Returns what the trainings show as Markdown."""
    scores = [n.validation for n in found]
    lines = [
        f"{compared(config, data)} {len(found)} random networks, {found[0].steps} steps in batches of "
        f"{config.train.batch}; at the end {100 * min(scores):.2f} to {100 * max(scores):.2f} % on validation, "
        f"standard deviation {100 * statistics.stdev(scores):.2f}. Data: {data.source}. {datetime.date.today()}, "
        f"`{command}`.",
        "",
        "| share of the training | steps | Kendall's tau of the loss with the final score |",
        "| --- | --- | --- |",
    ]
    for place, share in enumerate(PAUSES):
        tau = kendall([-n.losses[place] for n in found], scores)
        lines.append(f"| {share:.0%} | {round(share * found[0].steps)} | {tau:.2f} |")
    lines += ["", "| search | cost in trainings | validation % | test % |", "| --- | --- | --- | --- |"]
    rng = random.Random(0)
    orders = [rng.sample(found, len(found)) for _ in range(DRAWS)]
    for count in (1, 2, 3):
        best = [max(order[:count], key=lambda n: n.validation) for order in orders]
        lines.append(_row(f"random, {count}", count, best))
    for count in (4, 6):
        ended = [race(order[:count]) for order in orders]
        lines.append(_row(f"race of {count}", ended[0][1], [winner for winner, _ in ended]))
    return "\n".join(lines)


def _row(name: str, cost: float, winners: Sequence[Trained]) -> str:
    """Returns a search's row of the second table."""
    means = [100 * statistics.mean(getattr(n, key) for n in winners) for key in ("validation", "test")]
    return f"| {name} | {cost:.2f} | {means[0]:.2f} | {means[1]:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a configuration: see docs/configuration.md")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes a setting of it")
    parser.add_argument("--out", type=Path, help="default: runs/early_ranks-TASK-SPACE")
    parser.add_argument("--examples", type=int, default=0, help="training examples of an epoch; 0: all")
    parser.add_argument("--networks", type=int, default=12, help="networks to train, 6 and more")
    parser.add_argument("--seed", type=int, default=0, help="of the networks and their trainings")
    parser.add_argument("--table", type=Path, help="Markdown file whose section early-ranks is replaced")
    args = parser.parse_args()
    if args.networks < 6:
        parser.error("--networks: 6 or more")
    config = load(args.config, args.set)
    out = args.out or Path("runs") / f"early_ranks-{config.task}-{config.space.name}"
    out.mkdir(parents=True, exist_ok=True)
    prepare_cpu()
    context = RunContext(config, RunDir(out), say)
    if config.threads:
        torch.set_num_threads(config.threads)
    data = fewer_examples(context.data, args.examples)
    budget = board_budget(budget_without_metadata(config.budget, data, context.costs), context.board)
    fitter = BudgetFitter(context.space, budget, context.board, runtime=context.costs)
    rng, found = random.Random(args.seed), list[Trained]()
    for number in range(args.networks):
        values, path = random_values(fitter, rng), out / f"{number}.json"
        if not path.exists():
            settings = replace(config.train, qat_epochs=0)
            job = TrainingJob(derive(context.space, values), data, input_settings(data, values), settings, args.seed)
            write_atomic(path, json.dumps(asdict(train(job))) + "\n")
        found.append(Trained(**json.loads(path.read_text())))
    given = "".join(f" --set {s}" for s in args.set if not s.startswith("data.path="))
    part = f" --examples {args.examples}" if args.examples else ""
    text = table(
        found,
        config,
        data,
        f"python -m benchmarks.early_ranks {args.config}{given}{part} --networks {args.networks} --seed {args.seed}",
    )
    print(text)
    if args.table:
        replace_section(args.table, "early-ranks", text)


if __name__ == "__main__":
    main()
