"""Cells of text tables, as spreadsheets, loggers and audio editors write them: separators and numbers."""

from __future__ import annotations

import re

SEPARATOR = re.compile(r'"?sep=([^\w\s.+-]|\t)"?[ \r]*(?:\n|$)', re.IGNORECASE)
"""A first line with which Excel names the separator of the cells."""


def number_in(cell: str) -> float | None:
    """Returns the number in a cell, or None; Python's `1_000` is no number in a table."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def with_point(cell: str) -> str:
    """Returns a number with a decimal comma, such as `0,25`, with a point; any other cell unchanged."""
    changed = cell.replace(",", ".")
    return changed if number_in(changed) is not None else cell
