"""The float interpreter: computes a `FloatNetwork` in float32 and plain numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import UnsupportedError
from micronets.importers.network import FloatNetwork, FloatWeights
from micronets.ir import layers
from micronets.ir.arch import Step
from micronets.ir.layers import ACTIVATION_LIMITS, INPUT
from micronets.quantized.places import RESIZE_BITS, bilinear_places, nearest_places
from micronets.quantized.products import tap_windows
from micronets.quantized.reference import aligned, sliced

Array = npt.NDArray[Any]

Visit = Callable[[str, Array], Array]
"""A function that is called with the name and the values `[N, *shape]` of every tensor.

Later layers read its result.
"""

Adjust = Callable[[Step, Array], Array]
"""A function that is called with the sums of products of a layer with weights, bias added, before the activation.

Its result takes their place.
"""


def execute(
    network: FloatNetwork, x: npt.NDArray[np.float32], visit: Visit | None = None, adjust: Adjust | None = None
) -> dict[str, Array]:
    """Computes the outputs of a network, each `[N, *shape]`, by name.

    - network: the network, of one input.
    - x: inputs `[N, *input_shape]`, float32.
    - visit: is called with the name and the values of every tensor, the input included, and returns values in their
      place.
    - adjust: is called with the sums of every layer that has weights, and may change them.
    """
    see = visit or (lambda name, values: values)
    count, steps = len(x), network.arch.steps()
    values: dict[str, Array] = {INPUT: see(INPUT, x)}
    for name, constant in network.constants.items():
        seen = see(name, constant[None])
        values[name] = np.broadcast_to(seen, (count, *constant.shape))
    last = {name: k for k, step in enumerate(steps) for name in step.layer.inputs}
    found: dict[str, Array] = {}
    for k, step in enumerate(steps):
        results = layer_outputs(network, step, [values[name] for name in step.layer.inputs])
        for name, y in zip(step.layer.outputs, results, strict=True):
            if adjust is not None and step.weights is not None:
                y = adjust(step, y)
            values[name] = see(name, activated(step, y))
            if name in network.arch.outputs:
                found[name] = values[name]
        for name in {*step.layer.inputs, *step.layer.outputs}:
            if last.get(name, k) <= k:
                del values[name]
    return {name: found[name] for name in network.arch.outputs}


def activated(step: Step, y: Array) -> Array:
    """Returns values with the layer's fused activation applied."""
    activation = step.operator.activation
    return y if activation in (None, "none") else np.clip(y, *ACTIVATION_LIMITS[activation])


def layer_outputs(network: FloatNetwork, step: Step, inputs: list[Array]) -> tuple[Array, ...]:
    """Returns the outputs of a layer, each `[N, *shape]`, without its fused activation.

    - network: the network, which holds the layer's weights.
    - step: the layer and its shapes.
    - inputs: the values `[N, *shape]` of its inputs, in the order of `step.layer.inputs`.
    """
    layer, x = step.layer, inputs[0]
    match layer:
        case layers.Conv2D():
            return (_convolution(layer, network.weights[layer.name], x),)
        case layers.DepthwiseConv2D():
            return (_depthwise(layer, network.weights[layer.name], x),)
        case layers.TransposeConv2D():
            return (_transposed_convolution(layer, network.weights[layer.name], x),)
        case layers.FullyConnected():
            w = network.weights[layer.name]
            vectors = x if layer.keep_dims else x.reshape(len(x), w.kernel.shape[1])
            return (vectors @ w.kernel.T + w.bias,)
        case layers.AveragePool2D():
            counted = tap_windows(np.ones_like(x[:1, :, :, :1]), layer.window, 0).sum(axis=(-2, -1))
            return (tap_windows(x, layer.window, 0).sum(axis=(-2, -1)) / counted,)
        case layers.MaxPool2D():
            return (tap_windows(x, layer.window, -np.inf).max(axis=(-2, -1)),)
        case layers.Mean():
            return (x.mean(axis=_with_batch(layer.axes), keepdims=layer.keep_dims),)
        case layers.Sum():
            return (x.sum(axis=_with_batch(layer.axes), keepdims=layer.keep_dims),)
        case layers.ReduceMax():
            return (x.max(axis=_with_batch(layer.axes), keepdims=layer.keep_dims),)
        case layers.ReduceMin():
            return (x.min(axis=_with_batch(layer.axes), keepdims=layer.keep_dims),)
        case layers.ArgMax():
            return ((x.argmin if layer.smallest else x.argmax)(axis=layer.axis + 1),)
        case layers.Add():
            a, b = aligned(*inputs)
            return (a + b,)
        case layers.Mul():
            a, b = aligned(*inputs)
            return (a * b,)
        case layers.Sub():
            a, b = aligned(*inputs)
            return (a - b,)
        case layers.Minimum():
            return (np.minimum(*aligned(*inputs)),)
        case layers.Maximum():
            return (np.maximum(*aligned(*inputs)),)
        case layers.SquaredDifference():
            a, b = aligned(*inputs)
            return (np.square(a - b),)
        case layers.Concatenation():
            return (np.concatenate(inputs, axis=layer.axis + 1),)
        case layers.Split():
            ends = np.cumsum(layer.sizes)[:-1] if layer.sizes else len(layer.outputs)
            return tuple(np.split(x, ends, axis=layer.axis + 1))
        case layers.Pad():
            return (np.pad(x, ((0, 0), *layer.paddings)),)
        case layers.Reshape():
            return (x.reshape(len(x), *layer.shape),)
        case layers.ExpandDims():
            return (np.expand_dims(x, layer.axis + 1),)
        case layers.Squeeze():
            return (np.squeeze(x, _with_batch(layer.axes)),)
        case layers.Transpose():
            return (x.transpose(0, *_with_batch(layer.permutation)),)
        case layers.Slice() | layers.StridedSlice():
            return (sliced(layer, x),)
        case layers.Pack():
            return (np.stack(inputs, layer.axis + 1),)
        case layers.Unpack():
            return tuple(np.moveaxis(x, layer.axis + 1, 0))
        case layers.Softmax():
            powers = np.exp(layer.beta * (x - x.max(axis=-1, keepdims=True)))
            return (powers / powers.sum(axis=-1, keepdims=True),)
        case layers.Relu():
            return (np.clip(x, 0, 6) if layer.six else np.maximum(x, 0),)
        case layers.HardSwish():
            return (x * np.clip(x + 3, 0, 6) / 6,)
        case layers.Logistic():
            return (0.5 * (1 + np.tanh(0.5 * x)),)
        case layers.Tanh():
            return (np.tanh(x),)
        case layers.LeakyRelu():
            return (np.where(x < 0, np.float32(layer.alpha) * x, x),)
        case layers.Elu():
            return (np.where(x < 0, np.expm1(np.minimum(x, 0)), x),)
        case layers.Abs():
            return (np.abs(x),)
        case layers.Rsqrt():
            return (1 / np.sqrt(x),)
        case layers.L2Normalization():
            return (x / np.maximum(np.sqrt(np.square(x).sum(axis=-1, keepdims=True)), np.float32(1e-6)),)
        case layers.Quantize() | layers.Dequantize():
            return (x,)
        case layers.Prelu():
            a, b = aligned(*inputs)
            return (np.where(a < 0, a * b, a),)
        case layers.Gather():
            return (np.take(x, layer.indices, layer.axis + 1),)
        case layers.MirrorPad():
            return (np.pad(x, ((0, 0), *layer.paddings), "symmetric" if layer.symmetric else "reflect"),)
        case layers.ResizeNearestNeighbor():
            rows, columns = (
                nearest_places(size, made, layer.align_corners, layer.half_pixel_centers)
                for size, made in zip(x.shape[1:3], layer.size, strict=True)
            )
            return (x[:, rows][:, :, columns],)
        case layers.ResizeBilinear():
            return (_interpolated(layer, x),)
        case layers.LogSoftmax():
            shifted = x - x.max(axis=-1, keepdims=True)
            return (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)),)
        case layers.Cast():
            return (x,)
        case _:
            raise UnsupportedError(
                f"layer '{layer.name}': {step.operator.tflite_name} is not known of float models; import an int8 model"
            )


