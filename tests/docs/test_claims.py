"""Figures in the running text of the README are those of tables that programs write; nothing is promised for all."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = " ".join((ROOT / "README.md").read_text("utf-8").split())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def section(name: str) -> str:
    """The text that a program has written into docs/results.md."""
    text = (ROOT / "docs/results.md").read_text("utf-8")
    return text[text.index(f"<!-- begin {name} -->") : text.index(f"<!-- end {name} -->")]


def test_the_third_party_models_are_as_many_as_the_table_counts() -> None:
    counted = re.search(r"(\d+) of (\d+) models", section("field"))
    told = re.search(r"(\d+) of (\d+) models that \[third parties", README)
    assert counted is not None
    assert told is not None
    assert told.groups() == counted.groups()


def test_cycles_and_sram_of_our_c_are_the_means_of_the_table() -> None:
    mean = next(line for line in section("kernels").splitlines() if line.startswith("| geometric mean"))
    ratios = re.findall(r"\*\*([\d.]+)\*\*", mean)
    told = re.search(r"this C takes ([\d.]+) times TFLM's cycles and ([\d.]+) times its SRAM", README)
    assert told is not None
    assert told.groups() == (ratios[0], ratios[2])


@pytest.mark.parametrize(
    "promise", ["smaller arena", "any int8", "no image of ours", "smaller and faster", "about half"]
)
def test_nothing_is_promised_that_does_not_hold_for_every_model(promise: str) -> None:
    """Some models have a larger arena as our C than under TFLM, and some files are refused."""
    found = [str(path) for path in PAGES if promise in " ".join(path.read_text("utf-8").split())]
    assert not found
