"""The stored form of each operator in a `.tflite` file, which the reader turns into layers and the writer makes.

`Op` numbers the operators, `codec` says how one is read, `encode_layer` how a layer is written. The type checker asks
for a new kind of layer in `encode_layer` and for a new number in `codec`. A family of operators has a file of its own
beside this one; `record` has the records, `fields` what options have in common, `batch` the Reshapes around layers that
work along a batch of one, and `weights` what comes with weights and biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from micronets.ir import layers
from micronets.ir.layers import Layer
from micronets.ir.ops import Arity, operator
from micronets.ir.ops.comparison import THREE
from micronets.ir.ops.record import ONE, TWO
from micronets.tflite import schema as s
from micronets.tflite.builder import Field, LeanBuilder
from micronets.tflite.codec.binary import read_add, read_binary, read_div, read_mul, read_sub
from micronets.tflite.codec.blocks import read_batch_to_space, read_space_to_batch
from micronets.tflite.codec.comparison import read_compare, read_logical, read_select
from micronets.tflite.codec.conv import (
    read_conv_2d,
    read_depthwise_conv_2d,
    read_transpose_conv,
    transpose_conv_options,
    window_options,
)
from micronets.tflite.codec.dense import read_batch_matmul, read_fully_connected
from micronets.tflite.codec.elementwise import (
    read_cast,
    read_dequantize,
    read_hard_swish,
    read_l2_normalization,
    read_leaky_relu,
    read_number_function,
    read_quantize,
    read_relu,
    read_softmax,
    read_unary,
)
from micronets.tflite.codec.fields import activation_option
from micronets.tflite.codec.joining import read_concatenation, read_pack, read_split, read_split_v, read_unpack
from micronets.tflite.codec.movement import (
    read_blocks,
    read_broadcast_to,
    read_embedding_lookup,
    read_fill,
    read_gather,
    read_gather_nd,
    read_mirror_pad,
    read_pad,
    read_resize,
    read_reverse,
    read_slice,
    read_strided_slice,
    read_update,
    resize_options,
)
from micronets.tflite.codec.op import CONSTANT_OPERANDS, RECURRENT, Op
from micronets.tflite.codec.pool import (
    pool_options,
    read_arg_max,
    read_average_pool_2d,
    read_max_pool_2d,
    read_reduction,
)
from micronets.tflite.codec.record import FIRST, NONE, Codec, Encoded, FileOperator
from micronets.tflite.codec.recurrent import LSTM_CONSTANTS, LSTM_INPUTS, read_lstm, read_svdf
from micronets.tflite.codec.shape import read_expand_dims, read_reshape, read_squeeze, read_transpose
from micronets.tflite.codec.signal import read_signal, signal_options
from micronets.tflite.codec.totals import read_add_n, read_cum_sum
from micronets.tflite.codec.variables import read_assign_variable, read_nothing, read_read_variable
from micronets.tflite.tensors import Graph, file_shape

__all__ = ["Op", "codec", "encode_layer", "layers_of"]


def codec(op: Op) -> Codec:
    """Returns how the operator of that number is stored in a file."""
    match op:
        case Op.CONV_2D:
            return Codec(options=1, inputs=Arity(2, 3), activations=FIRST, outputs=ONE, read=read_conv_2d)
        case Op.DEPTHWISE_CONV_2D:
            return Codec(options=2, inputs=Arity(2, 3), activations=FIRST, outputs=ONE, read=read_depthwise_conv_2d)
        case Op.FULLY_CONNECTED:
            return Codec(options=8, inputs=Arity(2, 3), activations=FIRST, outputs=ONE, read=read_fully_connected)
        case Op.BATCH_MATMUL:
            return Codec(options=101, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_batch_matmul)
        case Op.TRANSPOSE_CONV:
            return Codec(options=49, inputs=Arity(3, 4), activations=slice(2, 3), outputs=ONE, read=read_transpose_conv)
        case Op.AVERAGE_POOL_2D:
            return Codec(options=5, inputs=ONE, activations=FIRST, outputs=ONE, read=read_average_pool_2d)
        case Op.MAX_POOL_2D:
            return Codec(options=5, inputs=ONE, activations=FIRST, outputs=ONE, read=read_max_pool_2d)
        case Op.MEAN | Op.SUM | Op.REDUCE_MAX | Op.REDUCE_MIN | Op.REDUCE_ALL:
            return Codec(options=27, inputs=TWO, activations=FIRST, outputs=ONE, read=read_reduction)
        case Op.CUMSUM:
            return Codec(options=102, inputs=TWO, activations=FIRST, outputs=ONE, read=read_cum_sum)
        case Op.ADD_N:
            return Codec(options=82, inputs=Arity(2, None), activations=slice(None), outputs=ONE, read=read_add_n)
        case Op.ARG_MAX:
            return Codec(options=40, inputs=TWO, activations=FIRST, outputs=ONE, read=read_arg_max)
        case Op.ARG_MIN:
            return Codec(options=57, inputs=TWO, activations=FIRST, outputs=ONE, read=read_arg_max)
        case Op.ADD:
            return Codec(options=11, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_add)
        case Op.MUL:
            return Codec(options=21, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_mul)
        case Op.SUB:
            return Codec(options=28, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_sub)
        case Op.DIV:
            return Codec(options=29, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_div)
        case Op.MINIMUM | Op.MAXIMUM | Op.SQUARED_DIFFERENCE:
            options = 76 if op == Op.SQUARED_DIFFERENCE else 39
            return Codec(options=options, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_binary)
        case Op.PRELU:
            return Codec(options=None, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_binary)
        case Op.EQUAL | Op.NOT_EQUAL | Op.GREATER | Op.GREATER_EQUAL | Op.LESS | Op.LESS_EQUAL:
            tables = {
                Op.EQUAL: 53,
                Op.NOT_EQUAL: 54,
                Op.GREATER: 44,
                Op.GREATER_EQUAL: 45,
                Op.LESS: 41,
                Op.LESS_EQUAL: 46,
            }
            return Codec(options=tables[op], inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_compare)
        case Op.LOGICAL_AND | Op.LOGICAL_OR:
            options = 62 if op == Op.LOGICAL_AND else 60
            return Codec(options=options, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_logical)
        case Op.LOGICAL_NOT:
            return Codec(options=63, inputs=ONE, activations=FIRST, outputs=ONE, read=read_logical)
        case Op.SELECT_V2:
            return Codec(options=98, inputs=THREE, activations=slice(0, 3), outputs=ONE, read=read_select)
        case Op.CAST:
            return Codec(options=37, inputs=ONE, activations=FIRST, outputs=ONE, read=read_cast)
        case Op.CONCATENATION:
            return Codec(
                options=10, inputs=Arity(1, None), activations=slice(None), outputs=ONE, read=read_concatenation
            )
        case Op.SPLIT:
            return Codec(options=35, inputs=TWO, activations=slice(1, 2), outputs=Arity(1, None), read=read_split)
        case Op.PAD:
            return Codec(options=22, inputs=TWO, activations=FIRST, outputs=ONE, read=read_pad)
        case Op.PADV2:
            return Codec(options=43, inputs=THREE, activations=FIRST, outputs=ONE, read=read_pad)
        case Op.RESHAPE:
            return Codec(options=17, inputs=Arity(1, 2), activations=FIRST, outputs=ONE, read=read_reshape)
        case Op.EXPAND_DIMS:
            return Codec(options=52, inputs=TWO, activations=FIRST, outputs=ONE, read=read_expand_dims)
        case Op.SQUEEZE:
            return Codec(options=30, inputs=ONE, activations=FIRST, outputs=ONE, read=read_squeeze)
        case Op.TRANSPOSE:
            return Codec(options=26, inputs=TWO, activations=FIRST, outputs=ONE, read=read_transpose)
        case Op.DEPTH_TO_SPACE:
            return Codec(options=94, inputs=ONE, activations=FIRST, outputs=ONE, read=read_blocks)
        case Op.SPACE_TO_DEPTH:
            return Codec(options=19, inputs=ONE, activations=FIRST, outputs=ONE, read=read_blocks)
        case Op.SPACE_TO_BATCH_ND:
            return Codec(options=25, inputs=THREE, activations=FIRST, outputs=ONE, read=read_space_to_batch)
        case Op.BATCH_TO_SPACE_ND:
            return Codec(options=24, inputs=THREE, activations=FIRST, outputs=ONE, read=read_batch_to_space)
        case Op.REVERSE_V2:
            return Codec(options=81, inputs=TWO, activations=FIRST, outputs=ONE, read=read_reverse)
        case Op.SLICE:
            return Codec(options=48, inputs=THREE, activations=FIRST, outputs=ONE, read=read_slice)
        case Op.STRIDED_SLICE:
            return Codec(options=32, inputs=Arity(4, 4), activations=FIRST, outputs=ONE, read=read_strided_slice)
        case Op.PACK:
            return Codec(options=59, inputs=Arity(1, None), activations=slice(None), outputs=ONE, read=read_pack)
        case Op.UNPACK:
            return Codec(options=64, inputs=ONE, activations=FIRST, outputs=Arity(1, None), read=read_unpack)
        case Op.SPLIT_V:
            return Codec(options=79, inputs=THREE, activations=FIRST, outputs=Arity(1, None), read=read_split_v)
        case Op.GATHER:
            return Codec(options=23, inputs=TWO, activations=FIRST, outputs=ONE, read=read_gather)
        case Op.GATHER_ND:
            return Codec(options=83, inputs=TWO, activations=FIRST, outputs=ONE, read=read_gather_nd)
        case Op.EMBEDDING_LOOKUP:
            return Codec(options=None, inputs=TWO, activations=slice(0, 2), outputs=ONE, read=read_embedding_lookup)
        case Op.BROADCAST_TO:
            return Codec(options=104, inputs=TWO, activations=FIRST, outputs=ONE, read=read_broadcast_to)
        case Op.FILL:
            return Codec(options=68, inputs=TWO, activations=slice(1, 2), outputs=ONE, read=read_fill)
        case Op.DYNAMIC_UPDATE_SLICE:
            return Codec(options=117, inputs=THREE, activations=slice(0, 2), outputs=ONE, read=read_update)
        case Op.MIRROR_PAD:
            return Codec(options=77, inputs=TWO, activations=FIRST, outputs=ONE, read=read_mirror_pad)
        case Op.RESIZE_NEAREST_NEIGHBOR:
            return Codec(options=74, inputs=TWO, activations=FIRST, outputs=ONE, read=read_resize)
        case Op.RESIZE_BILINEAR:
            return Codec(options=15, inputs=TWO, activations=FIRST, outputs=ONE, read=read_resize)
        case Op.SVDF:
            return Codec(options=6, inputs=Arity(5, 5), activations=slice(0, 4), outputs=ONE, read=read_svdf)
        case Op.UNIDIRECTIONAL_SEQUENCE_LSTM:
            return Codec(
                options=71,
                inputs=Arity(LSTM_INPUTS, LSTM_INPUTS),
                activations=LSTM_CONSTANTS,
                outputs=ONE,
                read=read_lstm,
                optional=True,
            )
        case Op.SOFTMAX:
            return Codec(options=9, inputs=ONE, activations=FIRST, outputs=ONE, read=read_softmax)
        case Op.LOG_SOFTMAX:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=read_unary)
        case Op.RELU | Op.RELU6:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=read_relu)
        case Op.HARD_SWISH:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=read_hard_swish)
        case Op.LOGISTIC | Op.TANH | Op.ELU | Op.ABS | Op.RSQRT:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=read_unary)
        case Op.NEG | Op.SQUARE | Op.SQRT | Op.EXP | Op.FLOOR | Op.CEIL | Op.ROUND:
            tables = {Op.NEG: 42, Op.SQUARE: 66, Op.EXP: 33}
            return Codec(options=tables.get(op), inputs=ONE, activations=FIRST, outputs=ONE, read=read_number_function)
        case Op.L2_NORMALIZATION:
            return Codec(options=12, inputs=ONE, activations=FIRST, outputs=ONE, read=read_l2_normalization)
        case Op.LEAKY_RELU:
            return Codec(options=75, inputs=ONE, activations=FIRST, outputs=ONE, read=read_leaky_relu)
        case Op.QUANTIZE:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=read_quantize)
        case Op.DEQUANTIZE:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=read_dequantize)
        case Op.CALL_ONCE:
            return Codec(options=103, inputs=NONE, activations=slice(0), outputs=NONE, read=read_nothing)
        case Op.VAR_HANDLE:
            return Codec(options=111, inputs=NONE, activations=slice(0), outputs=ONE, read=read_nothing)
        case Op.READ_VARIABLE:
            return Codec(options=112, inputs=ONE, activations=slice(0), outputs=ONE, read=read_read_variable)
        case Op.ASSIGN_VARIABLE:
            return Codec(options=113, inputs=TWO, activations=slice(1, 2), outputs=NONE, read=read_assign_variable)
        case Op.SIGNAL_WINDOW | Op.SIGNAL_FILTER_BANK_SQUARE_ROOT:
            return Codec(options=None, inputs=TWO, activations=slice(None), outputs=ONE, read=read_signal)
        case Op.SIGNAL_FFT_AUTO_SCALE | Op.SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=TWO, read=read_signal)
        case Op.SIGNAL_RFFT | Op.SIGNAL_ENERGY | Op.SIGNAL_FILTER_BANK_LOG:
            return Codec(options=None, inputs=ONE, activations=FIRST, outputs=ONE, read=read_signal)
        case Op.SIGNAL_FILTER_BANK:
            return Codec(options=None, inputs=Arity(6, 6), activations=slice(None), outputs=ONE, read=read_signal)
        case Op.SIGNAL_PCAN:
            return Codec(options=None, inputs=THREE, activations=slice(None), outputs=ONE, read=read_signal)
        case _:
            assert_never(op)


def encode_layer(layer: Layer, file: LeanBuilder) -> Encoded:
    """Returns the operator of a layer and its options.

    - layer: the layer.
    - file: what vectors are written to that the options refer to.
    """
    match layer:
        case layers.Conv2D():
            return Encoded(Op.CONV_2D, window_options(layer, s.Conv2DSlot))
        case layers.DepthwiseConv2D():
            multiplier: Field = (s.DepthwiseSlot.MULTIPLIER, "int32", layer.multiplier, 0)
            return Encoded(Op.DEPTHWISE_CONV_2D, [*window_options(layer, s.DepthwiseSlot), multiplier])
        case layers.FullyConnected():
            # TFLM compares the bias's scale with the product of the others for this operator only.
            keep: Field = (s.FullyConnectedSlot.KEEP_NUM_DIMS, "bool", layer.keep_dims, False)
            options = [*activation_option(layer, s.FullyConnectedSlot.ACTIVATION), keep]
            return Encoded(Op.FULLY_CONNECTED, options, bias_scale=True)
        case layers.BatchMatMul():
            both = s.BatchMatMulSlot.ADJ_X, s.BatchMatMulSlot.ADJ_Y
            flags = (layer.transpose_a, layer.transpose_b)
            return Encoded(Op.BATCH_MATMUL, [(k, "bool", v, False) for k, v in zip(both, flags, strict=True)])
        case layers.TransposeConv2D():
            return Encoded(Op.TRANSPOSE_CONV, transpose_conv_options(layer))
        case layers.AveragePool2D():
            return Encoded(Op.AVERAGE_POOL_2D, pool_options(layer))
        case layers.MaxPool2D():
            return Encoded(Op.MAX_POOL_2D, pool_options(layer))
        case layers.ArgMax():
            op = Op.ARG_MIN if layer.smallest else Op.ARG_MAX
            return Encoded(op, [(s.ArgMaxSlot.OUTPUT_TYPE, "int8", int(s.TensorType.INT32), 0)])
        case layers.Mean() | layers.Sum() | layers.ReduceMax() | layers.ReduceMin() | layers.ReduceAll():
            op = Op[operator(layer).tflite_name]
            return Encoded(op, [(s.ReducerSlot.KEEP_DIMS, "bool", layer.keep_dims, False)])
        case layers.CumSum():
            ways = ((s.CumsumSlot.EXCLUSIVE, layer.exclusive), (s.CumsumSlot.REVERSE, layer.reverse))
            return Encoded(Op.CUMSUM, [(slot, "bool", value, False) for slot, value in ways])
        case layers.AddN():
            return Encoded(Op.ADD_N, [])
        case layers.DynamicUpdateSlice():
            return Encoded(Op.DYNAMIC_UPDATE_SLICE, [])
        case layers.Add():
            return Encoded(Op.ADD, activation_option(layer, s.AddSlot.ACTIVATION))
        case layers.Mul():
            return Encoded(Op.MUL, activation_option(layer, s.MulSlot.ACTIVATION))
        case layers.Sub():
            return Encoded(Op.SUB, activation_option(layer, s.SubSlot.ACTIVATION))
        case layers.Div():
            return Encoded(Op.DIV, activation_option(layer, s.DivSlot.ACTIVATION))
        case layers.Minimum():
            return Encoded(Op.MINIMUM, [])
        case layers.Maximum():
            return Encoded(Op.MAXIMUM, [])
        case layers.SquaredDifference():
            return Encoded(Op.SQUARED_DIFFERENCE, [])
        case layers.Prelu():
            return Encoded(Op.PRELU, [])
        case layers.Compare() | layers.Logical() | layers.LogicalNot() | layers.Select():
            return Encoded(Op[operator(layer).tflite_name], [])
        case layers.Cast():
            return Encoded(Op.CAST, [])
        case layers.Concatenation():
            return Encoded(Op.CONCATENATION, [(s.ConcatenationSlot.AXIS, "int32", layer.axis + 1, 0)])
        case layers.Split():
            op = Op.SPLIT_V if layer.sizes else Op.SPLIT
            return Encoded(op, [(s.SplitSlot.COUNT, "int32", len(layer.outputs), 0)])
        case layers.Pad():
            return Encoded(Op.PAD if layer.value is None else Op.PADV2, [])
        case layers.Reshape():
            shape = file.vector(np.int32, file_shape(layer.shape))
            return Encoded(Op.RESHAPE, [(s.ReshapeSlot.NEW_SHAPE, "table", shape, 0)])
        case layers.ExpandDims():
            return Encoded(Op.EXPAND_DIMS, [])
        case layers.Squeeze():
            axes = file.vector(np.int32, [axis + 1 for axis in layer.axes])
            return Encoded(Op.SQUEEZE, [(s.SqueezeSlot.AXES, "table", axes, 0)])
        case layers.Transpose():
            return Encoded(Op.TRANSPOSE, [])
        case layers.Slice():
            return Encoded(Op.SLICE, [])
        case layers.StridedSlice():
            #  A negative end would count from the last position: the mask says that the slice ends with the first one.
            ends = sum(1 << axis for axis, end in enumerate(layer.ends, start=1) if end < 0)
            shrink = sum(1 << axis + 1 for axis in layer.shrink)
            slot = s.StridedSliceSlot
            masks: list[Field] = [(slot.END_MASK, "int32", ends, 0), (slot.SHRINK_AXIS_MASK, "int32", shrink, 0)]
            return Encoded(Op.STRIDED_SLICE, masks)
        case layers.Pack():
            count = len(layer.inputs)
            return Encoded(
                Op.PACK, [(s.PackSlot.COUNT, "int32", count, 0), (s.PackSlot.AXIS, "int32", layer.axis + 1, 0)]
            )
        case layers.Unpack():
            count = len(layer.outputs)
            return Encoded(
                Op.UNPACK, [(s.UnpackSlot.COUNT, "int32", count, 0), (s.UnpackSlot.AXIS, "int32", layer.axis + 1, 0)]
            )
        case layers.Gather():
            return Encoded(Op.GATHER, [(s.GatherSlot.AXIS, "int32", layer.axis + 1, 0)])
        case layers.Lookup():
            batch: Field = (s.GatherSlot.BATCH_DIMS, "int32", 1, 0)  # our files give both tensors a batch of one
            return Encoded(Op.GATHER, [(s.GatherSlot.AXIS, "int32", layer.axis + 1, 0), batch])
        case layers.BroadcastTo():
            return Encoded(Op.BROADCAST_TO, [])
        case layers.MirrorPad():
            return Encoded(Op.MIRROR_PAD, [(s.MirrorPadSlot.MODE, "int8", int(layer.symmetric), 0)])
        case layers.ResizeNearestNeighbor():
            return Encoded(Op.RESIZE_NEAREST_NEIGHBOR, resize_options(layer, s.ResizeNearestNeighborSlot))
        case layers.ResizeBilinear():
            return Encoded(Op.RESIZE_BILINEAR, resize_options(layer, s.ResizeBilinearSlot))
        case layers.Softmax():
            return Encoded(Op.SOFTMAX, [(s.SoftmaxSlot.BETA, "float32", layer.beta, 0.0)])
        case layers.Svdf():
            return Encoded(Op.SVDF, [(s.SvdfSlot.RANK, "int32", layer.rank, 0)])
        case layers.UnidirectionalSequenceLstm():
            slots = s.LstmSlot
            tanh: Field = (slots.ACTIVATION, "int8", s.TANH, 0)
            return Encoded(Op.UNIDIRECTIONAL_SEQUENCE_LSTM, [tanh, (slots.CELL_CLIP, "float32", layer.cell_clip, 0.0)])
        case layers.Relu():
            return Encoded(Op.RELU6 if layer.six else Op.RELU, [])
        case layers.HardSwish():
            return Encoded(Op.HARD_SWISH, [])
        case (
            layers.Logistic()
            | layers.Tanh()
            | layers.Elu()
            | layers.Abs()
            | layers.Rsqrt()
            | layers.LogSoftmax()
            | layers.L2Normalization()
            | layers.NumberFunction()
        ):
            return Encoded(Op[operator(layer).tflite_name], [])
        case layers.LeakyRelu():
            return Encoded(Op.LEAKY_RELU, [(s.LeakyReluSlot.ALPHA, "float32", layer.alpha, 0.0)])
        case layers.Quantize():
            return Encoded(Op.QUANTIZE, [])
        case layers.Dequantize():
            return Encoded(Op.DEQUANTIZE, [])
        case layers.ReadVariable():
            return Encoded(Op.READ_VARIABLE, [])
        case layers.AssignVariable():
            return Encoded(Op.ASSIGN_VARIABLE, [])
        case layers.SignalLayer():
            op, numbers = signal_options(layer)
            return Encoded(op, [], custom=numbers)
        case _:
            assert_never(layer)


def layers_of(graph: Graph, o: FileOperator, own: tuple[str, ...], names: Mapping[int, str]) -> tuple[Layer, ...]:
    """Returns the layer of an operator, and perhaps a Reshape before and after it, in order.

    Sizes that follow from the weights are not set; `weights_of` sets these.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the names of the layer's outputs.
    - names: the names of the tensors that earlier operators write, by their index in the file.

    Raises `FileError` for a damaged file, and `UnsupportedError` for what micronets does not support.
    """
    made = codec(o.op).read(graph, o, own, tuple(_activation_input(graph, i, names) for i in o.activations))
    return made if isinstance(made, tuple) else (made,)


def _activation_input(graph: Graph, index: int, names: Mapping[int, str]) -> str:
    """Returns the name of an activation that an operator reads. Raises for a tensor that no earlier one writes."""
    if index == -1:
        raise graph.unsupported("one of its inputs is left out as tensor -1, which TFLM's kernel reads all the same")
    tensor = graph.tensor(index)
    if index in names:
        return names[index]
    if graph.is_constant(tensor):
        supported = ", ".join(op.name for op in CONSTANT_OPERANDS)
        raise graph.unsupported(
            f"its input {tensor.label} is a constant; only operands of {supported}, weights, paddings and axes may be"
        )
    if tensor.is_variable:
        recurrent = ", ".join(op.name for op in RECURRENT)
        raise graph.unsupported(f"its input {tensor.label} is a variable; only {recurrent} may keep one")
    raise graph.damaged(f"its input {tensor.label} is not computed before it")
