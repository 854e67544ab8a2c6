"""`features.npz`: prepared log-mel pixels of a keyword data set, in a documented format.

x         uint8 [N, T, M]   log-mel pixels
y         int [N]           index into classes
split     text [N]          "train", "val", "test", or "unassigned": background without speech
classes   text [C]
frontend  text              JSON of the FrontEnd that made x; see FrontEnd.from_json
speaker   text [N]          optional; for background, the recording that a row was cut from
clip      text [N]          optional, not read here

If there is a class `_silence_`, rows of background serve three purposes: most are for mixing and for the silence of
the train split, the others for that of "val" and of "test" (if those have none of their own). If `speaker` names
three recordings or more, a sixth of these, at least one, are for "val" and as many for "test", whole. Otherwise
every ninth and tenth of ten rows are, which may be of the same recordings as the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.frontend import FrontEnd
from micronets.tasks.base import SPLITS, Labels
from micronets.tasks.kws.data import SILENCE, UNKNOWN, Features
from micronets.tasks.kws.folders import FEWEST_RECORDINGS, hash_of
from micronets.tasks.npz import check_labelled, read_npz

KEYS = ("x", "y", "split", "classes", "frontend")


def read(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Returns the arrays of a `features.npz`, checked. Raises `DataError`."""
    if not path.exists():
        raise DataError(f"{path}: no such file; give the directory that holds features.npz")
    arrays = read_npz(path, KEYS, f"a features.npz has {', '.join(KEYS)}", optional=("speaker",))
    _check(path, arrays)
    return arrays


def front_end_of(path: Path) -> tuple[int, FrontEnd]:
    """Returns the number of classes and the front end of a `features.npz`, without reading its rows.

    Raises `DataError`, and `SpecError` for an impossible front end.
    """
    arrays = read_npz(path, ("classes", "frontend"), f"a features.npz has {', '.join(KEYS)}")
    return arrays["classes"].size, FrontEnd.from_json(str(arrays["frontend"]), f"{path}: frontend")


def _check(path: Path, a: dict[str, npt.NDArray[Any]]) -> None:
    x = a["x"]
    if x.dtype != np.uint8 or x.ndim != 3 or not x.size:
        raise DataError(f"{path}: x is {x.dtype} {list(x.shape)}; need uint8 [N, frames, bands] with N of at least 1")
    check_labelled(path, a, (*SPLITS, "unassigned"), "row of x")
    speaker = a.get("speaker", a["split"])
    if speaker.shape != a["split"].shape:
        raise DataError(f"{path}: speaker is {list(speaker.shape)}; need text [{len(x)}], one for each row of x")
    frontend = FrontEnd.from_json(str(a["frontend"]), f"{path}: frontend")
    if frontend.kind != "logmel" or x.shape[1:] != (frontend.frames, frontend.n_mels):
        raise DataError(
            f"{path}: rows of x are {list(x.shape[1:])}, but its front end ({frontend.kind}) gives"
            f" [{frontend.frames}, {frontend.n_mels}]; kind 'logmel' and the same shape are needed"
        )


@dataclass(frozen=True, eq=False)
class Prepared:
    """The contents of a `features.npz`: features and class indices by split, and background for the train split."""

    classes: tuple[str, ...]
    frontend: FrontEnd
    features: dict[str, Features]
    target: dict[str, Labels]
    background: Features
    rows: int


