"""Softmax over the last dimension."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import Softmax
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import ONE, Operator, Shapes, Tflm, TflmKernel, nothing, same_shape
from micronets.ir.ops.types import keeps

CYCLES = 300.0
"""CMSIS-NN's cycles for a value."""


def softmax_operator(layer: Softmax) -> Operator:
    """Returns the facts of a softmax."""

    def check(inputs: Shapes, where: str) -> None:
        if inputs[0] == ():
            raise SpecError(f"{where}: Softmax needs an input of at least one dimension, not a single value")
        if not (math.isfinite(layer.beta) and layer.beta > 0):
            raise SpecError(f"{where}: beta = {layer.beta}; need a positive number")

    return Operator(
        tflite_name="SOFTMAX",
        constants=(),
        table_bytes=118,
        inputs=ONE,
        output_shapes=same_shape,
        check=check,
        output_type=keeps("int8"),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="1/256",
        largest_rescale=None,
        selects=False,
        codewise=False,
        within_input=False,
        sign="never negative",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            method="AddSoftmax",
            host=TflmKernel(parameters=4, alignment=4, op_data=80, temporaries=("input", "output"), scratch=()),
            cortex_m=TflmKernel(parameters=4, alignment=4, op_data=64, temporaries=("input", "output"), scratch=()),
            requantised_channels=nothing,
            cycles=by_value(CYCLES),
        ),
        timed_as=timed_as("softmax"),
        timed_by=timed_by_value,
    )
