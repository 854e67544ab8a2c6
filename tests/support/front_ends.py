"""Sound front ends and signals on which their integer arithmetic is tested."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend import PRESETS, FrontEnd, integer
from micronets.frontend.features import to_clip_length
from micronets.quantized.model import TensorQuant
from tests.support.wavs import tone

Array = npt.NDArray[Any]

CASES: Mapping[str, tuple[FrontEnd, TensorQuant]] = {
    name: (replace(fe, arithmetic="integer"), TensorQuant(scale, zero_point))
    for name, fe, scale, zero_point in (
        ("log-mel", PRESETS["logmel"], 1 / 64, 0),
        ("coefficients", PRESETS["logmel"].with_settings({"coefficients": 10, "frame_stride": 2}), 0.03, 3),
        ("micronet-mfcc", PRESETS["micronet-mfcc"], 0.58, 83),
        ("mlperf-mfcc", PRESETS["mlperf-mfcc"], 0.58, 83),
        ("up to 8 kHz", FrontEnd(fmax=8000, n_mels=64, n_fft=2048), 1 / 64, 0),
        ("short", FrontEnd(fmax=8000, n_mels=20, n_fft=64, window_ms=4), 1 / 64, -5),
        ("unit samples, magnitudes", FrontEnd(n_fft=512, power=1, sample_scale="unit", pixel_offset=90), 1 / 50, 7),
        ("a mean for each band", FrontEnd(n_fft=512, input_mean=tuple(range(100, 140)), input_scale=(60.0,)), 0.02, 0),
    )
}
"""Front ends with integer arithmetic, and the scale and zero point of an input that they feed, by name."""


def signals(seed: int = 0) -> list[Array]:
    """Returns clips of one second in int16 units: tones, noise of several levels, and what saturates or is silent."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, 16000)
    return [
        tone(0),
        tone(1, hertz=2500) * ramp,
        rng.normal(0, 300, 16000) * ramp**2 + 5 * tone(2, hertz=400),
        rng.integers(-32768, 32768, 16000),
        rng.integers(-1, 2, 16000),
        32767 * np.sign(np.sin(0.3 * np.arange(16000))),
        np.zeros(16000),
        np.full(16000, -32768),
        np.full(16000, 32767),
    ]


def clips(fe: FrontEnd, seed: int = 0) -> Array:
    """Returns the `signals` as clips of a front end, integers `[N, clip_samples]`."""
    return integer.integer_samples([to_clip_length(np.asarray(s, np.float32), fe) for s in signals(seed)])


def codes(samples: Array, fe: FrontEnd, quant: TensorQuant) -> npt.NDArray[np.int8]:
    """Returns what the integer front end makes of clips `[N, clip_samples]`, `[N, T', K]`."""
    levels = integer.levels(samples, fe)
    values = integer.to_pixels(levels, fe) if fe.kind == "logmel" else levels
    return integer.codes(values, fe, quant.scale, quant.zero_point)[..., 0]
