"""The spectral front end of sensors: windows of several axes become energies of bands and moments, in integers.

    samples int16 [T, axes] -> frames -> for each axis: mean, deviations -> Hann window -> FFT -> power -> bands -> log2
                                                     -> deviation -> log2, minimum, maximum
                            -> codes int8 [frames, bands + moments, axes]

Every value is an integer, and every operation an addition, a product or a shift, so that numpy and C agree on every
processor; csrc/micronets_spectral.c computes the same in C. The energy of a band is the logarithm to base 2 of what the
band contributes to the variance of the frame, in squares of a step of the sensor.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from micronets.arguments import check_kinds
from micronets.errors import SpecError, did_you_mean
from micronets.frontend import as_json, fourier
from micronets.frontend.fourier import LEVEL_BITS, POWER_SHIFT, WINDOW_BITS, Fourier, bit_length, circle, log2
from micronets.frontend.mel import hann
from micronets.ranges import check_fields, check_number, ranged

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
FeatureCodes = npt.NDArray[np.int8]

MOMENTS = ("mean", "deviation", "minimum", "maximum")
"""The moments of a frame, in the order in which they follow the bands."""

SPACINGS = ("log", "linear")
"""How the bands of a spectrum are spaced: wider with their frequency, or equally wide."""

TRANSFORMS = tuple(2**bits for bits in range(4, 13))
"""Lengths of the Fourier transform."""

MOST_AXES = 64

_FACTOR_BITS = 15
_MOST_SHIFT = 42  # with this shift, an offset of a million codes has 62 bits
_AT_ONCE = 1 << 16  # samples of which spectra are computed at once: more would not stay in the processor's cache


@dataclass(frozen=True, kw_only=True)
class SpectralSettings:
    """How a window of a sensor becomes a network's input.

    - `frame`: samples of a frame, 2 to 4096; each frame gives one spectrum.
    - `hop`: samples between the starts of two frames.
    - `n_fft`: length of the Fourier transform, a power of 2 from 16 to 4096, at least `frame`; 0: the smallest
      possible.
    - `bands`: bands of the spectrum from the first bin to half the sample rate, each at least one bin wide.
    - `spacing`: whether bands get wider with their frequency (`log`) or are equally wide (`linear`).
    - `moments`: the moments that follow the bands in the input: any of mean, deviation (a logarithm), minimum, maximum.
    - `sample_rate`: samples a second. No value depends on it; it determines the cost of a second of a stream.
    - `floor`: the smallest deviation, in sensor steps, to which smaller ones are raised before the logarithm.
    - `units`: the size of a step of the sensor's integers in the units of the data, for each axis or one for all. The
      default is 1 for data that are 16-bit integers, and otherwise, for each axis, the smallest power of 2 with which
      they fit 16 bits.
    """

    frame: int = ranged(32, 2, 4096)
    hop: int = ranged(16, 1, 1_000_000)
    n_fft: int = ranged(0, 0, 4096)
    bands: int = ranged(8, 1, 2048)
    spacing: Literal["log", "linear"] = "log"
    moments: tuple[str, ...] = MOMENTS
    sample_rate: float = ranged(50.0, 1e-3, 1e6)
    floor: float = ranged(1.0, 1e-3, 1e6)
    units: tuple[float, ...] = ranged((), 1e-30, 1e30)

    def __post_init__(self) -> None:
        if isinstance(self.spacing, str) and self.spacing not in SPACINGS:
            raise SpecError(f"spectral front end: spacing = {self.spacing!r}; {did_you_mean(self.spacing, SPACINGS)}")
        check_kinds(self, "spectral front end: ")
        check_fields(self, "spectral front end: ")
        for name in self.moments:
            if name not in MOMENTS:
                raise SpecError(f"spectral front end: moments holds {name!r}; {did_you_mean(str(name), MOMENTS)}")
        if self.n_fft and (self.n_fft not in TRANSFORMS or self.n_fft < self.frame):
            raise SpecError(
                f"spectral front end: n_fft = {self.n_fft}; need a power of 2 from 16 to 4096 that is at least frame = "
                f"{self.frame}, or 0 for the least"
            )
        if self.bands > self.points:
            raise SpecError(
                f"spectral front end: bands = {self.bands}; a transform of {2 * self.points} has {self.points} at "
                "most; give fewer bands or a larger n_fft"
            )

    @property
    def points(self) -> int:
        """Complex points of the transform, half of its length."""
        return (self.n_fft or max(TRANSFORMS[0], 1 << (int(self.frame) - 1).bit_length())) // 2

    @property
    def values(self) -> int:
        """Values of a frame and an axis: the bands and the moments."""
        return self.bands + len(self.wanted)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The moments that are wanted, in their order."""
        return tuple(name for name in MOMENTS if name in self.moments)

    def edges(self) -> Int:
        """Returns the first bin of each band and the one behind the last, `[bands + 1]`."""
        last = self.points + 1
        if self.spacing == "linear":
            return np.rint(np.linspace(1, last, self.bands + 1)).astype(np.int64)
        wanted = np.rint(np.geomspace(1, last, self.bands + 1)).astype(np.int64)
        for i in range(1, len(wanted)):
            wanted[i] = max(wanted[i], wanted[i - 1] + 1)
        return wanted


