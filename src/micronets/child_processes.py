"""Starts other programs (compilers, QEMU, TFLM, espeak), which end when this process does, however it ends.

Python's own clean-up runs at an ordinary end and after Ctrl-C, but not when a process is killed. So a warden, a small
process in a separate session, holds the other end of a pipe. It is told which programs were started and which have
ended. When the pipe closes, which happens however this process ends, the warden kills the programs that are left. Each
program leads its own process group, and the whole group is killed, with the programs that it has started itself.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

_POSIX = os.name == "posix"

_WARDEN = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""

_WARDEN_ENDS_S = 10.0  # seconds to wait for the warden; at an ordinary end it has nothing to do
_lock = threading.Lock()
_wardens: dict[int, subprocess.Popen[bytes]] = {}
"""The warden of this process, by process number, since a fork starts its own."""
_running: set[subprocess.Popen[bytes]] = set()
"""The programs that this process has started and not stopped."""


def run(
    words: Sequence[str],
    *,
    timeout_s: float | None = None,
    content: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs a program to its end and returns its exit code, stdout and stderr.

    - `words`: the program and its arguments.
    - `timeout_s`: seconds after which it is killed; None waits as long as it takes.
    - `content`: what it reads from its stdin; None gives it nothing to read.
    - `environment`: all of its environment variables; None: those of this process.

    Raises `OSError` if it cannot be started, and `subprocess.TimeoutExpired` if it takes longer than `timeout_s`.
    """
    stdin = subprocess.DEVNULL if content is None else subprocess.PIPE
    with started(words, stdin=stdin, stderr=subprocess.PIPE, environment=environment) as process:
        out, err = process.communicate(content, timeout_s)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


@contextmanager
def started(
    words: Sequence[str], *, stdin: int, stderr: int | IO[bytes], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a program as `start` does, with the same arguments, and kills it at the end of the block."""
    process = start(words, stdin=stdin, stderr=stderr, environment=environment)
    try:
        yield process
    finally:
        stop(process)


def start(
    words: Sequence[str], *, stdin: int, stderr: int | IO[bytes] | None, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Starts a program, which runs until `stop` or the end of this process; its stdout is a pipe.

    - `words`: the program and its arguments.
    - `stdin`: `subprocess.PIPE` or `subprocess.DEVNULL`.
    - `stderr`: the same, or an open file; None: that of this process.
    - `environment`: all of its environment variables; None: those of this process.

    Raises `OSError` if it cannot be started.
    """
    process = subprocess.Popen(
        words,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=None if environment is None else dict(environment),
        process_group=0 if _POSIX else None,
    )
    _running.add(process)
    try:
        _tell_warden(f"+{process.pid}\n")
    except BaseException:
        stop(process)
        raise
    return process


@contextmanager
def killed_when_interrupted() -> Iterator[None]:
    """Kills all programs if the block is interrupted (Ctrl-C), so that threads that wait for one return at once."""
    try:
        yield
    except BaseException as e:
        if not isinstance(e, Exception):
            for process in list(_running):
                _kill(process)
        raise


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a program and what it has started, if it still runs."""
    if process.returncode is not None:  # it has ended, and another process may have its number by now
        return
    if _POSIX:
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses if it has just ended
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def stop(process: subprocess.Popen[bytes]) -> None:
    """Kills a program and what it has started, if it still runs, and closes its pipes."""
    _kill(process)
    _running.discard(process)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()
    _tell_warden(f"-{process.pid}\n")


@atexit.register
def _dismiss_warden() -> None:
    """Makes the warden kill what is left and end, at the end of this process, and waits for it."""
    warden = _wardens.pop(os.getpid(), None)
    if warden is not None and warden.stdin is not None:
        with suppress(OSError, subprocess.TimeoutExpired):
            warden.stdin.close()
            warden.wait(_WARDEN_ENDS_S)


def _tell_warden(line: str) -> None:
    """Tells the warden that a process group began ("+NUMBER") or ended ("-NUMBER"), and starts it if necessary."""
    if not _POSIX:
        return
    with _lock:
        warden = _wardens.get(os.getpid())
        if warden is None or warden.poll() is not None:
            if line[0] == "-":
                return
            warden = _wardens[os.getpid()] = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WARDEN],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        assert warden.stdin is not None
        with suppress(OSError):  # somebody has killed the warden; the next started program gets a new one
            warden.stdin.write(line.encode())
            warden.stdin.flush()
