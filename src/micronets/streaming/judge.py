"""Decisions compared with labels: detections, misses, false accepts, latencies; and the tuning of detectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from micronets.frontend.labels import SpokenWord
from micronets.streaming.detector import CERTAIN, Decision, Detector
from micronets.streaming.offline import Heard

LATE_S = 1.0
"""Seconds after the end of a word within which a decision for it counts as correct."""

THRESHOLDS = tuple(range(CERTAIN // 32, CERTAIN + 1, CERTAIN // 64))
"""The thresholds of a DET curve, from which `tuned` chooses as well."""

AVERAGES = (1, 2, 3, 4, 6, 8)
"""The numbers of runs over which `tuned` tries to average."""

SHARES = (0.0, 0.5, 1.0)
"""The weights with which `tuned` moves a class towards the mean of all classes."""

BUDGETS = (1.0, 0.7, 0.5, 0.35)
"""Parts of the allowed false accepts that `tuned` tries to use up on the streams by which it chooses."""

PARTS = 5
"""Parts of each stream, which `tuned` holds out in turn."""

WORDS_A_FALSE_ACCEPT = 3.0
"""The cost of one false accept more than allowed, in missed words, when `tuned` scores a rule."""

Counts = npt.NDArray[np.int64]

_FINENESS = 4  # steps into which one false accept of a budget is divided
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Detection:
    """A decision compared with the labels.

    - time: seconds from the beginning of the recording.
    - label: the class that fired.
    - score: its averaged score, 0 .. 1.
    - right: whether that word was said, and not decided before.
    - latency: seconds from the end of the word to the decision; None if it is wrong.
    """

    time: float
    label: str
    score: float
    right: bool
    latency: float | None


def judged(
    decisions: Sequence[Decision], events: Sequence[SpokenWord], labels: Sequence[str], rate: float
) -> tuple[Detection, ...]:
    """Compares decisions with labels.

    A decision is correct if its word begins before it and ends at most `LATE_S` before it. Only the first one for a
    word counts; every other decision is a false accept.

    - decisions: the decisions of a detector, in order of time.
    - events: the words that were said.
    - labels: names of the classes.
    - rate: samples a second.
    """
    left = list(events)
    found = []
    for one in decisions:
        time, label = one.time / rate, labels[one.class_index]
        match = next((e for e in left if e.label == label and e.start <= time <= e.end + LATE_S), None)
        if match is not None:
            left.remove(match)
        latency = None if match is None else time - match.end
        found.append(Detection(time, label, one.score / CERTAIN, match is not None, latency))
    return tuple(found)


@dataclass(frozen=True)
class DetPoint:
    """A point of a DET curve (detection error trade-off).

    - threshold: the threshold of all classes, 0 .. 1.
    - miss_rate: the share of words that are not detected.
    - false_accepts_per_hour: decisions without a word, per hour.
    """

    threshold: float
    miss_rate: float
    false_accepts_per_hour: float


def words_of(plan_labels: Sequence[str], detector: Detector) -> tuple[str, ...]:
    """Returns the labels of the classes that can fire."""
    return tuple(label for i, label in enumerate(plan_labels) if i not in detector.never)


def det_curve(heard: Heard, events: Sequence[SpokenWord], detector: Detector) -> tuple[DetPoint, ...]:
    """Returns the DET curve of a detector: a point for each of `THRESHOLDS`, which all classes share.

    - heard: the scores of a network for the stream, run by run.
    - events: the words that the detector should detect, and no others.
    - detector: the detector, whose own thresholds are not used.
    """
    points = []
    for threshold in THRESHOLDS:
        one = replace(detector, thresholds=(threshold,) * len(detector.thresholds))
        found = judged(heard.decide(one), events, heard.plan.labels, heard.plan.rate)
        right = sum(d.right for d in found)
        points.append(
            DetPoint(
                threshold / CERTAIN,
                1 - right / len(events) if events else 0.0,
                (len(found) - right) * 3600 / heard.seconds,
            )
        )
    return tuple(points)


def tuned(
    heard: Sequence[Heard], events: Sequence[Sequence[SpokenWord]], detector: Detector, per_hour: float
) -> Detector:
    """Returns the detector that is expected to detect most words with at most this many false accepts an hour.

    The best thresholds for one stream are too low for others, since by chance a word had few false accepts there and
    got a low one. So there are several rules that derive thresholds from streams. They differ in the number of averaged
    runs (`AVERAGES`), in how far each class moves towards the mean of all (`SHARES`), and in the part of the allowed
    false accepts that they use up (`BUDGETS`).

    The rules are compared by cross-validation: the streams are divided into parts, and each rule chooses thresholds by
    all parts but one and is scored on that one, for every part. A false accept more than allowed in a held-out part
    counts as `WORDS_A_FALSE_ACCEPT` missed words. The rule that detects most then chooses by all parts, within the
    allowed false accepts. If the given detector stays within them and detects more on these streams, by which it was
    not chosen, it is returned instead.

    - heard: the network's scores for each stream.
    - events: the words of each stream that should be detected.
    - detector: the detector whose hop, refractory times, gate and never-firing classes are kept.
    - per_hour: allowed false accepts per hour.
    """
    allowed = per_hour * sum(h.seconds for h in heard) / 3600
    able = np.array([i not in detector.never for i in range(len(detector.thresholds))])
    right, wrong = _totals(heard, events, detector)
    best, chosen = _merit(right, wrong, allowed) if wrong <= allowed else (-math.inf, 0), detector
    for average in AVERAGES:
        counts = _counts(heard, events, replace(detector, average=average))
        for share in SHARES:
            results = {budget: [0, 0] for budget in BUDGETS}
            for part in range(PARTS):
                others = counts.without(part)
                budgets = [budget * allowed * (PARTS - 1) / PARTS for budget in BUDGETS]
                for budget, levels in zip(BUDGETS, others.best_levels(share, budgets, able), strict=True):
                    results[budget][0] += int(counts.right[able, levels[able], part].sum())
                    results[budget][1] += int(counts.wrong[able, levels[able], part].sum())
            for budget, (right, wrong) in results.items():
                merit = _merit(right, wrong, allowed)
                if merit > best:
                    (levels,) = counts.best_levels(share, [budget * allowed], able)
                    thresholds = tuple(THRESHOLDS[level] for level in levels.tolist())
                    best, chosen = merit, replace(detector, average=average, thresholds=thresholds)
    return chosen


def _merit(right: int, wrong: int, allowed: float) -> tuple[float, int]:
    """Returns a result's worth in words, and minus its false accepts; the larger of two results is better.

    - right, wrong: correct decisions and false accepts.
    - allowed: the allowed false accepts; each further one costs `WORDS_A_FALSE_ACCEPT`.
    """
    return right - WORDS_A_FALSE_ACCEPT * max(0.0, wrong - allowed), -wrong


def _totals(heard: Sequence[Heard], events: Sequence[Sequence[SpokenWord]], detector: Detector) -> tuple[int, int]:
    """Returns the correct decisions and the false accepts of a detector on streams."""
    found = [
        one
        for h, said in zip(heard, events, strict=True)
        for one in judged(h.decide(detector), said, h.plan.labels, h.plan.rate)
    ]
    right = sum(one.right for one in found)
    return right, len(found) - right


@dataclass(frozen=True, eq=False)
class DecisionCounts:
    """The decisions for each class at each of `THRESHOLDS`, by parts of the streams.

    - right, wrong: correct decisions and false accepts, `[classes, thresholds, parts]`.
    - said: how often each class was said, `[classes, parts]`.
    """

    right: Counts
    wrong: Counts
    said: Counts

    def without(self, part: int) -> DecisionCounts:
        """Returns the counts without one part."""
        return DecisionCounts(*(np.delete(x, part, -1) for x in (self.right, self.wrong, self.said)))

    def best_levels(self, share: float, budgets: Sequence[float], able: npt.NDArray[np.bool_]) -> list[Counts]:
        """Returns the thresholds that detect most words, for each budget, as indices into `THRESHOLDS`, `[classes]`.

        The false accepts of a budget are divided among the classes by dynamic programming, since no class's threshold
        affects the others. A class counts with its own false accepts, or more if the mean of all classes is higher; its
        detections count in part as the mean.

        - share: the weight of the mean, 0 .. 1.
        - budgets: allowed false accepts.
        - able: which classes can fire, `[classes]`; the others get the highest threshold.
        """
        right, wrong, said = self.right.sum(-1), self.wrong.sum(-1), self.said.sum(-1)
        more = share * np.maximum(0, wrong[able].mean(0) - wrong)
        costs = np.ceil((wrong + more) * _FINENESS - _ROUNDING).astype(np.int64)
        gains = (1 - share) * right + share * np.outer(said / max(1, said.sum()), right[able].sum(0))
        states = 1 + int(max(budgets) * _FINENESS)
        best = np.zeros(states)  # the most detections with at most so many false accepts
        taken: dict[int, Counts] = {}
        for c in np.flatnonzero(able).tolist():
            after, level = np.full(states, -1.0), np.full(states, -1)
            for place in reversed(range(len(THRESHOLDS))):  # ties go to the highest threshold
                cost = int(costs[c, place])
                if cost < states:
                    reached = np.full(states, -1.0)
                    reached[cost:] = best[: states - cost] + gains[c, place]
                    better = reached > after + _ROUNDING
                    after[better], level[better] = reached[better], place
            # If even the highest threshold has too many, the class is as quiet as it can be.
            best, taken[c] = np.where(level < 0, best, after), level
        found = []
        for budget in budgets:
            left, levels = int(budget * _FINENESS), np.full(len(able), len(THRESHOLDS) - 1)
            for c in reversed(taken):
                if taken[c][left] >= 0:
                    levels[c] = taken[c][left]
                    left -= int(costs[c, levels[c]])
            found.append(levels)
        return found


def _counts(heard: Sequence[Heard], events: Sequence[Sequence[SpokenWord]], detector: Detector) -> DecisionCounts:
    """Counts the decisions for each class by threshold; each stream is divided into `PARTS` of equal length."""
    classes = len(detector.thresholds)
    counts = np.zeros((2, classes, len(THRESHOLDS), PARTS), np.int64)
    said = np.zeros((classes, PARTS), np.int64)
    for h, words in zip(heard, events, strict=True):
        for event in words:
            said[h.plan.labels.index(event.label), _part(event.end, h)] += 1
        for place, threshold in enumerate(THRESHOLDS):
            decisions = h.decide(replace(detector, thresholds=(threshold,) * classes))
            for decision, one in zip(decisions, judged(decisions, words, h.plan.labels, h.plan.rate), strict=True):
                counts[int(not one.right), decision.class_index, place, _part(one.time, h)] += 1
    return DecisionCounts(counts[0], counts[1], said)


def _part(time: float, heard: Heard) -> int:
    """Returns the part of a stream in which a time lies."""
    return min(PARTS - 1, int(PARTS * time / heard.seconds))
