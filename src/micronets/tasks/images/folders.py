"""Folders of image files: finds the files by split and class, and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from micronets.errors import DataError
from micronets.frontend.image import Bytes, ImageFrontEnd
from micronets.tasks.base import Labels
from micronets.tasks.class_folders import (
    SPLIT_NAMES,
    ClassFiles,
    class_files,
    class_folders_of,
    inner_splits_note,
    strangers_note,
)
from micronets.tasks.images.decode import conversion, pictures
from micronets.tasks.images.split import Files
from micronets.tasks.names import check_utf8, loose_note

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_UNREAD = (".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".dng", ".cr2", ".nef", ".arw", ".ico", ".psd")


def scan(root: Path) -> tuple[dict[str, Files], tuple[str, ...]]:
    """Finds the image files of a directory by split and class, and notes.

    Without folders named train, val or test, the only split is "all". Raises `DataError`, with the remedy, if there is
    nothing to use.
    """
    if not root.is_dir():
        what = "not a directory" if root.exists() else "no such directory"
        raise DataError(f"{root}: {what}; give one with a folder of images for each class")
    folders = class_folders_of(root)
    names = {p.name.lower() for p in folders}
    if folders and names <= set(SPLIT_NAMES):
        found = {SPLIT_NAMES[p.name.lower()]: _classes(p) for p in folders}
    else:
        found = {"all": _classes(root)}
    by_folder = [one for by_class in found.values() for one in by_class.values()]
    notes = strangers_note(by_folder, "of no image format", _hint)
    notes += loose_note(root, PICTURE_SUFFIXES)
    if "all" in found:
        notes += inner_splits_note(folders, "give train/CLASS and test/CLASS instead of CLASS/train and CLASS/test")
    return {s: {c: list(one.files) for c, one in by_class.items()} for s, by_class in found.items()}, notes


def _classes(root: Path) -> dict[str, ClassFiles]:
    folders = class_folders_of(root)
    if not folders:
        raise DataError(f"{root}: no folders in it; give a directory with a folder of images for each class")
    check_utf8(folders)
    return {folder.name: class_files(folder, PICTURE_SUFFIXES, "images", "add some", _hint) for folder in folders}


def _hint(path: Path) -> str:
    """Returns the end of a message about an unreadable image file: how to convert it, or ""."""
    return f"; {conversion(path)}" if path.suffix.lower() in _UNREAD else ""


@dataclass(frozen=True, eq=False)
class SplitPictures:
    """The images of a split that were read.

    - `x`: uint8 `[N, S, S, 3]`.
    - `y`: class indices `[N]`.
    - `files`: the path of each image relative to the directory of the data, with "/" between its parts.
    - `notes`: warnings about what was read.
    """

    x: Bytes
    y: Labels
    files: tuple[str, ...]
    notes: tuple[str, ...]


def read_examples(
    root: Path, files: Mapping[str, Sequence[Path]], classes: Sequence[str], fe: ImageFrontEnd
) -> SplitPictures:
    """Reads the images of one split.

    - `root`: the directory of the data.
    - `files`: the paths of the images, by class.
    - `classes`: the names of the classes, in the order of their indices.
    - `fe`: the front end, which defines how images are stored.

    Raises `DataError`.
    """
    order = [c for c in classes if files.get(c)]
    paths = [p for c in order for p in files[c]]
    x, notes = pictures(paths, fe)
    y = np.repeat([classes.index(c) for c in order], [len(files[c]) for c in order]).astype(np.int64)
    return SplitPictures(x, y, tuple(p.relative_to(root).as_posix() for p in paths), notes)
