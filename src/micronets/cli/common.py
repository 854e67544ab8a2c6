"""Parts that all commands share: the form of their help, common options, and lines of progress."""

from __future__ import annotations

import ast
import inspect
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from micronets.errors import SpecError, did_you_mean
from micronets.progress import Event, NoteEvent, StepEvent
from micronets.terminal import printable

if TYPE_CHECKING:
    from micronets.boards.board import Board
    from micronets.runtimes import Runtime

CommandFunction = Callable[..., Any]


class Command(click.Command):
    """A command whose help ends with examples, and whose summary is never truncated.

    - `examples`: command lines that work as they stand, or with a user's own files.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.help and self.callback and sys.flags.optimize:  # under -OO Python drops docstrings
            self.help = written_docstring(self.callback)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses the arguments. Raises `UsageError` for an empty one, such as an unset shell variable: no option
        accepts it, and an empty path would be the current directory.
        """
        if not ctx.resilient_parsing:
            given = self.make_parser(ctx).parse_args(list(args))[0]
            for param in self.get_params(ctx):
                value = given.get(param.name)
                if isinstance(value, str) and not value.strip():
                    name = param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
                    raise click.UsageError(f"{name}: is empty (is a variable of your shell not set?)", ctx)
        return super().parse_args(ctx, args)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Returns the first paragraph of the help, whole, whatever the `limit` is."""
        return _first_paragraph(self)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples."""
        _write_examples(self.examples, formatter)


class Group(click.Group):
    """A command with subcommands and the same form of help; the error for an unknown name suggests the nearest one."""

    command_class = Command

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.help and self.callback and sys.flags.optimize:  # under -OO Python drops docstrings
            self.help = written_docstring(self.callback)
        self.examples = tuple(examples)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the arguments begin with. Raises `SpecError` for an unknown name."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise SpecError(f"no command '{args[0]}'; {did_you_mean(args[0], self.commands)}")
        return super().resolve_command(ctx, args)

    def get_short_help_str(self, limit: int = 45) -> str:
        """Returns the first paragraph of the help, whole, whatever the `limit` is."""
        return _first_paragraph(self)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples."""
        _write_examples(self.examples, formatter)


def written_docstring(function: CommandFunction) -> str | None:
    """Returns the docstring in the source of a function; None if there is no source, or no docstring."""
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    except OSError:
        return None
    definition = ast.parse(source).body[0]
    return ast.get_docstring(definition) if isinstance(definition, ast.FunctionDef) else None


def _first_paragraph(command: click.Command) -> str:
    return " ".join((command.help or "").strip().split("\n\n")[0].split())


def _write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"  {line}\n")


def _complete_board(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Returns the boards whose names begin with the typed text, for shell completion; spaces become dashes."""
    from micronets.boards.board import board_names

    names = [name.replace(" ", "-") for name in board_names()]
    return [name for name in names if name.lower().startswith(incomplete.lower())]


board = click.option(
    "--board",
    required=True,
    metavar="BOARD",
    help="A name that `micronets boards` lists, or a .toml file of your own.",
    shell_complete=_complete_board,
)
compiler = click.option(
    "--compiler",
    metavar="gcc|zig",
    help="gcc (arm-none-eabi-gcc) or zig (from pip's ziglang); default: the first that is installed.",
)


_CLEAR = "\r\x1b[K"  # back to the start of the line, and erases it (ECMA-48, 8.3.41)


