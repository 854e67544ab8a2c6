"""The model of a run as C: the stage that writes and measures it, and the measurements that a search steps back from."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from typing import Any

from micronets import __version__, tflite
from micronets.boards.board import Board, board_budget
from micronets.commands import characterize, measure
from micronets.commands.compile import write_directory
from micronets.compiler import compile_model
from micronets.compiler.generate.manifests import library_files
from micronets.device import cross_compiler
from micronets.errors import DeviceError, SpecError, UnsupportedError
from micronets.files import digest, write_atomic
from micronets.installation import install
from micronets.ir.arch import Arch
from micronets.run import directory
from micronets.run.context import Work, settings_for
from micronets.run.directory import LIBRARY, MEASUREMENT, MODEL

MEASURED = ("sram_bytes", "flash_bytes", "latency_ms", "energy_mj")
_PACKAGES = ("unicorn", "capstone", "elftools")


def inputs(work: Work) -> dict[str, Any]:
    """What the stage depends on."""
    return {
        **settings_for(work, "board"),
        "board file": digest(repr(work.board)),
        "simulator": unavailable(work.board) or "there",
        **directory.check_outputs(work.run, "export"),
    }


def deploy(work: Work) -> Sequence[str]:
    """The stage: the model as C in c/, and what it takes on the simulated board in measure.json (null without tools)."""
    compiled = compile_model(tflite.read((work.run / MODEL).read_bytes(), str(work.run / MODEL)))
    files = {**compiled.files, **library_files(compiled, __version__)}
    write_directory(work.run / LIBRARY, files)
    figures = None
    reason = unavailable(work.board)
    if reason is None:
        figures = measure.measure(work.run / MODEL, work.board)
        figures.pop("model")
        equal = "equal" if figures["bit_exact"] else "DIFFER from"
        note = (
            f"C on the simulated {work.board.name}: {figures['latency_ms']:.4g} ms, SRAM {figures['sram_bytes']:,}, "
            f"flash {figures['flash_bytes']:,} bytes; outputs {equal} the reference's"
        )
    else:
        note = f"C written, not measured: {reason}"
    work.progress({"stage": "compile", "note": note})
    write_atomic(work.run / MEASUREMENT, json.dumps(figures, indent=1) + "\n")
    return (*(f"{LIBRARY}/{name}" for name in sorted(files)), MEASUREMENT)


def unavailable(board: Board) -> str | None:
    """Why nothing can be simulated here, or None."""
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            return f"needs {package} ({install('sim')})"
    try:
        cross_compiler.compiler(board)
    except (DeviceError, SpecError) as e:
        return str(e)
    return None


def judge(work: Work) -> Callable[[Arch], dict[str, float]] | None:
    """What measures a candidate of the search on the simulated board, where the limits are our C's; None where they are
    not, or where nothing can be simulated: the search then goes by estimates, and says so.
    """
    names = [n for n in board_budget(work.config.budget, work.board).limits() if n in MEASURED]
    if work.config.runtime != "c" or not names:
        return None
    reason = unavailable(work.board)
    if reason is not None:
        work.progress({"stage": "search", "note": f"limits on the board are held by estimates alone: {reason}"})
        return None

    def measured(arch: Arch) -> dict[str, float]:
        try:
            found = characterize.measured(arch, work.board)
        except UnsupportedError as e:
            raise SpecError(f'runtime = "c": a network of the space cannot be compiled: {e}') from e
        return {name: float(found[name]) for name in names}

    return measured