@dataclass(frozen=True, kw_only=True)
class Spectral:
    """A spectral front end, as it travels with a model: `[samples, axes]` become `(frames, values, axes)`.

    - `settings`: how frames become values.
    - `samples`, `axes`: samples and axes of a window.
    - `units`: what a step of the sensor is in the units of the data, for each axis.
    - `mean`, `scale`: a value becomes (value - mean) / scale, one number for each value and axis, axes fastest.

    Raises `SpecError` for numbers that are out of range or do not fit each other.
    """

    settings: SpectralSettings
    samples: int
    axes: int
    units: tuple[float, ...]
    mean: tuple[float, ...] = field(repr=False)
    scale: tuple[float, ...] = field(repr=False)

    def __post_init__(self) -> None:
        check_number("spectral front end: axes", self.axes, 1, MOST_AXES)
        check_number("spectral front end: samples", self.samples, 2, 1_000_000)
        if self.settings.frame > self.samples:
            raise SpecError(
                f"spectral front end: frame = {self.settings.frame}; a window has {self.samples} samples; give fewer"
            )
        count = self.settings.values * self.axes
        lengths = len(self.units), len(self.mean), len(self.scale)
        if lengths != (self.axes, count, count):
            raise SpecError(
                f"spectral front end: {lengths[0]} units, {lengths[1]} means and {lengths[2]} scales; need "
                f"{self.axes}, {count} and {count}"
            )
        check_number("spectral front end: units", self.units, 1e-30, 1e30)
        check_number("spectral front end: mean", self.mean, -1e9, 1e9)
        check_number("spectral front end: scale", self.scale, 1e-9, 1e9)

    @staticmethod
    def of(x: Floats, settings: SpectralSettings) -> Spectral:
        """Returns the front end of training examples `[N, T, axes]`; a value that never changes gets scale 1.

        Raises `SpecError` for settings that do not fit the examples.
        """
        if x.ndim != 3:
            raise SpecError(
                f"spectral front end: examples are {list(x.shape[1:])}; need windows [samples, axes], or "
                'front_end = "standard"'
            )
        axes = x.shape[2]
        units = settings.units * (axes if len(settings.units) == 1 else 1) or _units(x)
        if len(units) != axes:
            raise SpecError(f"spectral front end: {len(units)} units for {axes} axes; give one, or one for each")
        count = settings.values * axes
        plain = Spectral(
            settings=settings, samples=x.shape[1], axes=axes, units=units, mean=(0.0,) * count, scale=(1.0,) * count
        )
        values = plain.real_values(x).reshape(-1, count)
        mean, scale = values.mean(0), values.std(0)
        scale = np.where(scale > 1e-6 * np.maximum(np.abs(mean), 1), scale, 1.0)
        return Spectral(
            settings=settings, samples=x.shape[1], axes=axes, units=units, mean=_short(mean), scale=_short(scale)
        )

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of a window, `(samples, axes)`."""
        return self.samples, self.axes

    @property
    def frames(self) -> int:
        """Frames of a window."""
        return 1 + (self.samples - self.settings.frame) // self.settings.hop

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of the network's input: `(frames, bands and moments, axes)`."""
        return self.frames, self.settings.values, self.axes

    def steps(self, x: Array) -> Int:
        """Rounds examples `[..., axes]` in units of the data to steps of the sensor, clamped to 16 bits."""
        found = np.rint(np.asarray(x, np.float64) / np.asarray(self.units))
        return np.asarray(np.clip(found, -32768, 32767), np.int64)

    def real_values(self, x: Array) -> npt.NDArray[np.float64]:
        """Returns the values `[N, frames, values, axes]` of examples `[N, samples, axes]`, before they are scaled.

        Bands and deviations are logarithms to base 2 of a variance, the other moments are in steps of the sensor.
        """
        return values_of(self.steps(x), self) * _units_of_values(self.settings)[:, None]

    def inputs(self, x: Array) -> Floats:
        """Returns network inputs `[N, frames, values, axes]` of examples `[N, samples, axes]`."""
        mean, scale = (np.asarray(v).reshape(self.input_shape[1:]) for v in (self.mean, self.scale))
        return ((self.real_values(x) - mean) / scale).astype(np.float32)

    def to_json(self) -> str:
        """Returns one line of JSON, whose `kind` is "spectral"."""
        return json.dumps({"kind": "spectral", **asdict(self)})

    @staticmethod
    def from_json(text: str, where: str) -> Spectral:
        """Reads what `to_json` wrote. Raises `SpecError` for other text.

        - text: the JSON text.
        - where: the beginning of error messages.
        """
        if not is_spectral(text):
            raise SpecError(f"{where}: its front end is not the spectral one; give a model of task features")
        raw = json.loads(text)
        try:
            settings = as_json.from_json(SpectralSettings, json.dumps(raw["settings"]), "settings")
            return Spectral(
                settings=settings,
                samples=int(raw["samples"]),
                axes=int(raw["axes"]),
                **{name: tuple(map(float, raw[name])) for name in ("units", "mean", "scale")},
            )
        except SpecError as e:
            raise SpecError(f"{where}: {e}") from e
        except (ValueError, TypeError, KeyError, OverflowError) as e:
            raise SpecError(f"{where}: its spectral front end cannot be read ({e!r}); export the model anew") from e


