"""The array front end as C: from sensor values to the network's input; see `frontend.standard`."""

from __future__ import annotations

import math

import numpy as np

from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.frontend.standard import ArrayTables, Standard

_HEADER = """\
/* The front end of the network: from sensor values to the codes of the network's input. */
#ifndef {m}FRONTEND_H
#define {m}FRONTEND_H

#include <stdint.h>

/* A value is a 32-bit integer with {m}VALUE_BITS fractional bits, in the units of the training data. For example,
 * if the data are in g, 1 g is 4096 with 12 bits; with -1 bits, the integer 1 is 2 g. */
#define {m}VALUE_BITS ({bits})
#define {m}VALUES {count} /* {shape} */
{sizes}
#ifdef __cplusplus
extern "C" {{
#endif

/* Computes the network's input.
 *
 * - values: in, [{m}VALUES], in row-major order.
 * - input: out, [{m}VALUES], for instance what {f}input returns. */
void {f}frontend_values(const int32_t *values, int8_t *input);
{frame}
#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
/* The front end of the network. A code is (factor * value + offset) >> shift, clamped to -128 .. 127; each index along
 * the last axis has its own factor and offset. */
#include "{header}"

{factors}
{offsets}
/* Returns the code of a value.
 *
 * - value: the value.
 * - at: its index along the last axis. */
static int8_t code_of(int32_t value, int32_t at)
{{
    const int64_t code = ((int64_t)value * factors[at] + offsets[at]) >> {shift};
    return (int8_t)(code < -128 ? -128 : code > 127 ? 127 : code);
}}

void {f}frontend_values(const int32_t *values, int8_t *input)
{{
    int32_t at = 0;
    for (int32_t i = 0; i < {m}VALUES; i++) {{
        input[i] = code_of(values[i], at);
        at = at + 1 < {last} ? at + 1 : 0;
    }}
}}
{frame}"""

_SIZES = """
/* One axis of a sample, in the unit of a value. */
typedef int32_t {f}sample;

#define {m}SAMPLE_MIN INT32_MIN
#define {m}SAMPLE_MAX INT32_MAX

/* The real value of the integer 1 on each axis, in the units of the training data. */
#define {m}UNITS {initialiser}

/* A window has {m}WINDOW_SAMPLES samples of {m}AXES axes; each sample is one frame. */
#define {m}AXES {axes}
#define {m}WINDOW_SAMPLES {samples}
#define {m}FRAME_SAMPLES 1
#define {m}FRAME_HOP 1
#define {m}FRAMES {frames}
#define {m}FRAME_VALUES {axes}
"""

_FRAME_HEADER = """
/* Computes the codes of one sample.
 *
 * - sample: in, [{m}AXES].
 * - codes: out, [{m}FRAME_VALUES]. */
void {f}frontend_frame(const {f}sample *sample, int8_t *codes);
"""

_FRAME_SOURCE = """
void {f}frontend_frame(const {f}sample *sample, int8_t *codes)
{{
    for (int32_t i = 0; i < {m}AXES; i++) {{
        codes[i] = code_of(sample[i], i);
    }}
}}
"""
"""The additional C of a window `[T, K]`: the front end of one sample, for a stream."""


def header(names: Names) -> str:
    """Returns the name of the front end's header."""
    return f"{names.name}_frontend.h"


def array_files(standard: Standard, tables: ArrayTables, names: Names, frames: int | None = None) -> dict[str, str]:
    """Returns the C of the array front end, text by file name.

    For windows `[T, K]`, it includes the front end of one sample, which a stream uses.

    - standard: the front end; its shape is that of the values that the C takes.
    - tables: the factors, offsets and shift from which the C computes codes.
    - names: the names of the network in C.
    - frames: samples of the network's input; None for those of a whole window.
    """
    shape = standard.shape if frames is None else (frames, *standard.shape[1:])
    known = {"m": names.macros, "f": names.functions, "header": header(names)}
    sizes = frame_header = frame_source = ""
    if len(shape) == 2:
        units = ", ".join([repr(math.ldexp(1.0, -standard.value_bits))] * shape[1])
        sizes = _SIZES.format(
            **known, initialiser=ctext.wrapped_macro(f"{{{units}}}"), axes=shape[1], samples=shape[0], frames=shape[0]
        )
        frame_header, frame_source = _FRAME_HEADER.format(**known), _FRAME_SOURCE.format(**known)
    return {
        header(names): _HEADER.format(
            **known,
            bits=standard.value_bits,
            count=math.prod(shape),
            shape=" x ".join(map(str, shape)),
            sizes=sizes,
            frame=frame_header,
        ),
        f"{names.name}_frontend.c": _SOURCE.format(
            **known,
            factors=ctext.array("int32_t", "factors", tables.factors.astype(np.int32)),
            offsets=ctext.wide_array("offsets", tables.offsets),
            last=len(tables.factors),
            shift=tables.shift,
            frame=frame_source,
        ),
    }
