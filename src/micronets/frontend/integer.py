"""The integer arithmetic of audio front ends: what the C on a device computes, bit for bit, in numpy.

    samples int16 -> frame, scaled up by 2^h -> window -> FFT -> power -> mel bands -> log2 -> pixel -> code, int8
                                                                                           -> DCT   -> code, int8

Every value is an integer with a stated position of the binary point, and every operation is an addition, a product or a
shift, so that numpy and C agree on every processor. csrc/micronets_sound.c computes the same in C. Against the
arithmetic in floats (`features`) a pixel of speech differs by 1 at most. The Fourier transform and the logarithm are in
`fourier`.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend import fourier
from micronets.frontend.fourier import LEVEL_BITS, POWER_SHIFT, WINDOW_BITS, Fourier, bit_length, circle, log2
from micronets.frontend.mel import dct_matrix, hann, mel, mel_edges
from micronets.frontend.spec import FrontEnd

Array = npt.NDArray[Any]
Int = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

BAND_BITS = 12
"""Fractional bits of a bin's weight in a mel band."""

PIXEL_BITS = 20
"""Fractional bits of the factor from a level to a pixel, besides those of the level."""

_FRAMES = 64  # frames that are computed at once: more would not stay in the processor's cache
_PARALLEL = 8  # threads are started for at least this many times `_FRAMES`
_MOST_THREADS = 8


@dataclass(frozen=True, eq=False)
class SoundTables(Fourier):
    """The numbers that the integer arithmetic of a front end reads; C holds the same ones.

    - window: int16 `[window_samples]`, `WINDOW_BITS` fractional bits.
    - first_bin: int `[n_mels + 2]`; bins first_bin[j] to first_bin[j + 1] - 1 lie between the edges j and j + 1 of the
      bands: they are on the rising side of band j and on the falling side of band j - 1.
    - rise: uint16 `[bins]`, the weight of a bin in the band on whose rising side it is, `BAND_BITS` fractional bits;
      the rest to 1 is its weight in the band below.
    - unit_level: the number that is added to a band's level in the transform's units to get that in the front end's.
    - least_level: the level of `log_floor`, to which smaller levels are raised.
    - pixel_factor, pixel_offset: a pixel is (level * factor + offset) >> (LEVEL_BITS + PIXEL_BITS).
    """

    window: Int
    first_bin: Int
    rise: Int
    unit_level: int
    least_level: int
    pixel_factor: int
    pixel_offset: int


