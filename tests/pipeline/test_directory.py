import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from micronets.cli.program import cli
from micronets.errors import FileError, SpecError
from micronets.files import write_atomic
from micronets.output_directory import write_files
from micronets.pipeline import directory
from micronets.pipeline.directory import (
    CONFIG,
    LOCK,
    RunDir,
    begin,
    check_free,
    check_outputs,
    discard,
    erase,
    finish,
    give_up,
    locked,
)
from micronets.pipeline.perform import STAGES
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.compile import COMPILE
from micronets.pipeline.stages.export import EXPORT
from micronets.pipeline.stages.search import SEARCH
from micronets.pipeline.stages.train import TRAIN


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    run = RunDir(tmp_path / "run")
    run.path.mkdir()
    write_atomic(run / CONFIG, "")
    return run


def search(run: RunDir, **inputs: object) -> bool:
    if not begin(run, SEARCH, inputs):
        return False
    write_atomic(run / "search/arch.json", "{}")
    finish(run, SEARCH, ["search/arch.json"])
    return True


def test_a_done_stage_is_not_done_again(run: RunDir) -> None:
    assert search(run, seed=1)
    assert not search(run, seed=1)
    assert list(check_outputs(run, SEARCH)) == ["search/arch.json"]


def test_an_interrupted_stage_keeps_its_checkpoint(run: RunDir) -> None:
    assert begin(run, SEARCH, {"seed": 1})
    write_atomic(run / "search/checkpoint.pt", "x")
    assert begin(run, SEARCH, {"seed": 1})
    assert (run / "search/checkpoint.pt").exists()
    with pytest.raises(FileError, match=r"stage search is not done; do it with: micronets run .*run --resume"):
        check_outputs(run, SEARCH)


@pytest.mark.parametrize("stage", [s for s in STAGES if s is not COMPILE], ids=lambda s: s.name)
def test_files_that_no_stage_has_written_stay_and_are_not_used(run: RunDir, stage: Stage) -> None:
    for name in stage.outputs:
        path = run / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("from nowhere")
        message = f"^{re.escape(str(path))}: exists, but micronets did not write it; move it away, "
        with pytest.raises(FileError, match=message):
            begin(run, stage, {"seed": 1})
        with pytest.raises(FileError, match=message):
            check_free(run, STAGES)
        discard(run, STAGES)
        erase(run, (), "dry_run.json")
        assert path.read_text() == "from nowhere"
        path.unlink()
    assert begin(run, stage, {"seed": 1})


def test_a_kill_while_files_are_discarded_leaves_nothing_that_counts_as_others(
    run: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    search(run, seed=1)
    monkeypatch.setattr(directory, "_remove", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        discard(run, STAGES)
    monkeypatch.undo()
    assert (run / "search/arch.json").exists()
    assert search(run, seed=1)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("search.epochs", "stage search was made with search.epochs = 1, not 2; redo it with: micronets search "),
        (
            "data",
            "stage search was made from other data (the files of the data set have changed since); redo it with: ",
        ),
        ("search/arch.json", "stage search was made from another search/arch.json; redo it with: "),
        ("version", "stage search was made by micronets 1, this is 2; redo it with: "),
    ],
)
def test_other_inputs_are_refused_by_name(run: RunDir, key: str, message: str) -> None:
    search(run, **{key: 1})
    with pytest.raises(SpecError) as e:
        search(run, **{key: 2})
    assert message in str(e.value)
    assert str(e.value).endswith(f"micronets search {run.path} --redo; or name another --out")


def test_a_stage_that_failed_at_once_leaves_nothing(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "deep/run")
    with locked(run):
        assert begin(run, SEARCH, {"seed": 1})
        give_up(run, SEARCH)
        assert not run.started
    assert not run.path.exists()
    with locked(run):
        begin(run, SEARCH, {"seed": 1})
        write_atomic(run / "search/checkpoint.pt", "x")
        give_up(run, SEARCH)
        assert (run / "search/checkpoint.pt").exists(), "what is there to go on from stays"
        assert begin(run, SEARCH, {"seed": 1})


