"""Arrays of the user's own, from an `.npz`, a folder of files per class, or a file per class: read, checked and split.

data.npz            x float or int [N, ...], y integer or text [N]; optional split, group, classes
data/CLASS/*.npy    an example per file, or .csv: a table of numbers; long ones of any length become several examples
data/CLASS.npy      an example per row [N, ...], or .csv: a line per example
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.files import DAMAGE, check_plain, damage_text
from micronets.tasks.arrays.tables import LARGEST_NUMBER, read_tables
from micronets.tasks.base import SPLITS, Floats, Labels
from micronets.tasks.class_folders import (
    class_files,
    class_folders_of,
    group_of,
    inner_splits_note,
    only_one_class,
    refuse_splits,
    strangers_note,
)
from micronets.tasks.long_windows import in_time_note, least_windows, stretches, tiles
from micronets.tasks.names import check_class_names, check_utf8
from micronets.tasks.npz import read_npz
from micronets.terminal import counted

ARRAY_SUFFIXES = (".npy", ".csv")
FORMS = "an .npz with x and y, a folder of .npy or .csv files per class, or such a file per class"

Texts = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class SplitArrays:
    """Labelled arrays with their splits.

    - `classes`: names of the classes.
    - `x`: examples, float32 `[N, ...]`.
    - `y`: class indices `[N]`.
    - `split`: the split of each example, `[N]`.
    - `notes`: warnings about what was read.
    - `files`: the path of each example's file, see `LabelledData`; empty if examples have no files of their own.
    """

    classes: tuple[str, ...]
    x: Floats
    y: Labels
    split: Texts
    notes: tuple[str, ...]
    files: tuple[str, ...] = ()


def read(path: Path, window: int, trained: bool = True) -> SplitArrays:
    """Reads the arrays at `path`.

    - `path`: an .npz or a directory, see above.
    - `window`: samples of a window; if the files of classes are long recordings, they are cut into such windows.
    - `trained`: whether all splits are needed; otherwise recordings are not divided.

    Raises `DataError` with the file, what is wrong and what to do.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or directory; give {FORMS}")
    if not path.is_file() and not path.is_dir():
        raise DataError(f"{path}: a pipe or a device; give {FORMS}")
    if path.suffix.lower() == ".csv" and path.is_file():
        raise DataError(f"{path}: one table; give {FORMS}")
    if path.is_file():
        found = _npz(path)
    else:
        packs = sorted(path.glob("*.npz"))
        found = _npz(packs[0]) if packs else _folder(path, window, trained)
    return checked_complete(found, str(path)) if trained else found


def example_shape(path: Path) -> tuple[int, ...] | None:
    """Returns the shape of an example of an .npz, from its header alone.

    The result is None for other data, and for a header of another form.
    """
    packs = [path] if path.is_file() else sorted(path.glob("*.npz"))
    try:
        check_plain(packs[0])
        with zipfile.ZipFile(packs[0]) as pack, pack.open("x.npy") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                return None
            whole, _, _ = np.lib.format.read_array_header_1_0(file)
    except DAMAGE:
        return None
    return whole[1:] if 2 <= len(whole) <= 4 and min(whole) > 0 else None


def _npz(path: Path) -> SplitArrays:
    form = "an .npz has x [N, ...] and y [N]"
    arrays = read_npz(path, ("x", "y"), form, ("split", "group", "classes"), f"give {FORMS}")
    return array_rows(arrays, str(path))


