"""Exponentials, reciprocals and roots in fixed point, as TensorFlow Lite Micro's integer kernels compute them.

Fixed-point numbers are int64 arrays that hold int32 values with `n` integer bits: value = raw / 2**(31 - n). The
exponential is a Taylor series on [-1/4, 0) times tabled powers; reciprocals and roots take steps of Newton and Raphson
(Jacob, gemmlowp's fixedpoint, 2015).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.quantized.arithmetic import IntArray, rounding_high_mul, rounding_shift

Array = npt.NDArray[Any]

LARGEST_Q31 = 2**31 - 1
"""What stands for 1 where there are no integer bits."""

_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""exp(-1/4), exp(-1/2), exp(-1), .. exp(-16), without integer bits."""


def exp_of_negative(a: IntArray, integer_bits: int) -> Array:
    """Returns exp(a) for a raw a <= 0 with 2 to 5 integer bits; the raw result has none."""
    quarter = 1 << (31 - integer_bits - 2)
    mod = (a & (quarter - 1)) - quarter
    result = _exp_series(mod << integer_bits)
    remainder = mod - a
    for exponent, power in enumerate(_POWERS[: integer_bits + 2], start=-2):
        bit = 1 << (31 - integer_bits + exponent)
        result = np.where(remainder & bit, rounding_high_mul(result, power), result)
    return np.where(a == 0, LARGEST_Q31, result)


def one_over_one_plus(a: IntArray) -> Array:
    """Returns 1 / (1 + a) for a in [0, 1); neither has integer bits."""
    return _saturated(_reciprocal(a) << 1)


def one_minus_over_one_plus(a: IntArray) -> Array:
    """Returns (1 - a) / (1 + a) for a in [0, 1]; neither has integer bits."""
    return _saturated((_reciprocal(a) - (1 << 29)) << 2)


def input_radius(integer_bits: int, shift: int) -> int:
    """Returns the least code difference that no longer fits so many integer bits once it is shifted left by `shift`."""
    return int(((1 << integer_bits) - 1) * 2.0 ** (31 - integer_bits) / 2.0**shift)


def one_over_root(value: int) -> tuple[int, int]:
    """Returns a multiplier and a shift, in the form of `quantize_multiplier`, for 1 / sqrt(value).

    - value: an int32 above 0.
    """
    if value <= 1:
        return LARGEST_Q31, 0
    right = 11
    while value >= 1 << 29:
        value //= 4
        right += 1
    pairs = (31 - value.bit_length()) // 2 - 1
    right -= pairs
    real = np.array((value << 2 * pairs) >> 1, np.int64)  # three integer bits
    half = rounding_shift(real, 1)
    three_halves = np.array((1 << 28) + (1 << 27), np.int64)
    x = np.array(1 << 28, np.int64)
    for _ in range(5):
        cube = _saturated(rounding_high_mul(rounding_high_mul(x, x), x) << 6)
        x = _saturated((rounding_high_mul(three_halves, x) - rounding_high_mul(half, cube)) << 3)
    root = int(rounding_high_mul(x, 1518500250))  # times the half of the root of 2
    return (root << -right, 0) if right < 0 else (root, -right)


def log_of_at_least_one(x: IntArray) -> Array:
    """Returns log(x) with five integer bits for x >= 1, which has twelve.

    The number is z * 2**k with z around 1, by one of two ways of halving the octaves; log(z) is a quotient of
    polynomials.
    """
    log_2, root_half, fourth_root_half = 1488522236, 1518500250, 1805811301
    alpha_n, alpha_d, alpha_i, alpha_f = 117049297, 127690142, 1057819769, 638450708
    quarter = 1 << 23  # with six integer bits, as all exponents below
    zeros = _leading_zeros(x)
    first = _saturated(rounding_high_mul(_saturated(x << (zeros - 1)), root_half) << 1)
    first_power = _saturated(_saturated((12 - zeros) << 25) + quarter)
    zeros = _leading_zeros(rounding_high_mul(x, root_half)) - 1
    second = _saturated(x << zeros)
    second_power = _saturated(_saturated((12 - zeros) << 25) - quarter)
    r, power = np.minimum(first, second), np.maximum(first_power, second_power)
    half_sum = _half_sum(r, fourth_root_half)
    q = 2 * (r - fourth_root_half)
    square = rounding_high_mul(q, q)
    numerator = rounding_high_mul(q, r) + rounding_high_mul(rounding_high_mul(q, square), np.full_like(q, alpha_n))
    inner = alpha_i + q + rounding_high_mul(square, alpha_d)
    denominator = rounding_high_mul(half_sum, inner) + rounding_high_mul(q, alpha_f)
    quotient = rounding_high_mul(rounding_shift(numerator, 6), one_over_one_plus(denominator))
    return _saturated((rounding_high_mul(power, log_2) + quotient) << 1)


def _leading_zeros(x: Array) -> Array:
    """Returns how many of the 32 bits of values above 0 are zero in front of the first one."""
    return 32 - np.frexp(x.astype(np.float64))[1].astype(np.int64)


def _half_sum(a: Array, b: Array | int) -> Array:
    """Returns (a + b) / 2, halves away from zero."""
    total = a + b
    return np.asarray(np.where(total >= 0, (total + 1) // 2, -((1 - total) // 2)))


def _exp_series(a: Array) -> Array:
    """Returns exp(a) for a in [-1/4, 0), expanded at -1/8; neither has integer bits."""
    at_eighth, third = 1895147668, 715827883  # exp(-1/8) and 1/3
    x = a + (1 << 28)
    x2 = rounding_high_mul(x, x)
    x3 = rounding_high_mul(x2, x)
    x4 = rounding_high_mul(x2, x2)
    tail = rounding_shift(rounding_high_mul(rounding_shift(x4, 2) + x3, third) + x2, 1)
    return np.asarray(at_eighth + rounding_high_mul(np.full_like(x, at_eighth), x + tail))


def _reciprocal(a: Array) -> Array:
    """Returns 2 / (1 + a), with two integer bits, for a in [0, 1], which has none."""
    half = _half_sum(a, LARGEST_Q31)
    x = 1515870810 + rounding_high_mul(half, np.full_like(half, -1010580540))  # 48/17 - 32/17 d, 2 integer bits
    for _ in range(3):
        error = (1 << 29) - rounding_high_mul(half, x)
        x = x + _saturated(rounding_high_mul(x, error) << 2)
    return np.asarray(x)


def _saturated(x: Array) -> Array:
    """Returns the values clamped to the range of int32."""
    return np.asarray(np.clip(x, -LARGEST_Q31 - 1, LARGEST_Q31))
