"""`import_model`: makes an int8 `.tflite` from another tool's trained network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import tasks
from micronets.commands.evaluate import front_end_json, known_labels
from micronets.commands.model_file import write
from micronets.errors import DataError, FileError, SpecError
from micronets.files import DAMAGE, check_output, check_plain, damage_text, read_plain
from micronets.importers.calibrate import Imported, PtqSettings, as_it_is, post_training
from micronets.importers.float_tflite import is_float, read_float
from micronets.importers.network import FloatNetwork
from micronets.importers.onnx_file import read_onnx
from micronets.progress import NoteEvent, Progress
from micronets.terminal import counted
from micronets.tflite.foreign import foreign_model

CALIBRATION_EXAMPLES = 400
"""The number of calibration inputs, if there are more."""


def import_model(
    model: str | Path,
    out: str | Path | None = None,
    calibrate: str | Path | npt.ArrayLike | None = None,
    *,
    task: str | None = None,
    front_end: str | None = None,
    labels: Sequence[str] | None = None,
    split: str = "train",
    examples: int = CALIBRATION_EXAMPLES,
    settings: PtqSettings | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Makes an int8 model from another tool's trained network, by quantisation after training.

    - `model`: the path of a float `.tflite`, or of an ONNX model, float or quantised with QuantizeLinear.
    - `out`: where the `.tflite` is written; None: nowhere.
    - `calibrate`: typical inputs: an array `[N, ...]`, a `.npy` or `.npz` of one, or the data of a task.
    - `task`, `front_end`, `labels`: what the network has learnt, by which its data are read; the model carries them.
    - `split`: the split of the task's data from which the inputs are drawn.
    - `examples`: the maximum number of inputs, drawn at random with a fixed seed.
    - `settings`: how to quantise; by default, the way that does best on these inputs.
    - `progress`: receives events that say what is in progress.

    Raises `FileError`, `SpecError`, `DataError`, `UnsupportedError`.
    """
    if out is not None:
        check_output(out, model, calibrate, front_end)
    network = float_network(Path(model))
    network = replace(network, metadata=_metadata(network, task, front_end, labels))
    if calibrate is None and network.given:
        made = as_it_is(network)
        if out is not None:
            write(made.model, out)
        return made
    if calibrate is None:
        raise SpecError(f"{model}: quantising it needs typical inputs; give them with --calibrate")
    if examples < 2:
        raise SpecError(f"examples = {examples}; allowed: 2 or more; a few hundred are enough")
    if isinstance(calibrate, (str, Path)):
        x = _inputs_of(Path(calibrate), network, str(model), task, front_end, split, examples, progress)
    else:
        x = np.asarray(calibrate)
    if x.ndim and len(x) > examples:
        x = x[drawn_inputs(len(x), examples)]
    made = post_training(network, x, settings, progress)
    if out is not None:
        write(made.model, out)
    return made


def float_network(path: Path) -> FloatNetwork:
    """Returns the float network in another tool's file. Raises `FileError` and `UnsupportedError`."""
    if path.is_dir() and (other := foreign_model(path)):
        raise FileError(f"{path}: {other}")
    try:
        content = read_plain(path)
    except OSError as e:
        raise FileError(
            f"{path}: cannot read this model ({e.strerror}); give the path of a float .tflite or .onnx"
        ) from e
    if path.suffix.lower() == ".onnx":
        return read_onnx(path)
    if other := foreign_model(path, content):
        raise FileError(f"{path}: {other}")
    if not is_float(content, str(path)):
        raise SpecError(f"{path}: is already quantised; every other command accepts it as it is")
    return read_float(content, str(path))


def _metadata(
    network: FloatNetwork, task: str | None, front_end: str | None, labels: Sequence[str] | None
) -> dict[str, str]:
    """Returns the metadata of the model: its own, and the user's options."""
    texts = dict(network.metadata)
    if task is not None:
        texts["micronets.task"] = tasks.find(task).name
    if front_end is not None:
        texts["micronets.frontend"] = front_end_json(texts, front_end) or ""
    names = tuple(labels) if labels else known_labels(texts, front_end)
    if names:
        count = network.arch.output_shape[-1]
        if len(names) != count:
            raise SpecError(
                f"{counted(count, 'outputs')}, but {counted(len(names), 'labels')}: "
                f"{', '.join(names)}; name them with --labels"
            )
        texts["micronets.labels"] = json.dumps(list(names))
    return texts


def _inputs_of(
    path: Path,
    network: FloatNetwork,
    where: str,
    task: str | None,
    front_end: str | None,
    split: str,
    examples: int,
    progress: Progress | None,
) -> npt.NDArray[Any]:
    """Returns calibration inputs: the array in a file, or examples of a task through the model's front end."""
    task = task or network.metadata.get("micronets.task")
    if path.suffix.lower() == ".npy" or (path.suffix.lower() == ".npz" and task is None and front_end is None):
        return _array_of(path)
    if task is None and front_end is None:
        raise SpecError(
            f"{path}: say how its examples become inputs, with --task ({', '.join(tasks.TASKS)}) and --front-end; "
            "or give a .npy of inputs"
        )
    if progress is not None:
        progress(NoteEvent("data", f"reading {path}"))
    height, width, channels = (*network.arch.input_shape, 1, 1)[:3]
    shape = (height, width, channels)
    # No labels: the data may have other classes than the network.
    card = tasks.Card(None, front_end_json(network.metadata, front_end), shape, where, network.metadata)
    found = tasks.examples(task or next(iter(tasks.TASKS)), card, path, split=split)
    return found.part(drawn_inputs(len(found.labels), examples)).reshape(-1, *network.arch.input_shape)


def drawn_inputs(count: int, examples: int) -> npt.NDArray[np.int64]:
    """Returns the indices of at most `examples` of `count` inputs, in order."""
    order = np.random.default_rng(0).permutation(count)
    return np.sort(order[:examples]).astype(np.int64)


def _array_of(path: Path) -> npt.NDArray[Any]:
    """Returns the inputs in a `.npy`, or in an `.npz` with a single array or one called `x`. Raises `DataError`."""
    try:
        check_plain(path)
        pack = np.load(path, allow_pickle=False)
        if isinstance(pack, np.ndarray):
            return pack
        with pack:
            names = list(pack)
            if "x" not in names and len(names) != 1:
                found = ", ".join(names)
                raise DataError(f"{path}: holds the arrays {found}; call the inputs x, or give a .npy of them")
            return np.asarray(pack["x" if "x" in names else names[0]])
    except FileNotFoundError as e:
        raise DataError(f"{path}: there is no such file; give a .npy of inputs [N, ...], or the data of a task") from e
    except DAMAGE as e:
        raise DataError(
            f"{path}: damaged, or not an array of numbers ({damage_text(e)}); write it with numpy.save"
        ) from e
