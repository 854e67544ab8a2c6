"""The arena of the generated C: where every activation and scratch buffer lies.

Better than TFLM's plan in two ways: an output may overlap the input that dies with it (`overlap`), and the order in which
buffers are placed is searched for. `bound_bytes` is what no plan with these rules can be below, so a plan that reaches it
is optimal. The search is deterministic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.depthwise_schedule import Driver, Planes, driver, planes
from micronets.compiler.memory.overlap import distance, in_place
from micronets.compiler.memory.patches import Segment
from micronets.compiler.memory.placement import Pairs, search
from micronets.cost.tflm_plan import Buffer, align, float_tensors
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Reshape, Shape

BUFFER_ALIGNMENT = 4  # bytes; words and floats may be loaded from the start of every buffer
_TRIES = 1200


@dataclass(frozen=True)
class ArenaPlan:
    """Buffers with their offsets, and by name the offset of every tensor: a reshaped one lies where its source lies.

    bytes: size of the arena, a multiple of 16.
    live_bytes: the most that is alive at once, were nothing to overlap.
    bound_bytes: a lower bound on `bytes` for every plan by these rules.
    strips: by the name of a depthwise layer, how many lines of its output are computed together.
    segments: layers that run together in bands; the maps between them are buffers of a few rows.
    """

    buffers: tuple[Buffer, ...]
    offsets: Mapping[str, int]
    bytes: int
    live_bytes: int
    bound_bytes: int
    strips: Mapping[str, int]
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True)
class Needs:
    """What an arena has to hold, whichever layers run in bands: found once for all plans of a network.

    owner: for every tensor the one whose buffer it lies in. tensors: their buffers when nothing runs in bands.
    index: place in `tensors` by name. scratch: of each layer, run whole and run in bands.
    gaps: of each layer, `distance`. over: whether it can work `in_place`. only: `planes.driver` of the network.
    """

    steps: tuple[Step, ...]
    shapes: Mapping[str, Shape]
    owner: Mapping[str, str]
    tensors: tuple[Buffer, ...]
    index: Mapping[str, int]
    scratch: tuple[tuple[Buffer, Buffer], ...]
    gaps: tuple[int | None, ...]
    over: tuple[bool, ...]
    only: Driver


def needs(arch: Arch) -> Needs:
    """What `plan_needs` and `bounds` ask of `arch`; lifetimes are in operators counted from 1."""
    steps, shapes, width = arch.steps(), arch.shapes(), float_tensors(arch)
    owner, first, last = {INPUT: INPUT}, {INPUT: 0}, {INPUT: 0}
    scratch, joined, only = [], conv_weights.joined(arch), driver(steps)
    for time, step in enumerate(steps, start=1):
        layer = step.layer
        for name in layer.inputs:
            last[owner[name]] = time
        if isinstance(layer, Reshape):
            owner[layer.name] = owner[layer.inputs[0]]
        else:
            owner[layer.name] = layer.name
            first[layer.name] = last[layer.name] = time
        one = layer.name in joined
        whole, banded = (Buffer(layer.name, scratch_bytes(step, b, one, only), time, time, scratch=True) for b in (False, True))
        scratch.append((whole, banded))
    last[owner[arch.output]] = len(steps) + 1
    tensors = tuple(Buffer(n, math.prod(shapes[n]) * width.get(n, 1), first[n], last[n]) for n in first)
    index = {b.name: i for i, b in enumerate(tensors)}
    gaps = tuple(None if isinstance(s.layer, Reshape) else distance(s) for s in steps)
    return Needs(steps, shapes, owner, tensors, index, tuple(scratch), gaps, tuple(in_place(s, only) for s in steps), only)


def plan_arena(arch: Arch, tries: int = _TRIES, segments: Sequence[Segment] = ()) -> ArenaPlan:
    """A plan for `arch`; more `tries` may make it smaller. Layers of a segment run together: all its maps are alive at once."""
    return plan_needs(needs(arch), tries, segments)


def plan_needs(net: Needs, tries: int = _TRIES, segments: Sequence[Segment] = ()) -> ArenaPlan:
    """The same from what is known of the network."""
    buffers = _buffers(net, segments)
    gaps, exact = _gaps(net, buffers, segments), _exact(net, buffers, segments)
    live, bound = (max(sizes) for sizes in zip(*_alive(net, buffers, gaps | exact), strict=True))
    sizes, births = [b.bytes for b in buffers], [b.first for b in buffers]
    offsets, size = search(sizes, births, _near(net, buffers, gaps), exact, bound, tries)
    placed = tuple(replace(b, offset=o) for b, o in zip(buffers, offsets, strict=True))
    placed, strips = _widen(net, placed, align(size), segments)
    at = {b.name: b.offset for b in placed if not b.scratch}
    where = {name: at[own] for name, own in net.owner.items()} | {scratch_name(b.name): b.offset for b in placed if b.scratch}
    return ArenaPlan(placed, where, align(size), align(live), align(bound), strips, tuple(segments))


def bounds(net: Needs, segments: Sequence[Segment] = ()) -> list[int]:
    """Bytes that no plan can be below, before the first layer, during each and after the last: quicker than a plan."""
    buffers = _buffers(net, segments)
    gaps = _gaps(net, buffers, segments) | _exact(net, buffers, segments)
    return [bound for _, bound in _alive(net, buffers, gaps)]


def scratch_name(layer: str) -> str:
    """Under what name a plan's offsets hold the scratch buffer of a layer."""
    return f"{layer} scratch"


