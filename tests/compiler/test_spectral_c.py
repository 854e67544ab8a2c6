"""The C of spectral front ends gives the bytes of `frontend.spectral`: here, on simulated cores and in QEMU."""

import ctypes
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.compiler.generate.names import Names
from micronets.compiler.generate.spectral_c import spectral_files
from micronets.device.host_compiler import compile_c
from micronets.frontend.spectral import codes_of
from micronets.streaming.carried import spectral_front_end
from tests.support.front_end_firmware import emulated, simulated
from tests.support.spectral import CASES, model, of_one_frame, windows

STRICT = ("-Wconversion", "-Wpedantic", "-Wshadow", "-Wcast-qual", "-shared", "-fPIC")
CALL = "micronets_model_frontend_frame((const int16_t *)in, (int32_t *)work, (int8_t *)out)"


@pytest.mark.parametrize("flags", [("-O2",), ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_c_computes_every_code(name: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    fe, quant = CASES[name]
    files = spectral_files(fe, quant, Names())
    for file, text in files.items():
        assert max(map(len, text.splitlines())) <= 120
        (tmp_path / file).write_text(text)
    library = tmp_path / "front_end.so"
    compile_c([tmp_path / file for file in files if file.endswith(".c")], library, [*flags, *STRICT])
    function = ctypes.CDLL(str(library)).micronets_model_frontend_window
    steps = windows(fe)
    work = np.full(2 * fe.settings.points, 0x5A5A5A5A, np.int32)
    for given, want in zip(steps.astype(np.int16), codes_of(steps, fe, quant.scale, quant.zero_point), strict=True):
        got = np.zeros(want.shape, np.int8)
        function(*(ctypes.c_void_p(a.ctypes.data) for a in (np.ascontiguousarray(given), work, got)))
        np.testing.assert_array_equal(got, want)


BOARDS = ["NUCLEO-F446RE", "NUCLEO-F746ZG", "NUCLEO-G0B1RE", "ESP32-C3-DevKitM-1"]


@pytest.mark.parametrize("board", BOARDS)
def test_a_core_computes_every_code(board: str) -> None:
    fe, quant = CASES["usual"]
    one = of_one_frame(fe)
    steps = windows(one)
    files, want = spectral_files(one, quant, Names()), codes_of(steps, one, quant.scale, quant.zero_point)
    found = simulated(files, CALL, steps.astype("<i2"), want[0].size, load_board(board), 8 * one.settings.points)
    np.testing.assert_array_equal(found.outputs, want.reshape(len(want), -1))
    if board == "NUCLEO-F446RE":
        assert found.core_cycles is not None
        assert found.core_cycles < 50_000  # six transforms of 32 samples


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")
def test_an_emulated_core_computes_every_code() -> None:
    fe, quant = CASES["frames of no power of 2"]
    one = of_one_frame(fe)
    steps = windows(one)
    files, want = spectral_files(one, quant, Names()), codes_of(steps, one, quant.scale, quant.zero_point)
    work = 8 * one.settings.points
    found = emulated(files, CALL, steps.astype("<i2"), want[0].size, load_board("NUCLEO-F446RE"), work)
    np.testing.assert_array_equal(found.outputs, want.reshape(len(want), -1))


def test_a_model_of_a_sensor_is_compiled_with_its_front_end() -> None:
    compiled = compile_model(model())
    own = {"model_frontend.h", "model_frontend.c", "micronets_spectral.h", "micronets_spectral.c"}
    assert own | {"micronets_fourier.h"} <= compiled.front_end
    assert "frontend_window(samples, work, micronets_model_input(arena))" in compiled.files["model.h"]
    assert "micronets_spectral.c" in compiled.files["CMakeLists.txt"]
    assert "from sensor samples" in compiled.files["README.md"]


def test_a_front_end_of_another_input_is_not_compiled() -> None:
    fe, _ = CASES["one frame"]
    other = replace(model(), metadata={"micronets.frontend": fe.to_json()})
    assert spectral_front_end(other) is None
    assert "model_frontend.c" not in compile_model(other).files
