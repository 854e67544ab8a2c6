"""Softmax in integers, as TensorFlow Lite Micro computes it from int8 to int8 or int16.

Exponentials and their reciprocal are computed in fixed point (`quantized.fixed_point`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.types import BITS, Type, code_range
from micronets.quantized.arithmetic import quantize_multiplier, rounding_high_mul, rounding_shift
from micronets.quantized.fixed_point import exp_of_negative, input_radius, one_over_one_plus

Array = npt.NDArray[Any]

_DIFF_BITS = 5  # integer bits of a scaled difference of logits
_SUM_BITS = 12  # integer bits of the sum of exponentials


def softmax_codes(x: npt.NDArray[np.int8], beta: float, scale: float, to: Type = "int8") -> Array:
    """Returns the softmax over the last axis as int64 codes, whose zero point is the least code.

    - x: codes of the logits, of any shape; their zero point does not matter.
    - beta: the factor of the logits.
    - scale: the scale of `x`.
    - to: the type of the codes, int8 (of the scale 1/256) or int16 (of the scale 1/65536).

    TFLM aborts where the exponentials sum to 512 or more, as those of 512 equal logits do; here these give a result.
    """
    table, least = _exponentials(float(np.float32(beta)), float(np.float32(scale)))
    diff = x.astype(np.int64)
    diff -= diff.max(axis=-1, keepdims=True)
    exps = np.where(diff >= least, table[-diff], 0)
    total = rounding_shift(exps, _SUM_BITS).sum(axis=-1, keepdims=True)
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)  # leading zeros of a 32-bit value
    reciprocal = one_over_one_plus((total << headroom) - (1 << 31))
    lowest, highest = code_range(to)
    y = rounding_shift(rounding_high_mul(reciprocal, exps), _SUM_BITS - headroom + 31 - BITS[to]) + lowest
    return np.where(diff >= least, np.clip(y, lowest, highest), lowest)


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
    least = -input_radius(_DIFF_BITS, left)
    diff = np.arange(0, -256, -1, dtype=np.int64)
    scaled = rounding_high_mul(np.maximum(diff, least) * 2**left if left >= 0 else diff, multiplier)
    return exp_of_negative(scaled, _DIFF_BITS), least
