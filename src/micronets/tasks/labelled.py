"""What all data sets of labelled examples share, and the conversion of a split to examples for a finished model."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError, SpecError, did_you_mean
from micronets.tasks.base import SPLITS, Balance, Card, Examples, Floats, Labels, TaskData
from micronets.tasks.scoring import BALANCED, Score, by_balanced_accuracy, classification

T = TypeVar("T")


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledData(ABC):
    """The part of a `TaskData` that all data sets with one class per example share.

    `TaskData` explains its fields and methods, except these:

    - `balance`: how an epoch uses the training examples. With `sampled`, "balanced_accuracy" replaces "accuracy" as the
      metric, and so chooses the best epoch.
    - `made`: the number of examples at the end of the train split that were synthesised on top of the data. Networks
      train on them like on the others, but they do not count as data, and teachers are not asked about them.
    - `made_classes`: the classes that are all right for a synthesised example, as silence and an unknown word are for a
      sound that is no keyword; none: only the example's own label.
    - `made_to_choose`: the number of synthesised examples at the end of the val split, so that the best epoch does well
      on such examples, too.
    - `files`: by split, the path of each example's file relative to the directory of the data, with "/" between its
      parts; "" for an example without its own file, and no entry for a split without files.
    """

    name: str
    classes: tuple[str, ...]
    source: str
    noun: str = "examples"
    metric: str = "accuracy"
    input_settings: tuple[str, ...] = ()
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    balance: Balance = "none"
    made: int = 0
    made_classes: tuple[int, ...] = ()
    made_to_choose: int = 0
    files: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @abstractmethod
    def labels(self, split: str) -> Labels:
        """Returns the class indices `[N]` of a split. Raises `SpecError` for an unknown split."""

    @abstractmethod
    def front_end(self, settings: Mapping[str, int]) -> str:
        """Returns the JSON of the front end that makes the network's input, for a model's metadata."""

    def stored(self, split: str) -> npt.NDArray[Any] | None:
        """Returns the stored examples of a split, `[N, ...]`; None if they are not stored as one array."""
        return None

    def pictures_of(self, split: str, indices: Labels) -> npt.NDArray[np.uint8] | None:
        """Returns examples of a split as images `[N, H, W, 3]` for people to look at; None if they are not images.

        - `split`: the name of the split.
        - `indices`: indices of examples of the split, `[N]`.
        """
        return None

    def of_split(self, parts: Mapping[str, T], split: str) -> T:
        """Returns the part of a split. Raises `SpecError` for an unknown split."""
        if split not in parts:
            raise SpecError(f"{self.name}: no split '{split}'; {did_you_mean(split, parts)}")
        return parts[split]

    def size(self, split: str) -> int:
        """Returns the number of examples of a split. Raises `SpecError` for an unknown split."""
        return len(self.labels(split))

    def epoch(self, rng: np.random.Generator) -> Labels:
        """Returns shuffled indices of the train split: each once, or equally many of every class (see `Balance`)."""
        if self.balance == "none":
            return rng.permutation(self.size("train"))
        target = self.labels("train")
        rows = [np.flatnonzero(target == c) for c in np.unique(target)]
        count = round(len(target) / len(rows))
        indices = np.concatenate([drawn_examples(part, count, rng) for part in rows])
        rng.shuffle(indices)
        return indices

    def balanced(self, balance: Balance) -> Self:
        """Returns the same data with another `balance`."""
        if balance == self.balance:
            return self
        metric = {"accuracy": BALANCED} if balance == "sampled" else {BALANCED: "accuracy"}
        return replace(self, balance=balance, metric=metric.get(self.metric, self.metric))

    def evaluate(self, outputs: npt.NDArray[np.floating[Any]], split: str) -> Score:
        """Returns the top-1 accuracy, or the balanced accuracy, of logits `[N, classes]` for a whole split."""
        score = classification(outputs, self.labels(split), len(self.classes), self.noun)
        return by_balanced_accuracy(score) if self.metric == BALANCED else score

    def metadata(self, settings: Mapping[str, int]) -> dict[str, str]:
        """Returns task, labels and front end, for a model's metadata."""
        return {
            "micronets.task": self.name,
            "micronets.labels": json.dumps(self.classes),
            "micronets.frontend": self.front_end(settings),
        }


