"""Doing the stages of a run: each one once, in order, unless its files are there and fit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from micronets.run import directory
from micronets.run.context import Work
from micronets.run.stages import compile, design, evaluate, report

_MAKERS: Mapping[str, tuple[Callable[[Work], Mapping[str, Any]], Callable[[Work], Sequence[str]]]] = {
    "search": (design.search_inputs, design.search),
    "teacher": (design.teacher_inputs, design.teacher),
    "train": (design.train_inputs, design.train),
    "export": (design.export_inputs, design.export),
    "compile": (compile.inputs, compile.deploy),
    "evaluate": (evaluate.inputs, evaluate.evaluate),
    "report": (report.inputs, report.report),
}


def perform(work: Work, stage: str) -> bool:
    """Does one stage, unless its files are there and fit. Returns whether it did anything.

    Raises `FileError` if an earlier stage is not done, `SpecError` if files were made from other inputs.
    """
    inputs, make = _MAKERS[stage]
    if not directory.begin(work.run, stage, inputs(work)):
        return False
    started = time.monotonic()
    try:
        written = make(work)
    except BaseException:  # an interruption too
        directory.give_up(work.run, stage)
        raise
    directory.finish(work.run, stage, written, time.monotonic() - started)
    return True
