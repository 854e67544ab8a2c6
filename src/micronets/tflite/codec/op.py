"""The numbers and names of the operators in the format, and advice for those that are not read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from micronets.tflite import schema as s
from micronets.tflite.flatbuffer import FlatTable, FlatTables


class Op(IntEnum):
    """The operators that micronets reads and writes, by their number in the format (`BuiltinOperator`).

    CUSTOM operators all have one number there and are known by a name: those of `CUSTOM_NAMES`. Here each has a number
    of its own, which no file holds.
    """

    ADD = 0
    AVERAGE_POOL_2D = 1
    CONCATENATION = 2
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEPTH_TO_SPACE = 5
    DEQUANTIZE = 6
    EMBEDDING_LOOKUP = 7
    FLOOR = 8
    FULLY_CONNECTED = 9
    L2_NORMALIZATION = 11
    LOGISTIC = 14
    MAX_POOL_2D = 17
    MUL = 18
    RELU = 19
    RELU6 = 21
    RESHAPE = 22
    RESIZE_BILINEAR = 23
    SOFTMAX = 25
    SPACE_TO_DEPTH = 26
    SVDF = 27
    TANH = 28
    PAD = 34
    GATHER = 36
    BATCH_TO_SPACE_ND = 37
    SPACE_TO_BATCH_ND = 38
    TRANSPOSE = 39
    MEAN = 40
    SUB = 41
    DIV = 42
    SQUEEZE = 43
    UNIDIRECTIONAL_SEQUENCE_LSTM = 44
    STRIDED_SLICE = 45
    SPLIT = 49
    EXP = 47
    LOG_SOFTMAX = 50
    CAST = 53
    PRELU = 54
    MAXIMUM = 55
    ARG_MAX = 56
    MINIMUM = 57
    LESS = 58
    NEG = 59
    PADV2 = 60
    GREATER = 61
    GREATER_EQUAL = 62
    LESS_EQUAL = 63
    SLICE = 65
    TRANSPOSE_CONV = 67
    EXPAND_DIMS = 70
    EQUAL = 71
    NOT_EQUAL = 72
    SUM = 74
    SQRT = 75
    RSQRT = 76
    ARG_MIN = 79
    REDUCE_MAX = 82
    PACK = 83
    LOGICAL_OR = 84
    LOGICAL_AND = 86
    LOGICAL_NOT = 87
    UNPACK = 88
    REDUCE_MIN = 89
    SQUARE = 92
    FILL = 94
    RESIZE_NEAREST_NEIGHBOR = 97
    LEAKY_RELU = 98
    SQUARED_DIFFERENCE = 99
    MIRROR_PAD = 100
    ABS = 101
    SPLIT_V = 102
    CEIL = 104
    REVERSE_V2 = 105
    ADD_N = 106
    GATHER_ND = 107
    ELU = 111
    QUANTIZE = 114
    ROUND = 116
    HARD_SWISH = 117
    SELECT_V2 = 123
    BATCH_MATMUL = 126
    CUMSUM = 128
    CALL_ONCE = 129
    BROADCAST_TO = 130
    REDUCE_ALL = 140
    VAR_HANDLE = 142
    READ_VARIABLE = 143
    ASSIGN_VARIABLE = 144
    DYNAMIC_UPDATE_SLICE = 151
    SIGNAL_WINDOW = 1000
    SIGNAL_FFT_AUTO_SCALE = 1001
    SIGNAL_RFFT = 1002
    SIGNAL_ENERGY = 1003
    SIGNAL_FILTER_BANK = 1004
    SIGNAL_FILTER_BANK_SQUARE_ROOT = 1005
    SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION = 1006
    SIGNAL_PCAN = 1007
    SIGNAL_FILTER_BANK_LOG = 1008


CUSTOM = 32
"""The number in the format of every operator that has a name in place of a number."""

CUSTOM_NAMES: Mapping[Op, str] = {
    Op.SIGNAL_WINDOW: "SignalWindow",
    Op.SIGNAL_FFT_AUTO_SCALE: "SignalFftAutoScale",
    Op.SIGNAL_RFFT: "SignalRfft",
    Op.SIGNAL_ENERGY: "SignalEnergy",
    Op.SIGNAL_FILTER_BANK: "SignalFilterBank",
    Op.SIGNAL_FILTER_BANK_SQUARE_ROOT: "SignalFilterBankSquareRoot",
    Op.SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION: "SignalFilterBankSpectralSubtraction",
    Op.SIGNAL_PCAN: "SignalPCAN",
    Op.SIGNAL_FILTER_BANK_LOG: "SignalFilterBankLog",
}
"""The names of the CUSTOM operators: those of TFLM's signal library."""

_CUSTOM_OPS = {name: op for op, name in CUSTOM_NAMES.items()}

