"""Short trainings that compare networks, and a comparison by successive halving (Jamieson and Talwalkar 2016).

In each round every remaining network is trained on the same number of examples, from its weights of the previous round;
then the better half on the validation split stays.
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
    """The data of a task, with another number of examples per epoch.

    - `data`: the data.
    - `examples`: examples per epoch; they are redrawn in every epoch, and repeat if there are more than usual.
    """

    data: TaskData
    examples: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)

    @property
    def source(self) -> str:
        """The line that describes the data. It includes the examples per epoch, so that checkpoints depend on them."""
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
    - `state`: its weights, from which the next round starts; None for random ones.
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
    """A network that takes part in the comparison at the end of a search; `origin` says where it comes from."""

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
    """Trains a network on `examples` examples, from the weights of its last round, and stores its score.

    - `number`: the number of the round; every round has other examples, the same for all networks.
    - `seed`: seed of the search; with `number` it decides the order and the augmentation of the examples.
    - `directory`: the search's directory; a finished training in it is reused, an interrupted one is resumed.
    - `progress`: receives the events of the training, whose stage is that of a training.
    - `quantised`: whether the second half of the examples is trained with simulated quantisation and the quantised
      network is compared, as is needed if networks differ in the bits of their weights. The next round starts from the
      float weights.
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
    """Returns the best of some networks after short trainings with successive halving, and the results of each round.

    The best uniform network, which was not searched for, stays to the last round. So a result that beats it has beaten
    it in the longest comparison. Ties go to the network that comes first in `entries`.

    - `entries`: at least one; a single one is trained in one round.
    - `job`: the search. The optimiser of its settings is that of these trainings. Finished trainings in its directory
      are reused, interrupted ones are resumed.
    - `examples`: the number of examples of all rounds together; each network sees at least one batch per round.
    - `before`: steps that the search did before; progress events count them too.

    Raises what `train_network` raises.
    """
    left, found, sizes = list(entries), list[Finalist](), sizes_of_rounds(len(entries))
    settings, progress = job.settings, job.progress
    shares = [max(settings.batch, round(examples / len(sizes) / size)) for size in sizes]
    steps = [share // settings.batch for share in shares]
    quantised = any(isinstance(layer, Weighted) and layer.weight_bits < 8 for e in entries for layer in e.arch.layers)
    clock = _StepCounter(before + sum(size * count for size, count in zip(sizes, steps, strict=True)), progress, before)
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
    """Returns the better half, rounded up, in the given order; a uniform network stays if there are more than two.

    Of two networks the better one stays, whatever its origin.
    """
    ranked = sorted(entries, key=lambda entry: -entry.score)  # ties keep their order
    best = ranked[: -(-len(ranked) // 2)]
    uniform = [entry for entry in ranked if entry.origin == "uniform"]
    if len(ranked) > 2 and uniform and not any(entry.origin == "uniform" for entry in best):
        best[-1] = uniform[0]
    return [entry for entry in entries if any(entry is kept for kept in best)]


def sizes_of_rounds(count: int) -> list[int]:
    """Returns the number of networks of each round, beginning with `count`: half, rounded up, down to two."""
    sizes = [count]
    while sizes[-1] > 2:
        sizes.append(-(-sizes[-1] // 2))
    return sizes


@dataclass
class _StepCounter:
    """Counts the steps of several trainings as one sequence.

    - `steps`: steps of all trainings together, including those that the search did before.
    - `progress`: receives the events.
    - `done`: steps before the current training.
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
