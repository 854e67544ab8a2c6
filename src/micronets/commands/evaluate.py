"""`evaluate`: the accuracy of a finished model on a data set, and whether the runtimes agree on it. Needs no torch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import records, tasks
from micronets.arguments import checked
from micronets.commands.front_end import refuse_clips
from micronets.device.tflm import interpreter
from micronets.errors import DataError, FileError, SpecError, UnsupportedError, did_you_mean
from micronets.files import read_plain_text
from micronets.frontend import RELEASED_LABELS, image, preset
from micronets.ir.layers import INPUT, Softmax
from micronets.progress import NoteEvent, Progress, StepEvent
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, quantize
from micronets.quantized.model import InputArrays, QuantizedModel
from micronets.records import JsonObject
from micronets.runtimes import RUNTIMES, TFLM
from micronets.runtimes.measurement import Comparison
from micronets.streaming import steps_of
from micronets.tasks import Examples, TaskData, own
from micronets.tasks.scoring import BALANCED, Score, remarks, unequal
from micronets.terminal import counted, interval_text, metric_label, percent, text_table
from micronets.tflite import ModelFile, ModelSource, model_file

REFERENCE = "reference"
"""The name under which our integer reference, in numpy, runs a model here, besides the runtimes."""

_CHUNK = 256  # examples whose logits are computed at a time, which bounds the memory
_BLOCK = 1024  # examples whose inputs are real numbers at a time

InputCodes = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]


def blocks(count: int, size: int = _BLOCK) -> Iterator[npt.NDArray[np.int64]]:
    """Yields the indices of `count` examples, `size` at a time: all inputs of a large split would fill the memory."""
    yield from (np.arange(i, min(i + size, count)) for i in range(0, count, size))


def quantized(model: QuantizedModel, x: npt.NDArray[np.float32]) -> InputCodes:
    """Returns real inputs `[N, H, W, C]` in the model's own input shape, as codes or float32 by its type."""
    model.arch.check_one_input()
    q = quantize(x, model.quant[INPUT], model.arch.input_type) if INPUT in model.quant else np.asarray(x, np.float32)
    return q.reshape(len(x), *model.arch.input_shape)


def outputs(file: ModelFile, x: InputArrays, runtime: str) -> InputCodes:
    """Computes the codes of outputs `[N, *output_shape]` of the model in the file.

    - `file`: the model.
    - `x`: codes of inputs.
    - `runtime`: the name of a runtime, or `REFERENCE`.
    """
    return runner(file, runtime)(x)


def runner(file: ModelFile, runtime: str) -> Callable[[InputArrays], InputCodes]:
    """Returns a function from inputs `[N, *input_shape]` to outputs, which can be called many times.

    Of a model with several inputs it takes an array for each by its name.
    """
    return RUNTIMES[runtime].runner(file) if runtime != REFERENCE else lambda x: reference.run(file.model, x)


def logits(model: QuantizedModel, out: npt.NDArray[Any]) -> Floats:
    """Returns codes of outputs as real logits `[N, classes]`, up to a constant.

    If the model ends in a softmax, they are the logarithms of its outputs.
    """
    real = dequantize(out, model.quant[model.arch.output]) if model.arch.output in model.quant else out
    real = real.reshape(len(out), -1).astype(np.float32)
    if isinstance(model.arch.layers[-1], Softmax):
        # Half a step stands for a probability of 0.
        real = np.log(np.maximum(real, np.float32(1 / 512)))
    return real


def compare(file: ModelFile, x: InputCodes, ours: InputCodes, theirs: InputCodes) -> Comparison:
    """Compares our reference's outputs with TFLM's, byte by byte.

    - `file`: the model that computed them.
    - `x`: codes of its inputs, `[N, *input_shape]`.
    - `ours`, `theirs`: codes of the outputs by our reference and by TFLM, `[N, *output_shape]`.

    If they differ, the layers are compared on the first example that differs.
    """
    wrong = (ours != theirs).reshape(len(x), -1)
    if not wrong.any():
        return Comparison(ours.size, 0)
    clip = int(wrong.any(1).argmax())
    one = x[clip : clip + 1]
    mine, its = reference.tensors(file.model, one), interpreter.tensors(file.content, one)
    layers = [name for name in mine if name in its and (mine[name] != its[name]).any()]
    return Comparison(
        ours.size, int(wrong.sum()), f"layer '{layers[0]}' on clip {clip}" if layers else f"the output on clip {clip}"
    )


