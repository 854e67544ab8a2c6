"""The front end of arrays as C: from the values of a sensor to the network's input; see `frontend.standard`."""

from __future__ import annotations

import math

import numpy as np

from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.errors import SpecError
from micronets.frontend.standard import ArrayTables, Standard, array_tables
from micronets.ir.layers import INPUT
from micronets.quantized.model import QuantizedModel

_HEADER = """\
/* The front end of the network: values of a sensor in, the codes of the network's input out. */
#ifndef {m}FRONTEND_H
#define {m}FRONTEND_H

#include <stdint.h>

/* A value is a number of 32 bits in units of 2 to the power of minus {m}VALUE_BITS: where the network was trained
 * on values in g, for instance, 1 g is 1 << {m}VALUE_BITS. Below 0 a unit is a power of 2 of them. */
#define {m}VALUE_BITS ({bits})
#define {m}VALUES {count} /* {shape} */

#ifdef __cplusplus
extern "C" {{
#endif

/* Computes the network's input.
 *
 * - values: in, [{m}VALUES], the last axis fastest.
 * - input: out, [{m}VALUES], for instance what {f}input returns. */
void {f}frontend_values(const int32_t *values, int8_t *input);

#ifdef __cplusplus
}}
#endif

#endif
"""

_SOURCE = """\
/* The tables of the front end. A code is (factor * value + offset) >> shift, held to -128 .. 127, with a factor and an
 * offset for each value of the last axis. */
#include "{header}"

{factors}
{offsets}
void {f}frontend_values(const int32_t *values, int8_t *input)
{{
    int32_t at = 0;
    for (int32_t i = 0; i < {m}VALUES; i++) {{
        const int64_t code = ((int64_t)values[i] * factors[at] + offsets[at]) >> {shift};
        input[i] = (int8_t)(code < -128 ? -128 : code > 127 ? 127 : code);
        at = at + 1 < {last} ? at + 1 : 0;
    }}
}}
"""


def header(names: Names) -> str:
    """Returns the name of the front end's header."""
    return f"{names.name}_frontend.h"


def array_front_end(model: QuantizedModel) -> tuple[Standard, ArrayTables] | None:
    """Returns the front end of arrays that a model carries; None where it has none that integers can compute."""
    try:
        standard = Standard.from_json(model.metadata.get("micronets.frontend", ""), "the model")
    except SpecError:
        return None
    count = math.prod(model.arch.input_shape)
    if model.arch.types()[INPUT] != "int8" or math.prod(standard.shape) != count or len(model.arch.inputs) > 1:
        return None
    tables = array_tables(standard, model.quant[INPUT].scale, model.quant[INPUT].zero_point)
    return None if tables is None else (standard, tables)


def array_files(standard: Standard, tables: ArrayTables, names: Names) -> dict[str, str]:
    """Returns the C of the front end of arrays, text by file name.

    - standard: the front end; its shape is that of the values that the C takes.
    - tables: the factors, the offsets and the shift that the C computes codes with.
    - names: the names of the network in C.
    """
    known = {"m": names.macros, "f": names.functions, "header": header(names)}
    return {
        header(names): _HEADER.format(
            **known,
            bits=tables.value_bits,
            count=math.prod(standard.shape),
            shape=" x ".join(map(str, standard.shape)),
        ),
        f"{names.name}_frontend.c": _SOURCE.format(
            **known,
            factors=ctext.array("int32_t", "factors", tables.factors.astype(np.int32)),
            offsets=ctext.wide_array("offsets", tables.offsets),
            last=len(tables.factors),
            shift=tables.shift,
        ),
    }
