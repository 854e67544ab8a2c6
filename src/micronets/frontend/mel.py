"""The tables of audio front ends as real numbers: the window, the mel bands and the cosine transform."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend.spec import FrontEnd

Float = npt.NDArray[np.float32]


def hann(n: int) -> Float:
    """Returns the periodic Hann window `[n]`."""
    window: Float = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)
    return window


def mel(hertz: Any) -> Any:
    """Converts frequencies from Hz to mel, as HTK does (Young et al., The HTK Book, Section 5.4)."""
    return 1127 * np.log1p(np.asarray(hertz) / 700)


def hertz(mel: Any) -> Any:
    """Converts frequencies from mel to Hz, the inverse of `mel`."""
    return 700 * np.expm1(np.asarray(mel) / 1127)


def mel_edges(fe: FrontEnd) -> npt.NDArray[np.float64]:
    """Returns the edges of the mel bands `[n_mels + 2]`, in mel: band b rises from edge b and ends at edge b + 2."""
    return np.linspace(mel(fe.fmin), mel(fe.fmax), fe.n_mels + 2)


@lru_cache(maxsize=8)
def mel_matrix(fe: FrontEnd) -> Float:
    """Returns the weights `[bins up to fmax, n_mels]` of every bin of the spectrum in every mel band.

    A band is a triangle of peak 1 that is linear in mel; the bin of 0 Hz has no weight in any.
    """
    edges = mel_edges(fe)
    bins = int(fe.fmax * fe.n_fft / fe.sample_rate) + 1
    at = mel(np.arange(bins) * fe.sample_rate / fe.n_fft)[:, None]
    rise = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    weights: Float = np.maximum(0, np.minimum(rise, fall)).astype(np.float32)
    weights[0] = 0
    return weights


def dct_matrix(fe: FrontEnd) -> Float:
    """Returns the DCT-II as a matrix `[n_mels, coefficients]`.

    Its element (n, k) is sqrt(2 / M) cos(pi k (2n + 1) / 2M) with M = n_mels, and its first column is divided by
    sqrt(2) where the front end's DCT is orthonormal.
    """
    n, k = np.arange(fe.n_mels)[:, None], np.arange(fe.coefficients)
    matrix: npt.NDArray[Any] = np.sqrt(2 / fe.n_mels) * np.cos(np.pi * k * (2 * n + 1) / (2 * fe.n_mels))
    if fe.dct == "orthonormal":
        matrix[:, 0] /= np.sqrt(2)
    return matrix.astype(np.float32)