@lru_cache(maxsize=8)
def sound_tables(fe: FrontEnd) -> SoundTables:
    """Returns the tables of a front end whose arithmetic is "integer"; `fe.base()` has the same ones."""
    n = fe.n_fft
    points = n // 2
    edges = mel_edges(fe)
    hertz = 700 * np.expm1(edges / 1127)
    first = np.ceil(hertz * n / fe.sample_rate - 1e-9).astype(np.int64)
    first[0] = max(1, first[0])  # the bin of 0 Hz has no weight in any band
    first = np.maximum.accumulate(np.minimum(first, points + 1))
    bins = int(first[-1])
    at = mel(np.arange(bins) * fe.sample_rate / n)
    interval = np.clip(np.searchsorted(first, np.arange(bins), side="right") - 1, 0, fe.n_mels)
    rise = (at - edges[interval]) / (edges[interval + 1] - edges[interval])
    one = 1 << BAND_BITS
    # |X|^2 in the units of samples = power * (M / 2^WINDOW_BITS)^2; |X| has the root of it.
    unit = 2.0 ** (POWER_SHIFT - BAND_BITS) * (points / 2**WINDOW_BITS) ** 2
    if fe.power == 1:
        unit = 2.0**-BAND_BITS * points / 2**WINDOW_BITS
    if fe.sample_scale == "unit":
        unit /= 32768**fe.power
    factor = round(fe.pixel_scale * math.log(2) * 2**PIXEL_BITS)
    return SoundTables(
        points=points,
        window=np.rint(hann(fe.window_samples).astype(np.float64) * 2**WINDOW_BITS).astype(np.int64),
        twiddles=circle(points, 3 * points // 4),
        split=circle(n, bins),
        first_bin=first,
        rise=np.clip(np.rint(rise * one), 0, one).astype(np.int64),
        unit_level=round(math.log2(unit) * 2**LEVEL_BITS),
        least_level=round(math.log2(fe.log_floor) * 2**LEVEL_BITS),
        pixel_factor=factor,
        pixel_offset=round((fe.pixel_offset + 0.5) * 2 ** (LEVEL_BITS + PIXEL_BITS)),
    )


def levels(clips: Array, fe: FrontEnd) -> Int:
    """Computes the levels of clips: log2 of every band, `LEVEL_BITS` fractional bits.

    - clips: `[N, clip_samples]`, integers of 16 bits.

    Returns int64 `[N, T, n_mels]`, none below the level of `fe.log_floor`.
    """
    x = np.asarray(clips).astype(np.int32)
    frames = np.lib.stride_tricks.sliding_window_view(x, fe.window_samples, axis=1)[:, :: fe.hop_samples]
    rows = frames.reshape(-1, fe.window_samples)
    t = sound_tables(fe.base())
    found = frame_levels(rows, fe).reshape(*frames.shape[:2], fe.n_mels)
    if fe.sample_scale == "max":
        loudest = np.maximum(x.max(1), 1)  # a clip without a positive sample is not scaled
        found -= log2(loudest.astype(np.int64))[:, None, None] * fe.power
    return np.maximum(found, t.least_level)


def frame_levels(rows: Array, fe: FrontEnd) -> Int:
    """Computes the absolute levels of frames, before the limit to the least level.

    - rows: `[F, window_samples]`, integers of 16 bits.

    Returns int64 `[F, n_mels]`, `LEVEL_BITS` fractional bits.
    """
    x, t = np.asarray(rows).astype(np.int32, copy=False), sound_tables(fe.base())
    found = np.zeros((len(x), fe.n_mels), np.int64)

    def compute(first: int) -> None:
        part = slice(first, first + _FRAMES)
        found[part] = _frame_levels(x[part], fe, t)

    starts = range(0, len(x), _FRAMES)
    if len(starts) < _PARALLEL:
        for first in starts:
            compute(first)
    else:  # numpy computes outside the interpreter's lock
        with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
            deque(pool.map(compute, starts), 0)
    return found


def to_pixels(found: Int, fe: FrontEnd) -> npt.NDArray[np.uint8]:
    """Turns levels into pixels 0..255, each `pixel_scale ln(band) + pixel_offset` to the nearest integer."""
    t = sound_tables(fe.base())
    shift = LEVEL_BITS + PIXEL_BITS
    return np.asarray(np.clip((found * t.pixel_factor + t.pixel_offset) >> shift, 0, 255), np.uint8)


def natural(found: Int) -> npt.NDArray[np.float32]:
    """Turns levels into natural logarithms."""
    return np.asarray(found * (math.log(2) / 2**LEVEL_BITS), np.float32)


def _frame_levels(rows: Array, fe: FrontEnd, t: SoundTables) -> Int:
    """Computes the levels `[F, n_mels]` of frames `[F, window_samples]`, before the limit to the least level."""
    power, up = _spectrum(rows, fe, t)
    bands = _bands(power >> POWER_SHIFT if fe.power == 2 else _root(power), t)
    return (log2(np.maximum(bands, 1)) + t.unit_level - ((fe.power * up) << LEVEL_BITS)).T


def _spectrum(rows: Array, fe: FrontEnd, t: SoundTables) -> tuple[Int, Int]:
    """Computes the power `[bins, F]` of every bin that a band needs, and the power of 2 `[F]` that scaled the samples.

    A frame is scaled up so far that its largest sample still has 16 bits.
    """
    top = np.maximum(np.abs(rows).max(1), 1)
    up = np.maximum(14 - np.floor(np.log2(top)).astype(np.int32), 0)
    z = np.zeros((2, t.points, len(rows)), np.int32)
    scaled = (rows << up[:, None]).astype(np.int32).T * t.window.astype(np.int32)[:, None]
    even, odd = scaled[::2], scaled[1::2]
    z[0, : len(even)], z[1, : len(odd)] = even, odd
    return fourier.power(z, t), up


def _root(power: Int) -> Int:
    """Returns the square roots of integers below 2^62 to 16 significant bits, rounded down.

    A number is shifted left by an even number of bits, until one of its upper two is set; the root of its upper 32 bits
    is taken and shifted back.
    """
    shift = (64 - np.where(power > 0, bit_length(np.maximum(power, 1)), 64)) & ~1
    upper = (power.astype(np.uint64) << shift.astype(np.uint64)) >> np.uint64(32)
    return np.asarray((np.sqrt(upper.astype(np.float64)).astype(np.int64) << 16) >> (shift // 2))


def _bands(x: Int, t: SoundTables) -> Int:
    """Sums weighted bins `[bins, F]` to bands `[n_mels, F]`, with `BAND_BITS` fractional bits."""
    starts = t.first_bin
    up = _sums(x * t.rise[:, None], starts)
    both = _sums(x, starts)
    return np.asarray(up[:-1] + (both[1:] << BAND_BITS) - up[1:])


def _sums(x: Int, starts: Int) -> Int:
    """Sums rows `[n, F]` from each of `starts` to the one before the next: `[len(starts) - 1, F]`; n is the last."""
    found = np.zeros((len(starts) - 1, x.shape[1]), np.int64)
    some = np.flatnonzero(starts[:-1] < starts[1:])
    if len(some):
        found[some] = np.add.reduceat(x, starts[some], axis=0)
    return found


@dataclass(frozen=True, eq=False)
class InputTables:
    """How the pixels or levels of a frame become the int8 codes of the network's input, `[K]` a frame.

    - codes: int8 `[256]`, the code of each pixel; None if coefficients are computed.
    - factors: int16 `[K, n_mels]`, the factor of every band in every coefficient; None if the pixels themselves are
      used.
    - offsets: int64 `[K]`, empty if `factors` is None. A code is (sum of factor * value + offset) >> shift, clamped to
      -128..127.
    - shift: how far sums are shifted to the right.
    """

    codes: Int | None
    factors: Int | None
    offsets: Int
    shift: int


def input_tables(fe: FrontEnd, scale: float, zero_point: int) -> InputTables:
    """Makes the tables from the features of a frame to the codes of a network's input.

    - `fe`: the front end that computes the features.
    - `scale`, `zero_point`: those of the network's input, int8.
    """
    mean = np.asarray(fe.input_mean, np.float64)
    divisor = np.asarray(fe.input_scale, np.float64)
    if fe.kind == "logmel" and not fe.coefficients and len(mean) == len(divisor) == 1:
        real = (np.arange(256, dtype=np.float32) - np.float32(mean[0])) / np.float32(divisor[0])
        found = np.rint(real / np.float32(scale)) + zero_point
        return InputTables(np.clip(found, -128, 127).astype(np.int64), None, np.zeros(0, np.int64), 0)
    matrix = dct_matrix(fe).astype(np.float64).T if fe.coefficients else np.eye(fe.n_mels)
    real = matrix / (divisor * scale)[:, None] if len(divisor) > 1 else matrix / (divisor[0] * scale)
    if fe.kind == "mfcc":
        real = real * math.log(2) / 2**LEVEL_BITS
    shift = 14 - math.floor(math.log2(np.abs(real).max()))
    offsets = np.broadcast_to(zero_point - mean / divisor / scale + 0.5, len(matrix))
    factors = np.clip(np.rint(np.ldexp(real, shift)), -32768, 32767).astype(np.int64)
    return InputTables(None, factors, np.rint(np.ldexp(offsets, shift)).astype(np.int64), shift)


def codes(values: Array, fe: FrontEnd, scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """Turns pixels (`logmel`) or levels (`mfcc`) `[N, T, n_mels]` into the network's input codes `[N, T', K, 1]`.

    - values: the pixels or levels.
    - fe: the front end that made them.
    - scale, zero_point: scale and zero point of the network's input, int8.
    """
    t = input_tables(fe, scale, zero_point)
    x = values[:, :: fe.frame_stride].astype(np.int64)
    if t.codes is not None:
        found = t.codes[x]
    else:
        assert t.factors is not None
        found = np.clip((x @ t.factors.T + t.offsets) >> t.shift, -128, 127)
    return found.astype(np.int8)[..., None]


def frame_codes(rows: Array, loudest: Array, fe: FrontEnd, scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """Computes the codes of frames, each by itself.

    - rows: `[F, window_samples]`, integers of 16 bits.
    - loudest: the largest sample of the clip of each frame, `[F]`, at least 1; read where `fe.sample_scale` is "max".
    - fe: the front end of the network.
    - scale, zero_point: scale and zero point of the network's input, int8.

    Returns `[F, K]`.
    """
    t = sound_tables(fe.base())
    found = frame_levels(rows, fe)
    if fe.sample_scale == "max":
        found -= log2(np.asarray(loudest, np.int64))[:, None] * fe.power
    found = np.maximum(found, t.least_level)
    values = to_pixels(found, fe) if fe.kind == "logmel" else found
    return codes(values[:, None], replace(fe, frame_stride=1), scale, zero_point)[:, 0, :, 0]


def integer_samples(clips: Sequence[Array] | Array) -> Array:
    """Rounds samples in int16 units to integers, clamped to 16 bits."""
    return np.asarray(np.clip(np.rint(np.asarray(clips)), -32768, 32767), np.int64)
