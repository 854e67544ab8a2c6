"""The C functions through which a program accesses inputs, outputs and state, and the macros of their sizes."""

from __future__ import annotations

import math

import numpy as np

from micronets.compiler.generate import ctext
from micronets.compiler.generate.names import Names
from micronets.compiler.kernels.base import CTYPES
from micronets.compiler.kernels.variables import state_block_bytes, state_offsets
from micronets.compiler.memory.plan import ArenaPlan
from micronets.ir.arch import Arch
from micronets.quantized.labels import labels_of
from micronets.quantized.model import QuantizedModel
from micronets.quantized.state import first_state

_DECLARE_ANY = """
/* Return the address in the arena, and the size in bytes, of output `index`, 0 .. {m}OUTPUTS - 1. */
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
/* The labels: for each output value, the name of the class whose score it is. */
extern const char *const {f}labels[{m}OUTPUT_COUNT];"""


_DECLARE_ANY_INPUT = """
/* Return the address in the arena, and the size in bytes, of input `index`, 0 .. {m}INPUTS - 1. The inputs lie one
 * after another in {m}INPUT_BYTES bytes; each is aligned to 4 bytes. */
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


def public_functions(model: QuantizedModel, names: Names) -> list[str]:
    """Returns the names of the functions and constants of the network's C that have external linkage."""
    several = ["output_at", "output_size"] if len(model.arch.outputs) > 1 else []
    several += ["input_at", "input_size"] if model.arch.more_inputs else []
    others = [f"{names.functions}{what}" for what in ("invoke", "labels", "reset", *several)]
    return [*input_functions(model.arch, names), *others, *output_functions(model.arch, names)]


def input_functions(arch: Arch, names: Names) -> list[str]:
    """Returns the names of the C functions that return the addresses of the inputs, in order.

    The name has a number only if there are several inputs.
    """
    if not arch.more_inputs:
        return [f"{names.functions}input"]
    return [f"{names.functions}input_{k}" for k in range(len(arch.inputs))]


def first_input(arch: Arch, names: Names) -> str:
    """Returns the C expression of the first input's address in `arena`; all others follow it."""
    return f"{input_functions(arch, names)[0]}(arena)"


def input_definitions(model: QuantizedModel, plan: ArenaPlan, names: Names) -> str:
    """Returns the C functions that return the addresses of the inputs; for several inputs also those that take an
    index.

    - model: the network.
    - plan: the addresses of its inputs in the arena.
    - names: the names of the network in C, with which those of the functions begin.
    """
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


def input_macro(arch: Arch, k: int) -> str:
    """Returns the beginning of the names of the macros of input `k`, after the network's prefix."""
    return f"INPUT_{k}" if arch.more_inputs else "INPUT"


def input_variables(arch: Arch) -> list[str]:
    """Returns the names of the inputs in examples."""
    return [f"input_{k}" for k in range(len(arch.inputs))] if arch.more_inputs else ["input"]


def input_list(model: QuantizedModel) -> str:
    """Returns the inputs with type and shape, for the comment at the top of the header."""
    texts = [f"{CTYPES[spec.type]}, {ctext.shape_text(spec.shape)}" for spec in model.arch.inputs]
    if len(texts) == 1:
        return f"Input: {texts[0]}"
    return "Inputs:" + ";".join(
        f"\n *   {k}: '{ctext.comment(spec.name)}', {text}"
        for k, (spec, text) in enumerate(zip(model.arch.inputs, texts, strict=True))
    )


def input_declarations(model: QuantizedModel, names: Names) -> list[str]:
    """Returns the header's declarations of the functions that return the addresses of the inputs."""
    arch = model.arch
    rows = zip(arch.inputs, input_functions(arch, names), strict=True)
    found = [f"{CTYPES[spec.type]} *{function}(void *arena);" for spec, function in rows]
    if len(found) > 1:
        several = _DECLARE_ANY_INPUT.format(m=names.macros, f=names.functions)
        about = "/* Return the addresses of the inputs in the arena. An inference may overwrite the inputs. */"
        return [about, *found, several]
    count = f"{names.macros}INPUT_COUNT"
    return [
        f"/* Returns the address of the input in the arena: {count} values. An inference may overwrite it. */",
        *found,
    ]


