"""Prepared pictures in files that are mapped into memory, so that a data set may be larger than memory.

A file holds two arrays in numpy's format, one after another: pictures uint8 `[N, S, S, C]` and a mark uint8 of each,
`[N]`. It lies in the directory of the cache (see `cache`), is named after all that its contents depend on, and is whole
or not there.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from micronets.errors import DataError
from micronets.files import atomic, remove_dead_parts
from micronets.frontend.cache import directory
from micronets.terminal import counted

Bytes = npt.NDArray[np.uint8]
Chunks = Generator[tuple[Bytes, Bytes]]

SMALL = 1 << 30  # bytes: pictures of at most this size are held in memory where the disk cannot take them
_log = logging.getLogger(__name__)


def mapped_pictures(key: str, shape: tuple[int, ...], make: Callable[[], Chunks]) -> tuple[Bytes, Bytes]:
    """Returns pictures that are mapped from the disk, and their marks; makes the file where there is no whole one.

    What is written to the arrays stays in memory.

    - `key`: name of the file, which must name everything that its contents depend on.
    - `shape`: of the pictures, `[N, S, S, C]`.
    - `make`: yields the pictures and their marks in chunks, in order.

    Raises `DataError` if the pictures take more than `SMALL` bytes and the disk cannot hold them.
    """
    path = directory() / f"{key}.pictures"
    found = _open_pictures(path, shape)
    if found is not None:
        return found
    problem = _write_pictures(path, shape, make)
    if problem is not None:
        size = math.prod(shape)
        if size > SMALL:
            raise DataError(
                f"{path.parent}: {counted(shape[0], 'prepared pictures')} of {shape[1]} x {shape[2]} "
                f"take {size / 1e9:.1f} GB there, but {problem}; free some space, name another directory with "
                "MICRONETS_CACHE, or take a smaller data.kept"
            )
        _log.info("%s: not kept (%s)", path, problem)
        parts = [*make()]
        return np.concatenate([x for x, _ in parts]), np.concatenate([m for _, m in parts])
    found = _open_pictures(path, shape)
    if found is None:
        raise DataError(
            f"{path}: what was just written cannot be read; check the disk, or name another directory with "
            "MICRONETS_CACHE"
        )
    return found


def _open_pictures(path: Path, shape: tuple[int, ...]) -> tuple[Bytes, Bytes] | None:
    """Maps the pictures of a file and reads their marks; None if it is not there, cut off, or of another shape."""
    with suppress(OSError, ValueError, EOFError), path.open("rb") as f:
        x = np.lib.format.open_memmap(path, mode="c")
        f.seek(x.offset + x.nbytes)
        marks = np.load(f, allow_pickle=False)
        if x.shape == shape and marks.shape == shape[:1] and x.dtype == marks.dtype == np.uint8:
            return np.asarray(x), marks
    return None


def _write_pictures(path: Path, shape: tuple[int, ...], make: Callable[[], Chunks]) -> str | None:
    """Writes the file, and returns the reason why it could not be written, or None."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_dead_parts(path)
        free = shutil.disk_usage(path.parent).free
        if free < math.prod(shape) + (1 << 20):
            return f"{free / 1e9:.1f} GB are free"
        marks: list[Bytes] = []
        with atomic(path) as f, closing(make()) as chunks:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(f, header)
            for x, m in chunks:
                f.write(np.ascontiguousarray(x).data)
                marks.append(m)
            np.save(f, np.concatenate(marks))
    except OSError as e:
        return e.strerror or str(e)
    return None
