"""Tensors of any shape: a batch that is none, several vectors, operators that work along the batch."""

from __future__ import annotations

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.compiler.passes.pipeline import optimise
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.host import build_library
from micronets.device.tflm import interpreter
from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Pad, Relu, Reshape
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes.base import seeded_inputs
from micronets.tflite import read, write
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from micronets.tflite.folding import FoldedOp
from micronets.tflite.stored import stored_tensors
from tests.support.needs import needs_tflm
from tests.support.small_file import FileLayer, FileTensor, constant, small_file

_RNG = np.random.default_rng(13)


def _weights(units: int, size: int) -> FileTensor:
    return FileTensor((units, size), _RNG.integers(-127, 128, (units, size)).astype(np.int8), 0.02, 0)


def _dense(x: tuple[int, ...], units: int, size: int, y: tuple[int, ...], keep: bool = False) -> bytes:
    """Returns a FULLY_CONNECTED from shape to shape; `keep`: whether it says that it keeps the dimensions."""
    fields = ((s.FullyConnectedSlot.KEEP_NUM_DIMS, "bool", keep, False),)
    tensors = [FileTensor(x), _weights(units, size), constant(*range(units)), FileTensor(y, scale=0.3)]
    return small_file(tensors, [FileLayer(Op.FULLY_CONNECTED, (0, 1, 2), (3,), fields)], [0], [3])


def _joined(op: Op, shapes: list[tuple[int, ...]], outputs: list[tuple[int, ...]], axis: int) -> bytes:
    """CONCATENATION or SPLIT along `axis` of a file, behind a RELU for each tensor that it reads but the first."""
    tensors = [FileTensor(shape) for shape in (*shapes, *outputs)]
    first, last = tuple(range(len(shapes))), tuple(range(len(shapes), len(tensors)))
    if op == Op.SPLIT:
        tensors.append(constant(axis, shape=()))
        fields = ((s.SplitSlot.COUNT, "int32", len(outputs), 0),)
        return small_file(tensors, [FileLayer(op, (len(tensors) - 1, 0), last, fields)], [0], last)
    fields = ((s.ConcatenationSlot.AXIS, "int32", axis, 0),)
    layers = [FileLayer(Op.RELU, (0,), (i,)) for i in first[1:]]
    return small_file(tensors, [*layers, FileLayer(op, first, last, fields)], [0], last)


def _padded(x: tuple[int, ...], paddings: tuple[tuple[int, int], ...]) -> bytes:
    y = tuple(n + before + after for n, (before, after) in zip(x, paddings, strict=True))
    flat = constant(*(n for pair in paddings for n in pair), shape=(len(x), 2))
    return small_file([FileTensor(x), flat, FileTensor(y)], [FileLayer(Op.PAD, (0, 1), (2,))], [0], [2])


def _reduced(op: Op, x: tuple[int, ...], axes: tuple[int, ...], y: tuple[int, ...], keep: bool = False) -> bytes:
    fields = ((s.ReducerSlot.KEEP_DIMS, "bool", keep, False),)
    tensors = [FileTensor(x), constant(*axes), FileTensor(y)]
    return small_file(tensors, [FileLayer(op, (0, 1), (2,), fields)], [0], [2])


def _placed(op: Op, x: tuple[int, ...], axis: int, y: tuple[int, ...]) -> bytes:
    fields = ((s.ArgMaxSlot.OUTPUT_TYPE, "int8", int(s.TensorType.INT32), 0),)
    tensors = [FileTensor(x), constant(axis, shape=()), FileTensor(y, type=s.TensorType.INT32)]
    return small_file(tensors, [FileLayer(op, (0, 1), (2,), fields)], [0], [2])


def _broadcast(x: tuple[int, ...], y: tuple[int, ...], of: s.TensorType = s.TensorType.INT8) -> bytes:
    tensors = [FileTensor(x, type=of), constant(*y), FileTensor(y, type=of)]
    return small_file(tensors, [FileLayer(Op.BROADCAST_TO, (0, 1), (2,))], [0], [2])


def _product(x: tuple[int, ...], weights: tuple[int, int], y: tuple[int, ...], keep: bool = False) -> bytes:
    """Returns a FULLY_CONNECTED whose weights are an input of the model."""
    fields = ((s.FullyConnectedSlot.KEEP_NUM_DIMS, "bool", keep, False),)
    tensors = [FileTensor(x), FileTensor(weights, scale=0.02, zero_point=-5), FileTensor(y, scale=0.3)]
    return small_file(tensors, [FileLayer(Op.FULLY_CONNECTED, (0, 1, -1), (2,), fields)], [0, 1], [2])


