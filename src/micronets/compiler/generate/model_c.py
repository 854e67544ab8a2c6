"""`compile_model`: a network as C files. A pure function; the only files it reads are our own kernels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from micronets.compiler.generate import ctext, package, patches_c
from micronets.compiler.kernel_files import is_source, kernel_files
from micronets.compiler.kernels.emit import Code, Place, emit
from micronets.compiler.limits import STRUCT_BYTES
from micronets.compiler.memory.choose_patches import plan_patches
from micronets.compiler.memory.plan import ArenaPlan, plan_arena
from micronets.compiler.passes.pipeline import optimise
from micronets.ir.layers import INPUT
from micronets.quantized.model import QuantizedModel
from micronets.quantized.validate import validate

_MODEL_C = """\
/* {title}: weights, tables and calls. Kernels: micronets_kernels.h. How to use it: model.h. */
#include "model.h"

#include "micronets_layers.h"

#ifndef MICRONETS_LAYER
#define MICRONETS_LAYER(index) /* before layer `index`, and after the last one with MICRONETS_LAYERS */
#endif

{tables}
{run}{itype} *micronets_input(void *arena)
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
{calls}
    MICRONETS_LAYER(MICRONETS_LAYERS);
}}
"""

_RUN = """\
/* What runs the layers, and for each layer which of that, from 1 on (0: nothing to do, or run in bands), and its sizes. */
static micronets_runner *const runs[] = {{{runs}}};
static const {kind} kinds[MICRONETS_LAYERS] = {{
{kinds}
}};
static const void *const sizes[MICRONETS_LAYERS] = {{
{sizes}
}};

/* Layers `first` to `end` - 1. */
static void run_layers(int8_t *a, int32_t first, int32_t end)
{{
    for (int32_t i = first; i < end; i++) {{
        MICRONETS_LAYER(i);
        if (kinds[i] > 0) {{
            runs[kinds[i] - 1](a, sizes[i]);
        }}
    }}
}}

"""

_FUNCTION = """\
static void run_{index}(int8_t *a, const void *sizes)
{{
    (void)sizes;
    {call}
}}
"""


@dataclass(frozen=True)
class Compiled:
    """A network as C.

    files: text by file name, all for one directory; C and assembly in the order in which they lie in flash.
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


def compile_model(model: QuantizedModel, arena_limit: int | None = None) -> Compiled:
    """C99 that computes `model` to the last bit. Raises `SpecError`, and `UnsupportedError` for what C cannot hold.

    arena_limit: bytes of arena that are to suffice: where they do not, layers run together in bands of rows (`patches`),
    as few as it takes; 0 for the smallest arena. Nothing is said about a limit that cannot be held.
    """
    validate(model)
    model = optimise(model)
    return generate(model, plan_arena(model.arch) if arena_limit is None else plan_patches(model.arch, arena_limit))


def generate(model: QuantizedModel, plan: ArenaPlan) -> Compiled:
    """C of a network just as it is, by a plan of its arena; for errors see `compile_model`."""
    of = {i: segment for segment in plan.segments for i in range(segment.first, segment.last + 1)}
    places = [patches_c.place(model, plan, of[i], i) if i in of else Place(i, plan) for i in range(len(model.arch.layers))]
    codes = [emit(model, step, place) for step, place in zip(model.arch.steps(), places, strict=True)]
    bands = [patches_c.function(model, plan, segment, codes) for segment in plan.segments]
    kernels = sorted({k for code in codes for k in code.kernels} | set(patches_c.KERNELS if bands else ()))
    own = kernel_files(kernels, ["micronets_layers.h"])
    sources = ["model.c", *filter(is_source, own)]
    runs = {code.run or i for i, code in enumerate(codes) if code.run or code.call}
    listed = 4 * len(runs) + 5 * len(codes)  # runs; kinds and sizes
    constants = sum(_table_bytes(code.tables) for code in codes) + listed + sum(size for _, _, size in bands)
    title = package.title(model)
    found = package.describe(model, plan, title, constants, sources)
    found = {**found, **own, "model.c": _model_c(model, codes, bands, plan, title)}
    return Compiled(found, plan.bytes, model, plan, constants)


def _model_c(model: QuantizedModel, codes: list[Code], bands: list[tuple[str, str, int]], plan: ArenaPlan, title: str) -> str:
    steps = model.arch.steps()
    heads = [
        f"layer {i}: {type(s.layer).__name__} '{ctext.comment(s.layer.name)}', "
        f"{' and '.join(map(ctext.shape, s.input_shapes))} -> {ctext.shape(s.output_shape)}"
        for i, s in enumerate(steps)
    ]
    tables = [f"/* {head} */\n{code.tables}" for head, code in zip(heads, codes, strict=True) if code.tables]
    of = {i for segment in plan.segments for i in range(segment.first, segment.last + 1)}
    entries: list[tuple[str, str]] = []
    functions = []
    for i, code in enumerate(codes):
        if code.run:
            entries.append((code.run, f"&layer_{i}"))
        elif code.call and i not in of:
            functions.append(_FUNCTION.format(index=i, call=code.call))
            entries.append((f"run_{i}", "0"))
        else:
            entries.append(("", "0"))
    runs = list(dict.fromkeys(run for run, _ in entries if run))
    kinds = [
        f"{runs.index(run) + 1 if run else 0}, /* {i}: {type(steps[i].layer).__name__} */" for i, (run, _) in enumerate(entries)
    ]
    calls, start = [], 0
    for segment, (_, call, _) in zip(plan.segments, bands, strict=True):
        calls += [f"run_layers(a, {start}, {segment.first});"] * (segment.first > start) + [call]
        start = segment.last + 1
    calls += [f"run_layers(a, {start}, MICRONETS_LAYERS);"] * (start < len(steps))
    return _MODEL_C.format(
        title=title,
        tables="\n".join([*tables, *(text for text, _, _ in bands), *functions]),
        run=_RUN.format(
            runs=", ".join(runs or ["0"]),
            kind="uint8_t" if len(runs) < 256 else "uint16_t",
            kinds="\n".join(f"    {kind}" for kind in kinds),
            sizes="\n".join(f"    {record}," for _, record in entries),
        )
        if any("run_layers" in call for call in calls)
        else "",
        calls="\n".join(f"    {call}" for call in calls),
        itype=package.ctype(model, INPUT),
        otype=package.ctype(model, model.arch.output),
        input=plan.offsets[INPUT],
        output=plan.offsets[model.arch.output],
    )


def _table_bytes(tables: str) -> int:
    """Bytes of the arrays and structs in a layer's constants, on a 32-bit machine."""
    sizes = {"int8_t": 1, "uint8_t": 1, "int32_t": 4, "uint32_t": 4}
    arrays = re.findall(r"^static const (\w+) \w+\[(\d+)\]", tables, re.MULTILINE)
    found = re.findall(r"^static const (micronets_\w+) \w+ =", tables, re.MULTILINE)
    return sum(sizes[kind] * int(count) for kind, count in arrays) + sum(STRUCT_BYTES[name] for name in found)
