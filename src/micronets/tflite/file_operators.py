"""`file_operators`: the operators of a file's subgraph, checked, in execution order."""

from __future__ import annotations

from collections.abc import Iterator

from micronets.errors import UnsupportedError
from micronets.tflite import schema as s
from micronets.tflite.codec import Op, codec
from micronets.tflite.codec.op import CUSTOM_NAMES, listed_number, op_name, op_number
from micronets.tflite.codec.record import FileOperator
from micronets.tflite.flatbuffer import FlatTable, FlatTables
from micronets.tflite.folding import fold_constants
from micronets.tflite.limits import MAX_OPERATORS
from micronets.tflite.obstacles import Obstacles
from micronets.tflite.tensors import Graph, Tensor

_OTHER_TOOLS = {
    "ethos-u": "ethos-u is what Vela makes for an Ethos-U NPU alone: give the file from before Vela",
    "edgetpu-custom-op": "edgetpu-custom-op runs on an Edge TPU alone: give the file from before edgetpu_compiler",
    "TFLite_Detection_PostProcess": "TFLite_Detection_PostProcess decodes and sorts boxes: cut the model before it, "
    "and do that in code of your own",
}
_SOUND_FEATURES = (
    "other CUSTOM Signal... than those of TFLM's front end of sound have no kernel here: give the network that reads "
    "its features, with --front-end micro (microWakeWord) or micro-20ms (micro_speech)"
)
_MOST_TENSORS = 100  # how many tensors an operator may read, and how many it may write


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
    folded = fold_constants(graph, tables, codes)
    named = False  # whether the operators that are not supported have been named
    for k in range(len(tables)):
        if k in folded:
            continue
        graph.where = f"{where}: operator {k} ({_full_name(codes, tables[k])})"
        code = op_number(codes, tables[k])
        if code not in set(Op) and named:
            obstacles.lose(_indices(graph, tables[k], s.OperatorSlot.OUTPUTS))
            continue
        found = None
        with obstacles.kept(tables[k]):
            if code not in set(Op):
                named = True
                raise _no_operator_of_ours(graph, codes, tables, k)
            found = _file_operator(graph, tables[k], Op(code), written)
        if found is not None:
            yield found
        if collected is None:
            obstacles.check()
    graph.where = where


def _file_operator(graph: Graph, table: FlatTable, op: Op, written: set[int]) -> FileOperator:
    """Returns an operator of a subgraph; for its errors see `file_operators`.

    - graph: the tensors of the subgraph.
    - table, op: the operator.
    - written: the tensors that were written before, to which those of this operator are added.
    """
    inputs = _indices(graph, table, s.OperatorSlot.INPUTS)
    outputs = _indices(graph, table, s.OperatorSlot.OUTPUTS)
    stored = codec(op)
    count = stored.inputs
    if len(inputs) not in count:
        raise graph.damaged(f"{len(inputs)} inputs instead of {count}")
    count = stored.outputs
    if len(outputs) not in count:
        raise graph.damaged(f"{len(outputs)} outputs, not {'one' if count.most == 1 else count}")
    for index in outputs:
        if index in written:
            raise graph.damaged(f"tensor {index} is written twice")
        written.add(index)
    options = table.table(s.OperatorSlot.OPTIONS)
    if options is not None and table.number(s.OperatorSlot.OPTIONS_TYPE, "B") != stored.options:
        options = None
    activations = [i for i in inputs[stored.activations] if i != -1 or not stored.optional]
    may_be_computed = {Op.GATHER: 1, Op.GATHER_ND: 1, Op.FULLY_CONNECTED: 1, Op.DYNAMIC_UPDATE_SLICE: 2}.get(op)
    if may_be_computed is not None and not graph.is_constant(graph.tensor(inputs[may_be_computed])):
        activations = inputs[: may_be_computed + 1]  # the places, or the weights
    written_tensors = tuple(graph.tensor(index) for index in outputs)
    custom = table.array(s.OperatorSlot.CUSTOM_OPTIONS, "u1")
    own = b"" if custom is None or op not in CUSTOM_NAMES else custom.tobytes()
    return FileOperator(op, graph.where, options, inputs, activations, written_tensors, own)


def ends(graph: Graph, table: FlatTable, slot: int, what: str) -> list[Tensor]:
    """Returns the tensors that are the model's inputs, or its outputs: at least one.

    - graph: the tensors of the subgraph.
    - table: the subgraph.
    - slot: the field of the subgraph that lists them.
    - what: "input" or "output", for messages.

    Raises `UnsupportedError` for none, and for an input that is named twice.
    """
    indices = _indices(graph, table, slot)
    if not indices:
        raise graph.unsupported(f"the model has no {what}; models need at least one")
    if slot == s.SubGraphSlot.INPUTS and len(set(indices)) < len(indices):
        raise graph.unsupported("a tensor is twice among the model's inputs; export the model with each of them once")
    return [graph.tensor(index) for index in indices]


def _full_name(codes: FlatTables, table: FlatTable) -> str:
    """Returns the name of an operator, and of a custom one also what it is called in the file."""
    entry = codes[table.number(s.OperatorSlot.CODE_INDEX, "I")]
    name, custom = op_name(listed_number(entry)), entry.text(s.OperatorCodeSlot.CUSTOM_CODE)
    shown = "".join(c if c.isprintable() else "?" for c in custom[:40])
    return f"{name} {shown}" if name == "CUSTOM" and shown else name


def _no_operator_of_ours(graph: Graph, codes: FlatTables, tables: FlatTables, k: int) -> UnsupportedError:
    """Returns the error for an operator that micronets does not have; it names all others of this subgraph, too.

    - graph: the tensors of the subgraph.
    - codes: the table of the file that says which operators there are.
    - tables: the tables of the subgraph's operators, of which this is number `k`.
    """
    outputs = _indices(graph, tables[k], s.OperatorSlot.OUTPUTS)
    at = f" writing {graph.label(outputs[0])}" if outputs else ""
    way_out = _way_out(codes) or "docs/operators.md has those that are"
    return graph.unsupported(f"this operator{at} is not supported{_other_operators(codes, tables, k)}; {way_out}")


def _way_out(codes: FlatTables) -> str:
    """Returns what custom operators of other tools are and what can be done about them; "" for a file without any."""
    names = (codes[k].text(s.OperatorCodeSlot.CUSTOM_CODE) for k in range(len(codes)))
    return "; ".join(
        dict.fromkeys(
            _OTHER_TOOLS.get(name, _SOUND_FEATURES)
            for name in names
            if name in _OTHER_TOOLS or (name.startswith("Signal") and name not in CUSTOM_NAMES.values())
        )
    )


def _other_operators(codes: FlatTables, tables: FlatTables, first: int) -> str:
    """Returns which operators besides that at `first` are not supported, as the end of a sentence; "" for none."""
    names = dict.fromkeys(
        _full_name(codes, tables[k])
        for k in range(first + 1, len(tables))
        if op_number(codes, tables[k]) not in set(Op)
    )
    names.pop(_full_name(codes, tables[first]), None)
    return f", nor {'is' if len(names) == 1 else 'are'} {', '.join(names)}" if names else ""


def _indices(graph: Graph, table: FlatTable, slot: int) -> list[int]:
    """Returns a field that lists tensors by their index; an absent one lists none."""
    values = table.array(slot, "<i4")
    if values is not None and len(values) > _MOST_TENSORS:
        raise graph.unsupported(f"it has {len(values)} inputs or outputs; at most {_MOST_TENSORS} are supported")
    return [] if values is None else values.tolist()
