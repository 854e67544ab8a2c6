"""Runs that are stopped: by Ctrl-C, by kill -9, by a full disk. Nothing is lost, and the end is the same."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.calling import call, start
from tests.support.forked import Forked
from tests.support.tones import config, tones

SECONDS = 600  # far more than anything here takes


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a directory with recordings, a configuration, and in `run` what comes out when nothing happens."""
    root = tmp_path_factory.mktemp("whole")
    tones(root / "words", clips=16)
    result = call("run", config(root, root / "words"))
    assert result.code == 0, result.err
    return root


def wait_for(process: Forked, path: Path, size: int = 1) -> None:
    """Until `path` is there with so many bytes. Fails if the process ends first."""
    end = time.monotonic() + SECONDS
    while not (path.exists() and path.stat().st_size >= size):
        assert process.code is None, f"ended before {path.name} was there: {process.end(SECONDS)[1]}"
        assert time.monotonic() < end
        time.sleep(0.002)


def files(run: Path) -> dict[str, bytes]:
    """Returns what must not depend on interruptions: all but records of time."""
    names = (
        "search/arch.json",
        "search/values.json",
        "search/history.jsonl",
        "train/history.jsonl",
        "model.tflite",
        "evaluate.json",
        "mistakes.json",
    )
    return {name: (run / name).read_bytes() for name in names}


def test_killed_in_every_stage_and_resumed(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("run", whole / "tiny.toml", "--out", out, "--resume")
    for name in (
        "config.toml",
        "search/checkpoint.pt",
        "train/checkpoint.pt",
        "model.tflite",
    ):
        process = start(*words)
        wait_for(process, out / name)
        os.killpg(process.pid, signal.SIGKILL)
        process.end(SECONDS)
    result = call(*words)
    assert result.code == 0, result.err
    assert files(out) == files(whole / "run")
    left = [p for p in out.rglob("*") if p.name.endswith(".part")]
    assert left == []


def test_ctrl_c_is_one_line_that_says_how_to_go_on(whole: Path, tmp_path: Path) -> None:
    """A run is interrupted twice, and gone on with as the message says."""
    out = tmp_path / "run"
    words = ["run", str(whole / "tiny.toml"), "--out", str(out), "--set", "seed=0"]
    hint = " ".join([*words, "--resume"])
    for name in ("search/checkpoint.pt", "train/checkpoint.pt"):
        process = start(*words)
        wait_for(process, out / name)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        _, err = process.end(SECONDS)
        if process.code == 0:
            pytest.skip("the run was over before the signal came")
        assert process.code == 130, err
        assert "Traceback" not in err
        assert err.splitlines()[-1] == f"micronets: interrupted; resume with: micronets {hint}"
        words = hint.split()
    result = call(*words)
    assert result.code == 0, result.err
    assert files(out) == files(whole / "run")


def test_a_full_disk_is_one_line_and_loses_nothing(whole: Path, tmp_path: Path) -> None:
    """A limit on the size of files fails as a full disk does: in the middle of a write, with an error of the system.

    The disk is full twice, the second time later, and the run is gone on with each time.
    """
    out = tmp_path / "run"
    words = ("run", whole / "tiny.toml", "--out", out, "--resume")
    for limit in (300, 12_000):
        process = start(*words, file_bytes=limit)
        _, err = process.end(SECONDS)
        assert process.code == 2, err
        assert "Traceback" not in err
        last = err.splitlines()[-1]
        assert last.startswith(f"micronets: {out}/"), last
        assert "File too large" in last or "the file would be larger than allowed here" in last
        assert [p for p in out.rglob("*") if p.name.endswith(".part")] == []
    result = call(*words)
    assert result.code == 0, result.err
    assert files(out) == files(whole / "run")
