"""Patch-based inference: several layers run together on a few rows at a time, so that no map between them is ever
whole.

This is the idea of MCUNetV2 (arXiv 2110.15352, section 3), but a patch is of whole rows, which lie together in memory,
and nothing is computed twice: the rows that two patches share are kept between them. Each map between the layers has a
buffer of a few rows; a patch first moves the rows that are still needed to the front of it, then computes the next ones
behind them. The map that goes in and the one that comes out are whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from micronets.compiler.kernels.base import Kernel, RowReach

_MOST_ROWS = 32767  # what the tables in C hold


@dataclass(frozen=True)
class LayerPatch:
    """What one layer does in one patch, in rows.

    - moved, kept: `kept` rows of its output, from row `moved` of the buffer on, go to the front of the buffer.
    - rows: so many rows are computed behind them; 0 if the layer does nothing in this patch.
    - start: where the rows that it reads begin in the buffer of each of its inputs.
    - in_h: how many rows it reads of each.
    - pad_top: how many rows of padding lie above them.
    """

    moved: int
    kept: int
    rows: int
    start: tuple[int, ...]
    in_h: int
    pad_top: int


@dataclass(frozen=True)
class EqualPatches:
    """Patches one after the other in which every layer does the same.

    - times: how many there are.
    - advance: rows at the front of the group's input that nothing needs any more, before each patch.
    - layers: what each layer of the group does in a patch.
    """

    times: int
    advance: int
    layers: tuple[LayerPatch, ...]


@dataclass(frozen=True)
class PatchGroup:
    """Layers that run together, patch by patch.

    - first, last: their numbers.
    - height: how many rows of the last one's output a patch computes; the last patch may compute fewer.
    - source: the tensor that goes in.
    - rows: of the buffer of each map in between.
    - patches: what happens, in order.
    - gap: bytes from the start of the output up to the start of the input, at least, if nothing reads the input later;
      None where they must not overlap.
    """

    first: int
    last: int
    height: int
    source: str
    rows: Mapping[str, int]
    patches: tuple[EqualPatches, ...]
    gap: int | None

    @property
    def layers(self) -> range:
        """The numbers of its layers."""
        return range(self.first, self.last + 1)


def rows_needed(kernel: Kernel) -> RowReach | None:
    """Returns which input rows an output row of a layer needs, or None if the layer cannot run in patches."""
    step = kernel.step
    maps = *step.input_shapes, *step.output_shapes
    if len(step.output_shapes) > 1 or any(len(shape) != 3 for shape in maps):
        return None
    return kernel.row_reach if 1 < max(shape[0] for shape in maps) <= _MOST_ROWS else None


def possible_groups(kernels: Sequence[Kernel]) -> Iterator[tuple[int, int]]:
    """Returns first and last layer of every possible group: one tensor goes in, only the last output comes out."""
    steps = [kernel.step for kernel in kernels]
    readers: dict[str, list[int]] = {}
    for i, step in enumerate(steps):
        for name in step.layer.inputs:
            readers.setdefault(name, []).append(i)
    for first, begin in enumerate(steps):
        source = begin.layer.inputs[0]
        inside: dict[str, int] = {}  # the last reader of each map so far
        for last in range(first, len(steps)):
            layer = steps[last].layer
            from_elsewhere = any(name != source and name not in inside for name in layer.inputs)
            if from_elsewhere or rows_needed(kernels[last]) is None:
                break
            if last > first and all(reader <= last for reader in inside.values()):
                yield first, last
            inside[layer.name] = max(readers.get(layer.name, [len(steps)]))


def patch_group(
    kernels: Sequence[Kernel], first: int, last: int, height: int, widths: Mapping[str, int], most: int | None = None
) -> PatchGroup:
    """Returns the group of the layers `first` to `last`, one of `possible_groups`.

    - height: rows of the last output that a patch computes, at least 1.
    - widths: bytes of an element of the tensors where it is not 1.
    - most: end after as many patches, for a quick idea of `rows`, which are then at most those of the whole.
    """
    group = kernels[first : last + 1]
    layers, reaches = [k.step.layer for k in group], [reach for k in group if (reach := rows_needed(k)) is not None]
    names = [layer.name for layer in layers]
    source, out = layers[0].inputs[0], names[-1]
    shapes = {source: group[0].step.input_shapes[0]} | {k.step.layer.name: k.step.output_shape for k in group}
    readers: dict[str, list[int]] = {t: [] for t in shapes}
    for i, layer in enumerate(layers):
        for t in layer.inputs:
            readers[t].append(i)
    front, end = dict.fromkeys(shapes, 0), dict.fromkeys(shapes, 0) | {source: shapes[source][0]}
    largest = dict.fromkeys(names[:-1], 0)
    pitch = {t: math.prod(shapes[t][1:]) * widths.get(t, 1) for t in (source, out)}

    def forget(tensor: str) -> int:
        """Returns rows at the front of a map that nothing needs any more; they no longer count as there."""
        needed = min(max(0, reaches[i].start(end[names[i]])) for i in readers[tensor])
        gone = min(needed, end[tensor]) - front[tensor]
        front[tensor] += gone
        return gone

    found: list[EqualPatches] = []
    gap = 0
    while end[out] < shapes[out][0] and (most is None or end[out] < most * height):
        advance = forget(source)
        gap = max(gap, end[out] * pitch[out] - front[source] * pitch[source])
        need = {out: min(shapes[out][0], end[out] + height)}
        for tensor in reversed(names[:-1]):
            ends = (reaches[i].end(need[names[i]], shapes[tensor][0]) for i in readers[tensor])
            need[tensor] = max(end[tensor], *ends)
        patches = []
        for layer, r in zip(layers, reaches, strict=True):
            name, done, rows = layer.name, end[layer.name], need[layer.name] - end[layer.name]
            if not rows:
                patches.append(LayerPatch(0, 0, 0, (0,) * len(layer.inputs), 0, 0))
                continue
            moved = forget(name) if name != out else 0
            kept = done - front[name] if name != out else 0
            top = r.start(done)
            start = tuple(max(0, top) - front[t] for t in layer.inputs)
            in_h = r.end(done + rows, shapes[layer.inputs[0]][0]) - max(0, top)
            patches.append(LayerPatch(moved if kept else 0, kept, rows, start, in_h, max(0, -top)))
            end[name] += rows
            largest[name] = max(largest.get(name, 0), kept + rows)
        if found and found[-1].advance == advance and found[-1].layers == tuple(patches):
            found[-1] = EqualPatches(found[-1].times + 1, advance, tuple(patches))
        else:
            found.append(EqualPatches(1, advance, tuple(patches)))
    rows_of = {name: largest[name] for name in names[:-1]}
    apart = source in layers[-1].inputs
    return PatchGroup(first, last, height, source, rows_of, tuple(found), None if apart else gap)
