"""Sections of Markdown files that programs write: the text between `<!-- begin NAME -->` and `<!-- end NAME -->`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from docs.wrap_markdown import wrapped
from micronets.files import write_atomic


def replace_section(path: Path, name: str, text: str) -> None:
    """Puts `text`, in lines of at most 120 columns, into the section of that name. Without one it ends the program."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    old = path.read_text("utf-8") if path.exists() else ""
    if begin not in old or end not in old:
        sys.exit(f"{path}: no section '{name}'; add the lines {begin} and {end}")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    write_atomic(path, pattern.sub(lambda _: f"{begin}\n{wrapped(text)}\n{end}", old))