def scratch_bytes(step: Step, banded: bool = False, joined: bool = False, only: Driver = "quickest") -> int:
    """Bytes of scratch memory that the step's kernel wants at least.

    banded: where the step runs in bands. joined: where it is one of `columns.joined`. only: see `planes.driver`.
    """
    match step.layer:
        case Conv2D() | FullyConnected():
            return conv_weights.scratch(step, joined)
        case DepthwiseConv2D(weight_bits=bits, kernel=(kh, kw)):
            unpacked = kh * kw * step.output_shape[2] if bits == 4 else 0
            return _lines_bytes(planes(step, banded, only)) + unpacked
        case _:
            return 0


def _lines_bytes(p: Planes) -> int:
    return align(p.scratch_bytes(p.least_strip()), BUFFER_ALIGNMENT)


def _banded(segments: Sequence[Segment]) -> set[int]:
    """Numbers of the layers that run in bands."""
    return {i for segment in segments for i in range(segment.first, segment.last + 1)}


def _buffers(net: Needs, segments: Sequence[Segment]) -> list[Buffer]:
    """Buffers with lifetimes, tensors as in `Needs.tensors`, then scratch buffers."""
    tensors, banded = list(net.tensors), _banded(segments)

    for segment in segments:
        first, end = segment.first + 1, segment.last + 1
        for step in net.steps[segment.first : end]:
            name = step.layer.name
            i = net.index[name]
            size = segment.rows[name] * math.prod(net.shapes[name][1:]) if name in segment.rows else tensors[i].bytes
            tensors[i] = Buffer(name, size, first, max(tensors[i].last, end))
        i = net.index[net.owner[segment.source]]
        tensors[i] = replace(tensors[i], last=max(tensors[i].last, end))
    scratch = [pair[i in banded] for i, pair in enumerate(net.scratch)]
    return [*tensors, *(b for b in scratch if b.bytes)]


