"""The values that a layer is compiled to, and `Kernel`, which makes them.

A layer becomes a `Call`: a C function and its arguments, among them the constants (`Table`) that the function reads.
`micronets.compiler.generate` prints the call: the arguments as a record in flash, and a function that calls the kernel
with what a record holds. The only C text in these values is names. Numbers that change from patch to patch, where
layers run on a few rows at a time, have types of their own (`Offset`, `OutputRows`, `InputRows`, `PadTop`), so that one
`Call` describes a layer that runs whole and a layer that runs in patches.
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
"""Bytes that a number, an offset into the arena or an address takes in a record."""

SIZE_LIMIT = 2**16 - 1
"""The largest size that a `uint16_t` of the kernels' structs holds."""


@dataclass(frozen=True)
class Name:
    """A function or an enumerator of C: its name and its type."""

    text: str
    ctype: str

    @property
    def is_enumerator(self) -> bool:
        """Returns whether it is an enumerator, whose bytes in memory each compiler chooses."""
        return self.text.isupper()


@dataclass(frozen=True)
class Real:
    """A float32 constant."""

    value: float


@dataclass(frozen=True)
class Offset:
    """The address in the arena at which a tensor, or the scratch memory of a layer, begins.

    - tensor: the name of the tensor, or the layer's `scratch_name`.
    - bytes: bytes from the start of the arena.
    """

    tensor: str
    bytes: int


@dataclass(frozen=True)
class OutputRows:
    """An argument of a call: a number in proportion to the output rows that the call computes.

    - rows: how many rows the whole output has.
    - each: how much the number grows for each row.
    - ctype: the C type of the field that holds the number.
    """

    rows: int
    each: int = 1
    ctype: str = "int32_t"


@dataclass(frozen=True)
class InputRows:
    """An argument of a call: the number of rows of the input that the kernel reads.

    - rows: how many rows the whole input has.
    - ctype: the C type of the field that holds the number.
    """

    rows: int
    ctype: str = "uint16_t"


@dataclass(frozen=True)
class PadTop:
    """An argument of a call: the number of rows of padding above the rows of the input.

    - rows: how many lie above the whole input.
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
        """Bytes of the struct where pointers have 32 bits."""
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
"""What a field of a struct may hold; a tuple is an array, or a struct whose fields are not named. A table stands for
its address."""


@dataclass(frozen=True)
class Constant:
    """A constant struct and its name in C."""

    name: str
    value: Struct


@dataclass(frozen=True)
class Pointer:
    """A place in the arena as an argument of type `ctype *`."""

    to: Offset
    ctype: str = "int8_t"


@dataclass(frozen=True)
class ConstantOperand:
    """A constant of the network as an argument where other layers of the kind have a tensor.

    - table: its values.
    - any_type: whether the kernel takes values of any type, by an address without a type.
    """

    table: Table
    any_type: bool = False


@dataclass(frozen=True)
class CopiedTable:
    """A table of words as an argument, which is copied into the arena before the call.

    - table: the words, in flash.
    - to: where the copy begins; the kernel gets its address.
    """

    table: Table
    to: Offset


@dataclass(frozen=True)
class Arena:
    """The start of the arena as an argument."""


Argument = int | Name | Real | Table | Pointer | ConstantOperand | CopiedTable | Arena | OutputRows | Struct
"""What a kernel is called with; it gets a table and a struct by their addresses."""


@dataclass(frozen=True)
class Call:
    """The call of the kernel that runs a layer.

    - function: the C function, which begins with `micronets_`.
    - arguments: the name and the value of each, in the order of the function's parameters.

    The values lie in a constant record in flash, with a field for each argument except `Arena`. The function
    `run_NAME(arena, record)` of model.c calls the kernel with what a record holds, for layers that run whole and for
    layers that run in patches.
    """

    function: str
    arguments: tuple[tuple[str, Argument], ...]

    @staticmethod
    def of(function: str, **arguments: Argument) -> Call:
        """Returns a call of `function` with arguments by name, in the order of its parameters."""
        return Call(function, tuple(arguments.items()))

    @property
    def runner(self) -> str:
        """The name, without `run_`, of the C function that calls the kernel from a record.

        A kernel has one such function for calls whose tensors all lie in the arena, and a further one for each choice
        of operands that are constants, for instance `binary_constant_b`, or of tables that are copied.
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
        """Bytes of the record in flash, where pointers have 32 bits."""
        return sum(_field_bytes(value) for _, value in self.arguments)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The constants in flash that the arguments refer to, each once."""
        found = (table for _, value in self.arguments for table in _tables_of(value))
        return tuple({table.name: table for table in found}.values())


def _field_bytes(argument: Argument) -> int:
    """Returns the bytes of a record's field; numbers, places and addresses have 32 bits."""
    match argument:
        case Arena():
            return 0
        case Struct():
            return argument.bytes
        case int() | Name() | Real() | Table() | Pointer() | ConstantOperand() | OutputRows():
            return WORD_BYTES
        case CopiedTable():
            return 3 * WORD_BYTES  # the table's address, how many words it has, and where the copy begins
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
    """Returns the `Call.runner` of calls of a kernel whose tensors all lie in the arena."""
    return function.removeprefix("micronets_")


