"""The stored form of operators that change a tensor's shape or the order of its dimensions."""

from __future__ import annotations

from micronets.ir.layers import ExpandDims, Layer, Reshape, Squeeze, Transpose
from micronets.tflite import schema as s
from micronets.tflite.codec.batch import on_shapes
from micronets.tflite.codec.fields import read_axis, read_number, read_numbers
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph

_MOST_DIMENSIONS = (
    8  # dimensions of a new shape in a Reshape's options, which TFLM copies though the output has the shape
)


def read_reshape(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a RESHAPE, whose new shape is that of the output.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for options whose new shape has more than 8 dimensions.
    """
    shape = None if o.options is None else o.options.array(s.ReshapeSlot.NEW_SHAPE, "<i4")
    if shape is not None and len(shape) > _MOST_DIMENSIONS:
        raise graph.damaged(f"its new shape has {len(shape)} dimensions")
    return Reshape(name=own[0], inputs=inputs, shape=o.outputs[0].layer_shape)


def read_expand_dims(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an EXPAND_DIMS; a Reshape if the new dimension is a batch of one.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the axis.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for an axis that the output cannot have, and for an output of another shape than the operator
    makes.
    """
    x, y = graph.tensor(o.inputs[0]), o.outputs[0]
    axis = read_number(graph, o.inputs[1])
    rank = len(x.shape)
    if not -rank - 1 <= axis <= rank:
        raise graph.damaged(f"axis {axis} of {x.label}, which has {rank} dimensions")
    axis = axis + rank + 1 if axis < 0 else axis
    if y.shape != (*x.shape[:axis], 1, *x.shape[axis:]):
        raise graph.damaged(f"it makes the shape {list(y.shape)} of {list(x.shape)}")
    source, target, own_axis = x.layer_shape, y.layer_shape, max(0, axis - x.has_batch)
    if target == (*source[:own_axis], 1, *source[own_axis:]):
        return ExpandDims(name=own[0], inputs=inputs, axis=own_axis)
    return Reshape(name=own[0], inputs=inputs, shape=target)  # the new dimension is a batch of one


def read_squeeze(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a SQUEEZE; a Reshape if it takes out only a batch of one, or nothing.

    - graph: the tensors of the file.
    - o: the operator; its options hold the dimensions that it takes out; where they name none, it takes out all whose
      size is 1.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for a dimension that the input does not have or whose size is not 1.
    """
    x, y = graph.tensor(o.inputs[0]), o.outputs[0]
    found = None if o.options is None else o.options.array(s.SqueezeSlot.AXES, "<i4")
    axes = [] if found is None else [read_axis(graph, int(axis), x) for axis in found[:8]]
    if not axes:
        axes = [axis for axis, size in enumerate(x.shape) if size == 1]
    if any(x.shape[axis] != 1 for axis in axes):
        raise graph.damaged(f"it takes dimensions {axes} out of {list(x.shape)}, which are not all 1")
    source, target = x.layer_shape, y.layer_shape
    own_axes = tuple(sorted({axis - x.has_batch for axis in axes if axis >= x.has_batch}))
    if own_axes and target == tuple(n for axis, n in enumerate(source) if axis not in own_axes):
        return Squeeze(name=own[0], inputs=inputs, axes=own_axes)
    return Reshape(name=own[0], inputs=inputs, shape=target)  # it takes out a batch of one, or nothing


def read_transpose(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a TRANSPOSE, and Reshapes if layers do not support its shapes.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the permutation.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for a permutation that does not fit the dimensions of the input.
    """
    x, order = graph.tensor(o.inputs[0]), read_numbers(graph, o.inputs[1])
    if len(order) != len(x.shape):
        raise graph.damaged(f"the permutation {list(order)} of {x.label}, which has {len(x.shape)} dimensions")
    axes = [read_axis(graph, axis, x) for axis in order]
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Transpose(
            name=own[0], inputs=inputs, permutation=tuple(axis - batch for axis in axes[batch:])
        ),
        along_batch=axes[:1] != [0],
    )
