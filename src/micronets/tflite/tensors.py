"""The tensors of a `.tflite` file: shapes, types, scales, constants and names, checked as they are asked for."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import FileError, UnsupportedError
from micronets.ir.layers import INPUT, Shape
from micronets.ir.types import UNSCALED, Type, code_range
from micronets.quantized.arithmetic import unpack_int4
from micronets.quantized.model import TensorQuant
from micronets.tflite import schema as s
from micronets.tflite.flatbuffer import Flat, FlatTable, FlatTables
from micronets.tflite.limits import MAX_VALUES

Array = npt.NDArray[Any]

_LEAST_SCALE = float(np.finfo(np.float32).tiny)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/\-]{0,47}")
_DTYPES = {
    s.TensorType.INT8: "i1",
    s.TensorType.UINT8: "u1",
    s.TensorType.INT16: "<i2",
    s.TensorType.INT32: "<i4",
    s.TensorType.INT64: "<i8",
    s.TensorType.FLOAT32: "<f4",
    s.TensorType.BOOL: "?",
}


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file.

    - index: its number in the file.
    - name: its name in the file, which may be anything.
    - shape: its shape in the file, with the batch if it has one.
    - type: the number of its type, see `schema.TensorType`.
    - buffer: the number of the buffer that holds its values; that of an activation is empty.
    - quantization: its scales and zero points; None if it has none.
    - is_variable: whether an operator keeps it from one inference to the next.
    - dynamic: its shape with -1 for sizes that are not fixed, where the file has any behind the batch; otherwise empty.
      TFLM computes with `shape` all the same.
    """

    index: int
    name: str
    shape: Shape
    type: int
    buffer: int
    quantization: FlatTable | None
    is_variable: bool = False
    dynamic: Shape = ()

    @property
    def has_batch(self) -> bool:
        """Returns whether the first dimension is a batch of one, which a layer's shape leaves out."""
        return len(self.shape) > 1 and self.shape[0] == 1

    @property
    def layer_shape(self) -> Shape:
        """The shape that layers give the tensor: without a batch of one."""
        return self.shape[1:] if self.has_batch else self.shape

    @property
    def label(self) -> str:
        """The name of the tensor in error messages."""
        name = "".join(c if c.isprintable() else "?" for c in self.name[:60])
        return f"tensor {self.index} '{name}'"

    @property
    def type_name(self) -> str:
        """The name of its type, for errors."""
        return s.TensorType(self.type).name if self.type in set(s.TensorType) else f"type {self.type}"


