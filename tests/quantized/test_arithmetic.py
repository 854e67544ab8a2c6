"""Integer arithmetic: hand-computed numbers, and a slow plain version of the fixed-point product."""

import math
import random

import numpy as np
import pytest

from micronets.errors import SpecError
from micronets.quantized.arithmetic import (
    activation_range,
    add_rescale,
    bit_range,
    conv_rescale,
    dequantize,
    mean_rescale,
    multiply_by_quantized_multiplier,
    pack_int4,
    quantize,
    quantize_multiplier,
    rescale,
    round_half_away,
    unpack_int4,
)
from micronets.quantized.model import TensorQuant


def test_bit_range() -> None:
    assert bit_range(8) == (-128, 127)
    assert bit_range(4) == (-8, 7)


@pytest.mark.parametrize(
    ("real", "multiplier", "shift"),
    [
        (0.0, 0, 0),
        (1.0, 1 << 30, 1),
        (0.5, 1 << 30, 0),
        (0.75, 3 << 29, 0),
        (6.0, 3 << 29, 3),
        (1 - 2.0**-40, 1 << 30, 1),  # rounds up to the next power of two
        (2.0**-32, 1 << 30, -31),
        (2.0**-33, 0, 0),  # too small: nothing is left
    ],
)
def test_quantize_multiplier(real: float, multiplier: int, shift: int) -> None:
    assert tuple(int(v) for v in quantize_multiplier(real)) == (multiplier, shift)


def test_quantize_multiplier_takes_arrays() -> None:
    multipliers, shifts = quantize_multiplier(np.array([0.5, 6.0]))
    assert multipliers.tolist() == [1 << 30, 3 << 29]
    assert shifts.tolist() == [0, 3]


def test_rescale_by_hand() -> None:
    """Scales are powers of two, and so are their ratios: 0.5 over 2.0 is 2**-2, a fraction of 0.5 times 2**-1."""
    assert tuple(int(v) for v in rescale(TensorQuant(0.5, 3), TensorQuant(2.0, -7))) == (1 << 30, -1)
    multiplier, shift = conv_rescale(TensorQuant(0.5, 3), np.array([1.0, 3.0], np.float32), TensorQuant(2.0, -7))
    assert (multiplier.tolist(), shift.tolist()) == ([1 << 30, 3 << 29], [-1, 0])
    assert mean_rescale(4, TensorQuant(1.0, 0), TensorQuant(1.0, 0)) == (1 << 30, -1)
    found = add_rescale(TensorQuant(1.0, 0), TensorQuant(0.5, 0), TensorQuant(2.0, 0))
    assert [(int(m), int(s)) for m, s in found] == [(1 << 30, 0), (1 << 30, -1), (1 << 30, -19)]


def test_scales_are_rounded_to_float32_before_anything_else() -> None:
    third = TensorQuant(1 / 3, 0)  # its float32 is 2**-25 / 3 more
    assert tuple(int(v) for v in rescale(third, TensorQuant(1.0, 0))) == (int(np.float32(1 / 3) * 2.0**32), -1)
    [multiplier], [shift] = conv_rescale(third, np.array([1.0], np.float32), TensorQuant(1.0, 0))
    assert (int(multiplier), int(shift)) == (int(np.float32(1 / 3) * 2.0**32), -1)


def plain_product(acc: int, multiplier: int, shift: int) -> int:
    """Returns the product as it is defined: a doubling high multiplication that truncates, then a rounding shift."""
    acc = (acc << max(shift, 0)) + 2**31 & 2**32 - 1
    acc -= 2**31
    product = acc * multiplier
    nudged = product + (1 << 30 if product >= 0 else 1 - (1 << 30))
    high = abs(nudged) // 2**31 * (1 if nudged >= 0 else -1)
    right = max(-shift, 0)
    return int(math.copysign(math.floor(abs(high) / 2**right + 0.5), high))


def test_multiply_equals_the_plain_product() -> None:
    rng = random.Random(5)
    for _ in range(3000):
        acc = rng.choice((rng.randrange(-(2**31), 2**31), rng.randrange(-3000, 3000), -(2**31), 2**31 - 1))
        multiplier, shift = rng.randrange(2**30, 2**31), rng.randrange(-31, 4)
        assert int(multiply_by_quantized_multiplier(np.array(acc), multiplier, shift)) == plain_product(
            acc, multiplier, shift
        )


def test_multiply_rounds_twice() -> None:
    # 1 / 4: the high half rounds 0.5 up to 1, the shift rounds 0.5 away from zero to 1; -1 / 4: -0.5 up to 0, and 0.
    acc = np.array([-6, -3, -2, -1, 0, 1, 2, 3, 6])
    quarter = multiply_by_quantized_multiplier(acc, *quantize_multiplier(0.25))
    assert quarter.tolist() == [-2, -1, -1, 0, 0, 1, 1, 1, 2]


def test_multiply_broadcasts_per_channel() -> None:
    out = multiply_by_quantized_multiplier(np.full((2, 3), 100), *quantize_multiplier([0.1, 1.0, 2.0]))
    assert out.tolist() == [[10, 100, 200]] * 2


def test_round_half_away() -> None:
    x = np.array([-2.5, -0.5, 0.5, 1.5, 0.49999997, -1.2], np.float32)
    assert round_half_away(x).tolist() == [-3, -1, 1, 2, 0, -1]


def test_quantize_rounds_and_saturates() -> None:
    q = TensorQuant(0.5, 10)
    assert quantize([0, 0.25, -0.25, 1e9, -1e9, 3.1], q).tolist() == [10, 11, 9, 127, -128, 16]
    assert quantize([0, 100], TensorQuant(0.5, -8), "int4").tolist() == [-8, 7]
    assert quantize([0.5], q).dtype == np.int8


def test_dequantize_inverts_quantize() -> None:
    q = TensorQuant(0.25, -3)
    codes = np.arange(-128, 128, dtype=np.int8)
    assert np.array_equal(quantize(dequantize(codes, q), q), codes)
    assert dequantize([-3, 1], q).tolist() == [0.0, 1.0]


def test_activation_range() -> None:
    q = TensorQuant(6 / 255, -128)
    assert activation_range("none", q) == (-128, 127)
    assert activation_range("relu", TensorQuant(0.1, 5)) == (5, 127)
    assert activation_range("relu6", q) == (-128, 127)
    assert activation_range("relu6", TensorQuant(0.1, 5)) == (5, 65)
    assert activation_range("relu6", TensorQuant(0.4, -8), "int4") == (-8, 7)
    assert activation_range("relu6", TensorQuant(0.4, -8)) == (-8, 7)  # in an int8 container the clamp does it


def test_int4_packing_by_hand() -> None:
    assert pack_int4([1, -1, 7]) == bytes([0xF1, 0x07])
    assert unpack_int4(bytes([0xF1, 0x07]), 3).tolist() == [1, -1, 7]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 64])
def test_int4_packing_inverts(count: int) -> None:
    values = np.random.default_rng(count).integers(-8, 8, count).astype(np.int8)
    assert np.array_equal(unpack_int4(pack_int4(values), count), values)


def test_int4_packing_refuses_large_values() -> None:
    with pytest.raises(SpecError, match=r"4-bit values must lie in \[-8, 7\]; these span \[0, 8\]"):
        pack_int4([0, 8])
