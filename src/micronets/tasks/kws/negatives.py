"""Negatives: sounds that are no word, which a network learns to stay quiet at.

A data set of words has few sounds without a word, and a network takes a hum, a click or a knock on the table, which it
was not trained on, for the word that is nearest. Negatives are made by a program, from random numbers, and stand among
the training examples as `_silence_` where nobody speaks, and as `_unknown_` where the speech is no word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, assert_never, get_args

import numpy as np
import numpy.typing as npt

from micronets.files import digest
from micronets.frontend import FrontEnd, cached_arrays, features
from micronets.ranges import MOST_SEED
from micronets.tasks.base import Labels
from micronets.tasks.kws.data import SILENCE, UNKNOWN, Features, KwsData
from micronets.tasks.kws.noise import coloured_samples
from micronets.terminal import counted

VERSION = 1  # increase it whenever the same seed gives other sounds
MOST_MADE = 6000  # negatives that are kept of one training, of which every epoch draws some
TO_CHOOSE = MOST_SEED + 1  # the seed of the negatives by which the best epoch is chosen; no run has it as its own
EPOCHS_APART = 4  # epochs that would have negatives of their own, were there no such limit
SPEECH_SHARE = 0.3  # of the negatives, where there are clips of unknown words

Wave = npt.NDArray[np.float32]
"""Samples `[n]`; those of `make_negative` are in int16 units, -32768 to 32767."""

NegativeKind = Literal["hum", "tone", "chirp", "click", "knock", "step", "clipped", "chord", "noise", "silence"]
"""The kinds of sounds that nobody says:

- `hum`: the mains (50 or 60 Hz) or another low frequency, with up to 40 harmonics.
- `tone`: one to three tones that stay, or beep.
- `chirp`: a tone whose frequency rises or falls, once or again and again.
- `click`: one to eight impulses of at most 1.5 ms.
- `knock`: one to five blows on a thing that rings for some milliseconds.
- `step`: jumps of the mean, held or as they come through a coupling capacitor.
- `clipped`: noise so loud that the converter is at its limits.
- `chord`: notes of the equal temperament with harmonics, together or one after the other.
- `noise`: noise of a random colour or band, whose loudness swells, or which comes in bursts.
- `silence`: zeros, or zeros but for the last bit.
"""

Speech = Literal["reversed", "shuffled", "crowd"]
"""The kinds that are made from training clips of unknown words, as pixels of their spectrograms. Keywords take no part:
"no" reversed is nearly "on", and half of a short word is enough to recognise it.

- `reversed`: a word from its end to its start.
- `shuffled`: pieces of 60 to 250 ms of several words, put together in any order.
- `crowd`: three to five words at once.
"""

SOUNDS: tuple[NegativeKind, ...] = get_args(NegativeKind)
SPEECH: tuple[Speech, ...] = get_args(Speech)


def make_negative(kind: NegativeKind, samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Makes a sound.

    - kind: what it is.
    - samples: how many samples it has.
    - rate: samples a second.
    - rng: draws all that is random: pitch, times, loudness over 50 dB, in half of the sounds a room, and the noise of
      the microphone, in some so much gain that the sound clips.

    Returns float32 `[samples]`, whole numbers in int16 units.
    """
    if kind == "silence":
        return _silence(samples, rng)
    x = _MAKERS[kind](samples, rate, rng)
    if kind not in ("step", "clipped") and rng.random() < 0.5:
        x = _in_room(x, rate, rng)
    top = float(np.abs(x).max(initial=0)) or 1.0
    x = x / top * _log_uniform(rng, 100, 32767)
    if rng.random() < 0.1:
        x = x * _log_uniform(rng, 1, 30)
    if rng.random() < 0.7:
        floor = np.abs(x).max(initial=0) * 10 ** (-rng.uniform(25, 70) / 20)
        x = x + min(floor, 300.0) * coloured_samples(1, samples, rng)[0]
    return np.clip(np.rint(x), -32768, 32767).astype(np.float32)


