"""What the README tells people to type is right: every command is one, and those that take no time are run."""

import re
import shlex
from pathlib import Path

import click
import pytest

from micronets.boards.board import load_board
from micronets.cli.program import cli
from micronets.pipeline.config import load
from micronets.runtimes import OUR_C
from micronets.tasks.kws.data import KEYWORDS
from tests.support.calling import call
from tests.support.forked import Forked, program, quick
from tests.support.needs import needs
from tests.support.pages import ROOT, shell_commands
from tests.support.wavs import write_words

TEXT = (ROOT / "README.md").read_text("utf-8")
COMMANDS = shell_commands("README.md")

SECONDS = 1200  # far more than the lines of Python take
QUICK = ("boards", "tasks", "inspect")


def words(first: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in COMMANDS if line.split()[0] == first]


def test_every_command_is_one_that_this_test_knows() -> None:
    assert {line.split()[0] for line in COMMANDS} == {"make", ".", "micronets"}
    assert words(".") == [[".venv/bin/activate"]]


def test_make_has_the_targets() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for (target,) in words("make"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("line", words("micronets"), ids=" ".join)
def test_options_and_arguments_are_accepted(line: list[str]) -> None:
    command, rest = cli.commands[line[0]], list(line[1:])
    if isinstance(command, click.Group):
        command = command.commands[rest.pop(0)]
    parameters = command.make_context(line[0], rest).params
    assert set(parameters) == {p.name for p in command.params}
    if line[0] == "run" and line[1].endswith(".toml"):
        config = load(ROOT / line[1], parameters["overrides"], parameters["out"])
        assert config.out


@pytest.mark.parametrize(
    "line", [w for w in words("micronets") if w[0] in QUICK or w[:2] == ["data", "list"]], ids=" ".join
)
def test_quick_commands_work_as_printed(line: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for word in line:
        if word.startswith("zoo/") and not Path(word).exists():
            pytest.skip(f"{word} is not there yet")
    result = call(*line)
    assert result.code == 0, result.err
    assert result.out


@pytest.mark.parametrize("line", [w for w in words("micronets") if w[0] == "evaluate" and "zoo/" in w[1]], ids=" ".join)
def test_models_of_the_zoo_are_evaluated_as_printed(
    line: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "speech_commands_v0.02"
    write_words(data, {**dict.fromkeys((*KEYWORDS, "bed"), 3), "_background_noise_": 1})
    (data / "testing_list.txt").write_text("".join(f"{word}/002.wav\n" for word in (*KEYWORDS, "bed")))
    (data / "validation_list.txt").write_text("".join(f"{word}/001.wav\n" for word in (*KEYWORDS, "bed")))
    (tmp_path / "zoo").symlink_to(ROOT / "zoo")
    monkeypatch.chdir(tmp_path)
    assert "--data" in line, "a folder that the README names"
    result = call(*line)
    assert result.code == 0, result.err
    assert "clips, runtime" in result.out


def test_names_in_the_text_exist() -> None:
    for name in re.findall(r"\]\(((?!http)[^)#]+)\)", TEXT):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"examples/\w+\.toml", TEXT):
        assert (ROOT / name).exists(), name


def test_the_help_names_every_command() -> None:
    out = call("--help").out
    for name, command in cli.commands.items():
        assert re.search(rf"^  {name} ", out, re.MULTILINE)
        assert isinstance(command, click.Command)
        assert call(name, "--help").code == 0


def test_what_the_readme_claims_is_what_the_tables_say() -> None:
    results = " ".join((ROOT / "docs/results.md").read_text("utf-8").split())
    text = " ".join(TEXT.split())
    models = re.search(r"\d+ of \d+ models", text)
    assert models
    assert f"{models[0]} (" in results
    ratios = re.findall(r"(0\.\d\d) times", text)
    means = re.search(r"\| geometric mean \|(.*?)outputs", results + " outputs")
    assert means
    cycles, _, sram, _ = re.findall(r"\*\*(0\.\d\d)\*\*", means[1])[:4]
    assert ratios == [cycles, sram], "docs/results.md, Our C against TFLM's kernels"


def test_the_lines_of_python_run(tmp_path: Path) -> None:
    needs("torch", "design")
    reason = OUR_C.unmeasurable(load_board("NUCLEO-F446RE"))
    if reason is not None:
        pytest.skip(f"the lines measure on a simulated board: {reason}")
    (text,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert len([line for line in text.splitlines() if line]) == 6
    (tmp_path / "lines.py").write_text(quick(text), "utf-8")
    lines = Forked(program, tmp_path / "lines.py")
    out, err = lines.end(SECONDS)
    assert lines.code == 0, err[-2000:]
    assert "accuracy" in out
    assert "outputs for 5 inputs equal the reference's, every byte" in out
    assert (tmp_path / "motions.tflite").exists()
