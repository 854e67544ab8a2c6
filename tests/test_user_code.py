"""Files of the user's own: what their hash depends on, and what is said of a file that is not Python."""

from pathlib import Path

import pytest

from micronets import user_code
from micronets.errors import FileError, UserCodeError


def write(root: Path, **texts: str) -> str:
    """Writes Python files, with `__` for `/` in their names, and returns the name of something in main.py."""
    for name, text in texts.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return f"{root / 'main.py'}:x"


def test_the_hash_follows_imports_of_files_beside(tmp_path: Path) -> None:
    texts = {
        "main": "import os, blocks\nfrom parts.sizes import WIDTH\nx = 1",
        "blocks": "def f():\n    import deep",
        "deep": "DEEP = 1",
        "parts__sizes": "from . import units\nWIDTH = 2",
        "parts__units": "UNIT = 1",
        "unused": "A = 1",
        "os": "",  # Python's own is found first or not: a file of this name beside counts
    }
    named = write(tmp_path, **texts)
    before = user_code.source_fingerprint(named, "space.file")
    assert user_code.source_fingerprint(named, "space.file") == before
    for name in ("main", "blocks", "deep", "parts__sizes", "parts__units"):
        write(tmp_path, **{name: texts[name] + "\n# changed"})
        assert user_code.source_fingerprint(named, "space.file") != before, name
        write(tmp_path, **{name: texts[name]})
    write(tmp_path, unused="A = 2")
    assert user_code.source_fingerprint(named, "space.file") == before
    assert user_code.source_fingerprint(write(tmp_path / "elsewhere", **texts), "space.file") == before


def test_files_that_are_not_python_or_import_each_other_have_a_hash_too(tmp_path: Path) -> None:
    named = write(tmp_path, main="import a", a="import b", b="import a, main")
    before = user_code.source_fingerprint(named, "task")
    write(tmp_path, b="def (")
    assert user_code.source_fingerprint(named, "task") != before


def test_a_syntax_error_names_the_line_and_the_setting(tmp_path: Path) -> None:
    named = write(tmp_path, main="x = 1\ny = (\n")
    with pytest.raises(UserCodeError) as e:
        user_code.load(named, "space.file")
    assert str(e.value) == f"{tmp_path / 'main.py'}:2: space.file is not Python ('(' was never closed); fix that line"


def test_a_name_without_a_file() -> None:
    with pytest.raises(FileError) as e:
        user_code.load("my_space", "space.file")
    assert str(e.value) == "space.file = 'my_space': names no Python file; write FILE.py:NAME"