@dataclass(frozen=True)
class Evaluation:
    """The score of a model on a split of a data set.

    - `model`: its path.
    - `task`, `split`, `data`: the task, the split, and the source of the data.
    - `metric`, `value`, `interval`: the task's metric, and its 95 % interval, if there is one.
    - `metrics`: this and others by name.
    - `samples`, `noun`: the number of evaluated examples, and the word for them.
    - `runtime`, `source`: the runtime that computed the outputs, and where.
    - `synthetic`, `notes`: whether the examples are synthetic; remarks on them.
    - `classes`, `confusion`: names of the outputs; examples by true class (row) and predicted one, if there are
      classes.
    - `class_counts`: the number of evaluated examples of each class, if there are classes.
    - `remarks`: remarks without which the metric could mislead (`tasks.scoring.remarks`).
    """

    model: str
    task: str
    metric: str
    value: float
    interval: Sequence[float] | None
    metrics: Mapping[str, float]
    samples: int
    noun: str
    runtime: str
    source: str
    split: str
    data: str
    synthetic: bool
    notes: tuple[str, ...]
    classes: tuple[str, ...]
    confusion: Sequence[Sequence[int]] | None
    class_counts: Mapping[str, int] | None
    remarks: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """Returns the record as `micronets evaluate --json` prints it."""
        return records.to_json(self)

    def text(self) -> str:
        """Returns the text of the record for a terminal."""
        if self.confusion is not None:
            rows = [
                (name, str(sum(row)), percent(row[i] / sum(row)) if sum(row) else "-")
                for i, (name, row) in enumerate(zip(self.classes, self.confusion, strict=True))
            ]
            table = text_table(("class", self.noun, "right"), rows, numeric=(1, 2))
        else:
            rest = [(metric_label(name), percent(v)) for name, v in self.metrics.items() if name != self.metric]
            table = text_table(("metric", "value"), rest, numeric=(1,)) if rest else ""
        value = f"{metric_label(self.metric)} {percent(self.value)}"
        if self.metric == "accuracy" and self.confusion is not None and unequal(self.confusion):
            value += f" (balanced {percent(self.metrics[BALANCED])})"
        lines = [
            *([table, ""] if table else []),
            f"{'SYNTHETIC DATA: ' if self.synthetic else ''}{self.data}, split {self.split}",
            *([interval_text(self.interval)] if self.interval else []),
            *(f"remark: {remark}" for remark in self.remarks),
            f"{value} of {self.samples:,} {self.noun}, runtime {self.runtime}",
        ]
        return "\n".join(lines)


