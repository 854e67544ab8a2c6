"""`listen`: a model's decisions on a recording or a microphone, as they are made. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import records
from micronets.boards.board import Board, load_board
from micronets.commands.evaluate import REFERENCE, checked_runtime, runner
from micronets.commands.incremental import new_frames_alone
from micronets.commands.stream import composed_sound, long_recording
from micronets.compiler import compile_model
from micronets.device.sim.machine import simulate
from micronets.device.stream import answer_bytes, decided, pieces, stream_firmware
from micronets.device.tflm import interpreter
from micronets.errors import CheckFailed, DeviceError, MissingPackageError, SpecError
from micronets.frontend.gaps import LongRecording, unbroken
from micronets.installation import require
from micronets.records import JsonObject
from micronets.runtimes import TFLM
from micronets.runtimes.c import arena_limit
from micronets.streaming import CERTAIN, Decision, Stream, steps_of
from micronets.tflite import ModelSource, model_file

_FIRMWARE = "listener"  # the network's name in the firmware; it must not be `model`
_FLOAT_ERROR = 1e-7  # how far float hundredths of a quotient may fall below the middle
_SILENT_DB = -96.0  # the level of digital silence


@dataclass(frozen=True)
class HeardWord:
    """A decision, with names.

    - `time`: seconds from the beginning to the newest sample.
    - `label`: the class that fired.
    - `score`: its averaged score, 0 .. 1.
    """

    time: float
    label: str
    score: float

    def to_json(self) -> JsonObject:
        """Returns the record as `micronets listen --json` prints it."""
        return records.to_json(self)

    def text(self) -> str:
        """Returns the record as a line: `  12.34 s  yes   0.93`, with digits as in an application in C."""
        return f"{_two_decimals(self.time):>8} s  {self.label:<12}  {_two_decimals(self.score)}"


def _two_decimals(value: float) -> str:
    """Returns the text of a number of at least 0 with two decimals, halves rounded up."""
    return f"{math.floor(100 * value + 0.5 + _FLOAT_ERROR) / 100:.2f}"


@dataclass(frozen=True)
class SoundPiece:
    """A piece of sound, or of a sensor's samples, that was processed.

    - `time`: seconds from the beginning to its end.
    - `level`: its RMS in dB below full scale, -96 .. 0. For a sensor with standardised samples, full scale is 32 to 64
      times the smallest deviation.
    - `best`, `score`: the class with the largest averaged score, and that score, 0 .. 1.
    - `words`: the decisions.
    """

    time: float
    level: float
    best: str
    score: float
    words: tuple[HeardWord, ...]


class ModelListener:
    """A model that listens, a piece of sound at a time.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `runtime`: the runtime that computes the outputs. None: TFLM if it is installed, but the reference for a model
      that takes only the new frames, or is converted to one because that computes less.

    Raises the errors of `Stream` and `checked_runtime`.
    """

    def __init__(self, model: ModelSource, runtime: str | None = None) -> None:
        self.file = file = new_frames_alone(model) if runtime is None else model_file(model)
        name = checked_runtime(runtime or (TFLM.name if interpreter.available() else REFERENCE))
        # The reference continues from the state of the last piece, which other runtimes recompute for each.
        goes_on = runtime is None and steps_of(file.model, file.name) is not None
        self.stream = Stream(file.model, run=None if goes_on else runner(file, name), where=file.name)
        self.labels, self.rate = self.stream.plan.labels, self.stream.plan.rate
        self.piece = self.stream.plan.hop
        """Samples from one output that the detector takes to the next, a good size for a piece."""
        self._samples = 0

    def feed(self, samples: npt.NDArray[Any]) -> SoundPiece:
        """Takes the next samples, `[n]` in int16 units for sound, `[n, axes]` in the units of the data for a sensor."""
        found = self.stream.feed(samples)
        self._samples += len(samples)
        steps = self.stream.plan.signal.integers(np.asarray(samples))
        power = float(np.square(steps.astype(np.float64)).mean()) if len(samples) else 0.0
        best = int(self.stream.averages.argmax())
        return SoundPiece(
            time=self._samples / self.rate,
            level=min(0.0, max(_SILENT_DB, 10 * math.log10(power / 32768**2))) if power else _SILENT_DB,
            best=self.labels[best],
            score=int(self.stream.averages[best]) / CERTAIN,
            words=self._named(found),
        )

    def _named(self, decisions: Sequence[Decision]) -> tuple[HeardWord, ...]:
        """Returns decisions with the names of their classes."""
        return tuple(HeardWord(d.time / self.rate, self.labels[d.class_index], d.score / CERTAIN) for d in decisions)

    def gap(self, samples: int) -> None:
        """Reports a number of lost samples, at least 0: time advances, and everything else restarts."""
        self.stream.gap(samples)
        self._samples += samples

    def recording(self, path: Path) -> LongRecording:
        """Reads a recording at the model's rate. Raises `DataError`."""
        return long_recording(path, self.stream.plan)

    def composed(self, seconds: float, seed: int) -> LongRecording:
        """Composes a recording of synthesised speech, whose notes list the words and their times.

        - `seconds`: its length in seconds.
        - `seed`: seed of all random choices.

        Raises `DataError` without the synthesiser, and `SpecError` for an impossible length.
        """
        sound = composed_sound(self.stream.plan, None, seconds, seed)
        said = ", ".join(f"{e.label} until {e.end:.1f} s" for e in sound.events)
        return LongRecording(sound.samples, (), (*sound.notes, f"said: {said or 'none of the words'}"))

    def moments(self, recording: LongRecording) -> Iterator[SoundPiece]:
        """Listens to a recording piece by piece, including its gaps."""
        for piece in self._pieces(recording):
            if isinstance(piece, int):
                self.gap(piece)
            else:
                yield self.feed(recording.samples[piece])

    def _pieces(self, recording: LongRecording) -> Iterator[slice | int]:
        """Yields the pieces of a recording in order: the samples, or how many are missing."""
        before = 0
        for part, lost in unbroken(len(recording.samples), recording.gaps):
            if lost > before:
                yield lost - before
            before = lost
            for at in range(part.start, part.stop, self.piece):
                yield slice(at, min(at + self.piece, part.stop))

    def on_board(self, recording: LongRecording, board: str | Path | Board) -> Iterator[SoundPiece]:
        """Listens with the C of `micronets compile` on a simulated core, and compares every decision with numpy's.

        - `recording`: the recording, with its gaps.
        - `board`: a name, the path of a board's TOML file, or a board.

        Raises `DeviceError` if there is no compiler or no simulator, and `CheckFailed` if the C's decisions differ from
        numpy's.
        """
        where = load_board(board)
        signal = self.stream.plan.signal
        steps = signal.integers(np.asarray(recording.samples))
        parts = list(self._pieces(recording))
        sizes = [-part if isinstance(part, int) else part.stop - part.start for part in parts]
        compiled = compile_model(self.file.model, where.target, arena_limit=arena_limit(where, "auto"), name=_FIRMWARE)
        require("unicorn")
        firmware = stream_firmware(compiled, self.piece, where, axes=signal.axes, bits=signal.sample_bits)
        given, answer = pieces(steps, sizes, self.piece, signal.sample_bits), answer_bytes(len(self.labels))
        found = simulate(firmware.elf, given, len(compiled.plan.kernels), answer, where)
        for row, part in zip(found.outputs.view("<i4"), parts, strict=True):
            if isinstance(part, int):
                self.gap(part)
                continue
            moment = self.feed(recording.samples[part])
            if self._named(decided(row)) != moment.words:
                raise CheckFailed(f"{where.name}, simulated: the C decides otherwise than numpy at {moment.time:.2f} s")
            yield moment

    def microphone(self, device: str | None) -> Iterator[SoundPiece]:
        """Listens to a microphone until it is interrupted.

        - `device`: the name or the number of a device, as `python -m sounddevice` lists them; None: the system's
          default.

        If the system lost samples, the stream restarts. Raises `MissingPackageError` without the package sounddevice,
        and `DeviceError` for a device that cannot be opened.
        """
        if self.stream.plan.signal.noun != "sound":
            raise SpecError(f"{self.file.name}: is for a sensor; name a recording of it, a .csv or .npy, with --input")
        require("sounddevice")
        try:
            import sounddevice
        except OSError as e:  # the package is there, but PortAudio is missing
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
