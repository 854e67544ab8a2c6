"""Directories of recordings: finds the recordings, their classes and their splits.

There are two kinds of directory. *Words of the user's own*: a folder per class. *Speech Commands* (Warden 2018): 35
folders of words, some of which are keywords and the others `_unknown_`, and `_background_noise_`, from which
`_silence_` is cut. Its splits are those of `testing_list.txt` and `validation_list.txt`, or of the hash of the speaker
that made those lists.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from micronets.errors import DataError, SpecError, did_you_mean
from micronets.files import read_plain
from micronets.frontend.recording import SOUND_SUFFIXES, hint
from micronets.tasks.class_folders import (
    ClassFiles,
    class_files,
    class_folders_of,
    files_below,
    group_of,
    inner_splits_note,
    refuse_splits,
    strangers_note,
)
from micronets.tasks.names import check_utf8, loose_note
from micronets.terminal import counted

BACKGROUND = "_background_noise_"
FEWEST_RECORDINGS = 3  # of background, for each split to have whole ones of its own
LISTS = {"test": "testing_list.txt", "val": "validation_list.txt"}

T = TypeVar("T")

Files = Mapping[str, Sequence[Path]]  # recordings by class


@dataclass(frozen=True)
class Folders:
    """The contents of a directory of folders: recordings by folder, background recordings, and warnings."""

    root: Path
    files: Files
    background: Sequence[Path]
    notes: tuple[str, ...]


def scan(root: Path) -> Folders:
    """Finds the recordings in the folders of `root`, without hidden ones.

    Raises `DataError`, with the remedy, if there is nothing to use.
    """
    if not root.exists():
        raise DataError(
            f"{root}: no such directory; give a folder of WAV files per class, or the directory of a features.npz"
        )
    if not root.is_dir():
        raise DataError(f"{root}: not a directory nor a features.npz; give a folder of WAV files per class")
    folders = class_folders_of(root)
    if not folders:
        raise DataError(f"{root}: no folders in it; give a directory with a folder of WAV files per class")
    check_utf8(folders)
    background: Sequence[Path] = ()
    refuse_splits(
        folders, f"give the one to learn from as data.path, the one to test on as data.test, for example {root}/train"
    )
    found: dict[str, ClassFiles] = {}
    for folder in folders:
        if folder.name == BACKGROUND:
            background = files_below(folder, SOUND_SUFFIXES).files  # Speech Commands has a README there
        else:
            found[folder.name] = class_files(folder, SOUND_SUFFIXES, ".wav files", "add recordings", hint)
    if not found:
        raise DataError(f"{root}: no folders of words, only {BACKGROUND}; give a folder of WAV files per class")
    files = {name: one.files for name, one in found.items()}
    apart = "give train/CLASS as data.path and test/CLASS as data.test, instead of CLASS/train and CLASS/test"
    notes = (
        *strangers_note(found.values(), "of no sound format", hint),
        *loose_note(root, SOUND_SUFFIXES),
        *inner_splits_note((root / name for name in found), apart),
    )
    return Folders(root, files, background, notes)


def speaker_split(name: str) -> str:
    """Returns the split of a file by Speech Commands' rule, by which a speaker is in one split only.

    The rule takes SHA-1 of the file name up to `_nohash_`, modulo 2^27, in percent of 2^27 - 1: below 10 is validation,
    below 20 testing.
    """
    most = 2**27 - 1
    percent = int(hashlib.sha1(re.sub(r"_nohash_.*$", "", name).encode()).hexdigest(), 16) % (most + 1) * (100 / most)
    return "val" if percent < 10 else "test" if percent < 20 else "train"


def _shown(entry: str) -> str:
    """Returns a line of a list for a message, shortened, since a line that is no path may be as long as the file."""
    return entry if len(entry) <= 80 else f"{entry[:77]}..."


def official_splits(folders: Folders) -> tuple[dict[str, dict[str, list[Path]]], tuple[str, ...]]:
    """Returns the recordings by split and folder, and notes.

    The two lists decide if they are there, otherwise `speaker_split`. Raises `DataError` for a list that cannot be
    read, that names none of the recordings, or that shares a recording with the other list.
    """
    listed: dict[str, str] = {}
    notes: list[str] = []
    here = {p.relative_to(folders.root).as_posix() for paths in folders.files.values() for p in paths}
    for split, name in LISTS.items():
        if not os.path.lexists(folders.root / name):  # a broken link is a list that cannot be read
            continue
        entries = _entries(folders.root / name)
        if not entries:
            raise DataError(f"{folders.root / name}: the list names no recording; fill it, or remove it")
        missing = [e for e in entries if e not in here]
        if len(missing) == len(entries):
            raise DataError(
                f"{folders.root / name}: none of its entries ({len(entries)}) names a recording (first: "
                f"{_shown(missing[0])}); need lines such as yes/0a7c2a8d_nohash_0.wav, or remove the list"
            )
        if missing:
            nothing = "names no recording" if len(missing) == 1 else "name no recording"
            notes.append(f"{name}: {counted(len(missing), 'entries')} {nothing} (first: {_shown(missing[0])})")
        both = next((e for e in entries if listed.get(e, split) != split), None)
        if both is not None:
            raise DataError(f"{folders.root / name}: {_shown(both)} is in both lists; remove it from one of them")
        listed |= dict.fromkeys(entries, split)
    out: dict[str, dict[str, list[Path]]] = {s: {c: [] for c in folders.files} for s in ("train", "val", "test")}
    for c, paths in folders.files.items():
        for p in paths:
            place = p.relative_to(folders.root).as_posix()
            out[listed.get(place, "train") if listed else speaker_split(p.name)][c].append(p)
    return out, tuple(notes)


def unread_lists_note(folders: Folders) -> tuple[str, ...]:
    """Returns a note on the lists of Speech Commands in a directory whose recordings are split by another rule."""
    names = [name for name in LISTS.values() if (folders.root / name).exists()]
    if not names:
        return ()
    are = "is" if len(names) == 1 else "are"
    return (
        f"{' and '.join(names)} {are} not read: this is not a directory of Speech Commands, and its recordings are "
        'divided by their names; task = "kws" with data.words reads such lists',
    )


def _entries(path: Path) -> list[str]:
    """Returns the paths that a list names, in the form `yes/a.wav`, whatever system and editor wrote it."""
    try:
        data = read_plain(path)
    except OSError as e:
        raise DataError(f"{path}: cannot be read ({e.strerror}); check the path and its permissions") from e
    utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = data.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")
    lines = (line.strip().strip('"').replace("\\", "/") for line in text.splitlines())
    return [PurePosixPath(line).as_posix() for line in lines if line]


@dataclass(frozen=True)
class Division:
    """The recordings of each split.

    - `whole`: by split and folder, the recordings that are in that split alone.
    - `in_time`: by folder, recordings that are each divided in time among all splits, as their folder has too few.
    """

    whole: dict[str, dict[str, list[Path]]]
    in_time: dict[str, list[Path]]


def own_splits(folders: Folders, parts: Sequence[str], cut: Collection[str] = ()) -> Division:
    """Holds out a tenth of every class for each of `parts`, at least one clip each.

    Whole speakers are held out if the names show who speaks (the part before `_nohash_`, otherwise before the first
    `_`, `-` or space) and every class has enough of them; otherwise, single clips. A hash of the name decides, so that
    new recordings hardly move the old ones.

    - `folders`: the recordings by class.
    - `parts`: the splits besides "train".
    - `cut`: the classes whose long recordings become several clips; those with too few recordings are divided in time.

    Raises `DataError` for another class with too few clips.
    """
    few = {c: [*paths] for c, paths in folders.files.items() if len(paths) <= len(parts)}
    for c in few:
        if c not in cut:
            raise too_few(folders.root / c, len(few[c]), parts, "cut long recordings into several files")
    rest_of = {c: paths for c, paths in folders.files.items() if c not in few}
    by_speaker = _by_speaker(folders.root, rest_of, parts)
    if by_speaker is not None:
        return Division(by_speaker, few)
    out: dict[str, dict[str, list[Path]]] = {s: {} for s in ("train", "val", "test")}
    for c, paths in rest_of.items():
        rest = sorted(paths, key=lambda p: hash_of(p.relative_to(folders.root).as_posix()))
        for s in parts:
            n = max(1, round(0.1 * len(paths)))
            out[s][c], rest = sorted(rest[:n]), rest[n:]
        out["train"][c] = sorted(rest)
    return Division(out, few)


def too_few(folder: Path, clips: int, parts: Sequence[str], way_out: str) -> DataError:
    """Returns the error for the folder of a class that has too few clips for every split to have one.

    - `parts`: the splits besides "train".
    - `way_out`: an alternative to recording more.
    """
    return DataError(
        f"{folder}: class '{folder.name}' has {counted(clips, 'clips')}; at least {len(parts) + 1} are needed (one "
        f"each for train{', ' if len(parts) > 1 else ' and '}{' and '.join(parts)}); record more, or {way_out}"
    )


def _by_speaker(root: Path, files: Files, parts: Sequence[str]) -> dict[str, dict[str, list[Path]]] | None:
    """Gives whole speakers to splits; None if that is impossible, or if the names do not show who speaks."""
    clips: dict[str, dict[str, list[Path]]] = {}
    for c, paths in files.items():
        for p in paths:
            who = group_of(root / c, p)
            if who is None:
                return None
            clips.setdefault(who, {}).setdefault(c, []).append(p)
    found = whole_groups(clips, parts)
    return None if found is None else {s: {c: sorted(v) for c, v in by.items()} for s, by in found.items()}


def whole_groups(
    clips: Mapping[str, Mapping[str, Sequence[T]]], parts: Sequence[str]
) -> dict[str, dict[str, list[T]]] | None:
    """Gives whole groups of examples to splits until each part has a tenth of every class.

    - `clips`: the examples of every group (a speaker, a recording) by its name, by class.
    - `parts`: the splits besides "train". A hash of the groups' names decides.

    Returns the examples by split and class; None if there are too few groups for every class to be in every split, with
    at least half of it in "train".
    """
    files: dict[str, list[T]] = {}
    for by_class in clips.values():
        for c, some in by_class.items():
            files.setdefault(c, []).extend(some)
    left = sorted(clips, key=hash_of)
    out: dict[str, dict[str, list[T]]] = {s: {c: [] for c in files} for s in ("train", "val", "test")}
    for part in parts:
        for who in list(left):
            # A speaker is taken if some class still lacks clips, but not if some class would lose its last other ones.
            wanting = any(len(out[part][c]) < 0.1 * len(files[c]) for c in clips[who])
            spared = any(not any(c in clips[w] for w in left if w != who) for c in clips[who])
            if wanting and not spared:
                left.remove(who)
                for c, paths in clips[who].items():
                    out[part][c] += paths
    for who in left:
        for c, paths in clips[who].items():
            out["train"][c] += paths
    used = [out[s][c] for s in ("train", *parts) for c in files]
    too_few = any(len(out["train"][c]) < 0.5 * len(files[c]) for c in files)
    return None if too_few or not all(used) else out


def hash_of(text: str) -> str:
    """Returns the SHA-1 of a name, which decides the split."""
    return hashlib.sha1(text.encode(errors="surrogateescape")).hexdigest()


def check_words(folders: Folders, words: Sequence[str]) -> None:
    """Raises `SpecError` for a keyword that has no folder."""
    for w in words:
        if w not in folders.files:
            raise SpecError(f"words: '{w}' has no folder in {folders.root}; {did_you_mean(w, folders.files)}")