def is_spectral(text: str) -> bool:
    """Returns whether the JSON text of a front end says that it is a spectral one."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(raw, dict) and raw.get("kind") == "spectral"


def _short(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Returns numbers rounded to six significant digits."""
    return tuple(float(f"{v:.6g}") for v in values)


def _units(x: Floats) -> tuple[float, ...]:
    """Returns what a step is for each axis of examples `[N, T, axes]`, where the settings do not say it."""
    largest = np.abs(x).reshape(-1, x.shape[2]).max(0).astype(np.float64)
    if largest.max() <= 32767 and (np.rint(x) == x).all():
        return (1.0,) * len(largest)
    return tuple(math.ldexp(1.0, math.ceil(math.log2(v / 32767))) if v > 0 else 1.0 for v in largest.tolist())


def _units_of_values(settings: SpectralSettings) -> npt.NDArray[np.float64]:
    """Returns what the integers of `values_of` are multiplied by to be real numbers, `[values]`."""
    of_moment = {"mean": 1 / settings.frame, "deviation": 2.0**-LEVEL_BITS, "minimum": 1.0, "maximum": 1.0}
    return np.array([2.0**-LEVEL_BITS] * settings.bands + [of_moment[name] for name in settings.wanted])


@dataclass(frozen=True, eq=False)
class SpectralTables(Fourier):
    """The numbers that the integer arithmetic of a spectral front end reads; C holds the same ones.

    - window: int16 `[frame]`, `WINDOW_BITS` fractional bits.
    - first_bin: int `[bands + 1]`, see `SpectralSettings.edges`.
    - band_unit, deviation_unit: the number that turns the logarithm of an energy of the transform, or of the sum of
      squared deviations, into that of a variance in squares of a step, when it is added.
    - least: the least logarithm, to which smaller ones are raised.
    """

    window: Int
    first_bin: Int
    band_unit: int
    deviation_unit: int
    least: int


