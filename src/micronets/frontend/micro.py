"""TFLM's own audio front end in integers: 40 bands of sound at 16 kHz, less their noise and with their gain controlled.

    samples int16 -> frame of 30 ms -> window -> scaled up by 2^h -> FFT of 512 -> power -> mel bands -> square root
        -> less the noise estimate of the band -> PCAN gain -> logarithm -> value, 0 .. 1419 -> code of the input, int8

Networks of the field for wake words (microWakeWord) and TFLM's example micro_speech take what
`tensorflow/lite/experimental/microfrontend` gives, and later the signal library of tflite-micro. The arithmetic of this
module gives the same values, bit for bit; `pymicro-features` is that front end as a package for Python, and the tests
compare with it. csrc/micronets_micro.c is the same in C.

The transform is one of 256 complex numbers of 16 bits in radix 4, decimated in time, in which every stage divides by 4.
The noise of a band is a slow average of its past (per-channel energy normalisation: Wang, Getreuer, Hughes, Lyon,
Saurous, Trainable Frontend for Robust and Far-Field Keyword Spotting, ICASSP 2017). It belongs to the stream: what a
frame becomes depends on all frames before it (`MicroState`).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError
from micronets.frontend import as_json
from micronets.frontend.micro_arithmetic import (
    LOGARITHMS,
    OUT_BITS,
    SNR_BITS,
    Turns,
    gains,
    logarithms,
    roots,
    shrunk,
    spectrum,
    turns,
    wrapped,
)
from micronets.ranges import check_fields, ranged

Array = npt.NDArray[Any]
Int = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]

RATE = 16_000
"""Samples a second."""

FRAME = 480
"""Samples of a frame, 30 ms."""

BANDS = 40
"""Values of a frame."""

WORDS = 512
"""Words of 32 bits in which C computes a frame."""

STEPS_MS = (10, 20)
"""Milliseconds from one frame to the next that networks of the field are trained with."""

VALUE_SCALE = 1 / 25.6
"""What networks of the field are given is a value of this front end times this."""

MOST_VALUE = 1419
"""The largest value: 64 times the natural logarithm of the largest number of 32 bits."""

WEIGHT_BITS = 12
"""Fractional bits of the window and of a bin's weight in a band."""

NOISE_BITS = 10
"""Fractional bits of a noise estimate."""

SMOOTHING_BITS = 14
"""Fractional bits of the factors of the noise estimate."""

EVEN_SMOOTHING = math.floor(0.025 * (1 << SMOOTHING_BITS))
"""The share of the newest frame in the noise estimates of bands of even numbers, `SMOOTHING_BITS` fractional bits."""

ODD_SMOOTHING = math.floor(0.06 * (1 << SMOOTHING_BITS))
"""The share of the newest frame in the noise estimates of bands of odd numbers, `SMOOTHING_BITS` fractional bits."""

LEAST_SIGNAL = math.floor(0.05 * (1 << SMOOTHING_BITS))
"""The share of a band that always remains, `SMOOTHING_BITS` fractional bits."""

SCALE_BITS = 3
"""By how many bits bands are smaller than they were: the transform divides by 2^9, the weights multiply by 2^12, of
which the square root is 2^6."""

CODE_BITS = 20
"""Fractional bits of the factor from a value to a code."""

_POINTS = 256  # complex points of the transform
_LOW_HZ, _HIGH_HZ = 125.0, 7500.0
_GAIN_BITS, _GAIN_OFFSET, _GAIN_STRENGTH = 21, 80.0, 0.95
_FRAMES = 128  # frames whose spectra are computed at once: more would not stay in the processor's cache
_MOST_STEP = 1.3  # codes for a value of 1, with which (value * factor + offset) has 32 bits


