"""The generated files that say how a network is used: model.h, the example, the build file, the README, the test
vector.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.boards.cores import CORES
from micronets.boards.targets import DSP, PLAIN, Target
from micronets.compiler.generate import ctext
from micronets.compiler.memory.plan import ArenaPlan
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Weighted
from micronets.ir.types import Type, code_range
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, dtype_of
from micronets.quantized.model import QuantizedModel

_HEADER = """\
/* {title}
 *
 * Input: {input}. {output}.
 *
 *     static uint8_t arena[MICRONETS_ARENA_BYTES] __attribute__((aligned(16)));   (C11: _Alignas(16))
 *
 *     {itype} *input = micronets_input(arena);
 *     for (int i = 0; i < MICRONETS_INPUT_COUNT; i++) input[i] = ...;{quantise}
 *     micronets_invoke(arena);
{usage}
 *
 * The caller provides the arena, aligned to 16 bytes, and may use it for other things between inferences: nothing is
 * kept in it, and the input has to be written again for each. Two arenas may be used at the same time.
 */
#ifndef MICRONETS_MODEL_H
#define MICRONETS_MODEL_H

#include <stdint.h>

#define MICRONETS_ARENA_BYTES {arena}
#define MICRONETS_LAYERS {layers}

#define MICRONETS_INPUT_COUNT {input_count}
{output_sizes}
{scales}
#ifdef __cplusplus
extern "C" {{
#endif

/* Returns where the input goes: MICRONETS_INPUT_COUNT values in the arena, which an inference may overwrite. */
{itype} *micronets_input(void *arena);

{outputs}

/* Runs one inference: computes the {what} in the arena from the input in it. */
void micronets_invoke(void *arena);

#ifdef __cplusplus
}}
#endif

#endif
"""

_EXAMPLE = """\
/* How to use the network; compares one inference with the expected output. Returns 0 if every byte is equal. */
#include "model.h"
#include "test_vector.h"

static uint8_t arena[MICRONETS_ARENA_BYTES] __attribute__((aligned(16)));

int main(void)
{{
    {itype} *input = micronets_input(arena);
    for (int32_t i = 0; i < MICRONETS_INPUT_COUNT; i++) {{
        input[i] = micronets_test_input[i]; /* your data here */
    }}

    micronets_invoke(arena);

{compare}
    return wrong != 0;
}}
"""

_COMPARE_ONE = """\
    const {otype} *output = micronets_output(arena);
    int32_t best = 0, wrong = 0;
    for (int32_t i = 0; i < MICRONETS_OUTPUT_COUNT; i++) {{
        if (output[i] > output[best]) {{
            best = i; /* the class, where the network classifies */
        }}
        wrong += output[i] < micronets_test_output[i] || output[i] > micronets_test_output[i];
    }}
    (void)best;"""

_COMPARE = """
    const {otype} *output_{k} = micronets_output_{k}(arena);
    for (int32_t i = 0; i < MICRONETS_OUTPUT_{k}_COUNT; i++) {{
        wrong += output_{k}[i] < micronets_test_output_{k}[i] || output_{k}[i] > micronets_test_output_{k}[i];
    }}"""

OUTPUT_AT = "micronets_output_at"
"""The C function that returns the output of a number, in a network with several."""

OUTPUT_SIZE = "micronets_output_size"
"""The C function that returns the bytes of the output of a number, in a network with several."""

_DECLARE_ANY = f"""
/* Output number `index`, 0 .. MICRONETS_OUTPUTS - 1, and its bytes. */
const void *{OUTPUT_AT}(const void *arena, int32_t index);
int32_t {OUTPUT_SIZE}(int32_t index);"""

_DEFINE = """\
const {otype} *{function}(const void *arena)
{{
    return (const {otype} *)(const void *)((const int8_t *)arena + {offset});
}}
"""

_DEFINE_ANY = f"""
const void *{OUTPUT_AT}(const void *arena, int32_t index)
{{{{
    static const int32_t offsets[MICRONETS_OUTPUTS] = {{{{{{offsets}}}}}};
    return (const int8_t *)arena + offsets[index];
}}}}

