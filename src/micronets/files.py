"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed. Standard library only."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_PART = ".part"
DAMAGE = (OSError, ValueError, TypeError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What readers of arrays, archives and pickles raise for a damaged file (zipfile: NotImplementedError for an odd method)."""


def said(e: Exception) -> str:
    """What an error of such a reader says; numpy's advice to unpickle whatever it does not know is left out."""
    return "it does not begin as one does" if "allow_pickle=`" in str(e) else str(e)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Makes `path` hold exactly `data` (text as UTF-8); whoever reads it at any moment sees the old file or the new one.

    Raises `OSError` (disk full, no permission) that names the file, with the old one untouched.
    """
    with atomic(path) as f:
        f.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """An open file that becomes `path` when the block ends, and vanishes if the block raises."""
    part = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as f:
            yield f
            f.flush()
            os.fsync(f.fileno())
        os.replace(part, path)
    except BaseException as e:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(e, OSError):
            e.filename = str(path)  # a failed write names none, and the part's name tells nobody anything
        raise


def remove_parts(directory: Path) -> None:
    """Removes what writers killed in mid-write have left under `directory`."""
    for part in list(directory.rglob(f".*{_PART}")):
        _remove(part)


def remove_dead_parts(path: Path) -> None:
    """Removes what writers of `path` that were killed in mid-write have left; those still at work keep theirs."""
    for part in list(path.parent.glob(f".{glob.escape(path.name)}.*{_PART}")):
        try:
            os.kill(int(part.name.removesuffix(_PART).rpartition(".")[2]), 0)
        except (ProcessLookupError, ValueError):
            _remove(part)
        except PermissionError:
            continue  # someone else's, at work


def _remove(part: Path) -> None:
    """Removes a file, or a directory with what is in it."""
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def digest(data: bytes | memoryview | str) -> str:
    """Short stable hash of `data`: 16 hexadecimal digits of BLAKE2b."""
    return hashlib.blake2b(data.encode() if isinstance(data, str) else data, digest_size=8).hexdigest()


def fingerprint(path: Path, read_bytes: int = 256 << 20) -> str:
    """Hash of a file or of a whole directory: every name and size, and the contents up to about `read_bytes` in all.

    Beyond that, contents of evenly spaced files stand for the rest, so a large data set costs seconds, not minutes.
    Raises `OSError` if something cannot be read.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
    sizes = [p.stat().st_size for p in files]
    h = hashlib.blake2b(digest_size=8)
    for p, size in zip(files, sizes, strict=True):
        h.update(f"{p.relative_to(path) if p != path else p.name}\0{size}\n".encode(errors="surrogateescape"))
    for p in files[:: 1 + sum(sizes) // read_bytes]:
        with p.open("rb") as f:
            h.update(hashlib.file_digest(f, "blake2b").digest())
    return h.hexdigest()
