"""The front end of images: a picture becomes square, is resized, perhaps made gray, and scaled to real numbers.

    picture -> fit -> [side `via`] -> [gray] -> side `resolution` -> pixel 0..255, rounded -> (pixel - mean) / scale

By default the real input is (pixel - 128) / 128, so that an int8 input with scale 1/128 and zero point 0 is pixel -
128.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError, did_you_mean
from micronets.frontend import as_json
from micronets.frontend.camera import camera_of

FITS = ("stretch", "crop", "letterbox")
FILTERS = {"box": 0.5, "bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}  # radius, in pixels of the coarser grid
INPUT_SETTINGS = ("resolution", "colour")
LUMA = (0.2989, 0.5870, 0.1140)  # weights of R, G and B in gray (ITU-R BT.601)
LARGEST_SIDE = 1024  # the largest side of a picture, in pixels

Bytes = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ImageFrontEnd:
    """The way from a picture to the network's input. Raises `SpecError` for a value that is not allowed.

    - `kind`: always `image`; it distinguishes the JSON text from that of other front ends.
    - `resolution`: side of the input, in pixels, 1 to 1024.
    - `colour`: channels of the input: 3 for R, G and B, 1 for gray, .2989 R + .587 G + .114 B.
    - `fit`: the way to make a picture square: `stretch` it, `crop` its middle, or `letterbox` it in black.
    - `filter`: of resizing, widened when the picture shrinks: `box` (area), `bilinear`, `bicubic` (a = -0.5) or
      `lanczos` (3 lobes).
    - `camera`: the frames of the camera on the device, such as `160x120:rgb565` (see `micronets.frontend.camera`);
      `compile` writes C for them, and the cost of resizing them counts with the network's; empty: no camera is known.
    - `via`: side to which pictures are resized first, because they are kept so for training, 1 to 1024; 0 resizes them
      straight to the resolution.
    - `input_mean`: the number that is subtracted from a pixel.
    - `input_scale`: the number by which a pixel minus the mean is divided; above 0.
    """

    kind: str = "image"
    resolution: int = 32
    colour: int = 3
    fit: str = "stretch"
    filter: str = "bicubic"
    via: int = 0
    camera: str = ""
    input_mean: float = 128.0
    input_scale: float = 128.0

    def __post_init__(self) -> None:
        _check_image_front_end(self)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of the network's input: (resolution, resolution, colour)."""
        return self.resolution, self.resolution, self.colour

    @property
    def stored(self) -> int:
        """The side at which pictures are kept for training, in pixels."""
        return self.via or self.resolution

    def with_settings(self, settings: Mapping[str, int]) -> ImageFrontEnd:
        """Returns this front end at another `resolution` or `colour`, fed from the pictures that this one keeps.

        Raises `SpecError` for a setting of another name, or a value that is not allowed.
        """
        for name in settings:
            if name not in INPUT_SETTINGS:
                raise SpecError(f"image front end: no input setting '{name}'; {did_you_mean(name, INPUT_SETTINGS)}")
        chosen = replace(
            self,
            via=self.stored,
            resolution=settings.get("resolution", self.resolution),
            colour=settings.get("colour", self.colour),
        )
        return replace(chosen, via=0) if chosen.via == chosen.resolution else chosen

    def to_json(self) -> str:
        """Returns every field as one line of JSON."""
        return as_json.to_json(self)

    @staticmethod
    def from_json(text: str, where: str = "image front end") -> ImageFrontEnd:
        """Reads what `to_json` wrote; fields that are left out take their defaults. Raises `SpecError`."""
        return as_json.from_json(ImageFrontEnd, text, where)


def _check_image_front_end(fe: ImageFrontEnd) -> None:
    """Raises `SpecError` for the first field whose value is not allowed."""

    def refuse(name: str, allowed: str) -> None:
        raise SpecError(f"image front end: {name} = {getattr(fe, name)!r}; allowed: {allowed}")

    for name, options in (("kind", ("image",)), ("fit", FITS), ("filter", tuple(FILTERS))):
        if not isinstance(getattr(fe, name), str) or getattr(fe, name) not in options:
            refuse(name, ", ".join(options))
    for name, low in (("resolution", 1), ("via", 0), ("colour", 1)):
        value = getattr(fe, name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= LARGEST_SIDE:
            refuse(name, f"an integer from {low} to {LARGEST_SIDE}")
    if fe.colour not in (1, 3):
        refuse("colour", "1 (gray) and 3 (R, G, B)")
    for name in ("input_mean", "input_scale"):
        value = getattr(fe, name)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) < float("inf"):
            refuse(name, "a finite number")
    if fe.input_scale <= 0:
        refuse("input_scale", "a number above 0")
    if not isinstance(fe.camera, str):
        refuse("camera", "a text such as 160x120:rgb565")
    camera_of(fe.camera)


