"""Mean, Sum, ReduceMax, ReduceMin and ReduceAll: one value in place of all along some dimensions."""

from __future__ import annotations

import math
from dataclasses import replace

from micronets.errors import SpecError
from micronets.ir.layers import Mean, ReduceAll, ReduceMax, ReduceMin, Reduction, Sum
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    ONE,
    OPERATOR_CYCLES,
    Count,
    Operand,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    nothing,
)
from micronets.ir.ops.types import keeps
from micronets.ir.types import Types
from micronets.number import Number

CYCLES = 276.0
"""Cycles of TFLM's reference kernels for an input value, measured (docs/arena.md). CMSIS-NN has no kernel for these."""

OF_SUMS: tuple[Operand, ...] = ("input", "output", "constant", "input", "constant", "output")
"""What the kernels of Mean and Sum ask for while they are prepared."""

OF_EXTREMES: tuple[Operand, ...] = ("input", "constant", "output", "input", "output", "constant")
"""What the kernels of ReduceMax and ReduceMin ask for while they are prepared."""


OF_TRUTHS: tuple[Operand, ...] = ("input", "output", "constant", "input", "constant")
"""What the kernel of ReduceAll asks for while it is prepared."""

SUMMED: Types = ("int8", "int16", "float32")
"""What the kernels of Mean and Sum read."""


def mean_operator(layer: Mean) -> Operator:
    """Returns the facts of a mean."""
    return _reduction(layer, "MEAN", OF_SUMS, types=SUMMED, within_input=True, rescales=True)


def sum_operator(layer: Sum) -> Operator:
    """Returns the facts of a sum."""
    return _reduction(layer, "SUM", OF_SUMS, types=SUMMED, within_input=False, rescales=True)


def reduce_max_operator(layer: ReduceMax) -> Operator:
    """Returns the facts of a maximum."""
    return _reduction(layer, "REDUCE_MAX", OF_EXTREMES, types=("int8", "float32"), within_input=True)


def reduce_min_operator(layer: ReduceMin) -> Operator:
    """Returns the facts of a minimum."""
    return _reduction(layer, "REDUCE_MIN", OF_EXTREMES, types=("int8", "float32"), within_input=True)


def reduce_all_operator(layer: ReduceAll) -> Operator:
    """Returns the facts of whether all truth values are true."""
    facts = _reduction(layer, "REDUCE_ALL", OF_TRUTHS, types=("bool",), within_input=True)
    return replace(facts, scale="1", trainable=False)


def _reduction(
    layer: Reduction,
    tflite_name: str,
    temporaries: tuple[Operand, ...],
    *,
    types: Types,
    within_input: bool,
    rescales: bool = False,
) -> Operator:
    """Returns the facts of a reduction; those that `Operator` and `TflmKernel` explain are the arguments here.

    - types: those that it reads; it makes the same.
    - rescales: whether the output has a scale of its own.
    """

    def check(inputs: Shapes, where: str) -> None:
        x, axes = inputs[0], layer.axes
        whole = isinstance(axes, tuple) and all(isinstance(a, int) and not isinstance(a, bool) for a in axes)
        if not whole or not axes or list(axes) != sorted(set(axes)) or axes[0] < 0 or axes[-1] >= len(x):
            raise SpecError(f"{where}: axes = {axes}; need different dimensions of {x}, the least first")

    def output_shapes(inputs: Shapes) -> Shapes:
        x = inputs[0]
        if layer.keep_dims:
            return (tuple(1 if k in layer.axes else n for k, n in enumerate(x)),)
        return (tuple(n for k, n in enumerate(x) if k not in layer.axes),)

    def sums(inputs: Shapes, outputs: Shapes) -> int:
        return 4 * math.prod(outputs[0])  # 32 bits for each output value

    def position(inputs: Shapes, outputs: Shapes) -> int:
        return 4 * (len(inputs[0]) + 1)

    def axes(inputs: Shapes, outputs: Shapes) -> int:
        return 4 * len(layer.axes)

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        return {"layer": 1, "value": math.prod(outputs[0]), "input": math.prod(inputs[0])}

    summing: tuple[Count, ...] = (sums,) if rescales else ()
    kernel = TflmKernel(
        parameters=1, alignment=1, op_data=44, temporaries=temporaries, scratch=(*summing, position, axes)
    )
    return Operator(
        tflite_name=tflite_name,
        constants=(tuple(axis + 1 for axis in layer.axes),),
        table_bytes=218,
        inputs=ONE,
        output_shapes=output_shapes,
        check=check,
        output_type=keeps(*types),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=nothing,
        pooled=nothing,
        gathered=nothing,
        scale="its own" if rescales else "all inputs'",
        largest_rescale=LARGEST_MULTIPLIER if rescales else None,
        selects=not rescales,
        codewise=False,
        within_input=within_input,
        sign="as the inputs",
        by_channel=layer.axes == (0, 1),  # of a map; other tensors are no part of networks that we train
        trainable=True,
        tflm=Tflm(
            host=kernel,
            cortex_m=kernel,
            requantised_channels=nothing,
            cycles=lambda inputs, outputs: OPERATOR_CYCLES + CYCLES * math.prod(inputs[0]),
        ),
        timed_as=lambda inputs: "mean",
        timed_by=timed_by,
    )
