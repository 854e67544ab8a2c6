"""ArgMax: the place of the largest or of the smallest value along a dimension."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import ArgMax
from micronets.ir.ops.elementwise import timed_as
from micronets.ir.ops.record import ONE, OPERATOR_CYCLES, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.ops.types import converts
from micronets.number import Number

CYCLES = 12.0
"""Cycles of TFLM's reference kernel for an input value; they are assumed."""


def arg_max_operator(layer: ArgMax) -> Operator:
    """Returns the facts of a search for the largest or the smallest value."""

    def check(inputs: Shapes, where: str) -> None:
        x, axis = inputs[0], layer.axis
        if isinstance(axis, bool) or not isinstance(axis, int) or not 0 <= axis < len(x):
            raise SpecError(f"{where}: axis = {axis}; need a dimension of {x}, counted from 0")

    def output_shapes(inputs: Shapes) -> Shapes:
        x = inputs[0]
        return ((*x[: layer.axis], *x[layer.axis + 1 :]),)

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        return {"layer": 1, "value": math.prod(outputs[0]), "input": math.prod(inputs[0])}

    name = "Min" if layer.smallest else "Max"
    return Operator(
        tflite_name=f"ARG_{name.upper()}",
        constants=((layer.axis + 1,),),
        table_bytes=190,
        inputs=ONE,
        output_shapes=output_shapes,
        check=check,
        output_type=converts("int32", {"int8": ("int32",), "float32": ("int32",)}),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="1",
        largest_rescale=None,
        selects=False,
        codewise=False,
        within_input=False,
        sign="never negative",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=TflmKernel(parameters=4, alignment=4, op_data=0, temporaries=(), scratch=()),
            cortex_m=TflmKernel(parameters=1, alignment=1, op_data=0, temporaries=(), scratch=()),
            requantised_channels=nothing,
            cycles=lambda inputs, outputs: OPERATOR_CYCLES + CYCLES * math.prod(inputs[0]),
        ),
        timed_as=timed_as("mean"),
        timed_by=timed_by,
    )
