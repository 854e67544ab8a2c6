"""Recordings in folders, read to features and labels by split, with silence cut from background noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from micronets.errors import DataError
from micronets.frontend import FrontEnd, cut_features, features, read_recording, resample, wav_features
from micronets.tasks.base import SPLITS, Labels
from micronets.tasks.class_folders import only_one_class
from micronets.tasks.kws import long_recordings
from micronets.tasks.kws.data import SILENCE, UNKNOWN, Features, HeldRecordings
from micronets.tasks.kws.folders import (
    BACKGROUND,
    FEWEST_RECORDINGS,
    LISTS,
    Files,
    Folders,
    check_words,
    hash_of,
    official_splits,
    own_splits,
    scan,
    too_few,
    unread_lists_note,
)
from micronets.tasks.kws.noise import drawn_background
from micronets.tasks.long_windows import LabelledPairs, in_time_note, least_windows, stretches

_BACKGROUND_ROWS = 1000
_DRAWN_ROWS = 200  # of background where the data bring none
_PARTS = {"train": (0.0, 0.8), "val": (0.8, 0.9), "test": (0.9, 1.0)}  # of a recording that all splits share
_MOST_UNKNOWN = 4  # times the mean word in the train split: each epoch draws others


@dataclass(frozen=True, eq=False)
class Clips:
    """Recordings that were read: features and class indices by split, background for the train split, and warnings.

    - `files`: by split, the path of each example's recording, see `LabelledData`.
    - `held`: the recordings of the test split, see `KwsData`.
    """

    classes: tuple[str, ...]
    features: dict[str, Features]
    target: dict[str, Labels]
    background: Features
    notes: tuple[str, ...]
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    held: HeldRecordings | None = None


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings that were read: features, class indices and relative paths by split, and notes."""

    features: dict[str, Features]
    target: dict[str, Labels]
    files: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def class_folders(
    folders: Folders, fe: FrontEnd, splits: Sequence[str], test: bool, seed: int, cut: bool = False
) -> Clips:
    """Reads a directory with a folder of recordings per class.

    - `folders`: the folders and the files in them.
    - `fe`: the front end, which computes the features and gives the length of a clip.
    - `splits`: the splits to read, or "all" for every recording; the others stay empty.
    - `test`: whether a tenth of every class is held out for "test".
    - `seed`: seed of the background that is cut from noise.
    - `cut`: whether a long recording becomes several examples. If a class has too few recordings, they are divided in
      time; without `cut`, this holds for `_silence_` and `_unknown_` alone.

    Raises `DataError`.
    """
    classes = tuple(folders.files)
    if len(classes) < 2 and "all" not in splits:
        raise only_one_class(folders.root, classes[0])
    parts = ["val", "test"] if test else ["val"]
    by_split: Mapping[str, Files] = {"all": folders.files}
    divided: Files = {}
    if "all" not in splits:
        division = own_splits(folders, parts, classes if cut else (SILENCE, UNKNOWN))
        by_split, divided = division.whole, division.in_time
    notes = folders.notes if "all" in splits else (*folders.notes, *unread_lists_note(folders))
    got = read_files(folders.root, classes, {s: by_split[s] for s in splits}, fe, cut)
    notes += got.notes
    if cut and set(SPLITS) <= {*splits}:
        notes += _uneven(classes, got)
    for name, paths in divided.items():
        found = read_divided(folders.root, name, paths, fe, parts)
        notes += found.notes
        for s in splits:
            count = len(found.features[s])
            got.features[s] = np.concatenate([got.features[s], found.features[s]])
            got.target[s] = np.concatenate([got.target[s], np.full(count, classes.index(name), np.int64)])
            got.files[s] += found.files[s]
    held = HeldRecordings(by_split["test"], folders.background) if "test" in splits and not cut else None
    if "train" not in splits:
        return Clips(classes, got.features, got.target, _no_features(fe), notes, got.files, held)
    rng = _rng(seed, "train")
    noise = [_crops(_whole(folders.background), _BACKGROUND_ROWS, fe, rng)] if folders.background else []
    if SILENCE in classes:
        noise.append(got.features["train"][got.target["train"] == classes.index(SILENCE)])
    background = np.concatenate(noise or [_drawn_background(fe, seed)])
    return Clips(classes, got.features, got.target, background, notes, got.files, held)


