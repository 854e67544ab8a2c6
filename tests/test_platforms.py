"""What only POSIX systems have is not needed to read, cost, compile and evaluate a model.

A process without those modules and names stands for Windows, which no test here runs on.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "zoo/kws_frontier/model.tflite"

WITHOUT = """
import importlib, json, os, pkgutil, signal, sys

for name in ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "crypt", "torch"):
    sys.modules[name] = None
import asyncio, multiprocessing, subprocess, tempfile, threading  # which ask for some of these names when loaded

for name in ("fork", "forkpty", "killpg", "getuid", "geteuid", "getpgid", "setsid", "mkfifo", "chown"):
    vars(os).pop(name, None)
for name in ("SIGKILL", "SIGHUP", "SIGALRM", "setitimer", "SIGPIPE", "SIGCHLD"):
    vars(signal).pop(name, None)
import micronets, micronets.child_processes

micronets.child_processes._POSIX = False
"""

EVERY_MODULE = """
loaded, refused = [], {}
for found in pkgutil.walk_packages(micronets.__path__, "micronets.", onerror=lambda name: None):
    if found.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(found.name)
        loaded.append(found.name)
    except ImportError as e:
        refused[found.name] = str(e)
print(json.dumps([loaded, refused]))
"""


def without(code: str, *arguments: str) -> str:
    """Runs a program in a process that lacks what Windows lacks, and returns what it prints."""
    words = [sys.executable, "-c", WITHOUT + code, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_that_needs_no_torch_is_imported() -> None:
    loaded, refused = json.loads(without(EVERY_MODULE))
    assert {"micronets.cli.models", "micronets.commands.compile", "micronets.commands.evaluate"} <= set(loaded)
    assert {name for name in refused if "torch" not in refused[name]} == set()
    assert len(loaded) > 200


def test_models_are_inspected_and_compiled(tmp_path: Path) -> None:
    command = "from micronets.cli import main; sys.exit(main())"
    told = json.loads(without(command, "inspect", str(MODEL), "--board", "NUCLEO-F446RE", "--json"))
    assert told["arena_c_bytes"] > 0
    without(command, "compile", str(MODEL), "--board", "NUCLEO-F446RE", "--out", str(tmp_path / "c"))
    assert (tmp_path / "c/model.c").stat().st_size > 100_000
