"""The task `ic`: image classification on CIFAR-10, or on synthetic shapes and textures without data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from micronets.errors import DataError, SpecError
from micronets.frontend.camera import camera_of
from micronets.frontend.image import ImageFrontEnd
from micronets.ranges import check_fields, ranged
from micronets.tasks.base import SPLITS, Balance, Labels, Outline, Task, check_splits
from micronets.tasks.images import cifar, decode, synthetic
from micronets.tasks.images.data import ImageData, examples_by, front_end
from micronets.tasks.images.settings import ImageAugmentation
from micronets.terminal import counted

__all__ = ["TASK", "IcOptions", "ImageAugmentation", "examples", "load", "outline"]

VALIDATION_EXAMPLES = 5000
_SEED = 20250  # the choice of validation images is part of the task, and so the same for every seed of a run


@dataclass(frozen=True)
class IcOptions:
    """The source of the examples. Relative paths start at the current directory.

    - `path`: CIFAR-10's directory (Python or binary version) or an `.npz`; empty: ten classes of shapes and textures
      are drawn.
    - `validation`: number of training images held out for validation, equally many of every class.
    - `camera`: the frames of the camera on the device, such as `160x120:rgb565` (pixels `rgb888`, `rgb565`, `rgb565le`,
      `yuv422` or `gray`); the C then begins at these frames, whose resizing counts towards every limit; empty: no
      camera, and the C begins at the network's input.
    - `synthetic_images`: training images to draw, if there is no path.
    - `balance`: how often a training epoch uses the examples: each once (`none`), or every class equally often
      (`sampled`), repeating rare ones; the best epoch is then chosen by the balanced accuracy.
    - `augmentation`: the augmentation of training images.
    """

    path: str = ""
    validation: int = ranged(VALIDATION_EXAMPLES, 1, 1_000_000)
    camera: str = ""
    synthetic_images: int = ranged(4000, 1, 1_000_000)
    balance: Balance = "none"
    augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)

    def __post_init__(self) -> None:
        check_fields(self, "data.")
        camera_of(self.camera)


def outline(options: IcOptions) -> Outline:
    """Returns the facts that are known before the data are synthesised or read."""
    return Outline(2 if options.path else len(synthetic.TEXTURES))


def load(
    path: Path | None = None,
    *,
    frontend: ImageFrontEnd | None = None,
    splits: Sequence[str] = SPLITS,
    augmentation: ImageAugmentation | None = None,
    validation: int = VALIDATION_EXAMPLES,
    synthetic_images: int = 4000,
    camera: str = "",
) -> ImageData:
    """Reads CIFAR-10 at `path`, its directory (Python or binary version) or an `.npz` (see `cifar`), or draws images.

    - `frontend`: the front end; by default, 32 x 32 colour pixels without resizing.
    - `splits`: the splits to read; the others stay empty.
    - `validation`: number of images moved from "train" to "val", equally many of every class, and always the same ones.
      It has no effect if the file has its own "val".
    - `augmentation`, `synthetic_images`, `camera`: see `IcOptions`.

    Raises `DataError` for data that cannot be used, and `SpecError` for a bad option.
    """
    check_splits(splits, SPLITS)
    if path is None:
        fe = frontend or ImageFrontEnd(camera=camera)
        return synthetic.drawn("ic", fe, synthetic_images, splits, augmentation or ImageAugmentation(), scenes=False)
    parts, classes = cifar.read(path)
    x = {s: parts[s][0] for s in SPLITS}
    y = {s: parts[s][1] for s in SPLITS}
    if not len(y["val"]) and len(y["train"]):
        keep, held = validation_rows(y["train"], validation, path)
        x["val"], x["train"] = x["train"][held], x["train"][keep]
        y["val"], y["train"] = y["train"][held], y["train"][keep]
    for s in SPLITS:
        if s not in splits:
            x[s], y[s] = x[s][:0], y[s][:0]
    _, side, _, channels = x["train"].shape
    fe = frontend or ImageFrontEnd(resolution=side, colour=channels, camera=camera)
    x = {s: decode.enlarged(part, fe) for s, part in x.items()}
    count = sum(len(v[0]) for v in parts.values())
    return ImageData(
        name="ic", classes=classes, source=f"{path.name}: {counted(count, 'pictures')} of "
                                           "CIFAR-10", frontend=fe, pictures=x, target=y,
        augmentation=augmentation or ImageAugmentation(),
    )  # fmt: skip


examples = examples_by("ic", lambda path, card, split: load(path, frontend=front_end(card), splits=(split,)))
"""Reads a split of the data at a path, or draws it, through the model's own front end."""


def validation_rows(target: Labels, count: int, where: Path | str) -> tuple[Labels, Labels]:
    """Returns the indices of images for training, and of about `count` for validation, equal shares of every class.

    - `target`: class indices `[N]` of the images.
    - `count`: the number of images wanted for validation, 1 to N - 1.
    - `where`: the source of the images, for errors.

    Raises `DataError` for a class with a single image, and `SpecError` for another `count`.
    """
    if not 1 <= count < len(target):
        raise SpecError(
            f"{where}: validation = {count}; allowed: 1 to {len(target) - 1}, of the {len(target)} of train"
        )
    rng = np.random.default_rng(_SEED)
    held = []
    for c in np.unique(target):
        rows = np.flatnonzero(target == c)
        if len(rows) < 2:
            raise DataError(f"{where}: class {c} has one example; at least 2 are needed (train and validation)")
        n = min(max(1, round(count * len(rows) / len(target))), len(rows) - 1)
        held.append(rng.permutation(rows)[:n])
    chosen = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(target)), chosen), chosen


TASK = Task(
    name="ic",
    about="image classification: which of ten things a small image shows",
    inputs="ic",
    options=IcOptions,
    load=load,
    outline=outline,
    examples=examples,
)
