"""`Inputs`: what the input of a space's networks may be. There is a function for each kind of data that makes it.

The choices have the names of the data's input settings, so that a value of the space is a setting of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from micronets.errors import SpecError
from micronets.ir.layers import Shape
from micronets.ir.space import Choice, Pick


@dataclass(frozen=True)
class Inputs:
    """What the input of a space's networks may be.

    - choices: choices of kind shape.
    - shape: gives the input's shape `(H, W, C)` for the values of the choices.
    """

    choices: tuple[Choice, ...]
    shape: Callable[[Pick], Shape]


def kws_inputs(
    frame_strides: tuple[int, ...] = (1, 2),
    coefficients: tuple[int, ...] = (10, 20),
    frames: int = 98,
    bands: int = 40,
) -> Inputs:
    """The input is the spectrogram of a short recording: `(frames / frame_stride, coefficients, 1)`.

    - frame_strides: options of the distance between two frames that the network sees.
    - coefficients: options of the number of cepstral coefficients of a frame; 0 for the mel bands themselves.
    - frames: frames of a whole recording; the data decide it.
    - bands: mel bands of a frame; the data decide it.
    """
    _check_positive("frame_strides", frame_strides)
    if not coefficients or min(coefficients) < 0:
        raise SpecError(f"space: coefficients = {list(coefficients)}; need at least one, 0 or more")
    choices = (
        Choice("frame_stride", "shape", tuple(sorted(frame_strides))),
        Choice("coefficients", "shape", tuple(sorted(coefficients, key=lambda n: n or bands, reverse=True))),
    )
    return Inputs(choices, lambda pick: (-(-frames // pick("frame_stride")), pick("coefficients") or bands, 1))


def images_inputs(
    resolutions: tuple[int, ...] = (160, 128, 96, 80, 64, 50), colours: tuple[int, ...] = (3, 1)
) -> Inputs:
    """The input is a square picture: `(resolution, resolution, colour)`.

    - resolutions: options of the side, in pixels.
    - colours: options of the channels; 3 is red, green and blue, 1 is gray.
    """
    _check_positive("resolutions", resolutions)
    if not set(colours) <= {1, 3} or not colours:
        raise SpecError(f"space: colours = {list(colours)}; allowed: 1 (gray) and 3 (red, green, blue)")
    choices = (
        Choice("resolution", "shape", tuple(sorted(resolutions, reverse=True))),
        Choice("colour", "shape", tuple(sorted(colours, reverse=True))),
    )
    return Inputs(choices, lambda pick: (pick("resolution"), pick("resolution"), pick("colour")))


def ic_inputs(resolutions: tuple[int, ...] = (32,), colours: tuple[int, ...] = (3,)) -> Inputs:
    """The input is a small square picture in colour, as in CIFAR-10: `(resolution, resolution, colour)`.

    - resolutions: options of the side, in pixels.
    - colours: options of the channels; 3 is red, green and blue, 1 is gray.
    """
    return images_inputs(resolutions, colours)


def features_inputs(height: int = 32, width: int = 32, channels: int = 1) -> Inputs:
    """The input is a map of one shape, `(height, width, channels)`.

    - height, width, channels: the size of the input; the data decide it.
    """
    _check_positive("height, width, channels", (height, width, channels))
    return Inputs((), lambda pick: (height, width, channels))


def ad_inputs(height: int = 32, width: int = 32) -> Inputs:
    """The input is a window of a spectrogram, `(height, width, 1)`; MicroNets' anomaly detection has 32 x 32.

    - height, width: the size of the input; the data decide it.
    """
    return features_inputs(height, width, 1)


INPUT_KINDS: Mapping[str, Callable[..., Inputs]] = {
    "kws": kws_inputs,
    "ad": ad_inputs,
    "images": images_inputs,
    "ic": ic_inputs,
    "features": features_inputs,
}
"""The function of every kind of input, by the kind's name; its arguments with defaults are the kind's options."""


def _check_positive(name: str, values: tuple[int, ...]) -> None:
    """Raises `SpecError` unless an option has values, and all are at least 1."""
    if not values or min(values) < 1:
        raise SpecError(f"space: {name} = {list(values)}; need at least one, each 1 or more")
