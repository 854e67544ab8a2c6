"""`post_training`: quantises a float network after training, with typical inputs, and reports the loss of accuracy.

Ranges, equalisation and bias correction are chosen one after another. The choice that changes the outputs least, on
inputs that were not used to find it, is taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets import records
from micronets.errors import DataError, SpecError, did_you_mean
from micronets.importers.equalise import EQUALISATIONS, Equalisation, equalised, neighbours, with_even_channels
from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork, FloatWeights, folded
from micronets.importers.outputs import chunk_of, judged_tensor, spread, tensors_of
from micronets.importers.quantise import quantised_network, simulated, with_requantised_joins
from micronets.importers.ranges import RANGE_RULES, Observed, Range, RangeRule, observe
from micronets.ir.arch import Step
from micronets.ir.layers import INPUT
from micronets.progress import Progress, StepEvent
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, quantize
from micronets.quantized.model import QuantizedModel
from micronets.records import JsonObject
from micronets.terminal import text_table

Array = npt.NDArray[Any]

_CORRECTED_VALUES = 1 << 26  # values of the largest tensor while biases are corrected
_COMPARED = 32  # inputs over which layers are compared
_ALONE = 16  # inputs over which each layer is quantised alone
_HURTING = 3  # layers that the report names
_RARE = 1e-3  # share of the values of a channel, the largest ones, that its magnitude ignores


@dataclass(frozen=True)
class PtqSettings:
    """Settings of post-training quantisation; None leaves a choice to the calibration inputs.

    - ranges: the rule for the ranges of tensors, one of `RANGE_RULES`.
    - equalise: the ranges that are evened out between neighbouring layers, one of `EQUALISATIONS`.
    - correct_bias: whether biases are shifted by the mean error of their channel.
    """

    ranges: RangeRule | None = None
    equalise: Equalisation | None = None
    correct_bias: bool | None = None

    def __post_init__(self) -> None:
        if self.ranges is not None and self.ranges not in RANGE_RULES:
            raise SpecError(f"ranges = {self.ranges!r}; {did_you_mean(str(self.ranges), RANGE_RULES)}")
        if self.equalise is not None and self.equalise not in EQUALISATIONS:
            raise SpecError(f"equalise = {self.equalise!r}; {did_you_mean(str(self.equalise), EQUALISATIONS)}")


@dataclass(frozen=True)
class Attempt:
    """One way to quantise a network, and the error of the outputs that it causes.

    - ranges, equalise, correct_bias: see `PtqSettings`.
    - snr_db: signal-to-noise ratio of the outputs in decibels, over inputs that ranges and biases were not found on;
      of a network that ends in a softmax, of what goes into that.
    """

    ranges: RangeRule
    equalise: Equalisation
    correct_bias: bool
    snr_db: float

    def words(self) -> list[str]:
        """Returns the settings of the attempt, a few words for each."""
        words = [f"ranges {self.ranges}"]
        words += [] if self.equalise == "none" else [f"{self.equalise} equalised"]
        return [*words, "bias correction"] if self.correct_bias else words


@dataclass(frozen=True)
class LayerError:
    """The error of one layer's output that quantisation causes.

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
    """The differences between an integer model and the float network that it was made from.

    - examples: how many calibration inputs there were.
    - chosen: how the model was quantised.
    - tried: all attempts, the best first.
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

    def to_json(self) -> JsonObject:
        """Returns the report as `micronets import --json` prints it."""
        return records.to_json(self)

    def text(self) -> str:
        """Returns the text of the report for a terminal."""
        rows = [(e.name, e.kind, _decibels(e.snr_db), _decibels(e.alone_db)) for e in self.layers]
        table = text_table(("layer", "kind", "SNR dB", "alone dB"), rows, numeric=(2, 3))
        tried = [(c.ranges, c.equalise, "yes" if c.correct_bias else "no", _decibels(c.snr_db)) for c in self.tried]
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
        lines.append(f"{self.examples} inputs; {', '.join(c.words())}; output SNR {_decibels(c.snr_db)} dB")
        return "\n".join(lines)


def _decibels(value: float) -> str:
    return f"{value:.1f}"


@dataclass(frozen=True, eq=False)
class Imported:
    """An integer model that was made from a network of another tool.

    - model: the integer model.
    - report: its differences from the float network; None if the file was quantised already.
    """

    model: QuantizedModel
    report: PtqReport | None


def as_it_is(network: FloatNetwork) -> Imported:
    """Returns the integer model of a network whose file sets all scales itself.

    Raises `SpecError` for a tensor whose scale the file does not set.
    """
    return Imported(quantised_network(with_requantised_joins(folded(network)), {}), None)


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
    - settings: see `PtqSettings`; by default everything is tried.
    - progress: receives an event with the number of each choice that is tried, and the number of all.

    Raises `DataError` for inputs of another shape, and `SpecError` for a network that int8 cannot hold.
    """
    x = checked_samples(network, x)
    settings = settings or PtqSettings()
    trial = _Trial(with_requantised_joins(folded(network)), x[::2], x[1::2])
    tell = progress or (lambda _: None)
    rules = RANGE_RULES if settings.ranges is None else (settings.ranges,)
    kinds = EQUALISATIONS if settings.equalise is None else (settings.equalise,)
    correct = settings.correct_bias is not False
    steps = len(rules) + len(kinds) - 1 + (settings.correct_bias is None)

    def take(rule: RangeRule, kind: Equalisation, correct: bool) -> None:
        trial.take(rule, kind, correct)
        tell(StepEvent("quantise", len(trial.made), steps))

    for rule in rules:
        take(rule, kinds[0], correct)
    for kind in kinds[1:]:
        best = trial.best()
        take(rules[0] if best is None else best.ranges, kind, correct)
    best = trial.best()
    if settings.correct_bias is None and best is not None:
        take(best.ranges, best.equalise, not correct)
    chosen = trial.chosen()
    made = sorted(trial.made, key=lambda pair: -pair[0].snr_db)
    model = next(model for attempt, model in made if attempt is chosen)
    layers, agreement = _compared(trial.variant(chosen.equalise)[0], model, trial.judged)
    worst = sorted(layers, key=lambda e: e.alone_db)[:_HURTING]
    return Imported(
        model,
        PtqReport(len(x), chosen, tuple(c for c, _ in made), agreement, layers, tuple(e.name for e in worst)),
    )


