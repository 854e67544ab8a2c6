"""Cycles a byte of every operator without products of weights, on a simulated Cortex-M4; writes docs/results.md.

Run from the repository: `python -m benchmarks.cycles_a_byte [OPERATOR ...]`. Operators by name run alone, and the page
stays as it is. `python -m benchmarks.cycles_a_byte --tables SHARED` counts the tables of 256 codes in the models of a
folder instead, and those that a layer with weights could look up as it writes its output. Needs
`pip install '.[sim]'` and a cross compiler. About a minute.

Each case is a network of one layer, built, and run on random inputs; every output byte is compared
with the reference. Cycles are those of the layer without flash wait states, divided by the bytes of the largest tensor
that the layer reads or writes.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.tables import replace_section
from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.errors import MicronetsError
from micronets.ir import layers
from micronets.ir.arch import Arch, Step
from micronets.ir.layers import INPUT, Layer, Shape, TensorSpec
from micronets.ir.types import ELEMENT_BYTES, Type
from micronets.quantized.code_tables import BYTES
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.runtimes.base import MeasureOptions
from micronets.runtimes.c import execute_compiled
from micronets.tflite import read
from tests.support.random_models import random_model

BOARD = "NUCLEO-F446RE"
SAMPLES = 3
X = (INPUT,)
TWO = (INPUT, INPUT)
MAP: Shape = (16, 16, 32)
NARROW: Shape = (24, 24, 3)
SCALE, CONSTANT_SCALE = 0.0471, 0.0069  # of the input, and of constants


@dataclass(frozen=True)
class Case:
    """A layer to measure.

    - what: which form of the operator it is.
    - layer: the layer, which reads `INPUT` and constants.
    - shape, type: of the input.
    - constants: shapes of the constants that it reads, by name.
    - zero_points: those of the input and of the output; None for random ones.
    """

    what: str
    layer: Layer
    shape: Shape = MAP
    type: Type = "int8"
    constants: tuple[tuple[str, Shape], ...] = ()
    zero_points: tuple[int, int] | None = None

    @property
    def operator(self) -> str:
        """The kind of the layer."""
        return type(self.layer).__name__

    def model(self) -> QuantizedModel:
        """Returns the network of the layer with scales as those of a trained one, and random constants."""
        specs = tuple(TensorSpec(name, shape, "int8") for name, shape in self.constants)
        model = random_model(Arch(self.shape, (self.layer,), self.type, constants=specs), 0)
        quant = {name: TensorQuant(SCALE, q.zero_point) for name, q in model.quant.items()}
        output = model.quant.get(self.layer.name)
        if output is not None:
            quant[self.layer.name] = replace(output, scale=_output_scale(self.layer, output.scale))
        quant |= {name: TensorQuant(CONSTANT_SCALE, 0) for name, _ in self.constants}
        if self.zero_points is not None:
            names = (INPUT, self.layer.name)
            quant |= {name: replace(quant[name], zero_point=z) for name, z in zip(names, self.zero_points, strict=True)}
        return replace(model, quant=quant)

    @property
    def bytes(self) -> int:
        """Bytes of the largest tensor that the layer reads or writes."""
        step = next(iter(self.model().arch.steps()))
        read = [ELEMENT_BYTES[of] * math.prod(s) for s, of in zip(step.input_shapes, step.input_types, strict=True)]
        return max(*read, ELEMENT_BYTES[step.output_type] * math.prod(step.output_shape))


def _output_scale(layer: Layer, fixed: float) -> float:
    """Returns a scale with which the codes of the output spread over their range.

    fixed: what the scale is of an operator whose output has always the same.
    """
    match layer:
        case layers.Add() | layers.Sub():
            return 1.5 * SCALE
        case layers.Mul() | layers.SquaredDifference():
            return 60 * SCALE * SCALE
        case layers.Sum():
            return 20 * SCALE
        case layers.ArgMax() | layers.Logistic() | layers.Tanh() | layers.Softmax() | layers.LogSoftmax():
            return fixed
        case _:
            return SCALE


def _cases() -> Iterable[Case]:
    """Yields every case, elementwise operators first."""
    yield Case("of the same scale and zero point", layers.Relu(name="y", inputs=X), zero_points=(3, 3))
    leaky, codes = layers.LeakyRelu(name="y", inputs=X, alpha=0.1), layers.Quantize(name="y", inputs=X)
    for bent in (
        layers.HardSwish(name="y", inputs=X),
        layers.Elu(name="y", inputs=X),
        layers.Abs(name="y", inputs=X),
        leaky,
        codes,
    ):
        yield Case("a table of 256 codes", bent, zero_points=(10, -20))
    for kind in (layers.Logistic, layers.Tanh):
        yield Case("a table of 256 codes", kind(name="y", inputs=X))
    yield Case("a table of 256 codes", layers.Rsqrt(name="y", inputs=X), zero_points=(-128, -20))
    yield Case("from uint8", layers.Quantize(name="y", inputs=X), type="uint8", zero_points=(128, 0))
    yield Case("from float32", layers.Quantize(name="y", inputs=X), type="float32")
    yield Case("to float32", layers.Dequantize(name="y", inputs=X))
    for binary in (
        layers.Minimum,
        layers.Maximum,
        layers.Add,
        layers.Sub,
        layers.Mul,
        layers.SquaredDifference,
        layers.Prelu,
    ):
        fixed = (INPUT, "c")
        yield Case("two tensors", binary(name="y", inputs=TWO))
        if binary is not layers.Prelu:
            yield Case("one constant value", binary(name="y", inputs=fixed), constants=(("c", (1,)),))
        yield Case("a constant for each channel", binary(name="y", inputs=fixed), constants=(("c", (MAP[-1],)),))
        yield Case("a constant for each pixel", binary(name="y", inputs=fixed), constants=(("c", (16, 16, 1)),))
        narrow = (("c", (NARROW[-1],)),)
        yield Case("a constant for each of 3 channels", binary(name="y", inputs=fixed), NARROW, constants=narrow)
    for reduction in (layers.Mean, layers.Sum, layers.ReduceMax, layers.ReduceMin):
        yield Case("over rows and columns", reduction(name="y", inputs=X, axes=(0, 1)))
        yield Case("over rows", reduction(name="y", inputs=X, axes=(0,)))
        yield Case("over columns", reduction(name="y", inputs=X, axes=(1,)))
        yield Case("over channels", reduction(name="y", inputs=X, axes=(2,)))
        yield Case("over rows and channels", reduction(name="y", inputs=X, axes=(0, 2)))
        yield Case("over rows and columns of 3 channels", reduction(name="y", inputs=X, axes=(0, 1)), NARROW)
        yield Case("over 3 channels", reduction(name="y", inputs=X, axes=(2,)), NARROW)
    yield Case("over channels", layers.ArgMax(name="y", inputs=X, axis=2))
    yield Case("over rows", layers.ArgMax(name="y", inputs=X, axis=0))
    yield Case("2 x 2", layers.AveragePool2D(name="y", inputs=X, pool=(2, 2), stride=(2, 2)))
    yield Case("2 x 2", layers.MaxPool2D(name="y", inputs=X, pool=(2, 2), stride=(2, 2)))
    yield Case("over 32 channels", layers.Softmax(name="y", inputs=X))
    yield Case("over 32 channels", layers.LogSoftmax(name="y", inputs=X))
    yield from _movements()


def _movements() -> Iterable[Case]:
    """Yields the cases in which bytes only change their places."""
    for shape in (MAP, NARROW, (49, 10, 1)):
        height, width, channels = shape
        of = f"{height} x {width} x {channels}"
        for order in ((2, 0, 1), (1, 2, 0), (1, 0, 2), (0, 2, 1)):
            turned = tuple(shape[axis] for axis in order)
            if [n for n in turned if n > 1] != [n for n in shape if n > 1]:
                yield Case(f"{of} to {turned}", layers.Transpose(name="y", inputs=X, permutation=order), shape)
    for shape in (MAP, NARROW):
        height, width, channels = shape
        of = f"of {channels} channels"
        for axis, along in enumerate(("rows", "columns", "channels")):
            yield Case(f"{along} {of}", layers.Concatenation(name="y", inputs=TWO, axis=axis), shape)
        yield Case(f"innermost {of}", layers.Pack(name="y", inputs=TWO, axis=3), shape)
        if channels % 2 == 0:
            yield Case(f"channels {of}", layers.Split(name="y", inputs=X, axis=2, others=("z",)), shape)
        yield Case(f"columns {of}", layers.Split(name="y", inputs=X, axis=1, others=("z",)), shape)
        yield Case(f"columns {of}", layers.Unpack(name="y", inputs=X, axis=1, others=_names(width - 1)), shape)
        box = (height - 2, width - 2, channels)
        yield Case(f"a box {of}", layers.Slice(name="y", inputs=X, begin=(1, 1, 0), size=box), shape)
        thinner = (height // 2, width // 2, channels)
        every = layers.StridedSlice(name="y", inputs=X, begin=(0, 0, 0), size=thinner, strides=(2, 2, 1))
        yield Case(f"every other pixel {of}", every, shape)
        mirrored = layers.StridedSlice(name="y", inputs=X, begin=(0, width - 1, 0), size=shape, strides=(1, -1, 1))
        yield Case(f"columns backwards {of}", mirrored, shape)
        yield Case(f"one pixel around {of}", layers.Pad(name="y", inputs=X, paddings=((1, 1), (1, 1), (0, 0))), shape)
        yield Case(
            f"one pixel around {of}", layers.MirrorPad(name="y", inputs=X, paddings=((1, 1), (1, 1), (0, 0))), shape
        )
        taken = tuple(int(i) for i in np.random.default_rng(0).integers(0, width, width))
        yield Case(f"columns {of}", layers.Gather(name="y", inputs=X, axis=1, indices=taken), shape)
        twice = (2 * height, 2 * width)
        yield Case(f"twice as large {of}", layers.ResizeNearestNeighbor(name="y", inputs=X, size=twice), shape)
        yield Case(f"twice as large {of}", layers.ResizeBilinear(name="y", inputs=X, size=twice), shape)


def _names(count: int) -> tuple[str, ...]:
    """Returns so many names of outputs."""
    return tuple(f"z{i}" for i in range(count))


def cycles_a_byte(case: Case) -> float:
    """Builds and runs a case, and returns its cycles a byte. Raises `SystemExit` if an output byte differs."""
    board = load_board(BOARD)
    model = case.model()
    found = execute_compiled(compile_model(model, board.target), model, board, MeasureOptions(samples=SAMPLES))
    if not found.bit_exact:
        sys.exit(f"{case.operator}, {case.what}: outputs differ from the reference")
    cycles = sum(layer.core_cycles or 0 for layer in found.per_layer)
    return cycles / case.bytes


def table(found: Mapping[Case, float]) -> str:
    """Returns a row for each form and cost, with all operators that share them."""
    rows: dict[tuple[str, str], list[str]] = {}
    for case, cycles in found.items():
        rows.setdefault((case.what, f"{cycles:.1f}"), []).append(case.operator)
    lines = [f"| {', '.join(dict.fromkeys(names))} | {what} | {cycles} |" for (what, cycles), names in rows.items()]
    within = sum(cycles < 3.05 for cycles in found.values())
    note = (
        f"{within} of {len(found)} forms take at most 3.0 cycles a byte. Cycles of a simulated Cortex-M4 without flash "
        "wait states, divided by the bytes of the largest tensor that the layer reads or writes; maps are "
        f"{_sizes(MAP)}, or {_sizes(NARROW)} where there are 3 channels, unless the row says otherwise. Every output "
        f"byte for {SAMPLES} random inputs is the reference's. {date.today()}, `python -m benchmarks.cycles_a_byte`."
    )
    return "\n".join(["| operator | form | cycles a byte |", "|---|---|--:|", *lines, "", note])


def _sizes(shape: Shape) -> str:
    """Returns a shape in words."""
    return " x ".join(map(str, shape))


def count_tables(shared: Path) -> str:
    """Returns a sentence about the tables of 256 codes that are left in the models of a folder once compiled."""
    models = with_tables = 0
    behind: list[int] = []  # bytes of tables behind layers with weights, for each model that has any
    for path in sorted(shared.rglob("*.tflite")):
        try:
            model = compile_model(read(path.read_bytes(), path.name), load_board(BOARD).target).model
        except MicronetsError:  # what is no integer model, or has an operator that is not supported
            continue
        models += 1
        steps = {step.layer.name: step for step in model.arch.steps()}
        tables = [step for step in steps.values() if _is_looked_up(step)]
        with_tables += bool(tables)
        weighted = {name for name, step in steps.items() if step.weights is not None}
        if made := sum(math.prod(step.output_shape) for step in tables if step.layer.inputs[0] in weighted):
            behind.append(made)
    return (
        f"Of {models} models {with_tables} have a table of 256 codes; in {len(behind)} one stands behind a layer with "
        f"weights, of {max(behind, default=0)} values at most."
    )


def _is_looked_up(step: Step) -> bool:
    """Tells whether each byte of a step's output is looked up by a byte of its input, unless a clamp does it."""
    return step.operator.codewise and {*step.input_types, step.output_type} <= {*BYTES}


def main(only: Iterable[str]) -> None:
    """Measures the cases and writes the table."""
    names = set(only)
    found: dict[Case, float] = {}
    for case in _cases():
        if names and case.operator not in names:
            continue
        found[case] = cycles_a_byte(case)
        print(f"| {case.operator} | {case.what} | {found[case]:.1f} |", flush=True)
    if not names:
        replace_section(Path("docs/results.md"), "cycles a byte", table(found))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--tables"]:
        print(count_tables(Path(sys.argv[2])))
    else:
        main(sys.argv[1:])
