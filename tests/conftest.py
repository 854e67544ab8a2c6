"""Fixtures that several tests share."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from micronets.boards.board import Board, load_board
from tests.support import shared_objects, signals

LONG = frozenset(  # files with tests of ten seconds and more, by their path from here
    {
        "commands/test_characterize.py",
        "cost/test_tflm_arena.py",
        "device/test_compilers.py",
        "device/tflm/test_tflm_firmware.py",
        "docs/test_python.py",
        "docs/test_readme.py",
        "frontend/test_shared.py",
        "pipeline/test_dry_run.py",
        "pipeline/test_interrupt.py",
        "tasks/test_own_data.py",
    }
)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers share two cores; a run's model depends on its threads
SHARED = Path(os.environ.get("MICRONETS_SHARED", Path(__file__).parents[1] / ".." / "shared")).resolve()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the long tests first in the share of every worker, so that none of them is left when the others are done.

    Workers begin with equal shares, one behind the other, and then take from those who have more (`--dist worksteal`).
    The long tests of a file stay together, as what they share is made anew by every worker.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    here = Path(__file__).parent
    long: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.path.relative_to(here).as_posix() in LONG:
            long.setdefault(item.path, []).append(item)
    files = list(long.values())
    short = [item for item in items if item.path.relative_to(here).as_posix() not in LONG]
    items[:] = [
        item
        for worker in range(workers)
        for item in (
            *chain.from_iterable(files[worker::workers]),
            *short[len(short) * worker // workers : len(short) * (worker + 1) // workers],
        )
    ]


@pytest.fixture
def board() -> Board:
    """Returns the paper's small board."""
    return load_board("NUCLEO-F446RE")


@pytest.fixture
def shared() -> Path:
    """Returns the folder of released models and real data that a developer may have; the test is skipped without it."""
    if not (SHARED / "models").is_dir():
        pytest.skip(f"needs the released models and data in {SHARED}; set MICRONETS_SHARED to where they are")
    return SHARED


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Features are cached in a place of the tests' own, not in the home directory."""
    os.environ["MICRONETS_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True, scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The workers compile each kernel once for both."""
    base = tmp_path_factory.getbasetemp()
    shared_objects.share((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "objects")


@pytest.fixture(autouse=True, scope="session")
def quick_disk() -> Iterator[None]:
    """Nothing waits until it has reached the disk itself, which takes more time than to write it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def reached() -> None:
    """Tests that stop a program by a signal do so in the background, too."""
    signals.reach_children()
