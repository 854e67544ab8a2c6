"""`initial_values`: the variables of a file, and what they hold before the first inference."""

from __future__ import annotations

from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from micronets.tflite.codec.record import FileOperator
from micronets.tflite.file_operators import file_operators
from micronets.tflite.flatbuffer import FlatTable, FlatTables
from micronets.tflite.tensors import Array, Graph


def initial_values(graph: Graph, graphs: FlatTables, operators: list[FileOperator], top: FlatTable) -> dict[str, Array]:
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
