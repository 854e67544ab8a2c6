"""The stages of a run in their order, each done once unless its files are there and fit."""

from __future__ import annotations

import time

from micronets.run import directory
from micronets.run.context import RunContext
from micronets.run.stages.base import Stage
from micronets.run.stages.report import EARLIER, REPORT

STAGES: tuple[Stage, ...] = (*EARLIER, REPORT)
"""Every stage of a run, in the order in which they are done."""


def perform(context: RunContext, stage: Stage) -> bool:
    """Does one stage, unless its files are there and fit. Returns whether it did anything.

    Raises `FileError` if an earlier stage is not done, `SpecError` if files were made from other inputs.
    """
    if not directory.begin(context.run, stage, stage.inputs(context)):
        return False
    started = time.monotonic()
    try:
        with context.threads():
            written = stage.make(context)
    except BaseException:  # an interruption too
        directory.give_up(context.run, stage)
        raise
    directory.finish(context.run, stage, written, time.monotonic() - started)
    return True


def discard(context: RunContext, stage: Stage) -> None:
    """Forgets `stage` and all that come after it, with their files."""
    directory.discard(context.run, STAGES[STAGES.index(stage) :])
