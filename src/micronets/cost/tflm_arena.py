"""The arena that TensorFlow Lite Micro needs: planned activations at its start, persistent buffers at its end.

TFLM fills its arena from both ends. Persistent structures grow from the end: allocators, a struct for every tensor and
operator, and the fixed-point multiplier and shift of every output channel. The planned activations lie at the start.
While the model is prepared, short-lived structures lie there, and in a small network these can decide the size.
`arena_tflm_bytes` replays these allocations in order, with their alignment: it is exact if the struct sizes are.

Struct sizes are those of TFLM's sources (2026) on a 64-bit host, as its RecordingMicroAllocator reports them, and on a
32-bit Cortex-M with CMSIS-NN. docs/arena.md has the derivation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, assert_never

from micronets.cost.tflm_plan import TFLM_ALIGNMENT, Buffer, align, scratch_bytes, tflm_plan
from micronets.ir.arch import Arch, Step, own_variables
from micronets.ir.layers import Pad, Quantize, Recurrent, TensorSpec
from micronets.ir.ops import Operand, TflmKernel, Weights
from micronets.ir.ops.variables import ASSIGN_DATA_BYTES
from micronets.ir.scales import scale_owners
from micronets.ir.types import ELEMENT_BYTES, UNSCALED, Types
from micronets.number import Number


@dataclass(frozen=True)
class StructSizes:
    """Sizes in bytes of TFLM's structures on one kind of machine.

    - word: a pointer or size_t, and the alignment of structs that hold one.
    - allocators: the allocators, the planner, and the model's `SubgraphAllocations`.
    - eval_tensor: a `TfLiteEvalTensor`, which every tensor has, weights included.
    - node: a `NodeAndRegistration`, which every operator has.
    - tensor: a `TfLiteTensor`, which every input and output of the network has, and each operand while its operator
      is prepared.
    - quantization: the `TfLiteAffineQuantization` of a `TfLiteTensor`.
    - scratch_handle: the persistent record of a scratch buffer.
    - scratch_request: the record of a scratch buffer while operators are prepared.
    - allocation_info: the record of a tensor or scratch buffer while the plan is computed.
    - planner_entry: the planner's record of a buffer while the plan is computed.
    - subgraph: the allocations of a further subgraph.
    - variables, variable: the object that holds all variables, and its record of each.
    - assignment: the data of an operator that fills a variable before the first inference.
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
    subgraph: int
    variables: int
    variable: int
    assignment: int
    cmsis_nn: bool

    def kernel(self, step: Step) -> TflmKernel:
        """Returns the allocations in the arena of the kernel of a step on this kind of machine."""
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
    subgraph=16,
    variables=16,
    variable=40,
    assignment=ASSIGN_DATA_BYTES,
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
    subgraph=8,
    variables=12,
    variable=20,
    assignment=0,
    cmsis_nn=True,
)
SCRATCH_REQUESTS = 12
"""The number of requests of the next operator for which TFLM keeps room: its `kMaxScratchBuffersPerOp`."""


@dataclass(frozen=True)
class WeightTensors:
    """The form in which a file stores the weights of one layer.

    - scales: number of scales of the weights.
    - bias: number of scales of the bias, 0 for a bias without scales; None if there is no bias.
    """

    scales: int
    bias: int | None


@dataclass(frozen=True)
class ShapeOperator:
    """An operator of a file whose result follows from shapes and constants alone, so that it is not a layer.

    - options, data: bytes of its options and of its kernel's data, see `TflmKernel`.
    - result: bytes of its result.
    - first, last: the layers, counted from 1, before which its result is computed and last read. The result is assumed
      to be in the arena while these layers run too.
    """

    options: int
    data: int
    result: int
    first: int
    last: int


@dataclass(frozen=True)
class FileKernel:
    """TFLM's kernel of an operator that is read as a layer of another kind: on a 64-bit machine, and on a Cortex-M."""

    host: TflmKernel
    cortex_m: TflmKernel


