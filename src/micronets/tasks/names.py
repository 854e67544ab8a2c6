"""Checks of the names of folders and files, which become names of classes or stand in reports."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from micronets.errors import DataError


def check_utf8(paths: Iterable[Path]) -> None:
    """Raises `DataError` for the first path whose name is not UTF-8, since models, reports and tables hold text."""
    for path in paths:
        try:
            path.name.encode("utf-8")
        except UnicodeEncodeError as e:
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            raise DataError(
                f"{shown}: this name is not UTF-8, and would stand in the model or the report; rename it"
            ) from e
