"""Files that are whole or not there: written beside their place, flushed to the disk, then renamed. Standard library only."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_PART = ".part"
_PART_NAME = re.compile(r"\.(?P<name>.+)\.(?P<process>\d+)\.part", re.DOTALL)
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
    """An open file that becomes `path` when the block ends, and vanishes if the block raises.

    What earlier writers of `path` left that were killed in mid-write is removed.
    """
    part = part_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_dead_parts(path)
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


def part_of(path: Path) -> Path:
    """The hidden file or directory beside `path` in which this process prepares what is to become `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}{_PART}")


def is_part(name: str, of: Iterable[str] | None = None) -> bool:
    """Whether a file of this name is what `atomic` writes on the way; `of`: to one of these names."""
    found = _PART_NAME.fullmatch(name)
    return found is not None and (of is None or found["name"] in of)


def remove_parts(directory: Path) -> None:
    """Removes what writers killed in mid-write have left under `directory`, in which nobody else may be at work."""
    for part in list(directory.rglob(f".*{_PART}")):
        if is_part(part.name):
            _remove(part)


def remove_dead_parts(path: Path) -> None:
    """Removes what writers of `path` that were killed in mid-write have left; those still at work keep theirs."""
    for part in list(path.parent.glob(f".{glob.escape(path.name)}.*{_PART}")):
        found = _PART_NAME.fullmatch(part.name)
        if found is not None and found["name"] == path.name and not _alive(int(found["process"])):
            _remove(part)


def _alive(process: int) -> bool:
    """Whether there is a process of this number, anybody's."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # someone else's
        return True
    return True


def _remove(part: Path) -> None:
    """Removes a file, or a directory with what is in it."""
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        with suppress(OSError):  # in a directory that is not ours to change it stays
            part.unlink(missing_ok=True)


_TRIES = 1000  # to get a lock whose file others remove meanwhile


class InUse(Exception):
    """Another process holds the lock."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path` for this process, and makes it and its directory where they are not there.

    The system gives the lock back when the process ends, however it does. Who holds it may remove the file: a lock on a
    file that is not (or no longer) the one at `path` is none, so whoever got that one tries again.
    Raises `InUse` if another process holds it, `OSError` if there can be no such file.
    """
    try:
        import fcntl
    except ImportError:  # a system without such locks: no guard
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
        return
    for _ in range(_TRIES):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except (FileNotFoundError, FileExistsError):
            if not path.parent.exists() or path.parent.is_dir():
                continue  # its last holder removed the directory just now
            raise
        try:
            mine = True
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                mine = False
            if not _is(handle, path):
                continue
            if not mine:
                raise InUse
            yield
            return
        finally:
            os.close(handle)
    raise InUse


def _is(handle: int, path: Path) -> bool:
    """Whether an open file is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


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
