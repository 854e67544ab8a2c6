"""The same firmware in QEMU and in the simulator: outputs and instruction counts are equal."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.support.needs import needs

needs("unicorn", "sim")
needs("elftools", "sim")

from micronets.boards.board import Board, load_board
from micronets.boards.cores import CORES
from micronets.device import qemu
from micronets.device.cross_compiler import build_firmware, find_compiler
from micronets.device.qemu import emulate
from micronets.device.sim.machine import simulate
from micronets.errors import DeviceError
from tests.support.small_network import SOURCES, expected

BOARDS = [load_board(name) for name in ("NUCLEO-F446RE", "NUCLEO-F746ZG", "Raspberry Pi Pico 2")]
X = np.random.default_rng(5).integers(-128, 128, (3, 64)).astype(np.int8)

try:
    find_compiler(BOARDS[0])
except DeviceError as e:
    pytest.skip(str(e), allow_module_level=True)

installed = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")


@installed
@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.core)
def test_outputs_and_instructions_are_those_of_the_simulator(board: Board) -> None:
    elf = build_firmware(SOURCES, board).elf
    found, simulated = emulate(elf, X, 64, board), simulate(elf, X, 3, 64, board)
    np.testing.assert_array_equal(found.outputs, expected(X))
    np.testing.assert_array_equal(found.outputs, simulated.outputs)
    assert found.instructions[0] == simulated.instructions
    assert "QEMU" in found.version


@installed
def test_a_firmware_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "_TIMEOUT_S", 1)
    code = str(SOURCES["model.c"]).replace("MICRONETS_LAYER(2);", 'for (;;) __asm volatile("");')
    elf = build_firmware({**SOURCES, "model.c": code}, BOARDS[0]).elf
    with pytest.raises(DeviceError, match="QEMU: no end of the inferences within 1 s"):
        emulate(elf, X, 64, BOARDS[0])


def test_without_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu.shutil, "which", lambda name: None)
    with pytest.raises(DeviceError, match="QEMU: no qemu-system-arm found: install it"):
        emulate(b"", X, 64, BOARDS[0])


def test_cores_that_it_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = {**CORES, "cortex-m4": replace(CORES["cortex-m4"], qemu=None)}
    monkeypatch.setattr(qemu, "CORES", cores)
    monkeypatch.setattr(qemu, "core_of", lambda name, where: cores[name])
    others = ", ".join(name for name, core in cores.items() if core.qemu)
    with pytest.raises(DeviceError, match=f"no machine for NUCLEO-F446RE's cortex-m4; there are: {others};"):
        emulate(b"", X, 64, BOARDS[0])
