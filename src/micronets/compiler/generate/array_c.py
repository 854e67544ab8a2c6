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

/* A value is an integer of 32 bits. An integer of 1 stands for 2 to the power of minus {m}VALUE_BITS in the
 * units of the data that the network was trained on. With data in g and 12 bits, for instance, 1 g is 4096; with -1
 * bits, an integer of 1 is 2 g. */
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
/* The front end of the network. A code is (factor * value + offset) >> shift, clamped to -128 .. 127; there is a factor
 * and an offset for each place along the last axis. */
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
    """Returns the front end of arrays that a model carries and its tables; None where there is none for integers."""
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
