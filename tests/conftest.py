"""Fixtures that several tests share."""

import os
from pathlib import Path

import pytest

from micronets.board import Board, load_board

SHARED = Path(os.environ.get("MICRONETS_SHARED", Path(__file__).parents[1] / ".." / "shared")).resolve()


@pytest.fixture
def board() -> Board:
    """The paper's small board."""
    return load_board("NUCLEO-F446RE")


@pytest.fixture
def shared() -> Path:
    """The folder of released models and real data that a developer may have; the test is skipped without it."""
    if not (SHARED / "models").is_dir():
        pytest.skip(f"needs the released models and data in {SHARED}; set MICRONETS_SHARED to where they are")
    return SHARED
