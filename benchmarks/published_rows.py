"""Every microcontroller row of MLPerf Tiny v1.1 to v1.3 beside our C; writes sections of docs/results.md.

Run from the repository: `python -m benchmarks.published_rows [SHARED]`, SHARED being the folder with the published
times and the released models (default `../shared`). Needs `pip install '.[sim]'`. Some minutes.

The times of our C are simulated on the board of the row, at its clock and, on the L4R5, in its mode of the flash, where
the row says which. What a Cortex-M33 takes is what an L4R5 does times a ratio of cycles that was published: the second
table shows these ratios one by one.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from benchmarks.cortex_m7_pairs import MODELS
from benchmarks.kernels_vs_tflm import geometric_mean
from benchmarks.plain_cores import m0plus_cycles, run
from benchmarks.tables import replace_section
from micronets.boards.board import Board, load_board
from micronets.commands.measure import measure

NETWORKS = ("kws", "vww", "ic", "ad")
L4R5, M0PLUS = "NUCLEO-L4R5ZI", "NUCLEO-G0B1RE"
FLASH_MODES = {"Single Bank": "single", "Dual Bank": "dual"}
"""What the notes of a row say, and the mode of the flash that this is."""

BOARDS = {
    L4R5: L4R5,
    "DISCO-F746NG": "NUCLEO-F746ZG",
    "NUCLEO-H7A3ZI": "NUCLEO-H743ZI2",
    "NUCLEO-U575ZI": "NUCLEO-U575ZI-Q",
    "NUCLEO-U385RG": "NUCLEO-U385RG-Q",
    "NRF5340-DK": "nRF5340-DK",
    M0PLUS: M0PLUS,
}
"""The board on which a system's row is simulated, by the beginning of the system's name."""

WITHOUT = {
    "CY8CPROTO": "a Cortex-M4 whose flash is not modelled",
    "NUMAKER-M467": "a Cortex-M4 whose flash is not modelled",
    "EK-RA8D1": "a Cortex-M85: instructions are counted, no times",
    "NUCLEO-U3C5": "a Cortex-M33 with an accelerator",
    "RENESAS-RH850": "a core that there is no code for",
}
"""Why there is nothing to compare with, by the beginning of the system's name."""


@dataclass(frozen=True)
class Row:
    """A row of published times.

    - system: the name of what was measured, in capital letters with dashes.
    - clock_hz: the clock of its core.
    - round, engine: which round of MLPerf Tiny it is of, and what ran the networks.
    - flash: the mode of the flash, `single` or `dual`; empty where the row does not say.
    - ms: the times in ms of the networks that there are times of.
    """

    system: str
    clock_hz: int
    round: str
    engine: str
    flash: str
    ms: Mapping[str, float]

    @property
    def board(self) -> str | None:
        """The name of the board on which it is simulated; None where there is none, or where it computes in float."""
        if self.system.endswith("-FLOAT"):
            return None
        return next((name for start, name in BOARDS.items() if self.system.startswith(start)), None)

    @property
    def why_not(self) -> str:
        """Why it is not simulated."""
        if self.system.endswith("-FLOAT"):
            return "networks in float"
        return next(reason for start, reason in WITHOUT.items() if self.system.startswith(start))

    @property
    def key(self) -> tuple[str, int, str]:
        """What the times of our C depend on besides the network: board, clock and mode of the flash."""
        assert self.board is not None
        return self.board, self.clock_hz, "single" if self.flash == "single" else ""

    def cycles(self, network: str) -> float:
        """Returns the cycles of a network."""
        return self.ms[network] * self.clock_hz / 1000


def rows_of(path: Path) -> list[Row]:
    """Returns the rows of a table of published times."""
    with path.open() as f:
        return [
            Row(
                system=r["system"].replace("_", "-").upper(),
                clock_hz=int(1e6 * float(r["mhz"])),
                round=r["round"],
                engine=r["engine"] or "not said",
                flash=next((mode for words, mode in FLASH_MODES.items() if words in r["notes"]), ""),
                ms={name: float(r[f"{name}_ms"]) for name in NETWORKS if r[f"{name}_ms"]},
            )
            for r in csv.DictReader(f)
        ]


def simulated_board(key: tuple[str, int, str]) -> Board:
    """Returns the board of a key, at that clock and with that mode of its flash.

    In single-bank mode the L4R5 reads 128 bits, and its caches have lines of twice the bytes, but half as many. Its
    board's file has those of dual-bank mode.
    """
    name, clock_hz, flash = key
    board = replace(load_board(name), clock_hz=clock_hz)
    if name == L4R5 and flash == "single":
        assert board.simulation is not None
        caches = replace(board.simulation, instruction_lines=64, data_lines=16, line_bytes=16)
        board = replace(board, simulation=caches)
    return board


