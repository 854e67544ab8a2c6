"""Sounds that keyword models are tested on: those that are no word, and words in noise, in rooms, loud and soft.

The sounds without a word are made by other formulas than the negatives that models learn from
(micronets.tasks.kws.negatives), so that a model that has only learnt those does not pass here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float32]
"""Samples in int16 units, `[n]`."""

Sound = Literal["mains hum", "tones", "clicks", "knocks", "steps of the mean", "digital silence", "chords", "fan"]
SOUNDS: tuple[Sound, ...] = get_args(Sound)
SEED = 20_000  # far from the seeds of trainings, which are small
RATE = 16_000


def sound(kind: Sound, rng: np.random.Generator, samples: int = RATE) -> Wave:
    """Makes a sound of a second at 16 kHz whose loudest sample is anywhere between 100 and 32,767, by its logarithm.

    - kind: `mains hum` is a rectified or a flattened wave of 50 or 60 Hz; `tones` are single ones, pairs as of a
      telephone's keys, and square waves; `clicks` are impulses through a resonant band; `knocks` are bursts of noise
      through two resonances; `steps of the mean` are held, with a slow drift; `chords` are triads of triangular waves;
      `fan` is broad noise with the tone of its blades; `digital silence` is one value all the time.
    """
    if kind == "digital silence":
        return np.full(samples, rng.choice([0, 0, 0, 1, -1, 7]), np.float32)
    x = _MAKERS[kind](np.arange(samples) / RATE, rng)
    loudest = np.exp(rng.uniform(np.log(100), np.log(32767)))
    x = x * loudest / np.abs(x).max() + rng.standard_normal(samples) * rng.uniform(0, 3)
    return np.clip(np.rint(x), -32768, 32767).astype(np.float32)


def sounds(kind: Sound, count: int, seed: int = SEED) -> list[Wave]:
    """Makes so many sounds of a kind; those of a seed are always the same."""
    number = SOUNDS.index(kind)
    return [sound(kind, np.random.default_rng([seed, number, i])) for i in range(count)]


def _hum(t: Wave, rng: np.random.Generator) -> Wave:
    angle = 2 * np.pi * rng.choice([50.0, 60.0]) * rng.uniform(0.998, 1.002) * t + rng.uniform(0, 2 * np.pi)
    match int(rng.integers(3)):
        case 0:
            x = np.abs(np.sin(angle)) - 2 / np.pi
        case 1:
            x = np.tanh(rng.uniform(0.5, 6) * np.sin(angle))
        case _:
            x = np.sin(angle) + rng.uniform(0, 0.5) * np.sin(3 * angle + 1) + rng.uniform(0, 0.2) * np.sin(7 * angle)
    return np.asarray(x, np.float32)


def _tones(t: Wave, rng: np.random.Generator) -> Wave:
    match int(rng.integers(3)):
        case 0:
            x = np.sin(2 * np.pi * rng.uniform(100, 7000) * t)
        case 1:
            low, high = rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477, 1633])
            x = np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)
        case _:
            x = np.sign(np.sin(2 * np.pi * rng.uniform(200, 3000) * t))
    if rng.random() < 0.5:  # it beeps
        x = x * ((t * rng.uniform(1, 6) + rng.random()) % 1 < 0.5)
    return np.asarray(x, np.float32)


def _resonated(x: Wave, frequency: float, q: float) -> Wave:
    """Filters a sound by a resonance: a second-order section's impulse response, cut after 4,096 samples."""
    n = np.arange(4096)
    response = np.exp(-np.pi * frequency / q / RATE * n) * np.sin(2 * np.pi * frequency / RATE * (n + 1))
    size = len(x) + len(n)
    return np.asarray(np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(response, size), size)[: len(x)], np.float32)


def _clicks(t: Wave, rng: np.random.Generator) -> Wave:
    x = np.zeros(len(t), np.float32)
    x[rng.integers(0, len(t) - 200, int(rng.integers(1, 5)))] = rng.choice([-1.0, 1.0])
    return _resonated(x, rng.uniform(1000, 7000), rng.uniform(0.5, 3))


