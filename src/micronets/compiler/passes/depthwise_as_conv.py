"""The pass that makes convolutions of depthwise convolutions of a single channel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from micronets.ir.layers import Conv2D, DepthwiseConv2D
from micronets.quantized.model import QuantizedModel

_LEAST_FILTERS = 4
"""The number of filters that a convolution computes at a time; with fewer, a depthwise convolution is faster."""


def depthwise_as_conv(model: QuantizedModel) -> QuantizedModel:
    """Returns `model` with a Conv2D in place of each DepthwiseConv2D that reads one channel and writes four or more.

    Both compute the same. The convolution takes less memory, since its output may lie over its input, and is faster:
    it reads a window once for four filters.
    """
    layers, weights = list(model.arch.layers), dict(model.weights)
    for k, step in enumerate(model.arch.steps()):
        layer = step.layer
        if not isinstance(layer, DepthwiseConv2D) or layer.weight_bits != 8:
            continue
        if step.input_shapes[0][2] != 1 or layer.multiplier < _LEAST_FILTERS:
            continue
        layers[k] = Conv2D(
            name=layer.name,
            inputs=layer.inputs,
            act_bits=layer.act_bits,
            filters=layer.multiplier,
            kernel=layer.kernel,
            stride=layer.stride,
            dilation=layer.dilation,
            padding=layer.padding,
            activation=layer.activation,
        )
        w = weights[layer.name]
        weights[layer.name] = replace(w, weights=np.ascontiguousarray(w.weights[0].transpose(2, 0, 1)[..., None]))
    if tuple(layers) == model.arch.layers:
        return model
    return replace(model, arch=replace(model.arch, layers=tuple(layers)), weights=weights)