def array_rows(arrays: Mapping[str, npt.NDArray[Any]], where: str, lacking: Sequence[str] = ()) -> SplitArrays:
    """Checks arrays that are given by the names of an .npz: x, y, and optionally split, group and classes.

    - `where`: the file, or another name of the arrays, for errors.
    - `lacking`: splits that get examples of "train"; without the array split, they are always "val" and "test".

    Raises `DataError`.
    """
    x, y = arrays["x"], arrays["y"]
    if not x.ndim:
        raise DataError(f"{where}: x is one number; need numbers [N, ...] with 1 to 3 axes beside N")
    if y.shape != (len(x),) or y.dtype.kind not in "iuU":
        raise DataError(
            f"{where}: y is {y.dtype} {list(y.shape)}; need integers or text [{len(x)}], one for each row of x"
        )
    if "classes" in arrays and (
        arrays["classes"].ndim != 1 or len(np.unique(arrays["classes"])) != arrays["classes"].size
    ):
        raise DataError(f"{where}: classes is {list(arrays['classes'].shape)}; need different names [C]")
    if "classes" in arrays and arrays["classes"].dtype.kind not in "iuU":
        raise DataError(f"{where}: classes is {arrays['classes'].dtype}; need names as text [C]")
    names = [str(c) for c in arrays["classes"]] if "classes" in arrays else sorted({str(v) for v in y}, key=_sort_key)
    check_class_names(names, where)
    if y.dtype.kind == "U" or "classes" not in arrays:
        for v in np.unique(y):
            if str(v) not in names:
                raise DataError(f"{where}: y holds '{v}', which is not one of classes: {', '.join(names)}")
        target = np.array([names.index(str(v)) for v in y], np.int64)
    else:
        target = y.astype(np.int64)
        if len(y) and not 0 <= int(y.min()) <= int(y.max()) < len(names):
            raise DataError(f"{where}: y goes from {y.min()} to {y.max()}; allowed: 0 to {len(names) - 1}, see classes")
    values = _checked(x, where)
    split = arrays["split"].astype(str) if "split" in arrays else np.full(len(x), "train")
    strange = sorted(set(split.ravel().tolist()) - set(SPLITS))
    if split.shape != (len(x),) or strange:
        what = f"holds '{strange[0]}'" if strange else f"is {list(split.shape)}"
        raise DataError(f"{where}: split {what}; need {', '.join(SPLITS)}, one for each of {len(x)} rows of x")
    if "split" not in arrays or lacking:
        groups = [str(g) for g in arrays["group"].ravel()] if "group" in arrays else None
        if groups is not None and len(groups) != len(x):
            raise DataError(
                f"{where}: group has {counted(len(groups), 'entries')}; need {len(x)}, one for each row of x"
            )
        rows = SplitArrays(tuple(names), values, target, split, ())
        return _with_splits(rows, groups, [str(i) for i in range(len(x))], where, lacking or ("val", "test"))
    return SplitArrays(tuple(names), values, target, split, ())


def _folder(root: Path, window: int, trained: bool) -> SplitArrays:
    entries = sorted(p for p in root.iterdir() if not p.name.startswith("."))
    folders = class_folders_of(root)
    check_utf8(folders)
    if not folders:
        tables = [p for p in entries if p.suffix.lower() in ARRAY_SUFFIXES]
        if not tables:
            raise DataError(f"{root}: nothing to read in it; give {FORMS}")
        arrays, notes = _arrays(tables)
        tables_of_rows = [(p.stem, arrays[p]) for p in tables]
        for name, rows in tables_of_rows:
            if not rows.ndim:
                raise DataError(f"{root / name}.npy: it holds one number; a file per class has a row per example")
        named = [(name, rows, [f"{name}/{i}" for i in range(len(rows))], None) for name, rows in tables_of_rows]
        return _stacked(root, named, notes)
    refuse_splits(folders, "remove that level of folders, or write an .npz with split")
    found = {
        folder.name: class_files(folder, ARRAY_SUFFIXES, f"{' or '.join(ARRAY_SUFFIXES)} files", "add some")
        for folder in folders
    }
    arrays, notes = _arrays([p for files in found.values() for p in files.files])
    notes += strangers_note(found.values(), "neither .npy nor .csv")
    notes += inner_splits_note(folders, "write an .npz with split to divide them")
    files = {folder.name: found[folder.name].files for folder in folders}
    if _are_recordings(files, arrays, window):
        return _windows(root, files, arrays, window, notes, trained)
    classes = []
    for folder in folders:
        paths = found[folder.name].files
        shapes = {arrays[p].shape for p in paths}
        if len(shapes) > 1:
            first = arrays[paths[0]].shape
            odd = next(p for p in paths if arrays[p].shape != first)
            shortest = min(arrays[p].shape[0] for some in files.values() for p in some) if first else 0
            alike = {(arrays[p].ndim, arrays[p].shape[1:]) for some in files.values() for p in some} == {(2, first[1:])}
            cut = f", or data.window at most {shortest // 2}, by which recordings are cut"
            raise DataError(
                f"{odd}: its shape {[*arrays[odd].shape]} is not that of {paths[0].name}, {[*first]}; every example "
                f"needs the same{cut if alike and shortest >= 4 else ''}"
            )
        keys = [p.relative_to(root).as_posix() for p in paths]
        classes.append((folder.name, np.stack([arrays[p] for p in paths]), keys, [group_of(folder, p) for p in paths]))
    return _stacked(root, classes, notes)


