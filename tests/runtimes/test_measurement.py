"""The record of a measurement, and its JSON."""

import dataclasses
import json
from pathlib import Path

import pytest

from micronets.boards.board import load_board
from micronets.pipeline.directory import FACTS, RunDir
from micronets.pipeline.stages import report
from micronets.runtimes.measurement import (
    CounterRuns,
    Execution,
    FigureSources,
    LayerMeasurement,
    Measurement,
    measurement_from_json,
)

ZOO = Path(__file__).parents[2] / "zoo"
FOUND = Measurement(
    source="host",
    bit_exact=True,
    toolchain="cc",
    flags=("-O2",),
    per_layer=(LayerMeasurement("conv", "Conv2D", 100, counts=7),),
    counts=CounterRuns(7, 6, 9, 10),
    latency_ms=1.5,
    model="",
    board="NUCLEO-F446RE",
    device="host",
    samples=5,
    runtime="c",
    arena_c_bytes=112,
    arena_tflm_used_bytes=None,
    arena_tflm_compiled_bytes=None,
    arena_tflm_cortex_m_bytes=1344,
    constant_bytes=50,
    bands=(),
    largest_layer="conv",
    sources=FigureSources("a paper", None, "a simulation"),
    board_sram_bytes=1000,
    board_flash_bytes=2000,
)


def test_an_unknown_figure_is_none_and_another_name_is_refused() -> None:
    found = Execution(source="host", bit_exact=True, toolchain="cc", flags=("-O2",), per_layer=())
    assert found.cycles is found.dual_issue_cycles is found.sram_bytes is None
    with pytest.raises(TypeError, match="arena_bytes"):
        dataclasses.replace(found, arena_bytes=1)


def test_a_measurement_comes_back_from_its_json() -> None:
    assert measurement_from_json(json.loads(json.dumps(FOUND.to_json()))) == FOUND
    assert FOUND.fits is FOUND.to_json()["fits"] is None
    assert dataclasses.replace(FOUND, sram_bytes=1000, flash_bytes=2000).fits is True
    assert dataclasses.replace(FOUND, sram_bytes=1001, flash_bytes=2000).fits is False


@pytest.mark.parametrize("directory", sorted(p.parent for p in ZOO.glob("*/report.json")), ids=lambda p: p.name)
def test_reports_of_the_zoo_are_read_by_the_version_of_today(directory: Path) -> None:
    table = json.loads((directory / FACTS).read_text("utf-8"))
    facts = report.read_facts(RunDir(directory))
    assert (facts.ok, facts.task, facts.board.name) == (table["ok"], table["task"], table["board"]["name"])
    assert {row.name: row.value for row in facts.limits} == {row["name"]: row["value"] for row in table["limits"]}
    assert facts.c is not None
    assert table["c"].keys() <= facts.to_json()["c"].keys(), "the zoo has the names of today"
    assert facts.c.arena_c_bytes == table["c"]["arena_c_bytes"]


def test_a_board_turns_cycles_into_time_and_time_into_energy() -> None:
    board = load_board("NUCLEO-F446RE")
    assert board.milliseconds(board.clock_hz) == pytest.approx(1000)
    assert board.millijoules(1000.0) == pytest.approx(1000 * board.active_power_w)
