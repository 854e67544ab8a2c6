"""What a task is: its record, what its data set looks like to the trainer, the search and the evaluation, and its
examples.

Nothing here imports torch until `TaskData.augmented` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from micronets.tasks.scoring import Score

if TYPE_CHECKING:
    import torch


SPLITS = ("train", "val", "test")

Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class TaskData(Protocol):
    """A data set in memory. `split` is "train", "val" or "test".

    name: of the task.
    classes: names of the outputs, in order.
    source: one line saying what the data are; starts with "synthetic" if they are.
    noun: what an example is, in the plural, as reports say it: "clips", "images".
    metric: name of what `evaluate` puts first: "accuracy" or "auc".
    input_settings: names that may stand in `settings`, each an integer that changes the network's input.
    space_options: options of the search space that the data decide; a space that has no such option ignores it.
    notes: warnings of the loading, one line each.
    """

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def source(self) -> str: ...
    @property
    def synthetic(self) -> bool: ...
    @property
    def noun(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def input_settings(self) -> tuple[str, ...]: ...
    @property
    def space_options(self) -> Mapping[str, Any]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...

    def size(self, split: str) -> int:
        """Number of examples N of a split."""

    def labels(self, split: str) -> npt.NDArray[np.int64]:
        """Class indices `[N]`."""

    def epoch(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Shuffled indices into the train split for one epoch, balanced as the task wants it; always of one length."""

    def input_shape(self, settings: Mapping[str, int]) -> tuple[int, int, int]:
        """`(H, W, C)` of the network's input."""

    def inputs(
        self, split: str, settings: Mapping[str, int], indices: npt.NDArray[np.int64] | None = None
    ) -> npt.NDArray[np.float32]:
        """Network inputs `[N, H, W, C]` in real units, not augmented; of all examples or of `indices`."""

    def augmented(self, indices: torch.Tensor, settings: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
        """Network inputs `[B, H, W, C]` of train examples, augmented, float32, on the generator's device."""

    def evaluate(self, outputs: npt.NDArray[np.floating[Any]], split: str) -> Score:
        """How good a network's logits `[N, classes]` for all examples of a split are, by the task's own metric."""

    def metadata(self, settings: Mapping[str, int]) -> dict[str, str]:
        """What travels with a model: "micronets.task", "micronets.labels" (JSON list), "micronets.frontend" (JSON)."""


@dataclass(frozen=True)
class Outline:
    """What is known of data before they are made or read: enough for the smallest networks that they may need.

    classes: number of outputs; at least that many where the data decide.
    space_options: as in `TaskData`; an input at most as large as the data's where these decide.
    """

    classes: int
    space_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """What a finished model says about itself, or its user about it.

    labels: names of its outputs; None if unknown. frontend: JSON text, its form is the task's; None if unknown.
    input_shape: `(H, W, C)`. where: the model's path, for errors. marks: all of its metadata.
    """

    labels: tuple[str, ...] | None
    frontend: str | None
    input_shape: tuple[int, int, int]
    where: str
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Examples:
    """What a finished model is measured on.

    part: inputs of some of them, or of all, float32 `[N, H, W, C]` in real units.
    labels: class indices `[N]` into `classes`, the model's own order.
    score: of logits `[N, classes]`. source, synthetic, noun, notes: as in `TaskData`.
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
        """Those of all of them."""
        return self.part(None)


class DataOptions(Protocol):
    """What the options of every task have: where the examples are; empty: they are synthesised."""

    @property
    def path(self) -> str: ...


class LoadExamples(Protocol):
    """How a finished model gets its examples: `Task.examples`."""

    def __call__(self, card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
        """A split of the data at `path` (None: synthetic data), as the model of `card` wants it."""


Options = TypeVar("Options", bound=DataOptions)


@dataclass(frozen=True, kw_only=True)
class Task(Generic[Options]):
    """A task: what a network learns, and from which data. Ours stand in `micronets.tasks.TASKS`.

    - name: what configurations, models and messages call it.
    - about: what it learns, in a line.
    - inputs: the kind of its input, a function of `micronets.ir.spaces.inputs`, which search spaces start from.
    - options: a frozen dataclass, which `[data]` of a configuration is read into. Its fields are arguments of `load`.
    - load: `(path or None, **options) -> TaskData`; without a path, synthetic data.
    - outline: what is known of the data before they are made or read.
    - examples: a split, as a finished model wants it.
    """

    name: str
    about: str
    inputs: str
    options: type[Options]
    load: Callable[..., TaskData]
    outline: Callable[[Options], Outline]
    examples: LoadExamples
