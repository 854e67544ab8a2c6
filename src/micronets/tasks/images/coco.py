"""COCO 2014 (Lin et al. 2014) as visual wake words: class "person" if a person covers 0.5 % of the image or more.

The rule is that of the Visual Wake Words paper (Chowdhery et al. 2019, Section 3), which uses the area of the bounding
box of an annotated person. There are two choices of test images:

    paper     those of `val2014` (40,504); those of `train2014` (82,783) train. As in the MicroNets paper.
    minival   8,059 images of `val2014`, by a list of their ids; the other 115,228 train. As in the Visual Wake Words
              paper.

A twentieth of the training images is held out for validation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from micronets.errors import DataError, SpecError, did_you_mean
from micronets.files import DAMAGE, check_plain, damage_text
from micronets.frontend.image import Bytes, ImageFrontEnd
from micronets.tasks.base import SPLITS, Labels
from micronets.tasks.images import decode
from micronets.tasks.images.data import ImageData
from micronets.tasks.images.settings import ImageAugmentation
from micronets.terminal import counted

CLASSES = ("non_person", "person")
DIVISIONS = ("paper", "minival")
MINIVAL = "mscoco_minival_ids.txt"
LEAST_AREA = 0.005  # of the image
MARK = "micronets.coco_split"  # key in a model's metadata for a choice other than the paper's

Images = dict[Path, tuple[int, int]]  # id and class of each


def is_coco(path: Path) -> bool:
    """Returns whether a directory has COCO's annotations."""
    return (path / "annotations").is_dir()


def load(
    path: Path, fe: ImageFrontEnd, splits: Sequence[str], augmentation: ImageAugmentation, division: str = "paper"
) -> ImageData:
    """Reads the images of COCO 2014 at `path`.

    - `path`: the directory that holds `annotations`, `train2014` and `val2014`.
    - `fe`: the front end that prepares the images.
    - `splits`: the splits to read; the others stay empty.
    - `augmentation`: the augmentation of training images.
    - `division`: the choice of test images, one of `DIVISIONS`.

    Raises `DataError` for files that are missing or damaged, and `SpecError` for an unknown division.
    """
    if division not in DIVISIONS:
        raise SpecError(f"coco_split = '{division}'; {did_you_mean(division, DIVISIONS)}")
    for s in splits:
        if s not in SPLITS:
            raise DataError(f"{path}: split '{s}' is for directories of images; allowed for COCO: {', '.join(SPLITS)}")
    parted = (_paper if division == "paper" else _minival)(path, {*splits})
    x: dict[str, Bytes] = {}
    y: dict[str, Labels] = {}
    notes: tuple[str, ...] = ()
    named: dict[str, tuple[str, ...]] = {}
    for s in SPLITS:
        chosen = parted.get(s, {}) if s in splits else {}
        x[s], more = decode.pictures([*chosen], fe)
        y[s] = np.array([label for _, label in chosen.values()], np.int64)
        named[s] = tuple(p.relative_to(path).as_posix() for p in chosen)
        notes += tuple(f"{s}: {note}" for note in more)
    source = f"{path.name}: {counted(sum(map(len, y.values())), 'images')} of COCO 2014"
    return ImageData(
        name="vww",
        classes=CLASSES,
        source=source if division == "paper" else f"{source}, {division}",
        frontend=fe,
        pictures=x,
        target=y,
        files=named,
        notes=notes,
        augmentation=augmentation,
        marks={} if division == "paper" else {MARK: division},
    )


def _paper(root: Path, splits: set[str]) -> dict[str, Images]:
    test = _labelled(root, "val2014") if "test" in splits else {}
    rest = _labelled(root, "train2014") if splits - {"test"} else {}
    return {**_validated(rest), "test": test}