def _stacked(
    root: Path,
    parts: Sequence[tuple[str, npt.NDArray[Any], list[str], list[str | None] | None]],
    notes: tuple[str, ...],
) -> SplitArrays:
    first = parts[0][1]
    for name, rows, _, _ in parts:
        if rows.shape[1:] != first.shape[1:]:
            raise DataError(
                f"{root}: examples of class '{name}' are {list(rows.shape[1:])}, others {list(first.shape[1:])}"
            )
    x = _checked(np.concatenate([rows for _, rows, _, _ in parts]), str(root))
    y = np.repeat(np.arange(len(parts)), [len(rows) for _, rows, _, _ in parts]).astype(np.int64)
    keys = [k for _, _, ks, _ in parts for k in ks]
    who = [w for _, _, _, ws in parts for w in (ws or [None])]
    groups = [str(w) for w in who] if all(who) and len(who) == len(keys) and len(set(who)) >= 3 else None
    classes, split = tuple(name for name, _, _, _ in parts), np.full(len(x), "train")
    alone = all(ws is not None for _, _, _, ws in parts)  # a file for each example
    found = SplitArrays(classes, x, y, split, notes, tuple(keys) if alone else ())
    return _with_splits(found, groups, keys, str(root))


def _are_recordings(files: Mapping[str, Sequence[Path]], arrays: Mapping[Path, npt.NDArray[Any]], window: int) -> bool:
    """Returns whether the files of classes are long recordings, each of which becomes several examples.

    They are if all have a line per sample, each has at least two windows, and either their lengths differ or a class
    has too few files for every split to have one. Otherwise each file is an example.
    """
    shapes = [arrays[p].shape for paths in files.values() for p in paths]
    long = all(len(shape) == 2 and shape[0] >= 2 * window for shape in shapes)
    few = any(len(paths) < len(SPLITS) for paths in files.values())
    return long and len({shape[1] for shape in shapes}) == 1 and (few or len({*shapes}) > 1)


