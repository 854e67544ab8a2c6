"""The stored form of operators that join or divide tensors."""

from __future__ import annotations

from micronets.ir.layers import Concatenation, Layer, Pack, Split, Unpack
from micronets.ir.ops.checks import MOST_DIMENSIONS
from micronets.ir.ops.concatenation import CONCATENATION_INPUTS
from micronets.tflite import schema as s
from micronets.tflite.codec.batch import on_shapes
from micronets.tflite.codec.fields import read_activation, read_axis, read_number, read_numbers
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def read_concatenation(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a CONCATENATION, and Reshapes if layers do not support its shapes.

    - graph: the tensors of the file.
    - o: the operator; its options hold the axis.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of the tensors that it joins, in order.

    Raises `UnsupportedError` for a fused activation and for a number of tensors or of dimensions that TFLM's kernel
    does not take, and `FileError` for an axis that the output does not have.
    """
    if (activation := read_activation(graph, o, s.ConcatenationSlot.ACTIVATION)) != "none":
        raise graph.unsupported(
            f"a fused activation {activation.upper()}, which TFLM's kernel refuses; only NONE is supported"
        )
    if len(inputs) not in CONCATENATION_INPUTS:
        raise graph.unsupported(f"it joins {len(inputs)} tensors; TFLM's kernel takes {CONCATENATION_INPUTS}")
    if len(o.outputs[0].layer_shape) > MOST_DIMENSIONS:
        shape = list(o.outputs[0].shape)
        raise graph.unsupported(
            f"its output has the shape {shape}; TFLM's kernel takes at most {MOST_DIMENSIONS + 1} dimensions"
        )
    axis = read_axis(graph, o.option(s.ConcatenationSlot.AXIS, "i"), o.outputs[0])
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Concatenation(name=own[0], inputs=inputs, axis=axis - batch),
        along_batch=axis == 0,
    )


def read_split(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a SPLIT, whose parts have one size, and Reshapes if layers do not support its shapes.

    - graph: the tensors of the file.
    - o: the operator; its first input is the constant of the axis.
    - own: the names of the parts, in order.
    - inputs: the name of the tensor that it divides, in a tuple of one.

    Raises `FileError` for an axis that the tensor does not have, and `UnsupportedError` for too many dimensions.
    """
    return _parts(graph, o, own, inputs, o.inputs[1], o.inputs[0], ())


def read_split_v(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a SPLIT_V, whose parts have the sizes of a constant, and Reshapes if needed.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the sizes, where one may be -1 for the rest, and its third
      that of the axis.
    - own: the names of the parts, in order.
    - inputs: the name of the tensor that it divides, in a tuple of one.

    Raises `FileError` for sizes that do not fit the parts or an axis that the tensor does not have, and
    `UnsupportedError` for too many dimensions.
    """
    sizes = list(read_numbers(graph, o.inputs[1]))
    if len(sizes) != len(own) or sizes.count(-1) > 1:
        raise graph.damaged(f"the sizes {sizes} of {len(own)} parts")
    axis = read_number(graph, o.inputs[2])
    x = graph.tensor(o.inputs[0])
    if -1 in sizes:  # the rest
        sizes[sizes.index(-1)] = x.shape[read_axis(graph, axis, x)] - (sum(sizes) + 1)
    return _parts(graph, o, own, inputs, o.inputs[0], o.inputs[2], tuple(sizes))


def _parts(
    graph: Graph,
    o: FileOperator,
    own: TensorNames,
    inputs: TensorNames,
    whole: int,
    axis_tensor: int,
    sizes: tuple[int, ...],
) -> tuple[Layer, ...]:
    """Returns the layers of a division of the tensor `whole` along the axis that another tensor holds."""
    x = graph.tensor(whole)
    axis = read_axis(graph, read_number(graph, axis_tensor), x)
    if len(x.layer_shape) > MOST_DIMENSIONS:
        raise graph.unsupported(f"its input has the shape {list(x.shape)}; at most {MOST_DIMENSIONS + 1} dimensions")
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Split(name=own[0], inputs=inputs, axis=axis - batch, others=own[1:], sizes=sizes),
        along_batch=axis == 0,
    )


def read_pack(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a PACK, and Reshapes if layers do not support its shapes.

    - graph: the tensors of the file.
    - o: the operator; its options hold the number of its inputs, and the new axis.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of the tensors that it joins, in order.

    Raises `FileError` for options that say another number of inputs than it has, and for an axis that the output does
    not have.
    """
    count = o.option(s.PackSlot.COUNT, "i")
    if count != len(o.inputs):  # TFLM's kernel reads as many inputs as the options say
        raise graph.damaged(f"its options say {count} inputs, and it has {len(o.inputs)}")
    axis = read_axis(graph, o.option(s.PackSlot.AXIS, "i"), o.outputs[0])
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Pack(name=own[0], inputs=inputs, axis=axis - batch),
        along_batch=axis == 0,
    )


def read_unpack(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of an UNPACK, and Reshapes if layers do not support its shapes.

    - graph: the tensors of the file.
    - o: the operator; its options hold the number of its outputs, and the axis that it takes out.
    - own: the names of the parts, in order.
    - inputs: the name of the tensor that it divides, in a tuple of one.

    Raises `FileError` for options that say another number of outputs than it has, and for an axis that the input does
    not have.
    """
    count = o.option(s.UnpackSlot.COUNT, "i")
    if count != len(own):  # TFLM's kernel writes as many outputs as the options say
        raise graph.damaged(f"its options say {count} outputs, and it has {len(own)}")
    axis = read_axis(graph, o.option(s.UnpackSlot.AXIS, "i"), graph.tensor(o.inputs[0]))
    return on_shapes(
        graph,
        o,
        own,
        inputs,
        lambda own, inputs, batch: Unpack(name=own[0], inputs=inputs, axis=axis - batch, others=own[1:]),
        along_batch=axis == 0,
    )
