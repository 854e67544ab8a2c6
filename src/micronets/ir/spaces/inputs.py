"""`Inputs`: what the input of a space's networks may be. There is a function for each kind of data that makes it.

The choices have the names of the data's input settings, so that a value of the space is a setting of the data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from micronets.errors import SpecError
from micronets.ir.layers import Shape
from micronets.ir.space import Choice, ValueOf
from micronets.ranges import check_number

MOST_SIDE = 1_000_000
"""The largest side of an input: a hundred seconds of a sensor at 10 kHz, which no microcontroller would hold."""


@dataclass(frozen=True)
class Inputs:
    """The inputs that the networks of a space may have.

    - choices: choices of kind shape.
    - shape: gives the input's shape `(H, W, C)` for the values of the choices.
    """

    choices: tuple[Choice, ...]
    shape: Callable[[ValueOf], Shape]


def kws_inputs(
    frame_strides: tuple[int, ...] = (1, 2),
    coefficients: tuple[int, ...] = (10, 20),
    frames: int = 98,
    bands: int = 40,
) -> Inputs:
    """The input is the spectrogram of a short recording: `(frames / frame_stride, coefficients, 1)`.

    - frame_strides: options of the frame stride: the distance between two frames that the network sees.
    - coefficients: options of the number of cepstral coefficients of a frame; 0 for the mel bands themselves.
    - frames: frames of a whole recording; the data decide it.
    - bands: mel bands of a frame; the data decide it.
    """
    check_range("frame_strides", frame_strides, 1, 10_000)
    check_range("coefficients", coefficients, 0, 1024)
    check_range("frames", frames, 1, MOST_SIDE)
    check_range("bands", bands, 1, MOST_SIDE)
    choices = (
        Choice("frame_stride", "shape", tuple(sorted(frame_strides))),
        Choice("coefficients", "shape", tuple(sorted(coefficients, key=lambda n: n or bands, reverse=True))),
    )
    return Inputs(choices, lambda pick: (-(-frames // pick("frame_stride")), pick("coefficients") or bands, 1))


def images_inputs(
    resolutions: tuple[int, ...] = (160, 128, 96, 80, 64, 50), colours: tuple[int, ...] = (3, 1)
) -> Inputs:
    """The input is a square image: `(resolution, resolution, colour)`.

    - resolutions: options of the side, in pixels.
    - colours: options of the channels; 3 is red, green and blue, 1 is gray.
    """
    check_range("resolutions", resolutions, 1, 1024)
    if not set(colours) <= {1, 3} or not colours:
        raise SpecError(f"space: colours = {list(colours)}; allowed: 1 (gray) and 3 (red, green, blue)")
    choices = (
        Choice("resolution", "shape", tuple(sorted(resolutions, reverse=True))),
        Choice("colour", "shape", tuple(sorted(colours, reverse=True))),
    )
    return Inputs(choices, lambda pick: (pick("resolution"), pick("resolution"), pick("colour")))


def ic_inputs(resolutions: tuple[int, ...] = (32,), colours: tuple[int, ...] = (3,)) -> Inputs:
    """The input is a small square colour image, as in CIFAR-10: `(resolution, resolution, colour)`.

    - resolutions: options of the side, in pixels.
    - colours: options of the channels; 3 is red, green and blue, 1 is gray.
    """
    return images_inputs(resolutions, colours)


def features_inputs(height: int = 32, width: int = 32, channels: int = 1) -> Inputs:
    """The input is a map of one shape, `(height, width, channels)`.

    - height, width, channels: the size of the input; the data decide it.
    """
    for name, value in (("height", height), ("width", width), ("channels", channels)):
        check_range(name, value, 1, MOST_SIDE)
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


def check_range(name: str, values: tuple[int, ...] | int, least: int, most: int, space: str = "") -> None:
    """Raises `SpecError` where there is no value, or one that is out of its range or not a number.

    - name: the option, for the error.
    - values: its value or values.
    - least, most: the range, both ends included.
    - space: the space that has the option; "" for an option of the inputs.
    """
    where = f"space {space}: " if space else "space: "
    if values == ():
        raise SpecError(f"{where}{name} = []; need at least one")
    check_number(f"{where}{name}", values, least, most)