def _windows(
    root: Path,
    files: Mapping[str, Sequence[Path]],
    arrays: Mapping[Path, npt.NDArray[Any]],
    window: int,
    notes: tuple[str, ...],
    trained: bool,
) -> SplitArrays:
    """Cuts recordings into windows and divides them: whole recordings if a class has enough, otherwise in time.

    - `root`: the directory of the data.
    - `files`: the recordings of each class.
    - `arrays`: their samples `[n, axes]`.
    - `window`: samples of a window.
    - `notes`: earlier notes on the files.
    - `trained`: whether the windows are divided; otherwise all are "train".

    Raises `DataError` if a class has too few recordings, and none long enough to be divided in time.
    """
    lacking = SPLITS[1:]
    cut, split, keys, target, whole, who = [], [], [], [], [], []
    for c, (name, paths) in enumerate(files.items()):
        counts = dict.fromkeys(SPLITS, 0)
        for path in paths:
            starts = tiles(0, len(arrays[path]), window)
            cut += [arrays[path][at : at + window] for at in starts]
            key = path.relative_to(root).as_posix()
            keys += [key] * len(starts)
            target += [c] * len(starts)
            divided = stretches(len(starts), lacking) if len(paths) < len(SPLITS) and trained else None
            where = {i: s for s, stretch in (divided or {"train": range(len(starts))}).items() for i in stretch}
            split += [where.get(i, "") for i in range(len(starts))]
            whole += [len(paths) >= len(SPLITS)] * len(starts)
            who += [group_of(root / name, path)] * len(starts)
            for s in where.values():
                counts[s] += 1
        if trained and len(paths) < len(SPLITS):
            if not all(counts.values()):
                raise DataError(
                    f"{root / name}: class '{name}' has {counted(len(paths), 'recordings')}; at least {len(SPLITS)} "
                    f"are needed, or one of at least {least_windows(lacking) * window} samples, which is then divided "
                    f"in time ({least_windows(lacking)} windows of {window}, see data.window)"
                )
            notes += (in_time_note(name, len(paths), "windows", counts),)
    lengths = [len(arrays[p]) for paths in files.values() for p in paths]
    sizes = f"{min(lengths)}{f' to {max(lengths)}' if max(lengths) > min(lengths) else ''} samples"
    notes += (f"{root.name}: recordings of {sizes}, cut into {counted(len(cut), 'windows')} of {window} (data.window)",)
    x, y, of = _checked(np.stack(cut), str(root)), np.array(target, np.int64), np.array(split, "<U5")
    if trained and any(whole):
        free = np.array(whole)
        owners = [str(w) for w in who] if all(w for w, is_whole in zip(who, whole, strict=True) if is_whole) else keys
        moved = _by_group(y, np.where(free, of, ""), owners, len(files), lacking)
        if not all((moved[y == c] == s).any() for c in np.unique(y[free]) for s in SPLITS):
            moved = _by_group(y, np.where(free, of, ""), keys, len(files), lacking)
        of = np.where(free, moved, of)
    kept = of != ""  # windows between two stretches of a recording belong to no split
    return SplitArrays(tuple(files), x[kept], y[kept], of[kept], notes, tuple(np.array(keys)[kept].tolist()))


def _arrays(paths: Sequence[Path]) -> tuple[dict[Path, npt.NDArray[Any]], tuple[str, ...]]:
    """Reads all files of a data set, and returns their arrays and notes on them. Raises `DataError`."""
    tables, notes = read_tables([p for p in paths if p.suffix.lower() == ".csv"])
    return {p: _finite(tables[p] if p in tables else _npy(p), str(p)) for p in paths}, notes


