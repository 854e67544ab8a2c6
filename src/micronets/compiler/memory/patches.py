"""Several layers run together, a band of rows at a time, so that the maps between them are never whole in memory.

As in MCUNetV2 (arXiv 2110.15352, section 3), but by bands of whole rows, which lie together in memory, and with nothing
computed twice: the rows that two bands share are kept between them. Each map between the layers has a buffer of a few
rows; a band first moves the rows that are still needed to the front of it, then computes the next ones behind them.
The map that goes in and the one that comes out are whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from micronets.ir.arch import Step
from micronets.ir.layers import Add, AveragePool2D, Conv2D, DepthwiseConv2D, MaxPool2D, Pad, Quantize, Relu

_MOST_ROWS = 32767  # what the tables in C hold


@dataclass(frozen=True)
class Reach:
    """Output row y needs the input rows y * stride - pad .. y * stride - pad + span - 1, as far as they are there."""

    stride: int
    pad: int
    span: int

    def start(self, y: int) -> int:
        """The first tap of output row y; negative in the padding."""
        return y * self.stride - self.pad

    def end(self, rows: int, size: int) -> int:
        """How many of `size` input rows the first `rows` output rows need, rows > 0."""
        return min(size, self.start(rows - 1) + self.span)


@dataclass(frozen=True)
class Band:
    """What a layer does in one band: `kept` rows of its output from row `moved` of the buffer on go to the front, then
    `rows` are computed behind them, from in_h rows of each input that begin at `start` in its buffer; the window begins
    pad_top rows above. Nothing at all if rows is 0."""

    moved: int = 0
    kept: int = 0
    rows: int = 0
    start: tuple[int, int] = (0, 0)
    in_h: int = 0
    pad_top: int = 0


@dataclass(frozen=True)
class Run:
    """`times` equal bands; before each, the input goes on by `advance` rows, which nobody needs any more."""

    times: int
    advance: int
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Segment:
    """The layers number `first` to `last`, run in bands of `height` rows of the last one's output (or fewer at the end).

    source: the tensor that goes in. rows: of the buffer of each map in between. gap: bytes from the start of the output up
    to the start of the input, at least, if the input dies here; None where they must not overlap.
    """

    first: int
    last: int
    height: int
    source: str
    rows: Mapping[str, int]
    runs: tuple[Run, ...]
    gap: int | None


def reach(step: Step) -> Reach | None:
    """Which input rows a layer needs, or None if it cannot run in bands."""
    layer, x, y = step.layer, step.input_shapes[0], step.output_shape
    if len(x) != 3 or len(y) != 3 or not 1 < max(x[0], y[0]) <= _MOST_ROWS:
        return None
    match layer:
        case Conv2D() | DepthwiseConv2D() | AveragePool2D() | MaxPool2D():
            window = layer.window
            return Reach(window.stride[0], window.before(x)[0], window.reach[0])
        case Add() | Relu() | Quantize():
            return Reach(1, 0, 1)
        case Pad() if layer.paddings[0] == (0, 0):
            return Reach(1, 0, 1)
        case _:
            return None


def spans(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """First and last layer of every segment that is possible: one tensor goes in, only the last one's output comes out."""
    readers: dict[str, list[int]] = {}
    for i, step in enumerate(steps):
        for name in step.layer.inputs:
            readers.setdefault(name, []).append(i)
    for first, begin in enumerate(steps):
        source = begin.layer.inputs[0]
        inside: dict[str, int] = {}  # the last reader of each map so far
        for last in range(first, len(steps)):
            layer = steps[last].layer
            if reach(steps[last]) is None or any(name != source and name not in inside for name in layer.inputs):
                break
            if last > first and all(reader <= last for reader in inside.values()):
                yield first, last
            inside[layer.name] = max(readers.get(layer.name, [len(steps)]))


def schedule(
    steps: Sequence[Step], first: int, last: int, height: int, widths: Mapping[str, int], most: int | None = None
) -> Segment:
    """The bands of one of `spans`, height > 0. widths: bytes of an element of the tensors where it is not 1.

    most: end after as many bands, for a quick idea of `rows` (which are then at most those of the whole).
    """
    layers = [step.layer for step in steps[first : last + 1]]
    names = [layer.name for layer in layers]
    reaches = [r for step in steps[first : last + 1] if (r := reach(step)) is not None]
    source, out = layers[0].inputs[0], names[-1]
    shapes = {source: steps[first].input_shapes[0]} | {s.layer.name: s.output_shape for s in steps[first : last + 1]}
    readers: dict[str, list[int]] = {t: [] for t in shapes}
    for i, layer in enumerate(layers):
        for t in layer.inputs:
            readers[t].append(i)
    front, end = dict.fromkeys(shapes, 0), dict.fromkeys(shapes, 0) | {source: shapes[source][0]}
    largest = dict.fromkeys(names[:-1], 0)
    pitch = {t: math.prod(shapes[t][1:]) * widths.get(t, 1) for t in (source, out)}

    def forget(tensor: str) -> int:
        """Rows at the front of a map that nobody needs any more; they are no longer counted as there."""
        needed = min(max(0, reaches[i].start(end[names[i]])) for i in readers[tensor])
        gone = min(needed, end[tensor]) - front[tensor]
        front[tensor] += gone
        return gone

    found: list[Run] = []
    gap = 0
    while end[out] < shapes[out][0] and (most is None or end[out] < most * height):
        advance = forget(source)
        gap = max(gap, end[out] * pitch[out] - front[source] * pitch[source])
        need = {out: min(shapes[out][0], end[out] + height)}
        for tensor in reversed(names[:-1]):
            ends = (reaches[i].end(need[names[i]], shapes[tensor][0]) for i in readers[tensor])
            need[tensor] = max(end[tensor], *ends)
        bands = []
        for layer, r in zip(layers, reaches, strict=True):
            name, done, rows = layer.name, end[layer.name], need[layer.name] - end[layer.name]
            if not rows:
                bands.append(Band())
                continue
            moved = forget(name) if name != out else 0
            kept = done - front[name] if name != out else 0
            top = r.start(done)
            start = [max(0, top) - front[t] for t in layer.inputs]
            in_h = r.end(done + rows, shapes[layer.inputs[0]][0]) - max(0, top)
            bands.append(Band(moved if kept else 0, kept, rows, (start[0], start[-1]), in_h, max(0, -top)))
            end[name] += rows
            largest[name] = max(largest.get(name, 0), kept + rows)
        if found and found[-1].advance == advance and found[-1].bands == tuple(bands):
            found[-1] = Run(found[-1].times + 1, advance, tuple(bands))
        else:
            found.append(Run(1, advance, tuple(bands)))
    rows_of = {name: largest[name] for name in names[:-1]}
    apart = source in layers[-1].inputs
    return Segment(first, last, height, source, rows_of, tuple(found), None if apart else gap)
