"""Negatives: sounds that are no word, at which a network learns to stay quiet.

A data set of words has few sounds without a word. A network that was not trained on a hum, a click or a knock on the
table takes it for the nearest word. Negatives are synthesised from random numbers. They join the training examples as
`_silence_` if nobody speaks, and as `_unknown_` if the speech is no word.
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
MOST_MADE = 20_000  # negatives of one training, from which every epoch draws some
TO_CHOOSE = MOST_SEED + 1  # the seed of the negatives by which the best epoch is chosen; no run can have it
EPOCHS_APART = 4  # epochs with different negatives, unless MOST_MADE limits them
SPEECH_SHARE = 0.15  # of the negatives, if there are clips of unknown words

Speech = Literal["reversed", "shuffled", "crowd"]
"""The kinds made from the spectrograms of training clips of unknown words. Keywords are not used: "no" reversed is
nearly "on", and half of a short word is enough to recognise it.

- `reversed`: a word from its end to its start.
- `shuffled`: pieces of 60 to 250 ms of several words, put together in any order.
- `crowd`: three to five words at once.
"""

SPEECH: tuple[Speech, ...] = get_args(Speech)
TO_LEARN: tuple[NegativeKind, ...] = (*SOUNDS, "knock", "knock", "tone", "chirp", "chord", "mixture")
"""The kinds for training, in turn: those that networks most often take for words occur twice or more."""


def sound_features(count: int, fe: FrontEnd, seed: int, kinds: tuple[NegativeKind, ...] = SOUNDS) -> Features:
    """Makes sounds and returns their features.

    - count: the number of sounds.
    - fe: the front end; its settings after the logarithm do not matter here.
    - seed: the same seed gives the same sounds. Validation and test use other seeds than the training.
    - kinds: the kinds, in turn; one that occurs twice is made twice as often.

    Returns features `[count, T, M]`, from the cache if they are in it.
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
    """Makes speech that is no word from training clips.

    - count: the number of clips.
    - words: pixels `[N, T, M]` of clips of words that must not be recognised, N at least 1.
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
    """Returns data whose train split ends with negatives, or with a note if there can be none.

    The val split, if there is one, gets the same share of other sounds, so that of two epochs that know the words
    equally well the quieter one is chosen. These are the same for all seeds: trainings with two seeds are compared on
    equal terms.

    - data: the examples; without any for training they stay as they are.
    - share: the share of negatives in every epoch, 0 to below 1.
    - seed: decides the negatives of the training.
    - speech: whether the data are of words, so that pieces of words count as no word.
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
        made_classes=tuple(i for i, c in enumerate(data.classes) if c in (SILENCE, UNKNOWN)),
        made_per_epoch=per_epoch,
        made_to_choose=held,
    )


def _quiet_class(classes: tuple[str, ...]) -> int:
    """Returns the index of the class of sounds without speech."""
    return classes.index(SILENCE if SILENCE in classes else UNKNOWN)


def _made(per_epoch: int, data: KwsData, seed: int, speech: bool) -> tuple[Features, Labels]:
    """Makes the negatives of a training, `per_epoch` of which an epoch uses: features `[P, T, M]`, classes `[P]`."""
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
    """Puts pieces of several words, each 6 to 25 frames long at 100 frames a second, together in a clip `[T, M]`."""
    frames = words.shape[1]
    x = np.array(words[rng.integers(len(words))], np.float32)
    x[:] = np.percentile(x, 10, axis=0)  # the background of the words
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
