"""Names that are not UTF-8 are refused before anything is trained: the report, the model and the tables hold text."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import DataError
from micronets.tasks.names import check_utf8
from tests.support.calling import call
from tests.support.tones import CONFIG, write_wav

WRONG = os.fsdecode(b"caf\xe9")  # Latin-1


def wav(path: Path) -> None:
    write_wav(path, np.zeros(16000))


def picture(path: Path) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32)).save(path)


def table(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("1,2\n3,4\n")


def names_allowed(root: Path) -> bool:
    """Returns whether the disk takes such names (macOS does not)."""
    try:
        (root / WRONG).mkdir()
        (root / WRONG).rmdir()
    except OSError:
        return False
    return True


LAYOUTS: list[tuple[str, Callable[[Path], None], str]] = [
    ("kws", wav, "{}/a.wav"),
    ("kws", wav, "yes/{}.wav"),
    ("images", picture, "{}/a.png"),
    ("images", picture, "cat/{}.png"),
    ("images", picture, "train/{}/a.png"),
    ("features", table, "{}/a.csv"),
    ("features", table, "still/{}.csv"),
    ("ad", wav, "{}/id_00/normal/a.wav"),
    ("ad", wav, "fan/id_00/normal/{}.wav"),
]


@pytest.mark.parametrize(("task", "make", "place"), LAYOUTS)
def test_names_that_are_not_utf8_are_refused(
    tmp_path: Path, task: str, make: Callable[[Path], None], place: str
) -> None:
    if not names_allowed(tmp_path):
        pytest.skip("the disk refuses such names")
    make(tmp_path / place.format("fine"))
    make(tmp_path / place.format(WRONG))
    with pytest.raises(
        DataError, match=r"caf\\xe9[^/]*: this name is not UTF-8, and would appear in the model or the report"
    ):
        tasks.load(task, str(tmp_path))


def test_any_other_letters_are_fine() -> None:
    check_utf8([Path("café"), Path("日本"), Path("a b")])


def test_a_run_and_an_evaluation_say_so_before_any_work(tmp_path: Path) -> None:
    if not names_allowed(tmp_path):
        pytest.skip("the disk refuses such names")
    for name in (WRONG, "yes", "no"):
        for i in range(4):
            wav(tmp_path / "words" / name / f"{i}.wav")
    (tmp_path / "c.toml").write_text(CONFIG.format(out=tmp_path / "run", data=tmp_path / "words"))
    result = call("run", tmp_path / "c.toml")
    assert result.code == 2
    assert result.error == (
        f"{tmp_path}/words/caf\\xe9: this name is not UTF-8, and would appear in the model or the report; rename it"
    )
    assert not (tmp_path / "run").exists()
