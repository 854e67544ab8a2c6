"""Keeps the lines of our Markdown pages within 120 columns: `python -m docs.wrap_markdown` rewrites those that are not.

A paragraph or an item of a list is filled anew if a line of it is longer or its last line is a single word; everything
else stays as it is: rows of tables, headings, code in fences, comments, and paragraphs whose lines are short enough.
The meaning never changes, since Markdown reads a line break inside a paragraph as a space. Programs that write sections
of pages send their text through `wrapped`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
COLUMNS = 120
UNBROKEN = 100
"""A code span of at most so many characters stays on one line."""

NARROWEST = 0.75
"""The least share of the columns that a paragraph is filled to so that its last line has more than one word."""

FENCE = re.compile(r"\s*(```|~~~)")
ALONE = re.compile(r"\s*$|\s*\||#|<|\s*!?\[[^\]]*\]\([^)]*\)\s*$")
"""Lines that are never filled: empty ones, rows of tables, headings, HTML, and a link or a picture by itself."""
ITEM = re.compile(r"(\s*)([-*+]|\d+[.)]) +")
BLOCK_MARK = re.compile(r"([-+*>=|]|#+|\d+[.)])$|(```|~~~|<!--|\|)")
"""Words with which Markdown would begin another block if they stood first on a line."""


def pages() -> list[Path]:
    """Returns the Markdown pages that people read: README.md and docs/*.md."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def wrapped(text: str, columns: int = COLUMNS) -> str:
    """Returns Markdown whose paragraphs and items have no line that is too long and no last line of a single word.

    - text: the Markdown.
    - columns: the most characters of a line.
    """
    lines: list[str] = []
    for block, filled in _blocks(text.split("\n")):
        again = filled and (max(map(len, block)) > columns or _ends_in_one_word(block, columns))
        lines += _fill_evenly(block, columns) if again else block
    return "\n".join(lines)


def too_long(text: str, columns: int = COLUMNS) -> list[tuple[int, str]]:
    """Returns (number from 1, line) of each line beyond `columns` that Markdown can break.

    Rows of tables and links by themselves cannot be broken.
    """
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > columns and not line.lstrip().startswith("|") and len(line.split()) > 1:
            found.append((number, line))
    return found


def _blocks(lines: list[str]) -> Iterator[tuple[list[str], bool]]:
    """Yields runs of lines, and whether they are a paragraph or one item of a list, which may be filled."""
    block: list[str] = []
    fence = False
    for line in lines:
        if fence or FENCE.match(line) or ALONE.match(line):
            if block:
                yield block, True
                block = []
            fence ^= bool(FENCE.match(line))
            yield [line], False
        elif ITEM.match(line) and block:
            yield block, True
            block = [line]
        else:
            block.append(line)
    if block:
        yield block, True


def _ends_in_one_word(block: list[str], columns: int) -> bool:
    """Tells whether the last line of a block is a single word that stands alone because the line before it is full."""
    return len(block) > 1 and len(_words(block[-1].strip())) == 1 and len(block[-2]) >= NARROWEST * columns


def _fill_evenly(block: list[str], columns: int) -> list[str]:
    """Returns a filled block whose last line has more than one word, if that takes no further line."""
    widest = _fill(block, columns)
    for narrower in range(columns, int(NARROWEST * columns), -1):
        lines = _fill(block, narrower)
        if len(lines) == len(widest) and not _ends_in_one_word(lines, columns):
            return lines
    return widest


def _fill(block: list[str], columns: int) -> list[str]:
    """Returns a filled paragraph or list item; the lines after an item's first one are indented as its text is."""
    item = ITEM.match(block[0])
    first = item[0] if item else re.match(r"\s*", block[0])[0]  # type: ignore[index]
    rest = " " * len(first)
    line, lines = first, []
    for word in _words(" ".join(part.strip() for part in [block[0][len(first) :], *block[1:]])):
        if line in (first, rest):
            line += word
        elif len(line) + 1 + len(word) <= columns:
            line += " " + word
        else:
            lines.append(line)
            line = rest + word
    return [*lines, line]


def _words(text: str) -> list[str]:
    """Returns what a line may be broken between: words, code spans, and marks of blocks with the word before them."""
    words: list[str] = []
    spans = rf"(?:`[^`]{{1,{UNBROKEN}}}`|[^\s`]|`)+"
    for word in re.findall(spans, text):
        if words and BLOCK_MARK.match(word):
            words[-1] += " " + word
        else:
            words.append(word)
    return words


def main() -> None:
    """Rewrites the pages."""
    for page in pages():
        old = page.read_text("utf-8")
        new = wrapped(old)
        if new != old:
            page.write_text(new, "utf-8")


if __name__ == "__main__":
    main()
