"""The stored form of operators on two tensors, value by value: sums, products and the like."""

from __future__ import annotations

from collections.abc import Mapping

from micronets.ir.layers import Add, Div, Layer, Maximum, Minimum, Mul, Prelu, SquaredDifference, Sub
from micronets.tflite import schema as s
from micronets.tflite.codec.fields import read_activation
from micronets.tflite.codec.op import Op
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def read_add(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an ADD.

    - graph: the tensors of the file.
    - o: the operator; its options hold a fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its two inputs, in order.

    Raises `UnsupportedError` for a fused activation that layers do not support.
    """
    return Add(name=own[0], inputs=inputs, activation=read_activation(graph, o, s.AddSlot.ACTIVATION))


def read_mul(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a MUL.

    - graph: the tensors of the file.
    - o: the operator; its options hold a fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its two inputs, in order.

    Raises `UnsupportedError` for a fused activation that layers do not support.
    """
    return Mul(name=own[0], inputs=inputs, activation=read_activation(graph, o, s.MulSlot.ACTIVATION))


def read_sub(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a SUB.

    - graph: the tensors of the file.
    - o: the operator; its options hold a fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its two inputs, in order.

    Raises `UnsupportedError` for a fused activation that layers do not support.
    """
    return Sub(name=own[0], inputs=inputs, activation=read_activation(graph, o, s.SubSlot.ACTIVATION))


def read_div(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a DIV.

    - graph: the tensors of the file.
    - o: the operator; its options hold a fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its two inputs, in order.

    Raises `UnsupportedError` for a fused activation that layers do not support.
    """
    return Div(name=own[0], inputs=inputs, activation=read_activation(graph, o, s.DivSlot.ACTIVATION))


_BINARY: Mapping[Op, type[Minimum | Maximum | SquaredDifference | Prelu]] = {
    Op.MINIMUM: Minimum,
    Op.MAXIMUM: Maximum,
    Op.SQUARED_DIFFERENCE: SquaredDifference,
    Op.PRELU: Prelu,
}


def read_binary(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an operator of two tensors that has no options.

    - graph: the tensors of the file.
    - o: the operator; a MINIMUM, MAXIMUM, SQUARED_DIFFERENCE or PRELU.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its two inputs, in order.
    """
    return _BINARY[o.op](name=own[0], inputs=inputs)
