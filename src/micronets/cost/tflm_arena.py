"""The arena that TensorFlow Lite Micro needs: planned activations at its start, persistent buffers at its end.

TFLM fills its arena from both ends. Structures that stay grow from the end: allocators, a struct for every tensor and
operator, and the fixed-point multiplier and shift of every output channel. The planned activations lie at the start.
While the model is prepared, short-lived structures lie there, and in a small network these can decide the size.
`arena_tflm_bytes` replays these allocations in order, with their alignment, so that it is exact if the struct sizes
are.

Struct sizes are those of TFLM's sources (2026) on a 64-bit host, as its RecordingMicroAllocator reports them, and on a
32-bit Cortex-M with CMSIS-NN. docs/arena.md has the derivation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from micronets.cost.tflm_plan import ALIGNMENT, align, float_tensors, tflm_plan
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT
from micronets.ir.ops import TflmKernel
from micronets.number import Number


@dataclass(frozen=True)
class StructSizes:
    """Sizes in bytes of TFLM's structures on one kind of machine.

    - word: a pointer or size_t, and the alignment of structs that hold one.
    - allocators: the allocators, the planner, and the model's SubgraphAllocations.
    - eval_tensor: the TfLiteEvalTensor of every tensor, weights included.
    - node: the NodeAndRegistration of every operator.
    - tensor: the TfLiteTensor of the input, the output, and each operand while its operator is prepared.
    - quantization: the TfLiteAffineQuantization of such a tensor.
    - scratch_handle: what stays of every scratch buffer.
    - scratch_request: what every scratch buffer takes while operators are prepared.
    - allocation_info: what every tensor and scratch buffer takes while the plan is made.
    - planner_entry: what every planned buffer takes while the plan is made.
    - cmsis_nn: whether the kernels are CMSIS-NN's.
    """

    word: int
    allocators: int
    eval_tensor: int
    node: int
    tensor: int
    quantization: int
    scratch_handle: int
    scratch_request: int
    allocation_info: int
    planner_entry: int
    cmsis_nn: bool

    def kernel(self, step: Step) -> TflmKernel:
        """Returns what the kernel of a step keeps in the arena on this kind of machine."""
        return step.operator.tflm.cortex_m if self.cmsis_nn else step.operator.tflm.host


HOST64 = StructSizes(
    word=8,
    allocators=488,
    eval_tensor=24,
    node=64,
    tensor=64,
    quantization=24,
    scratch_handle=8,
    scratch_request=16,
    allocation_info=32,
    planner_entry=40,
    cmsis_nn=False,
)
CORTEX_M = StructSizes(
    word=4,
    allocators=136,
    eval_tensor=12,
    node=32,
    tensor=32,
    quantization=12,
    scratch_handle=4,
    scratch_request=12,
    allocation_info=24,
    planner_entry=40,
    cmsis_nn=True,
)
SCRATCH_REQUESTS = 12  # how many requests of the next operator TFLM keeps room for: kMaxScratchBuffersPerOp


def arena_tflm_bytes(arch: Arch, word_bytes: Literal[4, 8] = 8) -> int:
    """Returns the bytes of the smallest arena that TFLM can prepare and run `arch` in, a multiple of 16.

    - arch: the network.
    - word_bytes: 8 for a 64-bit host with reference kernels, 4 for a Cortex-M with DSP instructions and CMSIS-NN.

    The arena must start at a multiple of 16 bytes.
    """
    return align(max(_taken_bytes(arch, word_bytes)))


def used_bytes(arch: Arch, word_bytes: Literal[4, 8] = 8) -> int:
    """Returns the bytes that TFLM reports as used (`arena_used_bytes`) once `arch` is prepared.

    To prepare a small network TFLM needs more than that. `word_bytes` is 8 for a 64-bit host, 4 for a Cortex-M.
    """
    return _taken_bytes(arch, word_bytes)[-1]


def _taken_bytes(arch: Arch, word_bytes: Literal[4, 8]) -> list[int]:
    """Returns the bytes taken from both ends of the arena, at each moment when the ends may meet; at last, for good."""
    sizes = HOST64 if word_bytes == 8 else CORTEX_M
    plan, steps = tflm_plan(arch, sizes.cmsis_nn), arch.steps()
    scratch = sum(b.scratch for b in plan.buffers)
    tensors = len(plan.buffers) - scratch + sum(constant_tensors(s) for s in steps) - _shared(steps)
    tail = align(sizes.allocators, sizes.word)
    tail = align(tail + sizes.eval_tensor * tensors, sizes.word)
    tail = align(tail + sizes.node * len(steps), sizes.word)
    for s in steps:
        size = sizes.kernel(s).parameters
        tail = align(tail + size, 1 if size % 4 else 4)
    for s in steps:
        tail = align(tail + sizes.kernel(s).op_data)
    for s in steps:
        tail = align(tail + s.operator.state_bytes(s.input_shapes, s.output_shapes))
    points = []
    requests = sizes.scratch_request * (SCRATCH_REQUESTS + scratch)
    for s in steps:
        for _ in range(2):  # multiplier and shift
            tail = align(tail + 4 * requantised_channels(s))
        points.append(align(requests + _operands(s, sizes), sizes.word) + tail)
    tail = align(tail + sizes.scratch_handle * scratch, sizes.word)
    planning = align(align(requests, sizes.word) + sizes.word + sizes.allocation_info * (tensors + scratch))
    points.append(planning + sizes.planner_entry * len(plan.buffers) + align(tail))
    for name in (INPUT, arch.output):
        quantisation = 0 if name in float_tensors(arch) else sizes.quantization + 8  # with an array of one zero point
        tail = align(tail + sizes.word) + sizes.tensor + quantisation
    return [*points, plan.bytes + tail]


def constant_tensors(step: Step) -> int:
    """Returns how many constant tensors of the file an operator reads: weights and bias, axes, paddings."""
    return len(step.operator.constants) + (0 if step.operator.weights is None else 2)


def _shared(steps: Sequence[Step]) -> int:
    """Returns by how much `constant_tensors` counts too many tensors, because equal axes and paddings are shared."""
    constants = [constant for s in steps for constant in s.operator.constants]
    return len(constants) - len(set(constants))


def requantised_channels(step: Step) -> Number:
    """Returns how many channels have a multiplier and a shift of their own in the arena."""
    return step.operator.tflm.requantised_channels(step.input_shapes, step.output_shapes)


def _operands(step: Step, sizes: StructSizes) -> int:
    """Returns the bytes of temporary tensors while one operator is prepared.

    A convolution holds some of its operands twice, an operator that joins tensors its first input.
    """
    one = sizes.tensor + sizes.quantization + 8
    channels = requantised_channels(step)
    return 7 * one + 4 * 3 * (channels - 1) if channels else max(4, len(step.layer.inputs) + 2) * one


def persistent_bytes(steps: Sequence[Step], word_bytes: Literal[4, 8] = 8) -> Number:
    """Returns the bytes of TFLM's persistent buffers, without the padding between them.

    They are linear in the channels, so these may be 0-d tensors; each step is weighted by its gate. `word_bytes` is 8
    for a 64-bit host, 4 for a Cortex-M.
    """
    sizes = HOST64 if word_bytes == 8 else CORTEX_M
    edges = 2 * (ALIGNMENT + sizes.tensor + sizes.quantization + 8)
    total: Number = sizes.allocators + sizes.eval_tensor + edges
    for s in steps:
        kernel = sizes.kernel(s)
        fixed = sizes.eval_tensor * (len(s.output_shapes) + constant_tensors(s)) + sizes.node
        fixed += kernel.parameters + align(kernel.op_data)
        fixed += s.operator.state_bytes(s.input_shapes, s.output_shapes)
        total = total + s.gate * (fixed + requantised_channels(s) * 8)
    return total
