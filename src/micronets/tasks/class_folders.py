"""Folders of examples, one per class: finds the files in them, at any depth, and their groups."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from micronets.errors import DataError
from micronets.files import walk
from micronets.tasks.names import check_utf8
from micronets.terminal import counted

SPLIT_NAMES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val"}
SPLIT_NAMES |= {"test": "test", "testing": "test"}


@dataclass(frozen=True)
class ClassFiles:
    """The files in the folder of a class.

    - `files`: its examples, sorted.
    - `strangers`: files of other kinds, which are ignored.
    - `hidden`: the number of files whose names begin with a dot, which are ignored without a note.
    """

    files: tuple[Path, ...]
    strangers: tuple[Path, ...]
    hidden: int = 0


def files_below(folder: Path, suffixes: Collection[str]) -> ClassFiles:
    """Finds files with one of the suffixes `suffixes` (in lower case) in a folder and in the folders below it.

    Hidden files and folders are left out; links to folders are followed, each folder once. Pipes, devices and broken
    links are never examples. Raises `DataError` for a name that is not UTF-8, and as `files.walk` does.
    """
    files: list[Path] = []
    strangers: list[Path] = []
    hidden = 0
    for place, below, names in walk(folder):
        below[:] = [n for n in below if not n.startswith(".")]
        paths = [place / n for n in names if not n.startswith(".")]
        hidden += len(names) - len(paths)
        check_utf8([*paths, *(place / n for n in below)])
        for path in paths:
            (files if path.suffix.lower() in suffixes and path.is_file() else strangers).append(path)
    return ClassFiles(tuple(sorted(files)), tuple(sorted(strangers)), hidden)


def class_files(
    folder: Path, suffixes: Collection[str], what: str, way_out: str, hint: Callable[[Path], str] = lambda _: ""
) -> ClassFiles:
    """Finds the files of a class as `files_below` does.

    - `folder`: the folder of the class.
    - `suffixes`: the suffixes of examples, in lower case.
    - `what`: the kind of files expected, for the error.
    - `way_out`: what to do if there are none, for the error.
    - `hint`: returns a remark on a file of another kind, which the error adds; "" for none.

    Raises `DataError` for a folder without any such file.
    """
    found = files_below(folder, suffixes)
    if not found.files:
        others = found.strangers
        empty = f"nothing but {counted(found.hidden, 'hidden files')}" if found.hidden else "the folder is empty"
        there = f"{counted(len(others), 'other files')}, first: {others[0].name}" if others else empty
        more = hint(others[0]) if others else ""
        raise DataError(
            f"{folder}: no {what} for class '{folder.name}' ({there}{more}); {way_out} or remove the folder"
        )
    return found


def only_one_class(where: Path, name: str) -> DataError:
    """Returns the error for a directory with the folder of a single class, from which nothing can be learnt."""
    folder = where / name
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    below = [p.name for p in inside if p.is_dir() and not p.name.startswith(".")]
    if len(below) > 1 and len(below) == sum(not p.name.startswith(".") for p in inside):
        shown = ", ".join(below[:3]) + (", ..." if len(below) > 3 else "")
        return DataError(
            f"{where}: its only folder is '{name}', which holds the folders {shown}; if those are the classes, give "
            f"{folder}"
        )
    return DataError(
        f"{where}: only one class, '{name}'; a classifier needs at least two folders; to judge a finished model on "
        "this one alone, evaluate it with --split all"
    )


def class_folders_of(root: Path) -> list[Path]:
    """Returns the folders of a directory that may be those of classes, sorted.

    Hidden folders are left out, and so is `__MACOSX`, which macOS adds to archives.
    """
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".") and p.name != "__MACOSX")


def inner_splits_note(folders: Iterable[Path], way_out: str) -> tuple[str, ...]:
    """Returns a note if the folders of classes contain folders named train, val or test.

    Such folders do not define the splits: their examples are divided again.

    - `folders`: the folders of the classes.
    - `way_out`: how to give the user's own splits instead.
    """
    inner = {p.name for folder in folders for p in folder.iterdir() if p.is_dir() and p.name.lower() in SPLIT_NAMES}
    if len({SPLIT_NAMES[name.lower()] for name in inner}) < 2:
        return ()
    return (
        f"the folders {' and '.join(sorted(inner))} inside those of the classes do not define the splits; the "
        f"examples are divided again; {way_out}",
    )


def refuse_splits(folders: Sequence[Path], way_out: str) -> None:
    """Raises `DataError` if all folders that should be those of classes are named train, val or test."""
    names = [p.name for p in folders]
    if names and {n.lower() for n in names} <= set(SPLIT_NAMES):
        where = folders[0].parent
        raise DataError(f"{where}: its folders are splits ({', '.join(names)}), not classes; {way_out}")


def strangers_note(
    found: Iterable[ClassFiles], what: str, hint: Callable[[Path], str] = lambda _: ""
) -> tuple[str, ...]:
    """Returns notes on the files that are ignored, and on pipes, devices and broken links.

    A note reads like `2 files that are neither .npy nor .csv ignored (first: ...)`.

    - `found`: the files in the folders of the classes.
    - `what`: what the ignored files are, such as "neither .npy nor .csv"; it follows "that are".
    - `hint`: returns a text that follows the path of the first ignored file; the default adds nothing.
    """
    strangers = [p for one in found for p in one.strangers]
    others, odd = [p for p in strangers if p.is_file()], [p for p in strangers if not p.is_file()]
    notes = []
    if others:
        files = f"{counted(len(others), 'files')} that {'is' if len(others) == 1 else 'are'} {what}"
        notes.append(f"{files} ignored (first: {others[0]}{hint(others[0])})")
    if odd:
        what_it_is = "1 pipe, device or broken link" if len(odd) == 1 else f"{len(odd)} pipes, devices or broken links"
        notes.append(f"{what_it_is} ignored (first: {odd[0]})")
    return tuple(notes)


def speaker(stem: str) -> str | None:
    """Returns the speaker in a file name: `1a2b_nohash_0` -> `1a2b`, `anna-3` -> `anna`, `0007` -> None."""
    if "_nohash_" in stem:
        return stem.split("_nohash_")[0]
    token = re.split(r"[_\- ]", stem)[0]
    return token if token != stem and token else None


def group_of(folder: Path, path: Path) -> str | None:
    """Returns the source of an example: its folder below that of its class, otherwise `speaker`."""
    below = path.relative_to(folder).parts
    return below[0] if len(below) > 1 else speaker(path.stem)