def _with_batch(axes: tuple[int, ...]) -> tuple[int, ...]:
    """Returns dimensions as they are counted with the batch."""
    return tuple(axis + 1 for axis in axes)


def _convolution(layer: layers.Conv2D, w: FloatWeights, x: Array) -> Array:
    """Returns the sums of products `[N, H', W', filters]` of a convolution, with its bias."""
    if layer.kernel == (1, 1):
        found = x[:, :: layer.stride[0], :: layer.stride[1], :, None, None]
    else:
        found = tap_windows(x, layer.window, 0)
    shape, size = found.shape[:3], math.prod(w.kernel.shape[1:])
    rows = found.reshape(math.prod(shape), layer.groups, size)  # a row holds a window in the order (C, kh, kw)
    columns = w.kernel.transpose(3, 1, 2, 0).reshape(size, layer.groups, -1)
    sums = [rows[:, g] @ columns[:, g] for g in range(layer.groups)]
    return np.concatenate(sums, axis=-1).reshape(*shape, -1) + w.bias


def _depthwise(layer: layers.DepthwiseConv2D, w: FloatWeights, x: Array) -> Array:
    """Returns the sums of products `[N, H', W', C * multiplier]` of a depthwise convolution, with its bias."""
    found = tap_windows(np.repeat(x, layer.multiplier, axis=3) if layer.multiplier > 1 else x, layer.window, 0)
    total = np.empty(found.shape[:4], np.float32)
    total[:] = w.bias
    for i in range(layer.kernel[0]):
        for j in range(layer.kernel[1]):
            total += found[..., i, j] * w.kernel[0, i, j]
    return total


def _transposed_convolution(layer: layers.TransposeConv2D, w: FloatWeights, x: Array) -> Array:
    """Returns the sums of products `[N, *size, filters]` of a transposed convolution, with its bias."""
    (kh, kw), (rows, columns) = layer.kernel, layer.stride
    _, height, width, _ = x.shape
    #  Every tap adds to positions a stride apart, on a map as large as all windows together.
    whole = np.zeros((len(x), (height - 1) * rows + kh, (width - 1) * columns + kw, layer.filters), np.float32)
    for i in range(kh):
        for j in range(kw):
            reached = whole[:, i : i + (height - 1) * rows + 1 : rows, j : j + (width - 1) * columns + 1 : columns]
            reached += x @ w.kernel[:, i, j].T
    top, left = layer.window.before(layer.size)
    found = np.zeros((len(x), *layer.size, layer.filters), np.float32)
    part = whole[:, top : top + layer.size[0], left : left + layer.size[1]]
    found[:, : part.shape[1], : part.shape[2]] = part
    return found + w.bias


def _interpolated(layer: layers.ResizeBilinear, x: Array) -> Array:
    """Returns a map of another size, each pixel interpolated between the four around its place."""
    for axis, made in enumerate(layer.size, start=1):
        lower, upper, share = bilinear_places(x.shape[axis], made, layer.align_corners, layer.half_pixel_centers)
        shape = [1] * x.ndim
        shape[axis] = made
        weight = (share / (1 << RESIZE_BITS)).astype(np.float32).reshape(shape)
        x = np.take(x, lower, axis) * (1 - weight) + np.take(x, upper, axis) * weight
    return x
