"""Finds the files of this package that a module depends on, and hashes them: the key of a stored measurement.

There is no fixed list. It follows the imports of the module, including those inside functions, so that a moved or new
file is on the list as soon as anything imports it. Files other than Python (kernels in C, start-up code, linker
scripts) are included by whole folders.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import micronets
from micronets.files import digest

_PACKAGE = "micronets"
_DATA = ("boards",)  # folders whose other files are data that a measurement names itself


def source_hash(module: str, root: Path | None = None) -> str:
    """Returns a hash of the contents of `sources`; the files' positions do not matter."""
    return digest("".join(sorted(digest(path.read_bytes()) for path in sources(module, root))))


def sources(module: str, root: Path | None = None) -> list[Path]:
    """Returns the files of the package that can affect `module`, sorted.

    They are every Python file that `module` imports, directly or not, and every other file in the first-level folders
    of those, such as compiler/ and device/.

    - `module`: dotted name, such as "micronets.commands.characterize".
    - `root`: the package's folder; by default that of this installation.
    """
    root = root or Path(micronets.__file__).parent
    found: set[Path] = set()
    todo, seen = [module], {module}
    while todo:
        for path in _files(todo.pop(), root):
            if path not in found:
                found.add(path)
                names = set(_imported(path.read_text("utf-8"))) - seen
                seen |= names
                todo += names
    folders = {root / path.relative_to(root).parts[0] for path in found if path.parent != root}
    others = {
        path
        for folder in folders
        if folder.name not in _DATA
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    return sorted(found | others)


def _files(name: str, root: Path) -> Iterator[Path]:
    """Yields the file of a module with this dotted name, if there is one, and those of the packages that contain it."""
    parts = name.split(".")
    if parts[0] != _PACKAGE:
        return
    for count in range(1, len(parts) + 1):
        place = root.joinpath(*parts[1:count])
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                yield path


@lru_cache(maxsize=1024)
def _imported(text: str) -> tuple[str, ...]:
    """Returns the dotted names that a file's text imports anywhere; `from a import b` may mean module a.b.

    Imports for type checkers only are left out, as they are never run.
    """
    found: list[str] = []
    nodes: list[ast.AST] = [ast.parse(text)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            nodes.extend(node.orelse)
            continue
        nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(found)