def record_bytes(words: int, *structs: str) -> int:
    """Returns the bytes of a record.

    - words: how many of its fields are numbers, offsets into the arena or addresses.
    - structs: the C types of its other fields, which are structs.
    """
    return WORD_BYTES * words + sum(STRUCT_BYTES[name] for name in structs)


@dataclass(frozen=True, eq=False)
class LayerCode:
    """A layer as C.

    - call: what runs the layer, or None if there is nothing to do.
    - sources: the C functions that it needs, by which `kernel_files` finds their files.
    """

    call: Call | None
    sources: tuple[str, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """The constants that the layer reads."""
        return self.call.tables if self.call else ()

    @property
    def bytes(self) -> int:
        """Bytes of the constants in flash: of the tables, and of the record."""
        return sum(table.bytes for table in self.tables) + (self.call.record_bytes if self.call else 0)

    @property
    def padding_bytes(self) -> int:
        """Bytes that fill up each constant to a multiple of four."""
        return sum(-table.bytes % 4 for table in self.tables)


NOTHING = LayerCode(None, ())
"""A layer that has nothing to do."""


@dataclass(frozen=True)
class FlashOutline:
    """The bytes of flash that a layer takes, as far as they are known without its weights.

    - bytes: bytes of its constants.
    - runner: the `Call.runner` of its call; None for a layer that has nothing to do.
    - sources: the C functions that it needs.
    - padding_bytes: bytes that fill up its tables to multiples of four.

    The outline is exact where the numbers of the layer suit the fast kernels, as those of a trained network do, and
    where no channel is dead. Slower kernels, for sums or scales that are too large, take up to 2 KB more.
    """

    bytes: int
    runner: str | None
    sources: tuple[str, ...]
    padding_bytes: int = 0


@dataclass(frozen=True)
class Place:
    """The source of a layer's names and addresses in the generated C.

    - index: the number of the layer, which ends the names of its constants.
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
        - kind: what it holds, for instance `weights`; it begins the table's name.
        - values: the numbers, of any shape; bytes stand for numbers from 0 to 255.
        """
        return Table(ctype, self.name(kind), np.frombuffer(values, np.uint8) if isinstance(values, bytes) else values)

    def offset(self, tensor: str) -> Offset:
        """Returns where a tensor begins in the arena."""
        return Offset(tensor, self.offsets[tensor])

    def pointer(self, tensor: str, ctype: str = "int8_t") -> Pointer:
        """Returns a tensor, or a layer's scratch memory, as an argument of type `ctype *`."""
        return Pointer(self.offset(tensor), ctype)

    def scratch(self, layer: str, ctype: str = "int8_t") -> Pointer:
        """Returns the scratch memory of a layer as an argument of type `ctype *`; the arena's start if it has none."""
        name = scratch_name(layer)
        return Pointer(Offset(name, self.offsets.get(name, 0)), ctype)

    def size(self, value: int) -> int:
        """Returns `value`. Raises `UnsupportedError` if it is too large for a size in the kernels' structs."""
        if value > SIZE_LIMIT:
            raise UnsupportedError(f"layer {self.index}: a size of {value}; at most {SIZE_LIMIT} is supported")
        return value


@dataclass(frozen=True)
class Overlap:
    """The overlap in memory that a kernel allows between its output and an input that no later layer reads.

    Kernels read their input and write their output from the first byte to the last, so the output may begin below the
    input and run into it: what it overwrites has been read for the last time.

    - below: the least number of bytes from the start of each output up to the start of the input; 0 allows the same
      place, and None allows no overlap.
    - inputs: the numbers of the inputs that an output may overlap; None for all.
    - same_start: the first output may also begin exactly where the first input does, though at no other place that
      overlaps it.
    """

    below: int | None
    same_start: bool = False
    inputs: tuple[int, ...] | None = None


@dataclass(frozen=True)
class RowReach:
    """The input rows that an output row needs; rows that do not exist are padding.

    - stride: how far the first needed row moves on from one output row to the next.
    - pad: how many rows above the map the first output row would need.
    - span: how many rows each output row needs, one below the other.
    """

    stride: int = 1
    pad: int = 0
    span: int = 1

    def start(self, y: int) -> int:
        """Returns the first row that output row y needs; it is negative in the padding."""
        return y * self.stride - self.pad

    def end(self, rows: int, size: int) -> int:
        """Returns how many of `size` input rows the first `rows` output rows need; rows > 0."""
        return min(size, self.start(rows - 1) + self.span)


@dataclass(frozen=True)
class View:
    """A tensor whose values are a run of another tensor's, so that nothing is copied if it lies there.

    - inner, outer: the names of the two tensors; one of them is an input of the layer, the other an output.
    - offset: bytes from the start of the outer tensor to the inner one.
    """

    inner: str
    outer: str
    offset: int

    def holds(self, place: Place) -> bool:
        """Returns whether the inner tensor lies where it would be copied to, or from."""
        if self.inner not in place.offsets or self.outer not in place.offsets:
            return False  # a constant lies in flash
        return place.offsets[self.inner] == place.offsets[self.outer] + self.offset


@dataclass(frozen=True)
class Kernel(ABC):
    """The way in which the C computes a layer: choice of kernel, scratch memory, overlap, tables and call.

    The planner of the arena asks it for memory, the generator for C; as both ask one object, they cannot disagree.
    """

    step: Step

    @property
    def is_alias(self) -> bool:
        """Returns whether the output is the input under another shape, in the same memory, and nothing is computed."""
        return False

    @property
    def uses_state(self) -> bool:
        """Returns whether the kernel reads or writes variables; the arena then begins with the address of their
        block."""
        return False

    @property
    def views(self) -> tuple[View, ...]:
        """The tensors that may lie inside others; where all of them do, the layer computes nothing."""
        return ()

    @property
    @abstractmethod
    def scratch_bytes(self) -> int:
        """Bytes of scratch memory that the kernel works in."""

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
        """Returns whether the arena may become larger for what `uses_free_memory` is about."""
        return False

    def in_patches(self) -> Kernel:
        """Returns the kernel that computes the layer where it runs on a few rows at a time."""
        return self

    def with_scratch(self, room: int) -> Kernel:
        """Returns the kernel that makes the best use of `room` bytes of scratch memory, or of the least that it needs.

        The returned kernel's `scratch_bytes` may exceed `room` where this kernel's do.
        """
        return self

    @abstractmethod
    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns the layer of `model` as C. Raises `UnsupportedError` for numbers that C cannot hold."""

    def outline(self, stand_in: QuantizedModel) -> FlashOutline:
        """Returns what the layer takes of flash.

        - stand_in: the network with scales but without weights (`flash.stand_in`). A kernel of a layer with weights
          does not ask it for them.
        """
        layer = self.step.layer
        code = self.code(stand_in, Place(0, dict.fromkeys((*layer.inputs, *layer.outputs), 0)))
        runner = code.call.runner if code.call else None
        return FlashOutline(code.bytes, runner, code.sources, code.padding_bytes)


@dataclass(frozen=True)
class WholeKernel(Kernel):
    """A kernel that computes a layer whole; its output lies apart from its inputs, and it needs no scratch memory.

    A kernel that allows an overlap after all, or needs scratch memory, says so in the property of that name.
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
        """None, since the kernel does not compute a few rows alone."""


def scratch_name(layer: str) -> str:
    """Returns the name under which a plan's offsets hold the scratch memory of a layer."""
    return f"{layer} scratch"


def count(shape: Shape) -> OutputRows:
    """Returns how many values of an output of that shape there are to compute."""
    return OutputRows(shape[0], math.prod(shape[1:])) if shape else OutputRows(1)
