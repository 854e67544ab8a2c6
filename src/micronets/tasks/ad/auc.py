"""The area under the ROC curve, its part at low false-alarm rates, and confidence intervals. Needs numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

_RESAMPLES, _FEW = 1000, 5


def auc(scores: Floats, abnormal: Bools) -> float:
    """Returns the probability that an abnormal example scores higher than a normal one; ties count half.

    - `scores`: `[N]`; higher is more abnormal.
    - `abnormal`: bool `[N]`.

    The result is NaN if a kind is missing, and equals `sklearn.metrics.roc_auc_score(abnormal, scores)`.
    """
    if abnormal.all() or not abnormal.any():
        return float("nan")
    return float(_wins(scores, abnormal).mean())


def partial_auc(scores: Floats, abnormal: Bools, max_fpr: float = 0.1) -> float:
    """Returns the AUC over false-positive rates up to `max_fpr`, scaled so that 0.5 is chance and 1 perfect.

    - `scores`: `[N]`; higher is more abnormal.
    - `abnormal`: bool `[N]`.
    - `max_fpr`: the largest false-positive rate, above 0 and at most 1.

    The area A under that part of the ROC curve becomes (1 + (A - min) / (max - min)) / 2 with min = max_fpr^2 / 2 and
    max = max_fpr (McClish 1989). It equals `roc_auc_score(..., max_fpr=max_fpr)`, which the DCASE challenge reports,
    and is NaN if a kind is missing.
    """
    if abnormal.all() or not abnormal.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # ends of runs of equal scores
    hits = np.cumsum(abnormal[order])[last]
    tpr = np.concatenate([[0], hits / abnormal.sum()])
    fpr = np.concatenate([[0], (last + 1 - hits) / (~abnormal).sum()])
    stop = int(np.searchsorted(fpr, max_fpr, "right"))
    x = np.append(fpr[:stop], max_fpr)
    y = np.append(tpr[:stop], np.interp(max_fpr, fpr[stop - 1 : stop + 1], tpr[stop - 1 : stop + 1]))
    area = float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())
    least = max_fpr**2 / 2
    return 0.5 * (1 + (area - least) / (max_fpr - least))


def interval(groups: Sequence[tuple[Floats, Bools]], seed: int = 0) -> tuple[float, float] | None:
    """Returns the 95 % interval of the mean AUC of groups, by the bootstrap over 1000 resamples.

    - `groups`: scores `[N]` and whether they are abnormal `[N]`, for each group.

    Normal and abnormal examples are redrawn within each group. If some group has fewer than 5 of a kind, the groups are
    redrawn too, as so few examples say nothing about their own spread. The result is None if a group lacks a kind.
    """
    if not groups or any(a.all() or not a.any() for _, a in groups):
        return None
    rng = np.random.default_rng(seed)
    values = np.empty((len(groups), _RESAMPLES))
    for i, (scores, abnormal) in enumerate(groups):
        wins = _wins(scores, abnormal)
        bad, good = wins.shape
        drawn_bad = rng.multinomial(bad, np.full(bad, 1 / bad), _RESAMPLES)
        drawn_good = rng.multinomial(good, np.full(good, 1 / good), _RESAMPLES)
        values[i] = np.einsum("rb,bg,rg->r", drawn_bad, wins, drawn_good, optimize=True) / wins.size
    if any(min(a.sum(), (~a).sum()) < _FEW for _, a in groups):
        drawn = rng.integers(len(groups), size=(len(groups), _RESAMPLES))
        values = np.take_along_axis(values, drawn, 0)
    low, high = np.quantile(values.mean(0), [0.025, 0.975])
    return float(low), float(high)


def _wins(scores: Floats, abnormal: Bools) -> Floats:
    """Returns `[abnormal, normal]`: 1 if the abnormal example scores higher, 0.5 for a tie, otherwise 0."""
    bad, good = scores[abnormal][:, None], scores[~abnormal][None]
    result: Floats = (bad > good) + 0.5 * (bad == good)
    return result
