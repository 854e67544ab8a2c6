"""Functions of one code, rounded exactly as TensorFlow Lite Micro's int8 kernels round them.

Each takes codes of any shape and returns codes of the same shape as int64, not yet clamped to 8 bits unless it says so.
"""

from __future__ import annotations

import numpy as np

from micronets.quantized.arithmetic import (
    IntArray,
    bit_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rescale,
    round_half_away,
    rounding_shift,
)
from micronets.quantized.fixed_point import (
    LARGEST_Q31,
    exp_of_negative,
    input_radius,
    one_minus_over_one_plus,
    one_over_one_plus,
    one_over_root,
)
from micronets.quantized.model import TensorQuant

_INTEGER_BITS = 4  # of the inputs of `logistic_codes` and `tanh_codes`, which thus reach from -16 to 16
_LENGTH_BITS = 7  # fractional bits of a vector that was brought to the length of one
_ROOT_BITS = 20  # fractional bits of a reciprocal root before it is brought to the output's scale


def logistic_codes(x: IntArray, source: TensorQuant) -> IntArray:
    """Returns 1 / (1 + exp(-x)) as codes in [-128, 127] of scale 1/256 and zero point -128."""
    real, low, high = _fixed_point(x, source)
    result = one_over_one_plus(exp_of_negative(-np.abs(real), _INTEGER_BITS))
    result = np.where(real == 0, 1 << 30, np.where(real > 0, result, LARGEST_Q31 - result))
    return np.where(low, -128, np.where(high, 127, rounding_shift(result, 31 - 8) - 128))


def tanh_codes(x: IntArray, source: TensorQuant) -> IntArray:
    """Returns the hyperbolic tangent as codes in [-128, 128] of scale 1/128 and zero point 0."""
    real, low, high = _fixed_point(x, source)
    # An exponential of twice the value: the same bits with one integer bit more.
    result = one_minus_over_one_plus(exp_of_negative(-np.abs(real), _INTEGER_BITS + 1))
    return np.where(low, -128, np.where(high, 127, rounding_shift(np.sign(real) * result, 31 - 7)))


def _fixed_point(x: IntArray, source: TensorQuant) -> tuple[IntArray, IntArray, IntArray]:
    """Returns codes as fixed-point numbers, and which of them are below and above what these can hold.

    The numbers have `_INTEGER_BITS`; those of codes below or above are 0.
    """
    multiplier, shift = quantize_multiplier(float(np.float32(source.scale)) * 2.0 ** (31 - _INTEGER_BITS))
    offset, radius = x.astype(np.int64) - source.zero_point, input_radius(_INTEGER_BITS, int(shift))
    low, high = offset <= -radius, offset >= radius
    return multiply_by_quantized_multiplier(np.where(low | high, 0, offset), multiplier, shift), low, high


def slope_below_zero(alpha: float, source: TensorQuant, target: TensorQuant) -> float:
    """Returns how many steps of the output's codes one step of the input's is worth below 0, as in a leaky ReLU.

    - alpha: the factor that real values below 0 are multiplied by; it may be negative.
    - source, target: quantisation of the input and of the output.

    TFLM multiplies and divides in float64.
    """
    return float(np.float32(source.scale)) * float(np.float32(alpha)) / float(np.float32(target.scale))


def leaky_relu_codes(x: IntArray, alpha: float, source: TensorQuant, target: TensorQuant) -> IntArray:
    """Returns x where it is at least 0, otherwise alpha * x, as codes that are not yet clamped.

    - x: codes of any shape.
    - alpha: the slope below 0, which may be negative.
    - source, target: quantisation of `x` and of the result.
    """
    offset = x.astype(np.int64) - source.zero_point
    above = multiply_by_quantized_multiplier(offset, *rescale(source, target))
    slope = slope_below_zero(alpha, source, target)
    below = multiply_by_quantized_multiplier(offset, *quantize_multiplier(abs(slope)))
    return np.where(offset >= 0, above, below if slope >= 0 else -below) + target.zero_point