@dataclass(frozen=True, kw_only=True)
class Micro:
    """TFLM's audio front end, as it travels with a model.

    - `step_ms`: milliseconds from one frame to the next: 10 (microWakeWord) or 20 (TFLM's micro_speech).
    - `frames`: frames that an output of the network depends on; of a network that keeps state, after how many frames
      of a stream its first output counts.

    Raises `SpecError` for a value that is not allowed.
    """

    step_ms: int = 10
    frames: int = ranged(100, 1, 10_000)

    def __post_init__(self) -> None:
        for name in ("step_ms", "frames"):
            if type(getattr(self, name)) is not int:
                raise SpecError(f"front end micro: {name} = {getattr(self, name)!r}; an integer is needed")
        check_fields(self, "front end micro: ")
        if self.step_ms not in STEPS_MS:
            raise SpecError(f"front end micro: step_ms = {self.step_ms!r}; allowed: {', '.join(map(str, STEPS_MS))}")

    @property
    def hop_samples(self) -> int:
        """Samples from the start of a frame to that of the next."""
        return self.step_ms * RATE // 1000

    @property
    def samples(self) -> int:
        """Samples of this many frames as an output depends on."""
        return FRAME + (self.frames - 1) * self.hop_samples

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of what an output of the network depends on: (frames, bands, 1)."""
        return self.frames, BANDS, 1

    def to_json(self) -> str:
        """Returns one line of JSON, whose `kind` is "micro"."""
        return json.dumps({"kind": "micro", **asdict(self)})

    @staticmethod
    def from_json(text: str, where: str) -> Micro:
        """Returns the front end from which `to_json` made `text`. Raises `SpecError`, naming `where`, for other
        text."""
        if not is_micro(text):
            raise SpecError(f'{where}: its front end is not TFLM\'s own; its kind would be "micro"')
        raw = {name: value for name, value in json.loads(text).items() if name != "kind"}
        return as_json.from_json(Micro, json.dumps(raw), where)


def is_micro(text: str) -> bool:
    """Returns whether the JSON text of a front end says that it is TFLM's own."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(raw, dict) and raw.get("kind") == "micro"


@dataclass(frozen=True, eq=False)
class MicroTables:
    """The numbers that the arithmetic reads; C holds the same ones.

    - window: int16 `[FRAME]`, `WEIGHT_BITS` fractional bits.
    - turns: the numbers of the transform of 512 real samples.
    - first_bin: `[BANDS + 2]`; bins first_bin[j] to first_bin[j + 1] - 1 lie between two edges of the bands: they fall
      in band j - 1, and rise in band j.
    - fall: uint16 `[bins]`, for bins from first_bin[0] on the weight in the band where they fall, `WEIGHT_BITS`
      fractional bits; the rest to 1 is that in the band where they rise.
    - gains: int16 `[33, 3]`, for noise estimates of 0, 1, ... bits three coefficients of a parabola.
    - logarithms: uint16 `[129]`, by how much log2(1 + i / 128) is larger than i / 128, 16 fractional bits.
    """

    window: Int
    turns: Turns
    first_bin: Int
    fall: Int
    gains: Int
    logarithms: Int


@lru_cache(maxsize=1)
def micro_tables() -> MicroTables:
    """Makes the tables. Those of window and bands are made of floats of 32 bits, as pymicro-features makes them: with
    floats of 64 bits a number of the window and three weights of bins would be 1 less.
    """
    half, one = np.float32(0.5), np.float32(1 << WEIGHT_BITS)
    arc = np.float32(2 * math.pi) / np.float32(FRAME)
    cosine = np.cos((arc * (np.arange(FRAME, dtype=np.float32) + half)).astype(np.float64)).astype(np.float32)
    first_bin, fall = _bands_of_bins()
    return MicroTables(
        window=np.floor((half - half * cosine) * one + half).astype(np.int64),
        turns=turns(_POINTS),
        first_bin=first_bin,
        fall=fall,
        gains=_gain_parabolas(),
        logarithms=LOGARITHMS,
    )


