"""Predicted arena, file size and cycles against measured ones; prints the table of docs/arena.md.

Run from the repository: `python -m benchmarks.predictions [SHARED]`, SHARED being the folder with the released models
and the paper's networks (default `../shared`). Needs pip's tflite-micro. About a minute and a half.
"""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from micronets.cost.tflite_size import tflite_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes, used_bytes
from micronets.cost.tflm_cycles import base_cycles
from micronets.device.tflm import interpreter
from micronets.errors import MicronetsError
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import ModelFile, read, write
from tests.support.paper_archs import paper_archs
from tests.support.random_models import random_arch as random_arch_of_corners
from tests.support.random_models import random_model
from tests.support.realistic_archs import random_arch

Pair = tuple[float, float]  # predicted, measured


def main(shared: Path) -> None:
    """Prints one row for each set of networks and each quantity."""
    with (shared / "reference/cortex_m_baselines.csv").open() as f:
        rows = list(csv.DictReader(f))
    released = {row["model"]: (shared / "models" / f"{row['model']}.tflite").read_bytes() for row in rows}
    archs = {name: read(data).arch for name, data in released.items()}
    print("| networks | quantity | largest error | mean error |\n|---|---|---|---|")
    made = {"the paper's": paper_archs(shared).values(), "50 random": [random_arch(seed) for seed in range(50)]}
    for name, networks in made.items():
        files = [(arch, write(with_random_weights(arch))) for arch in networks]
        _row(name, "arena on the host", ((arena_tflm_bytes(a), interpreter.min_arena(d)) for a, d in files))
        _row(name, "`.tflite`", ((tflite_bytes(a.steps()), len(d)) for a, d in files))
    pairs = [(archs[n], d) for n, d in released.items()]
    files = {name: ModelFile(name, data, read(data)) for name, data in released.items()}
    _row(
        "8 released",
        "arena on the host",
        ((f.arena_tflm_bytes(8), interpreter.min_arena(f.content)) for f in files.values()),
    )
    _row(
        "8 released",
        "arena in use on a Cortex-M",
        ((_used(files[r["model"]]), int(r["arena_bytes"])) for r in rows),
    )
    _row("8 released", "`.tflite` as we write it", ((tflite_bytes(a.steps()), len(write(read(d)))) for a, d in pairs))
    cycles = ((base_cycles(archs[r["model"]].steps()), float(r["cycles_0ws"])) for r in rows)
    _row("8 released", "cycles against simulation, Cortex-M4", cycles)

    print()
    _bounds(f"{SMALL} small random networks", (write(m) for m in small_models(SMALL)))
    _bounds("files of others", published_files(shared))


SMALL = 300


def small_models(count: int) -> Iterator[QuantizedModel]:
    """Yields random small networks that stress corners, and that TFLM runs."""
    seeds = itertools.count()
    while count:
        seed = next(seeds)
        model = random_model(random_arch_of_corners(seed), seed)
        with suppress(MicronetsError):
            interpreter.min_arena(write(model))
            count -= 1
            yield model


def published_files(shared: Path) -> Iterator[bytes]:
    """Yields the files in the folders of SHARED/models that read and that TFLM runs."""
    for path in sorted([*shared.glob("models/*/*.tflite"), *shared.glob("cases/*.tflite")]):
        data = path.read_bytes()
        with suppress(MicronetsError):
            read(data)
            interpreter.min_arena(data)
            yield data


def _bounds(which: str, files: Iterable[bytes]) -> None:
    """Prints how many arenas were predicted under what TFLM needs, and the largest excess."""
    over = [ModelFile(which, d, read(d)).arena_tflm_bytes(8) - interpreter.min_arena(d) for d in files]
    under = sum(n < 0 for n in over)
    print(f"arena, {len(over)} of: {which}: {under} under, {over.count(0)} exact, the largest excess {max(over)} bytes")


def _used(file: ModelFile) -> int:
    return used_bytes(file.model.arch, 4, file.tensors)


def _row(networks: str, quantity: str, pairs: Iterable[Pair]) -> None:
    errors = [100 * (predicted / measured - 1) for predicted, measured in pairs]
    mean = sum(abs(e) for e in errors) / len(errors)
    print(f"| {networks} | {quantity} | {max(errors, key=abs):+.2f} % | {mean:.2f} % |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
