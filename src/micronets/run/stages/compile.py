"""The stage `compile`: writes the model of a run as C, and measures it on the simulated board."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from micronets import __version__, output_directory, tflite
from micronets.commands import measure, measure_sim
from micronets.compiler import compile_model
from micronets.compiler.generate.manifests import library_files
from micronets.files import digest, write_atomic
from micronets.run import directory
from micronets.run.context import RunContext, settings_for
from micronets.run.directory import LIBRARY, MEASUREMENT, MODEL
from micronets.run.stages.base import Stage
from micronets.run.stages.export import EXPORT


def _inputs(context: RunContext) -> dict[str, Any]:
    """The board, whether it can be simulated here, and the model."""
    return {
        **settings_for(context, "board"),
        "board file": digest(repr(context.board)),
        "simulator": measure_sim.cannot_simulate(context.board) or "there",
        **directory.check_outputs(context.run, EXPORT),
    }


def _compile(context: RunContext) -> Sequence[str]:
    """Writes the model as C in c/, and what it takes on the simulated board in measure.json (null without tools)."""
    model = tflite.read((context.run / MODEL).read_bytes(), str(context.run / MODEL))
    compiled = compile_model(model, context.board.target)
    files = {**compiled.files, **library_files(compiled, __version__)}
    output_directory.write_files(context.run / LIBRARY, files)
    figures = None
    reason = measure_sim.cannot_simulate(context.board)
    if reason is None:
        figures = measure.measure(context.run / MODEL, context.board)
        figures.pop("model")
        equal = "equal" if figures["bit_exact"] else "DIFFER from"
        note = (
            f"C on the simulated {context.board.name}: {figures['latency_ms']:.4g} ms, SRAM {figures['sram_bytes']:,}, "
            f"flash {figures['flash_bytes']:,} bytes; outputs {equal} the reference's"
        )
    else:
        note = f"C written, not measured: {reason}"
    context.progress({"stage": "compile", "note": note})
    write_atomic(context.run / MEASUREMENT, json.dumps(figures, indent=1) + "\n")
    return (*(f"{LIBRARY}/{name}" for name in sorted(files)), MEASUREMENT)


COMPILE = Stage("compile", "report", _inputs, _compile, (LIBRARY, MEASUREMENT))
