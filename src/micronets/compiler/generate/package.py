"""The generated files for the network's user: model.h, the example, the build file, the README, the test vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from micronets.boards.cores import CORES
from micronets.boards.targets import DSP, MVE, PLAIN, Target
from micronets.compiler.generate import ctext
from micronets.compiler.generate.example_c import example, test_vector
from micronets.compiler.generate.names import Names
from micronets.compiler.generate.tensors_c import (
    ctype,
    input_declarations,
    input_functions,
    input_list,
    input_macro,
    input_sizes,
    input_variables,
    output_declarations,
    output_functions,
    output_list,
    output_macro,
    output_sizes,
)
from micronets.compiler.kernels.base import CTYPES
from micronets.compiler.kernels.variables import state_block_bytes
from micronets.compiler.memory.plan import ArenaPlan
from micronets.ir.layers import Weighted
from micronets.quantized.model import QuantizedModel

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
 * The caller provides the arena, aligned to 16 bytes. Its contents need not survive between inferences, so the caller
 * may use it for other purposes in between, and must write the input again before each inference. Inferences in
 * different arenas may run at the same time.{keeps}
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
 * The network keeps {bytes} bytes from one inference to the next in `state`, which must be aligned to 4 bytes and must
 * not be used for anything else. Call {f}reset before the first inference of a signal."""

_BEGIN = """\
 *     static uint8_t state[{m}STATE_BYTES] __attribute__((aligned(4)));
 *
 *     {f}reset(state); (before the first inference)
"""

_RESET = """\
/* Initialises the state, {m}STATE_BYTES bytes. Call it before the first inference of a signal. */
void {f}reset(void *state);

"""

_FROM_SENSOR = """\
 *
 * {front_end} computes the input from {sensor}:
 *
 *     {call}
"""

_FROM_STREAMS = """\
 *
 * {streams} processes a continuous stream of samples and reports which classes it detects and when.
"""

_README_SENSOR = """\
| `{front_end}.h`, `{front_end}.c` | {about} |
"""


@dataclass(frozen=True)
class FrontEndText:
    """Texts about the front end that computes the network's input, for the files of a package.

    - header: the name of the front end's header.
    - sensor: the data from which the front end computes the input.
    - call: the C call that computes the input.
    - about: the description of the front end's files in the table of files.
    """

    header: str
    sensor: str
    call: str
    about: str


_README_STREAMS = """\
| `{streams}.h`, `{streams}.c` | from a continuous stream of samples to decisions, with `micronets_detector.c` |
"""


_CMAKE = """\
cmake_minimum_required(VERSION 3.13)
project({library} C)

# Flags that select the processor (-mcpu and the like) come from the toolchain of the surrounding project.
add_library({library} STATIC
{sources})
target_include_directories({library} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
{assembly}  target_compile_options({library} PRIVATE -O2) # also in a project built for debugging or for size
endif()
set_target_properties({library} PROPERTIES C_STANDARD 99 C_EXTENSIONS ON)

# The example runs one inference and returns 0 if the output is as expected; ctest runs it.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR AND NOT CMAKE_CROSSCOMPILING)
  enable_testing()
  add_executable(example example.c)
  target_link_libraries(example PRIVATE {library})
  add_test(NAME example COMMAND example)
endif()
"""

_CMAKE_ASSEMBLY = """\
  enable_language(ASM) # kernels for cores with the DSP extension; empty for others
  # Projects often set the flags that select the processor for C only.
  set(CMAKE_ASM_FLAGS "${{CMAKE_C_FLAGS}} ${{CMAKE_ASM_FLAGS}}")
  target_sources({library} PRIVATE
{sources})
"""

