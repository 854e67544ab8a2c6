"""`Task`: the record of a task. Its data are a `TaskData`; a finished model is scored on its `Examples`.

Nothing here imports torch until `TaskData.augmented` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError, did_you_mean
from micronets.ir.spaces.base import SpaceOptions
from micronets.tasks.scoring import Score

if TYPE_CHECKING:
    import torch


SPLITS = ("train", "val", "test")

ALL = "all"
"""The split that holds all examples, for data without splits of their own."""

Balance = Literal["none", "sampled"]
"""How an epoch uses the training examples: each once (`none`), or every class equally often (`sampled`). Then examples
of rare classes repeat, and a part of those of frequent classes is redrawn in each epoch."""

Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


MakeView = Callable[["torch.Tensor", "torch.Generator"], "torch.Tensor"]
"""A function that makes the inputs of another model, `[B, H, W, C]`, float32, on the generator's device. It augments
the training examples with the indices `[B]` as `TaskData.augmented` does with a generator in the same state."""


def check_splits(splits: Sequence[str], known: Sequence[str]) -> None:
    """Raises `SpecError` for an unknown split, and for "all" together with others, since it contains them."""
    for s in splits:
        if s not in known:
            raise SpecError(f"split '{s}' is not known; {did_you_mean(s, known)}")
    if ALL in splits and len({*splits}) > 1:
        raise SpecError(f"splits: {', '.join(splits)}; '{ALL}' holds every example: give it alone, or leave it out")


class TaskData(Protocol):
    """A data set in memory, for the search, the training and the evaluation.

    A `split` is "train", "val" or "test"; every method that takes one raises `SpecError` for another. `settings` are
    values of the `input_settings` by name.

    - `name`: the name of the task.
    - `classes`: names of the outputs, in order.
    - `source`: one line that describes the data; it starts with "synthetic" if a program made them.
    - `synthetic`: whether the examples were made by a program.
    - `noun`: the word for examples in reports, in the plural: "clips", "images".
    - `metric`: the name of the metric that `evaluate` puts first: "accuracy" or "auc".
    - `input_settings`: names that `settings` may hold, each an integer that changes the network's input.
    - `space_options`: options of the search space that the data decide; a space without such an option ignores it.
    - `notes`: warnings about what was read, one line each.
    """

    @property
    def name(self) -> str:
        """Returns the name of the task."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Returns the names of the network's outputs, in order."""

    @property
    def source(self) -> str:
        """Returns one line that describes the data; it starts with "synthetic" if a program made them."""

    @property
    def synthetic(self) -> bool:
        """Returns whether the examples were made by a program."""

    @property
    def noun(self) -> str:
        """Returns the word for examples in reports, in the plural, such as "clips" or "images"."""

    @property
    def metric(self) -> str:
        """Returns the name of the metric that `evaluate` puts first: "accuracy" or "auc"."""

    @property
    def input_settings(self) -> tuple[str, ...]:
        """Returns the names that `settings` may hold, each an integer that changes the network's input."""

    @property
    def space_options(self) -> SpaceOptions:
        """Returns the options of the search space that the data decide, by name."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Returns warnings about what was read, one line each."""

    def size(self, split: str) -> int:
        """Returns the number of examples N of a split."""

    def labels(self, split: str) -> npt.NDArray[np.int64]:
        """Returns the class indices `[N]` of a split."""

    def epoch(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Returns shuffled indices into the train split for one epoch, balanced as the data's options say.

        Every epoch has the same number of indices.
        """

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        """Returns the shape `(H, W, C)` of the network's input."""

    def inputs(
        self, split: str, settings: Mapping[str, int], indices: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Returns network inputs `[N, H, W, C]` in real units, not augmented.

        - `split`: "train", "val" or "test".
        - `settings`: the values of the choices that change the input, by name, such as the resolution.
        - `indices`: indices of examples of the split; None: all of them.
        """

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Returns network inputs `[B, H, W, C]` of train examples, augmented, float32.

        - `indices`: indices of examples of the train split, `[B]`.
        - `settings`: values of the `input_settings` by name.
        - `generator`: draws the augmentation; the result is on its device.
        """

    def evaluate(self, outputs: npt.NDArray[np.floating[Any]], split: str) -> Score:
        """Returns the score of a network's outputs by the task's own metric.

        - `outputs`: logits `[N, classes]` for all examples of the split.
        """

    def metadata(self, settings: Mapping[str, int]) -> dict[str, str]:
        """Returns the metadata of a model's file, by key.

        The keys are "micronets.task", "micronets.labels" (a JSON list) and "micronets.frontend" (JSON).
        """


@dataclass(frozen=True)
class Outline:
    """Facts about data that are known before the data are synthesised or read, for computing the costs of networks.

    - `classes`: number of outputs; if the data decide it, the least possible number.
    - `space_options`: options of the search space, see `TaskData`. If the data decide the size of the input, it is the
      least possible size.
    """

    classes: int
    space_options: SpaceOptions = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """Facts about a finished model, from its metadata or its user.

    - `labels`: names of its outputs; None if unknown.
    - `frontend`: JSON text in the form of the model's task; None if unknown.
    - `input_shape`: `(H, W, C)`.
    - `where`: the model's path, for errors.
    - `marks`: all of its metadata.
    """

    labels: tuple[str, ...] | None
    frontend: str | None
    input_shape: tuple[int, int, int]
    where: str
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Examples:
    """The examples that a finished model is scored on.

    - `part`: takes indices `[M]`, or None for all examples, and returns inputs float32 `[M, H, W, C]` in real units.
    - `labels`: class indices `[N]` into `classes`.
    - `classes`: the names of the model's outputs, in the model's own order.
    - `score`: a function that takes logits `[N, classes]` for all examples, and returns their score.
    - `source`, `synthetic`, `noun`, `notes`: as in `TaskData`.
    """

    part: Callable[[npt.NDArray[np.int64] | None], npt.NDArray[np.float32]]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    score: Callable[[npt.NDArray[np.floating[Any]]], Score]
    source: str
    synthetic: bool
    noun: str
    notes: tuple[str, ...]

    @property
    def inputs(self) -> npt.NDArray[np.float32]:
        """Inputs of all examples, float32 `[N, H, W, C]` in real units."""
        return self.part(None)


class DataOptions(Protocol):
    """The option that every task has: the path of its data; an empty path asks for synthetic data."""

    @property
    def path(self) -> str:
        """Returns the path of the data; an empty path asks for synthetic data."""


class LoadExamples(Protocol):
    """The type of `Task.examples`, which reads the examples that a finished model is scored on."""

    def __call__(self, card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
        """Reads a split of the data at `path` (None: synthetic data) in the form that the model of `card` takes."""


Options = TypeVar("Options", bound=DataOptions)


@dataclass(frozen=True, kw_only=True)
class Task(Generic[Options]):
    """A task: what a network learns, and from which data. `micronets.tasks.TASKS` has the built-in ones.

    - `name`: its name in configurations, models and messages.
    - `about`: what a network learns, in one line.
    - `inputs`: the kind of input from which the task's search spaces start, one of
      `micronets.ir.spaces.inputs.INPUT_KINDS`.
    - `options`: a frozen dataclass, into which `[data]` of a configuration is read; its fields are arguments of `load`.
      If it has a field `balance` (`Balance`), `load` must return `LabelledData`, which `tasks.load` then balances.
    - `load`: `(path or None, **options) -> TaskData`; without a path, it synthesises data.
    - `outline`: returns the facts that are known before the data are synthesised or read.
    - `examples`: reads a split in the form that a finished model requires.
    """

    name: str
    about: str
    inputs: str
    options: type[Options]
    load: Callable[..., TaskData]
    outline: Callable[[Options], Outline]
    examples: LoadExamples
