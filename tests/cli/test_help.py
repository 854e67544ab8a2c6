"""The help of every command: whole sentences, and examples whose commands and options exist."""

import inspect
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from micronets.boards.board import load_board
from micronets.cli import common
from micronets.cli.program import cli
from tests.support.calling import call


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yields every command below a group, with the words by which it is called."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(cli))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_summary_is_one_whole_sentence(path: tuple[str, ...]) -> None:
    summary = ALL[path].get_short_help_str()
    assert summary.endswith(".")
    assert "..." not in summary
    assert summary.count(". ") == 0
    lines = call(*path[:-1], "--help").out.split("Commands:\n")[1]
    assert summary in " ".join(lines.split())


def test_help_is_there_without_docstrings_too() -> None:
    """Python drops docstrings under -OO."""
    for command in (cli, *ALL.values()):
        callback = command.callback
        if callback is not None and callback.__doc__:
            assert common.written_docstring(callback) == inspect.cleandoc(callback.__doc__)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_and_command_of_an_example_exists(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert isinstance(command, (common.Command, common.Group))
    assert 1 <= len(command.examples) <= 3
    shown = call(*path, "--help").out.split("Examples:\n")[1]
    assert [line.strip() for line in shown.splitlines()] == list(command.examples)
    for example in command.examples:
        words = shlex.split(example.partition(" > ")[0])
        assert words[: 1 + len(path)] == ["micronets", *path]
        if "--help" in words or isinstance(command, click.Group):
            continue
        command.make_context(path[-1], words[1 + len(path) :])


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("serch",), "no command 'serch'; did you mean 'search'?"),
        (("data", "gte"), "no command 'gte'; did you mean 'get'?"),
        (("inspect", "x.tflite", "--bord", "F"), "No such option '--bord'. Did you mean '--board'?"),
        (
            ("inspect", "x.tflite", "--board", "nucleo-f446"),
            "unknown board 'nucleo-f446'; did you mean 'NUCLEO-F446RE'?",
        ),
        (("evaluate", "x.tflite", "--task", "KWZ"), "unknown task 'KWZ'; did you mean 'kws'?"),
        (
            ("characterize", "--space", "dscn", "--board", "NUCLEO-F446RE"),
            "unknown space 'dscn'; did you mean 'dscnn'?",
        ),
    ],
    ids=" ".join,
)
def test_a_wrong_name_is_answered_with_the_nearest_right_one(words: tuple[str, ...], hint: str) -> None:
    result = call(*words)
    assert result.code == 2
    assert hint in result.error


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (("ev",), ["evaluate"]),
        (("inspect", "m.tflite", "--bo"), ["--board"]),
        (("measure", "m.tflite", "--board", "nucleo-f7"), ["NUCLEO-F746ZG", "NUCLEO-F767ZI"]),
        (("measure", "m.tflite", "--board", "Rasp"), ["Raspberry-Pi-Pico", "Raspberry-Pi-Pico-2"]),
    ],
)
def test_shells_complete_commands_options_and_boards(typed: tuple[str, ...], completed: list[str]) -> None:
    words = " ".join(("micronets", *typed))
    given = {"_MICRONETS_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(typed))}
    code = "from micronets.cli import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **given}, capture_output=True, text=True, check=False
    )
    assert found.stdout.split() == [f"plain,{word}" for word in completed], found.stderr
    for name in completed:
        if name.startswith(("NUCLEO", "Rasp")):
            assert load_board(name)
