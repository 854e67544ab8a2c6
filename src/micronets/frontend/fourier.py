"""The Fourier transform and the logarithm in integers that front ends share, in numpy; csrc/micronets_fourier.h in C.

The transform of N real samples is one of M = N / 2 complex numbers: stages of radix 4, decimated in frequency, each of
which divides by 4, and one of radix 2 where M is not a power of 4 (Sorensen et al., Real-Valued Fast Fourier Transform
Algorithms, IEEE TASSP 35, 1987). Numbers have 32 bits and factors 16, as the SMULW instructions of Arm's DSP extension
multiply them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

LEVEL_BITS = 15
"""Fractional bits of a level, the logarithm to base 2 of a band."""

WINDOW_BITS = 14
"""Fractional bits of a window, so that a windowed sample has 30 bits."""

POWER_SHIFT = 10
"""How far the power of a bin is shifted right, so that a weighted sum of all bins has 64 bits."""

LOG_STEPS = 64
"""Steps of the table of logarithms between a power of 2 and the next."""

LOGARITHMS: Int = np.rint(np.log2(1 + np.arange(LOG_STEPS + 1) / LOG_STEPS) * 2**LEVEL_BITS).astype(np.int64)
"""log2(1 + i / LOG_STEPS), `LEVEL_BITS` fractional bits."""


@dataclass(frozen=True, eq=False)
class Fourier:
    """The numbers that the transform reads; C holds the same ones.

    - points: complex points M of the transform, half of the samples N.
    - twiddles: int16 `[3 M / 4, 2]`, cosine and sine of 2 pi i / M with 15 fractional bits.
    - split: int16 `[bins, 2]`, cosine and sine of 2 pi k / N with 15 fractional bits, for as many bins as are needed.
    """

    points: int
    twiddles: Int
    split: Int


def circle(whole: int, count: int) -> Int:
    """Returns cosines and sines `[count, 2]` of 2 pi i / whole, 15 fractional bits; 1 is 32767 / 32768."""
    angle = 2 * np.pi * np.arange(count) / whole
    values = np.rint(np.stack([np.cos(angle), np.sin(angle)], 1) * 32768)
    return np.asarray(np.minimum(values, 32767), np.int64)


def power(z: Int32, t: Fourier) -> Int:
    """Computes the squares of the magnitudes `[bins, F]` of the transforms of N = 2 M real samples.

    - z: real and imaginary parts `[2, M, F]`: the samples of even and those of odd numbers.
    """
    z = _transform(z, t)
    k, order = np.arange(len(t.split)), _reversed_bits(t.points)
    a, b = z[:, order[k % t.points]] >> 1, z[:, order[(t.points - k) % t.points]] >> 1
    odds = np.stack([a[0] - b[0], a[1] + b[1]])
    by_cosine, by_sine = _turned(odds, _split_factors(t, z.shape[2]))
    x = a[0] + b[0] + 2 * (by_cosine[1] - by_sine[0])
    y = a[1] - b[1] - 2 * (by_cosine[0] + by_sine[1])
    return np.asarray(np.square(x.astype(np.int64)) + np.square(y.astype(np.int64)))


def _turned(value: Int32, factors: tuple[Int32, Int32]) -> tuple[Int32, Int32]:
    """Multiplies 32-bit numbers by cosines and by sines of 16 and keeps the upper 32 of the 48 bits, like SMULWB.

    No product here has more than 32 bits: those of 64 take numpy more than twice the time.

    - value: of any shape.
    - factors: cosines and sines, whose shape is the end of that of `value`.

    Returns the products with the cosines and those with the sines.
    """
    high, low = value >> 16, value & 0xFFFF
    found = []
    for factor in factors:
        product = low * factor
        product >>= 16
        product += high * factor
        found.append(product)
    return found[0], found[1]


@lru_cache(maxsize=8)
def _split_factors(t: Fourier, count: int) -> tuple[Int32, Int32]:
    """Returns the cosines and the sines of `t.split` for `count` frames, each `[bins, count]`."""
    return _for_each_frame(t.split, count)


@lru_cache(maxsize=64)
def _stage_factors(t: Fourier, step: int, count: int) -> tuple[Int32, Int32]:
    """Returns the cosines and the sines of a stage for `count` frames, each `[3, points / 4 step, count]`.

    The three are those of the outputs of a butterfly that are turned, in the order in which these are kept; `step` is
    how many twiddle factors lie between those of two butterflies.
    """
    turns = np.array([2, 1, 3])[:, None] * step * np.arange(t.points // (4 * step))
    return _for_each_frame(t.twiddles[turns], count)


def _for_each_frame(pairs: Int, count: int) -> tuple[Int32, Int32]:
    """Repeats cosines and sines `[..., 2]` for each of `count` frames, which makes products with them fast in numpy."""
    wide = np.repeat(pairs.astype(np.int32)[..., None], count, -1)
    return np.ascontiguousarray(wide[..., 0, :]), np.ascontiguousarray(wide[..., 1, :])


def _transform(z: Int32, t: Fourier) -> Int32:
    """Computes the Fourier transform of complex numbers, divided by their number M; its bins are in bit-reversed order.

    - z: real and imaginary parts, `[2, M, F]`, and so is what is returned.
    """
    _, points, count = z.shape
    n = points
    while n >= 4:
        half = z.reshape(2, points // n, 4, n // 4, count) >> 1
        total, rest = half[:, :, :2] + half[:, :, 2:], half[:, :, :2] - half[:, :, 2:]
        # The second and the third output change places in every stage, which leaves the bins in bit-reversed order.
        turned = np.empty((2, points // n, 3, n // 4, count), np.int32)
        np.subtract(total[:, :, 0], total[:, :, 1], out=turned[:, :, 0])
        np.add(rest[0, :, 0], rest[1, :, 1], out=turned[0, :, 1])
        np.subtract(rest[1, :, 0], rest[0, :, 1], out=turned[1, :, 1])
        np.subtract(rest[0, :, 0], rest[1, :, 1], out=turned[0, :, 2])
        np.add(rest[1, :, 0], rest[0, :, 1], out=turned[1, :, 2])
        out = np.empty_like(half)
        np.add(total[:, :, 0], total[:, :, 1], out=out[:, :, 0])
        out[:, :, 0] >>= 1
        if n == 4:
            np.right_shift(turned, 1, out=out[:, :, 1:])
        else:
            by_cosine, by_sine = _turned(turned, _stage_factors(t, points // n, count))
            np.add(by_cosine[0], by_sine[1], out=out[0, :, 1:])
            np.subtract(by_cosine[1], by_sine[0], out=out[1, :, 1:])
        z = out.reshape(2, points, count)
        n //= 4
    if n == 2:
        half = z.reshape(2, points // 2, 2, count) >> 1
        out = np.empty_like(half)
        np.add(half[:, :, 0], half[:, :, 1], out=out[:, :, 0])
        np.subtract(half[:, :, 0], half[:, :, 1], out=out[:, :, 1])
        z = out.reshape(2, points, count)
    return z


@lru_cache(maxsize=8)
def _reversed_bits(points: int) -> Int:
    """Returns the numbers 0 .. points - 1 with their bits in the reverse order."""
    bits = points.bit_length() - 1
    n = np.arange(points)
    return np.asarray(sum(((n >> b) & 1) << (bits - 1 - b) for b in range(bits)), np.int64)


def log2(x: Int) -> Int:
    """Returns log2 of positive integers, `LEVEL_BITS` fractional bits, by a table and straight lines between."""
    exponent = bit_length(x) - 1
    # The 32 bits behind and with the leading one: the rest of a number is cut off.
    mantissa = np.where(exponent > 31, x >> np.maximum(exponent - 31, 0), x << np.maximum(31 - exponent, 0))
    at, rest = (mantissa >> 25) & (LOG_STEPS - 1), (mantissa >> 9) & 0xFFFF
    low, high = LOGARITHMS[at], LOGARITHMS[at + 1]
    return np.asarray((exponent << LEVEL_BITS) + low + (((high - low) * rest) >> 16))


def bit_length(x: Int) -> Int:
    """Returns how many bits positive integers have."""
    guess = np.floor(np.log2(x.astype(np.float64))).astype(np.int64)
    guess -= (x >> guess) == 0  # a number just below a power of 2 becomes that power as a float
    return guess + 1
