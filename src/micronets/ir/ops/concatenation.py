"""Concatenation: several tensors become one."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import Concatenation
from micronets.ir.ops import checks
from micronets.ir.ops.elementwise import timed_as, timed_by_value
from micronets.ir.ops.record import OPERATOR_CYCLES, Arity, Operand, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.ops.types import COPIED, keeps
from micronets.number import Number

CYCLES = 2.0
"""TFLM's cycles for a value, which it copies; they are assumed."""

PART_CYCLES = 40.0
"""TFLM's cycles for each run of values that it copies; they are assumed.

Every input has one run for each combination of the indices before the axis.
"""

CONCATENATION_INPUTS = Arity(1, 10)
"""How many tensors TFLM's kernel takes, at most its `kMaxInputNum`."""


def concatenation_operator(layer: Concatenation) -> Operator:
    """Returns the facts of a concatenation."""
    axis, parts = layer.axis, len(layer.inputs)
    operands: tuple[Operand, ...] = ("input", "output", "every input")  # what the kernel asks for while it is prepared

    def check(inputs: Shapes, where: str) -> None:
        first = inputs[0]
        if len(first) > checks.MOST_DIMENSIONS:
            raise SpecError(
                f"{where}: Concatenation of shapes like {first}; TFLM takes at most {checks.MOST_DIMENSIONS} dimensions"
            )
        if isinstance(axis, bool) or not isinstance(axis, int) or not 0 <= axis < len(first):
            raise SpecError(f"{where}: axis = {axis}; need 0 to {len(first) - 1}, a dimension of {first}")
        for shape in inputs[1:]:
            if len(shape) != len(first) or _others(shape, axis) != _others(first, axis):
                raise SpecError(
                    f"{where}: Concatenation needs equal shapes but for dimension {axis}, not {first} and {shape}"
                )

    def output_shapes(inputs: Shapes) -> Shapes:
        first = inputs[0]
        return ((*first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :]),)

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        runs = math.prod(outputs[0][:axis]) * parts
        return OPERATOR_CYCLES + PART_CYCLES * runs + CYCLES * math.prod(outputs[0])

    return Operator(
        tflite_name="CONCATENATION",
        constants=(),
        table_bytes=88 + 4 * parts,
        inputs=CONCATENATION_INPUTS,
        output_shapes=output_shapes,
        check=check,
        output_type=keeps(*COPIED, "bool"),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="all inputs'",
        largest_rescale=None,
        selects=True,
        codewise=False,
        within_input=True,
        sign="as the inputs",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            # The host's build has a number for each of 10 inputs besides, for compressed tensors.
            host=TflmKernel(parameters=8, alignment=4, op_data=80, temporaries=operands, scratch=()),
            cortex_m=TflmKernel(parameters=8, alignment=4, op_data=24, temporaries=operands, scratch=()),
            requantised_channels=nothing,
            cycles=cycles,
        ),
        timed_as=timed_as("pad"),
        timed_by=timed_by_value,
    )


def _others(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Returns the sizes of all dimensions but `axis`."""
    return shape[:axis] + shape[axis + 1 :]
