"""Integer arithmetic of quantised networks, rounded exactly as TensorFlow Lite Micro rounds.

The fixed-point scheme is that of Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (2018), section 2.2: a real multiplier is a 31-bit fraction and a power of two; the
product is rounded twice, once at the high half of the multiplication and once at the shift.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError
from micronets.ir.layers import ACTIVATION_LIMITS, Activation
from micronets.ir.ops.add import ADD_BITS
from micronets.ir.ops.int16 import INT16_ADD_BITS
from micronets.ir.types import Type, code_range, stored
from micronets.quantized.model import TensorQuant

IntArray = npt.NDArray[Any]
"""An array of integers of any shape."""


def bit_range(bits: int) -> tuple[int, int]:
    """Returns the smallest and the largest signed code of `bits` bits: (-128, 127) for 8, (-8, 7) for 4."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def quantize_multiplier(real: float | npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """Splits real factors of at least 0, a scalar or an array, into multipliers and shifts.

    A factor is `multiplier * 2**(shift - 31)` with the nearest multiplier. Both results are int64 arrays with the shape
    of `real`; multiplier is 0 or in [2**30, 2**31). Values below 2**-32 become 0.
    """
    fraction, shift = np.frexp(np.asarray(real, np.float64))
    fixed: IntArray = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    carry = fixed == 1 << 31
    fixed, exponent = np.where(carry, 1 << 30, fixed), shift.astype(np.int64) + carry
    tiny = exponent < -31
    return np.where(tiny, 0, fixed), np.where(tiny, 0, exponent)


def rescale(source: TensorQuant, target: TensorQuant) -> tuple[IntArray, IntArray]:
    """Returns the multiplier and the shift that rescale codes of `source`, minus its zero point, to `target`.

    Both come from `quantize_multiplier`; the caller adds the zero point of `target`.
    """
    return quantize_multiplier(float(np.float32(source.scale)) / float(np.float32(target.scale)))


def conv_rescale(source: TensorQuant, scales: npt.ArrayLike, target: TensorQuant) -> tuple[IntArray, IntArray]:
    """Returns the multipliers and shifts that rescale a convolution's sums of products to its output.

    - source: quantisation of the input.
    - scales: scales of the weights, `[channels]`, or `[1]` for one scale for all channels.
    - target: quantisation of the output.

    Both arrays have the shape of `scales`. The scales of input and weights are float32, their product and its quotient
    float64, as in TFLM's `PopulateConvolutionQuantizationParams`. A matrix product is rescaled in the same way.
    """
    product = float(np.float32(source.scale)) * np.asarray(scales).astype(np.float64)
    return quantize_multiplier(product / float(np.float32(target.scale)))


def mean_rescale(count: int, source: TensorQuant, target: TensorQuant) -> tuple[int, int]:
    """Returns the multiplier and the shift that turn a sum of codes into their mean.

    - count: the number of codes that are summed.
    - source: quantisation of the codes; its zero point is subtracted from each code before the sum.
    - target: quantisation of the mean; the caller adds its zero point.
    """
    multiplier, shift = (int(v) for v in rescale(source, target))
    # The multiplier absorbs the division by the count, after a left shift as large as 31 bits allow.
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def add_bits(of: Type) -> int:
    """Returns the number of fractional bits below one code step that an addition of tensors of this type keeps."""
    return INT16_ADD_BITS if of == "int16" else ADD_BITS


def square_bits(of: Type) -> int:
    """Returns the number of fractional bits below one code step that a squared difference keeps before squaring."""
    return 0 if of == "int16" else SQUARE_BITS


def add_rescale(
    a: TensorQuant, b: TensorQuant, target: TensorQuant, of: Type = "int8"
) -> tuple[tuple[IntArray, IntArray], ...]:
    """Returns multiplier and shift for each operand of a sum or a difference of two tensors, and for the result.

    - a, b: quantisation of the operands.
    - target: quantisation of the result.
    - of: the type of all three.

    Both operands, shifted left by `add_bits`, are rescaled to twice the larger scale, so that their sum fits 32 bits.
    The sum is then rescaled to codes of `target`.
    """
    scale_a, scale_b, scale = (np.float32(quant.scale) for quant in (a, b, target))
    twice = 2.0 * float(max(scale_a, scale_b))
    ratios = (float(scale_a) / twice, float(scale_b) / twice, twice / ((1 << add_bits(of)) * float(scale)))
    return tuple(quantize_multiplier(ratio) for ratio in ratios)


BIAS_LIMIT = 2**30
"""The largest code of a bias in our models; it leaves the other half of the int32 range to the sum of products."""

SQUARE_BITS = 7
"""The number of fractional bits below one code step that a squared difference keeps before squaring."""


def squared_difference_rescale(
    a: TensorQuant, b: TensorQuant, target: TensorQuant, of: Type = "int8"
) -> tuple[tuple[IntArray, IntArray], ...]:
    """Returns multiplier and shift for each operand of a squared difference of two tensors, and for the square.

    - a, b: quantisation of the operands.
    - target: quantisation of the result.
    - of: the type of all three.

    Both operands, shifted left by `square_bits`, are rescaled to a common scale, which is twice the larger of theirs.
    The square of their difference is then rescaled to codes of `target`.
    """
    scale_a, scale_b, scale = (float(np.float32(quant.scale)) for quant in (a, b, target))
    twice = 2.0 * max(scale_a, scale_b)
    ratios = (scale_a / twice, scale_b / twice, twice * twice / ((1 << 2 * square_bits(of)) * scale))
    return tuple(quantize_multiplier(ratio) for ratio in ratios)


def prelu_rescale(x: TensorQuant, alpha: TensorQuant, target: TensorQuant) -> tuple[tuple[IntArray, IntArray], ...]:
    """Returns multiplier and shift of a Prelu for values of at least 0, and for products with alpha.

    - x, alpha: quantisation of the input and of the slopes for negative values.
    - target: quantisation of the output, to which both are rescaled.
    """
    return rescale(x, target), mul_rescale(x, alpha, target)


def mul_rescale(a: TensorQuant, b: TensorQuant, target: TensorQuant) -> tuple[IntArray, IntArray]:
    """Returns the multiplier and the shift that rescale a product of codes of `a` and `b` to codes of `target`."""
    scale_a, scale_b, scale = (float(np.float32(quant.scale)) for quant in (a, b, target))
    return quantize_multiplier(scale_a * scale_b / scale)


def product_rescale(a: TensorQuant, b: TensorQuant, target: TensorQuant) -> tuple[IntArray, IntArray]:
    """Returns the multiplier and the shift that rescale products of codes of two tensors to a third.

    - a, b: quantisation of the two tensors.
    - target: quantisation of the third; the caller adds its zero point.

    The scales are multiplied in float64, as TFLM's `GetQuantizedConvolutionMultipler` does without a bias.
    """
    product = float(np.float32(a.scale)) * float(np.float32(b.scale))
    return quantize_multiplier(product / float(np.float32(target.scale)))


def rounding_high_mul(a: IntArray, b: IntArray | int) -> IntArray:
    """Returns `a * b / 2**31` rounded to nearest, halves upwards, as int64.

    The operands lie in the range of int32; they may not both be -2**31.
    """
    product: IntArray = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    return (product + (1 << 30)) >> 31


def rounding_shift(x: IntArray, shift: IntArray | int) -> IntArray:
    """Returns `x / 2**shift` rounded to nearest, halves away from zero, as int64; `shift >= 0` broadcasts."""
    shift = np.asarray(shift, np.int64)
    half = (np.int64(1) << shift) >> 1
    return np.asarray((x + (half - ((x < 0) & (shift > 0)))) >> shift, np.int64)


def multiply_by_quantized_multiplier(acc: IntArray, multiplier: IntArray | int, shift: IntArray | int) -> IntArray:
    """Returns `acc * multiplier * 2**(shift - 31)`, rounded, as int64.

    - acc: accumulators, in the range of int32.
    - multiplier, shift: results of `quantize_multiplier`; they broadcast, for instance over the channels.

    A left shift wraps at 32 bits, as in the C kernels.
    """
    acc, shift = np.asarray(acc, np.int64), np.asarray(shift, np.int64)
    left = np.maximum(shift, 0)
    if left.any():
        acc = (acc << left).astype(np.int32).astype(np.int64)
    return rounding_shift(rounding_high_mul(acc, np.asarray(multiplier, np.int64)), np.maximum(-shift, 0))


def reduced_multiplier(multiplier: IntArray, shift: IntArray) -> tuple[IntArray, IntArray]:
    """Returns 15-bit multipliers, and the right shifts of their products, for 64-bit sums.

    - multiplier, shift: results of `quantize_multiplier` for factors below 128.
    """
    reduced = np.minimum((np.asarray(multiplier, np.int64) + (1 << 15)) >> 16, (1 << 15) - 1)
    return reduced, 15 - np.asarray(shift, np.int64)


def multiply_by_reduced_multiplier(acc: IntArray, multiplier: IntArray | int, shift: IntArray | int) -> IntArray:
    """Returns `acc * multiplier * 2**(shift - 31)`, rounded once, halves upwards, as int64 in the range of int32.

    TFLM's kernels rescale 64-bit sums in this way.

    - acc: sums of less than 48 bits.
    - multiplier, shift: results of `quantize_multiplier` for factors below 128; they broadcast.
    """
    reduced, right = reduced_multiplier(np.asarray(multiplier), np.asarray(shift))
    product = np.asarray(acc, np.int64) * reduced + (np.int64(1) << (right - 1))
    return np.asarray(product >> right).astype(np.int32).astype(np.int64)


def round_half_away(x: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Returns the nearest integer of every value, halves away from zero, in the type of `x`, as C's `round` does."""
    whole = np.trunc(x)
    return np.asarray(whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0).astype(whole.dtype))


