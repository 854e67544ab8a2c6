"""Split: one tensor becomes several, of equal sizes or of given ones."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import Split
from micronets.ir.ops import checks
from micronets.ir.ops.elementwise import timed_as
from micronets.ir.ops.record import ONE, OPERATOR_CYCLES, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.ops.types import COPIED, keeps
from micronets.number import Number

CYCLES = 11.0
"""TFLM's cycles for a value, measured (docs/arena.md); it copies them one by one."""


def split_operator(layer: Split) -> Operator:
    """Returns the facts of a division into parts."""
    axis, parts, sizes = layer.axis, len(layer.outputs), layer.sizes

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        if len(x) > checks.MOST_DIMENSIONS:
            most = checks.MOST_DIMENSIONS
            raise SpecError(f"{where}: Split of a shape like {x}; at most {most} dimensions are supported")
        checks.an_axis(where, axis, x)
        if sizes and (len(sizes) != parts or min(sizes) < 1 or sum(sizes) != x[axis]):
            raise SpecError(f"{where}: sizes = {sizes}; need {parts} that make up dimension {axis} of {x}")
        if not sizes and x[axis] % parts:
            raise SpecError(
                f"{where}: Split makes {parts} equal parts of dimension {axis} of {x}; {parts} must divide it"
            )

    def output_shapes(inputs: Shapes) -> Shapes:
        x = inputs[0]
        along = sizes or (x[axis] // parts,) * parts
        return tuple((*x[:axis], size, *x[axis + 1 :]) for size in along)

    def values(inputs: Shapes) -> Number:
        return math.prod(inputs[0])

    kernel = TflmKernel(parameters=4, alignment=4, op_data=0, temporaries=("constant",), scratch=())
    return Operator(
        tflite_name="SPLIT_V" if sizes else "SPLIT",
        constants=(sizes, (axis + 1,)) if sizes else ((axis + 1,),),
        table_bytes=110 + 60 * (parts - 1) + (60 + 4 * parts if sizes else 0),
        inputs=ONE,
        output_shapes=output_shapes,
        check=check,
        output_type=keeps(*COPIED),
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
            host=kernel,
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=lambda inputs, outputs: OPERATOR_CYCLES + CYCLES * values(inputs),
        ),
        timed_as=timed_as("pad"),
        timed_by=lambda inputs, outputs: {"layer": 1, "value": values(inputs)},
    )
