"""Cells of tables of text, as spreadsheets, loggers and editors of sound write them: separators and numbers."""

from __future__ import annotations

import re

SEPARATOR = re.compile(r'"?sep=([^\w\s.+-]|\t)"?[ \r]*(?:\n|$)', re.IGNORECASE)
"""A first line by which Excel tells, and is told, what stands between the cells."""


def number_in(cell: str) -> float | None:
    """Returns the number in a cell, None where there is none; Python's `1_000` is none in a table."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def with_point(cell: str) -> str:
    """Returns a number with a decimal comma, as in `0,25`, with a point; any other cell as it is."""
    changed = cell.replace(",", ".")
    return changed if number_in(changed) is not None else cell
