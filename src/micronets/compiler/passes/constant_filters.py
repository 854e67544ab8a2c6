"""The pass that gives small weights, biases and scales to filters whose output is the same code for every input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels import conv_weights
from micronets.compiler.kernels.requantise import DOUBLED_LIMIT, PACKED_BIAS_LIMIT, SUM_LIMIT
from micronets.compiler.limits import LEAST_SHIFT
from micronets.ir.layers import Conv2D, DepthwiseConv2D, FullyConnected
from micronets.quantized.arithmetic import activation_range, conv_rescale, multiply_by_quantized_multiplier
from micronets.quantized.model import LayerWeights, QuantizedModel

_UNITS = 4  # if this pass chooses the scale, this many units of a sum make one code step of the output


def shrink_constant_filters(model: QuantizedModel) -> QuantizedModel:
    """Returns a network in which no filter that always gives the same code has numbers too large for the fast kernels.

    The fast kernels hold biases of 24 bits, scales below one half and sums of 30 bits, and a layer takes them only if
    all its filters fit. A filter with weights of 0 may have any scale and, where that is tiny, a huge bias; so may one
    whose sums all lie beyond the output's range. Such filters get weights of 0, and the bias and the scale that give
    their code. Filters that fit or whose output varies stay as they are, and so do those that read int16, for which
    there is only one kernel.
    """
    found: dict[str, LayerWeights] = {}
    for step in model.arch.steps():
        layer = step.layer
        if isinstance(layer, Conv2D | DepthwiseConv2D | FullyConnected) and step.input_types[0] != "int16":
            shrunk = _shrunk(model, layer)
            if shrunk is not None:
                found[layer.name] = shrunk
    return replace(model, weights={**model.weights, **found}) if found else model


def _shrunk(model: QuantizedModel, layer: Conv2D | DepthwiseConv2D | FullyConnected) -> LayerWeights | None:
    """Returns the weights of a layer with its large constant filters shrunk; None where there are none."""
    w, source, target = model.weights[layer.name], model.quant[layer.inputs[0]], model.quant[layer.name]
    if w.zero_point:
        return None
    values = w.weights.reshape(-1, w.weights.shape[-1]).T if isinstance(layer, DepthwiseConv2D) else w.weights
    rows = values.reshape(len(values), -1).astype(np.int64)
    own = np.zeros(len(rows), np.int64) if w.bias is None else w.bias.astype(np.int64)
    bias = own - source.zero_point * rows.sum(axis=1)
    least = bias + np.minimum(rows * -128, rows * 127).sum(axis=1)
    most = bias + np.maximum(rows * -128, rows * 127).sum(axis=1)
    multiplier, shift = (np.broadcast_to(v, len(rows)) for v in conv_rescale(source, w.scales, target))
    magnitudes = np.abs(rows).sum(axis=1)
    left = np.clip(shift, 0, 31)
    whole = np.maximum(np.abs(least), np.abs(most)) << left < SUM_LIMIT  # nothing wraps at 32 bits
    whole &= (magnitudes * 255 + np.abs(own)) < SUM_LIMIT
    low, high = (limit - target.zero_point for limit in activation_range(layer.activation, target))
    codes, other = (
        multiply_by_quantized_multiplier(np.where(whole, sums, 0), multiplier, np.minimum(shift, 31)).clip(low, high)
        for sums in (least, most)
    )
    large = (multiplier > 0) & ((shift > -1) | (shift < LEAST_SHIFT))
    large |= (np.abs(bias) >= PACKED_BIAS_LIMIT) | (magnitudes * 256 + np.abs(own) >= DOUBLED_LIMIT)
    large |= (magnitudes * 128 >= conv_weights.FILTER_SUM_LIMIT) | (rows == -128).any(axis=1)
    gone = whole & (codes == other) & large
    if not gone.any():
        return None
    scale = np.float32(float(np.float32(target.scale)) / float(np.float32(source.scale)) / _UNITS)
    scales = np.where(gone, scale, w.scales).astype(np.float32)
    biases = np.where(gone, _UNITS * codes, own).astype(np.int32)
    chosen = conv_rescale(source, scales, target)
    if not np.array_equal(multiply_by_quantized_multiplier(biases.astype(np.int64), *chosen)[gone], codes[gone]):
        return None  # the scale is beyond what float32 holds
    return LayerWeights(_without(w.weights, gone, layer), scales, biases)


def _without(
    weights: npt.NDArray[np.int8], gone: npt.NDArray[np.bool_], layer: Conv2D | DepthwiseConv2D | FullyConnected
) -> npt.NDArray[np.int8]:
    """Returns weights in which those of the output channels `gone` are 0."""
    kept = weights.copy()
    if isinstance(layer, DepthwiseConv2D):
        kept[..., gone] = 0
    else:
        kept[gone] = 0
    return kept