int32_t {OUTPUT_SIZE}(int32_t index)
{{{{
    static const int32_t sizes[MICRONETS_OUTPUTS] = {{{{{{sizes}}}}}};
    return sizes[index];
}}}}
"""

_CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project(micronets_model C)

# Flags that select the processor (-mcpu and the like) come from the toolchain of the project around this.
add_library(micronets_model STATIC
{sources})
target_include_directories(micronets_model PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
{assembly}  target_compile_options(micronets_model PRIVATE -O2) # also in a project built for debugging or for size
endif()
set_target_properties(micronets_model PROPERTIES C_STANDARD 99 C_EXTENSIONS ON)

# The example runs one inference and returns 0 if the output is as expected: ctest.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR AND NOT CMAKE_CROSSCOMPILING)
  enable_testing()
  add_executable(example example.c)
  target_link_libraries(example PRIVATE micronets_model)
  add_test(NAME example COMMAND example)
endif()
"""

_CMAKE_ASSEMBLY = """\
  enable_language(ASM) # kernels for cores with the DSP extension; empty for others
  # The flags that select the processor are often C's alone.
  set(CMAKE_ASM_FLAGS "${{CMAKE_C_FLAGS}} ${{CMAKE_ASM_FLAGS}}")
  target_sources(micronets_model PRIVATE
{sources})
"""

_README = """\
# {title}

A neural network as C99. It needs no heap and no library, and all its globals are constants. It works in an arena of
{arena:,} bytes, which the caller provides, and a little stack. Weights and tables take {constants:,} bytes of flash.

| file | what |
|---|---|
| `model.h` | how to call it: sizes, scales, three functions |
| `model.c` | the weights and tables of each layer, a record of its sizes, and the function that runs it |
| `micronets_*` | the kernels it uses, documented in `micronets_kernels.h`: C and, for some cores, assembly |
| `example.c`, `test_vector.h` | an inference whose output must come out equal to the last byte |
| `CMakeLists.txt` | a static library, and the example as a test |
| `zephyr/`, `library.json` | the same as a module of Zephyr, as a library of PlatformIO |

On this machine:

    cc -std=c99 -O2 {sources} -o example && ./example && echo equal

In firmware, add {every} but `example.c` to the build, or the directory as a library:

- CMake: `add_subdirectory(THIS_DIRECTORY micronets_model)` and `target_link_libraries(yours PRIVATE micronets_model)`;
- Zephyr: `west build ... -- -DEXTRA_ZEPHYR_MODULES=/path/to/THIS_DIRECTORY` (`ZEPHYR_EXTRA_MODULES` in older ones) and
  `CONFIG_MICRONETS_MODEL=y` in `prj.conf`;
- PlatformIO: the directory in `lib/` of the project.

These build the network with `-O2`, whatever the project is built with. In any other build, pass `-O2` yourself: without
optimisation the network takes several times as long. The flags that select the processor (`-mcpu` and the like) are
those of the project. For a {dsp}, the kernels use its DSP instructions; for
any other processor they are portable C, tried on {plain}.

`-D'MICRONETS_LAYER(i)=...'` runs a statement of yours before each layer `i`, and once more after the last layer with
`i == MICRONETS_LAYERS`: a cycle counter, for example. Where layers run in patches of a few rows, it runs before each
patch of a layer.

| # | layer | kind | output |
|---|---|---|---|
{rows}
"""


