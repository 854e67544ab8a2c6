"""Doing the stages of a run: each one once, in order, unless its files are there and fit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from micronets import deployment, rundir, stages, verdict
from micronets.report import facts
from micronets.work import Work

_MAKERS: Mapping[str, tuple[Callable[[Work], Mapping[str, Any]], Callable[[Work], Sequence[str]]]] = {
    "search": (stages.search_inputs, stages.search),
    "teacher": (stages.teacher_inputs, stages.teacher),
    "train": (stages.train_inputs, stages.train),
    "export": (stages.export_inputs, stages.export),
    "compile": (deployment.inputs, deployment.deploy),
    "evaluate": (verdict.inputs, verdict.evaluate),
    "report": (facts.inputs, facts.report),
}


def perform(work: Work, stage: str) -> bool:
    """Does one stage, unless its files are there and fit. Returns whether it did anything.

    Raises `FileError` if an earlier stage is not done, `SpecError` if files were made from other inputs.
    """
    inputs, make = _MAKERS[stage]
    if not rundir.begin(work.run, stage, inputs(work)):
        return False
    started = time.monotonic()
    try:
        written = make(work)
    except BaseException:  # an interruption too
        rundir.give_up(work.run, stage)
        raise
    rundir.finish(work.run, stage, written, time.monotonic() - started)
    return True