class _Trial:
    """Ways to quantise a network, tried one after another.

    - network: the network, as `with_requantised_joins` returns it.
    - found: the inputs on which ranges and biases are found.
    - judged: the inputs on which the outputs are compared with those of the network in float.
    - made: the attempts so far, with their models.
    """

    def __init__(self, network: FloatNetwork, found: Array, judged: Array) -> None:
        self.network, self.found, self.judged = network, found, judged
        self.made: list[tuple[Attempt, QuantizedModel]] = []
        self._wanted = _outputs(network, judged)
        self._variants: dict[Equalisation, tuple[FloatNetwork, Mapping[str, Observed]]] = {}
        self._refused: SpecError | None = None

    def variant(self, kind: Equalisation) -> tuple[FloatNetwork, Mapping[str, Observed]]:
        """Returns the network with neighbouring layers evened out, and the observed values of its tensors."""
        if kind not in self._variants:
            match kind:
                case "none":
                    network = self.network
                case "weights":
                    network = equalised(self.network)
                case "activations":
                    network = with_even_channels(self.network, _magnitudes(self.network, self.found))
                case _:
                    assert_never(kind)
            self._variants[kind] = network, observe(network, self.found, chunk_of(network))
        return self._variants[kind]

    def take(self, rule: RangeRule, kind: Equalisation, correct: bool) -> None:
        """Tries one way to quantise, and leaves it out if int8 cannot hold the result.

        - rule: how the range of each tensor follows from its values.
        - kind: what is evened out between neighbouring layers first.
        - correct: whether the biases are corrected on the inputs `found`.
        """
        network, seen = self.variant(kind)
        ranges = {name: o.range(rule) for name, o in seen.items()}
        try:
            model = _model(network, ranges, self.found if correct else None)
        except SpecError as e:  # scales beyond what a kernel takes; another choice may have others
            self._refused = e
            return
        snr = _snr(self._wanted, _simulated_outputs(model, self.judged))
        self.made.append((Attempt(rule, kind, correct, snr), model))

    def best(self) -> Attempt | None:
        """Returns the best attempt so far; None if int8 could hold none."""
        return max((attempt for attempt, _ in self.made), key=lambda attempt: attempt.snr_db, default=None)

    def chosen(self) -> Attempt:
        """Returns the best attempt of all. Raises `SpecError` for a network that int8 cannot hold."""
        best = self.best()
        if best is None:
            assert self._refused is not None
            raise self._refused
        return best


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


