"""Published times of released networks beside ours, estimated and simulated; writes sections of docs/results.md.

Run from the repository: `python -m benchmarks.published_points [SHARED]`, SHARED being the folder with the published
times, the simulated baselines of TFLM and the released models (default `../shared`). Needs `pip install '.[sim]'`.
About two minutes, and those of `published_rows`, which it runs at last.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import published_rows
from benchmarks.cortex_m7_pairs import MODELS
from benchmarks.kernels_vs_tflm import geometric_mean
from benchmarks.tables import replace_section
from micronets import tflite
from micronets.boards.board import Board, load_board
from micronets.commands.measure import measure
from micronets.cost import latency_model
from micronets.cost.costs import cost
from micronets.ir.arch import Arch

PAPER = MODELS | {"MicroNet-AD-L": "micronets/ad_large_int8", "AD-baseline (FC-AE)": "mlperf_tiny/ad01_int8"}
PAPER_BOARDS = {"lat_s_F446RE": "NUCLEO-F446RE", "lat_s_F746ZG": "NUCLEO-F746ZG", "lat_s_F767ZI": "NUCLEO-F767ZI"}
TFLM_ENGINES = ("CMSIS-NN",)  # engines that run the kernels of the baselines, in a version of their time
ENGINES = ("X-CUBE-AI", "Plumerai", "Bosch HALE", "CMSIS-NN")
# TFLM simulated as the baselines are but with the flash of the L4R5, over microTVM's times on it: the reference's
# figures (cortex_m.md), to two digits.
L4R5, L4R5_ENGINE = "NUCLEO-L4R5ZI", "microTVM"
OVER_L4R5 = {"kws_ref_model": 0.84, "ad01_int8": 0.95, "pretrainedResnet_quant": 0.99, "vww_96_int8": 0.91}
HALF_UNIT_S, ROUNDED = 0.0005, 0.1  # the paper gives whole milliseconds; times that this blurs by more are left out
# The board's TOML that a published board is simulated with: the same chip or family, at the published clock.
BOARDS = {"NUCLEO-L4R5ZI": "NUCLEO-L4R5ZI", "DISCO-F746NG": "NUCLEO-F746ZG", "NUCLEO-H7A3ZI-Q": "NUCLEO-H743ZI2"}


@dataclass(frozen=True)
class Point:
    """A published time of a released network.

    - model: the network's path among the shared models.
    - where: the board's name.
    - board: the board, with the clock that was published.
    - engine: what ran the network.
    - ms: the time of an inference.
    """

    model: str
    where: str
    board: Board
    engine: str
    ms: float


@dataclass(frozen=True)
class Ours:
    """The times of a network on a board in ms: under TFLM, estimated and simulated; of our C, predicted and simulated.

    `predicted` is None where the latency model does not know all of the network, and `uncertainty` is the relative one
    of the simulated times. `quickest` and `fastest` are simulated with `--optimise speed` and `fastest`.
    """

    tflm_estimated: float
    tflm_simulated: float
    predicted: float | None
    simulated: float
    uncertainty: float
    quickest: float
    fastest: float


def mlperf_tiny(path: Path) -> list[Point]:
    """Returns every time of MLPerf Tiny's networks."""
    found = []
    with path.open() as f:
        for r in csv.DictReader(f):
            board = replace(load_board(BOARDS[r["board"]]), clock_hz=int(1e6 * float(r["core_mhz"].partition("@")[2])))
            for task in ("kws", "vww", "ic", "ad"):
                if r[f"{task}_ms"]:
                    engine = f"{r['engine']}, {r['round']}"
                    found.append(Point(MODELS[task], r["board"], board, engine, float(r[f"{task}_ms"])))
    return found


def micronets(path: Path) -> list[Point]:
    """Returns the paper's times of released networks, without those that its rounding blurs."""
    found = []
    with path.open() as f:
        for r in csv.DictReader(f):
            for column, name in PAPER_BOARDS.items():
                if r["model"] in PAPER and r[column] and HALF_UNIT_S / float(r[column]) < ROUNDED:
                    board = load_board(name)
                    found.append(Point(PAPER[r["model"]], name, board, "TFLM, paper, 2020", 1e3 * float(r[column])))
    return found


