"""Mean over the rows and columns of a map."""

from __future__ import annotations

import math

from micronets.ir.layers import Mean
from micronets.ir.ops import checks
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    ONE,
    OPERATOR_CYCLES,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    nothing,
)
from micronets.ir.ops.types import keeps
from micronets.number import Number

AXES = (1, 2)
"""The dimensions that the mean is taken over: height and width, counted with the batch."""

CYCLES = 15.0
"""Cycles of TFLM's reference kernel for an input value; they are assumed. CMSIS-NN has no kernel for a Mean."""


def mean_operator(layer: Mean) -> Operator:
    """Returns the facts of a mean."""

    def sums(inputs: Shapes, outputs: Shapes) -> int:
        return 4 * inputs[0][2]  # a 32-bit sum for each channel; two more buffers hold a position and the axes

    def output_shapes(inputs: Shapes) -> Shapes:
        channels = inputs[0][2]
        return ((1, 1, channels) if layer.keep_dims else (channels,),)

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        return {"layer": 1, "value": inputs[0][2], "input": math.prod(inputs[0])}

    kernel = TflmKernel(
        parameters=1,
        alignment=1,
        op_data=44,
        temporaries=("input", "output", "constant", "input", "constant", "output"),
        scratch=(sums, lambda inputs, outputs: 4 * (len(inputs[0]) + 1), lambda inputs, outputs: 4 * len(AXES)),
    )
    return Operator(
        tflite_name="MEAN",
        constants=(AXES,),
        table_bytes=218,
        inputs=ONE,
        output_shapes=output_shapes,
        check=lambda inputs, where: checks.a_map("Mean", inputs[0], where),
        output_type=keeps("int8"),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=LARGEST_MULTIPLIER,
        selects=False,
        codewise=False,
        within_input=True,
        sign="as the inputs",
        by_channel=True,
        trainable=True,
        tflm=Tflm(
            method="AddMean",
            host=kernel,
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=lambda inputs, outputs: OPERATOR_CYCLES + CYCLES * math.prod(inputs[0]),
        ),
        timed_as=lambda inputs: "mean",
        timed_by=timed_by,
    )