@dataclass(frozen=True)
class FileTensors:
    """The properties of a file's tensors on which the size of TFLM's arena depends.

    - count: number of tensors, including constants.
    - operators: number of operators.
    - weights: the weights of each layer with weights, by the layer's name.
    - views: the layers that are in the network but not in the file, by name: a Reshape that the reader has inserted
      before or after an operator. TFLM has only the tensor on its other side.
    - filling: for each subgraph that fills variables before the first inference, its tensors and its operators.
    - handles: number of operators that name a variable, in all subgraphs.
    - variables: number of variables that they name.
    - filled: number of operators that fill a variable before the first inference.
    - folded: the operators that compute shapes.
    - kernels: TFLM's kernels of operators that are read as a layer of another kind, by the layer's name.
    - missing: an operator of the file for which TFLM has no kernel; None if there is no such operator.
    - in_part: the operator of which TFLM computes only a part, with that part; None if TFLM computes everything.
    - unscaled: the inputs and outputs of the network without a scale, by name: float32, bool, and integer numbers; and
      all 8-bit and 16-bit tensors without one.
    - scaled: the float32, bool and int32 tensors that nevertheless have a scale, by name. It has no meaning, but TFLM
      allocates memory for it.
    - zero_scales: the int8 and int16 layers that combine a tensor with a constant whose scale is 0, by name.
    """

    count: int
    operators: int
    weights: Mapping[str, WeightTensors]
    views: frozenset[str] = frozenset()
    filling: tuple[tuple[int, int], ...] = ()
    handles: int = 0
    variables: int = 0
    filled: int = 0
    folded: tuple[ShapeOperator, ...] = ()
    unscaled: frozenset[str] = frozenset()
    scaled: frozenset[str] = frozenset()
    zero_scales: frozenset[str] = frozenset()
    kernels: Mapping[str, FileKernel] = field(default_factory=dict)
    missing: str | None = None
    in_part: str | None = None


def written_tensors(arch: Arch) -> FileTensors:
    """Returns the tensors of the file that we write for a trained network.

    It has every bias; weights have the scales of their kind, and only the bias of a FullyConnected layer has a scale.
    """
    steps, own = arch.steps(), len(_variable_tensors(arch))
    variables = len(arch.variables()) - len(arch.own_variables())
    constants = {constant for s in steps for constant in s.operator.constants}
    weights = {s.layer.name: _written_weights(s.weights) for s in steps if s.weights is not None}
    codes = sum(isinstance(s.layer, Pad) and s.layer.value is not None for s in steps)
    return FileTensors(
        count=own + variables + len(arch.shapes()) + len(arch.constants) + len(constants) + 2 * len(weights) + codes,
        operators=len(steps) + variables + bool(variables),
        weights=weights,
        filling=((2 * variables, 2 * variables),) if variables else (),
        handles=2 * variables,
        variables=variables,
        filled=variables,
        unscaled=_unscaled_ends(arch),
    )


def _variable_tensors(arch: Arch) -> list[TensorSpec]:
    """Returns the variables that `Recurrent` layers keep in tensors of the file."""
    return [spec for s in arch.steps() if isinstance(s.layer, Recurrent) for spec in own_variables(s).values()]


def _unscaled_ends(arch: Arch) -> frozenset[str]:
    """Returns the inputs and outputs of a network without a scale: float32, bool, and int32 without a Quantize."""
    types, owners = arch.types(), scale_owners(arch.steps())
    quantised = [s.layer for s in arch.steps() if isinstance(s.layer, Quantize)]
    coded = {owners[name] for layer in quantised for name in (*layer.inputs, *layer.outputs)}
    ends = (*(spec.name for spec in arch.inputs), *arch.outputs)
    return frozenset(
        n for n in ends if types[n] in (*UNSCALED, "bool") or (types[n] == "int32" and owners[n] not in coded)
    )


