"""Runs TensorFlow Lite Micro on this machine: the runtime itself, from pip's `tflite-micro`, in a separate process.

It computes what a board computes, bit for bit. Its arena is that of a 64-bit host: as pointers take 8 bytes, the
persistent part is larger than on a Cortex-M. The code of the other process is `interpreter_worker.py`.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import child_processes
from micronets.errors import DeviceError
from micronets.installation import install
from micronets.quantized.model import InputArrays
from micronets.tflite import read, tensor_names
from micronets.tflite.reader import keeps_state
from micronets.tflite.tflm_limits import unset_values

Array = npt.NDArray[Any]

ARENA_STEP_BYTES = 16
"""The granularity of arena sizes in bytes, to which TFLM aligns both ends."""

_ARENAS = tuple(4**k << 20 for k in range(6))  # 1 MiB to 1 GiB: the sizes of the arena that are tried if none is given
_SAMPLES_PER_PROCESS = 32  # how many samples are worth another process


def available() -> bool:
    """Returns whether `tflite-micro` is installed (it exists for Linux on x86-64 only)."""
    try:
        return importlib.util.find_spec("tflite_micro") is not None
    except (ImportError, ValueError):
        return False


def run(data: bytes, x: InputArrays, arena_bytes: int | None = None) -> npt.NDArray[Any]:
    """Runs a model on several inputs and returns its first output, `[N, *output shape]`.

    - data: the bytes of a `.tflite` file.
    - x: inputs `[N, *input shape]`, of the type that the model takes; for several inputs, an array for each by name, in
      order.
    - arena_bytes: the size of the arena; None for a sufficient one.

    Raises the errors of `outputs`.
    """
    return outputs(data, x, 1, arena_bytes)[0]


def outputs(data: bytes, x: InputArrays, count: int, arena_bytes: int | None = None) -> tuple[npt.NDArray[Any], ...]:
    """Runs a model on several inputs, one after another; many inputs are divided among the processors where nothing is
    kept from one inference to the next.

    - data: the bytes of a `.tflite` file.
    - x: inputs `[N, *input shape]`, of the type that the model takes; for several inputs, an array for each by name, in
      order.
    - count: the number of outputs to return, at most that of the model.
    - arena_bytes: the size of the arena; None for a sufficient one.

    Returns the outputs, each `[N, *output shape]`. Raises `DeviceError` if TFLM is not installed, refuses the
    model, or needs a larger arena.
    """
    given = _check_samples(x)
    size = _sufficient_arena(data) if arena_bytes is None else arena_bytes
    processes = 1 if keeps_state(data) else _processors()
    count_of_parts = max(1, min(processes, len(given[0]) // _SAMPLES_PER_PROCESS))
    parts = zip(*(np.array_split(values, count_of_parts) for values in given), strict=True)
    try:
        found = _parallel([("outputs", data, part, size, count) for part in parts])
        return tuple(np.concatenate(of_parts) for of_parts in zip(*found, strict=True))
    except DeviceError as e:
        if arena_bytes is None or fits(data, arena_bytes):
            raise
        needed = min_arena(data)
        raise DeviceError(f"TFLM: an arena of {arena_bytes} bytes is too small for the model; it needs {needed}") from e


def tensors(data: bytes, x: InputArrays) -> dict[str, npt.NDArray[Any]]:
    """Returns every activation tensor of a model for several inputs.

    - data: the bytes of a `.tflite` file.
    - x: inputs `[N, *input shape]`, of the type that the model takes; for several inputs, an array for each by name, in
      order.

    The tensors are `[N, *shape]`, by the names that `tflite.read` gives them; values that no kernel sets are 0. Raises
    the errors of `outputs` and `tflite.read`.
    """
    indices = tensor_names(data)
    given = _check_samples(x)
    answer = _first_that_fits(lambda size: _parallel([("tensors", data, given, size, list(indices.values()))])[0])
    found = dict(zip(indices, answer, strict=True))
    for name, unset in unset_values(read(data).arch).items():
        found[name] = np.where(unset.reshape(found[name].shape[1:]), 0, found[name]).astype(found[name].dtype)
    return found


def fits(data: bytes, arena_bytes: int, runs: bool = True) -> bool:
    """Returns whether TFLM can set up a model in an arena of this many bytes, and optionally run it there.

    - data: the bytes of a `.tflite` file.
    - arena_bytes: the size of the arena.
    - runs: whether to run one inference too.
    """
    try:
        _parallel([("probe" if runs else "set_up", data, arena_bytes)])
    except DeviceError:
        return False
    return True


def min_arena(data: bytes, predicted: int | None = None) -> int:
    """Returns the bytes of the smallest arena in which a model runs on this 64-bit host, a multiple of 16.

    It is found by bisection. TFLM allocates all memory while it sets up a model, so each step only sets it up, and one
    inference at the end shows that the model also runs in the arena found.

    - data: the bytes of a `.tflite` file.
    - predicted: the expected size in bytes, at which the search starts; None if there is none.

    Raises the `DeviceError` of `outputs`.
    """
    enough = _sufficient_arena(data)
    found = _smallest(enough, predicted, lambda size: fits(data, size, runs=False))
    return found if fits(data, found) else _smallest(enough, None, lambda size: fits(data, size))


def _smallest(enough: int, predicted: int | None, large_enough: Callable[[int], bool]) -> int:
    """Returns the smallest size of an arena in bytes, a multiple of 16, that is large enough.

    - enough: a sufficient size, a multiple of 16.
    - predicted: the expected size, or None.
    - large_enough: returns whether a size is sufficient.
    """

    def fit(steps: int) -> bool:
        return large_enough(steps * ARENA_STEP_BYTES)

    most = enough // ARENA_STEP_BYTES
    low, high = _halved(most, fit) if predicted is None else _around(-(-predicted // ARENA_STEP_BYTES), most, fit)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fit(middle) else (middle, high)
    return high * ARENA_STEP_BYTES


def _halved(most: int, fit: Callable[[int], bool]) -> tuple[int, int]:
    """Returns a number that does not fit and one that does, at most `most`, within a factor of about two."""
    low, high = 0, most
    while high // 2 > low and fit(high // 2):
        high //= 2
    return high // 2, high


def _around(predicted: int, most: int, fit: Callable[[int], bool]) -> tuple[int, int]:
    """Returns a number that does not fit and one that does, at most `most`, found from a prediction.

    The search moves away from the prediction in steps of 1, 2, 4 and so on.
    """
    start, step = min(max(predicted, 1), most), 1
    if start == most or fit(start):
        low, high = start - 1, start
        while low > 0 and fit(low):
            step *= 2
            low, high = max(low - step, 0), low
        return low, high
    low, high = start, start + 1
    while high < most and not fit(high):
        step *= 2
        low, high = high, high + step
    return low, min(high, most)


class _TooSmall(DeviceError):
    """The arena seems too small for the model: TFLM said so, or crashed, as it does in some arenas that are too small.

    - reason: TFLM's message.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"TFLM: the arena is too small for the model, or TFLM cannot run it ({reason}); give a larger arena"
        )
        self.reason = reason


