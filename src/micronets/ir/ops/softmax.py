"""Softmax over the last dimension."""

from __future__ import annotations

import math
from collections.abc import Callable

from micronets.errors import SpecError
from micronets.ir.layers import LogSoftmax, Softmax
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import ONE, Operator, Scale, Shapes, Tflm, TflmKernel, TypeRule, nothing, same_shape
from micronets.ir.ops.types import converts, keeps

CYCLES = 300.0
"""CMSIS-NN's cycles for a value."""

LOG_CYCLES = 500.0
"""Cycles of TFLM's reference kernel for a value of a LogSoftmax; they are assumed. CMSIS-NN has no kernel for it."""


def softmax_operator(layer: Softmax) -> Operator:
    """Returns the facts of a softmax."""

    def check(inputs: Shapes, where: str) -> None:
        if inputs[0] == ():
            raise SpecError(f"{where}: Softmax needs an input of at least one dimension, not a single value")
        if not (math.isfinite(layer.beta) and layer.beta > 0):
            raise SpecError(f"{where}: beta = {layer.beta}; need a positive number")

    return _softmax(
        "SOFTMAX",
        check,
        converts(layer.to, {"int8": ("int8", "int16"), "int16": ("int16",), "float32": ("float32",)}),
        parameters=4,
        op_data=80,
        cortex_m_op_data=64,
        scale="1/65536" if layer.to == "int16" else "1/256",
        cycles=CYCLES,
    )


def log_softmax_operator(layer: LogSoftmax) -> Operator:
    """Returns the facts of the logarithm of a softmax."""

    def check(inputs: Shapes, where: str) -> None:
        if inputs[0] == ():
            raise SpecError(f"{where}: LogSoftmax needs an input of at least one dimension, not a single value")

    return _softmax(
        "LOG_SOFTMAX",
        check,
        keeps("int8"),
        parameters=0,
        op_data=40,
        cortex_m_op_data=28,
        scale="1/16",
        cycles=LOG_CYCLES,
        late=True,
    )


def _softmax(
    tflite_name: str,
    check: Callable[[Shapes, str], None],
    output_type: TypeRule,
    *,
    parameters: int,
    op_data: int,
    cortex_m_op_data: int,
    scale: Scale,
    cycles: float,
    late: bool = False,
) -> Operator:
    """Returns the facts of a softmax or of its logarithm.

    - parameters, op_data, cortex_m_op_data: the structs of TFLM's kernels (`TflmKernel`), on a host and on a Cortex-M.
    - cycles: TFLM's cycles for a value.
    - late: whether the kernel asks for `op_data` only while it is prepared.
    """

    def kernel(op_data: int) -> TflmKernel:
        return TflmKernel(
            parameters=parameters,
            alignment=4,
            op_data=0 if late else op_data,
            temporaries=("input", "output"),
            scratch=(),
            prepared=(lambda inputs, outputs: op_data,) if late else (),
        )

    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=118,
        inputs=ONE,
        output_shapes=same_shape,
        check=check,
        output_type=output_type,
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale=scale,
        largest_rescale=None,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any" if late else "never negative",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=kernel(op_data),
            cortex_m=kernel(cortex_m_op_data),
            requantised_channels=nothing,
            cycles=by_value(cycles),
        ),
        timed_as=timed_as("softmax"),
        timed_by=timed_by_value,
    )
