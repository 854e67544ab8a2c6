"""Prepared pictures in files that are mapped into memory: a data set larger than memory costs disk space, and is read once.

A file holds two arrays in numpy's format, one after the other: pictures uint8 `[N, S, S, C]` and a mark uint8 of each `[N]`.
It lies in the directory of the cache (see `cache`), is named after all that its contents depend on, and is whole or not there.
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

Bytes = npt.NDArray[np.uint8]
Chunks = Generator[tuple[Bytes, Bytes]]

SMALL = 1 << 30  # bytes; so much is made in memory where the disk cannot take it
_log = logging.getLogger(__name__)


def mapped(key: str, shape: tuple[int, ...], make: Callable[[], Chunks]) -> tuple[Bytes, Bytes]:
    """Pictures of that shape, mapped from the disk, and their marks; what is written to them stays in memory.

    key: names everything that they depend on. make: yields pictures and marks in chunks, in order; called where there is no
    whole file. Raises `DataError` if the disk cannot take more than `SMALL`.
    """
    place = directory() / f"{key}.pictures"
    found = _opened(place, shape)
    if found is not None:
        return found
    problem = _write(place, shape, make)
    if problem is not None:
        size = math.prod(shape)
        if size > SMALL:
            raise DataError(
                f"{place.parent}: {shape[0]:,} prepared pictures of {shape[1]} x {shape[2]} take {size / 1e9:.1f} GB there, but"
                f" {problem}; free some space, name another directory with MICRONETS_CACHE, or take a smaller data.kept"
            )
        _log.info("%s: not kept (%s)", place, problem)
        parts = [*make()]
        return np.concatenate([x for x, _ in parts]), np.concatenate([m for _, m in parts])
    found = _opened(place, shape)
    if found is None:
        raise DataError(
            f"{place}: what was just written cannot be read; check the disk, or name another directory with MICRONETS_CACHE"
        )
    return found


def _opened(place: Path, shape: tuple[int, ...]) -> tuple[Bytes, Bytes] | None:
    """What a file holds; None if it is not there, cut off, or not what it should be."""
    with suppress(OSError, ValueError, EOFError), place.open("rb") as f:
        x = np.lib.format.open_memmap(place, mode="c")
        f.seek(x.offset + x.nbytes)
        marks = np.load(f, allow_pickle=False)
        if x.shape == shape and marks.shape == shape[:1] and x.dtype == marks.dtype == np.uint8:
            return np.asarray(x), marks
    return None


def _write(place: Path, shape: tuple[int, ...], make: Callable[[], Chunks]) -> str | None:
    """Why it could not be written, if so."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        remove_dead_parts(place)
        free = shutil.disk_usage(place.parent).free
        if free < math.prod(shape) + (1 << 20):
            return f"{free / 1e9:.1f} GB are free"
        marks: list[Bytes] = []
        with atomic(place) as f, closing(make()) as chunks:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(f, header)
            for x, m in chunks:
                f.write(np.ascontiguousarray(x).data)
                marks.append(m)
            np.save(f, np.concatenate(marks))
    except OSError as e:
        return e.strerror or str(e)
    return None
