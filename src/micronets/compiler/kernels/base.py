"""The values that a layer is compiled to, and `Kernel`, which makes them.

A layer becomes constants (`Table`, `Constant`) and a call (`Call` or `RunRecord`). `generate` prints them, once.
Nothing in them is text of C but names. Numbers that change from patch to patch, where layers run on a few rows at a
time, are values of their own (`Offset`, `OutputRows`, `InputRows`, `PadTop`): the same constants and call serve a layer
that runs whole and one that runs in patches.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from micronets.compiler.limits import STRUCT_BYTES
from micronets.errors import UnsupportedError
from micronets.ir.arch import Step
from micronets.ir.layers import Shape
from micronets.quantized.arithmetic import IntArray
from micronets.quantized.model import QuantizedModel

Element = Literal["int8_t", "uint8_t", "int16_t", "int32_t", "uint32_t"]

ELEMENT_BYTES: Mapping[Element, int] = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "int32_t": 4, "uint32_t": 4}
SIZE_LIMIT = 2**16 - 1
"""The largest size that a `uint16_t` of the kernels' structs holds."""


@dataclass(frozen=True)
class Name:
    """The name of a table or of a function in C."""

    text: str


@dataclass(frozen=True)
class Real:
    """A float32 constant."""

    value: float


@dataclass(frozen=True)
class Offset:
    """Where a tensor, or the scratch memory of a layer, begins.

    - tensor: its name.
    - bytes: bytes from the start of the arena.
    """

    tensor: str
    bytes: int


@dataclass(frozen=True)
class OutputRows:
    """A number that grows with the output rows that are computed.

    - rows: how many rows the whole output has.
    - each: how much the number grows for each row.
    - ctype: the C type of the field that holds the number.
    """

    rows: int
    each: int = 1
    ctype: str = "int32_t"


@dataclass(frozen=True)
class InputRows:
    """How many rows of the input there are to read.

    - rows: how many rows the whole input has.
    - ctype: the C type of the field that holds the number.
    """

    rows: int
    ctype: str = "uint16_t"


@dataclass(frozen=True)
class PadTop:
    """How many rows of padding lie above the rows of the input.

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


Value = int | Name | Offset | OutputRows | InputRows | PadTop | Struct | tuple["Value", ...]
"""What a field of a struct may hold; a tuple is an array, or a struct whose fields are not named."""


@dataclass(frozen=True, eq=False)
class Table:
    """A constant array of integers: the type of its elements, its name in C, its values in any shape."""

    ctype: Element
    name: str
    values: IntArray

    @property
    def bytes(self) -> int:
        """Bytes of the table in flash."""
        return ELEMENT_BYTES[self.ctype] * self.values.size

    @property
    def as_argument(self) -> Name:
        """The table as an argument of a function."""
        return Name(self.name)


@dataclass(frozen=True)
class Constant:
    """A constant struct and its name in C."""

    name: str
    value: Struct

    @property
    def bytes(self) -> int:
        """Bytes of the struct in flash, where pointers have 32 bits."""
        return self.value.bytes


@dataclass(frozen=True)
class Pointer:
    """A place in the arena as an argument of type `ctype *`."""

    to: Offset
    ctype: str = "int8_t"


@dataclass(frozen=True)
class AddressOf:
    """The address of a constant as an argument."""

    constant: Constant


Argument = int | Name | Real | Pointer | AddressOf | OutputRows


@dataclass(frozen=True)
class Call:
    """A layer is run by calling a kernel with its arguments."""

    function: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class RunRecord:
    """A layer is run by a function of micronets_layers.h, which calls the kernel with what the layer's record holds.

    A record takes a quarter of the flash of a call with all its arguments.
    """

    function: str
    record: Constant


@dataclass(frozen=True, eq=False)
class LayerCode:
    """A layer as C.

    - constants: tables and structs at file scope, in this order.
    - call: what runs the layer, or None if there is nothing to do.
    - sources: the C functions that it needs, by which `kernel_files` finds their files.
    """

    constants: tuple[Table | Constant, ...]
    call: Call | RunRecord | None
    sources: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Bytes of the constants in flash."""
        return sum(constant.bytes for constant in self.constants)

    @property
    def padding_bytes(self) -> int:
        """Bytes that fill up each constant to a multiple of four."""
        return sum(-constant.bytes % 4 for constant in self.constants)


@dataclass(frozen=True)
class Outline:
    """What a layer takes of flash, as far as that is known without its weights.

    - bytes: bytes of its constants.
    - runner: the function of micronets_layers.h that runs it from a record; "" for a layer whose call is written out,
      None for one that has nothing to do.
    - sources: the C functions that it needs.
    - padding_bytes: what fills up its tables of bytes to a multiple of four.

    It is exact where the numbers of the layer suit the fast kernels, as those of a trained network do, and where no
    channel is dead. Slower kernels, for sums or scales that are too large, take up to 2 KB more.
    """

    bytes: int
    runner: str | None
    sources: tuple[str, ...]
    padding_bytes: int = 0


