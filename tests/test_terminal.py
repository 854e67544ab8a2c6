"""Numbers and nouns as people read them."""

import pytest

from micronets.terminal import counted


@pytest.mark.parametrize(
    ("number", "nouns", "text"),
    [
        (0, "clips", "0 clips"),
        (1, "clips", "1 clip"),
        (1200, "other files", "1,200 other files"),
        (1, "other files", "1 other file"),
        (1, "entries", "1 entry"),
        (1, "classes", "1 class"),
        (1, "boxes", "1 box"),
        (1, "images", "1 image"),
    ],
)
def test_one_is_singular(number: int, nouns: str, text: str) -> None:
    assert counted(number, nouns) == text


def test_a_noun_that_is_no_plural_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="'sheep' is no plural in s"):
        counted(1, "sheep")