def _taken(x: tuple[int, ...], places: list[list[int]], y: tuple[int, ...]) -> bytes:
    which = np.array(places, np.int32)
    tensors = [FileTensor(x), FileTensor(which.shape, which), FileTensor(y)]
    return small_file(tensors, [FileLayer(Op.GATHER_ND, (0, 1), (2,))], [0], [2])


def _rows(table: tuple[int, ...], count: int) -> bytes:
    values = _RNG.integers(-127, 128, table).astype(np.int8)
    tensors = [
        FileTensor((count,), type=s.TensorType.INT32),
        FileTensor(table, values),
        FileTensor((count, *table[1:])),
    ]
    return small_file(tensors, [FileLayer(Op.EMBEDDING_LOOKUP, (0, 1), (2,))], [0], [2])


def _filled(value: int | None) -> bytes:
    """Returns a CONCATENATION of the input with six values that a FILL makes of a constant, or of another input."""
    given = FileTensor(()) if value is None else FileTensor((), np.array(value, np.int8))
    tensors = [FileTensor((1, 4, 3)), given, constant(1, 2, 3), FileTensor((1, 2, 3)), FileTensor((1, 6, 3))]
    joined = FileLayer(Op.CONCATENATION, (0, 3), (4,), ((s.ConcatenationSlot.AXIS, "int32", 1, 0),))
    return small_file(tensors, [FileLayer(Op.FILL, (2, 1), (3,)), joined], [0, 1] if value is None else [0], [4])


def _zeros(of: s.TensorType) -> bytes:
    """Returns a MAXIMUM of the input and what ZEROS_LIKE makes of it."""
    tensors = [FileTensor((1, 4, 3), type=of)] * 3
    layers = [FileLayer(FoldedOp.ZEROS_LIKE, (0,), (1,)), FileLayer(Op.MAXIMUM, (0, 1), (2,))]
    return small_file(tensors, layers, [0], [2])


FILES = {
    "a map from its channels": _broadcast((1, 1, 1, 3), (1, 4, 5, 3)),
    "a batch from a vector": _broadcast((4,), (2, 3, 4), s.TensorType.FLOAT32),
    "a batch from one": _broadcast((1, 2, 1, 3), (2, 2, 5, 3), s.TensorType.INT16),
    "numbers from one": _broadcast((), (1, 5), s.TensorType.INT32),
    "truth values from a column": _broadcast((4, 1), (4, 3), s.TensorType.BOOL),
    "nothing is repeated": _broadcast((1, 3, 4), (1, 3, 4)),
    "dense with computed weights": _product((1, 6), (4, 6), (1, 4)),
    "dense over a sequence with computed weights": _product((1, 5, 6), (4, 6), (1, 5, 4), keep=True),
    "dense over a batch with computed weights of one row": _product((3, 6), (1, 6), (3, 1)),
    "rows at constant places": _taken((6, 4), [[5], [0], [2]], (3, 4)),
    "rows of a batch at constant places": _taken((1, 6, 4), [[0, 1], [0, 5], [0, 0]], (3, 4)),
    "values at constant places": _taken((6, 4), [[5, 3]], (1,)),
    "rows at computed places": _rows((6, 4), 3),
    "one map at a computed place": _rows((9, 2, 3), 1),
    "filled with a constant": _filled(7),
    "filled with an input": _filled(None),
    "zeros of codes": _zeros(s.TensorType.INT8),
    "zeros of numbers": _zeros(s.TensorType.INT32),
    "dense over a map": _dense((1, 3, 4, 8), 5, 8, (1, 3, 4, 5), keep=True),
    "dense over a sequence": _dense((1, 6, 7), 5, 7, (1, 6, 5), keep=True),
    "dense over a batch": _dense((6, 8), 5, 8, (6, 5)),
    "dense over a sequence that it flattens": _dense((1, 6, 8), 5, 8, (6, 5)),
    "dense over parts of vectors": _dense((1, 6, 8), 5, 4, (12, 5)),
    "dense over parts of vectors to a map": _dense((2, 6, 8), 3, 24, (1, 2, 2, 3)),
    "dense over a vector": _dense((8,), 5, 8, (1, 5)),
    "dense over a map of one pixel": _dense((1, 1, 1, 8), 5, 8, (1, 1, 1, 5), keep=True),
    "dense over a flattened map to a map": _dense((1, 2, 2, 4), 5, 16, (1, 1, 1, 5)),
    "a vector": small_file([FileTensor((7,)), FileTensor((7,))], [FileLayer(Op.RELU, (0,), (1,))], [0], [1]),
    "a single value": small_file([FileTensor(()), FileTensor(())], [FileLayer(Op.RELU, (0,), (1,))], [0], [1]),
    "joined along the batch": _joined(Op.CONCATENATION, [(1, 3, 4), (1, 3, 4)], [(2, 3, 4)], 0),
    "joined behind a batch": _joined(Op.CONCATENATION, [(2, 3, 4), (2, 3, 4)], [(2, 6, 4)], 1),
    "joined along a batch": _joined(Op.CONCATENATION, [(2, 3), (2, 3)], [(4, 3)], -2),
    "joined vectors": _joined(Op.CONCATENATION, [(3,), (3,)], [(6,)], 0),
    "split along the batch": _joined(Op.SPLIT, [(2, 3, 4)], [(1, 3, 4), (1, 3, 4)], 0),
    "split along the batch to one": _joined(Op.SPLIT, [(1, 3, 4)], [(1, 3, 4)], 0),
    "split behind the batch": _joined(Op.SPLIT, [(1, 3, 4)], [(1, 3, 2), (1, 3, 2)], -1),
    "mean over axes from the end, twice": _reduced(Op.MEAN, (1, 3, 4, 5), (-1, 1, -1, 3), (1, 4)),
    "sum of all": _reduced(Op.SUM, (1, 3, 4, 5), (0, 1, 2, 3), ()),
    "maximum of all but the last": _reduced(Op.REDUCE_MAX, (1, 3, 4, 5), (0, 1, 2), (5,)),
    "minimum of a batch": _reduced(Op.REDUCE_MIN, (2, 6), (0,), (1, 6), keep=True),
    "mean of a vector": _reduced(Op.MEAN, (7,), (0,), (1,), keep=True),
    "maximum along the batch of one": _reduced(Op.REDUCE_MAX, (1, 3, 4), (0,), (3, 4)),
    "sum along the batch of one": _reduced(Op.SUM, (1, 3, 4), (0,), (1, 3, 4), keep=True),
    "what is left begins with one": _reduced(Op.MEAN, (2, 1, 6), (0,), (1, 6)),
    "the largest of a vector": _placed(Op.ARG_MAX, (1, 7), -1, (1,)),
    "the smallest of each pixel": _placed(Op.ARG_MIN, (1, 3, 4, 5), 3, (1, 3, 4)),
    "the largest of each column": _placed(Op.ARG_MAX, (1, 3, 4), 1, (1, 4)),
    "the largest along the batch of one": _placed(Op.ARG_MAX, (1, 6), 0, (6,)),
    "the largest of a batch": _placed(Op.ARG_MAX, (3, 5), 1, (3,)),
    "the batch is padded": _padded((1, 3, 4), ((1, 0), (0, 2), (0, 0))),
    "a batch is padded": _padded((2, 3), ((1, 2), (0, 1))),
}


