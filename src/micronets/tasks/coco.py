"""COCO 2014 (Lin et al. 2014) as visual wake words: a picture is of class "person" if one covers 0.5 % of it or more.

The rule is that of the Visual Wake Words paper (Chowdhery et al. 2019, Section 3), which takes the share that the box of an
annotated person has in the picture. Training pictures are those of `train2014` (82,783), test pictures those of `val2014`
(40,504), as in the MicroNets paper; validation pictures are a twentieth of the training pictures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from micronets.errors import DataError
from micronets.frontend.image import Bytes, ImageFrontEnd
from micronets.tasks import imagefiles
from micronets.tasks.imagedata import SPLITS, ImageAugmentation, ImageData, Labels

CLASSES = ("non_person", "person")
LEAST = 0.005  # of the frame
_PARTS = {"train": "train2014", "val": "train2014", "test": "val2014"}


def is_coco(path: Path) -> bool:
    """Whether a directory has COCO's annotations."""
    return (path / "annotations").is_dir()


def load(path: Path, fe: ImageFrontEnd, splits: Sequence[str], augmentation: ImageAugmentation) -> ImageData:
    """The splits asked for. Raises `DataError`."""
    for s in splits:
        if s not in SPLITS:
            raise DataError(f"{path}: split '{s}' is for directories of images; allowed for COCO: {', '.join(SPLITS)}")
    x: dict[str, Bytes] = {}
    y: dict[str, Labels] = {}
    notes: tuple[str, ...] = ()
    for s in SPLITS:
        labelled = _labelled(path, s) if s in splits else {}
        x[s], more = imagefiles.pictures([*labelled], fe)
        y[s] = np.array([*labelled.values()], np.int64)
        notes += tuple(f"{s}: {note}" for note in more)
    source = f"{path.name}: {sum(map(len, y.values()))} images of COCO 2014"
    return ImageData(
        name="vww", classes=CLASSES, source=source, frontend=fe, pictures=x, target=y, notes=notes, augmentation=augmentation
    )


def _labelled(root: Path, split: str) -> dict[Path, int]:
    """Class of every picture of a split."""
    part = _PARTS[split]
    file = root / "annotations" / f"instances_{part}.json"
    try:
        labels = person_labels(json.loads(file.read_bytes()))
    except OSError as e:
        raise DataError(f"{file}: cannot be read ({e.strerror}); unpack COCO's annotations_trainval2014.zip in {root}") from e
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise DataError(f"{file}: not COCO's instance annotations ({e!r}); unpack them again") from e
    folder = next((d for d in (root / part, root / "images" / part) if d.is_dir()), None)
    if folder is None:
        raise DataError(f"{root / part}: no such directory; unpack COCO's {part}.zip in {root}")
    chosen = {n: c for n, c in labels.items() if split == "test" or _validates(n) == (split == "val")}
    return {folder / n: chosen[n] for n in sorted(chosen)}


def _validates(name: str) -> bool:
    return int(hashlib.sha1(name.encode()).hexdigest(), 16) % 20 == 0


def person_labels(annotations: dict[str, Any]) -> dict[str, int]:
    """File name -> 1 where the box of one person covers at least `LEAST` of the picture, else 0."""
    people = {c["id"] for c in annotations["categories"] if c["name"] == "person"}
    size = {i["id"]: i["width"] * i["height"] for i in annotations["images"]}
    largest: dict[int, float] = {}
    for a in annotations["annotations"]:
        if a["category_id"] in people:
            largest[a["image_id"]] = max(largest.get(a["image_id"], 0.0), a["bbox"][2] * a["bbox"][3])
    return {i["file_name"]: int(largest.get(i["id"], 0.0) >= LEAST * size[i["id"]]) for i in annotations["images"]}
