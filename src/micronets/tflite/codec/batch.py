"""Operators whose layer works on other shapes than the file's: a Reshape before the layer and one after it."""

from __future__ import annotations

import math
from collections.abc import Callable

from micronets.ir.layers import Layer, Reshape
from micronets.ir.ops import operator
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def on_shapes(
    graph: Graph,
    o: FileOperator,
    own: TensorNames,
    inputs: TensorNames,
    make: Callable[[TensorNames, TensorNames, int], Layer],
    along_batch: bool,
) -> tuple[Layer, ...]:
    """Returns the layer of an operator that works along dimensions, which count without a batch of one.

    - graph: the graph of the file.
    - o: the operator.
    - own: the names of the operator's outputs.
    - inputs: the activations that it reads.
    - make: makes the layer from the names of its outputs and of its inputs, and from how many dimensions (0 or 1) of
      the file's tensors its shapes leave out.
    - along_batch: whether the operator works along the first dimension.

    Where it does, or where only some of its tensors have a batch of one, the layer works on the shapes that the file
    has, and a Reshape before it and after it changes between the two.
    """
    sources = [graph.tensor(i) for i in o.activations]
    with_batch = {tensor.has_batch for tensor in (*sources, *o.outputs)}
    if with_batch == {False}:
        return (make(own, inputs, 0),)
    if with_batch == {True} and not along_batch:
        return (make(own, inputs, 1),)
    before, whole_inputs = [], []
    for name, tensor in zip(inputs, sources, strict=True):
        whole_inputs.append(name)
        if tensor.has_batch:
            if len(graph.bytes_of(tensor.buffer)):
                raise graph.unsupported(
                    f"its input {tensor.label} is a constant with a batch, along which it works; make it an activation"
                )
            whole_inputs[-1] = graph.new_name(f"{own[0]}_in")
            before.append(Reshape(name=whole_inputs[-1], inputs=(name,), shape=tensor.shape))
    after, whole_outputs = [], []
    for name, tensor in zip(own, o.outputs, strict=True):
        whole_outputs.append(name)
        if tensor.has_batch:
            whole_outputs[-1] = graph.new_name(f"{name}_out")
            after.append(Reshape(name=name, inputs=(whole_outputs[-1],), shape=tensor.layer_shape))
    layer = make(tuple(whole_outputs), tuple(whole_inputs), 0)
    shapes = tuple(tensor.shape for tensor in sources)
    operator(layer).check(shapes, o.where)
    for tensor, shape in zip(o.outputs, operator(layer).output_shapes(shapes), strict=True):
        if tensor.shape != shape:
            raise graph.unsupported(f"{tensor.label} has the shape {list(tensor.shape)}; its inputs make {list(shape)}")
    return (*before, layer, *after)


def without_axes(
    graph: Graph,
    o: FileOperator,
    own: TensorNames,
    inputs: TensorNames,
    axes: list[int],
    make: Callable[[str, str, tuple[int, ...]], Layer],
) -> tuple[Layer, ...]:
    """Returns the layer of an operator that has one value in place of all along `axes`, which count in the file.

    - graph: the graph of the file.
    - o: the operator.
    - own: the names of the operator's outputs.
    - inputs: the activations that it reads.
    - axes: the axes, as they count in the file.
    - make: makes the layer from its name, the name of its input, and the axes of that.

    Nothing is done along a batch of one. A Reshape stands in front where it is the only axis, and one behind the layer
    where what is left begins with a dimension of one, which shapes leave out as a batch.
    """
    x, target = graph.tensor(o.inputs[0]), o.outputs[0].layer_shape
    shape, source, name, layers = x.layer_shape, inputs[0], own[0], list[Layer]()
    if x.has_batch and axes != [0]:
        axes = [axis - 1 for axis in axes if axis > 0]
    elif x.has_batch:
        shape, source = x.shape, graph.new_name(f"{own[0]}_in")
        layers.append(Reshape(name=source, inputs=inputs, shape=shape))
    layer = make(name, source, tuple(axes))
    (kept,) = operator(layer).output_shapes((shape,))
    if kept != target and math.prod(kept) == math.prod(target):
        name = graph.new_name(f"{own[0]}_out")
        layer = make(name, source, tuple(axes))
    layers.append(layer)
    if name != own[0]:
        layers.append(Reshape(name=own[0], inputs=(name,), shape=target))
    return tuple(layers)