def test_an_operator_along_the_batch_becomes_one_between_reshapes() -> None:
    arch = read(FILES["joined along the batch"]).arch
    kinds = [type(layer).__name__ for layer in arch.layers]
    assert kinds == ["Relu", "Reshape", "Reshape", "Concatenation"]
    assert arch.shapes()["t2"] == (2, 3, 4)
    split = read(FILES["split along the batch"]).arch
    assert [type(layer).__name__ for layer in split.layers] == ["Split", "Reshape", "Reshape"]
    assert [split.shapes()[name] for name in split.outputs] == [(3, 4), (3, 4)]


@needs_tflm
@pytest.mark.parametrize("what", FILES)
def test_every_tensor_and_the_c_equal_tflm(what: str) -> None:
    data = FILES[what]
    model = read(data)
    x = seeded_inputs(model, 4, 1)
    theirs, ours = interpreter.tensors(data, x), reference.tensors(model, x)
    for name, want in theirs.items():
        np.testing.assert_array_equal(ours[name], want, err_msg=name)
    assert interpreter.run(data, x).shape == (4, *model.arch.output_shape)
    library = build_library([compile_model(model)])
    np.testing.assert_array_equal(
        library.outputs(0, x)[model.arch.output], reference.outputs(model, x)[model.arch.output]
    )


@needs_tflm
@pytest.mark.parametrize("what", FILES)
def test_what_is_written_again_computes_the_same(what: str) -> None:
    model = read(FILES[what])
    again = read(write(model))
    x = seeded_inputs(model, 2, 1)
    assert again.arch == model.arch
    for name, want in reference.outputs(model, x).items():
        np.testing.assert_array_equal(reference.outputs(again, x)[name], want)


@needs_tflm
@pytest.mark.parametrize("what", FILES)
def test_the_arena_is_that_of_the_files_operators(what: str) -> None:
    data = FILES[what]
    model = read(data)
    predicted = arena_tflm_bytes(model.arch, tensors=stored_tensors(data, model))
    needed = interpreter.min_arena(data, predicted)
    assert needed <= predicted <= needed * 1.02, (predicted, needed)


