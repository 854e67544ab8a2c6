"""The logarithm of the softmax in integers, as TensorFlow Lite Micro computes it from int8 to int8."""

from __future__ import annotations

import numpy as np

from micronets.quantized.arithmetic import (
    IntArray,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_high_mul,
    rounding_shift,
)
from micronets.quantized.fixed_point import exp_of_negative, input_radius, log_of_at_least_one

_DIFF_BITS = 5  # integer bits of a scaled difference of logits, and of the logarithm of the sum
_SUM_BITS = 12  # integer bits of the sum of exponentials
_OUTPUT_BITS = 4  # integer bits of the output, whose scale is 16/256


def log_softmax_codes(x: IntArray, scale: float) -> IntArray:
    """Returns the logarithms of the softmax over the last axis as int64 codes in [-128, 127].

    - x: codes of the logits, of any shape; their zero point does not matter.
    - scale: the scale of `x`.

    The codes have the scale 1/16 and the zero point 127.
    """
    differences, least = scaled_differences(scale)
    diff = x.astype(np.int64)
    diff -= diff.max(axis=-1, keepdims=True)
    scaled = differences[-diff]
    exps = np.where(diff >= least, exp_of_negative(scaled, _DIFF_BITS), 0)
    log_sum = log_of_at_least_one(rounding_shift(exps, _SUM_BITS).sum(axis=-1, keepdims=True))
    codes = rounding_shift(scaled - log_sum, 31 - _DIFF_BITS - _OUTPUT_BITS) + 127
    return np.where(diff > _least_of_outputs(log_sum, scale, least), np.clip(codes, -128, 127), -128)


def scaled_differences(scale: float) -> tuple[IntArray, int]:
    """Returns the differences 0, -1, .. -255 of codes as numbers with 5 integer bits, `[256]`, and the least that fits.

    - scale: the scale of the codes.
    """
    multiplier, left = _multiplier(scale)
    least = -input_radius(_DIFF_BITS, left)
    diff = np.maximum(np.arange(0, -256, -1, dtype=np.int64), least)
    return rounding_high_mul(diff * 2**left, multiplier), least


def back_to_codes(scale: float) -> tuple[IntArray, IntArray]:
    """Returns the multiplier and the shift that bring numbers with 5 integer bits to differences of codes.

    - scale: the scale of the codes.
    """
    multiplier, left = _multiplier(scale)
    return quantize_multiplier(2.0 ** (31 - left) / multiplier)


def _multiplier(scale: float) -> tuple[int, int]:
    """Returns the multiplier and the left shift that bring differences of codes to 5 integer bits."""
    real = min(float(np.float32(scale)) * 2.0 ** (31 - _DIFF_BITS), 2.0**31 - 1.0)
    multiplier, left = quantize_multiplier(real)
    return int(multiplier), int(left)


def _least_of_outputs(log_sum: IntArray, scale: float, least: int) -> IntArray:
    """Returns the differences above which an output is more than the least code, for logarithms of sums."""
    return np.maximum(least - 1, multiply_by_quantized_multiplier(log_sum - 2**31, *back_to_codes(scale)))
