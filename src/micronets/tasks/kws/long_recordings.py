"""Long recordings with label files as examples: windows around labels, and windows of the rest.

For a recording `day1.wav`, the label file `day1.csv` or `day1.txt` says what is heard from when to when
(`frontend.labels`). Each label gives one window, or as many as fit if it is long. The time between labels is cut into
windows, too: those far softer than the labelled ones become `_silence_`, the others `_unknown_`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.frontend import FrontEnd, features, read_recording, resample
from micronets.frontend.labels import SpokenWord, labels_beside, read_labels
from micronets.frontend.recording import SOUND_SUFFIXES
from micronets.tasks.base import SPLITS
from micronets.tasks.kws.data import SILENCE, UNKNOWN
from micronets.tasks.long_windows import Cut, LabelledPair, LabelledPairs, divided, is_everywhere, thinned
from micronets.tasks.long_windows import cuts as cut_recordings
from micronets.tasks.names import check_utf8
from micronets.terminal import counted

SOFTER_DB = 20.0
"""A window of the rest is silence if it is this many dB softer than the median of the labelled ones."""


Float = npt.NDArray[np.float32]


def find_recordings(path: Path) -> LabelledPairs | None:
    """Finds recordings with label files; None if `path` holds data of another kind.

    - `path`: a recording, or a directory of recordings without folders.

    Raises `DataError` for a recording without a label file.
    """
    if path.is_file() and path.suffix.lower() in SOUND_SUFFIXES:
        labels = labels_beside(path)
        if labels is None:
            raise DataError(
                f"{path}: a recording without labels; write start, end and label of what is heard into "
                f"{path.with_suffix('.csv').name} beside it, or give a folder of recordings per class"
            )
        return LabelledPairs(path, (LabelledPair(path, labels),), ())
    if not path.is_dir():
        return None
    here = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    check_utf8(here)
    recordings = [p for p in here if p.is_file() and p.suffix.lower() in SOUND_SUFFIXES]
    labelled = {p: labels_beside(p) for p in recordings}
    if any(p.is_dir() for p in here) or not any(labelled.values()):
        return None
    without = [p.name for p, labels in labelled.items() if labels is None]
    left_out = f"{path}: {counted(len(without), 'recordings')} without a label file left out (first: {{}})"
    notes = (left_out.format(without[0]),) if without else ()
    return LabelledPairs(
        path, tuple(LabelledPair(p, labels) for p, labels in labelled.items() if labels is not None), notes
    )


@dataclass(frozen=True, eq=False)
class LabelledClips:
    """Windows by split.

    - classes: the labels, and `_silence_` and `_unknown_` if there are such windows, sorted.
    - features: those of `frontend.features`, by split, `[N, T, M]`.
    - target: class indices by split, `[N]`.
    - notes: remarks for the user.
    """

    classes: tuple[str, ...]
    features: dict[str, npt.NDArray[Any]]
    target: dict[str, npt.NDArray[np.int64]]
    notes: tuple[str, ...]


def clips(pairs: LabelledPairs, fe: FrontEnd, splits: Sequence[str], test: bool) -> LabelledClips:
    """Cuts recordings into windows of the front end's length, and divides them.

    Whole recordings go to one split if there are enough of them for every class to be in every split. Otherwise each is
    divided in time, between labels, into parts that go to one split; no window extends over two parts.

    - `pairs`: the recordings and their label files.
    - `fe`: the front end, which computes the features and gives the length of a window.
    - `splits`: the splits to read, or "all" for everything; the others stay empty.
    - `test`: whether a tenth is held out for "test".

    Raises `DataError` for recordings or labels that cannot be used, and for labels too few to be divided.
    """
    sounds = [_read(pair, None, fe) for pair in pairs.found]
    parts = ["val", "test"] if test else ["val"]
    notes = list(pairs.notes)
    labels = sorted({event.label for _, events in sounds for event in events})
    if not labels:
        raise DataError(f"{pairs.root}: the label files have no labels; write start, end and label of what is heard")
    if "all" in splits:
        cuts = cut_recordings(pairs, sounds, fe.sample_rate, fe.clip_samples, 1)
        split_of, parts = {cut.part: "all" for cut in cuts}, []
    else:
        cuts, split_of, how = divided(pairs, sounds, fe.sample_rate, fe.clip_samples, parts)
        notes.append(how)
    cuts = _with_rest(cuts, labels, split_of, parts)
    classes = tuple(sorted({cut.label for cut in cuts if cut.label is not None}))
    if len(classes) < 2 and "all" not in splits:
        raise DataError(
            f"{pairs.root}: only one class, '{classes[0]}', and no {fe.clip_ms / 1000:g} s between its labels; record "
            "something else, too"
        )
    counts = ", ".join(f"{sum(cut.label == c for cut in cuts)} {c}" for c in classes)
    notes.append(f"{pairs.root.name}: windows of {fe.clip_ms / 1000:g} s around labels and between them: {counts}")
    x, y = {}, {}
    for split in (*SPLITS, *(["all"] if "all" in splits else [])):
        chosen = [cut for cut in cuts if split_of[cut.part] == split] if split in splits else []
        x[split] = features([cut.samples for cut in chosen], fe)
        y[split] = np.array([classes.index(cut.label or "") for cut in chosen], np.int64)
    return LabelledClips(classes, x, y, tuple(notes))


def held_out_windows(
    pairs: LabelledPairs, classes: Sequence[str], fe: FrontEnd
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], tuple[str, ...]]:
    """Cuts recordings into windows, all of them test data; returns features, class indices `[N]` and notes.

    - `pairs`: the recordings with their label files.
    - `classes`: the names of the classes, in the order of their indices.
    - `fe`: the front end, which gives the length of a window and computes the features.

    Windows of the rest are left out if the classes have neither `_silence_` nor `_unknown_`. Raises `DataError`, also
    for a label that is not among the classes.
    """
    sounds = [_read(pair, classes, fe) for pair in pairs.found]
    cuts = cut_recordings(pairs, sounds, fe.sample_rate, fe.clip_samples, 1)
    cuts = _with_rest(cuts, [c for c in classes if c not in (SILENCE, UNKNOWN)], {}, ())
    cuts = [cut for cut in cuts if cut.label in classes]
    target = np.array([classes.index(cut.label or "") for cut in cuts], np.int64)
    absent = [c for i, c in enumerate(classes) if not (target == i).any()]
    missing = (f"{pairs.root}: no test clips for {', '.join(absent)}",) if absent else ()
    return features([cut.samples for cut in cuts], fe), target, (*pairs.notes, *missing)


def _read(pair: LabelledPair, known: Sequence[str] | None, fe: FrontEnd) -> tuple[Float, tuple[SpokenWord, ...]]:
    """Reads a recording at the front end's rate, and its labels."""
    found = read_recording(pair.recording)
    samples = resample(found.samples, found.rate, fe.sample_rate)
    return samples, read_labels(pair.labels, known, len(samples) / fe.sample_rate)


