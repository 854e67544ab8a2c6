"""Logistic, Tanh, LeakyRelu, Elu, Abs and Rsqrt: functions of one value, which our C looks up in a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from micronets.errors import SpecError
from micronets.ir.layers import Abs, Elu, LeakyRelu, Logistic, NumberFunction, NumberFunctionName, Rsqrt, Tanh
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    ONE,
    Operand,
    Operator,
    Scale,
    Shapes,
    Sign,
    Tflm,
    TflmKernel,
    anything,
    nothing,
    same_shape,
)
from micronets.ir.ops.types import keeps
from micronets.ir.types import Types

FIXED_POINT_CYCLES = 250.0
"""TFLM's cycles for a value of a Logistic or a Tanh, whose exponential and quotient it computes again; assumed."""

CYCLES = 30.0
"""TFLM's cycles for a value of the other kinds; they are assumed."""

ELU_RESCALE = 2.0**22
"""Below this ratio of scales the float results of TFLM's Elu fit the int32 that they are converted to."""

EVERY_WIDTH: Types = ("int8", "int16", "float32")
"""The types of operators for which TFLM has kernels of both widths of codes, and of floats."""

BOTH: tuple[Operand, ...] = ("input", "output")
"""What most of the kernels ask for while they are prepared."""


def logistic_operator(layer: Logistic) -> Operator:
    """Returns the facts of a logistic function."""
    return _unary(
        "LOGISTIC",
        op_data=16,
        cycles=FIXED_POINT_CYCLES,
        scale="1/256",
        sign="never negative",
        types=EVERY_WIDTH,
    )


def tanh_operator(layer: Tanh) -> Operator:
    """Returns the facts of a hyperbolic tangent."""
    return _unary(
        "TANH",
        op_data=16,
        temporaries=("input", "input", "output"),
        cycles=FIXED_POINT_CYCLES,
        scale="1/128",
        sign="as the inputs",
        types=("int8", "int16"),
    )


def leaky_relu_operator(layer: LeakyRelu) -> Operator:
    """Returns the facts of a leaky rectifier."""

    def check(inputs: Shapes, where: str) -> None:
        if not math.isfinite(layer.alpha):
            raise SpecError(f"{where}: alpha = {layer.alpha}; need a finite number")

    return _unary(
        "LEAKY_RELU",
        parameters=4,
        op_data=24,
        largest_rescale=LARGEST_MULTIPLIER / max(1.0, abs(layer.alpha)),
        within_input=0 <= layer.alpha <= 1,
        sign="as the inputs" if layer.alpha >= 0 else "any",
        trainable=True,
        table_bytes=120,
        check=check,
        types=EVERY_WIDTH,
    )


def elu_operator(layer: Elu) -> Operator:
    """Returns the facts of an exponential linear unit."""
    return _unary(
        "ELU",
        op_data=256,
        within_input=True,
        sign="as the inputs",
        trainable=True,
        largest_rescale=ELU_RESCALE,
    )


def abs_operator(layer: Abs) -> Operator:
    """Returns the facts of a magnitude."""
    return _unary(
        "ABS",
        op_data=28,
        cortex_m_op_data=20,
        sign="never negative",
        largest_rescale=LARGEST_MULTIPLIER,
        types=EVERY_WIDTH,
    )


def rsqrt_operator(layer: Rsqrt) -> Operator:
    """Returns the facts of a reciprocal square root."""
    return _unary("RSQRT", op_data=28, cortex_m_op_data=20, sign="never negative", types=EVERY_WIDTH)


NUMBER_FUNCTIONS: Mapping[NumberFunctionName, tuple[str, Sign]] = {
    "negate": ("NEG", "any"),
    "square": ("SQUARE", "never negative"),
    "root": ("SQRT", "never negative"),
    "exponential": ("EXP", "never negative"),
    "floor": ("FLOOR", "as the inputs"),
    "ceil": ("CEIL", "as the inputs"),
    "round": ("ROUND", "as the inputs"),
}
"""For each function of float32 its operator in TensorFlow Lite, what registers that in TFLM, and the sign of values."""


def number_function_operator(layer: NumberFunction) -> Operator:
    """Returns the facts of a function of float32."""
    name, sign = NUMBER_FUNCTIONS[layer.of]
    asked = () if layer.of in ("negate", "floor") else BOTH  # these two kernels prepare nothing
    facts = _unary(name, op_data=0, sign=sign, temporaries=asked, types=("float32",))
    return replace(facts, codewise=False, timed_as=timed_as("table_float32"))


def _unary(
    tflite_name: str,
    *,
    op_data: int,
    sign: Sign,
    cortex_m_op_data: int | None = None,
    parameters: int = 0,
    temporaries: tuple[Operand, ...] = BOTH,
    cycles: float = CYCLES,
    scale: Scale = "its own",
    largest_rescale: float | None = None,
    within_input: bool = False,
    trainable: bool = False,
    table_bytes: int = 108,
    check: Callable[[Shapes, str], None] = anything,
    types: Types = ("int8",),
) -> Operator:
    """Returns the facts of a function of one value; those that `Operator` explains are the same here.

    - op_data, parameters, temporaries: of TFLM's kernel (`TflmKernel`), which is the same on every machine.
    - cortex_m_op_data: its op data where an enum takes one byte, if that makes a difference.
    - cycles: TFLM's cycles for a value.
    - types: those that it reads; it makes the same.
    """

    def kernel(op_data: int) -> TflmKernel:
        return TflmKernel(parameters=parameters, alignment=4, op_data=op_data, temporaries=temporaries, scratch=())

    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=table_bytes,
        inputs=ONE,
        output_shapes=same_shape,
        check=check,
        output_type=keeps(*types),
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
        codewise=True,
        within_input=within_input,
        sign=sign,
        by_channel=True,
        trainable=trainable,
        tflm=Tflm(
            host=kernel(op_data),
            cortex_m=kernel(op_data if cortex_m_op_data is None else cortex_m_op_data),
            requantised_channels=nothing,
            cycles=by_value(cycles),
        ),
        timed_as=timed_as("table"),
        timed_by=timed_by_value,
    )
