"""The arena of the generated C: where every activation and scratch buffer lies.

Better than TFLM's plan in two ways: an output may overlap the input that dies with it (`overlap`), and the order in which
buffers are placed is searched for. `bound_bytes` is what no plan with these rules can be below, so a plan that reaches it
is optimal. The search is deterministic.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from micronets.arch import INPUT, Arch, Conv2D, DepthwiseConv2D, FullyConnected, Reshape, Step
from micronets.compiler import columns
from micronets.compiler.bands import Segment
from micronets.compiler.overlap import distance, in_place
from micronets.compiler.planes import Planes, planes
from micronets.plan import Buffer, align, float_tensors

BUFFER_ALIGNMENT = 4  # bytes; words and floats may be loaded from the start of every buffer
_TRIES = 400

Pairs = Mapping[tuple[int, int], int]


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


def plan_arena(arch: Arch, tries: int = _TRIES, segments: Sequence[Segment] = ()) -> ArenaPlan:
    """A plan for `arch`; more `tries` may make it smaller. Layers of a segment run together: all its maps are alive at once."""
    buffers, owner = _buffers(arch, segments)
    gaps = _gaps(arch, buffers, owner, segments)
    exact = _exact(arch, buffers, owner, segments)
    live, bound = (max(sizes) for sizes in zip(*_alive(arch, buffers, gaps | exact), strict=True))
    offsets, size = _search(buffers, _near(buffers, gaps), exact, bound, tries)
    placed = tuple(replace(b, offset=o) for b, o in zip(buffers, offsets, strict=True))
    placed, strips = _widen(arch, placed, align(size), segments)
    at = {b.name: b.offset for b in placed if not b.scratch}
    where = {name: at[own] for name, own in owner.items()} | {scratch_name(b.name): b.offset for b in placed if b.scratch}
    return ArenaPlan(placed, where, align(size), align(live), align(bound), strips, tuple(segments))


def bounds(arch: Arch, segments: Sequence[Segment] = ()) -> list[int]:
    """Bytes that no plan can be below, before the first layer, during each and after the last: quicker than a plan."""
    buffers, owner = _buffers(arch, segments)
    gaps = _gaps(arch, buffers, owner, segments) | _exact(arch, buffers, owner, segments)
    return [bound for _, bound in _alive(arch, buffers, gaps)]


def scratch_name(layer: str) -> str:
    """Under what name a plan's offsets hold the scratch buffer of a layer."""
    return f"{layer} scratch"


def scratch_bytes(step: Step, banded: bool = False) -> int:
    """Bytes of scratch memory that the step's kernel wants at least; banded: where the step runs in bands."""
    match step.layer:
        case Conv2D() | FullyConnected():
            return columns.scratch(step)
        case DepthwiseConv2D(weight_bits=bits, kernel=(kh, kw)):
            unpacked = kh * kw * step.output_shape[2] if bits == 4 else 0
            return _lines_bytes(planes(step, banded)) + unpacked
        case _:
            return 0


def _lines_bytes(p: Planes) -> int:
    return align(p.scratch_bytes(p.least_strip()), BUFFER_ALIGNMENT)


def _banded(segments: Sequence[Segment]) -> set[int]:
    """Numbers of the layers that run in bands."""
    return {i for segment in segments for i in range(segment.first, segment.last + 1)}


def _buffers(arch: Arch, segments: Sequence[Segment]) -> tuple[list[Buffer], dict[str, str]]:
    """Buffers with lifetimes, in operators counted from 1, and for every tensor the one whose buffer it lies in."""
    shapes, width = arch.shapes(), float_tensors(arch)
    owner, first, last = {INPUT: INPUT}, {INPUT: 0}, {INPUT: 0}
    scratch, banded = [], _banded(segments)
    for time, step in enumerate(arch.steps(), start=1):
        layer = step.layer
        for name in layer.inputs:
            last[owner[name]] = time
        if isinstance(layer, Reshape):
            owner[layer.name] = owner[layer.inputs[0]]
        else:
            owner[layer.name] = layer.name
            first[layer.name] = last[layer.name] = time
        if wanted := scratch_bytes(step, time - 1 in banded):
            scratch.append(Buffer(layer.name, wanted, time, time, scratch=True))
    last[owner[arch.output]] = len(arch.layers) + 1
    size = {n: math.prod(shapes[n]) * width.get(n, 1) for n in first}
    for segment in segments:
        inside = {arch.layers[i].name for i in range(segment.first, segment.last + 1)}
        for name in inside:
            first[name], last[name] = segment.first + 1, max(last[name], segment.last + 1)
        last[owner[segment.source]] = max(last[owner[segment.source]], segment.last + 1)
        size |= {name: rows * math.prod(shapes[name][1:]) for name, rows in segment.rows.items()}
    tensors = [Buffer(n, size[n], first[n], last[n]) for n in first]
    return [*tensors, *scratch], owner


def _gaps(
    arch: Arch, buffers: Sequence[Buffer], owner: Mapping[str, str], segments: Sequence[Segment]
) -> dict[tuple[int, int], int]:
    """For outputs that may overlap an input that dies, (output, input) -> how far below the input they must start."""
    gaps = {}
    index = {b.name: i for i, b in enumerate(buffers) if not b.scratch}
    ends = {segment.last: segment for segment in segments}
    inside = {i for segment in segments for i in range(segment.first, segment.last)}
    for time, step in enumerate(arch.steps(), start=1):
        if isinstance(step.layer, Reshape) or time - 1 in inside:
            continue
        segment = ends.get(time - 1)
        gap = segment.gap if segment else distance(step)
        output = index[step.layer.name]
        for name in {owner[i] for i in ((segment.source,) if segment else step.layer.inputs)}:
            source = index[name]
            if gap is not None and buffers[source].last == time:
                full = align(buffers[output].bytes, BUFFER_ALIGNMENT)
                gaps[output, source] = min(full, align(gap, BUFFER_ALIGNMENT))
    return gaps