def quantize(x: npt.ArrayLike, quant: TensorQuant, to: Type = "int8") -> IntArray:
    """Returns the codes of real values: `round(x / scale) + zero_point`, halves away from zero, saturated.

    - x: the values. NaN gets the zero point.
    - quant: quantisation of the codes.
    - to: their type, an integer of at most 16 bits. The array has the same type, except int8 for "int4".
    """
    lo, hi = code_range(to)
    with np.errstate(over="ignore"):
        real = np.clip(np.asarray(x, np.float32) / np.float32(quant.scale), 4 * -hi, 4 * hi)  # all codes lie between
    codes = round_half_away(real) + np.float32(quant.zero_point)
    return np.asarray(np.clip(np.nan_to_num(codes, nan=quant.zero_point), lo, hi), dtype_of(to))


def dtype_of(of: Type) -> np.dtype[Any]:
    """Returns the numpy type of arrays that hold tensors of a type."""
    return np.dtype(stored(of))


def dequantize(q: npt.ArrayLike, quant: TensorQuant) -> npt.NDArray[np.float32]:
    """Returns the real values of codes: `scale * (q - zero_point)` in float32."""
    offset = np.asarray(q, np.int32) - np.int32(quant.zero_point)
    return np.asarray(np.float32(quant.scale) * offset.astype(np.float32), np.float32)


