"""The C of TFLM's own audio front end gives the bytes of `frontend.micro`: here, on simulated cores and in QEMU."""

import ctypes
import shutil
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler.generate.micro_c import micro_files
from micronets.compiler.generate.names import Names
from micronets.device.host_compiler import compile_c
from micronets.frontend.micro import BANDS, WORDS, Micro, MicroState, codes
from tests.support.front_end_firmware import emulated, simulated
from tests.support.micro import QUANT, expected, frames, signals

STRICT = ("-Wconversion", "-Wpedantic", "-Wshadow", "-Wcast-qual", "-shared", "-fPIC")
FLAGS = [("-O2",), ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")]
CALL = (
    "for (int i = 0; i < 40; i++) { ((uint32_t *)out)[i] = ((const uint32_t *)in)[i]; } "
    "micronets_model_frontend_frame((const int16_t *)in + 80, (uint32_t *)out, (int32_t *)work, (int8_t *)out + 160)"
)
"""Takes the noise and the samples of a frame, and gives the noise behind it and its codes."""


@pytest.mark.parametrize("flags", FLAGS, ids=str)
@pytest.mark.parametrize("hop", [160, 320])
def test_c_computes_every_code(hop: int, flags: tuple[str, ...], tmp_path: Path) -> None:
    count = 1 + (6400 - 480) // hop
    files = micro_files(Micro(step_ms=hop // 16, frames=count), QUANT, Names())
    for file, text in files.items():
        assert max(map(len, text.splitlines())) <= 120
        (tmp_path / file).write_text(text)
    library = tmp_path / "front_end.so"
    compile_c([tmp_path / file for file in files if file.endswith(".c")], library, [*flags, *STRICT])
    function = ctypes.CDLL(str(library)).micronets_model_frontend_clip
    for name, x in signals().items():
        got, noise = np.zeros((count, BANDS), np.int8), np.zeros(BANDS, np.uint32)
        work = np.full(WORDS, 0x5A5A5A5A, np.int32)
        function(*(ctypes.c_void_p(a.ctypes.data) for a in (x, noise, work, got)))
        np.testing.assert_array_equal(got, expected(x, hop), err_msg=name)


def rows_and_answers() -> tuple[np.ndarray, np.ndarray]:
    """Returns frames of all signals with the noise before them, and the noise behind them with the codes: bytes."""
    given, want = bytearray(), bytearray()
    count = 0
    for x in signals().values():
        state = MicroState()
        for row in frames(x)[::7]:
            before = state.noise.astype("<u4").tobytes()
            found = codes(state.values(row[None]), QUANT.scale, QUANT.zero_point)
            given += before + row.astype("<i2").tobytes()
            want += state.noise.astype("<u4").tobytes() + found.tobytes()
            count += 1
    return np.frombuffer(given, np.int8).reshape(count, -1), np.frombuffer(want, np.int8).reshape(count, -1)


@pytest.mark.parametrize("board", ["NUCLEO-F446RE", "NUCLEO-F746ZG", "NUCLEO-G0B1RE", "ESP32-C3-DevKitM-1"])
def test_a_core_computes_every_code(board: str) -> None:
    files = micro_files(Micro(), QUANT, Names())
    given, want = rows_and_answers()
    found = simulated(files, CALL, given, want.shape[1], load_board(board), 4 * WORDS)
    np.testing.assert_array_equal(found.outputs, want)
    if board == "NUCLEO-F446RE":
        assert found.core_cycles is not None
        assert found.core_cycles < 43_000


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")
def test_an_emulated_core_computes_every_code() -> None:
    files = micro_files(Micro(), QUANT, Names())
    given, want = rows_and_answers()
    found = emulated(files, CALL, given, want.shape[1], load_board("NUCLEO-F446RE"), 4 * WORDS)
    np.testing.assert_array_equal(found.outputs, want)
