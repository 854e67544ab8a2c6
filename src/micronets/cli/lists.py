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
    rows = []
    for b in known:
        line = b.firmware.uart.partition(",")[0] if b.firmware else "-"
        rows.append((b.name, b.core, f"{b.clock_hz / 1e6:g} MHz", f"{b.sram_bytes:,}", f"{b.flash_bytes:,}", line))
    head = ("board", "core", "clock", "SRAM bytes", "flash bytes", "measured over")
    click.echo(columns(head, rows, numeric=(2, 3, 4)))


@click.command()
@common.as_json
def tasks(as_json: bool) -> None:
    """The tasks that micronets knows, and the search spaces of each."""
    from micronets.config import spaces_of
    from micronets.report.text import columns
    from micronets.tasks import TASKS

    if as_json:
        click.echo(json.dumps({"tasks": [{"name": t, "about": about, "spaces": spaces_of(t)} for t, about in TASKS.items()]}))
        return
    click.echo(
        columns(("task", "what it learns", "spaces"), [(t, about, ", ".join(spaces_of(t))) for t, about in TASKS.items()])
    )


commands: list[click.Command] = [boards, tasks]
