"""`first_network`: a trained network from a file, with its last layer adapted to the classes of new data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micronets import tflite
from micronets.commands.evaluate import input_settings_of, known_labels
from micronets.errors import DataError, FileError, UnsupportedError
from micronets.files import read_plain
from micronets.importers.dequantised import code_ranges, dequantised
from micronets.importers.float_tflite import is_float, read_float
from micronets.importers.network import FloatNetwork, FloatWeights
from micronets.importers.onnx_file import read_onnx
from micronets.ir.layers import Conv2D, FullyConnected, Layer, Reshape, Softmax
from micronets.tasks import TaskData
from micronets.terminal import counted
from micronets.tflite.foreign import foreign_model

if TYPE_CHECKING:
    from torch import Tensor

MODEL_SUFFIXES = (".tflite", ".onnx")
"""The files that hold a network with its weights."""

_STATISTICS = 1024  # training examples for the statistics of batch norms
_BATCH = 128


@dataclass(frozen=True, eq=False)
class FirstNetwork:
    """A trained network that is ready for further training.

    - `network`: its layers and float weights; it has one output per class of the data, in their order.
    - `settings`: the input settings of the data that give its input.
    - `new`: the classes whose outputs start anew, because the file has none of that name.
    - `notes`: remarks on it for the user, one line each.
    """

    network: FloatNetwork
    settings: Mapping[str, int]
    new: tuple[str, ...]
    notes: tuple[str, ...]


def first_network(path: Path, data: TaskData, settings: Mapping[str, int] | None = None) -> FirstNetwork:
    """Reads a trained network and adapts its outputs to the data.

    The output of a class keeps its weights if the file has a class of the same name, whatever its position. That of a
    new class starts with weights of 0 and the mean bias of those that are kept. Outputs of other classes are removed.
    If the file has no labels and as many outputs as there are classes, it keeps all outputs; otherwise they all start
    anew.

    - `path`: a `.tflite`, int8 or float, or an ONNX file.
    - `data`: the data that the network will learn.
    - `settings`: input settings of the data; None: those that the file's front end implies.

    Raises `FileError` for a file that cannot be read, `UnsupportedError` for a network whose last layer cannot be
    changed, `DataError` for data of another shape.
    """
    where = str(path)
    network, _ = network_in_file(path, where)
    chosen = input_settings_of(network.metadata, data) if settings is None else dict(settings)
    shape = data.input_shape(chosen)
    if network.arch.input_shape != shape:
        raise DataError(
            f"{where}: its network takes {network.arch.input_shape}, the data give {shape}; give data that are made "
            "as those it was trained on"
        )
    labels, classes = known_labels(network.metadata), data.classes
    count = _size(network.arch.output_shape)
    if labels is None and count == len(classes):
        note = f"{where} has no names for its outputs; they are taken for the classes in order"
        return FirstNetwork(network, chosen, (), (note, *_front_end_note(where, network, data, chosen)))
    old = () if labels is None or len(labels) != count else labels
    sources = [old.index(name) if name in old else None for name in classes]
    new = tuple(name for name, source in zip(classes, sources, strict=True) if source is None)
    gone = tuple(name for name in old if name not in classes)
    notes = []
    if new:
        notes.append(f"{where}: new outputs for {', '.join(new)}; {counted(len(classes) - len(new), 'outputs')} kept")
    if gone:
        notes.append(f"{where}: outputs without a class in the data left out: {', '.join(gone)}")
    if sources != list(range(count)):
        network = with_outputs(network, sources, where)
    return FirstNetwork(network, chosen, new, (*notes, *_front_end_note(where, network, data, chosen)))


def network_in_file(path: Path, where: str) -> tuple[FloatNetwork, dict[str, tuple[float, float]]]:
    """Returns the network in a file, in real numbers, and the ranges of its tensors if it computes in integers.

    - `path`: a `.tflite`, float or int8, or an ONNX file.
    - `where`: its name in error messages.

    Raises `FileError`, `UnsupportedError`.
    """
    if path.is_dir() and (other := foreign_model(path)):
        raise FileError(f"{where}: {other}")
    try:
        content = read_plain(path)
    except OSError as e:
        raise FileError(f"{where}: cannot read it ({e.strerror}); give the path of a .tflite or .onnx file") from e
    if path.suffix.lower() == ".onnx":
        return read_onnx(path), {}
    if other := foreign_model(path, content):
        raise FileError(f"{where}: {other}")
    if is_float(content, where):
        return read_float(content, where), {}
    model = tflite.read(content, where)
    return dequantised(model, where), code_ranges(model)


def first_weights(network: FloatNetwork, data: TaskData, settings: Mapping[str, int]) -> dict[str, Tensor]:
    """Returns the initial weights of a training that starts from a network, by the names of `Net`'s state dict.

    - `network`: the network, in real numbers.
    - `data`: the data that it will learn.
    - `settings`: input settings of the data.

    A trained file has its batch norms folded. New ones get the statistics of some training examples, and undo them.

    Raises `UnsupportedError` for layers that cannot be trained.
    """
    from micronets.design.adopt import adopted

    count = data.size("train")
    rows = np.sort(np.random.default_rng(0).permutation(count)[:_STATISTICS])
    weights = {name: (w.kernel, w.bias) for name, w in network.weights.items()}
    batches = (data.inputs("train", settings, rows[i : i + _BATCH]) for i in range(0, len(rows), _BATCH))
    return adopted(network.arch, weights, batches)


def with_outputs(network: FloatNetwork, sources: Sequence[int | None], where: str) -> FloatNetwork:
    """Returns a network with other outputs.

    - `network`: one whose outputs are those of a FullyConnected layer, or the channels of a Conv2D on a map of one
      pixel; a Softmax and reshapes may follow.
    - `sources`: for each output of the result the old one whose weights it keeps; None: it starts with weights of 0 and
      the mean bias of those that are kept.
    - `where`: the name of the network in error messages.

    Raises `UnsupportedError` for other networks.
    """
    arch, count = network.arch, len(sources)
    made = {name: layer for layer in arch.layers for name in layer.outputs}
    changed: dict[str, Layer] = {}
    last = made.get(arch.output)
    while isinstance(last, Softmax | Reshape):
        if isinstance(last, Reshape):
            if max(last.shape) != _size(last.shape):
                break
            changed[last.name] = replace(last, shape=tuple(count if n > 1 else 1 for n in last.shape))
        last = made.get(last.inputs[0])
    old = _size(arch.output_shape)
    match last:
        case FullyConnected() if last.units == old:
            changed[last.name] = replace(last, units=count)
        case Conv2D() if last.filters == old and _size(arch.shapes()[last.name]) == old:
            changed[last.name] = replace(last, filters=count)
        case _:
            kind = "its input" if last is None else type(last).__name__
            raise UnsupportedError(
                f"{where}: its outputs are made by {kind}; only those of a FullyConnected or a Conv2D layer can become "
                "those of other classes: give data of the same classes"
            )
    held = network.weights[last.name]
    kept = [source for source in sources if source is not None]
    kernel = np.zeros((count, *held.kernel.shape[1:]), np.float32)
    bias = np.full(count, held.bias[kept].mean() if kept else 0.0, np.float32)
    for i, source in enumerate(sources):
        if source is not None:
            kernel[i], bias[i] = held.kernel[source], held.bias[source]
    return replace(
        network,
        arch=replace(arch, layers=tuple(changed.get(layer.name, layer) for layer in arch.layers)),
        weights={**network.weights, last.name: FloatWeights(kernel, bias)},
    )


def _size(shape: Sequence[int]) -> int:
    return int(np.prod(shape))


def _front_end_note(where: str, network: FloatNetwork, data: TaskData, settings: Mapping[str, int]) -> tuple[str, ...]:
    """Returns a note on the differences between the data's front end and the file's, if there are any."""
    text, own = network.metadata.get("micronets.frontend"), data.metadata(settings).get("micronets.frontend")
    if text is None or own is None:
        return ()
    theirs, mine = json.loads(text), json.loads(own)
    differing = [key for key in {**theirs, **mine} if theirs.get(key) != mine.get(key)]
    if not differing:
        return ()
    parts = ", ".join(f"{key} {_setting_text(theirs, key)}, now {_setting_text(mine, key)}" for key in differing)
    return (f"{where} was trained on another front end: {parts}; training continues with that of the data",)


def _setting_text(front_end: Mapping[str, object], key: str) -> str:
    return json.dumps(front_end[key]) if key in front_end else "(not set)"
