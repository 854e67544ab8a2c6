"""Facts of a `.tflite`, besides its layers, that decide the size of TFLM's arena: tensors and scales."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from micronets.cost.tflm_arena import FileKernel, FileTensors, ShapeOperator, WeightTensors
from micronets.ir.layers import BatchMatMul, Binary, FullyConnected, Reshape
from micronets.ir.ops import Operand, TflmKernel, operator
from micronets.ir.ops.record import Count
from micronets.quantized.model import QuantizedModel
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from micronets.tflite.codec.blocks import computed_in_part
from micronets.tflite.codec.op import CUSTOM_NAMES, op_name, op_number
from micronets.tflite.codec.weights import bias_place
from micronets.tflite.flatbuffer import Flat, FlatTable, FlatTables
from micronets.tflite.folding import FoldedOp, fold_constants
from micronets.tflite.reader import tensor_names
from micronets.tflite.tensors import Graph

_VIEWS = (Op.RESHAPE, Op.EXPAND_DIMS, Op.SQUEEZE)
"""The operators that are read as a Reshape, or may be."""

_BLOCKS = TflmKernel(
    parameters=4,
    alignment=4,
    op_data=0,
    temporaries=("input", "output"),
    scratch=(),
)

_THREE: tuple[Operand, ...] = ("input", "constant", "output")

_KERNELS: Mapping[Op, TflmKernel] = {
    Op.DEPTH_TO_SPACE: _BLOCKS,
    Op.SPACE_TO_DEPTH: _BLOCKS,
    Op.REVERSE_V2: TflmKernel(parameters=0, alignment=4, op_data=0, temporaries=_THREE, scratch=()),
    Op.GATHER_ND: TflmKernel(parameters=0, alignment=4, op_data=0, temporaries=_THREE, scratch=()),
    Op.EMBEDDING_LOOKUP: TflmKernel(
        parameters=0, alignment=4, op_data=24, temporaries=("every input", "output"), scratch=()
    ),
    Op.FILL: TflmKernel(parameters=0, alignment=4, op_data=0, temporaries=_THREE, scratch=()),
    Op.SPACE_TO_BATCH_ND: TflmKernel(parameters=0, alignment=4, op_data=4, temporaries=("input", "output"), scratch=()),
    Op.BATCH_TO_SPACE_ND: TflmKernel(parameters=0, alignment=4, op_data=0, temporaries=("input", "output"), scratch=()),
}
"""TFLM's kernels of the operators that are read as layers of other kinds, the same on every machine."""

_dense = operator(FullyConnected(name="dense", inputs=("rows",), units=1)).tflm
_FULLY_CONNECTED = FileKernel(
    replace(_dense.host, temporaries=("every input", "output")),
    replace(_dense.cortex_m, temporaries=("every input", "output")),
)
"""TFLM's kernels of a FULLY_CONNECTED whose weights are computed, which is read as a BatchMatMul."""

_WITH_DIMENSIONS = (Op.GATHER, Op.GATHER_ND, Op.DEPTH_TO_SPACE, Op.SPACE_TO_DEPTH)
"""The operators whose kernels keep a copy of the dimensions of their output, batch included."""


def stored_tensors(data: bytes, model: QuantizedModel, where: str = "model") -> FileTensors:
    """Returns the tensors of a file, as far as the size of TFLM's arena depends on them.

    - data: the bytes of the file.
    - model: the model that `read` makes of them.
    - where: the name of the file in error messages.

    Raises the errors of `read`.
    """
    flat = Flat(bytes(data), where)
    top = flat.root()
    subgraph = top.tables(s.ModelSlot.SUBGRAPHS)[0]
    graph = Graph(flat, subgraph.tables(s.SubGraphSlot.TENSORS), top.tables(s.ModelSlot.BUFFERS), where)
    index_of = tensor_names(data, where, spread=True)
    sinks = subgraph.array(s.SubGraphSlot.OUTPUTS, "<i4")
    index_of_output = dict(zip(model.arch.outputs, () if sinks is None else sinks.tolist(), strict=True))
    ends = (*(spec.name for spec in model.arch.inputs), *model.arch.outputs)
    tables = subgraph.tables(s.SubGraphSlot.OPERATORS)
    codes = top.tables(s.ModelSlot.OPERATOR_CODES)
    written = _written_layers(graph, tables, codes, model, index_of)
    weights: dict[str, WeightTensors] = {}
    zero_scales, types = set(), model.arch.types()
    layers = {layer.name: layer for layer in model.arch.layers}
    for output, tensors in written.operands.items():
        name = written.views.get(output, output)
        if isinstance(layers.get(name), Binary) and types[name] in ("int8", "int16"):
            zero_scales |= {name for index in tensors if graph.only_zeros(graph.tensor(index))}
        if name in model.weights:
            place = bias_place(layers[name])
            bias = None if len(tensors) <= place or tensors[place] == -1 else _scale_count(graph, tensors[place])
            weights[name] = WeightTensors(_scale_count(graph, tensors[1]), bias)
    variables = _variables(top.tables(s.ModelSlot.SUBGRAPHS), codes)
    return FileTensors(
        count=len(graph.tensors),
        operators=len(tables),
        weights=weights,
        views=frozenset(written.views),
        filling=variables.filling,
        handles=variables.handles,
        variables=variables.count,
        filled=variables.filled,
        folded=_shape_operators(graph, tables, codes),
        kernels=written.kernels,
        missing=written.missing,
        in_part=written.in_part,
        unscaled=frozenset(
            name
            for name, index in (index_of | index_of_output).items()
            if (name in ends or types[name] in ("int8", "uint8", "int16")) and not _scale_count(graph, index)
        ),
        zero_scales=frozenset(zero_scales),
        scaled=frozenset(
            name
            for name, of in model.arch.types().items()
            if of in ("float32", "bool", "int32") and name in index_of and _scale_count(graph, index_of[name])
        ),
    )


