"""Negatives: sounds that are no word, which a network learns to stay quiet at.

A data set of words has few sounds without a word, and a network takes a hum, a click or a knock on the table, which it
was not trained on, for the word that is nearest. Negatives are made by a program, from random numbers, and stand among
the training examples as `_silence_` where nobody speaks, and as `_unknown_` where the speech is no word.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never, get_args

import numpy as np
import numpy.typing as npt

from micronets.files import digest
from micronets.frontend import FrontEnd, cached_arrays, features
from micronets.ranges import MOST_SEED
from micronets.tasks.base import Labels
from micronets.tasks.kws.data import SILENCE, UNKNOWN, Features, KwsData
from micronets.tasks.kws.wordless import SOUNDS, NegativeKind, make_negative
from micronets.terminal import counted

VERSION = 2  # increase it whenever the same seed gives other sounds
MOST_MADE = 20_000  # negatives that are kept of one training, of which every epoch draws some
TO_CHOOSE = MOST_SEED + 1  # the seed of the negatives by which the best epoch is chosen; no run has it as its own
EPOCHS_APART = 4  # epochs that would have negatives of their own, were there no such limit
SPEECH_SHARE = 0.15  # of the negatives, where there are clips of unknown words

Speech = Literal["reversed", "shuffled", "crowd"]
"""The kinds that are made from training clips of unknown words, as pixels of their spectrograms. Keywords take no part:
"no" reversed is nearly "on", and half of a short word is enough to recognise it.

- `reversed`: a word from its end to its start.
- `shuffled`: pieces of 60 to 250 ms of several words, put together in any order.
- `crowd`: three to five words at once.
"""

SPEECH: tuple[Speech, ...] = get_args(Speech)
TO_LEARN: tuple[NegativeKind, ...] = (*SOUNDS, "knock", "knock", "tone", "chirp", "chord", "mixture")
"""The kinds in turn as a network learns them: those that networks take for words most often come twice or more."""


def sound_features(count: int, fe: FrontEnd, seed: int, kinds: tuple[NegativeKind, ...] = SOUNDS) -> Features:
    """Makes sounds and returns their features.

    - count: how many sounds.
    - fe: the front end; its settings after the logarithm do not matter here.
    - seed: the same one gives the same sounds. Those of validation and test take others than the training.
    - kinds: which kinds, in turn; one that stands there twice is made twice as often.

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
    x = sound_features(count - of_speech, fe, seed, TO_LEARN)
    if not of_speech:
        return x, np.full(count, quiet, np.int64)
    y = speech_features(of_speech, unknown, fe.pixel_scale, np.random.default_rng([seed, VERSION, count]))
    labels = np.repeat(np.array([quiet, classes.index(UNKNOWN)], np.int64), [len(x), of_speech])
    return np.concatenate([x, y]), labels


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
