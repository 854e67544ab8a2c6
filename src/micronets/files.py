"""Atomic files (written beside their destination, flushed to the disk, then renamed), locks and hashes.

Nothing here knows what the files hold. Only the standard library is used.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import tempfile
import time
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from micronets.errors import DataError, FileError

_PART = ".part"
_PART_NAME = re.compile(r"\.(?P<name>.+)\.(?P<process>\d+)\.part", re.DOTALL)
DAMAGE = (
    *(OSError, ValueError, TypeError, EOFError, SyntaxError, RecursionError, ArithmeticError, MemoryError),
    *(NotImplementedError, RuntimeError, IndexError, KeyError, AttributeError, struct.error),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError),
)
"""The exceptions that readers of arrays, archives and pickles raise for a damaged file.

zipfile raises NotImplementedError for an unknown compression, RuntimeError for an encrypted file, and struct.error and
IndexError for a short one. numpy raises SyntaxError, TokenError, RecursionError and KeyError for an invalid header of
an array, and ArithmeticError and MemoryError for one that announces an impossible size.
"""


_LONGEST = 200  # characters of a library's message, which may quote the contents of a damaged file


def damage_text(e: Exception) -> str:
    """Describes the damage of a file from an error of `DAMAGE`.

    numpy takes an unknown file for a pickle; its advice to unpickle it is left out.
    """
    if "allow_pickle=`" in str(e):
        return "it does not begin like one"
    if isinstance(e, OSError) and e.strerror:
        return e.strerror
    if isinstance(e, MemoryError):
        return "it announces more than fits into memory"
    text = " ".join(str(e).split()) or type(e).__name__
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


_SYSTEM_FOLDERS = ("/proc", "/sys")
"""Where Linux shows its own state as files. Links there lead everywhere, so that a walk would not end."""


def _belongs_to_the_system(of: os.stat_result) -> bool:
    """Returns whether a file or folder belongs to the system's view of its own state."""
    return any(os.path.ismount(p) and os.stat(p).st_dev == of.st_dev for p in _SYSTEM_FOLDERS)


_LONGEST_NAME, _LONGEST_PATH = 255, 4095
"""The maximum number of bytes in a file name, and in a path, on the file systems of Linux, macOS and Windows."""


def unusable_path(text: str) -> str | None:
    """Returns why no file can have a path, as words that follow it in an error; None for a possible path."""
    if "\0" in text:
        return "holds a NUL character, which no path can have"
    try:
        names = os.fsencode(text).split(b"/")
    except UnicodeError:
        return "holds characters that are not UTF-8, which no path can have"
    if max(map(len, names)) > _LONGEST_NAME or sum(map(len, names)) + len(names) > _LONGEST_PATH:
        return f"is too long: a name has {_LONGEST_NAME} bytes at most, and a path {_LONGEST_PATH:,}"
    return None


def link_to_nothing(path: str | Path) -> str | None:
    """Returns, as words for an error, which part of a path is a broken link, or None."""
    for part in (Path(path), *Path(path).parents):
        if part.is_symlink() and not part.exists():
            return f"{part} is a link to {os.readlink(part)}, which does not exist: create that, or name another place"
    return None


def check_plain(path: Path) -> None:
    """Raises `OSError` for anything but a plain file: a pipe, a device or a file of the system may never end.

    It also raises the error of `Path.stat` for a missing file, and an error for a path that no system allows.
    """
    try:
        found = path.stat()
    except ValueError as e:
        raise OSError(errno.EINVAL, f"the path {unusable_path(str(path))}", str(path)) from e
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", str(path))
    if _belongs_to_the_system(found):
        raise OSError(errno.EINVAL, "a file of the system, which may never end", str(path))


def read_plain(path: Path) -> bytes:
    """Reads a whole file. Raises `OSError`, also for what is not a plain file (see `check_plain`)."""
    check_plain(path)
    return path.read_bytes()


def read_plain_text(path: Path) -> str:
    """Reads a whole file in UTF-8, or in UTF-16 if it has that byte order mark; a byte order mark is left out.

    Editors and shells of Windows write such marks. Raises `OSError` as `read_plain` does, and `UnicodeDecodeError`.
    """
    data = read_plain(path)
    return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


MOST_ENTRIES = 3_000_000
"""The maximum number of files and folders of a data set; a folder with more is probably a whole disk."""


def walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yields every folder at and below `root`: its path, and the names of the folders and of the files in it, sorted.

    Links to folders are followed, each folder once. The caller may remove a name from the list of folders to skip it.
    Raises `DataError` for a folder that cannot be read, for one in which the system shows its own state, and for more
    than `MOST_ENTRIES` files and folders.
    """

    def refuse(error: OSError) -> None:
        raise DataError(
            f"{error.filename}: cannot be read ({error.strerror}); check its permissions, or remove it"
        ) from error

    seen: set[tuple[int, int]] = set()
    entries = 0
    for place, below, names in os.walk(root, followlinks=True, onerror=refuse):
        try:
            here = os.stat(place)
        except OSError as e:  # it has been removed meanwhile
            refuse(e)
            raise
        if _belongs_to_the_system(here):
            raise DataError(f"{place}: belongs to the system, not to a data set; name another folder")
        if (here.st_dev, here.st_ino) in seen:
            below.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        entries += len(below) + len(names)
        if entries > MOST_ENTRIES:
            raise DataError(
                f"{root}: more than {MOST_ENTRIES:,} files and folders, too many; name the folder of the data"
            )
        below.sort()
        yield Path(place), below, sorted(names)


def check_output(path: str | Path, *inputs: object) -> None:
    """Refuses to write a file that would replace an input, before anything is computed.

    - `path`: the file that will be written.
    - `inputs`: the inputs; those that are not paths of existing files are ignored.

    Raises `FileError` if the file is one of the inputs, under whatever name, or a directory.
    """
    if Path(path).is_dir():
        raise FileError(f"{path}: is a directory; name a file to write")
    for read in inputs:
        if isinstance(read, str | os.PathLike) and _is_same_file(path, read):
            raise FileError(f"{path}: is an input, which writing would replace; name another file to write")


def _is_same_file(a: str | Path, b: str | os.PathLike[str]) -> bool:
    try:
        return os.path.samefile(a, b)
    except (OSError, ValueError):  # one of them does not exist, or is no path
        return False


def write_atomic(path: Path, data: bytes | str) -> None:
    """Makes the file `path` hold exactly `data` (text as UTF-8); at any moment either the old or the new file exists.

    Raises `OSError` (disk full, no permission), which names the file; the old one is then untouched.
    """
    with atomic(path) as f:
        f.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that becomes `path` when the block ends, and vanishes if the block raises.

    Parts of `path` whose writers were killed are removed. Raises `OSError` as `write_atomic` does.
    """
    if not path.name:  # the current directory, or the root
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
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
            e.filename = str(path)  # a failed write names no file, and the name of the part means nothing to a user
        raise


def part_of(path: Path) -> Path:
    """Returns the part of `path`: the hidden file or directory beside it in which this process prepares it."""
    return path.with_name(f".{path.name}.{os.getpid()}{_PART}")


def is_part(name: str, of: Iterable[str] | None = None) -> bool:
    """Returns whether a file name is that of a part (see `part_of`) of a name in `of`; None means any name."""
    found = _PART_NAME.fullmatch(name)
    return found is not None and (of is None or found["name"] in of)


def remove_parts(directory: Path) -> None:
    """Removes all parts in `directory` and the folders below it, in which no other process may be working."""
    for part in list(directory.rglob(f".*{_PART}")):
        if is_part(part.name):
            _remove_part(part)


def remove_dead_parts(path: Path) -> None:
    """Removes the parts of `path` whose processes have ended, for instance because they were killed; others stay."""
    for part in list(path.parent.glob(f".{glob.escape(path.name)}.*{_PART}")):
        found = _PART_NAME.fullmatch(part.name)
        if found is not None and found["name"] == path.name and not _process_exists(int(found["process"])):
            _remove_part(part)


def _process_exists(process: int) -> bool:
    """Returns whether a process with this number exists, whoever owns it; on Windows, always true."""
    if os.name == "nt":  # there `os.kill` would send Ctrl-C to the process, or end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it belongs to another user
        return True
    return True


def _remove_part(part: Path) -> None:
    """Removes a file, or a directory with its contents; what this process may not change stays."""
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        with suppress(OSError):
            part.unlink(missing_ok=True)


_TRIES = 1000  # attempts to get a lock whose file other processes remove meanwhile


