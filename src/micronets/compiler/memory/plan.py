"""The arena plan of the generated C: the address of every activation and scratch buffer.

It improves on TFLM's plan in three ways. An output may overlap an input that nothing reads later (`Overlap`). The
planner searches for the order in which buffers are placed. Tensors that are contiguous parts of others lie inside them
(`View`), so that joining, splitting and slicing cost nothing. No plan under these rules can be smaller than
`bound_bytes`, so a plan of that size is optimal. The search is deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

from micronets.boards.targets import DSP, Target
from micronets.compiler.kernels.base import Kernel, Overlap, View, scratch_name
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.copied import WeightCopies
from micronets.compiler.kernels.goal import DEFAULT_GOAL, Goal
from micronets.compiler.kernels.variables import SLOT_BYTES
from micronets.compiler.memory.patches import PatchGroup
from micronets.compiler.memory.placement import PairDistances, search_placement
from micronets.cost.tflm_plan import TFLM_ALIGNMENT, Buffer, align
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Shape
from micronets.quantized.model import input_offsets

BUFFER_ALIGNMENT = 4  # bytes; words and floats can be loaded from the start of every buffer
_TRIES = 1200


@dataclass(frozen=True)
class ArenaPlan:
    """The addresses of everything in the arena, and the kernel of each layer with its memory.

    - kernels: the kernel of each layer, with its scratch memory in this plan.
    - buffers: all buffers with their offsets.
    - offsets: bytes from the start of the arena to every tensor by its name (a part of another tensor may lie inside
      it) and to every layer's scratch memory by its `scratch_name`.
    - bytes: the size of the arena, a multiple of 16.
    - live_bytes: the maximum number of bytes alive at once if no output overlaps its input.
    - bound_bytes: a lower bound on `bytes` for every plan under these rules.
    - groups: the layers that run together in patches; the maps between them are buffers of a few rows.
    - target: the instruction set that the kernels are for.
    - tables_in_sram: whether weights and tables lie in SRAM, beside the arena, and not in flash.
    """

    kernels: tuple[Kernel, ...]
    buffers: tuple[Buffer, ...]
    offsets: Mapping[str, int]
    bytes: int
    live_bytes: int
    bound_bytes: int
    groups: tuple[PatchGroup, ...] = ()
    target: Target = DSP
    tables_in_sram: bool = False


@dataclass(frozen=True)
class Needs:
    """The input of the planner that does not depend on which layers run in patches; shared by all plans of a network.

    - steps, shapes: the network's layers, and the shapes of its tensors.
    - outputs: names of the network's outputs.
    - widths: bytes of an element of every tensor, by name.
    - owner: for every tensor, the tensor in whose buffer it lies.
    - within: for every tensor, its offset in that buffer in bytes.
    - tensors: the buffers of tensors if nothing runs in patches.
    - index: for every tensor with a buffer, its index in `tensors`.
    - kernels: two kernels for each layer: to run it whole, and to run it in patches.
    - overlaps: the overlap that each layer allows between its output and an input if it runs whole.
    - target: the instruction set that the kernels are for.
    - most_bytes: the limit to which the arena may grow for kernels that are faster with more memory
      (`Kernel.may_grow`).
    - tables_in_sram: see `ArenaPlan`.
    """

    steps: tuple[Step, ...]
    shapes: Mapping[str, Shape]
    outputs: tuple[str, ...]
    widths: Mapping[str, int]
    owner: Mapping[str, str]
    within: Mapping[str, int]
    tensors: tuple[Buffer, ...]
    index: Mapping[str, int]
    kernels: tuple[tuple[Kernel, Kernel], ...]
    overlaps: tuple[Overlap, ...]
    target: Target
    most_bytes: int = 0
    tables_in_sram: bool = False

    @property
    def slot_bytes(self) -> int:
        """Bytes at the start of the arena for the address of the state; 0 for a network without variables."""
        return SLOT_BYTES if any(whole.uses_state for whole, _ in self.kernels) else 0


def needs(arch: Arch, target: Target, goal: Goal = DEFAULT_GOAL, copies: WeightCopies | None = None) -> Needs:
    """Returns the `Needs` of `arch`, from which `plan_needs` and `bounds` work.

    - arch: the network.
    - target: the instruction set that the kernels are for.
    - goal: the goal by which kernels are chosen if a faster one takes more memory.
    - copies: see `choose`.

    Times are layer numbers, counted from 1; time 0 is before the first layer, and the number of layers + 1 is after the
    last. Tensors lie inside others wherever that does not make the arena larger.
    """
    kernels = choose_all(arch, target, goal, copies)
    inside: frozenset[int] = frozenset()
    best = _needs(arch, kernels, inside, target)
    for i in (i for i, kernel in enumerate(kernels) if kernel.views):
        other = _needs(arch, kernels, inside | {i}, target)
        if max(bounds(other)) <= max(bounds(best)):
            best, inside = other, inside | {i}
    most = copies.arena_bytes if copies else 0
    return replace(best, most_bytes=most, tables_in_sram=goal == "fastest")


def _needs(arch: Arch, kernels: Sequence[Kernel], inside: frozenset[int], target: Target) -> Needs:
    """Returns the `Needs` of `arch` in which the layers numbered `inside` use their `Kernel.views` where possible."""
    steps, sizes = arch.steps(), arch.tensor_bytes()
    # All inputs share one buffer, one after another.
    starts = input_offsets(arch)
    sizes[INPUT] = starts[-1]
    lives = _Lives(sizes, dict(zip((spec.name for spec in arch.inputs), starts, strict=False)))
    for time, (step, kernel) in enumerate(zip(steps, kernels, strict=True), start=1):
        layer = step.layer
        for name in layer.inputs:
            if name in lives.owner:  # else it is a constant
                lives.last[lives.owner[name]] = time
        for name in layer.outputs:
            if kernel.is_alias:
                lives.put(name, layer.inputs[0], 0)
            else:
                lives.add(name, time)
        for view in kernel.views if time - 1 in inside else ():
            lives.move(view)
    for name in arch.outputs:
        lives.last[lives.owner[name]] = len(steps) + 1
    tensors = tuple(Buffer(n, sizes[n], first, lives.last[n]) for n, first in lives.first.items())
    return Needs(
        steps,
        arch.shapes(),
        arch.outputs,
        arch.element_bytes(),
        lives.owner,
        lives.within,
        tensors,
        {b.name: i for i, b in enumerate(tensors)},
        tuple((kernel, kernel.in_patches()) for kernel in kernels),
        tuple(kernel.overlap for kernel in kernels),
        target,
    )


class _Lives:
    """The tensors of a network so far: the buffer of each, and the lifetime of each buffer.

    - sizes: bytes of every tensor; the entry of the first input holds the size of the buffer of all inputs.
    - inputs: the offset of each input in that buffer in bytes, by name.
    - owner, within: see `Needs`.
    - first, last: the lifetimes of buffers, by the names of their owners.
    """

    def __init__(self, sizes: Mapping[str, int], inputs: Mapping[str, int]) -> None:
        self.sizes = sizes
        self.owner, self.within = dict.fromkeys(inputs, INPUT), dict(inputs)
        self.first, self.last = {INPUT: 0}, {INPUT: 0}

    def add(self, name: str, time: int) -> None:
        """Adds a tensor with a buffer of its own."""
        self.owner[name], self.within[name] = name, 0
        self.first[name] = self.last[name] = time

    def put(self, name: str, outer: str, offset: int) -> None:
        """Adds a tensor that lies in the buffer of another.

        - name: the tensor.
        - outer: the other tensor, which must have been added already.
        - offset: bytes from the start of `outer` to the start of the tensor.
        """
        self.owner[name], self.within[name] = self.owner[outer], self.within[outer] + offset

    def move(self, view: View) -> None:
        """Moves the buffer of a view's inner tensor into the buffer of the outer one, if possible.

        The inner tensor must fill its buffer, the buffer must not be the network's input, and words must stay aligned.
        """
        if view.inner not in self.owner or view.outer not in self.owner:
            return  # a constant lies in flash
        inner, outer = self.owner[view.inner], self.owner[view.outer]
        offset = self.within[view.outer] + view.offset
        fills = self.within[view.inner] == 0 and self.sizes[inner] == self.sizes[view.inner]
        if not fills or inner in (outer, INPUT) or offset % BUFFER_ALIGNMENT:
            return
        for name, owner in self.owner.items():
            if owner == inner:
                self.owner[name] = outer
                self.within[name] += offset
        self.first[outer] = min(self.first[outer], self.first.pop(inner))
        self.last[outer] = max(self.last[outer], self.last.pop(inner))


def plan_arena(
    arch: Arch,
    target: Target = DSP,
    tries: int = _TRIES,
    groups: Sequence[PatchGroup] = (),
    goal: Goal = DEFAULT_GOAL,
    copies: WeightCopies | None = None,
) -> ArenaPlan:
    """Returns a plan of the arena.

    - arch: the network.
    - target: the instruction set that the kernels are for.
    - tries: the number of buffer orders that the search tries; more may make the arena smaller.
    - groups: the layers that run together in patches; all maps of a group are alive at once.
    - goal: the goal by which kernels are chosen if a faster one takes more memory.
    - copies: see `choose`.
    """
    return plan_needs(needs(arch, target, goal, copies), tries, groups)


def plan_needs(net: Needs, tries: int = _TRIES, groups: Sequence[PatchGroup] = ()) -> ArenaPlan:
    """Returns a plan as `plan_arena` does, from the `Needs` of a network, which several plans can share.

    - net: the result of `needs` for the network and the target.
    - tries, groups: see `plan_arena`.
    """
    buffers = _buffers(net, groups)
    gaps, exact = _gaps(net, buffers, groups), _exact(net, buffers, groups)
    live, bound = (max(sizes) for sizes in zip(*_alive(net, buffers, gaps | exact), strict=True))
    sizes, births = [b.bytes for b in buffers], [b.first for b in buffers]
    offsets, size = search_placement(sizes, births, _near(net, buffers, gaps), exact, bound, tries)
    placed = tuple(replace(b, offset=o) for b, o in zip(buffers, offsets, strict=True))
    placed, kernels = _use_free_memory(net, placed, align(size + net.slot_bytes) - net.slot_bytes, groups)
    size = max(size, *(b.offset + b.bytes for b in placed))
    at = {b.name: b.offset for b in placed if not b.scratch}
    where = {name: at[own] + net.within[name] for name, own in net.owner.items()}
    where |= {scratch_name(b.name): b.offset for b in placed if b.scratch}
    sizes_of_arena = align(size), align(live), align(bound)
    plan = ArenaPlan(kernels, placed, where, *sizes_of_arena, tuple(groups), net.target, net.tables_in_sram)
    return _behind_slot(plan, size) if net.slot_bytes else plan


def _behind_slot(plan: ArenaPlan, size: int) -> ArenaPlan:
    """Returns the plan with all addresses moved behind the slot for the address of the state.

    - plan: the plan.
    - size: its bytes, not rounded up.
    """
    return replace(
        plan,
        buffers=tuple(replace(b, offset=b.offset + SLOT_BYTES) for b in plan.buffers),
        offsets={name: offset + SLOT_BYTES for name, offset in plan.offsets.items()},
        bytes=align(size + SLOT_BYTES),
        live_bytes=align(plan.live_bytes + SLOT_BYTES),
        bound_bytes=plan.bound_bytes,
    )


def bounds(net: Needs, groups: Sequence[PatchGroup] = ()) -> list[int]:
    """Returns lower bounds on the arena's bytes: before the first layer, during each layer, and after the last."""
    buffers = _buffers(net, groups)
    gaps = _gaps(net, buffers, groups) | _exact(net, buffers, groups)
    return [bound for _, bound in _alive(net, buffers, gaps)]


