"""The integer arithmetic of TFLM's audio front end: transform, square roots, gains, and logarithms.

The front end `frontend.micro` computes with it, and so do the operators of TFLM's signal library (`ir.ops.signal`), of
which a network may hold the same front end. The transform of N real samples is one of N / 2 complex numbers of 16 bits,
decimated in time: perhaps one stage of radix 2, then stages of radix 4, each of which divides by its radix. In C it is
compiler/csrc/include/micronets_spectrum.h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Int = npt.NDArray[np.int64]

SNR_BITS = 12
"""Fractional bits of a signal divided by its noise."""

OUT_BITS = 6
"""Fractional bits of what the gain control gives."""

LOG_BITS = 16
"""Fractional bits of a logarithm."""

LOG_STEPS = 128
"""Steps of the table of logarithms between a power of 2 and the next."""

LN2 = math.floor(math.log(2) * (1 << LOG_BITS))
"""The natural logarithm of 2, `LOG_BITS` fractional bits."""

LOGARITHMS: Int = np.rint(
    (np.log2(1 + np.arange(LOG_STEPS + 1) / LOG_STEPS) - np.arange(LOG_STEPS + 1) / LOG_STEPS) * (1 << LOG_BITS)
).astype(np.int64)
"""By how much log2(1 + i / LOG_STEPS) is larger than i / LOG_STEPS, `LOG_BITS` fractional bits."""

_HALF, _QUARTER = 32767 // 2, 32767 // 4  # 15 fractional bits


@dataclass(frozen=True, eq=False)
class Turns:
    """The numbers that the transform of 2 * points real samples reads; C holds the same ones.

    - points: complex points of the transform, a power of 2.
    - twiddles: int16 `[3 points / 4, 2]`, real and imaginary part of exp(-2 pi i k / points), 15 fractional bits.
    - split: int16 `[points / 2, 2]`, real and imaginary part of exp(-pi i ((k + 1) / points + 1 / 2)).
    """

    points: int
    twiddles: Int
    split: Int


@lru_cache(maxsize=16)
def turns(points: int) -> Turns:
    """Returns the numbers of a transform of so many complex points, a power of 2 from 2 on."""
    return Turns(
        points,
        _circle(-2 * math.pi * np.arange(max(1, 3 * points // 4)) / points),
        _circle(-math.pi * ((np.arange(points // 2) + 1) / points + 0.5)),
    )


def _circle(angles: npt.NDArray[np.float64]) -> Int:
    """Returns cosines and sines `[n, 2]` of angles, 15 fractional bits, the largest of which is 32767."""
    return np.floor(0.5 + 32767 * np.stack([np.cos(angles), np.sin(angles)], 1)).astype(np.int64)


def wrapped(x: Array) -> Int:
    """Returns integers as 16 bits hold them."""
    return np.asarray(x, np.int64).astype(np.int16).astype(np.int64)


def _rounded(product: Array) -> Int:
    """Returns products with 15 fractional bits too many, rounded to nearest, as 16 bits hold them."""
    return wrapped((product + (1 << 14)) >> 15)


def _turned(real: Int, imag: Int, factors: Int) -> tuple[Int, Int]:
    """Multiplies complex numbers by factors `[..., 2]`, 15 fractional bits; each product is rounded once."""
    c, s = factors[..., 0], factors[..., 1]
    return _rounded(real * c - imag * s), _rounded(real * s + imag * c)


def _reversed(part: Int, points: int) -> Int:
    """Returns numbers `[F, points]` in the order in which the first stage takes them: by their digits read backwards,
    to base 4, of which the last one is to base 2 where there is no whole number of digits to base 4.
    """
    bits = points.bit_length() - 1
    digits = (4,) * (bits // 2) + (2,) * (bits % 2)
    backwards = part.reshape(len(part), *digits[::-1])
    return backwards.transpose(0, *range(len(digits), 0, -1)).reshape(len(part), points)


def _transform(rows: Int, t: Turns) -> tuple[Int, Int]:
    """Computes the Fourier transform `[F, points]`, real and imaginary parts, of `[F, 2 * points]` real samples as
    complex ones, divided by their number.
    """
    count, points = len(rows), t.points
    real, imag = (_reversed(part, points) for part in (rows[:, ::2], rows[:, 1::2]))
    size = 1
    if points.bit_length() % 2 == 0:
        halves = (_rounded(part * _HALF).reshape(count, points // 2, 2) for part in (real, imag))
        pairs = (np.stack([wrapped(p[..., 0] + p[..., 1]), wrapped(p[..., 0] - p[..., 1])], 2) for p in halves)
        real, imag = (p.reshape(count, points) for p in pairs)
        size = 2
    while size < points:
        shape = count, points // (4 * size), 4, size
        r, i = (_rounded(part * _QUARTER).reshape(shape) for part in (real, imag))
        factors = t.twiddles[np.arange(1, 4)[:, None] * np.arange(size) * (points // (4 * size))]
        tr, ti = _turned(r[:, :, 1:], i[:, :, 1:], factors)
        (r0, i0), (r1, i1), (r2, i2), (r3, i3) = (
            (r[:, :, 0], i[:, :, 0]),
            *((tr[:, :, k], ti[:, :, k]) for k in range(3)),
        )
        sum_r, sum_i, dif_r, dif_i = wrapped(r0 + r2), wrapped(i0 + i2), wrapped(r0 - r2), wrapped(i0 - i2)
        odd_r, odd_i, rest_r, rest_i = (wrapped(x) for x in (r1 + r3, i1 + i3, r1 - r3, i1 - i3))
        real = wrapped(np.stack([sum_r + odd_r, dif_r + rest_i, sum_r - odd_r, dif_r - rest_i], 2))
        imag = wrapped(np.stack([sum_i + odd_i, dif_i - rest_r, sum_i - odd_i, dif_i + rest_r], 2))
        real, imag = real.reshape(count, points), imag.reshape(count, points)
        size *= 4
    return real, imag


def spectrum(rows: Int, t: Turns) -> Int:
    """Computes the bins `[F, points + 1, 2]`, real and imaginary parts, of the Fourier transform of real samples,
    divided by the number of samples.

    - rows: `[F, 2 * points]`, integers of 16 bits.
    """
    real, imag = _transform(rows, t)
    k = np.arange(1, t.points // 2 + 1)
    r, i = _rounded(real[:, k] * _HALF), _rounded(imag[:, k] * _HALF)
    mirror_r, mirror_i = _rounded(real[:, -k] * _HALF), _rounded(wrapped(-imag[:, -k]) * _HALF)
    even_r, even_i = wrapped(r + mirror_r), wrapped(i + mirror_i)
    odd_r, odd_i = _turned(wrapped(r - mirror_r), wrapped(i - mirror_i), t.split)
    found = np.zeros((len(rows), t.points + 1, 2), np.int64)
    found[:, k] = np.stack([(even_r + odd_r) >> 1, (even_i + odd_i) >> 1], -1)
    found[:, t.points - k] = np.stack([(even_r - odd_r) >> 1, (odd_i - even_i) >> 1], -1)
    first_r, first_i = _rounded(real[:, 0] * _HALF), _rounded(imag[:, 0] * _HALF)
    found[:, 0, 0], found[:, t.points, 0] = first_r + first_i, first_r - first_i
    return wrapped(found)


def roots(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Returns square roots of integers of 64 bits, rounded to nearest; that of a number of 32 bits has 16 bits, and
    that of a larger one 32.
    """
    one, most = np.uint64(1), np.uint64(0xFFFFFFFF)
    found = np.minimum(np.sqrt(x.astype(np.float64)), 2.0**32 - 1).astype(np.uint64)
    found -= (found * found > x).astype(np.uint64)  # the float may be off by one: it has 53 bits
    found += (found < most) & ((found + one) * (found + one) <= x)
    limit = np.where(x >> np.uint64(32), most, np.uint64(0xFFFF))
    return np.asarray(found + ((x - found * found > found) & (found != limit)), np.uint64)


