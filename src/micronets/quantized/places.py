"""The positions along a dimension that an operator reads: resizing and mirrored borders, as TFLM computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]

RESIZE_BITS = 10
"""Fractional bits of the positions between two places, and of the weights of the two, in a bilinear resizing."""


def nearest_places(size: int, made: int, align_corners: bool, half_pixel_centers: bool) -> Places:
    """Returns for each place of the output the one of the input that RESIZE_NEAREST_NEIGHBOR takes, int64 `[made]`.

    - size: how many places the dimension has in the input.
    - made: how many places it has in the output.
    - align_corners: whether the pixels at the corners keep their places.
    - half_pixel_centers: whether the place of a pixel is its centre, not its corner.

    TFLM works in float32 (`GetNearestNeighbor`), and so does this function.
    """
    corners = align_corners and made > 1
    scale = np.float32(size - 1) / np.float32(made - 1) if corners else np.float32(size) / np.float32(made)
    at = (np.arange(made, dtype=np.float32) + np.float32(0.5 if half_pixel_centers else 0)) * scale
    # TfLiteRound rounds halves away from zero; no position is negative.
    places = np.floor(at + np.float32(0.5)) if align_corners else np.floor(at)
    return np.asarray(np.clip(places.astype(np.int64), 0, size - 1))


def bilinear_places(
    size: int, made: int, align_corners: bool, half_pixel_centers: bool
) -> tuple[Places, Places, Places]:
    """Returns for each place of the output the two of the input that RESIZE_BILINEAR reads, and the second's weight.

    - size: how many places the dimension has in the input.
    - made: how many places it has in the output; each of the three arrays is int64 `[made]`.
    - align_corners: whether the pixels at the corners keep their places.
    - half_pixel_centers: whether the place of a pixel is its centre, not its corner.

    A weight of 2**`RESIZE_BITS` is 1; that of the first place is what is missing to 1. In front of the first place
    both places are the first one, and the weight may be negative. TFLM does this in
    `ComputeInterpolationValuesInteger`.
    """
    one = 1 << RESIZE_BITS
    step = (one * size + made // 2) // made
    if align_corners and made > 1:
        step = (one * (size - 1) + (made - 1) // 2) // (made - 1)
    at = np.arange(made, dtype=np.int64) * step
    if half_pixel_centers:
        at += step // 2 - one // 2
    lower = np.maximum(_towards_zero(at, one), 0)
    upper = np.minimum(_towards_zero(at + one - 1, one), size - 1)
    return lower, upper, at - one * lower


def mirrored_places(size: int, before: int, after: int, symmetric: bool) -> Places:
    """Returns the places of a dimension of `size` with `before` and `after` mirrored ones around them.

    - symmetric: whether the places at the ends are repeated.
    """
    first = 0 if symmetric else 1
    left = np.arange(before - 1 + first, first - 1, -1)
    right = np.arange(size - 1 - first, size - 1 - first - after, -1)
    return np.concatenate([left, np.arange(size), right]).astype(np.int64)


def interpolated(x: npt.NDArray[Any], rows: tuple[Places, ...], columns: tuple[Places, ...]) -> npt.NDArray[Any]:
    """Returns maps that are interpolated between the places of others, `[N, H', W', C]`, as RESIZE_BILINEAR does.

    - x: codes of the maps, `[N, H, W, C]`; the result has the same type.
    - rows, columns: what `bilinear_places` returns for the rows and for the columns.

    The sums of weighted codes are rounded to nearest, halves away from zero.
    """
    one = 1 << RESIZE_BITS
    y0, y1, dy = rows
    x0, x1, dx = columns
    codes = x.astype(np.int64)
    wide = codes[:, :, x0] * (one - dx)[:, None] + codes[:, :, x1] * dx[:, None]
    total = wide[:, y0] * (one - dy)[:, None, None] + wide[:, y1] * dy[:, None, None]
    half = 1 << 2 * RESIZE_BITS - 1
    rounded = (np.abs(total) + half) >> 2 * RESIZE_BITS
    return np.asarray(np.sign(total) * rounded, x.dtype)


def _towards_zero(values: Places, divisor: int) -> Places:
    """Returns quotients as C rounds them: towards zero."""
    return np.asarray(np.sign(values) * (np.abs(values) // divisor))
