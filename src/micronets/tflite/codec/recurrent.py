"""How operators are stored that keep variables for themselves."""

from __future__ import annotations

import math

from micronets.ir.layers import Layer, Svdf
from micronets.tflite import schema as s
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph


def read_svdf(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an SVDF.

    A fused activation changes nothing: TFLM's kernel of integers passes over it, and clamps the codes of the output.
    """
    x, ages = graph.tensor(o.inputs[0]), graph.tensor(o.inputs[2])
    if len(x.shape) != 2 or not x.has_batch:
        raise graph.unsupported(f"{x.label} has the shape {list(x.shape)}; need a vector with a batch of one, [1, n]")
    kind = graph.activation_type(ages)
    state = (1, math.prod(ages.shape))
    variable = graph.own_variable(o.inputs[4], state, s.TENSOR_TYPES[kind], own[0])
    return Svdf(name=own[0], inputs=inputs, rank=o.option(s.SvdfSlot.RANK, "i"), variable=variable, of=kind)
