"""`to_quantized`: turns a fake-quantised `Net` into the integers of a `QuantizedModel`; `tflite` writes its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from micronets.design.fakequant import FakeQuant, folded_batch_norm, scale_and_zero
from micronets.design.net import Net
from micronets.errors import SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import DepthwiseConv2D, Softmax, Weighted
from micronets.quantized.arithmetic import BIAS_LIMIT, bit_range
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant


def to_quantized(net: Net, metadata: Mapping[str, str] | None = None, *, softmax: bool = False) -> QuantizedModel:
    """Makes the integer model that a fake-quantised network simulates.

    - `net`: a network on which `fakequant.attach` was called.
    - `metadata`: texts by name that the model carries, such as labels.
    - `softmax`: whether to append a Softmax layer if the network does not end with one.

    Raises `SpecError` for a network in float.
    """
    quantizer = net.quantizer
    if not isinstance(quantizer, FakeQuant):
        raise SpecError("to_quantized: the network is in float; call fakequant.attach and train it first")
    arch = _with_softmax(net.arch) if softmax else net.arch
    with torch.no_grad():
        bounds = quantizer.bounds().double().cpu().tolist()
        by_owner = {
            name: _tensor_quant(bounds[i][0], bounds[i][1], quantizer.bits[name]) for name, i in quantizer.index.items()
        }
        quant = {name: by_owner[owner] for name, owner in quantizer.owners.items()}
        weights = {
            s.layer.name: _layer_weights(net, quantizer, s.layer, quant[s.layer.inputs[0]].scale)
            for s in net.steps
            if isinstance(s.layer, Weighted)
        }
    if isinstance(arch.layers[-1], Softmax):
        quant[arch.output] = TensorQuant(1 / 256, -128)
    return QuantizedModel(arch, quant, weights, dict(metadata or {}))


def _tensor_quant(lo: float, hi: float, bits: int) -> TensorQuant:
    """Returns the scale, rounded to float32, and the zero point of a range."""
    scale, zero = scale_and_zero(lo, hi, bits)
    return TensorQuant(float(np.float32(scale)), zero)


def _layer_weights(net: Net, quantizer: FakeQuant, layer: Weighted, input_scale: float) -> LayerWeights:
    """Quantises the weights of a layer and its bias, whose scale is input_scale times that of the weights."""
    weight, bias = (t.detach().cpu().double().numpy() for t in folded_batch_norm(net.cell(layer)))
    scales = quantizer.weight_scale(layer, folded_batch_norm(net.cell(layer))[0]).detach().cpu().double().numpy()
    # A channel with tiny weights but a bias needs a larger scale, or the bias would not fit int32.
    scales = np.maximum(scales, np.abs(bias) / (input_scale * BIAS_LIMIT)).astype(np.float32)
    if layer.name in quantizer.one_scale:
        scales = scales.max(keepdims=True)
    top = bit_range(layer.weight_bits)[1]
    columns = scales.astype(np.float64).reshape(-1, *[1] * (weight.ndim - 1))
    codes = np.clip(np.rint(weight / columns), -top, top).astype(np.int8)
    match weight.ndim:
        case 4 if isinstance(layer, DepthwiseConv2D):
            codes = codes.transpose(1, 2, 3, 0)
        case 4:
            codes = codes.transpose(0, 2, 3, 1)
        case _:
            pass
    real = bias / (input_scale * scales.astype(np.float64))
    return LayerWeights(np.ascontiguousarray(codes), scales, np.rint(real).astype(np.int32))


def _with_softmax(arch: Arch) -> Arch:
    """Returns the network with a Softmax layer at its end."""
    if isinstance(arch.layers[-1], Softmax):
        return arch
    name = "softmax"
    while name in arch.shapes():
        name += "_"
    return replace(arch, layers=(*arch.layers, Softmax(name=name, inputs=(arch.output,))))