_README = """\
# {title}

A neural network as C99. It needs neither a heap nor a library, and {globals}. It works in an arena of
{arena:,} bytes, which the caller provides, and a little stack. Weights and tables take {constants:,} bytes of
flash{storage}.

| file | contents |
|---|---|
| `{header}` | how to call the network: sizes, scales, functions |
| `{source}` | the weights and tables of each layer, a record of its sizes, and the function that runs it |
| `micronets_*` | the kernels that it uses, documented in `micronets_kernels.h`: {languages} |
{from_sensor}{streams}| `example.c`, `test_vector.h` | one inference; every output byte must be as expected |
| `CMakeLists.txt` | a static library, and the example as a test |
| `zephyr/`, `library.json` | make this directory a Zephyr module and a PlatformIO library |

On this machine:

    cc -std=c99 -O2 {sources} -o example && ./example && echo equal

In firmware, add {every} except `example.c` to the build, or add the directory as a library:

- CMake: `add_subdirectory(THIS_DIRECTORY {library})` and `target_link_libraries(yours PRIVATE {library})`;
- Zephyr: `west build ... -- -DEXTRA_ZEPHYR_MODULES=/path/to/THIS_DIRECTORY` (in older versions,
  `ZEPHYR_EXTRA_MODULES`) and `CONFIG_{library_upper}=y` in `prj.conf`;
- PlatformIO: put the directory in `lib/` of the project.

These build the network with `-O2`, regardless of the project's optimisation level. In any other build, pass `-O2`
yourself: without optimisation the network takes several times as long. The flags that select the processor (`-mcpu` and
the like) are those of the project. {kernels}

`-D'MICRONETS_LAYER(i)=...'` runs your statement, for example one that reads a cycle counter, before each layer `i`, and
once more after the last layer with `i == {m}LAYERS`. If layers run in patches of a few rows, it runs
before each patch of a layer.

| # | layer | kind | output |
|---|---|---|---|
{rows}
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
    """Returns the files of the package other than the kernels and the network itself, by name.

    - model: the network.
    - plan: the addresses of its tensors in the arena.
    - names: the names of the network in C.
    - constants: bytes of the weights and tables.
    - sources: names of the C and assembly files.
    - front_end: texts about the front end that computes the input; None if the package has none.
    - streams: the header of the C that processes a stream; None if the package has none.
    """
    return {
        names.header: _header(model, plan, names, front_end, streams),
        "example.c": example(model, names),
        "test_vector.h": test_vector(model),
        "CMakeLists.txt": _cmake(sources, names),
        "README.md": _readme(model, plan, names, constants, sources, front_end, streams),
    }


def _header(
    model: QuantizedModel, plan: ArenaPlan, names: Names, front_end: FrontEndText | None, streams: str | None
) -> str:
    """Returns the header of the network; for the arguments see `describe`."""
    arch, kept = model.arch, state_block_bytes(model.arch)
    known = {"m": names.macros, "f": names.functions}
    return _HEADER.format(
        **known,
        title=title(model),
        input=input_list(model),
        output=output_list(model),
        feeding=_feeding(model, names),
        inputs="\n".join(input_declarations(model, names)),
        input_sizes="\n".join(input_sizes(model, names)),
        given="input" if len(arch.inputs) == 1 else "inputs",
        usage=_usage(model, names),
        from_sensor=""
        if front_end is None
        else _FROM_SENSOR.format(front_end=front_end.header, sensor=front_end.sensor, call=front_end.call),
        from_streams="" if streams is None else _FROM_STREAMS.format(streams=streams),
        outputs="\n".join(output_declarations(model, names)),
        what="output" if len(arch.outputs) == 1 else "outputs",
        begin=_BEGIN.format(**known) if kept else "",
        keeps=_KEEPS.format(**known, bytes=kept) if kept else "",
        reset=_RESET.format(**known) if kept else "",
        state_size=f"#define {names.macros}STATE_BYTES {kept}\n" if kept else "",
        arguments="arena, state" if kept else "arena",
        parameters="void *arena, void *state" if kept else "void *arena",
        output_sizes="\n".join(output_sizes(model, names)),
        arena=plan.bytes,
        layers=len(arch.layers),
        scales=_scales(model, names),
    )


def _scales(model: QuantizedModel, names: Names) -> str:
    """Returns the macros of the scales and zero points of inputs and outputs; "" for a network of real numbers."""
    arch, text = model.arch, ""
    edges = (
        *((input_macro(arch, k), spec.name) for k, spec in enumerate(arch.inputs)),
        *((output_macro(arch, k), name) for k, name in enumerate(arch.outputs)),
    )
    for label, name in edges:
        if name in model.quant:
            quant = model.quant[name]
            text += (
                f"\n/* real value = scale * (code - zero point) */\n#define {names.macros}{label}_SCALE "
                f"{ctext.real(quant.scale)}\n"
            )
            zero = f"({quant.zero_point})" if quant.zero_point < 0 else str(quant.zero_point)
            text += f"#define {names.macros}{label}_ZERO_POINT {zero}\n"
    return text


def _readme(
    model: QuantizedModel,
    plan: ArenaPlan,
    names: Names,
    constants: int,
    sources: Sequence[str],
    front_end: FrontEndText | None,
    streams: str | None,
) -> str:
    """Returns the README of the package; for the arguments see `describe`."""
    rows = "\n".join(
        f"| {i} | {ctext.comment(s.layer.name)} | {type(s.layer).__name__} | {ctext.shape_text(s.output_shape)} |"
        for i, s in enumerate(model.arch.steps())
    )
    assembly = any(name.endswith(".S") for name in sources)
    return _README.format(
        m=names.macros,
        header=names.header,
        source=names.source,
        library=names.library,
        library_upper=names.library.upper(),
        kernels=_kernels(plan.target),
        languages="C and, for some cores, assembly" if plan.target is not PLAIN else "portable C",
        title=title(model),
        from_sensor=""
        if front_end is None
        else _README_SENSOR.format(front_end=front_end.header.removesuffix(".h"), about=front_end.about),
        streams="" if streams is None else _README_STREAMS.format(streams=streams.removesuffix(".h")),
        arena=plan.bytes,
        globals="its globals are never written" if plan.tables_in_sram else "all its globals are constants",
        constants=constants,
        storage=" and lie in SRAM as initialised data" if plan.tables_in_sram else "",
        rows=rows,
        sources="*.c *.S" if assembly else "*.c",
        every="every `.c` and `.S` file" if assembly else "every `.c` file",
    )


def _kernels(target: Target) -> str:
    """Returns sentences about the processors that the kernels of a package are for."""
    plain = _labels(PLAIN, "and")
    match target.kernels:
        case "dsp":
            return (
                f"For a {_labels(DSP, 'or')}, the kernels use its DSP instructions;\n"
                f"for any other processor they are portable C, tested on {plain}."
            )
        case "mve":
            return (
                f"For a {_labels(MVE, 'or')}, the kernels use its vector and DSP instructions;\n"
                f"for any other processor they are portable C, tested on {plain}."
            )
        case "plain":
            return f"The kernels are portable C, tested on {plain}."
        case _:
            assert_never(target.kernels)


def _labels(target: Target, last: str) -> str:
    """Returns the cores of a target in words; `last`, such as "and", precedes the last one."""
    labels = [core.label for core in CORES.values() if core.target is target]
    return f"{', '.join(labels[:-1])} {last} {labels[-1]}"


def _feeding(model: QuantizedModel, names: Names) -> str:
    """Returns the lines that write the inputs, for the example at the top of the header."""
    lines = []
    arch = model.arch
    rows = zip(arch.inputs, input_variables(arch), input_functions(arch, names), strict=True)
    for k, (spec, variable, function) in enumerate(rows):
        quantise = " (round(real / scale) + zero point, clamped)" if spec.name in model.quant else ""
        count = f"{names.macros}{input_macro(arch, k)}_COUNT"
        lines.append(f" *     {CTYPES[spec.type]} *{variable} = {function}(arena);")
        lines.append(f" *     for (int i = 0; i < {count}; i++) {variable}[i] = ...;{quantise}")
    return "\n".join(lines)


def _usage(model: QuantizedModel, names: Names) -> str:
    """Returns the lines that read the outputs, for the example at the top of the header."""
    arch = model.arch
    variables = ["output"] if len(arch.outputs) == 1 else [f"output_{k}" for k in range(len(arch.outputs))]
    rows = zip(arch.outputs, variables, output_functions(arch, names), strict=True)
    return "\n".join(
        f" *     const {ctype(model, name)} *{variable} = {function}(arena);"
        + (" (real = scale * (code - zero point))" if name in model.quant else "")
        for name, variable, function in rows
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
    """Returns a one-line description of the network."""
    arch, shapes = model.arch, model.arch.shapes()
    weights = sum(model.weights[a.name].weights.size for a in arch.layers if isinstance(a, Weighted))
    ends = [spec.name for spec in arch.inputs], arch.outputs
    sizes = " -> ".join(" and ".join(ctext.shape_text(shapes[name]) for name in names) for names in ends)
    return f"Neural network {sizes}: {len(arch.layers)} layers, {weights:,} weights"
