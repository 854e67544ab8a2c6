"""`FloatNetwork`: an `Arch` with float weights, which every importer makes from a file before it is quantised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.arch import Arch
from micronets.ir.layers import Add, DepthwiseConv2D, Layer, Mul, Relu, Sub, TensorSpec, Weighted
from micronets.ir.ops import operator, with_activation
from micronets.quantized.model import TensorQuant

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class FloatWeights:
    """Parameters of a Conv2D, DepthwiseConv2D or FullyConnected layer.

    - kernel: float32, laid out as in TensorFlow Lite: `[filters, kh, kw, C / groups]`, `[1, kh, kw, C * multiplier]` or
      `[units, inputs]`.
    - bias: float32 `[outputs]`.
    - scales: the steps of the codes that the file holds, `[outputs]` or `[1]`, so that quantising gives these codes
      again; None for a file without codes.
    """

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    scales: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A network of one input that computes in float32.

    - arch: its layers and shapes, with the types that it will have when it is quantised.
    - weights: parameters of every layer that has weights, by the layer's name.
    - constants: the values of every constant of `arch`, float32, by its name.
    - metadata: texts that the file carries, by name.
    - given: scales and zero points that the file itself sets, by the name of the tensor.
    - channels_first: whether the tool that made the network takes its input `[N, C, H, W]` or `[N, C, L]`, where the
      network here takes `[N, H, W, C]` or `[N, L, 1, C]`.
    """

    arch: Arch
    weights: Mapping[str, FloatWeights]
    constants: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, TensorQuant] = field(default_factory=dict)
    channels_first: bool = False


def folded(network: FloatNetwork) -> FloatNetwork:
    """Returns the network with fewer layers that computes the same.

    A multiplication by a constant, and an addition or subtraction of one, become part of the weights and the bias of
    the layer in front; a rectifier becomes its fused activation. Both happen only where nothing else reads the tensor
    between them, and where the file sets no scale for it.
    """
    changed = True
    while changed:
        network, changed = _folded_once(network)
    return network


def _folded_once(network: FloatNetwork) -> tuple[FloatNetwork, bool]:
    """Returns the network with one pair of layers merged, and whether there was one."""
    arch = network.arch
    made = {name: layer for layer in arch.layers for name in layer.outputs}
    readers: dict[str, int] = dict.fromkeys(arch.outputs, 1)
    for layer in arch.layers:
        for name in layer.inputs:
            readers[name] = readers.get(name, 0) + 1
    for layer in arch.layers:
        source = next((name for name in layer.inputs if name in made), None)
        if source is None or readers[source] > 1 or source in network.given:
            continue
        before = made[source]
        if operator(before).activation != "none":
            continue
        match layer:
            case Relu():
                merged: Layer = with_activation(before, "relu6" if layer.six else "relu")
                weights = network.weights.get(before.name)
            case Add() | Mul() | Sub() if isinstance(before, Weighted):
                weights = _absorbed(network, before, layer, source)
                if weights is None:
                    continue
                merged = with_activation(before, layer.activation)
            case _:
                continue
        merged = replace(merged, name=layer.name)
        return _merged(network, before, layer, merged, weights), True
    return network, False


def _absorbed(network: FloatNetwork, before: Weighted, layer: Add | Mul | Sub, source: str) -> FloatWeights | None:
    """Returns the weights of a layer that include the constant of the next layer; None if that is impossible.

    - before: the layer with weights.
    - layer: the layer behind it.
    - source: the name of the tensor between them.
    """
    others = [name for name in layer.inputs if name != source]
    if len(others) != 1 or others[0] not in network.constants:
        return None
    weights = network.weights[before.name]
    outputs = len(weights.bias)
    value = np.asarray(network.constants[others[0]], np.float64)
    shapes = network.arch.shapes()
    if value.size not in (1, outputs) or (value.size > 1 and value.shape[-1] != outputs):
        return None
    if shapes[layer.name] != shapes[source]:
        return None
    value = np.broadcast_to(value.ravel(), (outputs,))
    kernel, bias = weights.kernel.astype(np.float64), weights.bias.astype(np.float64)
    match layer:
        case Mul():
            if weights.scales is not None:
                return None
            kernel, bias = kernel * _by_channel(before, kernel.ndim, value), bias * value
        case Add():
            bias = bias + value
        case Sub() if layer.inputs[0] == source:
            bias = bias - value
        case _:
            return None
    return FloatWeights(kernel.astype(np.float32), bias.astype(np.float32), weights.scales)


def _by_channel(layer: Weighted, rank: int, value: Array) -> Array:
    """Returns a value for each output channel in the shape in which it multiplies the layer's weights."""
    return (
        value.reshape(*(1,) * (rank - 1), -1)
        if isinstance(layer, DepthwiseConv2D)
        else value.reshape(-1, *(1,) * (rank - 1))
    )


def _merged(
    network: FloatNetwork, before: Layer, layer: Layer, merged: Layer, weights: FloatWeights | None
) -> FloatNetwork:
    """Returns the network with one layer in place of two."""
    layers = tuple(merged if each is before else each for each in network.arch.layers if each is not layer)
    kept = {name: w for name, w in network.weights.items() if name != before.name}
    if weights is not None:
        kept[merged.name] = weights
    return _with_layers(network, layers, kept)


def _with_layers(network: FloatNetwork, layers: tuple[Layer, ...], weights: Mapping[str, FloatWeights]) -> FloatNetwork:
    """Returns the network with other layers, and only those constants that they read."""
    read = {name for layer in layers for name in layer.inputs}
    constants: tuple[TensorSpec, ...] = tuple(c for c in network.arch.constants if c.name in read)
    arch = replace(network.arch, layers=layers, constants=constants, output_names=network.arch.outputs)
    return replace(
        network, arch=arch, weights=weights, constants={c.name: network.constants[c.name] for c in constants}
    )


def with_layers(network: FloatNetwork, layers: tuple[Layer, ...]) -> FloatNetwork:
    """Returns the network with other layers, which have the same weights by the same names."""
    return _with_layers(network, layers, network.weights)
