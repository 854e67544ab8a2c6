"""The stored form of pools and reductions: over windows, or over all values along some axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from micronets.ir import layers
from micronets.ir.layers import Activation, Layer, Reduction, Reshape
from micronets.ir.window import Padding, Pair
from micronets.tflite import schema as s
from micronets.tflite.builder import Field
from micronets.tflite.codec.batch import without_axes
from micronets.tflite.codec.fields import check_map, read_activation, read_axis, read_number, read_padding, read_pair
from micronets.tflite.codec.op import Op
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def read_average_pool_2d(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an AVERAGE_POOL_2D.

    - graph: the tensors of the file.
    - o: the operator; its options hold the window, stride, padding and fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, a map, in a tuple of one.

    Raises `UnsupportedError` for an input that is not a map `[1, H, W, C]` and for a fused activation that layers do
    not support, and `FileError` for an unknown padding.
    """
    return layers.AveragePool2D(name=own[0], inputs=inputs, **_pool_fields(graph, o))


def read_max_pool_2d(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a MAX_POOL_2D.

    - graph: the tensors of the file.
    - o: the operator; its options hold the window, stride, padding and fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, a map, in a tuple of one.

    Raises `UnsupportedError` for an input that is not a map `[1, H, W, C]` and for a fused activation that layers do
    not support, and `FileError` for an unknown padding.
    """
    return layers.MaxPool2D(name=own[0], inputs=inputs, **_pool_fields(graph, o))


class _PoolFields(TypedDict):
    """The fields that both kinds of pools have."""

    pool: Pair
    stride: Pair
    padding: Padding
    activation: Activation


def _pool_fields(graph: Graph, o: FileOperator) -> _PoolFields:
    """Returns the fields that both kinds of pools have."""
    check_map(graph, o)
    return {
        "pool": read_pair(o, s.PoolSlot.FILTER_H, s.PoolSlot.FILTER_W),
        "stride": read_pair(o, s.PoolSlot.STRIDE_H, s.PoolSlot.STRIDE_W),
        "padding": read_padding(graph, o),
        "activation": read_activation(graph, o, s.PoolSlot.ACTIVATION),
    }


def read_arg_max(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of an ARG_MAX or ARG_MIN, and Reshapes if layers do not support its shapes.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the axis.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for an axis that the input does not have.
    """
    axis, smallest = read_axis(graph, read_number(graph, o.inputs[1]), graph.tensor(o.inputs[0])), o.op == Op.ARG_MIN

    def make(name: str, source: str, axes: tuple[int, ...]) -> Layer:
        return layers.ArgMax(name=name, inputs=(source,), axis=axes[0], smallest=smallest)

    return without_axes(graph, o, own, inputs, [axis], make)


_REDUCTIONS: Mapping[Op, type[Reduction]] = {
    Op.MEAN: layers.Mean,
    Op.SUM: layers.Sum,
    Op.REDUCE_MAX: layers.ReduceMax,
    Op.REDUCE_MIN: layers.ReduceMin,
    Op.REDUCE_ALL: layers.ReduceAll,
}


def read_reduction(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a MEAN, SUM, REDUCE_MAX, REDUCE_MIN or REDUCE_ALL, and Reshapes if needed.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the axes, and its option says whether these stay as
      dimensions of one.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Without axes it reduces every value alone: along a dimension of one that a Reshape puts behind the others. Raises
    `FileError` for an axis that the input does not have.
    """
    x, kind = graph.tensor(o.inputs[0]), _REDUCTIONS[o.op]
    if graph.is_empty(o.inputs[1]):
        alone = Reshape(name=graph.new_name(f"{own[0]}_in"), inputs=inputs, shape=(*x.layer_shape, 1))
        return alone, kind(name=own[0], inputs=(alone.name,), axes=(len(x.layer_shape),))
    named = graph.constant(graph.tensor(o.inputs[1]), (s.TensorType.INT32,)).ravel()[:9].tolist()
    keep_dims = bool(o.option(s.ReducerSlot.KEEP_DIMS, "?", False))

    def make(name: str, source: str, axes: tuple[int, ...]) -> Layer:
        return kind(name=name, inputs=(source,), axes=axes, keep_dims=keep_dims)

    return without_axes(graph, o, own, inputs, sorted({read_axis(graph, axis, x) for axis in named}), make)


def pool_options(layer: layers.AveragePool2D | layers.MaxPool2D) -> list[Field]:
    """Returns the fields of the options of a pool."""
    slot = s.PoolSlot
    return [
        (slot.PADDING, "int8", s.PADDINGS[layer.padding], 0),
        (slot.STRIDE_W, "int32", layer.stride[1], 0),
        (slot.STRIDE_H, "int32", layer.stride[0], 0),
        (slot.FILTER_W, "int32", layer.pool[1], 0),
        (slot.FILTER_H, "int32", layer.pool[0], 0),
        (slot.ACTIVATION, "int8", s.ACTIVATIONS[layer.activation], 0),
    ]