def sound_features(count: int, fe: FrontEnd, seed: int, kinds: tuple[NegativeKind, ...] = SOUNDS) -> Features:
    """Makes sounds, every kind as often as the others, and returns their features.

    - count: how many sounds.
    - fe: the front end; its settings after the logarithm do not matter here.
    - seed: the same one gives the same sounds. Those of validation and test take others than the training.
    - kinds: which kinds, in turn.

    Returns features `[count, T, M]`, from the cache where they are in it.
    """

    def make() -> dict[str, Features]:
        parts = [features([], fe)]
        for first in range(0, count, 64):
            some = range(first, min(first + 64, count))
            waves = [
                make_negative(kinds[i % len(kinds)], fe.clip_samples, fe.sample_rate, np.random.default_rng([seed, i]))
                for i in some
            ]
            parts.append(features(waves, fe))
        return {"x": np.concatenate(parts)}

    facts = ("negatives", VERSION, count, seed, kinds, fe.base().to_json())
    return cached_arrays(digest(repr(facts)), make)["x"]


def speech_features(count: int, words: Features, scale: float, rng: np.random.Generator) -> Features:
    """Makes speech that is no word out of training clips.

    - count: how many.
    - words: pixels `[N, T, M]` of clips of words that are not to be recognised, N at least 1.
    - scale: pixels per unit of ln(power).
    - rng: draws clips, pieces and loudness.

    Returns uint8 `[count, T, M]`, the kinds in turn.
    """
    out = np.empty((count, *words.shape[1:]), np.uint8)
    for i in range(count):
        match SPEECH[i % len(SPEECH)]:
            case "reversed":
                x = words[rng.integers(len(words)), ::-1].astype(np.float32)
            case "shuffled":
                x = _shuffled(words, rng)
            case "crowd":
                x = _crowd(words, scale, rng)
            case kind:
                assert_never(kind)
        out[i] = np.clip(np.rint(x), 0, 255)
    return out


def with_negatives(data: KwsData, share: float, seed: int, speech: bool) -> KwsData:
    """Returns data whose train split ends with negatives, and with a note where there can be none.

    The val split, where it is there, gets the same share of other sounds, so that of two epochs that know the words as
    well the quieter one is chosen. These are the same for all seeds: trainings with two seeds are judged alike.

    - data: the examples; without any to train on they stay as they are.
    - share: the share of every epoch that are negatives, 0 to below 1.
    - seed: decides the negatives of the training.
    - speech: whether the data are of words, so that words in pieces are none.
    """
    if not share or not data.size("train") or data.frontend.kind != "logmel":
        return data
    if SILENCE not in data.classes and UNKNOWN not in data.classes:
        return replace(
            data,
            notes=(
                *data.notes,
                f"no negatives (data.negatives = {share:g}): there is neither a class '{UNKNOWN}' nor '{SILENCE}' that "
                f"they could belong to; with a folder '{UNKNOWN}' of other sounds the network learns to stay quiet",
            ),
        )
    per_epoch = round(len(data.epoch(np.random.default_rng(0))) * share / (1 - share))
    if not per_epoch:
        return data
    x, y = _made(per_epoch, data, seed, speech)
    held = round(data.size("val") * share / (1 - share))
    to_choose = sound_features(held, data.frontend, TO_CHOOSE)
    parts = {"train": (x, y), "val": (to_choose, np.full(held, _quiet_class(data.classes), np.int64))}
    return replace(
        data,
        features={**data.features, **{s: np.concatenate([data.features[s], z]) for s, (z, _) in parts.items()}},
        target={**data.target, **{s: np.concatenate([data.target[s], c]) for s, (_, c) in parts.items()}},
        source=f"{data.source}; {counted(len(y), 'negatives')} made to train on",
        made=len(y),
        made_per_epoch=per_epoch,
        made_to_choose=held,
    )


def _quiet_class(classes: tuple[str, ...]) -> int:
    """Returns the index of the class of sounds that nobody says."""
    return classes.index(SILENCE if SILENCE in classes else UNKNOWN)


