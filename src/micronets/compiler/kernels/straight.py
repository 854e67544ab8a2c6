"""Requantisation in one multiplication and one shift, for outputs that a rectifier ends at the code -128.

TFLM rounds twice: at the high half of a product, and at the shift behind it. Seen from outside, the code of a filter is
a staircase over its sums, and where no negative value leaves the clamp, its steps lie almost evenly. So they are those
of one straight line, too: code = (256 * sum + bias) * multiplier >> 32 >> shift, saturated, if its two numbers are
chosen well. The compiler looks for such numbers and proves them step by step, for all sums that the weights can give.
Only where it finds some for each filter of a layer, the layer takes tables of this form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels.base import Place, Struct
from micronets.compiler.kernels.requantise import REQUANT, Requantisation, RequantNumbers, shiftable
from micronets.compiler.limits import STRAIGHT
from micronets.quantized.arithmetic import IntArray

FRACTION_BITS = 8
"""Bits by which a sum is shifted to the left, so that its bias has a fraction."""

_LEAST, _MOST = -128, 127  # the codes
_NONE = 2**40  # a step that no sum reaches
_TRIES = 96  # how many multipliers on both sides of the nearest one are tried
_SPREAD = 2.0**-15  # the most that a multiplier may differ from the scale


@dataclass(frozen=True, eq=False)
class _Stairs:
    """The steps of the codes of filters over the sums of their products, without bias.

    - first: the least sum with at least that code, `[filters, 255]`, for the codes -127 .. 127.
    - low, high: the least and the greatest sum that the weights can give, `[filters]`.
    - scale: how many codes a sum of 1 is, `[filters]`.
    """

    first: IntArray
    low: IntArray
    high: IntArray
    scale: npt.NDArray[np.float64]

    def of(self, filters: IntArray) -> _Stairs:
        """Returns the steps of some filters, by their indices."""
        return _Stairs(self.first[filters], self.low[filters], self.high[filters], self.scale[filters])


def straight_requantisation(place: Place, numbers: RequantNumbers, rows: IntArray, shift: int) -> Requantisation | None:
    """Returns the requantisation of a layer by straight lines; None where it has other limits or no lines are exact.

    - place: the source of the table's name.
    - numbers: those of the layer, with a multiplier for each filter.
    - rows: weights `[filters, weights of a filter]`, less their zero point.
    - shift: the last shift of the kernel, one of those in `compiler/limits.py`.
    """
    if numbers.target.zero_point != _LEAST or numbers.limits != (_LEAST, _MOST):
        return None
    words = straight_lines(numbers, rows, shift)
    if words is None:
        return None
    table = place.table("int32_t", "bias", np.pad(words, ((0, -len(words) % 4), (0, 0))))
    struct = Struct(
        REQUANT,
        (
            ("bias", table),
            ("multiplier", table),
            ("lowest", 0),
            ("highest", _MOST - _LEAST),
            ("zero_point", _LEAST),
            ("per_channel", STRAIGHT),
            ("shift_count", 0),
        ),
    )
    return Requantisation((table, table), struct, True, int(numbers.largest.max()))


def straight_lines(numbers: RequantNumbers, rows: IntArray, shift: int) -> IntArray | None:
    """Returns exact biases and multipliers `[filters, 2]` for `straight_requantisation`; None where a filter has none.

    numbers, rows, shift: see there.
    """
    stairs = _stairs(numbers, rows)
    if stairs is None:
        return None
    nearest = np.rint(stairs.scale * 2.0 ** (32 + shift - FRACTION_BITS))
    if nearest.max() >= 2**31:
        return None
    words = _biases(stairs, nearest.astype(np.int64)[:, None], shift)
    for filter_ in np.flatnonzero(words[:, 1] == 0):
        room = max(float(nearest[filter_]) * _SPREAD, _TRIES)
        distances = np.unique(np.rint(np.geomspace(1, room, _TRIES)).astype(np.int64))
        tries = int(nearest[filter_]) + np.stack([distances, -distances], 1).ravel()
        found = _biases(stairs.of(np.array([filter_])), tries[None], shift)
        if not found[0, 1]:
            return None
        words[filter_] = found[0]
    return words


def _stairs(numbers: RequantNumbers, rows: IntArray) -> _Stairs | None:
    """Returns the steps of filters; None where a scale is one half or more."""
    multiplier, shift = shiftable(numbers.multiplier, numbers.shift)
    if int(shift.max()) > -1:
        return None
    multiplier, right = multiplier.astype(np.int64), -shift.astype(np.int64)
    codes = np.arange(1, _MOST - _LEAST + 1)
    # The high half of the product of a sum and the multiplier must be so large; with 2^31, no sum of 32 bits is enough.
    halves = np.minimum((codes << right[:, None]) - (1 << (right[:, None] - 1)), 2**31)
    totals = -((2**30 - halves * 2**31) // np.maximum(multiplier, 1)[:, None])
    first = np.where(multiplier[:, None] == 0, _NONE, totals) - numbers.bias.astype(np.int64)[:, None]
    w = rows.astype(np.int64)
    low, high = np.minimum(-128 * w, 127 * w).sum(axis=1), np.maximum(-128 * w, 127 * w).sum(axis=1)
    return _Stairs(first, low, high, multiplier * 0.5 ** (31.0 + right))


def _biases(stairs: _Stairs, multipliers: IntArray, shift: int) -> IntArray:
    """Returns a bias and a multiplier for each filter, `[filters, 2]`, the multiplier 0 where none is exact.

    - stairs: the steps of the filters.
    - multipliers: those to try, `[filters, tries]`.
    - shift: the last shift.
    """
    # A multiplier must not be so small that its bias exceeds 32 bits.
    tried = np.clip(multipliers, 2 ** (shift + 9), 2**31 - 1)[:, :, None]
    codes = np.arange(_LEAST + 1, _MOST + 1, dtype=np.int64)
    reached = -((-codes << (32 + shift)) // tried)  # 256 * sum + bias must be at least that for a code
    first, low, high = stairs.first[:, None], stairs.low[:, None, None], stairs.high[:, None, None]
    # A step that all sums have climbed needs to be right for the least of them, one that none climbs for the greatest.
    least = np.where(first <= high, reached - np.maximum(first, low) * 2**FRACTION_BITS, -(2**62)).max(axis=2)
    most = np.where(first > low, reached - 1 - np.minimum(first - 1, high) * 2**FRACTION_BITS, 2**62).min(axis=2)
    bias = np.where(least == -(2**62), most, np.where(most == 2**62, least, (least + most) // 2))
    ends = np.stack([bias + (stairs.low * 2**FRACTION_BITS)[:, None], bias + (stairs.high * 2**FRACTION_BITS)[:, None]])
    exact = (least <= most) & (np.abs(ends) < 2**31).all(axis=0) & (np.abs(bias) < 2**31)
    best = exact.argmax(axis=1)
    at = np.arange(len(best)), best
    return np.where(exact[at][:, None], np.stack([bias[at], tried[:, :, 0][at]], 1), 0)
