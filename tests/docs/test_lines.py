"""No line of README.md or docs/*.md is longer than 120 columns, where Markdown can break it."""

from pathlib import Path

import pytest

from docs.wrap_markdown import pages, too_long, wrapped


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_lines_have_at_most_120_columns(page: Path) -> None:
    assert too_long(page.read_text("utf-8")) == [], "run: python -m docs.wrap_markdown (code in fences: by hand)"


@pytest.mark.parametrize("page", pages(), ids=lambda p: p.name)
def test_paragraphs_are_filled(page: Path) -> None:
    text = page.read_text("utf-8")
    assert wrapped(text) == text, "run: python -m docs.wrap_markdown"


def test_a_last_line_gets_a_second_word() -> None:
    line = "word " * 23 + "word"
    filled = wrapped(f"{line}\nalone\n").split("\n")
    assert [len(part.split()) for part in filled] == [23, 2, 0]
    assert wrapped(f"{line}\nnot alone\n") == f"{line}\nnot alone\n"


def test_a_paragraph_and_the_items_of_a_list_are_filled() -> None:
    assert wrapped("one two three four\nfive\n\n- six seven eight nine\n  ten\n- 1\n", 12) == (
        "one two\nthree four\nfive\n\n- six seven\n  eight\n  nine ten\n- 1\n"
    )


def test_short_paragraphs_tables_headings_comments_and_code_stay_as_they_are() -> None:
    text = (
        "a\nb\n\n| a long row | of a table |\n\n# A heading that is long\n\n<!-- begin a section -->\n"
        "```sh\na command that is long\n```\n"
    )
    assert wrapped(text, 12) == text


def test_words_that_would_begin_a_block_do_not_stand_first_and_code_is_not_broken() -> None:
    assert wrapped("what is 12345 - 1234\n", 13) == "what is\n12345 - 1234\n"
    assert wrapped("there are 2 to 12. More\n", 14) == "there are 2\nto 12. More\n"
    assert wrapped("run `a b c d` now\n", 8) == "run\n`a b c d`\nnow\n"


def test_a_long_row_or_a_link_alone_is_not_counted() -> None:
    assert too_long("| a | b c |\n" + "[x](yyyyyyyyyyy)\n", 5) == []
    assert too_long("short\nnot short", 5) == [(2, "not short")]
