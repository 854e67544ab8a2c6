"""Writes files into a directory that may hold other files; a list in the directory names ours.

The list, `.micronets-files.json`, holds the name of every file that we wrote and a digest of its contents. A file that
is not on it, or that has changed since, belongs to somebody else: it is never replaced or removed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from micronets.errors import FileError
from micronets.files import digest, is_part, part_of, read_plain_text, write_atomic

LIST = ".micronets-files.json"
_STAGED = "micronets-new"  # its part (`files.part_of`) holds new files until all of them are written

Ours = Mapping[str, tuple[str, ...]]
"""The files that we wrote, by name, with their possible digests: two if we were killed while replacing them."""


def write_files(directory: Path, files: Mapping[str, str], *, keep: bool = False, spared: Collection[str] = ()) -> None:
    """Makes `files` the complete set of our files in a directory; other people's files stay.

    Nothing is written before everything is checked, and nothing is replaced before everything is written. A process
    that is killed in between leaves old and new files that are all on the list, and the next call does the rest.

    - `directory`: is created if needed.
    - `files`: text by name, with `/` between folders.
    - `keep`: whether files that we wrote earlier stay too.
    - `spared`: names of files that stay as they are, whatever they hold (see `edited`).

    Raises `FileError` if somebody else's file is in the way, and `OSError` (disk full, no permission), which names the
    directory; everything is then as it was before.
    """
    new = {name: text.encode() for name, text in files.items() if name not in spared}
    wanted = {name: digest(content) for name, content in new.items()}
    missing = [p for p in (directory, *directory.parents) if not p.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _writing_alone(directory):
            check_writable(directory, files, keep=keep, spared=spared)
            ours = read_list(directory)
            kept = {name: known for name, known in ours.items() if name in spared or (keep and name not in files)}
            _remove_left_overs(directory)
            staged = part_of(directory / _STAGED)
            try:
                changed = [name for name in new if _digest_of(directory / name) != wanted[name]]
                for i, name in enumerate(changed):
                    staged.mkdir(exist_ok=True)
                    (staged / str(i)).write_bytes(new[name])
                _write_list(
                    directory, {n: (*ours.get(n, ()), *((wanted[n],) if n in wanted else ())) for n in {**ours, **new}}
                )
                for i, name in enumerate(changed):
                    (directory / name).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(staged / str(i), directory / name)
                _remove_listed(directory, [name for name in ours if name not in new and name not in kept])
                _write_list(directory, {**kept, **{name: (found,) for name, found in wanted.items()}})
            finally:
                shutil.rmtree(staged, ignore_errors=True)
    except BaseException as e:
        if isinstance(e, OSError):
            e.filename, e.filename2 = str(directory), None  # the names of parts mean nothing to a user
        for made in missing:
            with suppress(OSError):
                made.rmdir()  # fails for a directory that is not empty
        raise


def remove_files(directory: Path) -> None:
    """Removes the files that `write_files` has written, and the directory if nothing else is in it.

    Raises `FileError` for a file that has changed since; nothing is removed then.
    """
    if not directory.is_dir():
        return
    check_writable(directory, {})
    _remove_left_overs(directory)
    ours = read_list(directory)
    _remove_listed(directory, ours)
    if os.listdir(directory) == [LIST]:
        (directory / LIST).unlink()
    elif ours:
        _write_list(directory, {})  # the empty list says that the directory is still ours
    with suppress(OSError):
        directory.rmdir()


def edited(directory: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    """Returns which of these files we wrote into a directory and somebody has changed since, sorted.

    - `files`: text by name, as for `write_files`. A file that already holds the new text does not count.

    Raises `FileError` for a damaged list.
    """
    found = {name: known for name, known in read_list(directory).items() if name in files}
    digests = {name: _digest_of(directory / name) for name in found}
    return tuple(
        sorted(
            name
            for name, known in found.items()
            if digests[name] is not None and digests[name] not in (*known, digest(files[name]))
        )
    )


def check_writable(
    directory: Path, files: Mapping[str, str], *, keep: bool = False, spared: Collection[str] = ()
) -> None:
    """Raises the `FileError` that `write_files` would raise with the same arguments, and writes nothing."""
    if directory.exists() and not directory.is_dir():
        raise FileError(f"{directory}: is a file; name a directory with --out")
    ours = read_list(directory)
    for name, known in ours.items():
        path = directory / name
        if not os.path.lexists(path) or _digest_of(path) in known or name in spared or (keep and name not in files):
            continue
        if name not in files or _digest_of(path) != digest(files[name]):
            raise FileError(
                f"{path}: has changed since micronets wrote it; move it to another directory to keep it (or delete "
                "it), then run the command again, or name another --out"
            )
    for name in files:
        path = directory / name
        if name not in ours and os.path.lexists(path):
            raise FileError(f"{path}: exists, but micronets did not write it; move it away, or name another --out")
    for name in {**ours, **files}:
        for place in (directory / p for p in PurePosixPath(name).parents if p.parts):
            if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()):
                raise FileError(f"{place}: is not a directory of micronets; move it away, or name another --out")


def read_list(directory: Path) -> Ours:
    """Reads which files in a directory are ours; none without a list. Raises `FileError` for a damaged list."""
    path = directory / LIST
    try:
        content = json.loads(read_plain_text(path))
        files = content["files"]
        found = {name: tuple(digests) for name, digests in files.items()}
        for name, digests in found.items():
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\0" in name:
                raise ValueError(f"'{name}' leads out of the directory")
            if not all(isinstance(d, str) for d in digests):
                raise ValueError(f"'{name}' has no digest")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise FileError(f"{path}: the list of files that micronets wrote is damaged ({e}); name another --out") from e
    return found


def _write_list(directory: Path, ours: Ours) -> None:
    """Writes the list, with a sentence about its purpose for people who open it."""
    about = "written by micronets, which replaces or removes no other file in this directory"
    files = {name: list(dict.fromkeys(digests)) for name, digests in sorted(ours.items())}
    write_atomic(directory / LIST, json.dumps({"about": about, "files": files}, indent=1) + "\n")


def _digest_of(path: Path) -> str | None:
    """Returns the digest of a plain file's contents; None for anything else."""
    if path.is_symlink() or not path.is_file():
        return None
    return digest(path.read_bytes())


def _remove_listed(directory: Path, names: Iterable[str]) -> None:
    """Removes files of a directory by name, and the folders below it that are then empty."""
    for name in names:
        (directory / name).unlink(missing_ok=True)
        for place in PurePosixPath(name).parents:
            if place.parts:
                with suppress(OSError):
                    (directory / place).rmdir()


def _remove_left_overs(directory: Path) -> None:
    """Removes the parts of killed processes; no other process may be writing to the directory."""
    for path in list(directory.iterdir()):
        if not is_part(path.name, (_STAGED, LIST)):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _writing_alone(directory: Path) -> Iterator[None]:
    """Keeps other processes from `write_files` to the directory while the block runs, if the system has such locks.

    Raises `FileError` if another process is writing there.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise FileError(
                f"{directory}: is in use by another micronets process; wait for it, or name another --out"
            ) from e
        except OSError:  # some disks have no locks for directories
            pass
        yield
    finally:
        os.close(handle)
