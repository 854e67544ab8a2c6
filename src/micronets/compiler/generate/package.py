"""The generated files that say how a network is used: model.h, the example, the build file, the README, the
test vector.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.boards.cores import CORES
from micronets.boards.targets import DSP, PLAIN, Target
from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.compiler.kernels.variables import state_bytes, state_offsets
from micronets.compiler.memory.plan import ArenaPlan
from micronets.ir.arch import Arch
from micronets.ir.layers import Shape, Weighted
from micronets.ir.types import Type, code_range
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.labels import labels_of
from micronets.quantized.model import QuantizedModel
from micronets.quantized.state import first_state

_HEADER = """\
/* {title}
 *
 * {input}. {output}.
 *
 *     static uint8_t arena[{m}ARENA_BYTES] __attribute__((aligned(16)));   (C11: _Alignas(16))
{begin} *
{feeding}
 *     {f}invoke({arguments});
{usage}
{from_sensor}{from_streams} *
 * The caller provides the arena, aligned to 16 bytes, and may use it for other things between inferences: nothing is
 * kept in it, and the input has to be written again for each. Two arenas may be used at the same time.{keeps}
 */
#ifndef {m}H
#define {m}H

#include <stdint.h>

#define {m}ARENA_BYTES {arena}
{state_size}#define {m}LAYERS {layers}

{input_sizes}
{output_sizes}
{scales}
#ifdef __cplusplus
extern "C" {{
#endif

{inputs}

{outputs}

{reset}/* Runs one inference: computes the {what} in the arena from the {given} in it. */
void {f}invoke({parameters});

#ifdef __cplusplus
}}
#endif

#endif
"""

_KEEPS = """
 *
 * The network keeps {bytes} bytes from one inference to the next: `state`, aligned to 4 bytes, which belongs to the
 * network alone. {f}reset makes it what it is before the first inference of a signal."""

_BEGIN = """\
 *     static uint8_t state[{m}STATE_BYTES] __attribute__((aligned(4)));
 *
 *     {f}reset(state); (before the first inference)
"""

_RESET = """\
/* Sets the state, {m}STATE_BYTES bytes, to what it is before the first inference. */
void {f}reset(void *state);

"""

_FROM_SENSOR = """\
 *
 * {front_end} makes the input from {sensor}:
 *
 *     {call}
"""

_FROM_STREAMS = """\
 *
 * {streams} listens to a sound that does not end, and tells which class it heard when.
"""

_README_SENSOR = """\
| `{front_end}.h`, `{front_end}.c` | {about} |
"""


@dataclass(frozen=True)
class FrontEndText:
    """What the files of a package say about the front end that makes the network's input.

    - header: the name of its header.
    - sensor: what it makes the input from.
    - call: the call that makes it.
    - about: what its files are, for the table of files.
    """

    header: str
    sensor: str
    call: str
    about: str


_README_STREAMS = """\
| `{streams}.h`, `{streams}.c` | from samples without end to decisions, with `micronets_detector.c` |
"""

_EXAMPLE = """\
/* How to use the network; compares one inference with the expected output. Returns 0 if every byte is equal. */
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
            best = i; /* the class, where the network classifies */
        }}
        wrong += output[i] < micronets_test_output[i] || output[i] > micronets_test_output[i];
    }}
    (void)best;"""

_COMPARE = """
    const {otype} *output_{k} = {f}output_{k}(arena);
    for (int32_t i = 0; i < {m}OUTPUT_{k}_COUNT; i++) {{
        wrong += output_{k}[i] < micronets_test_output_{k}[i] || output_{k}[i] > micronets_test_output_{k}[i];
    }}"""

_DECLARE_ANY = """
/* Output number `index`, 0 .. {m}OUTPUTS - 1, and its bytes. */
const void *{f}output_at(const void *arena, int32_t index);
int32_t {f}output_size(int32_t index);"""

_DEFINE = """\
const {otype} *{function}(const void *arena)
{{
    return (const {otype} *)(const void *)((const int8_t *)arena + {offset});
}}
"""

_DEFINE_ANY = """
const void *{f}output_at(const void *arena, int32_t index)
{{
    static const int32_t offsets[{m}OUTPUTS] = {{{offsets}}};
    return (const int8_t *)arena + offsets[index];
}}

