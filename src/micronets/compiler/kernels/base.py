"""The compiled form of a layer, and `Kernel`, which produces it.

A layer becomes a `Call`: a C function and its arguments, among them the constants (`Table`) that the function reads.
`micronets.compiler.generate` prints the call: the arguments as a record in flash, and a function that calls the kernel
with the contents of a record. Names are the only C text in these values. If layers run in patches of a few rows,
some numbers differ from patch to patch. They have separate types (`Offset`, `OutputRows`, `InputRows`, `PadTop`), so
one `Call` describes a layer whether it runs whole or in patches.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from micronets.compiler.limits import STRUCT_BYTES
from micronets.errors import UnsupportedError
from micronets.ir.arch import Step
from micronets.ir.layers import Shape
from micronets.ir.types import Type
from micronets.quantized.arithmetic import IntArray
from micronets.quantized.model import QuantizedModel

Element = Literal["int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "uint32_t", "uint64_t", "float"]

C_TYPE_BYTES: Mapping[Element, int] = {
    "int8_t": 1,
    "uint8_t": 1,
    "int16_t": 2,
    "uint16_t": 2,
    "int32_t": 4,
    "uint32_t": 4,
    "uint64_t": 8,
    "float": 4,
}
CTYPES: Mapping[Type, Element] = {
    "int4": "int8_t",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "float32": "float",
    "bool": "uint8_t",
    "uint32": "uint32_t",
    "uint64": "uint64_t",
}
"""The C type of the elements of a tensor."""

WORD_BYTES = 4
"""Bytes of a number, an offset into the arena, or an address in a record."""

SIZE_LIMIT = 2**16 - 1
"""The largest size that fits a `uint16_t` field of the kernels' structs."""


@dataclass(frozen=True)
class Name:
    """A C function or enumerator: its name and its type."""

    text: str
    ctype: str

    @property
    def is_enumerator(self) -> bool:
        """Returns whether it is an enumerator, whose size in memory depends on the compiler."""
        return self.text.isupper()


@dataclass(frozen=True)
class Real:
    """A float32 constant."""

    value: float


@dataclass(frozen=True)
class Offset:
    """The start of a tensor, or of a layer's scratch memory, in the arena.

    - tensor: the name of the tensor, or the layer's `scratch_name`.
    - bytes: bytes from the start of the arena.
    """

    tensor: str
    bytes: int


@dataclass(frozen=True)
class OutputRows:
    """An argument of a call: a number proportional to the output rows that the call computes.

    - rows: the number of rows of the whole output.
    - each: the increase of the number per row.
    - ctype: the C type of the field that holds the number.
    """

    rows: int
    each: int = 1
    ctype: str = "int32_t"


@dataclass(frozen=True)
class InputRows:
    """An argument of a call: the number of input rows that the kernel reads.

    - rows: the number of rows of the whole input.
    - ctype: the C type of the field that holds the number.
    """

    rows: int
    ctype: str = "uint16_t"


@dataclass(frozen=True)
class PadTop:
    """An argument of a call: the number of padding rows above the input rows.

    - rows: the number of padding rows above the whole input.
    - ctype: the C type of the field that holds the number.
    """

    rows: int
    ctype: str = "uint16_t"


@dataclass(frozen=True)
class Struct:
    """The value of a C struct: its type, and its fields in order."""

    ctype: str
    fields: tuple[tuple[str, Value], ...]

    @property
    def bytes(self) -> int:
        """Bytes of the struct with 32-bit pointers."""
        return STRUCT_BYTES[self.ctype]


@dataclass(frozen=True, eq=False)
class Table:
    """A constant array of numbers: the type of its elements, its name in C, its values in any shape."""

    ctype: Element
    name: str
    values: IntArray

    @property
    def bytes(self) -> int:
        """Bytes of the table in flash."""
        return C_TYPE_BYTES[self.ctype] * self.values.size


Value = int | Name | Real | Table | Offset | OutputRows | InputRows | PadTop | Struct | tuple["Value", ...]
"""A value of a struct's field. A tuple is an array, or a struct without field names; a table stands for its address."""


@dataclass(frozen=True)
class Constant:
    """A constant struct and its name in C."""

    name: str
    value: Struct