def activation_range(activation: Activation, quant: TensorQuant, of: Type = "int8") -> tuple[int, int]:
    """Returns the smallest and the largest code after a fused activation.

    - activation: the activation.
    - quant: quantisation of the output.
    - of: type of the output.
    """
    lo, hi = code_range(of)
    least, greatest = ACTIVATION_LIMITS[activation]
    if math.isfinite(least):
        lo = max(lo, _code_of(least, quant))
    return lo, min(hi, _code_of(greatest, quant)) if math.isfinite(greatest) else hi


def _code_of(real: float, quant: TensorQuant) -> int:
    """Returns the code of one real value, without saturation."""
    beyond_codes = np.float32(1 << 20)  # in place of infinity
    with np.errstate(over="ignore"):
        code = np.clip(np.float32(real) / np.float32(quant.scale), -beyond_codes, beyond_codes)
    return int(round_half_away(np.array(code))) + quant.zero_point


def pack_int4(values: npt.ArrayLike) -> bytes:
    """Returns codes in [-8, 7] packed two to a byte, in C order.

    The first code of a byte is in its low half; if the number of codes is odd, the last high half is 0. Raises
    `SpecError` for a value out of range.
    """
    flat = np.asarray(values, np.int64).ravel()
    if flat.size and (flat.min() < -8 or flat.max() > 7):
        raise SpecError(f"4-bit values must lie in [-8, 7]; these span [{flat.min()}, {flat.max()}]")
    nibbles = np.zeros(flat.size + flat.size % 2, np.uint8)
    nibbles[: flat.size] = flat & 15
    return bytes(nibbles[0::2] | nibbles[1::2] << 4)


def unpack_int4(packed: bytes | memoryview, count: int) -> npt.NDArray[np.int8]:
    """Returns the first `count` codes that `pack_int4` packed, as int8 `[count]`."""
    raw = np.frombuffer(packed, np.uint8, (count + 1) // 2)
    nibbles = np.stack([raw & 15, raw >> 4], axis=1).ravel()[:count]
    return ((nibbles ^ 8).astype(np.int8) - 8).astype(np.int8)
