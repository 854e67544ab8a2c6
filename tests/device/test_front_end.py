"""The C of sound front ends on simulated and emulated cores: every code, cycles and sizes."""

import shutil

import numpy as np
import pytest

from tests.support.needs import needs

needs("unicorn", "sim")
needs("elftools", "sim")

from micronets.boards.board import Board, load_board
from micronets.device.cross_compiler import find_compiler
from micronets.device.front_end import frame_firmware, frame_input, front_end_cost_in, run_front_end, simulate_frames
from micronets.device.qemu import emulate
from micronets.errors import DeviceError
from micronets.frontend.image import ImageFrontEnd
from micronets.frontend.standard import Standard
from tests.support.front_ends import CASES, clips, codes
from tests.support.pictures import model_of
from tests.support.spectral import model

OTHERS = ("NUCLEO-F746ZG", "NUCLEO-F103RB", "NUCLEO-G0B1RE", "ESP32-C3-DevKitM-1")
RUNS = [("NUCLEO-F446RE", name) for name in CASES] + [(b, n) for b in OTHERS for n in ("coefficients", "micronet-mfcc")]
"""Every front end on a Cortex-M4; two, which use all there is, on the other cores."""
LIMITS = {"log-mel": 100_000, "coefficients": 100_000, "mlperf-mfcc": 60_000}
"""Cycles of a frame on a Cortex-M4 without wait states, at most."""


def with_compiler(name: str) -> Board:
    """Returns a board for whose core a compiler is installed; skips the test where there is none."""
    board = load_board(name)
    try:
        find_compiler(board)
    except DeviceError as e:
        pytest.skip(str(e))
    return board


def frames(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns a frame of every signal, the largest sample of its clip, and its codes."""
    fe, quant = CASES[name]
    samples = clips(fe)
    at = fe.frames // 2 // fe.frame_stride * fe.frame_stride
    rows = samples[:, at * fe.hop_samples :][:, : fe.window_samples]
    return rows, np.maximum(samples.max(1), 1), codes(samples, fe, quant)[:, at // fe.frame_stride]


@pytest.mark.parametrize(("board", "name"), RUNS, ids="-".join)
def test_a_core_computes_every_code(board: str, name: str) -> None:
    rows, loudest, want = frames(name)
    found = simulate_frames(*CASES[name], with_compiler(board), rows, loudest)
    np.testing.assert_array_equal(found.outputs, want)


@pytest.mark.parametrize("name", LIMITS)
def test_a_frame_takes_few_cycles_and_little_memory(name: str) -> None:
    rows, loudest, _ = frames(name)
    found = simulate_frames(*CASES[name], with_compiler("NUCLEO-F446RE"), rows, loudest)
    assert found.core_cycles is not None
    assert found.core_cycles < LIMITS[name]
    assert len(found.image.flash) < 9000  # with the firmware around it
    assert found.image.arena_bytes + found.stack_bytes < 5600  # with the frame's samples and codes


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")
def test_an_emulated_core_computes_every_code() -> None:
    board = with_compiler("NUCLEO-F446RE")
    fe, quant = CASES["log-mel"]
    rows, loudest, want = frames("log-mel")
    found = emulate(frame_firmware(fe, quant, board).elf, frame_input(rows, loudest), fe.input_shape[1], board)
    np.testing.assert_array_equal(found.outputs, want)


def test_the_front_end_of_a_sensor_is_measured_and_costs_what_is_estimated() -> None:
    board = with_compiler("NUCLEO-F446RE")
    found, cost = run_front_end(model(), board, seed=0), front_end_cost_in(model())
    assert found is not None
    assert cost is not None
    assert found.bit_exact
    assert found.frame.core_cycles == pytest.approx(cost.frame_cycles, rel=0.1)
    assert cost.flash_bytes == pytest.approx(found.flash_bytes, rel=0.05)
    assert (cost.frames, cost.frames_a_second) == (7, 50 / 16)
    assert (cost.kept_bytes, cost.scratch_bytes) == (2 * 32 * 6 + 7 * 12 * 6, 4 * 32)


@pytest.mark.parametrize(
    "front_end",
    [
        ImageFrontEnd(resolution=16, fit="letterbox", filter="bilinear", camera="40x30:rgb565"),
        ImageFrontEnd(resolution=12, colour=1, fit="crop", camera="32x24:yuv422"),
        Standard((5, 3), (0.1, 2.0, -1.0), (1.0, 0.5, 3.0)),
        Standard((5, 3), (0.1, 2.0, -1.0), (1.0, 0.5, 3.0), sample_rate=50.0),
    ],
    ids=["colour", "gray", "array", "window"],
)
def test_front_ends_of_images_and_arrays_are_measured_and_cost_what_is_estimated(
    front_end: ImageFrontEnd | Standard,
) -> None:
    given = model_of(front_end)
    found, cost = run_front_end(given, with_compiler("NUCLEO-F446RE"), seed=0), front_end_cost_in(given)
    assert found is not None
    assert cost is not None
    assert found.bit_exact
    assert found.frame.core_cycles == pytest.approx(cost.frame_cycles, rel=0.08)
    assert found.flash_bytes <= cost.flash_bytes <= found.flash_bytes + 300
    if isinstance(front_end, Standard) and front_end.sample_rate:
        assert (cost.frames, cost.frames_a_second, cost.kept_bytes) == (5, 50.0, 4 * 3 + 16)
    else:
        assert (cost.frames, cost.frames_a_second, cost.scratch_bytes) == (1, None, 0)


def test_an_image_model_without_a_camera_is_measured_alone() -> None:
    image = ImageFrontEnd(resolution=16)
    given = model_of(image)
    assert run_front_end(given, load_board("NUCLEO-F446RE"), seed=0) is None
    assert front_end_cost_in(given) is None