def load(path: Path, splits: Sequence[str], seed: int) -> Prepared:
    """Reads the data of a `features.npz`.

    In "val", `_unknown_` is thinned and `_silence_` drawn from the background to the average number of a word, as in
    the official 12-class test set; "test" keeps every row. The selection is the same for every seed.

    - `path`: the file.
    - `splits`: the splits that the caller needs.
    - `seed`: seed of the draws for the train split.

    Raises `DataError`, also for a class without train or val rows if that split is among `splits`.
    """
    a = read(path)
    classes = tuple(str(c) for c in a["classes"])
    features = {s: a["x"][a["split"] == s] for s in SPLITS}
    target = {s: a["y"][a["split"] == s].astype(np.int64) for s in SPLITS}
    pool = a["x"][a["split"] == "unassigned"]
    named = a["speaker"][a["split"] == "unassigned"] if "speaker" in a else np.full(len(pool), "")
    parts = {s: pool[rows] for s, rows in _background_rows(named).items()}
    for s in SPLITS:
        rng = np.random.default_rng([seed if s == "train" else 0, SPLITS.index(s)])
        if UNKNOWN in classes and s == "val":
            keep = _thinned(target[s], classes, rng)
            features[s], target[s] = features[s][keep], target[s][keep]
        if SILENCE in classes and not (target[s] == classes.index(SILENCE)).any():
            rows = parts[s] if s == "train" else silent_clips(parts[s], mean_word_count(target[s], classes), rng)
            features[s] = np.concatenate([features[s], rows])
            target[s] = np.concatenate([target[s], np.full(len(rows), classes.index(SILENCE))])
    for s, c in ((s, c) for s in ("train", "val") if s in splits for c in classes):
        if not (target[s] == classes.index(c)).any():
            fix = (
                "split 'unassigned' holds 10 or more rows of background"
                if c == SILENCE
                else f"some of its rows have split '{s}'"
            )
            raise DataError(f"{path}: class '{c}' has no {s} row; write the file so that {fix}")
    background = pool
    if SILENCE in classes:  # drawn from background, besides its own rows
        own = a["x"][(a["split"] == "train") & (a["y"] == classes.index(SILENCE))]
        background = np.concatenate([parts["train"], own])
    return Prepared(classes, FrontEnd.from_json(str(a["frontend"])), features, target, background, len(a["x"]))


def _background_rows(recordings: npt.NDArray[Any]) -> dict[str, npt.NDArray[np.bool_]]:
    """Divides rows of background among the splits: returns for each split a mask of its rows, bool `[B]`.

    - `recordings`: for each row the name of the recording that it was cut from, empty if unknown.
    """
    names = sorted({str(name) for name in recordings}, key=hash_of)
    if "" in names or len(names) < FEWEST_RECORDINGS:
        turn = np.arange(len(recordings)) % 10
        return {"train": turn < 8, "val": turn == 8, "test": turn == 9}
    n = max(1, len(names) // 6)
    val, test = (np.isin(recordings.astype(str), names[i : i + n]) for i in (0, n))
    return {"train": ~(val | test), "val": val, "test": test}


def mean_word_count(target: Labels, classes: tuple[str, ...]) -> int:
    """Returns the mean number of examples of the classes that are words."""
    words = [i for i, c in enumerate(classes) if c not in (SILENCE, UNKNOWN)]
    return round(int(np.isin(target, words).sum()) / max(len(words), 1))


def silent_clips(background: Features, n: int, rng: np.random.Generator) -> Features:
    """Makes silent clips from background: rotated in time, and between 6 dB softer and 20 dB louder.

    - `background`: pixels of background clips, uint8 `[clips, T, M]`; without any, the result is empty.
    - `n`: the number of clips to make.
    - `rng`: draws the clips, their rotations, and their gains.
    """
    if not len(background) or not n:
        return background[:0]
    frames = background.shape[1]
    at = (np.arange(frames) + rng.integers(frames, size=(n, 1))) % frames
    rows = background[np.resize(rng.permutation(len(background)), n)[:, None], at].astype(np.float32)
    gain = rng.uniform(-13.6, 45.4, (n, 1, 1))  # pixels: 2.27 a dB
    return np.clip(np.rint(np.where(rows > 0, rows + gain, 0)), 0, 255).astype(np.uint8)


def _thinned(target: Labels, classes: tuple[str, ...], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Returns which examples stay when `_unknown_` is thinned to the average number of a word."""
    rows = np.flatnonzero(target == classes.index(UNKNOWN))
    keep = np.ones(len(target), bool)
    spare = len(rows) - mean_word_count(target, classes)
    if spare > 0 and spare < len(rows):
        keep[rng.choice(rows, spare, replace=False)] = False
    return keep
