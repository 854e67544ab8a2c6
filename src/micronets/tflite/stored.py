"""What the size of TensorFlow Lite Micro's arena depends on in a `.tflite` besides its layers: tensors and scales."""

from __future__ import annotations

from micronets.cost.tflm_arena import FileTensors, WeightTensors
from micronets.ir.layers import Reshape
from micronets.quantized.model import QuantizedModel
from micronets.tflite import schema as s
from micronets.tflite.codec import Op, bias_place
from micronets.tflite.flatbuffer import Flat
from micronets.tflite.folding import fold
from micronets.tflite.reader import operator_code, tensor_names
from micronets.tflite.tensors import Graph

_VIEWS = (Op.RESHAPE, Op.EXPAND_DIMS, Op.SQUEEZE)
"""The operators that are read as a Reshape, or may be."""


def stored_tensors(data: bytes, model: QuantizedModel, where: str = "model") -> FileTensors:
    """Returns the tensors of a file, as far as the size of TFLM's arena depends on them.

    - data: the bytes of the file.
    - model: the model that `read` makes of them.
    - where: what errors call the file.

    Raises what `read` raises.
    """
    flat = Flat(bytes(data), where)
    top = flat.root()
    subgraph = top.tables(s.ModelSlot.SUBGRAPHS)[0]
    graph = Graph(flat, subgraph.tables(s.SubGraphSlot.TENSORS), top.tables(s.ModelSlot.BUFFERS), where)
    layer_of = {index: name for name, index in tensor_names(data, where).items()}
    tables = subgraph.tables(s.SubGraphSlot.OPERATORS)
    codes = top.tables(s.ModelSlot.OPERATOR_CODES)
    # Of these the ones that no operator of the file writes remain: those that the reader has put in.
    views = {layer.name: layer.inputs[0] for layer in model.arch.layers if isinstance(layer, Reshape)}
    operands: dict[str, list[int]] = {}  # by the name of the first output
    for k in range(len(tables)):
        inputs = tables[k].array(s.OperatorSlot.INPUTS, "<i4")
        outputs = tables[k].array(s.OperatorSlot.OUTPUTS, "<i4")
        name = None if outputs is None or not len(outputs) else layer_of.get(int(outputs[0]))
        if inputs is None or name is None:
            continue
        operands[name] = inputs.tolist()
        if operator_code(codes[tables[k].number(s.OperatorSlot.CODE_INDEX, "I")]) in _VIEWS:
            views.pop(name, None)
    weights: dict[str, WeightTensors] = {}
    layers = {layer.name: layer for layer in model.arch.layers}
    for output, tensors in operands.items():
        name = views.get(output, output)
        if name in model.weights:
            place = bias_place(layers[name])
            bias = None if len(tensors) <= place or tensors[place] == -1 else _scale_count(graph, tensors[place])
            weights[name] = WeightTensors(_scale_count(graph, tensors[1]), bias)
    folded = fold(graph, tables, lambda table: operator_code(codes[table.number(s.OperatorSlot.CODE_INDEX, "I")]))
    subgraphs = top.tables(s.ModelSlot.SUBGRAPHS)
    handles, filling = 0, []
    for number in range(len(subgraphs)):
        own = subgraphs[number].tables(s.SubGraphSlot.OPERATORS)
        kinds = [operator_code(codes[own[k].number(s.OperatorSlot.CODE_INDEX, "I")]) for k in range(len(own))]
        handles += kinds.count(Op.VAR_HANDLE)
        if number:
            filling.append((len(subgraphs[number].tables(s.SubGraphSlot.TENSORS)), len(own)))
    return FileTensors(len(graph.tensors), len(tables), weights, frozenset(views), tuple(filling), handles, len(folded))


def _scale_count(graph: Graph, index: int) -> int:
    """Returns how many scales a tensor has; TFLM sees none where there is no zero point."""
    scales, zero_points, _ = graph.quantization(graph.tensor(index), least=0)
    return len(scales) if len(zero_points) else 0
