"""Arithmetic of int32 and float32: values by hand, exponentials, what TFLM computes of them."""

import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from micronets.compiler.generate.model_c import compile_model
from micronets.device.tflm import interpreter
from micronets.errors import SpecError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Binary, Layer, TensorSpec
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.numbers import exponential
from micronets.tflite import read, write
from micronets.tflite import schema as s
from micronets.tflite.codec import Op
from tests.support.everywhere import same_everywhere
from tests.support.needs import needs_tflm
from tests.support.small_file import FileLayer, FileTensor, small_file

LEAST, MOST = -(2**31), 2**31 - 1
_TYPES = {"int32": s.TensorType.INT32, "float32": s.TensorType.FLOAT32}


def computed(layer: Layer, x: np.ndarray, constant: np.ndarray) -> list:
    """Returns what a layer makes of a vector and a constant."""
    of = "int32" if x.dtype == np.int32 else "float32"
    arch = Arch(x.shape, (layer,), of, constants=(TensorSpec("c", constant.shape, of),))
    names = ("y", "c", INPUT) if of == "int32" else ()
    model = QuantizedModel(arch, dict.fromkeys(names, TensorQuant(1.0, 0)), {}, constants={"c": constant})
    return reference.run(model, x[None])[0].tolist()


@pytest.mark.parametrize(
    ("kind", "want"),
    [
        (layers.Add, [8, -4, LEAST, 3]),
        (layers.Sub, [6, -10, MOST - 1, 3]),
        (layers.Mul, [7, -21, MOST, 0]),
        (layers.Div, [7, -2, MOST, 0]),
        (layers.Minimum, [1, -7, 1, 0]),
        (layers.Maximum, [7, 3, MOST, 3]),
        (layers.SquaredDifference, [36, 100, 4, 9]),
    ],
)
def test_whole_numbers_wrap_and_quotients_are_cut_off(kind: type[Binary], want: list[int]) -> None:
    x, c = np.array([7, -7, MOST, 3], np.int32), np.array([1, 3, 1, 0], np.int32)
    assert computed(kind(name="y", inputs=(INPUT, "c")), x, c) == want


def test_the_lowest_number_divided_by_minus_one_wraps() -> None:
    assert computed(
        layers.Div(name="y", inputs=(INPUT, "c")), np.array([LEAST], np.int32), np.array([-1], np.int32)
    ) == [LEAST]


def test_floats_are_clamped_by_the_activation_and_by_the_largest_float() -> None:
    x, c = np.array([-1.5, 3.0, 9.0], np.float32), np.array([2.0, 2.0, 2.0], np.float32)
    assert computed(layers.Mul(name="y", inputs=(INPUT, "c")), x, c) == [-3.0, 6.0, 18.0]
    assert computed(layers.Mul(name="y", inputs=(INPUT, "c"), activation="relu"), x, c) == [0.0, 6.0, 18.0]
    assert computed(layers.Mul(name="y", inputs=(INPUT, "c"), activation="relu6"), x, c) == [0.0, 6.0, 6.0]
    assert computed(layers.Prelu(name="y", inputs=(INPUT, "c")), x, c) == [-3.0, 3.0, 9.0]
    huge = np.full(3, 3e38, np.float32)
    assert computed(layers.Add(name="y", inputs=(INPUT, "c")), huge, huge) == [float(np.finfo(np.float32).max)] * 3


def test_exponentials_are_rounded_to_nearest() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-105, 90, 20_000), rng.normal(size=20_000) * 1e-3]).astype(np.float32)
    with np.errstate(over="ignore"):
        assert np.array_equal(exponential(x), np.exp(x.astype(np.float64)).astype(np.float32))
    edges = np.array([0, -0.0, np.inf, -np.inf, np.nan, 88.8, 88.7, -103.97, -104], np.float32)
    want = [1.0, 1.0, math.inf, 0.0, math.nan, math.inf, float(np.float32(math.exp(float(np.float32(88.7)))))]
    assert np.array_equal(exponential(edges), np.array([*want, 2.0**-149, 0.0], np.float32), equal_nan=True)