@lru_cache(maxsize=8)
def spectral_tables(settings: SpectralSettings) -> SpectralTables:
    """Returns the tables of a spectral front end."""
    frame, points, edges = settings.frame, settings.points, settings.edges()
    shape = hann(frame).astype(np.float64)
    # Deviations here are `frame` times those of the samples. By Parseval's theorem, the powers of all N = 2 points bins
    # sum to N sum (window deviation)^2; a real signal has every bin twice.
    band = 2.0**POWER_SHIFT * (points / 2**WINDOW_BITS) ** 2 * 2 / (2 * points * (shape**2).sum() * frame**2)
    return SpectralTables(
        points=points,
        twiddles=circle(points, 3 * points // 4),
        split=circle(2 * points, int(edges[-1])),
        window=np.rint(shape * 2**WINDOW_BITS).astype(np.int64),
        first_bin=edges,
        band_unit=round(math.log2(band) * 2**LEVEL_BITS),
        deviation_unit=round(-3 * math.log2(frame) * 2**LEVEL_BITS),
        least=round(2 * math.log2(settings.floor) * 2**LEVEL_BITS),
    )


def values_of(steps: Array, fe: Spectral) -> Int:
    """Computes the values of windows as integers.

    - steps: samples of 16 bits `[N, samples, axes]`.
    - fe: the front end.

    Returns `[N, frames, values, axes]`: for bands and deviations logarithms with `LEVEL_BITS` fractional bits, for the
    mean the sum of the samples, for minimum and maximum the samples themselves.
    """
    s = fe.settings
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(steps), s.frame, axis=1)[:, :: s.hop]
    found = np.empty((len(windows), *fe.input_shape), np.int64)
    count = max(1, _AT_ONCE // (fe.frames * fe.axes * 2 * s.points))
    for first in range(0, len(windows), count):
        part = windows[first : first + count]
        rows = part.reshape(-1, s.frame).astype(np.int64)
        found[first : first + count] = np.moveaxis(_row_values(rows, s).reshape(*part.shape[:3], s.values), 2, 3)
    return found


def _row_values(rows: Int, s: SpectralSettings) -> Int:
    """Computes the values `[R, values]` of frames of one axis, `[R, frame]`."""
    t = spectral_tables(s)
    total, low, high = rows.sum(1), rows.min(1), rows.max(1)
    deviation = rows * s.frame - total[:, None]
    up = 15 - bit_length(np.maximum(np.abs(deviation).max(1), 1))
    scaled = np.where(
        up[:, None] < 0, deviation >> np.maximum(-up, 0)[:, None], deviation << np.maximum(up, 0)[:, None]
    )
    z = np.zeros((2, t.points, len(rows)), np.int32)
    windowed = (scaled * t.window).T
    even, odd = windowed[::2], windowed[1::2]
    z[0, : len(even)], z[1, : len(odd)] = even, odd
    power = fourier.power(z, t) >> POWER_SHIFT
    starts = t.first_bin[:-1]
    energy = np.add.reduceat(power, starts, axis=0)
    bands = _levels(energy.T, t.band_unit, up[:, None], t)
    moments = {
        "mean": total,
        "deviation": _levels(np.square(scaled).sum(1), t.deviation_unit, up, t),
        "minimum": low,
        "maximum": high,
    }
    return np.concatenate([bands, *(moments[name][:, None] for name in s.wanted)], axis=1)


def _levels(energy: Int, unit: int, up: Int, t: SpectralTables) -> Int:
    """Returns the logarithms of energies of deviations that were scaled by 2 to the power of `up`."""
    return np.maximum(log2(np.maximum(energy, 1)) + unit - 2 * (up << LEVEL_BITS), t.least)


@dataclass(frozen=True, eq=False)
class CodeTables:
    """How the values of a frame become codes: (value * factor + offset) >> shift, clamped to -128..127.

    - factors: int16 `[values, axes]`.
    - offsets: int64 `[values, axes]`.
    - shifts: `[values, axes]`, 0 to 42.
    """

    factors: Int
    offsets: Int
    shifts: Int


def code_tables(fe: Spectral, scale: float, zero_point: int) -> CodeTables:
    """Makes the tables from the values of a frame to the codes of a network's input.

    - `fe`: the front end that computes the values, with the mean and the scale that standardise each of them.
    - `scale`, `zero_point`: those of the network's input, int8.
    """
    shape = fe.input_shape[1:]
    mean, divisor = (np.asarray(v, np.float64).reshape(shape) for v in (fe.mean, fe.scale))
    real = _units_of_values(fe.settings)[:, None] / (divisor * scale)
    shifts = np.clip(_FACTOR_BITS - 1 - np.floor(np.log2(real)), 0, _MOST_SHIFT).astype(np.int64)
    factors = np.clip(np.rint(np.ldexp(real, shifts)), 0, 32767).astype(np.int64)
    offsets = np.rint(np.ldexp(np.clip(zero_point + 0.5 - mean / divisor / scale, -1e6, 1e6), shifts))
    return CodeTables(factors, offsets.astype(np.int64), shifts)


def codes_of(steps: Array, fe: Spectral, scale: float, zero_point: int) -> FeatureCodes:
    """Computes the codes of windows, int8 `[N, frames, values, axes]`.

    - steps: samples of 16 bits `[N, samples, axes]`.
    - fe: the front end of the network.
    - scale, zero_point: scale and zero point of the network's input, int8.
    """
    t = code_tables(fe, scale, zero_point)
    found = (values_of(steps, fe) * t.factors + t.offsets) >> t.shifts
    return np.asarray(np.clip(found, -128, 127), np.int8)
