"""The task `vww`: visual wake words, whether there is a person in the image (Chowdhery et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from micronets.frontend.camera import camera_of
from micronets.frontend.image import ImageFrontEnd
from micronets.ranges import check_fields, ranged
from micronets.tasks.base import SPLITS, Balance, Outline, Task
from micronets.tasks.images import coco, synthetic, task
from micronets.tasks.images.data import ImageData, examples_by, front_end
from micronets.tasks.images.settings import ImageAugmentation

__all__ = ["TASK", "ImageAugmentation", "VwwOptions", "examples", "load", "outline"]

VWW_KEPT_SIDE = 160
AUGMENTATION = ImageAugmentation(
    shift=0, zoom=(0.75, 1.0), aspect=1.2, brightness=0.2, contrast=0.2, saturation=0.3, erase=0.25, erase_side=0.4
)


@dataclass(frozen=True)
class VwwOptions:
    """The source of the examples. Relative paths start at the current directory.

    - `path`: COCO 2014 (`annotations/`, `train2014/`, `val2014/`), or folders `person` and `non_person` of images, on
      their own or in `train`, `val` and `test`; empty: scenes are drawn.
    - `kept`: side to which images are first resized; the largest resolution that the network can have.
    - `fit`: how an image is made square: it is stretched, as in the data set Visual Wake Words, its middle is cropped
      (`crop`), or it gets black bars.
    - `coco_split`: the test images of COCO: `paper`, the 40,504 of `val2014`, or `minival`, 8,059 of these, with the
      rest for training.
    - `camera`: the frames of the camera on the device, such as `160x120:rgb565` (pixels `rgb888`, `rgb565`, `rgb565le`,
      `yuv422` or `gray`); the C then begins at these frames, whose resizing counts towards every limit; empty: no
      camera, and the C begins at the network's input.
    - `synthetic_images`: training images to draw, if there is no path.
    - `balance`: how often a training epoch uses the examples: each once (`none`), or every class equally often
      (`sampled`), repeating rare ones; the best epoch is then chosen by the balanced accuracy.
    - `augmentation`: the augmentation of training images.
    """

    path: str = ""
    kept: int = ranged(VWW_KEPT_SIDE, 1, 1024)
    fit: Literal["stretch", "crop", "letterbox"] = "stretch"
    coco_split: Literal["paper", "minival"] = "paper"
    camera: str = ""
    synthetic_images: int = ranged(2000, 1, 1_000_000)
    balance: Balance = "none"
    augmentation: ImageAugmentation = field(default_factory=lambda: AUGMENTATION)

    def __post_init__(self) -> None:
        check_fields(self, "data.")
        camera_of(self.camera)


def outline(options: VwwOptions) -> Outline:
    """Returns the facts that are known before the data are synthesised or read."""
    return Outline(len(synthetic.PEOPLE))


def load(
    path: Path | None = None,
    *,
    kept: int = VWW_KEPT_SIDE,
    fit: str = "stretch",
    coco_split: str = "paper",
    camera: str = "",
    synthetic_images: int = 2000,
    augmentation: ImageAugmentation | None = None,
    frontend: ImageFrontEnd | None = None,
    splits: Sequence[str] = SPLITS,
) -> ImageData:
    """Reads the images at `path`, or draws some.

    - `kept`, `fit`, `coco_split`, `camera`, `synthetic_images`, `augmentation`: see `VwwOptions`.
    - `frontend`: the front end; by default, colour images of the side `kept`.
    - `splits`: the splits to read; the others stay empty.

    Raises `DataError` for data that cannot be used, and `SpecError` for a bad option.
    """
    fe = frontend or ImageFrontEnd(resolution=kept, fit=fit, camera=camera)
    augmentation = augmentation or AUGMENTATION
    if path is not None:
        if coco.is_coco(path):
            return coco.load(path, fe, splits, augmentation, coco_split)
        return task.read("vww", path, fe, splits, augmentation)
    return synthetic.drawn("vww", fe, synthetic_images, splits, augmentation, scenes=True)


# A model that learnt from most of val2014 must not be tested on it.
examples = examples_by(
    "vww",
    lambda path, card, split: load(
        path, frontend=front_end(card), splits=(split,), coco_split=card.marks.get(coco.MARK, "paper")
    ),
)
"""Reads a split of the data at a path, or draws it, through the model's own front end."""


TASK = Task(
    name="vww",
    about="visual wake words: whether there is a person in an image",
    inputs="images",
    options=VwwOptions,
    load=load,
    outline=outline,
    examples=examples,
)
