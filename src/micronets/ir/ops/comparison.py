"""Comparisons, whose outputs are truth values, and what is done with these: logic, and the choice of a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from micronets.errors import SpecError
from micronets.ir.layers import Compare, Logical, LogicalNot, Relation, Select, Shape
from micronets.ir.ops.binary import broadcast, broadcast_shape, check_broadcast
from micronets.ir.ops.checks import MOST_OPERAND_DIMENSIONS
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import (
    ONE,
    TWO,
    Arity,
    Operand,
    Operator,
    Scale,
    Shapes,
    Sign,
    Tflm,
    TflmKernel,
    TypeRule,
    anything,
    nothing,
    same_shape,
)
from micronets.ir.ops.types import keeps
from micronets.ir.types import Type, Types

CYCLES = 30.0
"""TFLM's cycles for a value of any of these operators; assumed."""

RELATIONS: Mapping[Relation, str] = {
    "equal": "EQUAL",
    "not equal": "NOT_EQUAL",
    "greater": "GREATER",
    "greater or equal": "GREATER_EQUAL",
    "less": "LESS",
    "less or equal": "LESS_EQUAL",
}
"""The operator in TensorFlow Lite of each relation."""

_COMPARED: Types = ("int8", "int32", "float32")
_MORE: Mapping[Relation, Types] = {"equal": ("bool",), "not equal": ("bool",)}
"""The types that TFLM's kernel compares besides."""

_SELECTED: Types = ("int8", "int16", "float32")

THREE = Arity(3, 3)
"""Exactly three tensors."""


def compare_operator(layer: Compare) -> Operator:
    """Returns the facts of a comparison. Scales of int8 must be below 1, as TFLM's multiplier of codes is the scale."""
    rule = keeps(*_COMPARED, *_MORE.get(layer.relation, ()))

    def truth(inputs: Types, where: str) -> Type:
        rule(inputs, where)
        return "bool"

    return _facts(
        RELATIONS[layer.relation],
        inputs=TWO,
        check=check_broadcast("Compare"),
        output_shapes=broadcast_shape,
        output_type=truth,
        largest_rescale=1.0,
        op_data=32,
        temporaries=("every input",),
    )


def logical_operator(layer: Logical) -> Operator:
    """Returns the facts of an `and` or an `or`."""
    return _facts(
        "LOGICAL_OR" if layer.either else "LOGICAL_AND",
        inputs=TWO,
        check=check_broadcast("Logical"),
        output_shapes=broadcast_shape,
        output_type=keeps("bool"),
    )


def logical_not_operator(layer: LogicalNot) -> Operator:
    """Returns the facts of a negation."""
    return _facts(
        "LOGICAL_NOT",
        inputs=ONE,
        check=anything,
        output_shapes=same_shape,
        output_type=keeps("bool"),
        temporaries=("input", "output"),
        codewise=True,
    )


def select_operator(layer: Select) -> Operator:
    """Returns the facts of the choice between two values."""
    rule = keeps(*_SELECTED)

    def chosen(inputs: Types, where: str) -> Type:
        if inputs[0] != "bool":
            raise SpecError(f"{where} reads {inputs[0]} as what decides; supported: bool")
        return rule(inputs[1:], where)

    def check(inputs: Shapes, where: str) -> None:
        if _together(inputs) is None:
            shapes = f"{inputs[0]}, {inputs[1]} and {inputs[2]}"
            raise SpecError(f"{where}: Select needs equal shapes, or sizes of 1 where they differ, not {shapes}")
        if max(map(len, inputs)) > MOST_OPERAND_DIMENSIONS:
            raise SpecError(
                f"{where}: Select of a shape like {max(inputs, key=len)}; at most {MOST_OPERAND_DIMENSIONS} dimensions "
                "are supported"
            )

    def output_shapes(inputs: Shapes) -> Shapes:
        made = _together(inputs)
        assert made is not None
        return (made,)

    return _facts(
        "SELECT_V2",
        inputs=THREE,
        check=check,
        output_shapes=output_shapes,
        output_type=chosen,
        scale="its own",
        sign="any",
        op_data=1,
        temporaries=("every input", "output"),
    )


def _together(shapes: Shapes) -> Shape | None:
    """Returns the shape that tensors of these shapes have together, or None where they do not fit."""

    def pair(a: Shape | None, b: Shape) -> Shape | None:
        return None if a is None else broadcast(a, b)

    found: Shape | None = shapes[0]
    return reduce(pair, shapes[1:], found)


def _facts(
    name: str,
    *,
    inputs: Arity,
    check: Callable[[Shapes, str], None],
    output_shapes: Callable[[Shapes], Shapes],
    output_type: TypeRule,
    scale: Scale = "1",
    sign: Sign = "never negative",
    largest_rescale: float | None = None,
    op_data: int = 0,
    temporaries: tuple[Operand, ...] = (),
    codewise: bool = False,
) -> Operator:
    """Returns the facts of an operator; the arguments are fields of `Operator` and of `TflmKernel`."""
    kernel = TflmKernel(parameters=0, alignment=4, op_data=op_data, temporaries=temporaries, scratch=())
    return Operator(
        tflite_name=name,
        constants=(),
        table_bytes=120,
        inputs=inputs,
        output_shapes=output_shapes,
        check=check,
        output_type=output_type,
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale=scale,
        largest_rescale=largest_rescale,
        selects=False,
        codewise=codewise,
        within_input=False,
        sign=sign,
        by_channel=False,
        trainable=False,
        tflm=Tflm(host=kernel, cortex_m=kernel, requantised_channels=nothing, cycles=by_value(CYCLES)),
        timed_as=timed_as("compare"),
        timed_by=timed_by_value,
    )