@dataclass(frozen=True)
class Pointer:
    """An address in the arena, as an argument of type `ctype *`."""

    to: Offset
    ctype: str = "int8_t"


@dataclass(frozen=True)
class ConstantOperand:
    """A constant of the network, as an argument for which other layers of the kind have a tensor.

    - table: its values.
    - any_type: whether the kernel takes values of any type through an untyped pointer.
    """

    table: Table
    any_type: bool = False


@dataclass(frozen=True)
class CopiedTable:
    """A table of words, as an argument that is copied into the arena before the call.

    - table: the words, in flash.
    - to: the start of the copy, whose address the kernel receives.
    """

    table: Table
    to: Offset


@dataclass(frozen=True)
class Arena:
    """The start of the arena, as an argument."""


Argument = int | Name | Real | Table | Pointer | ConstantOperand | CopiedTable | Arena | OutputRows | Struct
"""An argument of a kernel. Tables and structs are passed by address."""


@dataclass(frozen=True)
class Call:
    """The call of the kernel that runs a layer.

    - function: the C function, which begins with `micronets_`.
    - arguments: the name and the value of each, in the order of the function's parameters.

    The values lie in a constant record in flash, with a field for each argument except `Arena`. The function
    `run_NAME(arena, record)` of model.c calls the kernel with the contents of a record, whether the layer runs whole or
    in patches.
    """

    function: str
    arguments: tuple[tuple[str, Argument], ...]

    @staticmethod
    def of(function: str, **arguments: Argument) -> Call:
        """Returns a call of `function` with named arguments, in the order of its parameters."""
        return Call(function, tuple(arguments.items()))

    @property
    def runner(self) -> str:
        """The name, without `run_`, of the C function that calls the kernel from a record.

        A kernel has one such function for calls whose tensors all lie in the arena, and another for each combination of
        operands that are constants (for instance `binary_constant_b`) or tables that are copied.
        """
        constants = [f"_constant_{name}" for name, value in self.arguments if isinstance(value, ConstantOperand)]
        copied = [f"_copied_{name}" for name, value in self.arguments if isinstance(value, CopiedTable)]
        return runner_of(self.function) + "".join((*constants, *copied))

    @property
    def copies(self) -> bool:
        """Returns whether a table is copied before the call."""
        return any(isinstance(value, CopiedTable) for _, value in self.arguments)

    @property
    def record_bytes(self) -> int:
        """Bytes of the record in flash, with 32-bit pointers."""
        return sum(_field_bytes(value) for _, value in self.arguments)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The constants in flash that the arguments refer to, each once."""
        found = (table for _, value in self.arguments for table in _tables_of(value))
        return tuple({table.name: table for table in found}.values())


def _field_bytes(argument: Argument) -> int:
    """Returns the bytes of a record's field; numbers, offsets and addresses have 32 bits."""
    match argument:
        case Arena():
            return 0
        case Struct():
            return argument.bytes
        case int() | Name() | Real() | Table() | Pointer() | ConstantOperand() | OutputRows():
            return WORD_BYTES
        case CopiedTable():
            return 3 * WORD_BYTES  # the table's address, its number of words, and the start of the copy
        case _:
            assert_never(argument)


def _tables_of(value: Argument | Value) -> Iterator[Table]:
    """Yields the tables that a value refers to."""
    match value:
        case Table():
            yield value
        case ConstantOperand() | CopiedTable():
            yield value.table
        case Struct():
            for _, inner in value.fields:
                yield from _tables_of(inner)
        case tuple():
            for inner in value:
                yield from _tables_of(inner)
        case _:
            pass


def runner_of(function: str) -> str:
    """Returns the `Call.runner` of a kernel for calls whose tensors all lie in the arena."""
    return function.removeprefix("micronets_")


def record_bytes(words: int, *structs: str) -> int:
    """Returns the bytes of a record.

    - words: the number of fields that are numbers, offsets into the arena, or addresses.
    - structs: the C types of the other fields, which are structs.
    """
    return WORD_BYTES * words + sum(STRUCT_BYTES[name] for name in structs)


