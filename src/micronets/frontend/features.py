"""The arithmetic of audio front ends: from samples to features to the network's input, in numpy.

Its parameters are those of `spec.FrontEnd`, here always named `fe`. Features are computed in floats, or in the integers
of `integer`, as `fe.arithmetic` says; those are what the C on a device computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend import integer
from micronets.frontend.mel import dct_matrix, hann, mel_matrix
from micronets.frontend.spec import FrontEnd

Array = npt.NDArray[Any]
Float = npt.NDArray[np.float32]

_ONE_THREAD = 200_000  # multiplications of a matrix product that OpenBLAS does not divide among threads
_CHUNK = 64  # clips that are computed at once: the frames of more would not stay in the processor's cache


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
    if fe.arithmetic == "integer":
        level = integer.levels(integer.integer_samples(x), fe)
        return integer.to_pixels(level, fe) if fe.kind == "logmel" else integer.natural(level)
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
    real: Float = np.log(_matrix_product(spectrum.astype(np.float32, copy=False), weights) + np.float32(fe.log_floor))
    if fe.kind == "mfcc":
        return real
    pixels: Array = np.rint(np.float32(fe.pixel_scale) * real + np.float32(fe.pixel_offset))
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
