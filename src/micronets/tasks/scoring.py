"""How good outputs are on labelled examples: what every task's `evaluate` returns. Needs numpy only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """How good a network's outputs are on labelled examples.

    - `metrics`: values 0 to 1 by name, where more is better; the task's own metric is the first.
    - `interval`: the 95 % confidence interval of the first metric; None where there is nothing to judge.
    - `samples`: how many things were judged.
    - `noun`: what they are, in the plural.
    - `confusion`: counts `[true][predicted]`; None where the task does not name classes.
    """

    metrics: Mapping[str, float]
    interval: tuple[float, float] | None
    samples: int
    noun: str = "examples"
    confusion: list[list[int]] | None = None

    @property
    def metric(self) -> str:
        """The name of the task's own metric."""
        return next(iter(self.metrics))

    @property
    def value(self) -> float:
        """The value of the task's own metric, 0 to 1."""
        return self.metrics[self.metric]


def classification(outputs: npt.NDArray[Any], labels: Labels, classes: int, noun: str = "examples") -> Score:
    """Returns the top-1 accuracy of a classifier, with the confusion counts.

    - `outputs`: `[N, classes]`; the largest is the prediction, of equal ones the first.
    - `labels`: the true class indices `[N]`.
    - `noun`: what an example is, in the plural.
    """
    predicted = outputs.reshape(len(outputs), -1).argmax(1)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    right = int((predicted == labels).sum())
    return Score(
        {"accuracy": right / max(len(labels), 1)}, wilson(right, len(labels)), len(labels), noun, counts.tolist()
    )


def wilson(right: int, n: int) -> tuple[float, float] | None:
    """Returns the 95 % interval of a share of `n` independent trials, of which `right` succeeded; None without trials.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    if not n:
        return None
    z, p = 1.959964, right / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))
