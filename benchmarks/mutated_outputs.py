"""Mutated `.tflite` files: our reference, our C and TFLM against each other, byte for byte.

Run from the repository: `python -m benchmarks.mutated_outputs [--files N] [--seed S] [--shared DIR] [--sanitize N]`,
which also writes a section of docs/deploy.md; `--one NUMBER` does a single file again and shows what differs.

Sound files (small random networks in both styles of the writer, and the small ones of SHARED/models and SHARED/cases)
get other scales, zero points, constants, options, shapes and indices (`benchmarks.mutate.revalued`), or damage of any
kind (`benchmarks.mutate.mutated`). Each that `micronets` reads runs in the integer reference and in TFLM, which works
in a process of its own since it may die; of every N of them (`--sanitize`) one becomes C that runs with the address and
undefined-behaviour sanitizers. What counts:

    refused        micronets does not read the file
    equal          every output byte is TFLM's
    TFLM cannot    `inspect` and `compile --runtime tflm` say that TFLM cannot run it: it dies, or leaves the bytes open
    unpacked       TFLM's Python package cannot unpack the file, which TFLM itself need not: damage where nobody looks
    differs        a byte is another than TFLM's
    TFLM dies      TFLM dies or refuses, and micronets does not say so
    C differs      the C does not give the reference's bytes, or a sanitizer complains

The last three are failures. Exit code 1 if there was one.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from benchmarks.mutate import mutated, revalued
from benchmarks.tables import replace_section
from micronets.compiler import Compiled, compile_model
from micronets.device.host import write_sources
from micronets.device.host_compiler import compile_c
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, MicronetsError
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.runtimes.base import seeded_inputs
from micronets.tflite import ModelFile, read, write
from micronets.tflite.tflm_limits import why_tflm_cannot_run
from tests.support.random_models import random_arch, random_model

RANDOM = 150
"""How many random networks are among the sound files."""

LARGEST = 40_000
"""Bytes of the largest file that is mutated."""

SAMPLES = 4
"""How many inputs each file runs on; the second and the third have the lowest and the highest code everywhere."""

_PYTHON_ERROR = re.compile(r"(ValueError|TypeError|struct\.error): ")
"""What the error of a file begins with that TFLM's Python package cannot unpack, by the flatbuffers package."""

BATCH = 40
"""How many networks become one program with sanitizers."""

SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

Array = npt.NDArray[Any]
End = Literal["refused", "equal", "TFLM cannot", "unpacked", "differs", "TFLM dies", "C differs"]
FAILURES: tuple[End, ...] = ("differs", "TFLM dies", "C differs")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: how it ended, and in a few words why."""

    number: int
    end: End
    why: str = ""


@dataclass(frozen=True)
class Run:
    """A network that was read: its number, its C, its inputs, and the bytes that the reference gives."""

    number: int
    compiled: Compiled
    x: Array
    expected: bytes


def sound_files(shared: Path) -> list[bytes]:
    """Returns the files to mutate."""
    models = [random_model(random_arch(seed), seed) for seed in range(RANDOM)]
    files = [write(model, portable=seed % 2 == 1) for seed, model in enumerate(models)]
    paths = sorted([*shared.glob("models/*/*.tflite"), *shared.glob("cases/*.tflite")])
    others = [path.read_bytes() for path in paths if path.stat().st_size <= LARGEST]
    for data in others:
        try:
            read(data)
        except MicronetsError:
            continue
        files.append(data)
    return files


def changed(files: Sequence[bytes], seed: int, number: int) -> bytes:
    """Returns the mutated file of that number: seven of eight with other values, one with damage of any kind."""
    rng = random.Random(f"outputs {seed} {number}")
    data = files[rng.randrange(len(files))]
    return revalued(rng, data) if rng.random() < 7 / 8 else mutated(rng, data, files)


def examine(data: bytes, number: int) -> tuple[Outcome, QuantizedModel | None, Array | None, bytes]:
    """Returns what becomes of a file under TFLM, with the model, its inputs and the reference's bytes."""
    try:
        model = read(data, "x.tflite")
    except MicronetsError:
        return Outcome(number, "refused"), None, None, b""
    x = seeded_inputs(model, SAMPLES, number)
    expected = reference.output_bytes(model, x).tobytes()
    cannot = why_tflm_cannot_run(model, ModelFile("x.tflite", data, model).tensors)
    if cannot:
        return Outcome(number, "TFLM cannot", cannot), model, x, expected
    try:
        outputs = interpreter.outputs(data, x, len(model.arch.outputs))
    except DeviceError as error:
        unpacked = _PYTHON_ERROR.search(str(error))
        return Outcome(number, "unpacked" if unpacked else "TFLM dies", str(error)), model, x, expected
    if reference.packed(dict(zip(model.arch.outputs, outputs, strict=True))).tobytes() != expected:
        kinds = sorted({type(layer).__name__ for layer in model.arch.layers})
        return Outcome(number, "differs", ", ".join(kinds)), model, x, expected
    return Outcome(number, "equal"), model, x, expected


_MAIN = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

{declarations}

