"""Finds the files of this package that a module depends on, and hashes them: the key of a kept measurement.

The list is not written down anywhere. It follows imports from the module, those inside functions too, so that a file
that moves, or that somebody adds, is on it as soon as anything imports it. What is no Python (kernels in C, start-up
code, linker scripts) is taken from the folders that hold it, whole.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import micronets
from micronets.files import digest

_PACKAGE = "micronets"
_DATA = ("boards",)  # folders whose other files are data that a measurement names by itself


def source_hash(module: str, root: Path | None = None) -> str:
    """Returns a hash of the contents of `sources`; where a file lies does not matter."""
    return digest("".join(sorted(digest(path.read_bytes()) for path in sources(module, root))))


def sources(module: str, root: Path | None = None) -> list[Path]:
    """Lists the files of the package that can change what `module` does, sorted.

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
    """Yields the file of a module with this dotted name, if it is one, and those of the packages that contain it."""
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
    """Returns the dotted names that the text of a file imports anywhere in it; `from a import b` may mean module a.b.

    What it imports only for type checkers is left out, as it is never run.
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
