"""`characterize`: random networks of a search space, compiled and measured on a board (MicroNets, Section 4).

Every network is drawn uniformly from its space, given random weights, compiled to C and run on the simulated board, or
on a real one. A finished measurement is a separate file, named by a hash of everything that it depends on. So a killed
run resumes where it stopped, and nothing is measured twice.
"""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from micronets import output_directory
from micronets.boards.board import Board
from micronets.commands import ray_cluster
from micronets.commands.source_hash import source_hash
from micronets.cost.counts import macs, params
from micronets.errors import CheckFailed, DeviceError, DoesNotFit, MicronetsError, SpecError
from micronets.files import digest, read_plain_text, write_atomic
from micronets.ir.arch import Arch
from micronets.ir.space import SearchSpace, derive
from micronets.quantized.random_weights import with_random_weights
from micronets.report.latency_findings import LayerCycles, NetworkFigures, NetworkRecord, network_record
from micronets.runtimes import OUR_C, MeasureOptions, Runtime
from micronets.runtimes.base import is_serial
from micronets.terminal import counted
from micronets.tflite import as_file

CountProgress = Callable[[int, int], None]
"""A function that is called with the number of completed networks and the total."""

RESULTS = ("models.csv", "characterization.html", "findings.json", "latency.toml")
DEVICES = ("sim", "qemu", "serial:PORT")
COLUMNS = (
    "space",
    "hash",
    "macs",
    "ops",
    "params",
    "cycles",
    "latency_ms",
    "energy_mj",
    "power_w",
    "sram_bytes",
    "flash_bytes",
)
_TRIES = 200  # draws without a new network, after which the space counts as used up


@dataclass(frozen=True)
class Drawn:
    """A network of a space: the space's name, the values of its choices, and the network."""

    space: str
    values: Mapping[str, int]
    arch: Arch


def draw(space: SearchSpace, count: int, seed: int) -> list[Drawn]:
    """Draws different networks, every choice uniformly and independently.

    - `space`: the space of the networks.
    - `count`: the number of networks; there are fewer if the space has no more.
    - `seed`: the seed of the draw.

    The first n of a longer draw equal the draw of n, so that a larger sample reuses earlier measurements.
    """
    rng = random.Random(f"{seed} {space.name}")
    found: dict[Arch, Drawn] = {}
    misses = 0
    while len(found) < count and misses < _TRIES:
        values = space.sample(rng)
        arch = derive(space, values)
        misses = misses + 1 if arch in found else 0
        found.setdefault(arch, Drawn(space.name, values, arch))
    return list(found.values())


def measurement_key(arch: Arch, board: Board, toolchain: str, kernels: str) -> str:
    """Returns the name under which a measurement is stored; it changes with each argument.

    - `arch`: the network.
    - `board`: its board.
    - `toolchain`: the name and version of the tools that build the firmware, see `Runtime.toolchain`.
    - `kernels`: a text that changes with everything in this package that the firmware is made from, such as the result
      of `kernel_version`.
    """
    return digest("\n".join((arch.to_json(), repr(board), toolchain, kernels)))


def kernel_version(root: Path | None = None) -> str:
    """Returns a hash of everything that turns a network into firmware and its figures, including its random weights.

    - `root`: the folder of the package; by default that of this installation.
    """
    return _running_version() if root is None else source_hash(__name__, root)


@cache
def _running_version() -> str:
    """Returns the hash of this installation, whose files are read once: a process goes on as it began."""
    return source_hash(__name__)


