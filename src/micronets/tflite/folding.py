"""Operators of a file whose results follow from shapes and constants alone, which the reader computes and leaves out.

Converters write such chains where a model has an open batch: SHAPE, STRIDED_SLICE and PACK make the shape of a RESHAPE.
A QUANTIZE brings a constant that several operators share to the scale that each of them needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import assert_never

import numpy as np

from micronets.ir.ops.record import LARGEST_MULTIPLIER
from micronets.ir.types import Types, code_range
from micronets.quantized.arithmetic import dtype_of, multiply_by_quantized_multiplier, quantize, rescale
from micronets.quantized.numbers import whole_quotient
from micronets.tflite import schema as s
from micronets.tflite.codec.op import op_number
from micronets.tflite.flatbuffer import FlatTable, FlatTables
from micronets.tflite.tensors import Array, Graph, Tensor

_MOST_VALUES = 64  # of a tensor that is computed: shapes and indices have no more
FILLED: Types = ("int8", "int32", "float32")
"""The types of tensors that TFLM's FILL and ZEROS_LIKE take."""

_MOST_FILLED = 1 << 16  # of a tensor that is filled with one value


class FoldedOp(IntEnum):
    """The operators that are computed, by their number in the format."""

    ADD = 0
    CONCATENATION = 2
    MUL = 18
    RESHAPE = 22
    GATHER = 36
    SUB = 41
    DIV = 42
    SQUEEZE = 43
    STRIDED_SLICE = 45
    CAST = 53
    MAXIMUM = 55
    MINIMUM = 57
    SLICE = 65
    EXPAND_DIMS = 70
    SHAPE = 77
    PACK = 83
    REDUCE_PROD = 81
    ZEROS_LIKE = 93
    FILL = 94
    QUANTIZE = 114
    BROADCAST_ARGS = 145


_CALCULATED: Mapping[FoldedOp, Callable[[Array, Array], Array]] = {
    FoldedOp.ADD: np.add,
    FoldedOp.MUL: np.multiply,
    FoldedOp.SUB: np.subtract,
    FoldedOp.MAXIMUM: np.maximum,
    FoldedOp.MINIMUM: np.minimum,
}


@dataclass(frozen=True)
class _Work:
    """One operator: which it is, its inputs, and its options."""

    op: FoldedOp
    values: list[Array]
    options: FlatTable | None

    def option(self, slot: int) -> int:
        """Returns an option of 32 bits, 0 if the file does not hold it."""
        return 0 if self.options is None else int(self.options.number(slot, "i"))


def fold_constants(graph: Graph, tables: FlatTables, codes: FlatTables) -> set[int]:
    """Computes what follows from shapes and constants, and keeps it in `graph.folded`.

    - graph: the tensors of the subgraph.
    - tables: its operators.
    - codes: the list of the file's operators.

    Returns the places of the operators that are computed. An operator that cannot be computed is left for the reader.
    """
    done: set[int] = set()
    for k in range(len(tables)):
        number = op_number(codes, tables[k])
        inputs = tables[k].array(s.OperatorSlot.INPUTS, "<i4")
        outputs = tables[k].array(s.OperatorSlot.OUTPUTS, "<i4")
        if number not in set(FoldedOp) or inputs is None or outputs is None or len(outputs) != 1 or not len(inputs):
            continue
        result = graph.tensor(int(outputs[0]))
        options = tables[k].table(s.OperatorSlot.OPTIONS)
        values = _folded(graph, FoldedOp(number), inputs, result, options)
        if values is not None:
            graph.folded[result.index] = values
            done.add(k)
    return done


def _folded(graph: Graph, op: FoldedOp, inputs: Array, result: Tensor, options: FlatTable | None) -> Array | None:
    """Returns the values of what an operator writes, in its shape; None if they do not follow from the file.

    - graph: the tensors of the subgraph.
    - op, options: the operator.
    - inputs: the indices of the tensors that it reads, at least one.
    - result: what it writes.
    """
    if op == FoldedOp.QUANTIZE:
        given = graph.tensor(int(inputs[0]))
        same_count = math.prod(given.shape) == math.prod(result.shape)
        return _requantised(graph, given, result) if graph.is_constant(given) and same_count else None
    if op == FoldedOp.ZEROS_LIKE or (op == FoldedOp.FILL and result.type != s.TensorType.INT32):
        return _filled(graph, op, inputs.tolist(), result)
    count = math.prod(result.shape)
    if result.type != s.TensorType.INT32 or count > _MOST_VALUES:
        return None
    values = [np.array(graph.tensor(int(inputs[0])).shape, np.int32)] if op == FoldedOp.SHAPE else None
    values = values or list(_values(graph, inputs))
    if len(values) != len(inputs):
        return None
    try:
        found = _computed(_Work(op, values, options))
    except (ValueError, IndexError, OverflowError):
        return None  # the reader says what is wrong with it
    return found.astype(np.int32).reshape(result.shape) if found is not None and found.size == count else None


