"""Mutated `.tflite` files through everything that takes one: nothing may come of it but a result or a clean refusal.

Run from the repository: `python -m benchmarks.fuzz_reader [--files N] [--shared DIR] [--seed S] [--processes N]
[--record FILE]`, which also writes a section of docs/deploy.md. With `--record` the tally of every 500 files is kept,
and a run that was stopped goes on behind them. `--one NUMBER` does a single file of the run again, in this process,
with its traceback.

Each file is read, validated, inspected, and compiled to C. Processes with limited memory do the work; one that dies, or
a file that takes more than `SECONDS` of processor time, is a failure, as is any exception but `MicronetsError`, and any
message that is empty, or names an obstacle in 600 characters and more. Exit code 1 if there was a failure.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.mutate import mutated
from benchmarks.tables import replace_section
from micronets.commands import inspect
from micronets.compiler import compile_model
from micronets.errors import MicronetsError
from micronets.quantized.random_weights import with_random_weights
from micronets.quantized.validate import validate
from micronets.tflite import ModelFile, read, write
from tests.support.int16_models import random_int16_model
from tests.support.one_of_each import LAYERS, network_of
from tests.support.random_models import random_arch, random_model
from tests.support.recurrent import recurrent_network
from tests.support.stateful import streaming
from tests.tflite.test_shapes import FILES

SECONDS = 10.0  # of processor time, allowed for one file
MEMORY = 1 << 30  # bytes allowed beyond what a process has before it starts
BOARD = "NUCLEO-F446RE"
RANDOM = 60  # random networks of int8 among the sound files
RANDOM_OF_A_KIND = 10  # of int16, with variables, with layers that keep variables for themselves
BATCH = 500  # files that one process does


class TooSlow(BaseException):
    """A file took longer than `SECONDS`; no `Exception`, so that nothing takes it for its own."""


@dataclass
class Tally:
    """What became of some files. `ends`: how many by outcome; `failures`: number of the file and what happened."""

    ends: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    peak_bytes: int = 0

    def add(self, other: Tally) -> None:
        """Counts another tally's files too."""
        self.ends += other.ends
        self.failures += other.failures
        self.slowest = max(self.slowest, other.slowest)
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)


@dataclass
class Record:
    """The file of `--record`, with a line of JSON for each batch of files that is done.

    path: of the file, or None where nothing is kept. seed: of the run; lines of other seeds stay out of account.
    """

    path: Path | None
    seed: int

    def done(self) -> list[tuple[range, Tally]]:
        """Returns which files are done, by number, and what they came to."""
        if self.path is None or not self.path.exists():
            return []
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [
            (
                range(line["first"], line["first"] + sum(line["ends"].values())),
                Tally(
                    Counter(line["ends"]),
                    [(number, what) for number, what in line["failures"]],
                    (line["slowest"][0], line["slowest"][1]),
                    line["peak_bytes"],
                ),
            )
            for line in lines
            if line["seed"] == self.seed
        ]

    def keep(self, first: int, tally: Tally) -> None:
        """Adds the line of a batch that begins with the file of number `first`."""
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps({"seed": self.seed, "first": first, **vars(tally)}) + "\n")


def sound_files(shared: Path) -> list[bytes]:
    """Returns the files to damage: networks of our tests in both styles of our writer, and released models, if any.

    The networks are random ones of int8, one for each kind of operator, and random ones of int16, with variables, and
    with layers that keep variables for themselves. Besides there are files in forms that our writer never makes.
    """
    models = [random_model(random_arch(seed), seed) for seed in range(RANDOM)]
    models += [with_random_weights(network_of(layer), 0) for layer in LAYERS]
    for make in (random_int16_model, streaming, recurrent_network):
        models += [make(seed) for seed in range(RANDOM_OF_A_KIND)]
    files = [write(model, portable=seed % 2 == 1) for seed, model in enumerate(models)]
    files += FILES.values()
    return files + [path.read_bytes() for path in sorted(shared.glob("models/*/*.tflite"))]


def damaged(files: Sequence[bytes], seed: int, number: int) -> bytes:
    """Returns the mutated file of that number."""
    rng = random.Random(f"{seed} {number}")
    return mutated(rng, files[rng.randrange(len(files))], files)


def examine(data: bytes) -> str:
    """Returns how far a file gets. Raises `AssertionError` for an error message that is none."""
    stage = "refused by the reader"
    try:
        model = read(data, "x.tflite")
        stage = "refused by inspect"
        validate(model)
        inspect.inspect(ModelFile("fuzzed", data, model), BOARD)
        stage = "refused by compile"
        compile_model(model)
    except MicronetsError as e:
        text = str(e)
        assert text, "an empty message"
        longest = max(map(len, text.split("; also ")))  # a message names all that is not supported
        assert longest < 600, f"a message of {len(text)} characters: {text[:200]!r}"
        return stage
    return "compiled"