def measured(
    arch: Arch, board: Board, compiler: str | None = None, device: str = "sim", runtime: Runtime = OUR_C
) -> NetworkFigures:
    """Measures one network with random weights.

    - `arch`: the network.
    - `board`: the board that it runs on, simulated or real.
    - `compiler`: "gcc", "zig", or None for the first that is installed.
    - `device`: see `MeasureOptions`.
    - `runtime`: the runtime that executes it.

    Raises `CheckFailed` if its output differs from the reference's, `DoesNotFit` if it does not fit a real board,
    `DeviceError` for a device that counts no cycles.
    """
    model = with_random_weights(arch)
    options = MeasureOptions(device, compiler, samples=1, patches=runtime.whole_layers, flash=is_serial(device))
    run = runtime.measure(as_file(model, "a random network"), board, options)
    ran = runtime.executed(model)
    steps = ran.steps()
    if not run.bit_exact:
        raise CheckFailed(
            f"a network of {counted(len(steps), 'layers')} computes other bytes than the reference: {arch.to_json()}"
        )
    if run.cycles is None or run.latency_ms is None or run.energy_mj is None:
        raise DeviceError(
            f"device {device}: what answers there counts no cycles of a {board.name}; use that board, or sim"
        )
    layers = tuple(LayerCycles(layer.name, layer.kind, layer.macs, layer.cycles or 0) for layer in run.per_layer)
    return NetworkFigures(
        runtime=runtime.name,
        macs=macs(steps),
        ops=2 * macs(steps),
        params=params(steps),
        cycles=run.cycles,
        core_cycles=run.core_cycles,
        outside_cycles=run.cycles - sum(layer.cycles for layer in layers),
        instructions=run.instructions,
        latency_ms=run.latency_ms,
        energy_mj=run.energy_mj,
        power_w=_known_power_w(board),
        sram_bytes=run.sram_bytes,
        flash_bytes=run.flash_bytes,
        arena_c_bytes=run.arena_c_bytes,
        arena_tflm_used_bytes=run.arena_tflm_used_bytes,
        arena_tflm_cortex_m_bytes=run.arena_tflm_cortex_m_bytes,
        source=run.source,
        arch=ran,
        layers=layers,
    )


def _known_power_w(board: Board) -> float:
    """Returns the board's power in watts while a network runs. Raises `SpecError` if it is unknown."""
    if board.active_power_w is None:
        raise SpecError(f"{board.name}: its power is not known; give active_power_w and its source in its file")
    return board.active_power_w


def characterize(
    drawn: Sequence[Drawn],
    board: Board,
    out: Path,
    *,
    compiler: str | None,
    jobs: int,
    progress: CountProgress,
    device: str = "sim",
    runtime: Runtime = OUR_C,
    ray: str = "",
) -> list[NetworkRecord]:
    """Measures every network of `drawn`, and returns the records in order.

    Results in the folder `models` of `out` are reused. A real board measures one network after another, and those too
    large for it are left out.

    - `drawn`: the networks, from `draw`.
    - `board`: the board on which they run, simulated or real.
    - `out`: the directory of results; its folder `models` holds a file per network.
    - `compiler`: "gcc", "zig", or None for the first one installed.
    - `device`: see `MeasureOptions`.
    - `runtime`: the runtime that executes the networks.
    - `jobs`: number of processes, at least 1; a Ray cluster decides by its processors.
    - `progress`: called with the number of completed networks and the total.
    - `ray`: `local`, or the address of a connected Ray cluster (`ray_cluster.reached`). Its machines measure with their
      own simulators; their compilers must be those of this machine. Empty: processes of this machine.
    """
    if jobs < 1:
        raise SpecError(f"jobs = {jobs}; need at least 1")
    if ray and is_serial(device):
        raise SpecError(f"device '{device}': belongs to this machine; leave out --ray")
    if device == "host":
        raise SpecError(f"device 'host': this machine counts no cycles of a {board.name}; {', '.join(DEVICES)}")
    if board.no_times and not is_serial(device):
        raise SpecError(
            f"device '{device}': {board.no_times}; measure on the board itself (serial:PORT), or take another board"
        )
    _known_power_w(board)
    runtime.check(MeasureOptions(device, compiler))
    serial = is_serial(device)
    toolchain, kernels = runtime.toolchain(board, compiler), kernel_version()
    if device != "sim":
        kernels += "serial" if serial else device
    folder = out / "models"
    output_directory.check_writable(out, dict.fromkeys(RESULTS, ""), keep=True)
    paths = [folder / f"{measurement_key(d.arch, board, toolchain, kernels)}.json" for d in drawn]
    todo = [i for i, path in enumerate(paths) if not _is_measured(path)]
    progress(len(drawn) - len(todo), len(drawn))
    for n, (i, found) in enumerate(
        _measure_all([(drawn[i].arch, board, compiler, device, runtime) for i in todo], 1 if serial else jobs, ray),
        start=1,
    ):
        network, path = drawn[todo[i]], paths[todo[i]]
        progress(len(drawn) - len(todo) + n, len(drawn))
        if isinstance(found, TooLarge):
            write_atomic(path, json.dumps({"too_large": found.reason}) + "\n")
            continue
        record = NetworkRecord(
            **vars(found), space=network.space, hash=path.stem, toolchain=toolchain, values=network.values
        )
        write_atomic(path, json.dumps(record.to_json()) + "\n")
    found_records = [found for found in map(_read, paths) if isinstance(found, NetworkRecord)]
    output_directory.write_files(out, {RESULTS[0]: table(found_records)}, keep=True)
    return found_records


