"""CumSum and AddN: sums of codes that are added as they are, before they are brought to the scale of the output."""

from __future__ import annotations

from collections.abc import Callable

from micronets.errors import SpecError
from micronets.ir.layers import AddN, CumSum
from micronets.ir.ops import checks
from micronets.ir.ops.elementwise import by_value, timed_as, timed_by_value
from micronets.ir.ops.record import (
    ONE,
    Arity,
    Count,
    Operand,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    nothing,
    same_shape,
)
from micronets.ir.ops.types import keeps

CYCLES = 60.0
"""Cycles of TFLM's reference kernels for a value; they are assumed."""

TOTAL_BITS = 19
"""How many fractional bits a sum of codes has before it is brought to the scale of the output: TFLM's `left_shift`,
less one, since the common scale is twice that of the inputs."""

LARGEST_RESCALE = 2.0**TOTAL_BITS
"""Below this ratio of scales TFLM's multiplier, which must be below one, takes the sum."""

ADD_N_INPUTS = Arity(2, None)
"""How many tensors TFLM's kernel takes."""


def cum_sum_operator(layer: CumSum) -> Operator:
    """Returns the facts of running sums along a dimension."""

    def check(inputs: Shapes, where: str) -> None:
        checks.an_axis(where, layer.axis, inputs[0])

    def kernel(parameters: int) -> TflmKernel:
        return _kernel(parameters, ("input", "constant", "output"), (), 36)

    return _totals("CUMSUM", ONE, check, ((layer.axis + 1,),), 160, kernel(2), kernel(2))


def add_n_operator(layer: AddN) -> Operator:
    """Returns the facts of a sum of several tensors."""
    count = len(layer.inputs)

    def check(inputs: Shapes, where: str) -> None:
        if len(set(inputs)) > 1:
            raise SpecError(f"{where}: AddN needs equal shapes, not {', '.join(map(str, inputs))}")

    def kernel(word: int) -> TflmKernel:
        addresses: Count = lambda inputs, outputs: word * count  # noqa: E731
        return _kernel(0, ("every input", "output"), (addresses,), 40)

    return _totals("ADD_N", ADD_N_INPUTS, check, (), 100 + 4 * count, kernel(8), kernel(4))


def _kernel(
    parameters: int, temporaries: tuple[Operand, ...], scratch: tuple[Count, ...], prepared_bytes: int
) -> TflmKernel:
    """Returns what TFLM keeps for either operator, which asks for its data while it is prepared."""
    return TflmKernel(
        parameters=parameters,
        alignment=1,
        op_data=0,
        temporaries=temporaries,
        scratch=scratch,
        prepared=(lambda inputs, outputs: prepared_bytes,),
    )


def _totals(
    tflite_name: str,
    inputs: Arity,
    check: Callable[[Shapes, str], None],
    constants: tuple[tuple[int, ...], ...],
    table_bytes: int,
    host: TflmKernel,
    cortex_m: TflmKernel,
) -> Operator:
    """Returns the facts of either operator; the arguments are fields of `Operator` and of `Tflm`."""
    return Operator(
        tflite_name=tflite_name,
        constants=constants,
        table_bytes=table_bytes,
        inputs=inputs,
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
        scale="its own",
        largest_rescale=LARGEST_RESCALE,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=False,
        trainable=False,
        tflm=Tflm(host=host, cortex_m=cortex_m, requantised_channels=nothing, cycles=by_value(CYCLES)),
        timed_as=timed_as("add"),
        timed_by=timed_by_value,
    )
