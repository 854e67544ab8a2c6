"""The number of threads is part of a run, as it changes the model; what changes nothing may differ on resuming."""

import tomllib
from pathlib import Path

import pytest
import torch

from micronets.pipeline import config as configs
from micronets.pipeline.context import opened
from micronets.pipeline.directory import CONFIG
from micronets.pipeline.perform import perform
from micronets.pipeline.stages.base import Stage
from tests.support.calling import call
from tests.support.tones import config, tones

USUAL = torch.get_num_threads()
OTHER = USUAL + 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tones(tmp_path / "words", clips=4)
    return config(tmp_path, tmp_path / "words")


def threads_at_work(file: Path, seen: list[str], *overrides: str, resume: bool = True) -> int:
    """Opens the run, does one stage that writes nothing, and tells on how many threads it was done."""
    found: list[int] = []

    def make(_: object) -> tuple[str, ...]:
        found.append(torch.get_num_threads())
        return ()

    stage = Stage(f"probe {overrides} {seen} {resume}", "search", lambda _: {}, make, ())
    loaded = configs.load(file, overrides, str(file.parent / "run"))
    with opened(loaded, resume=resume, progress=lambda event: seen.append(getattr(event, "note", ""))) as context:
        assert perform(context, stage)
    assert torch.get_num_threads() == USUAL, "others in this process keep theirs"
    return found[0]


def recorded(file: Path) -> int:
    return int(tomllib.loads((file.parent / "run" / CONFIG).read_text())["threads"])


def test_the_usual_number_is_recorded_and_kept(file: Path) -> None:
    seen: list[str] = []
    assert threads_at_work(file, seen, resume=False) == recorded(file) == USUAL
    assert seen == []


def test_a_run_keeps_its_number_where_another_is_usual_and_says_so(file: Path) -> None:
    assert threads_at_work(file, [], f"threads={OTHER}", resume=False) == recorded(file) == OTHER
    seen: list[str] = []
    assert threads_at_work(file, seen) == recorded(file) == OTHER
    assert seen == [
        f"threads = {OTHER}, as when the run began; the default here is {USUAL}, which would give another model"
    ]
    assert threads_at_work(file, [""], f"threads={OTHER}") == OTHER


def test_another_number_is_refused(file: Path) -> None:
    threads_at_work(file, [], resume=False)
    result = call("run", file, "--resume", "--set", f"threads={OTHER}")
    assert result.code == 2
    out = file.parent / "run"
    assert result.error == (
        f"{out}: holds a run with threads = {USUAL}, not {OTHER}; name another directory with --out"
    )


@pytest.mark.parametrize(
    ("number", "what"),
    [
        (-1, "allowed: 0 (the machine's default) to 1024"),
        (1025, "allowed: 0 (the machine's default) to 1024"),
        (10**30, "need an integer, in size below 2^53"),
    ],
)
def test_impossible_numbers_are_refused(file: Path, number: int, what: str) -> None:
    error = call("run", file, "--set", f"threads={number}").error
    assert error == f"{file}: threads = {number}; {what}"


def test_what_has_no_effect_may_change_when_a_run_goes_on(file: Path) -> None:
    words = ("run", file, "--set", "search.epochs=1", "--set", "train.epochs=1", "--set", "train.qat_epochs=1")
    assert call("search", *words[1:]).code == 0
    changed = ("--set", "search.checkpoint_seconds=5", "--set", "train.checkpoint_seconds=7")
    result = call("train", *words[1:], *changed)
    assert result.code == 0, result.err
    assert "search" not in [line.split()[0] for line in result.err.splitlines() if " step " in line], (
        "it is not done again"
    )
    kept = tomllib.loads((file.parent / "run" / CONFIG).read_text())
    assert (kept["search"]["checkpoint_seconds"], kept["train"]["checkpoint_seconds"]) == (5, 7)
    refused = call("train", *words[1:], "--set", "search.lr=0.1")
    assert "holds a run with search.lr = 0.004, not 0.1" in refused.error