def _written_weights(weights: Weights) -> WeightTensors:
    """Returns the form in which our writer stores the weights of one layer."""
    return WeightTensors(scales=int(weights.scales), bias=1 if weights.one_scale else 0)


def arena_tflm_bytes(arch: Arch, word_bytes: Literal[4, 8] = 8, tensors: FileTensors | None = None) -> int:
    """Returns the bytes of the smallest arena in which TFLM can prepare and run `arch`, a multiple of 16.

    - arch: the network.
    - word_bytes: 8 for a 64-bit host with reference kernels, 4 for a Cortex-M with DSP instructions and CMSIS-NN.
    - tensors: the tensors of the network's file; None for those that our writer creates (`written_tensors`).

    The arena must start at a multiple of 16 bytes.
    """
    return align(max(_taken_bytes(arch, word_bytes, tensors)))


def used_bytes(arch: Arch, word_bytes: Literal[4, 8] = 8, tensors: FileTensors | None = None) -> int:
    """Returns the bytes that TFLM reports as used (`arena_used_bytes`) once `arch` is prepared.

    - arch, word_bytes, tensors: see `arena_tflm_bytes`.

    Preparing a small network takes more than that.
    """
    return _taken_bytes(arch, word_bytes, tensors)[-1]


def _taken_bytes(arch: Arch, word_bytes: Literal[4, 8], tensors: FileTensors | None) -> list[int]:
    """Returns the bytes that both ends of the arena take together, at each moment at which the ends may meet.

    The last value is the total once the model is prepared.
    """
    sizes = HOST64 if word_bytes == 8 else CORTEX_M
    if tensors is None:
        tensors = written_tensors(arch)
    results = tuple(Buffer("shape", shape.result, shape.first, shape.last) for shape in tensors.folded)
    plan = tflm_plan(arch, sizes.cmsis_nn, tensors.views, results)
    steps = [s for s in arch.steps() if s.layer.name not in tensors.views]
    tail = align(sizes.allocators, sizes.word)
    subgraphs = ((tensors.count, tensors.operators), *tensors.filling)
    if tensors.handles:
        tail = _with_block(tail, sizes.variables)
        tail = _with_block(tail, sizes.variable * tensors.variables)
        tail = align(tail + sizes.subgraph * len(tensors.filling), sizes.word)
    for count, _ in subgraphs:
        tail = align(tail + sizes.eval_tensor * count, sizes.word)
    for _, nodes in subgraphs:
        tail = align(tail + sizes.node * nodes, sizes.word)
    for size in (2 * sizes.word, 4):  # the names and the number of each variable
        for _ in range(tensors.handles):
            tail = _with_block(tail, size)
    for _ in range(tensors.filled):
        tail = _with_block(tail, sizes.assignment)
    for shape in tensors.folded:
        tail = _with_block(tail, shape.options, 4)
    for _ in tensors.filling:  # the options and the data of an operator that runs a subgraph
        tail = _with_block(align(tail + 4, 4), 8)
    operators = [
        _operator_bytes(
            step=s,
            word_bytes=word_bytes,
            stored=tensors.weights.get(s.layer.name),
            own=tensors.kernels.get(s.layer.name),
            scaled=tensors.scaled.intersection((*s.layer.inputs, *s.layer.outputs)),
            unscaled=tensors.unscaled.intersection((*s.layer.inputs, *s.layer.outputs)),
        )
        for s in steps
    ]
    for o in operators:
        tail = _with_block(tail, o.parameters, o.alignment)
    for o in operators:
        tail = _with_block(tail, o.op_data)
    for shape in tensors.folded:
        tail = _with_block(tail, shape.data)
    for o in operators:
        tail = _with_block(tail, o.state)
    points = []
    scratch = 0
    for o in operators:
        for size in o.prepared:
            tail = _with_block(tail, size)
        for _ in range(2):  # the multipliers, then the shifts
            tail = _with_block(tail, 4 * o.requantised_channels)
        requests = sizes.scratch_request * (SCRATCH_REQUESTS + scratch)
        points.append((align(requests, sizes.word) + o.temporaries if o.temporaries else requests) + tail)
        scratch += o.scratch_buffers
    tail = align(tail + sizes.scratch_handle * scratch, sizes.word)
    for spec in _variable_tensors(arch):
        tail = _with_block(tail, math.prod(spec.shape) * ELEMENT_BYTES[spec.type])
    requests = align(sizes.scratch_request * (SCRATCH_REQUESTS + scratch), sizes.word)
    planned = sum(count for count, _ in subgraphs)
    planning = align(requests + sizes.word + sizes.allocation_info * (planned + scratch))
    points.append(planning + sizes.planner_entry * len(plan.buffers) + align(tail))
    for names in ([spec.name for spec in arch.inputs], arch.outputs):
        tail = align(tail + sizes.word * len(names))  # an array of pointers to the tensors
        for name in names:  # 8 bytes are an array of one zero point
            tail += sizes.tensor + (0 if name in tensors.unscaled else sizes.quantization + 8)
    return [*points, plan.bytes + tail]


