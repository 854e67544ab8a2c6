"""Short trainings by which networks are compared, and a comparison by successive halving (Jamieson and Talwalkar 2016).

In each round every network that is left is trained for the same number of examples, from the weights that the round
before left it; then the better half on the validation split stays.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from torch import Tensor

from micronets.design.candidates import CANDIDATE_FOLDER, short_training
from micronets.design.dnas_loop import input_settings
from micronets.design.search_job import SearchJob
from micronets.design.search_settings import SearchSettings
from micronets.design.train import TrainingJob, train_network
from micronets.history import ORIGINS, Finalist, Origin
from micronets.ir.arch import Arch
from micronets.ir.layers import Weighted
from micronets.progress import Event, NoteEvent, Progress, StepEvent
from micronets.tasks import TaskData
from micronets.terminal import counted


@dataclass(frozen=True)
class PartOfData:
    """The data of a task, of which an epoch has another number of examples than usual.

    - `data`: the data.
    - `examples`: examples of an epoch; they are redrawn in every epoch, and repeat where they exceed the usual ones.
    """

    data: TaskData
    examples: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    @property
    def source(self) -> str:
        """The line that describes the data; it says how many examples an epoch has, so that a checkpoint does."""
        return f"{self.data.source}, {self.examples} examples an epoch"

    def epoch(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Returns shuffled indices into the train split for one epoch."""
        order = self.data.epoch(rng)
        while len(order) < self.examples:
            order = np.concatenate([order, self.data.epoch(rng)])
        return order[: self.examples]


@dataclass(kw_only=True)
class Entry:
    """A network that takes part in a comparison.

    - `values`: the option of every choice.
    - `arch`: the network.
    - `costs`: its exact costs, by name of the limit.
    - `state`: its weights, from which the next round starts; None stands for random ones.
    - `score`: the metric on the validation split at the end of its last round, 0 to 1; -1 before the first.
    - `loss`: the mean loss of its last round.
    """

    values: dict[str, int]
    arch: Arch
    costs: Mapping[str, float]
    state: Mapping[str, Tensor] | None = None
    score: float = -1.0
    loss: float = math.nan


@dataclass(kw_only=True)
class Contestant(Entry):
    """A network that takes part in the comparison at the end of a search; `origin` says where it came from."""

    origin: Origin


def train_round(
    entry: Entry,
    number: int,
    data: TaskData,
    examples: int,
    settings: SearchSettings,
    *,
    seed: int,
    directory: Path,
    progress: Progress,
    quantised: bool = False,
) -> None:
    """Trains a network for `examples` examples from the weights that its last round left, and notes its score.

    - `number`: the number of the round; every round has other examples, all networks of a round the same ones.
    - `seed`: of the search; with `number` it decides the order and the augmentation of the examples.
    - `directory`: the search's; what was trained there is not trained again, and what was begun is resumed.
    - `progress`: receives the events of the training, whose stage is that of a training.
    - `quantised`: whether the second half of the examples is trained with quantisation simulated, and that network is
      compared, as is needed where networks differ in the bits of their weights; the float weights go on.
    """
    inputs = input_settings(data, entry.values)
    part = cast(TaskData, PartOfData(data, max(settings.batch, examples // 2) if quantised else examples))
    of_round = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    job = TrainingJob(entry.arch, part, inputs, short_training(settings, 1, quantised=quantised), of_round, entry.state)
    own = directory / CANDIDATE_FOLDER / job.fingerprint()[:12]
    own.mkdir(parents=True, exist_ok=True)
    trained = train_network(job, own, progress)
    entry.state = trained.float_state
    entry.score = trained.float_score if trained.quantised_score is None else trained.quantised_score
    entry.loss = trained.history[-1].loss


def play_off(
    entries: Sequence[Contestant], job: SearchJob, examples: int, *, before: int = 0
) -> tuple[Contestant, tuple[Finalist, ...]]:
    """Returns the best of some networks after short trainings with successive halving, and what each round showed.

    The best network that was not searched for, a uniform one, stays to the last round, so that a result which beats
    it has beaten it in the longest comparison. Where two are equal, the one that comes first in `entries` wins.

    - `entries`: at least one; a single one is trained in one round.
    - `job`: the search. The optimiser of its settings is for these trainings. What was trained in its directory is not
      trained again, and what was begun there is resumed.
    - `examples`: how many examples all rounds together train on; each network sees one batch a round at least.
    - `before`: steps that the search did before, which the events that tell how far all rounds are count as well.

    Raises what `train_network` raises.
    """
    left, found, sizes = list(entries), list[Finalist](), sizes_of_rounds(len(entries))
    settings, progress = job.settings, job.progress
    shares = [max(settings.batch, round(examples / len(sizes) / size)) for size in sizes]
    steps = [share // settings.batch for share in shares]
    quantised = any(isinstance(layer, Weighted) and layer.weight_bits < 8 for e in entries for layer in e.arch.layers)
    clock = _Clock(before + sum(size * count for size, count in zip(sizes, steps, strict=True)), progress, before)
    for number, (share, count) in enumerate(zip(shares, steps, strict=True), 1):
        for entry in left:
            train_round(
                entry,
                number,
                job.data,
                share,
                settings,
                seed=job.seed,
                directory=job.directory,
                progress=clock.told,
                quantised=quantised,
            )
            clock.done += count
            found.append(
                Finalist(
                    round=number,
                    origin=entry.origin,
                    examples=share,
                    loss=entry.loss,
                    accuracy=entry.score,
                    costs=entry.costs,
                    values=entry.values,
                )
            )
        scores = ", ".join(f"{ORIGINS[e.origin]} {e.score:.2%}" for e in left)
        progress(NoteEvent("search", f"round {number} of {len(shares)}, {counted(share, 'examples')} each: {scores}"))
        left = better_half(left)
    return left[0], tuple(found)


def better_half(entries: Sequence[Contestant]) -> list[Contestant]:
    """Returns the better half, rounded up, in the order given; of more than two networks, a uniform one is among them.

    Of two networks the better one is left, whichever it is.
    """
    ranked = sorted(entries, key=lambda entry: -entry.score)  # equal ones keep their order
    best = ranked[: -(-len(ranked) // 2)]
    uniform = [entry for entry in ranked if entry.origin == "uniform"]
    if len(ranked) > 2 and uniform and not any(entry.origin == "uniform" for entry in best):
        best[-1] = uniform[0]
    return [entry for entry in entries if any(entry is kept for kept in best)]


def sizes_of_rounds(count: int) -> list[int]:
    """Returns how many networks each round has, of `count` in the first one: half, rounded up, down to two."""
    sizes = [count]
    while sizes[-1] > 2:
        sizes.append(-(-sizes[-1] // 2))
    return sizes


@dataclass
class _Clock:
    """Makes one count of steps out of those of several trainings.

    - `steps`: of all trainings together, and of what the search did before.
    - `progress`: receives the events.
    - `done`: steps that were done before the training in progress.
    """

    steps: int
    progress: Progress
    done: int

    def __post_init__(self) -> None:
        self.began, self.first = time.monotonic(), self.done

    def told(self, event: Event) -> None:
        """Passes on an event of a training."""
        if not isinstance(event, StepEvent):
            self.progress(replace(event, stage="search"))
            return
        step = min(self.steps, self.done + event.step)
        seconds = (time.monotonic() - self.began) / max(1, step - self.first) * (self.steps - step)
        self.progress(StepEvent("search", step, self.steps, seconds, event.figures))
