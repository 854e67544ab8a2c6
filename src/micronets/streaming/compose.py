"""Composed streams: words at known times over background noise, for tasks that have no long recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.frontend.labels import SpokenWord

Float = npt.NDArray[np.float32]

PAUSE_S = (0.5, 4.0)
"""Range of the seconds between two clips."""

NOISE_S = (4.0, 12.0)
"""Range of the seconds of one piece of background noise."""

NOISE_LEVEL = (30.0, 600.0)
"""Range of the RMS of a piece of noise, in int16 units; its logarithm is drawn uniformly."""

GAIN_DB = (-6.0, 6.0)
"""Range of the gain of a clip, in dB."""

_FADE_S = 0.01  # seconds of fading at the ends of clips and pieces of noise, so that they begin without a click
_QUIET = 1e-3  # share of the power of a clip's loudest 10 ms that the word's first and last 10 ms have at least


def compose(
    words: Mapping[str, Sequence[Float]],
    others: Sequence[Float],
    background: Sequence[Float],
    rate: int,
    seconds: float,
    seed: int,
) -> tuple[npt.NDArray[np.int16], tuple[SpokenWord, ...]]:
    """Composes a stream: clips in random order with pauses, over pieces of background noise of random loudness.

    - words: clips by word, in int16 units; each word comes equally often.
    - others: clips of anything else; if there are any, every second clip is one. The result has no times for them.
    - background: long recordings of noise.
    - rate: samples a second of all recordings.
    - seconds: the length of the stream.
    - seed: seed of all random choices.

    Returns the samples, and the words with the times of their loud parts.
    """
    rng = np.random.default_rng(seed)
    total = round(seconds * rate)
    out = np.zeros(total, np.float64)
    at = 0
    while at < total:
        noise = background[int(rng.integers(len(background)))]
        count = min(len(noise), round(rng.uniform(*NOISE_S) * rate))
        begin = int(rng.integers(len(noise) - count + 1))
        piece = _faded(noise[begin : begin + count], rate)
        level = np.exp(rng.uniform(*np.log(NOISE_LEVEL)))
        piece *= level / max(1e-9, float(np.sqrt((piece**2).mean())))
        out[at : at + count] += piece[: total - at]
        at += count
    order = {label: _endless_shuffle(len(clips), rng) for label, clips in words.items()}
    rest, names, events = _endless_shuffle(len(others), rng), list(words), []
    at, number = round(rng.uniform(*PAUSE_S) * rate), 0
    while True:
        label = None if others and number % 2 else names[int(rng.integers(len(names)))]
        clip = others[next(rest)] if label is None else words[label][next(order[label])]
        if at + len(clip) > total:
            break
        out[at : at + len(clip)] += _faded(clip, rate) * 10 ** (rng.uniform(*GAIN_DB) / 20)
        if label is not None:
            first, last = loud_part(clip, rate)
            events.append(SpokenWord((at + first) / rate, (at + last) / rate, label))
        at += len(clip) + round(rng.uniform(*PAUSE_S) * rate)
        number += 1
    return np.clip(np.rint(out), -32768, 32767).astype(np.int16), tuple(events)


def _endless_shuffle(count: int, rng: np.random.Generator) -> Any:
    """Yields the numbers below `count` in random order, over and over, all of them in each round."""
    while count:
        yield from rng.permutation(count).tolist()


def _faded(x: Float, rate: int) -> npt.NDArray[np.float64]:
    """Returns a sound with a fade-in and a fade-out."""
    found = np.asarray(x, np.float64).copy()
    n = min(round(_FADE_S * rate), len(found) // 2)
    ramp = np.arange(n) / max(1, n)
    found[:n] *= ramp
    found[len(found) - n :] *= ramp[::-1]
    return found


def loud_part(clip: Float, rate: int) -> tuple[int, int]:
    """Returns the start and the end of a clip's loud part, in samples: it is within 30 dB of the loudest 10 ms."""
    step = max(1, rate // 100)
    blocks = np.asarray(clip[: len(clip) // step * step], np.float64).reshape(-1, step)
    power = (blocks**2).mean(1)
    loud = np.flatnonzero(power >= _QUIET * power.max()) if len(power) else np.zeros(0, np.int64)
    return (int(loud[0]) * step, (int(loud[-1]) + 1) * step) if len(loud) else (0, len(clip))
