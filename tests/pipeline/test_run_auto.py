"""A run with `space.name = "auto"`: it chooses the space, says so everywhere, and goes on where it was stopped."""

import json
from pathlib import Path

import pytest

import micronets as mn
from micronets.errors import BudgetError, FileError, SpecError
from micronets.pipeline.config import SpaceConfig, load, parse, spaces_to_try
from micronets.pipeline.context import opened
from micronets.pipeline.directory import RunDir, erase
from micronets.pipeline.perform import STAGES, perform
from micronets.pipeline.stages.search import SEARCH
from micronets.pipeline.sweep_config import parse_sweep
from micronets.pipeline.toml_config import to_toml
from micronets.progress import Event
from tests.support.calling import call
from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.design import halving

CONFIG = """\
task = "features"
board = "NUCLEO-F446RE"
[data]
synthetic_clips = 96
[budget]
macs = 60_000
[space]
name = "auto"
[search]
method = "uniform"
candidates = 1
epochs = 1
batch = 32
device = "cpu"
space_networks = 1
space_share = 4
[train]
epochs = 1
qat_epochs = 1
batch = 32
device = "cpu"
[teacher.train]
epochs = 1
"""
SPACES = ("dscnn", "temporal", "resnet", "mobilenetv2")
TABLE = {"board": "NUCLEO-F446RE", "space": {"name": "auto"}}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a directory with a configuration, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(CONFIG)
    return tmp_path


def trials(run: Path) -> list[dict[str, object]]:
    return list(json.loads((run / "search/spaces.json").read_text())["trials"])


