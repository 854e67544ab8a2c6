"""BatchMatMul: products of matrices of two tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from micronets.errors import SpecError
from micronets.ir.layers import BatchMatMul, Shape
from micronets.ir.ops.binary import broadcast
from micronets.ir.ops.checks import MOST_OPERAND_DIMENSIONS
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    OPERATOR_CYCLES,
    TWO,
    Count,
    Operand,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    nothing,
)
from micronets.ir.ops.types import keeps
from micronets.number import Number

CYCLES = (2.6, 45.0)
"""CMSIS-NN's cycles for a MAC and for an output value; they are assumed."""

OPERANDS: tuple[Operand, ...] = ("every input", "output")
"""What TFLM's kernel asks for while it is prepared."""


def matrix(shape: Shape, transposed: bool) -> tuple[int, int]:
    """Returns the rows and the columns of the matrices of a tensor, as they are multiplied."""
    return (shape[-1], shape[-2]) if transposed else (shape[-2], shape[-1])


def batch_matmul_operator(layer: BatchMatMul, element_bytes: int = 1) -> Operator:
    """Returns the facts of products of matrices of codes that take `element_bytes` each."""

    def check(inputs: Shapes, where: str) -> None:
        a, b = inputs
        if not all(2 <= len(x) <= MOST_OPERAND_DIMENSIONS for x in inputs):
            raise SpecError(
                f"{where}: BatchMatMul of {a} and {b}; need 2 to {MOST_OPERAND_DIMENSIONS} dimensions of each"
            )
        if broadcast(a[:-2], b[:-2]) is None or matrix(a, layer.transpose_a)[1] != matrix(b, layer.transpose_b)[0]:
            raise SpecError(f"{where}: {a} and {b} are not matrices that can be multiplied")

    def output_shapes(inputs: Shapes) -> Shapes:
        a, b = inputs
        batches = broadcast(a[:-2], b[:-2])
        assert batches is not None
        return ((*batches, matrix(a, layer.transpose_a)[0], matrix(b, layer.transpose_b)[1]),)

    def macs(inputs: Shapes, outputs: Shapes) -> Number:
        return math.prod(outputs[0]) * matrix(inputs[0], layer.transpose_a)[1]

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        mac, value = CYCLES
        return OPERATOR_CYCLES + mac * macs(inputs, outputs) + value * math.prod(outputs[0])

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        size = math.prod(inputs[0])
        return {"layer": 1, "input": size, "value": math.prod(outputs[0]), "mac": macs(inputs, outputs)}

    def dims(of: Sequence[int]) -> int:
        return 4 * (len(of) + 2)  # their number, and the batch

    def quantisation(inputs: Shapes, outputs: Shapes) -> int:
        return 28

    def output_dims(inputs: Shapes, outputs: Shapes) -> int:
        return dims(outputs[0])

    def transposed(which: int, eval_tensor: int) -> tuple[Count, ...]:
        """Returns the struct of a transposed input, its dimensions and its values."""
        return (
            lambda inputs, outputs: eval_tensor,
            lambda inputs, outputs: dims(inputs[which]),
            lambda inputs, outputs: element_bytes * math.prod(inputs[which]),
        )

    def prepared(eval_tensor: int) -> tuple[Count, ...]:
        first = transposed(0, eval_tensor) if layer.transpose_a else ()
        second = () if layer.transpose_b else transposed(1, eval_tensor)  # TFLM multiplies rows by rows
        return (quantisation, *first, *second, output_dims)

    return Operator(
        tflite_name="BATCH_MATMUL",
        constants=(),
        table_bytes=130,
        inputs=TWO,
        output_shapes=output_shapes,
        check=check,
        output_type=keeps("int8", "int16"),
        state_bytes=nothing,
        window=None,
        weights=None,
        activation=None,
        macs=macs,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=LARGEST_MULTIPLIER,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=TflmKernel(
                parameters=3, alignment=1, op_data=32, temporaries=OPERANDS, scratch=(), prepared=prepared(24)
            ),
            cortex_m=TflmKernel(
                parameters=3, alignment=1, op_data=36, temporaries=OPERANDS, scratch=(), prepared=prepared(12)
            ),
            requantised_channels=nothing,
            cycles=cycles,
        ),
        timed_as=lambda inputs: "fully_connected",
        timed_by=timed_by,
    )
