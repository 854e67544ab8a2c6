"""The stored form of operators with variables of their own."""

from __future__ import annotations

import math
from typing import assert_never

from micronets.ir.layers import Layer, Recurrent, Reshape, Svdf, UnidirectionalSequenceLstm
from micronets.tflite import schema as s
from micronets.tflite.codec.fields import activation_name
from micronets.tflite.codec.record import FileOperator, TensorNames
from micronets.tflite.tensors import Graph

LSTM_INPUTS = 24
"""How many tensors an LSTM reads, those that may be left out included."""

LSTM_CONSTANTS = slice(0, 16)
"""The sequence, and the places of weights and biases: those of `_PEEPHOLES` are left out."""

_PEEPHOLES, _PROJECTION, _LAYER_NORM = slice(9, 12), slice(16, 18), slice(20, 24)
_INPUT_GATE = {1, 5, 12}
_HIDDEN, _CELL = 18, 19

_WAY_OUT = (
    "TFLM runs the LSTM of Keras with its default activations: export it with a batch of one (Input(shape, "
    "batch_size=1)) and quantise it to int8 after training (TFLITE_BUILTINS_INT8)"
)


def read_svdf(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> Layer:
    """Returns the layer of an SVDF.

    - graph: the tensors of the file.
    - o: the operator; its options hold the rank, and its fifth input is the variable that it keeps for itself.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of its input, a vector, and of the constants behind it, in order.

    A fused activation changes nothing: TFLM's kernel of integers passes over it, and clamps the codes of the output.
    Raises `UnsupportedError` for an input that is not `[1, n]`, and `FileError` if the fifth input is no variable.
    """
    x, ages = graph.tensor(o.inputs[0]), graph.tensor(o.inputs[2])
    if len(x.shape) != 2 or not x.has_batch:
        raise graph.unsupported(f"{x.label} has the shape {list(x.shape)}; need a vector with a batch of one, [1, n]")
    kind = graph.activation_type(ages)
    state = (1, math.prod(ages.shape))
    variable = graph.own_variable(o.inputs[4], state, s.TENSOR_TYPES[kind], own[0])
    return Svdf(name=own[0], inputs=inputs, rank=o.option(s.SvdfSlot.RANK, "i"), variable=variable, of=kind)


def read_lstm(graph: Graph, o: FileOperator, own: TensorNames, inputs: TensorNames) -> tuple[Layer, ...]:
    """Returns the layer of a UNIDIRECTIONAL_SEQUENCE_LSTM, and Reshapes where its time comes before a batch of one.

    - graph: the tensors of the file.
    - o: the operator; it has `LSTM_INPUTS` inputs, -1 for an input that is left out.
    - own: the name of its output, in a tuple of one.
    - inputs: the names of the sequence and of the weights and biases that are not left out, in the file's order.

    Raises `UnsupportedError` for features that TFLM's int8 kernel does not accept, and `FileError` if an input that
    should be a variable is none.
    """
    x, y = graph.tensor(o.inputs[0]), o.outputs[0]
    obstacles = _obstacles(graph, o)
    if obstacles:
        raise graph.unsupported(f"it has {', '.join(obstacles)}; {_WAY_OUT}")
    units = graph.tensor(o.inputs[15]).shape
    steps, size = x.shape[0] * x.shape[1], x.shape[2]
    hidden = graph.own_variable(o.inputs[_HIDDEN], (1, *units), s.TensorType.INT8, f"{own[0][:24]}_hidden")
    cell = graph.own_variable(o.inputs[_CELL], (1, *units), s.TensorType.INT16, f"{own[0][:24]}_cell")
    before: tuple[Layer, ...] = ()
    after: tuple[Layer, ...] = ()
    name = own[0]
    if x.layer_shape != (steps, size):
        flat = graph.new_name(f"{own[0]}_in")
        before = (Reshape(name=flat, inputs=inputs[:1], shape=(steps, size)),)
        inputs = (flat, *inputs[1:])
    if y.layer_shape != (steps, *units):
        if y.shape != (*x.shape[:2], *units):
            made = [*x.shape[:2], *units]
            raise graph.unsupported(f"{y.label} has the shape {list(y.shape)}; its inputs make {made}")
        name = graph.new_name(f"{own[0]}_out")
        after = (Reshape(name=own[0], inputs=(name,), shape=y.layer_shape),)
    clip = float(o.option(s.LstmSlot.CELL_CLIP, "f", 0.0))
    layer = UnidirectionalSequenceLstm(name=name, inputs=inputs, hidden=hidden, cell=cell, cell_clip=max(clip, 0.0))
    return (*before, layer, *after)


def _obstacles(graph: Graph, o: FileOperator) -> list[str]:
    """Returns in words all features of an LSTM that TFLM's int8 kernel does not accept."""
    slot, x = s.LstmSlot, graph.tensor(o.inputs[0])
    found = []
    if any(index != -1 for index in o.inputs[_PEEPHOLES]):
        found.append("peephole weights")
    if any(index != -1 for index in o.inputs[_PROJECTION]):
        found.append("a projection")
    if any(index != -1 for index in o.inputs[_LAYER_NORM]):
        found.append("layer normalisation")
    left_out = {place for place, index in enumerate(o.inputs[:16]) if index == -1} - set(range(16)[_PEEPHOLES])
    if left_out and left_out <= _INPUT_GATE:
        found.append("no input gate of its own (CIFG)")
    elif left_out:
        found.append("no weights or biases for some gates")
    if x.type != s.TensorType.INT8:
        found.append(f"activations of {x.type_name}")
    activation = o.option(slot.ACTIVATION, "b")
    if activation != s.TANH:
        found.append(f"another fused activation than TANH ({activation_name(activation)})")
    if o.option(slot.DIAGONAL, "?", False):
        found.append("diagonal recurrent weights")
    batch = 1 if o.option(slot.TIME_MAJOR, "?", False) else 0
    if len(x.shape) != 3:
        found.append(f"an input of the shape {list(x.shape)} in place of [1, steps, n]")
    elif x.shape[batch] != 1:
        found.append(f"a batch of {x.shape[batch]}")
    return found


def operands(layer: Recurrent, inputs: list[int], variables: list[int]) -> list[int]:
    """Returns the numbers of the tensors that an operator reads, in the order of the file.

    - inputs: those of the layer's inputs.
    - variables: those of what it keeps for itself.
    """
    match layer:
        case Svdf():
            return [*inputs, *variables]
        case UnidirectionalSequenceLstm():
            return [*inputs[:9], -1, -1, -1, *inputs[9:], -1, -1, *variables, -1, -1, -1, -1]
        case _:
            assert_never(layer)