int32_t {f}output_size(int32_t index)
{{
    static const int32_t sizes[{m}OUTPUTS] = {{{sizes}}};
    return sizes[index];
}}
"""

_DECLARE_LABELS = """
/* What the outputs stand for, in order. */
extern const char *const {f}labels[{m}OUTPUT_COUNT];"""

_CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project({library} C)

# Flags that select the processor (-mcpu and the like) come from the toolchain of the project around this.
add_library({library} STATIC
{sources})
target_include_directories({library} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
{assembly}  target_compile_options({library} PRIVATE -O2) # also in a project built for debugging or for size
endif()
set_target_properties({library} PROPERTIES C_STANDARD 99 C_EXTENSIONS ON)

# The example runs one inference and returns 0 if the output is as expected: ctest.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR AND NOT CMAKE_CROSSCOMPILING)
  enable_testing()
  add_executable(example example.c)
  target_link_libraries(example PRIVATE {library})
  add_test(NAME example COMMAND example)
endif()
"""

_CMAKE_ASSEMBLY = """\
  enable_language(ASM) # kernels for cores with the DSP extension; empty for others
  # The flags that select the processor are often C's alone.
  set(CMAKE_ASM_FLAGS "${{CMAKE_C_FLAGS}} ${{CMAKE_ASM_FLAGS}}")
  target_sources({library} PRIVATE
{sources})
"""

_README = """\
# {title}

A neural network as C99. It needs no heap and no library, and all its globals are constants. It works in an arena of
{arena:,} bytes, which the caller provides, and a little stack. Weights and tables take {constants:,} bytes of flash.

| file | what |
|---|---|
| `{header}` | how to call it: sizes, scales, three functions |
| `{source}` | the weights and tables of each layer, a record of its sizes, and the function that runs it |
| `micronets_*` | the kernels it uses, documented in `micronets_kernels.h`: {languages} |
{from_sensor}{streams}| `example.c`, `test_vector.h` | an inference whose output must come out equal to the last byte |
| `CMakeLists.txt` | a static library, and the example as a test |
| `zephyr/`, `library.json` | the same as a module of Zephyr, as a library of PlatformIO |

On this machine:

    cc -std=c99 -O2 {sources} -o example && ./example && echo equal

In firmware, add {every} but `example.c` to the build, or the directory as a library:

- CMake: `add_subdirectory(THIS_DIRECTORY {library})` and `target_link_libraries(yours PRIVATE {library})`;
- Zephyr: `west build ... -- -DEXTRA_ZEPHYR_MODULES=/path/to/THIS_DIRECTORY` (`ZEPHYR_EXTRA_MODULES` in older ones) and
  `CONFIG_{library_upper}=y` in `prj.conf`;
- PlatformIO: the directory in `lib/` of the project.

These build the network with `-O2`, whatever the project is built with. In any other build, pass `-O2` yourself: without
optimisation the network takes several times as long. The flags that select the processor (`-mcpu` and the like) are
those of the project. {kernels}

`-D'MICRONETS_LAYER(i)=...'` runs a statement of yours before each layer `i`, and once more after the last layer with
`i == {m}LAYERS`: a cycle counter, for example. Where layers run in patches of a few rows, it runs
before each patch of a layer.

| # | layer | kind | output |
|---|---|---|---|
{rows}
"""


_FEED = """\
    {itype} *{variable} = {function}(arena);
    for (int32_t i = 0; i < {m}{macro}_COUNT; i++) {{
        {variable}[i] = micronets_test_{variable}[i]; /* your data here */
    }}
"""

_DECLARE_ANY_INPUT = """
/* Input number `index`, 0 .. {m}INPUTS - 1, and its bytes. All inputs lie one behind the other, in {m}INPUT_BYTES
 * bytes; each begins at a multiple of 4. */
void *{f}input_at(void *arena, int32_t index);
int32_t {f}input_size(int32_t index);"""

_DEFINE_INPUT = """\
{itype} *{function}(void *arena)
{{
    return ({itype} *)(void *)((int8_t *)arena + {offset});
}}
"""

_DEFINE_ANY_INPUT = """
void *{f}input_at(void *arena, int32_t index)
{{
    static const int32_t offsets[{m}INPUTS] = {{{offsets}}};
    return (int8_t *)arena + offsets[index];
}}

int32_t {f}input_size(int32_t index)
{{
    static const int32_t sizes[{m}INPUTS] = {{{sizes}}};
    return sizes[index];
}}
"""


