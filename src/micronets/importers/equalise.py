"""`equalised`: cross-layer equalisation, which evens out the ranges of channels without changing what is computed.

The method is that of Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction" (2019),
section 4.1: where one layer's output is read by the next alone, and nothing but a rectifier lies between them, a
channel may be divided by a factor in the first and multiplied by it in the second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from micronets.importers.network import FloatNetwork, FloatWeights
from micronets.ir import layers
from micronets.ir.layers import ACTIVATION_LIMITS, Layer, Weighted

Array = npt.NDArray[Any]

Equalisation = Literal["none", "weights", "activations"]
"""What is evened out between neighbouring layers: nothing, the ranges of their weights, or the channels of the map."""

EQUALISATIONS: tuple[Equalisation, ...] = get_args(Equalisation)

_ROUNDS = 20
_SMOOTH = 0.75  # the power of a channel's share of the largest channel
_MOST = 32.0  # the greatest factor of a channel, and its inverse the least: those of dead channels would grow for ever


def neighbours(network: FloatNetwork) -> list[tuple[Weighted, Weighted]]:
    """Returns the layers with weights whose output the second of the pair reads alone, in the order of the network."""
    arch = network.arch
    made: dict[str, Layer] = {layer.name: layer for layer in arch.layers}
    readers: dict[str, int] = dict.fromkeys(arch.outputs, 1)
    for layer in arch.layers:
        for name in layer.inputs:
            readers[name] = readers.get(name, 0) + 1
    found: list[tuple[Weighted, Weighted]] = []
    for layer in arch.layers:
        if not isinstance(layer, Weighted) or layer.inputs[0] not in made or readers[layer.inputs[0]] > 1:
            continue
        before = made[layer.inputs[0]]
        if isinstance(before, layers.TransposeConv2D) or isinstance(layer, layers.TransposeConv2D):
            continue
        if not isinstance(before, Weighted) or math.isfinite(ACTIVATION_LIMITS[before.activation][1]):
            continue
        if any(isinstance(each, layers.Conv2D) and each.groups > 1 for each in (before, layer)):
            continue
        if (
            isinstance(layer, layers.FullyConnected)
            and len(network.weights[before.name].bias) != network.weights[layer.name].kernel.shape[1]
        ):
            continue  # the second layer reads a whole map as one vector
        if isinstance(layer, layers.DepthwiseConv2D) and layer.multiplier > 1:
            continue
        found.append((before, layer))
    return found


def equalised(network: FloatNetwork) -> FloatNetwork:
    """Returns a network that computes the same, with the ranges of the weights of neighbours evened out.

    For every channel between two layers the factor is sqrt(r1 r2) / r2, where r1 is the largest weight that makes it
    and r2 the largest that reads it. This is repeated for all pairs until nothing changes.
    """
    weights = dict(network.weights)
    chosen = [
        (a, b) for a, b in neighbours(network) if weights[a.name].scales is None and weights[b.name].scales is None
    ]
    total = {a.name: np.ones(len(weights[a.name].bias)) for a, _ in chosen}
    for _ in range(_ROUNDS):
        furthest = 0.0
        for a, b in chosen:
            first, second = weights[a.name], weights[b.name]
            made, read = _largest(first.kernel, _made_axis(a)), _largest(second.kernel, _read_axis(b))
            live = (made > 0) & (read > 0)
            ratio = np.sqrt(np.divide(made, read, out=np.ones_like(made), where=live))
            before = total[a.name]
            total[a.name] = np.clip(before * np.where(live, ratio, 1), 1 / _MOST, _MOST)
            factor = total[a.name] / before
            furthest = max(furthest, float(np.abs(factor - 1).max()))
            weights[a.name] = FloatWeights(
                _scaled(first.kernel, _made_axis(a), 1 / factor), (first.bias / factor).astype(np.float32)
            )
            weights[b.name] = FloatWeights(_scaled(second.kernel, _read_axis(b), factor), second.bias)
        if furthest < 1e-3:
            break
    return replace(network, weights=weights)


def with_even_channels(network: FloatNetwork, magnitudes: Mapping[str, Array]) -> FloatNetwork:
    """Returns a network that computes the same, with the magnitudes of the channels between neighbours evened out.

    All channels of a map share one scale, so that a channel of small values has few codes. What reads a channel is
    multiplied by what the channel is divided by: to the full where each channel is read by weights with a scale of
    their own (a depthwise convolution), and to the power of 0.75 where the weights of all channels share scales; Xiao
    et al., "SmoothQuant" (2022), has the trade between the two.

    - network: the network.
    - magnitudes: how large the values of each channel are, `[channels]`, by the name of the first layer of each of the
      `neighbours`.
    """
    weights = dict(network.weights)
    for a, b in neighbours(network):
        first, second = weights[a.name], weights[b.name]
        if first.scales is not None or second.scales is not None:
            continue
        sizes = np.asarray(magnitudes[a.name], np.float64)
        share = np.clip(sizes / max(float(sizes.max()), 1e-30), 1 / _MOST, 1)
        factor = share if isinstance(b, layers.DepthwiseConv2D) else share**_SMOOTH
        weights[a.name] = FloatWeights(
            _scaled(first.kernel, _made_axis(a), 1 / factor), (first.bias / factor).astype(np.float32)
        )
        weights[b.name] = FloatWeights(_scaled(second.kernel, _read_axis(b), factor), second.bias)
    return replace(network, weights=weights)


def _made_axis(layer: Weighted) -> int:
    """Returns the dimension of a layer's weights that counts its output channels."""
    return 3 if isinstance(layer, layers.DepthwiseConv2D) else 0


def _read_axis(layer: Weighted) -> int:
    """Returns the dimension of a layer's weights that counts its input channels."""
    return 1 if isinstance(layer, layers.FullyConnected) else 3


def _largest(kernel: Array, axis: int) -> npt.NDArray[np.float64]:
    """Returns the largest magnitude for each place along a dimension."""
    others = tuple(d for d in range(kernel.ndim) if d != axis)
    return np.asarray(np.abs(kernel).max(axis=others), np.float64)


def _scaled(kernel: Array, axis: int, factor: Array) -> npt.NDArray[np.float32]:
    """Returns weights multiplied by a factor for each place along a dimension."""
    shape = [1] * kernel.ndim
    shape[axis] = -1
    return (kernel * factor.reshape(shape)).astype(np.float32)
