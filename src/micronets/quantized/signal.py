"""What the operators of TFLM's signal library compute, in integers; the transform, the roots, the gains and the
logarithms are those of its front end (`frontend.micro_arithmetic`).

Arrays are `[N, ...]`, of the types that `ir.ops.signal` gives the tensors. Numbers wrap where they do in TFLM.
"""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.frontend.micro_arithmetic import gains, logarithms, roots, shrunk, spectrum, turns, wrapped
from micronets.ir import layers

Array = npt.NDArray[Any]
Int = npt.NDArray[np.int64]

_WORD = 0xFFFFFFFF
_MOST_BITS = 32  # bits of a gain's noise estimate


def signal_outputs(layer: layers.Signal, inputs: list[Array], state: dict[str, Array]) -> tuple[Array, ...]:
    """Returns the outputs of a layer for its inputs; a layer that keeps something changes it in `state`.

    Constants come as `[N, ...]`, too, N times the same.
    """
    x = inputs[0]
    match layer:
        case layers.SignalWindow():
            raw = (x.astype(np.int64) * inputs[1][0].astype(np.int64)) >> layer.shift
            return (np.clip(raw, -(2**15), 2**15 - 1).astype(np.int16),)
        case layers.SignalFftAutoScale():
            bits = np.array([_free_bits(row) for row in x], np.int32)
            return wrapped(x.astype(np.int64) << bits[:, None].astype(np.int64)).astype(np.int16), bits
        case layers.SignalRfft():
            return (_transformed(x, layer.length),)
        case layers.SignalEnergy():
            return (_energies(x, layer.start, layer.end),)
        case layers.SignalFilterBank():
            return (_band_sums(x, *(table[0].astype(np.int64) for table in inputs[1:])),)
        case layers.SignalFilterBankSquareRoot():
            down = inputs[1].reshape(-1, 1).astype(np.uint64) & np.uint64(31)  # as processors of today shift
            return ((roots(x) >> down).astype(np.uint32),)
        case layers.SignalFilterBankSpectralSubtraction():
            left, noise = _subtracted(layer, x.astype(np.uint64), state)
            return left.astype(np.uint32), noise.astype(np.uint32)
        case layers.SignalPcan():
            gain = wrapped(gains(inputs[1], gain_parabolas(inputs[2][0]))) & _WORD
            ratio = (x.astype(np.uint64) * gain.astype(np.uint64)) >> np.uint64(layer.snr_shift)
            return ((shrunk((ratio & np.uint64(_WORD)).astype(np.int64)) & _WORD).astype(np.uint32),)
        case layers.SignalFilterBankLog():
            scaled = (x.astype(np.int64) << layer.correction_bits) & _WORD
            return (np.minimum(logarithms(scaled, layer.scale), 2**15 - 1).astype(np.int16),)
        case _:
            assert_never(layer)


def gain_parabolas(table: Array) -> Int:
    """Returns the coefficients of a parabola for noise of 0, 1, ... 32 bits, `[33, 3]`, from the constant of a
    SignalPcan: two gains, then four numbers for each of 2 to 32 bits, of which the last one is not used.
    """
    found = np.zeros((_MOST_BITS + 1, 3), np.int64)
    found[:2, 0] = table[:2]
    for bits in range(2, _MOST_BITS + 1):
        found[bits] = table[4 * bits - 6 : 4 * bits - 3]
    return found


def _free_bits(samples: Array) -> int:
    """Returns by how many bits samples can be scaled up, 0 for those that are all 0.

    TFLM looks for the largest magnitude in 16 bits, in which that of -32768 is -32768: it begins anew there, and takes
    what is above it with its sign.
    """
    lowest = np.flatnonzero(samples == -(2**15))
    if not len(lowest):
        largest = int(np.abs(samples.astype(np.int64)).max())
    else:
        largest = -(2**15)
        for sample in samples[lowest[-1] + 1 :].tolist():
            largest = sample if sample > largest else max(largest, -sample)
    return 15 - largest.bit_length() if largest > 0 else 0


def _transformed(x: Array, length: int) -> npt.NDArray[np.int16]:
    """Returns the transform `[..., length + 2]` of samples `[..., n]`: real and imaginary parts in turn."""
    rows = x.reshape(-1, x.shape[-1]).astype(np.int64)
    filled = np.zeros((len(rows), length), np.int64)
    filled[:, : rows.shape[1]] = rows
    return spectrum(filled, turns(length // 2)).astype(np.int16).reshape(*x.shape[:-1], length + 2)


def _energies(x: Array, start: int, end: int) -> npt.NDArray[np.uint32]:
    """Returns the squared magnitudes `[N, n]` of complex numbers `[N, 2 n]`; 0 before `start` and from `end` on."""
    found = np.zeros((len(x), x.shape[1] // 2), np.uint32)
    found[:, start:end] = (x.reshape(len(x), -1, 2)[:, start:end].astype(np.int64) ** 2).sum(-1)
    return found


def _band_sums(
    x: Array, rising: Int, falling: Int, starts: Int, weight_starts: Int, widths: Int
) -> npt.NDArray[np.uint64]:
    """Returns the sums `[N, bands]` of energies `[N, n]`; the tables are the constants of a SignalFilterBank."""
    sums = np.zeros((2, len(x), len(starts)), np.uint64)
    for k, (start, first, width) in enumerate(zip(starts, weight_starts, widths, strict=True)):
        if width > 0:
            energies = x[:, start : start + width].astype(np.uint64)
            for part, weights in zip(sums, (rising, falling), strict=True):
                part[:, k] = (energies * weights[first : first + width].astype(np.uint64)).sum(1, dtype=np.uint64)
    return sums[0, :, 1:] + sums[1, :, :-1]


def _subtracted(
    layer: layers.SignalFilterBankSpectralSubtraction, x: npt.NDArray[np.uint64], state: dict[str, Array]
) -> tuple[Array, Array]:
    """Returns bands less their noise, and the estimates of the noise, `[N, n]`, and keeps the last estimates."""
    u, word, bits = np.uint64, np.uint64(_WORD), np.uint64(layer.subtraction_bits)
    odd = np.arange(x.shape[1]) % 2 == 1
    fresh = np.where(odd, layer.alternate_smoothing, layer.smoothing).astype(u)
    kept = np.where(odd, layer.alternate_one_minus_smoothing, layer.one_minus_smoothing).astype(u)
    scaled = (x << u(layer.smoothing_bits)) & word
    noise, noises = state[layer.variable].astype(u), np.empty_like(x)
    held = np.empty_like(x)
    for k in range(len(x)):
        noise = ((scaled[k] * fresh + noise * kept) >> bits) & word
        held[k] = np.minimum(noise, scaled[k])
        if layer.clamping:
            noise = held[k]
        noises[k] = noise
    state[layer.variable] = noise.astype(np.uint32)
    left = (scaled - held) >> u(layer.smoothing_bits)
    least = ((x * u(layer.min_signal_remaining)) >> bits) & word
    return np.maximum(left, least), noises
