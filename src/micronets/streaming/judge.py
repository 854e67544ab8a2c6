"""Decisions compared with labels: detections, misses, false accepts, latencies; and the detector that does best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from micronets.frontend.labels import SpokenWord
from micronets.streaming.detector import CERTAIN, Decision, Detector
from micronets.streaming.offline import Heard

LATE_S = 1.0
"""Seconds after the end of a word within which a decision for it counts as right."""

THRESHOLDS = tuple(range(CERTAIN // 32, CERTAIN + 1, CERTAIN // 64))
"""The thresholds of a DET curve, among which `tuned` chooses as well."""

AVERAGES = (1, 2, 3, 4, 6, 8)
"""Numbers of runs that `tuned` averages."""


@dataclass(frozen=True)
class Detection:
    """A decision, judged.

    - time: seconds from the beginning of the recording.
    - label: the class that fired.
    - score: its averaged score, 0 .. 1.
    - right: whether that word was said, and not decided before.
    - latency: seconds from the end of the word to the decision; None where it is wrong.
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

    A decision is right if its word begins before it and ends at most `LATE_S` before it. Only the first one for a word
    counts; every other decision is a false accept.

    - decisions: what a detector decided, in the order of time.
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
    - false_accepts_per_hour: decisions without a word, in an hour.
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
    """Returns the detector that detects most words of streams with at most so many false accepts an hour.

    For each number of runs to average, every class has its own counts of right decisions and false accepts by
    threshold, since no class's threshold changes what others do. The false accepts that are allowed are divided among
    the classes so that most words are detected in all (dynamic programming); of equal ones, those with fewest false
    accepts and then with the highest thresholds are taken.

    - heard: the network's scores for each stream.
    - events: the words of each stream that should be detected.
    - detector: the detector whose hop, refractory times, gate and classes that never fire are kept.
    - per_hour: false accepts an hour that are allowed.
    """
    allowed = int(per_hour * sum(h.seconds for h in heard) / 3600)
    best: tuple[tuple[int, int], Detector] | None = None
    for average in AVERAGES:
        counts = _counts(heard, events, replace(detector, average=average))
        key, thresholds = _divided(counts, allowed)
        if best is None or key > best[0]:
            best = key, replace(detector, average=average, thresholds=thresholds)
    assert best is not None, "there are averages"
    return best[1]


def _counts(
    heard: Sequence[Heard], events: Sequence[Sequence[SpokenWord]], detector: Detector
) -> list[list[tuple[int, int, int]]]:
    """Returns for each class the thresholds from the highest one down: (threshold, right decisions, false accepts)."""
    classes = len(detector.thresholds)
    rows: list[list[tuple[int, int, int]]] = [[] for _ in range(classes)]
    for threshold in reversed(THRESHOLDS):
        right, wrong = np.zeros(classes, int), np.zeros(classes, int)
        one = replace(detector, thresholds=(threshold,) * classes)
        for h, said in zip(heard, events, strict=True):
            decisions = h.decide(one)
            found = judged(decisions, said, h.plan.labels, h.plan.rate)
            for decision, detection in zip(decisions, found, strict=True):
                (right if detection.right else wrong)[decision.class_index] += 1
        for c in range(classes):
            rows[c].append((threshold, int(right[c]), int(wrong[c])))
    return rows


def _divided(counts: list[list[tuple[int, int, int]]], allowed: int) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Divides false accepts among classes. Returns (right decisions, -false accepts), and a threshold for each class.

    - counts: for each class, what `_counts` returns.
    - allowed: how many false accepts there may be.
    """
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}  # right decisions and thresholds by false accepts
    for rows in counts:
        new: dict[int, tuple[int, tuple[int, ...]]] = {}
        for used, (right, thresholds) in best.items():
            for threshold, more, wrong in rows:
                at = used + wrong
                if at <= allowed and (at not in new or right + more > new[at][0]):
                    new[at] = right + more, (*thresholds, threshold)
            if used not in new:  # where even the highest threshold has too many, the class is as quiet as it can be
                new[used] = right, (*thresholds, CERTAIN)
        best = new
    used, (right, thresholds) = max(best.items(), key=lambda item: (item[1][0], -item[0]))
    return (right, -used), thresholds
