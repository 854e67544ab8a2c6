"""The commands `boards` and `tasks`, which list the known boards and tasks."""

from __future__ import annotations

import dataclasses
import json

import click

from micronets.cli import common
from micronets.errors import SpecError


@click.command(
    cls=common.Command, examples=("micronets boards", "micronets boards --toml NUCLEO-F446RE > my_board.toml")
)
@click.option("--toml", metavar="BOARD", help="Print this board's file, as a starting point for your own.")
@common.as_json
def boards(toml: str | None, as_json: bool) -> None:
    """Lists the boards that micronets knows.

    The option --board also takes the path of a .toml file of your own.
    """
    from micronets.boards.board import board_file, board_names, load_board
    from micronets.terminal import text_table

    if toml is not None:
        if as_json:
            raise SpecError("--toml and --json: give one of them")
        common.echo(board_file(toml), nl=False)
        return
    known = [load_board(name) for name in board_names()]
    if as_json:
        common.echo(json.dumps({"boards": [dataclasses.asdict(b) for b in known]}))
        return
    rows = []
    for b in known:
        line = b.firmware.uart.partition(",")[0] if b.firmware else "-"
        rows.append((b.name, b.core, f"{b.clock_hz / 1e6:g} MHz", f"{b.sram_bytes:,}", f"{b.flash_bytes:,}", line))
    head = ("board", "core", "clock", "SRAM bytes", "flash bytes", "measured over")
    common.echo(text_table(head, rows, numeric=(2, 3, 4)))


@click.command(cls=common.Command, examples=("micronets tasks", "micronets tasks --json"))
@common.as_json
def tasks(as_json: bool) -> None:
    """Lists the tasks that micronets knows, and the search spaces of each.

    In a configuration, FILE.py:NAME names a task or space of your own.
    """
    from micronets.pipeline.config import spaces_of
    from micronets.tasks import TASKS
    from micronets.terminal import text_table

    if as_json:
        common.echo(
            json.dumps(
                {"tasks": [{"name": t.name, "about": t.about, "spaces": spaces_of(t.name)} for t in TASKS.values()]}
            )
        )
        return
    common.echo(
        text_table(
            ("task", "what it learns", "spaces"),
            [(t.name, t.about, ", ".join(spaces_of(t.name))) for t in TASKS.values()],
        )
    )


commands: list[click.Command] = [boards, tasks]
