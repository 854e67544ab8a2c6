"""Filters that a layer's quick kernel cannot hold: the layer keeps that kernel, and they are computed separately.

A quick kernel holds biases of 24 bits, scales below one half and sums of 24 bits (`conv_weights`, `requantise.pack`).
Where a few filters are beyond that, they get zeros in the kernel's tables, and a second function computes them one by
one from the same im2col columns, or from the vector that a dense layer reads, in 32 bits and with tables of any form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.base import Place, Struct
from micronets.compiler.kernels.requantise import Requantisation, RequantNumbers, requantisation_of
from micronets.quantized.arithmetic import IntArray

ODD_FILTERS = "micronets_odd_filters"
ODD_MULTIPLY = "micronets_odd_multiply"

MOST_ODD, MOST_CLASHING = 8, 2
"""One of this many filters at most is computed separately, which takes 2.4 times the cycles of another filter; with
more, the kernel for large sums is quicker, which takes 1.3 to 1.5 times the cycles for all filters. The second number
is for weights that clash or are no int8: for these there is only `micronets_conv_any`, which takes 2 to 3 times the
cycles."""


@dataclass(frozen=True, eq=False)
class Divided:
    """The filters of a layer, divided into those of its quick kernel and the odd ones.

    - rows: weights `[filters, size]`, int8, with zeros for the odd filters.
    - requant: the requantisation of all filters; odd ones get any code.
    - odd: a `micronets_odd_filters` that gives the others.
    """

    rows: npt.NDArray[np.int8]
    requant: Requantisation
    odd: Struct


def divide(
    place: Place, rows: IntArray, numbers: RequantNumbers, lines: int | None, *, by_bytes: bool = False
) -> Divided | None:
    """Returns the filters of a layer divided; None where too many are odd.

    - place: the source of the names of tables.
    - rows: weights `[filters, size]`, less their zero point.
    - numbers: those of the requantisation, with a multiplier for each filter.
    - lines: see `conv_weights.words`.
    - by_bytes: whether weights of odd filters are bytes, each filter filled up to a word, and not pairs of 16 bits in
      the order of im2col columns.
    """
    odd = ~numbers.packable | ~conv_weights.fitting(rows)
    kept = np.where(odd[:, None], 0, rows)
    odd |= conv_weights.clashing(kept)
    slowest = not conv_weights.holds(rows) if (rows == rows.astype(np.int8)).all() else True
    if not 0 < odd.sum() <= len(rows) // (MOST_CLASHING if slowest else MOST_ODD):
        return None
    apart = np.flatnonzero(odd)
    tables = requantisation_of(place, numbers.of(apart), packed_limit=0, prefix="odd_")
    words = _byte_words(rows[apart]) if by_bytes else conv_weights.column_words(rows[apart], lines)
    struct = Struct(
        ODD_FILTERS,
        (
            ("weights", place.table("uint32_t", "odd_weights", words)),
            ("channels", place.table("uint16_t", "odd_channels", apart)),
            ("count", len(apart)),
            ("requant", tables.struct),
        ),
    )
    bias, multiplier, largest = (np.where(odd, 0, v) for v in (numbers.bias, numbers.multiplier, numbers.largest))
    of_others = replace(numbers, bias=bias.astype(np.int32), multiplier=multiplier, largest=largest)
    requant = requantisation_of(place, of_others)
    return Divided(np.where(odd[:, None], 0, rows).astype(np.int8), requant, struct)


def _byte_words(rows: IntArray) -> npt.NDArray[np.uint32]:
    """Returns weights `[filters, size]` as words of four bytes, `[filters, size / 4]`; the division rounds up."""
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).astype(np.int8)
    return np.ascontiguousarray(padded).view("<u4")
