"""`sample`: links a few files of a large data set into another directory, which the same loader reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from micronets.files import walk

EXAMPLE_SUFFIXES = (".wav", ".jpg", ".jpeg", ".png", ".bmp", ".npy", ".csv")
"""Suffixes of files that hold one example each; other files (lists, annotations, archives) are always taken."""

FILES = 1500  # about how many in all; a directory with fewer is taken as it is
_LEAST, _MOST = 20, 400  # per folder


@dataclass(frozen=True)
class DataSample:
    """A part of a data set.

    - `path`: the file or directory for the loader to read.
    - `files`: number of examples in it; 0 if the data set is a single file.
    - `of`: number of examples in the whole data set; 0 for a single file.
    """

    path: Path
    files: int
    of: int


def sample(path: Path, into: Path, files: int = FILES) -> DataSample:
    """Makes a sample of the data at `path`: links to evenly spaced files of every folder.

    - `into`: the directory in which the links are made; it must be empty.
    - `files`: about how many examples to take.

    If the data set is a single file or has at most `files` examples, it is its own sample. COCO's annotations are
    reduced to those of the chosen images. Raises `OSError`, and `DataError` as `files.walk` does.
    """
    if not path.is_dir():
        return DataSample(path, 0, 0)
    found = {folder: names for folder, _, names in walk(path)}
    examples = {
        folder: [n for n in names if Path(n).suffix.lower() in EXAMPLE_SUFFIXES] for folder, names in found.items()
    }
    total = sum(map(len, examples.values()))
    if total <= files:
        return DataSample(path, total, total)
    each = min(max(files // sum(map(bool, examples.values())), _LEAST), _MOST)
    root, count = into / path.absolute().name, 0
    for folder, names in found.items():
        target = root / folder.relative_to(path)
        target.mkdir(parents=True, exist_ok=True)
        chosen = _spread(examples[folder], each)
        for name in {*chosen, *names} - ({*examples[folder]} - {*chosen}):
            _link(folder / name, target / name)
        count += len(chosen)
    for file in sorted((root / "annotations").glob("instances_*.json")):
        _reduce(file, root)
    return DataSample(root, count, total)


def _spread(names: Sequence[str], count: int) -> list[str]:
    """Returns up to `count` of the names, evenly spaced."""
    return [names[i * len(names) // count] for i in range(count)] if len(names) > count else list(names)


def _link(file: Path, link: Path) -> None:
    try:
        link.symlink_to(file.resolve())
    except OSError:  # the system has no symbolic links, or does not allow them
        shutil.copy2(file, link)


def _reduce(file: Path, root: Path) -> None:
    """Reduces a file of COCO's annotations to the images of the sample."""
    content: dict[str, Any] = json.loads(file.read_bytes())
    part = file.stem.removeprefix("instances_")
    there = {p.name for folder in (root / part, root / "images" / part) if folder.is_dir() for p in folder.iterdir()}
    images = [i for i in content["images"] if i["file_name"] in there]
    ids = {i["id"] for i in images}
    content |= {"images": images, "annotations": [a for a in content["annotations"] if a["image_id"] in ids]}
    file.unlink()  # a link to the original
    file.write_text(json.dumps(content), "utf-8")