@dataclass(frozen=True)
class Place:
    """Where a layer's names and addresses come from.

    - index: the number of the layer, which ends the names of its constants.
    - offsets: bytes from the start of the arena to each tensor, and to scratch memory under its `scratch_name`.
    """

    index: int
    offsets: Mapping[str, int]

    def name(self, kind: str) -> str:
        """Returns the C name of one of the layer's constants, for instance `weights_3`."""
        return f"{kind}_{self.index}"

    def table(self, ctype: Element, kind: str, values: IntArray | bytes) -> Table:
        """Returns a table of the layer with elements of type `ctype`; `kind` begins its name."""
        return Table(ctype, self.name(kind), np.frombuffer(values, np.uint8) if isinstance(values, bytes) else values)

    def constant(self, kind: str, value: Struct) -> Constant:
        """Returns a constant struct of the layer; `kind` begins its name."""
        return Constant(self.name(kind), value)

    def offset(self, tensor: str) -> Offset:
        """Returns where a tensor begins in the arena."""
        return Offset(tensor, self.offsets[tensor])

    def pointer(self, tensor: str, ctype: str = "int8_t") -> Pointer:
        """Returns a tensor, or a layer's scratch memory, as an argument of type `ctype *`."""
        return Pointer(self.offset(tensor), ctype)

    def scratch(self, layer: str) -> Offset:
        """Returns where the scratch memory of a layer begins; 0 if it has none."""
        name = scratch_name(layer)
        return Offset(name, self.offsets.get(name, 0))

    def size(self, value: int) -> int:
        """Returns `value`. Raises `UnsupportedError` if it is too large for a size in the kernels' structs."""
        if value > SIZE_LIMIT:
            raise UnsupportedError(f"layer {self.index}: a size of {value}; at most {SIZE_LIMIT} is supported")
        return value


@dataclass(frozen=True)
class Overlap:
    """How far a kernel's output may overlap an input that nothing reads after it.

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
    """The input rows that output row y needs: from y * stride - pad on, `span` of them, as far as they exist."""

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
        """Whether the inner tensor lies where it would be copied to, or from."""
        if self.inner not in place.offsets or self.outer not in place.offsets:
            return False  # a constant lies in flash
        return place.offsets[self.inner] == place.offsets[self.outer] + self.offset


@dataclass(frozen=True)
class Kernel(ABC):
    """How a layer is computed.

    The planner of the arena asks it for memory, the generator for C; as both ask one object, they cannot disagree.
    """

    step: Step

    @property
    def is_alias(self) -> bool:
        """Whether the output is the input under another shape, in the same memory, and nothing is computed."""
        return False

    @property
    def uses_state(self) -> bool:
        """Whether the kernel works with variables, whose address an inference keeps at the start of the arena."""
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
        """How far the output may overlap an input."""

    @property
    @abstractmethod
    def row_reach(self) -> RowReach | None:
        """The input rows that an output row needs, if the kernel can compute a few rows of a map; else None."""

    @property
    def uses_free_memory(self) -> bool:
        """Whether more scratch memory than `scratch_bytes` makes the kernel faster: see `with_scratch`."""
        return False

    def in_patches(self) -> Kernel:
        """Returns the kernel that computes the layer where it runs on a few rows at a time."""
        return self

    def with_scratch(self, room: int) -> Kernel:
        """Returns the kernel that makes the best use of `room` bytes of scratch memory; it may need more."""
        return self

    @abstractmethod
    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns the layer of `model` as C. Raises `UnsupportedError` for numbers that C cannot hold."""

    def outline(self, stand_in: QuantizedModel) -> Outline:
        """Returns what the layer takes of flash.

        - stand_in: the network with scales but without weights (`flash.stand_in`). A kernel of a layer with weights
          does not ask it for them.
        """
        layer = self.step.layer
        code = self.code(stand_in, Place(0, dict.fromkeys((*layer.inputs, *layer.outputs), 0)))
        runner: str | None
        match code.call:
            case RunRecord(function):
                runner = function
            case Call():
                runner = ""
            case None:
                runner = None
            case _:
                assert_never(code.call)
        return Outline(code.bytes, runner, code.sources, code.padding_bytes)


def scratch_name(layer: str) -> str:
    """Returns the name under which a plan's offsets hold the scratch memory of a layer."""
    return f"{layer} scratch"


def count(shape: Shape) -> OutputRows:
    """Returns how many values of an output of that shape there are to compute."""
    return OutputRows(shape[0], math.prod(shape[1:])) if shape else OutputRows(1)


def runner(function: str) -> str:
    """Returns the name of what runs a record by calling the kernel `function`; see micronets_layers.h."""
    return function.replace("micronets_", "micronets_run_", 1)
