"""HardSwish on codes, in 16-bit fixed point as TensorFlow Lite Micro computes it (`reference_ops::HardSwish`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from micronets.quantized.arithmetic import IntArray, quantize_multiplier, rounding_shift
from micronets.quantized.model import TensorQuant

_FINE = 1 << 7
"""Steps of the inner grid in one code of the input."""

_REACH = np.float32(3.0) / np.float32(32768.0)
"""The real value of one step of the 16-bit fraction that stands for the gate `x + 3`; it spans -3 .. 3."""


def hard_swish_codes(x: IntArray, source: TensorQuant, target: TensorQuant) -> IntArray:
    """Returns x * relu6(x + 3) / 6 in codes, not yet clamped to 8 bits, as int64 of the shape of `x`.

    - x: codes of any shape.
    - source: quantisation of `x`.
    - target: quantisation of the result.
    """
    fine_scale = np.float32(1 / _FINE) * np.float32(source.scale)
    multiplier, shift = _half_precision(fine_scale / np.float32(target.scale))
    gate_multiplier, gate_shift = _half_precision(fine_scale / _REACH)
    fine = (x.astype(np.int64) - source.zero_point) * _FINE
    gate = fine if gate_shift <= 0 else _saturated(fine << (gate_shift - 1))
    gate = _high_half(gate, gate_multiplier)
    gate = _saturated(gate << 1) if gate_shift > 0 else _divided(gate, -gate_shift)
    gate = (gate + (1 << 15)) >> 1  # from -1 .. 1 to 0 .. 1
    # The product is cut off, as TFLM does it, while both of its factors are rounded.
    product = _towards_zero(gate * _high_half(fine, multiplier))
    return np.asarray(_divided(_saturated(product), -shift) + target.zero_point)


def _half_precision(real: np.floating[Any]) -> tuple[int, int]:
    """Returns the multiplier and the shift of a real factor: it is `multiplier * 2**(shift - 15)`, to 15 bits."""
    multiplier, shift = (int(v) for v in quantize_multiplier(float(real)))
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1), shift


def _high_half(a: IntArray, b: int) -> IntArray:
    """Returns `a * b / 2**15` rounded to nearest, halves away from zero.

    The operands are values of 16 bits; they may not both be -2**15.
    """
    product = a * b
    return _towards_zero(product + np.where(product >= 0, 1 << 14, 1 - (1 << 14)))


def _divided(x: IntArray, exponent: int) -> IntArray:
    """Returns `x / 2**exponent` rounded to nearest, as TFLM's `RoundingDivideByPOT` rounds values of 16 bits.

    Its mask of the bits that are shifted out has 16 bits, too. With 16 bits or more to shift it takes every value that
    is not negative for more than a half, so that such a value becomes 1 and a negative one -1.
    """
    if exponent < 16:
        return rounding_shift(x, exponent)
    return np.where(x < 0, -1, 1)


def _towards_zero(x: IntArray) -> IntArray:
    """Returns `x / 2**15` rounded towards zero, as C divides."""
    return np.asarray(np.sign(x) * (np.abs(x) >> 15))


def _saturated(x: IntArray) -> IntArray:
    """Returns the values clamped to the range of 16 bits."""
    return np.clip(x, -(1 << 15), (1 << 15) - 1)
