"""The task `images`: images of the user's own, in a folder per class, or an `.npz`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from micronets.errors import DataError
from micronets.frontend.camera import camera_of
from micronets.frontend.image import Bytes, ImageFrontEnd
from micronets.ranges import check_fields, ranged
from micronets.tasks.base import ALL, SPLITS, Balance, Labels, Outline, Task, check_splits
from micronets.tasks.class_folders import only_one_class
from micronets.tasks.images import cifar, decode, folders, ic_task, synthetic
from micronets.tasks.images.data import ImageData, examples_by, front_end
from micronets.tasks.images.settings import ImageAugmentation
from micronets.tasks.images.split import held_out

__all__ = ["TASK", "ImageAugmentation", "ImagesOptions", "examples", "load", "outline", "read"]

KEPT_SIDE = 96


@dataclass(frozen=True)
class ImagesOptions:
    """The source of the examples. Relative paths start at the current directory.

    - `path`: a directory with a folder of images for each class, or with such directories named train, val and test, or
      an `.npz` (see the documentation); empty: shapes and textures are drawn.
    - `kept`: side to which images are first resized; the largest resolution that the network can have.
    - `fit`: how an image is made square: its middle is cropped (`crop`), it is stretched, or it gets black bars.
    - `camera`: the frames of the camera on the device, such as `160x120:rgb565` (pixels `rgb888`, `rgb565`, `rgb565le`,
      `yuv422` or `gray`); the C then begins at these frames, whose resizing counts towards every limit; empty: no
      camera, and the C begins at the network's input.
    - `synthetic_images`: training images to draw, if there is no path.
    - `balance`: how often a training epoch uses the examples: each once (`none`), or every class equally often
      (`sampled`), repeating rare ones; the best epoch is then chosen by the balanced accuracy.
    - `augmentation`: the augmentation of training images.
    """

    path: str = ""
    kept: int = ranged(KEPT_SIDE, 1, 1024)
    fit: Literal["crop", "stretch", "letterbox"] = "crop"
    camera: str = ""
    synthetic_images: int = ranged(2000, 1, 1_000_000)
    balance: Balance = "none"
    augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)

    def __post_init__(self) -> None:
        check_fields(self, "data.")
        camera_of(self.camera)


def outline(options: ImagesOptions) -> Outline:
    """Returns the facts that are known before the data are synthesised or read."""
    return Outline(2 if options.path else len(synthetic.TEXTURES))


def load(
    path: Path | None = None,
    *,
    kept: int = KEPT_SIDE,
    fit: str = "crop",
    camera: str = "",
    synthetic_images: int = 2000,
    augmentation: ImageAugmentation | None = None,
    frontend: ImageFrontEnd | None = None,
    splits: Sequence[str] = SPLITS,
) -> ImageData:
    """Reads the images at `path`, or draws some.

    - `kept`, `fit`, `camera`, `synthetic_images`, `augmentation`: see `ImagesOptions`.
    - `frontend`: the front end; by default, colour images of the side `kept`.
    - `splits`: the splits to read, or "all" for every image of a directory of classes; the others stay empty.

    Raises `DataError` for data that cannot be used, and `SpecError` for a bad option.
    """
    fe = frontend or ImageFrontEnd(resolution=kept, fit=fit, camera=camera)
    if path is None:
        return synthetic.drawn(
            "images", fe, synthetic_images, splits, augmentation or ImageAugmentation(), scenes=False
        )
    return read("images", path, fe, splits, augmentation)


def read(
    task: str, path: Path, fe: ImageFrontEnd, splits: Sequence[str], augmentation: ImageAugmentation | None
) -> ImageData:
    """Reads the images of a directory or an `.npz` file.

    - `task`: the name of the task.
    - `path`: the directory or the file.
    - `fe`: the front end, which defines how images are stored.
    - `splits`: the splits to read, or "all" for every image of a directory of classes; the others stay empty.
    - `augmentation`: the augmentation of training images; None: the default.

    Raises `DataError` for data that cannot be used, and `SpecError` for an unknown split.
    """
    check_splits(splits, (*SPLITS, ALL))
    found = (_arrays if path.is_file() else _folders)(path, fe, splits)
    classes = found.classes
    if len(classes) < 2 and "all" not in splits:
        raise only_one_class(path, classes[0])
    count = sum(map(len, found.target.values()))
    return ImageData(
        name=task,
        classes=classes,
        source=f"{path.name}: {count} images",
        frontend=fe,
        pictures=found.pictures,
        target=found.target,
        files=found.files,
        notes=found.notes,
        augmentation=augmentation or ImageAugmentation(),
    )


def _check_trained(untrained: set[str], path: Path) -> None:
    if untrained:
        name = min(untrained)
        raise DataError(
            f"{path}: class '{name}' is not in train; add images of it there, or remove it from the other folders"
        )


@dataclass(frozen=True, eq=False)
class _Read:
    """The contents of a data set; the fields are those of the same names of `ImageData`."""

    classes: tuple[str, ...]
    pictures: dict[str, Bytes]
    target: dict[str, Labels]
    files: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def _folders(path: Path, fe: ImageFrontEnd, splits: Sequence[str]) -> _Read:
    found, notes = folders.scan(path)
    classes = tuple(sorted({c for files in found.values() for c in files}))
    if "all" in splits:
        by_split = {"all": {c: [p for files in found.values() for p in files.get(c, [])] for c in classes}}
    elif "all" in found:
        by_split = held_out(found["all"], ("val", "test"), path) if len(classes) > 1 else {}
    elif "train" in found:
        lacking = tuple(s for s in ("val", "test") if s not in found)
        by_split = found | (held_out(found["train"], lacking, path / "train") if lacking else {})
        if "train" in splits:
            _check_trained({c for files in found.values() for c in files} - {*found["train"]}, path)
    else:
        by_split = found
        if "train" in splits:
            raise DataError(
                f"{path}: only {' and '.join(found)}, no folder train; add one, or remove that level of folders"
            )
    x: dict[str, Bytes] = {}
    y: dict[str, Labels] = {}
    named: dict[str, tuple[str, ...]] = {}
    for s in (*SPLITS, *(["all"] if "all" in splits else [])):
        part = folders.read_examples(path, by_split.get(s, {}) if s in splits else {}, classes, fe)
        x[s], y[s], named[s] = part.x, part.y, part.files
        notes += tuple(f"{s}: {note}" for note in part.notes)
    return _Read(classes, x, y, named, notes)


def _arrays(path: Path, fe: ImageFrontEnd, splits: Sequence[str]) -> _Read:
    if "all" in splits:
        raise DataError(f"{path}: split 'all' is for directories of images; allowed here: {', '.join(SPLITS)}")
    parts, classes = cifar.read_archive(path)
    x = {s: parts[s][0] for s in SPLITS}
    y = {s: parts[s][1] for s in SPLITS}
    if not len(y["train"]) and "train" in splits:
        raise DataError(f"{path}: no row has split 'train'; write the file so that some have")
    if "train" in splits:
        _check_trained({classes[i] for s in SPLITS for i in np.setdiff1d(y[s], y["train"])}, path)
    for s in ("test", "val"):
        if not len(y[s]) and len(y["train"]):
            keep, held = ic_task.validation_rows(y["train"], max(1, len(y["train"]) // 10), path)
            x[s], x["train"] = x["train"][held], x["train"][keep]
            y[s], y["train"] = y["train"][held], y["train"][keep]
    none = np.zeros(0, np.int64)
    x = {s: decode.enlarged(x[s] if s in splits else x[s][:0], fe) for s in SPLITS}
    return _Read(classes, x, {s: y[s] if s in splits else none for s in SPLITS}, {}, ())


examples = examples_by("images", lambda path, card, split: load(path, frontend=front_end(card), splits=(split,)))
"""Reads a split of the data at a path, or draws it, through the model's own front end."""


TASK = Task(
    name="images",
    about="images of your own: a folder per class",
    inputs="images",
    options=ImagesOptions,
    load=load,
    outline=outline,
    examples=examples,
)
