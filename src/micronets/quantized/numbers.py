"""Arithmetic of numbers that are no codes, int32 and float32, as TensorFlow Lite Micro computes with them.

Sums, products and their like are those of the processor: int32 wraps, float32 is rounded to nearest. TFLM takes
exponentials from the C library, whose last bit differs from one to the next (that of a PC in one of 1,500 values); here
they are computed in integers, so that every core gives the same, rounded to nearest.
"""

from __future__ import annotations

import math
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.ir import layers
from micronets.ir.layers import ACTIVATION_LIMITS, Activation, Binary, NumberFunctionName, Reduction

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

FloatFunction = (
    layers.Relu
    | layers.LeakyRelu
    | layers.Logistic
    | layers.Abs
    | layers.HardSwish
    | layers.Rsqrt
    | layers.NumberFunction
)
"""The kinds of layers that change each float32 alone."""

_LARGEST = float(np.finfo(np.float32).max)

FLOAT_LIMITS: dict[Activation, tuple[float, float]] = {
    activation: (max(least, -_LARGEST), min(greatest, _LARGEST))
    for activation, (least, greatest) in ACTIVATION_LIMITS.items()
}
"""The least and the greatest float32 that a fused activation lets through; TFLM's limits infinities, too."""

_ONE_ABOVE, _SMALL_BELOW = np.float32(16.619047164916992188), np.float32(-9.0)
"""Where TFLM's logistic function is 1, and below which it is the exponential."""


def combined(layer: Binary, a: Array, b: Array) -> Array:
    """Returns two tensors of int32 or of float32 combined value by value; float32 with the fused activation.

    - a, b: tensors of one type, whose shapes broadcast.
    """
    with np.errstate(all="ignore"):
        found = _combined(layer, a, b).astype(a.dtype)
    match layer:
        case layers.Add() | layers.Sub() | layers.Mul() | layers.Div() if a.dtype == np.float32:
            low, high = (np.float32(limit) for limit in FLOAT_LIMITS[layer.activation])
            found = np.where(found < low, low, found)
            return np.asarray(np.where(found > high, high, found))
        case _:
            return found


def _combined(layer: Binary, a: Array, b: Array) -> Array:
    match layer:
        case layers.Add():
            return np.asarray(a + b)
        case layers.Sub():
            return np.asarray(a - b)
        case layers.Mul():
            return np.asarray(a * b)
        case layers.Div():
            return np.asarray(a / b) if a.dtype == np.float32 else whole_quotient(a, b)
        case layers.Minimum():
            return np.where(a < b, a, b)
        case layers.Maximum():
            return np.where(a > b, a, b)
        case layers.SquaredDifference():
            return np.asarray((a - b) * (a - b))
        case layers.Prelu():
            return np.where(a >= 0, a, a * b)
        case _:
            assert_never(layer)


def whole_quotient(a: Array, b: Array) -> Array:
    """Returns quotients of int32, cut off at the point; 0 where the divisor is 0, as Arm's processors divide."""
    magnitude = np.abs(a.astype(np.int64)) // np.maximum(1, np.abs(b.astype(np.int64)))
    return np.where(b == 0, 0, np.where((a < 0) != (b < 0), -magnitude, magnitude)).astype(np.int32)


def function_of(layer: FloatFunction, x: Floats) -> Floats:
    """Returns what a layer makes of float32 values."""
    zero, one = np.float32(0), np.float32(1)
    with np.errstate(all="ignore"):
        match layer:
            case layers.Relu(six=six):
                y = np.where(x < zero, zero, x)
                return np.asarray(np.where(y > np.float32(6), np.float32(6), y) if six else y)
            case layers.LeakyRelu():
                return np.where(x > zero, x, x * np.float32(layer.alpha))
            case layers.Logistic():
                gate = one / (one + exponential(-x))
                return np.where(x > _ONE_ABOVE, one, np.where(x < _SMALL_BELOW, exponential(x), gate))
            case layers.Abs():
                return np.abs(x)
            case layers.HardSwish():
                gate = np.minimum(np.float32(6), np.maximum(zero, x + np.float32(3)))
                return np.asarray(x * gate / np.float32(6))
            case layers.Rsqrt():
                return np.asarray(one / np.sqrt(x))
            case layers.NumberFunction():
                return _number_function(layer.of, x)
            case _:
                assert_never(layer)