def _magnitudes(network: FloatNetwork, x: Array) -> dict[str, Array]:
    """Returns how large the values of each channel are, for the first layer of each of the `neighbours`, by its name.

    The magnitude of a channel is the one that all but a thousandth of the values stay below, and at least a quarter of
    the largest value.
    """
    found: dict[str, list[Array]] = {a.name: [] for a, _ in neighbours(network)}

    def keep(name: str, values: Array) -> Array:
        if name in found:
            rows = np.abs(values).reshape(-1, values.shape[-1])
            found[name].append(np.maximum(np.quantile(rows, 1 - _RARE, axis=0), rows.max(axis=0) / 4))
        return values

    size = chunk_of(network)
    for i in range(0, len(x), size):
        execute(network, x[i : i + size], keep)
    return {name: np.mean(parts, axis=0) for name, parts in found.items()}


def _outputs(network: FloatNetwork, x: Array) -> Array:
    name = judged_tensor(network)
    return tensors_of(network, x, [name])[name]


def _simulated_outputs(model: QuantizedModel, x: Array) -> Array:
    network, rounded = simulated(model)
    name = judged_tensor(network)
    return tensors_of(network, x, [name], rounded)[name]


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
    model = quantised_network(network, ranges)
    if x is None:
        return model
    x = spread(x, max(8, chunk_of(network, _CORRECTED_VALUES)))
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
    return quantised_network(network, ranges, corrections)


def _channel_means(values: Array) -> npt.NDArray[np.float64]:
    """Returns the mean over everything but the last dimension."""
    return np.asarray(values.reshape(-1, values.shape[-1]).mean(axis=0, dtype=np.float64))


def _compared(network: FloatNetwork, model: QuantizedModel, x: Array) -> tuple[tuple[LayerError, ...], float | None]:
    """Returns the error of each layer, and the share of the inputs for which the largest output is the same.

    - network: the float network.
    - model: the integer model, which runs in the integer reference here.
    - x: the inputs, some of which are used.
    """
    x = spread(x, max(2, min(_COMPARED, chunk_of(network, _CORRECTED_VALUES))))
    names = [name for layer in network.arch.layers for name in layer.outputs]
    real = tensors_of(network, x, names)
    codes = reference.tensors(model, quantize(x, model.quant[INPUT]))
    snr = {name: _snr(real[name], dequantize(codes[name], model.quant[name])) for name in names}
    alone = _each_alone(network, model, spread(x, _ALONE))
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
    name = judged_tensor(network)
    wanted = tensors_of(network, x, [name])[name]
    found: dict[str, float] = {}
    for layer in network.arch.layers:
        own = set(layer.outputs)
        weights: dict[str, FloatWeights] = dict(network.weights)
        if layer.name in weights:
            weights[layer.name] = coded.weights[layer.name]
        mixed = replace(network, weights=weights)

        def visit(tensor: str, values: Array, own: set[str] = own) -> Array:
            return rounded(tensor, values) if tensor in own else values

        found[layer.name] = _snr(wanted, tensors_of(mixed, x, [name], visit)[name])
    return found
