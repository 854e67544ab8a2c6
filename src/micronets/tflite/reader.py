"""`read`: makes a `QuantizedModel` of the bytes of a `.tflite`, an int8 model of any origin with operators of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator

from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.quantized.model import QuantizedModel
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from micronets.tflite.codec.blocks import spread_maps
from micronets.tflite.codec.op import RECURRENT, listed_number, op_name, op_number
from micronets.tflite.file_operators import ends, file_operators
from micronets.tflite.flatbuffer import Flat, FlatTable
from micronets.tflite.network import FileNetwork, network
from micronets.tflite.obstacles import Obstacles
from micronets.tflite.tensors import Array, Graph
from micronets.tflite.variables import initial_values


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
    """Yields the name of every operator of a subgraph and the index of its first output, -1 if it has none."""
    codes, tables = top.tables(s.ModelSlot.OPERATOR_CODES), graph.tables(s.SubGraphSlot.OPERATORS)
    for k in range(len(tables)):
        outputs = tables[k].array(s.OperatorSlot.OUTPUTS, "<i4")
        yield op_name(op_number(codes, tables[k])), -1 if outputs is None or not len(outputs) else int(outputs[0])


def keeps_state(data: bytes, where: str = "model") -> bool:
    """Returns whether the model in a file keeps variables from one inference to the next; the file need not be readable
    otherwise.
    """
    codes = Flat(bytes(data), where).root().tables(s.ModelSlot.OPERATOR_CODES)
    keeping = (Op.VAR_HANDLE, Op.SIGNAL_FILTER_BANK_SPECTRAL_SUBTRACTION, *RECURRENT)
    return any(listed_number(codes[k]) in keeping for k in range(len(codes)))


def _parse(data: bytes, where: str) -> tuple[QuantizedModel, dict[str, int], frozenset[int]]:
    """Returns the model in the bytes of a file, and the index of every activation tensor by its name in the model.

    The last value has the indices of the tensors that stand for a whole map in place of a batch of its parts.
    """
    top, table, graph = open_graph(data, where)
    metadata = read_metadata(top, graph)
    four_bits = _four_bit_names(metadata.pop(s.BITS_METADATA, "[]"), graph.flat)
    inputs = ends(graph, table, s.SubGraphSlot.INPUTS, "input")
    outputs = ends(graph, table, s.SubGraphSlot.OUTPUTS, "output")
    obstacles = Obstacles(graph)
    operators = list(file_operators(graph, table.tables(s.SubGraphSlot.OPERATORS), top, obstacles))
    initial: dict[str, Array] = {}
    with obstacles.kept():
        initial = initial_values(graph, top.tables(s.ModelSlot.SUBGRAPHS), operators, top)
    operators = [o for o in operators if o.op not in (Op.VAR_HANDLE, Op.CALL_ONCE)]
    with obstacles.kept():
        operators = spread_maps(graph, operators)
    graph.where = where
    try:
        model, names = network(FileNetwork(graph, operators, inputs, outputs, metadata, four_bits, initial, obstacles))
    except SpecError as e:
        for tensor in (tensor for o in operators for tensor in o.outputs):
            graph.check_fixed(tensor)
        raise FileError(f"{where}: the model does not fit together: {e}") from e
    return model, names, frozenset(graph.spread)


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
