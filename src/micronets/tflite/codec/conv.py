"""The stored form of plain, depthwise and transposed convolutions."""

from __future__ import annotations

from typing import TypedDict

from micronets.ir.layers import Activation, Conv2D, DepthwiseConv2D, Layer, TransposeConv2D
from micronets.ir.window import Padding, Pair
from micronets.tflite import schema as s
from micronets.tflite.builder import Field
from micronets.tflite.codec.fields import check_map, read_activation, read_padding, read_pair
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph

ConvSlots = type[s.Conv2DSlot] | type[s.DepthwiseSlot]
"""The slots of the options of a plain or of a depthwise convolution, which have the same names."""


def read_conv_2d(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a CONV_2D.

    - graph: the tensors of the file.
    - o: the operator; its options hold stride, dilation, padding and fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, a map, in a tuple of one.

    The number of filters and the kernel are 1 until `weights_of` sets them. Raises `UnsupportedError` for an input that
    is not a map `[1, H, W, C]` and for a fused activation that layers do not support, and `FileError` for an unknown
    padding.
    """
    return Conv2D(name=own[0], inputs=inputs, filters=1, **_window_fields(graph, o, s.Conv2DSlot))


def read_depthwise_conv_2d(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a DEPTHWISE_CONV_2D.

    - graph: the tensors of the file.
    - o: the operator; its options hold the multiplier, stride, dilation, padding and fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, a map, in a tuple of one.

    The kernel is 1x1 until `weights_of` sets it. Raises `UnsupportedError` for an input that is not a map `[1, H, W,
    C]` and for a fused activation that layers do not support, and `FileError` for an unknown padding.
    """
    window = _window_fields(graph, o, s.DepthwiseSlot)
    return DepthwiseConv2D(name=own[0], inputs=inputs, multiplier=o.option(s.DepthwiseSlot.MULTIPLIER, "i"), **window)


class _WindowFields(TypedDict):
    """The fields that both kinds of convolutions have."""

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Padding
    activation: Activation


def _window_fields(graph: Graph, o: FileOperator, slot: ConvSlots) -> _WindowFields:
    """Returns the fields that both kinds of convolutions have; `slot` is the enum of the options' slots."""
    check_map(graph, o)
    rows, columns = read_pair(o, slot.DILATION_H, slot.DILATION_W, 1)
    row_step, column_step = graph.spread.get(o.inputs[0], (1, 1))
    return {
        "kernel": (1, 1),
        "stride": read_pair(o, slot.STRIDE_H, slot.STRIDE_W),
        "dilation": (rows * row_step, columns * column_step),
        "padding": read_padding(graph, o),
        "activation": read_activation(graph, o, slot.ACTIVATION),
    }


def read_transpose_conv(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a TRANSPOSE_CONV, whose output's size is that of the tensor.

    - graph: the tensors of the file.
    - o: the operator; its options hold stride, padding and fused activation, and its third input is the map.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, a map, in a tuple of one.

    The number of filters and the kernel are 1 until `weights_of` sets them. Raises `UnsupportedError` for an input or
    output that is not a map `[1, H, W, C]`, and for a fused activation that layers do not support, and `FileError` for
    an unknown padding.
    """
    for tensor in (graph.tensor(o.inputs[2]), o.outputs[0]):
        if not tensor.has_batch or len(tensor.shape) != 4:
            raise graph.unsupported(f"{tensor.label} has the shape {list(tensor.shape)}; need a map, [1, H, W, C]")
    slot = s.TransposeConvSlot
    rows, columns, _ = o.outputs[0].layer_shape
    return TransposeConv2D(
        name=own[0],
        inputs=inputs,
        filters=1,
        kernel=(1, 1),
        size=(rows, columns),
        stride=read_pair(o, slot.STRIDE_H, slot.STRIDE_W),
        padding=read_padding(graph, o),
        activation=read_activation(graph, o, slot.ACTIVATION),
    )


def window_options(layer: Conv2D | DepthwiseConv2D, slot: ConvSlots) -> list[Field]:
    """Returns the fields of the options of a convolution; `slot` is the enum of their slots."""
    return [
        (slot.PADDING, "int8", s.PADDINGS[layer.padding], 0),
        (slot.STRIDE_W, "int32", layer.stride[1], 0),
        (slot.STRIDE_H, "int32", layer.stride[0], 0),
        (slot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0),
        (slot.DILATION_W, "int32", layer.dilation[1], 1),
        (slot.DILATION_H, "int32", layer.dilation[0], 1),
    ]


def transpose_conv_options(layer: TransposeConv2D) -> list[Field]:
    """Returns the fields of the options of a transposed convolution."""
    slot = s.TransposeConvSlot
    return [
        (slot.PADDING, "int8", s.PADDINGS[layer.padding], 0),
        (slot.STRIDE_W, "int32", layer.stride[1], 0),
        (slot.STRIDE_H, "int32", layer.stride[0], 0),
        (slot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0),
    ]
