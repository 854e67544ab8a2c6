"""What the commands share: progress lines, the way to take up an interrupted command."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from micronets.boards.board import Board
    from micronets.progress import Event
    from micronets.runtimes import Runtime

Command = Callable[..., Any]

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout and nothing else.")
patches = click.option(
    "--patches",
    default="auto",
    show_default=True,
    metavar="auto|off|smallest|BYTES",
    help="Run layers in patches of a few rows where the arena would exceed the board's SRAM (auto), as many bytes as "
    "given (64K), never, or for the smallest arena.",
)


class _RuntimeOption(click.Option):
    """`--runtime`, whose help names every runtime; they are looked up when the help is asked for."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        from micronets.runtimes import RUNTIMES

        self.help = " or ".join(f"{runtime.name} ({runtime.about})" for runtime in RUNTIMES.values()) + "."
        return super().get_help_record(ctx)


runtime_name = click.option("--runtime", cls=_RuntimeOption, default="c", show_default=True)
_TFLM = click.option(
    "--tflm",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="For tflm: a checkout of TFLM, its library built for the core.",
)
_LIBRARY = click.option(
    "--tflm-library",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="For tflm: that library, where it is not in DIR/gen.",
)


def runtime(command: Command) -> Command:
    """The options of a command that can run models under TFLM."""
    return runtime_name(_TFLM(_LIBRARY(command)))


def find_runtime(name: str, tflm: Path | None, library: Path | None, board: Board) -> Runtime:
    """The runtime by those options. Raises `SpecError`, and what `Runtime.built` raises."""
    from micronets.runtimes import runtime_named

    return runtime_named(name).built(tflm, library, board)


_hint: list[str] = []


def set_resume_hint(command: str) -> None:
    """Remembers the command line that takes up the command that is running."""
    _hint[:] = [command]


def resume_hint() -> str:
    """What to do after an interruption."""
    return f"resume with: {_hint[-1]}" if _hint else "run the command again"


class Progress:
    """Prints the progress of a stage to stderr: at most a line every few seconds, and the last one of each stage."""

    def __init__(self, seconds: float | None = None) -> None:
        self.pause = (1.0 if sys.stderr.isatty() else 5.0) if seconds is None else seconds
        self.last = float("-inf")

    def __call__(self, event: Event) -> None:
        if "note" in event:
            click.echo(f"{event['stage']:<8}  {event['note']}", err=True)
            return
        now, done = time.monotonic(), event["step"] >= event["steps"]
        if done or now - self.last >= self.pause:
            self.last = now
            click.echo(line(event), err=True)


def line(event: Event) -> str:
    """`search     step 40/400   10 %  loss 0.532  left 3:20`."""
    from micronets.terminal import duration

    step, steps = event["step"], event["steps"]
    shown = [f"{event['stage']:<8}  step {step:>{len(str(steps))}}/{steps}  {step / steps:>4.0%}"]
    for key, value in event.items():
        if key not in ("stage", "step", "steps", "seconds_left"):
            shown.append(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}")
    if event.get("seconds_left") is not None:
        shown.append(f"left {duration(event['seconds_left'])}")
    return "  ".join(shown)