def _gaps(net: Needs, buffers: Sequence[Buffer], segments: Sequence[Segment]) -> dict[tuple[int, int], int]:
    """For outputs that may overlap an input that dies, (output, input) -> how far below the input they must start."""
    gaps = {}
    ends = {segment.last: segment for segment in segments}
    inside = _banded(segments) - set(ends)
    for i, step in enumerate(net.steps):
        segment = ends.get(i)
        gap = segment.gap if segment else net.gaps[i]
        if gap is None or i in inside:
            continue
        output = net.index[step.layer.name]
        for name in (segment.source,) if segment else step.layer.inputs:
            source = net.index[net.owner[name]]
            if buffers[source].last == i + 1:
                full = align(buffers[output].bytes, BUFFER_ALIGNMENT)
                gaps[output, source] = min(full, align(gap, BUFFER_ALIGNMENT))
    return gaps


def _near(net: Needs, buffers: Sequence[Buffer], gaps: Pairs) -> dict[tuple[int, int], int]:
    """For pairs alive at the same time, (lower, upper) -> how far above the lower's start the upper must start."""
    alive: list[list[int]] = [[] for _ in range(len(net.steps) + 2)]
    for i, b in enumerate(buffers):
        for time in range(b.first, b.last + 1):
            alive[time].append(i)
    room = [align(b.bytes, BUFFER_ALIGNMENT) for b in buffers]
    return {pair: room[pair[0]] for together in alive for pair in permutations(together, 2)} | dict(gaps)


def _alive(net: Needs, buffers: Sequence[Buffer], gaps: Pairs) -> list[tuple[int, int]]:
    """At every time, the bytes that are alive at once, and that less what can overlap at best."""
    times = len(net.steps) + 2
    total, saved = [0] * times, [0] * times
    for b in buffers:
        for time in range(b.first, b.last + 1):
            total[time] += b.bytes
    gains: dict[tuple[int, int], int] = {}  # by output and time
    for (output, source), gap in gaps.items():
        low, high = buffers[output], buffers[source]
        gain = min(align(low.bytes, BUFFER_ALIGNMENT) - gap, high.bytes)
        for time in range(max(low.first, high.first), min(low.last, high.last) + 1):
            gains[output, time] = gains.get((output, time), 0) + gain
    for (output, time), gain in gains.items():
        saved[time] += min(buffers[output].bytes, gain)
    return [(t, t - s) for t, s in zip(total, saved, strict=True)]


def _exact(net: Needs, buffers: Sequence[Buffer], segments: Sequence[Segment]) -> dict[tuple[int, int], int]:
    """0 for pairs (output, input) that may begin at the same place, though they overlap nowhere else."""
    pairs, banded = {}, _banded(segments)
    for i, step in enumerate(net.steps):
        if net.over[i] and i not in banded:
            source = net.index[net.owner[step.layer.inputs[0]]]
            if buffers[source].last == i + 1:
                pairs[net.index[step.layer.name], source] = 0
    return pairs


def _widen(
    net: Needs, buffers: tuple[Buffer, ...], size: int, segments: Sequence[Segment]
) -> tuple[tuple[Buffer, ...], dict[str, int]]:
    """Depthwise layers compute as many lines together as their scratch buffer finds room for in the arena as it is."""
    found, strips, banded = list(buffers), {}, _banded(segments)
    at = {b.name: i for i, b in enumerate(buffers) if b.scratch}
    for number, step in enumerate(net.steps):
        if not isinstance(step.layer, DepthwiseConv2D):
            continue
        index, p = at[step.layer.name], planes(step, number in banded, net.only)
        scratch = buffers[index]
        taken = sorted(
            (b.offset, b.offset + b.bytes) for b in buffers if b is not scratch and b.first <= scratch.first <= b.last
        )
        best, end = (0, 0), 0  # length and start of the largest gap
        for low, high in [*taken, (size, size)]:
            start = align(end, BUFFER_ALIGNMENT)
            best, end = max(best, (low - start, -start)), max(end, high)
        unpacked = scratch.bytes - _lines_bytes(p)
        strip = strips[step.layer.name] = p.strip(best[0] - unpacked)
        found[index] = replace(scratch, offset=-best[1], bytes=unpacked + align(p.scratch_bytes(strip), BUFFER_ALIGNMENT))
    return tuple(found), strips
