"""Layers that run in patches, as C: tables of the work of each layer in each patch, and a function that runs them.

A layer in patches has the record and the runner of a layer that runs whole. If fields of the record change from patch
to patch, the function copies the record, sets these fields, and runs the layer from the copy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from micronets.compiler.generate import calls_c, ctext
from micronets.compiler.kernels.base import (
    Constant,
    InputRows,
    LayerCode,
    Name,
    Offset,
    OutputRows,
    PadTop,
    Real,
    Struct,
    Table,
    Value,
)
from micronets.compiler.limits import STRUCT_BYTES
from micronets.compiler.memory.patches import LayerPatch, PatchGroup
from micronets.compiler.memory.plan import ArenaPlan
from micronets.quantized.model import QuantizedModel

KEEP_ROWS = "micronets_patch_keep_rows"
PATCH = "micronets_patch"
PATCH_RUN = "micronets_patch_run"
PATCH_SOURCES = (KEEP_ROWS,)
"""The C files that patches need in addition to those of their kernels."""

_COPY = "this_"  # begins the name of a record's copy
_START_BYTES = 2  # bytes of a number in the table of starts

_FUNCTION = """\
/* Layers {first} to {last} run together, patch by patch, on a few rows at a time. Patches in which every layer does
 * the same work are of one kind.
 * patch_{first}: for each kind and layer, the work of the layer in a patch.
 * repeat_{first}: for each kind, the number of consecutive patches.{starts_comment} */
