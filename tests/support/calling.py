"""Calling the command line in this process, and in one of its own."""

import contextlib
import io
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from micronets.cli import main
from tests.support.forked import Forked


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


def start(*words: str | Path, file_bytes: int | None = None) -> Forked:
    """Starts `micronets WORDS` in a process and a process group of its own.

    - `words`: the command and its arguments.
    - `file_bytes`: the size of the largest file that the process can write; None: any.
    """
    return Forked(_main, [str(word) for word in words], file_bytes)


def _main(words: list[str], file_bytes: int | None) -> None:
    """Runs `micronets WORDS` in this process, as `start` says."""
    if file_bytes is not None:
        import resource  # which Windows has not

        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    sys.argv = ["micronets", *words]
    main()
