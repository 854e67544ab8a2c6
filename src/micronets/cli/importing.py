"""The command `import`, which converts another tool's trained network to an int8 model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, cast

import click

from micronets.cli import common

PATH = click.Path(path_type=Path)


@click.command(
    "import",
    cls=common.Command,
    examples=(
        "micronets import model_float.tflite --calibrate typical_inputs.npy --out model.tflite",
        "micronets import model.onnx --calibrate typical_inputs.npy --out model.tflite",
        "micronets import kws_float.tflite --calibrate my_words --front-end mlperf-mfcc --out model.tflite",
    ),
)
@click.argument("model", type=PATH, metavar="MODEL")
@click.option("--out", required=True, type=PATH, metavar="FILE.tflite", help="File for the int8 model.")
@click.option(
    "--calibrate",
    type=PATH,
    metavar="DATA",
    help="Typical inputs: a .npy [N, ...] in the units that the network takes, a .npz of one, or the data of a task.",
)
@click.option("--task", metavar="TASK", help="The task of DATA, which is also stored in the model.")
@click.option(
    "--front-end", metavar="NAME|FILE.json", help="The front end, from samples to inputs; it is stored in the model."
)
@click.option("--labels", metavar="A,B,...", help="Names of the outputs in order; they are stored in the model.")
@click.option(
    "--split", default="train", show_default=True, help="The part of a task's data from which inputs are taken."
)
@click.option("--examples", default=400, show_default=True, metavar="N", help="Largest number of inputs to use.")
@click.option(
    "--ranges",
    type=click.Choice(["auto", "minmax", "percentile", "mse"]),
    default="auto",
    show_default=True,
    help="How ranges of tensors are found; auto tries all and takes the best on half of the inputs.",
)
@click.option(
    "--equalise",
    type=click.Choice(["auto", "none", "weights", "activations"]),
    default="auto",
    show_default=True,
    help="What to equalise between neighbouring layers: their weights, or the channels between them.",
)
@click.option(
    "--correct-bias/--no-correct-bias", default=None, help="Remove each channel's mean error; default: both are tried."
)
@common.as_json
def import_(
    model: Path,
    out: Path,
    calibrate: Path | None,
    task: str | None,
    front_end: str | None,
    labels: str | None,
    split: str,
    examples: int,
    ranges: str,
    equalise: str,
    correct_bias: bool | None,
    as_json: bool,
) -> None:
    """Converts a trained float model to an int8 .tflite, by quantisation after training.

    MODEL is a float .tflite or an .onnx. An ONNX model that is already quantised, with QuantizeLinear, keeps its scales
    and needs no DATA. Prints how int8 differs from float: the signal-to-noise ratio of every layer, and the layers with
    the largest loss.
    """
    from micronets.commands.import_model import import_model
    from micronets.importers.calibrate import PtqSettings

    rule = None if ranges == "auto" else cast(Literal["minmax", "percentile", "mse"], ranges)
    kind = None if equalise == "auto" else cast(Literal["none", "weights", "activations"], equalise)
    made = import_model(
        model,
        out,
        calibrate,
        task=task,
        front_end=front_end,
        labels=labels.split(",") if labels else None,
        split=split,
        examples=examples,
        settings=PtqSettings(rule, kind, correct_bias),
        progress=None if as_json else common.ProgressPrinter(),
    )
    report = made.report
    if as_json:
        common.echo(json.dumps({"model": str(out), "report": None if report is None else report.to_json()}))
    else:
        common.echo(report.text() if report is not None else f"{out}: with the scales of the file")


commands: list[click.Command] = [import_]
