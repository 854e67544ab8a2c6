"""HardSwish: x * relu6(x + 3) / 6 (Howard et al., "Searching for MobileNetV3", 2019, section 5.2)."""

from __future__ import annotations

from micronets.ir.layers import HardSwish
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import ONE, Operator, Tflm, TflmKernel, anything, nothing, same_shape
from micronets.ir.ops.types import keeps

CYCLES = 40.0
"""TFLM's cycles for a value; they are assumed."""


def hard_swish_operator(layer: HardSwish) -> Operator:
    """Returns the facts of a HardSwish."""
    kernel = TflmKernel(parameters=0, alignment=4, op_data=20, temporaries=("input", "output"), scratch=())
    return Operator(
        tflite_name="HARD_SWISH",
        constants=(),
        table_bytes=108,
        inputs=ONE,
        output_shapes=same_shape,
        check=anything,
        output_type=keeps("int8", "float32"),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=128.0,
        selects=False,
        codewise=True,
        within_input=True,
        sign="any",
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
