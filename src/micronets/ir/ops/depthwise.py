"""DepthwiseConv2D: a convolution in which each output channel reads one input channel."""

from __future__ import annotations

import math
from dataclasses import replace

from micronets.ir.layers import DepthwiseConv2D, Shape
from micronets.ir.ops.record import OPERATOR_CYCLES, Operator, Shapes, Weights
from micronets.ir.ops.weighted import convolution_operator, mac_factor, timed_with_bits
from micronets.number import Number

CYCLES = (6.8, 20.0)
"""CMSIS-NN's cycles for a MAC and for an output value, where it has an optimised kernel."""

PLAIN_CYCLES = (12.0, 60.0)
"""CMSIS-NN's cycles for a MAC and for an output value of its plain loop; they are assumed.

It takes that loop for a dilation or a multiplier other than 1.
"""


def depthwise_conv_2d_operator(layer: DepthwiseConv2D) -> Operator:
    """Returns the facts of a depthwise convolution."""

    def weights(x: Shape) -> Weights:
        kh, kw = layer.kernel
        channels = x[2] * layer.multiplier
        return Weights(
            shape=(1, kh, kw, channels),
            axis=3,
            taps=kh * kw,
            channels=channels,
            bits=layer.weight_bits,
            one_scale=False,
        )

    def gathered(inputs: Shapes, outputs: Shapes) -> int:
        kh, kw = layer.kernel
        return math.prod(outputs[0]) * kh * kw if layer.multiplier > 1 else 0

    def cortex_m_scratch(inputs: Shapes, outputs: Shapes) -> int:
        # arm_depthwise_conv_s8_opt expands one window to 16 bits; the 3 x 3 kernel and the generic one do not.
        kh, kw = layer.kernel
        x = inputs[0]
        padding = replace(layer.window, dilation=(1, 1)).before(x)
        small = layer.kernel == (3, 3) and max(padding) <= 1 and layer.weight_bits == 8
        generic = layer.dilation != (1, 1) or layer.multiplier != 1
        return 0 if small or generic else 2 * kh * kw * x[2]

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        kh, kw = layer.kernel
        factor = mac_factor(layer.weight_bits)
        fast, slow = (mac * factor * (kh * kw) + value for mac, value in (CYCLES, PLAIN_CYCLES))
        return OPERATOR_CYCLES + math.prod(outputs[0]) * (fast + _plain_share(layer) * (slow - fast))

    def timed_as(inputs: Shapes) -> str:
        if layer.multiplier != 1:
            return timed_with_bits("depthwise_multiplier", layer.weight_bits)
        # A map of one row or one column is a line: the kernel computes pairs of values along it.
        line = inputs[0][1] == 1 or inputs[0][0] == 1
        name = "depthwise" + ("_line" if line else "") + ("_strided" if max(layer.stride) > 1 else "")
        return timed_with_bits(name, layer.weight_bits)

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        kh, kw = layer.kernel
        y, values = outputs[0], math.prod(outputs[0])
        return {
            "layer": 1,
            "channel": y[2],
            "line": y[2] * y[0],
            "input": math.prod(inputs[0]),
            "value": values,
            "row": values * kh,
            "mac": values * (kh * kw),
        }

    return convolution_operator(
        layer,
        chosen="multiplier",
        tflite_name="DEPTHWISE_CONV_2D",
        table_bytes=280,
        weights=weights,
        gathered=gathered,
        by_channel=True,
        cortex_m_scratch=cortex_m_scratch,
        cycles=cycles,
        timed_as=timed_as,
        timed_by=timed_by,
    )


def _plain_share(layer: DepthwiseConv2D) -> Number:
    """Returns 1 if CMSIS-NN takes its plain loop, otherwise 0; for an expected dilation of 1 to 2, a value between
    them."""
    if layer.multiplier != 1:
        return 1
    beyond = max(layer.dilation[0], layer.dilation[1]) - 1
    return -max(-beyond, -1)  # min(beyond, 1)
