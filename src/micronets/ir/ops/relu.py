"""Relu: a rectifier that is an operator of its own."""

from __future__ import annotations

from micronets.ir.layers import Relu
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import LARGEST_MULTIPLIER, ONE, Operator, Tflm, TflmKernel, anything, nothing, same_shape
from micronets.ir.ops.types import keeps

CYCLES = 65.0
"""TFLM's cycles for a value, measured (docs/arena.md)."""


def relu_operator(layer: Relu) -> Operator:
    """Returns the facts of a rectifier."""
    kernel = TflmKernel(
        parameters=0,
        alignment=4,
        op_data=8 if layer.six else 28,
        temporaries=("input",) if layer.six else ("input", "output"),
        scratch=(),
    )
    return Operator(
        tflite_name="RELU6" if layer.six else "RELU",
        constants=(),
        table_bytes=106,
        inputs=ONE,
        output_shapes=same_shape,
        check=anything,
        output_type=keeps("int8", "int16", "float32"),
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
        codewise=True,
        within_input=True,
        sign="never negative",
        by_channel=True,
        trainable=True,
        tflm=Tflm(
            host=kernel,
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=by_value(CYCLES),
        ),
        timed_as=timed_as("table"),
        timed_by=timed_by_value,
    )
