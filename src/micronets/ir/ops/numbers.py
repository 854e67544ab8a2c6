"""What is different where an operator's inputs are numbers, not codes: int32 without a scale, or float32."""

from __future__ import annotations

from dataclasses import replace

from micronets.ir.layers import (
    Abs,
    Add,
    Concatenation,
    Div,
    HardSwish,
    Layer,
    LeakyRelu,
    Logistic,
    Maximum,
    Minimum,
    Mul,
    Prelu,
    Relu,
    Softmax,
    SquaredDifference,
    Sub,
)
from micronets.ir.ops.record import Operator, Scale, Shapes
from micronets.ir.types import Type


def number_operator(layer: Layer, facts: Operator, of: Type) -> Operator:
    """Returns the facts of a layer whose inputs are numbers, from those for codes of 8 bits.

    - of: the type of the inputs, int32 or float32.

    Layers that copy values of several types have one record for all. The others rescale nothing, are no tables of 256
    codes, no part of a network that we train, and no latency model of today knows their kernels.
    """
    narrow = facts.timed_as

    def timed_as(inputs: Shapes) -> str | None:
        name = narrow(inputs)
        return None if name is None else f"{name}_{of}"

    match layer:
        case Concatenation():  # TFLM compares the scales of codes alone
            return replace(facts, scale="copied codes")
        case Minimum() | Maximum():
            return replace(facts, timed_as=timed_as)
        case Add() | Sub() | Mul() | Div() | SquaredDifference() | Prelu():
            pass
        case Relu() | LeakyRelu() | Logistic() | Abs() | HardSwish() | Softmax():
            pass
        case _:
            return facts
    scale: Scale = "1" if of == "int32" else "its own"
    return replace(facts, scale=scale, largest_rescale=None, codewise=False, trainable=False, timed_as=timed_as)
