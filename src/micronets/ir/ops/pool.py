"""AveragePool2D and MaxPool2D: the mean and the maximum of each channel over a window."""

from __future__ import annotations

import math

from micronets.ir.layers import AveragePool2D, MaxPool2D
from micronets.ir.ops import checks
from micronets.ir.ops.record import (
    ONE,
    OPERATOR_CYCLES,
    Count,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    nothing,
)
from micronets.ir.ops.types import keeps
from micronets.number import Number

CYCLES = 11.5
"""CMSIS-NN's cycles for a value under a window."""


def average_pool_2d_operator(layer: AveragePool2D) -> Operator:
    """Returns the facts of an average pool."""

    def sums_of_a_pixel(inputs: Shapes, outputs: Shapes) -> int:
        return 4 * inputs[0][2]  # a 32-bit sum for each channel

    return _pool_operator(layer, "AVERAGE_POOL_2D", "average_pool", table_bytes=148, cortex_m=sums_of_a_pixel)


def max_pool_2d_operator(layer: MaxPool2D) -> Operator:
    """Returns the facts of a maximum pool."""
    return _pool_operator(layer, "MAX_POOL_2D", "max_pool", table_bytes=150, cortex_m=nothing)


def _pool_operator(
    layer: AveragePool2D | MaxPool2D, tflite_name: str, timed_as: str, *, table_bytes: int, cortex_m: Count
) -> Operator:
    """Returns the facts of either pool; `cortex_m` gives the scratch bytes of CMSIS-NN's kernel."""
    kind = type(layer).__name__

    def check(inputs: Shapes, where: str) -> None:
        checks.a_map(kind, inputs[0], where)
        checks.window(where, layer.window, "pool", "stride")
        checks.activation(where, layer.activation)
        checks.known_padding(where, layer.padding)

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        kh, kw = layer.pool
        values = math.prod(outputs[0])
        return {"layer": 1, "value": values, "input": values * (kh * kw)}

    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=table_bytes,
        inputs=ONE,
        output_shapes=lambda inputs: ((*layer.window.out(inputs[0]), inputs[0][2]),),
        check=check,
        output_type=keeps("int8", "int16"),
        state_bytes=nothing,
        window=layer.window,
        weights=None,
        activation=layer.activation,
        macs=nothing,
        pooled=lambda inputs, outputs: math.prod((*outputs[0], *layer.pool)),
        gathered=nothing,
        scale="the input's",
        largest_rescale=None,
        selects=isinstance(layer, MaxPool2D),
        codewise=False,
        within_input=True,
        sign="as the inputs",
        by_channel=True,
        trainable=True,
        tflm=Tflm(
            host=TflmKernel(parameters=40, alignment=4, op_data=32, temporaries=("input", "output"), scratch=()),
            cortex_m=TflmKernel(
                parameters=40,
                alignment=4,
                op_data=36,
                temporaries=("input", "output", "input", "output"),
                scratch=(cortex_m,),
            ),
            requantised_channels=nothing,
            cycles=lambda inputs, outputs: OPERATOR_CYCLES + CYCLES * math.prod((*outputs[0], *layer.pool)),
        ),
        timed_as=lambda inputs: timed_as,
        timed_by=timed_by,
    )
