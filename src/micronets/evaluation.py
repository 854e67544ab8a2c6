"""How well a finished model does on a data set, and whether the runtimes agree on it. No torch here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import reference, tasks, tflite
from micronets.arch import INPUT
from micronets.compiler import compile_model
from micronets.device import host, tflm
from micronets.errors import FileError, SpecError, did_you_mean
from micronets.frontend import PRESETS, RELEASED_LABELS, FrontEnd, preset
from micronets.model import QuantizedModel
from micronets.quant import quantize
from micronets.tasks import kws

RUNTIMES = ("c", "reference", "tflm")
_CHUNK = 256  # clips the reference works on at a time: bounds its memory

Int8 = npt.NDArray[np.int8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """Top-1 accuracy in 0..1, and counts `[true][predicted]`."""

    accuracy: float
    confusion: list[list[int]]


def score(outputs: npt.NDArray[Any], labels: Labels, classes: int) -> Score:
    """Outputs `[N, classes]` (the largest wins, the first of equals) against class indices `[N]`."""
    predicted = outputs.reshape(len(outputs), -1).argmax(1)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return Score(float((predicted == labels).mean()) if len(labels) else 0.0, counts.tolist())


def quantized(model: QuantizedModel, x: npt.NDArray[np.float32]) -> Int8:
    """Real inputs `[N, H, W, C]` as the model's int8 inputs of its own shape."""
    q = quantize(x, model.quant[INPUT], model.arch.input_bits)
    return q.reshape(len(x), *model.arch.input_shape)


def outputs(model: QuantizedModel, data: bytes, x: Int8, runtime: str) -> Int8:
    """int8 outputs `[N, *output_shape]` of the model (`data` is its file) under a runtime."""
    if runtime == "tflm":
        return tflm.run(data, x)
    if runtime == "c":
        return host.run(compile_model(model), x)
    return np.concatenate([reference.run(model, x[i : i + _CHUNK]) for i in range(0, len(x), _CHUNK)])


@dataclass(frozen=True)
class Comparison:
    """Bytes compared and bytes that differ; the first layer that differs, and on which clip, where one does."""

    compared: int
    different: int
    first: str | None = None


def compare(model: QuantizedModel, data: bytes, x: Int8, ours: Int8, theirs: Int8) -> Comparison:
    """Our reference's outputs against TFLM's, byte by byte; where they differ, layer by layer on the first such clip."""
    wrong = (ours != theirs).reshape(len(x), -1)
    if not wrong.any():
        return Comparison(ours.size, 0)
    clip = int(wrong.any(1).argmax())
    one = x[clip : clip + 1]
    mine, its = reference.tensors(model, one), tflm.tensors(data, one)
    layers = [name for name in mine if name in its and (mine[name] != its[name]).any()]
    return Comparison(
        ours.size, int(wrong.sum()), f"layer '{layers[0]}' on clip {clip}" if layers else f"the output on clip {clip}"
    )


def evaluate(
    path: Path,
    task: str,
    data: Path | None,
    *,
    test: Path | None = None,
    split: str = "test",
    runtime: str | None = None,
    front_end: str | None = None,
    labels: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Accuracy of a `.tflite` on a split of a data set, with everything that says how it was found.

    runtime: None is TFLM where it is installed. front_end, labels: None is what the model's metadata says.
    Raises `FileError`, `SpecError`, `DataError`, `UnsupportedError`, `DeviceError`.
    """
    if task not in tasks.TASKS:
        raise SpecError(f"unknown task '{task}'; {did_you_mean(task, tasks.TASKS)}")
    runtime = runtime or ("tflm" if tflm.available() else "reference")
    if runtime not in RUNTIMES:
        raise SpecError(f"--runtime {runtime}: {did_you_mean(runtime, RUNTIMES)}")
    content = read_file(path)
    model = tflite.read(content, str(path))
    names = tuple(labels) if labels else labels_of(model, front_end)
    count = model.arch.output_shape[-1]
    if names is not None and len(names) != count:
        raise SpecError(f"{path}: {count} outputs, but {len(names)} labels: {', '.join(names)}; name them with --labels")
    fe = front_end_of(model, front_end, str(path))
    if fe.input_shape != model.arch.input_shape:
        raise SpecError(
            f"{path}: its input is {model.arch.input_shape}, the front end gives {fe.input_shape}; name another one"
        )
    examples = kws.evaluation(data, fe, names, split=split, test=test)
    x = quantized(model, examples.inputs)
    result = score(outputs(model, content, x, runtime), examples.labels, len(examples.classes))
    return {
        "model": str(path),
        "metric": "accuracy",
        "value": result.accuracy,
        "samples": len(x),
        "runtime": runtime,
        "source": "host",
        "split": split,
        "data": examples.source,
        "synthetic": examples.synthetic,
        "notes": list(examples.notes),
        "classes": list(examples.classes),
        "confusion": result.confusion,
    }


def read_file(path: Path) -> bytes:
    """The bytes of a model. Raises `FileError`."""
    try:
        return path.read_bytes()
    except OSError as e:
        raise FileError(f"{path}: cannot read this model ({e.strerror}); give the path of a .tflite file") from e


def labels_of(model: QuantizedModel, front_end: str | None = None) -> tuple[str, ...] | None:
    """Names of the model's outputs: from its metadata, or those that the released models of a front end have."""
    text = model.metadata.get("micronets.labels")
    if text:
        return tuple(json.loads(text))
    return RELEASED_LABELS if front_end in ("micronet-mfcc", "mlperf-mfcc") else None


def front_end_of(model: QuantizedModel, name: str | None, where: str) -> FrontEnd:
    """The front end of that name or JSON file, or else the one in the model's metadata. Raises `SpecError`."""
    if name is not None and name.endswith(".json"):
        return FrontEnd.from_json(read_file(Path(name)).decode(errors="replace"), name)
    if name is not None:
        return preset(name)
    text = model.metadata.get("micronets.frontend")
    if text is None:
        raise SpecError(f"{where}: carries no front end; name one with --front-end: {', '.join(PRESETS)}, or a JSON file")
    return FrontEnd.from_json(text, where)