@needs_tflm
@pytest.mark.parametrize("x", [(3, 4, 8), (6, 7), (2, 3, 2, 4), (1, 8), (9, 16)])
@pytest.mark.parametrize("bits", [8, 4])
def test_dense_layers_over_several_vectors(x: tuple[int, ...], bits: int) -> None:
    layers = (
        FullyConnected(name="a", inputs=(INPUT,), units=6, keep_dims=True, activation="relu", weight_bits=bits),
        FullyConnected(name="b", inputs=("a",), units=9, keep_dims=True),
        Reshape(name="flat", inputs=("b",), shape=(int(np.prod(x[:-1])) * 9,)),
        FullyConnected(name="c", inputs=("flat",), units=3),
    )
    model = with_random_weights(Arch(x, layers), 5)
    samples = seeded_inputs(model, 5, 2)
    data = write(model)
    for name, want in interpreter.tensors(data, samples).items():
        np.testing.assert_array_equal(reference.tensors(model, samples)[name], want, err_msg=name)
    library = build_library([compile_model(model)])
    np.testing.assert_array_equal(library.run(0, samples), reference.run(model, samples))
    predicted = arena_tflm_bytes(model.arch)
    assert predicted == pytest.approx(interpreter.min_arena(data, predicted), rel=0.02)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(FileError, match=r"its input has the shape \[1, 6, 8\], its weights \[5, 7\], and its output"):
        read(_dense((1, 6, 8), 5, 7, (1, 6, 5)))
    tensors = [FileTensor((1, 4)), FileTensor((1, 2, 4), np.ones((1, 2, 4), np.int8)), FileTensor((1, 2))]
    data = small_file(tensors, [FileLayer(Op.FULLY_CONNECTED, (0, 1), (2,))], [0], [2])
    with pytest.raises(FileError, match="the weights, tensor 1 't1', have 3 dimensions, not 2"):
        read(data)
    pool = ((s.PoolSlot.FILTER_H, "int32", 2, 0), (s.PoolSlot.FILTER_W, "int32", 2, 0))
    for shape in ((2, 4, 4, 1), (4, 4, 1)):
        tensors = [FileTensor(shape), FileTensor(shape)]
        data = small_file(tensors, [FileLayer(Op.MAX_POOL_2D, (0,), (1,), pool)], [0], [1])
        with pytest.raises(UnsupportedError, match=r"only a batch of one is supported, \[1, H, W, C\]"):
            read(data)


def test_a_tensor_that_two_operators_write_is_refused() -> None:
    layers = [FileLayer(Op.RELU, (0,), (1,)), FileLayer(Op.RELU, (0,), (1,))]
    data = small_file([FileTensor((1, 4)), FileTensor((1, 4))], layers, [0], [1])
    with pytest.raises(FileError, match=r"operator 1 \(RELU\): damaged \.tflite, tensor 1 is written twice"):
        read(data)


def test_a_pad_of_more_dimensions_than_tflm_takes_is_refused() -> None:
    with pytest.raises(SpecError, match=r"layer 'y': Pad of a shape like \(1, 1, 2, 1, 2\); TFLM takes at most 4"):
        Arch((1, 1, 2, 1, 2), (Pad(name="y", inputs=(INPUT,), paddings=((0, 1),) * 5),))


def test_dead_filters_in_front_of_several_vectors_go() -> None:
    """A filter that nothing reads is removed, as in front of a pointwise convolution."""
    layers = (
        Conv2D(name="conv", inputs=(INPUT,), filters=4, kernel=(2, 2), padding="valid"),
        FullyConnected(name="dense", inputs=("conv",), units=3, keep_dims=True),
    )
    model = with_random_weights(Arch((4, 4, 2), layers), 1)
    model.weights["dense"].weights[:, 2] = 0
    smaller = optimise(model)
    assert smaller.weights["conv"].weights.shape[0] == 3
    x = seeded_inputs(model, 3, 0)
    np.testing.assert_array_equal(reference.run(smaller, x), reference.run(model, x))


def test_a_relu_of_every_rank_becomes_c() -> None:
    for shape in ((), (3,), (2, 3), (2, 3, 2, 2), (2, 1, 2, 1, 3)):
        model: QuantizedModel = with_random_weights(Arch(shape, (Relu(name="y", inputs=(INPUT,)),)), 3)
        x = seeded_inputs(model, 2, 0)
        library = build_library([compile_model(model)])
        np.testing.assert_array_equal(library.run(0, x), reference.run(model, x))
