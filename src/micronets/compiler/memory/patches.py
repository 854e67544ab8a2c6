"""Patch-based inference: several layers run together on a few rows at a time, so that no map between them is
ever whole.

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
from micronets.ir.layers import Layer

_MOST_ROWS = 32767  # the largest number that the tables in C hold


@dataclass(frozen=True)
class LayerPatch:
    """The rows that one layer reads and writes in one patch.

    - moved, kept: `kept` rows of its output, from row `moved` of the buffer on, move to the front of the buffer.
    - rows: how many rows are computed after them; 0 if the layer does nothing in this patch.
    - start: for each of its inputs, the row of the buffer from which on it reads.
    - in_h: how many rows it reads of each input.
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
    - advance: how many more rows at the front of the group's input nothing needs any more, before each patch.
    - layers: what each layer of the group does in a patch.
    """

    times: int
    advance: int
    layers: tuple[LayerPatch, ...]


@dataclass(frozen=True)
class PatchGroup:
    """Layers that run together, patch by patch.

    - first, last: the numbers of the first and the last layer.
    - height: how many rows of the last layer's output a patch computes; the last patch may compute fewer.
    - source: the tensor that the group reads.
    - rows: for each map between the layers, how many rows its buffer has.
    - patches: what the layers do, in order.
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
        """The numbers of the group's layers."""
        return range(self.first, self.last + 1)


def rows_needed(kernel: Kernel) -> RowReach | None:
    """Returns which input rows an output row of a layer needs, or None if the layer cannot run in patches."""
    step = kernel.step
    maps = *step.input_shapes, *step.output_shapes
    if len(step.output_shapes) > 1 or any(len(shape) != 3 for shape in maps):
        return None
    return kernel.row_reach if 1 < max(shape[0] for shape in maps) <= _MOST_ROWS else None


def possible_groups(kernels: Sequence[Kernel], outputs: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yields the first and the last layer of every possible group.

    The layers of a group read one tensor from outside it, and only the output of the last is read outside it.

    - kernels: the kernels of all layers of the network, in order.
    - outputs: names of the network's outputs, which must be whole.
    """
    steps = [kernel.step for kernel in kernels]
    readers: dict[str, list[int]] = {}
    for i, step in enumerate(steps):
        for name in step.layer.inputs:
            readers.setdefault(name, []).append(i)
    for first, begin in enumerate(steps):
        if not begin.layer.inputs:
            continue
        source = begin.layer.inputs[0]
        inside: dict[str, int] = {}  # the last reader of each map so far
        for last in range(first, len(steps)):
            layer = steps[last].layer
            from_elsewhere = any(name != source and name not in inside for name in layer.inputs)
            if from_elsewhere or rows_needed(kernels[last]) is None:
                break
            if last > first and all(reader <= last for reader in inside.values()):
                yield first, last
            unread = layer.name in outputs or layer.name not in readers
            inside[layer.name] = len(steps) if unread else max(readers[layer.name])


def patch_group(
    kernels: Sequence[Kernel], first: int, last: int, height: int, widths: Mapping[str, int], most: int | None = None
) -> PatchGroup:
    """Returns the group of the layers `first` to `last`, one of `possible_groups`.

    - kernels: the kernels of all layers of the network, in order.
    - first, last: the numbers of the first and the last layer.
    - height: rows of the last output that a patch computes, at least 1.
    - widths: bytes of an element of every tensor.
    - most: how many patches to work out, for a lower bound of `rows` in little time; None for all.
    """
    progress = _Progress(kernels[first : last + 1])
    source, out = progress.source, progress.out
    pitch = {t: math.prod(progress.shapes[t][1:]) * widths[t] for t in (source, out)}
    found: list[EqualPatches] = []
    gap = 0
    while progress.end[out] < progress.height(out) and (most is None or progress.end[out] < most * height):
        advance = progress.forget(source)
        gap = max(gap, progress.end[out] * pitch[out] - progress.front[source] * pitch[source])
        patches = progress.next_patch(height)
        if found and found[-1].advance == advance and found[-1].layers == patches:
            found[-1] = EqualPatches(found[-1].times + 1, advance, patches)
        else:
            found.append(EqualPatches(1, advance, patches))
    apart = source in kernels[last].step.layer.inputs
    return PatchGroup(first, last, height, source, progress.buffer_rows, tuple(found), None if apart else gap)


class _Progress:
    """The progress of the layers of a group: the rows that each has computed.

    - source, out: the tensor that the group reads, and the one that it writes.
    - shapes: the shapes of all maps of the group.
    - front, end: for each map, the rows `front` .. `end` - 1 are computed and kept, in a buffer if the map is an
      inner one.
    - buffer_rows: for each inner map, the most rows that its buffer has held.
    """

    def __init__(self, kernels: Sequence[Kernel]) -> None:
        reaches = [(kernel, reach) for kernel in kernels if (reach := rows_needed(kernel)) is not None]
        self._layers = [(kernel.step.layer, reach) for kernel, reach in reaches]
        self.source, self.out = kernels[0].step.layer.inputs[0], kernels[-1].step.layer.name
        self.shapes = {self.source: kernels[0].step.input_shapes[0]}
        self.shapes |= {kernel.step.layer.name: kernel.step.output_shape for kernel in kernels}
        self._readers: dict[str, list[tuple[Layer, RowReach]]] = {tensor: [] for tensor in self.shapes}
        for layer, reach in self._layers:
            for tensor in layer.inputs:
                self._readers[tensor].append((layer, reach))
        self.front, self.end = dict.fromkeys(self.shapes, 0), dict.fromkeys(self.shapes, 0)
        self.end[self.source] = self.height(self.source)
        self.buffer_rows = {layer.name: 0 for layer, _ in self._layers if layer.name != self.out}

    def height(self, tensor: str) -> int:
        """Returns how many rows the whole map has."""
        return self.shapes[tensor][0]

    def forget(self, tensor: str) -> int:
        """Drops the rows at the front of a map that no layer needs any more; returns how many these are."""
        needed = min(max(0, reach.start(self.end[layer.name])) for layer, reach in self._readers[tensor])
        gone = min(needed, self.end[tensor]) - self.front[tensor]
        self.front[tensor] += gone
        return gone

    def next_patch(self, height: int) -> tuple[LayerPatch, ...]:
        """Returns what each layer does so that the group writes `height` more rows, or those that are left."""
        ends = {self.out: min(self.height(self.out), self.end[self.out] + height)}
        for tensor in reversed(self.buffer_rows):
            needed = (reach.end(ends[layer.name], self.height(tensor)) for layer, reach in self._readers[tensor])
            ends[tensor] = max(self.end[tensor], *needed)
        return tuple(self._compute(layer, reach, ends[layer.name]) for layer, reach in self._layers)

    def _compute(self, layer: Layer, reach: RowReach, end: int) -> LayerPatch:
        """Returns what a layer does so that the rows of its output up to `end` - 1 are computed."""
        name, done = layer.name, self.end[layer.name]
        if end == done:
            return LayerPatch(0, 0, 0, (0,) * len(layer.inputs), 0, 0)
        moved, kept = 0, 0
        if name in self.buffer_rows:
            moved = self.forget(name)
            kept = done - self.front[name]
            self.buffer_rows[name] = max(self.buffer_rows[name], kept + end - done)
        top = reach.start(done)
        start = tuple(max(0, top) - self.front[tensor] for tensor in layer.inputs)
        in_h = reach.end(end, self.height(layer.inputs[0])) - max(0, top)
        self.end[name] = end
        return LayerPatch(moved if kept else 0, kept, end - done, start, in_h, max(0, -top))
