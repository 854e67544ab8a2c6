"""Functions called in processes of their own, which begin with what takes long to import.

A server imports torch and the package once, and forks a process for each call. The process is as real as any other: it
has a session, stdout, stderr and an exit code of its own, and can be killed.
"""

import multiprocessing
import os
import re
import runpy
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from tests.support import shared_objects

IMPORTED = ("tests.support.forked", "torch", "torch._dynamo", "micronets.pipeline.perform", "micronets.design.dnas")
"""The modules that the server has imported before it forks; an optimiser of torch imports `torch._dynamo`."""


class Forked:
    """A function that runs in a process and a process group of its own.

    - `pid`: the number of the process, and of its group.
    """

    def __init__(self, function: Callable[..., None], *arguments: object) -> None:
        """Starts the process.

        - `function`: a function of a module; its process ends when it returns, or as `sys.exit` in it says.
        - `arguments`: its arguments, which can be pickled.
        """
        context = _context()
        pipes = [context.Pipe(duplex=False) for _ in range(2)]
        self._ends = [reading for reading, _ in pipes]
        writing = [end for _, end in pipes]
        self._process: ForkServerProcess = context.Process(target=_child, args=(writing, function, arguments))
        self._process.start()
        for end in writing:
            end.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code of the process, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def end(self, seconds: float) -> tuple[str, str]:
        """Waits until the process has ended, at most so many seconds; returns what it has written to stdout and stderr.

        What it writes must fit the pipes of the system, which are 64 KiB, as it is read at the end.
        """
        self._process.join(seconds)
        if self.code is None:
            os.killpg(self.pid, signal.SIGKILL)
            raise AssertionError(f"the process does not end within {seconds} seconds")
        texts = []
        for end in self._ends:
            with os.fdopen(os.dup(end.fileno()), "rb") as stream:
                texts.append(stream.read().decode())
            end.close()
        return texts[0], texts[1]


def quick(text: str) -> str:
    """Returns a program of a page whose searches and trainings have one epoch, with every line in its place."""
    text = re.sub(r"\b((?:qat_)?epochs)=[1-9]\d*", r"\1=1", text)
    searches = re.compile(r"mn\.search\((?:[^()]|\([^()]*\))*(?=\))")  # whose arguments hold calls, but no deeper ones
    one = ", settings=mn.SearchSettings(epochs=1)"
    return searches.sub(lambda found: found[0] + one * ("settings=" not in found[0]), text)


def program(path: Path) -> None:
    """Runs a program as `python FILE` does, in its folder; what the package warns of as deprecated is an error."""
    os.chdir(path.parent)
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    warnings.filterwarnings("error", category=DeprecationWarning, module="micronets")
    runpy.run_path(str(path), run_name="__main__")


@cache
def _context() -> ForkServerContext:
    """Returns what starts the processes; the server begins with the first of them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(IMPORTED))
    return context


def _child(ends: Sequence[Connection], function: Callable[..., None], arguments: Sequence[object]) -> None:
    """Calls the function, in a new session, with the two ends in place of stdout and stderr."""
    os.setsid()
    shared_objects.join()
    for number, end in enumerate(ends, 1):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    function(*arguments)
