"""A whole recording at once: its scores are computed once, and many detectors can decide on them.

The decisions are those of a `Stream`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend.gaps import Gap, unbroken
from micronets.quantized.model import QuantizedModel
from micronets.streaming.detector import (
    Decision,
    Detector,
    DetectorState,
    DetectorTables,
    detector_tables,
    output_quant,
    scores,
)
from micronets.streaming.incremental import Steps
from micronets.streaming.plan import StreamPlan
from micronets.streaming.stream import Runner

_Array = npt.NDArray[np.int64]

_FRAMES = 6000  # frames whose codes are computed at once
_AT_ONCE = 256  # windows that the network computes at once


@dataclass(frozen=True)
class HeardPart:
    """A part of a recording between two gaps.

    - runs: its number of runs of the network.
    - frames: its number of frames.
    - begin: samples of the recording before it, including missing ones.
    """

    runs: int
    frames: int
    begin: int


@dataclass(frozen=True, eq=False)
class Heard:
    """The scores of a network for a recording, run by run.

    - plan: how the network listens.
    - model: the network.
    - scores: the scores of each run, `[N, C]`, 0 .. `CERTAIN`.
    - loudness: the sum of the pixels of every frame, `[F]`.
    - samples: the number of samples of the recording, including missing ones.
    - parts: the parts between gaps, one if there is no gap; the network and the detector start anew in each.
    """

    plan: StreamPlan
    model: QuantizedModel
    scores: npt.NDArray[np.int64]
    loudness: npt.NDArray[np.int64]
    samples: int
    parts: tuple[HeardPart, ...]

    @property
    def seconds(self) -> float:
        """The length of the recording in seconds."""
        return self.samples / self.plan.rate

    def decide(self, detector: Detector) -> list[Decision]:
        """Returns the decisions of a detector, whose `hop_frames` is that of the plan."""
        assert detector.hop_frames == self.plan.detector.hop_frames, "scores are for one hop"
        plan, t = self.plan, tables_of(self, detector)
        found, run, frame = [], 0, 0
        for part in self.parts:
            runs = plan.frames - 1 + detector.hop_frames * np.arange(part.runs)
            loudness = self.loudness[frame : frame + part.frames]
            total = np.concatenate([np.zeros(t.gate_frames, np.int64), loudness.cumsum()])
            sums = total[runs + t.gate_frames] - total[runs]
            ends = part.begin + plan.signal.frame_samples + plan.frame_hop * runs
            fired = DetectorState(t).feed_scores(self.scores[run : run + part.runs], sums)
            found += [Decision(one.class_index, one.score, int(ends[one.run])) for one in fired]
            run, frame = run + part.runs, frame + part.frames
        return found


def tables_of(heard: Heard, detector: Detector) -> DetectorTables:
    """Returns the numbers of a detector for the recording's network."""
    return detector_tables(detector, heard.plan.signal, output_quant(heard.model))


def hear(
    model: QuantizedModel,
    plan: StreamPlan,
    samples: npt.ArrayLike,
    run: Runner,
    tell: Callable[[int, int], None] = lambda done, all: None,
    gaps: Sequence[Gap] = (),
) -> Heard:
    """Computes the scores of a network for a recording.

    - model: the network.
    - plan: how the network listens, from `plan_stream`.
    - samples: `[n]` or `[n, axes]` in the units of recordings, at the front end's rate.
    - run: computes outputs int8 `[N, ...]` from codes of inputs `[N, *input_shape]`.
    - tell: called with the number of completed runs, and of all runs.
    - gaps: the positions of missing samples; after each, everything starts anew.
    """
    x, parts, lost = plan.signal.integers(np.asarray(samples)), [], 0
    found: list[tuple[_Array, _Array]] = []
    runs = [_runs(len(x[where]), plan) for where, _ in unbroken(len(x), gaps)]

    def told_after(before: int) -> Callable[[int], None]:
        return lambda done: tell(before + done, sum(runs))

    for i, (where, lost) in enumerate(unbroken(len(x), gaps)):
        found.append(_hear_part(model, plan, x[where], run, told_after(sum(runs[:i]))))
        parts.append(HeardPart(runs[i], len(found[i][1]), where.start + lost))
    values, loudness = (np.concatenate(rows) for rows in zip(*found, strict=True))
    return Heard(plan, model, values, loudness, len(x) + lost, tuple(parts))


def _runs(samples: int, plan: StreamPlan) -> int:
    """Returns how many outputs of the network the detector takes in this many samples without a gap."""
    frames = 0 if samples < plan.signal.frame_samples else 1 + (samples - plan.signal.frame_samples) // plan.frame_hop
    return len(range(0, frames - plan.frames + 1, plan.detector.hop_frames))


def _hear_part(
    model: QuantizedModel, plan: StreamPlan, x: npt.NDArray[Any], run: Runner, tell: Callable[[int], None]
) -> tuple[_Array, _Array]:
    """Computes the scores of a network `[N, C]` for a part without gaps, and the loudness of every frame `[F]`.

    The arguments are those of `hear`, but `x` has integers, and `tell` is called with the number of completed runs.
    """
    rows = plan.signal.rows(x)
    count = len(rows)
    codes, loudness = np.zeros((count, *plan.signal.frame_shape), np.int8), np.zeros(count, np.int64)
    coder = plan.signal.coder(plan.quant)
    for i in range(0, count, _FRAMES):
        part = slice(i, i + _FRAMES)
        codes[part], loudness[part] = coder(rows[part])
    begins = np.arange(0, count - plan.frames + 1, plan.detector.hop_frames)
    found = np.zeros((len(begins), plan.tables.classes), np.int64)
    if plan.steps is not None:
        if len(begins):
            found = scores(
                _stepped(codes, plan.steps, model.arch.input_shape, run)[begins // plan.steps.frames], plan.tables
            )
        tell(len(begins))
        return found, loudness
    for i in range(0, len(begins), _AT_ONCE):
        windows = np.stack([codes[b : b + plan.frames] for b in begins[i : i + _AT_ONCE].tolist()])
        outputs = run(windows.reshape(len(windows), *model.arch.input_shape))
        found[i : i + len(windows)] = scores(outputs.reshape(len(windows), -1), plan.tables)
        tell(i + len(windows))
    return found, loudness


def _stepped(
    codes: npt.NDArray[np.int8], steps: Steps, input_shape: tuple[int, ...], run: Runner
) -> npt.NDArray[np.integer[Any]]:
    """Returns the outputs `[N, C]` of a network that takes steps, for all windows that end with a step.

    - codes: the codes of all frames, `[F, K, channels]`, at least a window.
    - steps: how the network takes frames.
    - input_shape: the shape of the network's input, the frames of a step.
    - run: computes the outputs of steps.
    """
    early = np.zeros((steps.early, *codes.shape[1:]), np.int8)
    padded = np.concatenate([early, codes])
    count = len(padded) // steps.frames
    outputs = run(padded[: count * steps.frames].reshape(count, *input_shape))
    return outputs.reshape(count, -1)[(steps.window + steps.early) // steps.frames - 1 :]
