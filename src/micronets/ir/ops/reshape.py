"""Reshape: the values of a tensor under another shape."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import Reshape
from micronets.ir.ops import checks
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import ONE, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.ops.types import keeps

CYCLES = 2.0
"""TFLM's cycles for a value, which it copies."""


def reshape_operator(layer: Reshape) -> Operator:
    """Returns the facts of a change of shape."""

    def check(inputs: Shapes, where: str) -> None:
        x, shape = inputs[0], layer.shape
        checks.a_shape(where, "shape", shape)
        if math.prod(shape) != math.prod(x):
            sizes = f"{math.prod(x)} values, not {math.prod(shape)}"
            raise SpecError(f"{where}: cannot reshape {x} to {shape}: {sizes}")

    kernel = TflmKernel(parameters=36, alignment=4, op_data=0, temporaries=("input", "output"), scratch=())
    return Operator(
        tflite_name="RESHAPE",
        constants=(),
        table_bytes=104,
        inputs=ONE,
        output_shapes=lambda inputs: (layer.shape,),
        check=check,
        output_type=keeps("int8", "uint8", "int16", "int32", "float32", "bool", "uint32", "uint64"),
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
        trainable=True,
        tflm=Tflm(
            host=kernel,
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=by_value(CYCLES),
        ),
        timed_as=timed_as(None),
        timed_by=timed_by_value,
    )
