"""Facts that differ for operators whose inputs are int16 ("16x8"): weights stay int8, and biases have 64 bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from micronets.ir import layers
from micronets.ir.layers import Layer, Shape
from micronets.ir.ops.batch_matmul import batch_matmul_operator
from micronets.ir.ops.elementwise import by_value
from micronets.ir.ops.record import Operator, Shapes, Tflm, Weights

INT16_ADD_BITS = 15
"""How many fractional bits an addition of int16 keeps below one step of a code: TFLM's `left_shift`."""

INT16_RESCALE = 2.0**7
"""Below how many steps of the output a step of the sum lies, for TFLM's multiplication of 64 by 16 bits to take it."""

FUNCTION_RESCALE = 32767 / 12288 * 32768
"""Below how many steps of the output, 1/32768, a step of the input of a Logistic or a Tanh lies.

TFLM's kernels bring it to steps of 1/12288 by a factor of 15 bits.
"""

SOFTMAX_RESCALE = 2.0**14 * 10 / 65535 * 32768
"""Below how many steps of the output, 1/32768, a step of the input of a Softmax lies, times its beta.

TFLM's kernel brings differences of inputs to steps of 10/65535 in 32 bits.
"""

LOOKUP_BYTES = 1026
"""Bytes of each of the two tables that TFLM's Softmax makes: 513 numbers of 16 bits."""

FUNCTION_CYCLES, SOFTMAX_CYCLES = 30.0, 70.0
"""TFLM's cycles for a value of a Logistic or a Tanh, and of a Softmax, which look functions up in tables; assumed."""

BIAS_BYTES = 8

Symmetric = (
    layers.Conv2D
    | layers.DepthwiseConv2D
    | layers.TransposeConv2D
    | layers.FullyConnected
    | layers.BatchMatMul
    | layers.Add
    | layers.Sub
    | layers.Mul
    | layers.Minimum
    | layers.Maximum
    | layers.SquaredDifference
    | layers.Prelu
    | layers.AveragePool2D
    | layers.MaxPool2D
    | layers.Mean
    | layers.Sum
    | layers.Softmax
    | layers.Logistic
    | layers.Tanh
    | layers.Relu
    | layers.LeakyRelu
    | layers.Abs
    | layers.Rsqrt
    | layers.Pad
    | layers.Concatenation
    | layers.Split
)
"""The layers whose kernels for int16 are others than those for int8. They take tensors of the zero point 0 alone."""


def int16_operator(layer: Layer, facts: Operator) -> Operator:
    """Returns the facts of a layer whose inputs are int16, from those for int8.

    Layers that copy or convert codes of several types have one record for all. The others are no tables of 256 codes,
    no part of a network that we train, and no latency model of today knows their kernels.
    """
    if not isinstance(layer, Symmetric):
        return facts

    narrow = facts.timed_as

    def timed_as(inputs: Shapes) -> str | None:
        name = narrow(inputs)
        return None if name is None else f"{name}_s16"

    facts = replace(facts, codewise=False, trainable=False, timed_as=timed_as)
    match layer:
        case layers.Conv2D() | layers.DepthwiseConv2D() | layers.TransposeConv2D() | layers.FullyConnected():
            return replace(
                facts, weights=_int16_weights(facts), largest_rescale=INT16_RESCALE, tflm=_int16_products(layer, facts)
            )
        case layers.BatchMatMul():
            return replace(facts, largest_rescale=INT16_RESCALE, tflm=batch_matmul_operator(layer, 2).tflm)
        case layers.Add() | layers.Sub():
            return replace(facts, largest_rescale=2.0 ** (INT16_ADD_BITS - 1))
        case layers.SquaredDifference():
            return replace(facts, largest_rescale=2.0**28)
        case layers.Logistic() | layers.Tanh():
            tflm = replace(facts.tflm, cycles=by_value(FUNCTION_CYCLES))
            return replace(facts, scale="1/32768", largest_rescale=FUNCTION_RESCALE, tflm=tflm)
        case layers.Softmax():
            tables = (lambda inputs, outputs: LOOKUP_BYTES,) * 2
            host, cortex_m = (replace(kernel, prepared=tables) for kernel in (facts.tflm.host, facts.tflm.cortex_m))
            tflm = replace(facts.tflm, host=host, cortex_m=cortex_m, cycles=by_value(SOFTMAX_CYCLES))
            return replace(facts, scale="1/32768", largest_rescale=SOFTMAX_RESCALE / layer.beta, tflm=tflm)
        case layers.Mean() | layers.Sum():
            kernel = replace(facts.tflm.host, temporaries=facts.tflm.host.temporaries[:-1])
            return replace(facts, tflm=replace(facts.tflm, host=kernel, cortex_m=kernel))
        case _:
            return facts


def _int16_weights(facts: Operator) -> Callable[[Shape], Weights]:
    """Returns the sizes of weights whose biases have 64 bits, from the shape of the input."""
    make = facts.weights
    assert make is not None
    return lambda x: replace(make(x), bias_bytes=BIAS_BYTES)


def _int16_products(
    layer: layers.Conv2D | layers.DepthwiseConv2D | layers.TransposeConv2D | layers.FullyConnected, facts: Operator
) -> Tflm:
    """Returns what a layer with weights takes under TFLM: CMSIS-NN's kernels of int16 ask for other scratch memory.

    A transposed convolution sums in 64 bits, in memory, by TFLM's own kernel on every machine.
    """
    if isinstance(layer, layers.TransposeConv2D):
        sums = (lambda inputs, outputs: 8 * math.prod(outputs[0]),)
        host, cortex_m = (replace(kernel, scratch=sums) for kernel in (facts.tflm.host, facts.tflm.cortex_m))
        return replace(facts.tflm, host=host, cortex_m=cortex_m)

    def columns(inputs: Shapes, outputs: Shapes) -> int:
        kh, kw = layer.kernel if isinstance(layer, layers.Conv2D) else (0, 0)
        return 4 * math.prod((kh, kw, inputs[0][2]))  # arm_convolve_s16 copies two windows of 16 bits

    scratch = (columns,) if isinstance(layer, layers.Conv2D) else ()
    return replace(facts.tflm, cortex_m=replace(facts.tflm.cortex_m, scratch=scratch))
