"""Keyword spotting: reads whatever a directory holds into one form, for training (`load`) and for `evaluation`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError, SpecError, did_you_mean
from micronets.frontend import FrontEnd, network_input
from micronets.tasks import clips, prepared, speech
from micronets.tasks.kwsdata import KEYWORDS, SILENCE, SPLITS, UNKNOWN, Augmentation, KwsData, Labels
from micronets.tasks.recordings import LISTS, Folders, scan

__all__ = ["KEYWORDS", "SILENCE", "UNKNOWN", "Augmentation", "Evaluation", "KwsData", "evaluation", "load"]

FEATURES, TEST_WAV = "features.npz", "test_wav"


def load(
    path: Path | None = None,
    *,
    test: Path | str | None = None,
    words: Sequence[str] | None = None,
    frontend: FrontEnd | None = None,
    splits: Sequence[str] = SPLITS,
    augmentation: Augmentation | None = None,
    share: float = 1.0,
    seed: int = 0,
    synthetic_clips: int = 2000,
) -> KwsData:
    """The keyword data at `path`, which may be

    - a `features.npz`, or the directory that holds it (see `prepared`); WAVs in `test_wav` beside it become "test";
    - a Speech Commands directory (`testing_list.txt`, or folders of the ten keywords and others): the 12-class task, or
      that of other `words`;
    - a directory with a folder of WAVs per class;
    - None: synthetic speech.

    test: a directory with a folder of WAVs per class; "test" is then that and nothing else.
    frontend: of the features; default: that of `features.npz`, or the log-mel. splits: those to read ("all": every clip of a
    directory of folders); the others stay empty. share: see `KwsData`. seed: of all that is drawn.
    synthetic_clips: training clips to synthesise where there is no path.
    Raises `DataError` (data that cannot be used) and `SpecError` (a bad option).
    """
    for s in splits:
        if s not in (*SPLITS, *(["all"] if path else [])):
            raise SpecError(f"split '{s}' is not known; {did_you_mean(s, (*SPLITS, 'all'))}")
    fe = frontend.base() if frontend else FrontEnd()
    test = None if test is None else Path(test)
    if path is None:
        for name, value in (("test", test), ("words", words)):
            if value is not None:
                raise SpecError(f"kws: option {name} = {value} needs a data directory; synthetic speech has its own")
        sizes = {**speech.SIZES, "train": synthetic_clips}
        return speech.load(sizes=sizes, frontend=fe, splits=tuple(splits), augmentation=augmentation, share=share, seed=seed)
    if path.is_file() or (path / FEATURES).is_file():
        file = path if path.is_file() else path / FEATURES
        beside = file.parent / TEST_WAV
        test = beside if test is None and path.is_dir() and beside.is_dir() else test
        return _prepared(file, test, frontend, splits, augmentation, share, seed)
    folders = scan(path)
    chosen = tuple(s for s in splits if not (s == "test" and test))
    keywords = words or (KEYWORDS if _is_speech_commands(folders) else None)
    if keywords and "all" not in splits:
        got = clips.keywords(folders, keywords, fe, chosen, seed)
        what = "Speech Commands recordings"
    else:
        got = clips.own_words(folders, fe, chosen, test is None, seed)
        what = "recordings"
    x, y, notes = got.features, got.target, got.notes
    if test and "test" in splits:
        x["test"], y["test"], more = clips.held_out(test, got.classes, fe)
        notes += more
    source = f"{path.name}: {sum(map(len, y.values()))} {what}"
    return KwsData(
        classes=got.classes, source=source, frontend=fe, features=x, target=y, background=got.background, notes=notes,
        share=share, augmentation=augmentation or Augmentation(),
    )  # fmt: skip


def _prepared(
    file: Path,
    test: Path | None,
    frontend: FrontEnd | None,
    splits: Sequence[str],
    augmentation: Augmentation | None,
    share: float,
    seed: int,
) -> KwsData:
    if "all" in splits:
        raise DataError(f"{file}: split 'all' is for directories of WAV files; allowed here: {', '.join(SPLITS)}")
    p = prepared.load(file, splits, seed)
    fe = frontend.base() if frontend else p.frontend.base()
    x, y = p.features, p.target
    notes: tuple[str, ...] = ()
    if fe != p.frontend.base() and (test is None or tuple(splits) != ("test",)):
        raise DataError(
            f"{file}: prepared with another front end than the one asked for ({fe.kind}, {fe.window_ms:g} ms every"
            f" {fe.hop_ms:g} ms); give a directory of WAV files"
        )
    if test:
        x["test"], y["test"], notes = clips.held_out(test, p.classes, fe)
    more = f", test: {len(y['test'])} recordings" if test else ""
    return KwsData(
        classes=p.classes, source=f"{file.parent.name}/{file.name}: {p.rows} prepared clips{more}", frontend=fe, features=x,
        target=y, background=p.background, notes=notes, share=share, augmentation=augmentation or Augmentation(),
    )  # fmt: skip


def _is_speech_commands(folders: Folders) -> bool:
    listed = any((folders.root / name).is_file() for name in LISTS.values())
    here = set(folders.files)
    return set(KEYWORDS) <= here and (listed or (bool(folders.background) and bool(here - {*KEYWORDS, UNKNOWN, SILENCE})))


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model is measured on: inputs float32 `[N, T, K, 1]`, class indices `[N]` into `classes`, and where it is from."""

    inputs: npt.NDArray[np.float32]
    labels: Labels
    classes: tuple[str, ...]
    source: str
    synthetic: bool
    notes: tuple[str, ...]


def evaluation(
    path: Path | None,
    frontend: FrontEnd,
    labels: Sequence[str] | None = None,
    *,
    split: str = "test",
    test: Path | str | None = None,
    words: Sequence[str] | None = None,
    seed: int = 0,
) -> Evaluation:
    """A split of the data at `path` through a model's own front end, with the classes in the order of the model's `labels`.

    path, test, words, seed: as for `load`; split may be "all" for a directory of folders. labels: None means the order of the
    data. Raises `DataError`, also if the split is empty or holds a class that the model does not know.
    """
    data = load(path, test=test, words=words, frontend=frontend, splits=(split,), seed=seed)
    target, classes = data.labels(split), tuple(labels) if labels else data.classes
    where = path if path is not None else "synthetic speech"
    if not len(target):
        raise DataError(f"{where}: split '{split}' is empty; choose another with --split")
    for i in np.unique(target):
        if data.classes[i] not in classes:
            raise DataError(f"{where}: class '{data.classes[i]}' is not a label of the model ({', '.join(classes)})")
    order = np.array([classes.index(c) if c in classes else -1 for c in data.classes])
    inputs = network_input(data.features[split], frontend)
    return Evaluation(inputs, order[target].astype(np.int64), classes, data.source, data.synthetic, data.notes)
