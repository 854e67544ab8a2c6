"""`untrained`: a network with random weights, for what does not depend on them: time and memory on a board."""

from __future__ import annotations

import math

import numpy as np

from micronets.ir.arch import Arch, Step
from micronets.ir.layers import (
    INPUT,
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Softmax,
)
from micronets.quantized.arithmetic import bit_range
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant

_PEAK = 4.0  # the largest weight in standard deviations, about what the filters of trained networks have
_SCALES = (0.03, 0.1)  # of activations; each has its own, as in a trained network


def untrained(arch: Arch, seed: int = 0) -> QuantizedModel:
    """`arch` with normally distributed weights; no filter is constant, few outputs saturate."""
    rng = np.random.default_rng(seed)
    quant: dict[str, TensorQuant] = {}
    weights: dict[str, LayerWeights] = {}
    if not isinstance(arch.layers[0], Quantize):
        quant[INPUT] = _activation("none", 8, rng)
    for step in arch.steps():
        layer, source = step.layer, quant.get(step.layer.inputs[0])
        match layer:
            case Conv2D() | DepthwiseConv2D() | FullyConnected():
                quant[layer.name] = _activation(layer.activation, layer.act_bits, rng)
                assert source is not None
                weights[layer.name] = _weights(step, layer, quant[layer.name].scale / source.scale, rng)
            case Add():
                quant[layer.name] = _activation(layer.activation, layer.act_bits, rng)
            case Quantize():
                quant[layer.name] = source or _activation("none", layer.act_bits, rng)
            case AveragePool2D() | MaxPool2D() | Mean() | Pad() | Reshape() | Relu():
                assert source is not None
                quant[layer.name] = source
            case Softmax():
                quant[layer.name] = TensorQuant(1 / 256, -128)
            case Dequantize():
                pass
    return QuantizedModel(arch, quant, weights)


def _activation(activation: str, bits: int, rng: np.random.Generator) -> TensorQuant:
    """As converters have it, what is rectified fills its codes: the clamp then costs nothing, which kernels know."""
    lowest, highest = bit_range(bits)
    scale = float(np.float32(rng.uniform(*_SCALES) * 2 ** (8 - bits)))
    match activation:
        case "none":
            return TensorQuant(scale, int(rng.integers(lowest // 8, highest // 8 + 1)))
        case "relu6":
            return TensorQuant(float(np.float32(rng.uniform(0.5, 1) * 6 / (highest - lowest))), lowest)
        case _:
            return TensorQuant(scale, lowest)


def _weights(
    step: Step, layer: Conv2D | DepthwiseConv2D | FullyConnected, ratio: float, rng: np.random.Generator
) -> LayerWeights:
    x, channels = step.input_shapes[0], step.output_shape[-1]
    match layer:
        case Conv2D(kernel=kernel):
            shape: tuple[int, ...] = (channels, *kernel, x[2])
        case DepthwiseConv2D(kernel=kernel):
            shape = (1, *kernel, channels)
        case FullyConnected():
            shape = (channels, math.prod(x))
    limit = bit_range(layer.weight_bits)[1]
    taps = math.prod(shape) // channels
    codes = np.clip(np.rint(rng.normal(0, limit / _PEAK, shape)), -limit, limit).astype(np.int8)
    axis = 3 if isinstance(layer, DepthwiseConv2D) else 0
    np.moveaxis(codes, axis, 0).reshape(channels, -1)[:, 0] |= 1  # not all zero
    gain = math.sqrt(2) * ratio / (math.sqrt(taps) * limit / _PEAK)  # a rectifier halves the variance
    one = isinstance(layer, FullyConnected)  # as `export` has it
    scales = (gain * rng.uniform(0.7, 1.4, 1 if one else channels)).astype(np.float32)
    bias = rng.integers(-1000, 1001, channels).astype(np.int32)
    return LayerWeights(codes, scales, bias)
