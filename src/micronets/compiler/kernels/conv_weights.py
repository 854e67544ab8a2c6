"""Weights in the order in which the kernels of convolutions and dense layers read them (micronets_im2col.h).

Two weights f and g of two filters share 16 bits as f + 256 g, so that one multiplication serves both; two such halves,
for a pair of input values, make a word. Four filters go together. 4-bit weights of four filters share 16 bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from micronets.quantized.arithmetic import IntArray

FILTER_SUM_LIMIT = 2**23
"""The magnitude that sums without bias must stay below, as the sum of every second filter has 24 bits."""


FOUR_BITS_SUM_LIMIT = 3840
"""The most that the magnitudes of a filter's 4-bit weights may add up to (micronets_im2col.h)."""

_PLACES = np.array([1, 16, 256, 4096])
"""What the weights of four filters that share 16 bits are multiplied with."""


def holds(rows: IntArray) -> bool:
    """Returns whether two weights of `[filters, size]` can share 16 bits: f + 256 g overflows if g = -128 and f < 0."""
    w = _in_pairs(rows).astype(np.int64)
    return bool((w[..., 0] + 256 * w[..., 1]).min() >= -(2**15))


def suits(rows: IntArray) -> bool:
    """Returns whether weights `[filters, size]` can share 16 bits in pairs, and their sums with any input 32 bits."""
    magnitudes = np.abs(rows.astype(np.int64)).sum(axis=1)
    return holds(rows) and bool(magnitudes.max() * 128 < FILTER_SUM_LIMIT)


def suits_four(rows: IntArray) -> bool:
    """Returns whether weights `[filters, size]` of 4 bits can share 16 bits by fours, and their sums with any input 32.

    A weight of -8 can stand only above lower digits that are together not negative.
    """
    digits = _in_fours(rows)
    prefixes = np.cumsum(digits * _PLACES, axis=-1)
    fits = (prefixes >= -8 * _PLACES) & (prefixes < 8 * _PLACES)
    return bool(fits.all()) and sums_suit_four(rows)


def sums_suit_four(rows: IntArray) -> bool:
    """Tells of weights `[filters, size]` of 4 bits whether the kernels' sums with any input fit 32 bits."""
    return bool(np.abs(rows.astype(np.int64)).sum(axis=1).max() <= FOUR_BITS_SUM_LIMIT)


def fitting(rows: IntArray) -> npt.NDArray[np.bool_]:
    """Tells of each of `[filters, size]` whether its weights are int8 and its sums with any input have 24 bits."""
    w = rows.astype(np.int64)
    codes = (w == w.astype(np.int8)).all(axis=1)
    return np.asarray(codes & (np.abs(w).sum(axis=1) * 128 < FILTER_SUM_LIMIT))