def _mel(hertz: npt.ArrayLike) -> Float32:
    """Returns the mel of frequencies; every step is rounded to a float of 32 bits.

    The logarithm of the highest edge is the float above the nearest one: so the C library has it with which
    pymicro-features was built, and two weights of bins depend on it.
    """
    share = np.asarray(hertz, np.float32) / np.float32(700)
    logarithm = np.log1p(share.astype(np.float64)).astype(np.float32)
    above = np.nextafter(logarithm, np.float32(np.inf))
    highest = np.asarray(hertz) == _HIGH_HZ
    return np.asarray(np.float32(1127) * np.where(highest, above, logarithm), np.float32)


def _bands_of_bins() -> tuple[Int, Int]:
    """Returns `first_bin` and `fall` of `MicroTables`: triangles that are equally wide in mel, half over each other."""
    low, high = _mel(_LOW_HZ), _mel(_HIGH_HZ)
    spacing = np.float32(high - low) / np.float32(BANDS + 1)
    peaks = np.float32(low) + spacing * np.arange(1, BANDS + 2, dtype=np.float32)
    edges = np.concatenate([low[None], peaks])
    hertz_per_bin = np.float32(0.5 * RATE / _POINTS)
    at = _mel(np.arange(_POINTS + 1, dtype=np.float32) * hertz_per_bin)
    start = int(1.5 + _LOW_HZ / hertz_per_bin)
    first = np.concatenate([[start], np.maximum(np.searchsorted(at, peaks, side="right"), start)])
    interval = np.repeat(np.arange(BANDS + 1), np.diff(first))
    share = (peaks[interval] - at[start : int(first[-1])]) / (peaks[interval] - edges[interval])
    weights = np.floor(share * np.float32(1 << WEIGHT_BITS) + np.float32(0.5))
    return first.astype(np.int64), weights.astype(np.int64)


def _gain(noise: int) -> int:
    """Returns the gain of a band with a noise estimate, `_GAIN_BITS` fractional bits, clamped to 16 bits."""
    level = np.float32(noise) / np.float32(1 << (NOISE_BITS - SCALE_BITS)) + np.float32(_GAIN_OFFSET)
    found = np.float32(1 << _GAIN_BITS) * np.float32(math.pow(level, np.float32(-_GAIN_STRENGTH)))
    return 32767 if found > 32767 else int(found + np.float32(0.5))