def labelled_recordings(pairs: LabelledPairs, fe: FrontEnd, splits: Sequence[str], test: bool, seed: int) -> Clips:
    """Reads long recordings with label files.

    - `pairs`: the recordings and their label files.
    - `fe`: the front end, which computes the features and gives the length of a clip.
    - `splits`: the splits to read, or "all" for everything; the others stay empty.
    - `test`: whether a tenth of the windows is held out for "test".
    - `seed`: seed of the background that is cut from noise.

    Raises `DataError` for recordings or labels that cannot be used, and for labels too few to be divided.
    """
    got = long_recordings.clips(pairs, fe, splits, test)
    if "train" not in splits:
        return Clips(got.classes, got.features, got.target, _no_features(fe), got.notes)
    quiet = got.features["train"][got.target["train"] == got.classes.index(SILENCE)] if SILENCE in got.classes else None
    noise = quiet if quiet is not None and len(quiet) else _drawn_background(fe, seed)
    return Clips(got.classes, got.features, got.target, noise, got.notes)


def speech_commands(
    folders: Folders, words: Sequence[str], fe: FrontEnd, splits: Sequence[str], seed: int, silence: bool = True
) -> Clips:
    """Reads `_silence_`, `_unknown_` and the keywords, as in the 12-class task of Speech Commands.

    Recordings of other words are `_unknown_`; if every folder is a keyword, there is no such class. In "val" and
    "test", silence and unknown words have as many examples as the average word. Their silence is cut from background
    that the other splits do not have (see `background_parts`).

    - `folders`: the folders and the files in them.
    - `words`: the keywords.
    - `fe`: the front end, which computes the features and gives the length of a clip.
    - `splits`: the splits to read; the others stay empty.
    - `seed`: decides which unknown words and which background are for training; it does not affect the other splits.
    - `silence`: whether there is a class `_silence_`; the task of all 35 words has none (Warden 2018).

    Raises `DataError` for missing or unusable recordings, and `SpecError` for a keyword without a folder.
    """
    check_words(folders, words)
    others = [c for c in folders.files if c not in words]
    unknown = [UNKNOWN] if others else []
    classes = (*([SILENCE] if silence else []), *unknown, *words)
    if silence and not folders.background:
        raise DataError(
            f"{folders.root}: no .wav files in {BACKGROUND}, from which class '{SILENCE}' is cut; add noise "
            "recordings there"
        )
    chosen: dict[str, Files] = {}
    by_split, listed = official_splits(folders)
    for s, files in by_split.items():
        n = round(sum(len(files[w]) for w in words) / len(words))
        rest = [p for c in others for p in files[c]]
        limit = n * (_MOST_UNKNOWN if s == "train" else 1)
        if len(rest) > limit:
            rest = [rest[i] for i in np.sort(_rng(seed, s).choice(len(rest), limit, replace=False))]
        chosen[s] = {**{w: files[w] for w in words}, **dict.fromkeys(unknown, rest)}
        for c, paths in chosen[s].items():
            if not paths and s in splits:
                name = {"val": "validation", "test": "test"}.get(s, s)
                lists = {s: (folders.root / list_).exists() for s, list_ in LISTS.items()}
                alone = any(lists.values()) and not lists.get(s, True)
                why = f" (there is no {LISTS[s]}; write it, or remove the other list)" if alone else ""
                raise DataError(
                    f"{folders.root}: class '{c}' has no {name} clip{why}; add recordings or leave the word out"
                )
    got = read_files(folders.root, classes, {s: chosen[s] for s in splits}, fe)
    x, y, named = got.features, got.target, got.files
    background = _no_features(fe)
    if not silence and "train" in splits:
        parts = background_parts(folders.background)["train"]
        background = _crops(parts, _BACKGROUND_ROWS, fe, _rng(seed, "train")) if parts else _drawn_background(fe, seed)
    for s in splits if silence else ():
        n = _BACKGROUND_ROWS if s == "train" else max(1, len(y[s]) // (len(classes) - 1))
        rows = _crops(background_parts(folders.background)[s], n, fe, _rng(seed, s))
        x[s], y[s] = np.concatenate([x[s], rows]), np.concatenate([y[s], np.zeros(len(rows), np.int64)])
        named[s] += ("",) * len(rows)
        background = rows if s == "train" else background
    held = HeldRecordings(chosen["test"], folders.background) if "test" in splits else None
    return Clips(classes, x, y, background, folders.notes + listed + got.notes, named, held)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Test data from another directory.

    - features, target: the examples, and their class indices `[N]`.
    - notes: remarks for the run.
    - files: the path of each example's recording, see `LabelledData`.
    - held: the recordings, see `KwsData`.
    """

    features: Features
    target: Labels
    notes: tuple[str, ...]
    files: tuple[str, ...] = ()
    held: HeldRecordings | None = None


def held_out_clips(root: Path, classes: Sequence[str], fe: FrontEnd, cut: bool = False) -> HeldOut:
    """Reads all clips of a directory with a folder per class, or of recordings with label files, as test data.

    - `root`: the directory.
    - `classes`: the names of the classes, in the order of their indices; every folder must be one of them.
    - `fe`: the front end that computes the features.
    - `cut`: whether a long recording in the folder of a class becomes several examples.

    Raises `DataError`.
    """
    pairs = long_recordings.find_recordings(root)
    if pairs is not None:
        return HeldOut(*long_recordings.held_out_windows(pairs, classes, fe))
    folders = scan(root)
    for c in folders.files:
        if c not in classes:
            raise DataError(
                f"{root / c}: class '{c}' is not one of the classes; rename or remove it: {', '.join(classes)}"
            )
    got = read_files(root, classes, {"test": folders.files}, fe, cut)
    absent = [c for c in classes if c not in folders.files]
    missing = (f"{root}: no test clips for {', '.join(absent)}",) if absent else ()
    notes = folders.notes + got.notes + missing
    held = None if cut else HeldRecordings(folders.files, folders.background)
    return HeldOut(got.features["test"], got.target["test"], notes, got.files["test"], held)


def read_files(
    root: Path, classes: Sequence[str], by_split: Mapping[str, Files], fe: FrontEnd, cut: bool = False
) -> Recordings:
    """Reads recordings by split and class.

    - `root`: the directory of the data.
    - `classes`: the names of the classes, in the order of their indices.
    - `by_split`: the paths of the recordings by split and class.
    - `fe`: the front end that computes the features.
    - `cut`: whether a long recording becomes several examples.

    Raises `DataError`.
    """
    x, y, named, notes = {}, {}, {}, []
    for s in (*SPLITS, *(s for s in by_split if s not in SPLITS)):
        files = by_split.get(s, {})
        order = [c for c in classes if files.get(c)]
        paths = [p for c in order for p in files[c]]
        y[s] = np.repeat([classes.index(c) for c in order], [len(files[c]) for c in order]).astype(np.int64)
        names = [p.relative_to(root).as_posix() for p in paths]
        if cut:
            x[s], counts, tally = cut_features(paths, fe)
            y[s] = np.repeat(y[s], counts)
            names = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
        else:
            x[s], tally = wav_features(paths, fe)
        named[s] = tuple(names)
        notes += [f"{s}: {note}" for note in tally.notes(fe)]
    return Recordings(x, y, named, tuple(notes))


@dataclass(frozen=True, eq=False)
class DividedRecordings:
    """The clips of recordings that are divided in time: features and paths by split, and notes."""

    features: dict[str, Features]
    files: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def read_divided(root: Path, name: str, paths: Sequence[Path], fe: FrontEnd, parts: Sequence[str]) -> DividedRecordings:
    """Reads the recordings of one class and divides each in time among the splits, see `long_windows.stretches`.

    A recording that is too short to be divided is for training. The clips of a split do not depend on which splits are
    read.
    read.

    - `root`: the directory of the data.
    - `name`: the class, which is also the folder of the recordings.
    - `paths`: the recordings.
    - `fe`: the front end, which computes the features and gives the length of a clip.
    - `parts`: the splits besides "train".

    Raises `DataError` if no recording is long enough to be divided.
    """
    x, counts, tally = cut_features(paths, fe)
    rows: dict[str, list[int]] = {s: [] for s in SPLITS}
    names: dict[str, list[str]] = {s: [] for s in SPLITS}
    first = 0
    for path, count in zip(paths, counts.tolist(), strict=True):
        for s, stretch in (stretches(count, parts) or {"train": range(count)}).items():
            rows[s] += [first + i for i in stretch]
            names[s] += [path.relative_to(root).as_posix()] * len(stretch)
        first += count
    if not all(rows[s] for s in ("train", *parts)):
        seconds = least_windows(parts) * fe.clip_ms / 1000
        raise too_few(
            root / name, len(paths), parts, f"one recording of at least {seconds:g} s, which is then divided in time"
        )
    note = in_time_note(name, len(paths), "clips", {s: len(rows[s]) for s in ("train", *parts)})
    notes = (*(f"class '{name}': {text}" for text in tally.without("cut").notes(fe)), note)
    return DividedRecordings({s: x[some] for s, some in rows.items()}, {s: tuple(n) for s, n in names.items()}, notes)


def _uneven(classes: Sequence[str], got: Recordings) -> tuple[str, ...]:
    """Returns a note for each class with less than half of its clips in training, because of a long recording.

    It must be called before clips of recordings that are divided in time are added, so that their classes have none.
    """
    notes = []
    for i, name in enumerate(classes):
        counts = {s: int((got.target[s] == i).sum()) for s in SPLITS}
        files = {file for s in SPLITS for file, of in zip(got.files[s], got.target[s], strict=True) if of == i}
        if 2 * counts["train"] < sum(counts.values()) > len(files):
            shown = ", ".join(f"{n} {s}" for s, n in counts.items())
            notes.append(
                f"class '{name}' is divided unevenly ({shown}), as the clips of a recording stay together; "
                "cut long recordings into several files"
            )
    return tuple(notes)


@dataclass(frozen=True)
class BackgroundPart:
    """A split's part of a background recording: from the share `start` of its length to the share `end`."""

    path: Path
    start: float = 0.0
    end: float = 1.0


def background_parts(recordings: Sequence[Path]) -> dict[str, tuple[BackgroundPart, ...]]:
    """Divides background recordings among the splits, by split.

    If there are three recordings or more, a sixth, at least one, are for "val" and as many for "test", whole; a hash of
    the name decides which. One or two are divided in time: the first 80 % of each for training, a tenth each for "val"
    and "test", which then have the same noise as the training.
    """
    if len(recordings) < FEWEST_RECORDINGS:
        return {s: tuple(BackgroundPart(p, *part) for p in recordings) for s, part in _PARTS.items()}
    order = sorted(recordings, key=lambda p: hash_of(p.name))
    n = max(1, len(order) // 6)
    return {"val": _whole(order[:n]), "test": _whole(order[n : 2 * n]), "train": _whole(sorted(order[2 * n :]))}


def _whole(recordings: Sequence[Path]) -> tuple[BackgroundPart, ...]:
    return tuple(BackgroundPart(path) for path in recordings)


def _crops(background: Sequence[BackgroundPart], n: int, fe: FrontEnd, rng: np.random.Generator) -> Features:
    """Cuts `n` clips from parts of background recordings, in turn, at a random volume between 0 and 1."""
    parts = []
    for part in background:
        r = read_recording(part.path)
        samples = resample(r.samples, r.rate, fe.sample_rate)
        low, high = (int(share * len(samples)) for share in (part.start, part.end))
        #  A recording that is too short to be divided is used whole in every split.
        parts.append(samples[low:high] if high - low >= fe.clip_samples else samples)
    clips = []
    for i in range(n):
        source = parts[i % len(parts)]
        start = int(rng.integers(max(1, len(source) - fe.clip_samples)))
        clips.append(source[start : start + fe.clip_samples] * np.float32(rng.uniform()))
    return features(clips, fe)


def _drawn_background(fe: FrontEnd, seed: int) -> Features:
    """Draws the background for data without any."""
    return drawn_background(_DRAWN_ROWS, fe, seed, SPLITS.index("train"))


def _rng(seed: int, split: str) -> np.random.Generator:
    """Returns a random generator for one split, so that a split does not depend on which others are read.

    Only the generator of the train split depends on the seed: the other examples are the same for all seeds.
    """
    return np.random.default_rng([seed if split == "train" else 0, SPLITS.index(split)])


def _no_features(fe: FrontEnd) -> Features:
    return features([], fe)
