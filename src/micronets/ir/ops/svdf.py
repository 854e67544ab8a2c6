"""Svdf: products of the input and weights; the last products are kept and summed, weighted by age."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import Svdf
from micronets.ir.ops import checks
from micronets.ir.ops.record import OPERATOR_CYCLES, Arity, Operand, Operator, Shapes, Tflm, TflmKernel, nothing
from micronets.ir.types import ELEMENT_BYTES, Type, Types
from micronets.number import Number

OPERANDS: tuple[Operand, ...] = ("every input", "variable", "output")
"""What TFLM's kernel asks for while it is prepared."""

CYCLES = (5.7, 13.0, 130.0)
"""CMSIS-NN's cycles for a product with the input, for a kept product, and for a filter.

Their ratios are assumed, their sum is measured on two networks (docs/arena.md).
"""

STATE_TYPES: Types = ("int8", "int16")
"""The types of the products that are kept, and of the weights of their ages."""


def svdf_operator(layer: Svdf) -> Operator:
    """Returns the facts of a singular value decomposition filter."""

    def check(inputs: Shapes, where: str) -> None:
        checks.positive(where, "rank", layer.rank)
        if layer.of not in STATE_TYPES:
            raise SpecError(f"{where}: of = {layer.of!r}; allowed: {', '.join(STATE_TYPES)}")
        x, features, ages, bias = inputs
        filters = features[0] if features else 0
        fits = len(x) == 1 and features == (filters, *x) and len(ages) == 2 and ages[0] == filters
        if not fits or filters % layer.rank or bias != (filters // layer.rank,):
            raise SpecError(
                f"{where}: Svdf of rank {layer.rank} reads {x}, {features}, {ages} and {bias}; need (n,), "
                "(filters, n), (filters, memory) and (filters / rank,)"
            )

    def output_type(inputs: Types, where: str) -> Type:
        wanted: Types = ("int8", "int8", layer.of, "int32")
        if inputs != wanted:
            raise SpecError(f"{where} reads {', '.join(inputs)}; need {', '.join(wanted)}")
        return "int8"

    def feature_macs(inputs: Shapes) -> Number:
        return math.prod(inputs[1])

    def age_macs(inputs: Shapes) -> Number:
        return math.prod(inputs[2])

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        product, kept, each = CYCLES
        return OPERATOR_CYCLES + product * feature_macs(inputs) + kept * age_macs(inputs) + each * inputs[1][0]

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        macs = feature_macs(inputs) + age_macs(inputs)
        return {"layer": 1, "input": math.prod(inputs[0]), "value": inputs[1][0], "mac": macs}

    def host(op_data: int, parameters: int) -> TflmKernel:
        return TflmKernel(
            parameters=parameters,
            alignment=4,
            op_data=op_data,
            temporaries=OPERANDS,
            scratch=(lambda inputs, outputs: 4 * inputs[1][0], lambda inputs, outputs: 4 * math.prod(outputs[0])),
        )

    return Operator(
        tflite_name="SVDF",
        constants=(),
        table_bytes=330,
        inputs=Arity(4, 4),
        output_shapes=lambda inputs: (inputs[3],),
        check=check,
        output_type=output_type,
        state_bytes=lambda inputs, outputs: ELEMENT_BYTES[layer.of] * age_macs(inputs),
        window=None,
        weights=None,
        activation=None,
        macs=lambda inputs, outputs: feature_macs(inputs) + age_macs(inputs),
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=None,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=False,
        trainable=False,
        tflm=Tflm(
            host=host(36, 12),
            cortex_m=host(40, 8),  # enums of one byte (-fshort-enums)
            requantised_channels=nothing,
            cycles=cycles,
        ),
        timed_as=lambda inputs: "fully_connected",
        timed_by=timed_by,
    )
