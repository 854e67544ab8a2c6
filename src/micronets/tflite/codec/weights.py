"""Weights and biases: read from a file, and the sizes that they give their layer."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

import numpy as np

from micronets.ir.layers import Conv2D, DepthwiseConv2D, FullyConnected, Layer, TransposeConv2D, Weighted
from micronets.ir.ops import operator
from micronets.quantized.model import LayerWeights
from micronets.tflite import schema as s
from micronets.tflite.codec.record import FileOperator
from micronets.tflite.tensors import Graph, Tensor


def weights_of(graph: Graph, o: FileOperator, layer: Weighted) -> tuple[Weighted, LayerWeights]:
    """Returns the layer with its sizes taken from the weights, and the weights.

    - graph: the tensors of the file.
    - o: the operator.
    - layer: what `layers_of` made of it.

    Raises `FileError` for a damaged file, and `UnsupportedError` for what micronets does not support.
    """
    tensor = graph.tensor(o.inputs[1])
    values = graph.constant(tensor, (s.TensorType.INT8, s.TensorType.INT4))
    bits = 4 if tensor.type == s.TensorType.INT4 else 8
    of_int16 = graph.activation_type(graph.tensor(o.activations[0])) == "int16"
    make = operator(layer).weights
    assert make is not None
    want = make((1, 1, 1))
    rank, axis = len(want.shape), want.axis
    if values.ndim != rank:
        raise graph.damaged(f"the weights, {tensor.label}, have {values.ndim} dimensions, not {rank}")
    outputs = values.shape[axis]
    scales, zero_points, dimension = graph.quantization(tensor, least=0)
    if len(scales) not in (1, outputs) or (len(scales) > 1 and dimension != axis):
        raise graph.damaged(
            f"the weights, {tensor.label}, have {len(scales)} scales along {dimension} for {outputs} outputs"
        )
    one = isinstance(layer, FullyConnected) and len(scales) == len(zero_points) == 1 and bits == 8
    if not len(zero_points) or (zero_points.any() and not one):
        raise graph.unsupported(
            f"the weights, {tensor.label}, have a zero point, which TFLM takes of 8-bit weights of a FULLY_CONNECTED "
            "with one scale only"
        )
    zero_point = int(zero_points[0]) if one else 0
    if not -128 <= zero_point <= 127:
        raise graph.damaged(f"the weights, {tensor.label}, have the zero point {zero_point}")
    if of_int16 and (zero_point or bits == 4):
        what = "4 bits" if bits == 4 else f"the zero point {zero_point}"
        raise graph.unsupported(
            f"the weights, {tensor.label}, have {what}; with activations of int16 they need 8 bits and the zero point 0"
        )
    bias = None
    place = bias_place(layer)
    if isinstance(layer, DepthwiseConv2D | TransposeConv2D) and len(o.inputs) > place and o.inputs[place] == -1:
        raise graph.unsupported(
            "its bias is left out as tensor -1, which TFLM's kernel reads all the same and crashes; give it "
            f"{'two' if place == 2 else 'three'} inputs"
        )
    if len(o.inputs) > place and o.inputs[place] != -1:
        bias_tensor = graph.tensor(o.inputs[place])
        bias = graph.constant(bias_tensor, _bias_types(layer, of_int16))
        if bias.shape != (outputs,):
            raise graph.damaged(f"the bias, {bias_tensor.label}, has the shape {list(bias.shape)}, not [{outputs}]")
        if isinstance(layer, FullyConnected) and len(scales) == 1:
            _check_bias_scale(graph, o, bias_tensor, float(scales[0]))
    elif of_int16 and _sums_32_bits(o, layer):
        bias = np.zeros(outputs, np.int32)  # TFLM's kernel sums in 32 bits, as with such a bias
    layer = sized(graph, o, layer, values.shape, bits)
    return layer, LayerWeights(values, np.asarray(scales, np.float32), bias, zero_point)


def _sums_32_bits(o: FileOperator, layer: Weighted) -> bool:
    """Returns whether the options of an operator without a bias say that sums of products have 32 bits and not 64."""
    match layer:
        case Conv2D():
            return bool(o.option(s.Conv2DSlot.BIAS_TYPE, "b") == s.TensorType.INT32)
        case FullyConnected():
            return bool(o.option(s.FullyConnectedSlot.BIAS_TYPE, "b") == s.TensorType.INT32)
        case _:
            return False


def _bias_types(layer: Weighted, of_int16: bool) -> tuple[s.TensorType, ...]:
    """Returns the types that the bias of a layer may have.

    - of_int16: whether its input is int16. TFLM's kernels of depthwise and of transposed convolutions then take every
      bias for one of 64 bits.
    """
    if not of_int16:
        return (s.TensorType.INT32,)
    if isinstance(layer, DepthwiseConv2D | TransposeConv2D):
        return (s.TensorType.INT64,)
    return s.TensorType.INT64, s.TensorType.INT32


def sized(graph: Graph, o: FileOperator, layer: Weighted, shape: tuple[int, ...], bits: int = 8) -> Weighted:
    """Returns the layer with its sizes taken from the shape of its weights.

    - graph: the tensors of the file.
    - o: the operator.
    - layer: what `layers_of` made of it.
    - shape: the shape of the weights, as the file has it.
    - bits: the bits of a weight.

    Raises `FileError` if weights of that shape do not fit the input.
    """
    match layer:
        case Conv2D():
            x = graph.tensor(o.inputs[0]).layer_shape
            groups = x[2] // shape[3] if len(x) == 3 and x[2] % shape[3] == 0 else 1
            layer = replace(layer, filters=shape[0], kernel=(shape[1], shape[2]), weight_bits=bits, groups=groups)
        case DepthwiseConv2D():
            layer = replace(layer, kernel=(shape[1], shape[2]), weight_bits=bits)
        case TransposeConv2D():
            layer = replace(layer, filters=shape[0], kernel=(shape[1], shape[2]), weight_bits=bits)
        case FullyConnected():
            layer = replace(layer, units=shape[0], weight_bits=bits)
        case _:
            assert_never(layer)
    _check_inputs(graph, o, layer, shape)
    return layer


def bias_place(layer: Layer) -> int:
    """Returns which input of an operator with weights is its bias, if it has one: the last of all."""
    return 3 if isinstance(layer, TransposeConv2D) else 2


def _check_bias_scale(graph: Graph, o: FileOperator, bias: Tensor, weight_scale: float) -> None:
    """Raises `UnsupportedError` if TFLM refuses the scale of a FullyConnected layer's bias.

    TFLM's `GetQuantizedConvolutionMultipler` compares it with the product of the scales of input and weights, if the
    weights have one scale. A bias without a scale counts as one of scale 0.
    """
    found = graph.quantization(bias, least=0)[0]
    scale = float(found[0]) if len(found) else 0.0
    inputs, outputs = graph.integer_quant(graph.tensor(o.inputs[0])), graph.integer_quant(o.outputs[0])
    product = inputs.scale * weight_scale
    if abs(product - scale) > 0.02 * outputs.scale:
        raise graph.unsupported(
            f"the bias, {bias.label}, has the scale {scale:.4g}, and input and weights together {product:.4g}: TFLM "
            "refuses that; export the model again"
        )


def _check_inputs(graph: Graph, o: FileOperator, layer: Layer, shape: tuple[int, ...]) -> None:
    """Raises unless weights of that shape and the input of a convolution have the same channels."""
    x = graph.tensor(o.activations[0]).layer_shape
    if isinstance(layer, TransposeConv2D) and shape[3] != x[2]:
        raise graph.damaged(f"{shape[0]} filters of {shape[3]} channels and an input of {x[2]}")
    if isinstance(layer, Conv2D) and len(x) == 3 and (shape[3] * layer.groups != x[2] or shape[0] % layer.groups):
        raise graph.damaged(f"{shape[0]} filters of {shape[3]} channels and an input of {x[2]}")
    if isinstance(layer, DepthwiseConv2D) and len(x) == 3 and (shape[0] != 1 or shape[3] != x[2] * layer.multiplier):
        raise graph.damaged(f"weights {list(shape)} for {x[2]} channels and a depth multiplier of {layer.multiplier}")
