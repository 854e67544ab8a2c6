"""Numbers on which the compiler (Python) and its kernels (C) must agree; this module is their only source.

The kernels get them from csrc/include/micronets_limits.h, which holds what `header_text` returns. After a change here,
write that file again with

    python -c "from micronets.compiler import limits; limits.write_header()"

When micronets_kernels.h is compiled for a machine with pointers of 32 bits, the C compiler compares the sizes of
structs with those here, and refuses one that differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

HEADER = "include/micronets_limits.h"

STRIP_BYTES = 160
"""Largest strip, in bytes, for which `micronets_conv` gathers a whole line of windows and not one window at a time."""

CHANNEL_WORDS = 6
"""Words of `micronets_channel_constants` in front of the packed weights of a channel."""

LEAST_SHIFT = -22
"""Least shift of a requantisation with which the depthwise kernels that multiply pairs of values can work: the zero
point, shifted to the left by as many bits, then leaves room in 32 bits for a sum."""

STRAIGHT = 2
"""The field `per_channel` of a requantisation whose table is straight (compiler/kernels/straight.py)."""

STRAIGHT_SHIFT = 10
"""The last shift of a requantisation by a straight table, in convolutions with 8-bit weights: for scales below 2^-3. A
larger shift is exact for smaller scales, but excludes larger ones."""

STRAIGHT_COARSE_SHIFT = 8
"""The last shift in convolutions with 4-bit weights and in depthwise layers, whose scales are larger as their sums are
smaller: for scales below 1/2."""

DIRECT_ROW = 16
"""Least values of a window's row for which `micronets_conv_bytes` reads windows inside the map where they lie.

It copies windows of shorter rows, those of two pixels at a time.
"""

MOST_VALUES, MOST_VALUES_S4 = 5632, 4096
"""Most values of a window for which the matrix product of convolutions can count its rounds, with 8-bit weights
and with 4-bit ones; the second number holds for dense layers whose outputs are computed eight at a time, too."""

STRUCT_BYTES: Mapping[str, int] = MappingProxyType(
    {
        "micronets_window": 32,
        "micronets_requant": 16,
        "micronets_odd_filters": 28,
        "micronets_depthwise_schedule": 16,
        "micronets_add_params": 28,
        "micronets_pad_params": 28,
        "micronets_reduction": 48,
        "micronets_matrices": 32,
        "micronets_matrix": 24,
        "micronets_svdf": 48,
        "micronets_lstm": 216,
        "micronets_copy_params": 48,
        "micronets_total": 16,
        "micronets_smoothing": 24,
        "micronets_patch": 10,
        "micronets_patch_run": 4,
        "micronets_broadcast": 48,
        "micronets_requant_s16": 20,
        "micronets_operands_s16": 32,
        "micronets_compared": 24,
        "micronets_selection": 68,
    }
)
"""Bytes, by C type, of the constants that a generated model.c holds, on a machine with pointers of 32 bits."""

_ADD_OPERAND = ("int32_t", "int8_t", "int8_t")

STRUCT_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "micronets_window": (*("uint16_t",) * 14, "int16_t", "uint16_t"),
        "micronets_requant": (
            "const int32_t *",
            "const int32_t *",
            "int16_t",
            "int16_t",
            "int8_t",
            "int8_t",
            "uint16_t",
        ),
        "micronets_depthwise_schedule": ("uint16_t",) * 8,
        "micronets_add_params": (*_ADD_OPERAND * 3, "int16_t", "int16_t"),
        "micronets_pad_params": (*("int32_t",) * 3, *("uint16_t",) * 6, "int8_t"),
    }
)
"""The C types of the numbers in some of these structs, in order: of those that may be made on the stack."""

_HEADER = """\
/* Numbers on which the compiler and the kernels must agree. Written by micronets.compiler.limits: change them there. */
#ifndef MICRONETS_LIMITS_H
#define MICRONETS_LIMITS_H

/* Largest strip in which micronets_conv gathers a whole line of windows and not one window at a time. */
#define MICRONETS_STRIP_BYTES {strip}

/* Words of micronets_channel_constants in front of the packed weights of a channel. */
#define MICRONETS_CHANNEL_WORDS {words}

/* Least shift of a requantisation with which the depthwise kernels that multiply pairs of values can work. */
#define MICRONETS_LEAST_SHIFT ({shift})

/* What per_channel is where the table of a requantisation is straight, and the last shift then, of convolutions
 * with 8-bit weights; then that of convolutions with 4-bit weights and of depthwise layers. */
#define MICRONETS_STRAIGHT {straight}
#define MICRONETS_STRAIGHT_SHIFT {straight_shift}
#define MICRONETS_STRAIGHT_COARSE_SHIFT {coarse_shift}

/* Least values of a window's row for which micronets_conv_bytes reads windows inside the map where they lie. */
#define MICRONETS_DIRECT_ROW {direct}

/* Most values of a window for which the matrix products can count their rounds, with 8-bit and with 4-bit weights. */
#define MICRONETS_MOST_VALUES {values}
#define MICRONETS_MOST_VALUES_S4 {values_s4}

/* Bytes of structs where pointers have 32 bits, as the compiler counts the constants of a network. */
{structs}

/* Does not compile where `condition` is false; `name`: a name of its own for each check. */
#define MICRONETS_AGREE(name, condition) typedef char micronets_agree_##name[(condition) ? 1 : -1]

/* Does not compile where `type` takes other than `bytes` bytes on a machine whose pointers have 32 bits. */
#define MICRONETS_AGREE_SIZE(type, bytes) MICRONETS_AGREE(type, sizeof(void *) != 4 || sizeof(type) == (bytes))

#endif
"""


def header_text() -> str:
    """Returns the text of `HEADER`: every number of this module as a macro, and the macros that compare sizes."""
    structs = "\n".join(f"#define {name.upper()}_BYTES {count}" for name, count in STRUCT_BYTES.items())
    return _HEADER.format(
        strip=STRIP_BYTES,
        words=CHANNEL_WORDS,
        shift=LEAST_SHIFT,
        straight=STRAIGHT,
        straight_shift=STRAIGHT_SHIFT,
        coarse_shift=STRAIGHT_COARSE_SHIFT,
        direct=DIRECT_ROW,
        values=MOST_VALUES,
        values_s4=MOST_VALUES_S4,
        structs=structs,
    )


def write_header() -> None:
    """Writes `header_text` to its place among the kernels, in a checkout of the sources."""
    (Path(__file__).parent / "csrc" / HEADER).write_text(header_text(), "utf-8")
