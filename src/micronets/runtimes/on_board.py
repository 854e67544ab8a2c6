"""A network's C on a real board, over its serial line: `measure --device serial:PORT`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.boards.board import Board
from micronets.compiler import Compiled
from micronets.device.board import monitor, serial_session
from micronets.device.board.serial_session import Identity, InferenceCounts
from micronets.device.cross_compiler import firmware_files
from micronets.errors import DeviceError, FileError
from micronets.files import write_atomic
from micronets.runtimes.base import MeasureOptions
from micronets.runtimes.measurement import CounterRuns, Execution, Source, layer_measurement

Array = npt.NDArray[Any]

RUNS = 10  # how often the first input is run
SOURCES: dict[str, Source] = {"board": "measured", "emulator": "emulated", "host": "host"}
_CLOCK_TOLERANCE = 0.001


def write_firmware(sources: monitor.Sources, board: Board, options: MeasureOptions, path: Path) -> None:
    """Writes the board's firmware with the network to the file `path`, an ELF.

    Raises what building raises, `FileError`.
    """
    _, baud = serial_session.parse_device(options.device)
    _refuse_other(path)
    elf = monitor.build_monitor(sources, board, options.compiler, baud).elf
    try:
        write_atomic(path, elf)
    except OSError as e:
        raise FileError(f"{path}: cannot write the firmware ({e.strerror})") from e


def _refuse_other(path: Path) -> None:
    """Raises `FileError` if there is something at `path` that is no ELF file, and so no firmware to be replaced."""
    try:
        with path.open("rb") as f:
            ours = f.read(4) == b"\x7fELF"
    except FileNotFoundError:
        return
    except OSError as e:
        raise FileError(f"{path}: cannot write the firmware ({e.strerror})") from e
    if not ours:
        raise FileError(f"{path}: is there and is no firmware; move it away, or name another file with --firmware")


def execute(compiled: Compiled, x: Array, expected: Array, board: Board, options: MeasureOptions) -> Execution:
    """What the network computes and takes on what answers at the device, `serial:PORT[@BAUD]`.

    The firmware there must have been built of the same C; with `options.flash` it is built and written first. The
    source of the figures is *measured* for a board alone; an emulator or a process that speaks for one is called so,
    and has no cycles. Raises `DeviceError` for a port that does not open or answer, and for another board, model or
    clock.
    """
    sources = firmware_files(compiled)
    port, baud = serial_session.parse_device(options.device)
    if options.flash:
        monitor.flash(monitor.build_monitor(sources, board, options.compiler, baud).elf, board)
    with serial_session.Session(port, baud) as session:
        who = session.identify()
        _check(who, board, monitor.model_hash(sources), port)
        raw = x.reshape(len(x), -1).view(np.int8)
        outputs, counts = serial_session.run_all(session, who, raw, RUNS)
    return _execution(who, counts, outputs.tobytes() == expected.tobytes(), compiled, board)


def _check(who: Identity, board: Board, model: bytes, port: str) -> None:
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
    real = who.machine == "board" and who.counter == "cycles"
    # An emulator's clock says nothing about time; a process' does, about this machine.
    milliseconds = None if who.machine == "emulator" else 1e3 * counts.first / who.counter_hz
    return Execution(
        source=SOURCES[who.machine],
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
