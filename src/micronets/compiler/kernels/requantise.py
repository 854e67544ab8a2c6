"""Requantisation: the tables and the struct with which a kernel turns a sum of products into a code of its output."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels.base import SIZE_LIMIT, Place, Struct, Table
from micronets.cost.tflm_plan import align
from micronets.errors import UnsupportedError
from micronets.ir.layers import Conv2D, Weighted
from micronets.ir.window import Pair
from micronets.quantized.arithmetic import IntArray, activation_range, conv_rescale
from micronets.quantized.model import QuantizedModel, TensorQuant

REQUANT = "micronets_requant"

SUM_LIMIT = 2**31
"""The magnitude that sums in an int32 accumulator must stay below."""

DOUBLED_LIMIT = 2**30
"""The magnitude that sums with their bias must stay below where a kernel doubles them before it scales them."""

SINGLE_LIMIT = 2**29
"""The magnitude that sums with their bias must stay below for cores that scale them by products of 16 bits."""

PACKED_BIAS_LIMIT = 2**23
"""The magnitude that biases in packed tables must stay below."""


@dataclass(frozen=True, eq=False)
class Requantisation:
    """The requantisation of a layer in C.

    - tables: the table of biases, and that of multipliers.
    - struct: a `micronets_requant` that points to them.
    - packed: the tables have the packed form of `pack`.
    - largest: the magnitude that no sum with its bias exceeds.
    """

    tables: tuple[Table, Table]
    struct: Struct
    packed: bool
    largest: int


def requantisation(
    model: QuantizedModel,
    layer: Weighted,
    rows: npt.NDArray[np.int8] | npt.NDArray[np.int16],
    place: Place,
    *,
    folded: bool = True,
    per_channel: bool = False,
    packed_limit: int = DOUBLED_LIMIT,
) -> Requantisation:
    """Returns the requantisation of a layer. Raises `UnsupportedError` if sums may not fit 32 bits.

    - model: the network, which holds biases and quantisation.
    - layer: the layer.
    - rows: weights `[output channels, weights of a channel]`, less their zero point.
    - place: the source of the tables' names.
    - folded: the kernel takes input codes as they are, and the bias makes up for their zero point.
    - per_channel: the table has a multiplier for every channel even if there is one scale for all; convolutions always
      have one for every channel.
    - packed_limit: tables are packed only where the magnitude of every sum with its bias is below this.
    """
    numbers = requant_numbers(model, layer, rows, folded=folded, per_channel=per_channel)
    return requantisation_of(place, numbers, packed_limit)


@dataclass(frozen=True, eq=False)
class RequantNumbers:
    """The numbers by which the sums of a layer become codes.

    - bias: of each output channel, `[channels]`, or `[1]` for one that holds for all.
    - multiplier, shift: as of `quantize_multiplier`, `[channels]` or `[1]`.
    - limits: the least and the greatest code of the output.
    - target: quantisation of the output.
    - largest: of each channel, the magnitude that no sum with its bias exceeds, `[channels]` or `[1]`.
    """

    bias: npt.NDArray[np.int32]
    multiplier: IntArray
    shift: IntArray
    limits: Pair
    target: TensorQuant
    largest: IntArray

    @staticmethod
    def of_one(
        bias: int, multiplier: int | IntArray, shift: int | IntArray, limits: Pair, target: TensorQuant
    ) -> RequantNumbers:
        """Returns the numbers of a layer with one bias, multiplier and shift for all channels, and sums of any size."""
        biases, largest = np.array([bias], np.int32), np.array([SUM_LIMIT])
        return RequantNumbers(biases, np.array([int(multiplier)]), np.array([int(shift)]), limits, target, largest)

    def of(self, channels: IntArray) -> RequantNumbers:
        """Returns the numbers of some channels, by their indices, where each has its own multiplier and shift."""
        multiplier, shift, largest = self.multiplier[channels], self.shift[channels], self.largest[channels]
        return replace(self, bias=self.bias[channels], multiplier=multiplier, shift=shift, largest=largest)

    @property
    def packable(self) -> npt.NDArray[np.bool_]:
        """Returns for each channel whether its numbers fit packed tables, where each has its own multiplier and
        shift."""
        multiplier, shift = shiftable(self.multiplier, self.shift)
        zero = multiplier == 0
        fits = zero | ((shift <= -1) & (shift >= -31))
        return np.asarray(fits & (np.abs(self.bias) < PACKED_BIAS_LIMIT) & (self.largest < DOUBLED_LIMIT))


def requant_numbers(
    model: QuantizedModel, layer: Weighted, rows: IntArray, *, folded: bool = True, per_channel: bool = False
) -> RequantNumbers:
    """Returns the numbers of `requantisation`, with the same arguments. Raises `UnsupportedError` as it does."""
    w, source, target = model.weights[layer.name], model.quant[layer.inputs[0]], model.quant[layer.name]
    weights = rows.astype(np.int64)
    if int(np.abs(weights).sum(axis=1).max()) * 255 >= SUM_LIMIT:
        sums = f"sums of {rows.shape[1]} products may not fit 32 bits"
        raise UnsupportedError(f"layer '{layer.name}': {sums}; split the layer")
    bias = -source.zero_point * weights.sum(axis=1) if folded else np.zeros(len(weights), np.int64)
    if w.bias is not None:
        bias += w.bias
    multiplier, shift = conv_rescale(source, w.scales, target)
    if per_channel or isinstance(layer, Conv2D):
        multiplier, shift = (np.broadcast_to(v, len(weights)) for v in (multiplier, shift))
    limits = activation_range(layer.activation, target, model.arch.types()[layer.name])
    largest = np.abs(weights).sum(axis=1) * 255 + np.abs(bias)  # no sum with its bias is larger
    return RequantNumbers(bias.astype(np.int32), multiplier, shift, limits, target, largest)


def requantisation_of(
    place: Place, numbers: RequantNumbers, packed_limit: int = DOUBLED_LIMIT, prefix: str = ""
) -> Requantisation:
    """Returns a requantisation by given biases and factors.

    - place: the source of the tables' names.
    - numbers: the biases, factors and codes.
    - packed_limit: tables are packed only where the magnitude of every sum with its bias is below this.
    - prefix: what the names of the tables begin with, where a layer has several.

    Raises `UnsupportedError` for more scales than a field of the struct can count.
    """
    bias, largest = numbers.bias, int(numbers.largest.max())
    multiplier, shift = shiftable(numbers.multiplier, numbers.shift)
    words = pack(bias, multiplier, shift) if largest < packed_limit else None
    if words is None and multiplier.size > SIZE_LIMIT:
        raise UnsupportedError(f"layer {place.index}: {multiplier.size} scales; at most {SIZE_LIMIT} are supported")
    biases, multipliers = words if words is not None else (bias, np.append(multiplier, shift))
    tables = (
        place.table("int32_t", f"{prefix}bias", biases),
        place.table("int32_t", f"{prefix}multiplier", multipliers),
    )
    limits, zero = numbers.limits, numbers.target.zero_point
    struct = Struct(
        REQUANT,
        (
            ("bias", tables[0]),
            ("multiplier", tables[1]),
            ("lowest", limits[0] - zero),
            ("highest", limits[1] - zero),
            ("zero_point", zero),
            ("per_channel", int(multiplier.size > 1)),
            ("shift_count", multiplier.size if words is None else 0),
        ),
    )
    return Requantisation(tables, struct, words is not None, largest)


def pack(bias: IntArray, multiplier: IntArray, shift: IntArray) -> tuple[IntArray, IntArray] | None:
    """Returns the tables of biases and multipliers in the packed form that `micronets_requant` of micronets_kernels.h
    describes; None if a number is too large for it.

    - bias: `[channels]`; a bias and a shift share 32 bits.
    - multiplier, shift: the multipliers and shifts that `quantize_multiplier` returns, `[channels]` or `[1]`.

    Tables of channels are filled up to a multiple of four.
    """
    # A multiplier of 0 becomes one that gives 0 as well: sums are below 2^30, and it stands for 2^-32.
    multiplier, shift = np.where(multiplier == 0, 2**30, multiplier), np.where(multiplier == 0, -31, shift)
    if shift.max() > -1 or shift.min() < -31 or np.abs(bias).max() >= PACKED_BIAS_LIMIT:
        return None
    if multiplier.size == bias.size:
        multiplier, shift = _fill_up(multiplier, 2**30), _fill_up(shift, -31)
    words = _fill_up(bias.astype(np.int64), 0) * 256 - shift
    return words, 2 * multiplier.astype(np.int64) - 2**32


def requant_bytes(channels: int, scales: int) -> int:
    """Returns the bytes of the tables of biases and multipliers in their packed form.

    - channels: how many output channels the layer has.
    - scales: how many scales its weights have, 1 or one for each channel.
    """
    biases = align(channels, 4)
    return 4 * (biases + (biases if scales == channels else scales))


def _fill_up(values: IntArray, value: int) -> IntArray:
    """Returns `values`, filled up with `value` to a multiple of four."""
    return np.pad(values, (0, -len(values) % 4), constant_values=value)


def shiftable(multiplier: IntArray, shift: IntArray) -> tuple[IntArray, IntArray]:
    """Returns a multiplier and a shift that C can apply.

    A left shift by 32 or more, which leaves nothing of 32 bits, becomes a multiplier of 0.
    """
    return np.where(shift > 31, 0, multiplier), np.where(shift > 31, 0, shift)
