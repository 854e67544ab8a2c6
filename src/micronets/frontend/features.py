"""The arithmetic of sound front ends: from samples to features to the network's input, in numpy.

This is the definition that every other form of a front end has to agree with. Its parameters are those of
`spec.FrontEnd`, here always named `fe`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend.spec import FrontEnd

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float32]

_ONE_THREAD = 200_000  # multiplications of a matrix product that OpenBLAS does not divide among threads
_CHUNK = 64  # clips that are computed at once: the frames of more would not stay in the processor's cache


def hann(n: int) -> Float:
    """Returns the periodic Hann window `[n]`."""
    window: Float = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)
    return window


@lru_cache(maxsize=8)
def mel_matrix(fe: FrontEnd) -> Float:
    """Returns the weights `[bins up to fmax, n_mels]` of every bin of the spectrum in every mel band.

    A band is a triangle of peak 1 that is linear in mel; the bin of 0 Hz has no weight in any.
    """
    edges = np.linspace(_mel(fe.fmin), _mel(fe.fmax), fe.n_mels + 2)
    bins = int(fe.fmax * fe.n_fft / fe.sample_rate) + 1
    mel = _mel(np.arange(bins) * fe.sample_rate / fe.n_fft)[:, None]
    rise = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    weights: Float = np.maximum(0, np.minimum(rise, fall)).astype(np.float32)
    weights[0] = 0
    return weights


def _mel(hertz: Any) -> Any:
    """Converts frequencies from Hz to mel, as HTK does (Young et al., The HTK Book, Section 5.4)."""
    return 1127 * np.log1p(np.asarray(hertz) / 700)


def dct_matrix(fe: FrontEnd) -> Float:
    """Returns the DCT-II as a matrix `[n_mels, coefficients]`.

    Its element (n, k) is sqrt(2 / M) cos(pi k (2n + 1) / 2M) with M = n_mels, and its first column is divided by
    sqrt(2) where the front end's DCT is orthonormal.
    """
    n, k = np.arange(fe.n_mels)[:, None], np.arange(fe.coefficients)
    matrix: Array = np.sqrt(2 / fe.n_mels) * np.cos(np.pi * k * (2 * n + 1) / (2 * fe.n_mels))
    if fe.dct == "orthonormal":
        matrix[:, 0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def to_clip_length(samples: Float, fe: FrontEnd) -> Float:
    """Brings a recording `[n]` to `[clip_samples]`, by padding it with zeros or cutting it as `fe.placement` says."""
    want = fe.clip_samples
    if fe.placement == "start":
        return np.pad(samples[:want], (0, max(0, want - len(samples))))
    if len(samples) <= want:
        used = np.flatnonzero(samples)
        end = int(used[-1]) + 1 if len(used) else 0
        # A recording may end on a few zero samples; a run of a hop and more is the padding of a short clip.
        samples = samples[:end] if end and len(samples) - end >= fe.hop_samples else samples
    spare = want - len(samples)
    if spare < 0:
        return samples[-spare // 2 : -spare // 2 + want]
    return np.pad(samples, (spare // 2, spare - spare // 2))


def features(clips: Sequence[Array] | Array, fe: FrontEnd) -> Array:
    """Computes the features of recordings.

    - `clips`: N recordings of any length at `fe.sample_rate`, each `[n]` in int16 units (-32768 to 32767).

    Returns `[N, T, M]`: uint8 pixels for kind `logmel`, float32 natural logarithms for `mfcc`.
    """
    out = np.empty((len(clips), fe.frames, fe.n_mels), np.uint8 if fe.kind == "logmel" else np.float32)
    for i in range(0, len(clips), _CHUNK):
        chunk = np.stack([to_clip_length(np.asarray(c, np.float32), fe) for c in clips[i : i + _CHUNK]])
        out[i : i + _CHUNK] = _clip_features(chunk, fe)
    return out


def _clip_features(x: Array, fe: FrontEnd) -> Array:
    """Computes the features of clips `[N, clip_samples]`."""
    if fe.sample_scale == "unit":
        x = x / np.float32(32768)
    elif fe.sample_scale == "max":
        top = x.max(1, keepdims=True)
        x = x / np.where(top > 0, top, np.float32(1))
    frames = np.lib.stride_tricks.sliding_window_view(x, fe.window_samples, axis=1)[:, :: fe.hop_samples]
    framed: Array = frames * hann(fe.window_samples)
    weights = mel_matrix(fe.base())
    spectrum: Array = np.abs(np.fft.rfft(framed, fe.n_fft)[..., : len(weights)])
    if fe.power == 2:
        spectrum *= spectrum
    level: Float = np.log(_matrix_product(spectrum.astype(np.float32, copy=False), weights) + np.float32(fe.log_floor))
    if fe.kind == "mfcc":
        return level
    pixels: Array = np.rint(np.float32(fe.pixel_scale) * level + np.float32(fe.pixel_offset))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _matrix_product(x: Array, weights: Float) -> Array:
    """Computes `[..., n] @ [n, m]` in blocks so small that BLAS stays on one thread.

    Its threads spin while they wait for each other: on a busy machine that makes a product of this size ten times
    slower.
    """
    rows = x.reshape(-1, x.shape[-1])
    block = max(1, _ONE_THREAD // weights.size)
    whole = len(rows) // block * block
    head = rows[:whole].reshape(-1, block, x.shape[-1]) @ weights
    out = np.concatenate([head.reshape(whole, weights.shape[1]), rows[whole:] @ weights])
    return out.reshape(*x.shape[:-1], weights.shape[1])


def network_input(values: Array, fe: FrontEnd) -> Float:
    """Turns features `[N, T, M]` into the network's real-valued input `[N, T', K, 1]` (float32).

    T' are the frames that `fe.frame_stride` leaves, K the coefficients, or the bands where there are none.
    """
    x: Array = values[:, :: fe.frame_stride].astype(np.float32)
    if fe.coefficients:
        x = x @ dct_matrix(fe)
    x -= np.asarray(fe.input_mean, np.float32)
    x /= np.asarray(fe.input_scale, np.float32)
    return x[..., None]
