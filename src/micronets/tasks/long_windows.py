"""Long recordings with label files, of any kind, cut into windows and divided into splits.

Each label gives one window, or as many as fit if it is long. The time between labels is cut into windows, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.frontend.labels import SpokenWord
from micronets.tasks.kws.folders import whole_groups
from micronets.terminal import counted

RecordedSamples = npt.NDArray[Any]

_MOST_REST = 10  # times the mean class: unlabelled windows that are kept, evenly spaced
_LEAST_REST = 100  # unlabelled windows that are kept in any case
_PARTS = 20  # maximum number of parts of a recording, if there are too few recordings to divide them whole


@dataclass(frozen=True)
class LabelledPair:
    """A recording and its label file."""

    recording: Path
    labels: Path


@dataclass(frozen=True)
class LabelledPairs:
    """The recordings with labels at a path, sorted, and notes."""

    root: Path
    found: tuple[LabelledPair, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Cut:
    """A window of a recording.

    - part: the name of the part of a recording that it is from; whole parts go to one split.
    - label: what is heard; None without a label.
    - samples: `[n]` or `[n, axes]`, at most those of a window.
    """

    part: str
    label: str | None
    samples: RecordedSamples


def divided(
    pairs: LabelledPairs,
    signals: Sequence[tuple[RecordedSamples, tuple[SpokenWord, ...]]],
    rate: float,
    size: int,
    parts: Sequence[str],
) -> tuple[list[Cut], dict[str, str], str]:
    """Returns windows, the split of each part of a recording, and a description of the division.

    Whole recordings go to one split if there are enough of them for every class to be in every split. Otherwise each is
    divided in time, between labels, into parts that go to one split; no window extends over two parts.

    - signals: samples and labels of each recording.
    - rate: samples a second.
    - size: samples of a window.
    - parts: the splits besides "train".

    Raises `DataError` for labels too few to be divided.
    """
    for most, how in (
        (1, "whole recordings go to one split"),
        (_PARTS, "recordings are divided in time, between labels"),
    ):
        found_cuts = cuts(pairs, signals, rate, size, most)
        groups: dict[str, dict[str, list[str]]] = {}
        for cut in found_cuts:
            if cut.label is not None:
                groups.setdefault(cut.part, {}).setdefault(cut.label, []).append(cut.part)
        found = whole_groups(groups, parts)
        if found is not None:
            split_of = {name: split for split, by in found.items() for some in by.values() for name in some}
            all_of = {cut.part: split_of.get(cut.part, "train") for cut in found_cuts}
            return found_cuts, all_of, f"{pairs.root.name}: {how}"
    counts = {label: 0 for _, events in signals for label in {e.label for e in events}}
    for _, events in signals:
        for event in events:
            counts[event.label] += 1
    rarest = min(counts, key=lambda label: (counts[label], label))
    raise DataError(
        f"{pairs.root}: too few labels to divide into train, {' and '.join(parts)}: '{rarest}' has "
        f"{counts[rarest]}; label more of it, or record it in another file and give that as data.test"
    )


def cuts(
    pairs: LabelledPairs,
    signals: Sequence[tuple[RecordedSamples, tuple[SpokenWord, ...]]],
    rate: float,
    size: int,
    most: int,
) -> list[Cut]:
    """Cuts recordings into windows, none of which extends over two parts of a recording.

    - pairs: the recordings and their label files.
    - signals: samples and labels of each recording.
    - rate: samples a second.
    - size: samples of a window.
    - most: the maximum number of parts of a recording.
    """
    found = []
    for pair, (samples, events) in zip(pairs.found, signals, strict=True):
        for number, (begin, end, some) in enumerate(_parts_of(events, len(samples), rate, most)):
            name = f"{pair.recording.name}, part {number}"
            for label, start, stop in windows(some, begin, end, rate, size):
                found.append(Cut(name, label, samples[start:stop]))
    return found


def _parts_of(
    events: Sequence[SpokenWord], length: int, rate: float, most: int
) -> list[tuple[int, int, Sequence[SpokenWord]]]:
    """Divides a recording between labels; returns the first sample, the end (exclusive) and the labels of each part.

    Parts have about equally many labels.
    """
    count = max(1, min(most, len(events)))
    groups = [events[len(events) * i // count : len(events) * (i + 1) // count] for i in range(count)]
    middles = [round(rate * (a[-1].end + b[0].start) / 2) for a, b in pairwise(groups)]
    return [(begin, end, some) for (begin, end), some in zip(pairwise([0, *middles, length]), groups, strict=True)]


def windows(
    events: Sequence[SpokenWord], begin: int, end: int, rate: float, size: int
) -> list[tuple[str | None, int, int]]:
    """Returns the windows of a part of a recording: label (None for the rest), first sample, and end (exclusive).

    - `events`: the labels of the recording, with their times in seconds.
    - `begin`, `end`: the first sample and the end (exclusive) of the part, which contains all windows.
    - `rate`: samples a second.
    - `size`: samples of a window; if the part is shorter, its windows have the part's length.
    """
    found: list[tuple[str | None, int, int]] = []
    rest = begin
    for event in events:
        start, stop = round(event.start * rate), min(round(event.end * rate), end)
        found += [(None, at, at + size) for at in tiles(rest, start, size)]
        rest = max(rest, stop)
        count = max(1, (stop - start) // size) if stop - start >= 2 * size else 1
        for i in range(count):
            centre = start + (stop - start) * (2 * i + 1) // (2 * count)
            first = max(begin, min(centre - size // 2, end - size))
            found.append((event.label, first, min(first + size, end)))
    return [*found, *((None, at, at + size) for at in tiles(rest, end, size))]


def tiles(begin: int, end: int, size: int) -> list[int]:
    """Returns the starts of adjacent windows of `size` samples, centred between `begin` and `end`."""
    count = max(0, (end - begin) // size)
    return [begin + (end - begin - count * size) // 2 + i * size for i in range(count)]


def stretches(count: int, parts: Sequence[str]) -> dict[str, range] | None:
    """Divides the adjacent windows of one recording among the splits: a stretch of time for each.

    The first stretch is for "train", the next ones are for `parts`, in their order: a tenth of the windows each, at
    least one. One window is left out between two stretches, so that their samples are neither shared nor adjacent.

    - count: the number of windows.
    - parts: the splits besides "train".

    Returns the windows of each split; None if there are fewer than `least_windows`.
    """
    if count < least_windows(parts):
        return None
    kept = count - len(parts)
    size = max(1, round(0.1 * kept))
    end = kept - size * len(parts)
    found = {"train": range(end)}
    for part in parts:
        found[part] = range(end + 1, end + 1 + size)
        end += 1 + size
    return found


def least_windows(parts: Sequence[str]) -> int:
    """Returns how many windows `stretches` needs: one per split, and one between two."""
    return 1 + 2 * len(parts)


def in_time_note(name: str, files: int, what: str, counts: Mapping[str, int]) -> str:
    """Returns the note on a class whose recordings are divided in time.

    - name: the class.
    - files: the number of its recordings.
    - what: the items that are counted, in the plural.
    - counts: their number in each split.
    """
    shown = ", ".join(f"{n} {split}" for split, n in counts.items())
    return (
        f"class '{name}': {counted(files, 'recordings')}, divided in time ({what}: {shown}); pieces of a recording are "
        "alike, so figures are optimistic"
    )


def thinned(found: Sequence[Cut], classes: int) -> tuple[list[Cut], list[Cut]]:
    """Returns the windows with a label, and those without; if the latter are many, only evenly spaced ones.

    - classes: the number of labels.
    """
    labelled, rest = [c for c in found if c.label is not None], [c for c in found if c.label is None]
    most = max(_LEAST_REST, _MOST_REST * len(labelled) // max(1, classes))
    if len(rest) > most:
        rest = [rest[i] for i in np.linspace(0, len(rest) - 1, most).round().astype(int)]
    return labelled, rest


def is_everywhere(label: str, found: Sequence[Cut], split_of: Mapping[str, str], parts: Sequence[str]) -> bool:
    """Returns whether windows of a label are in "train" and in each of the other splits.

    - label: the label.
    - found: all windows.
    - split_of: the split of each part of a recording.
    - parts: the other splits; if there are none, every label is everywhere.
    """
    return not parts or {"train", *parts} <= {split_of.get(cut.part) for cut in found if cut.label == label}
