"""Code of the user's own: objects of Python files by `FILE.py:NAME`, and calls whose failures name the user's line."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from micronets.errors import FileError, MicronetsError, UserCodeError, did_you_mean
from micronets.files import digest, read_plain, read_plain_text

T = TypeVar("T")

_PACKAGE = str(Path(__file__).parent)


def is_own(text: str) -> bool:
    """Returns whether a name is `FILE.py:NAME`, something in a user's file, and not one of ours."""
    return text.endswith(".py") or ".py:" in text


def file_of(text: str) -> Path:
    """Returns the file that `FILE.py:NAME` names. A relative path starts at the current directory."""
    return Path(text if text.endswith(".py") else text.rpartition(":")[0])


def source_text(text: str, key: str) -> str:
    """Reads the source that `FILE.py:NAME` names.

    - `key`: the setting or option in which the user wrote it, for errors.

    Raises `FileError`.
    """
    if not is_own(text):
        raise FileError(f"{key} = '{text}': names no Python file; write FILE.py:NAME")
    path = file_of(text)
    try:
        return read_plain_text(path)
    except OSError as e:
        where = "" if path.is_absolute() else f"; paths start at {Path.cwd()}"
        raise FileError(f"{key} = '{text}': cannot read {path} ({e.strerror}){where}") from e
    except UnicodeDecodeError as e:
        raise FileError(f"{key} = '{text}': {path} is not Python: not UTF-8 text") from e


def source_fingerprint(text: str, key: str) -> str:
    """Returns a hash of the file that `FILE.py:NAME` names, and of every Python file beside it that it imports.

    Imports are followed through those files too. Installed packages do not count, nor do data files that the code
    reads.

    - `key`: the setting or option in which the user wrote it, for errors.

    Raises `FileError`.
    """
    source_text(text, key)
    top = file_of(text).resolve()
    found: dict[Path, bytes] = {}
    todo = [top]
    while todo:
        path = todo.pop()
        if path not in found:
            found[path] = read_plain(path)
            todo += _imported(found[path], path, top.parent)
    if len(found) == 1:
        return digest(found[top].decode("utf-8"))
    return digest("".join(f"{path.relative_to(top.parent)} {digest(found[path])}\n" for path in sorted(found)))


def _imported(source: bytes, path: Path, top: Path) -> Iterator[Path]:
    """Yields the files below the folder `top` that a file imports, anywhere in it; none if it is not Python."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [(top, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = top if not node.level else path.parents[node.level - 1]
            module = node.module or ""
            names = [(base, ".".join(filter(None, (module, alias.name)))) for alias in node.names]
        else:
            continue
        for base, name in names:
            parts = name.split(".")
            for count in range(1, len(parts) + 1):  # a.b may be a module of the package a, or something in it
                place = base.joinpath(*parts[:count])
                candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
                yield from (p for p in candidates if p.is_relative_to(top) and p.is_file())


def load(text: str, key: str) -> Any:
    """Returns the object that `FILE.py:NAME` names.

    The file is run once, and again when its text has changed. It may import files beside it.

    - `text`: path of a file and the name of something in it.
    - `key`: the setting or option in which the user wrote it, such as `space.file`, for errors.

    Raises `FileError` for a file that cannot be read, `UserCodeError` for one that is not Python, that raises, or that
    has no such name.
    """
    source = source_text(text, key)
    path, name = file_of(text), "" if text.endswith(".py") else text.rpartition(":")[2]
    module = _modules.get((path.resolve(), source))
    if module is None:
        module = _modules[path.resolve(), source] = _run(source, path, key)
    own = [n for n, value in vars(module).items() if not n.startswith("_") and _is_defined_in(value, module)]
    if not name:
        raise UserCodeError(
            f"{key} = '{text}': name what to take from the file, as '{path}:NAME'; it has {_listed(own)}"
        )
    if not hasattr(module, name):
        raise UserCodeError(f"{path}: has no '{name}', which {key} names; {did_you_mean(name, own)}")
    return getattr(module, name)


_modules: dict[tuple[Path, str], types.ModuleType] = {}


def _run(source: str, path: Path, key: str) -> types.ModuleType:
    # Dataclasses look up their module by name.
    module = types.ModuleType(f"micronets_user_{path.stem}_{len(_modules)}")
    module.__file__ = str(path)
    try:
        code = compile(source, str(path), "exec")
    except (SyntaxError, ValueError) as e:
        line = getattr(e, "lineno", None) or 1
        reason = e.msg if isinstance(e, SyntaxError) else str(e)
        raise UserCodeError(f"{path}:{line}: {key} is not Python ({_one_line(reason)}); fix that line") from e
    sys.modules[module.__name__] = module
    beside = str(path.parent.resolve())
    sys.path.insert(0, beside)
    try:
        called(lambda: exec(code, module.__dict__), path, f"{key}: running the file")
    finally:
        sys.path.remove(beside)
    return module


def _is_defined_in(value: object, module: types.ModuleType) -> bool:
    """Returns whether a file defines a value, as far as can be seen: a function, a class or a record of its own."""
    return getattr(value, "__module__", None) == module.__name__ or (
        is_dataclass(value) and not isinstance(value, type)
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def called(
    function: Callable[[], T], file: Path | str | None, what: str, passed_on: tuple[type[Exception], ...] = ()
) -> T:
    """Calls code of the user's, and returns its result.

    - `file`: the user's file; None: any file outside micronets, Python and installed packages.
    - `what`: the name of the call for the message: "the template of space 'my_space'".
    - `passed_on`: exceptions that are passed to the caller unchanged.

    Raises `UserCodeError`, with the user's line that the call reached last, for any other exception.
    """
    try:
        return function()
    except (Exception, SystemExit) as e:
        if isinstance(e, (UserCodeError, *passed_on)):
            raise
        # Only the part after this call: the first entry of the traceback is this function's own.
        trace = e.__traceback__.tb_next if e.__traceback__ is not None else None
        place = ""
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if (file is not None and _same(name, file)) or (file is None and not _is_ours(name)):
                place = f"{name}:{trace.tb_lineno}: "
            trace = trace.tb_next
        if not place and isinstance(e, MicronetsError):  # an error of ours, about the result of the user's code
            raise
        place = place or (f"{file}: " if file is not None else "")
        raise UserCodeError(f"{place}{what} failed: {_error_text(e)}; fix that line") from e


def _error_text(e: BaseException) -> str:
    text = _one_line(str(e))
    return text if isinstance(e, MicronetsError) else f"{type(e).__name__}{': ' if text else ''}{text}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _same(name: str, file: Path | str) -> bool:
    return name == str(file) or Path(name).resolve() == Path(file).resolve()


def _is_ours(name: str) -> bool:
    return name.startswith((_PACKAGE, "<frozen ", sys.prefix, sys.base_prefix))


def place(function: Callable[..., object]) -> tuple[str | None, str]:
    """Returns the file of a function, or None, and `FILE:LINE` of its first line, or its name."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None) or getattr(getattr(function, "__call__", None), "__code__", None)  # noqa: B004
    if code is None:
        return None, getattr(function, "__name__", repr(function))
    return code.co_filename, f"{code.co_filename}:{code.co_firstlineno}"