@dataclass(frozen=True)
class _OperatorBytes:
    """TFLM's allocations for one operator: bytes, and numbers of objects.

    - parameters, alignment, op_data: see `TflmKernel`.
    - state: bytes that its kernel keeps between inferences; 0 for a layer that keeps them in tensors.
    - prepared: bytes that its kernel allocates while it is prepared.
    - requantised_channels: number of channels with their own multiplier and shift.
    - temporaries: bytes of the temporary tensors that it requests while it is prepared, from an aligned address.
    - scratch_buffers: number of scratch buffers that its kernel requests.
    """

    parameters: int
    alignment: int
    op_data: int
    state: int
    prepared: tuple[int, ...]
    requantised_channels: int
    temporaries: int
    scratch_buffers: int


@lru_cache(maxsize=8192)  # the networks of a search have most of their steps in common
def _operator_bytes(
    step: Step,
    word_bytes: Literal[4, 8],
    stored: WeightTensors | None,
    own: FileKernel | None,
    scaled: frozenset[str],
    unscaled: frozenset[str],
) -> _OperatorBytes:
    """Returns TFLM's allocations for one operator.

    - step: the operator.
    - word_bytes: 8 for a 64-bit host, 4 for a Cortex-M.
    - stored: the form of its weights in the file; None for an operator without weights.
    - own: the kernel of an operator that is read as a layer of another kind; None for the layer's kernel.
    - scaled: those of its inputs and outputs that have a scale although their types need none.
    - unscaled: those that have none although their types may have one.
    """
    sizes = HOST64 if word_bytes == 8 else CORTEX_M
    kernel, shapes = sizes.kernel(step), (step.input_shapes, step.output_shapes)
    if own is not None:
        kernel = own.cortex_m if sizes.cmsis_nn else own.host
    return _OperatorBytes(
        parameters=kernel.parameters,
        alignment=kernel.alignment,
        op_data=kernel.op_data,
        state=0 if isinstance(step.layer, Recurrent) else int(step.operator.state_bytes(*shapes)),
        prepared=tuple(int(block(*shapes)) for block in kernel.prepared),
        requantised_channels=int(requantised_channels(step, stored)),
        temporaries=_temporaries_bytes(step, sizes, stored, kernel, scaled, unscaled),
        scratch_buffers=len(scratch_bytes(step, sizes.cmsis_nn)),
    )


def _with_block(tail: int, size: int, alignment: int = TFLM_ALIGNMENT) -> int:
    """Returns the size of the tail after a block has been allocated; a size of 0 allocates nothing."""
    return align(tail + size, alignment) if size else tail


def constant_tensors(step: Step) -> int:
    """Returns the number of constant tensors that an operator reads: weights and bias, axes, paddings."""
    return len(step.operator.constants) + (0 if step.operator.weights is None else 2)


