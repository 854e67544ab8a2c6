"""Sums of products of integers, as the layers with weights compute them, and their requantisation.

Every sum is exact: it is computed in a type of floats that holds all sums of its size without rounding, which numpy
does many times faster than in integers. `reference.py` is the interpreter that calls these functions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from micronets.ir.layers import BatchMatMul, Conv2D, DepthwiseConv2D, Layer, TransposeConv2D
from micronets.ir.types import Type
from micronets.ir.window import Window
from micronets.quantized.arithmetic import (
    conv_rescale,
    multiply_by_quantized_multiplier,
    multiply_by_reduced_multiplier,
    product_rescale,
)
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant

Array = npt.NDArray[Any]


def wide_sums(weights: LayerWeights, of: Type) -> bool:
    """Returns whether a layer sums products in 64 bits: with inputs of the type `of`, int16, unless its bias has 32."""
    return of == "int16" and (weights.bias is None or weights.bias.dtype == np.int64)


def requantised(model: QuantizedModel, layer: Layer, kind: Type, acc: Array, qx: TensorQuant, qy: TensorQuant) -> Array:
    """Returns the output codes of sums of products, with the bias added, but not yet clamped.

    - model: the network, which holds the weights of the layer.
    - layer: the layer.
    - kind: the type of its input.
    - acc: the exact sums of products without the bias, `[..., outputs]`.
    - qx, qy: quantisation of the input and of the output.
    """
    w = model.weights[layer.name]
    total = acc.astype(np.int64)
    if w.bias is not None:
        total += w.bias
    if wide_sums(w, kind):
        return multiply_by_reduced_multiplier(total, *conv_rescale(qx, w.scales, qy))
    total = total.astype(np.int32).astype(np.int64)  # the kernels' accumulator wraps at 32 bits
    return multiply_by_quantized_multiplier(total, *conv_rescale(qx, w.scales, qy)) + qy.zero_point


def _exact_type(weights: Array, axis: tuple[int, ...], x: Array, qx: TensorQuant) -> type[np.floating[Any]]:
    """Returns the smallest float type in which sums over `axis` of weights times (code - zero point) are exact.

    - x: the codes, of an integer type.
    """
    lowest, highest = np.iinfo(x.dtype).min, np.iinfo(x.dtype).max
    magnitude = max(highest - qx.zero_point, qx.zero_point - lowest)
    largest = int(np.abs(weights.astype(np.int64)).sum(axis=axis).max()) * magnitude
    return np.float32 if largest < 1 << 24 else np.float64


def exact_products(x: Array, w: Array, qx: TensorQuant) -> Array:
    """Returns the exact products `[..., outputs]` of codes, less their zero point, and weights.

    - x: the codes, `[..., taps]`, of an integer type.
    - w: the weights less their zero point, `[taps, outputs]`.
    - qx: quantisation of the codes.
    """
    kind = _exact_type(w, (0,), x, qx)
    return np.asarray((x.astype(kind) - kind(qx.zero_point)) @ w.astype(kind))


def convolved(model: QuantizedModel, layer: Conv2D | DepthwiseConv2D, x: Array, qx: TensorQuant) -> Array:
    """Returns the exact sums of products `[N, H', W', outputs]` of a convolution, without its bias.

    - model: the network, which holds the weights of the layer.
    - layer: the layer.
    - x: codes of its input, `[N, H, W, C]`, of an integer type.
    - qx: quantisation of its input.
    """
    w = model.weights[layer.name].weights
    if isinstance(layer, Conv2D):
        if layer.kernel == (1, 1):
            seen = x[:, :: layer.stride[0], :: layer.stride[1]]  # a 1 x 1 window needs no padding
        else:
            seen = tap_windows(x, layer.window, qx.zero_point)
        shape = seen.shape[:3]
        size, groups, filters = math.prod(w.shape[1:]), layer.groups, len(w) // layer.groups
        im2col = seen.reshape(math.prod(shape), groups, size)  # a row holds a window in the order (C, kh, kw)
        columns = w.transpose(3, 1, 2, 0).reshape(size, groups, filters)
        sums = [exact_products(im2col[:, g], columns[:, g], qx) for g in range(groups)]
        return np.concatenate(sums, axis=-1).reshape(*shape, len(w))
    kind = _exact_type(w, (1, 2), x, qx)
    seen = tap_windows(x.astype(kind) - kind(qx.zero_point), layer.window, 0)
    if layer.multiplier > 1:
        seen = np.repeat(seen, layer.multiplier, axis=3)
    acc = np.zeros(seen.shape[:4], kind)
    for i in range(layer.kernel[0]):
        for j in range(layer.kernel[1]):
            acc += seen[..., i, j] * w[0, i, j].astype(kind)
    return acc


def convolved_transposed(model: QuantizedModel, layer: TransposeConv2D, x: Array, qx: TensorQuant) -> Array:
    """Returns the exact sums of products `[N, H', W', filters]` of a transposed convolution, without its bias.

    - model: the network, which holds the weights of the layer.
    - layer: the layer.
    - x: codes of its input, `[N, H, W, C]`, of an integer type.
    - qx: quantisation of its input.
    """
    w = model.weights[layer.name].weights
    (kh, kw), (rows, columns) = layer.kernel, layer.stride
    kind = _exact_type(w, (1, 2, 3), x, qx)
    centred = x.astype(kind) - kind(qx.zero_point)
    _, height, width, _ = x.shape
    # Every tap adds to the places that lie a stride apart on a map that is as large as all windows together.
    whole = np.zeros((len(x), (height - 1) * rows + kh, (width - 1) * columns + kw, layer.filters), kind)
    for i in range(kh):
        for j in range(kw):
            products = centred @ w[:, i, j].T.astype(kind)
            whole[:, i : i + (height - 1) * rows + 1 : rows, j : j + (width - 1) * columns + 1 : columns] += products
    top, left = layer.window.before(layer.size)
    found = np.zeros((len(x), *layer.size, layer.filters), kind)
    part = whole[:, top : top + layer.size[0], left : left + layer.size[1]]
    found[:, : part.shape[1], : part.shape[2]] = part
    return found


def multiplied_matrices(
    layer: BatchMatMul, a: Array, b: Array, qa: TensorQuant, qb: TensorQuant, qy: TensorQuant
) -> Array:
    """Returns the codes of products of matrices, not yet clamped.

    - layer: the layer, which says which of the operands are transposed.
    - a, b: codes of the operands, `[N, ..., rows, columns]`; the first dimension counts samples, and an operand of
      fewer dimensions gets dimensions of 1 behind it.
    - qa, qb: quantisation of the operands.
    - qy: quantisation of the result.
    """
    rank = max(a.ndim, b.ndim)
    factors = []
    for x, q, transposed in ((a, qa, layer.transpose_a), (b, qb, layer.transpose_b)):
        whole = x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]).astype(np.float64) - q.zero_point
        factors.append(whole.swapaxes(-1, -2) if transposed else whole)
    total = (factors[0] @ factors[1]).astype(np.int64)  # exact: no sum reaches 2**53
    if a.dtype == np.int16:
        return multiply_by_reduced_multiplier(total, *product_rescale(qa, qb, qy))
    return multiply_by_quantized_multiplier(total, *product_rescale(qa, qb, qy)) + qy.zero_point


def tap_windows(x: Array, window: Window, fill: float) -> Array:
    """Returns the windows of maps, `[N, H', W', C, kh, kw]`, as a view of the padded maps.

    - x: the maps, `[N, H, W, C]`.
    - window: the window, which says how much padding there is.
    - fill: the value of the padding, in the units of `x`.
    """
    rows, columns = zip(window.before(x.shape[1:3]), window.after(x.shape[1:3]), strict=True)
    if max(*rows, *columns):
        x = np.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=fill)
    found = sliding_window_view(x, window.reach, axis=(1, 2))
    stride, dilation = window.stride, window.dilation
    return found[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
