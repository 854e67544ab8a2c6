"""Ratios of published times, worked out by hand."""

from pathlib import Path

import pytest

from benchmarks.cortex_m7_pairs import Simulated, micronets, mlperf_tiny, rivals, rivals_table, summary

MLPERF = """board,core_mhz,round,engine,kws_ms,vww_ms,ic_ms,ad_ms
NUCLEO-L4R5ZI,M4@120,v1,Fast,100,200,300,10
NUCLEO-L4R5ZI,M4@120,v2,Fast,50,200,300,10
DISCO-F746NG,M7@240,v1,Fast,25,50,90,4
DISCO-F746NG,M7@240,v1,Other,1,1,1,1
"""
PAPER = """model,lat_s_F446RE,lat_s_F746ZG
A,0.6,0.25
B,,0.1
C,0.007,0.003
"""


def test_pairs(tmp_path: Path) -> None:
    (tmp_path / "mlperf.csv").write_text(MLPERF)
    (tmp_path / "paper.csv").write_text(PAPER)
    found = dict(mlperf_tiny(tmp_path / "mlperf.csv"))
    assert list(found) == [f"DISCO-F746NG Fast v1 {task}" for task in ("kws", "vww", "ic", "ad")]
    assert list(found.values()) == pytest.approx([0.5, 0.5, 0.6, 0.8])
    assert dict(micronets(tmp_path / "paper.csv")) == pytest.approx({"F746 TFLM A": 0.5})


def test_summary() -> None:
    text = summary([("a", 0.5), ("b", 0.5), ("c", 0.5), ("d", 1.0)])
    assert text == "4 pairs, mean 0.595, from 0.50 to 1.00; within 20 %: 3; others: d 1.00"


def test_rivals() -> None:
    pairs = [("DISCO Fast v1 kws", 0.5), ("F746 TFLM MicroNet-KWS-M", 0.5), ("DISCO Fast v1 unknown", 0.9)]
    models = {"kws": Simulated(100, 200, 80, 60, 4), "MicroNet-KWS-M": Simulated(100, 200, 80, 40, 2)}
    found = rivals(pairs, models)
    assert [list(map(float, v)) for v in found.values()] == [
        pytest.approx([2, 2]),
        pytest.approx([1.5, 1.0]),
        pytest.approx([1.2, 0.4]),
        pytest.approx([2.0, 0.6]),
    ]
    lines = rivals_table(found).splitlines()
    assert lines[2] == "| one ratio for all | 0.50 | 0.0% | +0% | 2 of 2 |"
    assert lines[4] == "| dual issue, over the M4 board | 1.44 | 54.9% | +73% | 0 of 2 |"
