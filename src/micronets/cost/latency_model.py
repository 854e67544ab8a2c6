"""A latency model of the layers that a runtime runs on a board: cycles linear in a few counts of each layer.

A layer belongs to a kind of kernel (`Operator.timed_as`), and each kind has its own counts (`Operator.timed_by`): the
layer itself, its pixels, its output values, its multiply-accumulates, and channels that do not fill a block of four.
The coefficients are the cycles for one of each. They are fitted to measured networks (`micronets characterize`);
`boards/latencies/` has one file for each board and runtime.

The counts use only `+ *`, so that widths and kernels may be 0-d tensors, and a search differentiates through them. A
width that is a tensor is assumed to be a multiple of four, as are the options of the spaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

from micronets.errors import SpecError
from micronets.ir.arch import Step
from micronets.ir.layers import Weighted
from micronets.ir.ops.weighted import four_bits_share
from micronets.number import Number
from micronets.toml_text import parse_toml


@dataclass(frozen=True)
class LatencyModel:
    """Coefficients of the cycles of one inference.

    - board, runtime: the names of the board and of the runtime.
    - kinds: cycles for one of each count, by the kind of kernel and the name of the count.
    - outside: cycles of one inference outside all layers.
    - mean_error, worst_error: the mean and the largest relative error of the cycles of held-out networks; 0.1 is 10 %.
    - source: the measurements to which it was fitted.
    """

    board: str
    runtime: str
    kinds: Mapping[str, Mapping[str, float]]
    outside: float
    mean_error: float
    worst_error: float
    source: str


def fitted_cycles(steps: Sequence[Step], model: LatencyModel) -> Number:
    """Returns the cycles of one inference on the model's board.

    - steps: the layers. Each is weighted by its gate; widths, kernels and gates may be 0-d tensors.
    - model: the latency model.

    Raises `SpecError` for a kind of kernel that the model does not know.
    """
    return sum(s.gate * layer_cycles(s, model) for s in steps) + model.outside


def layer_cycles(step: Step, model: LatencyModel) -> Number:
    """Returns the cycles of one layer on the board, not weighted by its gate.

    If the bits of its weights are a choice, the result is the mean of the cycles for 8 and for 4 bits. Raises
    `SpecError` for a kind of kernel that the model does not know.
    """
    if step.weights is not None and not isinstance(step.weights.bits, int):
        share = four_bits_share(step.weights.bits)
        eight, four = (layer_cycles(_with_bits(step, bits), model) for bits in (8, 4))
        return eight + share * (four - eight)
    name = kernel_kind(step)
    if name is None:
        return 0
    if name not in model.kinds:
        raise SpecError(
            f"layer '{step.layer.name}': the latency model of {model.board} and runtime {model.runtime} knows no "
            f"'{name}'; fit one with 'micronets characterize' on a space that has it"
        )
    coefficients = model.kinds[name]
    return sum(coefficients[count] * value for count, value in layer_counts(step).items() if coefficients.get(count))


def _with_bits(step: Step, bits: int) -> Step:
    """Returns the step of the layer with the given number of bits per weight."""
    layer = step.layer
    return replace(step, layer=replace(layer, weight_bits=bits)) if isinstance(layer, Weighted) else step


def kernel_kind(step: Step) -> str | None:
    """Returns the kind of kernel that a layer needs; None for a layer that takes no time."""
    return step.operator.timed_as(step.input_shapes)


def layer_counts(step: Step) -> dict[str, Number]:
    """Returns the counts in which the time of a layer is linear, by name; all are at least 0."""
    return step.operator.timed_by(step.input_shapes, step.output_shapes)


def to_toml(model: LatencyModel) -> str:
    """Returns the model as TOML text, which `from_toml` reads."""
    rows = [f'{k} = "{getattr(model, k)}"' for k in ("board", "runtime", "source")]
    rows += [f"{k} = {getattr(model, k):.6g}" for k in ("outside", "mean_error", "worst_error")]
    for name, coefficients in sorted(model.kinds.items()):
        rows += ["", f"[kinds.{name}]", *(f"{count} = {value:.6g}" for count, value in coefficients.items())]
    return "\n".join(rows) + "\n"


def from_toml(text: str, where: str) -> LatencyModel:
    """Returns the model that `to_toml` wrote.

    - text: the TOML text.
    - where: the name of the source in errors, for example its path.

    Raises `SpecError` for text that is not a latency model.
    """
    try:
        table = parse_toml(text)
        kinds = {name: {k: float(v) for k, v in counts.items()} for name, counts in table["kinds"].items()}
        numbers = {k: float(table[k]) for k in ("outside", "mean_error", "worst_error")}
        board, runtime, source = table["board"], table["runtime"], table["source"]
        return LatencyModel(board=board, runtime=runtime, source=source, kinds=kinds, **numbers)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as e:
        why = f"{type(e).__name__}: {e}"
        raise SpecError(f"{where}: not a latency model ({why}); 'micronets characterize' writes one") from e


def file_name(board: str, runtime: str) -> str:
    """Returns the name of the file for a board and a runtime."""
    return f"{re.sub(r'[^a-z0-9]+', '-', board.lower()).strip('-')}.{runtime}.toml"


@lru_cache(maxsize=32)
def shipped_model(board: str, runtime: str) -> LatencyModel | None:
    """Returns the built-in model for the names of a board and a runtime; None if there is none."""
    path = files("micronets") / "boards/latencies" / file_name(board, runtime)
    return from_toml(path.read_text("utf-8"), path.name) if path.is_file() else None
