"""Weights in the order of the convolutions' kernels."""

import numpy as np
import pytest

from micronets.boards.targets import DSP
from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.requantise import pack
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected


def test_one_group_by_hand() -> None:
    """Four filters of five values make the pairs (0, 2), (1, 3) and (4, nothing).

    A -1 in the lower half of a word borrows from the upper half.
    """
    rows = np.array([[1, 2, 3, 4, 5], [10, 20, 30, 40, 50], [-1, 0, 0, 0, 0], [7, 0, 0, 0, -9]], np.int8)
    found = conv_weights.words(rows)
    assert found.shape == (1, 3, 2)
    halves = [
        [(1 + 2560, 3 + 30 * 256), (7 * 256 - 1, 0)],
        [(2 + 5120, 4 + 40 * 256), (0, 0)],
        [(5 + 50 * 256, 0), (-9 * 256, 0)],
    ]
    expected = [[(low & 0xFFFF) | high << 16 for low, high in pair] for pair in halves]
    assert found[0].tolist() == expected


def test_four_filters_of_four_bits_by_hand() -> None:
    """The pairs of five values are (0, 2), (1, 3) and (4, nothing); a half is e + 16 f + 256 g + 4096 h."""
    rows = np.array([[1, 2, 3, 4, 5], [-1, 0, 0, 7, 0], [0, -8, 0, 0, 0], [7, 0, -7, 0, 0]], np.int8)
    halves = [(1 - 16 + 7 * 4096, 3 - 7 * 4096), (2 - 8 * 256, 4 + 7 * 16), (5, 0)]
    assert conv_weights.words_of_four(rows).tolist() == [
        [(low & 0xFFFF) | (high & 0xFFFF) << 16 for low, high in halves]
    ]
    eights = 8 * (1 + 16 + 256)
    biased = [(low + eights, high + eights) for low, high in halves]
    found = conv_weights.dense_words_of_four(rows)
    assert found.tolist() == [[(low & 0xFFFF) | (high & 0xFFFF) << 16 for low, high in biased]]


def test_what_sixteen_bits_of_four_filters_cannot_hold() -> None:
    assert conv_weights.suits_four(np.array([[-8], [7], [-7], [-7]], np.int8))
    assert conv_weights.suits_four(np.array([[0], [-8], [0], [7]], np.int8))
    assert not conv_weights.suits_four(np.array([[-1], [-8], [0], [7]], np.int8)), "-129 needs more than 8 bits"
    assert not conv_weights.suits_four(np.array([[0], [-1], [-8], [0]], np.int8))
    assert not conv_weights.suits_four(np.array([[0], [0], [-1], [-8]], np.int8))
    assert conv_weights.suits_four(np.full((4, 548), 7, np.int8)), "3836 in each filter"
    assert not conv_weights.suits_four(np.full((4, 549), 7, np.int8))
    assert not conv_weights.sums_suit_four(np.full((4, 549), 7, np.int8))


def test_what_is_left_of_lines_by_hand() -> None:
    """Lines of five: the last values of the first two, that of the third, then the fours of each."""
    values = np.arange(1, 16, dtype=np.int8)[None]
    low = conv_weights.words(values, lines=3)[0, :, 0]
    pairs = [(5, 10), (15, 0), (1, 3), (2, 4), (6, 8), (7, 9), (11, 13), (12, 14)]
    assert low.tolist() == [a | b << 16 for a, b in pairs]
    low = conv_weights.words(values[:, :6], lines=2)[0, :, 0]
    assert low.tolist() == [a | b << 16 for a, b in [(3, 6), (1, 2), (4, 5)]]


@pytest.mark.parametrize("lines", [1, 2, 3, 4])
@pytest.mark.parametrize("count", range(1, 10))
def test_every_weight_of_lines_is_in_its_place(count: int, lines: int) -> None:
    rows = np.random.default_rng([count, lines]).integers(-127, 128, (3, count * lines)).astype(np.int8)
    assert np.array_equal(conv_weights.rows_of(conv_weights.words(rows, lines), 3, count * lines, lines), rows)


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize("filters", range(1, 6))
def test_every_weight_is_in_its_place(filters: int, size: int) -> None:
    rng = np.random.default_rng([filters, size])
    rows = rng.integers(-127, 128, (filters, size)).astype(np.int8)
    assert np.array_equal(conv_weights.rows_of(conv_weights.words(rows), filters, size), rows)
    few = rng.integers(-8, 8, (filters, size)).astype(np.int8)
    assert np.array_equal(digits_of(conv_weights.dense_words_of_four(few), [8, 8, 8, 0]), in_order(few))
    assert np.array_equal(
        digits_of(conv_weights.words_of_four(np.maximum(few, -7)), [0] * 4), in_order(np.maximum(few, -7))
    )


