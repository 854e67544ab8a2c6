"""From samples to features to network input: numpy, vectorised over clips and frames."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend.spec import FrontEnd

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float32]

_SMALL = 200_000  # multiplications of a matrix product that OpenBLAS does not part
_CHUNK = 64  # clips a pass: the frames of more would leave the cache


def hann(n: int) -> Float:
    """Periodic Hann window `[n]`."""
    w: Float = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)
    return w


@lru_cache(maxsize=8)
def mel_matrix(fe: FrontEnd) -> Float:
    """Triangles `[bins up to fmax, n_mels]`, of peak 1, linear in mel; the DC bin has no weight."""
    edges = np.linspace(_mel(fe.fmin), _mel(fe.fmax), fe.n_mels + 2)
    bins = int(fe.fmax * fe.n_fft / fe.sample_rate) + 1
    mel = _mel(np.arange(bins) * fe.sample_rate / fe.n_fft)[:, None]
    rise = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    weights: Float = np.maximum(0, np.minimum(rise, fall)).astype(np.float32)
    weights[0] = 0
    return weights


def _mel(hertz: Any) -> Any:
    return 1127 * np.log1p(np.asarray(hertz) / 700)


def dct_matrix(fe: FrontEnd) -> Float:
    """`[n_mels, coefficients]`: DCT-II, sqrt(2/M) cos(pi k (2n + 1) / 2M), the first column / sqrt(2) if orthonormal."""
    n, k = np.arange(fe.n_mels)[:, None], np.arange(fe.coefficients)
    matrix: Array = np.sqrt(2 / fe.n_mels) * np.cos(np.pi * k * (2 * n + 1) / (2 * fe.n_mels))
    if fe.dct == "orthonormal":
        matrix[:, 0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def place(samples: Float, fe: FrontEnd) -> Float:
    """One recording `[n]` brought to `[clip_samples]` by padding with zeros or cutting, as `fe.placement` says."""
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
    """Features of recordings in int16 units, each `[n]`: uint8 pixels `[N, T, M]` (`logmel`) or float32 logarithms (`mfcc`)."""
    out = np.empty((len(clips), fe.frames, fe.n_mels), np.uint8 if fe.kind == "logmel" else np.float32)
    for i in range(0, len(clips), _CHUNK):
        out[i : i + _CHUNK] = _features(np.stack([place(np.asarray(c, np.float32), fe) for c in clips[i : i + _CHUNK]]), fe)
    return out


def _features(x: Array, fe: FrontEnd) -> Array:
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
    level: Float = np.log(_product(spectrum.astype(np.float32, copy=False), weights) + np.float32(fe.log_floor))
    if fe.kind == "mfcc":
        return level
    pixels: Array = np.rint(np.float32(fe.pixel_scale) * level + np.float32(fe.pixel_offset))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _product(x: Array, weights: Float) -> Array:
    """`[..., n] @ [n, m]` in blocks so small that BLAS stays on one thread.

    Its threads spin while they wait for each other: on a busy machine that makes a product of this size ten times slower.
    """
    rows = x.reshape(-1, x.shape[-1])
    block = max(1, _SMALL // weights.size)
    whole = len(rows) // block * block
    head = rows[:whole].reshape(-1, block, x.shape[-1]) @ weights
    out = np.concatenate([head.reshape(whole, weights.shape[1]), rows[whole:] @ weights])
    return out.reshape(*x.shape[:-1], weights.shape[1])


def network_input(values: Array, fe: FrontEnd) -> Float:
    """Features `[N, T, M]` to the network's real-valued input `[N, T', K, 1]` (float32)."""
    x: Array = values[:, :: fe.frame_stride].astype(np.float32)
    if fe.coefficients:
        x = x @ dct_matrix(fe)
    x -= np.asarray(fe.input_mean, np.float32)
    x /= np.asarray(fe.input_scale, np.float32)
    return x[..., None]
