"""Mul, Sub, Minimum, Maximum and SquaredDifference, which combine two tensors value by value; and broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral

from micronets.errors import SpecError
from micronets.ir.layers import Activation, Div, Maximum, Minimum, Mul, Prelu, Shape, SquaredDifference, Sub
from micronets.ir.ops import checks
from micronets.ir.ops.checks import MOST_OPERAND_DIMENSIONS
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    TWO,
    Operand,
    Operator,
    Scale,
    Shapes,
    Sign,
    Tflm,
    TflmKernel,
    TypeRule,
    nothing,
)
from micronets.ir.ops.types import keeps
from micronets.ir.types import Type, Types

CYCLES = {
    "MUL": 76.0,
    "SUB": 40.0,
    "DIV": 40.0,
    "MINIMUM": 17.0,
    "MAXIMUM": 12.0,
    "SQUARED_DIFFERENCE": 50.0,
    "PRELU": 40.0,
}
"""TFLM's cycles for a value; MUL and MINIMUM are measured (docs/arena.md), the others assumed."""

OPERAND_TYPES: Types = ("int8", "int16", "int32", "float32")
"""The types that TFLM's kernels of most operators of two tensors take."""

PREPARED: tuple[Operand, ...] = ("every input", "output")
"""What the kernels that rescale ask for while they are prepared."""


def numbers_without(activation: Activation | None, rule: TypeRule) -> TypeRule:
    """Returns the rule `rule` of an operator that clamps no int32: TFLM's kernels do so with some operators alone.

    - activation: its fused activation.
    """

    def numbers(inputs: Types, where: str) -> Type:
        made = rule(inputs, where)
        if made == "int32" and activation not in (None, "none"):
            raise SpecError(f"{where} of int32 has the fused activation {activation}; only none is supported")
        return made

    return numbers


def broadcast(a: Shape, b: Shape) -> Shape | None:
    """Returns the shape of what two tensors of these shapes make together, or None where they do not fit.

    The rules are numpy's: counted from the last dimension, sizes are equal, or one is 1 or missing. Sizes of a relaxed
    network, which are no integers, are equal but for rounding.
    """
    rank = max(len(a), len(b))
    sizes = []
    for m, n in zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True):
        if not (isinstance(m, Integral) and isinstance(n, Integral)):
            sizes.append(m)
        elif m == 1:
            sizes.append(n)
        elif n in (1, m):
            sizes.append(m)
        else:
            return None
    return tuple(sizes)


def broadcast_shape(inputs: Shapes) -> Shapes:
    """Returns the shape of the output of two inputs that fit: the `output_shapes` beside `check_broadcast`."""
    made = broadcast(*inputs)
    assert made is not None
    return (made,)


def check_broadcast(kind: str) -> Callable[[Shapes, str], None]:
    """Returns the `check` of an operator of two inputs that raises `SpecError` unless their shapes broadcast.

    - kind: what the message calls the layer.
    """

    def check(inputs: Shapes, where: str) -> None:
        a, b = inputs
        if a == b:
            return
        if broadcast(a, b) is None:
            raise SpecError(f"{where}: {kind} needs equal shapes, or sizes of 1 where they differ, not {a} and {b}")
        if max(len(a), len(b)) > MOST_OPERAND_DIMENSIONS:
            raise SpecError(
                f"{where}: {kind} of {a} and {b}; at most {MOST_OPERAND_DIMENSIONS} dimensions are supported"
            )

    return check


LARGEST_SQUARE = LARGEST_MULTIPLIER * 2.0**12
"""The limit of TFLM's multiplier for a square: it has 14 bits of fractions, and the square is that of twice a scale."""


def mul_operator(layer: Mul) -> Operator:
    """Returns the facts of a product."""
    return _binary_operator(
        "MUL",
        layer.activation,
        check=_with_activation("Mul", layer.activation),
        scale="its own",
        sign="as the inputs",
        largest_rescale=LARGEST_MULTIPLIER,
        host=TflmKernel(parameters=4, alignment=4, op_data=36, temporaries=PREPARED, scratch=()),
        cortex_m=TflmKernel(parameters=1, alignment=1, op_data=36, temporaries=PREPARED, scratch=()),
    )


def sub_operator(layer: Sub) -> Operator:
    """Returns the facts of a difference."""
    return _binary_operator(
        "SUB",
        layer.activation,
        check=_with_activation("Sub", layer.activation),
        scale="its own",
        sign="any",
        largest_rescale=2.0**19,
        host=TflmKernel(parameters=8, alignment=4, op_data=52, temporaries=PREPARED, scratch=()),
        cortex_m=TflmKernel(parameters=2, alignment=1, op_data=52, temporaries=PREPARED, scratch=()),
    )