def _gain_parabolas() -> Int:
    """Returns `gains` of `MicroTables`: a parabola through the beginning, the middle and the end of each octave."""
    rows = [(_gain(0), 0, 0)]
    for bit in range(32):
        low = 1 << bit
        high = 2 * low - (bit == 31)
        start, middle, end = (_gain(x) for x in (low, low + low // 2, high))
        slope = 4 * (middle - start) - (end - start)
        rows.append((start, slope, end - start - slope))
    return np.array(rows, np.int64)


def bands(rows: Array) -> Int:
    """Computes the magnitudes of the bands of frames, which depend on no other frame.

    - rows: `[F, FRAME]`, integers of 16 bits.

    Returns `[F, BANDS]`, integers of fewer than 25 bits.
    """
    t, x = micro_tables(), np.asarray(rows, np.int64)
    found = np.zeros((len(x), BANDS), np.int64)
    for first in range(0, len(x), _FRAMES):
        part = (x[first : first + _FRAMES] * t.window) >> WEIGHT_BITS
        size = wrapped(np.abs(part)).max(1)  # that of -32768 is -32768 in 16 bits
        up = np.maximum(15 - np.ceil(np.log2(np.maximum(size, 0) + 1)).astype(np.int64), 0)
        scaled = np.zeros((len(part), 2 * _POINTS), np.int64)
        scaled[:, :FRAME] = wrapped(part << up[:, None])
        power = (spectrum(scaled, t.turns) ** 2).sum(-1)[:, t.first_bin[0] : t.first_bin[-1]]
        weighted = [power * t.fall, power * ((1 << WEIGHT_BITS) - t.fall)]
        falling, rising = (_sums(x, t.first_bin - t.first_bin[0]) for x in weighted)
        sums = (rising[:, :-1] + falling[:, 1:]).astype(np.uint64)
        found[first : first + _FRAMES] = roots(sums).astype(np.int64) >> up[:, None]
    return found


def _sums(x: Int, starts: Int) -> Int:
    """Sums columns `[F, n]` from each of `starts` to the one before the next: `[F, len(starts) - 1]`; n is the last."""
    total = np.concatenate([np.zeros((len(x), 1), np.int64), x.cumsum(1)], 1)
    return np.asarray(total[:, starts[1:]] - total[:, starts[:-1]])


def _controlled(signal: Int, noise: Int, t: MicroTables) -> Int:
    """Returns bands times their gains, small ones squared, `OUT_BITS` fractional bits (PCAN)."""
    ratio = (signal * gains(noise, t.gains)) >> (_GAIN_BITS - SCALE_BITS - SNR_BITS)
    return shrunk(ratio & 0xFFFFFFFF)


class MicroState:
    """The noise estimates of a stream's bands, with which its frames become values, one after another."""

    def __init__(self) -> None:
        self.noise = np.zeros(BANDS, np.int64)
        """The noise estimate of each band, `NOISE_BITS` fractional bits; 0 at the beginning of a stream."""
        self._smoothing = np.where(np.arange(BANDS) % 2, ODD_SMOOTHING, EVEN_SMOOTHING)

    def values(self, rows: Array) -> Int:
        """Takes the next frames of the stream.

        - rows: `[F, FRAME]`, integers of 16 bits.

        Returns the values of the bands `[F, BANDS]`, 0 .. `MOST_VALUE`.
        """
        t, signal = micro_tables(), bands(rows)
        scaled = (signal << NOISE_BITS) & 0xFFFFFFFF
        fresh, kept = scaled * self._smoothing, (1 << SMOOTHING_BITS) - self._smoothing
        noise = np.empty_like(signal)
        for i in range(len(signal)):
            self.noise = noise[i] = ((fresh[i] + self.noise * kept) >> SMOOTHING_BITS) & 0xFFFFFFFF
        left = (scaled - np.minimum(noise, scaled)) >> NOISE_BITS
        clean = np.maximum(left, (signal * LEAST_SIGNAL) >> SMOOTHING_BITS)
        return logarithms((_controlled(clean, noise, t) << SCALE_BITS) & 0xFFFFFFFF, 1 << OUT_BITS)


@dataclass(frozen=True)
class CodeFactors:
    """How a value becomes the code of a network's input: (value * factor + offset) >> shift, clamped to -128 .. 127."""

    factor: int
    offset: int
    shift: int = CODE_BITS


def code_factors(scale: float, zero_point: int, where: str = "the model") -> CodeFactors:
    """Returns how values become the codes of an input of int8.

    - scale, zero_point: those of the input; its real numbers are values times `VALUE_SCALE`. Of an input that has no
      scale of its own, which is one with scale 1 and zero point 0, codes are value * 256 / 666 - 128, as those of
      TFLM's example micro_speech.
    - where: the beginning of error messages.

    Raises `SpecError` for a scale at which a step of a value is more than 1.3 codes, or less than 0.0001.
    """
    step = VALUE_SCALE / scale
    if scale == 1 and zero_point == 0:
        step, zero_point = 256 / 666, -128
    if not 1e-4 <= step <= _MOST_STEP:
        raise SpecError(
            f"{where}: the scale of its input is {scale:g}; the front end micro gives numbers from 0 to "
            f"{MOST_VALUE * VALUE_SCALE:.1f}, for which scales are about 0.1"
        )
    return CodeFactors(round(step * (1 << CODE_BITS)), (zero_point << CODE_BITS) + (1 << (CODE_BITS - 1)))


def codes(values: Int, scale: float, zero_point: int) -> npt.NDArray[np.int8]:
    """Turns values of bands into codes of the same shape; for the arguments see `code_factors`."""
    f = code_factors(scale, zero_point)
    return np.asarray(np.clip((values * f.factor + f.offset) >> f.shift, -128, 127), np.int8)