@checked
def evaluate(
    model: ModelSource,
    task: str | None = None,
    data: str | Path | TaskData | None = None,
    *,
    test: str | Path | None = None,
    split: str = "test",
    runtime: str | None = None,
    front_end: str | None = None,
    labels: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Computes the task's metric of a model on a split of a data set.

    - `model`: the path of a `.tflite`, or a model in memory.
    - `task`: a name, or `FILE.py:NAME`; None is the one in the model's metadata, or keyword spotting if a front end is
      named.
    - `data`: the path of the data set, or the data set itself; None: synthetic examples of the task.
    - `test`: a directory that replaces the test split, if the task has such an option.
    - `split`: "train", "val", "test", or "all" if the data have no splits of their own.
    - `runtime`: the runtime that computes the outputs, `c`, `tflm` or `reference`; None is TFLM where it is installed.
    - `front_end`, `labels`: those of the model; None takes them from its metadata.
    - `progress`: is called with what is being read, and how many examples of how many are done.

    Raises `FileError`, `SpecError`, `DataError`, `UnsupportedError`, `DeviceError`.
    """
    runtime = checked_runtime(runtime or (TFLM.name if interpreter.available() else REFERENCE))
    if task is not None:
        tasks.find(task)
    file = model_file(model)
    _check_one_score(file, front_end)
    names = _labels(file, labels, front_end)
    tell = progress or (lambda _: None)
    if data is None or isinstance(data, (str, PathLike)):
        task = _task_of(file, task, front_end)
        path, held_out = None if data is None else Path(data), None if test is None else Path(test)
        note = "making synthetic examples" if path is None and held_out is None else f"reading {held_out or path}"
        tell(NoteEvent("data", note))
        metadata = file.model.metadata
        card = tasks.Card(names, front_end_json(metadata, front_end), _shape_of_input(file), file.name, metadata)
        try:
            examples = tasks.examples(task, card, path, split=split, test=held_out)
        except SpecError as e:
            learnt = metadata.get("micronets.task", task)
            if learnt == task or front_end is not None:
                raise
            raise SpecError(f"{file.name}: is a model of task {learnt}, not of {task} ({e}); leave out --task") from e
    else:
        for option, given in (("task", task), ("test", test), ("front_end", front_end)):
            if given is not None:
                raise SpecError(f"{option} = {given}: is for data in files; leave it out with a data set in memory")
        examples = _examples_of(data, split, file, names)
        task = data.name
    result = examples.score(_logits_of(file, examples, runtime, tell))
    return _evaluation(file, task, split, runtime, examples, result)


def _evaluation(file: ModelFile, task: str, split: str, runtime: str, examples: Examples, result: Score) -> Evaluation:
    """Returns the record of a model's score on examples of a split, whose outputs a runtime computed."""
    counts = None
    if result.confusion is not None:
        counts = {name: sum(row) for name, row in zip(examples.classes, result.confusion, strict=True)}
    return Evaluation(
        model=file.name,
        task=task,
        metric=result.metric,
        value=result.value,
        interval=result.interval,
        metrics=dict(result.metrics),
        samples=result.samples,
        noun=result.noun,
        runtime=runtime,
        source="host",
        split=split,
        data=examples.source,
        synthetic=examples.synthetic,
        notes=tuple(examples.notes),
        classes=tuple(examples.classes),
        confusion=result.confusion,
        class_counts=counts,
        remarks=remarks(result, examples.classes),
    )


def _check_one_score(file: ModelFile, front_end: str | None) -> None:
    """Raises `SpecError` for a model that takes no clips, or has several outputs, so that no single score describes it.

    - `file`: the model.
    - `front_end`: the front end that the user names, None for that of the model.
    """
    if (steps := steps_of(file.model, file.name)) is not None:
        raise SpecError(
            f"{file.name}: takes {counted(steps.frames, 'frames')} of a stream at a time, not clips; evaluate it with "
            "--stream, or evaluate the model that it was made from"
        )
    refuse_clips(file.model, file.name, front_end)
    outputs = file.model.arch.outputs
    if len(outputs) > 1:
        raise SpecError(
            f"{file.name}: has {counted(len(outputs), 'outputs')} ({', '.join(outputs)}), and a score needs a single "
            "one; mn.tensors, from Python, computes them all"
        )


def _labels(file: ModelFile, given: Sequence[str] | None, front_end: str | None) -> tuple[str, ...] | None:
    """Returns the names of a model's outputs; None if they are unknown.

    - `file`: the model.
    - `given`: the user's names; None or empty: those of the model or of its front end.
    - `front_end`: the front end that the user names; None: that of the model.

    Raises `SpecError` if the numbers of names and outputs differ.
    """
    network = file.model
    names = tuple(given) if given is not None and len(given) else known_labels(network.metadata, front_end)
    count = network.arch.output_shape[-1]
    if names is not None and len(names) != count:
        raise SpecError(
            f"{file.name}: {counted(count, 'outputs')}, but {counted(len(names), 'labels')}: "
            f"{', '.join(names)}; name them with --labels"
        )
    return names


def _logits_of(file: ModelFile, examples: Examples, runtime: str, tell: Progress) -> Floats:
    """Computes the logits `[N, classes]` of examples block by block, and reports progress."""
    run, found, count = runner(file, runtime), list[InputCodes](), len(examples.labels)
    begun, done = time.monotonic(), 0
    for rows in blocks(count, _CHUNK):
        found.append(run(quantized(file.model, examples.part(rows))))
        done += len(rows)
        left = (time.monotonic() - begun) / done * (count - done)
        tell(StepEvent("evaluate", done, count, left))
    return logits(file.model, np.concatenate(found))


def checked_runtime(name: str) -> str:
    """Returns the name itself. Raises `SpecError` for a name that is neither a runtime nor `REFERENCE`."""
    if name not in (known := (*RUNTIMES, REFERENCE)):
        raise SpecError(f"--runtime {name}: {did_you_mean(name, known)}")
    return name


def _task_of(file: ModelFile, given: str | None, front_end: str | None) -> str:
    """Returns the task on which a model is evaluated.

    - `given`: the task that the user names; None: that of the model.
    - `front_end`: the front end that the user names; None: that of the model.

    Raises `SpecError` if neither names a task.
    """
    own = file.model.metadata.get("micronets.task")
    if given is None and own is None and front_end is None:
        raise SpecError(
            f"{file.name}: carries no task, so it is not known what it has learnt; name one with --task "
            f"({', '.join(tasks.TASKS)}), and its --front-end and --labels"
        )
    return given or own or next(iter(tasks.TASKS))


def _shape_of_input(file: ModelFile) -> tuple[int, int, int]:
    """Returns the shape (H, W, C) of a model's input: (K, 1, 1) for K values, (T, K, 1) for a sequence (T, K).

    Raises `UnsupportedError` for an input of more axes.
    """
    shape = file.model.arch.input_shape
    if len(shape) > 3:
        raise UnsupportedError(f"{file.name}: its input is {shape}; no task has inputs of {len(shape)} axes")
    height, width, channels = (*shape, 1, 1)[:3]
    return height, width, channels


def _examples_of(data: TaskData, split: str, file: ModelFile, names: tuple[str, ...] | None) -> Examples:
    """Returns a split of a data set in memory, for a model with its classes and input shape. Raises `DataError`."""
    own.check_data(data)
    if names is not None and names != data.classes:
        raise DataError(
            f"{file.name}: its labels are {', '.join(names)}, the data's classes {', '.join(data.classes)}; "
            "give data of the same classes, in the same order"
        )
    settings = input_settings_of(file.model.metadata, data)
    if data.input_shape(settings) != _shape_of_input(file):
        raise DataError(
            f"{file.name}: its input is {file.model.arch.input_shape}, the data's {data.input_shape(settings)}; "
            "give data of that shape"
        )
    if not data.size(split):
        raise DataError(f"{data.source}: split '{split}' is empty; choose another")
    return Examples(
        part=lambda rows: data.inputs(split, settings, rows),
        labels=data.labels(split),
        classes=data.classes,
        score=lambda outputs: data.evaluate(outputs, split),
        source=data.source,
        synthetic=data.synthetic,
        noun=data.noun,
        notes=data.notes,
    )


def _front_end_file(path: Path) -> str:
    try:
        text = read_plain_text(path)
        json.loads(text)
    except OSError as e:
        raise FileError(f"{path}: cannot read this front end ({e.strerror}); give its name or a JSON file") from e
    except (ValueError, RecursionError) as e:
        raise SpecError(f"{path}: not a front end ({e}); write one with FrontEnd.to_json") from e
    return text


def known_labels(metadata: Mapping[str, str], front_end: str | None = None) -> tuple[str, ...] | None:
    """Returns the names of a model's outputs: from its metadata, or those of a front end's released models."""
    text = metadata.get("micronets.labels")
    if text:
        return tuple(json.loads(text))
    if front_end in image.PRESETS:
        return image.RELEASED_LABELS[front_end]
    return RELEASED_LABELS if front_end in ("micronet-mfcc", "mlperf-mfcc") else None


def input_settings_of(metadata: Mapping[str, str], data: TaskData) -> dict[str, int]:
    """Returns the input settings of data that the front end in a model's metadata implies."""
    told = json.loads(metadata.get("micronets.frontend", "{}"))
    return {name: int(told[name]) for name in data.input_settings if name in told}


def front_end_json(metadata: Mapping[str, str], name: str | None) -> str | None:
    """Returns the JSON of the front end of that name or in that file; without a name, that of a model's metadata."""
    if name is not None and name.endswith(".json"):
        return _front_end_file(Path(name))
    if name in image.PRESETS:
        return image.PRESETS[name].to_json()
    return preset(name).to_json() if name is not None else metadata.get("micronets.frontend")
