"""Comparisons of tensors, and logic of truth values, as TensorFlow Lite Micro computes them."""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.ir.layers import Compare
from micronets.quantized.arithmetic import IntArray, multiply_by_quantized_multiplier, quantize_multiplier
from micronets.quantized.model import TensorQuant

Array = npt.NDArray[Any]

FINE_BITS = 8
"""Fractional bits of the real values that TFLM brings two int8 codes to before it compares them."""


def compared_factor(quant: TensorQuant) -> tuple[IntArray, IntArray]:
    """Returns the multiplier and the shift that make real values of int8 codes: those of the scale, below 1."""
    return quantize_multiplier(float(np.float32(quant.scale)))


def real_values(x: IntArray, quant: TensorQuant) -> IntArray:
    """Returns the real values of int8 codes with `FINE_BITS` fractional bits."""
    fine = (x.astype(np.int64) - quant.zero_point) << FINE_BITS
    return multiply_by_quantized_multiplier(fine, *compared_factor(quant))


def compared(layer: Compare, a: Array, b: Array) -> Array:
    """Returns whether values are in the relation of the layer; the arrays broadcast, as numpy's do."""
    match layer.relation:
        case "equal":
            return np.asarray(a == b)
        case "not equal":
            return np.asarray(a != b)
        case "greater":
            return np.asarray(a > b)
        case "greater or equal":
            return np.asarray(a >= b)
        case "less":
            return np.asarray(a < b)
        case "less or equal":
            return np.asarray(a <= b)
        case _:
            assert_never(layer.relation)
