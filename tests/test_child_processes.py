"""Programs that we start never outlive us, whatever ends us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from micronets import child_processes
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D
from micronets.tflite import write
from tests.support.needs import needs_tflm
from tests.support.random_models import random_model

SECONDS = 60  # far more than anything here takes

posix = pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX's")


def alive(process: int) -> bool:
    """Returns whether a process runs; one that has ended and was not waited for still has its number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(processes: list[int]) -> bool:
    """Returns whether all of them end within a few seconds."""
    end = time.monotonic() + SECONDS
    while any(map(alive, processes)):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def starter(words: Sequence[str], *, start_new_session: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Starts a program that starts others and tells their numbers, and kills it at the end if the test has not."""
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=start_new_session
    ) as parent:
        try:
            yield parent
        finally:
            parent.kill()


def test_a_program_gets_its_input_and_says_how_it_ended() -> None:
    program = "import sys; print(sys.stdin.read().upper()); print('no', file=sys.stderr); sys.exit(3)"
    done = child_processes.run([sys.executable, "-c", program], content=b"yes")
    assert (done.stdout, done.stderr, done.returncode) == (b"YES\n", b"no\n", 3)
    nothing = child_processes.run([sys.executable, "-c", "import os; print(os.environ['A'])"], environment={"A": "b"})
    assert (nothing.stdout, nothing.returncode) == (b"b\n", 0)
    with pytest.raises(FileNotFoundError):
        child_processes.run(["/no/such/program"])


@posix
def test_one_that_takes_too_long_is_killed_with_what_it_started() -> None:
    words = ["sh", "-c", "sleep 1000 & echo $$ $!; exec sleep 1000"]
    with child_processes.started(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        processes = [int(word) for word in process.stdout.readline().split()]
        with pytest.raises(subprocess.TimeoutExpired):
            process.communicate(timeout=0.1)
        assert all(map(alive, processes))
    assert gone(processes)


STARTS_SOME = """
import subprocess, sys, time
from micronets import child_processes
words = ["sh", "-c", "sleep 1000 & echo $$ $!; exec sleep 1000"]
for _ in range(2):
    child_processes.run(["true"])
    process = child_processes.start(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(process.stdout.readline().decode().strip(), flush=True)
time.sleep(1000)
"""


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV])
@pytest.mark.parametrize("group", [True, False])
def test_nothing_is_left_of_a_process_that_is_killed(number: signal.Signals, group: bool) -> None:
    words = [sys.executable, "-c", STARTS_SOME]
    with starter(words, start_new_session=True) as parent:
        assert parent.stdout is not None
        processes = [int(word) for _ in range(2) for word in parent.stdout.readline().split()]
        assert len(processes) == 4
        assert all(map(alive, processes))
        (os.killpg if group else os.kill)(parent.pid, number)
        parent.wait(SECONDS)
        assert gone(processes)


SHOWS = "import signal as s; print([s.getsignal(n) is s.SIG_IGN for n in (s.SIGINT, s.SIGHUP)])"


@posix
@pytest.mark.parametrize(("before", "ignored"), [("", True), ("signals.reach_children(); ", False)])
def test_tests_in_the_background_start_programs_that_signals_end(before: str, ignored: bool) -> None:
    program = (
        f"import subprocess, sys; from tests.support import signals; {before}"
        "subprocess.run([sys.executable, '-c', sys.argv[1]])"
    )
    words = ["sh", "-c", 'trap "" INT HUP; exec "$@"', "sh", sys.executable, "-c", program, SHOWS]
    root = Path(__file__).parents[1]
    done = subprocess.run(words, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=root)
    assert (done.stdout, done.stderr) == (f"[{ignored}, {ignored}]\n", "")


ENDS = "import sys; from micronets import child_processes as c; print(c.run([sys.executable, '-c', 'print(1)']).stdout)"


def test_an_ordinary_end_is_quick_and_silent() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENDS], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("b'1\\n'\n", "", 0)


@needs_tflm
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killing_evaluate_leaves_no_worker(tmp_path: Path, number: signal.Signals) -> None:
    """The worker is killed in the middle of an answer that would take it a minute."""
    model = tmp_path / "model.tflite"
    slow = Conv2D(name="slow", inputs=(INPUT,), filters=64, kernel=(3, 3))
    model.write_bytes(write(random_model(Arch((64, 64, 8), (slow,)), 5)))
    program = (
        "import sys, threading, time; import numpy as np\n"
        "from micronets import tflite; from micronets.device.tflm import interpreter\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "x = np.zeros((1, *tflite.read(data).arch.input_shape), np.int8)\n"
        "interpreter.run(data, x, 1 << 24)\n"
        "print(*[w.process.pid for w in interpreter._workers], flush=True)\n"
        "x = np.repeat(x, 2000, 0)\n"
        "threading.Timer(0.5, lambda: print('at work', flush=True)).start()\n"
        "while True: interpreter.run(data, x, 1 << 24)\n"
    )
    words = [sys.executable, "-c", program, str(model)]
    with starter(words) as parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert workers
        assert parent.stdout.readline() == "at work\n"
        parent.send_signal(number)
        parent.wait(SECONDS)
        begun = time.monotonic()
        assert gone(workers)
        assert time.monotonic() - begun < 5


POOL = """
import multiprocessing, os, time
from concurrent.futures import ProcessPoolExecutor
from micronets.commands.characterize import _prepare_worker

if __name__ == "__main__":
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), _prepare_worker) as pool:
        print(*{pool.submit(os.getpid).result() for _ in range(20)}, flush=True)
        list(pool.map(time.sleep, [1000, 1000]))
"""


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_of_a_characterization_end_with_it(tmp_path: Path, number: signal.Signals) -> None:
    program = tmp_path / "pool.py"
    program.write_text(POOL)
    words = [sys.executable, str(program)]
    with starter(words) as parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert workers
        time.sleep(0.1)
        parent.send_signal(number)
        parent.wait(SECONDS)
        assert gone(workers)
