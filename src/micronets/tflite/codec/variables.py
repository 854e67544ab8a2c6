"""The stored form of variables, the state that a network keeps between inferences."""

from __future__ import annotations

from micronets.ir.layers import AssignVariable, Layer, ReadVariable
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def read_nothing(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns no layer, for an operator that only names a variable or fills it before the first inference.

    - graph: the tensors of the file.
    - o: the operator; a CALL_ONCE or a VAR_HANDLE.
    - own: the names of its outputs.
    - inputs: the names of its activations; there are none.
    """
    return ()


def read_read_variable(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a READ_VARIABLE.

    - graph: the tensors of the file.
    - o: the operator; its input is the tensor that stands for the variable.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its activations; there are none.

    Raises `FileError` if its input does not stand for a variable.
    """
    y = o.outputs[0]
    kind = graph.activation_type(y)
    return ReadVariable(name=own[0], variable=graph.variable(o.inputs[0]), shape=y.layer_shape, of=kind)


def read_assign_variable(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an ASSIGN_VARIABLE, which has no tensor to be called after.

    - graph: the tensors of the file.
    - o: the operator; its first input is the tensor that stands for the variable.
    - own: the names of its outputs; there are none.
    - inputs: the name of the tensor whose values the variable gets, in a tuple of one.

    Raises `FileError` if its first input does not stand for a variable.
    """
    name = graph.new_name("assign_variable")
    return AssignVariable(name=name, inputs=inputs, variable=graph.variable(o.inputs[0]))
