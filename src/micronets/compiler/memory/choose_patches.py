"""Which layers run together in bands (`bands`), so that the arena holds a limit: patch-wise execution of the first layers.

Nothing is computed twice, so what it costs is small and grows with the number of bands and of layers: the least that holds
the limit is chosen. The search is deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping

from micronets.compiler.memory.patches import Segment, schedule, spans
from micronets.compiler.memory.plan import ArenaPlan, Needs, bounds, needs, plan_needs
from micronets.cost.tflm_plan import align, float_tensors
from micronets.ir.arch import Arch

_MOST_PLANS = 10  # of the candidates that promise most
_FEW_BANDS = 3  # after which buffers are as large as they will be, as a rule


def plan_patches(arch: Arch, limit: int) -> ArenaPlan:
    """An arena of at most `limit` bytes with as few layers in bands as it takes, or the smallest one; see `plan_arena`."""
    net, widths = needs(arch), float_tensors(arch)
    plans = [plan_needs(net)]
    while plans[-1].bytes > limit and (better := _one_more(net, widths, plans[-1], limit)):
        plans.append(better)
    return min(plans, key=lambda plan: plan.bytes)


def _one_more(net: Needs, widths: Mapping[str, int], plan: ArenaPlan, limit: int) -> ArenaPlan | None:
    """A plan with one segment more that needs less memory, or needs as much in fewer layers; None if there is none."""
    steps = net.steps
    taken = {i for s in plan.segments for i in range(s.first, s.last + 1)}
    now = bounds(net, plan.segments)
    peaks = {time - 1 for time, size in enumerate(now) if size == max(now)} | {time - 1 for time in _full(plan)}
    found = []
    for first, last in spans(steps):
        layers = range(first, last + 1)
        if not taken.isdisjoint(layers) or peaks.isdisjoint(layers):
            continue
        needed = bounds(net, _with(plan, schedule(steps, first, last, 1, widths, _FEW_BANDS)))
        promise = align(max(needed)), sum(align(n) >= plan.bytes for n in needed)
        if promise < _load(plan):
            rank = (0, 0) if promise[0] <= limit else (promise[0], max(needed[first + 1 : last + 2]))
            found.append((rank, last - first, promise, first, last))
    best = plan
    for *_, promise, first, last in sorted(found)[:_MOST_PLANS]:
        if promise < _load(best):
            segments = _with(plan, schedule(steps, first, last, 1, widths))
            best = min(best, plan_needs(net, segments=segments), key=_load)
        if best.bytes <= limit:
            break
    return None if best is plan else _higher(net, widths, plan, best, limit)


def _full(plan: ArenaPlan) -> set[int]:
    """Times at which a buffer reaches the end of the arena."""
    top = [b for b in plan.buffers if align(b.offset + b.bytes) == plan.bytes]
    return {time for b in top for time in range(b.first, b.last + 1)}


def _load(plan: ArenaPlan) -> tuple[int, int]:
    """What is to become less: the size of the arena, then for how long it is full."""
    return plan.bytes, len(_full(plan))


def _higher(net: Needs, widths: Mapping[str, int], before: ArenaPlan, plan: ArenaPlan, limit: int) -> ArenaPlan:
    """The same segment with the highest bands that hold the limit, or that need no more memory."""
    segment = next(s for s in plan.segments if s not in before.segments)
    while segment.height < net.steps[segment.last].output_shape[0]:
        segment = schedule(net.steps, segment.first, segment.last, 2 * segment.height, widths)
        higher = plan_needs(net, segments=_with(before, segment))
        if higher.bytes > max(limit, plan.bytes):
            break
        plan = higher
    return plan


def _with(plan: ArenaPlan, segment: Segment) -> tuple[Segment, ...]:
    return tuple(sorted((*plan.segments, segment), key=lambda s: s.first))
