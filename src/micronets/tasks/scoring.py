"""The quality of outputs on labelled examples: the result of every task's `evaluate`. Needs numpy only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]

BALANCED = "balanced_accuracy"
"""The name of the metric that is the mean recall over the classes."""

UNEQUAL = 1.5
"""Classes are called unequal if the largest has more than this many times the examples of the smallest."""

FEW = 5
"""With fewer examples of a class than this, its recall says little."""

_MOST_LISTED = 6
"""The maximum number of classes that one remark names."""


@dataclass(frozen=True)
class Score:
    """The quality of a network's outputs on labelled examples.

    - `metrics`: values 0 to 1 by name, where more is better; the task's own metric is the first.
    - `interval`: the 95 % confidence interval of the first metric; None without examples.
    - `samples`: the number of scored items.
    - `noun`: the word for them, in the plural.
    - `confusion`: counts `[true][predicted]`; None if the task has no classes to name.
    - `sizes`: the number of scored items of each kind, for a task without classes whose kinds matter.
    """

    metrics: Mapping[str, float]
    interval: tuple[float, float] | None
    samples: int
    noun: str = "examples"
    confusion: list[list[int]] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """The name of the task's own metric."""
        return next(iter(self.metrics))

    @property
    def value(self) -> float:
        """The value of the task's own metric, 0 to 1."""
        return self.metrics[self.metric]


def classification(outputs: npt.NDArray[Any], labels: Labels, classes: int, noun: str = "examples") -> Score:
    """Returns the top-1 accuracy of a classifier and its balanced accuracy, with the confusion counts.

    - `outputs`: `[N, classes]`; the largest is the prediction, the first one of a tie.
    - `labels`: the true class indices `[N]`.
    - `noun`: the word for examples, in the plural.
    """
    predicted = outputs.reshape(len(outputs), math.prod(outputs.shape[1:])).argmax(1)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    right = int((predicted == labels).sum())
    confusion: list[list[int]] = counts.tolist()
    metrics = {"accuracy": right / max(len(labels), 1), BALANCED: balanced_accuracy(confusion)}
    return Score(metrics, wilson(right, len(labels)), len(labels), noun, confusion)


def balanced_accuracy(confusion: Sequence[Sequence[int]]) -> float:
    """Returns the mean recall over the classes, 0 to 1.

    - `confusion`: counts `[true][predicted]`; classes without examples do not count.
    """
    shares = [row[i] / sum(row) for i, row in enumerate(confusion) if sum(row)]
    return sum(shares) / max(len(shares), 1)


def by_balanced_accuracy(score: Score) -> Score:
    """Returns a score of `classification` with its balanced accuracy as the task's own metric.

    The interval is combined from those of the classes by the method of variance estimates recovery (Zou and Donner
    2008, "Construction of confidence limits about effect measures: a general approach").
    """
    rows = [(row[i], sum(row)) for i, row in enumerate(score.confusion or []) if sum(row)]
    value = score.metrics[BALANCED]
    below = above = 0.0
    for right, n in rows:
        low, high = wilson(right, n) or (0.0, 1.0)
        below += (right / n - low) ** 2
        above += (high - right / n) ** 2
    c = max(len(rows), 1)
    interval = (max(0.0, value - math.sqrt(below) / c), min(1.0, value + math.sqrt(above) / c)) if rows else None
    metrics = {BALANCED: value, **{name: v for name, v in score.metrics.items() if name != BALANCED}}
    return replace(score, metrics=metrics, interval=interval)


def unequal(confusion: Sequence[Sequence[int]]) -> bool:
    """Returns whether the classes that have examples are so unequal that the accuracy alone would mislead."""
    sizes = [sum(row) for row in confusion if sum(row)]
    return bool(sizes) and max(sizes) > UNEQUAL * min(sizes)


def worse_than_guessing(metrics: Mapping[str, float], confusion: Sequence[Sequence[int]] | None) -> bool:
    """Returns whether a network does worse than guessing: its AUC or balanced accuracy is below that of chance.

    - `metrics`: values 0 to 1 by name, the task's own metric first.
    - `confusion`: counts `[true][predicted]`; None if the task has no classes to name. Guessing has a balanced accuracy
      of 1 / the number of classes with examples.
    """
    if confusion is None:
        return metrics.get("auc", 1.0) < 0.5
    present = sum(1 for row in confusion if sum(row))
    return present > 1 and balanced_accuracy(confusion) < 1 / present


