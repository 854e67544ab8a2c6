"""Rewriting a network into a smaller one with the same output, bit for bit: functions `QuantizedModel -> QuantizedModel`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.compiler.passes.fold_lookups import unite_lookups
from micronets.ir.arch import Step, output_shape
from micronets.ir.layers import (
    INPUT,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Layer,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Shape,
)
from micronets.ir.window import pad_before
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant

Bools = npt.NDArray[np.bool_]


def optimise(model: QuantizedModel) -> QuantizedModel:
    """All passes, as `compile_model` has them: the network that the C computes."""
    return drop_constant_filters(fold_pads(unite_lookups(model)))


def drop_constant_filters(model: QuantizedModel) -> QuantizedModel:
    """Without the filters of convolutions whose output is always the same or never used, and with what they fed.

    A channel goes from its convolution on through depthwise, pooling and elementwise layers up to the layers that sum over
    channels, whose biases take up what it contributed. One channel of each tensor always stays.
    """
    network = _Network(model)
    while sum(_drop(network, name) for name in reversed(network.layers)):  # the last first: what it drops feeds those before
        pass
    layers = tuple(network.layers.values())
    return replace(model, arch=replace(model.arch, layers=layers), weights=network.weights) if network.dropped else model


def fold_pads(model: QuantizedModel) -> QuantizedModel:
    """Without the paddings that a convolution's own does as well: what MobileNets have in front of a stride of 2."""
    layers = {layer.name: layer for layer in model.arch.layers}
    quant = dict(model.quant)
    for step in model.arch.steps():
        layer, pad = step.layer, layers.get(step.layer.inputs[0])
        if not (isinstance(layer, (Conv2D, DepthwiseConv2D)) and layer.padding == "valid" and isinstance(pad, Pad)):
            continue
        source = pad.inputs[0]
        alone = [reader.name for reader in layers.values() if pad.name in reader.inputs] == [layer.name]
        folded = replace(layer, inputs=(source,), padding="same")
        if alone and quant[source] == quant[pad.name] and _pads_alike(model.arch.shapes()[source], pad, folded, step):
            layers[layer.name] = folded
            del layers[pad.name], quant[pad.name]
    if len(layers) == len(model.arch.layers):
        return model
    return replace(model, arch=replace(model.arch, layers=tuple(layers.values())), quant=quant)


def _pads_alike(x: Shape, pad: Pad, folded: Conv2D | DepthwiseConv2D, step: Step) -> bool:
    """Whether the windows of `folded` on `x` lie where those of `step` lie on the padded map."""
    if len(x) != 3 or pad.paddings[2] != (0, 0) or output_shape(folded, (x,)) != step.output_shape:
        return False
    k, s, d = folded.kernel, folded.stride, folded.dilation
    return all(pad_before(x[i], k[i], s[i], d[i], "same") == pad.paddings[i][0] for i in (0, 1))


class _Network:
    """A network while channels are dropped from it.

    constant, codes: which channels of each tensor are the same everywhere for every input, and a code of each channel:
    theirs. Both stay right when channels go, since no other value changes.
    readers: names of the layers that read each tensor. single: tensors of one pixel.
    """

    def __init__(self, model: QuantizedModel) -> None:
        arch = model.arch
        self.quant, self.output = model.quant, arch.output
        self.layers: dict[str, Layer] = {layer.name: layer for layer in arch.layers}
        self.weights = dict(model.weights)
        self.constant, self.codes = _constant_channels(model)
        self.readers: dict[str, list[str]] = {name: [] for name in (INPUT, *self.layers)}
        for layer in arch.layers:
            for name in set(layer.inputs):
                self.readers[name].append(layer.name)
        self.single = {name for name, shape in arch.shapes().items() if math.prod(shape) == shape[-1]}
        self.dropped = 0


@dataclass(frozen=True)
class _Group:
    """Layers that a channel runs through on its own, the convolution that makes it first, and those that sum it up."""

    through: tuple[Layer, ...]
    ends: tuple[Conv2D | FullyConnected, ...]


def _drop(network: _Network, name: str) -> bool:
    """Removes what can be removed of the filters of one layer; whether that was anything."""
    layer = network.layers[name]
    group = _group(network, layer) if isinstance(layer, Conv2D) else None
    if group is None or not isinstance(layer, Conv2D):
        return False
    gone = np.ones(layer.filters, np.bool_)
    for end in group.ends:
        unused = _over_channels(network.weights[end.name].weights == 0).all(axis=0)
        gone &= unused | _quiet(network.quant, end, network.constant, network.codes)
    gone[0] &= not gone.all()
    if not gone.any():
        return False
    _remove(network, group, gone)
    network.dropped += int(gone.sum())
    return True


