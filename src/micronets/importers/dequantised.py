"""`dequantised`: the real numbers that the integers of a quantised network stand for."""

from __future__ import annotations

import numpy as np

from micronets.errors import UnsupportedError
from micronets.importers.network import FloatNetwork, FloatWeights
from micronets.ir.layers import DepthwiseConv2D, FullyConnected
from micronets.ir.types import code_range
from micronets.quantized.arithmetic import dequantize
from micronets.quantized.model import LayerWeights, QuantizedModel


def dequantised(model: QuantizedModel, where: str = "model") -> FloatNetwork:
    """Returns a network that computes in float32 with the weights and constants that a quantised network stands for.

    It computes nearly the same as long as every tensor is clipped to its `code_ranges`: the codes of an activation
    saturate, which many models use in place of a rectifier.

    - model: the quantised network, of one input.
    - where: its name in error messages.

    Raises `UnsupportedError` for a network of several inputs, or with a state between inputs.
    """
    arch = model.arch
    if len(arch.inputs) > 1:
        raise UnsupportedError(f"{where}: {len(arch.inputs)} inputs; need a model of one input")
    if arch.variables():
        raise UnsupportedError(f"{where}: the model keeps a state between inputs; need a model without one")
    weights = {}
    for step in arch.steps():
        layer = step.layer
        if layer.name not in model.weights:
            continue
        held = model.weights[layer.name]
        source = model.quant.get(layer.inputs[0])
        kernel = _real_kernel(held, isinstance(layer, DepthwiseConv2D), isinstance(layer, FullyConnected))
        outputs = kernel.shape[-1 if isinstance(layer, DepthwiseConv2D) else 0]
        bias = np.zeros(outputs, np.float32)
        if held.bias is not None and source is not None:
            bias = (held.bias * np.asarray(held.scales, np.float64) * source.scale).astype(np.float32)
        weights[layer.name] = FloatWeights(kernel, bias)
    constants = {
        name: dequantize(codes, model.quant[name]) if name in model.quant else np.asarray(codes, np.float32)
        for name, codes in model.constants.items()
    }
    return FloatNetwork(arch, weights, constants, model.metadata)


def _real_kernel(held: LayerWeights, depthwise: bool, dense: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Returns the real weights in the layout of the codes."""
    codes = held.centred.astype(np.float32)
    scales = np.asarray(held.scales, np.float32)
    shape = (-1,) if depthwise else (-1, 1) if dense else (-1, 1, 1, 1)
    return np.ascontiguousarray(codes * scales.reshape(shape), np.float32)


def code_ranges(model: QuantizedModel) -> dict[str, tuple[float, float]]:
    """Returns the least and the greatest real value of every tensor of integer type, the input included, by name."""
    kinds = model.arch.types()
    found = {}
    for name, quant in model.quant.items():
        if name in model.constants:
            continue
        low, high = code_range(kinds[name])
        found[name] = quant.scale * (low - quant.zero_point), quant.scale * (high - quant.zero_point)
    return found