def _filled(graph: Graph, op: FoldedOp, inputs: list[int], result: Tensor) -> Array | None:
    """Returns the codes or floats that a FILL or ZEROS_LIKE makes; None if its shape or its value is not constant.

    TFLM's ZEROS_LIKE makes codes of 0, whatever the zero point is.
    """
    of = graph.activation_type(result)
    if of not in FILLED or math.prod(result.shape) > _MOST_FILLED:
        return None
    if op == FoldedOp.ZEROS_LIKE:
        return np.zeros(result.shape, dtype_of(of))
    if len(inputs) != 2:
        return None
    sizes, value = list(_values(graph, np.array(inputs[:1]))), graph.tensor(inputs[1])
    if not sizes or tuple(sizes[0].ravel().tolist()) != result.shape or value.shape or not graph.is_constant(value):
        return None
    return np.full(result.shape, graph.constant(value, (s.TENSOR_TYPES[of],)).ravel()[0])


def _requantised(graph: Graph, source: Tensor, target: Tensor) -> Array:
    """Returns a constant as codes of another tensor's type, scale and zero point, as `quantized.reference` has them.

    Raises `UnsupportedError` for scales so far apart that TFLM's multiplier cannot hold their ratio.
    """
    of, to = graph.activation_type(source), graph.activation_type(target)
    values, quant = graph.constant(source, (s.TENSOR_TYPES[of],)), graph.integer_quant(target)
    if of == "float32":
        return quantize(values, quant, to).reshape(target.shape)
    given = graph.integer_quant(source)
    if given.scale >= LARGEST_MULTIPLIER * quant.scale:
        raise graph.unsupported(
            f"{source.label} has the scale {given.scale:.4g} and {target.label} {quant.scale:.4g}; TFLM's QUANTIZE "
            f"takes a ratio below {LARGEST_MULTIPLIER:,.0f}"
        )
    codes = multiply_by_quantized_multiplier(values.astype(np.int64) - given.zero_point, *rescale(given, quant))
    lowest, highest = code_range(to)
    return np.asarray(np.clip(codes + quant.zero_point, lowest, highest), dtype_of(to)).reshape(target.shape)


def _values(graph: Graph, inputs: Array) -> Iterator[Array]:
    """Yields the values of the inputs, up to the first that is not an integer constant or too large."""
    for index in inputs.tolist():
        if index in graph.folded:
            yield graph.folded[index]
            continue
        tensor = graph.tensor(index)
        few = np.prod(tensor.shape, dtype=np.int64) <= _MOST_VALUES
        if tensor.type != s.TensorType.INT32 or not few or not len(graph.bytes_of(tensor.buffer)):
            return
        yield graph.constant(tensor, (s.TensorType.INT32,))


def _computed(work: _Work) -> Array | None:
    """Returns what an operator makes of its inputs; None for options that are not known here, and for too many values.

    Raises `ValueError`, `IndexError` or `OverflowError` for inputs that it does not take, such as one too many.
    """
    match work.op:
        case FoldedOp.RESHAPE if work.values:
            return work.values[0]  # it gets the shape of the result
        case FoldedOp.QUANTIZE:
            return None  # it makes codes, which `_requantised` computes
        case FoldedOp.ZEROS_LIKE:
            (first,) = work.values
            return np.zeros_like(first)
        case FoldedOp.SHAPE | FoldedOp.CAST | FoldedOp.RESHAPE | FoldedOp.SQUEEZE:
            (first,) = work.values
            return first
        case FoldedOp.ADD | FoldedOp.MUL | FoldedOp.SUB | FoldedOp.MAXIMUM | FoldedOp.MINIMUM:
            first, second = work.values
            return np.asarray(_CALCULATED[work.op](first, second))
        case FoldedOp.DIV:
            first, second = work.values
            return whole_quotient(first, second) if np.all(second) else None
        case FoldedOp.SLICE:
            first, begin, size = work.values
            spans = zip(begin.ravel().tolist(), size.ravel().tolist(), first.shape, strict=True)
            return first[tuple(slice(at, n if count == -1 else at + count) for at, count, n in spans)]
        case FoldedOp.CONCATENATION:
            return np.concatenate(work.values, axis=work.option(s.ConcatenationSlot.AXIS))
        case FoldedOp.GATHER:
            first, places = work.values
            return np.take(first, places, axis=work.option(0))
        case FoldedOp.STRIDED_SLICE:
            return _sliced(work)
        case FoldedOp.EXPAND_DIMS:
            first, axis = work.values
            return np.expand_dims(first, int(axis.ravel()[0]))
        case FoldedOp.PACK:
            return np.stack(work.values, axis=work.option(s.PackSlot.AXIS))
        case FoldedOp.REDUCE_PROD:
            first, axes = work.values
            return np.asarray(np.prod(first, axis=tuple(axes.ravel().tolist())))
        case FoldedOp.BROADCAST_ARGS:
            return np.array(np.broadcast_shapes(*(tuple(sizes.ravel().tolist()) for sizes in work.values)), np.int32)
        case FoldedOp.FILL:
            sizes, value = work.values
            if math.prod(sizes.ravel().tolist()) > _MOST_VALUES:
                return None
            return np.full(sizes.ravel().tolist(), int(value.ravel()[0]), np.int32)
        case _:
            assert_never(work.op)


def _sliced(work: _Work) -> Array | None:
    """Returns a slice of a vector, or one of its values."""
    x, begin, end, stride = work.values
    begins, ends, ellipsis, new_axis, shrinks = (work.option(slot) for slot in range(5))
    if x.ndim != 1 or begin.size != 1 or ellipsis or new_axis:
        return None
    if shrinks:
        return np.asarray(x[int(begin[0])])
    first = None if begins else int(begin[0])
    return np.asarray(x[slice(first, None if ends else int(end[0]), int(stride[0]))])
