"""How each operator is stored in a `.tflite` file: what the reader makes of it, and what the writer makes of a layer.

`Op` numbers the operators, `codec` says how one is read, `encode_layer` how a layer is written. The type checker asks
for a new kind of layer in `encode_layer` and for a new number in `codec`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, assert_never

import numpy as np

from micronets.ir.layers import (
    Abs,
    Activation,
    Add,
    ArgMax,
    AssignVariable,
    AveragePool2D,
    BatchMatMul,
    Cast,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    Elu,
    ExpandDims,
    FullyConnected,
    Gather,
    HardSwish,
    Layer,
    LeakyRelu,
    Logistic,
    LogSoftmax,
    Maximum,
    MaxPool2D,
    Mean,
    Minimum,
    MirrorPad,
    Mul,
    Pack,
    Pad,
    Prelu,
    Quantize,
    ReadVariable,
    ReduceMax,
    ReduceMin,
    Reduction,
    Relu,
    Reshape,
    ResizeBilinear,
    ResizeNearestNeighbor,
    Rsqrt,
    Slice,
    Softmax,
    Split,
    SquaredDifference,
    Squeeze,
    StridedSlice,
    Sub,
    Sum,
    Tanh,
    Transpose,
    TransposeConv2D,
    Unpack,
    Weighted,
)
from micronets.ir.ops import Arity, operator
from micronets.ir.ops.checks import MOST_DIMENSIONS
from micronets.ir.ops.concatenation import CONCATENATION_INPUTS
from micronets.ir.ops.record import ONE, TWO
from micronets.ir.window import Padding, Pair
from micronets.quantized.model import LayerWeights
from micronets.tflite import schema as s
from micronets.tflite.builder import Field, LeanBuilder
from micronets.tflite.flatbuffer import FlatTable
from micronets.tflite.tensors import Graph, Tensor, file_shape


class Op(IntEnum):
    """The operators that micronets reads and writes, by their number in the format (`BuiltinOperator`)."""

    ADD = 0
    AVERAGE_POOL_2D = 1
    CONCATENATION = 2
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEQUANTIZE = 6
    FULLY_CONNECTED = 9
    LOGISTIC = 14
    MAX_POOL_2D = 17
    MUL = 18
    RELU = 19
    RELU6 = 21
    RESHAPE = 22
    RESIZE_BILINEAR = 23
    SOFTMAX = 25
    TANH = 28
    PAD = 34
    GATHER = 36
    TRANSPOSE = 39
    MEAN = 40
    SUB = 41
    SQUEEZE = 43
    STRIDED_SLICE = 45
    SPLIT = 49
    LOG_SOFTMAX = 50
    CAST = 53
    PRELU = 54
    MAXIMUM = 55
    ARG_MAX = 56
    MINIMUM = 57
    PADV2 = 60
    SLICE = 65
    TRANSPOSE_CONV = 67
    EXPAND_DIMS = 70
    SUM = 74
    RSQRT = 76
    ARG_MIN = 79
    REDUCE_MAX = 82
    PACK = 83
    UNPACK = 88
    REDUCE_MIN = 89
    RESIZE_NEAREST_NEIGHBOR = 97
    LEAKY_RELU = 98
    SQUARED_DIFFERENCE = 99
    MIRROR_PAD = 100
    ABS = 101
    SPLIT_V = 102
    ELU = 111
    QUANTIZE = 114
    HARD_SWISH = 117
    BATCH_MATMUL = 126
    CALL_ONCE = 129
    VAR_HANDLE = 142
    READ_VARIABLE = 143
    ASSIGN_VARIABLE = 144


OTHER_OPS = {
    5: "DEPTH_TO_SPACE", 7: "EMBEDDING_LOOKUP", 8: "FLOOR", 11: "L2_NORMALIZATION",
    16: "LSTM", 20: "RELU_N1_TO_1", 24: "RNN", 26: "SPACE_TO_DEPTH", 27: "SVDF", 32: "CUSTOM", 42: "DIV", 47: "EXP",
    59: "NEG", 75: "SQRT", 77: "SHAPE",
    44: "UNIDIRECTIONAL_SEQUENCE_LSTM", 118: "IF", 119: "WHILE", 150: "GELU",
    37: "BATCH_TO_SPACE_ND", 38: "SPACE_TO_BATCH_ND",
}  # fmt: skip
"""Names of operators that models often have and micronets does not read; the others are called by their number."""


_OPEN_BATCH = (
    "converters write a dilated convolution of an open batch so, and TFLM then computes a part of its pixels; export "
    "the model with a batch of one (Input(shape, batch_size=1)), and it becomes a dilated convolution"
)

WAYS_OUT = {37: _OPEN_BATCH, 38: _OPEN_BATCH}
"""Why models have some of the operators that micronets does not read, and what to do, by the operator's number."""

CONSTANT_OPERANDS = (Op.ADD, Op.MUL, Op.SUB, Op.MINIMUM, Op.MAXIMUM, Op.SQUARED_DIFFERENCE, Op.PRELU, Op.BATCH_MATMUL)
"""The operators whose inputs may be constants of the file."""


def op_name(code: int) -> str:
    """Returns the operator's name in TensorFlow Lite, or `operator NUMBER`."""
    try:
        return Op(code).name
    except ValueError:
        return OTHER_OPS.get(code, f"operator {code}")


_ACTIVATION_NAMES: dict[int, Activation] = {number: name for name, number in s.ACTIVATIONS.items()}
_PADDING_NAMES: dict[int, Padding] = {number: name for name, number in s.PADDINGS.items()}
_OTHER_ACTIVATION_NAMES = {2: "RELU_N1_TO_1", 4: "TANH", 5: "SIGN_BIT"}

_MOST_DIMENSIONS = 8  # of a new shape in a Reshape's options, which TFLM copies though the output tells the shape

NONE = Arity(0, 0)
"""No tensor."""

FIRST = slice(0, 1)
"""The position of the only activation of an operator that reads it first."""


@dataclass(frozen=True)
class FileOperator:
    """One operator of a file.

    - op: which operator it is.
    - where: what errors begin with: the file and the operator.
    - options: the table of its options; None where all of them have their defaults.
    - inputs: the numbers of the tensors that it reads, -1 for one that is left out.
    - outputs: the tensors that it writes.
    """

    op: Op
    where: str
    options: FlatTable | None
    inputs: list[int]
    outputs: tuple[Tensor, ...]

    def option(self, slot: int, kind: str, default: Any = 0) -> Any:
        """Returns an option.

        - slot: which field of the options table it is.
        - kind: its type, a letter of the module `struct`.
        - default: its value where the file does not hold it.
        """
        return default if self.options is None else self.options.number(slot, kind, default)


@dataclass(frozen=True, kw_only=True)
class Codec:
    """How an operator is stored in a file.

    - options: the member number of its options table in the format's union; None for an operator that has none.
    - inputs: how many tensors it reads, constants included.
    - activations: which of these are activations; the others are constants.
    - outputs: how many tensors it writes.
    - read: makes the layer, from the tensors of the file, the operator, the names of its outputs and those of its
      activations. Where the operator works on shapes that layers do not have, a Reshape stands before or behind it.
      Sizes that only the weights tell are 1 (`filters`, `kernel`) and 8 (`weight_bits`) until `weights_of` sets them.
    """

    options: int | None
    inputs: Arity
    activations: slice
    outputs: Arity
    read: Callable[[Graph, FileOperator, tuple[str, ...], tuple[str, ...]], Layer | tuple[Layer, ...]]


