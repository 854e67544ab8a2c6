"""A latency model of the layers that a runtime runs on a board: cycles linear in a few counts of each layer.

A layer belongs to a kind of kernel, and each kind has its own counts (`features`): an overhead for the layer, one for
every pixel, every output value and every multiply-accumulate, and what channels that do not fill a block of four add.
The coefficients are cycles for one of each. They are fitted to measured networks (`micronets characterize`), one file
for each board and runtime in `boards/latencies/`.

The counts use only `+ *`, so widths and kernels may be 0-d tensors, and a search differentiates through them. A width that
is a tensor is taken for a multiple of four, as the options of the spaces are.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, assert_never

from micronets.errors import SpecError
from micronets.ir.arch import Step
from micronets.ir.layers import (
    Add,
    AveragePool2D,
    Conv2D,
    DepthwiseConv2D,
    Dequantize,
    FullyConnected,
    MaxPool2D,
    Mean,
    Pad,
    Quantize,
    Relu,
    Reshape,
    Softmax,
)

Number = Any  # int, float or 0-d tensor
BLOCK = 4  # channels that a kernel works on at once


@dataclass(frozen=True)
class LatencyModel:
    """Cycles for one of each count, by kind of kernel and name of the count.

    board, runtime: what it holds for. kinds: the coefficients. outside: cycles of one inference outside all layers.
    mean_error, worst_error: of held-out networks' cycles, relative. source: of the measurements it is fitted to.
    """

    board: str
    runtime: str
    kinds: Mapping[str, Mapping[str, float]]
    outside: float
    mean_error: float
    worst_error: float
    source: str


def cycles(steps: Sequence[Step], model: LatencyModel) -> Number:
    """Cycles of one inference on the board, gate-weighted; widths, kernels and gates may be 0-d tensors."""
    return sum(s.gate * step_cycles(s, model) for s in steps) + model.outside


def step_cycles(step: Step, model: LatencyModel) -> Number:
    """Cycles of one layer on the board. Raises `SpecError` for a kind of layer that the model was not fitted to."""
    name = kind(step)
    if name is None:
        return 0
    if name not in model.kinds:
        raise SpecError(
            f"layer '{step.layer.name}': the latency model of {model.board} and runtime {model.runtime} knows no '{name}'; "
            "fit one with 'micronets characterize' on a space that has it"
        )
    coefficients = model.kinds[name]
    return sum(coefficients[count] * value for count, value in features(step).items() if coefficients.get(count))


def kind(step: Step) -> str | None:
    """The kind of kernel that a layer needs, None for one that takes no time."""
    layer = step.layer
    match layer:
        case Conv2D(kernel=(kh, kw), stride=stride):
            one = isinstance(kh, int) and isinstance(kw, int) and kh == kw == 1 and stride == (1, 1)
            name = "pointwise" if one else "convolution"
        case DepthwiseConv2D():
            # Maps of one column are lines: pairs of values lie along the other axis.
            line = step.input_shapes[0][1] == 1 or step.input_shapes[0][0] == 1
            strided = max(layer.stride) > 1
            name = "depthwise" + ("_line" if line else "") + ("_strided" if strided else "")
            if layer.multiplier != 1:
                name = "depthwise_multiplier"
        case FullyConnected():
            name = "fully_connected"
        case AveragePool2D() | MaxPool2D():
            return "average_pool" if isinstance(layer, AveragePool2D) else "max_pool"
        case Mean():
            return "mean"
        case Add():
            return "add"
        case Pad():
            return "pad"
        case Softmax():
            return "softmax"
        case Relu() | Quantize() | Dequantize():
            return "table"
        case Reshape():
            return None
        case _:
            assert_never(layer)
    return name + "_s4" if layer.weight_bits == 4 else name


def features(step: Step) -> dict[str, Number]:
    """What the time of a layer is counted in, by name. All are at least 0."""
    layer, x, y = step.layer, step.input_shapes[0], step.output_shape
    values = math.prod(y)
    match layer:
        case Conv2D(kernel=(kh, kw), filters=filters):
            pixels, column = math.prod(y[:2]), x[2] * (kh * kw)
            return {
                "layer": 1,
                "pixel": pixels,
                "column": pixels * column,
                "value": values,
                "mac": values * column,
                "odd_inputs": values * _rest(column),
                "odd_filters": pixels * _rest(filters),
                "odd_mac": pixels * _rest(filters) * column,
            }
        case DepthwiseConv2D(kernel=(kh, kw)):
            return {
                "layer": 1,
                "channel": y[2],
                "line": y[2] * y[0],
                "input": math.prod(x),
                "value": values,
                "row": values * kh,
                "mac": values * (kh * kw),
            }
        case FullyConnected(units=units):
            inputs = math.prod(x)
            return {"layer": 1, "input": inputs, "value": units, "mac": inputs * units}
        case AveragePool2D(pool=(kh, kw)) | MaxPool2D(pool=(kh, kw)):
            return {"layer": 1, "value": values, "input": values * (kh * kw)}
        case Mean():
            return {"layer": 1, "value": x[2], "input": math.prod(x)}
        case Pad() | Add() | Softmax() | Relu() | Quantize() | Dequantize() | Reshape():
            return {"layer": 1, "value": values}
        case _:
            assert_never(layer)


def _rest(count: Number) -> Number:
    """How many are beyond the last whole block; 0 for a tensor."""
    return count % BLOCK if isinstance(count, int) else 0


def write(model: LatencyModel) -> str:
    """The model as TOML; `read` is the inverse."""
    rows = [f'{k} = "{getattr(model, k)}"' for k in ("board", "runtime", "source")]
    rows += [f"{k} = {getattr(model, k):.6g}" for k in ("outside", "mean_error", "worst_error")]
    for name, coefficients in sorted(model.kinds.items()):
        rows += ["", f"[kinds.{name}]", *(f"{count} = {value:.6g}" for count, value in coefficients.items())]
    return "\n".join(rows) + "\n"


def read(text: str, where: str) -> LatencyModel:
    """Reads what `write` wrote. Raises `SpecError`."""
    try:
        table = tomllib.loads(text)
        kinds = {name: {k: float(v) for k, v in counts.items()} for name, counts in table["kinds"].items()}
        numbers = {k: float(table[k]) for k in ("outside", "mean_error", "worst_error")}
        return LatencyModel(board=table["board"], runtime=table["runtime"], source=table["source"], kinds=kinds, **numbers)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as e:
        raise SpecError(f"{where}: not a latency model ({type(e).__name__}: {e}); 'micronets characterize' writes one") from e


def file_name(board: str, runtime: str) -> str:
    """Name of the file for a board and a runtime."""
    return f"{re.sub(r'[^a-z0-9]+', '-', board.lower()).strip('-')}.{runtime}.toml"


@lru_cache(maxsize=32)
def load(board: str, runtime: str) -> LatencyModel | None:
    """The model that comes with micronets for a board (by its name) and a runtime, None where there is none."""
    path = files("micronets") / "boards/latencies" / file_name(board, runtime)
    return read(path.read_text("utf-8"), path.name) if path.is_file() else None
