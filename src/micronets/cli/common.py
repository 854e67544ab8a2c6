"""What the commands share: progress lines, the way to take up an interrupted command."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout and nothing else.")
patches = click.option(
    "--patches",
    default="auto",
    show_default=True,
    metavar="auto|off|smallest|BYTES",
    help="Run layers in bands of rows where the arena would exceed the board's SRAM (auto), as many bytes as given (64K), "
    "never, or for the smallest arena.",
)

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

    def __call__(self, event: dict[str, Any]) -> None:
        if "note" in event:
            click.echo(f"{event['stage']:<8}  {event['note']}", err=True)
            return
        now, done = time.monotonic(), event["step"] >= event["steps"]
        if done or now - self.last >= self.pause:
            self.last = now
            click.echo(line(event), err=True)


def line(event: dict[str, Any]) -> str:
    """`search     step 40/400   10 %  loss 0.532  left 3:20`."""
    from micronets.report.text import duration

    step, steps = event["step"], event["steps"]
    shown = [f"{event['stage']:<8}  step {step:>{len(str(steps))}}/{steps}  {step / steps:>4.0%}"]
    for key, value in event.items():
        if key not in ("stage", "step", "steps", "seconds_left"):
            shown.append(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}")
    if event.get("seconds_left") is not None:
        shown.append(f"left {duration(event['seconds_left'])}")
    return "  ".join(shown)
