"""A run over a search space in the user's own file: its options, its copy, and a resume after the file has changed."""

from pathlib import Path

import pytest

import micronets as mn
from micronets.errors import SpecError
from tests.support import own_task
from tests.support.calling import Result, call
from tests.support.own_space import GOOD, line_of

MINE = f"my_space.py:{line_of('def template')}: space 'mine'"
LOGITS = f"my_space.py:{line_of('logits = ')}"
CONFIG = """\
task = "features"
board = "NUCLEO-F446RE"
[data]
synthetic_clips = 96
[space]
file = "my_space.py:my_space"
widest = 8
[search]
epochs = 2
batch = 32
device = "cpu"
[train]
epochs = 1
qat_epochs = 1
batch = 32
device = "cpu"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a directory with a configuration and the space that it names, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(CONFIG)
    (tmp_path / "my_space.py").write_text(GOOD)
    return tmp_path


def run(*words: str) -> Result:
    return call("run", "c.toml", "--out", "run", *words)


def test_a_run_over_a_space_of_ones_own(here: Path) -> None:
    result = run()
    assert result.code == 0, result.err
    assert '# file = "my_space.py:my_space"\n# height = 32' in result.err
    assert "# widest = 8" in result.err
    assert (here / "run/search/space.py").read_text() == GOOD
    assert '"width": ' in (here / "run/search/values.json").read_text()
    assert run("--resume").code == 0
    found = mn.run("c.toml", out="run", resume=True)
    assert (found.ok, found.model) == (True, Path("run/model.tflite"))
    assert found.text().strip() in result.out
    assert mn.run(here / "run", resume=True).to_json()["scores"] == found.to_json()["scores"]
    with pytest.raises(SpecError, match=r"run: holds a run with train.epochs = 1, not 2; name another directory"):
        mn.run("c.toml", out="run", resume=True, overrides=["train.epochs=2"])
    (here / "my_space.py").write_text(GOOD + "# changed\n")
    assert run("--resume").error == (
        "run: stage search was made from another search space (space.file, or a file that it imports, has changed); "
        "redo it with: micronets search run --redo; or name another --out"
    )
    (here / "my_space.py").unlink()
    assert run("--resume").error.startswith(
        "space.file = 'my_space.py:my_space': cannot read my_space.py (No such file or "
    )


def test_options_and_choices_are_checked(here: Path) -> None:
    assert run("--set", "space.widst=8").error.startswith(
        "c.toml: unknown key 'space.widst'; did you mean 'widest'? known: "
    )
    assert run("--set", "space.widest=wide").error == "c.toml: space.widest = 'wide'; need an integer"
    assert run("--set", "space.fix.width=6").error == "c.toml: space.fix.width = 6; options: 4, 8"
    assert run("--set", "space.name=dscnn").error.startswith("c.toml: space.name and space.file: give only one of them")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD.replace("units=classes", "units=class_count"),
            f"{LOGITS}: the template of space 'mine' failed: NameError: ",
        ),
        (
            GOOD.replace("units=classes", "units=classes + 1"),
            f"{MINE}, in its largest network: the network has an output of (5,);",
        ),
        (
            GOOD.replace('kernel=(3, 3), activation="relu")', 'kernel=(3, 9), padding="valid", activation="relu")'),
            f"{MINE}, in its largest network: layer 'stem': ",
        ),
    ],
)
def test_a_network_that_cannot_be_is_told_before_anything_is_trained(here: Path, text: str, message: str) -> None:
    (here / "my_space.py").write_text(text)
    result = run()
    assert result.code == 2
    assert result.error.startswith(message), result.error
    assert not (here / "run").exists()


def test_a_run_of_a_task_of_ones_own(here: Path) -> None:
    (here / "my_task.py").write_text(own_task.GOOD)
    text = CONFIG.replace('task = "features"', 'task = "my_task.py:TASK"').replace("synthetic_clips = 96", "count = 96")
    (here / "c.toml").write_text(text)
    result = run()
    assert result.code == 0, result.err
    assert "# count = 96" in result.err
    found = call("evaluate", "run/model.tflite", "--task", "my_task.py:TASK", "--runtime", "reference")
    assert found.code == 0
    assert "of 64 maps, runtime reference" in found.out
    assert call("evaluate", "run/model.tflite").error.startswith("unknown task 'halves'; did you mean ")
    (here / "my_task.py").write_text(own_task.GOOD + "# changed\n")
    assert (
        "stage search was made from another task (its file, or a file that it imports, has changed)"
        in run("--resume").error
    )