def test_a_run_chooses_a_space_and_goes_on_where_it_was_stopped(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, begun = halving.train_network, list[Path]()

    def stopped(job, own, progress):
        begun.append(own)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return real(job, own, progress)

    monkeypatch.setattr(halving, "train_network", stopped)
    with pytest.raises(KeyboardInterrupt):
        mn.run("c.toml", out="run")
    assert sorted(p.name for p in (here / "run/search/trials").iterdir()) == sorted(p.name for p in begun)
    told: list[Event] = []
    found = mn.run("c.toml", out="run", resume=True, progress=told.append)
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert len(set(begun)) == len(trials(here / "run")) == 3 + 2, "a network was trained again under another name"
    assert {event.stage for event in told} >= {"space", "search", "train"}
    chosen = found.facts.trials
    assert chosen is not None
    assert found.facts.space == chosen.chosen
    assert {t.space for t in chosen.trials} == set(SPACES) - {"resnet"}
    assert list(chosen.left_out) == ["resnet"], "its cheapest network takes more than 60,000 MACs"
    assert f"space {chosen.chosen} is searched; validation: " in found.text()
    page = (here / "run/report.html").read_text()
    assert "Choice of the space" in page
    assert all(f"<td>{name}</td>" in page for name in {t.space for t in chosen.trials})
    assert 'name = "auto"' in (here / "run/config.toml").read_text()
    assert (here / "run/teacher/weights.pt").is_file(), "a teacher is the largest network of the chosen space"
    with opened(load(here / "c.toml", out="whole"), resume=False, progress=told.append) as context:
        perform(context, SEARCH)
    for name in ("spaces.json", "arch.json", "history.jsonl"):
        assert (here / "whole/search" / name).read_bytes() == (here / "run/search" / name).read_bytes()
    with pytest.raises(SpecError, match=r"^run: holds a run with search.space_share = 4.0, not 9.0; name another"):
        mn.run("c.toml", out="run", resume=True, overrides=["search.space_share=9"])
    (here / "run/search/spaces.json").write_text("[]")
    with pytest.raises(FileError, match=r"^run/search/spaces.json: has changed since stage search wrote it; redo it"):
        mn.run("c.toml", out="run", resume=True)


def test_a_dry_run_foretells_the_choice_and_leaves_nothing_that_the_next_one_refuses(here: Path) -> None:
    result = call("run", "c.toml", "--dry-run", "--json", "--out", "run")
    assert result.code == 0, result.err
    costs = {c["stage"]: c for c in json.loads(result.out)["costs"]}
    assert costs["space"]["steps"] == pytest.approx(4 * costs["search"]["steps"], abs=1)
    assert costs["space"]["seconds"] > 0
    run = RunDir(here / "run-dry-run")
    assert list((run / "search/trials").iterdir())
    erase(run, STAGES, "dry_run.json")
    assert [p.name for p in run.path.iterdir()] == [".lock"]


def test_a_budget_that_no_space_keeps_is_refused_before_the_data(here: Path) -> None:
    with pytest.raises(BudgetError, match=r"space 'dscnn' .*macs = 10.* \(likewise in the other 3 spaces\)$"):
        mn.run("c.toml", out="run", overrides=["budget.macs=10"], progress=lambda e: pytest.fail(str(e)))
    assert not (here / "run").exists()


def test_options_of_the_input_go_with_every_space_and_all_others_are_refused() -> None:
    given = {**TABLE, "space": {"name": "auto", "frame_strides": [2]}}
    config = parse(given, "c.toml")
    assert config.space == SpaceConfig("auto", options={"frame_strides": (2,)})
    assert parse({**given, "space": {**given["space"], "fix": {}}}, "c.toml") == config
    made = spaces_to_try(config.task, config.space)
    assert [s.name for s in made] == list(SPACES)
    assert {s.options["frame_strides"] for s in made} == {(2,)}
    assert [s.options["coefficients"] for s in made if s.name == "temporal"] == [(0,)], "it has its own default"
    assert '\nname = "auto"\nframe_strides = [2]\n' in to_toml(config)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"space": {"max_width": 40}}, "space.max_width is an option of dscnn, temporal, resnet; remove it, or name a"),
        (
            {"space": {"tied": True}},
            "space.tied is an option of mobilenetv2; remove it, or name a space; input options",
        ),
        ({"space": {"fix": {"width1": 8}}}, 'space.fix fixes choices of one space, and name = "auto" tries dscnn, '),
        ({"space": {"frame_stride": 2}}, "unknown key 'space.frame_stride'; did you mean 'frame_strides'?"),
        ({"space": {"frame_strides": [0]}}, "space: frame_strides = 0; allowed: 1 to 10,000"),
        (
            {"search": {"method": "supernet", "supernet": "s"}},
            "search.supernet = 's' belongs to one space, and space.name",
        ),
        ({"teacher": {"options": {"max_width": 80}}}, 'teacher.options belong to one space, and space.name = "auto"'),
        ({"teacher": {"values": {"width1": 8}}}, 'teacher.values belong to one space, and space.name = "auto"'),
        ({"search": {"space_share": 0}}, "search: space_share = 0.0; need more than 0"),
        ({"search": {"space_networks": 1.5}}, "search.space_networks = 1.5; need an integer"),
    ],
)
def test_settings_of_one_space_are_one_line(more: dict, message: str) -> None:
    table = {**TABLE, **more, "space": {"name": "auto", **more.get("space", {})}}
    with pytest.raises(SpecError) as e:
        parse(table, "c.toml")
    assert message in str(e.value)
    assert "\n" not in str(e.value)


def test_a_sweep_needs_one_space() -> None:
    with pytest.raises(SpecError, match=r'^c.toml: space.name = "auto" chooses a space for one budget, and a sweep '):
        parse_sweep({**TABLE, "sweep": {"budget": {"macs": [1e6, 2e6]}}}, "c.toml")


def test_arrays_in_a_program_choose_a_space_too(board) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (90, 16, 8)).astype(np.float32), np.arange(90) % 3
    data = mn.arrays(x + y[:, None, None], y)
    settings = mn.SearchSettings(method="uniform", candidates=1, epochs=1, batch=16, space_networks=1, device="cpu")
    told: list[Event] = []
    found = mn.search("auto", data, board=board, budget=mn.Budget(macs=60_000), settings=settings, progress=told.append)
    assert any("is searched; validation: " in str(event) for event in told)
    assert found.costs["macs"] <= 60_000
    with pytest.raises(SpecError, match=r'^fix: width are choices of one space, and space = "auto" tries several'):
        mn.search("auto", data, board=board, fix={"width": 8})
