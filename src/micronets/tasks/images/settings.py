"""`ImageAugmentation`: settings of the augmentation of training images."""

from __future__ import annotations

from dataclasses import dataclass

from micronets.arguments import check_kinds
from micronets.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class ImageAugmentation:
    """How strongly training images are changed at random. Beyond its edges, an image is continued mirrored.

    - `flip`: probability that left and right are exchanged, 0 to 1.
    - `shift`: the image is shifted by up to this share of its side, either way (0.125: random crops of CIFAR-10 padded
      by 4).
    - `zoom`: range of the side of the part that is used, as a multiple of the image's side; below 1 gives
      random-resized crops, above 1 smaller images.
    - `aspect`: the sides of that part differ by up to this factor.
    - `brightness`, `contrast`: largest share by which all pixels, and their distances from the mean, grow or shrink.
    - `saturation`: largest share by which distances from grey grow or shrink.
    - `erase`: probability that a rectangle is replaced by the image's mean, 0 to 1 (cutout, DeVries 2017).
    - `erase_side`: largest side of that rectangle, as a share of the image's side.
    """

    flip: float = 0.5
    shift: float = 0.125
    zoom: tuple[float, float] = (1.0, 1.0)
    aspect: float = 1.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    erase: float = 0.0
    erase_side: float = 0.5

    def __post_init__(self) -> None:
        check_kinds(self, "augmentation: ")
        for name in ("flip", "shift", "brightness", "contrast", "saturation", "erase", "erase_side"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(f"augmentation: {name} = {getattr(self, name)}; allowed: 0 to 1")
        low, high = self.zoom
        if not 0.05 <= low <= high <= 2:
            raise SpecError(f"augmentation: zoom = {list(self.zoom)}; allowed: a range within 0.05 to 2")
        if not 1 <= self.aspect <= 4:
            raise SpecError(f"augmentation: aspect = {self.aspect}; allowed: 1 to 4")
        beyond = high * self.aspect**0.5 - 1 + self.shift
        if beyond > 0.9:  # beyond an edge there is one mirror image only
            raise SpecError(
                f"augmentation: zoom[1] * sqrt(aspect) - 1 + shift = {beyond:.2f}; allowed: up to 0.9; make one of "
                "them smaller"
            )

    @staticmethod
    def none() -> ImageAugmentation:
        """Returns settings that change nothing: `augmented` then equals `inputs`."""
        return ImageAugmentation(flip=0, shift=0)
