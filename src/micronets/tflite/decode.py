"""Operators of a `.tflite` file, one at a time, as layers and their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np

from micronets.ir.layers import (
    Activation,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    Layer,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Softmax,
)
from micronets.ir.window import Padding, Pair
from micronets.quantized.model import LayerWeights
from micronets.tflite import schema as s
from micronets.tflite.flatbuffer import Table
from micronets.tflite.tensors import Graph, Tensor

_ACTIVATIONS: dict[int, Activation] = {number: name for name, number in s.ACTIVATIONS.items()}
_PADDINGS: dict[int, Padding] = {number: name for name, number in s.PADDINGS.items()}
_OTHER_ACTIVATIONS = {2: "RELU_N1_TO_1", 4: "TANH", 5: "SIGN_BIT"}

# Inputs each operator takes: activations first, then constants; the least and the most.
_ARITY = {
    s.Op.CONV_2D: (2, 3),
    s.Op.DEPTHWISE_CONV_2D: (2, 3),
    s.Op.FULLY_CONNECTED: (2, 3),
    s.Op.ADD: (2, 2),
    s.Op.MEAN: (2, 2),
    s.Op.PAD: (2, 2),
    s.Op.RESHAPE: (1, 2),
}


@dataclass(frozen=True)
class Operator:
    """One operator: `inputs` are tensor indices (-1 for one left out), `options` None where all are defaults."""

    op: s.Op
    where: str
    options: Table | None
    inputs: list[int]
    output: Tensor

    def option(self, slot: int, kind: str, default: Any = 0) -> Any:
        return default if self.options is None else self.options.number(slot, kind, default)


def layer_of(graph: Graph, o: Operator, name: str, names: Mapping[int, str]) -> Layer:
    """The operator as a layer of that name. `names` are those of the tensors computed so far.

    Raises `UnsupportedError`, `FileError`; `weight_bits` and `units` are for `weights_of` to set.
    """
    least, most = _ARITY.get(o.op, (1, 1))
    if not least <= len(o.inputs) <= most:
        raise graph.damaged(f"{len(o.inputs)} inputs instead of {least}..{most}")
    inputs = tuple(_activation_input(graph, i, names) for i in o.inputs[: 2 if o.op == s.Op.ADD else 1])
    match o.op:
        case s.Op.CONV_2D | s.Op.DEPTHWISE_CONV_2D:
            return _convolution(graph, o, name, inputs)
        case s.Op.FULLY_CONNECTED:
            slot = s.FullyConnectedSlot
            if o.option(slot.WEIGHTS_FORMAT, "b"):
                raise graph.unsupported("its weights are shuffled; only the default format is supported")
            return FullyConnected(name=name, inputs=inputs, units=1, activation=_activation(graph, o, slot.ACTIVATION))
        case s.Op.AVERAGE_POOL_2D | s.Op.MAX_POOL_2D:
            kind = AveragePool2D if o.op == s.Op.AVERAGE_POOL_2D else MaxPool2D
            return kind(
                name=name,
                inputs=inputs,
                pool=_pair(o, s.PoolSlot.FILTER_H, s.PoolSlot.FILTER_W),
                stride=_pair(o, s.PoolSlot.STRIDE_H, s.PoolSlot.STRIDE_W),
                padding=_padding(graph, o),
                activation=_activation(graph, o, s.PoolSlot.ACTIVATION),
            )
        case s.Op.MEAN:
            return _mean(graph, o, name, inputs)
        case s.Op.ADD:
            return Add(name=name, inputs=inputs, activation=_activation(graph, o, s.AddSlot.ACTIVATION))
        case s.Op.PAD:
            return Pad(name=name, inputs=inputs, paddings=_paddings(graph, o))
        case s.Op.RESHAPE:
            return Reshape(name=name, inputs=inputs, shape=graph.activation_shape(o.output))
        case s.Op.SOFTMAX:
            return Softmax(name=name, inputs=inputs, beta=float(o.option(s.SoftmaxSlot.BETA, "f", 0.0)))
        case s.Op.RELU | s.Op.RELU6:
            return Relu(name=name, inputs=inputs, six=o.op == s.Op.RELU6)
        case s.Op.QUANTIZE:
            return Quantize(name=name, inputs=inputs)
        case s.Op.DEQUANTIZE:
            return Dequantize(name=name, inputs=inputs)
        case _:
            assert_never(o.op)


def weights_of(
    graph: Graph, o: Operator, layer: Conv2D | DepthwiseConv2D | FullyConnected
) -> tuple[Conv2D | DepthwiseConv2D | FullyConnected, LayerWeights]:
    """The layer with its sizes taken from the weights, and the weights."""
    tensor = graph.tensor(o.inputs[1])
    values = graph.constant(tensor, (s.TensorType.INT8, s.TensorType.INT4))
    bits = 4 if tensor.type == s.TensorType.INT4 else 8
    rank = 2 if isinstance(layer, FullyConnected) else 4
    if values.ndim != rank:
        raise graph.damaged(f"the weights, {tensor.label}, have {values.ndim} dimensions, not {rank}")
    axis = 3 if isinstance(layer, DepthwiseConv2D) else 0
    outputs = values.shape[axis]
    scales, zero_points, dimension = graph.quantization(tensor)
    if len(scales) not in (1, outputs) or (len(scales) > 1 and dimension != axis):
        raise graph.damaged(f"the weights, {tensor.label}, have {len(scales)} scales along {dimension} for {outputs} outputs")
    if not len(zero_points) or zero_points.any():
        raise graph.unsupported(f"the weights, {tensor.label}, have a zero point; only symmetric weights are supported")
    bias = None
    if len(o.inputs) > 2 and o.inputs[2] != -1:
        bias_tensor = graph.tensor(o.inputs[2])
        bias = graph.constant(bias_tensor, (s.TensorType.INT32,))
        if bias.shape != (outputs,):
            raise graph.damaged(f"the bias, {bias_tensor.label}, has the shape {list(bias.shape)}, not [{outputs}]")
    if isinstance(layer, Conv2D):
        layer = replace(layer, filters=outputs, kernel=values.shape[1:3], weight_bits=bits)
    elif isinstance(layer, DepthwiseConv2D):
        layer = replace(layer, kernel=values.shape[1:3], weight_bits=bits)
    else:
        layer = replace(layer, units=outputs, weight_bits=bits)
    _check_inputs(graph, o, layer, values.shape)
    return layer, LayerWeights(values, np.asarray(scales, np.float32), bias)


def _check_inputs(graph: Graph, o: Operator, layer: Layer, shape: tuple[int, ...]) -> None:
    x = graph.activation_shape(graph.tensor(o.inputs[0]))
    if isinstance(layer, Conv2D) and len(x) == 3 and shape[3] != x[2]:
        if x[2] % shape[3] == 0:
            raise graph.unsupported(f"a convolution in {x[2] // shape[3]} groups; only one group is supported")
        raise graph.damaged(f"weights for {shape[3]} channels and an input of {x[2]}")
    if isinstance(layer, DepthwiseConv2D) and len(x) == 3 and (shape[0] != 1 or shape[3] != x[2] * layer.multiplier):
        raise graph.damaged(f"weights {list(shape)} for {x[2]} channels and a depth multiplier of {layer.multiplier}")


def _convolution(graph: Graph, o: Operator, name: str, inputs: tuple[str, ...]) -> Conv2D | DepthwiseConv2D:
    slot: Any = s.Conv2DSlot if o.op == s.Op.CONV_2D else s.DepthwiseSlot
    common: dict[str, Any] = {
        "name": name,
        "inputs": inputs,
        "kernel": (1, 1),
        "stride": _pair(o, slot.STRIDE_H, slot.STRIDE_W),
        "dilation": _pair(o, slot.DILATION_H, slot.DILATION_W, 1),
        "padding": _padding(graph, o),
        "activation": _activation(graph, o, slot.ACTIVATION),
    }
    if o.op == s.Op.CONV_2D:
        return Conv2D(filters=1, **common)
    return DepthwiseConv2D(multiplier=o.option(slot.MULTIPLIER, "i"), **common)


def _mean(graph: Graph, o: Operator, name: str, inputs: tuple[str, ...]) -> Mean:
    axes = graph.constant(graph.tensor(o.inputs[1]), (s.TensorType.INT32,)).ravel()[:9].tolist()
    x = graph.tensor(o.inputs[0])
    if len(x.shape) != 4 or sorted(a + 4 if a < 0 else a for a in axes) != [1, 2]:
        raise graph.unsupported(f"the mean of {x.label} over axes {axes}; only over height and width (1, 2) is supported")
    return Mean(name=name, inputs=inputs, keep_dims=bool(o.option(s.ReducerSlot.KEEP_DIMS, "?", False)))


def _paddings(graph: Graph, o: Operator) -> tuple[Pair, ...]:
    tensor = graph.tensor(o.inputs[1])
    values = graph.constant(tensor, (s.TensorType.INT32,))
    rank = len(graph.tensor(o.inputs[0]).shape)
    if values.shape != (rank, 2) or values.min() < 0:
        raise graph.damaged(f"the paddings, {tensor.label}, are not (before, after) of {rank} dimensions")
    if values[0].any():
        raise graph.unsupported("it pads the batch; only height, width and channels can be padded")
    return tuple((int(a), int(b)) for a, b in values[1:])


def _activation_input(graph: Graph, index: int, names: Mapping[int, str]) -> str:
    tensor = graph.tensor(index)
    if index in names:
        return names[index]
    if len(graph.bytes_of(tensor.buffer)):
        raise graph.unsupported(f"its input {tensor.label} is a constant; only weights, paddings and axes may be")
    raise graph.damaged(f"its input {tensor.label} is not computed before it")


def _pair(o: Operator, height: int, width: int, default: int = 0) -> Pair:
    return o.option(height, "i", default), o.option(width, "i", default)


def _padding(graph: Graph, o: Operator) -> Padding:
    number = o.option(0, "b")  # slot 0 in every operator that has it
    if number not in _PADDINGS:
        raise graph.damaged(f"padding {number}")
    return _PADDINGS[number]


def _activation(graph: Graph, o: Operator, slot: int) -> Activation:
    number = o.option(slot, "b")
    if number not in _ACTIVATIONS:
        name = _OTHER_ACTIVATIONS.get(number, str(number))
        raise graph.unsupported(f"the fused activation {name} is not supported; supported: NONE, RELU, RELU6")
    return _ACTIVATIONS[number]
