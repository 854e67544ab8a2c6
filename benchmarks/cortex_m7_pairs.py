"""What published pairs of times say about a Cortex-M7 against a Cortex-M4: the figures of docs/measure.md.

Run from the repository: `python -m benchmarks.cortex_m7_pairs [SHARED]`, SHARED being the folder with the published
times (default `../shared`). A pair is one engine, round and network on a board of each kind.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.kernels_vs_tflm import geometric_mean

M4, F446_HZ, F746_HZ = "NUCLEO-L4R5ZI", 180e6, 216e6
TIMES = ("kws_ms", "vww_ms", "ic_ms", "ad_ms")
SHORTEST_S = 0.05  # of the paper's times, which are rounded to a millisecond


def mlperf_tiny(path: Path) -> Iterator[tuple[str, float]]:
    """Ratios of cycles, M7 over M4, with what was run."""
    with path.open() as f:
        rows = list(csv.DictReader(f))
    m4 = {(r["round"], r["engine"]): r for r in rows if r["board"] == M4}
    for r in rows:
        other = m4.get((r["round"], r["engine"]))
        if other and r["core_mhz"].startswith("M7"):
            clocks = _mhz(r) / _mhz(other)
            for key in TIMES:
                yield f"{r['board']} {r['engine']} {r['round']} {key[:-3]}", clocks * float(r[key]) / float(other[key])


def micronets(path: Path) -> Iterator[tuple[str, float]]:
    """The same for the paper's networks on the F446 and the F746, without times too short for their rounding."""
    with path.open() as f:
        for r in csv.DictReader(f):
            slow, fast = r["lat_s_F446RE"], r["lat_s_F746ZG"]
            if slow and fast and float(slow) > SHORTEST_S:
                yield f"F746 TFLM {r['model']}", F746_HZ / F446_HZ * float(fast) / float(slow)


def _mhz(row: dict[str, str]) -> float:
    return float(row["core_mhz"].partition("@")[2])


def summary(pairs: list[tuple[str, float]]) -> str:
    """How many, their geometric mean and range, and those more than 20 % off."""
    ratios = [ratio for _, ratio in pairs]
    mean = geometric_mean(ratios)
    off = [f"{name} {ratio:.2f}" for name, ratio in pairs if abs(ratio / mean - 1) > 0.2]
    head = f"{len(ratios)} pairs, mean {mean:.3f}, from {min(ratios):.2f} to {max(ratios):.2f}"
    return f"{head}; within 20 %: {len(ratios) - len(off)}; others: {', '.join(off) or 'none'}"


def main(shared: Path) -> None:
    """Prints the summary."""
    reference = shared / "reference"
    pairs = mlperf_tiny(reference / "mlperf_tiny_published.csv"), micronets(reference / "micronets_published.csv")
    print(summary([pair for source in pairs for pair in source]))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
