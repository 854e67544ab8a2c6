"""The front end of arrays: every value less a mean, divided by a scale; as real numbers and in integers.

In integers a value is a number of 32 bits with `value_bits` fractional bits, which come from the smallest scale, so
that a step is 1/1024 of it or less. A code of the network's input is (factor * value + offset) >> shift, clamped to
-128 .. 127, with a factor and an offset for each value of the last axis. `compiler.generate.array_c` writes the C.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError

Floats = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]

STEP_BITS = 10
"""A step of a value is at most the smallest scale divided by 2 to this power."""

FACTOR_BITS = 30
"""Bits of the largest factor; its product with a value has less than 63."""

LEAST_RATE, MOST_RATE = 1e-3, 1e6
"""Samples a second that a sensor may have, from and to."""


@dataclass(frozen=True)
class Standard:
    """How an array becomes a network's input `(H, W, C)`: values become (value - mean) / scale.

    An array `[K]` becomes (K, 1, 1), `[T, K]` becomes (T, K, 1), and `[H, W, C]` stays.

    - `shape`: the shape of the array as given.
    - `mean`, `scale`: one number for each value of the array's last axis.
    - `sample_rate`: samples a second of a window `[T, K]` of a sensor; None if it is not known, or where arrays are no
      such windows. No value depends on it; a model needs it to follow the sensor (`micronets.streaming`).
    """

    shape: tuple[int, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    sample_rate: float | None = None

    @staticmethod
    def of(x: Floats, sample_rate: float | None = None) -> Standard:
        """Returns the standardisation of training examples `[N, ...]`.

        - `x`: the examples. A value that never changes gets scale 1; without examples all values stay as they are.
        - `sample_rate`: samples a second, which is kept where the examples are windows `[T, K]`.
        """
        values = x.reshape(-1, x.shape[-1]).astype(np.float64)
        rate = sample_rate if x.ndim == 3 else None
        if not len(values):
            return Standard(x.shape[1:], (0.0,) * x.shape[-1], (1.0,) * x.shape[-1], rate)
        mean, scale = values.mean(0), values.std(0)
        scale = np.where(scale > 1e-6 * np.maximum(np.abs(mean), 1e-30), scale, 1.0)
        return Standard(x.shape[1:], _short(mean), _short(scale), rate)

    @staticmethod
    def none(shape: tuple[int, ...], sample_rate: float | None = None) -> Standard:
        """Returns the standardisation that leaves arrays of a shape as they are; for the rate see `of`."""
        return Standard(shape, (0.0,) * shape[-1], (1.0,) * shape[-1], sample_rate if len(shape) == 2 else None)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape `(H, W, C)` of the network's input."""
        height, width, channels = (*self.shape, 1, 1)[:3]
        return height, width, channels

    @property
    def value_bits(self) -> int:
        """Fractional bits of the integers that stand for values; with -n bits, an integer of 1 stands for 2 ** n."""
        return STEP_BITS - math.floor(math.log2(min(self.scale)))

    def inputs(self, x: Floats) -> Floats:
        """Returns network inputs `[N, H, W, C]` of examples `[N, ...]`."""
        out: npt.NDArray[Any] = (x - np.asarray(self.mean, np.float32)) / np.asarray(self.scale, np.float32)
        return out.reshape(len(x), *self.input_shape)

    def to_json(self) -> str:
        """Returns one line of JSON, whose `kind` is "standard"."""
        rate = {} if self.sample_rate is None else {"sample_rate": self.sample_rate}
        return json.dumps({"kind": "standard", "shape": self.shape, "mean": self.mean, "scale": self.scale, **rate})

    @staticmethod
    def from_json(text: str, where: str) -> Standard:
        """Reads what `to_json` wrote. Raises `SpecError` for other text.

        - text: the JSON text.
        - where: the beginning of error messages.
        """
        try:
            raw = json.loads(text)
            shape, mean, scale = (
                tuple(map(int, raw["shape"])),
                tuple(map(float, raw["mean"])),
                tuple(map(float, raw["scale"])),
            )
            rate = raw.get("sample_rate")
            rate = None if rate is None else float(rate)
        except (ValueError, TypeError, KeyError) as e:
            raise SpecError(
                f"{where}: its front end is not that of task features ({e!r}); give a model of that task"
            ) from e
        if not 1 <= len(shape) <= 3 or not len(mean) == len(scale) == shape[-1] or min(scale) <= 0:
            raise SpecError(
                f"{where}: its front end has shape {list(shape)}, {len(mean)} means and {len(scale)} scales"
            )
        if rate is not None and not LEAST_RATE <= rate <= MOST_RATE:
            raise SpecError(
                f"{where}: its front end has sample_rate = {rate:g}; allowed: {LEAST_RATE:g} to {MOST_RATE:,.0f}"
            )
        return Standard(shape, mean, scale, rate)


