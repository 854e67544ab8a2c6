"""The arena that TensorFlow Lite Micro needs: the plan's head and the persistent buffers behind it.

TFLM fills its arena from both ends. From the end grow structures that stay: allocators, a struct for every tensor and
operator, and the fixed-point multiplier and shift of every output channel. At the start lies the plan, but while the
model is prepared, short-lived structures lie there, and in a small network they can be what decides. `arena_tflm_bytes`
replays these allocations in order, with their alignment, so that it is exact where the struct sizes are.

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
class Runtime:
    """Sizes in bytes of TFLM's structures, for one size of pointers.

    word: a pointer or size_t, and the alignment of structs that hold one.
    allocators: what there is before the model: allocators, planner, and the model's SubgraphAllocations.
    eval_tensor, node: TfLiteEvalTensor of every tensor (weights too), NodeAndRegistration of every operator.
    tensor, quantization: TfLiteTensor and its TfLiteAffineQuantization, of input, output and operands being prepared.
    scratch_handle, scratch_request: of every scratch buffer, after and while preparing.
    allocation_info, planner_entry: of every tensor and scratch buffer, of every planned buffer, while planning.
    cmsis_nn: whether the kernels are CMSIS-NN's.
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
        """What the step's kernel keeps in this runtime."""
        return step.operator.tflm.cortex_m if self.cmsis_nn else step.operator.tflm.host


HOST64 = Runtime(
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
CORTEX_M = Runtime(
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
SCRATCH_REQUESTS = 12  # room that TFLM keeps for the requests of the next operator, kMaxScratchBuffersPerOp


def arena_tflm_bytes(arch: Arch, word_bytes: Literal[4, 8] = 8) -> int:
    """The smallest arena that TFLM can prepare and run `arch` in, a multiple of 16 bytes that starts at one.

    word_bytes: 8 for a 64-bit host with reference kernels, 4 for a Cortex-M with DSP and CMSIS-NN.
    """
    return align(max(_points(arch, word_bytes)))


def used_bytes(arch: Arch, word_bytes: Literal[4, 8] = 8) -> int:
    """What TFLM reports as used (`arena_used_bytes`) once `arch` is prepared: less than it needed to get there, if
    small.
    """
    return _points(arch, word_bytes)[-1]


def _points(arch: Arch, word_bytes: Literal[4, 8]) -> list[int]:
    """Bytes taken from both ends of the arena, at each moment when they may meet; the last one is for good."""
    runtime = HOST64 if word_bytes == 8 else CORTEX_M
    plan, steps = tflm_plan(arch, runtime.cmsis_nn), arch.steps()
    scratch = sum(b.scratch for b in plan.buffers)
    tensors = len(plan.buffers) - scratch + sum(constant_tensors(s) for s in steps) - _shared(steps)
    tail = align(runtime.allocators, runtime.word)
    tail = align(tail + runtime.eval_tensor * tensors, runtime.word)
    tail = align(tail + runtime.node * len(steps), runtime.word)
    for s in steps:
        size = runtime.kernel(s).parameters
        tail = align(tail + size, 1 if size % 4 else 4)
    for s in steps:
        tail = align(tail + runtime.kernel(s).op_data)
    for s in steps:
        tail = align(tail + s.operator.state_bytes(s.input_shapes, s.output_shapes))
    points = []
    requests = runtime.scratch_request * (SCRATCH_REQUESTS + scratch)
    for s in steps:
        for _ in range(2):  # multiplier and shift
            tail = align(tail + 4 * requantised_channels(s))
        points.append(align(requests + _operands(s, runtime), runtime.word) + tail)
    tail = align(tail + runtime.scratch_handle * scratch, runtime.word)
    planning = align(align(requests, runtime.word) + runtime.word + runtime.allocation_info * (tensors + scratch))
    points.append(planning + runtime.planner_entry * len(plan.buffers) + align(tail))
    for name in (INPUT, arch.output):
        quantisation = 0 if name in float_tensors(arch) else runtime.quantization + 8  # with an array of one zero point
        tail = align(tail + runtime.word) + runtime.tensor + quantisation
    return [*points, plan.bytes + tail]


def constant_tensors(step: Step) -> int:
    """Tensors of the file that an operator reads besides its inputs: weights and bias, axes, paddings."""
    return len(step.operator.constants) + (0 if step.operator.weights is None else 2)


def _shared(steps: Sequence[Step]) -> int:
    """Tensors that `constant_tensors` counts more than once: axes are always the same, paddings often."""
    constants = [constant for s in steps for constant in s.operator.constants]
    return len(constants) - len(set(constants))


def requantised_channels(step: Step) -> Number:
    """Channels with a multiplier and a shift of their own; a FullyConnected layer has one for all."""
    return step.operator.tflm.requantised_channels(step.input_shapes, step.output_shapes)


def _operands(step: Step, runtime: Runtime) -> int:
    """Temporary tensors while one operator is prepared: a convolution holds some of its operands twice, one that joins
    tensors its first input."""
    one = runtime.tensor + runtime.quantization + 8
    channels = requantised_channels(step)
    return 7 * one + 4 * 3 * (channels - 1) if channels else max(4, len(step.layer.inputs) + 2) * one


def persistent_bytes(steps: Sequence[Step], word_bytes: Literal[4, 8] = 8) -> Number:
    """TFLM's persistent buffers, without the padding between them; linear in channels, so these may be tensors."""
    runtime = HOST64 if word_bytes == 8 else CORTEX_M
    edges = 2 * (ALIGNMENT + runtime.tensor + runtime.quantization + 8)
    total: Number = runtime.allocators + runtime.eval_tensor + edges
    for s in steps:
        kernel = runtime.kernel(s)
        fixed = runtime.eval_tensor * (len(s.output_shapes) + constant_tensors(s)) + runtime.node
        fixed += kernel.parameters + align(kernel.op_data)
        fixed += s.operator.state_bytes(s.input_shapes, s.output_shapes)
        total = total + s.gate * (fixed + requantised_channels(s) * 8)
    return total
