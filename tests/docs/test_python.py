"""The programs of docs/python.md run as they are printed but for fewer epochs, in order, as one session."""

import re
import tomllib
from pathlib import Path

import pytest

from micronets.boards.board import load_board
from micronets.runtimes import OUR_C
from tests.support.forked import Forked, program, quick
from tests.support.needs import needs

needs("torch", "design")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/python.md").read_text("utf-8")
SECONDS = 1200  # far more than the programs take
BLOCKS = [
    (PAGE[: m.start()].count("\n") + 2, m[1])
    for m in re.finditer(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]


def test_every_program_of_the_page_runs(tmp_path: Path) -> None:
    reason = OUR_C.unmeasurable(load_board("NUCLEO-F446RE"))
    if reason is not None:
        pytest.skip(f"the page measures on a simulated board: {reason}")
    assert len(BLOCKS) >= 8
    (tmp_path / "zoo").symlink_to(ROOT / "zoo")
    # As many empty lines before each block as its place in the page has, so that errors name lines of the page.
    lines: list[str] = []
    for line, text in BLOCKS:
        lines += [""] * (line - 1 - len(lines)) + text.splitlines()
    path = tmp_path / "python.md.py"
    path.write_text(quick("\n".join(lines)) + "\n", "utf-8")
    session = Forked(program, path)
    out, err = session.end(SECONDS)
    assert session.code == 0, err[-3000:]
    for said in ("324,384 MACs", "'width': ", "accuracy", "simulated: ", "worse class", "logits"):
        assert said in out, said
    assert (tmp_path / "gestures.tflite").exists()
    assert (tmp_path / "frontier_c/model.h").exists()


def test_the_piece_of_a_configuration_is_toml() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert tomllib.loads(text)["space"]["file"] == "my_space.py:my_space"


def test_links_and_files_exist() -> None:
    for name in re.findall(r"\]\(((?!http)[^)#]+)\)", PAGE):
        assert (ROOT / "docs" / name).exists(), name
    for name in re.findall(r"examples/\w+\.toml", PAGE):
        assert (ROOT / name).exists(), name
