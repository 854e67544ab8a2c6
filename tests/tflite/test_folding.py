"""What follows from shapes and constants alone is computed by the reader, as TFLM computes it."""

from pathlib import Path

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.host import build_library
from micronets.device.tflm import interpreter
from micronets.errors import UnsupportedError
from micronets.ir.types import code_range
from micronets.quantized import reference
from micronets.quantized.arithmetic import dtype_of
from micronets.tflite import folding, read
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from micronets.tflite.stored import stored_tensors
from tests.support.small_file import FileLayer, FileTensor, constant, small_file

FILES = (
    "cases/flatten_none.tflite",
    "models/field/aa2edca1_fdmobilenet_0.25_128_int8.tflite",
    "models/field/b4b05a26_fdmobilenet_0.25_128_int8.tflite",
)


@pytest.mark.parametrize("name", FILES)
def test_chains_before_a_reshape_vanish(shared: Path, name: str) -> None:
    data = (shared / name).read_bytes()
    model = read(data)
    kinds = {type(layer).__name__ for layer in model.arch.layers}
    assert not kinds & {"Pack", "StridedSlice", "Cast"}
    low, high = code_range(model.arch.input_type)
    x = np.random.default_rng(0).integers(low, high + 1, (4, *model.arch.input_shape))
    x = x.astype(dtype_of(model.arch.input_type))
    want = reference.run(model, x)
    if interpreter.available():
        np.testing.assert_array_equal(interpreter.run(data, x).reshape(want.shape), want)
        predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
        needed = interpreter.min_arena(data, predicted)
        assert needed <= predicted <= needed + 16
    np.testing.assert_array_equal(build_library([compile_model(model)]).run(0, x), want)


def test_every_operator_that_is_not_read_is_named_at_once() -> None:
    vector = FileTensor((1, 6))
    names = ("SignalDelay", "SignalStacker", "SignalIrfft")
    layers = [FileLayer(Op.RELU, (k,), (k + 1,), custom=name) for k, name in enumerate(names)]
    with pytest.raises(UnsupportedError) as e:
        read(small_file([vector] * 4, layers, [0], [3]), "m")
    text = str(e.value)
    assert text.startswith("m: operator 0 (CUSTOM SignalDelay): this operator writing tensor 1 't1' is not")
    assert "nor are CUSTOM SignalStacker, CUSTOM SignalIrfft" in text
    assert "with --front-end micro (microWakeWord) or micro-20ms (micro_speech)" in text


def test_numbers_without_a_scale_are_read_where_tflm_needs_none(shared: Path) -> None:
    data = (shared / "models/field/684c7e47_audio_preprocessor_float.tflite").read_bytes()
    kinds = [type(layer).__name__ for layer in read(data).arch.layers]
    assert kinds[0] == "SignalWindow"
    assert kinds[-3:] == ["SignalFilterBankLog", "Cast", "Mul"]


def test_obstacles_of_every_sort_are_named_at_once() -> None:
    codes, floats = FileTensor((1, 6)), FileTensor((1, 6), type=s.TensorType.FLOAT32)
    places = FileTensor((1,), type=s.TensorType.INT64)
    tensors = [codes, codes, codes, constant(1, shape=()), places, codes, floats, floats, floats, codes]
    layers = [
        FileLayer(Op.RELU, (0,), (1,)),
        FileLayer(Op.ADD, (1, 1), (2,), ((s.AddSlot.ACTIVATION, "int8", s.TANH, 0),)),
        FileLayer(Op.ARG_MAX, (2, 3), (4,)),
        FileLayer(Op.RELU, (2,), (5,), custom="Mine"),
        FileLayer(Op.DEQUANTIZE, (5,), (6,)),
        FileLayer(Op.LOG_SOFTMAX, (6,), (7,)),
        FileLayer(Op.LOG_SOFTMAX, (7,), (8,)),
        FileLayer(Op.QUANTIZE, (8,), (9,)),
    ]
    with pytest.raises(UnsupportedError) as e:
        read(small_file(tensors, layers, [0], [4, 9]), "m")
    first, *others = str(e.value).split("; also ")
    assert first.startswith("m: operator 3 (CUSTOM Mine): this operator writing tensor 5 't5' is not supported")
    assert [text.split(";")[0] for text in others] == [
        "operator 1 (ADD): the fused activation TANH is not supported",
        "operator 2 (ARG_MAX): tensor 4 't4' is INT64",
        "a float model: operator LOG_SOFTMAX reads tensor 6 't6' of float32",
    ]


