"""Sums of codes as TensorFlow Lite Micro's ADD_N and CUMSUM add them: with 19 fractional bits, in 32 bits that wrap."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.layers import CumSum
from micronets.ir.ops.totals import TOTAL_BITS
from micronets.quantized.arithmetic import IntArray, multiply_by_quantized_multiplier, quantize_multiplier
from micronets.quantized.model import TensorQuant

Array = npt.NDArray[Any]


def total_rescale(source: TensorQuant, target: TensorQuant) -> tuple[IntArray, IntArray]:
    """Returns the multiplier and the shift that bring sums with `TOTAL_BITS` fractional bits to the output's scale."""
    double = 2 * float(np.float32(source.scale))
    return quantize_multiplier(double / (2.0 ** (TOTAL_BITS + 1) * float(np.float32(target.scale))))


def total_codes(totals: IntArray, source: TensorQuant, target: TensorQuant) -> IntArray:
    """Returns the codes of sums, not yet clamped.

    - totals: sums of codes less their zero point.
    - source, target: quantisation of the codes and of the result.

    TFLM starts a sum with what it takes for zero, the code 0 less the zero point.
    """
    fine = ((totals - source.zero_point) << TOTAL_BITS).astype(np.int32).astype(np.int64)
    return multiply_by_quantized_multiplier(fine, *total_rescale(source, target)) + target.zero_point


def running_sums(layer: CumSum, x: Array) -> Array:
    """Returns the sums along a dimension of numbers `[N, *shape]`, from the first value on, in their type."""
    axis = layer.axis + 1
    x = np.flip(x, axis) if layer.reverse else x
    with np.errstate(all="ignore"):
        found = np.cumsum(x, axis, dtype=x.dtype)
    if layer.exclusive:
        nothing = np.zeros_like(np.take(found, [0], axis))
        found = np.concatenate([nothing, np.delete(found, -1, axis)], axis)
    return np.flip(found, axis) if layer.reverse else found
