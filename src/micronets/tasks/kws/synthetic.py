"""Synthetic keyword data: many voices, rates, pitches, rooms and noises, without any recording of a human being."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from micronets.frontend import FrontEnd, features, resample
from micronets.tasks.base import SPLITS, Labels
from micronets.tasks.kws.data import KEYWORDS, SILENCE, UNKNOWN, Features, KwsData
from micronets.tasks.kws.espeak import ACCENTS, VOICES, SpeakJob, speak
from micronets.tasks.kws.noise import coloured_samples, drawn_background
from micronets.terminal import counted

OTHERS = (
    "backward", "bed", "bird", "cat", "dog", "eight", "five", "follow", "forward", "four", "happy", "house", "learn",
    "marvin", "nine", "one", "seven", "sheila", "six", "three", "tree", "two", "visual", "wow", "zero",
)  # fmt: skip
CLASSES = (SILENCE, UNKNOWN, *KEYWORDS)
SIZES = {"train": 2000, "val": 300, "test": 500}

Waveforms = npt.NDArray[np.float32]
"""Clips `[N, samples]` of values -1 to 1."""


def load(
    *,
    sizes: dict[str, int] | None = None,
    frontend: FrontEnd | None = None,
    splits: tuple[str, ...] = SPLITS,
    seed: int = 0,
    words: Sequence[str] = KEYWORDS,
) -> KwsData:
    """Synthesises keywords and unknown words by espeak-ng, and silence; a speaker is in one split only.

    - `sizes`: clips by split, divided equally among the classes.
    - `frontend`: the front end of the features; None: the log-mel.
    - `splits`: the splits to make; the others stay empty.
    - `seed`: seed of all random draws.
    - `words`: the keywords; by default the ten of Speech Commands.

    The same arguments give the same data, bit for bit, on one platform. Raises `DataError` if the synthesiser is
    missing.
    """
    sizes = sizes or SIZES
    fe = (frontend or FrontEnd()).base()
    x: dict[str, Features] = {s: features([], fe) for s in SPLITS}
    y: dict[str, Labels] = {s: np.zeros(0, np.int64) for s in SPLITS}
    classes = (SILENCE, UNKNOWN, *words)
    for s in splits:
        rng = np.random.default_rng([seed, SPLITS.index(s)])
        clips, y[s] = _clips(s, sizes[s], fe, rng, classes)
        x[s] = features(clips, fe)
    voices = sum(len(VOICES[s]) for s in splits) * len(ACCENTS)
    return KwsData(
        classes=classes,
        source=f"synthetic speech: {counted(sum(map(len, y.values())), 'clips')} by espeak-ng "
        f"in {counted(voices, 'voices')}, with synthetic "
        "noise",
        synthetic=True,
        frontend=fe,
        features=x,
        target=y,
        background=drawn_background(300, fe, seed, len(SPLITS)),
    )


def spoken(
    words: Sequence[str], each: int, rate: int, split: str = "test", seed: int = 0
) -> dict[str, list[npt.NDArray[np.float32]]]:
    """Synthesises words by espeak-ng in the voices of a split; returns the clips of each word, in int16 units.

    - words: the words; `_` stands for a blank.
    - each: clips per word.
    - rate: samples a second.
    - split: train, val or test.
    - seed: seed of accents, voices, speeds and pitches.

    Raises `DataError` if the synthesiser is missing.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    jobs = [_job(split, word.replace("_", " "), rng) for word in words for _ in range(each)]
    samples, own = speak(jobs)
    clips = [resample(one.astype(np.float32), own, rate) for one in samples]
    return {word: clips[i * each : (i + 1) * each] for i, word in enumerate(words)}