def _short(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Returns numbers rounded to six significant digits."""
    return tuple(float(f"{v:.6g}") for v in values)


@dataclass(frozen=True, eq=False)
class ArrayTables:
    """The numbers that the integer arithmetic of a `Standard` reads; C holds the same ones.

    - factors, offsets: int64 `[K]`, for each value of the last axis; factors have `FACTOR_BITS` bits at most.
    - shift: bits, 0 to 55.
    """

    factors: Int
    offsets: Int
    shift: int


def array_tables(standard: Standard, scale: float, zero_point: int) -> ArrayTables | None:
    """Makes the tables from integers to the codes of a network's input.

    - `standard`: the standardisation, with a mean and a scale for each value of the last axis.
    - `scale`, `zero_point`: those of the network's input, int8.

    Returns None if means and scales are so far apart that values of 32 bits cannot hold both.
    """
    mean, divisor = np.asarray(standard.mean), np.asarray(standard.scale)
    value_bits = standard.value_bits
    reach = np.abs(mean) + 128 * scale * divisor + 1  # values up to this magnitude give every code
    if math.log2(reach.max()) + value_bits >= 31:
        return None
    real = np.ldexp(1 / (divisor * scale), -value_bits)
    shift = FACTOR_BITS - 1 - math.floor(math.log2(real.max()))
    if not 0 <= shift <= 55:
        return None
    factors = np.rint(np.ldexp(real, shift)).astype(np.int64)
    # The mean is rounded as a value is, so that the value of the mean gets the code of 0.
    middle = np.rint(np.ldexp(mean, value_bits)).astype(np.int64)
    offsets = np.rint(np.ldexp(zero_point + 0.5, shift)).astype(np.int64) - middle * factors
    return ArrayTables(factors, offsets, shift)


def array_values(x: npt.NDArray[Any], standard: Standard) -> Int:
    """Rounds arrays in their own units to the integers that the front end takes, clamped to 32 bits."""
    values = np.rint(np.ldexp(np.asarray(x, np.float64), standard.value_bits))
    return np.asarray(np.clip(values, -(2**31), 2**31 - 1), np.int64)


def value_codes(values: Int, tables: ArrayTables) -> npt.NDArray[np.int8]:
    """Turns integers of 32 bits `[..., K]` into codes of the network's input, of the same shape.

    - `values`: the integers, with `Standard.value_bits` fractional bits.
    - `tables`: the tables that `array_tables` makes.
    """
    found = np.clip((values * tables.factors + tables.offsets) >> tables.shift, -128, 127)
    return np.asarray(found, np.int8)


def array_codes(values: Int, standard: Standard, tables: ArrayTables) -> npt.NDArray[np.int8]:
    """Turns integers into codes of the network's input, int8 `[N, *input_shape]`.

    - `values`: integers of 32 bits `[N, *standard.shape]`, with `standard.value_bits` fractional bits.
    - `standard`: the standardisation.
    - `tables`: the tables that `array_tables` makes for it.
    """
    return value_codes(values, tables).reshape(len(values), *standard.input_shape)