class InUse(Exception):
    """Another process holds the lock."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path` for this process while the block runs; makes it and its directory if needed.

    The system releases the lock when the process ends, in whatever way. The process that holds the lock may remove the
    file. A lock on a file that is no longer the one at `path` protects nothing, so a process that gets one tries again.

    Raises `InUse` if another process holds the lock, and `OSError` if the file cannot be made. On a system without
    `fcntl` locks nothing is locked.
    """
    try:
        import fcntl
    except ImportError:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
        return
    for _ in range(_TRIES):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except (FileNotFoundError, FileExistsError):
            if not path.parent.exists() or path.parent.is_dir():
                continue  # the last holder of the lock has just removed the directory
            raise
        try:
            mine = True
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                mine = False
            if not _is_open_file(handle, path):
                continue
            if not mine:
                raise InUse
            yield
            return
        finally:
            os.close(handle)
    if not path.parent.exists():  # for instance if the current directory has been removed
        raise OSError(errno.EINVAL, "the directory cannot be made", str(path.parent))
    raise InUse


def _is_open_file(handle: int, path: Path) -> bool:
    """Returns whether the open file `handle` is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


_TEMPORARY = "micronets-scratch-"  # how the names of temporary directories begin
_SURELY_LOCKED_S = 60.0  # seconds after which a process has certainly locked its new temporary directory


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Makes a directory for this process, which is removed with its contents when the block ends.

    A killed process leaves its directory behind. So each is locked as long as its process lives, however that ends, and
    the first call in a process removes those that others have left. Without `fcntl` locks they stay.
    """
    _remove_left_temporary_directories(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY) as name:
        try:
            import fcntl
        except ImportError:
            yield Path(name)
            return
        handle = os.open(name, os.O_RDONLY)
        try:
            with suppress(OSError):  # a disk without locks; no other process can lock the directory there either
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(handle)


@contextmanager
def temporary_environment() -> Iterator[dict[str, str]]:
    """Yields environment variables for a program whose temporary files go to a `temporary_directory`.

    A killed compiler leaves its temporary files behind; there the next process removes them.
    """
    with temporary_directory() as directory:
        yield {**os.environ, **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(directory))}


@cache
def _remove_left_temporary_directories(parent: Path) -> None:
    """Removes the temporary directories of this user in `parent` that no living process has locked."""
    try:
        import fcntl
    except ImportError:
        return
    for path in list(parent.glob(f"{glob.escape(_TEMPORARY)}*")):
        with suppress(OSError):
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            if abs(time.time() - found.st_mtime) < _SURELY_LOCKED_S:
                continue
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(handle)


def digest(data: bytes | memoryview | str) -> str:
    """Hashes `data` (text as UTF-8) to 16 hexadecimal digits of BLAKE2b, the same in every process and version."""
    return hashlib.blake2b(data.encode() if isinstance(data, str) else data, digest_size=8).hexdigest()


def identity(path: Path) -> str:
    """Returns a line that changes when a file is replaced or written: its path, its size and its time of change.

    The file is not read. Raises `DataError` if its properties cannot be read.
    """
    try:
        found = path.stat()
    except OSError as e:
        raise DataError(f"{path}: cannot be read ({e.strerror}); check the path and its permissions") from e
    return f"{path.absolute()}\0{found.st_size}\0{found.st_mtime_ns}"


def fingerprint(path: Path, read_bytes: int = 256 << 20) -> str:
    """Hashes a file or a whole directory to 16 hexadecimal digits: every name and size, and contents.

    - `path`: the file or directory; hidden files in it are left out.
    - `read_bytes`: about how many bytes of contents to read. If there are more, evenly spaced files stand for the rest,
      so that a large data set takes seconds and not minutes.

    Raises `OSError` if a file cannot be read, and `DataError` for a folder as `walk` does.
    """
    if path.is_dir():
        below = [folder / n for folder, _, names in walk(path) for n in names if not n.startswith(".")]
        files = sorted(p for p in below if p.is_file())
    else:
        check_plain(path)
        files = [path]
    sizes = [p.stat().st_size for p in files]
    h = hashlib.blake2b(digest_size=8)
    for p, size in zip(files, sizes, strict=True):
        h.update(f"{p.relative_to(path) if p != path else p.name}\0{size}\n".encode(errors="surrogateescape"))
    for p in files[:: 1 + sum(sizes) // read_bytes]:
        with p.open("rb") as f:
            h.update(hashlib.file_digest(f, "blake2b").digest())
    return h.hexdigest()
