"""CSV files of numbers: finds headings, columns that only count or show the time, and damage.

Headings and columns are decided over all files of a data set at once, because one file alone does not suffice: a first
line of numbers may be headings, and a rising column may be a measurement.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets.cells import SEPARATOR, number_in, with_point
from micronets.errors import DataError
from micronets.files import read_plain_text

LARGEST_NUMBER = 1e30
"""Larger magnitudes have no square in 32 bits, and do not count as finite."""

_MISSING = ("", "na", "n/a", "#n/a", "null", "none", "-", "--", "?")
_TIMES = ("time", "timestamp", "timestamps", "t", "date", "datetime", "seconds", "sec", "s", "ms", "us", "millis")
_UNITS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "millis": 1e-3, "us": 1e-6}
_COUNTERS = ("", "index", "idx", "id", "no", "nr", "row", "line", "sample", "frame", "#", "unnamed: 0")
_LABELS = ("label", "labels", "class", "target", "activity", "subject", "person", "user", "session", "id", "file")
_IS_LABEL = "gives the class, or who or what was recorded (it is the same in all lines of a file)"
_FEW, _MANY = 4, 8  # number of lines from which an even, or an uneven, rise of a column is no accident

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Table:
    """One file: its first line as text, and the numbers of all lines; cells of the first line without a number are NaN.

    - `lines`: the line number of each row in the file, from 1.
    - `clocks`: numbers of the columns, from 0, that hold dates or times of day.
    - `words`: numbers of the columns, from 0, with a heading such as `label`, that hold the same text in all lines.
    """

    path: Path
    first: tuple[str, ...]
    numbers: Floats
    lines: Sequence[int]
    clocks: frozenset[int]
    words: frozenset[int]


def read_tables(paths: Sequence[Path]) -> tuple[Mapping[Path, Floats], tuple[str, ...]]:
    """Reads CSV files that belong to one data set.

    Lines that begin with `#` are comments. Commas, semicolons, tabs or spaces separate the cells of a line; with
    semicolons or tabs, numbers may have a decimal comma. A first line `sep=;`, as Excel writes it, names the separator.
    The first line is headings

    - if none of its cells is a number and none marks a missing number (NaN, inf and numbers of any size are numbers),
    - or if it is the same in two files or more, occurs nowhere else in them, and has a cell of text, or numbers that
      rise from left to right.

    Three kinds of columns are left out, since a network would learn the order of the recordings, or the classes, from
    them:

    - a column that rises, or falls, by 1 from line to line in every file of at least four lines;
    - a column that shows the time: one that is called `time`, `timestamp` or `date`; any column of dates; or the first
      column, or one with a heading such as `time`, that rises in every file, evenly (at least four lines) or not
      (eight);
    - a column with a heading such as `label` that is the same in all lines of a file, a number or a text.

    Returns the numbers of each file, `[lines, columns]`, and notes on columns that were left out, or may be of these
    kinds. Raises `DataError` with the file, line and column of a cell that is not a finite number.
    """
    tables = [_read(path) for path in paths]
    if not tables:
        return {}, ()
    notes: list[str] = []
    headed = [_has_headings(t) for t in tables]
    if (
        all(t.first == tables[0].first for t in tables)
        and len(tables) > 1
        and not any(headed)
        and _first_line_is_unique(tables)
    ):
        text = ",".join(tables[0].first)
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        if _may_be_headings(tables[0].first):
            headed = [True] * len(tables)
            notes.append(f"the first line is the same in every .csv file, and taken for headings: {shown}")
        elif not np.isnan(tables[0].numbers[0]).any():
            notes.append(
                f"the first line is the same in every .csv file; it is taken for numbers, not for headings: {shown}"
            )
    bodies = [_body(t, head) for t, head in zip(tables, headed, strict=True)]
    names = next((t.first for t, head in zip(tables, headed, strict=True) if head), ())
    width = bodies[0].shape[1]
    if any(body.shape[1] != width for body in bodies):
        return dict(zip(paths, bodies, strict=True)), tuple(notes)  # the caller reports unequal widths
    _check_order([t for t, head in zip(tables, headed, strict=True) if head])
    clocks = frozenset[int]().union(*(t.clocks for t in tables))
    words = frozenset[int]().union(*(t.words for t in tables))
    left_out, doubts = {}, []
    for column in range(width):
        name = names[column].strip() if column < len(names) else ""
        shown = f"column {column + 1}{f' ({name})' if name else ''}"
        what = (
            _IS_LABEL if column in words else _describe_index(bodies, column, name if names else None, column in clocks)
        )
        if what:
            left_out[column] = f"{shown} {what} and is left out"
        elif doubt := _describe_oddity(bodies, column, _plain(name)):
            doubts.append(f"{shown} {doubt}")
    if len(left_out) < width:
        notes += [*left_out.values(), *doubts]
        bodies = [np.delete(body, list(left_out), 1) for body in bodies]
    return dict(zip(paths, bodies, strict=True)), tuple(notes)


def read_times(path: Path) -> Floats | None:
    """Returns the seconds in the column of times of a .csv, `[lines]`; None if no column has times with a known unit.

    Such a column holds dates or times of day, or its heading has a unit, such as `ms`, `time (s)` or `timestamp_us`.
    Raises what `read_tables` raises.
    """
    table = _read(path)
    headed = _has_headings(table)
    body = _body(table, headed)
    for column in range(body.shape[1]):
        unit = 1.0 if column in table.clocks else _unit(table.first[column]) if headed else None
        if unit is not None and len(body) >= _FEW and (np.diff(body[:, column]) > 0).all():
            return np.asarray(body[:, column] * unit, np.float64)
    return None


def _unit(heading: str) -> float | None:
    """Returns the unit, in seconds, in the heading of a column of times; None for any other heading."""
    words = [word for word in re.split(r"[^a-z]+", heading.lower().replace("µ", "u")) if word]
    return _UNITS.get(words[-1]) if words and words[0] in _TIMES else None


def _read(path: Path) -> _Table:
    """Reads one file. Raises `DataError` for anything but numbers after the first line."""
    rows: list[Sequence[str]] = []
    lines: list[int] = []
    numbers, clocks, words = array("d"), set[int](), dict[int, str]()
    text = _text(path)
    named = SEPARATOR.match(text)
    delimiter = next((d for d in (";", "\t") if d in text.partition("\n")[0] or _only(text, d)), ",")
    delimiter = delimiter if named is None else named[1]
    spaced = delimiter not in text and _is_spaced(text)
    for i, line in enumerate(io.StringIO(text), 1):
        if not line.strip() or line.lstrip().startswith("#") or (i == 1 and named):
            continue
        try:
            quoted = '"' in line
            row = (
                line.split()
                if spaced
                else next(csv.reader([line.rstrip()], strict=True, delimiter=delimiter))
                if quoted
                else line.split(delimiter)
            )
        except csv.Error as e:
            raise _damaged(path, f"line {i}: a quotation mark is opened and not closed, or stands inside a cell") from e
        row = [cell.strip() if delimiter == "," else with_point(cell.strip()) for cell in row]
        if rows and len(row) != len(rows[0]):
            raise _damaged(path, f"line {i} has {len(row)} cells, line {lines[0]} has {len(rows[0])}")
        for k, cell in enumerate(row):
            value = number_in(cell)
            if value is None and (moment := _moment(cell)) is not None:
                clocks.add(k)
                value = moment
            if value is None and cell and rows and _plain(rows[0][k]) in _LABELS and words.setdefault(k, cell) == cell:
                value = 0.0  # the column is left out
            if value is None and cell.lower() not in _MISSING and rows:
                raise _damaged(path, f"line {i}, column {k + 1} holds {_shown(cell)}, which is not a number")
            numbers.append(np.nan if value is None else value)
        if not rows:
            rows.append(row)
        lines.append(i)
    if not rows:
        raise _damaged(path, "it holds no line of numbers")
    found = np.frombuffer(numbers, np.float64).reshape(len(lines), -1)
    if found.shape[1] > 1 and not rows[0][-1] and np.isnan(found[:, -1]).all():  # every line ends with a comma
        return _Table(path, tuple(rows[0][:-1]), found[:, :-1], lines, frozenset(clocks), frozenset(words))
    return _Table(path, tuple(rows[0]), found, lines, frozenset(clocks), frozenset(words))


def _text(path: Path) -> str:
    """Reads the text of a file, in UTF-8, or in UTF-16 if a byte order mark says so. Raises `DataError`."""
    try:
        text = read_plain_text(path)
        return text.replace("\r\n", "\n").replace("\r", "\n")  # a \r alone ended lines on the first Macs
    except OSError as e:
        raise DataError(f"{path}: cannot be read ({e.strerror}); check the path and its permissions") from e
    except UnicodeDecodeError as e:
        raise DataError(f"{path}: its text is not UTF-8 (byte {e.start}); save it as UTF-8, or write a .npy") from e


def _only(text: str, delimiter: str) -> bool:
    return "," not in text and delimiter in text


def _is_spaced(text: str) -> bool:
    """Returns whether spaces separate the cells: the last line is several numbers with spaces between them."""
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "").split()
    return len(last) > 1 and all(number_in(cell) is not None for cell in last)


def _damaged(path: Path, what: str) -> DataError:
    return DataError(
        f"{path}: not an array of numbers ({what}); write a .npy, or a .csv of numbers with rows of one length"
    )


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 30 else f"{cell[:27]}...")


def _moment(cell: str) -> float | None:
    """Returns the seconds of a date or a time of day in ISO 8601, and None for anything else."""
    if not 5 <= len(cell) <= 40 or ("-" not in cell[1:] and ":" not in cell):
        return None
    try:
        return (datetime.fromisoformat(cell).replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        pass
    try:
        t = time.fromisoformat(cell)
    except ValueError:
        return None
    return t.hour * 3600 + t.minute * 60 + t.second + t.microsecond / 1e6


def _has_headings(table: _Table) -> bool:
    """Returns whether the first line of a file is headings, whatever the other files hold."""
    words = [c for c in table.first if c.lower() not in _MISSING]
    marks = [c for c in table.first if c and c.lower() in _MISSING]
    return bool(words) and not marks and all(number_in(c) is None and _moment(c) is None for c in words)


def _may_be_headings(first: Sequence[str]) -> bool:
    """Returns whether a first line that is the same in every file is headings: it has text, or numbers that rise."""
    numbers = [number_in(c) for c in first if c]
    if any(n is None for n in numbers):
        return all(c == "" or c.lower() not in _MISSING for c in first)
    values = np.array(numbers, np.float64)
    return len(values) > 1 and bool(np.isfinite(values).all() and (np.diff(values) > 0).all()) and all(first[1:])


def _first_line_is_unique(tables: Sequence[_Table]) -> bool:
    """Returns whether the numbers of the first line occur in no other line of the files."""
    return not any((t.numbers[1:] == t.numbers[0]).all(1).any() for t in tables) and all(
        len(t.numbers) > 1 for t in tables
    )


def _body(table: _Table, headed: bool) -> Floats:
    """Returns the numbers below the headings, if there are any. Raises `DataError` for one that is not finite."""
    body, lines = (table.numbers[1:], table.lines[1:]) if headed else (table.numbers, table.lines)
    if not len(body):
        raise _damaged(table.path, "it has headings and no line of numbers")
    bad = ~(np.abs(body) < LARGEST_NUMBER)
    if bad.any():
        row, column = (int(v[0]) for v in np.nonzero(bad))
        value = float(body[row, column])
        what = (
            "holds no number (empty, NA or NaN)"
            if np.isnan(value)
            else f"holds {value:g}; numbers up to {LARGEST_NUMBER:g} can be used"
        )
        if not headed and not row:
            cell = table.first[column]
            text = bool(cell) and number_in(cell) is None and cell.lower() not in _MISSING
            what = f"holds {_shown(cell)} beside numbers" if text else what
        raise DataError(f"{table.path}: line {lines[row]}, column {column + 1} {what}; remove or repair it")
    return body


def _describe_index(bodies: Sequence[Floats], column: int, name: str | None, clock: bool) -> str | None:
    """Describes a column that is no measurement, or returns None.

    - `name`: its heading; None without headings.
    - `clock`: whether its cells are dates or times of day.
    """
    if clock:
        return "holds dates or times of day"
    values = [body[:, column] for body in bodies]
    least = min(map(len, values))
    if least < _FEW:
        return None
    if name is not None and _plain(name) in _LABELS and _is_label(values):
        return _IS_LABEL
    steps = [np.diff(v) for v in values]
    if any(all((s == by).all() for s in steps) for by in (1, -1)):
        return "counts the lines"
    named = name is not None and (_plain(name) in _COUNTERS or _is_time(_plain(name)))
    if not (named or column == 0) or not all((s > 0).all() for s in steps):
        clear = name is not None and _is_time(_plain(name)) and _plain(name) not in _UNITS and _plain(name) != "t"
        return "shows the time, as its heading says," if clear else None
    even = all(float(np.ptp(s)) <= 0.01 * float(s.mean()) for s in steps)
    return "shows the time (it rises in every file)" if even or named or least >= _MANY else None


def _describe_oddity(bodies: Sequence[Floats], column: int, plain: str) -> str | None:
    """Describes what is odd about a column that is used, in words that follow its name, or returns None.

    - `plain`: its heading in lower case without a unit; "" without headings.
    """
    values = [body[:, column] for body in bodies]
    if min(map(len, values)) < _FEW:
        return None
    rises = all((np.diff(v) > 0).all() for v in values)
    if _is_time(plain) and not rises:
        return "is named like a time, but does not rise in every file; it is used: remove it if it is not a measurement"
    if rises and len(values) > 1 and min(map(len, values)) >= _MANY:
        return "rises in every file; it is used: remove it if it counts or shows the time"
    if _is_label(values):
        return (
            "is the same in all lines of a file, and differs between files; it is used: remove it if it gives the "
            "class, or who or what was recorded"
        )
    return None


def _plain(heading: str) -> str:
    """Returns a heading in lower case, without the unit in brackets."""
    return heading.lower().split("(")[0].split("[")[0].strip(" _")


def _is_time(plain: str) -> bool:
    return plain in _TIMES or plain.split("_")[0] in _TIMES[:3]


def _is_label(values: Sequence[Floats]) -> bool:
    """Returns whether a column is constant within each file, but not over all files."""
    return all((v == v[0]).all() for v in values) and len({float(v[0]) for v in values}) > 1


def _check_order(headed: Sequence[_Table]) -> None:
    """Raises `DataError` for a file whose columns are those of the first one in another order."""
    for table in headed[1:]:
        first = headed[0]
        if table.first != first.first and sorted(table.first) == sorted(first.first):
            raise DataError(
                f"{table.path}: its columns ({_shown(','.join(table.first))}) are those of {first.path.name} "
                f"({_shown(','.join(first.first))}) in another order; write them in one order"
            )
