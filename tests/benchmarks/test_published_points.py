"""Published times beside ours: what is read, what is left out, and the tables, on figures that are made up."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.published_points import (
    Ours,
    Point,
    engines_table,
    explanation,
    micronets,
    mlperf_tiny,
    points_table,
    steps_table,
)
from micronets.boards.board import load_board

MLPERF = """board,core_mhz,round,engine,kws_ms,vww_ms,ic_ms,ad_ms
NUCLEO-L4R5ZI,M4@120,v1.0,microTVM+CMSIS-NN (OctoML),100,,,
NUCLEO-L4R5ZI,M4@120,v1.0,Plumerai,50,,,
NUCLEO-L4R5ZI,M4@120,v1.1,Plumerai,40,,,
NUCLEO-H7A3ZI-Q,M7@280,v1.1,X-CUBE-AI 9.0,10,,,
"""
PAPER = """model,lat_s_F446RE,lat_s_F746ZG,lat_s_F767ZI
MicroNet-KWS-M,0.4,0.2,
AD-baseline (FC-AE),0.007,0.003,0.003
MicroNet-KWS-S,0.25,0.109,0.108
"""
KWS = "mlperf_tiny/kws_ref_model"
F446, F746 = load_board("NUCLEO-F446RE"), load_board("NUCLEO-F746ZG")


def test_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(MLPERF)
    (tmp_path / "b.csv").write_text(PAPER)
    found = mlperf_tiny(tmp_path / "a.csv")
    assert [(p.model, p.where, p.engine, p.ms) for p in found][1:3] == [
        (KWS, "NUCLEO-L4R5ZI", "Plumerai, v1.0", 50),
        (KWS, "NUCLEO-L4R5ZI", "Plumerai, v1.1", 40),
    ]
    assert (found[3].board.core, found[3].board.clock_hz) == ("cortex-m7", 280_000_000)
    paper = [(p.model.split("/")[1], p.where, p.ms) for p in micronets(tmp_path / "b.csv")]
    assert paper == [  # 3 ms is rounded too much, and KWS-S was never released
        ("kws_micronet_m", "NUCLEO-F446RE", 400),
        ("kws_micronet_m", "NUCLEO-F746ZG", 200),
        ("ad01_int8", "NUCLEO-F446RE", 7),
    ]


def test_engines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(MLPERF)
    found = {
        ("NUCLEO-L4R5ZI", KWS): Ours(0, 0, None, 60, 0.1, 50, 30),
        ("NUCLEO-H7A3ZI-Q", KWS): Ours(0, 0, None, 9, 0.35, 8, 7),
    }
    lines = engines_table(mlperf_tiny(tmp_path / "a.csv"), found).splitlines()
    assert lines[2:] == [
        "| NUCLEO-L4R5ZI | kws_ref_model | 60.0 +-10% | 50.0 | 30.0 |  | 40 |  | 100 | **1.50** | **1.25** "
        "| **0.75** |",
        "| NUCLEO-H7A3ZI-Q | kws_ref_model | 9.0 +-35% | 8.0 | 7.0 | 10 |  |  |  | **0.90** | **0.80** | **0.70** |",
        "| NUCLEO-L4R5ZI | geometric mean | | | |  |  |  |  | **1.50** | **1.25** | **0.75** |",
        "| NUCLEO-H7A3ZI-Q | geometric mean | | | |  |  |  |  | **0.90** | **0.80** | **0.70** |",
    ]


def test_points_and_the_step_to_an_m7() -> None:
    slow, fast = (
        Point("a/net", "NUCLEO-F446RE", F446, "TFLM", 400.0),
        Point("a/net", "NUCLEO-F746ZG", F746, "TFLM", 200.0),
    )
    late = Point("a/net", "NUCLEO-L4R5ZI", replace(F446, name="NUCLEO-L4R5ZI"), "TFLM", 100.0)
    rows = [
        (slow, Ours(300, 200, None, 100, 0.1, 100, 100)),
        (fast, Ours(100, 80, 60, 50, 0.25, 50, 50)),
        (late, Ours(90, 90, None, 50, 0.1, 50, 50)),
    ]
    lines = points_table(rows).splitlines()
    assert lines[2] == "| NUCLEO-F446RE | net | TFLM | 400.0 | 300.0 | 0.75 | 200.0 | 0.50 | - | - | 100.0 | 0.25 |"
    assert lines[3] == "| NUCLEO-F746ZG | net | TFLM | 200.0 | 100.0 | 0.50 | 80.0 | 0.40 | 60.0 | 0.30 | 50.0 | 0.25 |"
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert steps_table(rows).splitlines()[2:] == ["| NUCLEO-F746ZG | net | 2.00 | 2.50 | 0.80 |"]
    text = explanation(rows, {"net": {"cycles_0ws": "100", "cycles_flash5ws": "104"}})
    assert "0.90 on the L4R5 (2021 to 2022), 0.50 on the F446 and 0.40 on the Cortex-M7 boards" in text
    assert "a factor of 1.80" in text
    assert "4% to 4%" in text


@pytest.mark.parametrize("name", ["NUCLEO-F746ZG", "NUCLEO-F767ZI", "NUCLEO-H743ZI2"])
def test_m7_boards_are_simulated_as_the_f446_times_a_ratio(name: str) -> None:
    m4, m7 = F446.simulation, load_board(name).simulation
    assert m4
    assert m7
    assert replace(m7, factor=m4.factor, uncertainty=m4.uncertainty, source=m4.source) == m4
    assert m7.factor / m4.factor == pytest.approx(0.584, rel=0.04)
