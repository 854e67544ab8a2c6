"""Folders of examples, one for each class: finds the files in them, at any depth, and their groups."""

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
    - `hidden`: how many files there are whose names begin with a dot, which are ignored without a note.
    """

    files: tuple[Path, ...]
    strangers: tuple[Path, ...]
    hidden: int = 0


def files_below(folder: Path, suffixes: Collection[str]) -> ClassFiles:
    """Looks for files with one of the endings `suffixes` (small letters) in a folder and in the folders below it.

    Hidden files and folders are left out; links to folders are followed, each folder once. Pipes, devices and broken
    links are no examples, whatever their names. Raises `DataError` for a name that is not UTF-8, and as `files.walk`
    does.
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
    - `suffixes`: the endings of the files that are examples, in small letters.
    - `what`: the kind of files that are looked for, for the error.
    - `way_out`: what to do where there are none, for the error.
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
    """Returns the error for a directory with the folder of one class alone, from which nothing can be learnt."""
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

    Hidden folders are left out, and `__MACOSX`, which archives of macOS have beside their contents.
    """
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".") and p.name != "__MACOSX")


def inner_splits_note(folders: Iterable[Path], way_out: str) -> tuple[str, ...]:
    """Returns a note where the folders of classes hold folders that are called train, val or test.

    Such folders do not divide the examples: they are divided again, and those of any such folder go anywhere.

    - `folders`: the folders of the classes.
    - `way_out`: how the user's own division is given instead.
    """
    inner = {p.name for folder in folders for p in folder.iterdir() if p.is_dir() and p.name.lower() in SPLIT_NAMES}
    if len({SPLIT_NAMES[name.lower()] for name in inner}) < 2:
        return ()
    return (
        f"the folders {' and '.join(sorted(inner))} inside those of the classes do not divide the examples, which are "
        f"divided anew; {way_out}",
    )


def refuse_splits(folders: Sequence[Path], way_out: str) -> None:
    """Raises `DataError` where folders that should be those of classes are splits: all are called train, val or
    test.
    """
    names = [p.name for p in folders]
    if names and {n.lower() for n in names} <= set(SPLIT_NAMES):
        where = folders[0].parent
        raise DataError(f"{where}: its folders are splits ({', '.join(names)}), not classes; {way_out}")


def strangers_note(
    found: Iterable[ClassFiles], what: str, hint: Callable[[Path], str] = lambda _: ""
) -> tuple[str, ...]:
    """Returns notes on the files that are ignored, and on pipes, devices and broken links, whatever their names.

    A note reads like `2 files that are neither .npy nor .csv ignored (first: ...)`.

    - `found`: the files in the folders of the classes.
    - `what`: what the ignored files are, such as "neither .npy nor .csv"; it follows "that are".
    - `hint`: returns a text on the first ignored file, which is put behind its path; the default adds nothing.
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
    """Returns who speaks, from a file name: `1a2b_nohash_0` -> `1a2b`, `anna-3` -> `anna`, `0007` -> None."""
    if "_nohash_" in stem:
        return stem.split("_nohash_")[0]
    token = re.split(r"[_\- ]", stem)[0]
    return token if token != stem and token else None


def group_of(folder: Path, path: Path) -> str | None:
    """Returns whom or what an example of a class comes from: the folder that it is in below that of its class,
    otherwise `speaker`.
    """
    below = path.relative_to(folder).parts
    return below[0] if len(below) > 1 else speaker(path.stem)
