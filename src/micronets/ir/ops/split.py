"""Split: one tensor becomes several of equal size."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import Split
from micronets.ir.ops import checks
from micronets.ir.ops.elementwise import timed_as
from micronets.ir.ops.record import ONE, OPERATOR_CYCLES, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.ops.types import keeps
from micronets.number import Number

CYCLES = 8.0
"""TFLM's cycles for a value; it copies them one by one. They are assumed."""


def split_operator(layer: Split) -> Operator:
    """Returns the facts of a division into equal parts."""
    axis, parts = layer.axis, len(layer.outputs)

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        if len(x) > checks.MOST_DIMENSIONS:
            most = checks.MOST_DIMENSIONS
            raise SpecError(f"{where}: Split of a shape like {x}; at most {most} dimensions are supported")
        if isinstance(axis, bool) or not isinstance(axis, int) or not 0 <= axis < len(x):
            raise SpecError(f"{where}: axis = {axis}; need 0 to {len(x) - 1}, a dimension of {x}")
        if x[axis] % parts:
            raise SpecError(
                f"{where}: Split makes {parts} equal parts of dimension {axis} of {x}; {parts} must divide it"
            )

    def output_shapes(inputs: Shapes) -> Shapes:
        x = inputs[0]
        return ((*x[:axis], x[axis] // parts, *x[axis + 1 :]),) * parts

    def values(inputs: Shapes) -> Number:
        return math.prod(inputs[0])

    kernel = TflmKernel(parameters=4, alignment=4, op_data=0, temporaries=("constant",), scratch=())
    return Operator(
        tflite_name="SPLIT",
        constants=((axis + 1,),),
        table_bytes=110 + 60 * (parts - 1),
        inputs=ONE,
        output_shapes=output_shapes,
        check=check,
        output_type=keeps("int8"),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="copied codes",
        largest_rescale=None,
        selects=True,
        codewise=False,
        within_input=True,
        sign="as the inputs",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            method="AddSplit",
            host=kernel,
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=lambda inputs, outputs: OPERATOR_CYCLES + CYCLES * values(inputs),
        ),
        timed_as=timed_as("pad"),
        timed_by=lambda inputs, outputs: {"layer": 1, "value": values(inputs)},
    )
