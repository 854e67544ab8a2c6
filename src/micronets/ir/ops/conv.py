"""Conv2D: a convolution over a map."""

from __future__ import annotations

import math

from micronets.errors import SpecError
from micronets.ir.layers import Conv2D, Shape
from micronets.ir.ops import checks
from micronets.ir.ops.record import OPERATOR_CYCLES, Operator, Shapes, Weights
from micronets.ir.ops.weighted import convolution_operator, mac_factor, timed_with_bits
from micronets.number import Number

POINTWISE_CYCLES = (1.6, 73.0)
"""CMSIS-NN's cycles of a 1 x 1 kernel for a MAC, and for an output value: requantising it, and the loop around it."""

CONVOLUTION_CYCLES = (2.25, 65.0)
"""CMSIS-NN's cycles for a MAC and for an output value of kernels larger than 1 x 1."""

IM2COL_CYCLES = 6.5
"""Cycles for a value that is copied to a column of the im2col buffer."""

BLOCK = 4
"""How many output channels a kernel of our C computes at once."""


def conv_2d_operator(layer: Conv2D) -> Operator:
    """Returns the facts of a convolution."""

    def channels(x: Shape) -> Number:
        """Returns the number of input channels that an output channel is made of."""
        return x[2] if layer.groups == 1 else x[2] // layer.groups

    def weights(x: Shape) -> Weights:
        kh, kw = layer.kernel
        each = channels(x)
        return Weights(
            shape=(layer.filters, kh, kw, each),
            axis=0,
            taps=each * (kh * kw),
            channels=layer.filters,
            bits=layer.weight_bits,
            one_scale=False,
        )

    def gathered(inputs: Shapes, outputs: Shapes) -> int:
        kh, kw = layer.kernel
        if layer.kernel == (1, 1):
            return 0
        return math.prod(outputs[0][:2]) * kh * kw * inputs[0][2]

    def cortex_m_scratch(inputs: Shapes, outputs: Shapes) -> int:
        # arm_convolve_s8 takes two im2col columns of 16-bit values, each rounded up to four values; a 1 x 1 kernel
        # takes none.
        kh, kw = layer.kernel
        if layer.kernel == (1, 1) and layer.dilation == (1, 1) and layer.groups == 1:
            return 0
        column = kh * kw * inputs[0][2]
        return 4 * (-(-column // 4) * 4 if layer.weight_bits == 8 else column)

    def cycles(inputs: Shapes, outputs: Shapes) -> Number:
        kh, kw = layer.kernel
        y = outputs[0]
        pointwise = kh == 1 and kw == 1
        taps = channels(inputs[0]) * (kh * kw)
        mac, value = POINTWISE_CYCLES if pointwise else CONVOLUTION_CYCLES
        copied = 0 if pointwise else math.prod(y[:2]) * IM2COL_CYCLES * taps
        return OPERATOR_CYCLES + copied + math.prod(y) * (value + taps * (mac * mac_factor(layer.weight_bits)))

    def timed_as(inputs: Shapes) -> str:
        kh, kw = layer.kernel
        one = isinstance(kh, int) and isinstance(kw, int) and kh == kw == 1 and layer.stride == (1, 1)
        one = one and layer.groups == 1
        return timed_with_bits("pointwise" if one else "convolution", layer.weight_bits)

    def timed_by(inputs: Shapes, outputs: Shapes) -> dict[str, Number]:
        kh, kw = layer.kernel
        y = outputs[0]
        pixels, values, column = math.prod(y[:2]), math.prod(y), channels(inputs[0]) * (kh * kw)
        odd_filters = pixels * _rest(layer.filters)
        return {
            "layer": 1,
            "pixel": pixels,
            "column": pixels * column,
            "value": values,
            "mac": values * column,
            "odd_inputs": values * _rest(column),
            "odd_filters": odd_filters,
            "odd_mac": odd_filters * column,
        }

    def check_groups(inputs: Shapes, where: str) -> None:
        checks.positive(where, "groups", layer.groups)
        for what, count in (("channels", inputs[0][2]), ("filters", layer.filters)):
            if layer.groups > 1 and count % layer.groups:
                raise SpecError(f"{where}: groups = {layer.groups}; they must divide the {count} {what}")
        if layer.groups > 1 and layer.weight_bits != 8:
            raise SpecError(f"{where}: weight_bits = {layer.weight_bits} in {layer.groups} groups; allowed: 8")

    return convolution_operator(
        layer,
        chosen="filters",
        tflite_name="CONV_2D",
        table_bytes=276,
        weights=weights,
        gathered=gathered,
        by_channel=False,
        check_more=check_groups,
        cortex_m_scratch=cortex_m_scratch,
        cycles=cycles,
        timed_as=timed_as,
        timed_by=timed_by,
    )


def _rest(count: Number) -> Number:
    """Returns how many of `count` channels do not fill a block; 0 for a 0-d tensor."""
    return count % BLOCK if isinstance(count, int) else 0
