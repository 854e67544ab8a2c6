"""Networks of TFLM's signal library: the whole front end, with sizes and numbers to choose."""

from __future__ import annotations

import numpy as np

from micronets.frontend.micro import micro_tables
from micronets.ir.arch import Arch
from micronets.ir.layers import (
    INPUT,
    Layer,
    SignalEnergy,
    SignalFftAutoScale,
    SignalFilterBank,
    SignalFilterBankLog,
    SignalFilterBankSpectralSubtraction,
    SignalFilterBankSquareRoot,
    SignalPcan,
    SignalRfft,
    SignalWindow,
    TensorSpec,
)
from micronets.quantized.model import QuantizedModel, TensorQuant

SMOOTHING = {
    "smoothing": 409,
    "one_minus_smoothing": 15975,
    "alternate_smoothing": 983,
    "alternate_one_minus_smoothing": 15401,
    "smoothing_bits": 10,
    "subtraction_bits": 14,
    "min_signal_remaining": 819,
}
"""How fast a SignalFilterBankSpectralSubtraction follows the noise: the numbers of micro_speech."""


def front_end(samples: int, length: int, channels: int, clamping: bool = False, bits: int = 3) -> QuantizedModel:
    """Returns TFLM's front end of frames of so many samples; every tensor that is defined everywhere is an output.

    - length: that of the transform.
    - channels: how many bands there are.
    - clamping: whether estimates of noise are held to their band.
    - bits: by how many bits bands are shifted before their logarithm.
    """
    first, last = 1, length // 2 - 1
    sizes = {"window": samples, "rising": last - first, "falling": last - first, "gains": 125}
    sizes |= dict.fromkeys(("starts", "firsts", "widths"), channels + 1)
    layers: tuple[Layer, ...] = (
        SignalWindow(name="frame", inputs=(INPUT, "window"), shift=12),
        SignalFftAutoScale(name="scaled", inputs=("frame",), bits="bits"),
        SignalRfft(name="bins", inputs=("scaled",), length=length),
        SignalEnergy(name="energies", inputs=("bins",), start=first, end=last),
        SignalFilterBank(
            name="bands",
            inputs=("energies", "rising", "falling", "starts", "firsts", "widths"),
            channels=channels,
        ),
        SignalFilterBankSquareRoot(name="roots", inputs=("bands", "bits")),
        SignalFilterBankSpectralSubtraction(
            name="clean",
            inputs=("roots",),
            channels=channels,
            noise="noise",
            variable="estimates",
            **SMOOTHING,
            clamping=clamping,
        ),
        SignalPcan(name="controlled", inputs=("clean", "noise", "gains"), snr_shift=6),
        SignalFilterBankLog(name="levels", inputs=("controlled",), correction_bits=bits, scale=64),
    )
    specs = tuple(TensorSpec(name, (size,), "int16") for name, size in sizes.items())
    named = ("frame", "scaled", "bits", "bins", "bands", "roots", "clean", "noise", "controlled", "levels")
    one = TensorQuant(1.0, 0)
    quant = dict.fromkeys((INPUT, "frame", "scaled", "bits", "bins", "levels", *sizes), one)
    arch = Arch((samples,), layers, "int16", named, specs)
    return QuantizedModel(arch, quant, {}, constants=_tables(samples, first, last, channels))


def _tables(samples: int, first: int, last: int, channels: int) -> dict[str, np.ndarray]:
    """Returns a Hann window, triangles over bins from `first` to before `last`, and TFLM's gains."""
    rng = np.random.default_rng(samples)
    edges = np.linspace(first, last, channels + 2).astype(np.int16)
    rising = rng.integers(0, 4097, last - first).astype(np.int16)
    gains = np.zeros(125, np.int16)
    rows = micro_tables().gains
    gains[:2] = rows[:2, 0]
    for bits in range(2, 33):
        gains[4 * bits - 6 : 4 * bits - 3] = rows[bits]
    return {
        "window": np.rint(4096 * np.sin(np.pi * (np.arange(samples) + 0.5) / samples) ** 2).astype(np.int16),
        "rising": rising,
        "falling": (4096 - rising).astype(np.int16),
        "gains": gains,
        "starts": edges[:-1],
        "firsts": (edges[:-1] - first).astype(np.int16),
        "widths": np.diff(edges).astype(np.int16),
    }


def sounds(count: int, samples: int) -> np.ndarray:
    """Returns frames `[count, samples]` of int16: noise of all levels, silence, full scale, and samples of -32768."""
    rng = np.random.default_rng(count)
    levels = rng.choice([1, 30, 1000, 9000, 40000], (count, 1))
    x = (rng.normal(0, 1, (count, samples)) * levels).clip(-32768, 32767).astype(np.int16)
    x[3], x[5], x[7, ::2], x[9, samples // 2] = 0, -32768, 32767, -32768
    return x