def _minival(root: Path, splits: set[str]) -> dict[str, Images]:
    ids = _minival_ids(root)
    later = _labelled(root, "val2014")
    unknown = ids - {i for i, _ in later.values()}
    if unknown:
        raise DataError(
            f"{root}: {MINIVAL} holds {min(unknown)}, which is not an image of val2014; fetch the list again"
        )
    test = {p: v for p, v in later.items() if v[0] in ids}
    rest = {p: v for p, v in later.items() if v[0] not in ids}
    return {**_validated((_labelled(root, "train2014") if splits - {"test"} else {}) | rest), "test": test}


def _validated(images: Images) -> dict[str, Images]:
    """Holds out a twentieth of the training images for validation, by a hash of the name."""
    out: dict[str, Images] = {"train": {}, "val": {}}
    for p, v in images.items():
        out["val" if int(hashlib.sha1(p.name.encode()).hexdigest(), 16) % 20 == 0 else "train"][p] = v
    return out


def _minival_ids(root: Path) -> set[int]:
    """Reads the list of ids, from beside the annotations or from among them."""
    file = next((p for p in (root / MINIVAL, root / "annotations" / MINIVAL) if p.is_file()), None)
    if file is None:
        raise DataError(
            f"{root / MINIVAL}: no such file; coco_split = 'minival' needs the list of 8,059 image ids, a number on "
            "each line, from research/object_detection/data of the repository github.com/tensorflow/models"
        )
    try:
        ids = [int(line) for line in file.read_text("ascii").split()]
    except (OSError, ValueError) as e:
        raise DataError(f"{file}: not a list of image ids, a number on each line ({e}); fetch it again") from e
    if not ids:
        raise DataError(f"{file}: the list of image ids is empty; fetch it again")
    return set(ids)


def _labelled(root: Path, part: str) -> Images:
    """Returns id and class of every image of `train2014` or `val2014`, in the order of their names."""
    file = root / "annotations" / f"instances_{part}.json"
    try:
        check_plain(file)
        stat = file.stat()
        labels = _read(file, stat.st_size, stat.st_mtime_ns)
    except OSError as e:
        raise DataError(
            f"{file}: cannot be read ({e.strerror}); unpack COCO's annotations_trainval2014.zip in {root}"
        ) from e
    except DAMAGE as e:
        reason = f"no {e} where one is needed" if isinstance(e, KeyError) else damage_text(e)
        raise DataError(f"{file}: not COCO's instance annotations ({reason}); unpack them again") from e
    folder = next((d for d in (root / part, root / "images" / part) if d.is_dir()), None)
    if folder is None:
        raise DataError(f"{root / part}: no such directory; unpack COCO's {part}.zip in {root}")
    return {folder / n: labels[n] for n in sorted(labels)}


@cache
def _read(file: Path, size: int, changed: int) -> dict[str, tuple[int, int]]:
    #  Outlines, most of a file of a third of a gigabyte, are dropped while it is read.
    return person_labels(
        json.loads(file.read_bytes(), object_hook=lambda d: {k: v for k, v in d.items() if k != "segmentation"})
    )


def person_labels(annotations: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Returns, by file name, the image's id, and 1 if a person covers at least `LEAST_AREA` of it, otherwise 0."""
    people = {c["id"] for c in annotations["categories"] if c["name"] == "person"}
    largest: dict[int, float] = {}
    for a in annotations["annotations"]:
        if a["category_id"] in people:
            largest[a["image_id"]] = max(largest.get(a["image_id"], 0.0), a["bbox"][2] * a["bbox"][3])
    return {
        _file_name(i): (i["id"], int(largest.get(i["id"], 0.0) >= LEAST_AREA * i["width"] * i["height"]))
        for i in annotations["images"]
    }


def _file_name(image: dict[str, Any]) -> str:
    """Returns the file name of an image of the annotations. Raises `ValueError` unless it is a plain file name."""
    name = image["file_name"]
    if not isinstance(name, str) or not name or "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"file_name {name!r} is not the name of a file in a folder")
    name.encode()  # a lone surrogate, which JSON can hold and no file name can, raises a UnicodeEncodeError
    return name
