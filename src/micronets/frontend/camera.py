"""`Camera`: the frames that a camera sends, their size and the format of their pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from micronets.errors import SpecError, did_you_mean

PixelFormat = Literal["rgb888", "rgb565", "rgb565le", "yuv422", "gray"]
"""How a camera writes a pixel: bytes R, G, B; 16 bits of R, G and B with the high byte first, as cameras send them, or
with the low one first; bytes Y, U, Y, V for two pixels; a byte of gray."""

PIXEL_BYTES = {"rgb888": 3, "rgb565": 2, "rgb565le": 2, "yuv422": 2, "gray": 1}

MOST_PIXELS = 4096  # pixels of a side of a frame


@dataclass(frozen=True)
class Camera:
    """The frames of a camera: their size, and the format of a pixel. Raises `SpecError` for an impossible one.

    - `width`, `height`: 1 to 4096; for `yuv422`, the width is even.
    - `pixels`: see `PixelFormat`.
    """

    width: int
    height: int
    pixels: PixelFormat

    def __post_init__(self) -> None:
        if self.pixels not in get_args(PixelFormat):
            raise SpecError(
                f"camera: unknown pixels '{self.pixels}'; {did_you_mean(self.pixels, get_args(PixelFormat))}"
            )
        if not (1 <= self.width <= MOST_PIXELS and 1 <= self.height <= MOST_PIXELS):
            raise SpecError(f"camera: frames of {self.width} x {self.height}; a side has 1 to {MOST_PIXELS} pixels")
        if self.pixels == "yuv422" and self.width % 2:
            raise SpecError(f"camera: frames {self.width} pixels wide; yuv422 has two at a time, so an even width")

    @staticmethod
    def parse(text: str) -> Camera:
        """Reads a camera written as `160x120:rgb565`. Raises `SpecError`."""
        match = re.fullmatch(r"(\d{1,6})x(\d{1,6}):(\w+)", text)
        if match is None:
            raise SpecError(f"camera: '{text}' is not one; write width, height and pixels, such as 160x120:rgb565")
        return Camera(int(match[1]), int(match[2]), match[3])  # type: ignore[arg-type]

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a frame."""
        return self.width * PIXEL_BYTES[self.pixels]


def camera_of(text: str) -> Camera | None:
    """Returns the camera that a text such as 160x120:rgb565 describes, None for an empty one. Raises `SpecError`."""
    return Camera.parse(text) if text else None
