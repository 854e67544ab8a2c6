"""Sums and differences of two codes as a sum of their multiples, where that gives the same code for every pair.

TensorFlow Lite Micro brings both operands to a common grid, adds them and rescales the sum, which rounds four times. Of
65,536 pairs of codes only a few come so near to half a code that it matters how they are rounded; so there mostly are
two factors and an offset whose sum, rounded once, is right for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from micronets.compiler.kernels.base import Struct
from micronets.ir.ops.add import ADD_BITS
from micronets.quantized.arithmetic import IntArray, add_rescale, multiply_by_quantized_multiplier
from micronets.quantized.model import TensorQuant

ADD_PARAMS = "micronets_add_params"
ROW_LINEAR = "micronets_row_linear"
LINEAR_FACTOR_BITS = 24
"""Fractional bits of a factor: the kernel drops 8 bits of each product, and `SUM_BITS` of the sum."""

SUM_BITS = 16
"""Fractional bits of a sum."""

LARGEST_GAIN = 32.0
"""The most output codes by which one code more of both operands may change the result; all numbers then fit."""

TRIES = 4000
"""How many variations of the first factors and offset are tried; trying all of them takes about 0.1 s."""

MOST_WRONG = 64
"""With more wrong codes than this, variations are not tried: the scales then put many sums exactly between two codes,
and no factors round all of those as TFLM does."""

NEAR = 128
"""Variations are first compared at the sums that lie at most this far, in units of the last bit, from another code."""

CODES = np.arange(-128, 128, dtype=np.int64)
"""Every code."""


@dataclass(frozen=True)
class Linear:
    """The numbers of `micronets_row_linear`: factors of both operands, and the offset."""

    a: int
    b: int
    offset: int


@lru_cache(maxsize=1024)
def linear(a: TensorQuant, b: TensorQuant, target: TensorQuant, *, subtracted: bool = False) -> Linear | None:
    """Returns numbers with which the kernel makes the right code of every pair of int8 codes; None if none are found.

    - a, b, target: quantisation of the operands and of the result.
    - subtracted: the result is the difference a - b, not the sum.

    It takes a few milliseconds, and about 0.1 s where variations must be tried and none is right.
    """
    sign = -1 if subtracted else 1
    gain_a, gain_b = (float(np.float32(q.scale)) / float(np.float32(target.scale)) for q in (a, b))
    if gain_a + gain_b > LARGEST_GAIN:
        return None
    wanted = _codes(sign, a, b, target)
    middle = (target.zero_point + 0.5 - gain_a * a.zero_point - sign * gain_b * b.zero_point) * 2**SUM_BITS
    middle += 1  # two products are rounded down, by half a unit each
    first = Linear(round(gain_a * 2**LINEAR_FACTOR_BITS), round(sign * gain_b * 2**LINEAR_FACTOR_BITS), round(middle))
    sums = _sums(first, CODES[:, None], CODES)
    wrong = np.count_nonzero(_rounded(sums) != wanted)
    if wrong == 0 or wrong > MOST_WRONG:
        return None if wrong else first
    i, j = np.nonzero(((sums + NEAR) & (2**SUM_BITS - 1)) < 2 * NEAR)  # the pairs that are likely to change their code
    x, y, right = CODES[i], CODES[j], wanted[i, j]
    random = np.random.default_rng(0)
    for attempt in range(TRIES):
        by = random.normal(size=3) * 2.0 ** (attempt % 4)
        numbers = Linear(first.a + round(2 * by[0]), first.b + round(2 * by[1]), first.offset + round(by[2]))
        if not np.array_equal(_rounded(_sums(numbers, x, y)), right):
            continue
        if np.array_equal(_rounded(_sums(numbers, CODES[:, None], CODES)), wanted):
            return numbers
    return None


def linear_params(numbers: Linear, target: TensorQuant, low: int, high: int) -> Struct:
    """Returns the numbers as the kernel takes them.

    - numbers: the factors and the offset, as `linear` finds them.
    - target: quantisation of the output.
    - low, high: the least and the greatest code of the output, to which the kernel clamps.
    """
    zero = target.zero_point
    operands = ("a", (numbers.a, 0, 0)), ("b", (numbers.b, 0, 0)), ("sum", (numbers.offset, zero, 0))
    return Struct(ADD_PARAMS, (*operands, ("lowest", low - zero), ("highest", high - zero)))


def _sums(numbers: Linear, x: IntArray, y: IntArray) -> IntArray:
    """Returns the sums that the kernel makes of codes of both operands, which broadcast."""
    return np.asarray(((x * numbers.a) >> 8) + ((y * numbers.b) >> 8) + numbers.offset)


def _rounded(sums: IntArray) -> IntArray:
    """Returns the codes that the kernel makes of sums."""
    return np.asarray(np.clip(sums >> SUM_BITS, -128, 127))


def _codes(sign: int, a: TensorQuant, b: TensorQuant, target: TensorQuant) -> IntArray:
    """Returns the code of every pair of codes as TFLM computes it, saturated, `[codes of a, codes of b]`."""
    of_a, of_b, of_sum = add_rescale(a, b, target)
    x, y = (
        multiply_by_quantized_multiplier((CODES - quant.zero_point) << ADD_BITS, *rescale)
        for quant, rescale in ((a, of_a), (b, of_b))
    )
    total = multiply_by_quantized_multiplier(x[:, None] + sign * y, *of_sum)
    return np.asarray(np.clip(total + target.zero_point, -128, 127))