@dataclass(frozen=True)
class _WrittenLayers:
    """The operators of a file as the layers that they become.

    - operands: the tensors that each operator reads, by the name of the first tensor that it writes.
    - views: the layers, each with its input, that TFLM does not compute: Reshapes that the reader has put in, and the
      others of an operator that becomes several layers.
    - kernels: what TFLM keeps for the layers whose operators are of kinds of their own.
    - missing: an operator that TFLM has no kernel of; None if it has one of each.
    - in_part: what TFLM computes a part of alone, with that part; None if it computes all.
    """

    operands: Mapping[str, Sequence[int]]
    views: Mapping[str, str]
    kernels: Mapping[str, FileKernel]
    missing: str | None
    in_part: str | None


def _written_layers(
    graph: Graph, tables: FlatTables, codes: FlatTables, model: QuantizedModel, index_of: Mapping[str, int]
) -> _WrittenLayers:
    """Returns the operators of a file as the layers that they become.

    - graph: the tensors of the subgraph.
    - tables: its operators.
    - codes: the table of the file that says which operators these are.
    - model: the model that `read` makes of the file.
    - index_of: the index of each tensor by its name in the model.
    """
    layer_of = {index: name for name, index in index_of.items()}
    layers = {layer.name: layer for layer in model.arch.layers}
    views = {layer.name: layer.inputs[0] for layer in model.arch.layers if isinstance(layer, Reshape)}
    operands: dict[str, Sequence[int]] = {}
    kernels: dict[str, FileKernel] = {}
    missing: str | None = None
    in_part: str | None = None
    for k in range(len(tables)):
        inputs = tables[k].array(s.OperatorSlot.INPUTS, "<i4")
        outputs = tables[k].array(s.OperatorSlot.OUTPUTS, "<i4")
        code = op_number(codes, tables[k])
        missing = missing or _missing(graph, tables[k], code, [] if inputs is None else inputs.tolist())
        name = None if outputs is None or not len(outputs) else layer_of.get(int(outputs[0]))
        if inputs is None or outputs is None or name is None:
            continue
        in_part = in_part or computed_in_part(graph, code, inputs.tolist(), outputs.tolist())
        operands[name] = inputs.tolist()
        if code in _VIEWS:
            views.pop(name, None)
        if code == Op.FULLY_CONNECTED and isinstance(layers.get(views.get(name, "")), BatchMatMul):
            kernels[views[name]] = _FULLY_CONNECTED
        if code in _KERNELS or code == Op.GATHER:
            chain = [name]  # the layers of the operator, from the last one back
            while (before := layers[chain[-1]].inputs[0]) in layers and before not in index_of:
                chain.append(before)
            kept = next((each for each in chain if not isinstance(layers[each], Reshape)), name)
            views |= {each: layers[each].inputs[0] for each in chain}
            views.pop(kept)
            kernel = _KERNELS[Op(code)] if code in _KERNELS else operator(layers[kept]).tflm.host
            if code in _WITH_DIMENSIONS:
                rank = len(graph.tensor(index_of[name]).shape)
                kernel = replace(kernel, prepared=(_dimensions(rank),))
            kernels[kept] = FileKernel(kernel, kernel)
    return _WrittenLayers(operands, views, kernels, missing, in_part)


@dataclass(frozen=True)
class _Variables:
    """What the subgraphs of a file say of variables.

    - handles: how many VAR_HANDLE operators there are.
    - count: how many variables these name.
    - filling: how many tensors and operators each subgraph has that fills variables, which are all but the first.
    - filled: how many variables these fill.
    """

    handles: int
    count: int
    filling: tuple[tuple[int, int], ...]
    filled: int


