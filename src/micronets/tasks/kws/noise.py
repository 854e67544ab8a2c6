"""Coloured noise at random levels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from micronets.frontend import FrontEnd, features
from micronets.tasks.kws.data import Features


def coloured_samples(n: int, samples: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draws Gaussian noise `[n, samples]` of RMS 1 whose power falls as 1 / f^a, a uniform in 0..2 (white to brown).

    - `n`: the number of clips; each has its own exponent a.
    - `samples`: the length of a clip.
    - `rng`: draws the noise and the exponents.
    """
    spectrum = np.fft.rfft(rng.standard_normal((n, samples), np.float32))
    f = np.arange(spectrum.shape[1])
    f[0] = 1
    x = np.fft.irfft(spectrum * f ** -rng.uniform(0, 1, (n, 1)), samples)
    unit: npt.NDArray[np.float32] = (x / np.sqrt((x**2).mean(1, keepdims=True))).astype(np.float32)
    return unit


def coloured(n: int, fe: FrontEnd, rng: np.random.Generator) -> Features:
    """Draws clips of coloured noise between 10 and 3000 int16 units RMS, and returns their features.

    - `n`: the number of clips.
    - `fe`: the front end, which gives the length of a clip and computes the features.
    - `rng`: draws the noise and its level.
    """
    level = np.exp(rng.uniform(np.log(10), np.log(3000), (n, 1)))
    return features(coloured_samples(n, fe.clip_samples, rng) * level.astype(np.float32), fe)


def drawn_background(n: int, fe: FrontEnd, *seed: int) -> Features:
    """Draws clips as `coloured` does, from a seed; a process that asks for the same again draws them once."""
    return _drawn(n, fe, *seed).copy()


@lru_cache(maxsize=4)
def _drawn(n: int, fe: FrontEnd, *seed: int) -> Features:
    """Draws the clips of `drawn_background`, of which each caller gets a copy."""
    return coloured(n, fe, np.random.default_rng(seed))