def describe(
    model: QuantizedModel,
    plan: ArenaPlan,
    names: Names,
    constants: int,
    sources: Sequence[str],
    front_end: FrontEndText | None,
    streams: str | None,
) -> dict[str, str]:
    """Returns every file of the package besides the kernels and the network itself, by name.

    - plan: the arena.
    - names: what the network is called.
    - constants: bytes of the weights and tables.
    - sources: names of the C and assembly files.
    - front_end: what makes the input from what a sensor gives, None where nothing does.
    - streams: the header of what listens to a stream, likewise.
    """
    arch, kept = model.arch, state_bytes(model.arch)
    known = {"m": names.macros, "f": names.functions, "header": names.header, "source": names.source}
    edges = (
        *((_input_macro(arch, k), spec.name) for k, spec in enumerate(arch.inputs)),
        *((_macro(arch, k), name) for k, name in enumerate(arch.outputs)),
    )
    scales = ""
    for label, name in edges:
        if name in model.quant:
            q = model.quant[name]
            scales += (
                f"\n/* real value = scale * (code - zero point) */\n#define {names.macros}{label}_SCALE "
                f"{ctext.real(q.scale)}\n"
            )
            zero = f"({q.zero_point})" if q.zero_point < 0 else str(q.zero_point)
            scales += f"#define {names.macros}{label}_ZERO_POINT {zero}\n"
    header = _HEADER.format(
        **known,
        title=title(model),
        input=_listed_inputs(model),
        output=_listed(model),
        feeding=_feeding(model, names),
        inputs="\n".join(_input_declarations(model, names)),
        input_sizes="\n".join(_input_sizes(model, names)),
        given="input" if len(arch.inputs) == 1 else "inputs",
        usage=_usage(model, names),
        from_sensor=""
        if front_end is None
        else _FROM_SENSOR.format(front_end=front_end.header, sensor=front_end.sensor, call=front_end.call),
        from_streams="" if streams is None else _FROM_STREAMS.format(streams=streams),
        outputs="\n".join(_declarations(model, names)),
        what="output" if len(arch.outputs) == 1 else "outputs",
        begin=_BEGIN.format(**known) if kept else "",
        keeps=_KEEPS.format(**known, bytes=kept) if kept else "",
        reset=_RESET.format(**known) if kept else "",
        state_size=f"#define {names.macros}STATE_BYTES {kept}\n" if kept else "",
        arguments="arena, state" if kept else "arena",
        parameters="void *arena, void *state" if kept else "void *arena",
        output_sizes="\n".join(_sizes(model, names)),
        arena=plan.bytes,
        layers=len(arch.layers),
        scales=scales,
    )
    rows = "\n".join(
        f"| {i} | {ctext.comment(s.layer.name)} | {type(s.layer).__name__} | {ctext.shape(s.output_shape)} |"
        for i, s in enumerate(arch.steps())
    )
    assembly = any(name.endswith(".S") for name in sources)
    return {
        names.header: header,
        "example.c": _EXAMPLE.format(
            **known,
            feed=_feed(model, names),
            compare=_comparison(model, names),
            state=f"static uint8_t state[{names.macros}STATE_BYTES] __attribute__((aligned(4)));\n" if kept else "",
            reset=f"    {names.functions}reset(state);\n" if kept else "",
            arguments="arena, state" if kept else "arena",
        ),
        "test_vector.h": test_vector(model),
        "CMakeLists.txt": _cmake(sources, names),
        "README.md": _README.format(
            **known,
            library=names.library,
            library_upper=names.library.upper(),
            kernels=_kernels(plan.target),
            languages="C and, for some cores, assembly" if plan.target is DSP else "portable C",
            title=title(model),
            from_sensor=""
            if front_end is None
            else _README_SENSOR.format(front_end=front_end.header.removesuffix(".h"), about=front_end.about),
            streams="" if streams is None else _README_STREAMS.format(streams=streams.removesuffix(".h")),
            arena=plan.bytes,
            constants=constants,
            rows=rows,
            sources="*.c *.S" if assembly else "*.c",
            every="every `.c` and `.S` file" if assembly else "every `.c` file",
        ),
    }


def _kernels(target: Target) -> str:
    """Returns sentences about the processors that the kernels of a package are for."""
    plain = _labels(PLAIN, "and")
    match target.kernels:
        case "dsp":
            return (
                f"For a {_labels(DSP, 'or')}, the kernels use its DSP instructions;\n"
                f"for any other processor they are portable C, tried on {plain}."
            )
        case "plain":
            return f"The kernels are portable C, tried on {plain}."
        case _:
            assert_never(target.kernels)


