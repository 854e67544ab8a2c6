"""Cores that QEMU alone executes: what the simulator's place is filled with, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.needs import needs

needs("elftools", "sim")

from micronets.boards.board import load_board
from micronets.boards.cores import CORES
from micronets.device.cross_compiler import build_firmware, find_compiler
from micronets.device.qemu import emulate
from micronets.device.sim.machine import simulate
from micronets.errors import DeviceError
from micronets.tflite import write
from tests.support.calling import call
from tests.support.random_models import random_arch, random_model
from tests.support.small_network import SOURCES, expected

BOARD = load_board("Corstone-300 (MPS3 AN547)")
X = np.random.default_rng(5).integers(-128, 128, (3, 64)).astype(np.int8)


def built(code: str | None = None) -> bytes:
    machine = CORES[BOARD.core].qemu
    assert machine is not None
    if shutil.which(machine.program) is None:
        pytest.skip(f"needs {machine.program}")
    try:
        find_compiler(BOARD)
    except DeviceError as e:
        pytest.skip(str(e))
    return build_firmware(SOURCES if code is None else {**SOURCES, "model.c": code}, BOARD).elf


def test_layers_are_counted_and_sum_up_to_what_a_run_without_stops_counts() -> None:
    elf = built()
    found = simulate(elf, X, 3, 64, BOARD)
    np.testing.assert_array_equal(found.outputs, expected(X))
    assert found.cycles is found.core_cycles is found.calibration is None
    assert all(layer.instructions > 0 for layer in found.layers)
    assert emulate(elf, X, 64, BOARD).instructions[0] == found.instructions
    assert 0 < found.stack_bytes < 256


def test_writes_beside_the_arena_are_told() -> None:
    code = str(SOURCES["model.c"]).replace("MICRONETS_LAYER(3);", "y[-70] = 1; MICRONETS_LAYER(3);")
    assert code != SOURCES["model.c"]
    with pytest.raises(DeviceError, match=r"^QEMU: the network wrote 1 bytes (before|behind) its arena"):
        simulate(built(code), X, 3, 64, BOARD)


def test_measure_counts_instructions_and_tells_no_times(tmp_path: Path) -> None:
    built()
    path = tmp_path / "net.tflite"
    path.write_bytes(write(random_model(random_arch(3), 3)))
    found = json.loads(call("measure", path, "--board", BOARD.name, "--device", "qemu", "--json").out)
    assert (found["source"], found["bit_exact"], found["cycles"], found["qemu"]) == ("emulated", True, None, None)
    assert found["instructions"] > sum(row["instructions"] for row in found["per_layer"]) > 0
    assert found["no_times"].startswith(f"{BOARD.name}: no cycle model of a Cortex-M55")
    refused = call("measure", path, "--board", BOARD.name, "--rate", "2")
    assert refused.error.endswith("no cycle model of a Cortex-M55: instructions are counted, no times; leave it out")
