"""The stored form of sums of codes as they are: running sums along a dimension, and sums of several tensors."""

from __future__ import annotations

from micronets.ir.layers import AddN, CumSum, Layer
from micronets.tflite import schema as s
from micronets.tflite.codec.batch import on_shapes
from micronets.tflite.codec.fields import read_axis, read_number
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def read_cum_sum(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a CUMSUM, and Reshapes if layers do not support its shapes.

    - graph: the tensors of the file.
    - o: the operator; its second input is the constant of the axis, and its options say in which direction it adds and
      whether it leaves each place itself out.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for an axis that the input does not have.
    """
    axis = read_axis(graph, read_number(graph, o.inputs[1]), graph.tensor(o.inputs[0]))
    exclusive, reverse = (bool(o.option(slot, "?", False)) for slot in (s.CumsumSlot.EXCLUSIVE, s.CumsumSlot.REVERSE))

    def make(own: TensorNames, inputs: TensorNames, batch: int) -> Layer:
        return CumSum(name=own[0], inputs=inputs, axis=axis - batch, exclusive=exclusive, reverse=reverse)

    return on_shapes(graph, o, own, inputs, make, along_batch=axis == 0)


def read_add_n(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an ADD_N.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of the tensors that it adds, in order.
    """
    return AddN(name=own[0], inputs=inputs)
