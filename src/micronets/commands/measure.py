"""`measure`: builds a `.tflite` for a runtime, runs it, and compares its outputs with the reference's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from micronets.arguments import checked
from micronets.boards import battery
from micronets.boards.board import Board, load_board
from micronets.compiler.kernels.goal import DEFAULT_GOAL
from micronets.errors import SpecError
from micronets.runtimes import OUR_C, RUNTIMES, Measurement, MeasureOptions, Runtime, runtime_named
from micronets.tflite import ModelSource, model_file, read_file

__all__ = ["at_rate", "measure", "problems", "write_firmware"]


@checked
def measure(
    model: ModelSource,
    board: str | Path | Board,
    device: str = "sim",
    *,
    compiler: str | None = None,
    samples: int = MeasureOptions.samples,
    seed: int = 0,
    patches: str = "auto",
    flash: bool = False,
    runtime: str | Runtime = OUR_C,
    optimise: str = DEFAULT_GOAL,
) -> Measurement:
    """Runs a model on a device of a board, and returns the figures of `micronets measure` (docs/measure.md).

    - `model`: the path of a `.tflite`, or a model in memory.
    - `board`: a name, the path of a board's TOML file, or a board.
    - `device`, `compiler`, `samples`, `seed`, `patches`, `flash`, `optimise`: see `MeasureOptions`.
    - `runtime`: the runtime that executes it: `c`, or a runtime that was built for the board.

    Figures that are unknown on a device are None. Raises the errors of reading, compiling, building and running;
    outputs that differ are a result, not an error.
    """
    options = MeasureOptions(device, compiler, samples, seed, patches, flash, optimise)
    chosen = runtime_named(runtime)
    chosen.check(options)
    return chosen.measure(model_file(model), load_board(board), options)


def write_firmware(
    path: Path,
    board: Board,
    device: str,
    out: Path,
    compiler: str | None = None,
    patches: str = "auto",
    runtime: Runtime = OUR_C,
    optimise: str = DEFAULT_GOAL,
) -> None:
    """Builds the firmware with which a model is measured on a board over its serial line, and writes it to a file.

    - `path`: the model's file.
    - `board`: the board.
    - `device`: serial:PORT, the line over which the board will be measured.
    - `out`: the ELF file that is written.
    - `compiler`: `gcc` or `zig`; None for the first one installed.
    - `patches`: how large the arena of our C may get: `auto`, `off`, `smallest` or a size such as 64K, see
      `runtimes.c.arena_limit`.
    - `runtime`: the runtime that executes the model.
    - `optimise`: the goal for the kernels of our C, see `runtimes.c.compile_for`.

    Raises `SpecError` for a runtime or options that have no such firmware, and the errors of reading, compiling and
    building.
    """
    options = MeasureOptions(device, compiler, patches=patches, optimise=optimise)
    runtime.write_firmware(read_file(path), board, options, out)


def problems(found: Measurement) -> list[str]:
    """Lists the problems of a measurement, a sentence each: outputs that differ, insufficient memory."""
    return RUNTIMES[found.runtime].problems(found)


def at_rate(found: Measurement, board: Board, rate: float, cells: battery.Battery) -> Measurement:
    """Returns the measurement with power and battery life at a steady rate.

    - `found`: the measurement.
    - `board`: the board that was measured.
    - `rate`: inferences a second, above 0.
    - `cells`: the battery.

    Raises `SpecError` for a rate that is too high for the board, and for a device that does not give the board's times.
    """
    if found.no_times is not None:
        raise SpecError(f"rate = {rate:g}: {found.no_times}; leave it out")
    if found.energy_mj is None or found.latency_ms is None:
        raise SpecError(
            f"rate = {rate:g}: {found.device} is {found.source}, whose times are not the board's; leave it out"
        )
    latency = found.latency_ms_at(battery.check_rate(rate)) or found.latency_ms
    return replace(found, duty_cycle=battery.duty_cycle(latency, board, rate, cells))
