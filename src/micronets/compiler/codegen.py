"""`compile_model`: a network as C files. A pure function; the only files it reads are our own kernels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from micronets.arch import INPUT
from micronets.compiler import ctext, texts
from micronets.compiler.arena import ArenaPlan, plan_arena
from micronets.compiler.emit import Code, Place, emit
from micronets.compiler.passes import drop_constant_filters, fold_pads
from micronets.model import QuantizedModel
from micronets.validate import validate

_MODEL_C = """\
/* {title}: weights, tables and calls. Kernels: micronets_kernels.h. How to use it: model.h. */
#include "model.h"

#include "micronets_kernels.h"

#ifndef MICRONETS_LAYER
#define MICRONETS_LAYER(index) /* before layer `index`, and after the last one with MICRONETS_LAYERS */
#endif

{tables}
{itype} *micronets_input(void *arena)
{{
    return ({itype} *)(void *)((int8_t *)arena + {input});
}}

const {otype} *micronets_output(const void *arena)
{{
    return (const {otype} *)(const void *)((const int8_t *)arena + {output});
}}

void micronets_invoke(void *arena)
{{
    int8_t *const a = (int8_t *)arena;
    (void)a;
{calls}
    MICRONETS_LAYER(MICRONETS_LAYERS);
}}
"""


@dataclass(frozen=True)
class Compiled:
    """A network as C.

    files: text by file name, all for one directory.
    arena_bytes: of the arena the caller provides.
    model: the network that the C computes, layer for layer; its outputs are those of the network that was given.
    plan: where its tensors lie in the arena.
    constant_bytes: of weights and tables in flash.
    """

    files: Mapping[str, str]
    arena_bytes: int
    model: QuantizedModel
    plan: ArenaPlan
    constant_bytes: int


def compile_model(model: QuantizedModel) -> Compiled:
    """C99 that computes `model` to the last bit. Raises `SpecError`, and `UnsupportedError` for what C cannot hold."""
    validate(model)
    model = drop_constant_filters(fold_pads(model))
    plan = plan_arena(model.arch)
    codes = [emit(model, step, Place(i, plan)) for i, step in enumerate(model.arch.steps())]
    kernels = sorted({k for code in codes for k in code.kernels})
    sources = ["model.c", *(f"{k}.c" for k in kernels)]
    constants = sum(_table_bytes(code.tables) for code in codes)
    title = texts.title(model)
    found = {"model.c": _model_c(model, codes, plan, title)}
    for name in _closure(sources[1:]):
        found[name] = _kernel_text(name)
    found |= texts.describe(model, plan, title, constants, sources)
    return Compiled(dict(sorted(found.items())), plan.bytes, model, plan, constants)


def _model_c(model: QuantizedModel, codes: list[Code], plan: ArenaPlan, title: str) -> str:
    steps = model.arch.steps()
    heads = [
        f"layer {i}: {type(s.layer).__name__} '{ctext.comment(s.layer.name)}', "
        f"{' and '.join(map(ctext.shape, s.input_shapes))} -> {ctext.shape(s.output_shape)}"
        for i, s in enumerate(steps)
    ]
    tables = [f"/* {head} */\n{code.tables}" for head, code in zip(heads, codes, strict=True) if code.tables]
    calls = [
        f"    MICRONETS_LAYER({i});\n    {code.call or f'/* {type(step.layer).__name__}: nothing to do */'}"
        for i, (step, code) in enumerate(zip(steps, codes, strict=True))
    ]
    return _MODEL_C.format(
        title=title,
        tables="\n".join(tables),
        calls="\n".join(calls),
        itype=texts.ctype(model, INPUT),
        otype=texts.ctype(model, model.arch.output),
        input=plan.offsets[INPUT],
        output=plan.offsets[model.arch.output],
    )


def _table_bytes(tables: str) -> int:
    """Bytes of the arrays and structs in a layer's constants, on a 32-bit machine."""
    sizes = {"int8_t": 1, "uint8_t": 1, "int32_t": 4}
    arrays = re.findall(r"^static const (\w+) \w+\[(\d+)\]", tables, re.MULTILINE)
    structs = {"micronets_window": 64, "micronets_requant": 36, "micronets_addition": 44, "micronets_padding": 40}
    found = re.findall(r"^static const (micronets_\w+) \w+ =", tables, re.MULTILINE)
    return sum(sizes[kind] * int(count) for kind, count in arrays) + sum(structs[name] for name in found)


def _closure(names: list[str]) -> list[str]:
    """These kernel files and the headers they include, directly or not."""
    found: list[str] = []
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.append(name)
            todo += re.findall(r'^#include "(\w+\.h)"', _kernel_text(name), re.MULTILINE)
    return found


@lru_cache(maxsize=64)
def _kernel_text(name: str) -> str:
    return (files("micronets.compiler") / "csrc" / name).read_text("utf-8")
