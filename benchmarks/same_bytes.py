"""The generated C gives the reference's bytes however it is built; writes a section of docs/deploy.md.

Run from the repository: `python -m benchmarks.same_bytes [--networks N] [--shared DIR]`. The released models and N
random networks (default 100) are built by gcc and clang, at -O0, -O2, -O3 and -Os, for 32 and 64 bits, with the plain
kernels and with those for DSP instructions (emulated), and with the address and undefined-behaviour sanitizers. Every
output byte is compared with the integer reference, and each arena lies between guard bytes; under the sanitizers it is
a heap block of its own, so that reading beside it is found as well. What this machine cannot build is skipped, with the
reason. The program takes some minutes.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.tables import replace_section
from micronets.compiler import Compiled, compile_model
from micronets.device.host import write_sources
from micronets.device.host_compiler import compile_c
from micronets.errors import DeviceError
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.tflite import read
from tests.support.random_models import random_arch, random_input, random_model

SAMPLES = 4
GUARD = 1024
SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DOWN_BLOCK")
NETWORKS_A_PROGRAM = 27

_MAIN = """\
/* Runs every network on its inputs, from the file argv[1] to the file argv[2]; 3 if a guard byte has changed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

{declarations}
static int one(void (*run)(const uint8_t *, uint8_t *, int64_t, uint8_t *), size_t in, size_t out, size_t arena,
               FILE *from, FILE *to, int number)
{{
    uint8_t *input = malloc({samples} * in), *output = malloc({samples} * out);
    if (input == NULL || output == NULL || fread(input, in, {samples}, from) != {samples}) {{
        return 4;
    }}
#ifdef OWN_BLOCK
    uint8_t *memory = aligned_alloc(16, arena), *start = memory;
    const size_t guard = 0;
#else
    uint8_t *memory = malloc(arena + 2 * {guard} + 16), *start = memory + {guard};
    const size_t guard = {guard};
    start += (16 - (uintptr_t)start % 16) % 16;
#endif
    if (memory == NULL) {{
        return 4;
    }}
    memset(start - guard, 0xA5, arena + 2 * guard);
    run(input, output, {samples}, start);
    for (size_t i = 0; i < guard; i++) {{
        if (start[arena + i] != 0xA5 || *(start - 1 - i) != 0xA5) {{
            fprintf(stderr, "network %d wrote beside its arena\\n", number);
            return 3;
        }}
    }}
    const int written = fwrite(output, out, {samples}, to) == {samples} ? 0 : 4;
    free(memory);
    free(input);
    free(output);
    return written;
}}

int main(int argc, char **argv)
{{
    FILE *from = argc == 3 ? fopen(argv[1], "rb") : NULL, *to = argc == 3 ? fopen(argv[2], "wb") : NULL;
    int end = from == NULL || to == NULL ? 4 : 0;
{calls}
    return to != NULL && fclose(to) != 0 ? 4 : end;
}}
"""


@dataclass(frozen=True)
class Way:
    """One way to build: the compiler's command, its flags, and what to call the kernels that these choose."""

    compiler: str
    flags: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.compiler, *self.flags))


def ways() -> list[Way]:
    """Returns every way to build that the benchmark tries."""
    kernels = ((), ("-DMICRONETS_DSP",))
    plain = product(("gcc", "clang"), ("-O0", "-O2", "-O3", "-Os"), ("-m64", "-m32"), kernels)
    found = [Way(compiler, (level, bits, *which)) for compiler, level, bits, which in plain]
    return found + [Way(c, (*SANITIZED, *which)) for c, which in product(("gcc", "clang"), kernels)]


def missing(way: Way) -> str | None:
    """Returns why this machine cannot build that way, or None."""
    if shutil.which(way.compiler) is None:
        return f"no {way.compiler}"
    with tempfile.TemporaryDirectory(prefix="micronets-") as name:
        probe = Path(name) / "probe.c"
        probe.write_text('#include <stdio.h>\nint main(void) { return puts("x") < 0; }\n', "utf-8")
        try:
            compile_c([probe], Path(name) / "probe", way.flags, (way.compiler,))
            subprocess.run([Path(name) / "probe"], check=True, capture_output=True)
        except (DeviceError, subprocess.CalledProcessError, OSError):
            return f"{way.compiler} cannot build for it here"
    return None


@dataclass(frozen=True)
class Case:
    """A network as C, inputs for it, and the reference's outputs."""

    name: str
    compiled: Compiled
    x: npt.NDArray[Any]
    y: npt.NDArray[Any]


def case(name: str, model: QuantizedModel, seed: int, compiled: Compiled | None = None) -> Case:
    """Returns a model, compiled unless that is given, with `SAMPLES` random inputs of that seed."""
    x = random_input(model, SAMPLES, seed)
    return Case(name, compiled or compile_model(model), x, reference.run(model, x))


def cases(networks: Iterable[int], shared: Path | None) -> list[Case]:
    """Returns random networks of these seeds and the released models; also in patches, and compiled for speed, where
    other code comes of it.
    """
    models = [(f"random {s}", random_model(random_arch(s), s), s) for s in networks]
    paths = sorted(shared.glob("models/*/*.tflite")) if shared else []
    models += [(path.stem, read(path.read_bytes()), 0) for path in paths]
    smallest = [(name, model, seed, compile_model(model, arena_limit=0)) for name, model, seed in models]
    patched = [case(f"{name} in patches", model, seed, c) for name, model, seed, c in smallest if c.plan.groups]
    whole = [case(*model) for model in models]
    quickest = [
        (c, model, seed, compile_model(model, goal="speed")) for c, (_, model, seed) in zip(whole, models, strict=True)
    ]
    changed = [(c, model, seed, other) for c, model, seed, other in quickest if other.files != c.compiled.files]
    return whole + patched + [case(f"{c.name} for speed", model, seed, other) for c, model, seed, other in changed]


