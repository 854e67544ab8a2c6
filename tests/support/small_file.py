"""`.tflite` files as our writer would never write them, tensor by tensor: for what strangers' files hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.tflite import schema as s
from micronets.tflite.builder import Field, LeanBuilder
from micronets.tflite.codec import Op, codec
from micronets.tflite.folding import FoldedOp

_TYPES = {
    "int8": s.TensorType.INT8,
    "int16": s.TensorType.INT16,
    "int32": s.TensorType.INT32,
    "int64": s.TensorType.INT64,
    "float16": s.TensorType.FLOAT16,
    "float32": s.TensorType.FLOAT32,
}
_CUSTOM = 32
_NUMBERS = (s.TensorType.INT32, s.TensorType.INT64, s.TensorType.FLOAT16, s.TensorType.FLOAT32)


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A tensor of a file.

    - shape: its dimensions, the batch included.
    - values: the values of a constant, of type int8, int16, int32, int64, float16 or float32; None for an activation.
    - scale, zero_point: its quantisation; int32, int64 and float tensors have none.
    - type: the type of an activation.
    - scaled: whether a tensor of a type that needs no scale has one all the same.
    """

    shape: tuple[int, ...]
    values: npt.NDArray[Any] | None = None
    scale: float = 0.05
    zero_point: int = 3
    type: s.TensorType = s.TensorType.INT8
    scaled: bool = False


@dataclass(frozen=True)
class FileLayer:
    """An operator of a file.

    - op: its number.
    - inputs, outputs: the numbers of its tensors.
    - options: the fields of its options.
    - custom: the name of a custom operator that takes the place of `op`; "" for none.
    - custom_options: the bytes of options of a custom operator, which builtin ones do not have.
    """

    op: Op | FoldedOp
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: tuple[Field, ...] = ()
    custom: str = ""
    custom_options: bytes = b""


def constant(*values: int, shape: tuple[int, ...] | None = None) -> FileTensor:
    """Returns an int32 constant, of one dimension unless `shape` says otherwise."""
    return FileTensor((len(values),) if shape is None else shape, np.array(values, np.int32))


def small_file(
    tensors: Sequence[FileTensor], layers: Sequence[FileLayer], inputs: Sequence[int], outputs: Sequence[int]
) -> bytes:
    """Returns a file of these tensors, which are called t0, t1 and so on, and operators."""
    file = LeanBuilder()
    buffers = [b"", *(t.values.tobytes() for t in tensors if t.values is not None)]
    offsets = []
    filled = 0
    for k, tensor in enumerate(tensors):
        kind = tensor.type if tensor.values is None else _TYPES[tensor.values.dtype.name]
        filled += tensor.values is not None
        scale = file.vector(np.float32, [tensor.scale])
        quantization = file.table(
            [
                (s.QuantizationSlot.SCALE, "table", scale, 0),
                (s.QuantizationSlot.ZERO_POINT, "table", file.vector(np.int64, [tensor.zero_point]), 0),
            ]
        )
        unscaled = kind in _NUMBERS and not tensor.scaled
        offsets.append(
            file.table(
                [
                    (s.TensorSlot.SHAPE, "table", file.vector(np.int32, tensor.shape), 0),
                    (s.TensorSlot.TYPE, "int8", int(kind), 0),
                    (s.TensorSlot.BUFFER, "uint32", filled if tensor.values is not None else 0, 0),
                    (s.TensorSlot.NAME, "table", file.string(f"t{k}"), 0),
                    (s.TensorSlot.QUANTIZATION, "table", 0 if unscaled else quantization, 0),
                ]
            )
        )
    codes = list(dict.fromkeys((layer.op, layer.custom) for layer in layers))
    operators = []
    for layer in layers:
        fields: list[Field] = [
            (s.OperatorSlot.CODE_INDEX, "uint32", codes.index((layer.op, layer.custom)), 0),
            (s.OperatorSlot.INPUTS, "table", file.vector(np.int32, layer.inputs), 0),
            (s.OperatorSlot.OUTPUTS, "table", file.vector(np.int32, layer.outputs), 0),
        ]
        options = codec(layer.op).options if isinstance(layer.op, Op) else None
        if options is not None:
            fields.append((s.OperatorSlot.OPTIONS_TYPE, "int8", options, 0))
            fields.append((s.OperatorSlot.OPTIONS, "table", file.table(list(layer.options)), 0))
        if layer.custom_options:
            own = file.vector(np.uint8, list(layer.custom_options))
            fields.append((s.OperatorSlot.CUSTOM_OPTIONS, "table", own, 0))
        operators.append(file.table(fields))
    graph = file.table(
        [
            (s.SubGraphSlot.TENSORS, "table", file.offsets(offsets), 0),
            (s.SubGraphSlot.INPUTS, "table", file.vector(np.int32, inputs), 0),
            (s.SubGraphSlot.OUTPUTS, "table", file.vector(np.int32, outputs), 0),
            (s.SubGraphSlot.OPERATORS, "table", file.offsets(operators), 0),
        ]
    )
    numbers = [
        file.table(
            [
                (s.OperatorCodeSlot.DEPRECATED_CODE, "int8", min(127, _CUSTOM if custom else int(op)), 0),
                (s.OperatorCodeSlot.CODE, "int32", _CUSTOM if custom else int(op), 0),
                (s.OperatorCodeSlot.CUSTOM_CODE, "table", file.string(custom) if custom else 0, 0),
            ]
        )
        for op, custom in codes
    ]
    top = file.table(
        [
            (s.ModelSlot.VERSION, "uint32", s.SCHEMA_VERSION, 0),
            (s.ModelSlot.OPERATOR_CODES, "table", file.offsets(numbers), 0),
            (s.ModelSlot.SUBGRAPHS, "table", file.offsets([graph]), 0),
            (s.ModelSlot.BUFFERS, "table", file.offsets([file.buffer(b) for b in buffers]), 0),
        ]
    )
    return file.finish(top)
