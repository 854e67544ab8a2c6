"""`post_training`: quantises a float network after training, over typical inputs, and tells what that costs.

Ranges, cross-layer equalisation and bias correction are chosen by what changes the outputs least on inputs that were
not used to find them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets import records
from micronets.errors import DataError, SpecError, did_you_mean
from micronets.importers.equalise import equalised
from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork, FloatWeights, folded
from micronets.importers.quantise import quantise, simulated, with_requantised_joins
from micronets.importers.ranges import RANGE_RULES, Observed, Range, RangeRule, observe
from micronets.ir.arch import Step
from micronets.ir.layers import INPUT, Softmax
from micronets.progress import Progress
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, quantize
from micronets.quantized.model import QuantizedModel
from micronets.terminal import text_table

Array = npt.NDArray[Any]

_CHUNK_VALUES = 1 << 22  # values of the largest tensor that are computed at a time
_CORRECTED_VALUES = 1 << 26  # values of the largest tensor while biases are corrected
_COMPARED = 32  # inputs over which layers are compared
_ALONE = 16  # inputs over which each layer is quantised alone
_HURTING = 3  # layers that the report names


@dataclass(frozen=True)
class PtqSettings:
    """What post-training quantisation does; None where the calibration inputs decide.

    - ranges: how ranges of tensors are found, one of `RANGE_RULES`.
    - equalise: whether the ranges of weights of neighbouring layers are evened out.
    - correct_bias: whether biases are shifted by the mean error of their channel.
    """

    ranges: RangeRule | None = None
    equalise: bool | None = None
    correct_bias: bool | None = None

    def __post_init__(self) -> None:
        if self.ranges is not None and self.ranges not in RANGE_RULES:
            raise SpecError(f"ranges = {self.ranges!r}; {did_you_mean(str(self.ranges), RANGE_RULES)}")

    def candidates(self) -> list[tuple[RangeRule, bool, bool]]:
        """Returns every choice (ranges, equalise, correct_bias) that is left open."""
        rules = RANGE_RULES if self.ranges is None else (self.ranges,)
        both = (False, True)
        return [
            (rule, equal, correct)
            for equal in (both if self.equalise is None else (self.equalise,))
            for rule in rules
            for correct in (both if self.correct_bias is None else (self.correct_bias,))
        ]


@dataclass(frozen=True)
class Attempt:
    """One way to quantise, and what it did to the outputs.

    - ranges, equalise, correct_bias: see `PtqSettings`.
    - snr_db: signal-to-noise ratio of the outputs in decibels, over inputs that ranges and biases were not found on;
      of a network that ends in a softmax, of what goes into that.
    """

    ranges: RangeRule
    equalise: bool
    correct_bias: bool
    snr_db: float


@dataclass(frozen=True)
class LayerError:
    """What quantisation does to one layer's output.

    - name, kind: the layer.
    - snr_db: signal-to-noise ratio of its output in decibels, with everything before it quantised too.
    - alone_db: signal-to-noise ratio of the network's output where this layer alone is quantised: its weights, and the
      codes of its output.
    """

    name: str
    kind: str
    snr_db: float
    alone_db: float


@dataclass(frozen=True)
class PtqReport:
    """How an integer model differs from the float network that it was made of.

    - examples: how many calibration inputs there were.
    - chosen: how the model was quantised.
    - tried: all that was tried, the best first.
    - agreement: the share of the compared inputs for which the largest output is the same; None for one output.
    - layers: every layer, in order.
    - hurting: the layers that cost most when they alone are quantised, the worst first.
    """

    examples: int
    chosen: Attempt
    tried: tuple[Attempt, ...]
    agreement: float | None
    layers: tuple[LayerError, ...]
    hurting: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns the report as `micronets import --json` prints it."""
        table: dict[str, Any] = records.to_json(self)
        return table

    def text(self) -> str:
        """Writes the report for a terminal."""
        rows = [(e.name, e.kind, _decibels(e.snr_db), _decibels(e.alone_db)) for e in self.layers]
        table = text_table(("layer", "kind", "SNR dB", "alone dB"), rows, numeric=(2, 3))
        tried = [
            (c.ranges, "yes" if c.equalise else "no", "yes" if c.correct_bias else "no", _decibels(c.snr_db))
            for c in self.tried
        ]
        lines = [
            table,
            "SNR: of the layer's output, int8 against float; alone: of the network's output, only this layer in int8",
            "",
        ]
        if len(tried) > 1:
            lines += [text_table(("ranges", "equalised", "biases corrected", "SNR dB"), tried, numeric=(3,)), ""]
        if self.agreement is not None:
            lines.append(f"int8 and float name the same class for {100 * self.agreement:.1f} % of the inputs compared")
        lines.append(f"layers that hurt most: {', '.join(self.hurting)}")
        c = self.chosen
        how = [f"ranges {c.ranges}"]
        how += ["cross-layer equalisation"] if c.equalise else []
        how += ["bias correction"] if c.correct_bias else []
        lines.append(f"{self.examples} inputs; {', '.join(how)}; output SNR {_decibels(c.snr_db)} dB")
        return "\n".join(lines)