def _in_patches(groups: Sequence[PatchGroup]) -> set[int]:
    """Returns the numbers of the layers that run in patches."""
    return {i for group in groups for i in group.layers}


def _buffers(net: Needs, groups: Sequence[PatchGroup]) -> list[Buffer]:
    """Returns all buffers with their lifetimes: tensors in the order of `Needs.tensors`, then scratch memory."""
    tensors, patched = list(net.tensors), _in_patches(groups)
    for group in groups:
        first, end = group.first + 1, group.last + 1
        for name in (output for step in net.steps[group.first : end] for output in step.layer.outputs):
            i = net.index[net.owner[name]]
            size = tensors[i].bytes
            if name in group.rows:
                size = group.rows[name] * (size // net.shapes[name][0])
            begin = first if net.owner[name] == name else min(tensors[i].first, first)
            tensors[i] = replace(tensors[i], bytes=size, first=begin, last=max(tensors[i].last, end))
        i = net.index[net.owner[group.source]]
        tensors[i] = replace(tensors[i], last=max(tensors[i].last, end))
    scratch = (
        Buffer(step.layer.name, both[i in patched].scratch_bytes, i + 1, i + 1, scratch=True)
        for i, (step, both) in enumerate(zip(net.steps, net.kernels, strict=True))
    )
    return [*tensors, *(b for b in scratch if b.bytes)]


def _gaps(net: Needs, buffers: Sequence[Buffer], groups: Sequence[PatchGroup]) -> dict[tuple[int, int], int]:
    """Returns the least distance by which an output must start below an input, by (output, input).

    Only pairs that may overlap are included.
    """
    gaps = {}
    ends = {group.last: group for group in groups}
    inside = _in_patches(groups) - set(ends)
    for i, step in enumerate(net.steps):
        group = ends.get(i)
        gap = group.gap if group else net.overlaps[i].below
        if gap is None or i in inside:
            continue
        inputs = (group.source,) if group else _overlapped(net, step, net.overlaps[i])
        for output_name, input_name in product(step.layer.outputs, inputs):
            if net.owner[output_name] != output_name:
                continue  # other tensors in the same buffer may still be needed
            output, source = net.index[output_name], net.index[net.owner[input_name]]
            if buffers[source].last == i + 1:
                full = align(buffers[output].bytes, BUFFER_ALIGNMENT)
                gaps[output, source] = min(full, align(gap, BUFFER_ALIGNMENT))
    return gaps


def _overlapped(net: Needs, step: Step, overlap: Overlap) -> tuple[str, ...]:
    """Returns the inputs of a layer that its outputs may overlap.

    Constants, which are not in the arena, are left out, as are inputs that share a buffer with an input that the
    outputs may not overlap.
    """
    names = step.layer.inputs
    allowed = range(len(names)) if overlap.inputs is None else overlap.inputs
    kept = {net.owner[name] for k, name in enumerate(names) if k not in allowed and not step.constants[k]}
    return tuple(names[k] for k in allowed if not step.constants[k] and net.owner[names[k]] not in kept)


def _near(net: Needs, buffers: Sequence[Buffer], gaps: PairDistances) -> dict[tuple[int, int], int]:
    """Returns the least distance between the starts of two buffers, by (lower, upper), for pairs alive together."""
    alive: list[list[int]] = [[] for _ in range(len(net.steps) + 2)]
    for i, b in enumerate(buffers):
        for time in range(b.first, b.last + 1):
            alive[time].append(i)
    room = [align(b.bytes, BUFFER_ALIGNMENT) for b in buffers]
    return {pair: room[pair[0]] for together in alive for pair in permutations(together, 2)} | dict(gaps)


def _alive(net: Needs, buffers: Sequence[Buffer], gaps: PairDistances) -> list[tuple[int, int]]:
    """Returns, for every time, the bytes alive, and the bytes that remain if all pairs that may overlap do."""
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


def _exact(net: Needs, buffers: Sequence[Buffer], groups: Sequence[PatchGroup]) -> dict[tuple[int, int], int]:
    """Returns distance 0 for the pairs (output, input) that may start at the same address (`Overlap.same_start`)."""
    pairs, patched = {}, _in_patches(groups)
    for i, step in enumerate(net.steps):
        if net.overlaps[i].same_start and i not in patched:
            input_name, output_name = step.layer.inputs[0], step.layer.outputs[0]
            source = net.index[net.owner[input_name]]
            apart = net.within[input_name] or net.owner[output_name] != output_name
            if buffers[source].last == i + 1 and not apart:
                pairs[net.index[step.layer.outputs[0]], source] = 0
    return pairs


def _use_free_memory(
    net: Needs, buffers: tuple[Buffer, ...], size: int, groups: Sequence[PatchGroup]
) -> tuple[tuple[Buffer, ...], tuple[Kernel, ...]]:
    """Returns the buffers and the kernels, with as much scratch memory for each layer as it can use and as fits.

    A layer's scratch memory is placed in the largest gap that the arena has while the layer runs. The arena has `size`
    bytes. It grows, up to `Needs.most_bytes`, if a kernel for which it may grow cannot use any gap.
    """
    found, patched = list(buffers), _in_patches(groups)
    kernels = [both[i in patched] for i, both in enumerate(net.kernels)]
    at = {b.name: i for i, b in enumerate(buffers) if b.scratch}
    using = {number: at[kernel.step.layer.name] for number, kernel in enumerate(kernels) if kernel.uses_free_memory}
    most = net.most_bytes // TFLM_ALIGNMENT * TFLM_ALIGNMENT - net.slot_bytes
    for number, index in using.items():
        kernel, room = kernels[number], max(_free_gaps(buffers, index, size))[0]
        if kernel.may_grow and kernel.with_scratch(room) == kernel:
            start = -_free_gaps(buffers, index, size)[-1][1]
            made = kernel.with_scratch(most - start)
            if made != kernel:
                size = max(size, start + made.scratch_bytes)
    for number, index in using.items():
        room, start = max(_free_gaps(buffers, index, size))
        kernels[number] = kernels[number].with_scratch(room)
        found[index] = replace(buffers[index], offset=-start, bytes=kernels[number].scratch_bytes)
    return tuple(found), tuple(kernels)


def _free_gaps(buffers: Sequence[Buffer], index: int, size: int) -> list[tuple[int, int]]:
    """Returns the gaps between the other buffers that are alive together with a scratch buffer.

    Each gap is its length and its start, negated; the last gap ends at the end of the arena.

    - buffers: all buffers.
    - index: the index of the scratch buffer, which is left out.
    - size: bytes of the arena.
    """
    scratch, gaps, end = buffers[index], [], 0
    taken = sorted(
        (b.offset, b.offset + b.bytes) for b in buffers if b is not scratch and b.first <= scratch.first <= b.last
    )
    for low, high in [*taken, (size, size)]:
        start = align(end, BUFFER_ALIGNMENT)
        gaps.append((low - start, -start))
        end = max(end, high)
    return gaps
