"""example.c, which runs a network once, and test_vector.h, the inputs and the expected outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.compiler.generate.tensors_c import ctype, input_functions, input_macro, input_variables
from micronets.compiler.kernels.base import CTYPES
from micronets.compiler.kernels.variables import state_block_bytes
from micronets.ir.layers import Shape
from micronets.ir.types import Type, code_range
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import QuantizedModel

_EXAMPLE = """\
/* An example that runs one inference and compares its output with the expected one. It returns 0 if every value is
 * equal. */
#include "{header}"
#include "test_vector.h"

static uint8_t arena[{m}ARENA_BYTES] __attribute__((aligned(16)));
{state}
int main(void)
{{
{reset}{feed}
    {f}invoke({arguments});

{compare}
    return wrong != 0;
}}
"""


_COMPARE_ONE = """\
    const {otype} *output = {f}output(arena);
    int32_t best = 0, wrong = 0;
    for (int32_t i = 0; i < {m}OUTPUT_COUNT; i++) {{
        if (output[i] > output[best]) {{
            best = i; /* the class, if the network is a classifier */
        }}
        wrong += {differs};
    }}
    (void)best;"""


_COMPARE = """
    const {otype} *output_{k} = {f}output_{k}(arena);
    for (int32_t i = 0; i < {m}OUTPUT_{k}_COUNT; i++) {{
        wrong += {differs};
    }}"""


_FEED = """\
    {itype} *{variable} = {function}(arena);
    for (int32_t i = 0; i < {m}{macro}_COUNT; i++) {{
        {variable}[i] = micronets_test_{variable}[i]; /* your data here */
    }}
"""


def example(model: QuantizedModel, names: Names) -> str:
    """Returns the text of example.c."""
    kept = state_block_bytes(model.arch) > 0
    return _EXAMPLE.format(
        m=names.macros,
        f=names.functions,
        header=names.header,
        feed=_feed(model, names),
        compare=_comparison(model, names),
        state=f"static uint8_t state[{names.macros}STATE_BYTES] __attribute__((aligned(4)));\n" if kept else "",
        reset=f"    {names.functions}reset(state);\n" if kept else "",
        arguments="arena, state" if kept else "arena",
    )


def _feed(model: QuantizedModel, names: Names) -> str:
    """Returns the part of example.c that writes the inputs of test_vector.h."""
    arch = model.arch
    rows = zip(arch.inputs, input_variables(arch), input_functions(arch, names), strict=True)
    return "".join(
        _FEED.format(
            itype=CTYPES[spec.type],
            variable=variable,
            function=function,
            m=names.macros,
            macro=input_macro(arch, k),
        )
        for k, (spec, variable, function) in enumerate(rows)
    )


def _comparison(model: QuantizedModel, names: Names) -> str:
    """Returns the part of example.c that compares the outputs with those of test_vector.h."""
    outputs, known = model.arch.outputs, {"m": names.macros, "f": names.functions}
    if len(outputs) == 1:
        otype = ctype(model, outputs[0])
        return _COMPARE_ONE.format(**known, otype=otype, differs=_differs(otype, "output"))
    return "    int32_t wrong = 0;" + "".join(
        _COMPARE.format(**known, k=k, otype=ctype(model, name), differs=_differs(ctype(model, name), f"output_{k}"))
        for k, name in enumerate(outputs)
    )


def _differs(otype: str, name: str) -> str:
    """Returns the C expression that is true if value i of an output differs from the expected one.

    A NaN is neither less nor greater than another float, so the expression also requires that both values or neither be
    NaN.

    - otype: the C type of the values.
    - name: the name of the output.
    """
    got, want = f"{name}[i]", f"micronets_test_{name}[i]"
    less = f"{got} < {want} || {got} > {want}"
    return f"{less} ||\n                 ({got} >= {got}) != ({want} >= {want})" if otype == "float" else less


def test_vector(model: QuantizedModel) -> str:
    """Returns the text of test_vector.h: seeded random inputs, and the outputs that the reference computes for them."""
    rng = np.random.default_rng(0)

    def draw(shape: Shape, of: Type) -> npt.NDArray[Any]:
        lowest, highest = code_range(of)
        return rng.integers(lowest, highest, (1, *shape), endpoint=True).astype(dtype_of(of))

    given = reference.checked_inputs(model, reference.inputs_of_codes(model, draw))
    outputs = reference.outputs(model, given).values()
    labels = ["output"] if len(outputs) == 1 else [f"output_{k}" for k in range(len(outputs))]
    labels = [*input_variables(model.arch), *labels]
    arrays = [*given.values(), *outputs]
    parts = [_values(label, y) for label, y in zip(labels, arrays, strict=True)]
    guard, included = "MICRONETS_TEST_VECTOR_H", f"{ctext.math_header(arrays)}#include <stdint.h>\n"
    return f"#ifndef {guard}\n#define {guard}\n\n{included}\n" + "\n".join(parts) + "\n#endif\n"


def _values(label: str, values: npt.NDArray[Any]) -> str:
    """Returns the definition of an array of test_vector.h."""
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    if values.dtype != np.float32:
        return ctext.array(f"{values.dtype}_t", f"micronets_test_{label}", values)
    body = "".join(f"    {ctext.real(v)},\n" for v in values.ravel().tolist())
    return f"static const float micronets_test_{label}[{values.size}] = {{\n{body}}};\n"
