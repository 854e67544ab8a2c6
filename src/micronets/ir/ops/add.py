"""Add: the sum of two tensors."""

from __future__ import annotations

from micronets.ir.layers import Add
from micronets.ir.ops import checks
from micronets.ir.ops.binary import OPERAND_TYPES, broadcast_shape, check_broadcast, numbers_without
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import TWO, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.ops.types import keeps

CYCLES = 60.0
"""CMSIS-NN's cycles for a value, between those of the two builds of TFLM that were simulated (docs/arena.md)."""

ADD_BITS = 20
"""How many fractional bits an addition keeps below one step of a code while it works: TFLM's `left_shift`.

The multiplier of the sum, twice the larger scale of the inputs over 2**ADD_BITS scales of the output, must be below 1.
"""


def add_operator(layer: Add) -> Operator:
    """Returns the facts of a sum."""

    fits = check_broadcast("Add")

    def check(inputs: Shapes, where: str) -> None:
        checks.activation(where, layer.activation)
        fits(inputs, where)

    return Operator(
        tflite_name="ADD",
        constants=(),
        table_bytes=98,
        inputs=TWO,
        output_shapes=broadcast_shape,
        check=check,
        output_type=numbers_without(layer.activation, keeps(*OPERAND_TYPES)),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=layer.activation,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=2.0 ** (ADD_BITS - 1),
        selects=False,
        codewise=False,
        within_input=False,
        sign="as the inputs",
        by_channel=True,
        trainable=True,
        tflm=Tflm(
            host=TflmKernel(parameters=8, alignment=4, op_data=60, temporaries=("every input", "output"), scratch=()),
            cortex_m=TflmKernel(
                parameters=2, alignment=1, op_data=60, temporaries=("every input", "output"), scratch=()
            ),  # enums of one byte (-fshort-enums)
            requantised_channels=nothing,
            cycles=by_value(CYCLES),
        ),
        timed_as=timed_as("add"),
        timed_by=timed_by_value,
    )
