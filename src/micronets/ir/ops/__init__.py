"""What is known of each kind of layer: `operator(layer)` is an `Operator`, the record of all its facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

from micronets.ir.layers import (
    Activation,
    Add,
    AveragePool2D,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    HardSwish,
    Layer,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Softmax,
    Split,
)
from micronets.ir.ops.add import add
from micronets.ir.ops.concatenation import concatenation
from micronets.ir.ops.conv import conv_2d
from micronets.ir.ops.dense import fully_connected
from micronets.ir.ops.depthwise import depthwise_conv_2d
from micronets.ir.ops.edges import dequantize, quantize
from micronets.ir.ops.hard_swish import hard_swish
from micronets.ir.ops.mean import mean
from micronets.ir.ops.pad import pad
from micronets.ir.ops.pool import average_pool_2d, max_pool_2d
from micronets.ir.ops.record import Arity, Operand, Operator, Shapes, Tflm, TflmKernel, Weights
from micronets.ir.ops.relu import relu
from micronets.ir.ops.reshape import reshape
from micronets.ir.ops.softmax import softmax
from micronets.ir.ops.split import split

__all__ = ["Arity", "Operand", "Operator", "Shapes", "Tflm", "TflmKernel", "Weights", "operator", "with_activation"]


def operator(layer: Layer) -> Operator:
    """Returns the record of all facts of a layer's kind, for the fields of this layer."""
    match layer:
        case Conv2D():
            return conv_2d(layer)
        case DepthwiseConv2D():
            return depthwise_conv_2d(layer)
        case FullyConnected():
            return fully_connected(layer)
        case AveragePool2D():
            return average_pool_2d(layer)
        case MaxPool2D():
            return max_pool_2d(layer)
        case Mean():
            return mean(layer)
        case Add():
            return add(layer)
        case Concatenation():
            return concatenation(layer)
        case Split():
            return split(layer)
        case Pad():
            return pad(layer)
        case Reshape():
            return reshape(layer)
        case Softmax():
            return softmax(layer)
        case Relu():
            return relu(layer)
        case HardSwish():
            return hard_swish(layer)
        case Quantize():
            return quantize(layer)
        case Dequantize():
            return dequantize(layer)
        case _:
            assert_never(layer)


def with_activation(layer: Layer, activation: Activation) -> Layer:
    """Returns the layer with another fused activation. The layer must be of a kind that has this field."""
    changed: dict[str, Any] = {"activation": activation}
    return replace(layer, **changed)
