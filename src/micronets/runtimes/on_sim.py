"""Runs a firmware with our C or with TFLM on the simulated board."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from micronets.boards.board import Board
from micronets.boards.cores import core_of
from micronets.device import cross_compiler, qemu
from micronets.device.cross_compiler import Firmware
from micronets.device.sim import machine
from micronets.errors import DeviceError, SpecError
from micronets.installation import install
from micronets.ir.arch import Step
from micronets.runtimes.measurement import Execution, QemuCount, layer_measurement

Array = npt.NDArray[Any]

_SIM_PACKAGES = ("unicorn", "capstone", "elftools")  # the modules of the extra `sim` that are imported


def execute_on_sim(
    firmware: Firmware,
    steps: Sequence[Step | str],
    x: Array,
    expected: Array,
    board: Board,
    *,
    output_bytes: Sequence[int] | None = None,
    twice: bool = False,
    words: Sequence[str] = (),
) -> tuple[Execution, Mapping[str, int]]:
    """Runs a firmware on the simulated board; returns its results and costs, and the values of its variables.

    - firmware: the firmware with the network.
    - steps: the layers, in the order in which the firmware reports them; a name for an operator without a layer.
    - x: inputs as bytes, int8 `[N, bytes]`: see `reference.packed_inputs`.
    - expected: their expected outputs, `[N, ...]`.
    - board: the board.
    - output_bytes: the bytes of each output if there are several; None for one output.
    - twice: whether QEMU also runs the firmware, if it does not run it anyway.
    - words: names of 32-bit variables of the firmware whose values are returned, by name.

    Raises the `DeviceError` of `machine.simulate` and `qemu.emulate`.
    """
    sizes = (expected[0].nbytes,) if output_bytes is None else output_bytes
    run = machine.simulate(firmware.elf, x, len(steps), sizes, board, words=words)
    milliseconds = None if run.cycles is None else board.milliseconds(run.cycles)
    second = twice and core_of(board.core, board.name).unicorn_model is not None
    emulated = qemu.emulate(firmware.elf, x, sizes, board) if second else None
    found = Execution(
        source="emulated" if board.no_times else "simulated",
        bit_exact=all(r.outputs.tobytes() == expected.tobytes() for r in (run, emulated) if r),
        cycles=run.cycles,
        core_cycles=run.core_cycles,
        dual_issue_cycles=run.dual_issue_cycles,
        instructions=run.instructions,
        qemu=None if emulated is None else QemuCount(emulated.version, emulated.instructions[0]),
        latency_ms=milliseconds,
        energy_mj=None if milliseconds is None else board.millijoules(milliseconds),
        uncertainty=None if run.calibration is None else run.calibration.uncertainty,
        no_times=board.no_times,
        sram_bytes=run.sram_bytes,
        flash_bytes=run.image.flash_bytes,
        code_bytes=run.image.text_bytes,
        stack_bytes=run.stack_bytes,
        toolchain=firmware.toolchain,
        flags=tuple(firmware.flags),
        per_layer=tuple(
            layer_measurement(step, cycles=run.on_board(t), core_cycles=t.core_cycles, instructions=t.instructions)
            for step, t in zip(steps, run.layers, strict=True)
        ),
    )
    return found, run.words


def unavailable(board: Board) -> str | None:
    """Returns why no firmware for a board can be built and simulated on this machine; None if one can."""
    for package in _SIM_PACKAGES:
        if importlib.util.find_spec(package) is None:
            return f"needs {package} ({install('sim')})"
    try:
        cross_compiler.find_compiler(board)
    except (DeviceError, SpecError) as e:
        return str(e)
    return qemu.unavailable(board) if core_of(board.core, board.name).unicorn_model is None else None
