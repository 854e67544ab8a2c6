"""Unpacks archives into folders, atomically, and never a file outside the folder."""

from __future__ import annotations

import errno
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from micronets.errors import FileError
from micronets.files import DAMAGE, damage_text

UnpackProgress = Callable[[int], None]
"""A function that is called with the number of unpacked files."""

MOST_FILES = 5_000_000
"""An archive of more files than this is refused; COCO has 120,000."""

_COPIED = 1 << 20  # bytes copied at a time

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO)
"""Errors of writing that do not depend on the archive."""


def unpack(
    archive: Path,
    target: Path,
    *,
    within: bool,
    holds: str,
    progress: UnpackProgress,
    most_bytes: int = 1 << 40,
    on_whole: Callable[[], None] = lambda: None,
) -> int:
    """Unpacks an archive into a temporary folder beside `target`, and then renames that to `target`.

    - `archive`: a `.zip` file, or a `.tar` that may be compressed by gzip, bzip2 or xz.
    - `target`: the folder to make, which must not exist.
    - `within`: whether the archive has the folder `target.name` at its top, whose contents alone are unpacked.
    - `holds`: path of a file or folder that must then be in `target`; "" for no check.
    - `progress`: called after every file.
    - `most_bytes`: an archive whose files are larger than this together is refused before it fills the disk.
    - `on_whole`: called when all files are there, before the folder gets its name.

    Returns the number of files. Raises `FileError` for an archive that is damaged, has links or names that lead out of
    it, is too large, or does not hold what it must, and if `target` exists; `OSError` for a disk that is full or cannot
    be written to. What was unpacked before an error is removed.
    """
    if target.exists():
        raise FileError(f"{target}: exists, but micronets did not make it; move it away, or name another directory")
    work = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        count, room = 0, most_bytes
        try:
            for name, content in _archive_members(archive):
                path = work.joinpath(*_safe_path(name, archive).parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as f:
                    while piece := content.read(_COPIED):
                        room -= len(piece)
                        if room < 0:
                            raise FileError(
                                f"{archive}: unpacks to more than the {most_bytes:,} bytes that were expected of it "
                                f"('{name}' was being unpacked); it is not the archive that was expected"
                            )
                        f.write(piece)
                count += 1
                if count > MOST_FILES:
                    raise FileError(f"{archive}: holds more than {MOST_FILES:,} files; refused")
                progress(count)
        except (*DAMAGE, tarfile.TarError) as e:
            if isinstance(e, OSError) and e.errno in _DISK_ERRORS:
                raise
            reason = damage_text(e).partition(": - ")[0]
            raise FileError(
                f"{archive}: damaged, or neither .zip nor .tar ({reason}); delete it and get it again"
            ) from e
        made = work / target.name if within else work
        if not made.is_dir() or not (made / holds).exists():
            raise FileError(f"{archive}: holds no {target.name}/{holds}; it is not the archive that was expected")
        on_whole()
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