OTHER_OPS = {
    10: "HASHTABLE_LOOKUP",
    12: "L2_POOL_2D", 13: "LOCAL_RESPONSE_NORMALIZATION", 15: "LSH_PROJECTION", 16: "LSTM", 20: "RELU_N1_TO_1",
    24: "RNN", 29: "CONCAT_EMBEDDINGS", 30: "SKIP_GRAM", 31: "CALL", 32: "CUSTOM",
    33: "EMBEDDING_LOOKUP_SPARSE", 35: "UNIDIRECTIONAL_SEQUENCE_RNN",
    46: "BIDIRECTIONAL_SEQUENCE_RNN", 48: "TOPK_V2", 51: "DELEGATE", 52: "BIDIRECTIONAL_SEQUENCE_LSTM",
    64: "SELECT", 66: "SIN",
    68: "SPARSE_TO_DENSE", 69: "TILE", 73: "LOG", 77: "SHAPE", 78: "POW",
    80: "FAKE_QUANT", 81: "REDUCE_PROD", 85: "ONE_HOT",
    90: "FLOOR_DIV", 91: "REDUCE_ANY", 93: "ZEROS_LIKE", 95: "FLOOR_MOD", 96: "RANGE",
    103: "UNIQUE", 108: "COS", 109: "WHERE",
    110: "RANK", 112: "REVERSE_SEQUENCE", 113: "MATRIX_DIAG", 115: "MATRIX_SET_DIAG", 118: "IF",
    119: "WHILE", 120: "NON_MAX_SUPPRESSION_V4", 121: "NON_MAX_SUPPRESSION_V5", 122: "SCATTER_ND",
    124: "DENSIFY", 125: "SEGMENT_SUM", 131: "RFFT2D", 132: "CONV_3D", 133: "IMAG",
    134: "REAL", 135: "COMPLEX_ABS", 136: "HASHTABLE", 137: "HASHTABLE_FIND", 138: "HASHTABLE_IMPORT",
    139: "HASHTABLE_SIZE", 141: "CONV_3D_TRANSPOSE", 145: "BROADCAST_ARGS",
    146: "RANDOM_STANDARD_NORMAL", 147: "BUCKETIZE", 148: "RANDOM_UNIFORM", 149: "MULTINOMIAL", 150: "GELU",
    152: "RELU_0_TO_1", 153: "UNSORTED_SEGMENT_PROD", 154: "UNSORTED_SEGMENT_MAX",
    155: "UNSORTED_SEGMENT_SUM", 156: "ATAN2", 157: "UNSORTED_SEGMENT_MIN", 158: "SIGN", 159: "BITCAST",
    160: "BITWISE_XOR", 161: "RIGHT_SHIFT", 203: "DILATE", 205: "REDUCE_WINDOW",
}  # fmt: skip
"""Names of the operators that micronets does not read; those of StableHLO and later ones are called by their number."""


CONSTANT_OPERANDS = (
    Op.ADD,
    Op.MUL,
    Op.SUB,
    Op.DIV,
    Op.MINIMUM,
    Op.MAXIMUM,
    Op.SQUARED_DIFFERENCE,
    Op.PRELU,
    Op.EQUAL,
    Op.NOT_EQUAL,
    Op.GREATER,
    Op.GREATER_EQUAL,
    Op.LESS,
    Op.LESS_EQUAL,
    Op.LOGICAL_AND,
    Op.LOGICAL_OR,
    Op.SELECT_V2,
    Op.BATCH_MATMUL,
    Op.CONCATENATION,
    Op.PACK,
    Op.GATHER,
    Op.EMBEDDING_LOOKUP,
    *CUSTOM_NAMES,
)
"""The operators whose inputs may be constants of the file."""

RECURRENT = (Op.SVDF, Op.UNIDIRECTIONAL_SEQUENCE_LSTM)
"""The operators of the kinds `Recurrent`: all their inputs but the first and the variables are constants of the file,
whose shapes have no batch."""


WITHOUT_LAYERS = (
    Op.CALL_ONCE,
    Op.VAR_HANDLE,
    Op.DEPTH_TO_SPACE,
    Op.SPACE_TO_DEPTH,
    Op.REVERSE_V2,
    Op.EMBEDDING_LOOKUP,
    Op.GATHER_ND,
    Op.FILL,
    Op.SPACE_TO_BATCH_ND,
    Op.BATCH_TO_SPACE_ND,
)
"""The operators that no kind of layer is written as: two that make no layer, and those that are read as other kinds."""


def op_number(codes: FlatTables, table: FlatTable) -> int:
    """Returns the number of the operator in a table of a subgraph.

    - codes: the list of the file's operators, to which the table refers.
    - table: the table.
    """
    return listed_number(codes[table.number(s.OperatorSlot.CODE_INDEX, "I")])


def listed_number(entry: FlatTable) -> int:
    """Returns the number of an operator that a file lists; files from before its second field have the first only."""
    slot = s.OperatorCodeSlot
    number = int(max(entry.number(slot.DEPRECATED_CODE, "b"), entry.number(slot.CODE, "i")))
    return _CUSTOM_OPS.get(entry.text(slot.CUSTOM_CODE), number) if number == CUSTOM else number


def op_named(name: str) -> Op:
    """Returns the operator of a name in TensorFlow Lite, which for a CUSTOM one is its own."""
    return _CUSTOM_OPS[name] if name in _CUSTOM_OPS else Op[name]


def op_name(code: int) -> str:
    """Returns the operator's name in TensorFlow Lite, which for a CUSTOM one is its own, or `operator NUMBER`."""
    try:
        return CUSTOM_NAMES.get(Op(code), Op(code).name)
    except ValueError:
        return OTHER_OPS.get(code, f"operator {code}")
