"""Label files, which give the beginning and the end of every word in a recording: Audacity's text, and CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from micronets.errors import DataError, did_you_mean
from micronets.files import read_plain_text

LABEL_SUFFIXES = (".csv", ".txt")
"""Endings of label files."""

_SLACK_S = 0.05  # seconds by which the last label may end after the recording, as editors round times


@dataclass(frozen=True)
class SpokenWord:
    """A word in a recording.

    - start, end: the time at which it is said, in seconds from the beginning.
    - label: the word.
    """

    start: float
    end: float
    label: str


def read_labels(path: Path, known: Collection[str] | None, seconds: float) -> tuple[SpokenWord, ...]:
    """Reads a label file: a line for each word, start, end and label, divided by tabs (Audacity) or commas (CSV).

    - path: the label file.
    - known: the labels that there may be; None for any.
    - seconds: length of the recording.

    A first line of headings is left out, and so are lines that begin with a backslash, in which Audacity keeps
    frequencies. Returns the words in the order of time. Raises `DataError`, which names the line, for a file of another
    form, for times that are reversed, overlap or lie outside the recording, and for unknown labels.
    """
    try:
        text = read_plain_text(path)
    except OSError as e:
        raise DataError(f"{path}: cannot read these labels ({e.strerror}); check the path and its permissions") from e
    except ValueError as e:
        raise DataError(f"{path}: is no text ({e}); export labels from Audacity, or write start,end,label lines") from e
    found: list[tuple[int, SpokenWord]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("\\"):
            continue
        cells = line.split("\t") if "\t" in line else next(csv.reader([line]))
        cells = [cell.strip() for cell in cells]
        if not found and cells[0].casefold() in ("start", "begin", "from"):
            continue
        found.append((number, _event(cells, f"{path}, line {number}", known, seconds)))
    found.sort(key=lambda one: one[1].start)
    for (first, a), (second, b) in pairwise(found):
        if b.start < a.end:
            raise DataError(
                f"{path}, line {second}: begins at {b.start:g} s, before line {first} ends at {a.end:g} s; labels may "
                "not overlap"
            )
    return tuple(event for _, event in found)


def labels_beside(path: Path) -> Path | None:
    """Returns the label file of a recording, of its name with the ending `.csv` or `.txt`; None where there is none.

    Raises `DataError` where there are two.
    """
    found = [file for file in (path.with_suffix(ending) for ending in LABEL_SUFFIXES) if file.is_file()]
    if len(found) > 1:
        raise DataError(f"{path}: has two label files, {found[0].name} and {found[1].name}; keep one")
    return found[0] if found else None


def _event(cells: list[str], where: str, known: Collection[str] | None, seconds: float) -> SpokenWord:
    """Returns the word of a line; where: the beginning of error messages. Raises `DataError`."""
    try:
        start, end, label = float(cells[0]), float(cells[1]), cells[2]
    except (ValueError, IndexError):
        shown = ",".join(cells)[:40]
        raise DataError(f"{where}: '{shown}' is not start, end, label; write seconds, as in 1.25,1.80,yes") from None
    if not (math.isfinite(start) and math.isfinite(end)) or start < 0 or end > seconds + _SLACK_S:
        raise DataError(f"{where}: {start:g} to {end:g} s; the recording lasts from 0 to {seconds:g} s")
    if end < start:
        raise DataError(f"{where}: ends at {end:g} s, before it begins at {start:g} s; exchange the two")
    if not label:
        raise DataError(f"{where}: {start:g} to {end:g} s has no label; write what is heard then")
    if known is not None and label not in known:
        raise DataError(f"{where}: label '{label}' is none of the model's; {did_you_mean(label, known)}")
    return SpokenWord(start, end, label)
