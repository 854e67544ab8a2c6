"""The task `audio`: audio of the user's own, in a folder of recordings of any length per class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from micronets.errors import DataError, SpecError
from micronets.files import digest
from micronets.frontend import FrontEnd, cached_arrays, features
from micronets.ranges import check_fields, ranged
from micronets.tasks.ad import synthetic
from micronets.tasks.base import ALL, SPLITS, Balance, Card, Examples, Labels, Outline, Task, check_splits
from micronets.tasks.kws import clips, long_recordings
from micronets.tasks.kws.data import Features, KwsData
from micronets.tasks.kws.folders import scan
from micronets.tasks.kws.negatives import with_negatives
from micronets.tasks.kws.noise import drawn_background
from micronets.tasks.kws.settings import SpectrogramAugmentation
from micronets.tasks.kws.task import front_end_of, model_examples
from micronets.terminal import counted

__all__ = ["TASK", "AudioOptions", "SpectrogramAugmentation", "examples", "load", "outline"]


@dataclass(frozen=True)
class AudioOptions:
    """The source of the examples. Relative paths start at the current directory.

    - `path`: a folder of WAVs per class, or a long recording with a label file beside it, or a folder of such; empty:
      machine sounds are synthesised, with the kinds of machine as classes.
    - `synthetic_clips`: training clips to synthesise, if there is no path.
    - `test`: a directory with a folder of WAVs per class to test on, if it is not part of `path`.
    - `clip_seconds`: length of the network's input. Shorter recordings are padded, longer ones lose their ends, and
      those of at least twice the length become several examples.
    - `balance`: how often a training epoch uses the examples: each once (`none`), or every class equally often
      (`sampled`), repeating rare ones; the best epoch is then chosen by the balanced accuracy.
    - `negatives`: share of an epoch that are synthesised sounds: hums, tones, clicks, knocks, chords, noises. Their
      class is `_silence_`, or `_unknown_` if there is no `_silence_`; without either class, none are made. Leave it at
      0 if one of your classes is such a sound.
    - `augmentation`: the augmentation of training clips.
    - `frontend`: the front end for recordings, whose clip_ms is `clip_seconds`; the default is the log-mel up to 8 kHz.
    """

    path: str = ""
    synthetic_clips: int = ranged(600, 1, 1_000_000)
    test: str = ""
    clip_seconds: float = ranged(1.0, 0.05, 600)
    balance: Balance = "none"
    negatives: float = ranged(0.0, 0, 0.9)
    augmentation: SpectrogramAugmentation = field(default_factory=SpectrogramAugmentation)
    frontend: FrontEnd | None = None

    def __post_init__(self) -> None:
        check_fields(self, "data.")


def outline(options: AudioOptions) -> Outline:
    """Returns the facts that are known before the data are synthesised or read."""
    fe = _front_end(options.frontend, options.clip_seconds)
    return Outline(2 if options.path else len(synthetic.MACHINE_KINDS), {"frames": fe.frames, "bands": fe.n_mels})


def _front_end(given: FrontEnd | None, clip_seconds: float) -> FrontEnd:
    return replace((given or FrontEnd(fmax=8000)).base(), clip_ms=1000 * clip_seconds)


def load(
    path: Path | None = None,
    *,
    synthetic_clips: int = 600,
    test: Path | str | None = None,
    clip_seconds: float = 1.0,
    negatives: float = 0.0,
    augmentation: SpectrogramAugmentation | None = None,
    frontend: FrontEnd | None = None,
    splits: Sequence[str] = SPLITS,
    seed: int = 0,
) -> KwsData:
    """Reads the recordings at `path`, or synthesises some.

    A tenth of every class is for "val" and, without `test`, another tenth for "test": whole speakers or sources if the
    file names show them (see `folders.own_splits`). The pieces of a recording are in the same split, unless a class has
    too few recordings, which are then divided in time.

    - `synthetic_clips`, `test`, `clip_seconds`, `negatives`, `augmentation`, `frontend`: see `AudioOptions`.
    - `splits`: the splits to read, or "all" for every recording; the others stay empty.
    - `seed`: seed of the negatives, and of the noise that is mixed in if there is no folder `_background_noise_`.

    Raises `DataError` for data that cannot be used, and `SpecError` for a bad option.
    """
    check_splits(splits, (*SPLITS, ALL) if path else SPLITS)
    fe = _front_end(frontend, clip_seconds)
    if path is None:
        if test is not None:
            raise SpecError(f"audio: option test = {test} needs a data directory; synthetic sound has its own")
        data = _synthetic(synthetic_clips, fe, splits, seed)
    else:
        data = _read(path, None if test is None else Path(test), fe, splits, seed)
    data = replace(data, augmentation=augmentation or SpectrogramAugmentation())
    return with_negatives(data, negatives, seed, speech=False)


def _read(path: Path, test: Path | None, fe: FrontEnd, splits: Sequence[str], seed: int) -> KwsData:
    """Reads the recordings at `path`; the other arguments are those of `load`. Raises `DataError`."""
    chosen = tuple(s for s in splits if not (s == "test" and test))
    pairs = long_recordings.find_recordings(path)
    if pairs is not None:
        got = clips.labelled_recordings(pairs, fe, chosen, test is None, seed)
    elif path.is_file():
        raise DataError(
            f"{path}: is not a recording; give one with a label file beside it, or a folder of WAV files per class"
        )
    else:
        got = clips.class_folders(scan(path), fe, chosen, test is None, seed, cut=True)
    notes = got.notes
    if test and "test" in splits:
        held = clips.held_out_clips(test, got.classes, fe, cut=True)
        got.features["test"], got.target["test"], got.files["test"] = held.features, held.target, held.files
        notes += held.notes
    count = sum(map(len, got.target.values()))
    return KwsData(
        name="audio",
        classes=got.classes,
        source=f"{path.name}: {counted(count, 'clips')} of {fe.clip_ms / 1000:g} s",
        frontend=fe,
        features=got.features,
        target=got.target,
        files=got.files,
        background=got.background,
        notes=notes,
    )


def _synthetic(n: int, fe: FrontEnd, splits: Sequence[str], seed: int) -> KwsData:
    """Synthesises sounds of machines, whose kinds are the classes; each split has its own machines."""
    names = {"train": synthetic.IDS[:-2], "val": synthetic.IDS[-2:-1], "test": synthetic.IDS[-1:]}
    counts = {"train": n, "val": n // 4, "test": n // 2}
    x: dict[str, Features] = {}
    y: dict[str, Labels] = {}
    for s in SPLITS:
        y[s] = np.arange(counts[s] if s in splits else 0, dtype=np.int64) % len(synthetic.MACHINE_KINDS)
        sounds = [
            synthetic.SyntheticClip(
                synthetic.MACHINE_KINDS[c], names[s][i // len(synthetic.MACHINE_KINDS) % len(names[s])], "train", i
            )
            for i, c in enumerate(y[s])
        ]
        x[s] = _synthetic_features(sounds, fe)
    return KwsData(
        name="audio",
        classes=synthetic.MACHINE_KINDS,
        source=f"synthetic machine sounds: {counted(sum(map(len, y.values())), 'clips')} of {fe.clip_ms / 1000:g} s",
        synthetic=True,
        frontend=fe,
        features=x,
        target=y,
        background=drawn_background(200, fe, seed),
    )


def _synthetic_features(sounds: Sequence[synthetic.SyntheticClip], fe: FrontEnd) -> Features:
    def make() -> dict[str, Features]:
        parts = [features([synthetic.synthesise(c, fe.clip_ms / 1000)], fe) for c in sounds]
        return {"x": np.concatenate([features([], fe), *parts])}

    return cached_arrays(digest(repr((synthetic.VERSION, "audio", sounds, fe.base()))), make)["x"]


def examples(card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
    """Reads a split of the data through the model's own front end, with the classes in the order of its labels.

    - `path`, `test`, `split`: as for `load`.

    Raises `SpecError` for a model without front end, and `DataError`, also if the split is empty or holds a class that
    the model does not know.
    """
    fe = front_end_of(card)
    data = load(path, test=test, frontend=fe, clip_seconds=fe.clip_ms / 1000, splits=(split,))
    return model_examples(card, fe, data, split, path or "synthetic machines")


TASK = Task(
    name="audio",
    about="audio of your own: a folder of recordings per class, or long recordings with labels",
    inputs="kws",
    options=AudioOptions,
    load=load,
    outline=outline,
    examples=examples,
)
