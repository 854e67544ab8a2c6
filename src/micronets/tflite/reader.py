"""`read`: makes a `QuantizedModel` of the bytes of a `.tflite`, an int8 model of any origin with operators of ours."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer, Reshape, TensorSpec, Weighted
from micronets.ir.ops import operator as facts_of
from micronets.ir.types import Type, Types
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.validate import validate
from micronets.tflite import schema as s
from micronets.tflite.codec import Op, codec, layers_of
from micronets.tflite.codec.blocks import spread_maps
from micronets.tflite.codec.op import CONSTANT_OPERANDS, RECURRENT, op_name
from micronets.tflite.codec.record import FileOperator
from micronets.tflite.codec.weights import weights_of
from micronets.tflite.flatbuffer import Flat, FlatTable, FlatTables
from micronets.tflite.folding import fold_constants
from micronets.tflite.limits import MAX_OPERATORS, excess
from micronets.tflite.obstacles import FloatModelError, Obstacles
from micronets.tflite.tensors import Array, Graph, Tensor, file_shape, plain_names
from micronets.tflite.tflm_limits import check_four_bit_outputs

_NO_UINT8 = "; TFLM has no uint8 kernel of it: today's converters make int8 inside, and QUANTIZE at the edges"
_OTHER_TOOLS = {
    "ethos-u": "ethos-u is what Vela makes for an Ethos-U NPU alone: give the file from before Vela",
    "edgetpu-custom-op": "edgetpu-custom-op runs on an Edge TPU alone: give the file from before edgetpu_compiler",
    "TFLite_Detection_PostProcess": "TFLite_Detection_PostProcess decodes and sorts boxes: cut the model before it, "
    "and do that in code of your own",
}
_SOUND_FEATURES = (
    "CUSTOM Signal... are TFLM's front end of sound, which micronets has as numpy and as C: give the network that "
    "reads its features, with --front-end micro (microWakeWord) or micro-20ms (micro_speech)"
)
_MOST_TENSORS = 100  # how many tensors an operator may read, and how many it may write


def read(data: bytes, where: str = "model") -> QuantizedModel:
    """Returns the model in the bytes of a `.tflite` file.

    - data: the bytes.
    - where: what errors call the file.

    Tensors keep their names where these are unique, of 48 characters at most and plain (letters, digits, `_.:/-`);
    others are called by operator and number. The input is always `arch.INPUT`. Arrays are views of `data` if possible.

    Raises `FileError` for bytes that are no `.tflite` file or a damaged one, and `UnsupportedError` for a sound model
    that micronets does not support, naming operator, index and tensor. Time and memory are in proportion to the file.
    """
    return _parse(data, where)[0]


def tensor_names(data: bytes, where: str = "model", spread: bool = False) -> dict[str, int]:
    """Returns the index in the file of every activation tensor, by the name that `read` gives it.

    - data, where: see `read`, whose errors are raised.
    - spread: whether those are listed, too, that stand for a whole map where the file has a batch of its parts. They
      hold the same values in another order.
    """
    _, names, whole = _parse(data, where)
    return {name: index for name, index in names.items() if spread or index not in whole}


def operators(data: bytes, where: str = "model") -> tuple[str, ...]:
    """Returns the names of the file's operators in the order of their first use, each once.

    They are those of the network, then those of the subgraphs that it runs, which fill variables. The arguments and the
    errors are those of `read`.
    """
    read(data, where)
    top = Flat(bytes(data), where).root()
    graphs = top.tables(s.ModelSlot.SUBGRAPHS)
    return tuple(dict.fromkeys(name for k in range(len(graphs)) for name, _ in _operators_of(top, graphs[k])))


def operators_run(data: bytes, where: str = "model") -> tuple[tuple[str, int], ...]:
    """Returns the operators of the network in the file's order: their names and the index of their first output.

    The index is that of `tensor_names`, and -1 for an operator without an output. All operators are listed, also those
    that are no layer, such as one that names a variable. The arguments and the errors are those of `read`.
    """
    read(data, where)
    top = Flat(bytes(data), where).root()
    return tuple(_operators_of(top, top.tables(s.ModelSlot.SUBGRAPHS)[0]))


def _operators_of(top: FlatTable, graph: FlatTable) -> Iterator[tuple[str, int]]:
    """Yields the name of every operator of a subgraph and the index of its first output, -1 where it has none."""
    codes, tables = top.tables(s.ModelSlot.OPERATOR_CODES), graph.tables(s.SubGraphSlot.OPERATORS)
    for k in range(len(tables)):
        outputs = tables[k].array(s.OperatorSlot.OUTPUTS, "<i4")
        code = codes[tables[k].number(s.OperatorSlot.CODE_INDEX, "I")]
        yield op_name(operator_code(code)), -1 if outputs is None or not len(outputs) else int(outputs[0])


def keeps_state(data: bytes, where: str = "model") -> bool:
    """Tells whether the model in a file keeps variables from one inference to the next; the file need not be readable
    otherwise.
    """
    codes = Flat(bytes(data), where).root().tables(s.ModelSlot.OPERATOR_CODES)
    return any(operator_code(codes[k]) in (Op.VAR_HANDLE, *RECURRENT) for k in range(len(codes)))


def operator_code(table: FlatTable) -> int:
    """Returns the number of an operator; files from before its second field have the first only."""
    slot = s.OperatorCodeSlot
    return int(max(table.number(slot.DEPRECATED_CODE, "b"), table.number(slot.CODE, "i")))


def _parse(data: bytes, where: str) -> tuple[QuantizedModel, dict[str, int], frozenset[int]]:
    """Returns the model in the bytes of a file, and the index of every activation tensor by its name in the model.

    The last value has the indices of the tensors that stand for a whole map in place of a batch of its parts.
    """
    top, table, graph = open_graph(data, where)
    metadata = read_metadata(top, graph)
    four = _four_bit_names(metadata.pop(s.BITS_METADATA, "[]"), graph.flat)
    sources = ends(graph, table, s.SubGraphSlot.INPUTS, "input")
    sinks = ends(graph, table, s.SubGraphSlot.OUTPUTS, "output")
    obstacles = Obstacles(graph)
    operators = list(file_operators(graph, table.tables(s.SubGraphSlot.OPERATORS), top, obstacles))
    initial: dict[str, Array] = {}
    with obstacles.kept():
        initial = _initial_values(graph, top.tables(s.ModelSlot.SUBGRAPHS), operators, top)
    operators = [o for o in operators if o.op not in (Op.VAR_HANDLE, Op.CALL_ONCE)]
    with obstacles.kept():
        operators = spread_maps(graph, operators)
    graph.where = where
    try:
        return *_model(graph, operators, sources, sinks, metadata, four, initial, obstacles), frozenset(graph.spread)
    except SpecError as e:
        for tensor in (tensor for o in operators for tensor in o.outputs):
            _check_fixed(graph, tensor)
        raise FileError(f"{where}: the model does not fit together: {e}") from e


def open_graph(data: bytes, where: str) -> tuple[FlatTable, FlatTable, Graph]:
    """Returns the root table of a file, the table of its first subgraph, and the tensors of that.

    - data: the bytes of the file.
    - where: what errors call it.

    Raises `FileError` for bytes that are no `.tflite`, and `UnsupportedError` for another version or no subgraph.
    """
    data = bytes(data)
    if len(data) < 32 or data[4:8] != s.IDENTIFIER:
        raise FileError(f"{where}: not a .tflite file: {len(data)} bytes without the mark {s.IDENTIFIER.decode()}")
    flat = Flat(data, where)
    top = flat.root()
    version = top.number(s.ModelSlot.VERSION, "I")
    if version != s.SCHEMA_VERSION:
        raise UnsupportedError(f"{where}: .tflite version {version}; only version {s.SCHEMA_VERSION} is supported")
    graphs = top.tables(s.ModelSlot.SUBGRAPHS)
    if not len(graphs):
        raise UnsupportedError(f"{where}: the file has no subgraph")
    buffers = top.tables(s.ModelSlot.BUFFERS)
    return top, graphs[0], Graph(flat, graphs[0].tables(s.SubGraphSlot.TENSORS), buffers, where)


def ends(graph: Graph, table: FlatTable, slot: int, what: str) -> list[Tensor]:
    """Returns the tensors that are the model's inputs, or its outputs: at least one, and each once.

    - graph: the tensors of the subgraph.
    - table: the subgraph.
    - slot: the field of the subgraph that lists them.
    - what: "input" or "output", for messages.

    Raises `UnsupportedError` for none, and for one that is named twice.
    """
    indices = _indices(graph, table, slot)
    if not indices:
        raise graph.unsupported(f"the model has no {what}; models need at least one")
    if len(set(indices)) < len(indices):
        raise graph.unsupported(f"a tensor is twice among the model's {what}s; each may be named once")
    return [graph.tensor(index) for index in indices]


def file_operators(
    graph: Graph, tables: FlatTables, top: FlatTable, collected: Obstacles | None = None
) -> Iterator[FileOperator]:
    """Yields the operators in execution order; while one is worked on, errors name it.

    - graph: the tensors of the subgraph; gets the values of those that are computed here from constants, see `folding`.
    - tables: the tables of the subgraph's operators.
    - top: the root table of the file, which lists the operators' numbers.
    - collected: gets what is not supported; the operators are then left out. None stands for raising the first of it.

    Operators that `folding` computes are left out. Raises `UnsupportedError` for an operator that is not supported and
    for more than `MAX_OPERATORS`, and `FileError` for a number of inputs or outputs that an operator does not have and
    for a tensor that is written twice.
    """
    codes = top.tables(s.ModelSlot.OPERATOR_CODES)
    obstacles = Obstacles(graph) if collected is None else collected
    written: set[int] = set()
    where = graph.where
    if len(tables) > MAX_OPERATORS:
        raise graph.unsupported(f"{len(tables)} operators; at most {MAX_OPERATORS} are supported")
    folded = fold_constants(
        graph, tables, lambda table: operator_code(codes[table.number(s.OperatorSlot.CODE_INDEX, "I")])
    )
    named = False  # whether the operators that are not supported have been named
    for k in range(len(tables)):
        if k in folded:
            continue
        graph.where = f"{where}: operator {k} ({_full_name(codes, tables[k])})"
        code = operator_code(codes[tables[k].number(s.OperatorSlot.CODE_INDEX, "I")])
        if code not in set(Op) and named:
            obstacles.lose(_indices(graph, tables[k], s.OperatorSlot.OUTPUTS))
            continue
        found = None
        with obstacles.kept(tables[k]):
            named |= code not in set(Op)
            found = _file_operator(graph, codes, tables, k, written)
        if found is not None:
            yield found
        if collected is None:
            obstacles.check()
    graph.where = where


def _file_operator(graph: Graph, codes: FlatTables, tables: FlatTables, k: int, written: set[int]) -> FileOperator:
    """Returns an operator of a subgraph; for its errors see `file_operators`.

    - graph: the tensors of the subgraph.
    - codes: the table of the file that says which operators there are.
    - tables: the tables of the subgraph's operators, of which this is number `k`.
    - written: the tensors that were written before, to which those of this operator are added.
    """
    table = tables[k]
    code = operator_code(codes[table.number(s.OperatorSlot.CODE_INDEX, "I")])
    outputs = _indices(graph, table, s.OperatorSlot.OUTPUTS)
    if code not in set(Op):
        at = f" writing {graph.label(outputs[0])}" if outputs else ""
        others = _other_operators(codes, tables, k)
        way_out = _way_out(codes) or "docs/operators.md has those that are"
        raise graph.unsupported(f"this operator{at} is not supported{others}; {way_out}")
    inputs = _indices(graph, table, s.OperatorSlot.INPUTS)
    op = Op(code)
    count = codec(op).inputs
    if len(inputs) not in count:
        raise graph.damaged(f"{len(inputs)} inputs instead of {count}")
    count = codec(op).outputs
    if len(outputs) not in count:
        raise graph.damaged(f"{len(outputs)} outputs, not {'one' if count.most == 1 else count}")
    for index in outputs:
        if index in written:
            raise graph.damaged(f"tensor {index} is written twice")
        written.add(index)
    options = table.table(s.OperatorSlot.OPTIONS)
    if options is not None and table.number(s.OperatorSlot.OPTIONS_TYPE, "B") != codec(op).options:
        options = None
    activations = [i for i in inputs[codec(op).activations] if i != -1 or not codec(op).optional]
    if op in (Op.GATHER, Op.FULLY_CONNECTED) and not graph.is_constant(graph.tensor(inputs[1])):
        activations = inputs[:2]  # the places, or the weights, are computed
    written_tensors = tuple(graph.tensor(index) for index in outputs)
    return FileOperator(op, graph.where, options, inputs, activations, written_tensors)


def _full_name(codes: FlatTables, table: FlatTable) -> str:
    """Returns the name of an operator, and of a custom one also what it is called in the file."""
    entry = codes[table.number(s.OperatorSlot.CODE_INDEX, "I")]
    name, custom = op_name(operator_code(entry)), entry.text(s.OperatorCodeSlot.CUSTOM_CODE)
    shown = "".join(c if c.isprintable() else "?" for c in custom[:40])
    return f"{name} {shown}" if name == "CUSTOM" and shown else name


def _way_out(codes: FlatTables) -> str:
    """Returns what custom operators of other tools are and what can be done about them; "" for a file without any."""
    names = (codes[k].text(s.OperatorCodeSlot.CUSTOM_CODE) for k in range(len(codes)))
    return "; ".join(
        dict.fromkeys(
            _SOUND_FEATURES if name.startswith("Signal") else _OTHER_TOOLS[name]
            for name in names
            if name in _OTHER_TOOLS or name.startswith("Signal")
        )
    )


def _other_operators(codes: FlatTables, tables: FlatTables, first: int) -> str:
    """Returns which operators besides that at `first` are not supported, as the end of a sentence; "" for none."""
    names = dict.fromkeys(
        _full_name(codes, tables[k])
        for k in range(first + 1, len(tables))
        if operator_code(codes[tables[k].number(s.OperatorSlot.CODE_INDEX, "I")]) not in set(Op)
    )
    names.pop(_full_name(codes, tables[first]), None)
    return f", nor {'is' if len(names) == 1 else 'are'} {', '.join(names)}" if names else ""


def _indices(graph: Graph, table: FlatTable, slot: int) -> list[int]:
    """Returns a field that lists tensors by their index; an absent one lists none."""
    values = table.array(slot, "<i4")
    if values is not None and len(values) > _MOST_TENSORS:
        raise graph.unsupported(f"it has {len(values)} inputs or outputs; at most {_MOST_TENSORS} are supported")
    return [] if values is None else values.tolist()


def _model(
    graph: Graph,
    operators: list[FileOperator],
    sources: list[Tensor],
    sinks: list[Tensor],
    metadata: dict[str, str],
    four: set[str],
    initial: dict[str, Array],
    obstacles: Obstacles,
) -> tuple[QuantizedModel, dict[str, int]]:
    """Returns the model, and the index of every activation tensor by its name in the model.

    - graph: the tensors of the subgraph.
    - operators: the operators in execution order.
    - sources: the inputs.
    - sinks: the outputs.
    - metadata: the texts that the file carries, by name.
    - four: the names of the tensors of 4 bits.
    - initial: the codes of variables before the first inference, by name, with the batch.
    - obstacles: what is not supported of the operators; more is added here, and all of it is raised at once.

    Raises `FileError`, `UnsupportedError`, and `SpecError` where the layers do not form a network.
    """
    where = graph.where
    source, *others = sources
    written = [(o, tensor) for o in operators for tensor in o.outputs]
    operands = _constant_operands(graph, operators, obstacles)
    graph.where = where
    kinds = [*(o.op.name for o, _ in written), *("constant" for _ in operands), *("input" for _ in others)]
    own = plain_names([tensor.name for tensor in (*(t for _, t in (*written, *operands)), *others)], kinds)
    names = dict(zip((t.index for t in sources), (INPUT, *own[len(kinds) - len(others) :]), strict=True))
    name_of = {tensor.index: name for (_, tensor), name in zip(written, own, strict=False)}
    graph.names = {INPUT, *own}
    types: dict[str, Type] = {}
    quants: dict[str, TensorQuant | None] = {}
    for tensor in sources:
        with obstacles.kept():
            _check_input(graph, tensor)
            if tensor.index in name_of:
                raise graph.unsupported(f"{tensor.label} is an input of the model, and an operator writes it")
            types[names[tensor.index]] = graph.activation_type(tensor)
            quants[names[tensor.index]] = graph.activation_quant(tensor)
    layers: list[Layer] = []
    ours: dict[str, str] = {}  # what errors call the operator of each layer
    weights: dict[str, LayerWeights] = {}
    constants: dict[str, tuple[TensorSpec, Array]] = {}
    for (operator, tensor), name in zip(operands, own[len(written) :], strict=False):
        graph.where = operator.where
        names[tensor.index] = name
        with obstacles.kept():
            constants[name] = _constant(graph, tensor, name, with_batch=operator.op not in RECURRENT)
            types[name], quants[name] = constants[name][0].type, graph.activation_quant(tensor)
    for index in sorted(obstacles.lost):  # as far as they are known, those that read them are looked at all the same
        with obstacles.passed_over():
            names[index] = graph.new_name(f"lost_{index}")
            types[names[index]] = graph.activation_type(graph.tensor(index))
            quants[names[index]] = graph.activation_quant(graph.tensor(index))
    for k, operator in enumerate(operators):
        graph.where = operator.where
        for tensor in operator.outputs:
            with obstacles.passed_over():  # what the file says of it, should the operator not be supported
                types[name_of[tensor.index]] = graph.activation_type(tensor)
                quants[name_of[tensor.index]] = graph.activation_quant(tensor)
        known = all(i not in names or names[i] in types for i in operator.activations)
        if not known:  # what it reads is not supported
            names |= {tensor.index: name_of[tensor.index] for tensor in operator.outputs}
            continue
        with obstacles.kept(), _dynamic_named(graph, operator):
            made = layers_of(graph, operator, tuple(name_of[tensor.index] for tensor in operator.outputs), names)
            for tensor in operator.outputs:
                _check_not_constant(graph, tensor, "an output")
                quants[name_of[tensor.index]] = graph.activation_quant(tensor)
            for layer in made:
                ours[layer.name] = f"operator {k} ({operator.op.name})"
                read = tuple(types[i] for i in layer.inputs)
                types |= dict.fromkeys(layer.outputs, _output_type(graph, operator, layer, read, where))
                for name, twin in _twins(made, layer):
                    twin = twin if twin in quants else made[-1].name
                    quants[name] = quants[twin]
                    four |= {name} if twin in four else set()
                if isinstance(layer, Weighted):
                    layer, weights[layer.name] = weights_of(graph, operator, layer)
                layers.append(replace(layer, act_bits=4) if layer.name in four else layer)
            for tensor in operator.outputs:
                if graph.activation_type(tensor) != types[name_of[tensor.index]]:
                    wanted = types[name_of[tensor.index]]
                    raise graph.unsupported(f"{tensor.label} is {tensor.type_name}; its inputs make {wanted}")
        names |= {tensor.index: name_of[tensor.index] for tensor in operator.outputs}
    graph.where = where
    for sink in sinks:
        if sink.index not in name_of and sink.index not in obstacles.lost:
            with obstacles.kept():
                raise graph.unsupported(f"the output, {sink.label}, is not what an operator writes")
    obstacles.check()
    outputs = tuple(name_of[sink.index] for sink in sinks)
    specs = tuple(spec for spec, _ in constants.values())
    more = tuple(TensorSpec(names[t.index], t.layer_shape, types[names[t.index]]) for t in others)
    arch = Arch(source.layer_shape, tuple(layers), "int4" if INPUT in four else types[INPUT], outputs, specs, more)
    quant = {name: q for name, q in quants.items() if q is not None}
    quant |= {name: graph.integer_quant(graph.tensor(index)) for index, name in graph.own_variables.items()}
    codes_of = {name: codes for name, (_, codes) in constants.items()}
    kept = {name: _shaped(graph, initial[name], spec) for name, spec in arch.variables().items() if name in initial}
    model = QuantizedModel(arch, quant, weights, metadata, codes_of, kept)
    too_large = excess(arch, ours)
    if too_large:
        raise graph.unsupported(too_large)
    shapes = arch.shapes()
    for operator, tensor in written:
        graph.where = operator.where
        want = shapes[name_of[tensor.index]]
        if want != tensor.layer_shape:
            _check_fixed(graph, tensor)
            sizes = f"the shape {list(tensor.shape)}; its inputs make {list(file_shape(want))}"
            raise graph.unsupported(f"{tensor.label} has {sizes}")
    validate(model)
    if four:
        _check_four_bits(model, where)
    return model, {name: index for index, name in names.items() if name not in constants}


def _shaped(graph: Graph, codes: Array, spec: TensorSpec) -> Array:
    """Returns the initial codes of a variable in its shape. Raises `FileError` where they are not as many as it has."""
    if codes.size != math.prod(spec.shape):
        raise graph.damaged(f"variable '{spec.name}' has {math.prod(spec.shape)} values and begins with {codes.size}")
    return codes.reshape(spec.shape)


def _initial_values(
    graph: Graph, graphs: FlatTables, operators: list[FileOperator], top: FlatTable
) -> dict[str, Array]:
    """Returns the codes that variables have before the first inference, by name, in their shape in the file.

    It names the variables in `graph.variables`, and reads the subgraphs that CALL_ONCE runs, in which constants are
    assigned to variables.

    - graph: the tensors of the first subgraph.
    - graphs: all subgraphs.
    - operators: those of the first subgraph, in execution order.
    - top: the root table of the file.

    Raises `UnsupportedError` for a subgraph that does anything else, or that nothing runs, and for one that runs after
    a variable has been used.
    """
    graph.variables |= _handles(graph, operators)
    found: dict[str, Array] = {}
    run: set[int] = set()
    used = False
    for o in operators:
        used |= o.op in (Op.READ_VARIABLE, Op.ASSIGN_VARIABLE)
        if o.op != Op.CALL_ONCE:
            continue
        number = o.option(s.CallOnceSlot.SUBGRAPH, "i")
        graph.where = o.where
        if not 0 < number < len(graphs):
            raise graph.damaged(f"it runs subgraph {number} of {len(graphs)}")
        if used:
            raise graph.unsupported("it fills variables after one was used; it must come first")
        run.add(number)
        found |= _assigned_constants(graph, graphs[number], top, f"{o.where}: subgraph {number}")
    graph.where = graph.flat.where
    if len(run) + 1 < len(graphs):
        raise graph.unsupported(
            f"{len(graphs)} subgraphs, of which CALL_ONCE runs {len(run)}; others, as for IF and WHILE, are not read"
        )
    return found


def _handles(graph: Graph, operators: list[FileOperator]) -> dict[int, str]:
    """Returns the names of the variables of a subgraph, by the index of the tensor that stands for one."""
    found = {}
    for o in operators:
        if o.op == Op.VAR_HANDLE:
            graph.where = o.where
            if o.outputs[0].type not in (s.TensorType.RESOURCE, s.TensorType.INT32):
                raise graph.damaged(f"{o.outputs[0].label} stands for a variable and is {o.outputs[0].type_name}")
            name = "" if o.options is None else o.options.text(s.VarHandleSlot.SHARED_NAME)
            found[o.outputs[0].index] = name or f"variable {o.outputs[0].index}"
    return found


def _assigned_constants(graph: Graph, table: FlatTable, top: FlatTable, where: str) -> dict[str, Array]:
    """Returns the constants that a subgraph assigns to variables, by the variable's name.

    - graph: the tensors of the first subgraph, whose buffers all subgraphs share.
    - table: the subgraph.
    - top: the root table of the file.
    - where: what errors begin with.
    """
    own = Graph(graph.flat, table.tables(s.SubGraphSlot.TENSORS), graph.buffers, where)
    operators = list(file_operators(own, table.tables(s.SubGraphSlot.OPERATORS), top))
    own.variables = _handles(own, operators)
    found = {}
    for o in operators:
        own.where = o.where
        if o.op == Op.ASSIGN_VARIABLE:
            value = own.tensor(o.inputs[1])
            found[own.variable(o.inputs[0])] = own.constant(value, (s.TENSOR_TYPES[own.activation_type(value)],))
        elif o.op != Op.VAR_HANDLE:
            raise own.unsupported("what CALL_ONCE runs may only assign constants to variables")
    return found


def _constant_operands(
    graph: Graph, operators: list[FileOperator], obstacles: Obstacles
) -> list[tuple[FileOperator, Tensor]]:
    """Returns the constants of the file that operators read in place of activations, each with its first reader.

    - graph: the tensors of the subgraph.
    - operators: the operators in execution order.
    - obstacles: gets what is not supported of these constants.
    """
    readers: dict[int, FileOperator] = {}
    for o in operators:
        if o.op in (*CONSTANT_OPERANDS, *RECURRENT):
            graph.where = o.where
            for index in o.inputs if o.op in RECURRENT else o.activations:
                with obstacles.kept():
                    given = index != -1 and not graph.tensor(index).is_variable
                    if given and graph.is_constant(graph.tensor(index)):
                        readers.setdefault(index, o)
    return [(o, graph.tensor(index)) for index, o in readers.items()]


def _constant(graph: Graph, tensor: Tensor, name: str, with_batch: bool) -> tuple[TensorSpec, Array]:
    """Returns a constant of the file: what it is, and its codes in its shape, without the batch if it may have one."""
    kind = graph.activation_type(tensor)
    codes = graph.constant(tensor, (s.TENSOR_TYPES[kind],))
    if graph.only_zeros(tensor):
        codes = np.full_like(codes, graph.integer_quant(tensor).zero_point)
    shape = tensor.layer_shape if with_batch else tensor.shape
    return TensorSpec(name, shape, kind), codes.reshape(shape)


def _twins(made: tuple[Layer, ...], layer: Layer) -> Iterator[tuple[str, str]]:
    """Yields the outputs of a layer that are no tensors of the file, each with the tensor that holds the same values.

    - made: the layers of one operator, as `layers_of` returns them, of which this is one.
    """
    behind = {other.inputs[0]: other.name for other in made if isinstance(other, Reshape)}
    for name in layer.outputs:
        if name in behind:
            yield name, behind[name]
        elif isinstance(layer, Reshape) and any(name in other.inputs for other in made):
            yield name, layer.inputs[0]


def _output_type(graph: Graph, o: FileOperator, layer: Layer, inputs: Types, where: str) -> Type:
    """Returns the type of what a layer writes.

    - o: the operator that the layer is made of.
    - inputs: the types of the layer's inputs.
    - where: what errors call the file.

    Raises `UnsupportedError` for inputs of a type that it cannot read.
    """
    try:
        return facts_of(layer).output_type(inputs, graph.where)
    except SpecError as e:
        for index in o.inputs:
            if index != -1 and graph.tensor(index).type == s.TensorType.FLOAT32:
                what = f"operator {o.op.name} reads {graph.tensor(index).label} of float32"
                way_out = (
                    "make an int8 model of it with: micronets import MODEL.tflite --calibrate DATA --out INT8.tflite"
                )
                raise FloatModelError(f"{where}: a float model: {what}; {way_out}") from e
        way_out = _NO_UINT8 if "uint8" in inputs else ""
        raise UnsupportedError(f"{e}{way_out}") from e


def _check_four_bits(model: QuantizedModel, where: str) -> None:
    """Raises `UnsupportedError` where the metadata say 4 bits of a tensor whose codes may span more."""
    try:
        check_four_bit_outputs(model)
    except UnsupportedError as e:
        raise UnsupportedError(f"{where}: its metadata '{s.BITS_METADATA}' do not hold: {e}") from e


def _check_input(graph: Graph, tensor: Tensor) -> None:
    """Raises `UnsupportedError` for an input of the model that is a constant, and for one whose shape is not fixed."""
    _check_not_constant(graph, tensor, "the input")
    _check_fixed(graph, tensor)


def _check_fixed(graph: Graph, tensor: Tensor) -> None:
    """Raises `UnsupportedError` for a tensor whose shape is not fixed, but for the batch."""
    if tensor.dynamic:
        raise graph.unsupported(
            f"{tensor.label} has the dynamic shape {list(tensor.dynamic)}; export the model with fixed shapes"
        )


@contextmanager
def _dynamic_named(graph: Graph, o: FileOperator) -> Iterator[None]:
    """Says of an operator that does not fit its tensors that the shape of one is not fixed, if that is so.

    A file has a shape for such a tensor, too, with which TFLM computes; it often has ones that stand for nothing.
    """
    try:
        yield
    except (FileError, SpecError, UnsupportedError):
        for index in (*o.activations, *(tensor.index for tensor in o.outputs)):
            if index != -1:
                _check_fixed(graph, graph.tensor(index))
        raise


def _check_not_constant(graph: Graph, tensor: Tensor, what: str) -> None:
    """Raises `UnsupportedError` for an activation whose buffer holds values: TFLM would take it for a constant."""
    if tensor.is_variable:
        raise graph.unsupported(
            f"{tensor.label} is {what} and a variable; operators keep variables for themselves only"
        )
    if len(graph.bytes_of(tensor.buffer)):
        raise graph.unsupported(
            f"{tensor.label} is {what} and has the values of buffer {tensor.buffer}; only weights, paddings and axes "
            "may be constants"
        )


def read_metadata(top: FlatTable, graph: Graph) -> dict[str, str]:
    """Returns the metadata that are text, by name; trailing NULs, with which some writers pad, are dropped."""
    texts: dict[str, str] = {}
    total = 0
    entries = top.tables(s.ModelSlot.METADATA)
    for k in range(len(entries)):
        name = entries[k].text(s.MetadataSlot.NAME)
        raw = graph.bytes_of(entries[k].number(s.MetadataSlot.BUFFER, "I"))
        total += len(raw) + len(name)
        if total > len(graph.flat.data):
            raise graph.damaged("its metadata repeat without end")
        try:
            text = raw.tobytes().decode().rstrip("\0")
        except UnicodeDecodeError:
            continue
        if name and text and "\0" not in text and (name == s.BITS_METADATA or name not in s.RESERVED_METADATA):
            texts[name] = text
    return texts


def _four_bit_names(text: str, flat: Flat) -> set[str]:
    """Returns the names of the tensors of 4 bits from the metadata that list them."""
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise flat.damaged(f"its metadata '{s.BITS_METADATA}' are not a list of names")
    return set(names)