def test_of_many_obstacles_ten_are_named_and_the_others_counted() -> None:
    tensors = [FileTensor((1, 6)), *(FileTensor((1,), type=s.TensorType.INT64) for _ in range(14)), constant(1)]
    layers = [FileLayer(Op.ARG_MAX, (0, 15), (k,)) for k in range(1, 15)]
    with pytest.raises(UnsupportedError) as e:
        read(small_file(tensors, layers, [0], [1]), "m")
    text = str(e.value)
    assert text.count("is INT64") == 10
    assert text.endswith("; and 4 more")


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("ethos-u", "give the file from before Vela"),
        ("edgetpu-custom-op", "give the file from before edgetpu_compiler"),
        ("TFLite_Detection_PostProcess", "cut the model before it, and do that in code of your own"),
        ("Mine", "docs/operators.md has those that are"),
    ],
)
def test_a_custom_operator_of_a_known_tool_is_refused_with_the_way_out(name: str, way_out: str) -> None:
    codes = FileTensor((1, 4))
    data = small_file([codes, codes], [FileLayer(Op.RELU, (0,), (1,), custom=name)], [0], [1])
    with pytest.raises(UnsupportedError) as e:
        read(data, "m")
    text = str(e.value)
    assert text.startswith(f"m: operator 0 (CUSTOM {name}): this operator writing tensor 1 't1' is not supported; ")
    assert text.endswith(way_out)


def _chain() -> tuple[list[FileTensor], list[FileLayer]]:
    """Tensors, of which 9 is [1, 12, 3]: a quotient, its limits, its place in a list, and a slice of that."""
    number = FileTensor((), type=s.TensorType.INT32)
    tensors = [
        constant(25, shape=()),
        constant(2, shape=()),
        number,  # 12, cut off at the point
        constant(100, shape=()),
        number,
        number,
        FileTensor((1,), type=s.TensorType.INT32),
        constant(0, 1),
        FileTensor((4,), type=s.TensorType.INT32),
        FileTensor((3,), type=s.TensorType.INT32),
        constant(3, 7),
        constant(0),
        constant(3),
        constant(1),
    ]
    layers = [
        FileLayer(Op.DIV, (0, 1), (2,)),
        FileLayer(Op.MINIMUM, (2, 3), (4,)),
        FileLayer(Op.MAXIMUM, (4, 1), (5,)),
        FileLayer(Op.RESHAPE, (5,), (6,)),
        FileLayer(Op.CONCATENATION, (13, 6, 10), (8,)),
        FileLayer(Op.SLICE, (8, 11, 12), (9,)),
    ]
    return tensors, layers


def test_quotients_and_limits_before_a_reshape_vanish() -> None:
    tensors, layers = _chain()
    x, y = len(tensors), len(tensors) + 1
    tensors += [FileTensor((1, 6, 6)), *[FileTensor((1, 12, 3))] * 2]
    data = small_file(
        tensors, [*layers, FileLayer(Op.RESHAPE, (x, 9), (y,)), FileLayer(Op.RELU, (y,), (y + 1,))], [x], [y + 1]
    )
    model = read(data)
    assert [type(layer).__name__ for layer in model.arch.layers] == ["Reshape", "Relu"]
    if interpreter.available():
        codes = np.arange(36).reshape(1, 6, 6).astype(np.int8)
        want = reference.run(model, codes)
        np.testing.assert_array_equal(interpreter.run(data, codes).reshape(want.shape), want)
        predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
        needed = interpreter.min_arena(data, predicted)
        assert needed <= predicted <= 1.02 * needed


