"""`Detector`: from a stream of a network's outputs to decisions, in integer arithmetic that numpy and C share.

    output codes [C] -> scores [C] -> sum of the last W scores of each class -> the class with the largest sum fires

A score is a probability with 15 fractional bits, 0 .. `CERTAIN`. If the network's outputs are logits, it is their
softmax: a table gives the exponential of a code relative to the largest one, and the sum of all divides it. If they are
already probabilities, a table gives the score. csrc/micronets_detector.c computes the same in C, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import SpecError
from micronets.frontend import as_json
from micronets.frontend.micro import Micro
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.ranges import check_fields, ranged
from micronets.streaming.signal import Signal

Int = npt.NDArray[np.int64]

DETECTOR_KEY = "micronets.detector"
"""The key of the detector in a model's metadata."""

CERTAIN = 1 << 15
"""The score of certainty, a probability of 1."""

_CODES = 256
_NEVER = 2**31 - 1
_QUIET_NAMES = frozenset({"silence", "unknown", "background", "noise", "other", "others", "none", "negative", "rest"})


@dataclass(frozen=True, kw_only=True)
class Detector:
    """The rule by which a network's outputs become decisions; it has integers only, and is stored in the model as JSON.

    - `hop_frames`: the detector uses one output of the network per this many frames, 1 .. 1000.
    - `average`: the number of outputs whose scores are averaged, 1 .. 64; scores before the first one count as 0.
    - `thresholds`: for each class, the averaged score from which it fires, 0 .. `CERTAIN`.
    - `refractory_ms`: for each class, the milliseconds during which it does not fire again, 0 .. 60,000.
    - `never`: numbers of the classes that never fire, such as silence and unknown words. While one of them has the
      largest average, no other class fires.
    - `gate_frames`, `gate_pixel`: no class fires while the average pixel of the newest `gate_frames` frames (1 .. 1000)
      is below `gate_pixel` (0 .. 255; 0 turns the gate off).

    Raises `SpecError` for a value that is not allowed.
    """

    hop_frames: int = ranged(10, 1, 1000)
    average: int = ranged(3, 1, 64)
    thresholds: tuple[int, ...] = ranged((CERTAIN // 2,), 0, CERTAIN)
    refractory_ms: tuple[int, ...] = ranged((1000,), 0, 60_000)
    never: tuple[int, ...] = ()
    gate_frames: int = ranged(50, 1, 1000)
    gate_pixel: int = ranged(0, 0, 255)

    def __post_init__(self) -> None:
        lists = {"thresholds": self.thresholds, "refractory_ms": self.refractory_ms, "never": self.never}
        for name, values in lists.items():
            if not isinstance(values, tuple) or not all(_is_integer(v) for v in values):
                raise SpecError(f"detector: {name} = {values!r}; a list of integers is needed")
        for name in ("hop_frames", "average", "gate_frames", "gate_pixel"):
            if not _is_integer(getattr(self, name)):
                raise SpecError(f"detector: {name} = {getattr(self, name)!r}; an integer is needed")
        check_fields(self, "detector: ")
        count = len(self.thresholds)
        if not count or len(self.refractory_ms) != count:
            raise SpecError(
                f"detector: {count} thresholds and {len(self.refractory_ms)} values of refractory_ms; need one of each "
                "for each class"
            )
        wrong = [n for n in self.never if not 0 <= n < count]
        if wrong:
            raise SpecError(f"detector: never = {wrong[0]}; classes have the numbers 0 to {count - 1}")

    def to_json(self) -> str:
        """Returns every field as one line of JSON."""
        return as_json.to_json(self)

    @staticmethod
    def from_json(text: str, where: str = "detector") -> Detector:
        """Reads the result of `to_json`; missing fields take their defaults. Raises `SpecError`."""
        return as_json.from_json(Detector, text, where)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def default_detector(labels: Sequence[str], signal: Signal, step: int = 1) -> Detector:
    """Returns the detector of a model that carries none.

    The detector takes an output about every 100 ms and averages three; a class fires from an average of 0.8, and again
    after a second at the earliest. Classes whose labels mean silence or the unknown never fire, unless there is no
    other. For a third-party network with one output behind TFLM's own front end, the detector takes every output and
    averages five; the word fires from 0.97, as is usual for such wake words.

    - labels: the names of the outputs.
    - signal: the signal of the network's front end.
    - step: the number of frames, at least 1, of which the hop must be a multiple: the frames that the network, or its
      incremental version, takes at a time.
    """
    if isinstance(signal.front_end, Micro) and len(labels) == 1:
        return Detector(hop_frames=step, average=5, thresholds=(round(0.97 * CERTAIN),), refractory_ms=(1000,))
    never = tuple(i for i, label in enumerate(labels) if label.strip("_ ").casefold() in _QUIET_NAMES)
    return Detector(
        hop_frames=step * min(1000 // step, max(1, round(100 / (signal.frame_ms * step)))),
        thresholds=(round(0.8 * CERTAIN),) * len(labels),
        refractory_ms=(1000,) * len(labels),
        never=never if len(never) < len(labels) else (),
    )


@dataclass(frozen=True, eq=False)
class DetectorTables:
    """The numbers that the arithmetic of a detector reads; C has the same ones.

    - classes: C, the number of outputs.
    - average: the number of runs whose scores are averaged.
    - softmax: whether `table` has exponentials, by how far a code is below the largest one; otherwise it has the score
      of each code, beginning with that of -128.
    - table: `[256]`, 0 .. `CERTAIN`.
    - least: `[C]`, the sum of the last `average` scores from which a class fires.
    - refractory: `[C]`, the number of runs after which a class may fire again, at least 1.
    - least_loudness: the sum of the pixels of the newest `gate_frames` frames from which a class may fire.
    - gate_frames: the number of frames whose pixels are summed.
    """

    classes: int
    average: int
    softmax: bool
    table: Int
    least: Int
    refractory: Int
    least_loudness: int
    gate_frames: int


def detector_tables(detector: Detector, signal: Signal, quant: TensorQuant) -> DetectorTables:
    """Makes the tables of a detector.

    - detector: the detector, with a threshold for each class.
    - signal: the signal of the network's front end.
    - quant: scale and zero point of the network's output as int8, see `output_quant`. If its codes are 0 to 255 / 256,
      as after softmax and logistic, they are probabilities; otherwise they are logits.
    """
    classes = len(detector.thresholds)
    certainties = float(quant.scale) == 1 / _CODES and quant.zero_point == -128
    real = (np.arange(_CODES) - 128 - quant.zero_point) * float(quant.scale)
    softmax = not certainties and classes > 1
    if softmax:
        table = np.exp(-np.arange(_CODES) * float(quant.scale))
    else:
        table = real if certainties else 1 / (1 + np.exp(-real))
    least = np.asarray(detector.thresholds, np.int64) * detector.average
    least[list(detector.never)] = _NEVER
    hop = detector.hop_frames * signal.frame_hop
    runs = [max(1, math.ceil(ms * signal.rate / (1000 * hop))) for ms in detector.refractory_ms]
    return DetectorTables(
        classes=classes,
        average=detector.average,
        softmax=softmax,
        table=np.clip(np.rint(table * CERTAIN), 0, CERTAIN).astype(np.int64),
        least=least,
        refractory=np.asarray(runs, np.int64),
        least_loudness=detector.gate_pixel * signal.pixels * detector.gate_frames,
        gate_frames=detector.gate_frames,
    )


def output_quant(model: QuantizedModel) -> TensorQuant:
    """Returns scale and zero point of a model's output as int8; codes of a uint8 output are 128 larger."""
    name = model.arch.outputs[0]
    quant = model.quant[name]
    return replace(quant, zero_point=quant.zero_point - 128) if model.arch.types()[name] == "uint8" else quant


def scores(outputs: npt.NDArray[Any], t: DetectorTables) -> Int:
    """Returns the scores `[N, C]`, 0 .. `CERTAIN`, of outputs `[N, C]`, int8 or uint8, by the detector's tables `t`."""
    codes = outputs.reshape(len(outputs), t.classes).astype(np.int64)
    if outputs.dtype == np.uint8:
        codes -= 128
    if not t.softmax:
        return np.asarray(t.table[codes + 128])
    powers = t.table[codes.max(1, keepdims=True) - codes]
    return np.asarray((powers << 15) // powers.sum(1, keepdims=True))


@dataclass(frozen=True)
class Decision:
    """A class that fired.

    - class_index: its number.
    - score: its averaged score, 0 .. `CERTAIN`.
    - time: samples of the stream up to the end of the frame after which the class fired.
    """

    class_index: int
    score: int
    time: int


@dataclass(frozen=True)
class Fired:
    """A class that fired.

    - run: the number of the run of the network, from 0 for the first one of the call.
    - class_index: the class.
    - score: its averaged score, 0 .. `CERTAIN`.
    """

    run: int
    class_index: int
    score: int


class DetectorState:
    """The state of a detector: outputs in, firing classes out; outputs may come in pieces of any size."""

    def __init__(self, tables: DetectorTables) -> None:
        self.tables = tables
        self.averages = np.zeros(tables.classes, np.int64)
        """The averaged scores after the last run, `[C]`, 0 .. `CERTAIN`."""
        self._history = np.zeros((tables.average, tables.classes), np.int64)
        self._quiet = np.zeros(tables.classes, np.int64)  # runs in which a class does not fire, counted from the next

    def feed(self, outputs: npt.NDArray[Any], loudness: npt.NDArray[Any]) -> list[Fired]:
        """Takes the outputs of N consecutive runs of the network.

        - outputs: int8 or uint8 `[N, C]`.
        - loudness: integers `[N]`, the sum of the pixels of the newest `gate_frames` frames at each run.

        Returns the classes that fired, in order.
        """
        return self.feed_scores(scores(outputs, self.tables), loudness)

    def feed_scores(self, found: Int, loudness: npt.NDArray[Any]) -> list[Fired]:
        """Takes the scores of N runs, `[N, C]`, as from `scores`; otherwise it is `feed`."""
        t, count = self.tables, len(found)
        if not count:
            return []
        rows = np.concatenate([self._history, found])
        total = np.concatenate([np.zeros((1, t.classes), np.int64), rows.cumsum(0)])
        sums = total[t.average + 1 :] - total[1 : count + 1]
        self._history = rows[count:]
        self.averages = sums[-1] // t.average
        best = sums.argmax(1)
        largest = sums[np.arange(count), best]
        may = (largest >= t.least[best]) & (np.asarray(loudness) >= t.least_loudness)
        fired = []
        for run in np.flatnonzero(may).tolist():
            one = int(best[run])
            if run >= self._quiet[one]:
                self._quiet[one] = run + t.refractory[one]
                fired.append(Fired(run, one, int(largest[run]) // t.average))
        self._quiet = np.maximum(self._quiet - count, 0)
        return fired
