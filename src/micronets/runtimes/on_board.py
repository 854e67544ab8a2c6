"""Runs a network's C on a real board over its serial line: `measure --device serial:PORT`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from micronets.boards.board import Board
from micronets.compiler import Compiled
from micronets.device.board import monitor, serial_session
from micronets.device.board.serial_session import Identity, InferenceCounts
from micronets.device.cross_compiler import firmware_files
from micronets.errors import DeviceError, FileError
from micronets.files import write_atomic
from micronets.runtimes.base import MeasureOptions
from micronets.runtimes.measurement import CounterRuns, Execution, MeasurementSource, layer_measurement

Array = npt.NDArray[Any]

RUNS = 10
"""The number of times that the first input is run."""

_SOURCE_OF_MACHINE: dict[str, MeasurementSource] = {"board": "measured", "emulator": "emulated", "host": "host"}
_CLOCK_TOLERANCE = 0.001  # largest relative deviation from the clock in the board's file


def write_board_firmware(sources: monitor.Sources, board: Board, options: MeasureOptions, path: Path) -> None:
    """Writes a board's firmware with a network to an ELF file.

    - sources: the C of the network, contents by file name.
    - board: the board.
    - options: determine the compiler and the speed of the serial line.
    - path: the file to write.

    Raises the errors of `monitor.build_monitor`, and `FileError` for a file that cannot be written or is not a
    firmware.
    """
    _, baud = serial_session.parse_device(options.device)
    _refuse_other(path)
    elf = monitor.build_monitor(sources, board, options.compiler, baud).elf
    try:
        write_atomic(path, elf)
    except OSError as e:
        raise FileError(f"{path}: cannot write the firmware ({e.strerror})") from e


def _refuse_other(path: Path) -> None:
    """Raises `FileError` if `path` exists and is not an ELF file, so that it is not a firmware to replace."""
    try:
        with path.open("rb") as f:
            ours = f.read(4) == b"\x7fELF"
    except FileNotFoundError:
        return
    except OSError as e:
        raise FileError(f"{path}: cannot write the firmware ({e.strerror})") from e
    if not ours:
        raise FileError(f"{path}: is there and is no firmware; move it away, or name another file with --firmware")


def execute_on_board(compiled: Compiled, x: Array, expected: Array, board: Board, options: MeasureOptions) -> Execution:
    """Runs a network on the machine at a serial device, and returns its results and costs.

    - compiled: the C of the network; the board's firmware must have been built from it.
    - x: inputs as bytes, int8 `[N, bytes]`: see `reference.packed_inputs`.
    - expected: their expected outputs, as bytes `[N, bytes]`.
    - board: the board that must answer.
    - options: the device, `serial:PORT[@BAUD]`; with `flash` the firmware is built and written first.

    The source of the figures is *measured* only for a board; an emulator or a process in its place is named as such,
    and has no cycles. Raises `DeviceError` for a port that does not open or answer, and for another board, model or
    clock.
    """
    sources = firmware_files(compiled)
    port, baud = serial_session.parse_device(options.device)
    if options.flash:
        monitor.flash(monitor.build_monitor(sources, board, options.compiler, baud).elf, board)
    with serial_session.Session(port, baud) as session:
        who = session.identify()
        _check_identity(who, board, monitor.model_hash(sources), port)
        outputs, counts = serial_session.run_all(session, who, x, RUNS)
    return _execution(who, counts, outputs.tobytes() == expected.tobytes(), compiled, board)


def _check_identity(who: Identity, board: Board, model: bytes, port: str) -> None:
    """Raises `DeviceError` unless this board answers with this model and at its clock."""
    if who.board != board.name:
        raise DeviceError(
            f"serial port {port}: it answers as '{who.board}', not as {board.name}: name the board that is there"
        )
    if who.model != model:
        raise DeviceError(
            f"serial port {port}: the board holds another model ({who.model.hex()}, not {model.hex()}), or one that "
            "another version of micronets compiled: write this one to it (--flash)"
        )
    if who.machine == "board" and abs(who.clock_hz / board.clock_hz - 1) > _CLOCK_TOLERANCE:
        raise DeviceError(
            f"serial port {port}: the board runs at {who.clock_hz / 1e6:g} MHz, not at {board.name}'s "
            f"{board.clock_hz / 1e6:g} ({who.settings}): reset it and try again"
        )


def _execution(who: Identity, counts: InferenceCounts, equal: bool, compiled: Compiled, board: Board) -> Execution:
    """Returns the results of the serial device; `equal`: whether its outputs are the expected ones."""
    real = who.machine == "board" and who.counter == "cycles"
    # # An emulator's clock says nothing about time; a process's clock measures this machine.
    milliseconds = None if who.machine == "emulator" else 1e3 * counts.first / who.counter_hz
    return Execution(
        source=_SOURCE_OF_MACHINE[who.machine],
        bit_exact=equal,
        machine=who.machine,
        counter=who.counter,
        cycles=counts.first if real else None,
        counts=CounterRuns(counts.first, counts.least, counts.most, RUNS),
        latency_ms=milliseconds,
        energy_mj=board.millijoules(milliseconds) if real and milliseconds is not None else None,
        sram_bytes=None if counts.stack_bytes is None else who.arena_bytes + counts.stack_bytes,
        flash_bytes=who.flash_bytes or None,
        code_bytes=who.code_bytes or None,
        stack_bytes=counts.stack_bytes,
        settings=who.settings,
        toolchain=who.toolchain,
        flags=tuple(who.flags.split()),
        per_layer=tuple(
            layer_measurement(step, cycles=count if real else None, counts=count)
            for step, count in zip(compiled.model.arch.steps(), counts.layers, strict=True)
        ),
    )
