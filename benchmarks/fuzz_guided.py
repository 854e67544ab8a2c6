"""Coverage-guided fuzzing of the reader and the compiler, by atheris (libFuzzer); for
`benchmarks.fuzz_reader --guided`.

libFuzzer ends the process it runs in, so this module is also the program of a process of its own.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

LARGEST = 4096  # bytes of a file to start from: small ones are quick
SECONDS, MEMORY_MB = 10, 2048


def run(files: Sequence[bytes], seconds: float) -> int:
    """Fuzzes that long from the smaller of the files; prints what came of it. 0, or 1 for a crash, a hang, a spill."""
    if find_spec("atheris") is None:
        print("skipped: coverage-guided fuzzing needs atheris: pip install atheris")
        return 0
    with tempfile.TemporaryDirectory(prefix="micronets-fuzz-") as name:
        corpus = Path(name) / "corpus"
        corpus.mkdir()
        for i, data in enumerate(f for f in files if len(f) <= LARGEST):
            (corpus / str(i)).write_bytes(data)
        limits = [f"-max_total_time={max(1, round(seconds))}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEMORY_MB}"]
        limits += [f"-max_len={2 * LARGEST}", "-print_final_stats=1", f"-artifact_prefix={name}/"]
        command = [sys.executable, "-m", "benchmarks.fuzz_guided", *limits, str(corpus)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
        )
        print(summary(done.stdout, seconds), flush=True)
        if done.returncode:
            print(done.stdout[-4000:], file=sys.stderr)
            for path in sorted(Path(name).glob("*-*")):
                kept = Path(f"fuzz-{path.name}")
                kept.write_bytes(path.read_bytes())
                print(f"the file that did it: {kept}", file=sys.stderr)
    return int(done.returncode != 0)


def summary(log: str, seconds: float) -> str:
    """How many files libFuzzer ran, what they covered, and what of time and memory it took, from its log."""
    stats = {k: int(v) for k, v in re.findall(r"^stat::(\w+): *(\d+)", log, re.MULTILINE)}
    covered = re.findall(r"\bcov: (\d+)", log)
    first, last = (covered[0], covered[-1]) if covered else ("0", "0")
    return (
        f"Guided by coverage (atheris, {seconds:.0f} s): {stats.get('number_of_executed_units', 0):,} files, branches "
        f"reached {int(first):,} -> {int(last):,}, slowest {stats.get('slowest_unit_time_sec', 0)} s, peak memory of "
        f"the process {stats.get('peak_rss_mb', 0):,} MB"
    )


def _main() -> None:
    import atheris

    with atheris.instrument_imports(include=["micronets"]):
        from benchmarks.fuzz_reader import examine
        from benchmarks.mutate import mutated

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        """Half by libFuzzer's own means, half by ours, which know what the reader looks at."""
        rng = random.Random(seed)
        changed = atheris.Mutate(data, most) if rng.random() < 0.5 or len(data) < 8 else mutated(rng, data, [data])
        return bytes(changed[:most])

    def one(data: bytes) -> None:
        examine(data)

    atheris.Setup(sys.argv, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    _main()
