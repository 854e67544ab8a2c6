"""Does the stages of a run in order. A stage whose files exist and fit its inputs is skipped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from micronets.arguments import checked
from micronets.errors import SpecError
from micronets.pipeline import config as configs
from micronets.pipeline import directory
from micronets.pipeline.config import Config
from micronets.pipeline.context import RunContext, opened
from micronets.pipeline.directory import MODEL, RunDir
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.report import EARLIER, REPORT, read_facts
from micronets.pipeline.summary import summary, summary_json
from micronets.progress import Progress
from micronets.records import JsonObject
from micronets.report.facts import Facts

STAGES: tuple[Stage, ...] = (*EARLIER, REPORT)
"""Every stage of a run, in order."""


def perform(context: RunContext, stage: Stage) -> bool:
    """Does one stage, unless its files exist and fit its inputs. Returns whether it did anything.

    Raises `FileError` if an earlier stage is not done, `SpecError` if files were made from other inputs.
    """
    if not directory.begin(context.run, stage, stage.inputs(context)):
        return False
    started = time.monotonic()
    try:
        crew = context.crew if stage.divided else None
        with context.threads(), nullcontext() if crew is None else crew.joins(context, stage):
            written = stage.make(context)
    except BaseException:  # KeyboardInterrupt included
        directory.give_up(context.run, stage)
        raise
    directory.finish(context.run, stage, written, time.monotonic() - started)
    return True


def discard_from(context: RunContext, stage: Stage) -> None:
    """Removes the files of `stage` and of all later stages, so that they are done again."""
    directory.discard(context.run, STAGES[STAGES.index(stage) :])


@dataclass(frozen=True)
class Run:
    """A finished run.

    - `out`: its directory.
    - `facts`: everything that its files say: scores, limits, the network, versions.
    """

    out: Path
    facts: Facts

    @property
    def model(self) -> Path:
        """The path of the model that the run made."""
        return self.out / MODEL

    @property
    def ok(self) -> bool:
        """Returns whether every limit is kept and every check passed; `facts.failure()` names those that did not."""
        return self.facts.ok

    def to_json(self) -> JsonObject:
        """Returns what `micronets run --json` prints."""
        return summary_json(self.facts, RunDir(self.out))

    def text(self) -> str:
        """Returns the text that `micronets run` prints at its end."""
        return summary(self.facts, RunDir(self.out))


def perform_all(context: RunContext) -> Run:
    """Does all stages that are left; it raises the errors of `perform`."""
    directory.check_free(context.run, STAGES)  # better an error now than after hours of training
    for stage in STAGES:
        perform(context, stage)
    return Run(context.run.path, read_facts(context.run))


def load_config(
    source: str | PathLike[str] | Config, out: str | PathLike[str] | None = None, overrides: Sequence[str] = ()
) -> Config:
    """Reads the configuration of a run.

    - `source`: a TOML file, the directory of a run, or a configuration.
    - `out`: the run directory, in place of that of the configuration.
    - `overrides`: settings to change, each as `train.epochs=10`; not for a configuration that is given as a value.

    Raises `FileError`, `SpecError`.
    """
    if isinstance(source, Config):
        if overrides:
            raise SpecError(f"overrides {list(overrides)}: apply to files only; change the configuration itself")
        return source if out is None else replace(source, out=str(out))
    path, where = Path(source), None if out is None else str(out)
    if path.is_dir():
        where, path = where or str(path), path / directory.CONFIG
    return configs.load(path, overrides, where)


@checked
def run(
    config: str | PathLike[str] | Config,
    *,
    out: str | PathLike[str] | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Makes a network in one run directory: searches, trains, exports, compiles and measures, evaluates, reports.

    - `config`, `out`, `overrides`: see `load_config`.
    - `resume`: whether to resume the run that the directory holds, if it holds one.
    - `progress`: receives events that say which stage is in progress, and how far it is.

    A limit that is missed is a result (`Run.ok`), not an error. Raises `SpecError`, `FileError`, `DataError`,
    `BudgetError`, `TrainingError`, and what the stages raise besides.
    """
    loaded = load_config(config, out, overrides)
    given = "config" if isinstance(config, Config) else repr(str(config))
    command = f"micronets.run({given}, out={str(loaded.out)!r})"
    with opened(loaded, resume=resume, progress=progress or (lambda _: None), command=command) as context:
        return perform_all(context)
