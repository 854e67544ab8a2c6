"""Several processes search and train together: one of them writes, and what is stopped goes on with another number."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from micronets.errors import SpecError
from micronets.pipeline import parallel
from tests.support.calling import call
from tests.support.needs import needs
from tests.support.tones import config, tones

torch = needs("torch", "design")

SECONDS = 120  # far more than anything here takes
QUICK = ("--set", "threads=1", "--set", "search.epochs=1", "--set", "train.epochs=19", "--set", "train.qat_epochs=1")
FILES = {
    "search": ["arch.json", "checkpoint.pt", "history.jsonl", "values.json", "weights.pt"],
    "train": ["checkpoint.pt", "history.jsonl", "weights.pt"],
}


@pytest.fixture(autouse=True)
def one_thread():
    """Without this the processes would hinder each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def test_two_processes_search_and_train_and_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search by two processes is done; a training as torchrun starts it loses one, and is done by one process."""
    if not torch.distributed.is_available():
        pytest.skip("this torch cannot connect processes")
    given, run = config(tmp_path, tones(tmp_path / "words", clips=8)), tmp_path / "run"
    words = (given, *QUICK)
    result = call("search", *words, "--processes", "2")
    assert result.code == 0, result.err
    assert sorted(p.name for p in (run / "search").iterdir()) == FILES["search"]
    assert len((run / "search/history.jsonl").read_text().splitlines()) == 1

    port = str(free_port())
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "micronets", "train", *map(str, words), "--set", "train.checkpoint_seconds=0"]
    environment = {**os.environ, "RANK": "1", "TMPDIR": str(tmp_path)}
    second = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def kill() -> None:
        end = time.monotonic() + SECONDS
        while not (run / "train/history.jsonl").exists() and time.monotonic() < end:
            time.sleep(0.005)
        second.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    lost = call("train", *words, "--set", "train.checkpoint_seconds=0")
    killer.join()
    out, err = second.communicate()
    assert (out, err) == ("", ""), "a process that helps prints nothing"
    assert lost.code == 2
    assert lost.error == (
        "another of the 2 processes ended early; resume the run with --resume, with any number of processes"
    )
    assert sum(line.startswith("micronets: ") for line in lost.err.splitlines()) == 1
    before = len((run / "train/history.jsonl").read_text().splitlines())
    assert 1 <= before < 20

    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name)
    result = call("train", *words)
    assert result.code == 0, result.err
    assert sorted(p.name for p in (run / "train").iterdir()) == FILES["train"]
    assert len((run / "train/history.jsonl").read_text().splitlines()) == 20


def test_numbers_of_processes_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in ("-1", "65"):
        assert (
            call("run", config(tmp_path, "none"), "--processes", count).error
            == f"--processes {count}; allowed: 1 to 64"
        )
    dry = call("run", config(tmp_path, "none"), "--processes", "2", "--dry-run").error
    assert dry == "--dry-run does not go with --processes: it tells what one process takes"
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("MASTER_PORT", "1")
    with pytest.raises(SpecError, match="torchrun has already started the processes"), parallel.crew(2):
        pass


def test_stages_that_several_processes_do_say_so() -> None:
    from micronets.pipeline.perform import STAGES

    assert {stage.name for stage in STAGES if stage.divided} == set(parallel.DIVIDED)