def _check_samples(x: InputArrays) -> tuple[Array, ...]:
    """Returns the arrays of the inputs, in order. Raises `DeviceError` if there are no samples."""
    given = tuple(np.asarray(v) for v in (x.values() if isinstance(x, Mapping) else (x,)))
    for values in given:
        if not values.ndim or not len(values):
            raise DeviceError(f"TFLM: no samples to run in an input of shape {values.shape}")
    return given


def _first_that_fits(attempt: Callable[[int], Any]) -> Any:
    """Returns the result of `attempt` for the first size of an arena, in bytes and growing, that is not too small."""
    for arena_bytes in _ARENAS:
        try:
            return attempt(arena_bytes)
        except _TooSmall as e:
            if arena_bytes == _ARENAS[-1]:
                raise DeviceError(
                    f"TFLM: it cannot run the model, which fails in an arena of {arena_bytes >> 20:,} MiB, too "
                    f"({e.reason})"
                ) from e
    raise AssertionError


def _sufficient_arena(data: bytes) -> int:
    """Returns the bytes of an arena in which the model runs."""

    def attempt(arena_bytes: int) -> int:
        _parallel([("probe", data, arena_bytes)])
        return arena_bytes

    return int(_first_that_fits(attempt))


def _processors() -> int:
    """Returns the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Worker:
    """A process that runs TFLM in forks; it is started by the first request, and again if it has ended."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = os.getpid()
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the worker

    def ask(self, request: tuple[Any, ...]) -> Any:
        """Sends a request and returns the answer.

        - request: the name of a command of `interpreter_worker`, and its arguments.

        Raises `DeviceError` if TFLM refuses or the process ends, and `_TooSmall` if the arena seems to be the reason.
        """
        if self.process is None or self.process.poll() is not None:
            self.start()
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stderr.seek(0)
        self.stderr.truncate()
        try:
            pickle.dump(request, self.process.stdin, protocol=5)
            self.process.stdin.flush()
            status, value = pickle.load(self.process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            code = self.process.wait()
            self.stop()
            status, value = "crashed", f"the process ended with status {code}"
        except BaseException:  # interrupted between question and answer: the pipes no longer match
            self.stop()
            raise
        if status == "ok":
            return value
        raise self.failure(str(value), crashed=status == "crashed")

    def start(self) -> None:
        """Starts the process."""
        # O_APPEND keeps the child's writes at the end of a file that we truncate between requests.
        self.stderr.close()
        self.stderr = tempfile.TemporaryFile("a+b")  # noqa: SIM115
        self.process = child_processes.start(
            [sys.executable, "-m", "micronets.device.tflm.interpreter_worker"],
            stdin=subprocess.PIPE,
            stderr=self.stderr,
            environment=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )

    def stop(self) -> None:
        """Ends the process, if there is one."""
        if self.process is not None:
            child_processes.stop(self.process)
            self.process = None

    def failure(self, value: str, crashed: bool) -> DeviceError:
        """Returns the error for a request that failed.

        - value: the worker's answer, which is used if TFLM wrote nothing to stderr.
        - crashed: whether TFLM ended its process.
        """
        self.stderr.seek(0)
        lines = [line.strip() for line in self.stderr.read().decode(errors="replace").splitlines() if line.strip()]
        if lines and lines[0].startswith("Traceback"):
            lines = lines[-1:]  # the exception itself
        text = lines[0][:200] if lines else value
        signs = (
            "Failed to allocate",
            "Failed to resize",
            "Too many buffers",
            "rena size is too small",
            "!= nullptr was not true",
        )
        if crashed or any(sign in line for sign in signs for line in lines):
            return _TooSmall(text)
        return DeviceError(f"TFLM: {text}")


_workers: list[_Worker] = []
_lock = threading.Lock()


def _parallel(requests: list[tuple[Any, ...]]) -> list[Any]:
    """Returns the answers to requests, which separate workers compute in parallel."""
    if not available():
        raise DeviceError(f"TFLM is not installed: {install('tflm')} (Linux on x86-64 only)")
    with _lock:
        while len(_workers) < len(requests):
            _workers.append(_Worker())
        if len(requests) == 1:
            return [_workers[0].ask(requests[0])]
        with ThreadPoolExecutor(len(requests)) as pool, child_processes.killed_when_interrupted():
            return list(pool.map(lambda w, r: w.ask(r), _workers, requests))


@atexit.register
def _stop_workers() -> None:
    """Ends this process's workers when it exits, but not those of the process from which it was forked."""
    for worker in _workers:
        if worker.owner == os.getpid():
            worker.stop()
