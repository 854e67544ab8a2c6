"""The stage `export`: writes the trained network as model.tflite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from micronets.pipeline import directory
from micronets.pipeline.context import RunContext, settings_for
from micronets.pipeline.directory import MODEL, TRAIN_FOLDER, StageInputs
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.search import SEARCH
from micronets.pipeline.stages.train import TRAIN


def _inputs(context: RunContext) -> StageInputs:
    """Returns digests of the chosen network and of its trained weights."""
    return {**settings_for(context), **directory.check_outputs(context.run, SEARCH, TRAIN)}


def _export(context: RunContext) -> Sequence[str]:
    """Writes model.tflite. Raises `CheckFailed` if it does not read back as it was written."""
    from micronets.commands.export import export
    from micronets.design.train import load_result

    trained = replace(load_result(context.run / TRAIN_FOLDER), input_settings=context.input_settings)
    export(trained, context.run / MODEL, context.data)
    return (MODEL,)


EXPORT = Stage("export", "export", _inputs, _export, (MODEL,))
