"""Softmax in integers, as TensorFlow Lite Micro computes it from int8 to int8.

Fixed-point numbers are int32 with `n` integer bits: value = raw / 2**(31 - n). The exponential is a Taylor series on
[-1/4, 0) times tabled powers; the reciprocal takes three steps of Newton and Raphson, as in fixedpoint.h of gemmlowp
(Jacob 2015).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.quantized.arithmetic import quantize_multiplier, rounding_high_mul, rounding_shift

Array = npt.NDArray[Any]

_LIMIT = 2**31 - 1
_DIFF_BITS = 5  # integer bits of a scaled difference of logits
_SUM_BITS = 12  # integer bits of the sum of exponentials


def softmax_codes(x: npt.NDArray[np.int8], beta: float, scale: float) -> Array:
    """Returns the softmax over the last axis as int64 codes in [-128, 127], of scale 1/256 and zero point -128.

    - x: codes of the logits, of any shape; their zero point does not matter.
    - beta: the factor of the logits.
    - scale: the scale of `x`.

    TFLM aborts where the exponentials sum to 512 or more, as those of 512 equal logits do; here these give a result.
    """
    table, least = _exponentials(float(np.float32(beta)), float(np.float32(scale)))
    diff = x.astype(np.int64)
    diff -= diff.max(axis=-1, keepdims=True)
    exps = np.where(diff >= least, table[-diff], 0)
    total = rounding_shift(exps, _SUM_BITS).sum(axis=-1, keepdims=True)
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)  # leading zeros of a 32-bit value
    reciprocal = _one_over_one_plus((total << headroom) - (1 << 31))
    y = rounding_shift(rounding_high_mul(reciprocal, exps), _SUM_BITS - headroom + 23) - 128
    return np.where(diff >= least, np.clip(y, -128, 127), -128)


def exponentials(beta: float, scale: float) -> Array:
    """Returns the exponentials of the differences 0, -1, .. of two codes, as int64 `[up to 256]`.

    - beta: the factor of the logits.
    - scale: the scale of the logits.

    A value is 2**31 times the exponential of a difference. The array ends before the first negligible one.
    """
    table, least = _exponentials(float(np.float32(beta)), float(np.float32(scale)))
    return np.array(table[: min(256, 1 - least)])


@lru_cache(maxsize=64)
def _exponentials(beta: float, scale: float) -> tuple[Array, int]:
    """Returns the exponentials of the differences 0, -1, .. -255 of codes, and the least one that is not negligible.

    The exponentials have no integer bits.
    """
    real = min(beta * scale * 2.0 ** (31 - _DIFF_BITS), 2.0**31 - 1.0)
    multiplier, left = (int(v) for v in quantize_multiplier(real))
    radius = ((1 << _DIFF_BITS) - 1) * 2.0 ** (31 - _DIFF_BITS) / 2.0**left
    least = -math.floor(radius)
    diff = np.arange(0, -256, -1, dtype=np.int64)
    scaled = rounding_high_mul(np.maximum(diff, least) * 2**left if left >= 0 else diff, multiplier)
    return _exp(scaled), least


def _exp(a: Array) -> Array:
    """Returns exp(a) for a raw a <= 0 with 5 integer bits; the raw result has none."""
    quarter = 1 << (31 - _DIFF_BITS - 2)
    mod = (a & (quarter - 1)) - quarter
    result = _exp_series(mod << _DIFF_BITS)
    remainder = mod - a
    for exponent, power in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), start=-2):
        bit = 1 << (31 - _DIFF_BITS + exponent)
        result = np.where(remainder & bit, rounding_high_mul(result, power), result)
    return np.where(a == 0, _LIMIT, result)


def _exp_series(a: Array) -> Array:
    """Returns exp(a) for a in [-1/4, 0), expanded at -1/8; neither has integer bits."""
    at_eighth, third = 1895147668, 715827883  # exp(-1/8) and 1/3
    x = a + (1 << 28)
    x2 = rounding_high_mul(x, x)
    x3 = rounding_high_mul(x2, x)
    x4 = rounding_high_mul(x2, x2)
    tail = rounding_shift(rounding_high_mul(rounding_shift(x4, 2) + x3, third) + x2, 1)
    return np.asarray(at_eighth + rounding_high_mul(np.full_like(x, at_eighth), x + tail))


def _one_over_one_plus(a: Array) -> Array:
    """Returns 1 / (1 + a) for a in [0, 1); neither has integer bits."""
    total = a + _LIMIT
    half = np.where(total >= 0, (total + 1) // 2, -((1 - total) // 2))
    x = 1515870810 + rounding_high_mul(half, np.full_like(half, -1010580540))  # 48/17 - 32/17 d, 2 integer bits
    for _ in range(3):
        error = (1 << 29) - rounding_high_mul(half, x)
        x = x + np.clip(rounding_high_mul(x, error) << 2, -_LIMIT - 1, _LIMIT)
    return np.asarray(np.clip(x << 1, -_LIMIT - 1, _LIMIT))