def _with_rest(
    cuts: Sequence[Cut], labels: Sequence[str], split_of: Mapping[str, str], parts: Sequence[str]
) -> list[Cut]:
    """Gives windows of the rest a label, `_silence_` or `_unknown_`, and drops most if there are many.

    If one of the two would not be in every split, its windows join the other; if neither would be, all are dropped.

    - `labels`: those of the label files.
    - `split_of`: the split of each part.
    - `parts`: the splits that must have every class.
    """
    words, rest = thinned(cuts, len(labels))
    if not words or not rest:
        return list(words)
    level = float(np.median([_decibels(cut.samples) for cut in words])) - SOFTER_DB
    named = [Cut(c.part, SILENCE if _decibels(c.samples) < level else UNKNOWN, c.samples) for c in rest]
    for label, other in ((SILENCE, UNKNOWN), (UNKNOWN, SILENCE)):
        if any(cut.label == label for cut in named) and not is_everywhere(label, [*named, *words], split_of, parts):
            named = [Cut(c.part, other, c.samples) if c.label == label else c for c in named]
            if not is_everywhere(other, [*named, *words], split_of, parts):
                named = [c for c in named if c.label != other]
    return [*words, *named]


def _decibels(samples: Float) -> float:
    """Returns the RMS of samples in dB above one int16 unit, at least 0."""
    return (
        20 * math.log10(max(1.0, float(np.sqrt(np.square(samples, dtype=np.float64).mean())))) if len(samples) else 0.0
    )