@dataclass(eq=False)
class Graph:
    """The tensors and buffers of a file's subgraph, read and checked when they are asked for.

    - flat: the file.
    - tensors, buffers: its tables of these kinds.
    - where: the beginning of error messages: the file, and the operator that is being read.
    - names: the names of the model's tensors, which `new_name` does not give again.
    - folded: the values of tensors that the reader has computed, see `folding`, by index.
    - spread: the tensors that stand for a whole map instead of a batch of its parts, see `codec.blocks`, by index: how
      many places of the map lie from one place of a part to the next, for each dimension between the outer ones.
    - variables: the names of the variables, by the index of the tensor that stands for one (VAR_HANDLE writes it).
    - own_variables: names of the variables that operators keep for themselves (SVDF), by the index of the tensor.

    Methods raise `FileError` for a damaged file and `UnsupportedError` for what micronets does not support.
    """

    flat: Flat
    tensors: FlatTables
    buffers: FlatTables
    where: str
    names: set[str] = field(default_factory=set)
    variables: dict[int, str] = field(default_factory=dict)
    own_variables: dict[int, str] = field(default_factory=dict)
    folded: dict[int, Array] = field(default_factory=dict)
    spread: dict[int, Shape] = field(default_factory=dict)
    _seen: dict[int, Tensor] = field(default_factory=dict)
    _values: int = 0

    def damaged(self, what: str) -> FileError:
        """Returns the error for a file that contradicts the format or itself; `what` says in which way."""
        return FileError(f"{self.where}: damaged .tflite, {what}; copy or export it again")

    def unsupported(self, what: str) -> UnsupportedError:
        """Returns the error for a sound file that micronets does not support; `what` says why."""
        return UnsupportedError(f"{self.where}: {what}")

    def check_fixed(self, tensor: Tensor) -> None:
        """Raises `UnsupportedError` for a tensor whose shape is not fixed, but for the batch."""
        if tensor.dynamic:
            shape = list(tensor.dynamic)
            raise self.unsupported(f"{tensor.label} has the dynamic shape {shape}; export the model with fixed shapes")

    def variable(self, index: int) -> str:
        """Returns the name of the variable that a tensor stands for."""
        if index not in self.variables:
            raise self.damaged(f"tensor {index} is no variable")
        return self.variables[index]

    def own_variable(self, index: int, shape: Shape, kind: s.TensorType, stem: str) -> str:
        """Returns the name of a variable that an operator keeps for itself.

        - index: its tensor.
        - shape, kind: what its shape in the file and its type must be.
        - stem: the beginning of its name, if it has none in the file.
        """
        tensor = self.tensor(index)
        if not tensor.is_variable:
            raise self.damaged(f"{tensor.label} is no variable")
        if index in self.own_variables:
            raise self.unsupported(f"{tensor.label} is kept by two operators; TFLM's kernels would overwrite it")
        if (tensor.shape, tensor.type) != (shape, kind):
            wanted = f"{kind.name} {list(shape)}"
            raise self.unsupported(f"{tensor.label} is {tensor.type_name} {list(tensor.shape)}; need {wanted}")
        plain = _PLAIN_NAME.fullmatch(tensor.name) and tensor.name not in self.names
        self.own_variables[index] = self.new_name(tensor.name if plain else f"{stem}_state")
        return self.own_variables[index]

    def new_name(self, stem: str) -> str:
        """Returns a name that no tensor has, for one that is not in the file."""
        name = stem[:40]
        while name in self.names:
            name += "_"
        self.names.add(name)
        return name

    def _count(self, values: int) -> None:
        """Adds to the values that were read. Raises `FileError` when they are far more than the file holds.

        A small file could otherwise point to one constant from everywhere, and take time far beyond its size.
        """
        self._values += values
        if self._values > 8 * len(self.flat.data):
            raise self.damaged("it uses the same constants again and again")

    def label(self, index: int) -> str:
        """Returns what errors call a tensor, also one that is not supported."""
        try:
            return self.tensor(index).label
        except UnsupportedError:
            return f"tensor {index}"

    def is_empty(self, index: int) -> bool:
        """Returns whether the tensor of that index is a list of no numbers, which `tensor` takes for a dynamic one."""
        shape = self.tensors[index].array(s.TensorSlot.SHAPE, "<i4") if 0 <= index < len(self.tensors) else None
        return shape is not None and shape.tolist() == [0]

    def tensor(self, index: int) -> Tensor:
        """Returns the tensor of that index."""
        if index not in self._seen:
            self._seen[index] = self._tensor(index)
        return self._seen[index]

    def set_shape(self, index: int, shape: Shape) -> None:
        """Gives the tensor with that index another shape than in the file, with the same number of values."""
        self._seen[index] = replace(self.tensor(index), shape=shape)

    def shape_in_file(self, index: int) -> Shape:
        """Returns the shape that the tensor of that index has in the file."""
        return self._tensor(index).shape

    def _tensor(self, index: int) -> Tensor:
        if not 0 <= index < len(self.tensors):
            raise self.damaged(f"it asks for tensor {index} of {len(self.tensors)}")
        table = self.tensors[index]
        slot = s.TensorSlot
        shape = table.array(slot.SHAPE, "<i4")
        signature = table.array(slot.SHAPE_SIGNATURE, "<i4")
        dims = () if shape is None else tuple(int(n) for n in shape[:9])
        open_ended = () if signature is None or (signature[1:] >= 0).all() else tuple(signature[:9].tolist())
        tensor = Tensor(
            index,
            table.text(slot.NAME),
            dims,
            table.number(slot.TYPE, "b"),
            table.number(slot.BUFFER, "I"),
            table.table(slot.QUANTIZATION),
            table.number(slot.IS_VARIABLE, "?", False),
            open_ended,
        )
        if table.table(slot.SPARSITY) is not None:
            raise self.unsupported(f"{tensor.label} is sparse; only plain tensors are supported")
        if tensor.is_variable and len(self.bytes_of(tensor.buffer)):
            raise self.unsupported(
                f"{tensor.label} is a variable and has the values of buffer {tensor.buffer}, which TFLM overwrites "
                "with zeros before the first inference; export it as a constant"
            )
        if len(dims) > 8:
            raise self.unsupported(f"{tensor.label} has more than 8 dimensions")
        if any(n < 1 for n in dims):
            shown = list(dims if signature is None else signature[:9].tolist())
            raise self.unsupported(f"{tensor.label} has the dynamic shape {shown}; export the model with fixed shapes")
        if math.prod(dims) > MAX_VALUES:
            raise self.unsupported(
                f"{tensor.label} has the shape {list(dims)}; at most {MAX_VALUES:,} values are supported"
            )
        return tensor

    def quantization(self, tensor: Tensor, least: float | None = None) -> tuple[Array, Array, int]:
        """Returns the quantisation of a tensor: scales (float32), zero points (int64), and a dimension.

        - tensor: the tensor.
        - least: the least scale that it may have; None for any above 0.

        The dimension is that along which several scales apply. Both arrays are empty for a tensor without scales.
        """
        table = tensor.quantization
        slot = s.QuantizationSlot
        scales = table.array(slot.SCALE, "<f4") if table is not None else None
        zero_points = table.array(slot.ZERO_POINT, "<i8") if table is not None else None
        dimension = table.number(slot.DIMENSION, "i") if table is not None else 0
        if scales is None or zero_points is None:
            return np.zeros(0, np.float32), np.zeros(0, np.int64), 0
        self._count(len(scales))
        if not (np.isfinite(scales).all() and (scales > 0 if least is None else scales >= least).all()):
            raise self.damaged(f"{tensor.label} has a scale that is not a positive number")
        return scales, zero_points, dimension

    def activation_type(self, tensor: Tensor) -> Type:
        """Returns the type of an activation."""
        for ours, kind in s.TENSOR_TYPES.items():
            if tensor.type == kind:
                return ours
        raise self.unsupported(f"{tensor.label} is {tensor.type_name}; supported: {', '.join(s.TENSOR_TYPES)}")

    def activation_quant(self, tensor: Tensor) -> TensorQuant | None:
        """Returns the scale and the zero point of an activation; None for a type that has none."""
        return None if self.activation_type(tensor) in UNSCALED else self.integer_quant(tensor)

    def only_zeros(self, tensor: Tensor) -> bool:
        """Returns whether a constant has a scale of 0, as converters give to one that holds zeros alone.

        `integer_quant` gives it the least scale, which decides nothing if it meets another one.
        """
        scales, _, _ = self.quantization(tensor, least=0.0)
        return len(self.bytes_of(tensor.buffer)) > 0 and len(scales) == 1 and not scales[0]

    def integer_quant(self, tensor: Tensor) -> TensorQuant:
        """Returns the scale and the zero point of an integer activation, which must have one of each.

        Codes without a scale are numbers, and truth values have none: they get the scale 1.
        """
        kind = self.activation_type(tensor)
        if kind == "float32":
            raise self.unsupported(f"{tensor.label} is FLOAT32; only integers are supported here")
        empty = self.only_zeros(tensor)
        scales, zero_points, _ = self.quantization(tensor, least=0.0 if empty else None)
        if kind == "bool" or not len(scales):
            return TensorQuant(1.0, 0)
        if len(scales) != 1 or len(zero_points) != 1:
            raise self.unsupported(f"{tensor.label} has {len(scales)} scales; an {kind} activation needs one")
        lowest, highest = code_range(kind)
        if not lowest <= zero_points[0] <= highest:
            raise self.damaged(f"{tensor.label} has the zero point {zero_points[0]}")
        return TensorQuant(_LEAST_SCALE if empty else float(scales[0]), int(zero_points[0]))

    def check_scale(self, tensor: Tensor) -> None:
        """Raises `UnsupportedError` for a tensor of 8 or 16 bits without the scale that a kernel computes with."""
        kind = self.activation_type(tensor)
        if kind in ("int8", "uint8", "int16") and not len(self.quantization(tensor, least=0.0)[0]):
            raise self.unsupported(f"{tensor.label} has 0 scales; an {kind} activation needs one")

    def is_constant(self, tensor: Tensor) -> bool:
        """Returns whether a tensor has values: in the file, or those that the reader has computed."""
        return tensor.index in self.folded or len(self.bytes_of(tensor.buffer)) > 0

    def bytes_of(self, buffer: int) -> Array:
        """Returns the bytes of the buffer of that number, as a view of the file; an empty one for an activation."""
        table = self.buffers[buffer]
        slot = s.BufferSlot
        if table.number(slot.OFFSET, "Q") > 1 or table.number(slot.SIZE, "Q") > 1:
            raise self.unsupported(f"buffer {buffer} lies behind the model; files above 2 GB are not supported")
        data = table.array(slot.DATA, "u1")
        return np.zeros(0, np.uint8) if data is None else data

    def constant(self, tensor: Tensor, allowed: tuple[s.TensorType, ...]) -> Array:
        """Returns the values of a constant in its shape; 4-bit ones are unpacked to int8.

        - tensor: the constant.
        - allowed: the types that it may have.
        """
        if tensor.type not in allowed:
            names = " or ".join(t.name for t in allowed)
            raise self.unsupported(f"{tensor.label} is {tensor.type_name}; supported: {names}")
        if tensor.index in self.folded:
            return self.folded[tensor.index]
        raw = self.bytes_of(tensor.buffer)
        if not len(raw):
            raise self.unsupported(f"{tensor.label} is not a constant of the file; weights and parameters must be")
        count = math.prod(tensor.shape)
        four = tensor.type == s.TensorType.INT4
        size = (count + 1) // 2 if four else count * np.dtype(_DTYPES[s.TensorType(tensor.type)]).itemsize
        if len(raw) != size:
            raise self.damaged(f"{tensor.label} of shape {list(tensor.shape)} needs {size} bytes and has {len(raw)}")
        self._count(count)
        if not four:
            return raw.view(_DTYPES[s.TensorType(tensor.type)]).reshape(tensor.shape)
        return unpack_int4(raw.tobytes(), count).reshape(tensor.shape)


def file_shape(shape: Shape) -> Shape:
    """Returns the shape that a file gives a tensor of a layer: with a batch of one, but for single values."""
    return (1, *shape) if shape else ()


def plain_names(own: list[str], kinds: list[str]) -> list[str]:
    """Returns a unique name for each output: its own if that is plain and not shared, otherwise its operator's and a
    number.

    - own: the names of the outputs in the file.
    - kinds: the names of the operators that write them.

    Plain names are those of at most 48 letters, digits and `_.:/-`.
    """
    count = Counter(own)
    taken = {INPUT, *own}
    names = []
    for k, (name, kind) in enumerate(zip(own, kinds, strict=True)):
        if not _PLAIN_NAME.fullmatch(name) or name == INPUT or count[name] > 1:
            name = f"{kind.lower()}_{k}"
            while name in taken:
                name += "_"
            taken.add(name)
        names.append(name)
    return names