def _is_measured(path: Path) -> bool:
    """Returns whether a file holds a network's result; a missing or damaged one must be made again."""
    try:
        _read(path)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, MicronetsError):
        return False
    return True


def _read(path: Path) -> NetworkRecord | TooLarge:
    """Reads a network's result. Raises the errors by which `_is_measured` recognises a damaged file."""
    table = json.loads(read_plain_text(path))
    return TooLarge(str(table["too_large"])) if "too_large" in table else network_record(table)


@dataclass(frozen=True)
class TooLarge:
    """The result for a network that does not fit a real board; the simulated board has room for all."""

    reason: str


NetworkJob = tuple[Arch, Board, str | None, str, Runtime]


def _measured(job: NetworkJob) -> NetworkFigures | TooLarge:
    try:
        return measured(*job)
    except DoesNotFit as e:
        return TooLarge(str(e))


def _measure_all(jobs: Sequence[NetworkJob], workers: int, ray: str) -> Iterator[tuple[int, NetworkFigures | TooLarge]]:
    if ray and jobs:
        yield from _measure_on_ray(jobs, workers, ray)
        return
    if workers == 1 or len(jobs) < 2:
        yield from ((i, _measured(job)) for i, job in enumerate(jobs))
        return
    # Fresh processes: a fork of a process with threads (the simulator, torch) may hang.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _prepare_worker) as pool:
        try:
            with _interrupts_held():
                futures = {pool.submit(_measured, job): i for i, job in enumerate(jobs)}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _measure_on_ray(
    jobs: Sequence[NetworkJob], workers: int, address: str
) -> Iterator[tuple[int, NetworkFigures | TooLarge]]:
    """Yields what `_measure_all` does; every network is a Ray task that takes one processor."""
    import ray

    with ray_cluster.running(address, workers, "run it again when the machine is less busy, or without --ray"):
        # A failed network is not measured again: its error says what is wrong.
        measure = ray.remote(num_cpus=1, max_retries=0)(_measured_or_error)
        tasks: dict[Any, int] = {measure.remote(job): i for i, job in enumerate(jobs)}
        try:
            while tasks:
                (ready, *_), _ = ray.wait(list(tasks), num_returns=1)
                try:
                    found: NetworkFigures | TooLarge | MicronetsError = ray.get(ready)
                except ray.exceptions.RayError as e:
                    raise MicronetsError(
                        f"a Ray task ended early ({type(e).__name__}); run it again, which measures only what is "
                        "missing"
                    ) from e
                if isinstance(found, MicronetsError):
                    raise found
                yield tasks.pop(ready), found
        finally:
            for task in tasks:
                ray.cancel(task)


def _measured_or_error(job: NetworkJob) -> NetworkFigures | TooLarge | MicronetsError:
    """Measures one network on the machine of a task; errors are returned, as Ray would wrap a raised one."""
    try:
        return _measured(job)
    except MicronetsError as e:
        return e


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Holds Ctrl-C back until the end of the block, if the system can.

    A process started in the block never receives it, not even while it imports modules, before `_prepare_worker`.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start would otherwise unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare_worker() -> None:
    """Makes a worker process leave Ctrl-C to its parent, and end when its parent does, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # a pipe that the system closes at any kind of death
        os._exit(1)


def cores() -> int:
    """Returns the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def table(networks: Sequence[NetworkRecord]) -> str:
    """Writes a row for each network, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(network, name) for name in COLUMNS] for network in networks)
    return text.getvalue()
