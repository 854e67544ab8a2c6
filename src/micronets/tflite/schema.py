"""Numbers of the TensorFlow Lite file format (FlatBuffers schema, version 3) that the reader and the writer share.

A table's fields are known by their slot, in the order of the public schema.fbs.
"""

from __future__ import annotations

from enum import IntEnum

from micronets.ir.layers import Activation
from micronets.ir.types import Type
from micronets.ir.window import Padding

SCHEMA_VERSION = 3
IDENTIFIER = b"TFL3"
"""Bytes 4 to 7 of every file."""

SCHEMA_BUFFER_ALIGNMENT = 16
"""What the position of the data of every buffer is a multiple of, in bytes."""

BITS_METADATA = "micronets.act4"
"""The metadata entry that lists the names of the 4-bit tensors, which the format itself cannot tell from 8-bit ones."""

RESERVED_METADATA = (BITS_METADATA, "OfflineMemoryAllocation", "COMPRESSION_METADATA")
"""Names that a model's own metadata cannot have; the latter two change what TFLM does."""


class ModelSlot(IntEnum):
    """Slots of the root table, `Model`."""

    VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, METADATA_BUFFER, METADATA = range(7)


class OperatorCodeSlot(IntEnum):
    """Slots of the table `OperatorCode`, which names an operator that the file uses."""

    DEPRECATED_CODE, CUSTOM_CODE, VERSION, CODE = range(4)


class SubGraphSlot(IntEnum):
    """Slots of the table `SubGraph`, the network."""

    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME = range(5)


class TensorSlot(IntEnum):
    """Slots of the table `Tensor`."""

    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, IS_VARIABLE, SPARSITY, SHAPE_SIGNATURE = range(8)


class QuantizationSlot(IntEnum):
    """Slots of the table `QuantizationParameters`."""

    MIN, MAX, SCALE, ZERO_POINT, DETAILS_TYPE, DETAILS, DIMENSION = range(7)


class OperatorSlot(IntEnum):
    """Slots of the table `Operator`, one layer."""

    CODE_INDEX, INPUTS, OUTPUTS, OPTIONS_TYPE, OPTIONS, CUSTOM_OPTIONS = range(6)


class BufferSlot(IntEnum):
    """Slots of the table `Buffer`, the bytes of a constant."""

    DATA, OFFSET, SIZE = range(3)


class MetadataSlot(IntEnum):
    """Slots of the table `Metadata`, a named buffer."""

    NAME, BUFFER = range(2)


class Conv2DSlot(IntEnum):
    """Slots of the table `Conv2DOptions`."""

    PADDING, STRIDE_W, STRIDE_H, ACTIVATION, DILATION_W, DILATION_H, BIAS_TYPE = range(7)


class DepthwiseSlot(IntEnum):
    """Slots of the table `DepthwiseConv2DOptions`."""

    PADDING, STRIDE_W, STRIDE_H, MULTIPLIER, ACTIVATION, DILATION_W, DILATION_H = range(7)


class PoolSlot(IntEnum):
    """Slots of the table `Pool2DOptions`."""

    PADDING, STRIDE_W, STRIDE_H, FILTER_W, FILTER_H, ACTIVATION = range(6)


class FullyConnectedSlot(IntEnum):
    """Slots of the table `FullyConnectedOptions`."""

    ACTIVATION, WEIGHTS_FORMAT, KEEP_NUM_DIMS = range(3)
    BIAS_TYPE = 4


class SoftmaxSlot(IntEnum):
    """Slots of the table `SoftmaxOptions`."""

    BETA = 0


class AddSlot(IntEnum):
    """Slots of the table `AddOptions`."""

    ACTIVATION = 0


class MulSlot(IntEnum):
    ACTIVATION = 0


class SubSlot(IntEnum):
    ACTIVATION = 0


class DivSlot(IntEnum):
    ACTIVATION = 0


class ConcatenationSlot(IntEnum):
    """Slots of the table `ConcatenationOptions`."""

    AXIS, ACTIVATION = range(2)


class SplitSlot(IntEnum):
    """Slots of the table `SplitOptions`."""

    COUNT = 0


class BlockSlot(IntEnum):
    """Slots of the tables `DepthToSpaceOptions` and `SpaceToDepthOptions`."""

    SIZE = 0


class GatherSlot(IntEnum):
    """Slots of the table `GatherOptions`."""

    AXIS, BATCH_DIMS = range(2)