def _labels(target: Target, last: str) -> str:
    """Returns the cores of a target in words; `last` stands before the last one."""
    labels = [core.label for core in CORES.values() if core.target is target]
    return f"{', '.join(labels[:-1])} {last} {labels[-1]}"


def public_functions(model: QuantizedModel, names: Names) -> list[str]:
    """Returns the names of everything in the network's C that other files see."""
    several = ["output_at", "output_size"] if len(model.arch.outputs) > 1 else []
    several += ["input_at", "input_size"] if model.arch.more_inputs else []
    others = [f"{names.functions}{what}" for what in ("invoke", "labels", "reset", *several)]
    return [*input_functions(model.arch, names), *others, *output_functions(model.arch, names)]


def input_functions(arch: Arch, names: Names) -> list[str]:
    """Names of the C functions that return where the inputs go, in order; that of an only input has no number."""
    if not arch.more_inputs:
        return [f"{names.functions}input"]
    return [f"{names.functions}input_{k}" for k in range(len(arch.inputs))]


def first_input(arch: Arch, names: Names) -> str:
    """C that gives where the first input begins in `arena`, and all others behind it."""
    return f"{input_functions(arch, names)[0]}(arena)"


def input_definitions(model: QuantizedModel, plan: ArenaPlan, names: Names) -> str:
    """The C functions that return where the inputs go, and of several those that take the number of one."""
    specs = model.arch.inputs
    found = [
        _DEFINE_INPUT.format(itype=CTYPES[spec.type], function=function, offset=plan.offsets[spec.name])
        for spec, function in zip(specs, input_functions(model.arch, names), strict=True)
    ]
    if model.arch.more_inputs:
        offsets = ", ".join(str(plan.offsets[spec.name]) for spec in specs)
        sizes = ", ".join(str(model.tensor_bytes(spec.name)) for spec in specs)
        found.append(_DEFINE_ANY_INPUT.format(f=names.functions, m=names.macros, offsets=offsets, sizes=sizes))
    return "\n".join(found)


def _input_macro(arch: Arch, k: int) -> str:
    """What the macros of input number `k` begin with, behind the network's own beginning."""
    return f"INPUT_{k}" if arch.more_inputs else "INPUT"


def _input_variables(arch: Arch) -> list[str]:
    """What examples call the inputs."""
    return [f"input_{k}" for k in range(len(arch.inputs))] if arch.more_inputs else ["input"]


def _listed_inputs(model: QuantizedModel) -> str:
    """The inputs with type and shape, as the head of the header has them."""
    texts = [f"{CTYPES[spec.type]}, {ctext.shape(spec.shape)}" for spec in model.arch.inputs]
    if len(texts) == 1:
        return f"Input: {texts[0]}"
    return "Inputs:" + ";".join(
        f"\n *   {k}: '{ctext.comment(spec.name)}', {text}"
        for k, (spec, text) in enumerate(zip(model.arch.inputs, texts, strict=True))
    )


def _feeding(model: QuantizedModel, names: Names) -> str:
    """The lines of the head of the header that write the inputs."""
    lines = []
    arch = model.arch
    rows = zip(arch.inputs, _input_variables(arch), input_functions(arch, names), strict=True)
    for k, (spec, variable, function) in enumerate(rows):
        quantise = " (round(real / scale) + zero point, clamped)" if spec.name in model.quant else ""
        count = f"{names.macros}{_input_macro(arch, k)}_COUNT"
        lines.append(f" *     {CTYPES[spec.type]} *{variable} = {function}(arena);")
        lines.append(f" *     for (int i = 0; i < {count}; i++) {variable}[i] = ...;{quantise}")
    return "\n".join(lines)


def _input_declarations(model: QuantizedModel, names: Names) -> list[str]:
    """The functions of the header that return where the inputs go."""
    arch = model.arch
    rows = zip(arch.inputs, input_functions(arch, names), strict=True)
    found = [f"{CTYPES[spec.type]} *{function}(void *arena);" for spec, function in rows]
    if len(found) > 1:
        several = _DECLARE_ANY_INPUT.format(m=names.macros, f=names.functions)
        return ["/* Return where the inputs go in the arena, which an inference may overwrite. */", *found, several]
    count = f"{names.macros}INPUT_COUNT"
    return [
        f"/* Returns where the input goes: {count} values in the arena, which an inference may overwrite. */",
        *found,
    ]


