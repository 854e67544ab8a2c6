"""Integer models that others have published, each read, computed, predicted, built and run; writes docs/field.md.

    python -m benchmarks.field_models [SHARED] [--only PART]

SHARED/models/field holds `.tflite` files as others have published them, and `manifest.csv` with the columns `file`,
`domain` (what the network is for) and `structure` (equal where two files differ in their weights only). Of each model

- every byte of every tensor that `quantized.reference` computes is compared with TFLM's, on random inputs;
- TFLM's arena on this machine is predicted, and the smallest one in which it runs is found by bisection;
- the firmware with our C is built for a board, its size compared with the prediction, and run in the simulator; every
  output byte is compared with the reference.

A refusal is counted; bytes that differ, and any other failure, end the program. What a model gave is kept in
build/field_models.json as long as its file and the sources of this package stay as they are, so that an interrupted run
goes on where it was. About five minutes. `--only PART` runs the files whose names contain PART, and writes nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.commands.inspect import inspect
from micronets.commands.measure import measure
from micronets.commands.source_hash import source_hash
from micronets.cost.counts import state_bytes
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, MicronetsError
from micronets.files import digest, write_atomic
from micronets.quantized import reference
from micronets.runtimes.base import seeded_inputs
from micronets.tflite import ModelFile, read
from micronets.tflite.tflm_limits import why_tflm_cannot_run

BOARD = "NUCLEO-F446RE"
SAMPLES = 3
PAGE = Path("docs/field.md")
KEPT = Path("build/field_models.json")


@dataclass(frozen=True)
class Found:
    """What a model gave; bytes and cycles, None where there is nothing to tell.

    - refusal: why it is not read or does not become C; "" where it does.
    - compared: bytes of tensors that are TFLM's; no_tflm: why there are none.
    - arena_predicted, arena_bisected: of TFLM on this machine; arena_cortex_m: predicted for a Cortex-M.
    - arena_c, state_c: of our C.
    - flash_predicted, flash_built: of the firmware with our C.
    - cycles_tflm: estimated; cycles_c: simulated; cycles_model: by the latency model of our C; all of the board.
    """

    refusal: str
    compared: int | None = None
    no_tflm: str = ""
    arena_predicted: int | None = None
    arena_bisected: int | None = None
    arena_cortex_m: int | None = None
    arena_c: int | None = None
    state_c: int | None = None
    flash_predicted: int | None = None
    flash_built: int | None = None
    cycles_tflm: int | None = None
    cycles_c: int | None = None
    cycles_model: int | None = None


@dataclass(frozen=True)
class Row:
    """A file of the manifest, and what it gave."""

    name: str
    domain: str
    structure: str
    found: Found


def found_of(path: Path) -> Found:
    """Reads, compares, predicts, builds and runs one model. Raises `SystemExit` if a byte differs."""
    data = path.read_bytes()
    board = load_board(BOARD)
    try:
        file = ModelFile(path.name, data, read(data, path.name))
        measured = measure(file, board, samples=SAMPLES)
    except DeviceError:
        raise
    except MicronetsError as error:
        return Found(reason(str(error)))
    if not measured.bit_exact:
        sys.exit(f"{path}: the outputs of the firmware with our C differ from the reference")
    inspected = inspect(file, board)
    compared, no_tflm = tensors_compared(file, path)
    bisected = None
    with suppress(DeviceError):
        bisected = interpreter.min_arena(data)

    def cycles(milliseconds: float | None) -> int | None:
        return None if milliseconds is None else round(milliseconds * 1e-3 * board.clock_hz)

    return Found(
        refusal="",
        compared=compared,
        no_tflm=no_tflm,
        arena_predicted=file.arena_tflm_bytes(8),
        arena_bisected=bisected,
        arena_cortex_m=file.arena_tflm_bytes(4),
        arena_c=measured.arena_c_bytes,
        state_c=int(state_bytes(file.model.arch.steps())),
        flash_predicted=inspected.flash_c_bytes,
        flash_built=measured.flash_bytes,
        cycles_tflm=cycles(inspected.latency_ms),
        cycles_c=measured.cycles,
        cycles_model=cycles(inspected.latency_c_ms),
    )


def tensors_compared(file: ModelFile, path: Path) -> tuple[int | None, str]:
    """Returns how many bytes of tensors are TFLM's, all of them, or why TFLM does not run the model."""
    why = why_tflm_cannot_run(file.model, file.tensors)
    if why is not None:
        return None, why
    x = seeded_inputs(file.model, SAMPLES, 0)
    try:
        theirs = interpreter.tensors(file.content, x)
    except DeviceError as error:
        return None, str(error)
    ours = reference.tensors(file.model, x)
    for name, want in theirs.items():
        if not np.array_equal(want.reshape(ours[name].shape), ours[name]):
            sys.exit(f"{path}: tensor {name} differs from TFLM's")
    return sum(want.nbytes for want in theirs.values()), ""


