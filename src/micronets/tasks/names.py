"""Checks the names of folders and files, which become names of classes or appear in reports."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path

from micronets.errors import DataError


def alike_note(classes: Iterable[str]) -> tuple[str, ...]:
    """Returns a note on classes whose names differ only slightly.

    They differ in case, spaces, dashes, underscores, invisible characters, or the encoding of accents.
    """
    groups: dict[str, list[str]] = {}
    for name in classes:
        key = unicodedata.normalize("NFKC", name).casefold()
        groups.setdefault(re.sub(r"[\s_\u200b-\u200f-]", "", key), []).append(f"'{name}'")
    alike = [names for key, names in groups.items() if key and len(names) > 1]
    return (
        (f"classes {' and '.join(alike[0])} have almost the same name; if they are one, merge them",) if alike else ()
    )


def check_class_names(names: Iterable[str], where: str) -> None:
    """Raises `DataError` for a name that no model and no report can show: an empty one, or one that is not UTF-8.

    - `where`: the beginning of error messages.
    """
    for name in names:
        if not name.strip():
            raise DataError(f"{where}: the name of a class is empty; give every class a name")
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise DataError(f"{where}: class {ascii(name)[:60]} has a name that is not UTF-8; give it another one")


def loose_note(root: Path, suffixes: Collection[str]) -> tuple[str, ...]:
    """Returns a note on files that lie beside the folders of classes, and so belong to no class.

    - `root`: the directory that has the folders.
    - `suffixes`: suffixes of examples, in lower case.
    """
    loose = sorted(p for p in root.iterdir() if p.suffix.lower() in suffixes and p.is_file() and p.name[0] != ".")
    if not loose:
        return ()
    count = "1 file lies" if len(loose) == 1 else f"{len(loose)} files lie"
    return (f"{count} beside the folders of classes, in none of them: left out (first: {loose[0]})",)


def check_utf8(paths: Iterable[Path]) -> None:
    """Raises `DataError` for the first path whose name is not UTF-8, since models, reports and tables hold text."""
    for path in paths:
        try:
            path.name.encode("utf-8")
        except UnicodeEncodeError as e:
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            raise DataError(
                f"{shown}: this name is not UTF-8, and would appear in the model or the report; rename it"
            ) from e