def _number_function(of: NumberFunctionName, x: Floats) -> Floats:
    match of:
        case "negate":
            return -x
        case "square":
            return x * x
        case "root":
            return np.sqrt(x)
        case "exponential":
            return exponential(x)
        case "floor":
            return np.floor(x)
        case "ceil":
            return np.ceil(x)
        case "round":
            below, half = np.floor(x), np.float32(0.5)
            stays = (x - below < half) | ((x - below == half) & (np.fmod(below, 2) == 0)) | ~np.isfinite(x)
            return np.where(stays, below, below + np.float32(1))
        case _:
            assert_never(of)


def normalised(x: Floats) -> Floats:
    """Returns float32 values `[N, *shape]` over the root of the sum of squares, from the first of a vector on.

    A root below a millionth counts as one.
    """
    with np.errstate(all="ignore"):
        total = np.zeros(x.shape[:-1], np.float32)
        for column in range(x.shape[-1]):
            total += x[..., column] * x[..., column]
        return np.asarray(x / np.maximum(np.sqrt(total), np.float32(1e-6))[..., None])


def reduced(layer: Reduction, x: Floats) -> Floats:
    """Returns sums, means, maxima or minima over dimensions of float32 `[N, *shape]`, from the first value on."""
    axes = tuple(axis + 1 for axis in layer.axes)
    values = np.moveaxis(x, axes, range(len(axes)))
    values = values.reshape(-1, *values.shape[len(axes) :])
    with np.errstate(all="ignore"):
        found = values[0] + np.float32(0) if isinstance(layer, layers.Mean | layers.Sum) else values[0]
        for value in values[1:]:
            match layer:
                case layers.Mean() | layers.Sum():
                    found = found + value
                case layers.ReduceMax():
                    found = np.where(found > value, found, value)
                case layers.ReduceMin():
                    found = np.where(found < value, found, value)
                case layers.ReduceAll():
                    raise AssertionError("a ReduceAll reads truth values alone")
                case _:
                    assert_never(layer)
        found = found / np.float32(len(values)) if isinstance(layer, layers.Mean) else found
    kept = [1 if axis in axes else n for axis, n in enumerate(x.shape)]
    return np.asarray(found.reshape(kept) if layer.keep_dims else found)


def softmax_of(x: Floats, beta: float) -> Floats:
    """Returns the softmax over the last dimension of float32 values times `beta`; sums run from the first value on."""
    with np.errstate(all="ignore"):
        powers = exponential((x - x.max(axis=-1, keepdims=True)) * np.float32(beta))
        total = np.zeros(x.shape[:-1], np.float32)
        for column in range(x.shape[-1]):
            total += powers[..., column]
        return np.asarray(powers / total[..., None])


_LOG2_E = 3098164009  # the logarithm of e to the base 2, with 31 fractional bits, rounded down
_LN_2 = 49946518145322874  # the natural logarithm of 2, with 56 fractional bits
_TERMS = 18
_FACTORS = tuple((1 << 62) // math.factorial(n) for n in range(_TERMS))
"""The factors 1 / n! of the series, with 62 fractional bits."""


def exponential(x: Floats) -> Floats:
    """Returns e**x of float32 values, rounded to nearest but for one value in some millions.

    With k = floor(x / ln 2) it is 2**k times the series of e**r, r = x - k * ln 2, in integers of 64 bits.
    """
    fixed = np.trunc(np.clip(np.nan_to_num(x, nan=0.0), -104, 89).astype(np.float64) * 2.0**56).astype(np.int64)
    k = ((fixed >> 32) * _LOG2_E) >> 55
    rest = fixed - k * _LN_2
    k, rest = np.where(rest < 0, k - 1, k), np.where(rest < 0, rest + _LN_2, rest)
    argument = rest.astype(np.uint64) << np.uint64(8)
    power = np.full(x.shape, _FACTORS[-1], np.uint64)
    for factor in reversed(_FACTORS[:-1]):
        power = np.uint64(factor) + _high_half(argument, power)
    two = power >= np.uint64(1 << 63)
    power, k = np.where(two, power >> np.uint64(1), power), k + two
    shift = (39 + np.maximum(0, -126 - k)).clip(max=63).astype(np.uint64)
    mantissa = ((power + (np.uint64(1) << (shift - np.uint64(1)))) >> shift).astype(np.int64)
    bits = np.where(k < -150, 0, np.minimum(((np.maximum(k, -126) + 126) << 23) + mantissa, 255 << 23))
    return np.where(np.isnan(x), x, bits.astype(np.uint32).view(np.float32))


def _high_half(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Returns the upper 64 bits of products of 64 bits."""
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    middle = (a >> half) * (b & low) + (((a & low) * (b & low)) >> half)
    other = (a & low) * (b >> half) + (middle & low)
    return np.asarray((a >> half) * (b >> half) + (middle >> half) + (other >> half))
