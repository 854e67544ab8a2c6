"""The pass that takes out filters whose output is the same for every input, or never used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.layers import (
    AssignVariable,
    AveragePool2D,
    Binary,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Layer,
    MaxPool2D,
    Mean,
    ReadVariable,
    ReduceMax,
    ReduceMin,
    Reshape,
    Sum,
)
from micronets.ir.ops import operator
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.products import wide_sums

Bools = npt.NDArray[np.bool_]


def drop_dead_channels(model: QuantizedModel) -> QuantizedModel:
    """Removes filters of convolutions whose output is constant or unused, and the weights that read it.

    A channel is followed from its convolution through depthwise, pooling and elementwise layers to the layers that sum
    over channels: their biases take up what the channel contributed. Each tensor keeps at least one channel.
    """
    network = _Pruning(model)
    while sum(_drop(network, name) for name in reversed(network.layers)):
        pass  # goes from the last layer to the first: a dropped filter reads nothing any more of the layers before it
    if not network.dropped:
        return model
    arch = replace(model.arch, layers=tuple(network.layers.values()))
    return replace(model, arch=arch, weights=network.weights)


class _Pruning:
    """A network while channels are removed from it.

    - constant: for each tensor, which channels have one value at every place and for every input.
    - codes: for each tensor, a code of each channel: of a constant channel, its value.
    - readers: for each tensor, the names of the layers that read it.
    - single: the tensors of one pixel.
    - last: the last dimension of every tensor, which counts its channels.

    Removing channels leaves `constant` and `codes` right for those that stay, since no other value changes.
    """

    def __init__(self, model: QuantizedModel) -> None:
        arch = model.arch
        self.quant, self.types, self.outputs = model.quant, arch.types(), arch.outputs
        self.layers: dict[str, Layer] = {layer.name: layer for layer in arch.layers}
        self.weights = dict(model.weights)
        self.constant, self.codes = _constant_channels(model)
        self.readers: dict[str, list[str]] = {name: [] for name in arch.shapes()}
        for layer in arch.layers:
            for name in set(layer.inputs) & self.readers.keys():
                self.readers[name].append(layer.name)
        self.single = {name for name, shape in arch.shapes().items() if math.prod(shape) == (1, *shape)[-1]}
        self.last = {name: len(shape) - 1 for name, shape in arch.shapes().items()}
        self.dropped = 0


@dataclass(frozen=True)
class _Group:
    """The layers that a channel passes.

    - through: the layers that keep it apart from the others, its convolution first.
    - ends: the layers after them, which sum over channels.
    """

    through: tuple[Layer, ...]
    ends: tuple[Conv2D | FullyConnected, ...]


def _drop(network: _Pruning, name: str) -> bool:
    """Removes filters of the layer `name` where that is possible; returns whether any went."""
    layer = network.layers[name]
    group = _group(network, layer) if isinstance(layer, Conv2D) and layer.groups == 1 else None
    if group is None or not isinstance(layer, Conv2D):
        return False
    gone = np.ones(layer.filters, np.bool_)
    for end in group.ends:
        unused = _over_channels(network.weights[end.name].weights == 0).all(axis=0)
        gone &= unused | _constant_inputs(network.quant, end, network.constant, network.codes)
    gone[0] &= not gone.all()
    if not gone.any():
        return False
    _remove(network, group, gone)
    network.dropped += int(gone.sum())
    return True


def _constant_channels(model: QuantizedModel) -> tuple[dict[str, Bools], dict[str, npt.NDArray[Any]]]:
    """Returns the values `constant` and `codes` of `_Pruning`, found by a run of the reference on zeros."""
    arch = model.arch
    zeros = {spec.name: np.zeros((1, *spec.shape), dtype_of(spec.type)) for spec in arch.inputs}
    values = reference.tensors(model, zeros)
    codes = {name: v.reshape(-1, v.shape[-1])[0] for name, v in values.items()}
    constant = {name: np.zeros(len(c), np.bool_) for name, c in codes.items()}
    last = {name: v.ndim - 2 for name, v in values.items()}
    for layer in arch.layers:
        if isinstance(layer, Binary | ReadVariable | AssignVariable) or layer.inputs[0] in model.constants:
            continue
        source = constant[layer.inputs[0]]
        match layer:
            case Conv2D(groups=1):
                silent = (model.weights[layer.name].weights == 0).reshape(layer.filters, -1, len(source))
                constant[layer.name] = (silent | _constant_inputs(model.quant, layer, constant, codes)).all(axis=(1, 2))
            case DepthwiseConv2D(multiplier=1):
                zero = (model.weights[layer.name].weights == 0).all(axis=(0, 1, 2))
                constant[layer.name] = zero | _constant_inputs(model.quant, layer, constant, codes)
            case AveragePool2D() | MaxPool2D():
                constant[layer.name] = source
            case Mean() | Sum() | ReduceMax() | ReduceMin() if layer.axes[-1] < last[layer.inputs[0]]:
                constant[layer.name] = source
            case _ if operator(layer).codewise and layer.inputs[0] in model.quant:
                constant[layer.name] = source
            case Reshape(shape=shape) if shape and math.prod(shape) == shape[-1] == len(source):
                constant[layer.name] = source
            case _:
                pass
    return constant, codes


def _over_channels(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns an array `[..., channels]` as `[rows, channels]`."""
    return a.reshape(-1, a.shape[-1])