def _input_sizes(model: QuantizedModel, names: Names) -> list[str]:
    """The macros of the header that say how many values the inputs have; of several, how many and how many bytes."""
    arch, head = model.arch, f"#define {names.macros}"
    counts = [f"{head}{_input_macro(arch, k)}_COUNT {math.prod(spec.shape)}" for k, spec in enumerate(arch.inputs)]
    if len(counts) == 1:
        return counts
    return [f"{head}INPUTS {len(counts)}", *counts, f"{head}INPUT_BYTES {model.input_bytes()} /* of all */"]


def _feed(model: QuantizedModel, names: Names) -> str:
    """The part of example.c that writes the inputs of test_vector.h."""
    arch = model.arch
    rows = zip(arch.inputs, _input_variables(arch), input_functions(arch, names), strict=True)
    return "".join(
        _FEED.format(
            itype=CTYPES[spec.type],
            variable=variable,
            function=function,
            m=names.macros,
            macro=_input_macro(arch, k),
        )
        for k, (spec, variable, function) in enumerate(rows)
    )


def output_functions(arch: Arch, names: Names) -> list[str]:
    """Returns the names of the C functions that return the outputs, in order; that of a single output has no number."""
    if len(arch.outputs) == 1:
        return [f"{names.functions}output"]
    return [f"{names.functions}output_{k}" for k in range(len(arch.outputs))]


def definitions(model: QuantizedModel, plan: ArenaPlan, names: Names) -> str:
    """Returns the C functions that return the outputs, and the table of labels where there is one.

    - model: the network.
    - plan: where each output is in the arena.
    - names: how the names in C begin.

    For several outputs there are also functions that take the number of one.
    """
    outputs, functions = model.arch.outputs, output_functions(model.arch, names)
    found = [
        _DEFINE.format(otype=ctype(model, name), function=function, offset=plan.offsets[name])
        for name, function in zip(outputs, functions, strict=True)
    ]
    if len(outputs) > 1:
        offsets = ", ".join(str(plan.offsets[name]) for name in outputs)
        sizes = ", ".join(str(model.tensor_bytes(name)) for name in outputs)
        found.append(_DEFINE_ANY.format(f=names.functions, m=names.macros, offsets=offsets, sizes=sizes))
    if state_bytes(model.arch):
        found.append(_reset_definition(model, names))
    if texts := labels_of(model):
        head = f"const char *const {names.functions}labels[{names.macros}OUTPUT_COUNT] ="
        found.append("\n" + ctext.listing(head, map(ctext.string, texts)))
    return "\n".join(found) if len(outputs) > 1 else "".join(found)


def _reset_definition(model: QuantizedModel, names: Names) -> str:
    """Returns the C function that fills the state, each variable with one byte or from a table."""
    lines, tables = [], []
    for number, (name, codes) in enumerate(first_state(model).items()):
        data = np.ascontiguousarray(codes).view(np.int8).ravel()
        at = f"(int8_t *)state + {state_offsets(model.arch)[name]}"
        if (data == data[0]).all():
            lines.append(f"    micronets_fill({at}, {int(data[0])}, {data.size}); /* {ctext.comment(name)} */")
        else:
            tables.append(ctext.array("int8_t", f"initial_{number}", data))
            lines.append(f"    micronets_copy({at}, initial_{number}, {data.size}); /* {ctext.comment(name)} */")
    body = "\n".join(lines)
    return "\n" + "\n".join([*tables, f"void {names.functions}reset(void *state)\n{{\n{body}\n}}\n"])


def _macro(arch: Arch, k: int) -> str:
    """Returns what the macros of output number `k` are called after the network's prefix."""
    return "OUTPUT" if len(arch.outputs) == 1 else f"OUTPUT_{k}"


def _listed(model: QuantizedModel) -> str:
    """Returns the outputs with type and shape, for the comment at the head of the header."""
    arch, shapes = model.arch, model.arch.shapes()
    texts = [f"{ctype(model, name)}, {ctext.shape(shapes[name])}" for name in arch.outputs]
    if len(texts) == 1:
        return f"Output: {texts[0]}"
    return "Outputs:" + ";".join(
        f"\n *   {k}: '{ctext.comment(name)}', {text}"
        for k, (name, text) in enumerate(zip(arch.outputs, texts, strict=True))
    )


