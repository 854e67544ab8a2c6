"""The stored form of operators on single values: activations, and changes of scale or type."""

from __future__ import annotations

from collections.abc import Mapping

from micronets.ir import layers
from micronets.ir.layers import Layer, NumberFunctionName
from micronets.tflite import schema as s
from micronets.tflite.codec.fields import read_activation
from micronets.tflite.codec.op import Op
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def read_softmax(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a SOFTMAX.

    - graph: the tensors of the file.
    - o: the operator; its option is beta, by which the inputs are multiplied.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.
    """
    beta, to = float(o.option(s.SoftmaxSlot.BETA, "f", 0.0)), graph.activation_type(o.outputs[0])
    return layers.Softmax(name=own[0], inputs=inputs, beta=beta, to=to)


def read_relu(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a RELU or RELU6.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.
    """
    return layers.Relu(name=own[0], inputs=inputs, six=o.op == Op.RELU6)


def read_hard_swish(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a HARD_SWISH.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.
    """
    return layers.HardSwish(name=own[0], inputs=inputs)


_UNARY: Mapping[
    Op, type[layers.Logistic | layers.Tanh | layers.Elu | layers.Abs | layers.Rsqrt | layers.LogSoftmax]
] = {
    Op.LOG_SOFTMAX: layers.LogSoftmax,
    Op.LOGISTIC: layers.Logistic,
    Op.TANH: layers.Tanh,
    Op.ELU: layers.Elu,
    Op.ABS: layers.Abs,
    Op.RSQRT: layers.Rsqrt,
}


def read_unary(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an operator of one tensor that has no options.

    - graph: the tensors of the file.
    - o: the operator; a LOG_SOFTMAX, LOGISTIC, TANH, ELU, ABS or RSQRT.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.
    """
    return _UNARY[o.op](name=own[0], inputs=inputs)


NUMBER_OPERATORS: Mapping[Op, NumberFunctionName] = {
    Op.NEG: "negate",
    Op.SQUARE: "square",
    Op.SQRT: "root",
    Op.EXP: "exponential",
    Op.FLOOR: "floor",
    Op.CEIL: "ceil",
    Op.ROUND: "round",
}
"""The functions of float32 by their operators."""


def read_number_function(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a function of float32.

    - graph: the tensors of the file.
    - o: the operator; one of `NUMBER_OPERATORS`.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.
    """
    return layers.NumberFunction(name=own[0], inputs=inputs, of=NUMBER_OPERATORS[o.op])


def read_l2_normalization(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an L2_NORMALIZATION.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `UnsupportedError` for a fused activation, which TFLM's kernel does not take.
    """
    if read_activation(graph, o, s.L2NormalizationSlot.ACTIVATION) != "none":
        raise graph.unsupported("it has a fused activation, which TFLM's kernel does not take")
    return layers.L2Normalization(name=own[0], inputs=inputs)


def read_leaky_relu(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a LEAKY_RELU.

    - graph: the tensors of the file.
    - o: the operator; its option is alpha, by which values below 0 are multiplied.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.
    """
    return layers.LeakyRelu(name=own[0], inputs=inputs, alpha=float(o.option(s.LeakyReluSlot.ALPHA, "f", 0.0)))


def read_quantize(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a QUANTIZE, which makes codes of the output's type.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `FileError` for an output of float32.
    """
    to = graph.activation_type(o.outputs[0])
    if to == "float32":
        raise graph.damaged(f"it makes float32 of {graph.tensor(o.inputs[0]).label}")
    return layers.Quantize(name=own[0], inputs=inputs, to=to)


def read_cast(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a CAST, which makes values of the output's type.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.

    Raises `UnsupportedError` for an output of a type that activations do not have.
    """
    return layers.Cast(name=own[0], inputs=inputs, to=graph.activation_type(o.outputs[0]))


def read_dequantize(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of a DEQUANTIZE.

    - graph: the tensors of the file.
    - o: the operator.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one.
    """
    return layers.Dequantize(name=own[0], inputs=inputs)