def codec(op: Op) -> Codec:
    """Returns how the operator of that number is stored in a file."""
    match op:
        case Op.CONV_2D:
            return Codec(options=1, inputs=Arity(2, 3), activations=FIRST, outputs=ONE, read=_read_conv_2d)
        case Op.DEPTHWISE_CONV_2D:
            return Codec(options=2, inputs=Arity(2, 3), activations=FIRST, outputs=ONE, read=_read_depthwise_conv_2d)
        case Op.FULLY_CONNECTED:
            return Codec(options=8, inputs=Arity(2, 3), activations=FIRST, outputs=ONE, read=_read_fully_connected)
        case Op.BATCH_MATMUL:
            return Codec(options=101, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=_read_batch_matmul)
        case Op.TRANSPOSE_CONV:
            return Codec(
                options=49, inputs=Arity(3, 4), activations=slice(2, 3), outputs=ONE, read=_read_transpose_conv
            )
        case Op.AVERAGE_POOL_2D:
            return Codec(options=5, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_average_pool_2d)
        case Op.MAX_POOL_2D:
            return Codec(options=5, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_max_pool_2d)
        case Op.MEAN | Op.SUM | Op.REDUCE_MAX | Op.REDUCE_MIN:
            return Codec(options=27, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_reduction)
        case Op.ARG_MAX:
            return Codec(options=40, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_arg_max)
        case Op.ARG_MIN:
            return Codec(options=57, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_arg_max)
        case Op.ADD:
            return Codec(options=11, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=_read_add)
        case Op.MUL:
            return Codec(options=21, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=_read_mul)
        case Op.SUB:
            return Codec(options=28, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=_read_sub)
        case Op.MINIMUM | Op.MAXIMUM | Op.SQUARED_DIFFERENCE:
            options = 76 if op == Op.SQUARED_DIFFERENCE else 39
            return Codec(options=options, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=_read_binary)
        case Op.PRELU:
            return Codec(options=None, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=_read_binary)
        case Op.CAST:
            return Codec(options=37, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_cast)
        case Op.CONCATENATION:
            return Codec(
                options=10, inputs=Arity(1, None), activations=slice(None), outputs=ONE, read=_read_concatenation
            )
        case Op.SPLIT:
            return Codec(options=35, inputs=TWO, activations=slice(1, 2), outputs=Arity(1, None), read=_read_split)
        case Op.PAD:
            return Codec(options=22, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_pad)
        case Op.PADV2:
            return Codec(options=43, inputs=Arity(3, 3), activations=FIRST, outputs=ONE, read=_read_pad)
        case Op.RESHAPE:
            return Codec(options=17, inputs=Arity(1, 2), activations=FIRST, outputs=ONE, read=_read_reshape)
        case Op.EXPAND_DIMS:
            return Codec(options=52, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_expand_dims)
        case Op.SQUEEZE:
            return Codec(options=30, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_squeeze)
        case Op.TRANSPOSE:
            return Codec(options=26, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_transpose)
        case Op.SLICE:
            return Codec(options=48, inputs=Arity(3, 3), activations=FIRST, outputs=ONE, read=_read_slice)
        case Op.STRIDED_SLICE:
            return Codec(options=32, inputs=Arity(4, 4), activations=FIRST, outputs=ONE, read=_read_strided_slice)
        case Op.PACK:
            return Codec(options=59, inputs=Arity(1, None), activations=slice(None), outputs=ONE, read=_read_pack)
        case Op.UNPACK:
            return Codec(options=64, inputs=ONE, activations=FIRST, outputs=Arity(1, None), read=_read_unpack)
        case Op.SPLIT_V:
            return Codec(options=79, inputs=Arity(3, 3), activations=FIRST, outputs=Arity(1, None), read=_read_split_v)
        case Op.GATHER:
            return Codec(options=23, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_gather)
        case Op.MIRROR_PAD:
            return Codec(options=77, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_mirror_pad)
        case Op.RESIZE_NEAREST_NEIGHBOR:
            return Codec(options=74, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_resize)
        case Op.RESIZE_BILINEAR:
            return Codec(options=15, inputs=TWO, activations=FIRST, outputs=ONE, read=_read_resize)
        case Op.SOFTMAX:
            return Codec(options=9, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_softmax)
        case Op.LOG_SOFTMAX:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_unary)
        case Op.RELU | Op.RELU6:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_relu)
        case Op.HARD_SWISH:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_hard_swish)
        case Op.LOGISTIC | Op.TANH | Op.ELU | Op.ABS | Op.RSQRT:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_unary)
        case Op.LEAKY_RELU:
            return Codec(options=75, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_leaky_relu)
        case Op.QUANTIZE:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_quantize)
        case Op.DEQUANTIZE:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=_read_dequantize)
        case Op.CALL_ONCE:
            return Codec(options=103, inputs=NONE, activations=slice(0), outputs=NONE, read=_read_nothing)
        case Op.VAR_HANDLE:
            return Codec(options=111, inputs=NONE, activations=slice(0), outputs=ONE, read=_read_nothing)
        case Op.READ_VARIABLE:
            return Codec(options=112, inputs=ONE, activations=slice(0), outputs=ONE, read=_read_read_variable)
        case Op.ASSIGN_VARIABLE:
            return Codec(options=113, inputs=TWO, activations=slice(1, 2), outputs=NONE, read=_read_assign_variable)
        case _:
            assert_never(op)


@dataclass(frozen=True)
class Encoded:
    """A layer as it is written.

    - op: its operator.
    - options: the fields of its options table.
    - bias_scale: whether the tensor of its bias carries a scale.
    """

    op: Op
    options: list[Field]
    bias_scale: bool = False


