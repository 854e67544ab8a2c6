"""`listen`: a model's decisions on a recording or a microphone, as they come. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import records
from micronets.commands.evaluate import REFERENCE, checked_runtime, runner
from micronets.commands.stream import samples_of
from micronets.device.tflm import interpreter
from micronets.errors import DeviceError, MissingPackageError
from micronets.installation import require
from micronets.runtimes import TFLM
from micronets.streaming import ONE, Stream
from micronets.tflite import ModelSource, model_file

_SILENT_DB = -96.0  # the level of digital silence


@dataclass(frozen=True)
class HeardWord:
    """A decision, with names.

    - `time`: seconds from the beginning, up to the newest sample that was heard.
    - `label`: the class that fired.
    - `score`: its averaged score, 0 .. 1.
    """

    time: float
    label: str
    score: float

    def to_json(self) -> dict[str, Any]:
        """Returns the record as `micronets listen --json` prints it."""
        table: dict[str, Any] = records.to_json(self)
        return table

    def text(self) -> str:
        """Writes the record as a line: `  12.34 s  yes   0.93`."""
        return f"{self.time:>8.2f} s  {self.label:<12}  {self.score:.2f}"


@dataclass(frozen=True)
class SoundPiece:
    """A piece of sound that was heard.

    - `time`: seconds from the beginning to its end.
    - `level`: its effective value in dB below full scale, -96 .. 0.
    - `best`, `score`: the class with the largest averaged score, and that, 0 .. 1.
    - `words`: what was decided.
    """

    time: float
    level: float
    best: str
    score: float
    words: tuple[HeardWord, ...]


class ModelListener:
    """A model that listens, a piece of sound at a time.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `runtime`: what computes the outputs; None is TFLM where it is installed.

    Raises what `Stream` and `checked_runtime` raise.
    """

    def __init__(self, model: ModelSource, runtime: str | None = None) -> None:
        file = model_file(model)
        name = checked_runtime(runtime or (TFLM.name if interpreter.available() else REFERENCE))
        self.stream = Stream(file.model, run=runner(file, name), where=file.name)
        self.labels, self.rate = self.stream.plan.labels, self.stream.plan.fe.sample_rate
        self.piece = self.stream.plan.hop
        """Samples from one run of the network to the next, which is a good size of a piece."""
        self._samples = 0

    def feed(self, samples: npt.NDArray[Any]) -> SoundPiece:
        """Takes the next samples `[n]`, in int16 units."""
        found = self.stream.feed(samples)
        self._samples += len(samples)
        power = float(np.square(np.asarray(samples, np.float64)).mean()) if len(samples) else 0.0
        best = int(self.stream.averages.argmax())
        return SoundPiece(
            time=self._samples / self.rate,
            level=max(_SILENT_DB, 10 * math.log10(power / 32768**2)) if power else _SILENT_DB,
            best=self.labels[best],
            score=int(self.stream.averages[best]) / ONE,
            words=tuple(HeardWord(d.time / self.rate, self.labels[d.class_index], d.score / ONE) for d in found),
        )

    def recording(self, path: Path) -> tuple[Iterator[SoundPiece], tuple[str, ...]]:
        """Listens to a recording; returns its moments, and notes about it. Raises `DataError`."""
        samples, notes = samples_of(path, self.stream.plan)
        return (self.feed(samples[i : i + self.piece]) for i in range(0, len(samples), self.piece)), notes

    def microphone(self, device: str | None) -> Iterator[SoundPiece]:
        """Listens to a microphone until it is interrupted.

        - `device`: the name or the number of one, as `python -m sounddevice` lists them; None is the system's own.

        Where the system lost samples, the stream begins anew. Raises `MissingPackageError` without the package
        sounddevice, and `DeviceError` for a device that cannot be opened.
        """
        require("sounddevice")
        try:
            import sounddevice
        except OSError as e:  # the package is there, PortAudio is not
            raise MissingPackageError(f"sounddevice: {e}; install PortAudio (apt install libportaudio2)") from e
        which = int(device) if device is not None and device.isdigit() else device
        try:
            with sounddevice.InputStream(
                samplerate=self.rate, blocksize=self.piece, device=which, channels=1, dtype="int16"
            ) as source:
                while True:
                    block, lost = source.read(self.piece)
                    if lost:
                        self.stream.gap(0)
                    yield self.feed(block[:, 0])
        except (sounddevice.PortAudioError, ValueError) as e:
            raise DeviceError(
                f"--input {device or 'the default microphone'}: {' '.join(str(e).split())}; python -m sounddevice "
                "lists what there is, or name a recording"
            ) from e
