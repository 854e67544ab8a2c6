"""`quantised_network`: makes a `QuantizedModel` of a `FloatNetwork` and the ranges of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError
from micronets.importers.interpreter import Visit
from micronets.importers.network import FloatNetwork, FloatWeights, with_layers
from micronets.importers.ranges import Range
from micronets.ir.arch import Step
from micronets.ir.layers import Layer, Quantize
from micronets.ir.ops import operator
from micronets.ir.scales import scale_owners
from micronets.quantized.arithmetic import BIAS_LIMIT, bit_range, dequantize, quantize
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import FIXED, validate

Array = npt.NDArray[Any]

_STEPS = 255


def with_requantised_joins(network: FloatNetwork) -> FloatNetwork:
    """Returns the network with a Quantize in front of every join of tensors that cannot have its scale.

    The kernels of Concatenation, Minimum and Maximum take tensors of one scale. A tensor whose scale is fixed, because
    a Softmax, a Logistic or a Tanh makes it or the file sets it, is brought to theirs.
    """
    layers: list[Layer] = []
    bound: set[str] = set(network.given)
    taken = {name for layer in network.arch.layers for name in layer.outputs}
    for layer in network.arch.layers:
        scale = operator(layer).scale
        if scale == "all inputs'" and bound.intersection(layer.inputs):
            inputs = []
            for name in layer.inputs:
                own = network.given.get(layer.name)
                if name in bound and (own is None or network.given.get(name) != own):
                    fresh = f"{name[:40]}_q"
                    while fresh in taken:
                        fresh += "_"
                    taken.add(fresh)
                    layers.append(Quantize(name=fresh, inputs=(name,)))
                    name = fresh
                inputs.append(name)
            layer = replace(layer, inputs=tuple(inputs))
        if scale in FIXED or (scale in ("the input's", "copied codes") and layer.inputs[0] in bound):
            bound |= set(layer.outputs)
        layers.append(layer)
    return with_layers(network, tuple(layers))


def tensor_quant(bounds: Range) -> TensorQuant:
    """Returns the int8 scale and zero point of a range, whose ends move so that 0 has a code of its own."""
    low, high = min(0.0, bounds[0]), max(0.0, bounds[1])
    if high - low < 1e-9:  # a tensor of zeros
        high = 1.0
    scale = float(np.float32((high - low) / _STEPS))
    return TensorQuant(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def rounded_to(quant: TensorQuant, values: Array) -> Array:
    """Returns the real values that the int8 codes of some values stand for."""
    scale = np.float32(quant.scale)
    codes = np.rint(values / scale)
    np.clip(codes, -128 - quant.zero_point, 127 - quant.zero_point, out=codes)
    codes *= scale
    return codes


def quantised_network(
    network: FloatNetwork, ranges: Mapping[str, Range], corrections: Mapping[str, Array] | None = None
) -> QuantizedModel:
    """Returns the integer model of a network.

    - network: the network, as `with_requantised_joins` returns it.
    - ranges: the range of every tensor that owns a scale, constants included, unless the file sets it.
    - corrections: what is added to the biases of layers, `[outputs]`, by the layer's name.

    Weights are symmetric: a scale for each output channel, or one for a FullyConnected layer, unless the file sets
    others. Raises `SpecError` for a tensor without a range.
    """
    arch = network.arch
    owners = dict(scale_owners(arch.steps()))
    types = arch.types() | {c.name: c.type for c in arch.constants}
    fixed: dict[str, TensorQuant] = {}
    for step in arch.steps():
        if step.operator.scale in FIXED:
            fixed |= {owners[name]: FIXED[step.operator.scale] for name in step.layer.outputs}
    for name, quant in network.given.items():
        fixed.setdefault(owners.get(name, name), quant)
    quants: dict[str, TensorQuant] = {}
    for name in types:
        owner = owners.get(name, name)
        if types[name] != "int8":
            quants[name] = FIXED["1"]
        elif owner in fixed:
            quants[name] = fixed[owner]
        elif owner in ranges:
            quants[name] = tensor_quant(ranges[owner])
        elif name in network.constants and owner == name:
            values = network.constants[name]
            quants[name] = tensor_quant((float(values.min()), float(values.max())))
        else:
            raise SpecError(f"tensor '{name}' has no scale in the file; give typical inputs with --calibrate")
    weights = {
        step.layer.name: _layer_weights(
            step,
            network.weights[step.layer.name],
            quants[step.layer.inputs[0]].scale,
            quants[step.layer.name].scale,
            None if corrections is None else corrections.get(step.layer.name),
        )
        for step in arch.steps()
        if step.weights is not None
    }
    constants = {c.name: quantize(network.constants[c.name], quants[c.name]) for c in arch.constants}
    model = QuantizedModel(arch, quants, weights, dict(network.metadata), constants)
    validate(model)
    return model


def _layer_weights(
    step: Step, w: FloatWeights, input_scale: float, output_scale: float, correction: Array | None
) -> LayerWeights:
    """Quantises the weights of a layer and its bias, whose unit is the input's scale times that of the weights.

    - step: the layer.
    - w: its float parameters.
    - input_scale, output_scale: the scales of its input and of its output.
    - correction: what is added to its bias; None for nothing.
    """
    sizes = step.weights
    assert sizes is not None
    top = bit_range(sizes.bits)[1]
    rows = np.moveaxis(w.kernel, sizes.axis, 0).reshape(sizes.channels, -1).astype(np.float64)
    bias = w.bias.astype(np.float64) + (0 if correction is None else correction)
    if w.scales is None:
        #  A channel with tiny weights needs a larger scale, or its bias would not fit into int32.
        least = np.maximum(np.abs(bias) / (input_scale * BIAS_LIMIT), 1e-9 * output_scale / input_scale)
        scales = np.maximum(np.abs(rows).max(axis=1) / top, least).astype(np.float32)
        if sizes.one_scale:
            scales = scales.max(keepdims=True)
    else:
        scales = w.scales
    steps = scales.astype(np.float64)
    lowest = -top if w.scales is None else -top - 1
    codes = np.clip(np.rint(rows / np.where(steps > 0, steps, 1)[:, None]), lowest, top).astype(np.int8)
    shape = np.moveaxis(w.kernel, sizes.axis, 0).shape
    real = bias / np.where(steps > 0, input_scale * steps, 1)
    return LayerWeights(
        np.ascontiguousarray(np.moveaxis(codes.reshape(shape), 0, sizes.axis)),
        scales,
        np.clip(np.rint(real), -(2**31), 2**31 - 1).astype(np.int32),
    )


def simulated(model: QuantizedModel) -> tuple[FloatNetwork, Visit]:
    """Returns a float network that computes an integer model, except for the rounding of its rescaling.

    The second value is what `interpreter.execute` calls for every tensor: it rounds to the model's codes.
    """
    arch = model.arch
    weights: dict[str, FloatWeights] = {}
    for step in arch.steps():
        if step.weights is None:
            continue
        w, axis = model.weights[step.layer.name], step.weights.axis
        shape = [1] * w.weights.ndim
        shape[axis] = len(w.scales)
        kernel = w.weights.astype(np.float32) * w.scales.reshape(shape)
        unit = np.float32(model.quant[step.layer.inputs[0]].scale) * w.scales
        bias = np.zeros(step.weights.channels, np.float32) if w.bias is None else w.bias.astype(np.float32) * unit
        weights[step.layer.name] = FloatWeights(kernel, bias)
    constants = {name: dequantize(codes, model.quant[name]) for name, codes in model.constants.items()}

    def rounded(name: str, values: Array) -> Array:
        return values if values.dtype.kind != "f" else rounded_to(model.quant[name], values)

    return FloatNetwork(arch, weights, constants), rounded