def encode_layer(layer: Layer, file: LeanBuilder) -> Encoded:
    """Returns the operator of a layer and its options.

    - layer: the layer.
    - file: what vectors are written to that the options refer to.
    """
    match layer:
        case Conv2D():
            return Encoded(Op.CONV_2D, _window_options(layer, s.Conv2DSlot))
        case DepthwiseConv2D():
            multiplier: Field = (s.DepthwiseSlot.MULTIPLIER, "int32", layer.multiplier, 0)
            return Encoded(Op.DEPTHWISE_CONV_2D, [*_window_options(layer, s.DepthwiseSlot), multiplier])
        case FullyConnected():
            # TFLM compares the bias's scale with the product of the others for this operator only.
            keep: Field = (s.FullyConnectedSlot.KEEP_NUM_DIMS, "bool", layer.keep_dims, False)
            options = [*_activation_option(layer, s.FullyConnectedSlot.ACTIVATION), keep]
            return Encoded(Op.FULLY_CONNECTED, options, bias_scale=True)
        case BatchMatMul():
            both = s.BatchMatMulSlot.ADJ_X, s.BatchMatMulSlot.ADJ_Y
            flags = (layer.transpose_a, layer.transpose_b)
            return Encoded(Op.BATCH_MATMUL, [(k, "bool", v, False) for k, v in zip(both, flags, strict=True)])
        case TransposeConv2D():
            return Encoded(Op.TRANSPOSE_CONV, _transpose_conv_options(layer))
        case AveragePool2D():
            return Encoded(Op.AVERAGE_POOL_2D, _pool_options(layer))
        case MaxPool2D():
            return Encoded(Op.MAX_POOL_2D, _pool_options(layer))
        case ArgMax():
            op = Op.ARG_MIN if layer.smallest else Op.ARG_MAX
            return Encoded(op, [(s.ArgMaxSlot.OUTPUT_TYPE, "int8", int(s.TensorType.INT32), 0)])
        case Mean() | Sum() | ReduceMax() | ReduceMin():
            op = Op[operator(layer).tflite_name]
            return Encoded(op, [(s.ReducerSlot.KEEP_DIMS, "bool", layer.keep_dims, False)])
        case Add():
            return Encoded(Op.ADD, _activation_option(layer, s.AddSlot.ACTIVATION))
        case Mul():
            return Encoded(Op.MUL, _activation_option(layer, s.MulSlot.ACTIVATION))
        case Sub():
            return Encoded(Op.SUB, _activation_option(layer, s.SubSlot.ACTIVATION))
        case Minimum():
            return Encoded(Op.MINIMUM, [])
        case Maximum():
            return Encoded(Op.MAXIMUM, [])
        case SquaredDifference():
            return Encoded(Op.SQUARED_DIFFERENCE, [])
        case Prelu():
            return Encoded(Op.PRELU, [])
        case Cast():
            return Encoded(Op.CAST, [])
        case Concatenation():
            return Encoded(Op.CONCATENATION, [(s.ConcatenationSlot.AXIS, "int32", layer.axis + 1, 0)])
        case Split():
            op = Op.SPLIT_V if layer.sizes else Op.SPLIT
            return Encoded(op, [(s.SplitSlot.COUNT, "int32", len(layer.outputs), 0)])
        case Pad():
            return Encoded(Op.PAD if layer.value is None else Op.PADV2, [])
        case Reshape():
            shape = file.vector(np.int32, file_shape(layer.shape))
            return Encoded(Op.RESHAPE, [(s.ReshapeSlot.NEW_SHAPE, "table", shape, 0)])
        case ExpandDims():
            return Encoded(Op.EXPAND_DIMS, [])
        case Squeeze():
            axes = file.vector(np.int32, [axis + 1 for axis in layer.axes])
            return Encoded(Op.SQUEEZE, [(s.SqueezeSlot.AXES, "table", axes, 0)])
        case Transpose():
            return Encoded(Op.TRANSPOSE, [])
        case Slice():
            return Encoded(Op.SLICE, [])
        case StridedSlice():
            # A negative end would count from the last place: the mask says that the slice goes on to the first one.
            ends = sum(1 << axis for axis, end in enumerate(layer.ends, start=1) if end < 0)
            shrink = sum(1 << axis + 1 for axis in layer.shrink)
            slot = s.StridedSliceSlot
            masks: list[Field] = [(slot.END_MASK, "int32", ends, 0), (slot.SHRINK_AXIS_MASK, "int32", shrink, 0)]
            return Encoded(Op.STRIDED_SLICE, masks)
        case Pack():
            count = len(layer.inputs)
            return Encoded(
                Op.PACK, [(s.PackSlot.COUNT, "int32", count, 0), (s.PackSlot.AXIS, "int32", layer.axis + 1, 0)]
            )
        case Unpack():
            count = len(layer.outputs)
            return Encoded(
                Op.UNPACK, [(s.UnpackSlot.COUNT, "int32", count, 0), (s.UnpackSlot.AXIS, "int32", layer.axis + 1, 0)]
            )
        case Gather():
            return Encoded(Op.GATHER, [(s.GatherSlot.AXIS, "int32", layer.axis + 1, 0)])
        case MirrorPad():
            return Encoded(Op.MIRROR_PAD, [(s.MirrorPadSlot.MODE, "int8", int(layer.symmetric), 0)])
        case ResizeNearestNeighbor():
            return Encoded(Op.RESIZE_NEAREST_NEIGHBOR, _resize_options(layer, s.ResizeNearestNeighborSlot))
        case ResizeBilinear():
            return Encoded(Op.RESIZE_BILINEAR, _resize_options(layer, s.ResizeBilinearSlot))
        case Softmax():
            return Encoded(Op.SOFTMAX, [(s.SoftmaxSlot.BETA, "float32", layer.beta, 0.0)])
        case Relu():
            return Encoded(Op.RELU6 if layer.six else Op.RELU, [])
        case HardSwish():
            return Encoded(Op.HARD_SWISH, [])
        case Logistic() | Tanh() | Elu() | Abs() | Rsqrt() | LogSoftmax():
            return Encoded(Op[operator(layer).tflite_name], [])
        case LeakyRelu():
            return Encoded(Op.LEAKY_RELU, [(s.LeakyReluSlot.ALPHA, "float32", layer.alpha, 0.0)])
        case Quantize():
            return Encoded(Op.QUANTIZE, [])
        case Dequantize():
            return Encoded(Op.DEQUANTIZE, [])
        case ReadVariable():
            return Encoded(Op.READ_VARIABLE, [])
        case AssignVariable():
            return Encoded(Op.ASSIGN_VARIABLE, [])
        case _:
            assert_never(layer)


def layers_of(graph: Graph, o: FileOperator, own: tuple[str, ...], names: Mapping[int, str]) -> tuple[Layer, ...]:
    """Returns the layer of an operator, and perhaps a Reshape before and behind it, in order.

    Sizes that follow from the weights are not set; `weights_of` sets these.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the names of the layer's outputs.
    - names: the names of the tensors that earlier operators write, by their index in the file.

    Raises `FileError` for a damaged file, and `UnsupportedError` for what micronets does not support.
    """
    found = codec(o.op)
    if len(o.inputs) not in found.inputs:
        raise graph.damaged(f"{len(o.inputs)} inputs instead of {found.inputs.least}..{found.inputs.most}")
    made = found.read(graph, o, own, tuple(_activation_input(graph, i, names) for i in o.inputs[found.activations]))
    return made if isinstance(made, tuple) else (made,)