def _variables(subgraphs: FlatTables, codes: FlatTables) -> _Variables:
    """Returns what the subgraphs of a file say of variables; `codes` says which operators theirs are."""
    handles, filled = 0, 0
    filling: list[tuple[int, int]] = []
    names: set[str] = set()
    for number in range(len(subgraphs)):
        own = subgraphs[number].tables(s.SubGraphSlot.OPERATORS)
        kinds = [op_number(codes, own[k]) for k in range(len(own))]
        handles += kinds.count(Op.VAR_HANDLE)
        for k, kind in enumerate(kinds):
            options = own[k].table(s.OperatorSlot.OPTIONS) if kind == Op.VAR_HANDLE else None
            if options is not None:
                names.add(options.text(s.VarHandleSlot.SHARED_NAME))
        if number:
            filling.append((len(subgraphs[number].tables(s.SubGraphSlot.TENSORS)), len(own)))
            filled += kinds.count(Op.ASSIGN_VARIABLE)
    return _Variables(handles, len(names), tuple(filling), filled)


def _missing(graph: Graph, table: FlatTable, code: int, inputs: list[int]) -> str | None:
    """Returns which operator TFLM has no kernel of, or none for such inputs, though the reader computes its result.

    - graph: the tensors of the subgraph.
    - table: the operator.
    - code: its number.
    - inputs: what it reads.
    """
    if code not in CUSTOM_NAMES and table.array(s.OperatorSlot.CUSTOM_OPTIONS, "u1") is not None:
        return f"{op_name(code)} with custom options"
    if code == FoldedOp.REDUCE_PROD:
        return "REDUCE_PROD"
    if code in (Op.GATHER, Op.EXPAND_DIMS) and inputs and graph.tensor(inputs[0]).type == s.TensorType.INT32:
        return f"{Op(code).name} of int32"
    place = {Op.FILL: 0, Op.BROADCAST_TO: 1}.get(Op(code)) if code in set(Op) else None
    if place is not None and len(inputs) == 2 and not len(graph.bytes_of(graph.tensor(inputs[place]).buffer)):
        return f"{Op(code).name} to a shape that is computed"
    return None


def _dimensions(count: int) -> Count:
    """Returns the bytes of a copy of this many dimensions: their number, and the size of each."""
    return lambda inputs, outputs: 4 * (1 + count)


def _shape_operators(graph: Graph, tables: FlatTables, codes: FlatTables) -> tuple[ShapeOperator, ...]:
    """Returns the operators of a subgraph that compute shapes, in execution order.

    - graph: the tensors of the subgraph.
    - tables: its operators.
    - codes: the table of the file that says which operators these are.
    """
    places = fold_constants(graph, tables, codes)
    made: dict[int, tuple[FoldedOp, int, int]] = {}  # by the result: what computes it, where, and its bytes
    last: dict[int, int] = {}
    time = 1  # the number of the next layer
    for k in range(len(tables)) if places else ():
        inputs = tables[k].array(s.OperatorSlot.INPUTS, "<i4")
        last |= {int(index): time for index in (() if inputs is None else inputs) if int(index) in made}
        if k in places:
            outputs = tables[k].array(s.OperatorSlot.OUTPUTS, "<i4")
            assert outputs is not None  # as `fold_constants` has seen
            result = int(outputs[0])
            made[result] = FoldedOp(op_number(codes, tables[k])), time, graph.folded[result].nbytes
        elif op_number(codes, tables[k]) not in (Op.VAR_HANDLE, Op.CALL_ONCE):
            time += 1
    return tuple(
        ShapeOperator(*_kernel_bytes(op), size, first, last.get(result, first))
        for result, (op, first, size) in made.items()
    )


def _kernel_bytes(op: FoldedOp) -> tuple[int, int]:
    """Returns the bytes of options and of prepared data that TFLM keeps for an operator that computes a shape.

    Those of SHAPE, STRIDED_SLICE and PACK were measured; of the others some are upper bounds.
    """
    match op:
        case (
            FoldedOp.EXPAND_DIMS
            | FoldedOp.FILL
            | FoldedOp.ZEROS_LIKE
            | FoldedOp.MAXIMUM
            | FoldedOp.MINIMUM
            | FoldedOp.SLICE
            | FoldedOp.BROADCAST_ARGS
        ):
            return 0, 0
        case FoldedOp.QUANTIZE:
            return 0, 32
        case FoldedOp.RESHAPE | FoldedOp.SQUEEZE:
            return 36, 0
        case FoldedOp.DIV:
            return 4, 28
        case FoldedOp.SHAPE:
            return 4, 0
        case FoldedOp.PACK | FoldedOp.GATHER | FoldedOp.CAST:
            return 8, 0
        case FoldedOp.STRIDED_SLICE:
            return 24, 84
        case FoldedOp.ADD | FoldedOp.SUB | FoldedOp.MUL | FoldedOp.CONCATENATION | FoldedOp.REDUCE_PROD:
            return 8, 80
        case _:
            assert_never(op)


def _scale_count(graph: Graph, index: int) -> int:
    """Returns how many scales a tensor has; TFLM sees none where there is no zero point."""
    table, slot = graph.tensor(index).quantization, s.QuantizationSlot
    scales = table.array(slot.SCALE, "<f4") if table is not None else None
    zero_points = table.array(slot.ZERO_POINT, "<i8") if table is not None else None
    return 0 if scales is None or zero_points is None or not len(zero_points) else len(scales)
