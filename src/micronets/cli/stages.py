"""`micronets run` and its stages one by one: `search`, `train`, `export`, `report`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from micronets.cli import common

if TYPE_CHECKING:
    from micronets.pipeline.directory import RunDir
    from micronets.pipeline.stages.base import Stage

Command = Callable[..., None]

_ABOUT = {
    "search": "One stage of a run: finds the architecture.",
    "train": "One stage of a run: trains the network that the search chose.",
    "export": "One stage of a run: writes model.tflite.",
    "report": "The last stages of a run: C and its measurement, test, limits, report.",
}
"""What the commands do that do only some stages of a run: those that name the command (`Stage.command`)."""


def _options(function: Command) -> Command:
    for option in (
        click.option(
            "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting: train.epochs=10."
        ),
        click.option("--out", metavar="DIR", help="Run directory; without it, the configuration's."),
        click.argument("config", type=click.Path(path_type=Path), metavar="CONFIG"),
    ):
        function = option(function)
    return function


@click.command()
@_options
@click.option("--resume", is_flag=True, help="Continue the run that the directory holds, if it holds one.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Every stage on a few examples, in OUT-dry-run: errors now, and what the run will cost.",
)
@common.as_json
def run(config: Path, out: str | None, overrides: tuple[str, ...], resume: bool, dry_run: bool, as_json: bool) -> None:
    """Everything: search, train, export, compile and measure, evaluate, report.

    CONFIG is a TOML file, or the directory of a run.
    """
    if dry_run:
        _rehearse(config, out, overrides, resume, as_json)
        return
    _perform("run", config, out, overrides, resume=resume, redo=False, as_json=as_json)


def _rehearse(source: Path, out: str | None, overrides: tuple[str, ...], resume: bool, as_json: bool) -> None:
    import dataclasses

    from micronets.errors import SpecError
    from micronets.pipeline import dry_run
    from micronets.pipeline.perform import load_config

    if resume:
        raise SpecError("--dry-run does not go with --resume: it takes minutes and always begins anew")
    found = dry_run.dry_run(
        load_config(source, out, overrides), common.Progress(), shlex.join(["micronets", *sys.argv[1:]])
    )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found) | {"seconds": found.seconds}))
    else:
        click.echo(dry_run.table(found))


def _stage_command(name: str, about: str) -> click.Command:
    @click.command(name, help=f"{about}\n\nCONFIG is a TOML file, or the directory of a run.")
    @_options
    @click.option("--redo", is_flag=True, help="Do it again, and forget what it and later stages have made.")
    @common.as_json
    def command(config: Path, out: str | None, overrides: tuple[str, ...], redo: bool, as_json: bool) -> None:
        _perform(name, config, out, overrides, resume=True, redo=redo, as_json=as_json)

    return command


commands: list[click.Command] = [run, *(_stage_command(name, about) for name, about in _ABOUT.items())]


def _perform(
    name: str,
    source: Path,
    out: str | None,
    overrides: tuple[str, ...],
    *,
    resume: bool,
    redo: bool,
    as_json: bool,
) -> None:
    words = [
        "micronets",
        name,
        str(source),
        *(["--out", out] if out else []),
        *(w for o in overrides for w in ("--set", o)),
    ]
    common.set_resume_hint(shlex.join([*words, *(["--resume"] if name == "run" else [])]))

    from micronets.pipeline.context import opened
    from micronets.pipeline.perform import STAGES, discard, load_config, perform
    from micronets.pipeline.toml_config import to_toml

    config = load_config(source, out, overrides)
    stages = STAGES if name == "run" else tuple(stage for stage in STAGES if stage.command == name)
    with opened(config, resume=resume, progress=common.Progress(), command=shlex.join(words)) as context:
        click.echo("\n".join(f"# {row}".rstrip() for row in to_toml(context.config).splitlines()), err=True)
        if redo:
            discard(context, stages[0])
        for stage in stages:
            if not perform(context, stage) and stage.name == stage.command:
                click.echo(f"{stage.name:<8}  done before", err=True)
        if stages[-1] is STAGES[-1]:
            _print_verdict(context.run, as_json)
        else:
            _print_files(context.run, stages, as_json)


def _print_files(run: RunDir, stages: Sequence[Stage], as_json: bool) -> None:
    from micronets.pipeline import directory

    paths = [str(run / name) for name in directory.check_outputs(run, *stages)]
    click.echo(json.dumps({"out": str(run.path), "files": paths}) if as_json else "\n".join(paths))


def _print_verdict(directory: RunDir, as_json: bool) -> None:
    from micronets.pipeline.perform import Run
    from micronets.pipeline.stages import report

    run = Run(directory.path, report.read(directory))
    click.echo(json.dumps(run.to_json()) if as_json else run.text())
    sys.stdout.flush()
    run.facts.check()