def weights_of(graph: Graph, o: FileOperator, layer: Weighted) -> tuple[Weighted, LayerWeights]:
    """Returns the layer with its sizes taken from the weights, and the weights.

    - graph: the tensors of the file.
    - o: the operator.
    - layer: what `layers_of` made of it.

    Raises `FileError` for a damaged file, and `UnsupportedError` for what micronets does not support.
    """
    tensor = graph.tensor(o.inputs[1])
    values = graph.constant(tensor, (s.TensorType.INT8, s.TensorType.INT4))
    bits = 4 if tensor.type == s.TensorType.INT4 else 8
    make = operator(layer).weights
    assert make is not None
    want = make((1, 1, 1))
    rank, axis = len(want.shape), want.axis
    if values.ndim != rank:
        raise graph.damaged(f"the weights, {tensor.label}, have {values.ndim} dimensions, not {rank}")
    outputs = values.shape[axis]
    scales, zero_points, dimension = graph.quantization(tensor, least=0)
    if len(scales) not in (1, outputs) or (len(scales) > 1 and dimension != axis):
        raise graph.damaged(
            f"the weights, {tensor.label}, have {len(scales)} scales along {dimension} for {outputs} outputs"
        )
    one = isinstance(layer, FullyConnected) and len(scales) == len(zero_points) == 1 and bits == 8
    if not len(zero_points) or (zero_points.any() and not one):
        raise graph.unsupported(
            f"the weights, {tensor.label}, have a zero point, which TFLM takes of 8-bit weights of a FULLY_CONNECTED "
            "with one scale only"
        )
    zero_point = int(zero_points[0]) if one else 0
    if not -128 <= zero_point <= 127:
        raise graph.damaged(f"the weights, {tensor.label}, have the zero point {zero_point}")
    bias = None
    place = bias_place(layer)
    if isinstance(layer, DepthwiseConv2D | TransposeConv2D) and len(o.inputs) > place and o.inputs[place] == -1:
        raise graph.unsupported(
            "its bias is left out as tensor -1, which TFLM's kernel reads all the same and crashes; give it "
            f"{'two' if place == 2 else 'three'} inputs"
        )
    if len(o.inputs) > place and o.inputs[place] != -1:
        bias_tensor = graph.tensor(o.inputs[place])
        bias = graph.constant(bias_tensor, (s.TensorType.INT32,))
        if bias.shape != (outputs,):
            raise graph.damaged(f"the bias, {bias_tensor.label}, has the shape {list(bias.shape)}, not [{outputs}]")
        if isinstance(layer, FullyConnected) and len(scales) == 1:
            _check_bias_scale(graph, o, bias_tensor, float(scales[0]))
    layer = sized(graph, o, layer, values.shape, bits)
    return layer, LayerWeights(values, np.asarray(scales, np.float32), bias, zero_point)


def sized(graph: Graph, o: FileOperator, layer: Weighted, shape: tuple[int, ...], bits: int = 8) -> Weighted:
    """Returns the layer with its sizes taken from the shape of its weights.

    - graph: the tensors of the file.
    - o: the operator.
    - layer: what `layers_of` made of it.
    - shape: the shape of the weights, as the file has it.
    - bits: the bits of a weight.

    Raises `FileError` where weights of that shape do not fit the input.
    """
    match layer:
        case Conv2D():
            x = graph.tensor(o.inputs[0]).layer_shape
            groups = x[2] // shape[3] if len(x) == 3 and x[2] % shape[3] == 0 else 1
            layer = replace(layer, filters=shape[0], kernel=(shape[1], shape[2]), weight_bits=bits, groups=groups)
        case DepthwiseConv2D():
            layer = replace(layer, kernel=(shape[1], shape[2]), weight_bits=bits)
        case TransposeConv2D():
            layer = replace(layer, filters=shape[0], kernel=(shape[1], shape[2]), weight_bits=bits)
        case FullyConnected():
            layer = replace(layer, units=shape[0], weight_bits=bits)
        case _:
            assert_never(layer)
    _check_inputs(graph, o, layer, shape)
    return layer


def bias_place(layer: Layer) -> int:
    """Returns which input of an operator with weights is its bias, if it has one: the last of all."""
    return 3 if isinstance(layer, TransposeConv2D) else 2


def _check_bias_scale(graph: Graph, o: FileOperator, bias: Tensor, weight_scale: float) -> None:
    """Raises `UnsupportedError` where TFLM refuses the scale of a FullyConnected layer's bias.

    TFLM's `GetQuantizedConvolutionMultipler` compares it with the product of the scales of input and weights, if the
    weights have one scale. A bias without a scale counts as one of scale 0.
    """
    found = graph.quantization(bias, least=0)[0]
    scale = float(found[0]) if len(found) else 0.0
    inputs, outputs = graph.integer_quant(graph.tensor(o.inputs[0])), graph.integer_quant(o.outputs[0])
    product = inputs.scale * weight_scale
    if abs(product - scale) > 0.02 * outputs.scale:
        raise graph.unsupported(
            f"the bias, {bias.label}, has the scale {scale:.4g}, and input and weights together {product:.4g}: TFLM "
            "refuses that; export the model again"
        )


def _check_inputs(graph: Graph, o: FileOperator, layer: Layer, shape: tuple[int, ...]) -> None:
    """Raises unless weights of that shape and the input of a convolution have the same channels."""
    x = graph.tensor(o.inputs[codec(o.op).activations][0]).layer_shape
    if isinstance(layer, TransposeConv2D) and shape[3] != x[2]:
        raise graph.damaged(f"{shape[0]} filters of {shape[3]} channels and an input of {x[2]}")
    if isinstance(layer, Conv2D) and len(x) == 3 and (shape[3] * layer.groups != x[2] or shape[0] % layer.groups):
        raise graph.damaged(f"{shape[0]} filters of {shape[3]} channels and an input of {x[2]}")
    if isinstance(layer, DepthwiseConv2D) and len(x) == 3 and (shape[0] != 1 or shape[3] != x[2] * layer.multiplier):
        raise graph.damaged(f"weights {list(shape)} for {x[2]} channels and a depth multiplier of {layer.multiplier}")


Names = tuple[str, ...]
"""Names of tensors, in order."""


