"""`characterize`: random networks of a search space, compiled and measured on a board (MicroNets, Section 4).

Every network is drawn uniformly from its space, given random weights (`untrained`), compiled to C and run on the simulated
board. A finished measurement is a file of its own, named by a hash of everything it depends on, so a run that was killed
goes on where it stopped, and nothing is measured twice.
"""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from micronets import reference
from micronets.arch import Arch
from micronets.arena import arena_tflm_bytes
from micronets.board import Board
from micronets.compiler import compile_model
from micronets.counts import macs, params, step_macs
from micronets.device import build, sim
from micronets.device.build import firmware_files
from micronets.errors import CheckFailed, SpecError
from micronets.files import digest, remove_parts, write_atomic
from micronets.measurement import inputs
from micronets.space import SearchSpace, derive
from micronets.untrained import untrained

Progress = Callable[[int, int], None]
SOURCE = "simulated"
RUNTIME = "c"
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
_TRIES = 200  # draws for one that is new, before the space counts as used up


@dataclass(frozen=True)
class Drawn:
    """A network of a space: the space's name, its values, and the network."""

    space: str
    values: Mapping[str, int]
    arch: Arch


def draw(space: SearchSpace, count: int, seed: int) -> list[Drawn]:
    """`count` different networks, every choice uniform and on its own; fewer where the space has no more.

    The first n of a longer draw are the draw of n: more samples later keep what was measured.
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


def key(arch: Arch, board: Board, toolchain: str, kernels: str) -> str:
    """What a measurement is kept under: it changes with the network, the board, the compilers and our kernels."""
    return digest("\n".join((arch.to_json(), repr(board), toolchain, kernels)))


def kernel_version() -> str:
    """Hash of everything that turns a network into firmware."""
    from importlib.resources import files

    root = files("micronets")
    folders = ("compiler", "compiler/csrc", "device", "device/firmware")
    sources = [f for folder in folders for f in (root / folder).iterdir() if f.is_file() and not f.name.endswith(".pyc")]
    return digest("".join(digest(f.read_bytes()) for f in sorted(sources, key=lambda f: f.name)))


def measured(arch: Arch, board: Board, compiler: str | None = None) -> dict[str, Any]:
    """One network on the simulated board; raises `CheckFailed` where its output differs from the reference's."""
    model = untrained(arch)
    compiled = compile_model(model)
    firmware = build.build(firmware_files(compiled), board, compiler)
    x = inputs(model, 1, 0)
    expected = reference.run(model, x)
    steps = compiled.model.arch.steps()
    run = sim.simulate(firmware.elf, x.reshape(1, -1).view(np.int8), len(steps), expected[0].nbytes, board)
    if run.outputs.tobytes() != expected.tobytes():
        raise CheckFailed(f"a network of {len(steps)} layers computes other bytes than the reference: {arch.to_json()}")
    seconds = run.cycles / board.clock_hz
    return {
        "macs": macs(steps),
        "ops": 2 * macs(steps),
        "params": params(steps),
        "cycles": run.cycles,
        "core_cycles": run.core_cycles,
        "outside_cycles": run.on_board(run.outside),
        "instructions": run.instructions,
        "latency_ms": 1e3 * seconds,
        "energy_mj": 1e3 * seconds * board.active_power_w,
        "power_w": board.active_power_w,
        "sram_bytes": run.sram_bytes,
        "flash_bytes": run.image.flash_bytes,
        "arena_bytes": compiled.arena_bytes,
        "arena_tflm_bytes": arena_tflm_bytes(arch, 4),
        "arch": json.loads(compiled.model.arch.to_json()),
        "layers": [
            {"name": s.layer.name, "kind": type(s.layer).__name__, "macs": step_macs(s), "cycles": run.on_board(t)}
            for s, t in zip(steps, run.layers, strict=True)
        ],
    }


def characterize(
    drawn: Sequence[Drawn], board: Board, out: Path, *, compiler: str | None, jobs: int, progress: Progress
) -> list[dict[str, Any]]:
    """Every network of `drawn` measured, in order; what `out`/models holds already is read, not measured.

    jobs: processes at work. progress: told how many of how many are done.
    """
    if jobs < 1:
        raise SpecError(f"jobs = {jobs}; need at least 1")
    toolchain, kernels = build.compiler(board, compiler).name, kernel_version()
    folder = out / "models"
    remove_parts(out)
    paths = [folder / f"{key(d.arch, board, toolchain, kernels)}.json" for d in drawn]
    todo = [i for i, path in enumerate(paths) if not path.is_file()]
    progress(len(drawn) - len(todo), len(drawn))
    for n, (i, found) in enumerate(_measure_all([(drawn[i].arch, board, compiler) for i in todo], jobs), start=1):
        at = todo[i]
        record = {"space": drawn[at].space, "hash": paths[at].stem, "toolchain": toolchain, "source": SOURCE, **found}
        write_atomic(paths[at], json.dumps({**record, "values": drawn[at].values}) + "\n")
        progress(len(drawn) - len(todo) + n, len(drawn))
    records = [json.loads(path.read_text("utf-8")) for path in paths]
    write_atomic(out / "models.csv", table(records))
    return records


def _measure_all(jobs: Sequence[tuple[Arch, Board, str | None]], workers: int) -> Iterator[tuple[int, dict[str, Any]]]:
    if workers == 1 or len(jobs) < 2:
        yield from ((i, measured(*job)) for i, job in enumerate(jobs))
        return
    # Fresh processes: a fork of one that has threads (the simulator, torch) may hang.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _quiet) as pool:
        futures = {pool.submit(measured, *job): i for i, job in enumerate(jobs)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _quiet() -> None:
    """A worker leaves Ctrl-C to its parent."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """A row for each network as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
