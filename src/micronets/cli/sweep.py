"""The command `sweep`: networks for many boards and limits from one supernet."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import click

from micronets.cli import common, interrupts
from micronets.cli.stages import run_options


@click.command(
    cls=common.Command,
    examples=(
        "micronets sweep examples/kws_sweep.toml --dry-run",
        "micronets sweep examples/kws_sweep.toml --set sweep.share=0.2 --out runs/sweep",
        "micronets sweep runs/sweep --resume",
    ),
)
@run_options
@click.option("--resume", is_flag=True, help="Resume the sweep in the directory, if there is one.")
@click.option(
    "--ray",
    default="",
    metavar="local|ADDRESS",
    help="Make the points as tasks of Ray, on this machine or on the cluster at ADDRESS.",
)
@click.option(
    "--dry-run", is_flag=True, help="Run once on a few examples, and estimate what the whole sweep will cost."
)
@common.as_json
def sweep(
    config: Path, out: str | None, overrides: tuple[str, ...], resume: bool, ray: str, dry_run: bool, as_json: bool
) -> None:
    """Makes a network for each of many boards and limits, and shows accuracy against cost.

    CONFIG is a TOML file with a table [sweep], or the directory of a sweep. A supernet is trained once; for each board
    and limit a network is cut out of it, fine-tuned, quantised, verified and measured, in a run directory of its own.
    front.csv and front.html compare them. The exit code is 1 if a network misses a limit of its budget.
    """
    if dry_run:
        _dry_run(config, out, overrides, resume, as_json)
        return
    words = ["micronets", "sweep", str(config), *(["--out", out] if out else [])]
    words += [word for override in overrides for word in ("--set", override)]
    words += ["--ray", ray] if ray else []
    interrupts.set_resume_hint(shlex.join([*words, "--resume"]))

    from micronets.pipeline.sweep import sweep as perform

    found = perform(config, out=out, overrides=overrides, resume=resume, ray=ray, progress=common.ProgressPrinter())
    common.echo(json.dumps(found.to_json()) if as_json else found.text())
    sys.stdout.flush()
    found.check()


def _dry_run(source: Path, out: str | None, overrides: tuple[str, ...], resume: bool, as_json: bool) -> None:
    from micronets.errors import SpecError
    from micronets.pipeline import sweep_dry_run
    from micronets.pipeline.sweep import load

    if resume:
        raise SpecError("--dry-run does not go with --resume: it takes minutes and always begins anew")
    command = shlex.join(["micronets", *sys.argv[1:]])
    found = sweep_dry_run.dry_run(load(source, out, overrides), common.ProgressPrinter(), command)
    common.echo(json.dumps(found.to_json()) if as_json else sweep_dry_run.table(found))
