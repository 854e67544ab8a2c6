"""A sweep of two boards and two limits: done in one process with an interruption, and in two processes at once."""

import csv
import itertools
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

import micronets as mn
from micronets.errors import BudgetError, SpecError
from micronets.pipeline import sweep as sweeps
from micronets.pipeline.directory import RunDir
from micronets.pipeline.sweep import Sweep, plan, sweep
from micronets.pipeline.sweep_config import load_sweep
from micronets.progress import Event, NoteEvent, StepEvent
from tests.support import own_space, own_task
from tests.support.calling import call
from tests.support.needs import needs

needs("torch", "design")

BOARDS, MACS = ("NUCLEO-F446RE", "nRF52840-DK"), (3000, 9000)
NAMES = [f"{board.lower()}-macs-{macs}" for board in BOARDS for macs in MACS]
CONFIG = """
task = "{root}/my_task.py:TASK"
out = "{root}/sweep"
threads = 1

[sweep]
boards = ["NUCLEO-F446RE", "nRF52840-DK"]
budget.macs = [3000, 9000]
jobs = 1

[space]
file = "{root}/my_space.py:my_space"
height = 8
width = 6

[search]
method = "supernet"
epochs = 2
batch = 16
lr = 0.02
evaluations = 6
calibration_batches = 1

[train]
epochs = 10
qat_epochs = 3
batch = 16
calibration_batches = 1
"""


class Stopped(KeyboardInterrupt):
    """Ctrl-C at a chosen moment."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a directory with a task, a space and the configuration of a sweep."""
    path = tmp_path_factory.mktemp("sweep")
    (path / "my_task.py").write_text(own_task.GOOD)
    (path / "my_space.py").write_text(own_space.GOOD)
    (path / "tiny.toml").write_text(CONFIG.format(root=path))
    return path


@pytest.fixture(scope="module")
def resumed(root: Path) -> tuple[Sweep, list[Event]]:
    """Returns a sweep that was stopped in the training of its second point and gone on with, and its later events."""

    def stop(event: Event) -> None:
        points = [p for p in NAMES if (root / "sweep/points" / p / "model.tflite").exists()]
        if event.stage == "train" and len(points) == 1:
            raise Stopped

    with pytest.raises(Stopped):
        sweep(root / "tiny.toml", progress=stop)
    rows = list(csv.DictReader((root / "sweep/front.csv").read_text().splitlines()))
    assert [row["point"] for row in rows] == NAMES[:1]  # what is there can be looked at
    with pytest.raises(SpecError, match="already holds this sweep; resume it with --resume"):
        sweep(root / "tiny.toml")
    events: list[Event] = []
    return sweep(root / "sweep", resume=True, progress=events.append), events


def test_it_goes_on_where_it_was_stopped(resumed: tuple[Sweep, list[Event]]) -> None:
    found, events = resumed
    assert [point.name for point in found.facts.points] == NAMES
    assert [event for event in events if event.stage == "supernet"] == [], "the supernet is trained once"
    ended = [
        event
        for event in events
        if isinstance(event, StepEvent) and event.stage == "train quantised" and event.step == event.steps
    ]
    assert len(ended) == 3, "the first point is there already"
    with pytest.raises(SpecError, match=r"holds a sweep with train.epochs = 10, not 11; name another directory"):
        sweep(found.out, overrides=["train.epochs=11"], resume=True)


def test_every_point_is_a_run_that_keeps_its_limits(resumed: tuple[Sweep, list[Event]], root: Path) -> None:
    found, _ = resumed
    assert found.ok
    for point in found.facts.points:
        model = found.out / point.directory / "model.tflite"
        seen = mn.inspect(model, point.board)
        assert point.figures["macs"] == seen.macs <= point.limits["macs"]
        assert point.figures["tflite_bytes"] == model.stat().st_size
        facts = json.loads((found.out / point.directory / "report.json").read_text())
        assert facts["ok"]
        assert facts["board"]["name"] == point.board
        assert point.value == facts["scores"][-1]["value"]
        assert len(facts["train"]["history"]) == 2, "a tenth of ten epochs, and one with quantisation simulated"
    best = {point.name: point.figures["macs"] for point in found.facts.points}
    assert best[NAMES[0]] < best[NAMES[1]]
    # A run of its own on the same supernet searches the same network.
    own = call("search", found.out / "points" / NAMES[1] / "config.toml", "--out", root / "own")
    assert own.code == 0, own.err
    assert (root / "own/search/arch.json").read_bytes() == _bytes(found.out, NAMES[1], "search/arch.json")


def _bytes(out: Path, point: str, name: str) -> bytes:
    return (out / "points" / point / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("search.supernet=nowhere", "search.supernet = 'nowhere': cannot read nowhere/checkpoint.pt"),
        (
            "seed=5",
            "/supernet': belongs to other data, another space or seed, or other search settings; use those of",
        ),
    ],
)
def test_a_supernet_that_does_not_fit_is_refused(
    change: str, message: str, resumed: tuple[Sweep, list[Event]], tmp_path: Path
) -> None:
    point = resumed[0].out / "points" / NAMES[0] / "config.toml"
    found = call("search", point, "--out", tmp_path / "run", "--set", change)
    assert found.code == 2
    assert message in found.error


