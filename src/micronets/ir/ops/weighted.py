"""Facts that the operators with weights have in common, and the record of both kinds of convolution."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from micronets.ir.layers import Conv2D, DepthwiseConv2D, Shape
from micronets.ir.ops import checks
from micronets.ir.ops.record import (
    LARGEST_MULTIPLIER,
    ONE,
    Count,
    Operand,
    Operator,
    Shapes,
    Tflm,
    TflmKernel,
    TypeRule,
    Weights,
    anything,
    nothing,
)
from micronets.ir.ops.types import keeps
from micronets.number import Number

CONVOLUTION_OPERANDS: tuple[Operand, ...] = ("input", "weights", "output", "input", "weights", "bias", "output")
"""What TFLM's kernel of a convolution asks for while it is prepared: some of its operands twice."""

FOUR_BITS_CYCLES = 2.0
"""By how much a MAC takes longer with 4-bit weights than of 8: CMSIS-NN's s4 kernels take 1.75 to 2.35 times."""


def four_bits_share(bits: Number) -> Number:
    """Returns 1 for 4-bit weights and 0 for 8; for the expected bits of a choice, the probability of 4."""
    return (8 - bits) / 4


def mac_factor(bits: Number) -> Number:
    """Returns the factor by which a MAC with a weight of this many bits, 8 or 4, takes longer than one with 8 bits."""
    return 1.0 + four_bits_share(bits) * (FOUR_BITS_CYCLES - 1.0)


def unpacked(bits: int, weights: int) -> int:
    """Returns the scratch bytes of a reference kernel, which unpacks all 4-bit weights of a layer before it runs.

    - bits: the bits of a weight, 8 or 4.
    - weights: how many weights the layer has.
    """
    return weights if bits == 4 else 0


def weighted_types(bits: Number) -> TypeRule:
    """Returns the types that TFLM's kernel multiplies with weights of this many bits: int8, and int16 with 8 bits."""
    return keeps("int8", "int16") if bits == 8 else keeps("int8")


def timed_with_bits(name: str, bits: Number) -> str:
    """Returns what a latency model calls the kernel `name` for weights of this many bits, 8 or 4.

    Where the bits are a choice, it is the kernel for 8; `latency_model.layer_cycles` asks for both.
    """
    return f"{name}_s4" if bits == 4 else name


def convolution_operator(
    layer: Conv2D | DepthwiseConv2D,
    *,
    chosen: Literal["filters", "multiplier"],
    tflite_name: str,
    table_bytes: int,
    weights: Callable[[Shape], Weights],
    gathered: Count,
    by_channel: bool,
    cortex_m_scratch: Count,
    cycles: Count,
    timed_as: Callable[[Shapes], str],
    timed_by: Callable[[Shapes, Shapes], dict[str, Number]],
    check_more: Callable[[Shapes, str], None] = anything,
) -> Operator:
    """Returns the record of a convolution, from what the two kinds of convolution do not have in common.

    The arguments are fields of `Operator` and of its `Tflm`, but for these:

    - chosen: the field of the layer that sets how many channels its output has.
    - cortex_m_scratch: the bytes of the one scratch buffer that CMSIS-NN's kernel asks for.
    - check_more: what `Operator.check` does besides.
    """

    def check(inputs: Shapes, where: str) -> None:
        checks.a_map(type(layer).__name__, inputs[0], where)
        checks.window(where, layer.window, "kernel", "stride", "dilation")
        checks.positive(where, chosen, getattr(layer, chosen))
        checks.activation(where, layer.activation)
        checks.known_padding(where, layer.padding)
        checks.weight_bits(where, layer.weight_bits)
        check_more(inputs, where)

    def host_scratch(inputs: Shapes, outputs: Shapes) -> int:
        return unpacked(layer.weight_bits, math.prod(weights(inputs[0]).shape))

    return Operator(
        tflite_name=tflite_name,
        constants=(),
        table_bytes=table_bytes,
        inputs=ONE,
        output_shapes=lambda inputs: ((*layer.window.out(inputs[0]), weights(inputs[0]).channels),),
        check=check,
        output_type=weighted_types(layer.weight_bits),
        state_bytes=nothing,
        window=layer.window,
        weights=weights,
        activation=layer.activation,
        macs=lambda inputs, outputs: math.prod(outputs[0]) * weights(inputs[0]).taps,
        pooled=nothing,
        gathered=gathered,
        scale="its own",
        largest_rescale=LARGEST_MULTIPLIER,
        selects=False,
        codewise=False,
        within_input=False,
        sign="any",
        by_channel=by_channel,
        trainable=True,
        tflm=Tflm(
            host=TflmKernel(
                parameters=28, alignment=4, op_data=80, temporaries=CONVOLUTION_OPERANDS, scratch=(host_scratch,)
            ),
            cortex_m=TflmKernel(
                parameters=28, alignment=4, op_data=60, temporaries=CONVOLUTION_OPERANDS, scratch=(cortex_m_scratch,)
            ),
            requantised_channels=lambda inputs, outputs: outputs[0][2],
            cycles=cycles,
        ),
        timed_as=timed_as,
        timed_by=timed_by,
    )
