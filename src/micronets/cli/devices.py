"""`micronets measure`: a model's C, run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from micronets.cli import common


@click.command()
@click.argument("model", type=click.Path(path_type=Path), metavar="MODEL.tflite")
@click.option("--board", required=True, help="`micronets boards` lists them; or a board's .toml file.")
@click.option(
    "--device", default="sim", show_default=True, help="sim (a simulated Cortex-M), qemu (that and QEMU) or host (here)."
)
@click.option("--compiler", help="gcc (arm-none-eabi-gcc) or zig (pip's ziglang); without it, the first that is there.")
@click.option("--samples", default=5, show_default=True, help="Inputs whose outputs are compared with the reference.")
@click.option("--seed", default=0, show_default=True, help="Of those inputs.")
@common.as_json
def measure(model: Path, board: str, device: str, compiler: str | None, samples: int, seed: int, as_json: bool) -> None:
    """Builds a model's C, runs it, checks every output byte; latency, energy, SRAM, flash, and cycles per layer."""
    from micronets import measurement
    from micronets.board import load_board
    from micronets.errors import CheckFailed

    figures = measurement.measure(model, load_board(board), device, compiler=compiler, samples=samples, seed=seed)
    click.echo(json.dumps(figures) if as_json else measurement.table(figures))
    problems = measurement.problems(figures)
    if problems:
        raise CheckFailed("; ".join(problems))


commands: list[click.Command] = [measure]
