"""`CountedFrontEnd`: the front ends in integers whose cost counts with the network's, read from a model's metadata."""

from __future__ import annotations

import json

from micronets.frontend.image import ImageFrontEnd
from micronets.frontend.micro import Micro
from micronets.frontend.spec import INTEGER_FFT, FrontEnd
from micronets.frontend.spectral import Spectral
from micronets.frontend.standard import Standard

CountedFrontEnd = FrontEnd | Spectral | Micro | Standard | ImageFrontEnd
"""Front ends of sound, of sensors and of TFLM, of arrays, and of images with a known camera."""


def counted_front_end_of(text: str | None) -> CountedFrontEnd | None:
    """Returns the front end in a model's metadata; None where there is none, or none in integers.

    - text: the value of `micronets.frontend`.
    """
    where, text = "the front end", text or ""
    match _kind(text):
        case "spectral":
            return Spectral.from_json(text, where)
        case "micro":
            return Micro.from_json(text, where)
        case "standard":
            return Standard.from_json(text, where)
        case "image":
            image = ImageFrontEnd.from_json(text, where)
            return image if image.camera else None
        case "logmel" | "mfcc":
            sound = FrontEnd.from_json(text, where)
            return sound if sound.arithmetic == "integer" and sound.n_fft in INTEGER_FFT else None
        case _:  # windows of machine sounds, for which no C is written, or none at all
            return None


def _kind(text: str) -> str | None:
    """Returns the kind of front end that a JSON text names; None for another text."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return raw.get("kind") if isinstance(raw, dict) else None
