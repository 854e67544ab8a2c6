"""Functions of int16 codes, rounded exactly as TensorFlow Lite Micro's kernels for int16 activations round them.

Their results are codes of the scale 1/32768 and the zero point 0. Codes have any shape; results are int64.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.quantized.arithmetic import (
    IntArray,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    round_half_away,
)
from micronets.quantized.model import TensorQuant

LOOKUP_STEPS = 512
"""How many straight lines a function of Softmax is made of."""

SIGMOID_PER_UNIT = 24
"""Entries of the table of 1 / (1 + exp(-x)) from x to x + 1."""

_SIGMOID_ENTRIES = 256
_LARGEST_FACTOR = 32767  # a factor of the codes must fit 16 bits
_LOG_TOLERANCE = 1e-3  # TFLM takes a scale whose logarithm is that near to an integer for a power of two


@lru_cache(maxsize=1)
def sigmoid_table() -> npt.NDArray[np.int64]:
    """Returns 1 / (1 + exp(-x)) for x = 0, 1/24, .. 255/24 with 16 bits behind the point, `[256]`.

    A straight line between two entries lies below the curve. Each entry is raised by half of the largest distance, a
    sixteenth of the second difference, so that lines err to both sides alike; the last one is the largest number.
    """
    entry = np.arange(-1, _SIGMOID_ENTRIES + 1)
    curve = 2.0**16 / (1 + np.exp(-entry / SIGMOID_PER_UNIT))
    raised = curve[1:-1] + (2 * curve[1:-1] - curve[:-2] - curve[2:]) / 16
    table = np.floor(raised + 0.5).astype(np.int64)
    table[-1] = 2**16 - 1
    return table


def logistic_factor(source: TensorQuant) -> tuple[int, int]:
    """Returns the factor, and the shift to the right, that bring codes to steps of 1/12288 for a Logistic."""
    return _factor(source, most=0)


def tanh_factor(source: TensorQuant) -> tuple[int, int]:
    """Returns what `logistic_factor` returns, for a Tanh: it takes another scale for a power of two."""
    return _factor(source, most=1)


def _factor(source: TensorQuant, most: int) -> tuple[int, int]:
    """Returns a factor and a shift to the right.

    - source: quantisation of the codes.
    - most: scales of 1/4096 times a power of two up to `most` get an exact factor.
    """
    scale = np.float32(source.scale)
    exponent = np.log(scale) * (np.float32(1) / np.log(np.float32(2)))
    power = round(float(exponent))
    if abs(exponent - np.float32(power)) < np.float32(_LOG_TOLERANCE) and 0 <= power + 12 <= most:
        return 3 << (power + 12), 0
    factor, shift = float(scale) * 4096.0 * 3.0, 0
    while factor <= _LARGEST_FACTOR / 2 and shift <= 30:
        factor, shift = 2 * factor, shift + 1
    return int(factor), shift


def _magnitudes(x: IntArray, factor: tuple[int, int]) -> tuple[IntArray, IntArray]:
    """Returns the magnitudes of codes in steps of 1/12288, and which of them are not negative."""
    multiplier, shift = factor
    steps = (x.astype(np.int64) * multiplier + ((1 << shift) >> 1)) >> shift
    return np.abs(steps), steps >= 0


def _between(magnitudes: IntArray, bits: int) -> IntArray:
    """Returns values between the entries of the table, with 16 + `bits` bits behind the point.

    - magnitudes: the places, with `bits` bits behind the point.
    """
    table = sigmoid_table()
    place = np.minimum(magnitudes >> bits, _SIGMOID_ENTRIES - 2)
    low, high = table[place], table[place + 1]
    return np.asarray((low << bits) + (magnitudes & ((1 << bits) - 1)) * (high - low))


def int16_logistic_codes(x: IntArray, source: TensorQuant) -> IntArray:
    """Returns 1 / (1 + exp(-x)) of codes of `source`."""
    return logistic_of(x, logistic_factor(source))


def logistic_of(x: IntArray, factor: tuple[int, int]) -> IntArray:
    """Returns 1 / (1 + exp(-x)) of codes; a factor and a shift to the right bring these to steps of 1/12288."""
    magnitudes, positive = _magnitudes(x, factor)
    found = np.where(magnitudes >> 9 >= 255, 0x7FFF << 10, _between(magnitudes, 9))
    return np.asarray(np.where(positive, found + (1 << 9), (1 << 25) - found + (1 << 9) - 1) >> 10)


def int16_tanh_codes(x: IntArray, source: TensorQuant) -> IntArray:
    """Returns the hyperbolic tangent of codes of `source`."""
    return tanh_of(x, tanh_factor(source))


def tanh_of(x: IntArray, factor: tuple[int, int]) -> IntArray:
    """Returns the hyperbolic tangent of codes: twice the logistic function of 2 x, less 1.

    A factor and a shift to the right bring the codes to steps of 1/12288.
    """
    magnitudes, positive = _magnitudes(x, factor)
    found = np.where(magnitudes >> 8 >= 255, 0xFFFF << 8, _between(magnitudes, 8)) - (1 << 23)
    return np.asarray(np.where(positive, found + (1 << 7), -found + (1 << 7) - 1) >> 8)


def int16_softmax_factor(beta: float, source: TensorQuant) -> tuple[int, int]:
    """Returns the multiplier and the shift that bring differences of codes to steps of 10/65535.

    - beta: the factor of the logits.
    - source: quantisation of the codes.
    """
    real = float(np.float32(source.scale)) * float(np.float32(beta)) / (10.0 / 65535.0)
    multiplier, shift = quantize_multiplier(real)
    return int(multiplier), int(shift)


def int16_softmax_codes(x: IntArray, beta: float, source: TensorQuant) -> IntArray:
    """Returns the softmax over the last axis.

    - x: codes of the logits.
    - beta: the factor of the logits.
    - source: quantisation of `x`.
    """
    diff = x.astype(np.int64)
    diff -= diff.max(axis=-1, keepdims=True)
    scaled = multiply_by_quantized_multiplier(diff, *int16_softmax_factor(beta, source)) + 32767
    exps = _looked_up(np.clip(scaled, -32768, 32767), exponential_table())
    total = exps.sum(axis=-1, keepdims=True)
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)  # leading zeros of a 32-bit value
    above_one = (((total << (headroom - 1)) + (1 << 13)) >> 14) - ((1 << 15) + (1 << 16))
    reciprocal = _looked_up(np.clip(above_one, -32768, 32767), reciprocal_table())
    right = 31 - headroom
    return np.asarray(np.clip((exps * reciprocal + (np.int64(1) << (right - 1))) >> right, 0, 32767))


def _looked_up(x: IntArray, table: IntArray) -> IntArray:
    """Returns values between the entries of a table of `LOOKUP_STEPS` lines, for 16-bit codes."""
    place, rest = (x >> 7) + 256, x & 127
    return np.asarray(table[place] + (((table[place + 1] - table[place]) * rest + 64) >> 7))


@lru_cache(maxsize=1)
def exponential_table() -> npt.NDArray[np.int64]:
    """Returns exp(x) from x = -10 to 0 with 15 bits behind the point, `[LOOKUP_STEPS + 1]`."""
    return _lines(np.float32(10) / np.float32(65535), 32767, np.exp)


@lru_cache(maxsize=1)
def reciprocal_table() -> npt.NDArray[np.int64]:
    """Returns 1 / (1 + x) from x = 0 to 1 with 15 bits behind the point, `[LOOKUP_STEPS + 1]`."""
    return _lines(np.float32(1) / np.float32(65535), -32768, lambda x: 1 / (1 + x))


def _lines(
    scale: np.float32, zero_point: int, function: Callable[[npt.NDArray[np.float64]], Any]
) -> npt.NDArray[np.int64]:
    """Returns a function over all int16 codes as straight lines that halve the error in their middle, in float32.

    - scale, zero_point: quantisation of the codes.
    - function: the function, of an array.
    """

    def at(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(function(x.astype(np.float64))).astype(np.float32) * inverse

    unit = np.float32(2) / np.float32(65535)
    inverse = np.float32(65536) / (unit * np.float32(32767) - unit * np.float32(-32768))
    first, last = scale * np.float32(-32768 - zero_point), scale * np.float32(32767 - zero_point)
    step = (last - first) / np.float32(LOOKUP_STEPS)
    places = np.arange(LOOKUP_STEPS + 1).astype(np.float32)
    begins = first + places * step
    values = at(begins)
    samples = round_half_away(values)
    middles = round_half_away(at(begins[:-1] + step / np.float32(2)))
    error = round_half_away((values[1:] + samples[:-1]) / np.float32(2)) - middles
    table = np.append(samples[:-1] - round_half_away(error / np.float32(2)), round_half_away(at(np.array([last]))))
    return np.asarray(np.clip(table, -32768, 32767).astype(np.int64))
