"""L2Normalization: vectors brought to the length of one."""

from __future__ import annotations

from micronets.errors import SpecError
from micronets.ir.layers import L2Normalization
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import ONE, Operator, Shapes, Tflm, TflmKernel, nothing, same_shape
from micronets.ir.ops.types import keeps

CYCLES = 60.0
"""TFLM's cycles for a value; they are assumed."""

MOST_VALUES = 33_025
"""The most values of a vector whose squares sum up in 31 bits, however far they are from the zero point."""

MOST_RANK = 3
"""The most dimensions that TFLM's kernel takes, without the batch."""


def l2_normalization_operator(layer: L2Normalization) -> Operator:
    """Returns the facts of a division by the length of a vector."""

    def check(inputs: Shapes, where: str) -> None:
        x = inputs[0]
        if not 1 <= len(x) <= MOST_RANK:
            raise SpecError(f"{where}: L2Normalization of a shape like {x}; need 1 to {MOST_RANK} dimensions")
        if x[-1] > MOST_VALUES:
            raise SpecError(f"{where}: L2Normalization over {x[-1]} values; at most {MOST_VALUES:,} are supported")

    def kernel(parameters: int) -> TflmKernel:
        return TflmKernel(
            parameters=parameters, alignment=parameters, op_data=4, temporaries=("input", "output"), scratch=()
        )

    return Operator(
        tflite_name="L2_NORMALIZATION",
        constants=(),
        table_bytes=118,
        inputs=ONE,
        output_shapes=same_shape,
        check=check,
        output_type=keeps("int8", "float32"),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="1/128",
        largest_rescale=None,
        selects=False,
        codewise=False,
        within_input=False,
        sign="as the inputs",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=kernel(4),
            cortex_m=kernel(1),
            requantised_channels=nothing,
            cycles=by_value(CYCLES),
        ),
        timed_as=timed_as("softmax"),
        timed_by=timed_by_value,
    )
