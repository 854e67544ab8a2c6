"""What published pairs of times say about a Cortex-M7 against a Cortex-M4, and which model of the M7 explains them
best.

Run from the repository: `python -m benchmarks.cortex_m7_pairs [SHARED]`, SHARED being the folder with the published
times and the released models (default `../shared`). A pair is one engine, round and network on a board of each kind.
Writes a section of docs/results.md. Needs `pip install '.[sim]'`. About a minute.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.kernels_vs_tflm import geometric_mean
from benchmarks.tables import replace_section
from micronets.boards.board import SimulationModel, load_board
from micronets.commands.measure import measure

M4, F446_HZ, F746_HZ = "NUCLEO-L4R5ZI", 180e6, 216e6
TIMES = ("kws_ms", "vww_ms", "ic_ms", "ad_ms")
SHORTEST_S = 0.05  # of the paper's times, which are rounded to a millisecond
MODELS = {
    "kws": "mlperf_tiny/kws_ref_model",
    "vww": "mlperf_tiny/vww_96_int8",
    "ic": "mlperf_tiny/pretrainedResnet_quant",
    "ad": "mlperf_tiny/ad01_int8",
    "MicroNet-KWS-M": "micronets/kws_micronet_m",
    "MicroNet-VWW-2": "micronets/vww2_50_50_INT8",
    "MicroNet-VWW-4": "micronets/vww4_128_128_INT8",
}
# The F746's data cache: 4 KB in lines of 32 bytes. One cycle a miss and no factor, so that misses can be told from
# cycles.
CACHED = SimulationModel(128, 128, 32, 1, 1.0, 0.25, "a data cache of 4 KB, for comparison")
MISS_CYCLES = 10


@dataclass(frozen=True)
class Simulated:
    """One network as our C: cycles on the L4R5 and the F446; on a Cortex-M7's code: of an M4 core, by the dual-issue
    model, and how often code or weights are in neither cache.
    """

    l4r5: float
    f446: float
    core: float
    dual_issue: float
    misses: float


def mlperf_tiny(path: Path) -> Iterator[tuple[str, float]]:
    """Yields the ratio of cycles, M7 over M4, of every pair in MLPerf Tiny's results, with what was run."""
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
    """Yields such ratios of the paper's networks on the F446 and the F746, but for times that its rounding blurs."""
    with path.open() as f:
        for r in csv.DictReader(f):
            slow, fast = r["lat_s_F446RE"], r["lat_s_F746ZG"]
            if slow and fast and float(slow) > SHORTEST_S:
                yield f"F746 TFLM {r['model']}", F746_HZ / F446_HZ * float(fast) / float(slow)


def _mhz(row: dict[str, str]) -> float:
    return float(row["core_mhz"].partition("@")[2])


def summary(pairs: list[tuple[str, float]]) -> str:
    """Writes how many ratios there are, their geometric mean and range, and which are more than 20 % off."""
    ratios = [ratio for _, ratio in pairs]
    mean = geometric_mean(ratios)
    off = [f"{name} {ratio:.2f}" for name, ratio in pairs if abs(ratio / mean - 1) > 0.2]
    head = f"{len(ratios)} pairs, mean {mean:.3f}, from {min(ratios):.2f} to {max(ratios):.2f}"
    return f"{head}; within 20 %: {len(ratios) - len(off)}; others: {', '.join(off) or 'none'}"


def simulated(shared: Path) -> dict[str, Simulated]:
    """Returns every released network that is in a pair, by the name that it has there."""
    l4r5, f446, f746 = (load_board(name) for name in (M4, "NUCLEO-F446RE", "NUCLEO-F746ZG"))
    found = {}
    for key, name in MODELS.items():
        path = shared / "models" / f"{name}.tflite"
        slow = [measure(path, board, samples=1, patches="off").cycles for board in (l4r5, f446)]
        fast = measure(path, replace(f746, simulation=CACHED), samples=1, patches="off")
        found[key] = Simulated(*slow, fast.core_cycles, fast.dual_issue_cycles, fast.cycles - fast.core_cycles)
    return found


def rivals(pairs: Sequence[tuple[str, float]], models: Mapping[str, Simulated]) -> dict[str, list[float]]:
    """Returns by model of the M7, for every pair, the ratio that it predicts divided by the published one."""
    found: dict[str, list[float]] = {}
    for name, ratio in pairs:
        m = models.get(name.split()[-1])
        if m:
            board = m.f446 if "F746 TFLM" in name else m.l4r5
            says = {
                "one ratio for all": 1.0,
                "dual issue, over the M4's core": m.dual_issue / m.core,
                "dual issue, over the M4 board": m.dual_issue / board,
                f"dual issue and {MISS_CYCLES} cycles a cache miss, over the M4 board": (
                    m.dual_issue + MISS_CYCLES * m.misses
                )
                / board,
            }
            for model, value in says.items():
                found.setdefault(model, []).append(value / ratio)
    return found


def rivals_table(found: Mapping[str, Sequence[float]]) -> str:
    """Returns for every model the factor that fits it to the pairs, and what is left of the differences then."""
    lines = ["| model of the Cortex-M7 | factor | typical error | worst | within 20 % |", "|---|--:|--:|--:|--:|"]
    for model, ratios in found.items():
        mean = geometric_mean(ratios)
        left = [math.log(r / mean) for r in ratios]
        typical = math.sqrt(sum(e * e for e in left) / len(left))
        inside = sum(abs(math.expm1(e)) <= 0.2 for e in left)
        worst = math.expm1(max(left, key=abs))
        lines.append(f"| {model} | {1 / mean:.2f} | {typical:.1%} | {worst:+.0%} | {inside} of {len(left)} |")
    return "\n".join(lines)


def main(shared: Path) -> None:
    """Writes the summary of the pairs and the table of models."""
    reference = shared / "reference"
    sources = mlperf_tiny(reference / "mlperf_tiny_published.csv"), micronets(reference / "micronets_published.csv")
    pairs = [pair for source in sources for pair in source]
    models = simulated(shared)
    lines = [f"Published ratios of cycles, M7 over M4: {summary(pairs)}.", "", rivals_table(rivals(pairs, models)), ""]
    lines += ["| our C | dual issue / M4 core | dual issue / F446 |", "|---|--:|--:|"]
    lines += [f"| {k} | {m.dual_issue / m.core:.2f} | {m.dual_issue / m.f446:.2f} |" for k, m in models.items()]
    replace_section(Path("docs/results.md"), "m7-pairs", "\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
