"""Object files, cached for the lifetime of this process.

Networks share kernels, so a process that builds many networks (`characterize`, a measured search, a run that steps
back) compiles each kernel once for each core. The cache key comprises everything that determines an object: the
compiler, its flags, the file, and every file that it includes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*(\S[^\r\n]*)", re.MULTILINE)
_NAME = re.compile(rb'"([^"]+)"|<([^>]+)>')
_LARGEST_BYTES = 1 << 20  # of a cached object; larger ones are the weights of a network
_KEPT_BYTES = 64 << 20  # of all cached objects; the least recently used one is dropped first

_kept: OrderedDict[bytes, bytes] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class _File:
    """A file that is compiled or included: the hash of its contents, and the files that it includes itself."""

    hash: bytes
    included: tuple[Path, ...]


class ReadFiles:
    """Files of one build, each of which is read once, as most kernels include the same headers.

    - folders: where the compiler looks for included files, as `-I` says, in this order.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self._found: dict[Path, _File | None] = {}

    def read(self, path: Path) -> _File | None:
        """Returns a file; None where it cannot be read, or where what it includes cannot be told."""
        if path not in self._found:
            self._found[path] = self._read(path)
        return self._found[path]

    def _read(self, path: Path) -> _File | None:
        """Returns a file as `read` does, from the disk."""
        try:
            content = path.read_bytes()
        except OSError:
            return None
        included = []
        for match in _INCLUDE.finditer(content):
            named = _NAME.match(match[1])
            if named is None:  # a macro names the file
                return None
            own, system = named.groups()
            name = (own or system).decode(errors="surrogateescape")
            places = [path.parent, *self.folders] if own else self.folders
            found = next((place / name for place in places if (place / name).is_file()), None)
            if found is not None:
                included.append(found)
            elif own:
                return None
        return _File(hashlib.blake2b(content).digest(), tuple(included))


def compile_once(
    command: Sequence[str],
    flags: Sequence[str],
    files: ReadFiles,
    source: Path,
    target: Path,
    run: Callable[[Sequence[str]], object],
    first: Sequence[Path] = (),
) -> None:
    """Creates the object of a source with the compiler or from the cache.

    - command: the words that call the compiler.
    - flags: its flags, without those that name folders or files.
    - files: the files of the build, and the folders of its headers.
    - source: the file to compile.
    - target: the object to write.
    - run: runs the compiler with a list of words; raises an error if the compiler fails.
    - first: files to include before the source (`-include`).
    """
    key = _key(command, flags, source, first, files)
    with _lock:
        found = None if key is None else _kept.get(key)
        if key is not None and found is not None:
            _kept.move_to_end(key)
    if found is not None:
        target.write_bytes(found)
        return
    include = [
        *(f"-I{folder}" for folder in files.folders),
        *(word for path in first for word in ("-include", str(path))),
    ]
    run([*command, *flags, *include, "-c", str(source), "-o", str(target)])
    made = target.read_bytes()
    if key is None or len(made) > _LARGEST_BYTES:
        return
    with _lock:
        _kept[key] = made
        while sum(map(len, _kept.values())) > _KEPT_BYTES:
            _kept.popitem(last=False)


def _key(
    command: Sequence[str], flags: Sequence[str], source: Path, first: Sequence[Path], files: ReadFiles
) -> bytes | None:
    """Returns the hash of everything that determines an object; None if its included files cannot be determined.

    For the arguments see `compile_once`. Headers of the compiler and of the system count as part of the compiler.
    """
    program = shutil.which(command[0])
    if program is None:
        return None
    state = Path(program).stat()
    hash_ = hashlib.blake2b(repr((program, state.st_mtime_ns, state.st_size, *command, "", *flags)).encode())
    seen: set[Path] = set()
    waiting = [source, *first]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        file = files.read(path)
        if file is None:
            return None
        hash_.update(repr((path.name, file.hash)).encode())
        waiting += file.included
    return hash_.digest()
