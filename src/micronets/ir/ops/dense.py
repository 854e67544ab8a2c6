"""FullyConnected: a matrix product."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import FullyConnected, Shape
from micronets.ir.ops import checks
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    ONE,
    OPERATOR_CYCLES,
    Operand,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    Weights,
    nothing,
)
from micronets.ir.ops.weighted import mac_factor, timed_with_bits, unpacked, weighted_types
from micronets.number import Number

OPERANDS: tuple[Operand, ...] = ("input", "weights", "bias", "output")
"""What TFLM's kernel asks for while it is prepared."""

CYCLES = (2.55, 40.0)
"""CMSIS-NN's cycles for a MAC and for an output value."""


def fully_connected_operator(layer: FullyConnected) -> Operator:
    """Returns the facts of a matrix product."""

    def length(x: Shape) -> Number:
        """Returns how many values a vector has that is multiplied with the weights."""
        return x[-1] if layer.keep_dims else math.prod(x)

    def weights(x: Shape) -> Weights:
        size = length(x)
        return Weights(
            shape=(layer.units, size), axis=0, taps=size, channels=layer.units, bits=layer.weight_bits, one_scale=True
        )

    def check(inputs: Shapes, where: str) -> None:
        checks.positive(where, "units", layer.units)
        checks.activation(where, layer.activation)
        checks.weight_bits(where, layer.weight_bits)
        if layer.keep_dims and inputs[0] == ():
            raise SpecError(f"{where}: FullyConnected with keep_dims needs an input of at least one dimension")

    def output_shapes(inputs: Shapes) -> Shapes:
        return ((*inputs[0][:-1], layer.units) if layer.keep_dims else (layer.units,),)

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        mac, value = CYCLES
        each = value + length(inputs[0]) * (mac * mac_factor(layer.weight_bits))
        return OPERATOR_CYCLES + math.prod(outputs[0]) * each

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        size = math.prod(inputs[0])
        return {"layer": 1, "input": size, "value": math.prod(outputs[0]), "mac": size * layer.units}

    def scale_of_each(inputs: Shapes, outputs: Shapes) -> Number:
        """Returns the scratch bytes of a multiplier and a shift for each unit.

        CMSIS-NN needs them where it multiplies several vectors, as it does that by a convolution.
        """
        as_convolution = len(outputs[0]) > 1 and layer.weight_bits == 8 and length(inputs[0]) % 4 == 0
        return 8 * layer.units if as_convolution else 0

    return Operator(
        tflite_name="FULLY_CONNECTED",
        constants=(),
        table_bytes=310,
        inputs=ONE,
        output_shapes=output_shapes,
        check=check,
        output_type=weighted_types(layer.weight_bits),
        state_bytes=nothing,
        window=None,
        weights=weights,
        activation=layer.activation,
        macs=lambda inputs, outputs: math.prod(inputs[0]) * layer.units,
        pooled=nothing,
        gathered=nothing,
        scale="its own",
        largest_rescale=LARGEST_MULTIPLIER,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=False,
        trainable=not layer.keep_dims,
        tflm=Tflm(
            host=TflmKernel(
                parameters=32,
                alignment=8,
                op_data=72,
                temporaries=OPERANDS,
                scratch=(lambda inputs, outputs: unpacked(layer.weight_bits, layer.units * length(inputs[0])),),
            ),
            cortex_m=TflmKernel(
                parameters=5, alignment=1, op_data=76, temporaries=OPERANDS, scratch=(scale_of_each,)
            ),  # enums of one byte (-fshort-enums)
            requantised_channels=nothing,  # one multiplier for all, in the op data, unless there are several scales
            cycles=cycles,
        ),
        timed_as=lambda inputs: timed_with_bits("fully_connected", layer.weight_bits),
        timed_by=timed_by,
    )