def examine_all(files: Sequence[bytes], seed: int, numbers: Sequence[int], now: Any) -> Tally:
    """Does `examine` for the files of these numbers; `now` holds the number at work."""

    def too_slow(signum: int, frame: FrameType | None) -> None:
        raise TooSlow

    signal.signal(signal.SIGPROF, too_slow)
    tally = Tally()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in numbers:
        now.value = number
        data = damaged(files, seed, number)
        start = time.process_time()
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            end = examine(data)
            signal.setitimer(signal.ITIMER_PROF, 0)
        except (Exception, TooSlow) as e:
            signal.setitimer(signal.ITIMER_PROF, 0)
            end = "failed"
            place = traceback.extract_tb(e.__traceback__)[-1]
            tally.failures.append((number, f"{type(e).__name__}: {e} ({Path(place.filename).name}:{place.lineno})"))
        tally.ends[end] += 1
        tally.slowest = max(tally.slowest, (time.process_time() - start, number))
    tally.peak_bytes = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    return tally


def _work(files: Sequence[bytes], seed: int, numbers: Sequence[int], now: Any, pipe: Any) -> None:
    used = 1024 * int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() // 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    pipe.send(examine_all(files, seed, numbers, now))


def fuzz(
    files: Sequence[bytes], seed: int, numbers: Sequence[int], processes: int = 2, record: Path | None = None
) -> Tally:
    """Does `examine_all` in several processes; where one dies, its file is a failure and another goes on behind it.

    Batches that `record` holds of this seed are not done again.
    """
    context = multiprocessing.get_context("fork")
    total = Tally()
    kept = Record(record, seed)
    left = set(numbers)
    for which, tally in kept.done():
        if which.start in left:
            left.difference_update(which)
            total.add(tally)
    todo = sorted(left)
    batches = [todo[i : i + BATCH] for i in range(0, len(todo), BATCH)][::-1]
    running: list[tuple[Any, Any, Any, list[int]]] = []
    while batches or running:
        while batches and len(running) < processes:
            ours, theirs = context.Pipe(duplex=False)
            now, batch = context.Value("q", -1), batches.pop()
            process = context.Process(target=_work, args=(files, seed, batch, now, theirs))
            process.start()
            theirs.close()
            running.append((process, ours, now, batch))
        process, ours, now, batch = running.pop(0)
        limit = 60 + SECONDS * len(batch)
        try:
            tally = ours.recv() if ours.poll(limit) else None
        except EOFError:
            tally = None
        if tally is None:
            process.kill()
            process.join()
            at = batch.index(now.value)
            died = Tally(Counter(failed=1), [(now.value, f"the process died: exit code {process.exitcode}")])
            total.add(died)
            kept.keep(now.value, died)
            batches += [b for b in (batch[:at], batch[at + 1 :]) if b]
            continue
        process.join()
        total.add(tally)
        kept.keep(batch[0], tally)
    return total


def table(total: Tally, command: str) -> str:
    """Returns the section of the documentation. command: what was run, with its arguments."""
    count = sum(total.ends.values())
    ends = [f"| {name} | {total.ends[name]:,} |" for name in _ENDS]
    return "\n".join(
        [
            f"| of {count:,} mutated files | |",
            "|---|--:|",
            *ends,
            f"| crashed, hung or ran out of memory | {len(total.failures)} |",
            "",
            f"Slowest: {total.slowest[0]:.1f} s of processor time (limit {SECONDS:.0f} s); most memory beyond the "
            f"process's: {total.peak_bytes / 1e6:.0f} MB (limit {MEMORY / 1e6:.0f} MB). {date.today()}, "
            f"`{command}`.",
        ]
    )


_ENDS = ("refused by the reader", "refused by inspect", "refused by compile", "compiled")


def main() -> None:
    """Runs the program as the docstring of this file says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--one", type=int)
    options = parser.parse_args()
    files = sound_files(options.shared)
    if options.one is not None:
        print(examine(damaged(files, options.seed, options.one)))
        return
    total = fuzz(files, options.seed, range(options.files), options.processes, options.record)
    text = table(total, f"python -m benchmarks.fuzz_reader --files {options.files} --seed {options.seed}")
    print(text)
    for number, what in sorted(total.failures):
        print(f"--one {number}: {what}", file=sys.stderr)
    if total.failures:
        sys.exit(1)
    replace_section(Path("docs/deploy.md"), "fuzz", text)


if __name__ == "__main__":
    main()
