"""`evaluate --stream` and `tune`: a model's detections in long recordings, and its best detector.

Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets import records
from micronets.commands.evaluate import REFERENCE, checked_runtime, runner
from micronets.device.tflm import interpreter
from micronets.errors import DataError, SpecError
from micronets.files import check_output, write_atomic
from micronets.frontend import Recording, read_recording, resample
from micronets.frontend.gaps import Gap, LongRecording
from micronets.frontend.labels import SpokenWord, read_labels
from micronets.frontend.micro import Micro
from micronets.frontend.spec import FrontEnd
from micronets.frontend.spectral import Spectral
from micronets.frontend.standard import Standard
from micronets.progress import Progress, StepEvent
from micronets.records import JsonObject
from micronets.report.stream_page import CurvePoint, StreamPage, stream_page
from micronets.runtimes import TFLM
from micronets.streaming import CERTAIN, Detector, StreamPlan, plan_stream
from micronets.streaming.compose import compose
from micronets.streaming.detector import DETECTOR_KEY
from micronets.streaming.judge import Detection, DetPoint, det_curve, judged, tuned, words_of
from micronets.streaming.offline import Heard, hear
from micronets.tasks.arrays.recordings import read_samples
from micronets.tasks.kws import synthetic
from micronets.tasks.kws.folders import scan
from micronets.tasks.kws.noise import coloured_samples
from micronets.terminal import counted, percent, text_table
from micronets.tflite import ModelFile, ModelSource, model_file, write

COMPOSED = "composed"
"""The value of the option `--stream` for a stream that is composed of clips."""

_SPOKEN_EACH = 4  # voices that say each word of a synthesised stream
_NOISES_MADE = 5  # pieces of noise of a synthesised stream
_NOISES = frozenset({"silence", "background", "noise"})  # labels whose clips are background without speech

Float = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sound:
    """A stream with known words.

    - samples: `[n]` in int16 units for sound, `[n, axes]` in the units of the data for a sensor; at the front end's
      rate.
    - events: the words that have a label.
    - source: its origin.
    - composed: whether it was made of clips.
    - notes: remarks on it for the user.
    - gaps: the positions of missing samples.
    """

    samples: npt.NDArray[Any]
    events: tuple[SpokenWord, ...]
    source: str
    composed: bool
    notes: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class WordResult:
    """The results for one word: how often it was said, detected, and detected wrongly."""

    label: str
    said: int
    detected: int
    false_accepts: int


@dataclass(frozen=True)
class StreamEvaluation:
    """The results of a model on a stream: detections, false accepts and latencies.

    - `model`, `runtime`: its path, and the runtime that computed the outputs.
    - `stream`, `composed`, `notes`: the source of the stream, whether it was composed, and remarks on it.
    - `seconds`: its length.
    - `said`, `detected`, `misses`: words with a label that can fire, those that were detected, and those not.
    - `miss_rate`: misses per spoken word.
    - `false_accepts`, `false_accepts_per_hour`: decisions that are wrong, or a second time for one word.
    - `latency_median_ms`, `latency_90_ms`: from the end of a word to the decision; None without detections.
    - `detector`: the detector.
    - `words`: these results by word.
    - `detections`: every decision.
    - `det`: the DET curve, with one threshold for all words.
    """

    model: str
    runtime: str
    stream: str
    composed: bool
    notes: tuple[str, ...]
    seconds: float
    said: int
    detected: int
    misses: int
    miss_rate: float | None
    false_accepts: int
    false_accepts_per_hour: float
    latency_median_ms: float | None
    latency_90_ms: float | None
    detector: Detector
    words: tuple[WordResult, ...]
    detections: tuple[Detection, ...]
    det: tuple[DetPoint, ...]

    def to_json(self) -> JsonObject:
        """Returns the record as `micronets evaluate --stream --json` prints it."""
        return records.to_json(self)

    def text(self) -> str:
        """Returns the text of the record for a terminal."""
        rows = [(w.label, str(w.said), str(w.detected), str(w.false_accepts)) for w in self.words]
        table = text_table(("word", "said", "detected", "false accepts"), rows, numeric=(1, 2, 3))
        head = "COMPOSED STREAM: " if self.composed else ""
        lines = [table, "", f"{head}{self.stream}, {self.seconds:,.0f} s, runtime {self.runtime}", *self._findings()]
        return "\n".join(lines)

    def figures(self) -> StreamPage:
        """Returns the figures for an HTML page of the record."""
        point = None if self.miss_rate is None else CurvePoint(0, self.miss_rate, self.false_accepts_per_hour)
        return StreamPage(
            model=Path(self.model).name,
            stream=self.stream,
            composed=self.composed,
            seconds=self.seconds,
            lines=(f"computed by {self.runtime}", *self._findings()),
            notes=self.notes,
            words=tuple((w.label, w.said, w.detected, w.false_accepts) for w in self.words),
            point=point,
            curve=tuple(CurvePoint(p.threshold, p.miss_rate, p.false_accepts_per_hour) for p in self.det),
        )

    def _findings(self) -> list[str]:
        """Returns lines on detections, misses, false accepts and latency."""
        missed = "" if self.miss_rate is None else f" ({percent(self.miss_rate)})"
        lines = [
            f"{self.detected} of {counted(self.said, 'words')} detected, {self.misses} missed{missed}",
            f"{counted(self.false_accepts, 'false accepts')}: {self.false_accepts_per_hour:.1f} an hour",
        ]
        if self.latency_median_ms is not None:
            lines.append(
                f"latency from the end of a word: {self.latency_median_ms:,.0f} ms in the median, "
                f"{self.latency_90_ms:,.0f} ms in 90 %"
            )
        return lines


def evaluate_stream(
    model: ModelSource,
    stream: str | Path,
    labels: str | Path | None = None,
    data: str | Path | None = None,
    *,
    seconds: float = 600,
    seed: int = 0,
    runtime: str | None = None,
    detector: Detector | None = None,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> StreamEvaluation:
    """Returns the detections, misses and false accepts of a model on a stream.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `stream`: a recording, or "composed".
    - `labels`: the recording's label file, see `frontend.labels.read_labels`.
    - `data`: for a composed stream, a directory with a folder of recordings per class; None composes it of synthesised
      speech.
    - `seconds`, `seed`: of a composed stream.
    - `runtime`: the runtime that computes the outputs, `c`, `tflm` or `reference`; None: TFLM if it is installed.
    - `detector`: None: the model's own, or the default for its labels.
    - `report`: the path of an HTML page with the DET curve; None writes none.
    - `progress`: called with the number of completed runs of the network.

    Raises `FileError`, `SpecError`, `DataError`, `UnsupportedError`, `DeviceError`.
    """
    if report is not None:
        check_output(report, model, stream, labels)
    file, runtime = model_file(model), _runtime(runtime)
    plan = plan_stream(file.model, file.name, detector)
    sound = _sound(plan, stream, labels, data, seconds, seed)
    heard = _heard(file, plan, sound, runtime, progress)
    found = result_of(file.name, runtime, sound, heard, plan.detector)
    if report is not None:
        write_atomic(Path(report), stream_page(found.figures()))
    return found


def result_of(model: str, runtime: str, sound: Sound, heard: Heard, detector: Detector) -> StreamEvaluation:
    """Evaluates a detector's decisions on a stream for which a network's outputs are known.

    - `model`: the path of the network's file.
    - `runtime`: the name of the runtime that computed the outputs.
    - `sound`: the stream with its known words.
    - `heard`: the network's scores for it, run by run.
    - `detector`: turns the scores into decisions; its `hop_frames` is that of the plan in `heard`.
    """
    plan = heard.plan
    names = words_of(plan.labels, detector)
    events = [e for e in sound.events if e.label in names]
    found = judged(heard.decide(detector), events, plan.labels, plan.rate)
    latencies = [1000 * d.latency for d in found if d.latency is not None]
    right = sum(d.right for d in found)
    words = tuple(
        WordResult(
            name,
            sum(e.label == name for e in events),
            sum(d.label == name and d.right for d in found),
            sum(d.label == name and not d.right for d in found),
        )
        for name in names
    )
    return StreamEvaluation(
        model=model,
        runtime=runtime,
        stream=sound.source,
        composed=sound.composed,
        notes=sound.notes,
        seconds=heard.seconds,
        said=len(events),
        detected=right,
        misses=len(events) - right,
        miss_rate=1 - right / len(events) if events else None,
        false_accepts=len(found) - right,
        false_accepts_per_hour=(len(found) - right) * 3600 / heard.seconds,
        latency_median_ms=float(np.median(latencies)) if latencies else None,
        latency_90_ms=float(np.quantile(latencies, 0.9)) if latencies else None,
        detector=detector,
        words=words,
        detections=found,
        det=det_curve(heard, events, detector),
    )


@dataclass(frozen=True)
class Tuning:
    """The detector that `micronets tune` chose, and its results.

    - `out`: the model that carries the detector.
    - `wanted`: false accepts an hour that were allowed.
    - `thresholds`: the averaged score, 0 .. 1, at which each word fires.
    - `before`, `after`: the results with the model's detector before, and with the chosen one.
    """

    model: str
    out: str
    wanted: float
    thresholds: Mapping[str, float]
    before: StreamEvaluation
    after: StreamEvaluation

    def to_json(self) -> JsonObject:
        """Returns the record as `micronets tune --json` prints it."""
        return records.to_json(self)

    def text(self) -> str:
        """Returns the text of the record for a terminal."""
        shown = ", ".join(f"{label} {value:.2f}" for label, value in self.thresholds.items())
        return "\n".join(
            [
                self.after.text(),
                f"before: {self.before.detected} of {counted(self.before.said, 'words')}, "
                f"{self.before.false_accepts_per_hour:.1f} false accepts an hour; allowed: {self.wanted:g}",
                f"{self.out}: the model with its detector; scores of {self.after.detector.average} runs are averaged",
                f"thresholds: {shown}",
            ]
        )


def tune(
    model: ModelSource,
    stream: str | Path,
    out: str | Path,
    false_accepts_per_hour: float,
    labels: str | Path | None = None,
    data: str | Path | None = None,
    *,
    hop_frames: int | None = None,
    seconds: float = 1800,
    seed: int = 0,
    runtime: str | None = None,
    progress: Progress | None = None,
) -> Tuning:
    """Chooses the detector's average and thresholds on a stream, and writes the model with it to `out`.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `stream`: a recording, or "composed".
    - `out`: the `.tflite` that is written.
    - `false_accepts_per_hour`: the number allowed in an hour of this stream, 0 to 3,600.
    - `hop_frames`: frames from one output that the detector takes to the next; None: as in the model's detector.
    - `labels`, `data`, `seconds`, `seed`, `runtime`, `progress`: those of `evaluate_stream`.

    The stream must not be used to evaluate the model later. `micronets.streaming.judge.tuned` describes the choice.
    Raises what `evaluate_stream` raises.
    """
    if not 0 <= false_accepts_per_hour <= 3600:
        raise SpecError(f"--false-accepts-per-hour {false_accepts_per_hour:g}: allowed: 0 to 3,600")
    check_output(out, model, stream, labels)
    file, runtime = model_file(model), _runtime(runtime)
    plan = _plan(file, hop_frames)
    sound = _sound(plan, stream, labels, data, seconds, seed)
    names = words_of(plan.labels, plan.detector)
    events = [e for e in sound.events if e.label in names]
    if not events:
        raise DataError(f"{sound.source}: none of the words {', '.join(names)} is said; take a stream with some")
    heard = _heard(file, plan, sound, runtime, progress)
    found = tuned([heard], [events], plan.detector, false_accepts_per_hour)
    texts = {**file.model.metadata, DETECTOR_KEY: found.to_json()}
    write_atomic(Path(out), write(replace(file.model, metadata=texts)))
    return Tuning(
        model=file.name,
        out=str(out),
        wanted=false_accepts_per_hour,
        thresholds={n: found.thresholds[plan.labels.index(n)] / CERTAIN for n in names},
        before=result_of(file.name, runtime, sound, heard, plan.detector),
        after=result_of(file.name, runtime, sound, heard, found),
    )


def _plan(file: ModelFile, hop_frames: int | None) -> StreamPlan:
    """Returns how a model listens, with `hop_frames` frames between outputs if given.

    Raises the errors of `plan_stream`, and `SpecError` for a number that is not allowed.
    """
    text = file.model.metadata.get(DETECTOR_KEY)
    if hop_frames is None:
        return plan_stream(file.model, file.name)
    detector = plan_stream(file.model, file.name).detector if text is None else Detector.from_json(text, file.name)
    return plan_stream(file.model, file.name, replace(detector, hop_frames=hop_frames))


def _runtime(name: str | None) -> str:
    return checked_runtime(name or (TFLM.name if interpreter.available() else REFERENCE))


def _heard(file: ModelFile, plan: StreamPlan, sound: Sound, runtime: str, progress: Progress | None) -> Heard:
    tell = progress or (lambda _: None)
    return hear(
        file.model,
        plan,
        sound.samples,
        runner(file, runtime),
        lambda done, steps: tell(StepEvent("listen", done, steps)),
        sound.gaps,
    )


def _sound(
    plan: StreamPlan, stream: str | Path, labels: str | Path | None, data: str | Path | None, seconds: float, seed: int
) -> Sound:
    """Reads a recording with its labels, or composes a stream."""
    shortest = plan.signal.window_samples / plan.rate
    if str(stream) == COMPOSED:
        if labels is not None:
            raise SpecError(f"--labels {labels}: are for a recording; a composed stream has its own")
        return composed_sound(plan, None if data is None else Path(data), seconds, seed)
    if data is not None:
        raise SpecError(f"--data {data}: is for --stream composed; a recording has --labels")
    if labels is None:
        raise SpecError(f"--stream {stream}: needs --labels, a file of start, end and label of each word")
    recorded = long_recording(Path(stream), plan)
    length = recorded.total / plan.rate
    if length < shortest:
        raise DataError(f"{stream}: lasts {length:.2f} s; the network takes {shortest:g} s at once: take a longer one")
    events = read_labels(Path(labels), plan.labels, length)
    return Sound(recorded.samples, events, str(stream), False, recorded.notes, recorded.gaps)


def long_recording(path: Path, plan: StreamPlan) -> LongRecording:
    """Reads a recording at the front end's rate. Raises `DataError`."""
    match plan.signal.front_end:
        case FrontEnd() | Micro():
            found, rate = read_recording(path), round(plan.rate)
            notes = () if found.rate == rate else (f"{path}: resampled from {found.rate:,} Hz to {rate:,} Hz",)
            return LongRecording(resample(found.samples, found.rate, rate), (), notes)
        case Spectral() as sensor:
            return read_samples(path, sensor.axes, sensor.settings.sample_rate)
        case Standard():
            return read_samples(path, plan.signal.axes, plan.rate)
        case _:
            assert_never(plan.signal.front_end)


