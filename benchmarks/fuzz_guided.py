"""Coverage-guided fuzzing of the reader and the compiler, by atheris (libFuzzer): a program of its own, since libFuzzer
ends the process that it runs in. `python -m benchmarks.fuzz_reader --guided SECONDS` starts it.
"""

from __future__ import annotations

import random
import sys


def _main() -> None:
    import atheris

    with atheris.instrument_imports(include=["micronets"]):
        from benchmarks.fuzz_reader import examine
        from benchmarks.mutate import mutated

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        """Returns a mutated file: half of them by libFuzzer's means, half by ours, which know what the reader reads."""
        rng = random.Random(seed)
        changed = atheris.Mutate(data, most) if rng.random() < 0.5 or len(data) < 8 else mutated(rng, data, [data])
        return bytes(changed[:most])

    def one(data: bytes) -> None:
        examine(data)

    atheris.Setup(sys.argv, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    _main()
