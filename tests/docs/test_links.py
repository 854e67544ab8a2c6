"""Links from page to page lead to files that are there, and to headings that are in them."""

import re
from pathlib import Path

import pytest

from docs.wrap_markdown import pages


def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub names them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def broken(page: Path) -> list[str]:
    """Returns the links of a page that lead nowhere."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if not re.match(r"https?:", link):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                found.append(link)
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Our C against TFLM's kernels\n")
    links = "[a](other.md#our-c-against-tflms-kernels) [b](none.md) [c](other.md#none) [d](#top)\n"
    (tmp_path / "page.md").write_text(links)
    assert broken(tmp_path / "page.md") == ["none.md", "other.md#none", "#top"]
