"""`read_float`: makes a `FloatNetwork` of the bytes of a float `.tflite`.

Weights may be stored as float32, as float16 behind a DEQUANTIZE, or as int8 with a scale (dynamic-range quantisation);
the network is computed with the real values that they stand for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.importers.network import FloatNetwork, FloatWeights
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, DepthwiseConv2D, FullyConnected, Layer, Softmax, TensorSpec, Weighted
from micronets.ir.types import Type
from micronets.tflite import schema as s
from micronets.tflite.codec import Op, layers_of
from micronets.tflite.codec.op import CONSTANT_OPERANDS
from micronets.tflite.codec.record import FileOperator
from micronets.tflite.codec.weights import bias_place, sized
from micronets.tflite.file_operators import ends, file_operators
from micronets.tflite.reader import open_graph, read_metadata
from micronets.tflite.tensors import Graph, Tensor, plain_names

_FLOATS = (s.TensorType.FLOAT32, s.TensorType.FLOAT16)


def is_float(data: bytes, where: str = "model") -> bool:
    """Returns whether a `.tflite` computes in float: its input is float32, and no operator quantises it.

    - data: the bytes of the file.
    - where: its name in error messages.

    Raises the errors of `read_float` for bytes that are no `.tflite`.
    """
    top, table, graph = open_graph(data, where)
    sources = ends(graph, table, s.SubGraphSlot.INPUTS, "input")
    if any(tensor.type != s.TensorType.FLOAT32 for tensor in sources):
        return False
    operators = file_operators(graph, table.tables(s.SubGraphSlot.OPERATORS), top)
    return not any(o.op == Op.QUANTIZE for o in operators)


def read_float(data: bytes, where: str = "model") -> FloatNetwork:
    """Returns the network in the bytes of a float `.tflite`.

    - data: the bytes.
    - where: the name of the file in error messages.

    Raises `FileError` for bytes that are no `.tflite` or a damaged one, and `UnsupportedError` for operators that
    micronets does not have, for several inputs, and for a file whose activations are not float32.
    """
    top, table, graph = open_graph(data, where)
    metadata = read_metadata(top, graph)
    sources = ends(graph, table, s.SubGraphSlot.INPUTS, "input")
    sinks = ends(graph, table, s.SubGraphSlot.OUTPUTS, "output")
    operators = list(file_operators(graph, table.tables(s.SubGraphSlot.OPERATORS), top))
    if any(o.op in (Op.VAR_HANDLE, Op.CALL_ONCE) for o in operators):
        raise graph.unsupported("the model keeps a state between inputs; only float models without one can be imported")
    if len(sources) > 1:
        raise graph.unsupported(f"{len(sources)} inputs; a float model of one input can be imported")
    try:
        return _network(graph, operators, sources[0], sinks, metadata)
    except SpecError as e:
        raise FileError(f"{where}: the model does not fit together: {e}") from e


def _network(
    graph: Graph, operators: list[FileOperator], source: Tensor, sinks: list[Tensor], metadata: dict[str, str]
) -> FloatNetwork:
    """Returns the network.

    - graph: the tensors of the file.
    - operators: its operators in execution order.
    - source, sinks: its input and its outputs.
    - metadata: the texts that it carries.
    """
    where = graph.where
    stored: dict[int, Tensor] = {}  # constants that a DEQUANTIZE writes, with the tensor that holds them
    for o in operators:
        if o.op == Op.DEQUANTIZE and len(graph.bytes_of(graph.tensor(o.inputs[0]).buffer)):
            stored[o.outputs[0].index] = graph.tensor(o.inputs[0])
    operators = [o for o in operators if o.outputs[0].index not in stored]
    written = [(o, tensor) for o in operators for tensor in o.outputs]
    read = dict.fromkeys(index for o in operators if o.op in CONSTANT_OPERANDS for index in o.inputs)
    operands = [i for i in read if i in stored or len(graph.bytes_of(graph.tensor(i).buffer))]
    kinds = [*(o.op.name for o, _ in written), *("constant" for _ in operands)]
    own = plain_names([*(t.name for _, t in written), *(graph.tensor(i).name for i in operands)], kinds)
    graph.names = {INPUT, *own}
    name_of = {tensor.index: name for (_, tensor), name in zip(written, own, strict=False)}
    names = {source.index: INPUT} | dict(zip(operands, own[len(written) :], strict=True))
    _check_float(graph, source)
    constants: dict[str, npt.NDArray[np.float32]] = {}
    for index in operands:
        tensor = stored.get(index, graph.tensor(index))
        constants[names[index]] = _values(graph, tensor).reshape(tensor.layer_shape)
    layers: list[Layer] = []
    weights: dict[str, FloatWeights] = {}
    code: Type = "int8"
    for o in operators:
        graph.where = o.where
        if o.op in (Op.QUANTIZE, Op.DEQUANTIZE):
            raise graph.unsupported("the model is quantised already, at least in part; import a float one")
        for layer in layers_of(graph, o, tuple(name_of[t.index] for t in o.outputs), names):
            if isinstance(layer, Weighted):
                layer, weights[layer.name] = _weights(graph, o, layer, stored)
            if isinstance(layer, Softmax):
                layer = replace(layer, to=code)  # the file says of what type these are: float32
            layers.append(layer)
        for tensor in o.outputs:
            if o.op not in (Op.ARG_MAX, Op.ARG_MIN):
                _check_float(graph, tensor)
            names[tensor.index] = name_of[tensor.index]
    graph.where = where
    for sink in sinks:
        if sink.index not in name_of:
            raise graph.unsupported(f"the output, {sink.label}, is not what an operator writes")
    specs = tuple(TensorSpec(name, values.shape, code) for name, values in constants.items())
    arch = Arch(source.layer_shape, tuple(layers), code, tuple(name_of[t.index] for t in sinks), specs)
    shapes = arch.shapes()
    for o, tensor in written:
        if shapes[name_of[tensor.index]] != tensor.layer_shape:
            graph.where = o.where
            sizes = f"{list(tensor.layer_shape)}; its inputs make {list(shapes[name_of[tensor.index]])}"
            raise graph.unsupported(f"{tensor.label} has the shape {sizes}")
    return FloatNetwork(arch, weights, constants, metadata)


def _check_float(graph: Graph, tensor: Tensor) -> None:
    """Raises `UnsupportedError` for an activation that is not float32."""
    if tensor.type != s.TensorType.FLOAT32:
        raise graph.unsupported(f"{tensor.label} is {tensor.type_name}; the activations of a float model are FLOAT32")


def _values(graph: Graph, tensor: Tensor) -> npt.NDArray[np.float32]:
    """Returns the real values of a constant in its shape, from any stored type."""
    if tensor.type == s.TensorType.FLOAT16:
        raw = graph.bytes_of(tensor.buffer)
        if len(raw) != 2 * int(np.prod(tensor.shape)):
            raise graph.damaged(f"{tensor.label} of shape {list(tensor.shape)} has {len(raw)} bytes")
        values = raw.view("<f2").reshape(tensor.shape).astype(np.float32)
    elif tensor.type == s.TensorType.FLOAT32:
        values = np.asarray(graph.constant(tensor, (s.TensorType.FLOAT32,)), np.float32)
    else:
        values = _coded_values(graph, tensor)[0]
    if not np.isfinite(values).all():
        raise UnsupportedError(f"{graph.where}: {tensor.label} has values that are no numbers; export the model again")
    return values


def _coded_values(graph: Graph, tensor: Tensor) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    """Returns the real values of a constant that is stored as codes of int8, and its scales."""
    codes = graph.constant(tensor, (s.TensorType.INT8, *_FLOATS)).astype(np.float32)
    scales, zero_points, dimension = graph.quantization(tensor)
    if len(scales) not in (1, codes.shape[dimension] if codes.ndim else 1):
        raise graph.damaged(f"{tensor.label} has {len(scales)} scales")
    shape = [1] * codes.ndim
    shape[dimension] = len(scales)
    return (codes - zero_points.reshape(shape).astype(np.float32)) * scales.reshape(shape), scales


def _weights(
    graph: Graph, o: FileOperator, layer: Weighted, stored: dict[int, Tensor]
) -> tuple[Weighted, FloatWeights]:
    """Returns the layer with its sizes taken from the weights, and the weights.

    - graph: the tensors of the file.
    - o: the operator.
    - layer: what `layers_of` made of it.
    - stored: the tensors that hold constants, by the index of what a DEQUANTIZE makes of them.
    """
    tensor = stored.get(o.inputs[1], graph.tensor(o.inputs[1]))
    kernel = _values(graph, tensor)
    rank = 2 if isinstance(layer, FullyConnected) else 4
    if kernel.ndim != rank:
        raise graph.damaged(f"the weights, {tensor.label}, have {kernel.ndim} dimensions, not {rank}")
    layer = sized(graph, o, layer, kernel.shape)
    outputs = kernel.shape[-1 if isinstance(layer, DepthwiseConv2D) else 0]
    bias = np.zeros(outputs, np.float32)
    place = bias_place(layer)
    if len(o.inputs) > place and o.inputs[place] != -1:
        held = stored.get(o.inputs[place], graph.tensor(o.inputs[place]))
        bias = _values(graph, held).ravel()
        if bias.shape != (outputs,):
            raise graph.damaged(f"the bias, {held.label}, has the shape {list(bias.shape)}, not [{outputs}]")
    return layer, FloatWeights(np.ascontiguousarray(kernel), bias)