def describe(
    model: QuantizedModel, plan: ArenaPlan, title: str, constants: int, sources: Sequence[str]
) -> dict[str, str]:
    """Returns every file of the package besides the kernels and model.c, by name.

    - constants: bytes of the weights and tables.
    - sources: names of the C and assembly files.
    """
    arch = model.arch
    itype = ctype(model, INPUT)
    edges = (("INPUT", INPUT), *((_macro(arch, k), name) for k, name in enumerate(arch.outputs)))
    scales = ""
    for label, name in edges:
        if name in model.quant:
            q = model.quant[name]
            scales += (
                f"\n/* real value = scale * (code - zero point) */\n#define MICRONETS_{label}_SCALE "
                f"{ctext.real(q.scale)}\n"
            )
            zero = f"({q.zero_point})" if q.zero_point < 0 else str(q.zero_point)
            scales += f"#define MICRONETS_{label}_ZERO_POINT {zero}\n"
    header = _HEADER.format(
        title=title,
        input=f"{itype}, {ctext.shape(arch.input_shape)}",
        output=_listed(model),
        itype=itype,
        quantise=" (round(real / scale) + zero point, clamped)" if INPUT in model.quant else "",
        usage=_usage(model),
        outputs="\n".join(_declarations(model)),
        what="output" if len(arch.outputs) == 1 else "outputs",
        output_sizes="\n".join(_sizes(model)),
        arena=plan.bytes,
        layers=len(arch.layers),
        input_count=math.prod(arch.input_shape),
        scales=scales,
    )
    rows = "\n".join(
        f"| {i} | {ctext.comment(s.layer.name)} | {type(s.layer).__name__} | {ctext.shape(s.output_shape)} |"
        for i, s in enumerate(arch.steps())
    )
    assembly = any(name.endswith(".S") for name in sources)
    return {
        "model.h": header,
        "example.c": _EXAMPLE.format(itype=itype, compare=_comparison(model)),
        "test_vector.h": test_vector(model),
        "CMakeLists.txt": _cmake(sources),
        "README.md": _README.format(
            dsp=_labels(DSP, "or"),
            plain=_labels(PLAIN, "and"),
            title=title,
            arena=plan.bytes,
            constants=constants,
            rows=rows,
            sources="*.c *.S" if assembly else "*.c",
            every="every `.c` and `.S` file" if assembly else "every `.c` file",
        ),
    }


def _labels(target: Target, last: str) -> str:
    """The cores of a target in words."""
    labels = [core.label for core in CORES.values() if core.target is target]
    return f"{', '.join(labels[:-1])} {last} {labels[-1]}"


def output_functions(arch: Arch) -> list[str]:
    """Names of the C functions that return the outputs, in order; with one output, its function has no number."""
    if len(arch.outputs) == 1:
        return ["micronets_output"]
    return [f"micronets_output_{k}" for k in range(len(arch.outputs))]


def output_definitions(model: QuantizedModel, plan: ArenaPlan) -> str:
    """The C functions that return the outputs; and of several, those that take the number of one."""
    names, functions = model.arch.outputs, output_functions(model.arch)
    found = [
        _DEFINE.format(otype=ctype(model, name), function=function, offset=plan.offsets[name])
        for name, function in zip(names, functions, strict=True)
    ]
    if len(names) > 1:
        offsets = ", ".join(str(plan.offsets[name]) for name in names)
        sizes = ", ".join(str(model.tensor_bytes(name)) for name in names)
        return "\n".join(found) + _DEFINE_ANY.format(offsets=offsets, sizes=sizes)
    return "".join(found)


def _macro(arch: Arch, k: int) -> str:
    """What the macros of output number `k` begin with, behind MICRONETS_."""
    return "OUTPUT" if len(arch.outputs) == 1 else f"OUTPUT_{k}"


def _listed(model: QuantizedModel) -> str:
    """The outputs with type and shape, as the head of model.h has them."""
    arch, shapes = model.arch, model.arch.shapes()
    texts = [f"{ctype(model, name)}, {ctext.shape(shapes[name])}" for name in arch.outputs]
    if len(texts) == 1:
        return f"Output: {texts[0]}"
    return "Outputs:" + ";".join(
        f"\n *   {k}: '{ctext.comment(name)}', {text}"
        for k, (name, text) in enumerate(zip(arch.outputs, texts, strict=True))
    )


def _usage(model: QuantizedModel) -> str:
    """The lines of the head of model.h that read the outputs."""
    arch = model.arch
    variables = ["output"] if len(arch.outputs) == 1 else [f"output_{k}" for k in range(len(arch.outputs))]
    rows = zip(arch.outputs, variables, output_functions(arch), strict=True)
    return "\n".join(
        f" *     const {ctype(model, name)} *{variable} = {function}(arena);"
        + (" (real = scale * (code - zero point))" if name in model.quant else "")
        for name, variable, function in rows
    )