def tflm_cycles(p: Point, baseline: Mapping[str, str], published: Sequence[Point]) -> float:
    """Returns simulated cycles of TFLM's kernels on the board of `p`: with the L4R5's flash there, else the F446's."""
    if p.where != L4R5:
        return int(baseline["cycles_flash5ws"])
    (same,) = (q for q in published if (q.where, q.model) == (L4R5, p.model) and q.engine.startswith(L4R5_ENGINE))
    return OVER_L4R5[_name(p.model)] * same.ms * 1e-3 * p.board.clock_hz


def ours(models: Path, model: str, board: Board, tflm: float) -> Ours:
    """Returns what we say of a network on a board; `tflm`: simulated cycles of TFLM's kernels there."""
    path = models / f"{model}.tflite"
    arch = tflite.read(path.read_bytes()).arch
    figures, *quick = (measure(path, board, samples=1, optimise=goal) for goal in ("size", "speed", "fastest"))
    ms = 1e3 / board.clock_hz
    if board.simulation is None:
        raise ValueError(f"{board.name}: no [simulation]")
    simulated = tflm * board.simulation.factor
    estimated, predicted = cost(arch, board).cycles * ms, _predicted(arch, board)
    quickest, fastest = (of.latency_ms for of in quick)
    return Ours(estimated, simulated * ms, predicted, figures.latency_ms, figures.uncertainty, quickest, fastest)


def _predicted(arch: Arch, board: Board) -> float | None:
    """Returns ms of our C; None if the board has no latency model, or none of all kinds of this network's layers."""
    model, steps = latency_model.shipped_model(board.name, "c"), arch.steps()
    if model is None or not all(latency_model.kernel_kind(s) in (None, *model.kinds) for s in steps):
        return None
    return 1e3 * float(latency_model.fitted_cycles(steps, model)) / board.clock_hz


def points_table(rows: Sequence[tuple[Point, Ours]]) -> str:
    """Returns a row for each published time of TFLM and its kernels: that time, and ours with their shares of it."""
    lines = [
        "| board | network | published | ms | TFLM estimated | ratio | TFLM simulated | ratio | our C predicted | "
        "ratio | our C simulated | ratio |",
        f"|---|---|---|{'--:|' * 9}",
    ]
    for p, o in rows:
        times = (o.tflm_estimated, o.tflm_simulated, o.predicted, o.simulated)
        cells = " | ".join("- | -" if t is None else f"{t:,.1f} | {t / p.ms:.2f}" for t in times)
        lines.append(f"| {p.where} | {_name(p.model)} | {p.engine} | {p.ms:,.1f} | {cells} |")
    return "\n".join(lines)


def explanation(rows: Sequence[tuple[Point, Ours]], baselines: Mapping[str, Mapping[str, str]]) -> str:
    """Returns what the ratios of the simulated TFLM come from, as far as that can be told."""

    def ratio(of: Callable[[Point], bool]) -> float:
        return geometric_mean(o.tflm_simulated / p.ms for p, o in rows if of(p))

    late = ratio(lambda p: p.where == L4R5)
    early = ratio(lambda p: p.where == "NUCLEO-F446RE")
    m7 = ratio(lambda p: p.board.core == "cortex-m7")
    of_l4r5 = [o.tflm_simulated / p.ms for p, o in rows if p.where == L4R5]
    waits = [int(b["cycles_flash5ws"]) / int(b["cycles_0ws"]) - 1 for b in baselines.values()]
    return (
        f"Simulated TFLM over published, geometric means: {late:.2f} on the L4R5 (2021 to 2022), {early:.2f} on the "
        f"F446 and {m7:.2f} on the Cortex-M7 boards (the paper's, 2020). The simulated TFLM is that of August 2026 "
        "with its CMSIS-NN. **Age**: the F446 and the L4R5 are one core with one kind of flash accelerator; between "
        f"their rows lies a factor of {late / early:.2f}, and the known difference is the version of the kernels and "
        "of the compiler. **Flash**: it cannot explain the gap, since all waits simulated for the F446 are "
        f"{min(waits):.0%} to {max(waits):.0%} of its core's cycles, and the M7 boards, which have caches, show the "
        f"same gap. On the L4R5 the ratios are {min(of_l4r5):.2f} to {max(of_l4r5):.2f}. The factor 1.09 of both M4 "
        "boards was fitted to microTVM's four of them, so their mean says nothing, but their spread does, and the two "
        "others are a check."
    )


