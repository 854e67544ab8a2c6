"""The command `run`, and those of its stages: `search`, `train`, `export` and `report`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from micronets.cli import common, interrupts

if TYPE_CHECKING:
    from micronets.pipeline.directory import RunDir
    from micronets.pipeline.stages.base import Stage

_SUMMARIES = {
    "search": "Runs the first stage of a run: finds an architecture that fits.",
    "train": "Runs the training stage of a run: trains the network that the search found.",
    "export": "Runs the export stage of a run: writes model.tflite.",
    "report": "Runs the last stages of a run, from compilation to the report.",
}
"""Summaries of the commands that run only some stages, by name: the stages that name the command
(`Stage.command`)."""


_REDONE = {"train": ("train", "teacher")}
"""The sections of a configuration that may change when a command repeats its stages (`--redo`)."""


processes_option = click.option(
    "--processes",
    type=int,
    default=0,
    metavar="N",
    help="Search and train in N processes on this machine, each of which computes a part of every batch; default: one "
    "process, or those that torchrun has started.",
)


def run_options(function: common.CommandFunction) -> common.CommandFunction:
    """Gives a command the argument CONFIG and the options `--out` and `--set`."""
    for option in (
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a setting, such as train.epochs=10; may be given several times.",
        ),
        click.option("--out", metavar="DIR", help="The run directory; default: the one that CONFIG names."),
        click.argument("config", type=click.Path(path_type=Path), metavar="CONFIG"),
    ):
        function = option(function)
    return function


@click.command(
    cls=common.Command,
    examples=(
        "micronets run examples/kws_f446re.toml --dry-run",
        "micronets run examples/kws_f446re.toml --set train.epochs=10 --out runs/kws",
        "micronets run runs/kws --resume",
    ),
)
@run_options
@processes_option
@click.option("--resume", is_flag=True, help="Resume the run in the directory, if there is one.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Run every stage on a few examples, in the directory DIR-dry-run, to find errors and to estimate what the "
    "run will cost.",
)
@common.as_json
def run(
    config: Path,
    out: str | None,
    overrides: tuple[str, ...],
    processes: int,
    resume: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Makes a network: all stages, from the search to the report.

    The stages are search, training, export, compilation and measurement, test, and report. CONFIG is a TOML file, or
    the directory of a run. The exit code is 1 if the finished model misses a limit of its budget.
    """
    if dry_run:
        if processes:
            from micronets.errors import SpecError

            raise SpecError("--dry-run does not go with --processes: it tells what one process takes")
        _dry_run(config, out, overrides, resume, as_json)
        return
    _perform("run", config, out, overrides, processes, resume=resume, redo=False, as_json=as_json)


def _dry_run(source: Path, out: str | None, overrides: tuple[str, ...], resume: bool, as_json: bool) -> None:
    import dataclasses

    from micronets.errors import SpecError
    from micronets.pipeline import dry_run
    from micronets.pipeline.perform import load_config

    if resume:
        raise SpecError("--dry-run does not go with --resume: it takes minutes and always begins anew")
    found = dry_run.dry_run(
        load_config(source, out, overrides), common.ProgressPrinter(), shlex.join(["micronets", *sys.argv[1:]])
    )
    if as_json:
        common.echo(json.dumps(dataclasses.asdict(found) | {"seconds": found.seconds}))
    else:
        common.echo(dry_run.table(found))


def _stage_command(name: str, summary: str) -> click.Command:
    @click.command(
        name,
        cls=common.Command,
        help=f"{summary}\n\nCONFIG is a TOML file, or the directory of a run.",
        examples=(f"micronets {name} examples/kws_f446re.toml", f"micronets {name} runs/kws --redo"),
    )
    @run_options
    @processes_option
    @click.option("--redo", is_flag=True, help="Repeat the stage, and discard what it and later stages have made.")
    @common.as_json
    def command(
        config: Path, out: str | None, overrides: tuple[str, ...], processes: int, redo: bool, as_json: bool
    ) -> None:
        _perform(name, config, out, overrides, processes, resume=True, redo=redo, as_json=as_json)

    return command


commands: list[click.Command] = [run, *(_stage_command(name, summary) for name, summary in _SUMMARIES.items())]


def _perform(
    name: str,
    source: Path,
    out: str | None,
    overrides: tuple[str, ...],
    processes: int = 0,
    *,
    resume: bool,
    redo: bool,
    as_json: bool,
) -> None:
    if processes > 1:  # torch reads this when it is imported
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    words = [
        "micronets",
        name,
        str(source),
        *(["--out", out] if out else []),
        *(w for o in overrides for w in ("--set", o)),
        *(["--processes", str(processes)] if processes else []),
    ]
    interrupts.set_resume_hint(shlex.join([*words, *(["--resume"] if name == "run" else [])]))

    from dataclasses import replace

    from micronets.pipeline import directory, parallel
    from micronets.pipeline.config import is_model
    from micronets.pipeline.context import opened
    from micronets.pipeline.perform import STAGES, discard_from, load_config, perform
    from micronets.pipeline.toml_config import to_toml

    if parallel.follows():
        sys.exit(parallel.follow())
    config = load_config(source, out, overrides)
    commands = {name, "search"} if name == "train" and is_model(config.init) else {name}
    stages = STAGES if name == "run" else tuple(stage for stage in STAGES if stage.command in commands)
    redone = _REDONE.get(name, ()) if redo else ()
    progress, command = common.ProgressPrinter(), shlex.join(words)
    with (
        parallel.crew(processes) as crew,
        opened(config, resume=resume, progress=progress, command=command, redone=redone) as opened_context,
    ):
        context = replace(opened_context, crew=crew)
        common.echo("\n".join(f"# {row}".rstrip() for row in to_toml(context.config).splitlines()), err=True)
        if redo:
            discard_from(context, stages[0])
        directory.check_free(context.run, stages)  # said now, not after hours of training
        for stage in stages:
            if not perform(context, stage) and stage.name == stage.command:
                common.echo(f"{stage.name:<8}  done before", err=True)
        if stages[-1] is STAGES[-1]:
            _print_verdict(context.run, as_json)
        else:
            _print_files(context.run, stages, as_json)


def _print_files(run: RunDir, stages: Sequence[Stage], as_json: bool) -> None:
    from micronets.pipeline import directory

    paths = [str(run / name) for name in directory.check_outputs(run, *stages)]
    common.echo(json.dumps({"out": str(run.path), "files": paths}) if as_json else "\n".join(paths))


def _print_verdict(directory: RunDir, as_json: bool) -> None:
    from micronets.pipeline.perform import Run
    from micronets.pipeline.stages import report

    run = Run(directory.path, report.read_facts(directory))
    common.echo(json.dumps(run.to_json()) if as_json else run.text())
    sys.stdout.flush()
    run.facts.check()