def composed_sound(plan: StreamPlan, folder: Path | None, seconds: float, seed: int) -> Sound:
    """Composes a stream.

    - `plan`: how the model listens to the stream, see `plan_stream`.
    - `folder`: a directory of clips, with a folder per class; None: synthesised speech.
    - `seconds`: its length in seconds.
    - `seed`: seed of all random choices.

    Raises `DataError`, and `SpecError` for an impossible length.
    """
    if plan.signal.noun != "sound":
        raise SpecError("composed: streams are composed of sounds; for a sensor, name a recording, a .csv or .npy")
    shortest = max(10.0, 2 * plan.signal.window_samples / plan.rate)
    if not shortest <= seconds <= 36_000:
        raise SpecError(f"--seconds {seconds:g}: allowed: {shortest:g} to 36,000")
    return _spoken(plan, seconds, seed) if folder is None else _of_clips(plan, folder, seconds, seed)


def _of_clips(plan: StreamPlan, folder: Path, seconds: float, seed: int) -> Sound:
    """Composes a stream from the clips of a directory."""
    folders = scan(folder)
    names = words_of(plan.labels, plan.detector)
    if not any(name in folders.files for name in names):
        raise DataError(f"{folder}: no folder has the name of one of the model's words: {', '.join(names)}")
    background = folders.background or folders.files.get("_silence_", ())
    if not background:
        raise DataError(f"{folder}: no recordings of noise; add some in _background_noise_")
    found = composed_of(plan, folders.files, background, seconds, seed)
    return replace(found, source=f"composed of {folder.name}", notes=(*folders.notes, *found.notes))


