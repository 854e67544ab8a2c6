"""A latency model of the layers that a runtime runs on a board: cycles linear in a few counts of each layer.

A layer belongs to a kind of kernel, and each kind has its own counts (`features`): an overhead for the layer, one for
every pixel, every output value and every multiply-accumulate, and what channels that do not fill a block of four add.
The coefficients are cycles for one of each. They are fitted to measured networks (`micronets characterize`), one file
for each board and runtime in `boards/latencies/`.

The counts use only `+ *`, so widths and kernels may be 0-d tensors, and a search differentiates through them. A width
that is a tensor is taken for a multiple of four, as the options of the spaces are.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from micronets.errors import SpecError
from micronets.ir.arch import Step
from micronets.number import Number


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
            f"layer '{step.layer.name}': the latency model of {model.board} and runtime {model.runtime} knows no "
            f"'{name}'; fit one with 'micronets characterize' on a space that has it"
        )
    coefficients = model.kinds[name]
    return sum(coefficients[count] * value for count, value in features(step).items() if coefficients.get(count))


def kind(step: Step) -> str | None:
    """The kind of kernel that a layer needs, None for one that takes no time."""
    return step.operator.timed_as(step.input_shapes)


def features(step: Step) -> dict[str, Number]:
    """What the time of a layer is counted in, by name. All are at least 0."""
    return step.operator.timed_by(step.input_shapes, step.output_shapes)


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
        return LatencyModel(
            board=table["board"], runtime=table["runtime"], source=table["source"], kinds=kinds, **numbers
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as e:
        raise SpecError(
            f"{where}: not a latency model ({type(e).__name__}: {e}); 'micronets characterize' writes one"
        ) from e


def file_name(board: str, runtime: str) -> str:
    """Name of the file for a board and a runtime."""
    return f"{re.sub(r'[^a-z0-9]+', '-', board.lower()).strip('-')}.{runtime}.toml"


@lru_cache(maxsize=32)
def load(board: str, runtime: str) -> LatencyModel | None:
    """The model that comes with micronets for a board (by its name) and a runtime, None where there is none."""
    path = files("micronets") / "boards/latencies" / file_name(board, runtime)
    return read(path.read_text("utf-8"), path.name) if path.is_file() else None
