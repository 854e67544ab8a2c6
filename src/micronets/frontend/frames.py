"""The image front end in integers: from a frame of a camera to the codes of a network's input.

    frame -> part of it -> R, G and B, or gray, 8 bits -> rows resized -> columns resized -> pixel -> code, int8

A camera's frame is cropped, stretched or letterboxed (`ImageFrontEnd.fit`) and resized by the front end's filter at
once, without the size in between at which pictures are kept for training (`via`). csrc/micronets_image.c computes the
same in C, bit for bit. Against resizing in floats a pixel differs by 1 at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend.camera import Camera
from micronets.frontend.image import ImageFrontEnd, resize_matrix

Bytes = npt.NDArray[np.uint8]
Int = npt.NDArray[np.int64]

FRAME_WEIGHT_BITS = 14
"""Fractional bits of a weight of a pixel; the weights of a pixel of the input are 1 together, exactly."""

ROW_BITS = 6
"""Fractional bits of a pixel whose row has been resized; it has 16 bits with its sign."""


@dataclass(frozen=True, eq=False)
class Taps:
    """The weights that resize an axis; a pixel of the output is a sum over the same number of pixels for all.

    - start: `[n]`, the first pixel of each sum.
    - weights: `[n, taps]`, of which some are 0, with `FRAME_WEIGHT_BITS` fractional bits.
    """

    start: Int
    weights: Int


def taps(before: int, after: int, name: str) -> Taps:
    """Returns the weights that resize `before` pixels to `after` with the filter `name` of `image.FILTERS`.

    - before, after: how many pixels an axis has before and after, at least 1.
    - name: the filter.
    """
    whole = np.rint(resize_matrix(before, after, name).astype(np.float64) * 2**FRAME_WEIGHT_BITS).astype(np.int64)
    #  The largest weight takes the sum of all rounding errors, so that a picture of one colour stays unchanged.
    whole[np.arange(after), whole.argmax(1)] += 2**FRAME_WEIGHT_BITS - whole.sum(1)
    used = whole != 0
    first, last = used.argmax(1), before - 1 - used[:, ::-1].argmax(1)
    count = int((last - first).max()) + 1
    start = np.minimum(first, before - count)
    return Taps(start, np.take_along_axis(whole, start[:, None] + np.arange(count), 1))


@dataclass(frozen=True, eq=False)
class CameraTables:
    """The numbers that the integer arithmetic of a camera's front end reads; C holds the same ones.

    - left, top, columns, rows: the part of the frame that is used, in pixels.
    - to_left, to_top, width, height: the part of the input that it fills; the rest is black.
    - across, down: the weights that resize rows and columns.
    - codes: int8 `[256]`, the code of each pixel.
    """

    left: int
    top: int
    columns: int
    rows: int
    to_left: int
    to_top: int
    width: int
    height: int
    across: Taps
    down: Taps
    codes: Int


def camera_tables(camera: Camera, fe: ImageFrontEnd, scale: float, zero_point: int) -> CameraTables:
    """Makes the tables that turn frames of a camera into codes of a network's input.

    - `camera`: the size of a frame and the format of its pixels.
    - `fe`: the front end: the input's size, and how the frame is fitted, resized and normalised.
    - `scale`, `zero_point`: those of the network's input, int8.
    """
    side, left, top = fe.resolution, 0, 0
    columns, rows, width, height = camera.width, camera.height, side, side
    match fe.fit:
        case "crop":
            part = min(columns, rows)
            left, top, columns, rows = (columns - part) // 2, (rows - part) // 2, part, part
        case "letterbox":
            width, height = (max(1, round(n * side / max(columns, rows))) for n in (columns, rows))
        case _:
            pass  # the frame is stretched: all of it fills all of the input
    real = (np.arange(256) - fe.input_mean) / fe.input_scale / scale
    return CameraTables(
        left=left,
        top=top,
        columns=columns,
        rows=rows,
        to_left=(side - width) // 2,
        to_top=(side - height) // 2,
        width=width,
        height=height,
        across=taps(columns, width, fe.filter),
        down=taps(rows, height, fe.filter),
        codes=np.clip(np.rint(real) + zero_point, -128, 127).astype(np.int64),
    )


def decoded(frames: Bytes, camera: Camera, colour: int) -> Int:
    """Converts frames of a camera to pixels of 8 bits.

    - frames: bytes `[N, height, row_bytes]`.
    - camera: the size of a frame and the format of its pixels.
    - colour: 3 for R, G and B, of which a gray camera has the same value thrice; 1 for gray: of R, G and B
      (77 R + 150 G + 29 B + 128) >> 8, of YUV the Y.

    Returns `[N, height, width, colour]`. YUV are those of JPEG, with 8 bits each (ITU-T T.871, Section 7).
    """
    x = frames.reshape(len(frames), camera.height, camera.width, -1).astype(np.int64)
    match camera.pixels:
        case "gray":
            return np.repeat(x, colour, 3)
        case "yuv422":
            y = x[..., 0]
            if colour == 1:
                return y[..., None]
            u, v = (np.repeat(x[:, :, place::2, 1], 2, 2) - 128 for place in (0, 1))
            red = y + ((359 * v + 128) >> 8)
            green = y - ((88 * u + 183 * v + 128) >> 8)
            blue = y + ((454 * u + 128) >> 8)
            return np.asarray(np.clip(np.stack([red, green, blue], -1), 0, 255), np.int64)
        case "rgb888":
            rgb = x
        case _:
            high, low = (0, 1) if camera.pixels == "rgb565" else (1, 0)
            word = x[..., high] << 8 | x[..., low]
            r, g, b = word >> 11, (word >> 5) & 63, word & 31
            rgb = np.stack([r << 3 | r >> 2, g << 2 | g >> 4, b << 3 | b >> 2], -1)
    return rgb if colour == 3 else ((rgb @ np.array([77, 150, 29]) + 128) >> 8)[..., None]


def camera_pixels(frames: Bytes, camera: Camera, fe: ImageFrontEnd, t: CameraTables) -> Int:
    """Turns frames of a camera into the pixels that the network sees, `[N, resolution, resolution, colour]`, 0 .. 255.

    - `frames`: bytes `[N, height, row_bytes]`.
    - `camera`: the size of a frame and the format of its pixels.
    - `fe`: the front end of the network.
    - `t`: the tables that `camera_tables` makes for this camera and this front end.
    """
    x = decoded(frames, camera, fe.colour)[:, t.top : t.top + t.rows, t.left : t.left + t.columns]
    at = t.across.start[:, None] + np.arange(t.across.weights.shape[1])
    row = np.einsum("nyokc,ok->nyoc", x[:, :, at], t.across.weights)
    shift = FRAME_WEIGHT_BITS - ROW_BITS
    row = (row + (1 << (shift - 1))) >> shift
    at = t.down.start[:, None] + np.arange(t.down.weights.shape[1])
    whole = np.einsum("nokxc,ok->noxc", row[:, at], t.down.weights)
    shift = FRAME_WEIGHT_BITS + ROW_BITS
    out = np.zeros((len(frames), *fe.input_shape), np.int64)
    found = np.clip((whole + (1 << (shift - 1))) >> shift, 0, 255)
    out[:, t.to_top : t.to_top + t.height, t.to_left : t.to_left + t.width] = found
    return out


def camera_codes(
    frames: Bytes, camera: Camera, fe: ImageFrontEnd, scale: float, zero_point: int
) -> npt.NDArray[np.int8]:
    """Turns frames of a camera into the network's input codes, int8 `[N, resolution, resolution, colour]`.

    - frames: bytes `[N, height, row_bytes]`.
    - camera: the size of a frame and the format of its pixels.
    - fe: the front end of the network.
    - scale, zero_point: scale and zero point of the network's input, int8.
    """
    t = camera_tables(camera, fe, scale, zero_point)
    codes: npt.NDArray[Any] = t.codes[camera_pixels(frames, camera, fe, t)].astype(np.int8)
    return codes
