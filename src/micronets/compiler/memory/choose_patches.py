"""Chooses the layers that run together in patches, so that the arena stays within a limit.

Nothing is computed twice, so patches cost little time; the cost grows with the number of patches and of layers, so the
fewest that hold the limit are chosen. The search is deterministic.
"""

from __future__ import annotations

from micronets.boards.targets import DSP, Target
from micronets.compiler.kernels.copied import WeightCopies
from micronets.compiler.kernels.goal import DEFAULT_GOAL, Goal
from micronets.compiler.memory.patches import PatchGroup, patch_group, possible_groups
from micronets.compiler.memory.plan import ArenaPlan, Needs, bounds, needs, plan_needs
from micronets.cost.tflm_plan import align
from micronets.ir.arch import Arch

_MOST_PLANS = 10  # how many candidates, the most promising ones, are planned
_FEW_PATCHES = 3  # after this many patches the buffers have usually reached their final size


def plan_patches(
    arch: Arch,
    limit: int,
    target: Target = DSP,
    goal: Goal = DEFAULT_GOAL,
    copies: WeightCopies | None = None,
) -> ArenaPlan:
    """Returns a plan within a limit with the fewest layers in patches, or else the smallest that it finds.

    - arch: the network.
    - limit: the bytes that the arena may have; 0 asks for the smallest arena.
    - target: the instruction set that the kernels are for.
    - goal: what they are chosen for where a faster one takes more memory.
    - copies: how layers may copy their weights first; None for not at all.
    """
    net = needs(arch, target, goal, copies)
    plans = [plan_needs(net)]
    while plans[-1].bytes > limit and (better := _one_more(net, plans[-1], limit)):
        plans.append(better)
    return min(plans, key=lambda plan: plan.bytes)


def _one_more(net: Needs, plan: ArenaPlan, limit: int) -> ArenaPlan | None:
    """Returns a plan with one more group that needs less memory, or is full for less time; None if there is none."""
    kernels = [whole for whole, _ in net.kernels]
    taken = {i for group in plan.groups for i in group.layers}
    now = bounds(net, plan.groups)
    peaks = {time - 1 for time, size in enumerate(now) if size == max(now)} | {time - 1 for time in _full(plan)}
    found = []
    for first, last in possible_groups(kernels, net.outputs):
        layers = range(first, last + 1)
        if not taken.isdisjoint(layers) or peaks.isdisjoint(layers):
            continue
        needed = bounds(net, _with(plan, patch_group(kernels, first, last, 1, net.widths, _FEW_PATCHES)))
        promise = align(max(needed)), sum(align(n) >= plan.bytes for n in needed)
        if promise < _load(plan):
            rank = (0, 0) if promise[0] <= limit else (promise[0], max(needed[first + 1 : last + 2]))
            found.append((rank, last - first, promise, first, last))
    best = plan
    for *_, promise, first, last in sorted(found)[:_MOST_PLANS]:
        if promise < _load(best):
            groups = _with(plan, patch_group(kernels, first, last, 1, net.widths))
            best = min(best, plan_needs(net, groups=groups), key=_load)
        if best.bytes <= limit:
            break
    return None if best is plan else _higher(net, plan, best, limit)


def _full(plan: ArenaPlan) -> set[int]:
    """Returns the times at which a buffer reaches the end of the arena."""
    top = [b for b in plan.buffers if align(b.offset + b.bytes) == plan.bytes]
    return {time for b in top for time in range(b.first, b.last + 1)}


def _load(plan: ArenaPlan) -> tuple[int, int]:
    """Returns what a further group should reduce: the size of the arena, then for how long it is full."""
    return plan.bytes, len(_full(plan))


def _higher(net: Needs, before: ArenaPlan, plan: ArenaPlan, limit: int) -> ArenaPlan:
    """Returns `plan` with the highest patches of its new group that stay within the limit, or need no more memory."""
    group = next(s for s in plan.groups if s not in before.groups)
    kernels = [whole for whole, _ in net.kernels]
    while group.height < net.steps[group.last].output_shape[0]:
        group = patch_group(kernels, group.first, group.last, 2 * group.height, net.widths)
        higher = plan_needs(net, groups=_with(before, group))
        if higher.bytes > max(limit, plan.bytes):
            break
        plan = higher
    return plan


def _with(plan: ArenaPlan, group: PatchGroup) -> tuple[PatchGroup, ...]:
    """Returns the groups of a plan and one more, in the order of their layers."""
    return tuple(sorted((*plan.groups, group), key=lambda s: s.first))