def requantised_channels(step: Step, stored: WeightTensors | None = None) -> Number:
    """Returns the number of channels with their own multiplier and shift in the arena.

    A FullyConnected layer keeps a single multiplier and shift in its own data, unless its weights have several scales
    in the file.
    """
    if step.weights is not None and step.weights.one_scale and stored is not None:
        return stored.scales if stored.scales > 1 else 0
    return step.operator.tflm.requantised_channels(step.input_shapes, step.output_shapes)


def _temporaries_bytes(
    step: Step,
    sizes: StructSizes,
    stored: WeightTensors | None,
    kernel: TflmKernel,
    scaled: frozenset[str],
    unscaled: frozenset[str],
) -> int:
    """Returns the bytes of the temporary tensors that one operator requests while it is prepared.

    - step: the operator.
    - sizes: the sizes of TFLM's structures.
    - stored: the form of its weights in the file.
    - kernel: TFLM's kernel of the operator.
    - scaled, unscaled: see `_operator_bytes`.
    """
    end = 0
    for operand in kernel.temporaries:
        for scales in _scales_of_operand(operand, step, stored, scaled, unscaled):
            end = align(end, sizes.word) + sizes.tensor
            if scales:
                end = align(end, sizes.word) + sizes.quantization + 4 + 4 * scales  # with an array of zero points
    return end


def _scales_of_operand(
    operand: Operand,
    step: Step,
    stored: WeightTensors | None,
    scaled: frozenset[str],
    unscaled: frozenset[str],
) -> tuple[int, ...]:
    """Returns the number of scales of each tensor that an operand stands for: none for an omitted bias.

    An int32 tensor has one if a Quantize writes or reads it, or if it is a bias; otherwise its values are numbers,
    which have none unless the tensor is in `scaled`.
    """
    numbers: Types = (*UNSCALED, "bool", *(() if isinstance(step.layer, Quantize | Recurrent) else ("int32",)))
    layer = step.layer

    def counts(names: tuple[str, ...], types: Types) -> tuple[int, ...]:
        coded = (of not in numbers and name not in unscaled for name, of in zip(names, types, strict=True))
        return tuple(int(codes or name in scaled) for name, codes in zip(names, coded, strict=True))

    inputs, outputs = (
        counts(layer.inputs, step.input_types),
        counts(layer.outputs, layer.output_types(step.output_type)),
    )
    match operand:
        case "input":
            return inputs[:1]
        case "every input":
            return inputs
        case "output":
            return outputs[:1]
        case "every output":
            return outputs
        case "constant":
            return (0,)
        case "variable":
            return (1,)
        case "weights":
            assert stored is not None, "an operator with weights"
            return (stored.scales,)
        case "bias":
            assert stored is not None, "an operator with weights"
            return () if stored.bias is None else (stored.bias,)
        case _:
            assert_never(operand)


def persistent_bytes(steps: Sequence[Step], word_bytes: Literal[4, 8] = 8) -> Number:
    """Returns the bytes of TFLM's persistent buffers, without the padding between them.

    They are linear in the channels, so these may be 0-d tensors; each step is weighted by its gate. `word_bytes` is 8
    for a 64-bit host, 4 for a Cortex-M.
    """
    sizes = HOST64 if word_bytes == 8 else CORTEX_M
    edges = 2 * (TFLM_ALIGNMENT + sizes.tensor + sizes.quantization + 8)
    total: Number = sizes.allocators + sizes.eval_tensor + edges
    for s in steps:
        kernel = sizes.kernel(s)
        fixed = sizes.eval_tensor * (len(s.output_shapes) + constant_tensors(s)) + sizes.node
        fixed += kernel.parameters + align(kernel.op_data)
        fixed += sum(block(s.input_shapes, s.output_shapes) for block in kernel.prepared)
        fixed += s.operator.state_bytes(s.input_shapes, s.output_shapes)
        total = total + s.gate * (fixed + requantised_channels(s) * 8)
    return total
