"""ReadVariable and AssignVariable: what a network keeps from one inference to the next, in a block of its own.

They are the state of streaming networks, which remember the columns of a spectrum that they saw before.
"""

from __future__ import annotations

import math
from dataclasses import replace

from micronets.ir.layers import AssignVariable, ReadVariable, Shape
from micronets.ir.ops.elementwise import timed_as
from micronets.ir.ops.record import ONE, Arity, Operand, Operator, Shapes, Tflm, TflmKernel, TypeRule, anything, nothing
from micronets.ir.ops.types import keeps
from micronets.ir.types import ELEMENT_BYTES, Type, Types
from micronets.number import Number

CYCLES = 1.0
"""TFLM's cycles for a value that it copies; they are assumed."""

ASSIGN_DATA_BYTES = 4
"""What ASSIGN_VARIABLE keeps on the host: TFLM's package for Python can read compressed tensors, firmware cannot."""

VARIABLE_TYPES: Types = ("int8", "uint8", "int16", "int32", "float32")
"""The types of variables."""


def read_variable_operator(layer: ReadVariable) -> Operator:
    """Returns the facts of a copy of a variable."""

    def output_type(inputs: Types, where: str) -> Type:
        return layer.of

    return _operator("READ_VARIABLE", Arity(0, 0), (layer.shape,), output_type, ELEMENT_BYTES[layer.of])


def assign_variable_operator(layer: AssignVariable) -> Operator:
    """Returns the facts of a copy to a variable."""
    return _operator("ASSIGN_VARIABLE", ONE, (), keeps(*VARIABLE_TYPES), 0, host_op_data=ASSIGN_DATA_BYTES)


def _operator(
    tflite_name: str,
    inputs: Arity,
    written: tuple[Shape, ...],
    output_type: TypeRule,
    kept_bytes: int,
    host_op_data: int = 0,
) -> Operator:
    """Returns the facts of either operator.

    - tflite_name, inputs, output_type: fields of `Operator`.
    - written: the shapes of the outputs.
    - kept_bytes: bytes of an element of the variable, in the layer that counts it.
    - host_op_data: `TflmKernel.op_data` on the host.
    """
    temporaries: tuple[Operand, ...] = ("input",) if inputs == ONE else ("constant",)  # the handle of a variable
    kernel = TflmKernel(parameters=0, alignment=4, op_data=0, temporaries=temporaries, scratch=())

    def copied(shapes: Shapes, outputs: Shapes) -> Number:
        return math.prod((*shapes, *outputs)[0])

    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=220,
        inputs=inputs,
        output_shapes=lambda shapes: written,
        check=anything,
        output_type=output_type,
        state_bytes=lambda shapes, outputs: kept_bytes * math.prod(written[0]) if written else 0,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=None,
        selects=True,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=replace(kernel, op_data=host_op_data),
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=lambda shapes, outputs: CYCLES * copied(shapes, outputs),
        ),
        timed_as=timed_as("table"),
        timed_by=lambda shapes, outputs: {"layer": 1, "value": copied(shapes, outputs)},
    )
