"""Arrays of an `.npz` file of the user's, which may be damaged in every way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.files import DAMAGE, check_plain, damage_text

_PLAIN = "biufUS"  # kinds of arrays: truth values, numbers, texts


def read_npz(
    path: Path, needed: Sequence[str], form: str, optional: Sequence[str] = (), otherwise: str = "write it again"
) -> dict[str, npt.NDArray[Any]]:
    """Reads arrays by name; `optional` ones may be missing.

    - `form`: what such a file holds, for the error where an array is missing.
    - `otherwise`: what to do, for the other errors.

    Raises `DataError` for a file that is damaged, is no `.npz`, is a pipe or a device, lacks an array, or holds
    anything but numbers and texts.
    """
    try:
        check_plain(path)
        with np.load(path, allow_pickle=False) as pack:
            if not isinstance(pack, np.lib.npyio.NpzFile):
                raise ValueError("it is one array, a .npy file")
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
