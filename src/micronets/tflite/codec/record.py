"""The records of an operator's stored form in a file: `Codec`, `FileOperator` and `Encoded`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from micronets.ir.layers import Layer
from micronets.ir.ops import Arity
from micronets.tflite.builder import Field
from micronets.tflite.codec.op import Op
from micronets.tflite.flatbuffer import FlatTable
from micronets.tflite.tensors import Graph, Tensor

TensorNames = tuple[str, ...]
"""Names of tensors, in order."""


NONE = Arity(0, 0)
"""No tensor."""


FIRST = slice(0, 1)
"""The position of the only activation of an operator that reads it first."""


@dataclass(frozen=True)
class FileOperator:
    """One operator of a file.

    - op: which operator it is.
    - where: the beginning of error messages: the file and the operator.
    - options: the table of its options; None if all of them have their defaults.
    - inputs: the numbers of the tensors that it reads, -1 for one that is left out.
    - activations: those of them that are activations, as its `Codec` says; the others are constants.
    - outputs: the tensors that it writes.
    - custom: the bytes of the options of a CUSTOM operator.
    """

    op: Op
    where: str
    options: FlatTable | None
    inputs: list[int]
    activations: list[int]
    outputs: tuple[Tensor, ...]
    custom: bytes = b""

    def option(self, slot: int, kind: str, default: Any = 0) -> Any:
        """Returns an option.

        - slot: which field of the options table it is.
        - kind: its type, a letter of the module `struct`.
        - default: its value where the file does not hold it.
        """
        return default if self.options is None else self.options.number(slot, kind, default)


@dataclass(frozen=True, kw_only=True)
class Codec:
    """The form in which a kind of operator is stored in a file.

    - options: the member number of its options table in the format's union; None for an operator that has none.
    - inputs: how many tensors it reads, constants included.
    - activations: which of these are activations; the others are constants.
    - optional: whether any of the activations may be left out, as tensor -1.
    - outputs: how many tensors it writes.
    - read: makes the layer, from the tensors of the file, the operator, the names of its outputs and those of its
      activations. Where the operator works on shapes that layers do not support, a Reshape stands before or behind
      it. Sizes that only the weights tell are 1 (`filters`, `kernel`) and 8 (`weight_bits`) until `weights_of` sets
      them.
    """

    options: int | None
    inputs: Arity
    activations: slice
    outputs: Arity
    read: Callable[[Graph, FileOperator, tuple[str, ...], tuple[str, ...]], Layer | tuple[Layer, ...]]
    optional: bool = False


@dataclass(frozen=True)
class Encoded:
    """A layer as it is written.

    - op: its operator.
    - options: the fields of its options table.
    - bias_scale: whether the tensor of its bias carries a scale.
    - custom: the numbers among the options of a CUSTOM operator, by name; None for another operator.
    """

    op: Op
    options: list[Field]
    bias_scale: bool = False
    custom: Mapping[str, int] | None = None
