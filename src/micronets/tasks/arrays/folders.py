"""Arrays of one's own as files: an `.npz`, a folder of files per class, or a file per class; read, checked and split.

data.npz            x float or int [N, ...], y integer or text [N]; optional split, group, classes
data/CLASS/*.npy    an example per file, or .csv: a table of numbers
data/CLASS.npy      an example per row [N, ...], or .csv: a line per example
"""

from __future__ import annotations

import hashlib
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
from micronets.tasks.names import check_utf8
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
    - `files`: the path of each example's file, see `LabelledData`; empty where the examples have no files of their own.
    """

    classes: tuple[str, ...]
    x: Floats
    y: Labels
    split: Texts
    notes: tuple[str, ...]
    files: tuple[str, ...] = ()


def read(path: Path, trained: bool = True) -> SplitArrays:
    """Reads the arrays at `path`. Raises `DataError`, naming the file, what is wrong and the way out."""
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
        found = _npz(packs[0]) if packs else _folder(path)
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
    """Checks arrays that are given by name as an .npz has them: x, y, and optionally split, group and classes.

    - `where`: the file, or what the arrays are otherwise, for errors.
    - `lacking`: splits that get examples of "train"; where there is no split at all, those are "val" and "test".

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
    names = [str(c) for c in arrays["classes"]] if "classes" in arrays else sorted({str(v) for v in y}, key=_sort_key)
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


def _folder(root: Path) -> SplitArrays:
    entries = sorted(p for p in root.iterdir() if not p.name.startswith("."))
    folders = class_folders_of(root)
    check_utf8(folders)
    if not folders:
        tables = [p for p in entries if p.suffix.lower() in ARRAY_SUFFIXES]
        if not tables:
            raise DataError(f"{root}: nothing to read in it; give {FORMS}")
        arrays, notes = _arrays(tables)
        parts = [(p.stem, arrays[p]) for p in tables]
        for name, rows in parts:
            if not rows.ndim:
                raise DataError(f"{root / name}.npy: it holds one number; a file per class has a row per example")
        named = [(name, rows, [f"{name}/{i}" for i in range(len(rows))], None) for name, rows in parts]
        return _stacked(root, named, notes)
    refuse_splits(folders, "remove that level of folders, or write an .npz with split")
    found = {
        folder.name: class_files(folder, ARRAY_SUFFIXES, f"{' or '.join(ARRAY_SUFFIXES)} files", "add some")
        for folder in folders
    }
    arrays, notes = _arrays([p for files in found.values() for p in files.files])
    parts2 = []
    for folder in folders:
        paths = found[folder.name].files
        shapes = {arrays[p].shape for p in paths}
        if len(shapes) > 1:
            first = arrays[paths[0]].shape
            odd = next(p for p in paths if arrays[p].shape != first)
            raise DataError(
                f"{odd}: its shape {[*arrays[odd].shape]} is not that of {paths[0].name}, {[*first]}; every example "
                "needs the same"
            )
        keys = [p.relative_to(root).as_posix() for p in paths]
        parts2.append((folder.name, np.stack([arrays[p] for p in paths]), keys, [group_of(folder, p) for p in paths]))
    notes += strangers_note(found.values(), "neither .npy nor .csv")
    return _stacked(root, parts2, (*notes, *inner_splits_note(folders, "write an .npz with split to divide them")))


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


def _arrays(paths: Sequence[Path]) -> tuple[dict[Path, npt.NDArray[Any]], tuple[str, ...]]:
    """Reads files of arrays, all those of a data set, and notes on them. Raises `DataError`."""
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
    good = np.abs(x, dtype=np.float64).reshape(len(x), -1).max(1) < LARGEST_NUMBER  # not a number is not below anything
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
    """Moves a tenth of every class in "train", at least one example, to each split that is lacking.

    Where groups are given, they are moved whole. Which examples are moved depends on `keys`, or on the names of the
    groups, alone.
    """
    y, count, train = rows.y, len(rows.classes), rows.split == "train"
    split, notes = rows.split.astype("<U5"), rows.notes
    if groups is not None:
        names = np.array(groups)
        left = sorted(set(names[train]), key=_hash)
        for part in lacking:
            for name in list(left):
                have = np.bincount(y[split == part], minlength=count)
                here = train & (names == name)
                rest = np.bincount(y[(split == "train") & ~here], minlength=count)
                total = np.bincount(y[train], minlength=count)
                if (have < 0.1 * total)[np.unique(y[here])].any() and (rest[np.unique(y[here])] > 0).all():
                    split[here] = part
                    left.remove(name)
        if all((split[y == c] == s).any() for c in range(count) for s in ("train", *lacking)):
            return replace(rows, split=split, notes=(*notes, f"split by {counted(len(set(groups)), 'groups')}"))
        notes = (*notes, "the groups are too few to give every split every class: split example by example")
        split[train] = "train"
    for c in range(count):
        own = sorted(np.flatnonzero(train & (y == c)), key=lambda i: _hash(keys[i]))
        n = max(1, round(0.1 * len(own)))
        for k, part in enumerate(lacking):
            split[own[k * n : (k + 1) * n]] = part
    return replace(rows, split=split, notes=notes)


def checked_complete(rows: SplitArrays, where: str) -> SplitArrays:
    """Returns the arrays themselves, after checking that there are two classes, each in "train" and "val"."""
    if len(rows.classes) < 2:
        if Path(where).is_dir():
            raise only_one_class(Path(where), rows.classes[0])
        raise DataError(f"{where}: only one class, '{rows.classes[0]}'; a classifier needs at least two")
    for c, name in enumerate(rows.classes):
        for s in ("train", "val"):
            if not ((rows.y == c) & (rows.split == s)).any():
                n = int((rows.y == c).sum())
                raise DataError(
                    f"{where}: class '{name}' has no {s} example ({n} in all); three of every class are the least"
                )
    return rows


def _sort_key(text: str) -> tuple[int, float, str]:
    """Returns a key by which texts are sorted, numbers by their value and before other texts."""
    return (0, float(text), "") if text.lstrip("-").isdigit() else (1, 0.0, text)


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode(errors="surrogateescape")).hexdigest()
