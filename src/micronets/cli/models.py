"""`micronets evaluate`, `inspect` and `compile`: what can be done with any model."""

from __future__ import annotations

import json
from pathlib import Path

import click

from micronets.cli import common

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("model", type=PATH, metavar="MODEL.tflite")
@click.option("--task", help="`micronets tasks` lists them; without it, what the model carries, else kws.")
@click.option("--data", type=PATH, help="Data set to test on; without it, synthetic examples.")
@click.option(
    "--test", type=PATH, help="A directory (kws: a folder of WAVs per class) that takes the place of the test split."
)
@click.option(
    "--split", default="test", show_default=True, help="train, val, test, or all (everything in a folder per class)."
)
@click.option(
    "--runtime", default=None, help="tflm (where installed, the default), reference (in numpy) or c (generated)."
)
@click.option("--front-end", help="Front end by name or JSON file; without it, the one that the model carries.")
@click.option("--labels", help="Names of the outputs, separated by commas; without it, those that the model carries.")
@common.as_json
def evaluate(
    model: Path,
    task: str | None,
    data: Path | None,
    test: Path | None,
    split: str,
    runtime: str | None,
    front_end: str | None,
    labels: str | None,
    as_json: bool,
) -> None:
    """How well a model does on a data set: its accuracy, or the AUC of anomaly detection."""
    from micronets.commands import evaluate

    found = evaluate.evaluate(
        model,
        task,
        data,
        test=test,
        split=split,
        runtime=runtime,
        front_end=front_end,
        labels=labels.split(",") if labels else None,
        progress=None if as_json else common.Progress(),
    )
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(json.dumps(found.to_json()) if as_json else found.text())


@click.command()
@click.argument("model", type=PATH, metavar="MODEL.tflite|ARCH.json")
@click.option("--board", required=True, help="`micronets boards` lists them; or a board's .toml file.")
@common.as_json
def inspect(model: Path, board: str, as_json: bool) -> None:
    """What a network costs on a board: a row per layer, and whether it fits. Nothing runs.

    Ends with 1 where it fits neither under TFLM nor as our C.
    """
    from micronets.commands import inspect

    found = inspect.inspect(model, board)
    click.echo(json.dumps(found.to_json()) if as_json else found.text())
    found.check()


@click.command("compile")
@click.argument("model", type=PATH, metavar="MODEL.tflite")
@click.option("--board", required=True, help="`micronets boards` lists them; or a board's .toml file.")
@click.option(
    "--out", required=True, type=PATH, help="Directory for the C: a new one, or one that an earlier compile made."
)
@common.runtime_name
@common.patches
@common.as_json
def compile_(model: Path, board: str, out: Path, runtime: str, patches: str, as_json: bool) -> None:
    """Writes a model as C, with an example and a test vector. Nothing runs."""
    from micronets.commands.compile import compile

    found = compile(model, board, out, runtime, patches)
    click.echo(json.dumps(found.to_json()) if as_json else found.text())


commands: list[click.Command] = [evaluate, inspect, compile_]