static void run(void (*model)(const uint8_t *, uint8_t *, int64_t, uint8_t *), long in, long out, long arena, long n)
{{
    uint8_t *x = malloc(n * in), *y = malloc(n * out), *memory = malloc(arena);
    if (x == 0 || y == 0 || memory == 0 || fread(x, 1, n * in, stdin) != (size_t)(n * in)) {{
        exit(2);
    }}
    model(x, y, n, memory);
    fwrite(y, 1, n * out, stdout);
    fflush(stdout);
    free(x);
    free(y);
    free(memory);
}}

int main(void)
{{
{calls}
    return 0;
}}
"""


def sanitized(runs: Sequence[Run]) -> list[Outcome]:
    """Runs the C of networks with sanitizers, all in one program; the failures among them.

    Each arena is a block of its own, so that the address sanitizer sees what lies beside it.
    """
    with tempfile.TemporaryDirectory(prefix="micronets-") as name:
        directory = Path(name)
        sources = write_sources([r.compiled for r in runs], directory)
        sizes = [(r.x[0].nbytes, len(r.expected) // len(r.x), r.compiled.arena_bytes) for r in runs]
        signature = "(const uint8_t *, uint8_t *, int64_t, uint8_t *)"
        main = directory / "main.c"
        main.write_text(
            _MAIN.format(
                declarations="\n".join(f"void model{i}_run{signature};" for i in range(len(runs))),
                calls="\n".join(
                    f"    run(model{i}_run, {a}, {b}, {c}, {SAMPLES});" for i, (a, b, c) in enumerate(sizes)
                ),
            )
        )
        program = directory / "all"
        compile_c([*sources, main], program, SANITIZED, ("gcc",), [directory])
        given = b"".join(np.ascontiguousarray(r.x).tobytes() for r in runs)
        done = subprocess.run([program], input=given, capture_output=True, check=False)
    found, at = [], 0
    for r in runs:
        seen = done.stdout[at : at + len(r.expected)]
        at += len(r.expected)
        if seen != r.expected:
            complaint = "" if len(seen) == len(r.expected) else done.stderr.decode(errors="replace")[:300]
            found.append(Outcome(r.number, "C differs", complaint.splitlines()[0] if complaint else "other bytes"))
            if complaint:
                break  # it ended there; the others did not run
    return found


def campaign(files: Sequence[bytes], seed: int, numbers: Sequence[int], every: int) -> tuple[list[Outcome], int]:
    """Returns the outcomes of the files of these numbers, and how many were run as C with sanitizers."""
    outcomes: list[Outcome] = []
    waiting: list[Run] = []
    run_as_c, readable = 0, 0
    for k, number in enumerate(numbers):
        outcome, model, x, expected = examine(changed(files, seed, number), number)
        outcomes.append(outcome)
        if model is not None and x is not None:
            readable += 1
            if every and readable % every == 0:
                try:
                    waiting.append(Run(number, compile_model(model), x, expected))
                except MicronetsError:
                    continue  # numbers that C cannot hold, which `compile` says
        if waiting and (len(waiting) == BATCH or k + 1 == len(numbers)):
            outcomes += sanitized(waiting)
            run_as_c += len(waiting)
            waiting = []
            print(f"{k + 1}: {dict(Counter(o.end for o in outcomes))}", file=sys.stderr, flush=True)
    return outcomes, run_as_c


def table(outcomes: Sequence[Outcome], run_as_c: int) -> str:
    """Returns the section of the documentation."""
    ends = Counter(o.end for o in outcomes)
    count = sum(n for end, n in ends.items() if end != "C differs")
    return "\n".join(
        [
            f"| of {count:,} files with other values | |",
            "|---|--:|",
            f"| refused by the reader | {ends['refused']:,} |",
            f"| outputs of the reference equal TFLM's, every byte | {ends['equal']:,} |",
            f"| TFLM cannot run it, and `inspect` says so | {ends['TFLM cannot']:,} |",
            f"| TFLM's Python package cannot unpack it: damage where TFLM does not look | {ends['unpacked']:,} |",
            f"| outputs differ from TFLM's | {ends['differs']:,} |",
            f"| TFLM dies or refuses, and nothing says so | {ends['TFLM dies']:,} |",
            f"| of {run_as_c:,} as C with sanitizers: other bytes, or a complaint | {ends['C differs']:,} |",
            "",
            f"{date.today()}, `python -m benchmarks.mutated_outputs --files {count}`.",
        ]
    )


def main() -> None:
    """Runs the program as the docstring of this file says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sanitize", type=int, default=4, metavar="EVERY")
    parser.add_argument("--one", type=int)
    options = parser.parse_args()
    files = sound_files(options.shared)
    if options.one is not None:
        data = changed(files, options.seed, options.one)
        outcome, model, x, expected = examine(data, options.one)
        print(outcome)
        if model is not None and x is not None:
            Path(tempfile.gettempdir(), "mutated.tflite").write_bytes(data)
            print(*zip(model.arch.steps(), strict=False), model.quant, sep="\n")
            print(sanitized([Run(options.one, compile_model(model), x, expected)]))
        return
    outcomes, run_as_c = campaign(files, options.seed, range(options.files), options.sanitize)
    text = table(outcomes, run_as_c)
    print(text)
    wrong = [o for o in outcomes if o.end in FAILURES]
    for o in wrong:
        print(f"--one {o.number}: {o.end}: {o.why}", file=sys.stderr)
    replace_section(Path("docs/deploy.md"), "mutated", text)
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
