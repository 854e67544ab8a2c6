"""`teacher_of_file`: makes a teacher from a finished model in a `.tflite`, float or int8, or in an ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from micronets.commands.evaluate import front_end_json, known_labels
from micronets.commands.first_network import network_in_file
from micronets.errors import SpecError, UnsupportedError
from micronets.frontend import image
from micronets.importers.interpreter import layer_outputs
from micronets.importers.network import FloatNetwork
from micronets.tasks import Card, TaskData
from micronets.tasks.base import MakeView
from micronets.tasks.views import shows_views, view_of

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network whose outputs another one learns to imitate.

    - `net`: maps its inputs `[B, H, W, C]` to logits `[B, classes]`, in the order of the data's classes.
    - `view`: makes its inputs from the training examples; None: it gets the inputs of the trained network.
    """

    net: nn.Module
    view: MakeView | None = None


def teacher_of_file(path: Path, data: TaskData, settings: Mapping[str, int], front_end: str = "") -> Teacher:
    """Makes a teacher from the model in a file, which sees the training examples through its own front end.

    - `path`: a `.tflite`, float or int8, or an ONNX file.
    - `data`: the data of the training.
    - `settings`: input settings of the trained network.
    - `front_end`: name or JSON file of the model's front end; empty: that of its metadata.

    Raises `FileError`, `SpecError`, `UnsupportedError` for a model that cannot be read or cannot teach these data.
    """
    import torch

    from micronets.design.frozen_net import FrozenNet, Parameters

    read = _checked(path, data, front_end)
    network = read.network
    view = view_of(data, read.card, settings)
    parameters = Parameters(
        {name: w.kernel for name, w in network.weights.items()},
        {name: w.bias for name, w in network.weights.items()},
        network.constants,
        read.ranges,
    )
    net = FrozenNet(network.arch, parameters, lambda step, inputs: layer_outputs(network, step, inputs), read.order)
    with torch.no_grad():
        net(torch.zeros(1, *read.card.input_shape))  # so that an unsupported operator is reported now
    return Teacher(net.eval(), view)


def check_teacher(path: Path, data: TaskData, front_end: str = "") -> None:
    """Raises the errors of `teacher_of_file`, as far as they do not depend on the trained network.

    - `path`: a `.tflite`, float or int8, or an ONNX file.
    - `data`: the data of the training.
    - `front_end`: name or JSON file of the model's front end; empty: that of its metadata.
    """
    read = _checked(path, data, front_end)
    if shows_views(data):
        view_of(data, read.card, {})


@dataclass(frozen=True, eq=False)
class _Read:
    """A model that can teach.

    - `network`: the model, in real numbers.
    - `ranges`: the least and the greatest value of every tensor, if it computes in integers.
    - `card`: the facts about it.
    - `order`: for each class of the data, the index of the output for it.
    """

    network: FloatNetwork
    ranges: Mapping[str, tuple[float, float]]
    card: Card
    order: tuple[int, ...]


def _checked(path: Path, data: TaskData, front_end: str) -> _Read:
    """Reads a model. Raises `FileError`, `SpecError`, `UnsupportedError` for one that cannot teach these data."""
    where = f"teacher.model = '{path}'"
    network, ranges = network_in_file(path, where)
    arch = network.arch
    if len(arch.outputs) > 1:
        raise UnsupportedError(f"{where}: {len(arch.outputs)} outputs; a teacher has one, the logits of the classes")
    if len(arch.input_shape) > 3:
        raise UnsupportedError(f"{where}: its input is {arch.input_shape}; no task has inputs of more than three axes")
    order = _order(network, data, front_end, where)
    height, width, channels = (*arch.input_shape, 1, 1)[:3]
    form = front_end_json(network.metadata, front_end or None)
    if form is None and shows_views(data):
        names = ", ".join(image.PRESETS)
        raise SpecError(f"{where}: carries no front end; name one with teacher.front_end: {names}, or a JSON file")
    card = Card(data.classes, form, (height, width, channels), where, network.metadata)
    return _Read(network, ranges, card, tuple(order))


def _order(network: FloatNetwork, data: TaskData, front_end: str, where: str) -> list[int]:
    """Returns for each class of the data the index of the output for it. Raises `SpecError` for other classes."""
    count = int(np.prod(network.arch.output_shape))
    names = known_labels(network.metadata, front_end or None) or data.classes
    if count != len(names) or len(names) != len(data.classes):
        raise SpecError(f"{where}: has {count} outputs, the data {len(data.classes)} classes; need a model of the same")
    for name in data.classes:
        if name not in names:
            raise SpecError(
                f"{where}: its labels are {', '.join(names)}, without '{name}' of the data; need a model of the same "
                "classes"
            )
    return [names.index(name) for name in data.classes]
