"""Two tensors combined value by value, of shapes that broadcast, or with a constant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import assert_never

import numpy as np

from micronets.compiler.kernels.add import ADD
from micronets.compiler.kernels.base import (
    Call,
    ConstantOperand,
    LayerCode,
    Name,
    Overlap,
    Place,
    Struct,
    Value,
    WholeKernel,
    count,
)
from micronets.compiler.kernels.linear import ADD_PARAMS, ROW_LINEAR, linear, linear_params
from micronets.compiler.kernels.lookup import table_code
from micronets.compiler.kernels.requantise import shiftable
from micronets.errors import UnsupportedError
from micronets.ir.arch import Step
from micronets.ir.layers import Add, Binary, Div, Maximum, Minimum, Mul, Prelu, Shape, SquaredDifference, Sub
from micronets.ir.types import Type
from micronets.quantized.arithmetic import (
    IntArray,
    activation_range,
    add_rescale,
    mul_rescale,
    prelu_rescale,
    squared_difference_rescale,
)
from micronets.quantized.code_tables import operand_table
from micronets.quantized.model import QuantizedModel, TensorQuant

BINARY = "micronets_binary"
BROADCAST = "micronets_broadcast"
ROW = "micronets_row *"
LOOPS = 4
"""Nested loops of the C; neighbouring dimensions that both operands step through alike are joined to one loop."""


@dataclass(frozen=True)
class BinaryKernel(WholeKernel):
    """Two tensors combined value by value; where one is a constant of one value, a table of 256 codes does it.

    - long_products: whether the target multiplies a number of 32 bits by one of 16 in one instruction, which makes the
      sums of `linear` fast.
    """

    layer: Binary
    long_products: bool = False

    @property
    def overlap(self) -> Overlap:
        """The output may lie over an input of its own shape; an input that broadcasts is read until the end."""
        made = math.prod(self.step.output_shape)
        return Overlap(0, inputs=tuple(k for k, x in enumerate(self.step.input_shapes) if math.prod(x) == made))

    def code(self, model: QuantizedModel, place: Place) -> LayerCode:
        """Returns a call with scales and strides, or one with a table."""
        layer, step = self.layer, self.step
        if is_table(step):
            x = layer.inputs[1 - step.constants.index(True)]
            return table_code(place, x, layer.name, count(step.output_shape), operand_table(model, step))
        a, b = (
            ConstantOperand(place.table("int8_t", f"operand_{letter}", model.constants[name]))
            if fixed
            else place.pointer(name)
            for name, fixed, letter in zip(layer.inputs, step.constants, "ab", strict=True)
        )
        row, params = self._row(model)
        call = Call.of(
            BINARY,
            a=a,
            b=b,
            output=place.pointer(layer.name),
            shape=loops(step),
            params=params,
            row=Name(row, ROW),
        )
        return LayerCode(call, (BINARY, row))

    def _row(self, model: QuantizedModel) -> tuple[str, Struct]:
        """Returns the C function that computes a row of values, and the `micronets_add_params` that it takes."""
        layer, step = self.layer, self.step
        if self.long_products and isinstance(layer, Add | Sub):
            a, b, target = (model.quant[name] for name in (*layer.inputs, layer.name))
            if numbers := linear(a, b, target, subtracted=isinstance(layer, Sub)):
                low, high = activation_range(layer.activation, target, step.output_type)
                return ROW_LINEAR, linear_params(numbers, target, low, high)
        return _row_function(layer), _params(layer, step, model)


def is_table(step: Step) -> bool:
    """Returns whether each output code follows from one input code, since the other operand is one constant value."""
    if not any(step.constants):
        return False
    fixed = step.constants.index(True)
    return math.prod(step.input_shapes[fixed]) == 1 and step.input_shapes[1 - fixed] == step.output_shape


def _row_function(layer: Binary) -> str:
    """Returns the C function that computes a row of values with the scales of both operands and of the output."""
    match layer:
        case Add():
            return ADD
        case Sub():
            return "micronets_row_sub"
        case Mul():
            return "micronets_row_mul"
        case Minimum():
            return "micronets_row_minimum"
        case Maximum():
            return "micronets_row_maximum"
        case SquaredDifference():
            return "micronets_row_squared_difference"
        case Prelu():
            return "micronets_row_prelu"
        case Div():
            raise AssertionError("a Div reads numbers alone")
        case _:
            assert_never(layer)


def _params(layer: Binary, step: Step, model: QuantizedModel) -> Struct:
    """Returns the scales of both operands and of the output, and the limits of the clamp."""
    a, b, target = (model.quant[name] for name in (*layer.inputs, layer.name))
    low, high = activation_range(step.operator.activation or "none", target, step.output_type)
    operands: list[Value] = []
    for quant, rescale in zip((a, b, target), rescales(layer, a, b, target, step.output_type), strict=True):
        multiplier, shift = (int(v) for v in shiftable(*rescale))
        operands.append((multiplier, quant.zero_point, shift))
    limits = ("lowest", low - target.zero_point), ("highest", high - target.zero_point)
    return Struct(ADD_PARAMS, (*zip(("a", "b", "sum"), operands, strict=True), *limits))


def rescales(
    layer: Binary, a: TensorQuant, b: TensorQuant, target: TensorQuant, of: Type
) -> tuple[tuple[IntArray, IntArray], ...]:
    """Returns the multipliers and shifts of both operands and of the output; those that the kernel does not use are 0.

    - layer: the layer, which is no Div.
    - a, b: quantisation of the operands; those of a Prelu are its input and alpha.
    - target: quantisation of the output.
    - of: the type of the operands and of the output.
    """
    unused = (np.zeros((), np.int64), np.zeros((), np.int64))
    match layer:
        case Add() | Sub():
            return add_rescale(a, b, target, of)
        case Mul():
            return unused, unused, mul_rescale(a, b, target)
        case SquaredDifference():
            return squared_difference_rescale(a, b, target, of)
        case Prelu():
            of_x, of_product = prelu_rescale(a, b, target)
            return of_x, unused, of_product
        case Minimum() | Maximum():
            return unused, unused, unused
        case Div():
            raise AssertionError("a Div reads numbers alone")
        case _:
            assert_never(layer)


def loops(step: Step, order: tuple[int, int] = (0, 1)) -> Struct:
    """Returns the loops over the output, the innermost last, and the step of each of two operands in each loop.

    - step: the step.
    - order: which of its inputs are the operands a and b.

    See `joined_loops`, whose error is raised.
    """
    found = joined_loops(step)
    fields = zip(("size", "a", "b"), (0, *(k + 1 for k in order)), strict=True)
    return Struct(BROADCAST, tuple((name, tuple(loop[k] for loop in found)) for name, k in fields))


def joined_loops(step: Step) -> list[tuple[int, ...]]:
    """Returns for each of `LOOPS` loops over the output, the innermost last, its rounds and the step of each operand.

    Neighbouring dimensions that all operands step through alike are one loop. Raises `UnsupportedError` where more
    than `LOOPS` are left.
    """
    y = step.output_shape
    shapes = [(1,) * (len(y) - len(x)) + x for x in step.input_shapes]
    strides = [_strides(shape) for shape in shapes]
    kept = [i for i, n in enumerate(y) if n > 1]
    found: list[tuple[int, ...]] = []
    for _, together in groupby(kept, key=lambda i: tuple(shape[i] == 1 for shape in shapes)):
        axes = list(together)
        found.append((math.prod(y[i] for i in axes), *(each[axes[-1]] for each in strides)))
    if len(found) > LOOPS:
        raise UnsupportedError(f"layer '{step.layer.name}': {step.input_shapes} broadcast in more than {LOOPS} loops")
    return [(1, *(0 for _ in strides))] * (LOOPS - len(found)) + found


def _strides(shape: Shape) -> list[int]:
    """Returns how many values apart neighbours along each dimension lie; 0 for a dimension of 1, which broadcasts."""
    return [0 if n == 1 else math.prod(shape[i + 1 :]) for i, n in enumerate(shape)]