PRESETS: dict[str, ImageFrontEnd] = {
    "mlperf-ic": ImageFrontEnd(input_mean=0, input_scale=1),
    "mlperf-vww": ImageFrontEnd(resolution=96, input_mean=0, input_scale=255, filter="lanczos"),
    "micronet-vww": ImageFrontEnd(resolution=50, colour=1, input_mean=0, input_scale=255, filter="lanczos"),
}
"""Front ends of released models by name; the resolution is replaced by that of the model they are used with."""


RELEASED_LABELS = {
    "mlperf-ic": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "mlperf-vww": ("non_person", "person"),
    "micronet-vww": ("non_person", "person"),
}
"""Labels of the outputs of the released models, in order, by front end; the models carry none themselves."""


def filter_weights(distance: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    """Returns the weights of a resizing filter, before they are made to sum to 1.

    - `distance`: from the filter's middle, in pixels of the coarser grid, of any shape.
    - `name`: one of `FILTERS`.
    """
    d = np.abs(distance)
    match name:
        case "box":
            weights = ((distance > -0.5) & (distance <= 0.5)).astype(np.float64)
        case "bilinear":
            weights = np.maximum(1 - d, 0)
        case "bicubic":  # Keys 1981, equation 4
            weights = np.where(
                d < 1, (1.5 * d - 2.5) * d * d + 1, np.where(d < 2, ((-0.5 * d + 2.5) * d - 4) * d + 2, 0)
            )
        case _:
            weights = np.where(d < 3, np.sinc(d) * np.sinc(d / 3), 0)
    return weights


def resize_matrix(before: int, after: int, name: str) -> Float:
    """Returns the weights `[after, before]` that resize a row of pixels; each row of weights sums to 1.

    - `before`, `after`: how many pixels the row has before and after, at least 1.
    - `name`: the filter, one of `FILTERS`.
    """
    step = before / after
    centres = (np.arange(after) + 0.5) * step
    weights = filter_weights((np.arange(before) + 0.5 - centres[:, None]) / max(step, 1.0), name)
    weights /= weights.sum(1, keepdims=True)
    return weights.astype(np.float32)


def gray(x: npt.NDArray[Any]) -> Float:
    """Turns R, G and B `[..., 3]` into gray `[..., 1]`, without rounding."""
    luma: Float = x.astype(np.float32) @ np.asarray(LUMA, np.float32)
    return luma[..., None]


def resized(x: Bytes, side: int, name: str) -> Bytes:
    """Resizes pictures to another side, and rounds them; returns bytes `[N, side, side, C]`.

    - `x`: bytes `[N, S, S, C]`.
    - `side`: the new side in pixels; pictures that have it stay as they are.
    - `name`: the filter, one of `FILTERS`.
    """
    return x if x.shape[1] == side else _convert(x, side, x.shape[3], name)


def pixels(x: Bytes, fe: ImageFrontEnd) -> Bytes:
    """Turns kept pictures into the pixels that the network sees.

    - `x`: `[N, S, S, C]` with C 1 or 3; a gray picture becomes one of three colours by repetition.

    Returns `[N, resolution, resolution, colour]`.
    """
    return x if x.shape[1:] == fe.input_shape else _convert(x, fe.resolution, fe.colour, fe.filter)


def _convert(x: Bytes, side: int, colour: int, name: str) -> Bytes:
    """Converts pictures `[N, S, S, C]` to `[N, side, side, colour]`, in chunks."""
    if not len(x):
        return np.zeros((0, side, side, colour), np.uint8)
    weights = resize_matrix(x.shape[1], side, name)
    chunk = max(
        1, (1 << 24) // x[0].size
    )  # number of pictures at a time, which bounds the memory that they take as floats
    return np.concatenate([_convert_chunk(x[i : i + chunk], weights, colour) for i in range(0, len(x), chunk)])


def _convert_chunk(x: Bytes, weights: Float, colour: int) -> Bytes:
    """Converts pictures `[N, before, before, C]` to `[N, after, after, colour]` by the weights `[after, before]`."""
    after, before = weights.shape
    values = gray(x) if colour < x.shape[3] else x.astype(np.float32)
    if before != after:
        n, _, _, c = values.shape
        values = weights @ values.reshape(n, before, before * c)
        values = weights @ values.reshape(n, after, before, c)
    whole: Bytes = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.repeat(whole, colour, 3) if whole.shape[3] < colour else whole


def network_input(x: Bytes, fe: ImageFrontEnd) -> Float:
    """Turns kept pictures `[N, S, S, C]` into the network's real-valued input, float32.

    Returns `[N, resolution, resolution, colour]`.
    """
    values = pixels(x, fe).astype(np.float32)
    values -= np.float32(fe.input_mean)
    values /= np.float32(fe.input_scale)
    return values
