"""Spectral front ends, windows of a sensor on which their arithmetic is tested, and networks that follow a sensor."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from micronets.frontend.spectral import Spectral, SpectralSettings
from micronets.frontend.standard import Standard
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, FullyConnected
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.streaming import Detector

MOVEMENTS = ("rest", "walk", "fall", "sit")


def front_end(settings: SpectralSettings, samples: int, axes: int) -> Spectral:
    """Returns the front end of windows of noise of many levels, for instance."""
    rng = np.random.default_rng(3)
    level = np.exp(rng.uniform(0, 9, (40, 1, axes)))
    x = np.clip(rng.normal(0, 1, (40, samples, axes)) * level + rng.normal(0, 2000, (40, 1, axes)), -32768, 32767)
    return Spectral.of(np.rint(x).astype(np.float32), settings)


CASES: Mapping[str, tuple[Spectral, TensorQuant]] = {
    "usual": (front_end(SpectralSettings(), 128, 6), TensorQuant(0.03, -3)),
    "one frame": (front_end(SpectralSettings(frame=128, hop=128, bands=16), 128, 3), TensorQuant(1 / 32, 0)),
    "frames of no power of 2": (
        front_end(SpectralSettings(frame=25, hop=10, bands=16, spacing="linear", moments=("maximum",)), 50, 2),
        TensorQuant(0.05, 11),
    ),
    "half of the transform": (
        front_end(SpectralSettings(frame=16, hop=8, n_fft=64, bands=5, moments=("deviation", "mean")), 40, 1),
        TensorQuant(0.02, 127),
    ),
    "smallest": (front_end(SpectralSettings(frame=2, hop=1, bands=8, moments=()), 9, 1), TensorQuant(0.03, 0)),
    "long, soft": (
        front_end(SpectralSettings(frame=2048, hop=1000, bands=40, floor=0.02), 4096, 1),
        TensorQuant(0.03, -128),
    ),
}
"""Front ends, and the scale and zero point of an input that they feed, by name."""


def windows(fe: Spectral, seed: int = 0) -> np.ndarray:
    """Returns windows `[N, samples, axes]` of 16 bits: noise, saturation, silence, steps, oscillations."""
    rng = np.random.default_rng(seed)
    shape = fe.shape
    t = np.arange(fe.samples)[:, None] + rng.uniform(0, 9, fe.axes)
    signals = [
        rng.integers(-32768, 32768, shape),
        rng.normal(500, 30, shape),
        rng.integers(-1, 2, shape),
        np.zeros(shape),
        np.full(shape, -32768),
        np.full(shape, 32767),
        np.full(shape, -7),
        32767 * np.sign(np.sin(0.9 * t) + 0.1),
        np.where(t < fe.samples / 2, -32768, 32767),
        8000 * np.sin(0.5 * t) + 4000,
        20 * np.sin(1.3 * t) - 16384,
        np.where(np.arange(fe.samples)[:, None] == fe.samples // 2, 32767, 0) + np.zeros(shape),
    ]
    return np.rint(np.stack([np.broadcast_to(s, shape) for s in signals])).astype(np.int64)


def of_one_frame(fe: Spectral) -> Spectral:
    """Returns the same front end for windows of a single frame."""
    return replace(fe, samples=fe.settings.frame)


def model() -> QuantizedModel:
    """Returns a network that takes what the usual front end makes."""
    fe, quant = CASES["usual"]
    layer = FullyConnected(name="logits", inputs=(INPUT,), units=3, activation="none")
    made = with_random_weights(Arch(fe.input_shape, (layer,)))
    return replace(made, quant={**made.quant, INPUT: quant}, metadata={"micronets.frontend": fe.to_json()})


def following_model(detector: Detector | None = None, axes: int = 3, hop: int = 8) -> QuantizedModel:
    """Returns a random network that follows a sensor at 50 samples a second, in frames of 16 samples.

    - hop: from one frame to the next; frames overlap if it is below 16.
    """
    settings = SpectralSettings(frame=16, hop=hop, bands=5, sample_rate=50, units=(0.25,))
    return _following(front_end(settings, 64, axes), detector)


def movement(seconds: float, axes: int = 3, seed: int = 0) -> np.ndarray:
    """Returns samples `[n, axes]` in quarters, the unit of the sensor of `following_model`: swings, noise and rest."""
    rng = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < 50 * seconds:
        n = int(rng.integers(5, 90))
        swing = np.sin(np.arange(n)[:, None] * rng.uniform(0.1, 2.5, axes) + rng.uniform(0, 6, axes))
        level = rng.choice([0, 3, 200, 7000])
        parts.append(level * swing + rng.normal(0, rng.choice([0.3, 30, 900]), (n, axes)) + rng.normal(0, 300, axes))
    return np.clip(np.rint(4 * np.concatenate(parts)[: int(50 * seconds)]), -32768, 32767) / 4


def following_arrays(detector: Detector | None = None, rate: float | None = 50) -> QuantizedModel:
    """Returns a random network that follows a sensor of three axes whose samples are standardised, 20 at a time.

    - rate: samples a second, in the metadata; None leaves it out.
    """
    return _following(Standard((20, 3), (-20.0, 300.0, 7.5), (1250.0, 900.0, 2100.0), rate), detector)


def _following(fe: Spectral | Standard, detector: Detector | None) -> QuantizedModel:
    """Returns a random network of one dense layer behind a front end, whose classes are movements."""
    layer = FullyConnected(name="logits", inputs=(INPUT,), units=len(MOVEMENTS), activation="none")
    made = with_random_weights(Arch(fe.input_shape, (layer,)), 7)
    texts = {
        "micronets.task": "features",
        "micronets.labels": json.dumps(MOVEMENTS),
        "micronets.frontend": fe.to_json(),
    }
    if detector is not None:
        texts["micronets.detector"] = detector.to_json()
    return replace(made, quant={**made.quant, INPUT: TensorQuant(0.03, -3)}, metadata=texts)
