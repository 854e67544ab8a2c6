"""Cycles of a layer under TFLM with CMSIS-NN on a Cortex-M4: an estimate, linear in work.

The coefficients are fitted to eight networks simulated instruction by instruction with zero wait states (TFLM of
August 2026, GCC 12 -O2; docs/arena.md), all of them within 3 %. Kernels that none of those networks uses are assumed,
and marked so. A board turns these cycles into its own by its `cycle_factor`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, assert_never

from micronets.ir.arch import Step
from micronets.ir.layers import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Softmax,
)

Number = Any  # int, float or 0-d tensor

OPERATOR = 1000.0  # dispatch, reading parameters
POINTWISE = (1.6, 73.0)  # a MAC, an output value: its requantisation and the loop around it
CONVOLUTION = (2.25, 65.0)
IM2COL = 6.5  # a value copied to a column
DEPTHWISE = (6.8, 20.0)
DEPTHWISE_DILATED = (12.0, 60.0)  # assumed: CMSIS-NN's plain loop, also for multipliers other than 1
FULLY_CONNECTED = (2.55, 40.0)
FOUR_BITS = 2.0  # times; s4 kernels take 1.75..2.35 x s8
ADD = 27.0  # a value
COPY = 2.0  # a byte: Pad, Reshape
POOL = 3.0  # an input value
MEAN = 15.0  # an input value, assumed: no CMSIS-NN kernel
ELEMENTWISE = 20.0  # a value, assumed: Relu, Quantize, Dequantize
SOFTMAX = 300.0  # a value


def base_cycles(steps: Sequence[Step]) -> Number:
    """Cycles on a Cortex-M4 without wait states, gate-weighted; widths and gates may be 0-d tensors."""
    return sum(s.gate * step_cycles(s) for s in steps)


def step_cycles(step: Step) -> Number:
    """Cycles of one layer on a Cortex-M4 without wait states."""
    layer, x, outputs = step.layer, step.input_shapes[0], math.prod(step.output_shape)
    match layer:
        case Conv2D(kernel=(kh, kw)):
            one = kh == 1 and kw == 1
            taps = x[2] * (kh * kw)
            mac, value = POINTWISE if one else CONVOLUTION
            copied = 0 if one else math.prod(step.output_shape[:2]) * IM2COL * taps
            return OPERATOR + copied + outputs * (value + taps * (mac * _bits(layer.weight_bits)))
        case DepthwiseConv2D(kernel=(kh, kw)):
            fast, slow = (mac * _bits(layer.weight_bits) * (kh * kw) + value for mac, value in (DEPTHWISE, DEPTHWISE_DILATED))
            return OPERATOR + outputs * (fast + _plain_share(layer) * (slow - fast))
        case FullyConnected():
            mac, value = FULLY_CONNECTED
            return OPERATOR + outputs * (value + math.prod(x) * (mac * _bits(layer.weight_bits)))
        case Add():
            return OPERATOR + ADD * outputs
        case AveragePool2D() | MaxPool2D():
            return OPERATOR + POOL * math.prod((*step.output_shape, *layer.pool))
        case Mean():
            return OPERATOR + MEAN * math.prod(x)
        case Pad() | Reshape():
            return OPERATOR + COPY * outputs
        case Softmax():
            return OPERATOR + SOFTMAX * outputs
        case Relu() | Quantize() | Dequantize():
            return OPERATOR + ELEMENTWISE * outputs
        case _:
            assert_never(layer)


def _bits(bits: int) -> float:
    return FOUR_BITS if bits == 4 else 1.0


def _plain_share(layer: DepthwiseConv2D) -> Number:
    """1 if the depthwise kernel is the plain loop, else 0; between, for a dilation between 1 and 2."""
    if layer.multiplier != 1:
        return 1
    beyond = max(layer.dilation[0], layer.dilation[1]) - 1
    return -max(-beyond, -1)  # the lesser of it and 1