def _constant_channels(model: QuantizedModel) -> tuple[dict[str, Bools], dict[str, npt.NDArray[Any]]]:
    """Which channels of each tensor are the same everywhere for every input, and a code of each channel: theirs."""
    arch = model.arch
    kind = np.int8 if INPUT in model.quant else np.float32
    values = reference.tensors(model, np.zeros((1, *arch.input_shape), kind))
    codes = {name: v.reshape(-1, v.shape[-1])[0] for name, v in values.items()}
    constant = {name: np.zeros(len(c), np.bool_) for name, c in codes.items()}
    for layer in arch.layers:
        source = constant[layer.inputs[0]]
        match layer:
            case Conv2D():
                silent = (model.weights[layer.name].weights == 0).reshape(layer.filters, -1, len(source))
                constant[layer.name] = (silent | _quiet(model.quant, layer, constant, codes)).all(axis=(1, 2))
            case DepthwiseConv2D(multiplier=1):
                zero = (model.weights[layer.name].weights == 0).all(axis=(0, 1, 2))
                constant[layer.name] = zero | _quiet(model.quant, layer, constant, codes)
            case AveragePool2D() | MaxPool2D() | Mean() | Relu():
                constant[layer.name] = source
            case Quantize() if layer.inputs[0] in model.quant:
                constant[layer.name] = source
            case Reshape(shape=shape) if math.prod(shape) == shape[-1] == len(source):
                constant[layer.name] = source
            case _:
                pass
    return constant, codes


def _over_channels(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`[..., channels]` as a matrix."""
    return a.reshape(-1, a.shape[-1])


def _quiet(
    quant: Mapping[str, TensorQuant], layer: Layer, constant: Mapping[str, Bools], codes: Mapping[str, npt.NDArray[Any]]
) -> Bools:
    """Input channels that contribute the same to every output of a layer: constant, and no different from the padding."""
    name = layer.inputs[0]
    if isinstance(layer, (Conv2D, DepthwiseConv2D)) and layer.padding == "same" and layer.kernel != (1, 1):
        return np.asarray(constant[name] & (codes[name] == quant[name].zero_point))
    return constant[name]


def _group(network: _Network, first: Conv2D) -> _Group | None:
    """What the channels of a convolution's output run through; None if anything else looks at them."""
    through: list[Layer] = [first]
    ends: list[Conv2D | FullyConnected] = []
    for layer in through:
        if layer.name == network.output:
            return None
        alone = layer.name in network.single
        for name in network.readers[layer.name]:
            match network.layers[name]:
                case Conv2D() as reader:
                    ends.append(reader)
                case FullyConnected() as reader if alone:
                    ends.append(reader)
                case DepthwiseConv2D(multiplier=1) | AveragePool2D() | MaxPool2D() | Mean() | Relu() | Quantize() as reader:
                    through.append(reader)
                case Reshape(shape=shape) as reader if alone and shape[-1] == first.filters:
                    through.append(reader)
                case _:
                    return None
    return _Group(tuple(through), tuple(ends)) if ends else None


def _remove(network: _Network, group: _Group, gone: Bools) -> None:
    """Takes the channels `gone` out of a group; the ends' biases take up the constants."""
    keep = ~gone
    weights, layers, codes = network.weights, network.layers, network.codes
    for end in group.ends:
        w, name = weights[end.name], end.inputs[0]
        taps = w.weights.astype(np.int64).reshape(len(w.weights), -1, len(keep)).sum(axis=1)
        bias = taps[:, gone] @ (codes[name][gone].astype(np.int64) - network.quant[name].zero_point)
        if w.bias is not None:
            bias += w.bias
        weights[end.name] = LayerWeights(np.ascontiguousarray(w.weights[..., keep]), w.scales, bias.astype(np.int32))
    for layer in group.through:
        network.constant[layer.name], codes[layer.name] = network.constant[layer.name][keep], codes[layer.name][keep]
        match layer:
            case Conv2D():
                layers[layer.name] = replace(layer, filters=int(keep.sum()))
                weights[layer.name] = _kept(weights[layer.name], weights[layer.name].weights[keep], keep)
            case DepthwiseConv2D():
                weights[layer.name] = _kept(weights[layer.name], weights[layer.name].weights[..., keep], keep)
            case Reshape(shape=shape):
                layers[layer.name] = replace(layer, shape=(*shape[:-1], int(keep.sum())))
            case _:
                pass


def _kept(w: LayerWeights, values: npt.NDArray[np.int8], keep: Bools) -> LayerWeights:
    scales = w.scales[keep] if len(w.scales) > 1 else w.scales
    return LayerWeights(np.ascontiguousarray(values), scales, None if w.bias is None else w.bias[keep])
