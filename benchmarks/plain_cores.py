"""Instructions of MLPerf Tiny's networks on cores without the DSP extension; writes a section of docs/results.md.

Run from the repository: `python -m benchmarks.plain_cores [SHARED]`, SHARED being the folder with the published times
and the models (default `../shared`). Needs `pip install '.[sim]'` and GCC for Arm and RISC-V. About half a minute.

For the Cortex-M0+ the instructions are also weighed with the cycles that its manual gives, to compare them with the
only engine that has published times of such a core.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from benchmarks.cortex_m7_pairs import MODELS
from benchmarks.tables import replace_section
from micronets import tflite
from micronets.boards.board import Board, load_board
from micronets.compiler import compile_model
from micronets.cost.counts import step_macs
from micronets.device.cross_compiler import build_firmware, firmware_files
from micronets.device.sim.machine import Simulation, simulate
from micronets.device.sim.trace import NOWHERE, BlockCounts
from micronets.quantized import reference
from tests.support.random_models import random_input

NETWORKS = ("kws", "vww", "ic", "ad")
"""The networks, as the columns of the table of published times name them."""

M0PLUS = "NUCLEO-G0B1RE"
_ROOM = {"sram_bytes": 256 << 10, "flash_bytes": 1 << 20}  # the chip of the board has too little for three networks
BOARDS = (
    load_board(M0PLUS),
    replace(load_board("NUCLEO-F103RB"), **_ROOM),
    load_board("ESP32-C3-DevKitM-1"),
)
LABELS = ("Cortex-M0+", "Cortex-M3", "RV32IMC")
SLOW_MULTIPLIER = 32
"""Cycles of a multiplication on a Cortex-M0+ with the small multiplier; with the fast one it takes one cycle."""


@dataclass(frozen=True)
class Row:
    """What a network takes.

    - name: the network's.
    - macs: its multiplications.
    - instructions: of one inference, by board.
    - cycles: on a Cortex-M0+ without waits for the flash, with the fast multiplier.
    - products: the multiplications among its instructions there.
    - published: the fewest cycles that an engine has published for the board.
    """

    name: str
    macs: int
    instructions: tuple[int, ...]
    cycles: int
    products: int
    published: float


def instruction_cycles(code: int) -> int:
    """Returns the cycles of an instruction of a Cortex-M0+ that lies in a half-word; a branch counts as not taken.

    - code: the half-word; of an instruction of 32 bits the first one.

    Arm DDI 0484C, Cortex-M0+ Technical Reference Manual, table of instructions: memory without wait states, and a
    multiplier of one cycle.
    """
    top, registers = code >> 11, bin(code & 0xFF).count("1")
    if code >> 9 in (0b1011010, 0b1011110):  # PUSH, POP; with the link register or the program counter
        return 1 + registers + (code >> 8 & 1) * (3 if code >> 11 & 1 else 1)
    if top in (0b11000, 0b11001):  # STM, LDM
        return 1 + registers
    if 0b01001 <= top <= 0b10011:  # loads and stores of one register
        return 2
    if top == 0b11100 or code >> 8 == 0b01000111:  # B, BX, BLX
        return 2
    if code >> 8 in (0b01000100, 0b01000110) and code & 0x87 == 0x87:  # ADD, MOV to the program counter
        return 2
    return 3 if top >= 0b11101 else 1  # BL and other instructions of 32 bits; all others


def is_product(code: int) -> bool:
    """Tells whether an instruction in a half-word is MULS."""
    return code >> 6 == 0b0100001101


def is_conditional_branch(code: int) -> bool:
    """Tells whether an instruction in a half-word is a branch on a condition, which takes a cycle more when taken."""
    return code >> 12 == 0b1101 and code >> 8 & 15 < 14


def half_words(code: bytes) -> list[int]:
    """Returns the first half-word of each instruction in `code`."""
    found, at = [], 0
    while at < len(code):
        found.append(int.from_bytes(code[at : at + 2], "little"))
        at += 4 if found[-1] >> 11 >= 0b11101 else 2
    return found


def m0plus_cycles(flash: bytes, counts: BlockCounts) -> tuple[int, int]:
    """Returns the cycles of an inference on a Cortex-M0+ with a multiplier of one cycle, and its multiplications.

    - flash: the code.
    - counts: how often each block of it followed each other one.
    """
    code = {b: half_words(flash[2 * b : 2 * b + size]) for b, size in counts.sizes.items()}
    cycles = products = 0
    for (_, before, block), count in counts.edges.items():
        taken = before != NOWHERE and not counts.follows(before, block) and is_conditional_branch(code[before][-1])
        cycles += count * (sum(map(instruction_cycles, code[block])) + taken)
        products += count * sum(map(is_product, code[block]))
    return cycles, products


def published_cycles(path: Path) -> dict[str, float]:
    """Returns the fewest published cycles for the board with a Cortex-M0+, by network; path: of the table of times."""
    with path.open() as f:
        rows = [row for row in csv.DictReader(f) if row["system"].startswith(M0PLUS.replace("-", "_"))]
    return {name: min(float(row[f"{name}_ms"]) * 1000 * float(row["mhz"]) for row in rows) for name in NETWORKS}


def run(path: Path, board: Board) -> Simulation:
    """Returns what a network takes on a board; raises `AssertionError` where a byte of its output is not right."""
    model = tflite.read(path.read_bytes())
    compiled = compile_model(model, board.target)
    x = random_input(model, 1, 1)
    expected = reference.run(model, x)
    elf = build_firmware(firmware_files(compiled), board).elf
    layers = len(compiled.model.arch.layers)
    found = simulate(elf, x.reshape(1, -1), layers, expected[0].nbytes, board)
    assert found.outputs.tobytes() == expected.tobytes(), path
    return found


def measured(shared: Path) -> Iterable[Row]:
    """Yields a row for each network."""
    published = published_cycles(shared / "reference/mlperf_tiny_all.csv")
    for name in NETWORKS:
        path = shared / "models" / f"{MODELS[name]}.tflite"
        found = [run(path, board) for board in BOARDS]
        macs = sum(map(step_macs, tflite.read(path.read_bytes()).arch.steps()))
        cycles, products = m0plus_cycles(found[0].image.flash, found[0].counts)
        yield Row(path.stem, macs, tuple(f.instructions for f in found), cycles, products, published[name])


def table(rows: Sequence[Row]) -> str:
    """Returns the rows as a table, in millions."""
    lines = [
        "| network | MACs | "
        + " | ".join(f"{label}, instructions (a MAC)" for label in LABELS)
        + " | Cortex-M0+, cycles | with the slow multiplier | HALE, cycles | cycles, ours / HALE |",
        f"|---|{'--:|' * (len(LABELS) + 5)}",
    ]
    for row in rows:
        cells = [f"{row.macs / 1e6:.2f}"]
        cells += [f"{count / 1e6:.2f} ({count / row.macs:.2f})" for count in row.instructions]
        slow = row.cycles + (SLOW_MULTIPLIER - 1) * row.products
        cells += [f"{value / 1e6:.1f}" for value in (row.cycles, slow, row.published)]
        lines.append(f"| {row.name} | " + " | ".join(cells) + f" | {row.cycles / row.published:.2f} |")
    return "\n".join(lines)


def main(shared: Path) -> None:
    """Measures the networks and writes the section."""
    rows = list(measured(shared))
    text = (
        f"{table(rows)}\n\nIn millions, for one inference; every output byte equals the reference's. {date.today()}, "
        "`python -m benchmarks.plain_cores`."
    )
    replace_section(Path("docs/results.md"), "plain-cores", text)
    print(text)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