def composed_of(
    plan: StreamPlan, files: Mapping[str, Sequence[Path]], background: Sequence[Path], seconds: float, seed: int
) -> Sound:
    """Composes a stream of recordings.

    - `plan`: how the model listens to the stream, see `plan_stream`.
    - `files`: recordings by class, some of a word of the model's; others are other words, but for noise.
    - `background`: recordings of noise; where there are none, noise is made.
    - `seconds`: its length in seconds.
    - `seed`: seed of all random choices.

    Raises `DataError` for a recording that cannot be read.
    """
    rate = round(plan.rate)

    def clips(paths: Sequence[Path]) -> list[Float]:
        found: list[Recording] = [read_recording(path) for path in paths]
        return [resample(one.samples, one.rate, rate) for one in found]

    words = {name: clips(files[name]) for name in words_of(plan.labels, plan.detector) if files.get(name)}
    quiet = [name for name in files if name.strip("_").casefold() in _NOISES]
    others = [clip for name in files if name not in (*words, *quiet) for clip in clips(files[name])]
    noise = clips(background) or [*coloured_samples(_NOISES_MADE, 10 * rate, np.random.default_rng(seed))]
    samples, events = compose(words, others, noise, rate, seconds, seed)
    kinds = "every other clip is none of the model's words" if others else "there is no other speech"
    said = f"{counted(sum(map(len, words.values())), 'clips')} of {counted(len(words), 'words')}"
    noises = f"{counted(len(background), 'recordings')} of noise" if background else "synthesised noise"
    note = f"composed of {said} and {len(others):,} others over {noises}, seed {seed}; {kinds}"
    return Sound(samples, events, "composed of recordings", True, (note,))


def _spoken(plan: StreamPlan, seconds: float, seed: int) -> Sound:
    """Composes a stream of synthesised speech: the model's words, other words, and noise."""
    names, rate = words_of(plan.labels, plan.detector), round(plan.rate)
    others = [word for word in synthetic.OTHERS if word not in names]
    clips = synthetic.spoken([*names, *others], _SPOKEN_EACH, rate, seed=seed)
    noise = coloured_samples(_NOISES_MADE, 10 * rate, np.random.default_rng(seed))
    spoken = [clip for word in others for clip in clips[word]]
    samples, events = compose({n: clips[n] for n in names}, spoken, [*noise], rate, seconds, seed)
    said = f"{counted(len(names), 'words')} of the model's and {len(others)} others"
    note = f"synthesised: {said} by espeak-ng, over noise, seed {seed}"
    return Sound(samples, events, "synthetic speech", True, (note,))