def _decibels(value: float) -> str:
    return f"{value:.1f}"


@dataclass(frozen=True, eq=False)
class Imported:
    """An integer model that was made of a network of another tool.

    - model: the integer model.
    - report: how it differs from the float network; None where the file was quantised already.
    """

    model: QuantizedModel
    report: PtqReport | None


def as_it_is(network: FloatNetwork) -> Imported:
    """Returns the integer model of a network whose file sets all scales itself.

    Raises `SpecError` for a tensor of which it sets none.
    """
    return Imported(quantise(with_requantised_joins(folded(network)), {}), None)


def post_training(
    network: FloatNetwork,
    x: npt.NDArray[np.float32],
    settings: PtqSettings | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Quantises a float network after training.

    - network: the network.
    - x: typical inputs `[N, *input_shape]` in real units, at least 2; half of them find ranges and biases, and the
      other half decides what was best.
    - settings: what is done; by default everything is tried.
    - progress: is told which choice of how many is being tried.

    Raises `DataError` for inputs of another shape, and `SpecError` for a network that int8 cannot hold.
    """
    x = checked_samples(network, x)
    settings = settings or PtqSettings()
    network = with_requantised_joins(folded(network))
    found, judged = x[::2], x[1::2]
    wanted = _outputs(network, judged)
    tell = progress or (lambda _: None)
    made: list[tuple[Attempt, QuantizedModel]] = []
    observed: dict[bool, tuple[FloatNetwork, Mapping[str, Observed]]] = {}
    candidates = settings.candidates()
    refused: SpecError | None = None
    for k, (rule, equal, correct) in enumerate(candidates, start=1):
        if equal not in observed:
            variant = equalised(network) if equal else network
            observed[equal] = (variant, observe(variant, found, _chunk(variant)))
        variant, seen = observed[equal]
        try:
            model = _model(variant, {name: o.range(rule) for name, o in seen.items()}, found if correct else None)
        except SpecError as e:  # scales beyond what a kernel takes; another choice may have others
            refused = e
        else:
            made.append((Attempt(rule, equal, correct, _snr(wanted, _simulated_outputs(model, judged))), model))
        tell({"stage": "quantise", "step": k, "steps": len(candidates), "seconds_left": None})
    if refused is not None and not made:
        raise refused
    made.sort(key=lambda pair: -pair[0].snr_db)
    chosen, model = made[0]
    variant = observed[chosen.equalise][0]
    layers, agreement = _compared(variant, model, judged)
    worst = sorted(layers, key=lambda e: e.alone_db)[:_HURTING]
    return Imported(
        model,
        PtqReport(len(x), chosen, tuple(c for c, _ in made), agreement, layers, tuple(e.name for e in worst)),
    )


def checked_samples(network: FloatNetwork, x: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Returns inputs as float32 in the shape that the network takes.

    - network: the network.
    - x: the inputs, `[N, *input_shape]`. Those of a tool that has the channels first may be in its order.

    Raises `DataError` for another shape, for fewer than 2, and for values that are no numbers.
    """
    given, want = np.asarray(x), network.arch.input_shape
    if given.dtype.kind not in "fiub":
        raise DataError(f"calibration inputs are {given.dtype}; give numbers of shape [N, {_sizes(want)}]")
    values = given.astype(np.float32)
    if values.ndim >= 2:
        theirs = _channels_first(want)
        if network.channels_first and values.shape[1:] in theirs:
            values = np.ascontiguousarray(np.moveaxis(values, 1, -1)).reshape(len(values), *want)
        elif (
            values.shape[1:] != want
            and math.prod(values.shape[1:]) == math.prod(want)
            and _squeezed(values.shape[1:]) == _squeezed(want)
        ):
            values = values.reshape(len(values), *want)
    if values.shape[1:] != want or values.ndim < 2:
        also = f" or [N, {_sizes(_channels_first(want)[0])}]" if network.channels_first else ""
        raise DataError(f"calibration inputs have the shape {list(given.shape)}; need [N, {_sizes(want)}]{also}")
    if len(values) < 2:
        raise DataError(f"{len(values)} calibration input(s); give at least 2, better some hundred typical ones")
    if not np.isfinite(values).all():
        raise DataError("calibration inputs hold values that are no finite numbers; leave those out")
    return values


def _sizes(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))