def bit_lengths(x: Array) -> Int:
    """Returns how many bits integers of 32 bits have; 0 for 0."""
    return np.frexp(np.asarray(x, np.float64))[1].astype(np.int64)


def gains(noise: Array, parabolas: Int) -> Int:
    """Returns the gains of bands from their noise estimates, 32-bit numbers.

    - parabolas: `[33, 3]`, for estimates of 0, 1, ... bits the coefficients of a parabola.
    """
    bits, noise = bit_lengths(noise), np.asarray(noise, np.int64)
    start, slope, bend = np.moveaxis(parabolas[bits], -1, 0)
    place = np.where(bits < 11, noise << np.maximum(11 - bits, 0), noise >> np.maximum(bits - 11, 0)) & 0x3FF
    return np.asarray(start + (((((bend * place) >> 5) + (slope << 5)) * place + (1 << 14)) >> 15))


def shrunk(ratio: Int) -> Int:
    """Returns ratios of signal and noise, `SNR_BITS` fractional bits, less 1, small ones squared in place of that;
    with `OUT_BITS` fractional bits (PCAN).
    """
    small = (ratio * ratio) >> (2 + 2 * SNR_BITS - OUT_BITS)
    return np.where(ratio < 2 << SNR_BITS, small, (ratio >> (SNR_BITS - OUT_BITS)) - (1 << OUT_BITS))


def logarithms(x: Int, scale: int) -> Int:
    """Returns `scale` times the natural logarithm of integers of 32 bits, rounded to nearest and in 32 bits; 0 for 0
    and 1.
    """
    exponent = np.maximum(bit_lengths(x) - 1, 0)
    rest = x - (1 << exponent)
    left, right = np.maximum(LOG_BITS - exponent, 0), np.maximum(exponent - LOG_BITS, 0)
    part = (rest << left) >> right
    width = (1 << LOG_BITS) // LOG_STEPS
    at = np.minimum(part // width, LOG_STEPS - 1)
    low, high = LOGARITHMS[at], LOGARITHMS[at + 1]
    log2 = (exponent << LOG_BITS) + part + low + (((high - low) * (part - at * width)) >> LOG_BITS)
    half = 1 << (LOG_BITS - 1)
    natural = (LN2 * log2 + half) >> LOG_BITS
    return np.where(x > 1, ((natural * scale + half) & 0xFFFFFFFF) >> LOG_BITS, 0)