def reason(message: str) -> str:
    """Returns the operator that a refusal names, else its message without the names of file and tensor."""
    operator = re.search(r"operator \d+ \(((?:operator )?[A-Z0-9_]+)\): this operator", message)
    if operator:
        return operator[1]
    return re.sub(r"tensor \d+ '.*?'", "a tensor", message.split(": ", 1)[-1].split(";")[0])


def kept(path: Path, compute: Callable[[Path], Found], store: dict[str, dict[str, object]], sources: str) -> Found:
    """Returns what a model gave, from `store` where file and sources are the same, else from `compute`."""
    key = f"{digest(path.read_bytes())} {sources}"
    if key not in store:
        store[key] = asdict(compute(path))
        KEPT.parent.mkdir(exist_ok=True)
        write_atomic(KEPT, json.dumps(store, indent=1))
    return Found(**store[key])  # type: ignore[arg-type]


def percent(predicted: int | None, real: int | None) -> float | None:
    """Returns by how much a prediction is larger, in percent."""
    return None if predicted is None or real is None else 100 * (predicted / real - 1)


def cell(value: float | None, form: str = ",") -> str:
    """Returns a cell of the table."""
    return "-" if value is None else f"{value:{form}}"


def table(rows: Sequence[Row]) -> str:
    """Returns a row for each model, by domain."""
    lines = [
        "| model | bytes compared with TFLM | TFLM's arena, bisected | predicted | our C: arena | state | flash, built "
        "| predicted | kcycles of our C | TFLM's, estimated |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    domain = ""
    for row in sorted(rows, key=lambda r: (r.domain, r.name)):
        if row.domain != domain:
            domain = row.domain
            lines.append(f"| **{domain}** | | | | | | | | | |")
        f, name = row.found, short(row.name)
        if f.refusal:
            lines.append(f"| {name} | refused: {f.refusal} | | | | | | | | |")
            continue
        arena = cell(percent(f.arena_predicted, f.arena_bisected), "+.1f")
        flash = cell(percent(f.flash_predicted, f.flash_built), "+.1f")
        ours, theirs = (None if c is None else c / 1000 for c in (f.cycles_c, f.cycles_tflm))
        lines.append(
            f"| {name} | {'TFLM does not run it' if f.no_tflm else cell(f.compared)} | {cell(f.arena_bisected)} "
            f"| {arena} % | {cell(f.arena_c)} | {cell(f.state_c)} | {cell(f.flash_built)} | {flash} % "
            f"| {cell(ours, ',.0f')} | {cell(theirs, ',.0f')} |"
        )
    return "\n".join([*lines, "", summary(rows)])


def short(name: str) -> str:
    """Returns a file's name without the hash in front and the ending."""
    return name.split("_", 1)[-1].removesuffix(".tflite")


def summary(rows: Sequence[Row]) -> str:
    """Returns the text below the table."""
    done = [row.found for row in rows if not row.found.refusal]
    arenas = [p for f in done if (p := percent(f.arena_predicted, f.arena_bisected)) is not None]
    sizes = [p for f in done if (p := percent(f.flash_predicted, f.flash_built)) is not None]
    models = [p for f in done if (p := percent(f.cycles_model, f.cycles_c)) is not None]
    memory = [(f.arena_c + f.state_c, f.arena_cortex_m) for f in done if f.arena_c and f.state_c is not None]
    larger = sum(theirs is not None and ours > theirs for ours, theirs in memory)
    faster = [f.cycles_c / f.cycles_tflm for f in done if f.cycles_c is not None and f.cycles_tflm]
    structures = {row.structure for row in rows}
    read = {row.structure for row in rows if not row.found.refusal}
    compared = [f.compared for f in done if f.compared is not None]
    text = [
        f"{len(done)} of {len(rows)} models, and {len(read)} of {len(structures)} different structures, become C. "
        f"{sum(compared):,} bytes of {len(compared)} models, those of all tensors for {SAMPLES} random inputs, are "
        f"TFLM's, and every output byte of the firmware is the reference's. TFLM's arena is predicted within "
        f"{max(map(abs, arenas)):.1f} %. The flash of our C is predicted from {min(sizes):+.1f} % to "
        f"{max(sizes):+.1f} %. Arena and state of our C are larger than TFLM's arena on a Cortex-M, "
        f"which is predicted, for {larger or 'none'} of {len(memory)} models. Our C takes "
        f"{np.exp(np.mean(np.log(faster))):.2f} of TFLM's estimated cycles, as a geometric mean, {min(faster):.2f} to "
        f"{max(faster):.2f}."
    ]
    if models:
        text.append(
            f"The latency model of our C knows all layers of {len(models)} of them, and is "
            f"{np.mean(np.abs(models)):.0f} % off on average, at most {max(models, key=abs):+.0f} %: it was fitted "
            "to networks of our own spaces."
        )
    text.append(
        f"Cycles are those of a simulated {BOARD} with its waits, sizes are in bytes. {date.today()}, `python -m "
        "benchmarks.field_models`."
    )
    return " ".join(text)


def domains(rows: Sequence[Row]) -> str:
    """Returns a row for each domain: how many models there are, how many become C, why the others do not."""
    by_domain: dict[str, list[Found]] = defaultdict(list)
    for row in rows:
        by_domain[row.domain].append(row.found)
    lines = ["| what it is for | models | become C | the others are refused for |", "|---|--:|--:|---|"]
    for domain, found in sorted(by_domain.items()):
        refusals = sorted({f.refusal for f in found if f.refusal})
        lines.append(f"| {domain} | {len(found)} | {sum(not f.refusal for f in found)} | {'; '.join(refusals)} |")
    done = [row for row in rows if not row.found.refusal]
    structures, read = {row.structure for row in rows}, {row.structure for row in done}
    text = (
        f"{len(done)} of {len(rows)} models ({len(done) / len(rows):.0%}), and {len(read)} of {len(structures)} "
        f"different structures ({len(read) / len(structures):.0%}), become C whose output bytes are the reference's "
        f"for {SAMPLES} random inputs; [field.md](field.md) has each of them. {date.today()}, `python -m "
        "benchmarks.field_models`."
    )
    return "\n".join([*lines, "", text])


def main() -> None:
    """Runs the models and writes the sections, as the top of this file says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("shared", nargs="?", type=Path, default=Path("../shared"))
    parser.add_argument("--only", default="", metavar="PART")
    options = parser.parse_args()
    field = options.shared / "models" / "field"
    with (field / "manifest.csv").open(encoding="utf-8") as f:
        manifest = [row for row in csv.DictReader(f) if options.only in row["file"]]
    store = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    sources = source_hash("micronets.commands.inspect")
    rows = []
    for entry in manifest:
        rows.append(
            Row(
                entry["file"],
                entry["domain"],
                entry["structure"],
                kept(field / entry["file"], found_of, store, sources),
            )
        )
        print(rows[-1].name, rows[-1].found, flush=True)
    if not options.only:
        replace_section(PAGE, "field models", table(rows))
        replace_section(Path("docs/results.md"), "field", domains(rows))


if __name__ == "__main__":
    main()