def input_sizes(model: QuantizedModel, names: Names) -> list[str]:
    """Returns the header's macros for the number of values of each input; for several, also their number and bytes."""
    arch, head = model.arch, f"#define {names.macros}"
    counts = [f"{head}{input_macro(arch, k)}_COUNT {math.prod(spec.shape)}" for k, spec in enumerate(arch.inputs)]
    if len(counts) == 1:
        return counts
    return [f"{head}INPUTS {len(counts)}", *counts, f"{head}INPUT_BYTES {model.input_bytes()} /* of all */"]


def output_functions(arch: Arch, names: Names) -> list[str]:
    """Returns the names of the C functions that return the outputs, in order; that of a single output has no number."""
    if len(arch.outputs) == 1:
        return [f"{names.functions}output"]
    return [f"{names.functions}output_{k}" for k in range(len(arch.outputs))]


def output_definitions(model: QuantizedModel, plan: ArenaPlan, names: Names) -> str:
    """Returns the C functions that return the outputs, and the table of labels if there is one.

    - model: the network.
    - plan: the addresses of its outputs in the arena.
    - names: the names of the network in C, with which those of the functions begin.

    For several outputs there are also functions that take an output's index.
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
    if state_block_bytes(model.arch):
        found.append(_reset_definition(model, names))
    if texts := labels_of(model):
        head = f"const char *const {names.functions}labels[{names.macros}OUTPUT_COUNT] ="
        found.append("\n" + ctext.listing(head, map(ctext.string, texts)))
    return "\n".join(found) if len(outputs) > 1 else "".join(found)


def _reset_definition(model: QuantizedModel, names: Names) -> str:
    """Returns the C function that initialises the state, each variable from one byte value or from a table."""
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


def output_macro(arch: Arch, k: int) -> str:
    """Returns the beginning of the names of the macros of output `k`, after the network's prefix."""
    return "OUTPUT" if len(arch.outputs) == 1 else f"OUTPUT_{k}"


def output_list(model: QuantizedModel) -> str:
    """Returns the outputs with type and shape, for the comment at the top of the header."""
    arch, shapes = model.arch, model.arch.shapes()
    texts = [f"{ctype(model, name)}, {ctext.shape_text(shapes[name])}" for name in arch.outputs]
    if len(texts) == 1:
        return f"Output: {texts[0]}"
    return "Outputs:" + ";".join(
        f"\n *   {k}: '{ctext.comment(name)}', {text}"
        for k, (name, text) in enumerate(zip(arch.outputs, texts, strict=True))
    )


def output_declarations(model: QuantizedModel, names: Names) -> list[str]:
    """Returns the header's declarations of the functions that return the outputs, and of the labels."""
    arch = model.arch
    rows = zip(arch.outputs, output_functions(arch, names), strict=True)
    found = [f"const {ctype(model, name)} *{function}(const void *arena);" for name, function in rows]
    if len(found) > 1:
        several = _DECLARE_ANY.format(m=names.macros, f=names.functions)
        return ["/* Return the addresses of the outputs in the arena, valid after an inference. */", *found, several]
    where = f"/* Returns the address of the output in the arena: {names.macros}OUTPUT_COUNT values. */"
    named = [_DECLARE_LABELS.format(m=names.macros, f=names.functions)] if labels_of(model) else []
    return [where, *found, *named]


def output_sizes(model: QuantizedModel, names: Names) -> list[str]:
    """Returns the header's macros for the number of values of each output; for several, also their number and bytes."""
    arch, shapes, head = model.arch, model.arch.shapes(), f"#define {names.macros}"
    counts = [f"{head}{output_macro(arch, k)}_COUNT {math.prod(shapes[name])}" for k, name in enumerate(arch.outputs)]
    if len(counts) == 1:
        return counts
    total = sum(model.tensor_bytes(name) for name in arch.outputs)
    return [f"{head}OUTPUTS {len(counts)}", *counts, f"{head}OUTPUT_BYTES {total} /* of all */"]


def ctype(model: QuantizedModel, tensor: str) -> str:
    """Returns the C type of a tensor's elements."""
    return CTYPES[model.arch.types()[tensor]]
