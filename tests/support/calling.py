"""Calling the command line in this process, and in one of its own."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from micronets.cli import main


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code, its stdout and its stderr."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The error, the last line of stderr, without the name of the program; a traceback fails the test."""
        lines = [line for line in self.err.splitlines() if line and not line.startswith("#")]
        assert len(lines) >= 1, self
        assert "Traceback" not in self.err, self
        assert lines[-1].startswith("micronets: "), self
        return lines[-1].removeprefix("micronets: ")


def call(*words: str | Path) -> Result:
    """Runs `micronets WORDS` in this process, and returns what it left."""
    out, err = io.StringIO(), io.StringIO()
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook  # which the command line takes over
    with (
        mock.patch.object(sys, "argv", ["micronets", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as e:
            code = int(e.code or 0)
        finally:
            signal.signal(signal.SIGINT, handler)
            sys.unraisablehook = hook
    return Result(code, out.getvalue(), err.getvalue())


def start(*words: str | Path, preexec: object = None) -> subprocess.Popen[str]:
    """Starts `micronets WORDS` in a process and a process group of its own, on one thread."""
    return subprocess.Popen(
        [sys.executable, "-m", "micronets.cli", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
        preexec_fn=preexec,  # type: ignore[call-overload]
    )
