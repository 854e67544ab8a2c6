"""`with_random_weights`: a network to measure what does not depend on weights, such as time and memory on a board."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.ir.arch import Arch, Step
from micronets.ir.layers import SignalFilterBank, Svdf, TensorSpec, UnidirectionalSequenceLstm
from micronets.ir.ops import Weights
from micronets.ir.ops.lstm import GATES
from micronets.ir.scales import scale_owners
from micronets.ir.types import BITS, UNSCALED, Type, code_range
from micronets.quantized.arithmetic import bit_range, dtype_of
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import FIXED

_PEAK = 4.0  # the largest weight in standard deviations, about what the filters of trained networks have
_SCALE_RANGE = (0.03, 0.1)  # the least and the largest scale of an activation; each is drawn independently


def with_random_weights(arch: Arch, seed: int = 0) -> QuantizedModel:
    """Returns a network with normally distributed weights.

    - arch: the network.
    - seed: decides the weights, the scales and the zero points.

    The scales are such that few outputs saturate, and no filter is constant, so that the compiler removes nothing.
    """
    rng = np.random.default_rng(seed)
    owners = scale_owners(arch.steps())
    quant: dict[str, TensorQuant] = {
        owners[name]: FIXED[s.operator.scale]
        for s in arch.steps()
        if s.operator.scale in FIXED
        for name in s.layer.outputs
    }
    weights: dict[str, LayerWeights] = {}
    types = arch.types()
    for spec in arch.inputs:
        if spec.name not in quant and spec.type not in UNSCALED:
            quant[spec.name] = _random_quant("none", spec.type, rng)
    constants = {c.name: _random_codes(c, rng) for c in arch.constants}
    quant |= {c.name: _random_quant("none", c.type, rng) for c in arch.constants if c.type not in UNSCALED}
    for spec in arch.own_variables().values():
        if spec.type not in UNSCALED:
            quant[spec.name] = _random_quant("none", spec.type, rng)
    for step in arch.steps():
        layer, facts, source = step.layer, step.operator, quant.get((*step.layer.inputs, "")[0])
        for name in layer.outputs:
            if owners[name] in quant:
                quant[name] = quant[owners[name]]
            elif facts.within_input and source is not None and types[name] == types[layer.inputs[0]]:
                quant[name] = source
            elif types[name] not in UNSCALED:
                quant[name] = _random_quant(facts.activation or "none", types[name], rng)
        match layer:
            case Svdf():
                _set_svdf(layer, step, quant, constants, rng)
            case UnidirectionalSequenceLstm():
                _set_lstm(layer, step, quant, constants, rng)
            case SignalFilterBank():
                _set_filter_bank(layer, step, constants)
            case _:
                pass
        if step.weights is not None:
            assert source is not None
            weights[layer.name] = _weights(step.weights, quant[layer.name].scale / source.scale, rng)
    bound = (name for name in constants if owners[name] != name and name in quant)
    quant |= {name: quant[owners[name]] for name in bound}
    return QuantizedModel(arch, quant, weights, constants=constants)


def _set_svdf(
    layer: Svdf,
    step: Step,
    quant: dict[str, TensorQuant],
    constants: dict[str, npt.NDArray[Any]],
    rng: np.random.Generator,
) -> None:
    """Sets the constants of an Svdf and the scales of these and of what it keeps, so that few codes saturate.

    - quant, constants: those of the network; the scales of the layer's input and output are there.
    """
    x, features, ages, bias = layer.inputs
    (filters, size), (_, memory) = step.input_shapes[1:3]
    low, high = code_range(layer.of)
    limits = {features: 127, ages: high}
    for name in (features, ages):
        drawn = np.rint(rng.normal(0, limits[name] / _PEAK, constants[name].shape))
        constants[name] = np.clip(drawn, -limits[name], limits[name]).astype(constants[name].dtype)
        constants[name][..., 0] |= 1  # no filter is all zero
    constants[bias] = rng.integers(-1000, 1001, constants[bias].shape).astype(np.int32)
    kept = float(np.float32(rng.uniform(*_SCALE_RANGE) * 256 / (high - low)))
    products = kept / quant[x].scale / (math.sqrt(size) * 127 / _PEAK)
    quant[features] = TensorQuant(float(np.float32(products)), 0)
    zero_point = int(rng.integers(-16, 16)) if layer.of == "int8" else 0
    quant[layer.variable] = TensorQuant(kept, zero_point)
    sums = quant[layer.name].scale / kept / (math.sqrt(memory * filters // step.output_shape[0]) * high / _PEAK)
    quant[ages] = TensorQuant(float(np.float32(sums)), 0)
    quant[bias] = TensorQuant(float(np.float32(kept) * np.float32(sums)), 0)


def _set_lstm(
    layer: UnidirectionalSequenceLstm,
    step: Step,
    quant: dict[str, TensorQuant],
    constants: dict[str, npt.NDArray[Any]],
    rng: np.random.Generator,
) -> None:
    """Sets the constants of an LSTM and the scales of these and of what it keeps, so that gates open and close.

    - quant, constants: those of the network; the scale of the layer's input is there.
    """
    quant[layer.hidden] = TensorQuant(float(np.float32(rng.uniform(0.006, 0.008))), int(rng.integers(-16, 16)))
    quant[layer.cell] = TensorQuant(2.0 ** -int(rng.integers(10, 13)), 0)
    quant[layer.name] = quant[layer.hidden]
    for k, name in enumerate(layer.inputs[1 : 1 + 2 * GATES], start=1):
        vectors = quant[layer.inputs[0] if k <= GATES else layer.hidden]
        drawn = np.rint(rng.normal(0, 127 / _PEAK, step.input_shapes[k]))
        constants[name] = np.clip(drawn, -127, 127).astype(np.int8)
        reach = vectors.scale * 64 * math.sqrt(step.input_shapes[k][1]) * 127 / _PEAK
        quant[name] = TensorQuant(float(np.float32(rng.uniform(0.7, 2) / reach)), 0)
    for k, name in enumerate(layer.inputs[1 + 2 * GATES :], start=1):
        scale = float(np.float32(quant[layer.inputs[0]].scale) * np.float32(quant[layer.inputs[k]].scale))
        quant[name] = TensorQuant(scale, 0)
        constants[name] = np.rint(rng.uniform(-1, 1, constants[name].shape) / scale).astype(np.int32)


def _set_filter_bank(layer: SignalFilterBank, step: Step, constants: dict[str, npt.NDArray[Any]]) -> None:
    """Sets the constants of a SignalFilterBank, so that its intervals divide as many bins as there are weights."""
    rising, falling, starts, weight_starts, widths = layer.inputs[1:]
    (bins,), (weights,) = step.input_shapes[:2]
    edges = np.linspace(0, min(bins, weights), step.input_shapes[3][0] + 1).astype(np.int16)
    constants[starts] = constants[weight_starts] = edges[:-1]
    constants[widths] = np.diff(edges)
    constants[rising] &= 4095
    constants[falling] = 4096 - constants[rising]


def _random_codes(of: TensorSpec, rng: np.random.Generator) -> npt.NDArray[Any]:
    """Returns random codes of a constant, or standard normal numbers where it is float32."""
    if of.type == "float32":
        return rng.normal(0, 1, of.shape).astype(np.float32)
    lowest, highest = code_range(of.type)
    return rng.integers(lowest, highest, of.shape, endpoint=True).astype(dtype_of(of.type))


def _random_quant(activation: str, of: Type, rng: np.random.Generator) -> TensorQuant:
    """Returns a random quantisation for an activation.

    A rectified one has the least code as its zero point, as converters choose it; kernels are faster there. That of
    int16 is always 0, and truth values have the scale 1.
    """
    if of == "bool":
        return FIXED["1"]
    lowest, highest = (0, code_range(of)[1]) if of == "int16" else code_range(of)
    scale = float(np.float32(rng.uniform(*_SCALE_RANGE) * 2 ** (8 - BITS[of])))
    match activation:
        case "none":
            middle, reach = (lowest + highest + 1) // 2, (highest - lowest + 1) // 16
            drawn = int(rng.integers(-reach, reach))
            return TensorQuant(scale, 0 if of == "int16" else middle + drawn)
        case "relu6":
            return TensorQuant(float(np.float32(rng.uniform(0.5, 1) * 6 / (highest - lowest))), lowest)
        case "relu_n1_to_1":
            return TensorQuant(float(np.float32(rng.uniform(0.5, 1) / highest)), 0)
        case _:
            return TensorQuant(scale, lowest)


def _weights(sizes: Weights, ratio: float, rng: np.random.Generator) -> LayerWeights:
    """Returns random weights of the given sizes; `ratio` is the scale of the output over that of the input."""
    limit = bit_range(sizes.bits)[1]
    codes = np.clip(np.rint(rng.normal(0, limit / _PEAK, sizes.shape)), -limit, limit).astype(np.int8)
    np.moveaxis(codes, sizes.axis, 0).reshape(sizes.channels, -1)[:, 0] |= 1  # no filter is all zero
    gain = math.sqrt(2) * ratio / (math.sqrt(sizes.taps) * limit / _PEAK)  # a rectifier halves the variance
    scales = np.asarray(gain * rng.uniform(0.7, 1.4, (sizes.scales,)), np.float32)
    bias = rng.integers(-1000, 1001, (sizes.channels,))
    return LayerWeights(
        codes, scales, np.asarray(bias, np.int32) if sizes.bias_bytes == 4 else np.asarray(bias, np.int64)
    )
