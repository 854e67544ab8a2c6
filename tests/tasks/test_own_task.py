"""Tasks and data sets of the user's own: what a whole one is, and that mistakes are told by what they are and where."""

from pathlib import Path

import pytest

from micronets import tasks
from micronets.errors import DataError, MicronetsError, SpecError, UserCodeError
from micronets.pipeline.toml_config import build
from micronets.tasks.own import check_data
from tests.support.own_task import GOOD
from tests.support.tiny_task import TinyTask


def written(directory: Path, text: str = GOOD) -> str:
    path = directory / "my_task.py"
    path.write_text(text)
    return f"{path}:TASK"


def test_a_task_of_ones_own_is_found_by_its_file(tmp_path: Path) -> None:
    name = written(tmp_path)
    task = tasks.find(name)
    assert (task.name, task.inputs) == ("halves", "features")
    assert task.outline(task.options()).classes == 2
    assert tasks.load(name, count=10).size("train") == 10
    card = tasks.Card(None, None, (8, 6, 1), "model.tflite")
    assert len(tasks.examples(name, card, None).labels) == 64
    with pytest.raises(SpecError, match=r"no option 'cout'; did you mean 'count'\?"):
        tasks.load(name, cout=10)


LINE = next(i for i, line in enumerate(GOOD.splitlines(), 1) if "rng = np" in line)
CASES = {
    "is no Task": (GOOD + "TASK = 3\n", "task = 'FILE:TASK': is of type int; need a record micronets.Task(name="),
    "has options without a path": (
        GOOD.replace('    path: str = ""\n', ""),
        "task = 'FILE:TASK': Options has no field path; add `path: str = \"\"`",
    ),
    "has options of another kind": (
        GOOD.replace("options=Options", "options=dict"),
        "task = 'FILE:TASK': options = <class 'dict'>; need a dataclass with a field path",
    ),
    "has no function": (GOOD.replace("load=load", "load=3"), "task = 'FILE:TASK': load = 3; need a function"),
    "raises when it loads": (
        GOOD.replace("default_rng(0)", "default_rng(zero)"),
        f"FILE:{LINE}: load of task = 'FILE:TASK' failed: NameError: name 'zero' is not defined; fix that line",
    ),
    "loads what is no data set": (
        GOOD.replace("return Halves(count)", "return 3"),
        "task = 'FILE:TASK': int is not a TaskData: it has no name, classes, ",
    ),
    "lacks a method": (
        GOOD.replace("def epoch", "def epochs"),
        "task = 'FILE:TASK': Halves is not a TaskData: it has no epoch; see docs/python.md",
    ),
    "has labels out of range": (
        GOOD.replace("np.arange(count) % 2", "np.arange(count) % 3"),
        "task = 'FILE:TASK': labels('train') go from 0 to 2; allowed: 0 to 1, see classes",
    ),
    "has inputs of another shape": (
        GOOD.replace("return (8, 6, 1)", "return (6, 8, 1)"),
        "task = 'FILE:TASK': inputs('train') of one example is float32 [1, 8, 6, 1]; need float32 [1, 6, 8, 1]",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told(case: str, tmp_path: Path) -> None:
    text, message = CASES[case]
    if case.startswith(("lacks", "loads", "raises")) or "labels" in case or "inputs" in case:
        text = text.replace("% 3}", "% 3}")
    with pytest.raises(MicronetsError) as e:
        tasks.load(written(tmp_path, text))
    assert str(e.value).startswith(message.replace("FILE", str(tmp_path / "my_task.py"))), str(e.value)


def test_examples_and_outlines_are_checked_too(tmp_path: Path) -> None:
    text = GOOD.replace("return Outline(2, Halves.space_options)", "return 2")
    with pytest.raises(UserCodeError, match=r"my_task.py:\d+: outline returns a int; need micronets.tasks.Outline"):
        tasks.find(written(tmp_path, text)).outline(None)


def test_a_data_set_of_the_program() -> None:
    data = TinyTask()
    assert check_data(data) is data
    data.classes = ("one",)  # type: ignore[assignment]
    with pytest.raises(DataError, match=r"data: classes = \('one',\); need the names of at least two"):
        check_data(data)


def test_an_unknown_name_says_how_to_name_ones_own() -> None:
    with pytest.raises(
        SpecError, match=r"unknown task 'kvs'; did you mean 'kws'\? .*; or name one of your own as FILE.py:NAME"
    ):
        tasks.find("kvs")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ('RuntimeError("no\\nluck \\x1b[31m")', "FILE:{line}: Options, made for x.toml, failed: RuntimeError: no luck"),
        ('micronets.errors.SpecError("count is odd")', "x.toml: count is odd"),
    ],
)
def test_options_that_raise_name_the_line(tmp_path: Path, error: str, message: str) -> None:
    raising = f"    def __post_init__(self):\n        import micronets.errors\n        raise {error}\n"
    text = GOOD.replace('    path: str = ""\n', f'    path: str = ""\n\n{raising}\n')
    options = tasks.find(written(tmp_path, text)).options
    line = next(i for i, t in enumerate(text.splitlines(), 1) if "raise " in t)
    with pytest.raises(SpecError) as e:
        build(options, {}, "data.", "x.toml")
    assert str(e.value).startswith(message.format(line=line).replace("FILE", str(tmp_path / "my_task.py")))
    assert "\n" not in str(e.value)
