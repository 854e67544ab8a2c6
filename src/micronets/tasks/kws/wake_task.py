"""The task `wake`: one or a few words that wake a device, against everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from micronets.errors import DataError, SpecError, did_you_mean
from micronets.files import digest
from micronets.frontend import FrontEnd, cached_arrays, features
from micronets.ranges import check_fields, ranged
from micronets.tasks.base import ALL, SPLITS, Balance, Card, Examples, Labels, Outline, Task, check_splits
from micronets.tasks.kws import clips, synthetic
from micronets.tasks.kws.data import SILENCE, UNKNOWN, Features, HeldRecordings, KwsData
from micronets.tasks.kws.folders import own_splits, scan
from micronets.tasks.kws.negatives import with_negatives
from micronets.tasks.kws.noise import coloured
from micronets.tasks.kws.settings import SpectrogramAugmentation
from micronets.tasks.kws.task import front_end_of, model_examples
from micronets.terminal import counted

__all__ = ["TASK", "SpectrogramAugmentation", "WakeOptions", "examples", "load", "outline"]

_VERSION = 1  # increase it whenever the same arguments give other clips
_SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}  # of the synthesised clips


@dataclass(frozen=True)
class WakeOptions:
    """The source of the examples. Relative paths start at the current directory.

    - `words`: the wake words; `_` stands for a blank where they are synthesised.
    - `path`: a directory with a folder of recordings for each of `words`, and folders of anything else: other words,
      speech, sounds. Whatever has no recordings there is synthesised, and the run says so; empty: everything is
      synthesised.
    - `synthetic_clips`: clips to synthesise for each word, and for other words, without recordings.
    - `test`: a directory of the same form to test on.
    - `clip_seconds`: length of the network's input. Longer recordings of a word lose their ends, those of anything else
      become several examples.
    - `share`: examples of `_unknown_` and of `_silence_` in an epoch, as a multiple of the mean number of the words.
    - `balance`: how often an epoch uses the words' training clips: each once (`none`), or every word equally often
      (`sampled`), repeating rare ones; the best epoch is then chosen by the balanced accuracy.
    - `negatives`: share of an epoch that are synthesised sounds without a word; see task kws.
    - `augmentation`: the augmentation of training clips.
    - `frontend`: the front end for recordings, whose clip_ms is `clip_seconds`; the default is the log-mel.
    """

    words: tuple[str, ...] = ("computer",)
    path: str = ""
    synthetic_clips: int = ranged(600, 10, 1_000_000)
    test: str = ""
    clip_seconds: float = ranged(1.5, 0.05, 600)
    share: float = ranged(2.0, 0, 100)
    balance: Balance = "none"
    negatives: float = ranged(0.1, 0, 0.9)
    augmentation: SpectrogramAugmentation = field(default_factory=SpectrogramAugmentation)
    frontend: FrontEnd | None = None

    def __post_init__(self) -> None:
        check_fields(self, "data.")


def outline(options: WakeOptions) -> Outline:
    """Returns the facts that are known before the data are synthesised or read."""
    fe = _front_end(options.frontend, options.clip_seconds)
    return Outline(len(options.words) + 2, {"frames": fe.frames, "bands": fe.n_mels})


def _front_end(given: FrontEnd | None, clip_seconds: float) -> FrontEnd:
    return replace((given or FrontEnd()).base(), clip_ms=1000 * clip_seconds)


def load(
    path: Path | None = None,
    *,
    words: Sequence[str] = ("computer",),
    synthetic_clips: int = 600,
    test: Path | str | None = None,
    clip_seconds: float = 1.5,
    share: float = 2.0,
    negatives: float = 0.1,
    augmentation: SpectrogramAugmentation | None = None,
    frontend: FrontEnd | None = None,
    splits: Sequence[str] = SPLITS,
    seed: int = 0,
) -> KwsData:
    """Reads recordings of wake words and of anything else, and synthesises what is missing.

    The classes are `_silence_`, `_unknown_` and the words. A tenth of the recordings of every folder is for "val" and,
    without `test`, a tenth for "test": whole speakers if file names show them (see `folders.own_splits`).

    - `path`, `words`, `synthetic_clips`, `test`, `clip_seconds`, `share`, `negatives`, `augmentation`, `frontend`: see
      `WakeOptions`.
    - `splits`: the splits to read, or "all" for every recording; the others stay empty.
    - `seed`: seed of all random draws for training.

    Raises `DataError` for data that cannot be used, and `SpecError` for a bad option.
    """
    check_splits(splits, (*SPLITS, ALL) if path else SPLITS)
    words = tuple(words)
    _check_words(words)
    if path is None and test is not None:
        raise SpecError(f"wake: option test = {test} needs a data directory; synthetic speech has its own")
    fe = _front_end(frontend, clip_seconds)
    classes = (SILENCE, UNKNOWN, *words)
    recorded = None if path is None else _Recorded(path, words, fe)
    chosen = tuple(s for s in splits if not (s == "test" and test))
    by_split = {} if recorded is None else recorded.by_split(chosen, test is None)
    missing = [c for c in (UNKNOWN, *words) if recorded is None or c not in recorded.classes]
    x: dict[str, Features] = {}
    y: dict[str, Labels] = {}
    for s in (*SPLITS, *(s for s in splits if s not in SPLITS)):
        parts = dict(by_split.get(s, {}))
        if s in chosen:
            count = round(synthetic_clips * _SHARES.get(s, 1))
            parts |= {c: _spoken(c, words, count, s, fe, seed) for c in missing}
            parts[SILENCE] = _with_noise(parts, words, s, fe, seed)
        x[s], y[s] = _labelled(parts, classes, fe)
    notes, held = ((), None) if recorded is None else (recorded.notes, recorded.held)
    if test and "test" in splits:
        there = _Recorded(Path(test), words, fe)
        held = there.held_of(there.folders.files)
        x["test"], y["test"] = _labelled(there.read("test", there.folders.files), classes, fe)
        notes += there.notes
    made = ", ".join("other words" if c == UNKNOWN else f"'{c}'" for c in missing)
    total = counted(sum(map(len, y.values())), "clips")
    if path is None:
        source = f"synthetic speech: {total} by espeak-ng, with synthetic noise"
    else:
        source = f"{path.name}: {total}" + (f"; {made} synthesised by espeak-ng" if missing else "")
    if missing and path is not None:
        notes += (f"SYNTHESISED by espeak-ng, as {path} has no recording of them: {made}",)
    silence = x["train"][y["train"] == 0]
    data = KwsData(
        name="wake",
        classes=classes,
        source=source,
        synthetic=path is None,
        frontend=fe,
        features=x,
        target=y,
        background=silence if len(silence) else features([], fe),
        notes=notes,
        share=share,
        augmentation=augmentation or SpectrogramAugmentation(),
        held=held,
    )
    return with_negatives(data, negatives, seed, speech=True)


def _check_words(words: tuple[str, ...]) -> None:
    """Raises `SpecError` unless there are wake words, each once, and none has the name of another class."""
    bad = [w for w in words if not w.strip("_ ") or w in (SILENCE, UNKNOWN) or words.count(w) > 1]
    if not words or bad:
        raise SpecError(f"wake: words = {list(words)}; need at least one wake word, each once")


def _labelled(parts: Mapping[str, Features], classes: Sequence[str], fe: FrontEnd) -> tuple[Features, Labels]:
    """Returns the features of some classes, concatenated, and the class index of each."""
    ordered = [parts.get(c, features([], fe)) for c in classes]
    target = np.repeat(np.arange(len(classes)), [len(part) for part in ordered])
    return np.concatenate(ordered), target.astype(np.int64)


def _with_noise(parts: Mapping[str, Features], words: Sequence[str], split: str, fe: FrontEnd, seed: int) -> Features:
    """Returns the `_silence_` examples of a split, filled up with noise to the average number of a word."""
    recorded = parts.get(SILENCE, features([], fe))
    count = max(1, round(sum(len(parts.get(word, ())) for word in words) / len(words)))
    rng = np.random.default_rng([seed if split == "train" else 0, len(SPLITS) + [*SPLITS, "all"].index(split)])
    return np.concatenate([recorded, coloured(max(0, count - len(recorded)), fe, rng)])


class _Recorded:
    """The recordings of a directory: features by split and class.

    - classes: the classes that have recordings.
    - notes: remarks for the run and its report, such as files that were left out.
    - held: the recordings of the test split, if they were read.
    """

    def __init__(self, path: Path, words: Sequence[str], fe: FrontEnd) -> None:
        if path.is_file():
            raise DataError(f"{path}: a file; give the directory that has a folder of recordings for each wake word")
        self.folders, self.words, self.fe = scan(path), words, fe
        here = self.folders.files
        if not any(word in here for word in words):
            near = did_you_mean(words[0], here)
            raise DataError(f"{path}: no folder has the name of a wake word ({', '.join(words)}); {near}")
        self.classes = {self.class_of(name) for name in here}
        self.notes: tuple[str, ...] = self.folders.notes
        self.held: HeldRecordings | None = None

    def held_of(self, files: Mapping[str, Sequence[Path]]) -> HeldRecordings:
        """Returns the recordings of some folders by class, for streams."""
        found: dict[str, list[Path]] = {}
        for folder, paths in files.items():
            found.setdefault(self.class_of(folder), []).extend(paths)
        return HeldRecordings(found, self.folders.background)

    def class_of(self, folder: str) -> str:
        """Returns the class of a folder: a wake word, `_silence_`, or `_unknown_` for all others."""
        return folder if folder in (*self.words, SILENCE) else UNKNOWN

    def by_split(self, splits: Sequence[str], test: bool) -> dict[str, dict[str, Features]]:
        """Returns features by split and class; see `load`. Raises `DataError`."""
        if "all" in splits:
            return {s: self.read(s, self.folders.files) for s in splits}
        parts = ["val", "test"] if test else ["val"]
        rest = [name for name in self.folders.files if self.class_of(name) in (SILENCE, UNKNOWN)]
        division = own_splits(self.folders, parts, rest)
        self.held = self.held_of(division.whole["test"]) if "test" in splits else None
        out = {s: self.read(s, division.whole[s]) for s in splits}
        for name, paths in division.in_time.items():
            found = clips.read_divided(self.folders.root, name, paths, self.fe, parts)
            self.notes += found.notes
            for s in splits:
                before = out[s].get(self.class_of(name), features([], self.fe))
                out[s][self.class_of(name)] = np.concatenate([before, found.features[s]])
        return out

    def read(self, split: str, files: Mapping[str, Sequence[Path]]) -> dict[str, Features]:
        """Reads the recordings of folders: those of words as one clip each, others cut into clips."""
        paths: dict[str, list[Path]] = {}
        for folder, some in files.items():
            paths.setdefault(self.class_of(folder), []).extend(some)
        out: dict[str, Features] = {}
        for cut in (False, True):
            kept = {c: some for c, some in paths.items() if (c in (SILENCE, UNKNOWN)) == cut and some}
            got = clips.read_files(self.folders.root, tuple(kept), {split: kept}, self.fe, cut)
            out |= {c: got.features[split][got.target[split] == i] for i, c in enumerate(kept)}
            self.notes += got.notes
        return out


def _spoken(name: str, words: Sequence[str], count: int, split: str, fe: FrontEnd, seed: int) -> Features:
    """Returns features of `count` synthesised clips of a wake word, or of other words for `_unknown_`."""
    split = split if split in SPLITS else "test"
    seed = seed if split == "train" else 0
    key = digest(repr((_VERSION, "wake", name, tuple(words), count, split, fe.base(), seed)))
    return cached_arrays(key, lambda: {"x": features(synthetic.clips_of(name, count, split, fe, seed, words), fe)})["x"]


def examples(card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
    """Reads a split of the data through the model's own front end, with the classes in the order of its labels.

    The labels other than `_silence_` and `_unknown_` are the wake words.

    - `path`, `test`, `split`: as for `load`.

    Raises `SpecError` for a model without front end, and `DataError`, also if the split is empty.
    """
    fe = front_end_of(card)
    words = [label for label in card.labels or () if label not in (SILENCE, UNKNOWN)]
    if not words:
        raise SpecError(f"{card.where}: has no wake word among its labels; name them with --labels")
    data = load(
        path, words=words, test=test, frontend=fe, clip_seconds=fe.clip_ms / 1000, splits=(split,), negatives=0.0
    )
    return model_examples(card, fe, data, split, path or "synthetic speech")


TASK = Task(
    name="wake",
    about="wake words: one or a few words against everything else",
    inputs="kws",
    options=WakeOptions,
    load=load,
    outline=outline,
    examples=examples,
)
