"""Sums of values as they are, and boxes that are replaced: CUMSUM, ADD_N, REDUCE_ALL, DYNAMIC_UPDATE_SLICE."""

from __future__ import annotations

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.device.host import build_library
from micronets.device.host_compiler import host_compiler
from micronets.device.tflm import interpreter
from micronets.errors import SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, AddN, CumSum, DynamicUpdateSlice, Layer, ReduceAll, Slice
from micronets.ir.types import Type
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import ModelFile, read, write
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from tests.support.generated_c import FLAGS
from tests.support.small_file import FileLayer, FileTensor, constant, small_file

needs_tflm = pytest.mark.skipif(not interpreter.available(), reason="needs tflite-micro (Linux on x86-64)")

X = (INPUT,)
RUNNING: tuple[Layer, ...] = tuple(
    CumSum(name=f"along_{axis}_{way}", inputs=X, axis=axis, exclusive=way % 2 == 1, reverse=way > 1)
    for axis, way in ((0, 0), (1, 1), (2, 2), (0, 3), (1, 2))
)
BOXES: tuple[Layer, ...] = (
    Slice(name="box", inputs=X, begin=(0, 0, 0), size=(2, 3, 1)),
    DynamicUpdateSlice(name="inside", inputs=(INPUT, "box"), begin=(3, 1, 2)),
    Slice(name="line", inputs=X, begin=(4, 0, 0), size=(1, 4, 3)),
    DynamicUpdateSlice(name="first", inputs=(INPUT, "line"), begin=(0, 0, 0)),
)
SUMS = (*RUNNING, AddN(name="two", inputs=X * 2), AddN(name="five", inputs=X * 5))
TRUTHS = tuple(
    ReduceAll(name=f"all_{k}", inputs=X, axes=axes, keep_dims=k == 1) for k, axes in enumerate(((0,), (1, 2), (0, 2)))
)


def codes(layer: Layer, x: list[int], scale_in: float, zero_in: int, scale_out: float, zero_out: int) -> list[int]:
    """Returns what a layer makes of a vector of codes."""
    quant = {INPUT: TensorQuant(scale_in, zero_in), "y": TensorQuant(scale_out, zero_out)}
    model = QuantizedModel(Arch((len(x),), (layer,)), quant, {})
    return list(reference.run(model, np.array([x], np.int8))[0].tolist())


def values(shape: tuple[int, ...], of: Type) -> np.ndarray:
    """Returns random values: codes, floats, or truth values of which most are true."""
    rng = np.random.default_rng(len(of))
    if of == "float32":
        return rng.normal(0, 2, shape).astype(np.float32)
    return rng.random(shape) < 0.8 if of == "bool" else rng.integers(-128, 128, shape).astype(np.int8)


def test_running_sums_by_hand() -> None:
    x = [1, -2, 3, 4]
    assert codes(CumSum(name="y", inputs=X, axis=0), x, 0.5, 0, 0.5, 0) == [1, -1, 2, 6]
    assert codes(CumSum(name="y", inputs=X, axis=0, exclusive=True), x, 0.5, 0, 0.5, 0) == [0, 1, -1, 2]
    assert codes(CumSum(name="y", inputs=X, axis=0, reverse=True), x, 0.5, 0, 0.5, 10) == [16, 15, 17, 14]
    # The zero point of 1 counts once more in every sum, and steps are twice as long.
    assert codes(CumSum(name="y", inputs=X, axis=0), x, 0.5, 1, 1.0, 0) == [-1, -2, -1, 1]


def test_sums_wrap_at_13_bits_as_those_of_tflm() -> None:
    found = codes(CumSum(name="y", inputs=X, axis=0), [127] * 40, 1.0, 0, 64.0, 0)
    assert found[31] == 64  # 32 * 127 = 4064, and 4096 is out of range
    assert found[32] == -63  # 33 * 127 - 8192 = -4001


@pytest.mark.parametrize("of", ["int8", "float32", "bool"])
@needs_tflm
def test_tflm_and_our_c_make_the_same_of_random_values(of: Type) -> None:
    layers = TRUTHS if of == "bool" else (*SUMS, *BOXES)
    model = with_random_weights(Arch((5, 4, 3), layers, of, tuple(layer.name for layer in layers)), 3)
    data = write(model)
    x = values((20, 5, 4, 3), of)
    ours, theirs = reference.tensors(read(data), x), interpreter.tensors(data, x)
    differ = {name: int((theirs[name].reshape(y.shape) != y).sum()) for name, y in ours.items()}
    assert differ == dict.fromkeys(ours, 0)
    if host_compiler() is not None:
        made = build_library([compile_model(model)], FLAGS).outputs(0, x)
        assert {name: y.tobytes() for name, y in made.items()} == {name: ours[name].tobytes() for name in made}


@needs_tflm
def test_the_arena_is_enough_and_hardly_more() -> None:
    for layer in (CumSum(name="y", inputs=X, axis=0), AddN(name="y", inputs=X * 3), BOXES[0]):
        for of in ("int8", "float32"):
            data = write(with_random_weights(Arch((20, 9, 4), (layer,), of)))
            predicted = ModelFile("m", data, read(data)).arena_tflm_bytes(8)
            assert 0 <= predicted - interpreter.min_arena(data, predicted) <= 32, (layer, of)


