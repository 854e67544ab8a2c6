"""The arena that TensorFlow Lite Micro needs: the plan's head and the persistent buffers behind it.

TFLM fills its arena from both ends. From the end grow structures that stay: allocators, a struct for every tensor and
operator, and the fixed-point multiplier and shift of every output channel. At the start lies the plan, but while the
model is prepared, short-lived structures lie there, and in a small network they can be what decides. `arena_tflm_bytes`
replays these allocations in order, with their alignment, so that it is exact where the struct sizes are.

Struct sizes are those of TFLM's sources (2026) on a 64-bit host, as its RecordingMicroAllocator reports them, and on a
32-bit Cortex-M with CMSIS-NN. docs/arena.md has the derivation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

from micronets.cost.tflm_plan import ALIGNMENT, align, float_tensors, tflm_plan
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import (
    INPUT,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Softmax,
)

Number = Any  # int, float or 0-d tensor


@dataclass(frozen=True)
class Runtime:
    """Sizes in bytes of TFLM's structures, for one size of pointers.

    word: a pointer or size_t, and the alignment of structs that hold one.
    allocators: what there is before the model: allocators, planner, and the model's SubgraphAllocations.
    eval_tensor, node: TfLiteEvalTensor of every tensor (weights too), NodeAndRegistration of every operator.
    tensor, quantization: TfLiteTensor and its TfLiteAffineQuantization, of input, output and operands being prepared.
    scratch_handle, scratch_request: of every scratch buffer, after and while preparing.
    allocation_info, planner_entry: of every tensor and scratch buffer, of every planned buffer, while planning.
    builtin: the operator's parameters, by layer kind.
    op_data: what the kernel keeps, by layer kind.
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
    builtin: Mapping[type, int]
    op_data: Mapping[type, int]
    cmsis_nn: bool


_BUILTIN: dict[type, int] = {
    Conv2D: 28,
    DepthwiseConv2D: 28,
    AveragePool2D: 40,
    MaxPool2D: 40,
    Softmax: 4,
    Reshape: 36,
    Mean: 24,
}
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
    builtin=_BUILTIN | {FullyConnected: 32, Add: 8},
    op_data={
        Conv2D: 80,
        DepthwiseConv2D: 80,
        FullyConnected: 72,
        AveragePool2D: 32,
        MaxPool2D: 32,
        Mean: 44,
        Add: 60,
        Softmax: 80,
        Pad: 56,
        Relu: 28,
        Quantize: 32,
        Dequantize: 32,
    },
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
    builtin=_BUILTIN | {FullyConnected: 5, Add: 2},  # enums of one byte (-fshort-enums)
    op_data={
        Conv2D: 60,
        DepthwiseConv2D: 60,
        FullyConnected: 76,
        AveragePool2D: 36,
        MaxPool2D: 36,
        Mean: 44,
        Add: 60,
        Softmax: 64,
        Pad: 56,
        Relu: 28,
        Quantize: 32,
        Dequantize: 32,
    },
    cmsis_nn=True,
)
SCRATCH_REQUESTS = 12  # room that TFLM keeps for the requests of the next operator, kMaxScratchBuffersPerOp


def arena_tflm_bytes(arch: Arch, word_bytes: Literal[4, 8] = 8) -> int:
    """The smallest arena that TFLM can prepare and run `arch` in, a multiple of 16 bytes that starts at one.

    word_bytes: 8 for a 64-bit host with reference kernels, 4 for a Cortex-M with DSP and CMSIS-NN.
    """
    return align(max(_points(arch, word_bytes)))


def used_bytes(arch: Arch, word_bytes: Literal[4, 8] = 8) -> int:
    """What TFLM reports as used (`arena_used_bytes`) once `arch` is prepared: less than it needed to get there, if small."""
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
        size = runtime.builtin.get(type(s.layer), 0)
        tail = align(tail + size, 1 if size % 4 else 4)
    for s in steps:
        tail = align(tail + runtime.op_data.get(type(s.layer), 0))
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
    match step.layer:
        case Conv2D() | DepthwiseConv2D() | FullyConnected():
            return 2
        case Mean() | Pad():
            return 1
        case AveragePool2D() | MaxPool2D() | Add() | Softmax() | Relu() | Reshape() | Quantize() | Dequantize():
            return 0
        case _:
            assert_never(step.layer)


def _shared(steps: Sequence[Step]) -> int:
    """Tensors that `constant_tensors` counts more than once: axes are always the same, paddings often."""
    constants = [s.layer.paddings if isinstance(s.layer, Pad) else () for s in steps if isinstance(s.layer, (Mean, Pad))]
    return len(constants) - len(set(constants))


def requantised_channels(step: Step) -> Number:
    """Channels with a multiplier and a shift of their own; a FullyConnected layer has one for all."""
    return step.output_shape[2] if isinstance(step.layer, (Conv2D, DepthwiseConv2D)) else 0


def _operands(step: Step, runtime: Runtime) -> int:
    """Temporary tensors while one operator is prepared: a convolution holds some of its operands twice."""
    one = runtime.tensor + runtime.quantization + 8
    channels = requantised_channels(step)
    return 7 * one + 4 * 3 * (channels - 1) if channels else 4 * one


def persistent_bytes(steps: Sequence[Step], word_bytes: Literal[4, 8] = 8) -> Number:
    """TFLM's persistent buffers, without the padding between them; linear in channels, so these may be tensors."""
    runtime = HOST64 if word_bytes == 8 else CORTEX_M
    edges = 2 * (ALIGNMENT + runtime.tensor + runtime.quantization + 8)
    total: Number = runtime.allocators + runtime.eval_tensor + edges
    for s in steps:
        kind = type(s.layer)
        fixed = runtime.eval_tensor * (1 + constant_tensors(s)) + runtime.node
        fixed += runtime.builtin.get(kind, 0) + align(runtime.op_data.get(kind, 0))
        total = total + s.gate * (fixed + requantised_channels(s) * 8)
    return total
