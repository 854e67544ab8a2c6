"""Rewriting a network into a smaller one with the same output, bit for bit: functions `QuantizedModel -> QuantizedModel`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import reference
from micronets.arch import (
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
    Step,
    output_shape,
    pad_before,
)
from micronets.model import LayerWeights, QuantizedModel

Bools = npt.NDArray[np.bool_]


def drop_constant_filters(model: QuantizedModel) -> QuantizedModel:
    """Without the filters of convolutions whose output is always the same or never used, and with what they fed.

    A channel goes from its convolution on through depthwise, pooling and elementwise layers up to the layers that sum over
    channels, whose biases take up what it contributed. One channel of each tensor always stays.
    """
    while (smaller := _dropped_once(model)) is not None:
        model = smaller
    return model


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


@dataclass(frozen=True)
class _Group:
    """Layers that a channel runs through on its own, the convolution that makes it first, and those that sum it up."""

    through: tuple[Layer, ...]
    ends: tuple[Conv2D | FullyConnected, ...]


def _dropped_once(model: QuantizedModel) -> QuantizedModel | None:
    """The network without the removable channels of one group, or None if there are none."""
    constant, codes = _constant_channels(model)
    for layer in model.arch.layers:
        group = _group(model, layer) if isinstance(layer, Conv2D) else None
        if group is None:
            continue
        gone = np.ones(group.through[0].filters, np.bool_)  # type: ignore[union-attr]
        for end in group.ends:
            unused = _over_channels(model.weights[end.name].weights == 0).all(axis=0)
            gone &= unused | _quiet(model, end, constant, codes)
        gone[0] &= not gone.all()
        if gone.any():
            return _without(model, group, gone, codes)
    return None


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
                constant[layer.name] = (silent | _quiet(model, layer, constant, codes)).all(axis=(1, 2))
            case DepthwiseConv2D(multiplier=1):
                zero = (model.weights[layer.name].weights == 0).all(axis=(0, 1, 2))
                constant[layer.name] = zero | _quiet(model, layer, constant, codes)
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


def _quiet(model: QuantizedModel, layer: Layer, constant: Mapping[str, Bools], codes: Mapping[str, npt.NDArray[Any]]) -> Bools:
    """Input channels that contribute the same to every output of a layer: constant, and no different from the padding."""
    name = layer.inputs[0]
    if isinstance(layer, (Conv2D, DepthwiseConv2D)) and layer.padding == "same" and layer.kernel != (1, 1):
        return np.asarray(constant[name] & (codes[name] == model.quant[name].zero_point))
    return constant[name]


def _group(model: QuantizedModel, first: Conv2D) -> _Group | None:
    """What the channels of a convolution's output run through; None if anything else looks at them."""
    arch, shapes = model.arch, model.arch.shapes()
    through: list[Layer] = [first]
    ends: list[Conv2D | FullyConnected] = []
    for layer in through:
        if layer.name == arch.output:
            return None
        for reader in arch.layers:
            if layer.name not in reader.inputs:
                continue
            alone = math.prod(shapes[layer.name]) == first.filters
            match reader:
                case Conv2D():
                    ends.append(reader)
                case FullyConnected() if alone:
                    ends.append(reader)
                case DepthwiseConv2D(multiplier=1) | AveragePool2D() | MaxPool2D() | Mean() | Relu() | Quantize():
                    through.append(reader)
                case Reshape(shape=shape) if alone and shape[-1] == first.filters:
                    through.append(reader)
                case _:
                    return None
    return _Group(tuple(through), tuple(ends)) if ends else None


def _without(model: QuantizedModel, group: _Group, gone: Bools, codes: Mapping[str, npt.NDArray[Any]]) -> QuantizedModel:
    """The network without the channels `gone` of a group; the ends' biases take up the constants."""
    keep = ~gone
    weights, layers = dict(model.weights), {layer.name: layer for layer in model.arch.layers}
    for layer in group.through:
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
    for end in group.ends:
        w, name = weights[end.name], end.inputs[0]
        taps = w.weights.astype(np.int64).reshape(len(w.weights), -1, len(keep)).sum(axis=1)
        bias = taps[:, gone] @ (codes[name][gone].astype(np.int64) - model.quant[name].zero_point)
        if w.bias is not None:
            bias += w.bias
        weights[end.name] = LayerWeights(np.ascontiguousarray(w.weights[..., keep]), w.scales, bias.astype(np.int32))
    return replace(model, arch=replace(model.arch, layers=tuple(layers.values())), weights=weights)


def _kept(w: LayerWeights, values: npt.NDArray[np.int8], keep: Bools) -> LayerWeights:
    scales = w.scales[keep] if len(w.scales) > 1 else w.scales
    return LayerWeights(np.ascontiguousarray(values), scales, None if w.bias is None else w.bias[keep])