def _read_conv_2d(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return Conv2D(name=own[0], inputs=inputs, filters=1, **_window_fields(graph, o, s.Conv2DSlot))


def _read_depthwise_conv_2d(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    window = _window_fields(graph, o, s.DepthwiseSlot)
    return DepthwiseConv2D(name=own[0], inputs=inputs, multiplier=o.option(s.DepthwiseSlot.MULTIPLIER, "i"), **window)


def _check_map(graph: Graph, o: FileOperator) -> None:
    """Raises `UnsupportedError` unless the operator's input is a map, of a batch of one."""
    x = graph.tensor(o.inputs[0])
    if len(x.shape) != 4 or x.shape[0] != 1:
        raise graph.unsupported(
            f"{x.label} has the shape {list(x.shape)}; only a batch of one is supported, [1, H, W, C]"
        )


def _window_fields(graph: Graph, o: FileOperator, slot: Any) -> dict[str, Any]:
    """Returns the fields that both kinds of convolutions have; `slot` is the enum of the options' slots."""
    _check_map(graph, o)
    return {
        "kernel": (1, 1),
        "stride": _read_pair(o, slot.STRIDE_H, slot.STRIDE_W),
        "dilation": _read_pair(o, slot.DILATION_H, slot.DILATION_W, 1),
        "padding": _read_padding(graph, o),
        "activation": _read_activation(graph, o, slot.ACTIVATION),
    }


def _read_fully_connected(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer | tuple[Layer, ...]:
    slot = s.FullyConnectedSlot
    if o.option(slot.WEIGHTS_FORMAT, "b"):
        raise graph.unsupported("its weights are shuffled; only the default format is supported")
    x, weights, y = graph.tensor(o.inputs[0]), graph.tensor(o.inputs[1]), o.outputs[0]
    if len(weights.shape) != 2:
        raise graph.damaged(f"the weights, {weights.label}, have {len(weights.shape)} dimensions, not 2")
    units, size = weights.shape
    vectors, rest = divmod(math.prod(x.shape), size)
    if rest or y.shape[-1:] != (units,) or math.prod(y.shape) != vectors * units:
        raise graph.damaged(
            f"its input has the shape {list(x.shape)}, its weights {[units, size]}, and its output {list(y.shape)}"
        )
    activation = _read_activation(graph, o, slot.ACTIVATION)
    source, target = x.layer_shape, y.layer_shape
    if vectors == 1 and target == (units,):
        return FullyConnected(name=own[0], inputs=inputs, units=units, activation=activation)
    before: tuple[Layer, ...] = ()
    after: tuple[Layer, ...] = ()
    name = own[0]
    if source[-1] != size or (*source[:-1], units) != target:
        flat = graph.new_name(f"{own[0]}_in")
        before = (Reshape(name=flat, inputs=inputs, shape=(vectors, size)),)
        inputs = (flat,)
        if target != (vectors, units):
            name = graph.new_name(f"{own[0]}_out")
            after = (Reshape(name=own[0], inputs=(name,), shape=target),)
    return (
        *before,
        FullyConnected(name=name, inputs=inputs, units=units, activation=activation, keep_dims=True),
        *after,
    )


def _read_batch_matmul(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    slot = s.BatchMatMulSlot
    flags = {name: bool(o.option(k, "?", False)) for name, k in (("a", slot.ADJ_X), ("b", slot.ADJ_Y))}
    matrices = [len(graph.tensor(i).shape) == 2 for i in o.inputs]

    def make(own: Names, inputs: Names, batch: int) -> Layer:
        return BatchMatMul(name=own[0], inputs=inputs, transpose_a=flags["a"], transpose_b=flags["b"])

    return _on_shapes(graph, o, own, inputs, make, along_batch=any(matrices))


def _read_transpose_conv(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    for tensor in (graph.tensor(o.inputs[2]), o.outputs[0]):
        if not tensor.has_batch or len(tensor.shape) != 4:
            raise graph.unsupported(f"{tensor.label} has the shape {list(tensor.shape)}; need a map, [1, H, W, C]")
    slot = s.TransposeConvSlot
    rows, columns, _ = o.outputs[0].layer_shape
    return TransposeConv2D(
        name=own[0],
        inputs=inputs,
        filters=1,
        kernel=(1, 1),
        size=(rows, columns),
        stride=_read_pair(o, slot.STRIDE_H, slot.STRIDE_W),
        padding=_read_padding(graph, o),
        activation=_read_activation(graph, o, slot.ACTIVATION),
    )


def _read_average_pool_2d(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return AveragePool2D(name=own[0], inputs=inputs, **_pool_fields(graph, o))


def _read_max_pool_2d(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return MaxPool2D(name=own[0], inputs=inputs, **_pool_fields(graph, o))


def _pool_fields(graph: Graph, o: FileOperator) -> dict[str, Any]:
    """Returns the fields that both kinds of pools have."""
    _check_map(graph, o)
    return {
        "pool": _read_pair(o, s.PoolSlot.FILTER_H, s.PoolSlot.FILTER_W),
        "stride": _read_pair(o, s.PoolSlot.STRIDE_H, s.PoolSlot.STRIDE_W),
        "padding": _read_padding(graph, o),
        "activation": _read_activation(graph, o, s.PoolSlot.ACTIVATION),
    }


def _read_arg_max(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    axis, smallest = _axis(graph, _only_number(graph, o.inputs[1]), graph.tensor(o.inputs[0])), o.op == Op.ARG_MIN

    def make(name: str, source: str, axes: tuple[int, ...]) -> Layer:
        return ArgMax(name=name, inputs=(source,), axis=axes[0], smallest=smallest)

    return _without_axes(graph, o, own, inputs, [axis], make)


_REDUCTIONS: Mapping[Op, type[Reduction]] = {
    Op.MEAN: Mean,
    Op.SUM: Sum,
    Op.REDUCE_MAX: ReduceMax,
    Op.REDUCE_MIN: ReduceMin,
}


def _read_reduction(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    x = graph.tensor(o.inputs[0])
    named = graph.constant(graph.tensor(o.inputs[1]), (s.TensorType.INT32,)).ravel()[:9].tolist()
    if not named:
        raise graph.unsupported(f"it reduces {x.label} over no axes; need one")
    keep_dims = bool(o.option(s.ReducerSlot.KEEP_DIMS, "?", False))
    kind = _REDUCTIONS[o.op]

    def make(name: str, source: str, axes: tuple[int, ...]) -> Layer:
        return kind(name=name, inputs=(source,), axes=axes, keep_dims=keep_dims)

    return _without_axes(graph, o, own, inputs, sorted({_axis(graph, axis, x) for axis in named}), make)


def _without_axes(
    graph: Graph,
    o: FileOperator,
    own: Names,
    inputs: Names,
    axes: list[int],
    make: Callable[[str, str, tuple[int, ...]], Layer],
) -> tuple[Layer, ...]:
    """Returns the layer of an operator that has one value in place of all along `axes`, which count in the file.

    - make: makes the layer from its name, the name of its input, and the axes of that.

    Nothing is done along a batch of one. A Reshape stands in front where it is the only axis, and one behind the layer
    where what is left begins with a dimension of one, which shapes leave out as a batch.
    """
    x, target = graph.tensor(o.inputs[0]), o.outputs[0].layer_shape
    shape, source, name, layers = x.layer_shape, inputs[0], own[0], list[Layer]()
    if x.has_batch and axes != [0]:
        axes = [axis - 1 for axis in axes if axis > 0]
    elif x.has_batch:
        shape, source = x.shape, graph.new_name(f"{own[0]}_in")
        layers.append(Reshape(name=source, inputs=inputs, shape=shape))
    layer = make(name, source, tuple(axes))
    (kept,) = operator(layer).output_shapes((shape,))
    if kept != target and math.prod(kept) == math.prod(target):
        name = graph.new_name(f"{own[0]}_out")
        layer = make(name, source, tuple(axes))
    layers.append(layer)
    if name != own[0]:
        layers.append(Reshape(name=own[0], inputs=(name,), shape=target))
    return tuple(layers)


def _read_add(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return Add(name=own[0], inputs=inputs, activation=_read_activation(graph, o, s.AddSlot.ACTIVATION))


def _read_mul(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return Mul(name=own[0], inputs=inputs, activation=_read_activation(graph, o, s.MulSlot.ACTIVATION))


def _read_sub(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return Sub(name=own[0], inputs=inputs, activation=_read_activation(graph, o, s.SubSlot.ACTIVATION))


_BINARY: Mapping[Op, type[Minimum | Maximum | SquaredDifference | Prelu]] = {
    Op.MINIMUM: Minimum,
    Op.MAXIMUM: Maximum,
    Op.SQUARED_DIFFERENCE: SquaredDifference,
    Op.PRELU: Prelu,
}


def _read_binary(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return _BINARY[o.op](name=own[0], inputs=inputs)


def _read_concatenation(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    if (activation := _read_activation(graph, o, s.ConcatenationSlot.ACTIVATION)) != "none":
        raise graph.unsupported(
            f"a fused activation {activation.upper()}, which TFLM's kernel refuses; only NONE is supported"
        )
    if len(inputs) not in CONCATENATION_INPUTS:
        raise graph.unsupported(f"it joins {len(inputs)} tensors; TFLM's kernel takes {CONCATENATION_INPUTS}")
    if len(o.outputs[0].layer_shape) > MOST_DIMENSIONS:
        shape = list(o.outputs[0].shape)
        raise graph.unsupported(
            f"its output has the shape {shape}; TFLM's kernel takes at most {MOST_DIMENSIONS + 1} dimensions"
        )
    axis = _axis(graph, o.option(s.ConcatenationSlot.AXIS, "i"), o.outputs[0])
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Concatenation(name=own[0], inputs=inputs, axis=axis - batch),
        along_batch=axis == 0,
    )


def _read_split(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    return _parts(graph, o, own, inputs, o.inputs[1], o.inputs[0], ())


def _read_split_v(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    sizes = list(_numbers(graph, o.inputs[1]))
    if len(sizes) != len(own) or sizes.count(-1) > 1:
        raise graph.damaged(f"the sizes {sizes} of {len(own)} parts")
    axis = _only_number(graph, o.inputs[2])
    x = graph.tensor(o.inputs[0])
    if -1 in sizes:  # the rest
        sizes[sizes.index(-1)] = x.shape[_axis(graph, axis, x)] - (sum(sizes) + 1)
    return _parts(graph, o, own, inputs, o.inputs[0], o.inputs[2], tuple(sizes))


def _parts(
    graph: Graph, o: FileOperator, own: Names, inputs: Names, whole: int, axis_tensor: int, sizes: tuple[int, ...]
) -> tuple[Layer, ...]:
    """Returns the layers of a division of the tensor `whole` along the axis that another tensor holds."""
    x = graph.tensor(whole)
    axis = _axis(graph, _only_number(graph, axis_tensor), x)
    if len(x.layer_shape) > MOST_DIMENSIONS:
        raise graph.unsupported(f"its input has the shape {list(x.shape)}; at most {MOST_DIMENSIONS + 1} dimensions")
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Split(name=own[0], inputs=inputs, axis=axis - batch, others=own[1:], sizes=sizes),
        along_batch=axis == 0,
    )


def _numbers(graph: Graph, index: int) -> tuple[int, ...]:
    """Returns the numbers of an int32 constant: at most 100, as there are no more dimensions, outputs or axes."""
    values = graph.constant(graph.tensor(index), (s.TensorType.INT32,)).ravel()
    if len(values) > 100:
        raise graph.unsupported(f"{graph.tensor(index).label} has {len(values)} values; at most 100 are supported")
    return tuple(int(value) for value in values)


def _only_number(graph: Graph, index: int) -> int:
    """Returns the number of an int32 constant that has one."""
    numbers = _numbers(graph, index)
    if len(numbers) != 1:
        raise graph.damaged(f"{graph.tensor(index).label} has {len(numbers)} values instead of one")
    return numbers[0]


def _axis(graph: Graph, axis: int, tensor: Tensor) -> int:
    """Returns a dimension of a file's tensor, counted from the first, from its number, which may count from the end."""
    rank = len(tensor.shape)
    positive = axis + rank if axis < 0 else axis
    if not 0 <= positive < rank:
        raise graph.damaged(f"axis {axis} of {tensor.label}, which has {rank} dimensions")
    return positive


def _on_shapes(
    graph: Graph,
    o: FileOperator,
    own: Names,
    inputs: Names,
    make: Callable[[Names, Names, int], Layer],
    along_batch: bool,
) -> tuple[Layer, ...]:
    """Returns the layer of an operator that works along dimensions, which count without a batch of one.

    - inputs: the activations that it reads.
    - make: makes the layer from the names of its outputs and of its inputs, and from how many dimensions (0 or 1) of
      the file's tensors its shapes leave out.
    - along_batch: whether the operator works along the first dimension.

    Where it does, or where only some of its tensors have a batch of one, the layer works on the shapes that the file
    has, and a Reshape in front of it and behind it changes between the two.
    """
    sources = [graph.tensor(i) for i in o.inputs[codec(o.op).activations]]
    with_batch = {tensor.has_batch for tensor in (*sources, *o.outputs)}
    if with_batch == {False}:
        return (make(own, inputs, 0),)
    if with_batch == {True} and not along_batch:
        return (make(own, inputs, 1),)
    before, whole_inputs = [], []
    for name, tensor in zip(inputs, sources, strict=True):
        whole_inputs.append(name)
        if tensor.has_batch:
            whole_inputs[-1] = graph.new_name(f"{own[0]}_in")
            before.append(Reshape(name=whole_inputs[-1], inputs=(name,), shape=tensor.shape))
    after, whole_outputs = [], []
    for name, tensor in zip(own, o.outputs, strict=True):
        whole_outputs.append(name)
        if tensor.has_batch:
            whole_outputs[-1] = graph.new_name(f"{name}_out")
            after.append(Reshape(name=name, inputs=(whole_outputs[-1],), shape=tensor.layer_shape))
    layer = make(tuple(whole_outputs), tuple(whole_inputs), 0)
    shapes = tuple(tensor.shape for tensor in sources)
    operator(layer).check(shapes, o.where)
    for tensor, shape in zip(o.outputs, operator(layer).output_shapes(shapes), strict=True):
        if tensor.shape != shape:
            raise graph.unsupported(f"{tensor.label} has the shape {list(tensor.shape)}; its inputs make {list(shape)}")
    return (*before, layer, *after)


def _read_pad(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    paddings, value = _read_paddings(graph, o), None
    if o.op == Op.PADV2:
        code = graph.tensor(o.inputs[2])
        codes = graph.constant(code, (s.TensorType.INT8,)).ravel()
        if len(codes) != 1:
            raise graph.damaged(f"{code.label} has {len(codes)} values instead of one")
        if graph.activation_quant(code) != graph.activation_quant(o.outputs[0]):
            raise graph.unsupported(f"{code.label} has another scale or zero point than the output: TFLM refuses that")
        value = int(codes[0])
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Pad(name=own[0], inputs=inputs, paddings=paddings[batch:], value=value),
        along_batch=paddings[0] != (0, 0),
    )


def _read_reshape(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    shape = None if o.options is None else o.options.array(s.ReshapeSlot.NEW_SHAPE, "<i4")
    if shape is not None and len(shape) > _MOST_DIMENSIONS:
        raise graph.damaged(f"its new shape has {len(shape)} dimensions")
    return Reshape(name=own[0], inputs=inputs, shape=o.outputs[0].layer_shape)


def _read_expand_dims(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    x, y = graph.tensor(o.inputs[0]), o.outputs[0]
    axis = _only_number(graph, o.inputs[1])
    rank = len(x.shape)
    if not -rank - 1 <= axis <= rank:
        raise graph.damaged(f"axis {axis} of {x.label}, which has {rank} dimensions")
    axis = axis + rank + 1 if axis < 0 else axis
    if y.shape != (*x.shape[:axis], 1, *x.shape[axis:]):
        raise graph.damaged(f"it makes the shape {list(y.shape)} of {list(x.shape)}")
    source, target, own_axis = x.layer_shape, y.layer_shape, max(0, axis - x.has_batch)
    if target == (*source[:own_axis], 1, *source[own_axis:]):
        return ExpandDims(name=own[0], inputs=inputs, axis=own_axis)
    return Reshape(name=own[0], inputs=inputs, shape=target)  # the new dimension is a batch of one


def _read_squeeze(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    x, y = graph.tensor(o.inputs[0]), o.outputs[0]
    found = None if o.options is None else o.options.array(s.SqueezeSlot.AXES, "<i4")
    axes = [] if found is None else [_axis(graph, int(axis), x) for axis in found[:8]]
    if not axes:
        axes = [axis for axis, size in enumerate(x.shape) if size == 1]
    if any(x.shape[axis] != 1 for axis in axes):
        raise graph.damaged(f"it takes dimensions {axes} out of {list(x.shape)}, which are not all 1")
    source, target = x.layer_shape, y.layer_shape
    own_axes = tuple(sorted({axis - x.has_batch for axis in axes if axis >= x.has_batch}))
    if own_axes and target == tuple(n for axis, n in enumerate(source) if axis not in own_axes):
        return Squeeze(name=own[0], inputs=inputs, axes=own_axes)
    return Reshape(name=own[0], inputs=inputs, shape=target)  # it takes out a batch of one, or nothing


def _read_transpose(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    x, order = graph.tensor(o.inputs[0]), _numbers(graph, o.inputs[1])
    if len(order) != len(x.shape):
        raise graph.damaged(f"the permutation {list(order)} of {x.label}, which has {len(x.shape)} dimensions")
    axes = [_axis(graph, axis, x) for axis in order]
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Transpose(
            name=own[0], inputs=inputs, permutation=tuple(axis - batch for axis in axes[batch:])
        ),
        along_batch=axes[:1] != [0],
    )


def _read_slice(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    x, begin, size = graph.tensor(o.inputs[0]), _numbers(graph, o.inputs[1]), _numbers(graph, o.inputs[2])
    if not len(begin) == len(size) == len(x.shape):
        raise graph.damaged(
            f"begin {list(begin)} and size {list(size)} of {x.label}, which has {len(x.shape)} dimensions"
        )
    size = tuple(n - first if count == -1 else count for n, first, count in zip(x.shape, begin, size, strict=True))
    _check_batch_slice(graph, x, begin[0], size[0])
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Slice(name=own[0], inputs=inputs, begin=begin[batch:], size=size[batch:]),
        along_batch=False,  # a batch of one can only stay whole
    )


def _check_batch_slice(graph: Graph, x: Tensor, begin: int, size: int) -> None:
    """Raises `FileError` for a slice that leaves a batch of one, which no layer's shape has: it can only stay whole."""
    if x.has_batch and (begin, size) != (0, 1):
        raise graph.damaged(f"it takes {size} from place {begin} on of the batch of {x.label}, which is one")


def _read_strided_slice(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    slot, x = s.StridedSliceSlot, graph.tensor(o.inputs[0])
    begins, ends, strides = (_numbers(graph, index) for index in o.inputs[1:])
    if not len(begins) == len(ends) == len(strides) == len(x.shape):
        numbers = f"begin {list(begins)}, end {list(ends)} and strides {list(strides)}"
        raise graph.damaged(f"{numbers} of {x.label}, which has {len(x.shape)} dimensions")
    for name in (slot.ELLIPSIS_MASK, slot.NEW_AXIS_MASK, slot.OFFSET):
        if o.option(name, "?" if name == slot.OFFSET else "i"):
            raise graph.unsupported(f"it has the option {name.name.lower()}, which TFLM's kernel does not know")
    masks = [o.option(name, "i") for name in (slot.BEGIN_MASK, slot.END_MASK, slot.SHRINK_AXIS_MASK)]
    places = []
    for axis, (n, begin, end, stride) in enumerate(zip(x.shape, begins, ends, strides, strict=True)):
        from_start, to_end, shrink = (bool(mask >> axis & 1) for mask in masks)
        if stride == 0 or (shrink and stride < 0):
            raise graph.unsupported(f"a stride of {stride} along dimension {axis} of {x.label}")
        least, most = (0, n) if stride > 0 else (-1, n - 1)
        first = begin + n if begin < 0 else begin
        first = (least if stride > 0 else most) if from_start else min(max(first, least), most)
        last = end + n if end < 0 else end
        last = (most if stride > 0 else least) if to_end else min(max(last, least), most)
        places.append((first, 1 if shrink else -((first - last) // stride), 1 if shrink else stride))
    begin_of, size, stride_of = (tuple(numbers) for numbers in zip(*places, strict=True))
    _check_batch_slice(graph, x, begin_of[0], size[0])
    shrunk = tuple(axis for axis in range(len(x.shape)) if masks[2] >> axis & 1)
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: StridedSlice(
            name=own[0],
            inputs=inputs,
            begin=begin_of[batch:],
            size=size[batch:],
            strides=stride_of[batch:],
            shrink=tuple(axis - batch for axis in shrunk),
        ),
        along_batch=0 in shrunk,
    )


def _read_pack(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    count = o.option(s.PackSlot.COUNT, "i")
    if count != len(o.inputs):  # TFLM's kernel reads as many inputs as the options say
        raise graph.damaged(f"its options say {count} inputs, and it has {len(o.inputs)}")
    axis = _axis(graph, o.option(s.PackSlot.AXIS, "i"), o.outputs[0])
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Pack(name=own[0], inputs=inputs, axis=axis - batch),
        along_batch=axis == 0,
    )


def _read_unpack(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    count = o.option(s.UnpackSlot.COUNT, "i")
    if count != len(own):  # TFLM's kernel writes as many outputs as the options say
        raise graph.damaged(f"its options say {count} outputs, and it has {len(own)}")
    axis = _axis(graph, o.option(s.UnpackSlot.AXIS, "i"), graph.tensor(o.inputs[0]))
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Unpack(name=own[0], inputs=inputs, axis=axis - batch, others=own[1:]),
        along_batch=axis == 0,
    )


def _read_gather(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    x, y, which = graph.tensor(o.inputs[0]), o.outputs[0], graph.tensor(o.inputs[1])
    axis = _axis(graph, o.option(s.GatherSlot.AXIS, "i"), x)
    if o.option(s.GatherSlot.BATCH_DIMS, "i"):
        raise graph.unsupported("it gathers along batches of its own; only batch_dims = 0 is supported")
    indices = tuple(int(i) for i in graph.constant(which, (s.TensorType.INT32,)).ravel())
    made = (*x.shape[:axis], *which.shape, *x.shape[axis + 1 :])
    if y.shape != made:
        raise graph.unsupported(f"{y.label} has the shape {list(y.shape)}; its inputs make {list(made)}")
    batch = int(x.has_batch)
    before: tuple[Layer, ...] = ()
    after: tuple[Layer, ...] = ()
    shape, name = x.layer_shape, own[0]
    if axis < batch:
        whole = graph.new_name(f"{own[0]}_in")
        before = (Reshape(name=whole, inputs=inputs, shape=x.shape),)
        inputs, shape, batch = (whole,), x.shape, 0
    axis -= batch
    if (*shape[:axis], len(indices), *shape[axis + 1 :]) != y.layer_shape:
        name = graph.new_name(f"{own[0]}_out")
        after = (Reshape(name=own[0], inputs=(name,), shape=y.layer_shape),)
    return (*before, Gather(name=name, inputs=inputs, axis=axis, indices=indices), *after)


def _read_mirror_pad(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    paddings, symmetric = _read_paddings(graph, o), bool(o.option(s.MirrorPadSlot.MODE, "b"))
    return _on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: MirrorPad(
            name=own[0], inputs=inputs, paddings=paddings[batch:], symmetric=symmetric
        ),
        along_batch=paddings[0] != (0, 0),
    )


def _read_resize(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    _check_map(graph, o)
    size = _numbers(graph, o.inputs[1])
    if len(size) != 2:
        raise graph.damaged(f"the size {list(size)} instead of (height, width)")
    nearest = o.op == Op.RESIZE_NEAREST_NEIGHBOR
    slot: Any = s.ResizeNearestNeighborSlot if nearest else s.ResizeBilinearSlot
    return (ResizeNearestNeighbor if nearest else ResizeBilinear)(
        name=own[0],
        inputs=inputs,
        size=(size[0], size[1]),
        align_corners=bool(o.option(slot.ALIGN_CORNERS, "?", False)),
        half_pixel_centers=bool(o.option(slot.HALF_PIXEL_CENTERS, "?", False)),
    )


def _resize_options(layer: ResizeNearestNeighbor | ResizeBilinear, slot: Any) -> list[Field]:
    """Returns the options of a resizing; `slot` is the enum of their slots."""
    return [
        (slot.ALIGN_CORNERS, "bool", layer.align_corners, False),
        (slot.HALF_PIXEL_CENTERS, "bool", layer.half_pixel_centers, False),
    ]


def _read_softmax(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return Softmax(name=own[0], inputs=inputs, beta=float(o.option(s.SoftmaxSlot.BETA, "f", 0.0)))


def _read_relu(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return Relu(name=own[0], inputs=inputs, six=o.op == Op.RELU6)


def _read_hard_swish(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return HardSwish(name=own[0], inputs=inputs)


_UNARY: Mapping[Op, type[Logistic | Tanh | Elu | Abs | Rsqrt | LogSoftmax]] = {
    Op.LOG_SOFTMAX: LogSoftmax,
    Op.LOGISTIC: Logistic,
    Op.TANH: Tanh,
    Op.ELU: Elu,
    Op.ABS: Abs,
    Op.RSQRT: Rsqrt,
}


def _read_unary(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return _UNARY[o.op](name=own[0], inputs=inputs)


def _read_leaky_relu(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return LeakyRelu(name=own[0], inputs=inputs, alpha=float(o.option(s.LeakyReluSlot.ALPHA, "f", 0.0)))


def _read_quantize(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    to = graph.activation_type(o.outputs[0])
    if to == "float32":
        raise graph.damaged(f"it makes float32 of {graph.tensor(o.inputs[0]).label}")
    return Quantize(name=own[0], inputs=inputs, to=to)


def _read_nothing(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> tuple[Layer, ...]:
    """Returns no layer, for an operator that only names a variable or fills it before the first inference."""
    return ()


def _read_read_variable(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    """Returns the layer of a READ_VARIABLE."""
    y = o.outputs[0]
    kind = graph.activation_type(y)
    return ReadVariable(name=own[0], variable=graph.variable(o.inputs[0]), shape=y.layer_shape, of=kind)


def _read_assign_variable(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    """Returns the layer of an ASSIGN_VARIABLE, which has no tensor to be called after."""
    name = graph.new_name("assign_variable")
    return AssignVariable(name=name, inputs=inputs, variable=graph.variable(o.inputs[0]))


def _read_cast(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return Cast(name=own[0], inputs=inputs, to=graph.activation_type(o.outputs[0]))


def _read_dequantize(graph: Graph, o: FileOperator, own: Names, inputs: Names) -> Layer:
    return Dequantize(name=own[0], inputs=inputs)


def _read_paddings(graph: Graph, o: FileOperator) -> tuple[Pair, ...]:
    """Returns the paddings of a PAD, `(before, after)` of each dimension but the batch."""
    tensor = graph.tensor(o.inputs[1])
    values = graph.constant(tensor, (s.TensorType.INT32,))
    rank = len(graph.tensor(o.inputs[0]).shape)
    if values.shape != (rank, 2) or values.min() < 0:
        raise graph.damaged(f"the paddings, {tensor.label}, are not (before, after) of {rank} dimensions")
    return tuple((int(a), int(b)) for a, b in values)


def _activation_input(graph: Graph, index: int, names: Mapping[int, str]) -> str:
    """Returns the name of an activation that an operator reads. Raises for a tensor that no earlier one writes."""
    tensor = graph.tensor(index)
    if index in names:
        return names[index]
    if len(graph.bytes_of(tensor.buffer)):
        supported = ", ".join(op.name for op in CONSTANT_OPERANDS)
        raise graph.unsupported(
            f"its input {tensor.label} is a constant; only operands of {supported}, weights, paddings and axes may be"
        )
    raise graph.damaged(f"its input {tensor.label} is not computed before it")


def _read_pair(o: FileOperator, height: int, width: int, default: int = 0) -> Pair:
    return o.option(height, "i", default), o.option(width, "i", default)


def _read_padding(graph: Graph, o: FileOperator) -> Padding:
    number = o.option(0, "b")  # the padding has slot 0 in every operator that has one
    if number not in _PADDING_NAMES:
        raise graph.damaged(f"padding {number}")
    return _PADDING_NAMES[number]


def _read_activation(graph: Graph, o: FileOperator, slot: int) -> Activation:
    number = o.option(slot, "b")
    if number not in _ACTIVATION_NAMES:
        name = _OTHER_ACTIVATION_NAMES.get(number, str(number))
        raise graph.unsupported(f"the fused activation {name} is not supported; supported: NONE, RELU, RELU6")
    return _ACTIVATION_NAMES[number]


def _activation_option(layer: FullyConnected | Add | Mul | Sub, slot: int) -> list[Field]:
    return [(slot, "int8", s.ACTIVATIONS[layer.activation], 0)]


def _window_options(layer: Conv2D | DepthwiseConv2D, slot: Any) -> list[Field]:
    return [
        (slot.PADDING, "int8", s.PADDINGS[layer.padding], 0),
        (slot.STRIDE_W, "int32", layer.stride[1], 0),
        (slot.STRIDE_H, "int32", layer.stride[0], 0),
        (slot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0),
        (slot.DILATION_W, "int32", layer.dilation[1], 1),
        (slot.DILATION_H, "int32", layer.dilation[0], 1),
    ]


def _transpose_conv_options(layer: TransposeConv2D) -> list[Field]:
    """Returns the fields of the options of a transposed convolution."""
    slot = s.TransposeConvSlot
    return [
        (slot.PADDING, "int8", s.PADDINGS[layer.padding], 0),
        (slot.STRIDE_W, "int32", layer.stride[1], 0),
        (slot.STRIDE_H, "int32", layer.stride[0], 0),
        (slot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0),
    ]


def _pool_options(layer: AveragePool2D | MaxPool2D) -> list[Field]:
    slot = s.PoolSlot
    return [
        (slot.PADDING, "int8", s.PADDINGS[layer.padding], 0),
        (slot.STRIDE_W, "int32", layer.stride[1], 0),
        (slot.STRIDE_H, "int32", layer.stride[0], 0),
        (slot.FILTER_W, "int32", layer.pool[1], 0),
        (slot.FILTER_H, "int32", layer.pool[0], 0),
        (slot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0),
    ]