class MirrorPadSlot(IntEnum):
    """Slots of the table `MirrorPadOptions`; a mode of 0 reflects, one of 1 is symmetric."""

    MODE = 0


class ResizeNearestNeighborSlot(IntEnum):
    """Slots of the table `ResizeNearestNeighborOptions`."""

    ALIGN_CORNERS, HALF_PIXEL_CENTERS = range(2)


class ResizeBilinearSlot(IntEnum):
    """Slots of the table `ResizeBilinearOptions`; the first two have been given up."""

    NEW_HEIGHT, NEW_WIDTH, ALIGN_CORNERS, HALF_PIXEL_CENTERS = range(4)


class SqueezeSlot(IntEnum):
    """Slots of the table `SqueezeOptions`."""

    AXES = 0


class StridedSliceSlot(IntEnum):
    """Slots of the table `StridedSliceOptions`."""

    BEGIN_MASK, END_MASK, ELLIPSIS_MASK, NEW_AXIS_MASK, SHRINK_AXIS_MASK, OFFSET = range(6)


class PackSlot(IntEnum):
    """Slots of the table `PackOptions`."""

    COUNT, AXIS = range(2)


class UnpackSlot(IntEnum):
    """Slots of the table `UnpackOptions`."""

    COUNT, AXIS = range(2)


class ReshapeSlot(IntEnum):
    """Slots of the table `ReshapeOptions`."""

    NEW_SHAPE = 0


class L2NormalizationSlot(IntEnum):
    """Fields of L2NormOptions."""

    ACTIVATION = 0


class LeakyReluSlot(IntEnum):
    """Slots of the table `LeakyReluOptions`."""

    ALPHA = 0


class SvdfSlot(IntEnum):
    """Slots of the table `SVDFOptions`."""

    RANK, ACTIVATION, ASYMMETRIC = range(3)


class LstmSlot(IntEnum):
    """Slots of the table `UnidirectionalSequenceLSTMOptions`."""

    ACTIVATION, CELL_CLIP, PROJECTION_CLIP, TIME_MAJOR, ASYMMETRIC, DIAGONAL = range(6)


class TransposeConvSlot(IntEnum):
    """Slots of the table `TransposeConvOptions`."""

    PADDING, STRIDE_W, STRIDE_H, ACTIVATION = range(4)


class BatchMatMulSlot(IntEnum):
    """Slots of the table `BatchMatMulOptions`."""

    ADJ_X, ADJ_Y = range(2)


class ArgMaxSlot(IntEnum):
    """Slots of the tables `ArgMaxOptions` and `ArgMinOptions`."""

    OUTPUT_TYPE = 0


class ReducerSlot(IntEnum):
    """Slots of the table `ReducerOptions`, of any reduction."""

    KEEP_DIMS = 0


class CumsumSlot(IntEnum):
    """Slots of the table `CumsumOptions`."""

    EXCLUSIVE, REVERSE = range(2)


class CallOnceSlot(IntEnum):
    """The fields of the options of CALL_ONCE."""

    SUBGRAPH = 0


class VarHandleSlot(IntEnum):
    """The fields of the options of VAR_HANDLE."""

    CONTAINER, SHARED_NAME = range(2)


class TensorType(IntEnum):
    """The numbers of the types of tensors."""

    FLOAT32, FLOAT16, INT32, UINT8, INT64, STRING, BOOL, INT16, COMPLEX64, INT8, FLOAT64, COMPLEX128 = range(12)
    UINT64, RESOURCE, VARIANT, UINT32, UINT16, INT4 = range(12, 18)


TENSOR_TYPES: dict[Type, TensorType] = {
    "int8": TensorType.INT8,
    "uint8": TensorType.UINT8,
    "int16": TensorType.INT16,
    "int32": TensorType.INT32,
    "float32": TensorType.FLOAT32,
    "bool": TensorType.BOOL,
    "uint32": TensorType.UINT32,
    "uint64": TensorType.UINT64,
}
"""The types of our tensors as a file has them; codes of 4 bits are stored as int8."""

ACTIVATIONS: dict[Activation, int] = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}
"""The numbers of the fused activations."""

TANH = 4
"""The number of the fused activation that a cell of an LSTM has."""

PADDINGS: dict[Padding, int] = {"same": 0, "valid": 1}
"""The numbers of the padding rules."""