def steps_table(rows: Sequence[tuple[Point, Ours]]) -> str:
    """Returns how many times as fast the paper's M7 boards are as its F446, published and simulated.

    In these ratios the kernels and their age cancel.
    """
    m4 = {p.model: (p, o) for p, o in rows if p.where == "NUCLEO-F446RE"}
    lines = ["| board | network | F446 / board, published | simulated | ratio |", "|---|---|--:|--:|--:|"]
    for p, o in rows:
        if p.board.core == "cortex-m7" and p.model in m4:
            slow, simulated = m4[p.model]
            published, found = slow.ms / p.ms, simulated.tflm_simulated / o.tflm_simulated
            lines.append(f"| {p.where} | {_name(p.model)} | {published:.2f} | {found:.2f} | {published / found:.2f} |")
    return "\n".join(lines)


def engines_table(points: Iterable[Point], found: Mapping[tuple[str, str], Ours]) -> str:
    """Returns a table of our C, simulated, against the best published time of every engine, on each board."""
    best: dict[tuple[str, str], dict[str, Point]] = {}
    for p in points:
        engines = best.setdefault((p.where, p.model), {})
        family = next(e for e in ENGINES if e in p.engine)
        if family not in engines or p.ms < engines[family].ms:
            engines[family] = p
    names = [e if e != "CMSIS-NN" else "TFLM or microTVM" for e in ENGINES]
    lines = [
        f"| board | network | our C ms | for speed | fastest | {' | '.join(names)} | ours / best | for speed / best | "
        "fastest / best |",
        f"|---|---|{'--:|' * (len(ENGINES) + 6)}",
    ]
    for (where, model), engines in best.items():
        o, least = found[where, model], min(p.ms for p in engines.values())
        cells = " | ".join(f"{engines[e].ms:g}" if e in engines else "" for e in ENGINES)
        lines.append(
            f"| {where} | {_name(model)} | {o.simulated:.1f} +-{o.uncertainty:.0%} | {o.quickest:.1f} | "
            f"{o.fastest:.1f} | {cells} | **{o.simulated / least:.2f}** | **{o.quickest / least:.2f}** | "
            f"**{o.fastest / least:.2f}** |"
        )
    for where in dict.fromkeys(where for where, _ in best):
        of_board = [(found[k], min(p.ms for p in engines.values())) for k, engines in best.items() if k[0] == where]
        means = [
            geometric_mean(times)
            for times in zip(*((o.simulated / b, o.quickest / b, o.fastest / b) for o, b in of_board), strict=True)
        ]
        cells = f"{' | ' * len(ENGINES)}{' | '.join(f'**{mean:.2f}**' for mean in means)}"
        lines.append(f"| {where} | geometric mean | | | | {cells} |")
    return "\n".join(lines)


def _name(model: str) -> str:
    return model.split("/")[-1]


def main(shared: Path) -> None:
    """Simulates every network on every board that has a published time of it, and writes the tables."""
    with (shared / "reference/cortex_m_baselines.csv").open() as f:
        baselines: dict[str, dict[str, Any]] = {row["model"]: row for row in csv.DictReader(f)}
    published = mlperf_tiny(shared / "reference/mlperf_tiny_published.csv")
    paper = micronets(shared / "reference/micronets_published.csv")
    found: dict[tuple[str, str], Ours] = {}
    for p in (*published, *paper):
        if (p.where, p.model) not in found:
            cycles = tflm_cycles(p, baselines[p.model], published)
            found[p.where, p.model] = ours(shared / "models", p.model, p.board, cycles)
            print(p.where, p.model, found[p.where, p.model], flush=True)
    same = [p for p in (*published, *paper) if any(e in p.engine for e in TFLM_ENGINES) or p in paper]
    rows = [(p, found[p.where, p.model]) for p in same]
    results = Path("docs/results.md")
    replace_section(results, "published", f"{points_table(rows)}\n\n{explanation(rows, baselines)}")
    replace_section(results, "published-m7", steps_table(rows))
    replace_section(results, "engines", engines_table(published, found))
    published_rows.write(shared, results)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
