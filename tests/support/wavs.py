"""Small WAV data sets for tests."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from micronets.frontend import encode_wav


def tone(seed: int, samples: int = 16000, rate: int = 16000, hertz: float = 600) -> np.ndarray:
    """Returns a tone in noise, int16 units."""
    rng = np.random.default_rng(seed)
    return 3000 * np.sin(2 * np.pi * hertz * np.arange(samples) / rate) + rng.normal(0, 100, samples)


def write_words(root: Path, counts: Mapping[str, int], name: str = "{:03d}.wav") -> Path:
    """Writes `counts[c]` clips of each class `c` into a folder of its name; each class has a pitch of its own."""
    for c, (word, count) in enumerate(counts.items()):
        (root / word).mkdir(parents=True)
        for i in range(count):
            (root / word / name.format(i)).write_bytes(encode_wav(tone(1000 * c + i, hertz=300 * (c + 1))))
    return root
