"""Numbers of the TensorFlow Lite file format (FlatBuffers schema, version 3) that the reader and the writer share.

A table's fields are known by their slot, in the order of the public schema.fbs.
"""

from __future__ import annotations

from enum import IntEnum

from micronets.ir.layers import (
    KINDS,
    Activation,
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
from micronets.ir.window import Padding

VERSION = 3
IDENTIFIER = b"TFL3"
BUFFER_ALIGNMENT = 16
BITS_METADATA = "micronets.act4"  # names of the tensors of 4 bits, which the format itself cannot tell from 8
RESERVED_METADATA = (BITS_METADATA, "OfflineMemoryAllocation", "COMPRESSION_METADATA")  # the latter two steer TFLM


class ModelSlot(IntEnum):
    VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, METADATA_BUFFER, METADATA = range(7)


class OperatorCodeSlot(IntEnum):
    DEPRECATED_CODE, CUSTOM_CODE, VERSION, CODE = range(4)


class SubGraphSlot(IntEnum):
    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME = range(5)


class TensorSlot(IntEnum):
    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, IS_VARIABLE, SPARSITY, SHAPE_SIGNATURE = range(8)


class QuantizationSlot(IntEnum):
    MIN, MAX, SCALE, ZERO_POINT, DETAILS_TYPE, DETAILS, DIMENSION = range(7)


class OperatorSlot(IntEnum):
    CODE_INDEX, INPUTS, OUTPUTS, OPTIONS_TYPE, OPTIONS = range(5)


class BufferSlot(IntEnum):
    DATA, OFFSET, SIZE = range(3)


class MetadataSlot(IntEnum):
    NAME, BUFFER = range(2)


class Conv2DSlot(IntEnum):
    PADDING, STRIDE_W, STRIDE_H, ACTIVATION, DILATION_W, DILATION_H = range(6)


class DepthwiseSlot(IntEnum):
    PADDING, STRIDE_W, STRIDE_H, MULTIPLIER, ACTIVATION, DILATION_W, DILATION_H = range(7)


class PoolSlot(IntEnum):
    PADDING, STRIDE_W, STRIDE_H, FILTER_W, FILTER_H, ACTIVATION = range(6)


class FullyConnectedSlot(IntEnum):
    ACTIVATION, WEIGHTS_FORMAT, KEEP_NUM_DIMS = range(3)


class SoftmaxSlot(IntEnum):
    BETA = 0


class AddSlot(IntEnum):
    ACTIVATION = 0


class ReshapeSlot(IntEnum):
    NEW_SHAPE = 0


class ReducerSlot(IntEnum):
    KEEP_DIMS = 0


class TensorType(IntEnum):
    FLOAT32, FLOAT16, INT32, UINT8, INT64, STRING, BOOL, INT16, COMPLEX64, INT8 = range(10)
    INT4 = 17


class Op(IntEnum):
    ADD = 0
    AVERAGE_POOL_2D = 1
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEQUANTIZE = 6
    FULLY_CONNECTED = 9
    MAX_POOL_2D = 17
    RELU = 19
    RELU6 = 21
    RESHAPE = 22
    SOFTMAX = 25
    PAD = 34
    MEAN = 40
    QUANTIZE = 114


OPS: dict[type, Op] = {
    Add: Op.ADD,
    AveragePool2D: Op.AVERAGE_POOL_2D,
    Conv2D: Op.CONV_2D,
    DepthwiseConv2D: Op.DEPTHWISE_CONV_2D,
    Dequantize: Op.DEQUANTIZE,
    FullyConnected: Op.FULLY_CONNECTED,
    MaxPool2D: Op.MAX_POOL_2D,
    Relu: Op.RELU,
    Reshape: Op.RESHAPE,
    Softmax: Op.SOFTMAX,
    Pad: Op.PAD,
    Mean: Op.MEAN,
    Quantize: Op.QUANTIZE,
}
assert set(OPS) == set(KINDS.values())

# The options table of each operator: its member number in the format's union.
OPTIONS: dict[Op, int] = {
    Op.ADD: 11,
    Op.AVERAGE_POOL_2D: 5,
    Op.CONV_2D: 1,
    Op.DEPTHWISE_CONV_2D: 2,
    Op.FULLY_CONNECTED: 8,
    Op.MAX_POOL_2D: 5,
    Op.RESHAPE: 17,
    Op.SOFTMAX: 9,
    Op.PAD: 22,
    Op.MEAN: 27,
}

ACTIVATIONS: dict[Activation, int] = {"none": 0, "relu": 1, "relu6": 3}
PADDINGS: dict[Padding, int] = {"same": 0, "valid": 1}

# Names for refusals of operators that people do meet; others are called by number.
OTHER_OPS = {
    2: "CONCATENATION", 5: "DEPTH_TO_SPACE", 7: "EMBEDDING_LOOKUP", 8: "FLOOR", 11: "L2_NORMALIZATION", 14: "LOGISTIC",
    16: "LSTM", 18: "MUL", 20: "RELU_N1_TO_1", 23: "RESIZE_BILINEAR", 24: "RNN", 26: "SPACE_TO_DEPTH", 27: "SVDF", 28: "TANH",
    32: "CUSTOM", 36: "GATHER", 39: "TRANSPOSE", 41: "SUB", 42: "DIV", 43: "SQUEEZE", 45: "STRIDED_SLICE", 47: "EXP",
    49: "SPLIT", 53: "CAST", 54: "PRELU", 55: "MAXIMUM", 56: "ARG_MAX", 57: "MINIMUM", 59: "NEG", 60: "PADV2", 65: "SLICE",
    67: "TRANSPOSE_CONV", 70: "EXPAND_DIMS", 74: "SUM", 75: "SQRT", 76: "RSQRT", 77: "SHAPE", 82: "REDUCE_MAX", 83: "PACK",
    97: "RESIZE_NEAREST_NEIGHBOR", 98: "LEAKY_RELU", 99: "SQUARED_DIFFERENCE", 101: "ABS", 102: "SPLIT_V", 117: "HARD_SWISH",
    126: "BATCH_MATMUL", 129: "CALL_ONCE", 142: "VAR_HANDLE", 150: "GELU",
}  # fmt: skip


def op_name(code: int) -> str:
    """The operator's name in TensorFlow Lite, or `operator NUMBER`."""
    try:
        return Op(code).name
    except ValueError:
        return OTHER_OPS.get(code, f"operator {code}")