def div_operator(layer: Div) -> Operator:
    """Returns the facts of a quotient. Codes are not read: TFLM's kernel shifts those by more bits than C defines."""
    return _binary_operator(
        "DIV",
        layer.activation,
        check=_with_activation("Div", layer.activation),
        scale="its own",
        sign="as the inputs",
        largest_rescale=None,
        host=TflmKernel(parameters=4, alignment=4, op_data=28, temporaries=PREPARED, scratch=()),
        cortex_m=TflmKernel(parameters=1, alignment=1, op_data=28, temporaries=PREPARED, scratch=()),
        types=("int32", "float32"),
    )


def minimum_operator(layer: Minimum) -> Operator:
    """Returns the facts of the smaller of two codes."""
    return _extreme_operator("MINIMUM", "Minimum")


def maximum_operator(layer: Maximum) -> Operator:
    """Returns the facts of the larger of two codes."""
    return _extreme_operator("MAXIMUM", "Maximum")


def squared_difference_operator(layer: SquaredDifference) -> Operator:
    """Returns the facts of a squared difference."""
    kernel = TflmKernel(parameters=0, alignment=4, op_data=112, temporaries=PREPARED, scratch=())
    return _binary_operator(
        "SQUARED_DIFFERENCE",
        None,
        check=check_broadcast("SquaredDifference"),
        scale="its own",
        sign="never negative",
        largest_rescale=LARGEST_SQUARE,
        host=kernel,
        cortex_m=kernel,
    )


def prelu_operator(layer: Prelu) -> Operator:
    """Returns the facts of a rectifier with a slope for negative numbers."""
    kernel = TflmKernel(parameters=0, alignment=4, op_data=28, temporaries=PREPARED, scratch=())
    fits = check_broadcast("Prelu")

    def check(inputs: Shapes, where: str) -> None:
        fits(inputs, where)
        if broadcast(*inputs) != inputs[0]:
            raise SpecError(f"{where}: alpha of {inputs[1]} does not fit an input of {inputs[0]}")

    same = keeps("int8", "float32")

    def output_type(inputs: Types, where: str) -> Type:
        return "int16" if inputs == ("int16", "int8") else same(inputs, where)

    facts = _binary_operator(
        "PRELU",
        None,
        check=check,
        scale="its own",
        sign="any",
        largest_rescale=LARGEST_MULTIPLIER,
        host=kernel,
        cortex_m=kernel,
    )
    return replace(facts, output_type=output_type)


def _extreme_operator(tflite_name: str, kind: str) -> Operator:
    """Returns the facts of a minimum or maximum, whose kernel prepares nothing."""
    kernel = TflmKernel(parameters=0, alignment=4, op_data=0, temporaries=(), scratch=())
    return _binary_operator(
        tflite_name,
        None,
        check=check_broadcast(kind),
        scale="copied codes",
        sign="as the inputs",
        largest_rescale=None,
        host=kernel,
        cortex_m=kernel,
    )


def _with_activation(kind: str, activation: Activation) -> Callable[[Shapes, str], None]:
    """Returns the `check` of an operator of two inputs with a fused activation."""
    fits = check_broadcast(kind)

    def check(inputs: Shapes, where: str) -> None:
        checks.activation(where, activation)
        fits(inputs, where)

    return check


def _binary_operator(
    tflite_name: str,
    activation: Activation | None,
    *,
    check: Callable[[Shapes, str], None],
    scale: Scale,
    sign: Sign,
    largest_rescale: float | None,
    host: TflmKernel,
    cortex_m: TflmKernel,
    types: Types = OPERAND_TYPES,
) -> Operator:
    """Returns the facts of an operator of two inputs; the arguments are fields of `Operator` and of `Tflm`.

    - types: those that it reads; it makes the same.
    """
    copies = scale == "copied codes"
    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=110,
        inputs=TWO,
        output_shapes=broadcast_shape,
        check=check,
        output_type=numbers_without(activation, keeps(*types)),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=activation,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale=scale,
        largest_rescale=largest_rescale,
        selects=copies,
        codewise=False,
        within_input=copies,
        sign=sign,
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=host,
            cortex_m=cortex_m,
            requantised_channels=nothing,
            cycles=by_value(CYCLES[tflite_name]),
        ),
        timed_as=timed_as("add"),
        timed_by=timed_by_value,
    )
