"""Fixtures that several tests share."""

import os
from pathlib import Path

import pytest

from micronets.boards.board import Board, load_board
from tests.support import signals

SHARED = Path(os.environ.get("MICRONETS_SHARED", Path(__file__).parents[1] / ".." / "shared")).resolve()


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
def reached() -> None:
    """Tests that stop a program by a signal do so in the background, too."""
    signals.reach_children()
