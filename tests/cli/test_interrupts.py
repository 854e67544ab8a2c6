"""Ctrl-C ends a command with one line at most and the exit code 130, whatever the process does at that moment.

A few lines of Python before the command line send the signal to their own process, at a moment that the test chooses.
"""

import subprocess
import sys

import pytest

IN_AN_IMPORT = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "{0}":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
"""
IN_A_DESTRUCTOR = """
import os, signal
import micronets.terminal
class Interrupting:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(10))
def text_table(*arguments, **settings):
    Interrupting()
    return "the table"
micronets.terminal.text_table = text_table
"""
AT_WORK = IN_A_DESTRUCTOR.replace("    Interrupting()\n", "    os.kill(os.getpid(), signal.SIGINT)\n")
AT_THE_END = """
import atexit, os, signal
atexit.register(os.kill, os.getpid(), signal.SIGINT)
"""
IGNORED = IN_AN_IMPORT.format("click") + "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
INTERRUPTED = "micronets: interrupted; run the command again"


def interrupted(code: str, *words: str) -> tuple[int, str, str]:
    """Runs the command line after these lines; returns its exit code, stdout and stderr."""
    code += "import sys\nfrom micronets.cli import main\nmain()\n"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr.strip()  # at work it begins on a new line, as after "^C"


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("micronets.cli.program", ("tasks",)),
        ("click", ("tasks",)),
        ("micronets.boards.board", ("boards",)),
        ("numpy", ("inspect", "no.tflite", "--board", "NUCLEO-F446RE")),
        ("numpy._core.multiarray", ("inspect", "no.tflite", "--board", "NUCLEO-F446RE")),
    ],
)
def test_in_an_import(module: str, words: tuple[str, ...]) -> None:
    assert interrupted(IN_AN_IMPORT.format(module), *words) == (130, "", INTERRUPTED)


@pytest.mark.parametrize("moment", [AT_WORK, IN_A_DESTRUCTOR])
def test_at_work(moment: str) -> None:
    assert interrupted(moment, "boards") == (130, "", INTERRUPTED)


def test_at_the_end_the_command_has_told_already_how_it_ended() -> None:
    code, out, err = interrupted(AT_THE_END, "boards")
    assert (code, err) == (130, "")
    assert "NUCLEO-F446RE" in out


def test_where_the_caller_ignores_it_so_does_the_command() -> None:
    code, out, err = interrupted(IGNORED, "boards")
    assert (code, err) == (0, "")
    assert "NUCLEO-F446RE" in out


def test_the_package_itself_is_a_command() -> None:
    done = subprocess.run([sys.executable, "-m", "micronets", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("micronets")