def _near(buffers: Sequence[Buffer], gaps: Pairs) -> dict[tuple[int, int], int]:
    """For pairs alive at the same time, (lower, upper) -> how far above the lower's start the upper must start."""
    near: dict[tuple[int, int], int] = {}
    for i, a in enumerate(buffers):
        for k, b in enumerate(buffers):
            if i != k and a.first <= b.last and b.first <= a.last:
                near[i, k] = align(a.bytes, BUFFER_ALIGNMENT)
    near.update(gaps)
    return near


def _alive(arch: Arch, buffers: Sequence[Buffer], gaps: Pairs) -> list[tuple[int, int]]:
    """At every time, the bytes that are alive at once, and that less what can overlap at best."""
    times = len(arch.layers) + 2
    total, saved = [0] * times, [0] * times
    for b in buffers:
        for time in range(b.first, b.last + 1):
            total[time] += b.bytes
    for output in {low for low, _ in gaps}:
        b, gains = buffers[output], [0] * times
        for high in (high for low, high in gaps if low == output):
            gain = min(align(b.bytes, BUFFER_ALIGNMENT) - gaps[output, high], buffers[high].bytes)
            for time in range(max(b.first, buffers[high].first), min(b.last, buffers[high].last) + 1):
                gains[time] += gain
        saved = [s + min(b.bytes, gain) for s, gain in zip(saved, gains, strict=True)]
    return [(t, t - s) for t, s in zip(total, saved, strict=True)]


def _exact(
    arch: Arch, buffers: Sequence[Buffer], owner: Mapping[str, str], segments: Sequence[Segment]
) -> dict[tuple[int, int], int]:
    """0 for pairs (output, input) that may begin at the same place, though they overlap nowhere else."""
    index = {b.name: i for i, b in enumerate(buffers) if not b.scratch}
    pairs, banded = {}, _banded(segments)
    for time, step in enumerate(arch.steps(), start=1):
        if time - 1 not in banded and in_place(step):
            source = index[owner[step.layer.inputs[0]]]
            if buffers[source].last == time:
                pairs[index[step.layer.name], source] = 0
    return pairs


def _widen(
    arch: Arch, buffers: tuple[Buffer, ...], size: int, segments: Sequence[Segment]
) -> tuple[tuple[Buffer, ...], dict[str, int]]:
    """Depthwise layers compute as many lines together as their scratch buffer finds room for in the arena as it is."""
    found, strips, banded = list(buffers), {}, _banded(segments)
    at = {b.name: i for i, b in enumerate(buffers) if b.scratch}
    for number, step in enumerate(arch.steps()):
        if not isinstance(step.layer, DepthwiseConv2D):
            continue
        index, p = at[step.layer.name], planes(step, number in banded)
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


def _search(buffers: Sequence[Buffer], near: Pairs, exact: Pairs, bound: int, tries: int) -> tuple[list[int], int]:
    """The best placement found: by falling size, then by changing the order of the best so far at random."""
    neighbours: list[list[int]] = [[] for _ in buffers]
    for i, k in near:
        neighbours[i].append(k)
    rng = random.Random(0)
    count = range(len(buffers))
    starts = [
        sorted(count, key=lambda i: -buffers[i].bytes),
        sorted(count, key=lambda i: (-buffers[i].bytes, -i)),
        sorted(count, key=lambda i: -buffers[i].first),
    ]
    found = [(*_place(order, buffers, near, exact, neighbours), order) for order in starts]
    offsets, size, best = min(found, key=lambda f: f[1])
    for _ in range(tries):
        if align(size) <= align(bound) or len(buffers) < 2:
            break
        order = list(best)
        for _ in range(rng.choice((1, 1, 2, 3))):
            high = [i for i in order if offsets[i] + buffers[i].bytes == size]
            item = rng.choice(high) if rng.random() < 0.5 and high else rng.choice(order)
            order.remove(item)
            order.insert(rng.randrange(len(order) + 1), item)
        other, total = _place(order, buffers, near, exact, neighbours)
        if total <= size:
            offsets, size, best = other, total, order
    return offsets, size


def _place(
    order: Sequence[int], buffers: Sequence[Buffer], near: Pairs, exact: Pairs, neighbours: Sequence[Sequence[int]]
) -> tuple[list[int], int]:
    """Every buffer at the lowest offset that those placed before it allow; the offsets and the size of it all."""
    offsets = [-1] * len(buffers)
    for new in order:
        # Between these, exclusive, the new one would be too near to one already there.
        barred = []
        for k in neighbours[new]:
            at = offsets[k]
            if at >= 0:
                ends = (at - near[new, k], at + near[k, new])
                barred += [(ends[0], at), (at, ends[1])] if (new, k) in exact or (k, new) in exact else [ends]
        offset = 0
        for low, high in sorted(barred):
            if low < offset < high:
                offset = high
        offsets[new] = offset
    return offsets, max(o + b.bytes for o, b in zip(offsets, buffers, strict=True))
