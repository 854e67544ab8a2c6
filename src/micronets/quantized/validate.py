"""Whether a `QuantizedModel` is complete and consistent; asked by whoever takes one from outside."""

from __future__ import annotations

import math

import numpy as np

from micronets.errors import SpecError
from micronets.ir.arch import Step
from micronets.ir.layers import (
    INPUT,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    MaxPool2D,
    Quantize,
    Softmax,
)
from micronets.quantized.arithmetic import bit_range
from micronets.quantized.model import LayerWeights, QuantizedModel

Weighted = Conv2D | DepthwiseConv2D | FullyConnected

SOFTMAX_SCALE, SOFTMAX_ZERO_POINT = 1 / 256, -128
_LARGEST_SCALE = 2.0**120  # 255 steps of which are a float32


def validate(model: QuantizedModel) -> None:
    """Raises `SpecError` unless every layer has the weights, and every integer tensor the scale, that it needs.

    Float tensors are allowed at the edges only: an input that nothing but Quantize reads, an output of Dequantize.
    """
    arch = model.arch
    for layer in arch.layers:
        for i in layer.inputs:
            if i not in model.quant and not (i == INPUT and isinstance(layer, Quantize)):
                raise SpecError(f"layer '{layer.name}': its input '{i}' has no scale; only a Quantize layer reads float input")
        if isinstance(layer, Dequantize):
            if layer.name != arch.output or layer.name in model.quant:
                raise SpecError(f"layer '{layer.name}': Dequantize must be the last layer, with a float output (no scale)")
        elif layer.name not in model.quant:
            raise SpecError(f"layer '{layer.name}': its output has no scale and zero point")
    bits = arch.bits()
    for name, quant in model.quant.items():
        if name not in bits:
            raise SpecError(f"tensor '{name}' has a scale but is not in the architecture")
        lo, hi = bit_range(bits[name])
        scale = float(np.float32(quant.scale))
        if not 0 < scale < _LARGEST_SCALE:
            raise SpecError(f"tensor '{name}': scale {quant.scale} is not a positive float32 below 2**120")
        if not lo <= quant.zero_point <= hi:
            raise SpecError(f"tensor '{name}': zero point {quant.zero_point} is outside [{lo}, {hi}] of {bits[name]} bits")
    for step in arch.steps():
        _check_step(model, step)


def weights_shape(step: Step) -> tuple[int, ...]:
    """Shape of the weights of a Conv2D, DepthwiseConv2D or FullyConnected step."""
    layer, x = step.layer, step.input_shapes[0]
    if isinstance(layer, Conv2D):
        return (layer.filters, *layer.kernel, x[2])
    if isinstance(layer, DepthwiseConv2D):
        return (1, *layer.kernel, x[2] * layer.multiplier)
    if isinstance(layer, FullyConnected):
        return (layer.units, math.prod(x))
    raise TypeError(type(layer).__name__)


def _check_step(model: QuantizedModel, step: Step) -> None:
    layer = step.layer
    where = f"layer '{layer.name}'"
    if isinstance(layer, Weighted):
        if layer.name not in model.weights:
            raise SpecError(f"{where}: {type(layer).__name__} has no weights")
        _check_weights(model.weights[layer.name], step, layer.weight_bits, where)
    elif layer.name in model.weights:
        raise SpecError(f"{where}: {type(layer).__name__} takes no weights")
    if isinstance(layer, (AveragePool2D, MaxPool2D)):
        x, y = model.quant[layer.inputs[0]], model.quant[layer.name]
        if abs(x.scale - y.scale) > 1e-6 or x.zero_point != y.zero_point:
            raise SpecError(
                f"{where}: {type(layer).__name__} keeps scale and zero point, {x.scale} and {x.zero_point}; not {y}"
            )
    if isinstance(layer, Softmax):
        q = model.quant[layer.name]
        if (q.scale, q.zero_point) != (SOFTMAX_SCALE, SOFTMAX_ZERO_POINT):
            raise SpecError(f"{where}: Softmax gives scale 1/256 and zero point -128, not {q.scale} and {q.zero_point}")
        if not (math.isfinite(layer.beta) and layer.beta > 0):
            raise SpecError(f"{where}: beta = {layer.beta}; need a positive number")


def _check_weights(w: LayerWeights, step: Step, bits: int, where: str) -> None:
    shape = weights_shape(step)
    outputs = step.output_shape[-1]
    lo, hi = bit_range(bits)
    if w.weights.dtype != np.int8 or w.weights.shape != shape:
        raise SpecError(f"{where}: weights are {w.weights.dtype} {w.weights.shape}; need int8 {shape}")
    if int(w.weights.min()) < lo or int(w.weights.max()) > hi:
        raise SpecError(f"{where}: weights span [{w.weights.min()}, {w.weights.max()}]; {bits} bits hold [{lo}, {hi}]")
    if w.scales.dtype != np.float32 or w.scales.shape not in ((1,), (outputs,)):
        raise SpecError(f"{where}: scales are {w.scales.dtype} {w.scales.shape}; need float32 ({outputs},) or (1,)")
    if not (np.isfinite(w.scales).all() and (w.scales > 0).all()):
        raise SpecError(f"{where}: a weight scale is not a positive number")
    if w.bias is not None and (w.bias.dtype != np.int32 or w.bias.shape != (outputs,)):
        raise SpecError(f"{where}: bias is {w.bias.dtype} {w.bias.shape}; need int32 ({outputs},)")