def run(way: Way, chosen: Sequence[Case]) -> list[str]:
    """Returns what is wrong with cases that are built that way, a line each. Raises `DeviceError`."""
    with tempfile.TemporaryDirectory(prefix="micronets-") as name:
        directory = Path(name)
        sources = write_sources([c.compiled for c in chosen], directory)
        sources.append(directory / "main.c")
        sources[-1].write_text(_main(chosen), "utf-8")
        program, given, got = directory / "program", directory / "given", directory / "got"
        given.write_bytes(b"".join(c.x.tobytes() for c in chosen))
        # An extension of C99 that glibc declares on request.
        compile_c(sources, program, (*way.flags, "-D_ISOC11_SOURCE"), (way.compiler,), [directory])
        done = subprocess.run([program, given, got], capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            lines = [s for s in done.stderr.splitlines() if "error" in s.lower() or "network" in s] or [
                f"ends with {done.returncode}"
            ]
            return [f"{way}: {lines[0].strip()}"]
        raw, wrong, at = got.read_bytes(), [], 0
        for c in chosen:
            y = np.frombuffer(raw[at : at + c.y.nbytes], c.y.dtype).reshape(c.y.shape)
            at += c.y.nbytes
            if not np.array_equal(y, c.y):
                wrong.append(f"{way}: {c.name}: {(y != c.y).sum()} of {y.size} outputs differ")
        return wrong


def _main(chosen: Sequence[Case]) -> str:
    names = [f"model{i}_run" for i in range(len(chosen))]
    declare = [f"void {n}(const uint8_t *input, uint8_t *output, int64_t samples, uint8_t *arena);" for n in names]
    calls = []
    for i, c in enumerate(chosen):
        sizes = f"{c.x.nbytes // SAMPLES}, {c.y.nbytes // SAMPLES}, {c.compiled.arena_bytes}"
        calls.append(f"    end = end ? end : one({names[i]}, {sizes}, from, to, {i});")
    return _MAIN.format(declarations="\n".join(declare), calls="\n".join(calls), samples=SAMPLES, guard=GUARD)


def table(rows: Sequence[tuple[Way, str]], networks: int, released: int) -> str:
    """Returns the section of the documentation: the outcome for each compiler and kernel, by flags."""
    results = {(w.compiler, w.flags): end for w, end in rows}
    columns = [(c, k) for c in ("gcc", "clang") for k in ((), ("-DMICRONETS_DSP",))]
    flags = list(dict.fromkeys(tuple(f for f in w.flags if f != "-DMICRONETS_DSP") for w, _ in rows))
    lines = ["| flags | gcc, plain | gcc, DSP emulated | clang, plain | clang, DSP emulated |", "|---|---|---|---|---|"]
    for f in flags:
        shown = "-O1, address and undefined-behaviour sanitizers" if f == SANITIZED else " ".join(f)
        lines.append(f"| {shown} | {' | '.join(results.get((c, (*f, *k)), '') for c, k in columns)} |")
    lines.append("")
    lines.append(
        f"{networks} random networks and {released} released models, layer by layer and in patches, {SAMPLES} inputs "
        f"each, {GUARD} guard bytes on both sides of each arena. {date.today()}, `python -m benchmarks.same_bytes`."
    )
    return "\n".join(lines)


def main() -> None:
    """Runs the program as the docstring of this file says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", type=int, default=100)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    options = parser.parse_args()
    chosen = cases(range(options.networks), options.shared)
    groups = [chosen[i : i + NETWORKS_A_PROGRAM] for i in range(0, len(chosen), NETWORKS_A_PROGRAM)]
    rows, failed = [], False
    for way in ways():
        reason = missing(way)
        if reason is None:
            with ThreadPoolExecutor(2) as pool:
                wrong = [line for found in pool.map(lambda g, w=way: run(w, g), groups) for line in found]
            failed |= bool(wrong)
            rows.append((way, "FAILED" if wrong else "equal"))
            for line in wrong:
                print(line, file=sys.stderr)
        else:
            rows.append((way, f"skipped: {reason}"))
        print(*map(str, rows[-1]), flush=True)
    text = table(
        rows,
        options.networks,
        sum(c.name.split()[0] != "random" and not c.name.endswith((" in patches", " for speed")) for c in chosen),
    )
    print(text)
    if failed:
        sys.exit(1)
    replace_section(Path("docs/deploy.md"), "same bytes", text)


if __name__ == "__main__":
    main()