def _squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _channels_first(shape: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Returns the shapes with the channels first that mean `(H, W, C)`; of `(L, 1, C)` also `(C, L)`."""
    if len(shape) != 3:
        return (tuple(shape),)
    height, width, channels = shape
    whole = (channels, height, width)
    return ((channels, height), whole) if width == 1 else (whole,)


def _chunk(network: FloatNetwork, values: int = _CHUNK_VALUES) -> int:
    """Returns how many inputs are computed at a time, so that the largest array has at most `values` values."""
    sizes = [math.prod(network.arch.input_shape)]
    for step in network.arch.steps():
        sizes += [math.prod(shape) for shape in step.output_shapes]
        sizes.append(int(step.operator.gathered(step.input_shapes, step.output_shapes)))
    return max(1, values // max(sizes))


def _judged_tensor(network: FloatNetwork) -> str:
    """Returns the tensor by which models are judged: the first output, or what goes into a softmax that makes it."""
    output = network.arch.output
    for layer in network.arch.layers:
        if layer.name == output and isinstance(layer, Softmax):
            return layer.inputs[0]
    return output


def _run(network: FloatNetwork, x: Array, names: Iterable[str], visit: Any = None) -> dict[str, Array]:
    """Returns some tensors of a network by name, over inputs that are computed a few at a time."""
    wanted = set(names)
    parts: dict[str, list[Array]] = {name: [] for name in wanted}

    def keep(name: str, values: Array) -> Array:
        values = values if visit is None else visit(name, values)
        if name in wanted:
            parts[name].append(values)
        return values

    size = _chunk(network)
    for i in range(0, len(x), size):
        execute(network, x[i : i + size], keep)
    return {name: np.concatenate(found) for name, found in parts.items()}


def _outputs(network: FloatNetwork, x: Array) -> Array:
    name = _judged_tensor(network)
    return _run(network, x, [name])[name]


def _simulated_outputs(model: QuantizedModel, x: Array) -> Array:
    network, rounded = simulated(model)
    name = _judged_tensor(network)
    return _run(network, x, [name], rounded)[name]


def _snr(wanted: Array, found: Array) -> float:
    """Returns the signal-to-noise ratio in decibels, at most 99; the mean of a tensor is no signal."""
    wanted, found = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
    signal = float(((wanted - wanted.mean()) ** 2).sum())
    noise = float(((wanted - found) ** 2).sum())
    if noise <= signal * 10**-9.9:
        return 99.0
    return max(-99.0, 10 * math.log10(max(signal, 1e-30) / noise))


def _model(network: FloatNetwork, ranges: Mapping[str, Range], x: Array | None) -> QuantizedModel:
    """Returns the integer model; with inputs `x`, its biases are corrected over these.

    The correction is the empirical one of Nagel et al. (2019), section 4.2: layer by layer, every channel's mean over
    the inputs becomes that of the float network, with all that lies before already quantised and corrected.
    """
    model = quantise(network, ranges)
    if x is None:
        return model
    x = x[: max(8, _chunk(network, _CORRECTED_VALUES))]
    wanted: dict[str, Array] = {}

    def remember(step: Step, sums: Array) -> Array:
        wanted[step.layer.name] = _channel_means(sums)
        return sums

    execute(network, x, adjust=remember)
    corrections: dict[str, Array] = {}

    def correct(step: Step, sums: Array) -> Array:
        name = step.layer.name
        corrections[name] = wanted[name] - _channel_means(sums)
        return sums + corrections[name].astype(np.float32)

    other, rounded = simulated(model)
    execute(other, x, rounded, correct)
    return quantise(network, ranges, corrections)


def _channel_means(values: Array) -> npt.NDArray[np.float64]:
    """Returns the mean over everything but the last dimension."""
    return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0, dtype=np.float64))


def _compared(network: FloatNetwork, model: QuantizedModel, x: Array) -> tuple[tuple[LayerError, ...], float | None]:
    """Returns what quantisation does to each layer, and for which share of the inputs the largest output is the same.

    - network: the float network.
    - model: the integer model, which runs in the integer reference here.
    - x: the inputs, some of which are used.
    """
    x = x[: max(2, min(_COMPARED, _chunk(network, _CORRECTED_VALUES)))]
    names = [name for layer in network.arch.layers for name in layer.outputs]
    real = _run(network, x, names)
    codes = reference.tensors(model, quantize(x, model.quant[INPUT]))
    snr = {name: _snr(real[name], dequantize(codes[name], model.quant[name])) for name in names}
    alone = _each_alone(network, model, x[:_ALONE])
    layers = tuple(
        LayerError(layer.name, type(layer).__name__, snr[layer.name], alone[layer.name])
        for layer in network.arch.layers
    )
    output = network.arch.output
    first, second = real[output].reshape(len(x), -1), codes[output].reshape(len(x), -1)
    if first.shape[1] == 1:
        return layers, None
    return layers, float((first.argmax(axis=1) == second.argmax(axis=1)).mean())


def _each_alone(network: FloatNetwork, model: QuantizedModel, x: Array) -> dict[str, float]:
    """Returns, for each layer, the signal-to-noise ratio of the output where that layer alone is quantised."""
    coded, rounded = simulated(model)
    name = _judged_tensor(network)
    wanted = _run(network, x, [name])[name]
    found: dict[str, float] = {}
    for layer in network.arch.layers:
        own = set(layer.outputs)
        weights: dict[str, FloatWeights] = dict(network.weights)
        if layer.name in weights:
            weights[layer.name] = coded.weights[layer.name]
        mixed = replace(network, weights=weights)

        def visit(tensor: str, values: Array, own: set[str] = own) -> Array:
            return rounded(tensor, values) if tensor in own else values

        found[layer.name] = _snr(wanted, _run(mixed, x, [name], visit)[name])
    return found
