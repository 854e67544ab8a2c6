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


def float_bilinear_places(
    size: int, made: int, align_corners: bool, half_pixel_centers: bool
) -> tuple[Places, Places, npt.NDArray[np.float32]]:
    """Returns what `bilinear_places` returns for maps of float32, whose weights are float32: 1 is 1.

    TFLM does this in `ComputeInterpolationValues`.
    """
    half, places = np.float32(0.5), np.arange(made, dtype=np.float32)
    corners = align_corners and made > 1
    scale = np.float32(size - 1) / np.float32(made - 1) if corners else np.float32(size) / np.float32(made)
    at = (places + half) * scale - half if half_pixel_centers else places * scale
    lower = np.maximum(np.floor(at), 0).astype(np.int64)
    upper = np.minimum(np.ceil(at), size - 1).astype(np.int64)
    return lower, upper, at - lower.astype(np.float32)


def mirrored_places(size: int, before: int, after: int, symmetric: bool) -> Places:
    """Returns the places of a dimension of `size` with `before` and `after` mirrored ones around them.

    - symmetric: whether the places at the ends are repeated.
    """
    first = 0 if symmetric else 1
    left = np.arange(before - 1 + first, first - 1, -1)
    right = np.arange(size - 1 - first, size - 1 - first - after, -1)
    return np.concatenate([left, np.arange(size), right]).astype(np.int64)


def resized(
    x: npt.NDArray[Any], size: tuple[int, int], align_corners: bool, half_pixel_centers: bool
) -> npt.NDArray[Any]:
    """Returns maps of another size, `[N, *size, C]`, as RESIZE_BILINEAR computes them.

    - x: maps of codes or of float32, `[N, H, W, C]`; the result has the same type.
    - size: the height and the width of the result.
    - align_corners, half_pixel_centers: see `bilinear_places`.
    """
    sizes = tuple(zip(x.shape[1:3], size, strict=True))
    if x.dtype == np.float32:
        rows, columns = (float_bilinear_places(*pair, align_corners, half_pixel_centers) for pair in sizes)
        return float_interpolated(x, rows, columns)
    lines, pixels = (bilinear_places(*pair, align_corners, half_pixel_centers) for pair in sizes)
    return interpolated(x, lines, pixels)


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


def float_interpolated(
    x: npt.NDArray[np.float32],
    rows: tuple[Places, Places, npt.NDArray[np.float32]],
    columns: tuple[Places, Places, npt.NDArray[np.float32]],
) -> npt.NDArray[np.float32]:
    """Returns float32 maps that are interpolated between the places of others, `[N, H', W', C]`.

    - x: the maps, `[N, H, W, C]`.
    - rows, columns: what `float_bilinear_places` returns for the rows and for the columns.
    """
    (y0, y1, dy), (x0, x1, dx) = rows, columns
    down, across, one = dy[:, None, None], dx[:, None], np.float32(1)
    left, right = x[:, :, x0], x[:, :, x1]
    with np.errstate(all="ignore"):
        upper_left, lower_left = left[:, y0] * (one - down) * (one - across), left[:, y1] * down * (one - across)
        upper_right, lower_right = right[:, y0] * (one - down) * across, right[:, y1] * down * across
        return np.asarray(upper_left + lower_left + upper_right + lower_right + np.float32(0))


def _towards_zero(values: Places, divisor: int) -> Places:
    """Returns quotients as C rounds them: towards zero."""
    return np.asarray(np.sign(values) * (np.abs(values) // divisor))


def with_box(x: npt.NDArray[Any], box: npt.NDArray[Any], places: npt.ArrayLike) -> npt.NDArray[Any]:
    """Returns a copy of `[N, *shape]` in which the box `[N, *sizes]` begins at `places`, moved so that it lies inside.

    - places: a place for each dimension of the shape, the same for all N or `[N, dimensions]`.
    """
    found, sizes = x.copy(), box.shape[1:]
    most = np.subtract(x.shape[1:], sizes)
    for k, begin in enumerate(np.broadcast_to(np.clip(places, 0, most), (len(x), len(sizes)))):
        found[k][tuple(slice(at, at + size) for at, size in zip(begin, sizes, strict=True))] = box[k]
    return found