def _declarations(model: QuantizedModel) -> list[str]:
    """The functions of model.h that return the outputs."""
    arch = model.arch
    rows = zip(arch.outputs, output_functions(arch), strict=True)
    found = [f"const {ctype(model, name)} *{function}(const void *arena);" for name, function in rows]
    if len(found) == 1:
        where = "/* Returns where the output is after an inference: MICRONETS_OUTPUT_COUNT values in the arena. */"
        return [where, *found]
    return ["/* Return where the outputs are in the arena after an inference. */", *found, _DECLARE_ANY]


def _sizes(model: QuantizedModel) -> list[str]:
    """The macros of model.h that say how many values the outputs have; of several, how many and how many bytes."""
    arch, shapes = model.arch, model.arch.shapes()
    counts = [
        f"#define MICRONETS_{_macro(arch, k)}_COUNT {math.prod(shapes[name])}" for k, name in enumerate(arch.outputs)
    ]
    if len(counts) == 1:
        return counts
    total = sum(model.tensor_bytes(name) for name in arch.outputs)
    return [f"#define MICRONETS_OUTPUTS {len(counts)}", *counts, f"#define MICRONETS_OUTPUT_BYTES {total} /* of all */"]


def _comparison(model: QuantizedModel) -> str:
    """The part of example.c that compares the outputs with those of test_vector.h."""
    names = model.arch.outputs
    if len(names) == 1:
        return _COMPARE_ONE.format(otype=ctype(model, names[0]))
    return "    int32_t wrong = 0;" + "".join(
        _COMPARE.format(k=k, otype=ctype(model, name)) for k, name in enumerate(names)
    )


def _cmake(sources: Sequence[str]) -> str:
    """Returns the text of CMakeLists.txt for these C and assembly files."""
    c, assembly = (
        "\n".join(f"{indent}{name}" for name in sources if name.endswith(ending))
        for indent, ending in (("  ", ".c"), ("    ", ".S"))
    )
    return _CMAKE.format(sources=c, assembly=_CMAKE_ASSEMBLY.format(sources=assembly) if assembly else "")


def title(model: QuantizedModel) -> str:
    """Returns one line that says what the network is."""
    arch = model.arch
    weights = sum(model.weights[a.name].weights.size for a in arch.layers if isinstance(a, Weighted))
    sizes = (
        f"{ctext.shape(arch.input_shape)} -> {' and '.join(ctext.shape(arch.shapes()[name]) for name in arch.outputs)}"
    )
    return f"Neural network {sizes}: {len(arch.layers)} layers, {weights:,} weights"


CTYPES: Mapping[Type, str] = {
    "int4": "int8_t",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "float32": "float",
}
"""The C type of the elements of a tensor."""


def ctype(model: QuantizedModel, tensor: str) -> str:
    """Returns the C type of a tensor's elements."""
    return CTYPES[model.arch.types()[tensor]]


def test_vector(model: QuantizedModel) -> str:
    """Returns the text of test_vector.h: a seeded random input, and the output that the reference computes for it."""
    arch = model.arch
    rng = np.random.default_rng(0)
    # Where the input is float, it holds values that Quantize makes these codes of.
    first = model.first_codes
    kind = arch.types()[first]
    lowest, highest = code_range(kind)
    x = rng.integers(lowest, highest + 1, (1, *arch.input_shape)).astype(dtype_of(kind))
    given = x if first == INPUT else dequantize(x, model.quant[first])
    outputs = reference.outputs(model, given).values()
    labels = ["output"] if len(outputs) == 1 else [f"output_{k}" for k in range(len(outputs))]
    parts = [_values("input", given), *(_values(label, y) for label, y in zip(labels, outputs, strict=True))]
    guard = "MICRONETS_TEST_VECTOR_H"
    return f"#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n" + "\n".join(parts) + "\n#endif\n"


def _values(label: str, values: npt.NDArray[Any]) -> str:
    if values.dtype != np.float32:
        return ctext.array(f"{values.dtype}_t", f"micronets_test_{label}", values)
    body = "".join(f"    {ctext.real(v)},\n" for v in values.ravel().tolist())
    return f"static const float micronets_test_{label}[{values.size}] = {{\n{body}}};\n"