@dataclass(frozen=True, eq=False)
class LayerCode:
    """A layer as C.

    - call: the call that runs the layer, or None if there is nothing to do.
    - sources: the C functions that it needs; `kernel_files` finds their files.
    """

    call: Call | None
    sources: tuple[str, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The constants that the layer reads."""
        return self.call.tables if self.call else ()

    @property
    def bytes(self) -> int:
        """Bytes of the tables and of the record in flash."""
        return sum(table.bytes for table in self.tables) + (self.call.record_bytes if self.call else 0)

    @property
    def padding_bytes(self) -> int:
        """Bytes that pad the tables, each to a multiple of four."""
        return sum(-table.bytes % 4 for table in self.tables)


NOTHING = LayerCode(None, ())
"""The code of a layer that has nothing to do."""


@dataclass(frozen=True)
class FlashOutline:
    """The flash use of a layer, as far as it is known without the weights.

    - bytes: bytes of its constants.
    - runner: the `Call.runner` of its call; None for a layer that has nothing to do.
    - sources: the C functions that it needs.
    - padding_bytes: bytes that pad its tables, each to a multiple of four.

    The outline is exact if the layer's values suit the fast kernels, as those of a trained network do, and if no
    channel is dead. The slower kernels for larger sums or scales take up to 2 KB more.
    """

    bytes: int
    runner: str | None
    sources: tuple[str, ...]
    padding_bytes: int = 0


@dataclass(frozen=True)
class Place:
    """The source of a layer's names and addresses in the generated C.

    - index: the number of the layer, with which the names of its constants end.
    - offsets: bytes from the start of the arena to each tensor, and to scratch memory under its `scratch_name`.
    """

    index: int
    offsets: Mapping[str, int]

    def name(self, kind: str) -> str:
        """Returns the C name of one of the layer's constants, for instance `weights_3`."""
        return f"{kind}_{self.index}"

    def table(self, ctype: Element, kind: str, values: IntArray | bytes) -> Table:
        """Returns a table of the layer.

        - ctype: the type of its elements.
        - kind: the contents, for instance `weights`; the table's name begins with it.
        - values: the numbers, in any shape; bytes stand for numbers from 0 to 255.
        """
        return Table(ctype, self.name(kind), np.frombuffer(values, np.uint8) if isinstance(values, bytes) else values)

    def offset(self, tensor: str) -> Offset:
        """Returns the start of a tensor in the arena."""
        return Offset(tensor, self.offsets[tensor])

    def pointer(self, tensor: str, ctype: str = "int8_t") -> Pointer:
        """Returns a tensor, or a layer's scratch memory, as an argument of type `ctype *`."""
        return Pointer(self.offset(tensor), ctype)

    def scratch(self, layer: str, ctype: str = "int8_t") -> Pointer:
        """Returns the scratch memory of a layer as an argument of type `ctype *`; the arena's start if it has none."""
        name = scratch_name(layer)
        return Pointer(Offset(name, self.offsets.get(name, 0)), ctype)

    def size(self, value: int) -> int:
        """Returns `value`. Raises `UnsupportedError` if it does not fit a size field of the kernels' structs."""
        if value > SIZE_LIMIT:
            raise UnsupportedError(f"layer {self.index}: a size of {value}; at most {SIZE_LIMIT} is supported")
        return value


@dataclass(frozen=True)
class Overlap:
    """The overlap in memory that a kernel allows between its output and an input that no later layer reads.

    Kernels read their input and write their output from the first byte to the last. So the output may begin below the
    input and extend into it, as long as it overwrites only values that are not read again.

    - below: the least number of bytes from the start of each output up to the start of the input. With 0 they may
      start at the same address; None allows no overlap.
    - inputs: the numbers of the inputs that an output may overlap; None for all.
    - same_start: whether the first output may also start at the same address as the first input, even if no other
      overlap is allowed.
    """

    below: int | None
    same_start: bool = False
    inputs: tuple[int, ...] | None = None


@dataclass(frozen=True)
class RowReach:
    """The input rows that an output row needs; rows outside the map are padding.

    - stride: the step of the first needed row from one output row to the next.
    - pad: the number of rows above the map that the first output row needs.
    - span: the number of consecutive rows that each output row needs.
    """

    stride: int = 1
    pad: int = 0
    span: int = 1

    def start(self, y: int) -> int:
        """Returns the first row that output row y needs; negative rows are padding."""
        return y * self.stride - self.pad

    def end(self, rows: int, size: int) -> int:
        """Returns the number of input rows, out of `size`, that the first `rows` output rows need; rows > 0."""
        return min(size, self.start(rows - 1) + self.span)


@dataclass(frozen=True)
class View:
    """A tensor whose values are a contiguous part of another tensor; if it lies there, nothing is copied.

    - inner, outer: the names of the two tensors; one is an input of the layer, the other an output.
    - offset: bytes from the start of the outer tensor to the inner one.
    """

    inner: str
    outer: str
    offset: int

    def holds(self, place: Place) -> bool:
        """Returns whether the inner tensor lies inside the outer one, so that no copy is needed."""
        if self.inner not in place.offsets or self.outer not in place.offsets:
            return False  # a constant lies in flash
        return place.offsets[self.inner] == place.offsets[self.outer] + self.offset


@dataclass(frozen=True)
class Kernel(ABC):
    """The C implementation of a layer: choice of kernel, scratch memory, overlap, tables and call.

    The arena planner asks it for memory, and the generator for C. Both ask the same object, so they cannot disagree.
    """

    step: Step

    @property
    def is_alias(self) -> bool:
        """Returns whether the output is the input with another shape, in the same memory; nothing is computed then."""
        return False

    @property
    def uses_state(self) -> bool:
        """Returns whether the kernel reads or writes variables; the arena then begins with their block's address."""
        return False

    @property
    def views(self) -> tuple[View, ...]:
        """The tensors that may lie inside others; if all of them do, the layer computes nothing."""
        return ()

    @property
    @abstractmethod
    def scratch_bytes(self) -> int:
        """Bytes of scratch memory that the kernel uses."""

    @property
    @abstractmethod
    def overlap(self) -> Overlap:
        """The overlap in memory that the kernel allows between its output and an input."""

    @property
    @abstractmethod
    def row_reach(self) -> RowReach | None:
        """The input rows that an output row needs, if the kernel can compute a few rows of a map; otherwise None."""

    @property
    def uses_free_memory(self) -> bool:
        """Returns whether more scratch memory than `scratch_bytes` makes the kernel faster: see `with_scratch`."""
        return False

    @property
    def may_grow(self) -> bool:
        """Returns whether the arena may grow to give the kernel the memory that `uses_free_memory` describes."""
        return False

    def in_patches(self) -> Kernel:
        """Returns the kernel that computes the layer if it runs in patches, a few rows at a time."""
        return self

    def with_scratch(self, room: int) -> Kernel:
        """Returns the kernel that makes the best use of `room` bytes of scratch memory, or of the least that it needs.

        The returned kernel's `scratch_bytes` may exceed `room` if this kernel's `scratch_bytes` do.
        """
        return self

    @abstractmethod
    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns the layer of `model` as C. Raises `UnsupportedError` for numbers that do not fit their C types."""

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns the layer's flash use.

        - stand_in: the network with scales but without weights (`flash.stand_in`). Kernels of layers with weights do
          not read its weights.
        """
        layer = self.step.layer
        code = self.code(stand_in, Place(0, dict.fromkeys((*layer.inputs, *layer.outputs), 0)))
        runner = code.call.runner if code.call else None
        return FlashOutline(code.bytes, runner, code.sources, code.padding_bytes)


@dataclass(frozen=True)
class WholeKernel(Kernel):
    """A kernel that always computes a whole layer; by default without overlap and without scratch memory.

    A kernel that allows an overlap, or needs scratch memory, overrides the property of that name.
    """

    @property
    def scratch_bytes(self) -> int:
        """0: the kernel needs no scratch memory."""
        return 0

    @property
    def overlap(self) -> Overlap:
        """The output may not overlap an input."""
        return Overlap(None)

    @property
    def row_reach(self) -> None:
        """None: the kernel cannot compute only a few rows."""


def scratch_name(layer: str) -> str:
    """Returns the name under which a plan's offsets hold the scratch memory of a layer."""
    return f"{layer} scratch"


def count(shape: Shape) -> OutputRows:
    """Returns the number of values to compute for an output of that shape."""
    return OutputRows(shape[0], math.prod(shape[1:])) if shape else OutputRows(1)