def _usage(model: QuantizedModel, names: Names) -> str:
    """Returns the lines that read the outputs, for the example at the head of the header."""
    arch = model.arch
    variables = ["output"] if len(arch.outputs) == 1 else [f"output_{k}" for k in range(len(arch.outputs))]
    rows = zip(arch.outputs, variables, output_functions(arch, names), strict=True)
    return "\n".join(
        f" *     const {ctype(model, name)} *{variable} = {function}(arena);"
        + (" (real = scale * (code - zero point))" if name in model.quant else "")
        for name, variable, function in rows
    )


def _declarations(model: QuantizedModel, names: Names) -> list[str]:
    """Returns the header's declarations of the functions that return the outputs, and of the labels."""
    arch = model.arch
    rows = zip(arch.outputs, output_functions(arch, names), strict=True)
    found = [f"const {ctype(model, name)} *{function}(const void *arena);" for name, function in rows]
    if len(found) > 1:
        several = _DECLARE_ANY.format(m=names.macros, f=names.functions)
        return ["/* Return where the outputs are in the arena after an inference. */", *found, several]
    where = f"/* Returns where the output is after an inference: {names.macros}OUTPUT_COUNT values in the arena. */"
    named = [_DECLARE_LABELS.format(m=names.macros, f=names.functions)] if labels_of(model) else []
    return [where, *found, *named]


def _sizes(model: QuantizedModel, names: Names) -> list[str]:
    """Returns the header's macros for the number of values of each output; for several, also their number and bytes."""
    arch, shapes, head = model.arch, model.arch.shapes(), f"#define {names.macros}"
    counts = [f"{head}{_macro(arch, k)}_COUNT {math.prod(shapes[name])}" for k, name in enumerate(arch.outputs)]
    if len(counts) == 1:
        return counts
    total = sum(model.tensor_bytes(name) for name in arch.outputs)
    return [f"{head}OUTPUTS {len(counts)}", *counts, f"{head}OUTPUT_BYTES {total} /* of all */"]


def _comparison(model: QuantizedModel, names: Names) -> str:
    """Returns the part of example.c that compares the outputs with those of test_vector.h."""
    outputs, known = model.arch.outputs, {"m": names.macros, "f": names.functions}
    if len(outputs) == 1:
        return _COMPARE_ONE.format(**known, otype=ctype(model, outputs[0]))
    return "    int32_t wrong = 0;" + "".join(
        _COMPARE.format(**known, k=k, otype=ctype(model, name)) for k, name in enumerate(outputs)
    )


def _cmake(sources: Sequence[str], names: Names) -> str:
    """Returns the text of CMakeLists.txt for these C and assembly files."""
    c, assembly = (
        "\n".join(f"{indent}{name}" for name in sources if name.endswith(ending))
        for indent, ending in (("  ", ".c"), ("    ", ".S"))
    )
    extra = _CMAKE_ASSEMBLY.format(library=names.library, sources=assembly) if assembly else ""
    return _CMAKE.format(library=names.library, sources=c, assembly=extra)


def title(model: QuantizedModel) -> str:
    """Returns one line that says what the network is."""
    arch, shapes = model.arch, model.arch.shapes()
    weights = sum(model.weights[a.name].weights.size for a in arch.layers if isinstance(a, Weighted))
    ends = [spec.name for spec in arch.inputs], arch.outputs
    sizes = " -> ".join(" and ".join(ctext.shape(shapes[name]) for name in names) for names in ends)
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
    """Returns the text of test_vector.h: seeded random inputs, and the outputs that the reference computes for them."""
    rng = np.random.default_rng(0)

    def draw(shape: Shape, of: Type) -> npt.NDArray[Any]:
        lowest, highest = code_range(of)
        return rng.integers(lowest, highest, (1, *shape), endpoint=True).astype(dtype_of(of))

    given = reference.checked_inputs(model, reference.inputs_of_codes(model, draw))
    outputs = reference.outputs(model, given).values()
    labels = ["output"] if len(outputs) == 1 else [f"output_{k}" for k in range(len(outputs))]
    labels = [*_input_variables(model.arch), *labels]
    parts = [_values(label, y) for label, y in zip(labels, (*given.values(), *outputs), strict=True)]
    guard = "MICRONETS_TEST_VECTOR_H"
    return f"#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n" + "\n".join(parts) + "\n#endif\n"


def _values(label: str, values: npt.NDArray[Any]) -> str:
    if values.dtype != np.float32:
        return ctext.array(f"{values.dtype}_t", f"micronets_test_{label}", values)
    body = "".join(f"    {ctext.real(v)},\n" for v in values.ravel().tolist())
    return f"static const float micronets_test_{label}[{values.size}] = {{\n{body}}};\n"