def _made(per_epoch: int, data: KwsData, seed: int, speech: bool) -> tuple[Features, Labels]:
    """Makes the negatives of a training, of which an epoch shows `per_epoch`: features `[P, T, M]`, classes `[P]`."""
    train, target, classes, fe = data.features["train"], data.target["train"], data.classes, data.frontend
    count = min(MOST_MADE, EPOCHS_APART * per_epoch)
    quiet = _quiet_class(classes)
    unknown = train[target == classes.index(UNKNOWN)] if speech and UNKNOWN in classes else train[:0]
    of_speech = round(SPEECH_SHARE * count) if len(unknown) else 0
    x = sound_features(count - of_speech, fe, seed)
    if not of_speech:
        return x, np.full(count, quiet, np.int64)
    y = speech_features(of_speech, unknown, fe.pixel_scale, np.random.default_rng([seed, VERSION, count]))
    labels = np.repeat(np.array([quiet, classes.index(UNKNOWN)], np.int64), [len(x), of_speech])
    return np.concatenate([x, y]), labels


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draws a number between two positive ones whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _harmonics(base: npt.NDArray[np.float64], amplitudes: npt.NDArray[np.float64], phases: Wave) -> Wave:
    """Sums harmonics.

    - base: the phase `[n]` of the fundamental, in radians.
    - amplitudes: of the fundamental and each further harmonic, `[K]`.
    - phases: the phase of each of these at the start, `[K]`, in radians.
    """
    turn = np.exp(1j * base)
    at, total = np.ones_like(turn), np.zeros(len(base))
    for amplitude, phase in zip(amplitudes, phases, strict=True):
        at = at * turn
        total += amplitude * (at.real * np.cos(phase) - at.imag * np.sin(phase))
    return total.astype(np.float32)


def _phase(frequency: float, samples: int, rate: int) -> npt.NDArray[np.float64]:
    """Returns the phase of a steady frequency, in radians."""
    return np.asarray(2 * np.pi * frequency / rate * np.arange(samples), np.float64)


