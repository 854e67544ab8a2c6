"""Numbers of the TensorFlow Lite file format (FlatBuffers schema, version 3) that the reader and the writer share.

A table's fields are known by their slot, in the order of the public schema.fbs.
"""

from __future__ import annotations

from enum import IntEnum

from micronets.ir.layers import Activation
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


class ConcatenationSlot(IntEnum):
    AXIS, ACTIVATION = range(2)


class SplitSlot(IntEnum):
    COUNT = 0


class ReshapeSlot(IntEnum):
    NEW_SHAPE = 0


class ReducerSlot(IntEnum):
    KEEP_DIMS = 0


class TensorType(IntEnum):
    FLOAT32, FLOAT16, INT32, UINT8, INT64, STRING, BOOL, INT16, COMPLEX64, INT8 = range(10)
    INT4 = 17


ACTIVATIONS: dict[Activation, int] = {"none": 0, "relu": 1, "relu6": 3}
PADDINGS: dict[Padding, int] = {"same": 0, "valid": 1}