@pytest.mark.parametrize("ray", ["", "local"])
def test_two_processes_make_the_same_bytes(resumed: tuple[Sweep, list[Event]], root: Path, ray: str) -> None:
    if ray:
        needs("ray", "ray")
    found, _ = resumed
    events: list[Event] = []
    changes = [f"out={root}/parallel{ray}", "sweep.jobs=2", f'sweep.boards=["{BOARDS[0]}"]']
    other = sweep(root / "tiny.toml", overrides=changes, ray=ray, progress=events.append)
    notes = [event.note for event in events if isinstance(event, NoteEvent) and event.stage == "sweep"]
    assert notes[0] == "2 points on 1 board"
    assert sorted(notes[1:]) == [f"point {i} of 2: {name}" for i, name in enumerate(NAMES[:2], 1)]
    assert [event for event in events if event.stage == "supernet"]
    files = ("search/arch.json", "search/history.jsonl", "train/history.jsonl", "model.tflite", "evaluate.json")
    for name in NAMES[:2]:
        for file in files:
            assert _bytes(other.out, name, file) == _bytes(found.out, name, file), (name, file)
    one, two = ({point.name: (point.value, point.figures) for point in s.facts.points} for s in (found, other))
    assert two == {name: one[name] for name in NAMES[:2]}


def test_ray_that_is_not_there_is_refused_in_a_line(root: Path) -> None:
    command = ("sweep", root / "tiny.toml", "--out", root / "on-ray", "--set", f'sweep.boards=["{BOARDS[0]}"]')
    found = call(*command, "--ray", "127.0.0.1:9")
    assert found.code == 2
    if find_spec("ray") is None:
        assert "this needs the package 'ray': " in found.error
    else:
        assert "ray = '127.0.0.1:9': " in found.error
        assert "'local' needs none" in found.error
    assert not (root / "on-ray").exists()


def test_what_is_printed_and_written(resumed: tuple[Sweep, list[Event]]) -> None:
    found, _ = resumed
    again = call("sweep", found.out, "--resume", "--json")
    assert again.code == 0, again.err
    printed = json.loads(again.out)
    assert [row["point"] for row in printed["points"]] == NAMES
    assert {row["point"] for row in printed["points"] if row["pareto"]} == {p.name for p in found.facts.optimal()}
    assert set(printed["picks"]) == {
        f"best under {macs} MACs on {board}" for macs in ("3,000", "9,000") for board in BOARDS
    }
    rows = list(csv.DictReader((found.out / "front.csv").read_text().splitlines()))
    assert [row["point"] for row in rows] == NAMES
    assert [float(row["limit_macs"]) for row in rows] == [*MACS, *MACS]
    page = (found.out / "front.html").read_text()
    for name in NAMES:
        assert f'href="points/{name}/report.html"' in page
        assert (found.out / "points" / name / "report.html").is_file()
    assert "<script" not in page
    assert "SYNTHETIC DATA" in page


def test_a_point_that_cannot_be_is_told_before_training_and_the_others_go_on(root: Path) -> None:
    made = load_sweep(root / "tiny.toml", ["sweep.budget.macs=[10, 9000]"], str(root / "none"))
    events: list[Event] = []
    points, refused = plan(made, RunDir(root / "none"), events.append)
    assert [point.name for point in points] == NAMES[1::2]
    assert [refusal.name for refusal in refused] == [f"{board.lower()}-macs-10" for board in BOARDS]
    assert "macs = 10, but the cheapest network" in refused[0].reason
    assert isinstance(events[0], NoteEvent)
    assert events[0].note.startswith(f"{refused[0].name} is left out: budget: no network of space 'mine' fits")
    with pytest.raises(BudgetError, match=r"macs = 9, .*\(2 points, all refused\)"):
        sweep(root / "tiny.toml", out=root / "none", overrides=["sweep.budget.macs=[9]"])
    assert not (root / "none").exists()


def test_limits_along_a_cost_go_from_the_cheapest_network_to_the_largest(root: Path) -> None:
    changes = ['sweep.boards=["NUCLEO-F446RE"]', "sweep.budget={}", 'sweep.along="macs"', "sweep.points=4"]
    made = load_sweep(root / "tiny.toml", changes)
    points, refused = plan(made, RunDir(root / "none"), lambda _: None)
    macs = [point.limits["macs"] for point in points]
    assert (len(macs), refused) == (4, [])
    ratios = [b / a for a, b in itertools.pairwise(macs)]
    assert max(ratios) / min(ratios) < 1.01
    fitter = sweeps.fitter_before_data(sweeps.RunContext(points[0].config, RunDir(root / "none"), lambda _: None))
    assert fitter is not None
    smallest, largest = (fitter.costs(v)["macs"] for v in (fitter.space.smallest(), fitter.space.largest()))
    assert smallest <= macs[0] <= 1.001 * smallest
    assert largest <= macs[-1] <= 1.001 * largest


def test_a_dry_run_tells_time_and_share(root: Path) -> None:
    done = call("sweep", root / "tiny.toml", "--out", root / "dry", "--dry-run", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    parts = {part["name"]: part for part in found["parts"]}
    assert {name for name, part in parts.items() if part["times"] == 1} == {"data", "supernet"}
    assert parts["training, 10%"]["times"] == found["points"] == 4
    own = sum(part["seconds"] for part in found["parts"] if part["times"] == 4)
    assert found["point_seconds"] == pytest.approx(own)
    once = sum(part["seconds"] for part in found["parts"] if part["times"] == 1)
    assert found["seconds"] == pytest.approx(once + 4 * own)
    assert found["full_run_seconds"] > parts["supernet"]["seconds"]
    assert not (root / "dry").exists()