def elu_codes(x: IntArray, source: TensorQuant, target: TensorQuant) -> IntArray:
    """Returns x where it is at least 0, otherwise exp(x) - 1, as codes that are not yet clamped.

    - x: codes of any shape.
    - source, target: quantisation of `x` and of the result.

    The function is computed in float32 for each of the 256 codes. The scale of `source` is less than 2**22 times that
    of `target`, so that results fit 32 bits.
    """
    codes = np.arange(*np.add(bit_range(8), (0, 1)))
    real = np.float32(source.scale) * (codes - source.zero_point).astype(np.float32)
    with np.errstate(under="ignore"):
        curved = np.exp(np.minimum(real, 0), dtype=np.float64).astype(np.float32) - np.float32(1)
    table = round_half_away(np.where(real < 0, curved, real) * (np.float32(1) / np.float32(target.scale)))
    return np.asarray(table.astype(np.int64) + target.zero_point)[x.astype(np.intp) + 128]


def magnitude_rescale(source: TensorQuant, target: TensorQuant) -> tuple[IntArray, IntArray]:
    """Returns the multiplier and the shift that bring magnitudes of codes of `source` to the scale of `target`.

    TFLM divides the scales in float32, and multiplies by nothing where they are equal, which a factor of 1 does, too.
    """
    return quantize_multiplier(float(np.float32(source.scale) / np.float32(target.scale)))


def abs_codes(x: IntArray, source: TensorQuant, target: TensorQuant) -> IntArray:
    """Returns the magnitude of x, as codes that are not yet clamped.

    - x: codes of any shape.
    - source, target: quantisation of `x` and of the result.
    """
    magnitude = np.abs(x.astype(np.int64) - source.zero_point)
    return multiply_by_quantized_multiplier(magnitude, *magnitude_rescale(source, target)) + target.zero_point


def normalised_codes(x: IntArray, source: TensorQuant) -> IntArray:
    """Returns vectors, along the last dimension, over their length, as codes of scale 1/128, not yet clamped."""
    offset = x.astype(np.int64) - source.zero_point
    sums, place = np.unique((offset**2).sum(axis=-1), return_inverse=True)
    roots = np.array([one_over_root(int(total)) for total in sums], np.int64)
    multiplier, shift = (roots[place.ravel(), k].reshape(*x.shape[:-1], 1) for k in range(2))
    return multiply_by_quantized_multiplier(offset, multiplier, shift + _LENGTH_BITS)


def root_rescale(source: TensorQuant, target: TensorQuant) -> tuple[IntArray, IntArray]:
    """Returns the multiplier and the shift that bring reciprocal roots of codes, with 20 fractional bits, to a scale.

    - source, target: quantisation of the codes and of the result.
    """
    unit = float(np.sqrt(np.float32(source.scale)) * np.float32(target.scale))
    multiplier, shift = quantize_multiplier(1 / unit)
    return multiplier, shift - _ROOT_BITS


def rsqrt_codes(x: IntArray, source: TensorQuant, target: TensorQuant) -> IntArray:
    """Returns 1 / sqrt(x) as codes that are clamped to those of the type of `x`.

    - x: codes of any shape, int8 or int16.
    - source, target: quantisation of `x` and of the result.

    The root of 0 gives the largest code. So do negative numbers, for which TFLM's kernel ends with an error.
    """
    lowest, highest = np.iinfo(x.dtype).min, np.iinfo(x.dtype).max
    factor = root_rescale(source, target)
    offsets, place = np.unique(x.astype(np.int64) - source.zero_point, return_inverse=True)
    found = np.full(offsets.shape, highest, np.int64)
    for k, offset in enumerate(offsets.tolist()):
        if offset > 0:
            root, root_shift = one_over_root(offset)
            fine = multiply_by_quantized_multiplier(np.array(1), root, root_shift + _ROOT_BITS)
            found[k] = multiply_by_quantized_multiplier(fine, *factor) + target.zero_point
    return np.clip(found, lowest, highest)[place].reshape(x.shape)