def test_changed_and_missing_files_are_refused(run: RunDir) -> None:
    search(run)
    (run / "search/arch.json").write_text("{ }")
    with pytest.raises(FileError, match=r"arch.json: has changed since stage search wrote it; redo it with"):
        search(run)
    (run / "search/arch.json").unlink()
    with pytest.raises(FileError, match=r"arch.json: is gone; redo it with"):
        search(run)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("name", ["search/arch.json", "stages.json"])
def test_a_pipe_or_a_device_in_place_of_a_file_is_refused_and_not_waited_for(run: RunDir, name: str) -> None:
    search(run)
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(FileError, match=re.escape(f"{run / name}: cannot be read (a pipe or a device, not a file)")):
        search(run)
    (run / name).unlink()
    (run / name).symlink_to("/dev/zero")
    with pytest.raises(FileError, match=re.escape(f"{run / name}: cannot be read (a pipe or a device, not a file)")):
        search(run)
    (run / name).unlink()
    (run / name).symlink_to(run / name)
    with pytest.raises(FileError, match=re.escape(f"{run / name}: cannot be read (")):
        search(run)


def test_discarding_a_stage_discards_what_follows(run: RunDir) -> None:
    search(run)
    begin(run, TRAIN, {})
    write_atomic(run / "train/weights.pt", "w")
    finish(run, TRAIN, ["train/weights.pt"])
    assert begin(run, EXPORT, {})
    write_atomic(run / "model.tflite", "m")
    discard(run, STAGES[STAGES.index(TRAIN) :])
    assert not search(run), "the search stays"
    assert not (run / "train").exists()
    assert not (run / "model.tflite").exists()
    assert begin(run, TRAIN, {"new": 1})


def test_every_stage_has_a_command_that_redoes_it_and_files_of_its_own() -> None:
    assert {stage.command for stage in STAGES} <= set(cli.commands)
    own = [name for stage in STAGES for name in stage.outputs]
    assert len(own) == len(set(own))
    assert len({stage.name for stage in STAGES}) == len(STAGES)


def test_a_damaged_record_is_one_clear_line(run: RunDir) -> None:
    (run / "stages.json").write_text("{")
    with pytest.raises(FileError, match=r"stages.json: damaged \(.*\); start again in another directory with --out"):
        search(run)
    record = {"state": "half", "inputs": {}, "outputs": {}}
    for table, message in (
        (record, 'stage search: state: is "half", not one of running, done'),
        (record | {"state": "done", "outputs": {"arch.json": 5}}, "stage search: outputs.arch.json: is 5, not a text"),
        (record | {"state": "done", "seconds": "long"}, 'stage search: seconds: is "long", not a number'),
    ):
        write_atomic(run / "stages.json", json.dumps({"search": table}))
        with pytest.raises(FileError) as caught:
            check_outputs(run, SEARCH)
        assert str(caught.value) == (
            f"{run / 'stages.json'}: damaged ({message}); start again in another directory with --out"
        )


def test_one_process_at_a_time(run: RunDir) -> None:
    with locked(run), pytest.raises(FileError, match="is in use by another micronets process"), locked(run):
        pass
    with locked(run):
        pass


def test_other_peoples_directories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(FileError, match="is not a run directory, and holds other files"), locked(RunDir(tmp_path)):
        pass
    with (
        pytest.raises(FileError, match="is a file; name a directory with --out"),
        locked(RunDir(tmp_path / "letter.txt")),
    ):
        pass


@pytest.mark.parametrize("name", [".config.toml.{}.part", ".stages.json.{}.part"])
@pytest.mark.parametrize("lock", [True, False])
def test_a_kill_in_the_first_write_does_not_spoil_the_directory(tmp_path: Path, name: str, lock: bool) -> None:
    run = RunDir(tmp_path / "run")
    run.path.mkdir()
    (run / name.format(2**22 + 1)).write_text("half")
    if lock:
        (run / LOCK).touch()
    with locked(run):
        assert os.listdir(run.path) == [LOCK]
        write_atomic(run / CONFIG, "")
    assert os.listdir(run.path).count(CONFIG) == 1


