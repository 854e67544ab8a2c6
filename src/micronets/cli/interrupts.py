"""Ctrl-C ends a command with one line and the exit code 130, at whatever moment it comes.

Python raises `KeyboardInterrupt` wherever the main thread happens to be. While a command is working, that is right:
each block is left properly, and `micronets.cli.program` reports it. In three cases it is wrong, and the process ends at
once:

- before the command starts and after it has ended, as nothing catches the exception there;
- in the middle of an import, which may take seconds (torch): many modules cannot be half imported, so that other errors
  come of the exception, or it is printed and forgotten;
- in a destructor, a callback or a function that runs at the end of the process, for Python prints a traceback there and
  continues.

A process that ends at once loses nothing: files are written so that it may be killed at any moment.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

EXIT_CODE = 130
_IMPORTING = "<frozen importlib._bootstrap>"
"""The name of the file of Python's own functions that import modules."""


class _State:
    """The state of the command: whether it is `at_work` or has `ended`, and a `hint` that says how to resume it."""

    at_work = False
    ended = False
    hint = "run the command again"


def set_resume_hint(command: str) -> None:
    """Remembers the command line by which the user can continue with the running command after an interruption."""
    from micronets.terminal import printable

    _State.hint = f"resume with: {printable(command)}"


def resume_hint() -> str:
    """Returns a sentence that says what the user can do after an interruption."""
    return _State.hint


def look_after() -> None:
    """Makes Ctrl-C end this process as the top of this file says, unless the caller has it ignored (`nohup`)."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with suppress(ValueError):  # in a thread, as a program that calls the command line may do
            signal.signal(signal.SIGINT, _on_interrupt)
            sys.unraisablehook = _on_unraisable


@contextmanager
def at_work() -> Iterator[None]:
    """Makes Ctrl-C raise `KeyboardInterrupt` in this block, outside imports."""
    _State.at_work, _State.ended = True, False
    try:
        yield
    finally:
        _State.at_work = False


def ended() -> None:
    """Records that the command has ended and reported its result: from now on Ctrl-C prints nothing."""
    _State.ended = True


def _on_interrupt(number: int, frame: FrameType | None) -> None:
    """Ends the process, or raises `KeyboardInterrupt` if it will be caught."""
    if _State.at_work and not _importing(frame):
        raise KeyboardInterrupt
    _end_at_once()


def _importing(frame: FrameType | None) -> bool:
    """Returns whether the code in this frame is part of an import."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            return True
        frame = frame.f_back
    return False


def _on_unraisable(found: sys.UnraisableHookArgs) -> None:
    """Ends the process for an interruption of which Python would print a traceback and go on."""
    if issubclass(found.exc_type, KeyboardInterrupt):
        _end_at_once()
    sys.__unraisablehook__(found)


def _end_at_once() -> None:
    """Ends the process without running exit handlers; reports it if the command has not ended yet."""
    if not _State.ended:
        start = "\n" if os.isatty(2) else ""  # a terminal shows "^C" before it
        with suppress(OSError):
            os.write(2, f"{start}micronets: interrupted; {resume_hint()}\n".encode(errors="backslashreplace"))
    os._exit(EXIT_CODE)
