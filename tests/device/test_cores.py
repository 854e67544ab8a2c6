"""Cores without the DSP extension: networks byte for byte, instructions counted, no times."""

import importlib.util
import shutil

import numpy as np
import pytest

from tests.support.needs import needs

needs("unicorn", "sim")
needs("elftools", "sim")

from micronets.boards.board import Board, load_board
from micronets.boards.cores import CORES
from micronets.compiler import Compiled, compile_model
from micronets.device import qemu
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.device.qemu import emulate
from micronets.device.sim.machine import Simulation, simulate
from micronets.errors import DeviceError
from micronets.quantized import reference
from tests.support.random_models import random_arch, random_input, random_model
from tests.support.small_network import SOURCES, expected

BOARDS = [load_board(name) for name in ("NUCLEO-G0B1RE", "NUCLEO-F103RB", "ESP32-C3-DevKitM-1")]
X = np.random.default_rng(5).integers(-128, 128, (3, 64)).astype(np.int8)


@pytest.fixture(params=["gcc", "zig"])
def which(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def built(sources: dict[str, str | bytes], board: Board, which: str | None = None) -> bytes:
    """Returns a firmware, by a compiler that has to be there."""
    try:
        find_compiler(board, which)
    except DeviceError as e:
        pytest.skip(str(e))
    return build_firmware(sources, board, which).elf


def network(seed: int, board: Board) -> tuple[Compiled, np.ndarray, np.ndarray]:
    """Returns a random network for a board, two inputs `[2, bytes]` and the outputs of the reference."""
    model = random_model(random_arch(seed), seed)
    x = random_input(model, 2, seed)
    return compile_model(model, board.target), x.reshape(len(x), -1).view(np.int8), reference.run(model, x)


def ran(seed: int, board: Board, which: str) -> tuple[Simulation, bytes]:
    compiled, x, y = network(seed, board)
    elf = built(firmware_files(compiled), board, which)
    return simulate(elf, x, len(compiled.model.arch.layers), y[0].nbytes, board), y.tobytes()


@pytest.mark.parametrize(("which", "seed"), [("gcc", 6), ("zig", 4)])
@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.core)
def test_networks_compute_the_bytes_of_the_reference(board: Board, which: str, seed: int) -> None:
    found, outputs = ran(seed, board, which)
    assert found.outputs.tobytes() == outputs
    assert found.cycles is found.core_cycles is found.calibration is found.dual_issue_cycles is None
    assert all(layer.core_cycles is None for layer in found.layers)
    assert 0 < sum(layer.instructions for layer in found.layers) <= found.instructions
    assert 0 < found.stack_bytes < 1024


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.core)
def test_instructions_are_the_same_every_time_and_in_qemu(board: Board, which: str) -> None:
    elf = built(SOURCES, board, which)
    found = simulate(elf, X, 3, 64, board)
    again = simulate(elf, X, 3, 64, board)
    np.testing.assert_array_equal(found.outputs, expected(X))
    assert (found.layers, found.outside) == (again.layers, again.outside)
    machine = CORES[board.core].qemu
    assert machine is not None
    if shutil.which(machine.program) is None:
        pytest.skip(f"needs {machine.program}")
    emulated = emulate(elf, X, 64, board)
    np.testing.assert_array_equal(emulated.outputs, expected(X))
    assert emulated.instructions[0] == found.instructions


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.core)
def test_hooks_in_python_count_the_same(board: Board) -> None:
    elf = built(SOURCES, board)
    assert simulate(elf, X, 3, 64, board, native=False).layers == simulate(elf, X, 3, 64, board).layers


UNALIGNED = """
    volatile uint32_t sum = 0;
    const int8_t *volatile odd = x + 1;
    sum += *(const volatile uint32_t *)(const void *)odd;
    MICRONETS_LAYER(3);"""


@pytest.mark.parametrize("board", BOARDS[:2], ids=lambda b: b.core)
def test_a_word_at_an_odd_address_faults_on_armv6m_alone(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the simulator, and QEMU with what the start-up sets, would show a kernel that reads one."""
    code = str(SOURCES["model.c"]).replace("MICRONETS_LAYER(3);", UNALIGNED)
    elf = built({**SOURCES, "model.c": code}, board)
    if board.core == "cortex-m3":
        np.testing.assert_array_equal(simulate(elf, X, 3, 64, board).outputs, expected(X))
        return
    for native in (None, False):
        with pytest.raises(
            DeviceError, match="simulator: it reads or writes at an address that is no multiple of its size"
        ):
            simulate(elf, X, 3, 64, board, native)
    machine = CORES[board.core].qemu
    if machine and shutil.which(machine.program):
        monkeypatch.setattr(qemu, "_TIMEOUT_S", 1)
        with pytest.raises(DeviceError, match="QEMU: no end of the inferences"):
            emulate(elf, X, 64, board)


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.core)
def test_what_the_core_lacks_is_linked(board: Board, which: str) -> None:
    """Division of 32 and 64 bits and floats are calls of the compiler's own library."""
    code = str(SOURCES["model.c"]).replace(
        "MICRONETS_LAYER(3);",
        "volatile int64_t q = 1 << 20; volatile int32_t d = 1000; volatile float f = 3;"
        "q /= 7; d /= 7; f = f * 0.5f + (float)d;"
        "y[0] = (int8_t)(q - 149796 + d - 142 + (int32_t)(f - 143.5f)); MICRONETS_LAYER(3);",
    )
    found = simulate(built({**SOURCES, "model.c": code}, board, which), X, 3, 64, board)
    assert found.outputs[:, 0].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(found.outputs[:, 1:], expected(X)[:, 1:])


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.core)
def test_a_stack_that_is_too_deep_is_told(board: Board) -> None:
    code = str(SOURCES["model.c"]).replace(
        "MICRONETS_LAYER(3);",
        "volatile int8_t large[20000]; for (int i = 0; i < 20000; i++) large[i] = 1; MICRONETS_LAYER(3);",
    )
    with pytest.raises(DeviceError, match="simulator: the network needs a stack of more than 16384 bytes"):
        simulate(built({**SOURCES, "model.c": code}, board), X, 3, 64, board)


def test_without_a_compiler_for_risc_v(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(DeviceError, match=r"^no compiler for a RISC-V RV32IMC found \(riscv64-unknown-elf-gcc\): "):
        find_compiler(BOARDS[2], "gcc")
    if importlib.util.find_spec("ziglang"):
        assert find_compiler(BOARDS[2]).name.startswith("zig clang")
