"""Unpacks archives into folders: whole or not at all, and never a file outside the folder."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from micronets.errors import FileError

UnpackProgress = Callable[[int], None]
"""It is told how many files have been unpacked."""

# zipfile raises NotImplementedError for an odd method of compression, RuntimeError for an encrypted file.
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def unpack(archive: Path, target: Path, *, within: bool, holds: str, progress: UnpackProgress) -> int:
    """Unpacks an archive into a folder beside `target`, and then renames that to `target`.

    - `archive`: a `.zip` or `.tar.gz` file.
    - `target`: the folder to make, which must not exist.
    - `within`: the archive has the folder `target.name` at its top, and only what lies in that is wanted.
    - `holds`: path of a file or folder that must be in `target` then; "" asks for nothing.
    - `progress`: is told after every file.

    Returns the number of files. Raises `FileError` for a damaged archive, one with links or with names that lead out of
    it, one that does not hold what it must, and if `target` exists. What was unpacked before an error is removed.
    """
    if target.exists():
        raise FileError(f"{target}: is there, but not from here; move it away, or name another directory")
    work = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        count = 0
        try:
            for name, content in _archive_members(archive):
                path = work.joinpath(*_safe_path(name, archive).parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as f:
                    shutil.copyfileobj(content, f, 1 << 20)
                count += 1
                progress(count)
        except _DAMAGE as e:
            reason = str(e).partition("\n")[0]
            raise FileError(
                f"{archive}: damaged, or neither .zip nor .tar.gz ({reason}); delete it and get it again"
            ) from e
        made = work / target.name if within else work
        if not made.is_dir() or not (made / holds).exists():
            raise FileError(f"{archive}: holds no {target.name}/{holds}; it is not the archive that was expected")
        made.rename(target)
    finally:
        with suppress(OSError):
            shutil.rmtree(work)
    return count


def _archive_members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yields name and content of every file. Raises `FileError` for anything but files and directories."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as z:
            for info in z.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise FileError(f"{archive}: '{info.filename}' is a link or device; refused")
                if not info.is_dir():
                    with z.open(info) as f:
                        yield info.filename, f
        return
    with tarfile.open(archive, "r:*") as t:
        for member in t:
            if not (member.isfile() or member.isdir()):
                raise FileError(f"{archive}: '{member.name}' is a link or device; refused")
            content = t.extractfile(member)
            if content is not None:
                yield member.name, content


def _safe_path(name: str, archive: Path) -> PurePosixPath:
    """Returns a member's name as a path below the archive's top. Raises `FileError` for a name that leads out of it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name or not path.parts:
        raise FileError(f"{archive}: '{name}' leads out of the directory; refused")
    return path