def read_array(path: Path) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Reads a .npy or .csv file of numbers; returns them, and notes on what was left out. Raises `DataError`."""
    arrays, notes = _arrays([path])
    return arrays[path], tuple(f"{path}: {note}" for note in notes)


def _npy(path: Path) -> npt.NDArray[Any]:
    try:
        check_plain(path)
        return np.asarray(np.load(path, allow_pickle=False))
    except DAMAGE as e:
        raise DataError(
            f"{path}: not an array of numbers ({damage_text(e)}); write a .npy, or a .csv of numbers"
        ) from e


def _checked(x: npt.NDArray[Any], where: str) -> Floats:
    if x.dtype.kind not in "fiu" or not 2 <= x.ndim <= 4 or not x.size:
        raise DataError(
            f"{where}: x is {x.dtype} {list(x.shape)}; need numbers [N, ...] with 1 to 3 axes beside N, none empty"
        )
    good = np.abs(x, dtype=np.float64).reshape(len(x), -1).max(1) < LARGEST_NUMBER  # NaN is not below anything
    if not good.all():
        raise DataError(
            f"{where}: example {int(good.argmin())} holds a value that is not a finite number; remove or repair it"
        )
    return x.astype(np.float32)


def _finite(x: npt.NDArray[Any], where: str) -> npt.NDArray[Any]:
    if x.dtype.kind not in "fiu":
        raise DataError(f"{where}: it holds {x.dtype}; need numbers")
    if not (np.abs(x, dtype=np.float64) < LARGEST_NUMBER).all():
        raise DataError(f"{where}: it holds a value that is not a finite number; remove or repair it")
    return x


def _with_splits(
    rows: SplitArrays, groups: list[str] | None, keys: list[str], where: str, lacking: Sequence[str] = ("val", "test")
) -> SplitArrays:
    """Moves a tenth of every class in "train", at least one example, to each split in `lacking`.

    Groups are moved whole, if there are some. Only `keys`, or the names of the groups, decide which examples are moved.
    """
    y, count, train = rows.y, len(rows.classes), rows.split == "train"
    split, notes = rows.split.astype("<U5"), rows.notes
    if groups is not None:
        split = _by_group(y, split, groups, count, lacking)
        if all((split[y == c] == s).any() for c in range(count) for s in ("train", *lacking)):
            return replace(rows, split=split, notes=(*notes, f"split by {counted(len(set(groups)), 'groups')}"))
        notes = (*notes, "too few groups for every split to have every class: split example by example")
        split[train] = "train"
    for c in range(count):
        own = sorted(np.flatnonzero(train & (y == c)), key=lambda i: _hash(keys[i]))
        n = max(1, round(0.1 * len(own)))
        for k, part in enumerate(lacking):
            split[own[k * n : (k + 1) * n]] = part
    return replace(rows, split=split, notes=notes)


def _by_group(y: Labels, split: Texts, groups: Sequence[str], count: int, lacking: Sequence[str]) -> Texts:
    """Moves whole groups of examples from "train" until each split in `lacking` has a tenth of every class.

    - `y`: class indices `[N]` of `count` classes; those of examples outside "train" may be anything.
    - `split`: the split of each example, `[N]`.
    - `groups`: the group of each example. A hash of the groups' names decides which are moved; a class keeps at least
      one group in "train".
    - `lacking`: the splits that get groups.
    """
    names, train, split = np.array(groups), split == "train", split.copy()
    left = sorted(set(names[train]), key=_hash)
    total = np.bincount(y[train], minlength=count)
    for part in lacking:
        for name in list(left):
            have = np.bincount(y[split == part], minlength=count)
            here = train & (names == name)
            rest = np.bincount(y[(split == "train") & ~here], minlength=count)
            own = np.unique(y[here])
            if (have < 0.1 * total)[own].any() and (rest[own] > 0).all():
                split[here] = part
                left.remove(name)
    return split


def checked_complete(rows: SplitArrays, where: str) -> SplitArrays:
    """Returns the arrays themselves, after checking that there are two classes or more, each in "train" and "val"."""
    if len(rows.classes) < 2:
        if Path(where).is_dir():
            raise only_one_class(Path(where), rows.classes[0])
        raise DataError(f"{where}: only one class, '{rows.classes[0]}'; a classifier needs at least two")
    for c, name in enumerate(rows.classes):
        for s in ("train", "val"):
            if not ((rows.y == c) & (rows.split == s)).any():
                n = int((rows.y == c).sum())
                raise DataError(
                    f"{where}: class '{name}' has no {s} example ({n} in all); at least three of every class are needed"
                )
    return replace(rows, notes=(*rows.notes, *_constant_note(rows)))


def _constant_note(rows: SplitArrays) -> tuple[str, ...]:
    """Returns a note on values of the last axis that are the same in all training examples, in 32-bit floats."""
    values = rows.x[rows.split == "train"].reshape(-1, rows.x.shape[-1])
    still = np.flatnonzero(values.min(0) == values.max(0))
    if not len(still):
        return ()
    if len(still) == values.shape[1]:
        return (
            "ALL TRAINING EXAMPLES ARE THE SAME, so that nothing can be learnt; if numbers differ by less than 1 "
            "part in 10 million, subtract their common part",
        )
    first = f"value {still[0] + 1} of {values.shape[1]}"
    more = f" and {len(still) - 1:,} more" if len(still) > 1 else ""
    return (f"{first} along the last axis{more}: the same in all training examples, nothing is learnt from it",)


def _sort_key(text: str) -> tuple[int, float, str]:
    """Returns a sort key for texts: numbers come first, by their value."""
    return (0, float(text), "") if re.fullmatch(r"-?[0-9]+", text) else (1, 0.0, text)


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode(errors="surrogateescape")).hexdigest()
