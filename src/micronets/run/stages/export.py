"""The stage `export`: writes the trained network as model.tflite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from micronets import tflite
from micronets.errors import CheckFailed
from micronets.files import write_atomic
from micronets.run import directory
from micronets.run.context import RunContext, settings_for
from micronets.run.directory import MODEL, TRAIN_FOLDER
from micronets.run.stages.base import Stage
from micronets.run.stages.search import SEARCH
from micronets.run.stages.train import TRAIN


def _inputs(context: RunContext) -> dict[str, Any]:
    """The network that the search chose and its trained weights."""
    return {**settings_for(context), **directory.check_outputs(context.run, SEARCH, TRAIN)}


def _export(context: RunContext) -> Sequence[str]:
    """Writes model.tflite. Raises `CheckFailed` if it does not read back as it was written."""
    from micronets.design.export import to_quantized
    from micronets.design.train import load_result

    metadata = context.data.metadata(context.input_settings)
    if context.data.synthetic:
        metadata |= {"micronets.data": context.data.source}
    content = tflite.write(to_quantized(load_result(context.run / TRAIN_FOLDER).net, metadata))
    if tflite.write(tflite.read(content)) != content:
        raise CheckFailed(
            f"{context.run / MODEL}: does not read back as it was written; this is a bug of micronets, please report it"
        )
    write_atomic(context.run / MODEL, content)
    return (MODEL,)


EXPORT = Stage("export", "export", _inputs, _export, (MODEL,))