@pytest.mark.parametrize(
    "name", [".config.toml.part", ".letter.txt.12.part", "config.toml.12.part", ".config.toml.x.part"]
)
def test_part_files_of_others_are_other_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("dear")
    with pytest.raises(FileError, match="is not a run directory, and holds other files"), locked(RunDir(tmp_path)):
        pass
    assert os.listdir(tmp_path) == [name]


def test_a_users_own_directory_stays_when_nothing_came_to_be(tmp_path: Path) -> None:
    with locked(RunDir(tmp_path)):
        pass
    assert os.listdir(tmp_path) == []


_RACER = """
import sys, time
import os
import re
import subprocess
import sys
from pathlib import Path
from micronets.errors import FileError
from micronets.files import write_atomic
from micronets.pipeline.directory import CONFIG, LOCK, RunDir, locked

run, inside = RunDir(Path(sys.argv[1])), Path(sys.argv[2])
held = refused = both = 0
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    try:
        with locked(run):
            try:
                inside.mkdir()  # fails if another process is here
            except FileExistsError:
                both += 1
            else:
                held += 1
                if held % 2:
                    write_atomic(run / CONFIG, "")
                    (run / CONFIG).unlink()
                inside.rmdir()
    except FileError as e:
        assert str(e) == f"{run.path}: is in use by another micronets process; wait for it, or name another --out", e
        refused += 1
print(held, refused, both)
"""


def test_many_processes_that_fail_early_never_hold_the_lock_together(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _RACER, str(tmp_path / "deep/run"), str(tmp_path / "inside"), "1"]
    racers = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [racer.communicate(timeout=60) for racer in racers]
    assert [err for _, err in said if err] == []
    held, refused, both = (sum(column) for column in zip(*(map(int, out.split()) for out, _ in said), strict=True))
    assert both == 0
    assert held > 10
    assert refused > 0, "the processes never met: the test says nothing"


def compiled(run: RunDir) -> None:
    """A compile stage that is done."""
    begin(run, COMPILE, {})
    write_files(run / "c", {"model.c": "int model;", "zephyr/CMakeLists.txt": "project(x)"})
    write_atomic(run / "measure.json", "null")
    finish(run, COMPILE, ["c/model.c", "c/zephyr/CMakeLists.txt", "measure.json"])


def test_what_users_put_into_a_run_stays_when_stages_are_redone(run: RunDir) -> None:
    search(run)
    compiled(run)
    mine = [run / name for name in ("c/main.c", "c/zephyr/mine.c", "search/notes.txt", "notes.txt")]
    for path in mine:
        path.write_text("mine")
    discard(run, STAGES)
    files = {p for p in run.path.rglob("*") if p.is_file() and p.name[0] != "."}
    assert files == {*mine, run / "config.toml", run / "stages.json"}
    assert search(run)
    compiled(run)
    assert all(path.read_text() == "mine" for path in mine)
    assert (run / "c/model.c").read_text() == "int model;"


def test_c_that_was_edited_is_not_discarded(run: RunDir) -> None:
    search(run)
    compiled(run)
    (run / "c/model.c").write_text("edited")
    record = (run / "stages.json").read_text()
    for stages in (STAGES, (COMPILE,)):
        with pytest.raises(
            FileError, match=r"c/model.c: has changed since micronets wrote it; move it to another directory"
        ):
            discard(run, stages)
    assert (run / "stages.json").read_text() == record
    assert (run / "search/arch.json").exists()
    assert (run / "measure.json").exists()


def test_erasing_leaves_what_others_have_put_there(run: RunDir) -> None:
    search(run)
    compiled(run)
    (run / "c/mine.c").write_text("mine")
    write_atomic(run / "dry_run.json", "{}")
    erase(run, STAGES, "dry_run.json")
    assert [p for p in run.path.rglob("*") if p.is_file() and p.name[0] != "."] == [run / "c/mine.c"]
