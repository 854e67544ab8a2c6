"""All facts about each kind of layer: `operator(layer)` returns an `Operator`, the record of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

from micronets.ir import layers
from micronets.ir.layers import Activation, Layer
from micronets.ir.ops.add import add_operator
from micronets.ir.ops.arg_max import arg_max_operator
from micronets.ir.ops.batch_matmul import batch_matmul_operator
from micronets.ir.ops.binary import (
    div_operator,
    maximum_operator,
    minimum_operator,
    mul_operator,
    prelu_operator,
    squared_difference_operator,
    sub_operator,
)
from micronets.ir.ops.comparison import compare_operator, logical_not_operator, logical_operator, select_operator
from micronets.ir.ops.concatenation import concatenation_operator
from micronets.ir.ops.conv import conv_2d_operator
from micronets.ir.ops.dense import fully_connected_operator
from micronets.ir.ops.depthwise import depthwise_conv_2d_operator
from micronets.ir.ops.edges import cast_operator, dequantize_operator, quantize_operator
from micronets.ir.ops.hard_swish import hard_swish_operator
from micronets.ir.ops.int16 import int16_operator
from micronets.ir.ops.l2_normalization import l2_normalization_operator
from micronets.ir.ops.lstm import unidirectional_sequence_lstm_operator
from micronets.ir.ops.movement import (
    broadcast_to_operator,
    dynamic_update_slice_operator,
    expand_dims_operator,
    gather_operator,
    lookup_operator,
    mirror_pad_operator,
    pack_operator,
    resize_bilinear_operator,
    resize_nearest_neighbor_operator,
    slice_operator,
    squeeze_operator,
    strided_slice_operator,
    transpose_operator,
    unpack_operator,
)
from micronets.ir.ops.numbers import number_operator
from micronets.ir.ops.pad import pad_operator
from micronets.ir.ops.pool import average_pool_2d_operator, max_pool_2d_operator
from micronets.ir.ops.record import Arity, Operand, Operator, Shapes, Tflm, TflmKernel, Weights
from micronets.ir.ops.reduction import (
    mean_operator,
    reduce_all_operator,
    reduce_max_operator,
    reduce_min_operator,
    sum_operator,
)
from micronets.ir.ops.relu import relu_operator
from micronets.ir.ops.reshape import reshape_operator
from micronets.ir.ops.signal import (
    signal_energy_operator,
    signal_fft_auto_scale_operator,
    signal_filter_bank_log_operator,
    signal_filter_bank_operator,
    signal_filter_bank_spectral_subtraction_operator,
    signal_filter_bank_square_root_operator,
    signal_pcan_operator,
    signal_rfft_operator,
    signal_window_operator,
)
from micronets.ir.ops.softmax import log_softmax_operator, softmax_operator
from micronets.ir.ops.split import split_operator
from micronets.ir.ops.svdf import svdf_operator
from micronets.ir.ops.totals import add_n_operator, cum_sum_operator
from micronets.ir.ops.transpose_conv import transpose_conv_2d_operator
from micronets.ir.ops.unary import (
    abs_operator,
    elu_operator,
    leaky_relu_operator,
    logistic_operator,
    number_function_operator,
    rsqrt_operator,
    tanh_operator,
)
from micronets.ir.ops.variables import assign_variable_operator, read_variable_operator
from micronets.ir.types import Types

__all__ = [
    "Arity",
    "Operand",
    "Operator",
    "Shapes",
    "Tflm",
    "TflmKernel",
    "Weights",
    "operator",
    "operator_on",
    "with_activation",
]


def operator(layer: Layer) -> Operator:
    """Returns the record of all facts of a layer's kind, for the fields of this layer."""
    match layer:
        case layers.Conv2D():
            return conv_2d_operator(layer)
        case layers.DepthwiseConv2D():
            return depthwise_conv_2d_operator(layer)
        case layers.TransposeConv2D():
            return transpose_conv_2d_operator(layer)
        case layers.FullyConnected():
            return fully_connected_operator(layer)
        case layers.BatchMatMul():
            return batch_matmul_operator(layer)
        case layers.AveragePool2D():
            return average_pool_2d_operator(layer)
        case layers.MaxPool2D():
            return max_pool_2d_operator(layer)
        case layers.Mean():
            return mean_operator(layer)
        case layers.Sum():
            return sum_operator(layer)
        case layers.ReduceMax():
            return reduce_max_operator(layer)
        case layers.ReduceMin():
            return reduce_min_operator(layer)
        case layers.ReduceAll():
            return reduce_all_operator(layer)
        case layers.CumSum():
            return cum_sum_operator(layer)
        case layers.AddN():
            return add_n_operator(layer)
        case layers.ArgMax():
            return arg_max_operator(layer)
        case layers.Add():
            return add_operator(layer)
        case layers.Mul():
            return mul_operator(layer)
        case layers.Sub():
            return sub_operator(layer)
        case layers.Div():
            return div_operator(layer)
        case layers.Minimum():
            return minimum_operator(layer)
        case layers.Maximum():
            return maximum_operator(layer)
        case layers.SquaredDifference():
            return squared_difference_operator(layer)
        case layers.Prelu():
            return prelu_operator(layer)
        case layers.Compare():
            return compare_operator(layer)
        case layers.Logical():
            return logical_operator(layer)
        case layers.LogicalNot():
            return logical_not_operator(layer)
        case layers.Select():
            return select_operator(layer)
        case layers.Cast():
            return cast_operator(layer)
        case layers.Concatenation():
            return concatenation_operator(layer)
        case layers.Split():
            return split_operator(layer)
        case layers.Pad():
            return pad_operator(layer)
        case layers.Reshape():
            return reshape_operator(layer)
        case layers.ExpandDims():
            return expand_dims_operator(layer)
        case layers.Squeeze():
            return squeeze_operator(layer)
        case layers.Transpose():
            return transpose_operator(layer)
        case layers.Slice():
            return slice_operator(layer)
        case layers.StridedSlice():
            return strided_slice_operator(layer)
        case layers.Pack():
            return pack_operator(layer)
        case layers.Unpack():
            return unpack_operator(layer)
        case layers.Gather():
            return gather_operator(layer)
        case layers.Lookup():
            return lookup_operator(layer)
        case layers.BroadcastTo():
            return broadcast_to_operator(layer)
        case layers.DynamicUpdateSlice():
            return dynamic_update_slice_operator(layer)
        case layers.MirrorPad():
            return mirror_pad_operator(layer)
        case layers.ResizeNearestNeighbor():
            return resize_nearest_neighbor_operator(layer)
        case layers.ResizeBilinear():
            return resize_bilinear_operator(layer)
        case layers.Softmax():
            return softmax_operator(layer)
        case layers.LogSoftmax():
            return log_softmax_operator(layer)
        case layers.L2Normalization():
            return l2_normalization_operator(layer)
        case layers.NumberFunction():
            return number_function_operator(layer)
        case layers.Relu():
            return relu_operator(layer)
        case layers.HardSwish():
            return hard_swish_operator(layer)
        case layers.Logistic():
            return logistic_operator(layer)
        case layers.Tanh():
            return tanh_operator(layer)
        case layers.LeakyRelu():
            return leaky_relu_operator(layer)
        case layers.Elu():
            return elu_operator(layer)
        case layers.Abs():
            return abs_operator(layer)
        case layers.Rsqrt():
            return rsqrt_operator(layer)
        case layers.Quantize():
            return quantize_operator(layer)
        case layers.Dequantize():
            return dequantize_operator(layer)
        case layers.ReadVariable():
            return read_variable_operator(layer)
        case layers.AssignVariable():
            return assign_variable_operator(layer)
        case layers.Svdf():
            return svdf_operator(layer)
        case layers.UnidirectionalSequenceLstm():
            return unidirectional_sequence_lstm_operator(layer)
        case layers.SignalWindow():
            return signal_window_operator(layer)
        case layers.SignalFftAutoScale():
            return signal_fft_auto_scale_operator(layer)
        case layers.SignalRfft():
            return signal_rfft_operator(layer)
        case layers.SignalEnergy():
            return signal_energy_operator(layer)
        case layers.SignalFilterBank():
            return signal_filter_bank_operator(layer)
        case layers.SignalFilterBankSquareRoot():
            return signal_filter_bank_square_root_operator(layer)
        case layers.SignalFilterBankSpectralSubtraction():
            return signal_filter_bank_spectral_subtraction_operator(layer)
        case layers.SignalPcan():
            return signal_pcan_operator(layer)
        case layers.SignalFilterBankLog():
            return signal_filter_bank_log_operator(layer)
        case _:
            assert_never(layer)


def operator_on(layer: Layer, types: Types, facts: Operator | None = None) -> Operator:
    """Returns the record of all facts of a layer that reads tensors of these types.

    - facts: the layer's `operator`, if the caller has made it already.
    """
    facts = operator(layer) if facts is None else facts
    match types[:1]:
        case ("int16",):
            return int16_operator(layer, facts)
        case (("int32" | "float32" | "bool") as of,):
            return number_operator(layer, facts, of)
        case _:
            return facts


def with_activation(layer: Layer, activation: Activation) -> Layer:
    """Returns the layer with another fused activation. The layer must be of a kind that has this field."""
    changed: dict[str, Any] = {"activation": activation}
    return replace(layer, **changed)
