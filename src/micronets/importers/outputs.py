"""Tensors of a float network over many inputs, and the tensor by which quantised networks are judged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork
from micronets.ir.layers import Softmax

Array = npt.NDArray[Any]

CHUNK_VALUES = 1 << 22  # values of the largest tensor that are computed at a time


def chunk_of(network: FloatNetwork, values: int = CHUNK_VALUES) -> int:
    """Returns the number of inputs to compute at a time, so that the largest array has at most `values` values."""
    sizes = [math.prod(network.arch.input_shape)]
    for step in network.arch.steps():
        sizes += [math.prod(shape) for shape in step.output_shapes]
        sizes.append(int(step.operator.gathered(step.input_shapes, step.output_shapes)))
    return max(1, values // max(sizes))


def judged_tensor(network: FloatNetwork) -> str:
    """Returns the tensor by which models are judged: the first output, or the input of a softmax that makes it."""
    output = network.arch.output
    for layer in network.arch.layers:
        if layer.name == output and isinstance(layer, Softmax):
            return layer.inputs[0]
    return output


def tensors_of(network: FloatNetwork, x: Array, names: Iterable[str], visit: Any = None) -> dict[str, Array]:
    """Returns some tensors of a network, `[N, *shape]` by name, over inputs that are computed a few at a time.

    - network: the network, of one input.
    - x: inputs `[N, *input_shape]`, float32.
    - names: the names of the tensors.
    - visit: a function such as `interpreter.Visit`, whose results take the place of the tensors; None changes nothing.
    """
    wanted = set(names)
    parts: dict[str, list[Array]] = {name: [] for name in wanted}

    def keep(name: str, values: Array) -> Array:
        values = values if visit is None else visit(name, values)
        if name in wanted:
            parts[name].append(values)
        return values

    size = chunk_of(network)
    for i in range(0, len(x), size):
        execute(network, x[i : i + size], keep)
    return {name: np.concatenate(found) for name, found in parts.items()}


def spread(x: Array, count: int) -> Array:
    """Returns at most `count` of the inputs `[N, ...]`, evenly spaced, since neighbours are often of one class."""
    return x if len(x) <= count else x[np.linspace(0, len(x) - 1, count).astype(np.int64)]