static const {patch_type} patch_{first}[{kinds}][{layers}] = {{
{patches}}};
static const {run_type} repeat_{first}[{kinds}] = {{
{repeats}
}};
{starts}
static void patches_{first}(int8_t *a)
{{
    int32_t x = {source}, y = {target}; /* the rows of layer {first}'s input and of layer {last}'s output */
    for (int32_t kind = 0; kind < {kinds}; kind++) {{
        const {patch_type} *const b = patch_{first}[kind];
{start}        for (int32_t i = 0; i < repeat_{first}[kind].times; i++) {{
            x += repeat_{first}[kind].advance * {pitch};
{calls}
        }}
    }}
}}
"""


@dataclass(frozen=True)
class GroupCode:
    """A group of layers as C: its tables and its function, the call of the function, and the bytes of the tables."""

    text: str
    call: str
    bytes: int


def group_code(model: QuantizedModel, plan: ArenaPlan, group: PatchGroup, codes: Sequence[LayerCode]) -> GroupCode:
    """Returns a group of layers that run together in patches as C.

    - model: the network.
    - plan: the plan of the arena that the group belongs to.
    - group: the layers, and their work in each patch.
    - codes: the code of each layer of the group, in order.
    """
    first, kinds, layers = group.first, len(group.patches), len(group.layers)
    pitches = _pitches(model)
    moving = [
        (i, k)
        for i in range(layers)
        for k in range(len(group.patches[0].layers[i].start))
        if any(equal.layers[i].start[k] for equal in group.patches)
    ]
    starts = [[equal.layers[i].start[k] for i, k in moving] for equal in group.patches]
    calls = []
    for i, code in enumerate(codes):
        calls += _LayerInPatch(model, plan, group, i, moving, pitches).lines(code)
    table = "".join(_row(map(str, row)) for row in starts)
    text = _FUNCTION.format(
        first=first,
        last=group.last,
        patch_type=PATCH,
        run_type=PATCH_RUN,
        kinds=kinds,
        layers=layers,
        patches="".join(_row(map(_numbers, equal.layers)) for equal in group.patches),
        repeats="\n".join(f"    {{{equal.times}, {equal.advance}}}," for equal in group.patches),
        starts_comment=f"\n * start_{first}: for each kind, the first row that each layer reads in its input buffer."
        if moving
        else "",
        starts=f"static const int16_t start_{first}[{kinds}][{len(moving)}] = {{\n{table}}};\n" if moving else "",
        start=f"        const int16_t *const start = start_{first}[kind];\n" if moving else "",
        source=plan.offsets[group.source],
        target=plan.offsets[model.arch.layers[group.last].name],
        pitch=pitches[group.source],
        calls="\n".join(f"            {line}" for line in calls),
    )
    size = layers * STRUCT_BYTES[PATCH] + STRUCT_BYTES[PATCH_RUN] + len(moving) * _START_BYTES
    return GroupCode(text, f"patches_{first}(a);", kinds * size)


@dataclass(frozen=True)
class _LayerInPatch:
    """One layer of a group.

    - model: the network.
    - plan: the plan of the arena that the group belongs to.
    - group: the layers that run together.
    - number: the index of the layer within the group, from 0.
    - moving: the pairs (layer, input) whose first row is in the table of starts, in the order of that table.
    - pitches: bytes of a row of every tensor, by name.
    """

    model: QuantizedModel
    plan: ArenaPlan
    group: PatchGroup
    number: int
    moving: Sequence[tuple[int, int]]
    pitches: Mapping[str, int]

    @property
    def _patch(self) -> str:
        """The C expression of the `micronets_patch` that describes the layer's work in this patch."""
        return f"b[{self.number}]"

    def lines(self, code: LayerCode) -> list[str]:
        """Returns the statements that move rows, set the fields that change, and run the layer."""
        index = self.group.first + self.number
        layer = self.model.arch.layers[index]
        lines = [f"MICRONETS_LAYER({index});", f"if ({self._patch}.rows > 0) {{"]
        if any(equal.layers[self.number].kept for equal in self.group.patches):
            buffer = f"a + {self.plan.offsets[layer.name]}"
            lines.append(f"    {KEEP_ROWS}({buffer}, {self.pitches[layer.name]}, &{self._patch});")
        if code.call:
            record = calls_c.record(code.call, index)
            copy = self._copy(record)
            lines += [f"    {line}" for line in copy]
            prefix = _COPY if copy else ""
            lines.append(f"    {calls_c.runner_name(code.call)}(a, &{prefix}{record.name});")
        if index == self.group.last:
            lines.append(f"    y += {self._patch}.rows * {self.pitches[layer.name]};")
        return [*lines, "}"]

    def _copy(self, constant: Constant) -> list[str]:
        """Returns the statements that copy a constant and set the fields that change; none if nothing changes."""
        changes = [f"{path} = {new};" for path, new in self._changes(f"{_COPY}{constant.name}", constant.value)]
        return [f"{constant.value.ctype} {_COPY}{constant.name} = {constant.name};", *changes] if changes else []

    def _changes(self, path: str, value: Value) -> Iterator[tuple[str, str]]:
        """Yields each field of `value` that changes from patch to patch, as C, and its value in this patch."""
        match value:
            case Struct():
                for field, inner in value.fields:
                    yield from self._changes(f"{path}.{field}", inner)
            case tuple():
                for i, inner in enumerate(value):
                    yield from self._changes(f"{path}[{i}]", inner)
            case Offset():
                if (new := self._offset(value)) != str(value.bytes):
                    yield path, new
            case OutputRows():
                yield path, _cast(value.ctype, self._count(value))
            case InputRows():
                yield path, _cast(value.ctype, f"{self._patch}.in_h")
            case PadTop():
                yield path, _cast(value.ctype, f"{self._patch}.pad_top")
            case int() | Name() | Real() | Table():
                pass
            case _:
                assert_never(value)

    def _count(self, value: OutputRows) -> str:
        """Returns a number proportional to the rows that this patch computes, as C."""
        return f"{self._patch}.rows" + (f" * {value.each}" if value.each != 1 else "")

    def _offset(self, of: Offset) -> str:
        """Returns the start of the rows of a tensor that this patch reads or computes; scratch memory does not move."""
        layer = self.model.arch.layers[self.group.first + self.number]
        if of.tensor in layer.inputs:
            begin = "x" if of.tensor == self.group.source else str(of.bytes)
            place = self.number, layer.inputs.index(of.tensor)
            if place not in self.moving:
                return begin
            return f"{begin} + start[{self.moving.index(place)}] * {self.pitches[of.tensor]}"
        if of.tensor == layer.name:
            if self.group.first + self.number == self.group.last:
                return "y"
            if any(equal.layers[self.number].kept for equal in self.group.patches):
                return f"{of.bytes} + {self._patch}.kept * {self.pitches[of.tensor]}"
        return str(of.bytes)


def _row(items: Iterable[str]) -> str:
    """Returns a row of a table as a line, or with a line for each item where one line does not hold it."""
    items = list(items)
    row = f"    {{{', '.join(items)}}},\n"
    if len(row) <= ctext.LINE + 1:
        return row
    return "    {\n" + "".join(f"        {item},\n" for item in items) + "    },\n"


def _numbers(patch: LayerPatch) -> str:
    """Returns the `micronets_patch` of a layer as C."""
    return f"{{{patch.moved}, {patch.kept}, {patch.rows}, {patch.in_h}, {patch.pad_top}}}"


def _cast(ctype: str, text: str) -> str:
    """Returns an int32_t as a value of another type."""
    return text if ctype == "int32_t" else f"({ctype})({text})"


def _pitches(model: QuantizedModel) -> dict[str, int]:
    """Returns the bytes of a row of every tensor."""
    widths = model.arch.element_bytes()
    return {name: math.prod(shape[1:]) * widths[name] for name, shape in model.arch.shapes().items()}