def clips_of(
    word: str, n: int, split: str, fe: FrontEnd, seed: int = 0, never: Sequence[str] = ()
) -> npt.NDArray[np.float32]:
    """Synthesises a word `n` times in the voices of a split, in rooms and over noise; returns clips in int16 units.

    - `word`: the word, or `_unknown_` for other words.
    - `n`: the number of clips.
    - `split`: train, val or test, each with its own speakers.
    - `fe`: the front end, which gives sample rate and length of a clip.
    - `seed`: seed of voices, rooms and noise.
    - `never`: words that `_unknown_` must not contain.

    Raises `DataError` if the synthesiser is missing.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split), *word.encode()])
    return _clips(split, n, fe, rng, (word,), never)[0]


def _clips(
    split: str,
    n: int,
    fe: FrontEnd,
    rng: np.random.Generator,
    classes: Sequence[str],
    never: Sequence[str] = (),
) -> tuple[Waveforms, Labels]:
    target = np.sort(np.arange(n, dtype=np.int64) % len(classes))
    others = [word for word in OTHERS if word not in (*classes, *never)]
    jobs = [_job(split, classes[c], rng, others) for c in target if classes[c] != SILENCE]
    samples_of, rate = speak(jobs)
    x = np.zeros((n, fe.clip_samples), np.float32)
    spoken_rows = [row for row, c in enumerate(target) if classes[c] != SILENCE]
    for row, samples in zip(spoken_rows, samples_of, strict=True):
        x[row] = _placed(resample(samples.astype(np.float32), rate, fe.sample_rate), fe.clip_samples, rng)
    return _noisy(_in_room(x, fe.sample_rate, rng), rng), target


def _job(split: str, word: str, rng: np.random.Generator, others: Sequence[str] = OTHERS) -> SpeakJob:
    text = str(rng.choice(others)) if word == UNKNOWN else word.replace("_", " ")
    voice = f"{rng.choice(ACCENTS)}+{rng.choice(VOICES[split])}"
    return voice, text, int(rng.integers(110, 231)), int(rng.integers(10, 91))


def _placed(samples: npt.NDArray[np.float32], length: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Puts the audible part at a random position in a clip of `length` samples."""
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max(initial=1))
    word = samples[loud[0] : loud[-1] + 1][:length] if len(loud) else samples[:0]
    clip = np.zeros(length, np.float32)
    # Near the middle, a fifth of a second either way, as a recording cut around the word would have it.
    spare = length - len(word)
    start = int(np.clip(spare // 2 + rng.integers(-length // 5, length // 5 + 1), 0, spare))
    clip[start : start + len(word)] = word
    return clip


def _in_room(x: Waveforms, rate: int, rng: np.random.Generator) -> Waveforms:
    """Convolves each clip with a random room (a direct path and a decaying tail), and applies a microphone's tilt."""
    tail = int(0.25 * rate)
    n = x.shape[1] + tail
    decay = np.exp(-6.9 * np.arange(tail) / rate / rng.uniform(0.05, 0.4, (len(x), 1)))  # reverberation time, s
    room = rng.standard_normal((len(x), tail)) * decay * rng.uniform(0, 0.12, (len(x), 1))
    room[:, 0] = 1
    room[:, 1] -= rng.uniform(-0.6, 0.6, len(x))
    out = np.empty_like(x)
    for i in range(0, len(x), 64):  # small transforms stay in the cache
        part = np.fft.rfft(x[i : i + 64], n) * np.fft.rfft(room[i : i + 64].astype(np.float32), n)
        out[i : i + 64] = np.fft.irfft(part, n)[:, : x.shape[1]]
    return out


def _noisy(x: Waveforms, rng: np.random.Generator) -> Waveforms:
    """Scales speech to a random level, with noise 0 to 30 dB below it (RMS over the clip)."""
    rms = np.sqrt((x**2).mean(1, keepdims=True))
    level = np.exp(rng.uniform(np.log(100), np.log(3000), (len(x), 1)))
    noise = level * 10 ** (-rng.uniform(0, 30, (len(x), 1)) / 20)
    gain = np.where(rms > 0, level / np.maximum(rms, 1e-9), 0)
    out = np.empty_like(x)
    for i in range(0, len(x), 64):
        part = slice(i, i + 64)
        out[part] = gain[part] * x[part] + noise[part] * coloured_samples(len(x[part]), x.shape[1], rng)
    return np.clip(np.rint(out), -32768, 32767)