class _LiveLine:
    """Whether the last line on the terminal is a progress line that the next one will replace."""

    shown = False


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Prints text to stdout or stderr, with characters that a terminal would obey escaped.

    All output of the commands goes through here, as text from models, data and files may hold such characters. It
    replaces an unfinished progress line (`ProgressPrinter`).
    """
    if _LiveLine.shown:
        click.echo(_CLEAR, err=True, nl=False)
        _LiveLine.shown = False
    click.echo(printable(text), err=err, nl=nl)


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object to stdout, and nothing else.")
patches = click.option(
    "--patches",
    default="auto",
    show_default=True,
    metavar="auto|off|smallest|BYTES",
    help="When layers run together in patches of a few rows, which makes the arena smaller: if it would exceed the "
    "board's SRAM (auto), never (off), as far as it helps (smallest), or if it would exceed a size such as 64K.",
)
front_end_option = click.option(
    "--front-end",
    metavar="micro|micro-20ms",
    help="For a third-party model without a front end: TFLM's own, with a frame every 10 ms (microWakeWord) or 20 ms "
    "(micro_speech).",
)
camera = click.option(
    "--camera",
    default="",
    metavar="WxH:PIXELS",
    help="The camera's frames, for an image model, such as 160x120:rgb565; its front end then starts from them; pixels "
    "are rgb888, rgb565 (high byte first), rgb565le, yuv422 or gray; default: those that the model was made for.",
)
classes = click.option(
    "--classes",
    metavar="A,B,...",
    help="With --front-end: names of the outputs in order; default: those in the model, or for a single output the "
    "file's name.",
)


optimise_option = click.option(
    "--optimise",
    default="size",
    show_default=True,
    metavar="fastest|speed|balanced|size",
    help="The goal by which kernels are chosen: the fewest cycles, with weights in SRAM (fastest) or in flash "
    "(speed), a balance of cycles and flash (balanced), or the least memory (size). The board's memory limits all "
    "four.",
)


class _RuntimeOption(click.Option):
    """The option `--runtime`, whose help names every runtime; they are looked up only when the help is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from micronets.runtimes import RUNTIMES

        names = " or ".join(f"{runtime.name} ({runtime.about})" for runtime in RUNTIMES.values())
        self.help = f"What runs the model on the board: {names}."
        return super().get_help_record(ctx)


runtime_name = click.option("--runtime", cls=_RuntimeOption, default="c", show_default=True, metavar="RUNTIME")
_TFLM = click.option(
    "--tflm",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --runtime tflm: a checkout of TFLM whose library is built for the board's core.",
)
_LIBRARY = click.option(
    "--tflm-library",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With --runtime tflm: the library file, if it is not in DIR/gen.",
)


def runtime(command: CommandFunction) -> CommandFunction:
    """Gives a command the options `--runtime`, `--tflm` and `--tflm-library`."""
    return runtime_name(_TFLM(_LIBRARY(command)))


def find_runtime(name: str, tflm: Path | None, library: Path | None, board: Board) -> Runtime:
    """Finds the runtime that the options of `runtime` name, built for the core of a board.

    - `name`: its name, such as "c".
    - `tflm`, `library`: values of `--tflm` and `--tflm-library`.
    - `board`: the board that models will run on.

    Raises `SpecError` for an unknown name, and what `Runtime.built` raises.
    """
    from micronets.runtimes import runtime_named

    return runtime_named(name).built(tflm, library, board)


class ProgressPrinter:
    """Prints the progress of a stage to stderr: a line that is rewritten on a terminal, and lines elsewhere.

    Elsewhere there is a line every few seconds. The last line of a stage always stays.

    - `seconds`: the least time between two lines; without it, 1 s on a terminal and 5 s elsewhere.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.live = sys.stderr.isatty() and os.environ.get("TERM", "") != "dumb"
        self.pause = (1.0 if self.live else 5.0) if seconds is None else seconds
        self.last = float("-inf")

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        match event:
            case NoteEvent():
                echo(str(event), err=True)
            case StepEvent() if event.step >= event.steps or now - self.last >= self.pause:
                self.last = now
                text = str(event)
                if not self.live or event.step >= event.steps:
                    echo(text, err=True)
                    return
                text = printable(text)[: shutil.get_terminal_size().columns - 1]  # a second line could not be erased
                click.echo(f"{_CLEAR}{text}", err=True, nl=False)
                _LiveLine.shown = True
