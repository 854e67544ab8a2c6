"""Label files, which give the beginning and the end of every word in a recording: Audacity's text, and CSV."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from micronets.cells import SEPARATOR, number_in, with_point
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


_START = ("start", "begin", "from", "onset", "start_time", "begin_time")
_END = ("end", "stop", "to", "until", "offset", "end_time", "stop_time")
_LENGTH = ("duration", "length")
_LABEL = ("label", "labels", "class", "word", "event", "event_label", "name", "text", "category", "annotation")
_UNITS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3}
_SEPARATORS = ("\t", ",", ";")


@dataclass(frozen=True)
class _Columns:
    """Which cell of a line is what, numbers from 0.

    - start, stop, label: the beginning, the end and the label.
    - factors: seconds of a unit of beginning and end.
    - lasts: the second is not the end but the length.
    """

    start: int = 0
    stop: int = 1
    label: int = 2
    factors: tuple[float, float] = (1.0, 1.0)
    lasts: bool = False


def read_labels(path: Path, known: Collection[str] | None, seconds: float) -> tuple[SpokenWord, ...]:
    """Reads a label file: a line for each word, start, end and label, divided by tabs (Audacity), commas or semicolons.

    - path: the label file.
    - known: the labels that there may be; None for any.
    - seconds: length of the recording.

    A first line of headings tells the order of the columns, whether there is a length in place of an end, and the unit
    (`start (ms)`). Between tabs or semicolons a number may have a decimal comma. Lines that begin with `#` are left
    out, and so are those that begin with a backslash, in which Audacity keeps frequencies. Returns the words in the
    order of time. Raises `DataError`, which names the line, for a file of another form, for times that are reversed,
    overlap or lie outside the recording, and for unknown labels.
    """
    try:
        text = read_plain_text(path)
    except OSError as e:
        raise DataError(f"{path}: cannot read these labels ({e.strerror}); check the path and its permissions") from e
    except ValueError as e:
        raise DataError(f"{path}: is no text ({e}); export labels from Audacity, or write start,end,label lines") from e
    found: list[tuple[int, SpokenWord]] = []
    columns: _Columns | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(("\\", "#")) or (number == 1 and SEPARATOR.match(line)):
            continue
        where = f"{path}, line {number}"
        if columns is None and (columns := _headings(line, where)) is not None:
            continue
        columns = columns or _Columns()
        found.append((number, _event(line, columns, where, known, seconds)))
    found.sort(key=lambda one: one[1].start)
    for (first, a), (second, b) in pairwise(found):
        if b.start < a.end:
            raise DataError(
                f"{path}, line {second}: begins at {b.start:g} s, before line {first} ends at {a.end:g} s; labels may "
                "not overlap"
            )
    return tuple(event for _, event in found)


def labels_beside(path: Path) -> Path | None:
    """Returns the label file of a recording, of its name with the ending `.csv` or `.txt`; None if there is none.

    Raises `DataError` if there are two.
    """
    found = [file for file in (path.with_suffix(ending) for ending in LABEL_SUFFIXES) if file.is_file()]
    if len(found) > 1:
        raise DataError(f"{path}: has two label files, {found[0].name} and {found[1].name}; keep one")
    return found[0] if found else None


def _cells(line: str, separator: str, where: str) -> list[str]:
    """Returns the cells of a line. Raises `DataError` for a quotation mark that is not closed."""
    if separator == "\t":
        return [with_point(cell.strip()) for cell in line.split(separator)]
    try:
        cells = next(csv.reader([line.strip()], strict=True, delimiter=separator, skipinitialspace=True))
    except csv.Error as e:
        raise DataError(
            f"{where}: a quotation mark is opened and not closed, or stands inside a cell; write what is heard without"
        ) from e
    return [cell.strip() if separator == "," else with_point(cell.strip()) for cell in cells]


def _headings(line: str, where: str) -> _Columns | None:
    """Reads a first line; returns None for one that is no line of headings, as it has a number among its first cells.

    Raises `DataError` for headings that do not tell which columns are start, end and label.
    """
    separator = next((one for one in _SEPARATORS if one in line), ",")
    cells = _cells(line, separator, where)
    if any(character.isdigit() for cell in cells[:2] for character in cell[:1]) or len(cells) < 3:
        return None
    named = [_plain_heading(cell) for cell in cells]

    def column(names: Collection[str]) -> int | None:
        return next((k for k, (name, _) in enumerate(named) if name in names), None)

    start, stop, length, label = column(_START), column(_END), column(_LENGTH), column(_LABEL)
    end = length if stop is None else stop
    if start is None and stop is None and length is None and label is None:
        return None
    left = [k for k in range(len(cells)) if k not in (start, end)]
    label = left[0] if label is None and len(left) == 1 else label
    units = [None if k is None else _UNITS.get(named[k][1]) for k in (start, end)]
    if start is None or end is None or label is None or units[0] is None or units[1] is None:
        raise DataError(
            f"{where}: the headings '{','.join(cells)[:60]}' name no start, end and label, in seconds or ms"
        )
    return _Columns(start, end, label, (units[0], units[1]), stop is None)


def _plain_heading(heading: str) -> tuple[str, str]:
    """Returns a heading in small letters with `_` for spaces, without its unit; and that unit, else "s"."""
    words = [word for word in re.split(r"[\W_]+", heading.casefold()) if word]
    bracketed = re.search(r"[(\[]", heading) is not None
    if len(words) > 1 and (words[-1] in _UNITS or bracketed):
        return "_".join(words[:-1]), words[-1]
    return "_".join(words), "s"


def _event(line: str, columns: _Columns, where: str, known: Collection[str] | None, seconds: float) -> SpokenWord:
    """Returns the word of a line; where: the beginning of error messages. Raises `DataError`."""
    start, end, label = _parts(line, columns, where)
    if not (math.isfinite(start) and math.isfinite(end)) or start < 0 or end > seconds + _SLACK_S:
        raise DataError(f"{where}: {start:g} to {end:g} s; the recording lasts from 0 to {seconds:g} s")
    if end < start:
        raise DataError(f"{where}: ends at {end:g} s, before it begins at {start:g} s; exchange the two")
    if not label:
        raise DataError(f"{where}: {start:g} to {end:g} s has no label; write what is heard then")
    if known is not None and label not in known:
        raise DataError(f"{where}: label '{label}' is none of the model's; {did_you_mean(label, known)}")
    return SpokenWord(start, end, label)


def _parts(line: str, columns: _Columns, where: str) -> tuple[float, float, str]:
    """Returns start and end, in seconds, and label of a line. Raises `DataError`."""
    for separator in _SEPARATORS:
        cells = _cells(line, separator, where) if separator in line else []
        if len(cells) <= max(columns.start, columns.stop, columns.label):
            continue
        start, stop = number_in(cells[columns.start]), number_in(cells[columns.stop])
        if start is not None and stop is not None:
            start, stop = start * columns.factors[0], stop * columns.factors[1]
            return start, start + stop if columns.lasts else stop, cells[columns.label]
    shown = ",".join(line.split("\t"))[:40]
    raise DataError(f"{where}: '{shown}' is not start, end, label; write seconds, as in 1.25,1.80,yes")