def digits_of(words: np.ndarray, more: list[int]) -> np.ndarray:
    """Returns what stands in the words `[groups, pairs]`, less `more` for each filter: `[filters, 2 * pairs]`."""
    halves = np.stack([words & 0xFFFF, words >> 16], -1).astype(np.uint16).view(np.int16).astype(np.int64)
    found = []
    for add in more:
        digit = ((halves + 8 - add) % 16) - 8
        found.append(digit)
        halves = (halves - add - digit) // 16
    assert not halves.any()
    return np.stack(found, 1).reshape(4 * len(words), -1)


def in_order(rows: np.ndarray) -> np.ndarray:
    """Returns weights `[filters, size]` in the order in which `words` has them, padded to fours and pairs."""
    padded = np.zeros((-(-len(rows) // 4) * 4, rows.shape[1]), np.int8)
    padded[: len(rows)] = rows
    halves = conv_weights.words(padded)
    both = np.stack([halves & 0xFFFF, halves >> 16], -1).astype(np.uint16).view(np.int16).astype(np.int64)
    low = both.astype(np.int8)
    pairs = np.stack([low, (both - low) >> 8], -1)  # [groups, pairs, two filters, value, which filter of the two]
    return pairs.transpose(0, 2, 4, 1, 3).reshape(len(padded), -1)


def test_eights_are_the_words_of_two_fours() -> None:
    rows = np.random.default_rng(0).integers(-127, 128, (16, 8)).astype(np.int8)
    found, fours = conv_weights.words_by8(rows), conv_weights.words(rows)
    assert found.shape == (2, 4, 4)
    for k in range(2):
        assert np.array_equal(found[k, :, :2], fours[2 * k])
        assert np.array_equal(found[k, :, 2:], fours[2 * k + 1])
    few = rows % 15 - 7
    found, fours = conv_weights.dense_words_of_four_by8(few), conv_weights.dense_words_of_four(few)
    assert np.array_equal(found, np.stack([fours[0::2], fours[1::2]], -1))


def test_what_the_order_cannot_hold() -> None:
    assert conv_weights.suits(np.full((4, 516), 127, np.int8))
    assert not conv_weights.suits(np.full((4, 517), 127, np.int8))
    assert conv_weights.suits(np.array([[-128]], np.int8))
    assert conv_weights.holds(np.array([[0], [-128]], np.int8))
    assert not conv_weights.holds(np.array([[-1], [-128]], np.int8))
    assert conv_weights.holds(np.full((4, 517), 127, np.int8))


def test_scratch_by_hand() -> None:
    def scratch(shape: tuple[int, ...], layer: Conv2D | FullyConnected) -> int:
        return choose_all(Arch(shape, (layer,)), DSP)[0].scratch_bytes

    one = {"name": "y", "inputs": (INPUT,)}
    assert scratch((3, 3, 5), Conv2D(**one, filters=4, kernel=(1, 1))) == 2 * 3 * 4
    assert scratch((1, 1, 5), Conv2D(**one, filters=4, kernel=(1, 1))) == 0
    assert scratch((4, 4, 4), Conv2D(**one, filters=4, kernel=(3, 3))) == 2 * 18 * 4
    strip = 3 * 6 * 3 + 2  # a line of four windows, to whole words
    assert scratch((4, 4, 3), Conv2D(**one, filters=4, kernel=(3, 3))) == 2 * 14 * 4 + 2 * strip
    assert scratch((4, 4, 3), Conv2D(**one, filters=4, kernel=(3, 3), padding="valid")) == 2 * 14 * 4
    assert scratch((4, 16, 3), Conv2D(**one, filters=4, kernel=(3, 3))) == 2 * 14 * 4 + 2 * 28  # one window
    assert scratch((4, 4, 3), Conv2D(**one, filters=4, kernel=(3, 3), dilation=(1, 2))) == 2 * 14 * 4 + 2 * 28
    assert scratch((4, 4, 4), Conv2D(**one, filters=4, kernel=(3, 3), weight_bits=4)) == 2 * 18 * 4
    assert scratch((7,), FullyConnected(**one, units=4)) == 0
    assert scratch((7,), FullyConnected(**one, units=4, weight_bits=4)) == 0


def test_quick_tables_by_hand() -> None:
    numbers = [np.array(v) for v in ([5, -6, 7], [2**30, 2**31 - 1, 0], [-1, -31, 3])]
    found = pack(*numbers)
    assert found is not None
    nothing = (-(2**31), 7 * 256 + 31)  # a multiplier of 0
    assert found[0].tolist() == [5 * 256 + 1, -6 * 256 + 31, nothing[1], 31]
    assert found[1].tolist() == [-(2**31), -2, nothing[0], -(2**31)]
    assert pack(np.array([2**23]), np.array([2**30]), np.array([-1])) is None
    assert pack(np.array([0]), np.array([2**30]), np.array([0])) is None
