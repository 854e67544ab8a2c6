"""How well outputs do on labelled examples: what every task's `evaluate` returns, and that of the classifiers. numpy
only.
"""

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
    """metrics: by name, each 0..1, more is better; the task's own metric is the first, the others tell more about it.

    interval: of the first metric, 95 %, or None where there is nothing to judge. samples, noun: how many things were
        judged, and what they are, in the plural.
    confusion: counts `[true][predicted]`, or None where the task does not name classes.
    """

    metrics: Mapping[str, float]
    interval: tuple[float, float] | None
    samples: int
    noun: str = "examples"
    confusion: list[list[int]] | None = None

    @property
    def metric(self) -> str:
        """Name of the task's own metric."""
        return next(iter(self.metrics))

    @property
    def value(self) -> float:
        """The task's own metric."""
        return self.metrics[self.metric]


def classification(outputs: npt.NDArray[Any], labels: Labels, classes: int, noun: str = "examples") -> Score:
    """Top-1 accuracy of outputs `[N, classes]` (the largest wins, the first of equals) against class indices `[N]`."""
    predicted = outputs.reshape(len(outputs), -1).argmax(1)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    right = int((predicted == labels).sum())
    return Score(
        {"accuracy": right / max(len(labels), 1)}, wilson(right, len(labels)), len(labels), noun, counts.tolist()
    )


def wilson(right: int, n: int) -> tuple[float, float] | None:
    """95 % interval of a share of `n` independent trials (Wilson 1927); None without trials."""
    if not n:
        return None
    z, p = 1.959964, right / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))
