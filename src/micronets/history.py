"""The histories of searches and trainings: a record per epoch, or per network that was tried.

Searches and trainings make them, checkpoints and files of a run store them as JSON, and reports show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from micronets import records

TrainStage = Literal["float", "quantised"]
"""The stages of a training: in float, then with simulated quantisation."""


@dataclass(frozen=True, kw_only=True)
class TrainEpoch:
    """An epoch of a training.

    - `stage`: its stage.
    - `epoch`: its number in the stage, from 1.
    - `loss`: the mean loss of its steps, on augmented training examples.
    - `metric`: the name of the task's metric.
    - `score`: the metric of the averaged network at the end of the epoch, on the validation split, 0 to 1.
    """

    stage: TrainStage
    epoch: int
    loss: float
    metric: str
    score: float


@dataclass(frozen=True, kw_only=True)
class SupernetEpoch:
    """An epoch of the training of a supernet.

    - `epoch`: its number, from 1.
    - `loss`: the mean cross-entropy of its steps, in nats, on augmented training examples.
    - `accuracy`: the share of these that were classified correctly, 0 to 1.
    - `costs`: the exact costs, by name of the limit and in its unit, of the recorded network: the most likely one; or
      that of the last step, if each step trains another one; or the largest one, in a sweep.
    - `values`: the option of every choice of the space in that network.
    - `temperature`: temperature of the Gumbel-softmax at the end of the epoch.
    - `entropy`: entropy of the probabilities of every choice's options, in nats.
    """

    kind: Literal["supernet epoch"] = "supernet epoch"
    epoch: int
    loss: float
    accuracy: float
    costs: Mapping[str, float]
    values: Mapping[str, int]
    temperature: float
    entropy: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TrainedCandidate:
    """A network that a search has trained separately.

    - `epoch`: the total number of epochs, of all networks, when its training ended.
    - `loss`: the mean loss of its last epoch.
    - `accuracy`: the task's metric of its best epoch, on the validation split, 0 to 1.
    - `costs`: its exact costs, by name of the limit and in its unit.
    - `values`: the option of every choice of the space.
    """

    kind: Literal["candidate"] = "candidate"
    epoch: int
    loss: float
    accuracy: float
    costs: Mapping[str, float]
    values: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class ChosenCut:
    """The network that was chosen among the compared subnetworks of a trained supernet.

    - `epoch`: the epochs of the supernet's training.
    - `loss`: its mean cross-entropy, in nats, on the validation examples of the comparison.
    - `accuracy`: the task's metric on the validation split, 0 to 1.
    - `costs`: its exact costs, by name of the limit and in its unit.
    - `values`: the option of every choice of the space.
    - `compared`: the losses of all compared networks, ascending.
    """

    kind: Literal["chosen cut"] = "chosen cut"
    epoch: int
    loss: float
    accuracy: float
    costs: Mapping[str, float]
    values: Mapping[str, int]
    compared: tuple[float, ...]


Origin = Literal["uniform", "neighbour", "searched"]
"""The origin of a network that takes part in the finals of a search."""

ORIGINS: Mapping[Origin, str] = {
    "uniform": "uniform",
    "neighbour": "neighbour of a uniform one",
    "searched": "searched for",
}
"""The origins in words."""


@dataclass(frozen=True, kw_only=True)
class Finalist:
    """A network's result in a round at the end of a search, trained separately or among few others in a supernet.

    - `round`: the number of the round, from 1.
    - `origin`: its origin: the space's standard network scaled to the limits, a neighbour of it, or the search.
    - `examples`: the number of examples of its training in this round; in a supernet, its share of the round's.
    - `loss`: the mean loss of the round on augmented training examples; in a supernet, the loss at its end on
      validation examples, by which the networks were compared.
    - `accuracy`: the task's metric at the end of the round, on the validation split, 0 to 1.
    - `costs`: its exact costs, by name of the limit and in its unit.
    - `values`: the option of every choice of the space.
    """

    kind: Literal["finalist"] = "finalist"
    round: int
    origin: Origin
    examples: int
    loss: float
    accuracy: float
    costs: Mapping[str, float]
    values: Mapping[str, int]


SearchRecord = SupernetEpoch | TrainedCandidate | ChosenCut | Finalist
"""A record that a search adds to its history."""


def train_epoch(table: Any) -> TrainEpoch:
    """Returns the record of a training epoch from JSON. Raises `TypeError` if it is none."""
    return records.from_json(TrainEpoch, table)


def search_record(table: Any) -> SearchRecord:
    """Returns the record of a search from JSON. Raises `TypeError` if it is none."""
    found: SearchRecord = records.from_json(SearchRecord, table)
    return found