def test_codes_are_not_divided_and_whole_numbers_not_clamped() -> None:
    with pytest.raises(SpecError) as codes:
        Arch((4,), (layers.Div(name="y", inputs=(INPUT, INPUT)),))
    assert str(codes.value) == "layer 'y': DIV reads int8; supported: int32, float32"
    with pytest.raises(SpecError) as clamped:
        Arch((4,), (layers.Add(name="y", inputs=(INPUT, INPUT), activation="relu"),), "int32")
    assert str(clamped.value) == "layer 'y': ADD of int32 has the fused activation relu; only none is supported"


@needs_tflm
@pytest.mark.parametrize("of", ["int32", "float32"])
@pytest.mark.parametrize("op", [Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.MINIMUM, Op.MAXIMUM, Op.SQUARED_DIFFERENCE])
def test_tflm_computes_the_same_numbers(op: Op, of: str) -> None:
    rng = np.random.default_rng(1)
    values = np.array([3, -4, 5, 7, -9, 1 << 20]).astype(of)
    data = small_file(
        [
            FileTensor((1, 4, 6), type=_TYPES[of]),
            FileTensor((6,), values),
            FileTensor((1, 4, 6), type=_TYPES[of]),
        ],
        [FileLayer(op, (0, 1), (2,))],
        [0],
        [2],
    )
    model = read(data)
    x = rng.integers(-(2**31), 2**31, (3, 4, 6)).astype(np.int32) if of == "int32" else _floats(rng, (3, 4, 6))
    assert np.array_equal(interpreter.run(data, x).reshape(x.shape), reference.run(model, x))
    assert np.array_equal(interpreter.run(write(model), x).reshape(x.shape), reference.run(model, x))


@needs_tflm
def test_constants_without_a_limit_are_tflms_and_compile(tmp_path: Path) -> None:
    floats = FileTensor((1, 6), type=_TYPES["float32"])
    values = np.array([math.inf, -math.inf, math.nan, math.inf, -math.inf, 1], np.float32)
    stack = [FileLayer(Op.ADD, (0, 1), (2,)), FileLayer(Op.MAXIMUM, (2, 1), (3,))]
    data = small_file([floats, FileTensor((1, 6), values), floats, floats], stack, [0], [3])
    model = read(data)
    same_everywhere(model, _floats(np.random.default_rng(3), (3, 6)), data)
    for name, text in compile_model(model).files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    strict = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
    for language in (["gcc", "-std=c99", *strict], ["g++", "-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror"]):
        subprocess.run([*language, *sorted(tmp_path.glob("*.c")), "-o", tmp_path / "example"], check=True)
        assert subprocess.run([tmp_path / "example"], check=False).returncode == 0


@needs_tflm
def test_a_softmax_of_floats_is_tflms_but_for_the_last_bit() -> None:
    """TFLM takes exponentials from the C library, whose last bit is not everywhere the nearest one."""
    model = QuantizedModel(Arch((5, 40), (layers.Softmax(name="y", inputs=(INPUT,), to="float32"),), "float32"), {}, {})
    x = _floats(np.random.default_rng(2), (8, 5, 40))
    ours, theirs = reference.run(model, x), interpreter.run(write(model), x).reshape(x.shape)
    assert np.abs(ours.view(np.int32) - theirs.view(np.int32)).max() <= 2
    assert (ours == theirs).mean() > 0.9


def test_an_operator_of_whole_numbers_with_scales_is_refused() -> None:
    scaled = TensorQuant(0.5, 0)
    arch = Arch((4,), (layers.Sub(name="y", inputs=(INPUT, INPUT)),), "int32")
    with pytest.raises(SpecError) as error:
        reference.run(QuantizedModel(arch, {INPUT: scaled, "y": scaled}, {}), np.zeros((1, 4), np.int32))
    assert str(error.value) == "layer 'y': 'input' has a scale; TFLM's SUB takes int32 without one"


def test_a_whole_network_of_floats_is_still_told_to_be_quantised() -> None:
    types = _TYPES["float32"]
    tensors = [FileTensor((1, 4), type=types), FileTensor((2, 4), np.ones((2, 4), np.float32))]
    data = small_file(
        [*tensors, FileTensor((1, 2), type=types)], [FileLayer(Op.FULLY_CONNECTED, (0, 1), (2,))], [0], [2]
    )
    with pytest.raises(UnsupportedError, match="a float model"):
        read(data)


def _floats(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(0, 4, shape).astype(np.float32)