def test_a_box_that_reaches_beyond_the_tensor_is_moved_into_it() -> None:
    places = FileTensor((3,), np.array([0, 7, -2], np.int64))
    tensors = [FileTensor((1, 5, 4)), FileTensor((1, 2, 3)), places, FileTensor((1, 5, 4))]
    data = small_file(tensors, [FileLayer(Op.DYNAMIC_UPDATE_SLICE, (0, 1, 2), (3,))], [0, 1], [3])
    assert read(data).arch.layers == (DynamicUpdateSlice(name="t3", inputs=(INPUT, "t1"), begin=(3, 0)),)


def same_everywhere_with_places(data: bytes, x: dict[str, np.ndarray]) -> np.ndarray:
    """Returns what a file makes of inputs by our reference, once TFLM, our C and the file that we write make the same.

    TFLM's arena is predicted to 16 bytes.
    """
    model = read(data)
    ours = reference.run(model, x)
    assert np.array_equal(reference.run(read(write(model)), x), ours)
    if host_compiler() is not None:
        assert np.array_equal(build_library([compile_model(model)], ("-O1",)).run(0, x), ours)
    if interpreter.available():
        for file in (data, write(model)):
            assert np.array_equal(interpreter.run(file, x).reshape(ours.shape), ours)
        predicted = ModelFile("m", data, model).arena_tflm_bytes(8)
        assert 0 <= predicted - interpreter.min_arena(data, predicted) <= 16
    return ours


def test_a_box_at_a_computed_place() -> None:
    places, rng = FileTensor((4,), type=s.TensorType.INT32), np.random.default_rng(1)
    tensors = [FileTensor((1, 5, 4, 3)), FileTensor((1, 2, 4, 2)), places, FileTensor((1, 5, 4, 3))]
    data = small_file(tensors, [FileLayer(Op.DYNAMIC_UPDATE_SLICE, (0, 1, 2), (3,))], [0, 1, 2], [3])
    x = {INPUT: rng.integers(-128, 128, (20, 5, 4, 3)), "t1": rng.integers(-128, 128, (20, 2, 4, 2))}
    x = {name: values.astype(np.int8) for name, values in x.items()}
    x["t2"] = rng.integers(-3, 7, (20, 4)).astype(np.int32)
    x["t2"][0] = (5, 2, -1, 9)
    ours = same_everywhere_with_places(data, x)
    assert np.array_equal(ours[0, 2:4, :, 1:], x["t1"][0])
    plain = [FileTensor((5, 4)), FileTensor((2, 3)), FileTensor((2,), type=s.TensorType.INT32), FileTensor((5, 4))]
    layer = FileLayer(Op.DYNAMIC_UPDATE_SLICE, (0, 1, 2), (3,))
    without_batch = small_file(plain, [layer], [0, 1, 2], [3])
    with pytest.raises(
        UnsupportedError, match="computed places need a batch of one, and a place for each dimension; e"
    ):
        read(without_batch)


def test_rows_at_computed_places_of_a_gather_nd() -> None:
    tensors = [FileTensor((6, 4)), FileTensor((1, 3, 1), type=s.TensorType.INT32), FileTensor((1, 3, 4))]
    data = small_file(tensors, [FileLayer(Op.GATHER_ND, (0, 1), (2,))], [0, 1], [2])
    rng = np.random.default_rng(2)
    x = {INPUT: rng.integers(-128, 128, (9, 6, 4)).astype(np.int8), "t1": rng.integers(0, 6, (9, 3, 1), np.int32)}
    ours = same_everywhere_with_places(data, x)
    assert np.array_equal(ours[1, 2], x[INPUT][1, x["t1"][1, 2, 0]])
    pairs = [FileTensor((6, 4)), FileTensor((3, 2), type=s.TensorType.INT32), FileTensor((3,))]
    with pytest.raises(
        UnsupportedError, match="tensor 1 't1' is computed, 2 indices for each place; computed places are"
    ):
        read(small_file(pairs, [FileLayer(Op.GATHER_ND, (0, 1), (2,))], [0, 1], [2]))


def test_running_sums_along_the_batch_and_from_the_end() -> None:
    tensors = [FileTensor((6, 2)), constant(-2, shape=()), FileTensor((6, 2))]
    fields = ((s.CumsumSlot.REVERSE, "bool", True, False),)
    (layer,) = read(small_file(tensors, [FileLayer(Op.CUMSUM, (0, 1), (2,), fields)], [0], [2])).arch.layers
    assert layer == CumSum(name="t2", inputs=X, axis=0, reverse=True)


def test_what_does_not_fit_is_said() -> None:
    box = Slice(name="a", inputs=X, begin=(0, 0), size=(4, 2))
    with pytest.raises(SpecError, match=r"layer 'y': AddN needs equal shapes, not \(4, 3\), \(4, 2\)"):
        Arch((4, 3), (box, AddN(name="y", inputs=(INPUT, "a"))))
    with pytest.raises(SpecError, match=r"layer 'y': a box of \(4, 2\) from \(1, 0\) on does not lie in \(4, 3\)"):
        Arch((4, 3), (box, DynamicUpdateSlice(name="y", inputs=(INPUT, "a"), begin=(1, 0))))
    tensors = [FileTensor((1, 4)), FileTensor((1, 4), scale=0.1), FileTensor((1, 4))]
    with pytest.raises(Exception, match="TFLM's ADD_N takes inputs of one scale and zero point"):
        read(small_file(tensors, [FileLayer(Op.ADD_N, (0, 1), (2,))], [0, 1], [2]))
