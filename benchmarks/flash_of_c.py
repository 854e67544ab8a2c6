"""The flash of our C, predicted before anything is built, against firmware that is built: never under, seldom over.

Run from the repository: `python -m benchmarks.flash_of_c [--networks N] [--board NAME] [--compiler gcc|zig] [--shared
DIR]`, which also writes a section of docs/budget.md. Exit code 1 if a network takes more flash than predicted.

- N random networks of every space and of every kind of layer, as a search predicts them: from the layers alone.
- A network for every kernel, as `inspect` predicts it: from the tables that the compiler writes.
- The files of others in SHARED/models, as `inspect` predicts them.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from benchmarks.code_sizes import case_model
from benchmarks.tables import replace_section
from docs.make_operators import CASES, Case
from micronets.boards.board import Board, load_board
from micronets.compiler import Compiled, compile_model, optimise
from micronets.cost.costs import budget_costs
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.device.sim.elf import read_image
from micronets.errors import MicronetsError
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes.c import c_costs, compiled_flash_bytes, contents_bytes
from micronets.tflite import read
from tests.support.realistic_archs import random_arch

ROOM = 2**31
"""Bytes of SRAM of the board, so that no layers run in patches, as a search predicts none."""


@dataclass(frozen=True)
class Flash:
    """A network's flash in bytes: as predicted, and as built."""

    name: str
    predicted: int
    built: int

    @property
    def percent(self) -> float:
        """By how much the prediction is larger."""
        return 100 * (self.predicted / self.built - 1)


def random_networks(count: int, seed: int = 0) -> Iterator[tuple[str, Arch]]:
    """Yields `count` networks: in turn one of every space and input, with all or some of its layers' widths small, and
    one of no space, with layers of 4 and of 8 bits.
    """
    kinds = [(name, kind) for name, space in spaces.SPACES.items() for kind in space.kinds]
    for i in range(count):
        rng = random.Random(f"flash {seed} {i}")
        if i % (len(kinds) + 1) == len(kinds):
            yield f"random {seed + i}", random_arch(seed + i)
            continue
        name, kind = kinds[i % (len(kinds) + 1)]
        space = spaces.make(name, kind, rng.choice((2, 4, 10, 12)))
        if rng.random() < 0.5:  # the narrower options alone: networks of a few KB
            space = replace(space, choices=tuple(replace(c, options=c.options[:3]) for c in space.choices))
        yield f"{name} {kind} {seed + i}", derive(space, space.sample(rng))


def of_a_search(name: str, arch: Arch, board: Board, which: str | None) -> Flash | None:
    """Returns what a search predicts for a network, and what it takes; None where the passes change the network."""
    model = with_random_weights(arch)
    if optimise(model).arch != arch:
        return None
    predicted = budget_costs(arch, board, ("flash_bytes",), runtime=c_costs(None))["flash_bytes"]
    return Flash(name, int(predicted), built_bytes(compile_model(model, board.target), board, which))


def of_a_kernel(case: Case, board: Board, which: str | None) -> Flash:
    """Returns what `inspect` predicts for a network of one layer, and what it takes."""
    model = case_model(case)
    compiled = compile_model(model, board.target, goal=case.goal)
    name = f"{type(case.layer).__name__}, {case.of}, {case.when}"
    return Flash(name, contents_bytes(compiled.contents, board), built_bytes(compiled, board, which))


def of_a_file(path: Path, board: Board, which: str | None) -> Flash | None:
    """Returns what `inspect` predicts for a file, and what it takes; None for a file that becomes no C."""
    try:
        model = read(path.read_bytes(), path.name)
        compiled = compile_model(model, board.target)
        return Flash(path.stem, compiled_flash_bytes(model, board), built_bytes(compiled, board, which))
    except MicronetsError:
        return None


def built_bytes(compiled: Compiled, board: Board, which: str | None) -> int:
    """Returns the bytes of flash of a firmware with a network's C."""
    return read_image(build_firmware(firmware_files(compiled), board, which).elf).flash_bytes


def table(rows: Sequence[tuple[str, Sequence[Flash]]], compiler: str) -> str:
    """Returns the section of the documentation."""
    lines = ["| networks | built, bytes | under | largest excess | mean excess |", "|---|--:|--:|--:|--:|"]
    for what, found in rows:
        sizes = [f.built for f in found]
        most = max(found, key=lambda f: f.percent)
        mean = sum(f.percent for f in found) / len(found)
        lines.append(
            f"| {len(found)} {what} | {min(sizes):,} to {max(sizes):,} | {sum(f.predicted < f.built for f in found)} | "
            f"{most.percent:.1f} % ({most.predicted - most.built:,} of {most.built:,} bytes) | {mean:.1f} % |"
        )
    return "\n".join([*lines, "", f"{date.today()}, {compiler}, `python -m benchmarks.flash_of_c`."])


def main() -> None:
    """Builds the networks and writes the section, as the top of this file says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", type=int, default=80)
    parser.add_argument("--board", default="NUCLEO-F446RE")
    parser.add_argument("--compiler", choices=("gcc", "zig"))
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    options = parser.parse_args()
    board = replace(load_board(options.board), sram_bytes=ROOM)
    which = options.compiler
    made = (of_a_search(name, arch, board, which) for name, arch in random_networks(options.networks))
    rows = [("random networks, from their layers", [f for f in made if f])]
    rows += [("networks of one layer, from their tables", [of_a_kernel(case, board, which) for case in CASES])]
    files = (of_a_file(path, board, which) for path in sorted(options.shared.glob("models/*/*.tflite")))
    others = [f for f in files if f]
    rows += [("files of others, from their tables", others)] if others else []
    text = table(rows, find_compiler(board, which).name)
    print(text)
    under = [f for _, found in rows for f in found if f.predicted < f.built]
    for f in under:
        print(f"{f.name}: {f.predicted:,} predicted, {f.built:,} built", file=sys.stderr)
    if under:
        sys.exit(1)
    replace_section(Path("docs/budget.md"), "flash of our C", text)


if __name__ == "__main__":
    main()