def test_a_number_that_is_computed_is_an_operand() -> None:
    tensors, layers = _chain()
    x = len(tensors)
    tensors += [FileTensor((1, 4), type=s.TensorType.INT32)] * 2
    data = small_file(tensors, [*layers[:1], FileLayer(Op.SUB, (x, 2), (x + 1,))], [x], [x + 1])
    model = read(data)
    assert reference.run(model, np.array([[0, 5, 12, 40]], np.int32)).tolist() == [[-12, -7, 0, 28]]


@pytest.mark.parametrize("op", [op for op in folding.FoldedOp if op != folding.FoldedOp.QUANTIZE])
def test_inputs_that_an_operator_does_not_take_are_left_for_the_reader(op: folding.FoldedOp) -> None:
    rng = np.random.default_rng(int(op))
    computed, shapes = 0, ((), (1,), (2,), (3,))
    for count in (0, 1, 2, 2, 2, 3, 4, 4, 5) * 20:
        values = [rng.integers(-2, 4, shapes[rng.integers(len(shapes))]).astype(np.int32) for _ in range(count)]
        before = [v.copy() for v in values]
        try:
            found = folding._computed(folding._Work(op, values, None))
        except (ValueError, IndexError, OverflowError):
            continue
        computed += found is not None
        assert all((v == kept).all() for v, kept in zip(values, before, strict=True)), "an input was written"
    assert computed


def test_a_fill_of_more_values_than_a_shape_has_is_not_computed() -> None:
    sizes, value = np.array([1 << 20, 1 << 20], np.int32), np.array(7, np.int32)
    assert folding._computed(folding._Work(folding.FoldedOp.FILL, [sizes, value], None)) is None


def quantised_constant(scale: float = 0.02, shape: tuple[int, ...] = (2,)) -> bytes:
    """A file in which a QUANTIZE brings a constant of int16 to the scale of the tensor that it limits."""
    values = np.array([20000, -32768], np.int16)
    wide = s.TensorType.INT16
    tensors = [
        FileTensor((1, 2), scale=0.003, zero_point=0, type=wide),
        FileTensor((2,), values, scale=scale, zero_point=0),
        FileTensor(shape, scale=0.003, zero_point=0, type=wide),
        FileTensor((1, 2), scale=0.003, zero_point=0, type=wide),
    ]
    layers = [FileLayer(Op.QUANTIZE, (1,), (2,)), FileLayer(Op.MINIMUM, (0, 2), (3,))]
    return small_file(tensors, layers, [0], [3])


def test_a_constant_is_brought_to_another_scale() -> None:
    data = quantised_constant(0.001)
    model = read(data)
    assert [type(layer).__name__ for layer in model.arch.layers] == ["Minimum"]
    (codes,) = model.constants.values()
    assert codes.tolist() == [6667, -10923]  # a third of the codes, to the nearest
    x = np.array([[32767, 32767], [-32768, -32768], [6000, -11000]], np.int16)
    want = [[6667, -10923], [-32768, -32768], [6000, -11000]]
    assert reference.run(model, x).tolist() == want
    if interpreter.available():
        assert interpreter.run(data, x).reshape(3, 2).tolist() == want
        predicted = arena_tflm_bytes(model.arch, 8, stored_tensors(data, model))
        needed = interpreter.min_arena(data, predicted)
        assert needed <= predicted <= needed + 16


def test_a_constant_that_cannot_be_brought_to_another_scale_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"'t1' has the scale 4e\+06 and tensor 2 't2' 0.003; TFLM's"):
        read(quantised_constant(4e6))
    with pytest.raises(UnsupportedError, match=r"its input tensor 1 't1' is a constant; only operands of"):
        read(quantised_constant(shape=(1,)))
