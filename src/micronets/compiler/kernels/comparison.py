"""Comparisons of two tensors, logic of truth values, and the choice between two values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels.base import (
    CTYPES,
    Argument,
    Call,
    ConstantOperand,
    LayerCode,
    Name,
    Overlap,
    Place,
    Struct,
    WholeKernel,
    count,
)
from micronets.compiler.kernels.binary import BINARY, ROW, is_table, joined_loops, loops
from micronets.compiler.kernels.linear import ADD_PARAMS
from micronets.compiler.kernels.lookup import ELEMENTS, table_code
from micronets.compiler.kernels.requantise import shiftable
from micronets.ir.layers import Compare, Logical, Relation, Select
from micronets.ir.types import ELEMENT_BYTES
from micronets.quantized.code_tables import operand_table
from micronets.quantized.comparison import compared_factor
from micronets.quantized.model import QuantizedModel

COMPARE = "micronets_compare"
COMPARE_NUMBERS = "micronets_compare_numbers"
COMPARED = "micronets_compared"
SELECT = "micronets_select"
SELECTION = "micronets_selection"

NO_SCALES = Struct(ADD_PARAMS, (*((name, (0, 0, 0)) for name in ("a", "b", "sum")), ("lowest", 0), ("highest", 0)))
"""The scales of operands that are compared as they are."""

Array = npt.NDArray[Any]

_RELATIONS: Mapping[Relation, tuple[str, bool]] = {
    "equal": ("EQUAL", False),
    "not equal": ("NOT_EQUAL", False),
    "greater": ("GREATER", False),
    "greater or equal": ("GREATER_OR_EQUAL", False),
    "less": ("GREATER", True),
    "less or equal": ("GREATER_OR_EQUAL", True),
}
"""The relation in C of each relation, and whether the operands change places."""


@dataclass(frozen=True)
class ByValueKernel(WholeKernel):
    """A kernel that works on several tensors value by value; some of them may be constants."""

    @property
    def overlap(self) -> Overlap:
        """The output may lie over an input of its own size in bytes; others are read until the end."""
        made = math.prod(self.step.output_shape) * ELEMENT_BYTES[self.step.output_type]
        sizes = [
            math.prod(shape) * ELEMENT_BYTES[of]
            for shape, of in zip(self.step.input_shapes, self.step.input_types, strict=True)
        ]
        return Overlap(0, inputs=tuple(k for k, size in enumerate(sizes) if size == made))

    def operands(self, model: QuantizedModel, place: Place) -> list[Argument]:
        """Returns the arguments of a call that point to the inputs, in order, whatever their types are."""
        step = self.step
        return [
            ConstantOperand(place.table(CTYPES[of], f"operand_{k}", _numbers(model.constants[name])), any_type=True)
            if fixed
            else place.pointer(name, "const void")
            for k, (name, of, fixed) in enumerate(zip(step.layer.inputs, step.input_types, step.constants, strict=True))
        ]


def _numbers(values: Array) -> Array:
    """Returns truth values as 0 and 1, and other values as they are."""
    return values.astype(np.uint8) if values.dtype == np.bool_ else values


@dataclass(frozen=True)
class CompareKernel(ByValueKernel):
    """A comparison of two tensors; where one is a constant of one int8 code, a table of 256 codes does it."""

    layer: Compare

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the loops, the relation and, for int8 codes, their scales, or one with a table."""
        layer, step = self.layer, self.step
        relation, swapped = _RELATIONS[layer.relation]
        of = step.input_types[0]
        if of == "int8" and is_table(step):
            x = layer.inputs[1 - step.constants.index(True)]
            return table_code(place, x, layer.name, count(step.output_shape), operand_table(model, step))
        order = (1, 0) if swapped else (0, 1)
        operands = self.operands(model, place)
        a, b = (operands[k] for k in order)
        ends: dict[str, Argument] = {
            "output": place.pointer(layer.name, "uint8_t"),
            "shape": loops(step, order),
        }
        how = Name(f"MICRONETS_{relation}", "micronets_relation")
        if of != "int8":  # a record has a word between its enumerators, which Arm's compilers make single bytes of
            call = Call.of(COMPARE_NUMBERS, a=a, type=ELEMENTS[of], b=b, **ends, relation=how)
            return LayerCode(call, (COMPARE_NUMBERS,))
        call = Call.of(COMPARE, a=a, b=b, **ends, scales=self._scales(model, order), relation=how)
        return LayerCode(call, (COMPARE,))

    def _scales(self, model: QuantizedModel, order: tuple[int, int]) -> Struct:
        """Returns the zero points of both operands, and the factors that make real values of their codes."""
        fields: list[tuple[str, int]] = []
        for letter, k in zip("ab", order, strict=True):
            quant = model.quant[self.layer.inputs[k]]
            multiplier, shift = (int(v) for v in shiftable(*compared_factor(quant)))
            fields += [(f"{letter}_zero", quant.zero_point), (f"{letter}_multiplier", multiplier)]
            fields.append((f"{letter}_shift", shift))
        return Struct(COMPARED, tuple(fields))


@dataclass(frozen=True)
class LogicalKernel(ByValueKernel):
    """The smaller or the larger of two truth values, which are 0 and 1: whether both are true, or at least one."""

    layer: Logical

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call of the kernel of a minimum or a maximum, which reads no scales."""
        a, b = (
            ConstantOperand(place.table("int8_t", f"operand_{k}", _numbers(model.constants[name])))
            if fixed
            else place.pointer(name)
            for k, (name, fixed) in enumerate(zip(self.layer.inputs, self.step.constants, strict=True))
        )
        row = "micronets_row_maximum" if self.layer.either else "micronets_row_minimum"
        call = Call.of(
            BINARY,
            a=a,
            b=b,
            output=place.pointer(self.layer.name),
            shape=loops(self.step),
            params=NO_SCALES,
            row=Name(row, ROW),
        )
        return LayerCode(call, (BINARY, row))


@dataclass(frozen=True)
class SelectKernel(ByValueKernel):
    """The choice between two values by a third one."""

    layer: Select

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with the loops, and the bytes of a value."""
        condition, a, b = self.operands(model, place)
        found = joined_loops(self.step)
        names = enumerate(("size", "condition", "a", "b"))
        sizes = tuple((name, tuple(loop[k] for loop in found)) for k, name in names)
        shape = Struct(SELECTION, (*sizes, ("bytes", ELEMENT_BYTES[self.step.output_type])))
        output = place.pointer(self.layer.name, "void")
        call = Call.of(SELECT, condition=condition, a=a, b=b, output=output, shape=shape)
        return LayerCode(call, (SELECT,))