def _knocks(t: Wave, rng: np.random.Generator) -> Wave:
    x = np.zeros(len(t), np.float32)
    gap = rng.uniform(0.12, 0.3)
    first = rng.uniform(0, 0.6)
    for i in range(int(rng.integers(1, 4))):
        at = int((first + i * gap) * RATE)
        burst = rng.standard_normal(80) * np.exp(-np.arange(80) / 20)
        x[at : at + 80] += (rng.uniform(0.5, 1) * burst[: max(0, len(x) - at)]).astype(np.float32)
    low = _resonated(x, rng.uniform(80, 400), rng.uniform(3, 15))
    high = _resonated(x, rng.uniform(400, 2000), rng.uniform(3, 15))
    return low / np.abs(low).max() + np.float32(rng.uniform(0, 1)) * high / np.abs(high).max()


def _steps(t: Wave, rng: np.random.Generator) -> Wave:
    x = rng.uniform(-0.3, 0.3) + rng.uniform(-0.1, 0.1) * t
    for _ in range(int(rng.integers(1, 4))):
        x = x + rng.uniform(-1, 1) * (t > rng.uniform(0.05, 0.95))
    return np.asarray(x, np.float32)


def _chords(t: Wave, rng: np.random.Generator) -> Wave:
    root = 110 * 2 ** (rng.integers(0, 25) / 12)
    x = np.zeros(len(t))
    for semitones in (0, rng.choice([3, 4]), 7):
        x = x + np.arcsin(np.sin(2 * np.pi * root * 2 ** (semitones / 12) * t))
    start = rng.uniform(0, 0.5)
    return np.asarray(x * (t >= start) * np.exp(-np.maximum(t - start, 0) * rng.uniform(0, 6)), np.float32)


def _fan(t: Wave, rng: np.random.Generator) -> Wave:
    noise = np.convolve(rng.standard_normal(len(t) + 32), np.hanning(int(rng.integers(3, 32))), "same")[: len(t)]
    blades = sum(np.sin(2 * np.pi * k * rng.uniform(80, 250) * t) / k for k in range(1, 4))
    return np.asarray(noise / noise.std() + rng.uniform(0, 1) * blades, np.float32)


_MAKERS: Mapping[Sound, Callable[[Wave, np.random.Generator], Wave]] = {
    "mains hum": _hum,
    "tones": _tones,
    "clicks": _clicks,
    "knocks": _knocks,
    "steps of the mean": _steps,
    "chords": _chords,
    "fan": _fan,
}


def with_noise(word: Wave, noise: Wave, snr_db: float) -> Wave:
    """Adds noise `[m]`, repeated where it is shorter, to a word `[n]`.

    - snr_db: how far the power of the word's loudest 30 ms lies above the mean power of the noise.
    """
    part = np.resize(noise, len(word))
    frames = word[: len(word) // 480 * 480].reshape(-1, 480)
    loudest = float((frames**2).mean(1).max())
    gain = np.sqrt(loudest / max(float((part**2).mean()), 1e-9) * 10 ** (-snr_db / 10))
    return _whole(word + np.float32(gain) * part)


def louder(word: Wave, db: float) -> Wave:
    """Returns a word by so much louder, clipped where it no longer has 16 bits."""
    return _whole(word * np.float32(10 ** (db / 20)))


def shifted(word: Wave, seconds: float) -> Wave:
    """Returns a word that comes so much later, behind digital silence, or earlier where the number is negative."""
    n = int(seconds * RATE)
    out = np.zeros_like(word)
    out[max(n, 0) : len(word) + min(n, 0)] = word[max(-n, 0) : len(word) - max(n, 0)]
    return out


def in_room(word: Wave, seconds: float, rng: np.random.Generator) -> Wave:
    """Returns a word in a room: the direct path and, 5 ms later, decaying noise of the same power.

    - seconds: until the noise has fallen by 60 dB, as a room's reverberation time is defined (ISO 3382-1).
    """
    t = np.arange(int(seconds * RATE)) / RATE
    tail = rng.standard_normal(len(t)) * np.exp(-6.9 * t / seconds)
    tail[: int(0.005 * RATE)] = 0
    room = tail / np.sqrt((tail**2).sum())
    room[0] = 1
    n = len(word) + len(room)
    return _whole(np.fft.irfft(np.fft.rfft(word, n) * np.fft.rfft(room, n), n)[: len(word)])


def _whole(x: npt.NDArray[np.floating]) -> Wave:
    return np.clip(np.rint(x), -32768, 32767).astype(np.float32)
