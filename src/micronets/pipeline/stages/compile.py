"""The stage `compile`: writes the model of a run as C, and measures it on the simulated board."""

from __future__ import annotations

import json
from collections.abc import Sequence

from micronets import __version__, output_directory, tflite
from micronets.compiler.generate.manifests import library_files
from micronets.files import digest, write_atomic
from micronets.pipeline import directory
from micronets.pipeline.context import RunContext, settings_for
from micronets.pipeline.directory import LIBRARY, MEASUREMENT, MODEL, RunDir, StageInputs
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.export import EXPORT
from micronets.progress import NoteEvent
from micronets.records import JsonObject, read_record
from micronets.runtimes import OUR_C, Measurement, MeasureOptions
from micronets.runtimes.c import compile_for
from micronets.runtimes.measurement import measurement_from_json


def _inputs(context: RunContext) -> StageInputs:
    """Returns the board, the compiler's goal, whether the board can be simulated here, and the model's digest."""
    return {
        **settings_for(context, "board", "optimise"),
        "board file": digest(repr(context.board)),
        "simulator": OUR_C.unmeasurable(context.board) or "there",
        **directory.check_outputs(context.run, EXPORT),
    }


def _compile(context: RunContext) -> Sequence[str]:
    """Writes the model as C to c/, and its measurement on the simulated board to measure.json (null without tools)."""
    file = tflite.read_file(context.run / MODEL)
    goal = context.config.optimise
    compiled = compile_for(file.model, context.board, optimise=goal)
    files = {**compiled.files, **library_files(compiled, __version__)}
    output_directory.write_files(context.run / LIBRARY, files)
    figures = None
    reason = OUR_C.unmeasurable(context.board)
    if reason is None:
        found = OUR_C.measure(file, context.board, MeasureOptions(optimise=goal))
        figures = {name: value for name, value in found.to_json().items() if name != "model"}
        took = f"{found.instructions:,} instructions" if found.latency_ms is None else f"{found.latency_ms:.4g} ms"
        equal = "equal" if found.bit_exact else "DIFFER from"
        note = (
            f"C on the simulated {context.board.name}: {took}, SRAM {found.sram_bytes:,}, "
            f"flash {found.flash_bytes:,} bytes; outputs {equal} the reference's"
        )
    else:
        note = f"C written, not measured: {reason}"
    context.progress(NoteEvent("compile", note))
    write_atomic(context.run / MEASUREMENT, json.dumps(figures, indent=1) + "\n")
    return (*(f"{LIBRARY}/{name}" for name in sorted(files)), MEASUREMENT)


def read_measurement(run: RunDir) -> Measurement | None:
    """Reads the costs of the C on the simulated board; None if they could not be measured."""

    def measurement(table: JsonObject | None) -> Measurement | None:
        return None if table is None else measurement_from_json(table)

    return read_record(measurement, run / MEASUREMENT, directory.way_out(run, COMPILE))


COMPILE = Stage("compile", "report", _inputs, _compile, (LIBRARY, MEASUREMENT))
