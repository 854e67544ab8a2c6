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
from pathlib import Path

_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*(\S[^\r\n]*)", re.MULTILINE)
_NAME = re.compile(rb'"([^"]+)"|<([^>]+)>')
_LARGEST_BYTES = 1 << 20  # of a cached object; larger ones are the weights of a network
_KEPT_BYTES = 64 << 20  # of all cached objects; the least recently used one is dropped first

_kept: OrderedDict[bytes, bytes] = OrderedDict()
_lock = threading.Lock()


def compile_once(
    command: Sequence[str],
    flags: Sequence[str],
    folders: Sequence[Path],
    source: Path,
    target: Path,
    run: Callable[[Sequence[str]], object],
    first: Sequence[Path] = (),
) -> None:
    """Creates the object of a source with the compiler or from the cache.

    - command: the words that call the compiler.
    - flags: its flags, without those that name folders or files.
    - folders: the folders of included files (`-I`), in this order.
    - source: the file to compile.
    - target: the object to write.
    - run: runs the compiler with a list of words; raises an error if the compiler fails.
    - first: files to include before the source (`-include`).
    """
    key = _key(command, flags, folders, source, first)
    with _lock:
        found = None if key is None else _kept.get(key)
        if key is not None and found is not None:
            _kept.move_to_end(key)
    if found is not None:
        target.write_bytes(found)
        return
    include = [*(f"-I{folder}" for folder in folders), *(word for path in first for word in ("-include", str(path)))]
    run([*command, *flags, *include, "-c", str(source), "-o", str(target)])
    made = target.read_bytes()
    if key is None or len(made) > _LARGEST_BYTES:
        return
    with _lock:
        _kept[key] = made
        while sum(map(len, _kept.values())) > _KEPT_BYTES:
            _kept.popitem(last=False)


def _key(
    command: Sequence[str], flags: Sequence[str], folders: Sequence[Path], source: Path, first: Sequence[Path]
) -> bytes | None:
    """Returns the hash of everything that determines an object; None if its included files cannot be determined.

    For the arguments see `compile_once`. Headers of the compiler and of the system count as part of the compiler.
    """
    program = shutil.which(command[0])
    if program is None:
        return None
    state = Path(program).stat()
    found: dict[Path, bytes] = {}
    waiting = [source, *first]
    hash_ = hashlib.blake2b(repr((program, state.st_mtime_ns, state.st_size, *command, "", *flags)).encode())
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        try:
            found[path] = path.read_bytes()
        except OSError:
            return None
        hash_.update(repr((path.name, len(found[path]))).encode())
        hash_.update(found[path])
        for match in _INCLUDE.finditer(found[path]):
            named = _NAME.match(match[1])
            if named is None:  # a macro names the file
                return None
            own, system = named.groups()
            name = (own or system).decode(errors="surrogateescape")
            places = [path.parent, *folders] if own else folders
            included = next((place / name for place in places if (place / name).is_file()), None)
            if included is not None:
                waiting.append(included)
            elif own:
                return None
    return hash_.digest()
