"""The record of a measurement, and those that earlier versions wrote."""

import json
from pathlib import Path

import pytest
from micronets.commands.figures import layer_row, record, upgrade

from micronets.boards.board import load_board
from micronets.run.directory import FACTS, RunDir
from micronets.run.stages import report

OLD = {"latency_ms": 1.5, "arena_bytes": 112, "arena_tflm_bytes": 1344}
NEW = {"latency_ms": 1.5, "arena_c_bytes": 112, "arena_tflm_cortex_m_bytes": 1344}


def test_an_unknown_figure_is_none_and_another_name_is_refused() -> None:
    found = record(source="host", bit_exact=True, toolchain="cc", flags=("-O2",), per_layer=())
    assert found["cycles"] is found["dual_issue_cycles"] is found["arena_c_bytes"] is None
    assert found["flags"] == ["-O2"]
    with pytest.raises(TypeError, match="arena_bytes"):
        record(source="host", bit_exact=True, toolchain="cc", flags=(), per_layer=(), arena_bytes=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="arena"):
        layer_row(arena=1)  # type: ignore[call-arg]


def test_a_measurement_of_an_earlier_version_has_the_names_of_today() -> None:
    assert upgrade(OLD) == upgrade(NEW) == NEW
    assert upgrade(None) is None


def test_a_run_directory_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / FACTS).write_text(json.dumps({"ok": True, "c": OLD}))
    assert report.read(RunDir(tmp_path))["c"] == NEW
    (tmp_path / FACTS).write_text(json.dumps({"ok": True}))  # before there was our C
    assert report.read(RunDir(tmp_path))["c"] is None


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "zoo").glob("*/report.json")), ids=lambda p: p.parent.name)
def test_reports_of_the_zoo_have_the_names_of_today(path: Path) -> None:
    c = json.loads(path.read_text("utf-8")).get("c")
    assert upgrade(c) == c


def test_a_board_turns_cycles_into_time_and_time_into_energy() -> None:
    board = load_board("NUCLEO-F446RE")
    assert board.milliseconds(board.clock_hz) == pytest.approx(1000)
    assert board.millijoules(1000.0) == pytest.approx(1000 * board.active_power_w)
