"""`micronets boards` and `micronets tasks`: what there is."""

from __future__ import annotations

import dataclasses
import json

import click

from micronets.cli import common


@click.command()
@common.as_json
def boards(as_json: bool) -> None:
    """The boards that micronets knows; a configuration may also name a board's own .toml file."""
    from micronets.board import board_names, load_board
    from micronets.report.text import columns

    known = [load_board(name) for name in board_names()]
    if as_json:
        click.echo(json.dumps({"boards": [dataclasses.asdict(b) for b in known]}))
        return
    rows = [(b.name, b.core, f"{b.clock_hz / 1e6:g} MHz", f"{b.sram_bytes:,}", f"{b.flash_bytes:,}") for b in known]
    click.echo(columns(("board", "core", "clock", "SRAM bytes", "flash bytes"), rows, numeric=(2, 3, 4)))


@click.command()
@common.as_json
def tasks(as_json: bool) -> None:
    """The tasks that micronets knows, and the search spaces of each."""
    from micronets.config import SPACES
    from micronets.report.text import columns
    from micronets.tasks import TASKS

    says = {"kws": "keyword spotting: which of a few words was said in one second of sound"}
    if as_json:
        click.echo(json.dumps({"tasks": [{"name": t, "about": says[t], "spaces": SPACES} for t in TASKS]}))
        return
    click.echo(columns(("task", "what it learns", "spaces"), [(t, says[t], ", ".join(SPACES)) for t in TASKS]))


commands: list[click.Command] = [boards, tasks]