def _swell(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Returns a gain `[samples]` that swells 0.5 to 16 times a second, by a random depth, 0.05 to 1."""
    depth = rng.uniform(0, 0.95)
    angle = _phase(_log_uniform(rng, 0.5, 16), samples, rate) + rng.uniform(0, 2 * np.pi)
    return (1 - depth * (0.5 + 0.5 * np.sin(angle))).astype(np.float32)


def _hum(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    mains = rng.random() < 0.6
    f = rng.choice([50.0, 60.0]) * rng.uniform(0.995, 1.005) if mains else _log_uniform(rng, 30, 400)
    count = max(1, min(int(rng.integers(1, 41)), int(0.49 * rate / f)))
    k = np.arange(1, count + 1)
    amplitudes = k ** -rng.uniform(0, 2.5) * rng.uniform(0.2, 1, count)
    if rng.random() < 0.3:  # a symmetric wave has odd harmonics, a rectified one even ones
        amplitudes[k % 2 == int(rng.integers(2)) if count > 1 else k < 0] *= 0.05
    x = _harmonics(_phase(f, samples, rate), amplitudes, rng.uniform(0, 2 * np.pi, count).astype(np.float32))
    return x * _swell(samples, rate, rng) if rng.random() < 0.4 else x


def _tone(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        f = _log_uniform(rng, 40, 0.45 * rate)
        x += rng.uniform(0.2, 1) * np.sin(_phase(f, samples, rate) + rng.uniform(0, 2 * np.pi)).astype(np.float32)
    match int(rng.integers(4)):
        case 0:
            return x * _gate(samples, rate, rng)
        case 1:
            return x * _swell(samples, rate, rng)
        case _:
            return x


def _gate(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    """Returns a gain `[samples]` of 0 and 1, with edges of 2 ms: one beep, or beeps 1 to 12 times a second."""
    t = np.arange(samples) / rate
    if rng.random() < 0.5:
        start, length = rng.uniform(0, 0.8 * samples / rate), _log_uniform(rng, 0.03, 0.6)
        on = (t >= start) & (t < start + length)
    else:
        on = (t * _log_uniform(rng, 1, 12) + rng.random()) % 1 < rng.uniform(0.1, 0.9)
    edge = max(1, int(0.002 * rate))
    return np.convolve(on, np.ones(edge) / edge, "same").astype(np.float32)


def _chirp(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    low, high = _log_uniform(rng, 50, 0.45 * rate), _log_uniform(rng, 50, 0.45 * rate)
    turns = 1.0 if rng.random() < 0.5 else _log_uniform(rng, 1, 12)
    at = (np.arange(samples) / samples * turns + rng.random() * (turns > 1)) % 1
    if rng.random() < 0.4:
        at = 1 - np.abs(2 * at - 1)  # up and down again
    f = low * (high / low) ** at if rng.random() < 0.6 else low + (high - low) * at
    x = np.sin(2 * np.pi * np.cumsum(f) / rate).astype(np.float32)
    return x * _gate(samples, rate, rng) if rng.random() < 0.3 else x


def _times(samples: int, most: int, rng: np.random.Generator) -> list[int]:
    """Draws one to `most` places of blows: at random, or in a steady beat."""
    count = int(rng.integers(1, most + 1))
    if rng.random() < 0.4:
        start, step = rng.uniform(0, 0.5), rng.uniform(0.06, 0.35)
        return [int(samples * (start + i * step)) for i in range(count) if start + i * step < 0.98]
    return sorted(int(samples * t) for t in rng.uniform(0, 0.98, count))


def _click(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    for at in _times(samples, 8, rng):
        length = max(1, int(_log_uniform(rng, 1 / rate, 0.0015) * rate))
        shape = rng.choice([-1.0, 1.0]) * np.ones(length) if rng.random() < 0.6 else rng.uniform(-1, 1, length)
        x[at : at + length] += (rng.uniform(0.3, 1) * shape)[: samples - at].astype(np.float32)
    return x


def _knock(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    modes = int(rng.integers(1, 7))
    frequencies = [_log_uniform(rng, 60, min(4000, 0.45 * rate)) for _ in range(modes)]
    seconds = [_log_uniform(rng, 0.003, 0.15) for _ in range(modes)]  # until it has fallen to 1 / e
    loud = rng.uniform(0.2, 1, modes)
    for at in _times(samples, 5, rng):
        t = np.arange(samples - at) / rate
        blow = np.zeros(samples - at)
        for f, tau, a in zip(frequencies, seconds, loud, strict=True):
            blow += a * rng.uniform(0.6, 1) * np.exp(-t / tau) * np.sin(2 * np.pi * f * t + rng.uniform(0, np.pi))
        if rng.random() < 0.5:  # the noise of the blow itself
            blow += rng.uniform(0, 1) * np.exp(-t / _log_uniform(rng, 0.001, 0.02)) * rng.standard_normal(len(t))
        x[at:] += (rng.uniform(0.4, 1) * blow).astype(np.float32)
    return x


def _step(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.full(samples, rng.uniform(-0.5, 0.5), np.float32)
    decay = _log_uniform(rng, 0.003, 0.5) if rng.random() < 0.5 else np.inf
    for at in _times(samples, 3, rng):
        t = np.arange(samples - at) / rate
        x[at:] += (rng.uniform(-1, 1) * np.exp(-t / decay)).astype(np.float32)
    return x


def _clipped(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = coloured_samples(1, samples, rng)[0] * _log_uniform(rng, 1, 30)
    x = np.clip(x, -1, 1)
    return np.asarray(x * _gate(samples, rate, rng) if rng.random() < 0.4 else x, np.float32)


def _chord(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = np.zeros(samples, np.float32)
    root = 55 * 2 ** (rng.integers(0, 48) / 12)
    together = rng.random() < 0.5
    for steps in rng.choice([0, 3, 4, 7, 9, 10, 12, 16, 19], int(rng.integers(2, 6)), replace=False):
        f = root * 2 ** (steps / 12)
        count = max(1, min(int(rng.integers(1, 12)), int(0.49 * rate / f)))
        k = np.arange(1, count + 1)
        at = 0 if together else int(rng.uniform(0, 0.8) * samples)
        note = _harmonics(
            _phase(f, samples - at, rate),
            np.asarray(k ** -rng.uniform(0.5, 2.5), np.float64),
            rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        )
        t = np.arange(samples - at) / rate
        envelope = np.minimum(t / 0.005, 1) * np.exp(-t / _log_uniform(rng, 0.05, 3))
        x[at:] += (rng.uniform(0.4, 1) * note * envelope).astype(np.float32)
    return x


def _noise(samples: int, rate: int, rng: np.random.Generator) -> Wave:
    x = coloured_samples(1, samples, rng)[0]
    if rng.random() < 0.5:
        spectrum = np.fft.rfft(x)
        f = np.fft.rfftfreq(samples, 1 / rate)
        centre, octaves = _log_uniform(rng, 60, 0.45 * rate), rng.uniform(0.1, 2)
        outside = np.abs(np.log2(np.maximum(f, 1) / centre)) > octaves
        spectrum[outside] *= 10 ** (-rng.uniform(10, 40) / 20)
        x = np.fft.irfft(spectrum, samples).astype(np.float32)
    gain = _gate(samples, rate, rng) if rng.random() < 0.4 else _swell(samples, rate, rng)
    return np.asarray(x * gain, np.float32)


def _silence(samples: int, rng: np.random.Generator) -> Wave:
    """Returns zeros, a small constant, or zeros and ones."""
    match int(rng.integers(3)):
        case 0:
            return np.zeros(samples, np.float32)
        case 1:
            return np.full(samples, int(rng.integers(-20, 21)), np.float32)
        case _:
            return (rng.random(samples) < rng.uniform(0.01, 0.5)).astype(np.float32)


def _in_room(x: Wave, rate: int, rng: np.random.Generator) -> Wave:
    """Convolves a sound with a room: the direct path, and noise that falls by 60 dB in 0.1 to 1 s (Moorer 1979)."""
    tail = int(0.5 * rate)
    t = np.arange(tail) / rate
    room = rng.standard_normal(tail) * np.exp(-6.9 * t / _log_uniform(rng, 0.1, 1.0)) * rng.uniform(0.01, 0.15)
    room[0] = 1
    n = len(x) + tail
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(room, n), n)[: len(x)].astype(np.float32)


def _shuffled(words: Features, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Puts pieces of several words together, each 6 to 25 frames long at 100 frames a second, in a clip `[T, M]`."""
    frames = words.shape[1]
    x = np.array(words[rng.integers(len(words))], np.float32)
    x[:] = np.percentile(x, 10, axis=0)  # what is behind the words
    at = int(rng.integers(0, max(1, frames // 3)))
    for _ in range(int(rng.integers(3, 7))):
        word = words[rng.integers(len(words))]
        length = int(rng.integers(max(1, frames // 16), max(2, frames // 4) + 1))
        middle = int(word.mean(1).argmax())
        start = int(np.clip(middle - rng.integers(0, length + 1), 0, frames - length))
        length = min(length, frames - at)
        if length <= 0:
            break
        piece = word[start : start + length].astype(np.float32)
        x[at : at + length] = np.maximum(x[at : at + length], piece + np.float32(rng.uniform(-8, 8)))
        at += length
    return x


def _crowd(words: Features, scale: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Adds the powers of three to five words, each shifted by up to a third of the clip, in a clip `[T, M]`."""
    rows = rng.integers(len(words), size=int(rng.integers(3, 6)))
    third = words.shape[1] // 3
    total = np.zeros(words.shape[1:], np.float64)
    for row in rows:
        pixels = np.roll(words[row], int(rng.integers(-third, third + 1)), 0).astype(np.float64)
        total += np.exp((pixels + rng.uniform(-7, 7)) / scale)
    return (scale * np.log(total)).astype(np.float32)


_MAKERS: Mapping[NegativeKind, Callable[[int, int, np.random.Generator], Wave]] = {
    "hum": _hum,
    "tone": _tone,
    "chirp": _chirp,
    "click": _click,
    "knock": _knock,
    "step": _step,
    "clipped": _clipped,
    "chord": _chord,
    "noise": _noise,
}