def remarks(score: Score, classes: Sequence[str]) -> tuple[str, ...]:
    """Returns remarks without which a score would mislead, a sentence each.

    They are on: an AUC below 0.5, classes without examples, unequal classes, an accuracy that always naming one class
    would reach too, a balanced accuracy below that of guessing, classes with a recall of 0, and classes or kinds with
    fewer than `FEW` examples.

    - `classes`: the names of the classes, in the order of the confusion counts.
    """
    found = []
    below = [name for name, value in score.metrics.items() if name.split(" ")[0] == "auc" and value < 0.5]
    if below:
        machines = [name.partition(" ")[2] for name in below if " " in name]
        where = f" for {_listed(machines)}" if machines and score.value >= 0.5 else ""
        found.append(
            f"the AUC{where} is below 50 %: worse than chance, normal examples score higher than abnormal ones"
        )
    if score.confusion is None:
        return (*found, *_few_remarks(score.sizes, score.noun, "kind"))
    rows = [(name, row, row[i]) for i, (name, row) in enumerate(zip(classes, score.confusion, strict=True)) if sum(row)]
    absent = [f"'{name}'" for name, row in zip(classes, score.confusion, strict=True) if not sum(row)]
    if absent and rows:
        found.append(f"says nothing about classes without {score.noun}: {_listed(absent)}")
    few = _few_remarks({name: sum(row) for name, row, _ in rows}, score.noun, "class")
    if len(rows) < 2:
        return (*found, *few)
    largest, smallest = (choose(rows, key=lambda r: sum(r[1])) for choose in (max, min))
    always = sum(largest[1]) / max(score.samples, 1)
    if unequal(score.confusion):
        found.append(
            f"the classes are unequal, from {sum(largest[1]):,} {score.noun} of '{largest[0]}' to "
            f"{sum(smallest[1]):,} of '{smallest[0]}': the balanced accuracy is "
            f"{100 * balanced_accuracy(score.confusion):.2f} %"
        )
    if score.metric == "accuracy" and score.value <= always:
        found.append(f"no better than always predicting '{largest[0]}' ({100 * always:.2f} %)")
    elif worse_than_guessing(score.metrics, score.confusion):
        found.append(f"worse than guessing, which has a balanced accuracy of {100 / len(rows):.2f} %")
    never = [f"'{name}'" for name, _, right in rows if not right]
    if never:
        found.append(f"never recognised: {_listed(never)}")
    return (*found, *few)


def _few_remarks(sizes: Mapping[str, int], noun: str, group: str) -> tuple[str, ...]:
    """Returns a remark on groups with fewer than `FEW` examples, or nothing.

    - `sizes`: the number of examples by the name of the group.
    - `noun`: the word for examples, in the plural.
    - `group`: the word for a group, in the singular.
    """
    few = [f"{n} of '{name}'" for name, n in sizes.items() if n < FEW]
    return (f"fewer than {FEW} {noun} of a {group}, which say little about it: {_listed(few)}",) if few else ()


def _listed(names: Sequence[str]) -> str:
    """Returns names with commas between them; of many names, the first ones and the number of the others."""
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def size_notes(sizes: Mapping[str, Mapping[str, int]], noun: str, way_out: str = "") -> tuple[str, ...]:
    """Returns notes on classes that are unequal in training, and on splits with few examples of a class.

    - `sizes`: the number of examples by split and by class; empty splits are left out.
    - `noun`: the word for examples, in the plural.
    - `way_out`: what can be done about unequal classes, for the note on them.
    """
    notes = []
    train = {name: n for name, n in sizes.get("train", {}).items() if n}
    if train and max(train.values()) > UNEQUAL * min(train.values()):
        most, least = max(train, key=train.__getitem__), min(train, key=train.__getitem__)
        notes.append(
            f"the classes are unequal: {train[most]:,} training {noun} of '{most}', {train[least]:,} of '{least}'"
            f"{'; ' if way_out else ''}{way_out}"
        )
    for split, counts in sizes.items():
        few = [f"{n} of '{name}'" for name, n in counts.items() if n < FEW]
        if few and any(counts.values()):
            notes.append(f"split {split} has fewer than {FEW} {noun} of a class: {_listed(few)}")
    return tuple(notes)


def wilson(right: int, n: int) -> tuple[float, float] | None:
    """Returns the 95 % interval of a share of `n` independent trials, of which `right` succeeded; None without trials.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not n:
        return None
    z, p = 1.959964, right / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))