def clashing(rows: IntArray) -> npt.NDArray[np.bool_]:
    """Tells of each filter of `[filters, size]`, int8, whether it is the second of two that cannot share 16 bits."""
    w = rows.astype(np.int64)
    second = np.zeros(len(w), np.bool_)
    first, second_rows = w[: len(w) // 2 * 2 : 2], w[1::2]
    second[1::2] = ((first + 256 * second_rows) < -(2**15)).any(axis=1)
    return second


def column_words(rows: IntArray, lines: int | None = None) -> npt.NDArray[np.uint32]:
    """Returns weights `[filters, size]` of 16 bits as words `[filters, pairs]`, each a pair in the order of a column.

    - rows: the weights.
    - lines: see `words`.
    """
    padded = np.pad(rows.astype(np.int64), ((0, 0), (0, 1)))[:, _order(rows.shape[1], lines)] & 0xFFFF
    return np.asarray(padded[:, 0::2] | padded[:, 1::2] << 16, np.uint32)


def words(rows: IntArray, lines: int | None = None) -> npt.NDArray[np.uint32]:
    """Returns weights as words `[filters / 4, pairs, 2]`.

    - rows: weights `[filters, size]` of 8 bits for which `holds` is true.
    - lines: how many rows a window has, for the kernel `micronets_conv`, which orders what is left of each row where
      its values are no multiple of four; None for the other kernels.
    """
    w = _in_pairs(rows, lines).astype(np.int64)
    halves = (w[..., 0] + 256 * w[..., 1]) & 0xFFFF  # [groups, pairs, which two filters, value of the pair]
    return np.asarray(halves[..., 0] | halves[..., 1] << 16, np.uint32)


def words_by8(rows: IntArray) -> npt.NDArray[np.uint32]:
    """Returns weights `[filters, size]` as words `[filters / 8, pairs, 4]`; the filters are a multiple of eight."""
    by4 = words(rows)
    return by4.reshape(-1, 2, *by4.shape[1:]).transpose(0, 2, 1, 3).reshape(-1, by4.shape[1], 4)


def words_of_four(rows: IntArray, lines: int | None = None) -> npt.NDArray[np.uint32]:
    """Returns 4-bit weights as words `[filters / 4, pairs]`, each of four filters and a pair of values.

    - rows: weights `[filters, size]` for which `suits_four` is true.
    - lines: see `words`.
    """
    return _halves_together(_in_fours(rows, lines) @ _PLACES)


def dense_words_of_four(rows: IntArray) -> npt.NDArray[np.uint32]:
    """Returns 4-bit weights `[filters, size]` as words `[filters / 4, pairs]` for micronets_dot_by4_s4.h.

    The weights of the first three of four filters are 8 larger, so that they have no sign.
    """
    return _halves_together((_in_fours(rows) + np.array([8, 8, 8, 0])) @ _PLACES)


def dense_words_of_four_by8(rows: IntArray) -> npt.NDArray[np.uint32]:
    """Returns the words of `dense_words_of_four` as `[filters / 8, pairs, 2]`; the filters are a multiple of eight."""
    by4 = dense_words_of_four(rows)
    return by4.reshape(-1, 2, by4.shape[1]).transpose(0, 2, 1)


def _halves_together(halves: IntArray) -> npt.NDArray[np.uint32]:
    """Returns words of halves `[filters / 4, pairs, 2]`, the first of which are the low ones."""
    return np.asarray(halves[..., 0] & 0xFFFF | (halves[..., 1] & 0xFFFF) << 16, np.uint32)


def _in_fours(rows: IntArray, lines: int | None = None) -> npt.NDArray[np.int64]:
    """Returns weights `[filters, size]` as `[filters / 4, pairs, 2, 4]`.

    The last two axes are which value of the pair and which filter.
    """
    w = _in_pairs(rows, lines).astype(np.int64)  # [groups, pairs, which two filters, value of the pair, which of two]
    return w.transpose(0, 1, 3, 2, 4).reshape(len(w), w.shape[1], 2, 4)


def rows_of(ordered: npt.NDArray[np.uint32], filters: int, size: int, lines: int | None = None) -> npt.NDArray[np.int8]:
    """Returns the weights, int8 `[filters, size]`, from which `words` makes given words.

    - ordered: the words, `[filters / 4, pairs, 2]`; the division rounds up.
    - filters: how many filters there are.
    - size: how many weights a filter has.
    - lines: the `lines` that `words` was called with.
    """
    halves = np.stack([ordered & 0xFFFF, ordered >> 16], -1).astype(np.uint16).view(np.int16).astype(np.int64)
    low = halves.astype(np.int8)
    w = np.stack([low, (halves - low) >> 8], -1)  # [groups, pairs, two filters, value, which filter of the two]
    w = w.transpose(0, 2, 4, 1, 3).reshape(4 * len(ordered), -1)
    back = np.zeros((len(w), size + 1), np.int8)
    back[:, _order(size, lines)] = w
    return back[:filters, :size]


def pairs(size: int) -> int:
    """Returns how many pairs of values an im2col buffer of `size` values for a pixel has."""
    return (size + 1) // 2


def _order(size: int, lines: int | None) -> npt.NDArray[np.int64]:
    """Returns the number of the window's value at each place of a pixel's im2col buffer, `[2 * pairs]`.

    - size: how many values a window has; in the result, this number stands for a place that holds 0.
    - lines: the `lines` of `words`.
    """
    count, found = size // (lines or 1), []
    last = [*range(count - 1, size, count)] if count % 2 else []
    last += [size] * (len(last) % 2)
    whole = count // 4 * 4
    for first in range(0, size, count):
        by4 = np.arange(first, first + whole).reshape(-1, 4)[:, [0, 2, 1, 3]].ravel()
        found += [*by4.tolist(), *range(first + whole, first + count // 2 * 2)]
    return np.array(last + found if lines else found + last, np.int64)


def _in_pairs(rows: IntArray, lines: int | None = None) -> IntArray:
    """Returns weights `[filters, size]` as `[filters / 4, pairs, 2, 2, 2]`.

    The last three axes are which two of the four filters, which value of the pair, and which of the two filters.
    """
    filters, size = rows.shape
    padded = np.pad(rows, ((0, -filters % 4), (0, 1)))
    return padded[:, _order(size, lines)].reshape(-1, 2, 2, pairs(size), 2).transpose(0, 3, 1, 4, 2)


def weights_bytes(weight_bits: int, filters: int, size: int) -> int:
    """Returns the bytes of the words of weights.

    - weight_bits: bits of a weight, 4 or 8.
    - filters: how many filters there are.
    - size: how many weights a filter has.
    """
    return -(-filters // 4) * pairs(size) * (4 if weight_bits == 4 else 8)
