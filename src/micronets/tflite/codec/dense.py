"""The stored form of matrix products: fully connected layers, and products of two computed matrices."""

from __future__ import annotations

import math

from micronets.ir.layers import BatchMatMul, FullyConnected, Layer, Reshape, Shape
from micronets.tflite import schema as s
from micronets.tflite.codec.batch import on_shapes
from micronets.tflite.codec.fields import read_activation
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def read_fully_connected(
    graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames
) -> Layer | tuple[Layer, ...]:
    """Returns the layer of a FULLY_CONNECTED, and Reshapes where the input or the output is not a row of vectors.

    - graph: the tensors of the file.
    - o: the operator; its second input is the weights `[units, size]`, and its options hold the fused activation.
    - own: the name of its output, in a tuple of one.
    - inputs: the name of its input, in a tuple of one; behind it that of weights that are computed.

    Weights that are computed make it a BatchMatMul. Raises `FileError` for weights that do not fit the shapes of the
    input and the output, and `UnsupportedError` for shuffled weights, for a fused activation that layers do not
    support, and for computed weights with a bias or a fused activation.
    """
    slot = s.FullyConnectedSlot
    if o.option(slot.WEIGHTS_FORMAT, "b"):
        raise graph.unsupported("its weights are shuffled; only the default format is supported")
    x, weights, y = graph.tensor(o.inputs[0]), graph.tensor(o.inputs[1]), o.outputs[0]
    if len(weights.shape) != 2:
        raise graph.damaged(f"the weights, {weights.label}, have {len(weights.shape)} dimensions, not 2")
    units, size = weights.shape
    vectors, rest = divmod(math.prod(x.shape), size)
    if rest or y.shape[-1:] != (units,) or math.prod(y.shape) != vectors * units:
        raise graph.damaged(
            f"its input has the shape {list(x.shape)}, its weights {[units, size]}, and its output {list(y.shape)}"
        )
    activation = read_activation(graph, o, slot.ACTIVATION)
    source, target = x.layer_shape, y.layer_shape
    if len(inputs) > 1:
        if activation != "none" or o.inputs[2:] not in ([], [-1]):
            raise graph.unsupported(
                f"its weights {weights.label} are computed; they may have no bias and no activation"
            )
        return _product(graph, own[0], inputs, (vectors, size), (vectors, units), target)
    if vectors == 1 and target == (units,):
        return FullyConnected(name=own[0], inputs=inputs, units=units, activation=activation)
    before: tuple[Layer, ...] = ()
    after: tuple[Layer, ...] = ()
    name = own[0]
    if source[-1] != size or (*source[:-1], units) != target:
        flat = graph.new_name(f"{own[0]}_in")
        before = (Reshape(name=flat, inputs=inputs, shape=(vectors, size)),)
        inputs = (flat,)
        if target != (vectors, units):
            name = graph.new_name(f"{own[0]}_out")
            after = (Reshape(name=own[0], inputs=(name,), shape=target),)
    return (
        *before,
        FullyConnected(name=name, inputs=inputs, units=units, activation=activation, keep_dims=True),
        *after,
    )


def _product(
    graph: Graph, own: str, inputs: TensorNames, first: Shape, made: Shape, target: Shape
) -> tuple[Layer, ...]:
    """Returns a BatchMatMul of rows with rows, with a Reshape before each input and after the output.

    - own: the name of what the last Reshape writes.
    - inputs: the names of the two inputs.
    - first: the shape of the first matrix.
    - made, target: the shape of the product, and of the output.
    """
    a, b, product = (graph.new_name(f"{own}_{part}") for part in ("a", "b", "product"))
    return (
        Reshape(name=a, inputs=inputs[:1], shape=first),
        Reshape(name=b, inputs=inputs[1:], shape=(made[1], first[1])),
        BatchMatMul(name=product, inputs=(a, b), transpose_b=True),
        Reshape(name=own, inputs=(product,), shape=target),
    )


def read_batch_matmul(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a BATCH_MATMUL, and Reshapes if layers do not support its shapes.

    - graph: the tensors of the file.
    - o: the operator; its options say which of its inputs are transposed.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of the two matrices, in order.

    Raises `UnsupportedError` for a constant with a batch along which it works.
    """
    slot = s.BatchMatMulSlot
    flags = {name: bool(o.option(k, "?", False)) for name, k in (("a", slot.ADJ_X), ("b", slot.ADJ_Y))}
    matrices = [len(graph.tensor(i).shape) == 2 for i in o.inputs]

    def make(own: TensorNames, inputs: TensorNames, batch: int) -> Layer:
        return BatchMatMul(name=own[0], inputs=inputs, transpose_a=flags["a"], transpose_b=flags["b"])

    return on_shapes(graph, o, own, inputs, make, along_batch=any(matrices))
