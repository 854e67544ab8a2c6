"""The front end of arrays in integers: near the one in floats, and the same bytes in C on every core."""

import ctypes
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.compiler.generate.array_c import array_files
from micronets.compiler.generate.names import Names
from micronets.device.host_compiler import compile_c
from micronets.frontend.standard import Standard, array_codes, array_tables, array_values
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.streaming.carried import array_front_end
from tests.support.front_end_firmware import simulated

CASES = {
    "accelerometer, g": (Standard((50, 3), (0.01, -0.2, 0.98), (0.31, 0.28, 0.44)), 0.03, -3),
    "counts": (Standard((4, 5, 2), (512.0, 30.5), (190.0, 2.25)), 1 / 32, 0),
    "pressure, Pa": (Standard((20,), (101325.0,) * 20, (310.0,) * 20), 0.05, 11),
    "small": (Standard((7,), (2e-6, 0, 1e-5, 0, 0, 0, 0), (1e-6, 2e-6, 3e-6, 4e-6, 5e-6, 6e-6, 1e-4)), 0.04, 127),
}
CALL = "micronets_model_frontend_values((const int32_t *)in, (int8_t *)out)"


def examples(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns arrays in their own units, the integers that they are in the front end, and its codes."""
    standard, scale, zero_point = CASES[name]
    tables = array_tables(standard, scale, zero_point)
    assert tables is not None
    rng = np.random.default_rng(0)
    spread = rng.choice([0.1, 1, 4], (40, *standard.shape))
    x = np.asarray(standard.mean) + rng.normal(0, 1, (40, *standard.shape)) * spread * standard.scale
    values = array_values(x, standard)
    values[0], values[1] = -(2**31), 2**31 - 1
    return x, values, array_codes(values, standard, tables)


@pytest.mark.parametrize("name", CASES)
def test_codes_are_near_those_of_floats(name: str) -> None:
    standard, scale, zero_point = CASES[name]
    x, _, codes = examples(name)
    real = (x - np.asarray(standard.mean)) / np.asarray(standard.scale) / scale
    want = np.clip(np.rint(real) + zero_point, -128, 127).reshape(codes.shape)
    off = np.abs(codes[2:].astype(int) - want[2:])
    assert off.max() <= 1
    assert (off == 0).mean() > 0.97
    assert set(np.unique(codes[:2])) == {-128, 127}


def test_the_mean_gets_the_zero_point() -> None:
    for standard, scale, zero_point in CASES.values():
        tables = array_tables(standard, scale, zero_point)
        assert tables is not None
        mean = np.broadcast_to(np.asarray(standard.mean), (1, *standard.shape))
        assert (array_codes(array_values(mean, standard), standard, tables) == zero_point).all()


@pytest.mark.parametrize("flags", [("-O2",), ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_c_computes_every_code(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    standard, scale, zero_point = CASES[name]
    tables = array_tables(standard, scale, zero_point)
    assert tables is not None
    for file, text in array_files(standard, tables, Names()).items():
        (tmp_path / file).write_text(text)
    library = tmp_path / "front_end.so"
    strict = ("-Wconversion", "-Wpedantic", "-Wshadow", "-shared", "-fPIC")
    compile_c([tmp_path / "model_frontend.c"], library, [*flags, *strict])
    function = ctypes.CDLL(str(library)).micronets_model_frontend_values
    _, values, codes = examples(name)
    for given, want in zip(values.astype(np.int32), codes, strict=True):
        got = np.zeros(want.shape, np.int8)
        function(ctypes.c_void_p(np.ascontiguousarray(given).ctypes.data), ctypes.c_void_p(got.ctypes.data))
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("board", ["NUCLEO-F446RE", "NUCLEO-F746ZG", "NUCLEO-G0B1RE"])
def test_a_core_computes_every_code(board: str) -> None:
    name = "accelerometer, g"
    standard, scale, zero_point = CASES[name]
    tables = array_tables(standard, scale, zero_point)
    assert tables is not None
    _, values, codes = examples(name)
    files = array_files(standard, tables, Names())
    found = simulated(files, CALL, values[:9].astype("<i4"), codes[0].size, load_board(board))
    np.testing.assert_array_equal(found.outputs, codes[:9].reshape(9, -1))


def model(standard: Standard) -> QuantizedModel:
    layer = FullyConnected(name="logits", inputs=(INPUT,), units=3, activation="none")
    made = with_random_weights(Arch(standard.input_shape, (layer,)))
    scale = {INPUT: TensorQuant(0.03, -3)}
    return replace(made, quant={**made.quant, **scale}, metadata={"micronets.frontend": standard.to_json()})


def test_a_model_of_arrays_is_compiled_with_its_front_end() -> None:
    standard, _, _ = CASES["accelerometer, g"]
    compiled = compile_model(model(standard))
    assert {"model_frontend.h", "model_frontend.c"} <= compiled.front_end
    assert "frontend_values(values, micronets_model_input(arena))" in compiled.files["model.h"]
    assert "model_frontend.c" in compiled.files["CMakeLists.txt"]
    assert "from sensor values" in compiled.files["README.md"]


def test_values_that_32_bits_cannot_hold_have_no_front_end() -> None:
    far = Standard((2,), (1e9, 0.0), (1.0, 1.0))
    assert array_tables(far, 0.03, 0) is None
    assert array_front_end(model(far)) is None
    assert "model_frontend.c" not in compile_model(model(far)).files
