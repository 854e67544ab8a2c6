"""The numbers of the operators in the format, their names, and what to do about those that are not read."""

from __future__ import annotations

from enum import IntEnum


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
    SVDF = 27
    TANH = 28
    PAD = 34
    GATHER = 36
    TRANSPOSE = 39
    MEAN = 40
    SUB = 41
    DIV = 42
    SQUEEZE = 43
    UNIDIRECTIONAL_SEQUENCE_LSTM = 44
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
    16: "LSTM", 20: "RELU_N1_TO_1", 24: "RNN", 26: "SPACE_TO_DEPTH", 32: "CUSTOM", 47: "EXP",
    59: "NEG", 75: "SQRT", 77: "SHAPE",
    118: "IF", 119: "WHILE", 150: "GELU",
    37: "BATCH_TO_SPACE_ND", 38: "SPACE_TO_BATCH_ND",
}  # fmt: skip
"""Names of operators that models often have and micronets does not read; the others are called by their number."""


_OPEN_BATCH = (
    "converters write a dilated convolution of an open batch so, and TFLM then computes a part of its pixels; export "
    "the model with a batch of one (Input(shape, batch_size=1)), and it becomes a dilated convolution"
)


WAYS_OUT = {37: _OPEN_BATCH, 38: _OPEN_BATCH}
"""Why models have some of the operators that micronets does not read, and what to do, by the operator's number."""


CONSTANT_OPERANDS = (
    Op.ADD,
    Op.MUL,
    Op.SUB,
    Op.DIV,
    Op.MINIMUM,
    Op.MAXIMUM,
    Op.SQUARED_DIFFERENCE,
    Op.PRELU,
    Op.BATCH_MATMUL,
    Op.CONCATENATION,
    Op.PACK,
)
"""The operators whose inputs may be constants of the file."""

RECURRENT = (Op.SVDF, Op.UNIDIRECTIONAL_SEQUENCE_LSTM)
"""The operators of the kinds `Recurrent`: all their inputs but the first and the variables are constants of the file,
whose shapes have no batch."""


def op_name(code: int) -> str:
    """Returns the operator's name in TensorFlow Lite, or `operator NUMBER`."""
    try:
        return Op(code).name
    except ValueError:
        return OTHER_OPS.get(code, f"operator {code}")
