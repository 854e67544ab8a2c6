"""`measure --device serial:PORT`: a network's C on a real board, over its serial line, outputs compared with the reference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.boards import battery
from micronets.boards.board import Board
from micronets.commands.compile import bands_text
from micronets.commands.figures import layer_row, record
from micronets.compiler import Compiled
from micronets.device.board import monitor, serial_session
from micronets.device.board.serial_session import Counts, Identity
from micronets.errors import DeviceError, FileError
from micronets.files import write_atomic
from micronets.terminal import amount, columns

RUNS = 10  # of the first input
SOURCES = {"board": "measured", "emulator": "emulated", "host": "host"}
_CLOCK_TOLERANCE = 0.001


def build(sources: monitor.Sources, board: Board, device: str, compiler: str | None, path: Path) -> None:
    """Writes the board's firmware with the network to the file `path`, an ELF. Raises what building raises, `FileError`."""
    _, baud = serial_session.parse_device(device)
    _refuse_other(path)
    elf = monitor.build_monitor(sources, board, compiler, baud).elf
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


def measured(
    compiled: Compiled,
    sources: monitor.Sources,
    x: npt.NDArray[Any],
    expected: npt.NDArray[Any],
    board: Board,
    device: str,
    compiler: str | None = None,
    flash: bool = False,
) -> dict[str, Any]:
    """Figures of the network on what answers at `device`, `serial:PORT[@BAUD]`; `flash` builds and writes the firmware first.

    sources: the network's files, which the firmware's hash must be that of. The source of the figures is *measured* for a
    board alone; an emulator or a process that speaks for one is called so, and has no cycles.
    Raises `DeviceError` for a port that does not open or answer, and for another board, model or clock.
    """
    port, baud = serial_session.parse_device(device)
    if flash:
        monitor.flash(monitor.build_monitor(sources, board, compiler, baud).elf, board)
    with serial_session.Session(port, baud) as session:
        who = session.identify()
        _check(who, board, monitor.model_hash(sources), port)
        raw = x.reshape(len(x), -1).view(np.int8)
        outputs, counts = serial_session.run_all(session, who, raw, RUNS)
    return _figures(who, counts, outputs.tobytes() == expected.tobytes(), compiled, board)


def _check(who: Identity, board: Board, model: bytes, port: str) -> None:
    if who.board != board.name:
        raise DeviceError(f"serial port {port}: it answers as '{who.board}', not as {board.name}: name the board that is there")
    if who.model != model:
        raise DeviceError(
            f"serial port {port}: the board holds another model ({who.model.hex()}, not {model.hex()}), or one that another "
            "version of micronets compiled: write this one to it (--flash)"
        )
    if who.machine == "board" and abs(who.clock_hz / board.clock_hz - 1) > _CLOCK_TOLERANCE:
        raise DeviceError(
            f"serial port {port}: the board runs at {who.clock_hz / 1e6:g} MHz, not at {board.name}'s "
            f"{board.clock_hz / 1e6:g} ({who.settings}): reset it and try again"
        )


def _figures(who: Identity, counts: Counts, equal: bool, compiled: Compiled, board: Board) -> dict[str, Any]:
    real = who.machine == "board" and who.counter == "cycles"
    # An emulator's clock says nothing about time; a process' does, about this machine.
    milliseconds = None if who.machine == "emulator" else 1e3 * counts.first / who.counter_hz
    return record(
        source=SOURCES[who.machine],
        bit_exact=equal,
        machine=who.machine,
        counter=who.counter,
        cycles=counts.first if real else None,
        counts={"first": counts.first, "least": counts.least, "most": counts.most, "runs": RUNS},
        latency_ms=milliseconds,
        energy_mj=board.millijoules(milliseconds) if real and milliseconds is not None else None,
        sram_bytes=None if counts.stack_bytes is None else who.arena_bytes + counts.stack_bytes,
        flash_bytes=who.flash_bytes or None,
        code_bytes=who.code_bytes or None,
        stack_bytes=counts.stack_bytes,
        arena_c_bytes=compiled.arena_bytes,
        settings=who.settings,
        toolchain=who.toolchain,
        flags=who.flags.split(),
        per_layer=[
            layer_row(step, cycles=count if real else None, counts=count)
            for step, count in zip(compiled.model.arch.steps(), counts.layers, strict=True)
        ],
    )


def table(figures: Mapping[str, Any]) -> str:
    """The figures as text for a terminal."""
    unit, counts, real = figures["counter"], figures["counts"], figures["cycles"] is not None
    rows = []
    for r in figures["per_layer"]:
        rate = [f"{r['macs'] / r['cycles']:.2f}" if r["cycles"] and r["macs"] else ""] if real else []
        rows.append((r["name"], r["kind"], f"{r['macs']:,}", f"{r['counts']:,}", *rate))
    head = ("layer", "kind", "MACs", unit, *(["MAC/cycle"] if real else []))
    spread = f"{counts['least']:,} to {counts['most']:,} in {counts['runs']} runs"
    totals = [(unit, f"{counts['first']:,}", spread)]
    if figures["latency_ms"] is not None:
        totals.insert(0, ("latency", amount(figures["latency_ms"], "ms"), "" if real else "this machine, not the board"))
    if figures["energy_mj"] is not None:
        totals.append(("energy", amount(figures["energy_mj"], "mJ"), "latency, measured, x power, which was not"))
    if figures["sram_bytes"] is not None:
        totals.append(("SRAM", amount(figures["sram_bytes"], "B"), f"arena and {figures['stack_bytes']:,} of stack"))
    if figures["flash_bytes"] is not None:
        totals.append(("flash", amount(figures["flash_bytes"], "B"), f"{figures['code_bytes']:,} of code, the rest constants"))
    totals += [
        ("arena", amount(figures["arena_c_bytes"], "B"), "ours"),
        ("arena, TFLM", amount(figures["arena_tflm_cortex_m_bytes"], "B"), "on a Cortex-M, estimated"),
    ]
    if figures.get("duty_cycle"):
        totals += battery.rows(figures["duty_cycle"])
    equal = "equal the reference's, every byte" if figures["bit_exact"] else "DIFFER from the reference's"
    source = [f"source: {figures['source']}, {figures['board']}, {figures['toolchain']}", f"clock: {figures['settings']}"]
    if figures["bands"]:
        source.insert(0, bands_text(figures["bands"]))
    return "\n".join(
        [
            columns(head, rows, tuple(range(2, len(head)))),
            "",
            columns(("total", "", ""), totals, (1,)),
            "",
            f"outputs for {figures['samples']} inputs {equal}",
            *source,
        ]
    )
