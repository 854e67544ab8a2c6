"""Long recordings of a sensor, with a line per sample, and the examples that label files beside them define.

For a recording `day1.csv` or `day1.npy`, the label file `day1.labels.csv`, `day1.labels.txt` or `day1.txt` says what
happens from when to when (`frontend.labels`). Each label gives one window, or as many as fit if it is long; the time
between labels becomes windows of `_unknown_`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.frontend.gaps import Gap, LongRecording, closed
from micronets.frontend.labels import SpokenWord, read_labels
from micronets.tasks.arrays.folders import ARRAY_SUFFIXES, FORMS, SplitArrays, checked_complete, read_array
from micronets.tasks.arrays.tables import read_times
from micronets.tasks.long_windows import Cut, LabelledPair, LabelledPairs, cuts, divided, is_everywhere, thinned
from micronets.tasks.names import check_utf8
from micronets.terminal import counted

Floats = npt.NDArray[np.float64]

UNKNOWN = "_unknown_"
"""The class of the time between labels."""

LABEL_ENDINGS = (".labels.csv", ".labels.txt", ".txt")
"""What the name of a label file has in place of the recording's suffix."""

_OTHER_RATE = 0.02  # the share by which the rate of a recording may differ from that of the front end


def read_samples(path: Path, axes: int | None, rate: float) -> LongRecording:
    """Reads a recording of a sensor.

    - path: a .csv with a line per sample (see `tables.read_tables`), or a .npy `[samples, axes]`.
    - axes: how many numbers a sample must have; None for any.
    - rate: samples a second that it must have. A .csv shows its rate by a column of times in seconds, milliseconds or
      microseconds, according to its heading, or of dates; other files are assumed to have this rate.

    Returns the samples `[n, axes]` in the units of the file, with the gaps in its times, and notes. Raises `DataError`.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such recording; give a .csv or a .npy, a line for each sample")
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        raise DataError(f"{path}: not a recording of a sensor; give a .csv or a .npy, a line for each sample")
    found, notes = read_array(path)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2 or (axes is not None and found.shape[1] != axes):
        want = "[samples, axes]" if axes is None else f"{counted(axes, 'numbers')} a sample, as the network has"
        raise DataError(f"{path}: holds {list(found.shape)}; need {want}")
    times = None if path.suffix.lower() != ".csv" else read_times(path)
    gaps = () if times is None else _gaps(times, path, rate)
    if times is not None and gaps:
        first = float(times[gaps[0].at - 1] - times[0])
        told = f"{path}: {counted(len(gaps), 'gaps')} in its times, the first after {first:.2f} s"
        notes += (f"{told}; listening starts anew after each gap, but windows of training data do not consider them",)
    return LongRecording(np.asarray(found, np.float64), gaps, notes)


def _gaps(times: Floats, path: Path, rate: float) -> tuple[Gap, ...]:
    """Returns the gaps between the times of samples, in seconds; raises `DataError` for times of another rate."""
    steps = np.diff(times)
    gaps = steps > 1.5 * np.median(steps)
    own = float(1 / steps[~gaps].mean())
    if abs(own - rate) > _OTHER_RATE * rate:
        raise DataError(
            f"{path}: its times show {own:.6g} samples a second; the front end needs {rate:g}: resample the "
            "recording, or leave its times out if they are wrong"
        )
    lost = np.rint(steps * rate).astype(np.int64) - 1
    return tuple(Gap(at + 1, int(lost[at])) for at in np.flatnonzero(gaps & (lost > 0)).tolist())


def pairs_at(path: Path) -> LabelledPairs | None:
    """Finds recordings with label files; None if `path` holds data of another kind.

    - path: a recording, or a directory of recordings without folders.

    Raises `DataError` for a single recording without a label file, and for one with two.
    """
    if path.is_file() and path.suffix.lower() in ARRAY_SUFFIXES:
        labels = _labels_beside(path)
        if labels is None:
            raise DataError(
                f"{path}: one table; give {FORMS}, or write start, end and label of what happens in it into "
                f"{path.with_suffix(LABEL_ENDINGS[0]).name} beside it"
            )
        return LabelledPairs(path, (LabelledPair(path, labels),), ())
    if not path.is_dir():
        return None
    here = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    tables = [p for p in here if p.is_file() and p.suffix.lower() in ARRAY_SUFFIXES and not _is_labels(p)]
    labelled = {p: _labels_beside(p) for p in tables}
    if any(p.is_dir() for p in here) or not any(labelled.values()):
        return None
    check_utf8(here)
    without = [p.name for p, labels in labelled.items() if labels is None]
    left_out = f"{path}: {counted(len(without), 'recordings')} without a label file left out (first: {{}})"
    notes = (left_out.format(without[0]),) if without else ()
    return LabelledPairs(
        path, tuple(LabelledPair(p, labels) for p, labels in labelled.items() if labels is not None), notes
    )


def _is_labels(path: Path) -> bool:
    return path.name.lower().endswith(LABEL_ENDINGS)


def _labels_beside(path: Path) -> Path | None:
    """Returns the label file of a recording, or None. Raises `DataError` if there are two."""
    found = [file for file in (path.with_suffix(ending) for ending in LABEL_ENDINGS) if file.is_file()]
    if len(found) > 1:
        raise DataError(f"{path}: has two label files, {found[0].name} and {found[1].name}; keep one")
    return found[0] if found else None


def cut_windows(pairs: LabelledPairs, size: int, rate: float, trained: bool) -> SplitArrays:
    """Cuts recordings into windows and divides them, see `long_windows.divided`.

    - size: samples of a window.
    - rate: samples a second of the recordings.
    - trained: whether all splits are needed; otherwise every window is "train".

    Raises `DataError` for recordings or labels that cannot be used, and for labels too few to be divided.
    """
    signals: list[tuple[Floats, tuple[SpokenWord, ...]]] = []
    notes, axes = list(pairs.notes), None
    for pair in pairs.found:
        recorded = read_samples(pair.recording, axes, rate)
        samples = recorded.samples
        if len(samples) < size:
            raise DataError(
                f"{pair.recording}: has {len(samples)} samples; a window has {size}: make a longer recording"
            )
        axes = samples.shape[1]
        events = read_labels(pair.labels, None, recorded.total / rate)
        signals.append((samples, closed(events, recorded.gaps, rate)))
        notes += recorded.notes
    labels = sorted({event.label for _, events in signals for event in events})
    if not labels:
        raise DataError(f"{pairs.root}: the label files have no labels; write start, end and label of what happens")
    parts: Sequence[str] = ("val", "test") if trained else ()
    if trained:
        found, split_of, how = divided(pairs, signals, rate, size, parts)
        notes.append(how)
    else:
        found = cuts(pairs, signals, rate, size, 1)
        split_of = {cut.part: "train" for cut in found}
    labelled, rest = thinned([cut for cut in found if len(cut.samples) == size], len(labels))
    named = [Cut(cut.part, UNKNOWN, cut.samples) for cut in rest]
    kept = [*labelled, *(named if is_everywhere(UNKNOWN, [*labelled, *named], split_of, parts) else ())]
    if not kept:
        raise DataError(f"{pairs.root}: no window of {size} samples fits into its parts; give a smaller window")
    classes = tuple(sorted({cut.label for cut in kept if cut.label is not None}))
    counts = ", ".join(f"{sum(cut.label == c for cut in kept)} {c}" for c in classes)
    notes.append(f"{pairs.root.name}: windows of {size} samples around labels and between them: {counts}")
    whole = SplitArrays(
        classes,
        np.stack([cut.samples for cut in kept]).astype(np.float32),
        np.array([classes.index(cut.label or "") for cut in kept], np.int64),
        np.array([split_of[cut.part] for cut in kept]),
        tuple(notes),
    )
    return checked_complete(whole, str(pairs.root)) if trained else whole
