"""Predicted arena, file size and cycles against measured ones; prints the table of docs/arena.md.

Run from the repository: `python -m benchmarks.predictions [SHARED]`, SHARED being the folder with the released models
and the paper's networks (default `../shared`). Needs pip's tflite-micro. About a minute.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

from micronets.cost.tflite_size import tflite_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes, used_bytes
from micronets.cost.tflm_cycles import base_cycles
from micronets.device.tflm import interpreter
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from tests.support.paper_archs import paper_archs
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
    _row("8 released", "arena on the host", ((arena_tflm_bytes(a), interpreter.min_arena(d)) for a, d in pairs))
    _row(
        "8 released",
        "arena in use on a Cortex-M",
        ((used_bytes(archs[r["model"]], 4), int(r["arena_bytes"])) for r in rows),
    )
    _row("8 released", "`.tflite` as we write it", ((tflite_bytes(a.steps()), len(write(read(d)))) for a, d in pairs))
    cycles = ((base_cycles(archs[r["model"]].steps()), float(r["cycles_0ws"])) for r in rows)
    _row("8 released", "cycles against simulation, Cortex-M4", cycles)


def _row(networks: str, quantity: str, pairs: Iterable[Pair]) -> None:
    errors = [100 * (predicted / measured - 1) for predicted, measured in pairs]
    mean = sum(abs(e) for e in errors) / len(errors)
    print(f"| {networks} | {quantity} | {max(errors, key=abs):+.2f} % | {mean:.2f} % |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
