"""TFLM itself in the simulator: output bytes, arena and cycles of released and strangers' models, beside predictions.

    python -m benchmarks.tflm_itself TFLM [SHARED] [--kept DIR]

TFLM is a checkout of TensorFlow Lite Micro with its library for a Cortex-M4 (docs/measure.md says how it is built).
Every `.tflite` below SHARED/models that fits `BOARD` is built with that library and run on the simulated board: its
output bytes are compared with the reference's, the arena that TFLM says it used with what `used_bytes` predicts, and
the cycles of its operators with the estimates of `cost.tflm_cycles`. Writes a section of docs/arena.md.

What a model gave is kept in DIR, so that an interrupted run goes on where it was. About ten seconds a model.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.commands.measure import measure
from micronets.cost.tflm_arena import used_bytes
from micronets.cost.tflm_cycles import layer_base_cycles
from micronets.errors import DoesNotFit, MicronetsError, UnsupportedError
from micronets.files import digest, write_atomic
from micronets.runtimes.tflm import TFLM
from micronets.tflite import read_file

BOARD = "NUCLEO-F446RE"
SAMPLES = 3
PAGE = Path("docs/arena.md")
LEAST = 2  # models that an operator must be in for a row of its own


@dataclass(frozen=True)
class Run:
    """What TFLM did with a model.

    - bit_exact: whether all output bytes are the reference's.
    - used: bytes of the arena that TFLM says it used.
    - cycles: the cycles of each layer by its name, without waits for flash.
    """

    bit_exact: bool
    used: int
    cycles: dict[str, int]


@dataclass(frozen=True)
class Found:
    """A run beside what is predicted of it.

    - bit_exact, used: see `Run`.
    - predicted: the bytes of the arena that are predicted for a Cortex-M.
    - kinds: the cycles of each kind of layer, simulated and estimated.
    """

    bit_exact: bool
    used: int
    predicted: int
    kinds: dict[str, tuple[int, int]]

    @property
    def ratio(self) -> float:
        """The estimated cycles of all layers over the simulated ones."""
        return sum(e for _, e in self.kinds.values()) / sum(c for c, _ in self.kinds.values())


def run(path: Path, tflm: Path) -> Run:
    """Runs the model of one file under TFLM. Raises what reading, building and running raise."""
    board = load_board(BOARD)
    took = measure(path, board, samples=SAMPLES, runtime=TFLM.built(tflm, None, board))
    assert took.arena_tflm_used_bytes is not None, "TFLM tells it"
    return Run(took.bit_exact, took.arena_tflm_used_bytes, {r.name: r.core_cycles or 0 for r in took.per_layer})


def found_of(path: Path, took: Run) -> Found:
    """Returns a run beside today's predictions."""
    file = read_file(path)
    kinds: dict[str, tuple[int, int]] = {}
    for step in file.model.arch.steps():
        if (cycles := took.cycles.get(step.layer.name)) is not None:
            kind = type(step.layer).__name__
            simulated, estimated = kinds.get(kind, (0, 0))
            kinds[kind] = simulated + cycles, estimated + round(float(layer_base_cycles(step)))
    return Found(took.bit_exact, took.used, used_bytes(file.model.arch, 4, file.tensors), kinds)


def kept(path: Path, tflm: Path, store: Path) -> Found | str:
    """Returns what a model gives, or why it is not run; from `store`, where that is known already."""
    record = store / f"{digest(path.read_bytes())}.json"
    if not record.exists():
        try:
            took = asdict(run(path, tflm))
        except (DoesNotFit, UnsupportedError) as e:
            took = {"refused": str(e)}
        write_atomic(record, json.dumps(took))
    known = json.loads(record.read_text("utf-8"))
    return str(known["refused"]) if "refused" in known else found_of(path, Run(**known))


def text(found: Mapping[str, Found], refused: int) -> str:
    """Returns the section of the page, of what models gave by the names of their files."""
    off = [f.predicted - f.used for f in found.values()]
    ratios = sorted(f.ratio for f in found.values())
    differ = ", ".join(name for name, f in found.items() if not f.bit_exact)
    kinds: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for f in found.values():
        for kind, pair in f.kinds.items():
            kinds[kind].append(pair)
    shown = {k: [sum(v) for v in zip(*p, strict=True)] for k, p in kinds.items() if len(p) >= LEAST}
    rows = "\n".join(
        f"| {kind} | {len(kinds[kind])} | {cycles:,} | {estimated / cycles:.2f} |"
        for kind, (cycles, estimated) in sorted(shown.items(), key=lambda item: -item[1][0])
    )
    return (
        f"{len(found)} different models under TFLM with CMSIS-NN on a simulated {BOARD}; {refused} more do not fit it "
        f"or are not read. All output bytes are the reference's, "
        + (f"but for {differ}: CMSIS-NN gives other bytes there than TFLM's own kernels. " if differ else "every one. ")
        + f"Of its arena TFLM uses what is predicted in {sum(d == 0 for d in off)} of {len(off)}; the others are "
        f"predicted {min(off):+,} to {max(off):+,} bytes off. The cycles of all layers of a model are estimated at "
        f"{ratios[0]:.2f} to {ratios[-1]:.2f} times the simulated ones, {ratios[len(ratios) // 2]:.2f} in the middle. "
        f"By kinds of layers that {LEAST} models have or more:\n\n"
        f"| layer | models | cycles, simulated | estimated / simulated |\n|---|--:|--:|--:|\n{rows}\n\n"
        f"{date.today()}, `python -m benchmarks.tflm_itself`; TFLM as its Makefile builds it by default."
    )


def main() -> None:
    """Runs the models and writes the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tflm", type=Path)
    parser.add_argument("shared", type=Path, nargs="?", default=Path("../shared"))
    parser.add_argument("--kept", type=Path, default=Path("build/tflm_itself"))
    args = parser.parse_args()
    args.kept.mkdir(parents=True, exist_ok=True)
    found: dict[str, Found] = {}
    refused = 0
    different = {digest(path.read_bytes()): path for path in sorted((args.shared / "models").rglob("*.tflite"))}
    for path in sorted(different.values(), key=lambda p: p.stat().st_size):
        try:
            one = kept(path, args.tflm, args.kept)
        except MicronetsError as e:
            sys.exit(f"{path}: {e}")
        print(f"{path.name}: {one}", flush=True)
        if isinstance(one, str):
            refused += 1
        else:
            found[path.stem] = one
    replace_section(PAGE, "tflm itself", text(found, refused))


if __name__ == "__main__":
    main()
