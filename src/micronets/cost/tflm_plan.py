"""`TflmPlan`: where TensorFlow Lite Micro puts every activation and scratch buffer in its arena.

`tflm_plan` follows TFLM's GreedyMemoryPlanner. It takes the buffers in order of falling size, equal sizes from the last
created to the first, and puts each at the lowest offset where it overlaps no buffer that was placed before and lives at
the same time. All sizes are rounded up to 16 bytes. Time counts operators; the input lives from time 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from micronets.ir.arch import Arch, Step

TFLM_ALIGNMENT = 16
"""What the offset of every buffer in the arena is a multiple of, in bytes: TFLM's `MicroArenaBufferAlignment`."""


@dataclass(frozen=True)
class Buffer:
    """A part of the arena that is in use while some operators run.

    - name: the tensor, or the layer that asked for scratch memory.
    - bytes: its size as asked for, not rounded.
    - first, last: the operators that it lives for, both included; operators count from 1.
    - scratch: whether it is scratch memory of a kernel.
    - offset: bytes from the start of the arena.
    """

    name: str
    bytes: int
    first: int
    last: int
    scratch: bool = False
    offset: int = 0

    @property
    def end(self) -> int:
        """The offset after its last byte, its size rounded up."""
        return self.offset + align(self.bytes)


@dataclass(frozen=True)
class TflmPlan:
    """The planned part of TFLM's arena: tensors in execution order, then scratch buffers, all with their offsets."""

    buffers: tuple[Buffer, ...]

    @property
    def bytes(self) -> int:
        """Bytes of the planned part of the arena."""
        return max((b.end for b in self.buffers), default=0)

    def alive(self, time: int) -> tuple[Buffer, ...]:
        """Returns the buffers that are alive while operator number `time` runs."""
        return tuple(b for b in self.buffers if b.first <= time <= b.last)


@dataclass(frozen=True)
class Moment:
    """The tensors that are in memory while one layer runs.

    - layer: the layer's name.
    - live_bytes: the sum of the buffers' bytes.
    - buffers: the buffers that are alive.
    """

    layer: str
    live_bytes: int
    buffers: tuple[Buffer, ...]


def align(value: int, alignment: int = TFLM_ALIGNMENT) -> int:
    """Returns `value` rounded up to a multiple of `alignment`."""
    return -(-value // alignment) * alignment


def tflm_plan(
    arch: Arch, cmsis_nn: bool = False, views: frozenset[str] = frozenset(), others: tuple[Buffer, ...] = ()
) -> TflmPlan:
    """Returns the plan that TFLM makes for `arch`.

    - arch: the network.
    - cmsis_nn: true for the kernels of CMSIS-NN, which a Cortex-M with DSP instructions runs; false for TFLM's
      reference kernels, which the host runs.
    - views: names of layers that are not in the file; their output is their input, and they take no time.
    - others: tensors other than those of the network, such as shapes, not placed yet.
    """
    steps = [s for s in arch.steps() if s.layer.name not in views]
    return TflmPlan(place_greedily((*lifetimes(arch, views), *others, *scratch_buffers(steps, cmsis_nn))))


def memory_over_time(plan: TflmPlan, arch: Arch) -> tuple[Moment, ...]:
    """Returns the contents of the memory while each layer runs, in execution order."""
    moments = []
    for time, layer in enumerate(arch.layers, start=1):
        alive = plan.alive(time)
        moments.append(Moment(layer.name, sum(b.bytes for b in alive), alive))
    return tuple(moments)


def lifetimes(arch: Arch, views: frozenset[str] = frozenset()) -> tuple[Buffer, ...]:
    """Returns a buffer for every activation tensor, with its lifetime but not placed yet.

    The network's outputs live to the end. 4-bit activations take a byte each: TFLM keeps them in int8 tensors.
    For `views` see `tflm_plan`.
    """
    sizes, time = arch.tensor_bytes(), 0
    given = [spec.name for spec in arch.inputs]
    owner, first, last = {name: name for name in given}, dict.fromkeys(given, 0), dict.fromkeys(given, 0)
    for layer in arch.layers:
        if layer.name in views:
            owner[layer.name] = owner[layer.inputs[0]]
            continue
        time += 1
        for name in layer.inputs:
            if name in owner:  # else it is a constant
                last[owner[name]] = time
        for name in layer.outputs:
            owner[name] = name
            first[name] = last[name] = time
    for name in arch.outputs:
        last[owner[name]] = time
    return tuple(Buffer(n, sizes[n], first[n], last[n]) for n in first)


def scratch_buffers(steps: Sequence[Step], cmsis_nn: bool = False) -> tuple[Buffer, ...]:
    """Returns the scratch buffers that TFLM's kernels request, in execution order, not placed yet."""
    asked = ((s.layer.name, i, size) for i, s in enumerate(steps, start=1) for size in scratch_bytes(s, cmsis_nn))
    return tuple(Buffer(name, size, i, i, scratch=True) for name, i, size in asked)


@lru_cache(maxsize=8192)  # the networks of a search have most of their steps in common
def scratch_bytes(step: Step, cmsis_nn: bool) -> tuple[int, ...]:
    """Returns the sizes of the scratch buffers that the kernel of one layer requests, in bytes."""
    kernel = step.operator.tflm.cortex_m if cmsis_nn else step.operator.tflm.host
    sizes = (int(scratch(step.input_shapes, step.output_shapes)) for scratch in kernel.scratch)
    return tuple(size for size in sizes if size)


def place_greedily(buffers: Sequence[Buffer]) -> tuple[Buffer, ...]:
    """Returns the buffers, in the given order, with the offsets that TFLM's greedy planner gives them."""
    # # TFLM sorts the reversed list stably, so the last of several equal sizes comes first.
    sizes = [align(b.bytes) for b in buffers]
    order = sorted(range(len(buffers)), key=lambda i: (-sizes[i], -i))
    placed: list[tuple[int, int, int, int]] = []  # by rising offset: the offset, the end, the first and last operator
    offsets = [0] * len(buffers)
    for i in order:
        size, first, last, offset = sizes[i], buffers[i].first, buffers[i].last, 0
        for start, end, other_first, other_last in placed:
            if other_first > last or first > other_last:
                continue
            if start - offset >= size:
                break
            offset = max(offset, end)
        offsets[i] = offset
        position = next((k for k, (start, *_) in enumerate(placed) if start > offset), len(placed))
        placed.insert(position, (offset, offset + size, first, last))
    return tuple(Buffer(b.name, b.bytes, b.first, b.last, b.scratch, o) for b, o in zip(buffers, offsets, strict=True))
