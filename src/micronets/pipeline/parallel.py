"""A run whose searches and trainings are shared by several processes, each with its part of every batch.

Process 0 is the run: it locks the directory, does every stage, writes all files and reports progress. Before a stage
that can be shared, it sends the others the stage's name, the configuration, and the files of earlier stages and
checkpoints. They do the same stage in a temporary directory, which is then discarded, with data that they load
themselves. `design.processes` says how the steps are divided.

`micronets run --processes N` starts the other processes on this machine (`Crew`); they execute this module. Under
`torchrun`, on one machine or several, they exist already, and execute the same command as process 0 (`follow`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Any

from micronets import child_processes
from micronets.errors import MicronetsError, SpecError
from micronets.files import write_atomic
from micronets.pipeline.config import load
from micronets.pipeline.context import RunContext
from micronets.pipeline.directory import CONFIG, SEARCH_FOLDER, TEACHER_FOLDER, TRAIN_FOLDER, RunDir
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.search import SEARCH
from micronets.pipeline.stages.teacher import TEACHER
from micronets.pipeline.stages.train import TRAIN
from micronets.pipeline.toml_config import to_toml

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

DIVIDED: Mapping[str, Stage] = {stage.name: stage for stage in (SEARCH, TEACHER, TRAIN)}
"""The stages that several processes share, by name."""

MOST_PROCESSES = 64
_LONGEST_WAIT = timedelta(days=7)  # the others wait while process 0 does stages alone
_FAILED = "micronets/failed"  # a key of the store, set once process 0 has an error
_ERROR_WAIT = timedelta(seconds=10)  # how long a process waits to learn whether process 0 has the same error
_LOST = "another process of the run ended early; resume the run with --resume, with any number of processes"


@dataclass(frozen=True)
class Order:
    """What process 0 asks the others to do.

    - `stage`: the name of the stage.
    - `config`: the run's configuration as TOML.
    - `files`: the files of earlier stages, and checkpoints of this one, by their names in the run directory.
    """

    stage: str
    config: str
    files: Mapping[str, bytes]


class Crew:
    """The other processes, as process 0 sees them."""

    @contextmanager
    def joins(self, context: RunContext, stage: Stage) -> Iterator[None]:
        """Makes the others do a stage of `DIVIDED` together with the block."""
        from micronets.design import processes

        _ = context.data  # loaded here first, so that only one process fetches archives and caches features
        _broadcast(Order(stage.name, to_toml(context.config), _files_of(context.run)))
        with processes.together():
            yield


@contextmanager
def crew(count: int) -> Iterator[Crew | None]:
    """Yields the other processes, or None if there are none; they end with the block.

    - `count`: total number of processes, of which the missing ones are started here; 0: as many as `torchrun` has
      started, or else this one alone.

    Raises `SpecError` for a bad number, or if the installed torch cannot connect processes, and `ProcessLost` if one of
    the others ends early.
    """
    if not 0 <= count <= MOST_PROCESSES:
        raise SpecError(f"--processes {count}; allowed: 1 to {MOST_PROCESSES}")
    if _started_by_torchrun():
        if count:
            raise SpecError(f"--processes {count}: torchrun has already started the processes; use only one of the two")
        _check_available()
        with _stops_with_the_others(), _connected(None, 0, 0):
            yield Crew()
    elif count > 1:
        _check_available()
        with _started(count) as store, _connected(store, 0, count):
            yield Crew()
    else:
        yield None


def follows() -> bool:
    """Returns whether `torchrun` has started this process to help another one, process 0."""
    return _started_by_torchrun() and os.environ["RANK"] != "0"


def follow(store: Store | None = None, rank: int = 0, count: int = 0) -> int:
    """Does what process 0 asks until nothing is left; returns the exit code, which is 1 if another process has failed.

    Raises its own `MicronetsError` only if process 0 does not raise the same; that one reports it.

    - `store`, `rank`, `count`: the store of process 0, the number of this process, and the number of processes; by
      default as `torchrun` says.
    """
    import torch.distributed as dist

    from micronets.design.processes import ProcessLost

    _check_available()
    try:
        with _connected(store, rank, count):
            try:
                _follow_orders()
            except (ProcessLost, KeyboardInterrupt):
                return 1
            except MicronetsError as e:
                if _leader_failed():
                    return 1
                raise type(e)(f"process {dist.get_rank()}: {e}") from e
    except ProcessLost:
        return 1
    return 0


def _follow_orders() -> None:
    """Does the stages that process 0 asks for, one after the other."""
    from micronets.design import processes

    first: RunContext | None = None
    while True:
        order = _broadcast(None)
        if order is None:
            return
        with TemporaryDirectory(prefix="micronets-") as folder:
            for name, content in order.files.items():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / name).write_bytes(content)
            write_atomic(Path(folder) / CONFIG, order.config)
            config = load(Path(folder) / CONFIG, (), folder)
            context = RunContext(config, RunDir(Path(folder)), lambda _: None)
            if first is None:
                first = context
            else:
                context = replace(context, shared_data=lambda known=first: known.data)  # type: ignore[misc]
            _ = context.data
            with context.threads(), processes.together():
                DIVIDED[order.stage].make(context)


def _broadcast(order: Order | None) -> Order | None:
    """Sends an order of process 0 to all others, and returns it in every process. None: no work is left."""
    from micronets.design import processes

    with processes.together() as group:
        return group.agreed(lambda: order)


def _files_of(run: RunDir) -> dict[str, bytes]:
    """Returns the files of the shared stages, by their names in the run directory."""
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for folder in (SEARCH_FOLDER, TEACHER_FOLDER, TRAIN_FOLDER)
        for path in sorted((run / folder).rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def _started_by_torchrun() -> bool:
    """Returns whether `torchrun` has started this process as one of several."""
    return os.environ.get("WORLD_SIZE", "1") != "1" and "RANK" in os.environ and "MASTER_PORT" in os.environ


def _check_available() -> None:
    """Raises `SpecError` if the installed torch cannot connect processes."""
    import torch.distributed as dist

    if not dist.is_available():
        raise SpecError("the installed torch cannot connect processes; use one process")


@contextmanager
def _connected(store: Store | None, rank: int, count: int) -> Iterator[None]:
    """Connects this process with the others while the block runs; at its end process 0 says that no work is left.

    With GPUs, every process has its own, and they communicate through NCCL; otherwise through gloo.
    """
    import torch
    import torch.distributed as dist

    from micronets.design.processes import ProcessLost

    backend = "gloo"
    if torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", rank)) % torch.cuda.device_count())
    given: dict[str, Any] = {} if store is None else {"store": store, "rank": rank, "world_size": count}
    try:
        dist.init_process_group(backend, timeout=_LONGEST_WAIT, **given)
    except RuntimeError as e:
        raise ProcessLost(_LOST) from e
    try:
        yield
        if dist.get_rank() == 0:
            _broadcast(None)
    except BaseException:
        if dist.get_rank() == 0:
            with suppress(RuntimeError):
                _store().set(_FAILED, "yes")
        raise
    finally:
        dist.destroy_process_group()


def _store() -> Store:
    """Returns the store through which the processes found each other."""
    import torch.distributed as dist

    store: Store = dist.distributed_c10d._get_default_store()
    return store


def _leader_failed() -> bool:
    """Returns, after some seconds at most, whether process 0 has an error too, or has ended."""
    from torch.distributed import DistStoreError

    try:
        _store().wait([_FAILED], _ERROR_WAIT)
    except DistStoreError:
        return False
    except RuntimeError:  # the store has ended with process 0
        return True
    return True


@contextmanager
def _started(count: int) -> Iterator[Store]:
    """Starts the processes 1 to `count` - 1, and waits until they are ready; they end with the block."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    from micronets.design.processes import ProcessLost

    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=_LONGEST_WAIT)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(1, count):
            words = [sys.executable, "-m", "micronets.pipeline.parallel", str(store.port), str(rank), str(count)]
            environment = {**os.environ, "LOCAL_RANK": str(rank)}
            started.append(child_processes.start(words, stdin=subprocess.DEVNULL, stderr=None, environment=environment))
        while not store.check([_ready(rank) for rank in range(1, count)]):
            if any(process.poll() is not None for process in started):
                raise ProcessLost("one of the processes did not start; the lines above say why")
            time.sleep(0.02)
        yield store
    finally:
        for process in started:
            child_processes.stop(process)


def _ready(rank: int) -> str:
    """Returns the key of the store that a process sets when it is about to connect."""
    return f"micronets/ready/{rank}"


@contextmanager
def _stops_with_the_others() -> Iterator[None]:
    """Turns the signal by which `torchrun` ends process 0, after another one has ended, into a one-line error."""
    from micronets.design.processes import ProcessLost

    def stop(number: int, frame: FrameType | None) -> None:
        raise ProcessLost(_LOST)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _main(arguments: Sequence[str]) -> int:
    """Runs a process that process 0 has started on this machine.

    - `arguments`: the port of the store, the number of this process, and the number of processes.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    port, rank, count = map(int, arguments)
    store = TCPStore("127.0.0.1", port, is_master=False, timeout=_LONGEST_WAIT)
    store.set(_ready(rank), "yes")
    try:
        return follow(store, rank, count)
    except MicronetsError as e:
        sys.stderr.write(f"micronets: {e}\n")
        return e.exit_code


if __name__ == "__main__":
    sys.stdout = sys.stderr
    sys.exit(_main(sys.argv[1:]))
