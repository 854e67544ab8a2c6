"""Recordings small enough to search and train on in seconds: a folder of WAVs per class, each class a pitch."""

import re
import wave
from pathlib import Path

import numpy as np

PITCHES = {"high": 2500.0, "low": 400.0, "middle": 1100.0}


def write_wav(path: Path, samples: np.ndarray, rate: int = 16000, channels: int = 1) -> None:
    """Writes a WAV file of int16; `samples` are `[n]` or `[n, channels]`, from -1 to 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as f:
        f.setnchannels(channels)
        f.setsampwidth(2)
        f.setframerate(rate)
        f.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def tones(root: Path, clips: int = 20, classes: int = 3, seed: int = 0) -> Path:
    """Writes `clips` recordings of one second for each class below `root`: a tone with an overtone, in noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(16000) / 16000
    for name, pitch in list(PITCHES.items())[:classes]:
        for i in range(clips):
            hertz = pitch * rng.uniform(0.9, 1.1)
            tone = sum(np.sin(2 * np.pi * hertz * k * t) / k for k in (1, 2)) * (np.abs(t - 0.5) < 0.35)
            write_wav(root / name / f"clip{i:03}.wav", 0.2 * tone + 0.02 * rng.standard_normal(16000))
    return root


CONFIG = """
task = "kws"
board = "NUCLEO-F446RE"
out = "{out}"

[data]
path = "{data}"

[budget]
arena_bytes = "24K"
tflite_bytes = 24e3
macs = 1e6

[space]
name = "dscnn"
max_width = 40
blocks = 3

[search]
epochs = 3
batch = 16

[train]
epochs = 6
qat_epochs = 2
batch = 16
calibration_batches = 2
"""

QUICK = re.sub(r"epochs = \d+", "epochs = 1", CONFIG)
"""The same with one epoch where there are more."""


def config(root: Path, data: Path | str, text: str = CONFIG) -> Path:
    """Returns a configuration in `root` for a run of seconds on `data`, into `root/run`."""
    path = root / "tiny.toml"
    path.write_text(text.format(out=root / "run", data=data))
    return path