def _constant_inputs(
    quant: Mapping[str, TensorQuant], layer: Layer, constant: Mapping[str, Bools], codes: Mapping[str, npt.NDArray[Any]]
) -> Bools:
    """Tells which input channels add the same to every output pixel of a layer.

    These are the constant ones or, where windows reach into the padding, those that are constantly the padding's code.
    """
    name = layer.inputs[0]
    if isinstance(layer, (Conv2D, DepthwiseConv2D)) and layer.padding == "same" and layer.kernel != (1, 1):
        return np.asarray(constant[name] & (codes[name] == quant[name].zero_point))
    return constant[name]


def _group(network: _Pruning, first: Conv2D) -> _Group | None:
    """Returns the layers that the output channels of a convolution pass; None if one of them needs every channel."""
    weights = network.weights
    through: list[Layer] = [first]
    ends: list[Conv2D | FullyConnected] = []
    for layer in through:
        if layer.name in network.outputs:
            return None
        alone = layer.name in network.single
        for name in network.readers[layer.name]:
            match network.layers[name]:
                case Conv2D(groups=1) as reader:
                    ends.append(reader)
                case FullyConnected() as reader if (alone or reader.keep_dims) and not weights[name].zero_point:
                    ends.append(reader)
                case DepthwiseConv2D(multiplier=1) | AveragePool2D() | MaxPool2D() as reader:
                    through.append(reader)
                case Mean() | Sum() | ReduceMax() | ReduceMin() as reader if reader.axes[-1] < network.last[layer.name]:
                    through.append(reader)
                case reader if operator(reader).codewise:
                    through.append(reader)
                case Reshape(shape=shape) as reader if alone and shape and shape[-1] == first.filters:
                    through.append(reader)
                case _:
                    return None
    return _Group(tuple(through), tuple(ends)) if ends else None


def _remove(network: _Pruning, group: _Group, gone: Bools) -> None:
    """Removes the channels `gone` from a group; the biases of its ends take up what they contributed."""
    keep = ~gone
    weights, layers, codes = network.weights, network.layers, network.codes
    for end in group.ends:
        w, name = weights[end.name], end.inputs[0]
        taps = w.weights.astype(np.int64).reshape(len(w.weights), -1, len(keep)).sum(axis=1)
        bias = taps[:, gone] @ (codes[name][gone].astype(np.int64) - network.quant[name].zero_point)
        if w.bias is not None:
            bias += w.bias
        kind = np.int64 if wide_sums(w, network.types[name]) else np.int32
        weights[end.name] = LayerWeights(np.ascontiguousarray(w.weights[..., keep]), w.scales, bias.astype(kind))
    for layer in group.through:
        network.constant[layer.name], codes[layer.name] = network.constant[layer.name][keep], codes[layer.name][keep]
        match layer:
            case Conv2D():
                layers[layer.name] = replace(layer, filters=int(keep.sum()))
                weights[layer.name] = _keep_outputs(weights[layer.name], weights[layer.name].weights[keep], keep)
            case DepthwiseConv2D():
                weights[layer.name] = _keep_outputs(weights[layer.name], weights[layer.name].weights[..., keep], keep)
            case Reshape(shape=shape):
                layers[layer.name] = replace(layer, shape=(*shape[:-1], int(keep.sum())))
            case _:
                pass


def _keep_outputs(w: LayerWeights, values: npt.NDArray[np.int8], keep: Bools) -> LayerWeights:
    """Returns a layer's weights with the output channels `keep` alone.

    - w: the weights, scales and bias of all channels.
    - values: the weights of the channels that are kept.
    - keep: for each channel, whether it is kept.
    """
    scales = w.scales[keep] if len(w.scales) > 1 else w.scales
    return LayerWeights(np.ascontiguousarray(values), scales, None if w.bias is None else w.bias[keep])