def our_ms(shared: Path, key: tuple[str, int, str], network: str) -> float:
    """Returns how many ms our C takes for a network, simulated."""
    path, board = shared / "models" / f"{MODELS[network]}.tflite", simulated_board(key)
    if board.name == M0PLUS:
        found = run(path, board)
        return 1e3 * m0plus_cycles(found.image.flash, found.counts)[0] / board.clock_hz
    milliseconds = measure(path, board, samples=1).latency_ms
    assert milliseconds is not None
    return milliseconds


Found = Mapping[tuple[tuple[str, int, str], str], float]
"""The times of our C in ms by key and network."""


def rows_table(rows: Sequence[Row], found: Found) -> str:
    """Returns all rows: published times, ours, and the geometric mean of the ratios."""
    heads = [*(f"{name}, ms" for name in NETWORKS), *(f"ours, {name}" for name in NETWORKS)]
    lines = [
        f"| system | MHz | round | engine | flash | {' | '.join(heads)} | ours / published |",
        f"|---|--:|---|---|---|{'--:|' * (len(heads) + 1)}",
    ]
    for row in rows:
        published = [f"{row.ms[name]:g}" if name in row.ms else "" for name in NETWORKS]
        cells = [row.system, f"{row.clock_hz / 1e6:g}", row.round, row.engine, row.flash, *published]
        if row.board is None:
            lines.append(f"| {' | '.join(cells)} | | | | | {row.why_not} |")
            continue
        ours = {name: found[row.key, name] for name in row.ms}
        mean = geometric_mean(ours[name] / row.ms[name] for name in row.ms)
        cells += [f"{ours[name]:.2f}" if name in ours else "" for name in NETWORKS]
        lines.append(f"| {' | '.join(cells)} | {mean:.2f} |")
    return "\n".join(lines)


def pairs(rows: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Yields rows of boards with a Cortex-M33 and of the L4R5 that are of the same engine, round and form."""
    names = [name for name in BOARDS.values() if load_board(name).core == "cortex-m33"]
    for fast in (row for row in rows if row.board in names):
        form = fast.system.endswith("MAX-PERFORMANCE")
        for slow in rows:
            same = (slow.engine, slow.round, slow.system.endswith("MAX-PERFORMANCE")) == (fast.engine, fast.round, form)
            native = "NATIVE" in slow.system or slow.ms.keys() != fast.ms.keys()
            if slow.board == L4R5 and same and not native:
                yield fast, slow


def steps_table(rows: Sequence[Row], found: Found) -> tuple[str, list[float]]:
    """Returns the ratios of cycles between a Cortex-M33 and the L4R5, and published over simulated ratios."""
    lines = [
        "| board | engine | round | flash of the L4R5 | network | published | simulated | published / simulated |",
        "|---|---|---|---|---|--:|--:|--:|",
    ]
    errors = []
    for fast, slow in pairs(rows):
        for name in fast.ms:
            published = fast.cycles(name) / slow.cycles(name)
            ours = found[fast.key, name] * fast.clock_hz / (found[slow.key, name] * slow.clock_hz)
            errors.append(published / ours)
            cells = (fast.board, fast.engine, fast.round, slow.flash or "not said", name)
            lines.append(f"| {' | '.join(map(str, cells))} | {published:.3f} | {ours:.3f} | {published / ours:.3f} |")
    return "\n".join(lines), errors


def write(shared: Path, results: Path) -> None:
    """Simulates our C on every board and writes both sections."""
    rows = rows_of(shared / "reference/mlperf_tiny_all.csv")
    wanted = dict.fromkeys((row.key, name) for row in rows if row.board for name in row.ms)
    found = {}
    for key, name in wanted:
        found[key, name] = our_ms(shared, key, name)
        print(*key, name, f"{found[key, name]:.2f} ms", flush=True)
    write_sections(rows, found, results)


def write_sections(rows: Sequence[Row], found: Found, results: Path) -> None:
    """Writes both sections from what was found."""
    steps, errors = steps_table(rows, found)
    off = sorted(abs(e - 1) for e in errors)
    tail = (
        f"{len(rows)} rows, {sum(row.board is not None for row in rows)} of them simulated. {date.today()}, "
        "`python -m benchmarks.published_rows`."
    )
    replace_section(results, "published-rows", f"{rows_table(rows, found)}\n\n{tail}")
    spread = (
        f"{len(errors)} ratios: {sum(off) / len(off):.1%} off in the mean, {off[len(off) // 2]:.1%} in the middle, "
        f"{off[-1]:.0%} at most; {sum(e <= 0.1 for e in off)} within 10 %."
    )
    replace_section(results, "published-m33", f"{steps}\n\n{spread}")
    print(rows_table(rows, found), steps, spread, sep="\n\n")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"), Path("docs/results.md"))