def given_labels(data: TaskData | LabelledData, split: str) -> Labels:
    """Returns the class indices of a split's given examples, without those synthesised on top of them."""
    labels = data.labels(split)
    if not isinstance(data, LabelledData):
        return labels
    made = {"train": data.made, "val": data.made_to_choose}
    return labels[: len(labels) - made.get(split, 0)]


def classes_of_made(data: TaskData | LabelledData) -> tuple[int, ...]:
    """Returns the classes of which any is right for an example that was made on top of the data; often none."""
    return data.made_classes if isinstance(data, LabelledData) else ()


_MOST_COMPARED = 2 << 30  # bytes of examples: more would take long to read again


def duplicate_notes(data: object) -> tuple[str, ...]:
    """Returns notes on the user's examples that occur twice: in two splits, or in two classes.

    A network has seen the training examples, so their duplicates in "test" make it look better than it is. Constant
    examples, such as digital silence, do not count.
    """
    if not isinstance(data, LabelledData) or data.synthetic:
        return ()
    kept = {s: data.stored(s) for s in SPLITS}
    arrays = {s: x for s, x in kept.items() if x is not None and len(x)}
    if sum(x.nbytes for x in arrays.values()) > _MOST_COMPARED:
        return ()
    seen: dict[bytes, tuple[str, int]] = {}
    shared, torn = dict[str, int](), 0
    for split, x in arrays.items():
        labels = given_labels(data, split).tolist()
        for row, label in zip(x[: len(labels)], labels, strict=True):
            if (row == row.flat[0]).all():
                continue
            key = hashlib.blake2b(row.tobytes(), digest_size=16).digest()
            first, of = seen.setdefault(key, (split, label))
            shared[split] = shared.get(split, 0) + (first != split)
            torn += of != label
    notes = [
        f"{n} of the {len(arrays[s])} {data.noun} of split {s} have the same contents as examples for training or "
        "validation: the result looks better than it is"
        for s, n in shared.items()
        if n
    ]
    if torn:
        notes.append(
            f"{torn} {data.noun} have the same contents as one of another class: no network can distinguish them"
        )
    return tuple(notes)


def drawn_examples(rows: Labels, count: int, rng: np.random.Generator) -> Labels:
    """Draws `count` of the indices `rows` as evenly as possible: their numbers of uses differ by at most one.

    - `rows`: indices of examples, at least one.
    - `count`: the number of draws; 0 for none.
    - `rng`: draws the indices that are used once more than others.
    """
    repeated = np.tile(rows, max(0, -(-count // len(rows)) - 1))
    return np.concatenate([repeated, rng.choice(rows, count - len(repeated), replace=False)])


def positions(classes: tuple[str, ...], labels: tuple[str, ...]) -> Labels:
    """Returns for each of `classes` its index among the labels of a model; -1 for an unknown one."""
    return np.array([labels.index(c) if c in labels else -1 for c in classes], np.int64)


def examples_of(
    data: LabelledData,
    card: Card,
    split: str,
    where: Path | str,
    part: Callable[[Labels | None], Floats],
) -> Examples:
    """Returns a split of the data in the form that a finished model takes.

    - `data`: the examples.
    - `card`: the model; the classes are in the order of its labels, or of the data's if it has none.
    - `split`: the split.
    - `where`: what the data are, for errors.
    - `part`: takes indices of examples, or None for all, and returns their network inputs.

    Raises `DataError` if the split is empty or holds a class that the model does not know.
    """
    target, classes = data.labels(split), card.labels or data.classes
    if not len(target):
        raise DataError(f"{where}: split '{split}' is empty; choose another with --split")
    order = positions(data.classes, classes)
    for i in np.unique(target):
        if order[i] < 0:
            raise DataError(
                f"{where}: class '{data.classes[i]}' is not a label of the model ({', '.join(classes)}); "
                "give data of the model's classes, or a model of these data"
            )
    labels = order[target]
    return Examples(
        part=part,
        labels=labels,
        classes=classes,
        score=lambda outputs: classification(outputs, labels, len(classes), data.noun),
        source=data.source,
        synthetic=data.synthetic,
        noun=data.noun,
        notes=data.notes,
    )
