"""The stored form of comparisons, and of operators on the truth values that they make."""

from __future__ import annotations

from collections.abc import Mapping

from micronets.ir.layers import Compare, Layer, Logical, LogicalNot, Relation, Select
from micronets.ir.ops.comparison import RELATIONS
from micronets.tflite.codec.op import Op
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph

_RELATIONS: Mapping[Op, Relation] = {Op[name]: relation for relation, name in RELATIONS.items()}


def read_compare(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a comparison.

    - graph: the tensors of the file.
    - o: the operator, one of `RELATIONS`.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its two inputs, in order.
    """
    return Compare(name=own[0], inputs=inputs, relation=_RELATIONS[o.op])


def read_logical(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a LOGICAL_AND, LOGICAL_OR or LOGICAL_NOT.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its inputs, in order.
    """
    if o.op == Op.LOGICAL_NOT:
        return LogicalNot(name=own[0], inputs=inputs)
    return Logical(name=own[0], inputs=inputs, either=o.op == Op.LOGICAL_OR)


def read_select(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a SELECT_V2.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of what decides, and of the two tensors to choose from.
    """
    return Select(name=own[0], inputs=inputs)
