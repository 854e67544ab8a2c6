"""Arrays of a user's `.npz` file, which may be damaged in any way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.files import DAMAGE, check_plain, damage_text

_PLAIN = "biufUS"  # kinds of arrays: booleans, numbers, texts


def read_npz(
    path: Path, needed: Sequence[str], form: str, optional: Sequence[str] = (), otherwise: str = "write it again"
) -> dict[str, npt.NDArray[Any]]:
    """Reads arrays of a `.npz` file by name.

    - `path`: the file.
    - `needed`: the names of arrays that must be there.
    - `form`: what such a file holds, for the error about a missing array.
    - `optional`: the names of arrays that may be missing.
    - `otherwise`: what to do, for the other errors.

    Raises `DataError` for a file that is damaged, is no `.npz`, is a pipe or a device, lacks an array, or holds
    anything but numbers and texts.
    """
    try:
        check_plain(path)
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise ValueError("it is one array, a .npy file")
        with opened as pack:
            missing = [k for k in needed if k not in pack.files]
            if missing:
                raise DataError(f"{path}: no array '{missing[0]}'; {form}")
            arrays = {k: pack[k] for k in (*needed, *optional) if k in pack.files}
    except DAMAGE as e:
        raise DataError(f"{path}: damaged or not an .npz file ({damage_text(e)}); {otherwise}") from e
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in _PLAIN:
            what = array.dtype if isinstance(array, np.ndarray) else "no array"
            raise DataError(f"{path}: '{name}' is {what}; need numbers or text; {otherwise}")
    return arrays


def check_labelled(path: Path, arrays: Mapping[str, npt.NDArray[Any]], splits: Sequence[str], row: str) -> None:
    """Checks that `y`, `split` and `classes` of a file match each other and the rows of `x`.

    - `path`: the file, for errors.
    - `arrays`: arrays by name. `x` is `[N, ...]`; `y` must be integers `[N]` from 0 to below C, `split` texts `[N]`,
      and `classes` C different texts, at least two.
    - `splits`: the allowed values of `split`.
    - `row`: the word for a row of `x`.

    Raises `DataError` that names the array, what it is and what is needed.
    """
    x, y, split, classes = arrays["x"], arrays["y"], arrays["split"], arrays["classes"]
    for name, array, kinds, kind in (("y", y, "iu", "integers"), ("split", split, "U", "text")):
        if array.dtype.kind not in kinds or array.shape != (len(x),):
            raise DataError(
                f"{path}: {name} is {array.dtype} {list(array.shape)}; need {kind} [{len(x)}], one for each {row}"
            )
    if classes.dtype.kind != "U" or classes.ndim != 1 or len(set(classes.tolist())) != classes.size or classes.size < 2:
        raise DataError(f"{path}: classes is {classes.dtype} {list(classes.shape)}; need at least 2 different names")
    if y.min() < 0 or y.max() >= len(classes):
        raise DataError(
            f"{path}: y goes from {y.min()} to {y.max()}; allowed: 0 to {len(classes) - 1}, an index into classes"
        )
    unknown = set(split.tolist()) - set(splits)
    if unknown:
        raise DataError(f"{path}: split holds '{sorted(unknown)[0]}'; allowed: {', '.join(splits)}")
