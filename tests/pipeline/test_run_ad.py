"""Anomaly detection from nothing to report: the AUC stands wherever accuracy stands for the other tasks."""

import json
from pathlib import Path

import pytest

from micronets.device.tflm import interpreter
from tests.support.calling import Result, call

CONFIG = """
task = "ad"
board = "NUCLEO-F446RE"
out = "{out}"

[data]
synthetic_clips = 56
clip_seconds = 3.0

[budget]
arena_bytes = "40K"
macs = 2e6

[space]
name = "dscnn"
max_width = 40

[search]
epochs = 1
batch = 32

[train]
epochs = 6
qat_epochs = 1
batch = 32
lr = 4e-3
ema_decay = 0.9
mixup = 0.3
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    root = tmp_path_factory.mktemp("ad")
    (root / "ad.toml").write_text(CONFIG.format(out=root / "run"))
    return root / "run", call("run", root / "ad.toml")


def test_the_run_reports_auc_and_its_interval(made: tuple[Path, Result]) -> None:
    run, result = made
    assert result.code == 0, result.err
    facts = json.loads((run / "report.json").read_text())
    assert facts["metric"] == "auc"
    assert (facts["judged"], facts["judged_noun"]) == (48, "clips")
    assert facts["scores"][-1]["value"] > 0.5
    assert facts["worse_than_guessing"] is False
    low, high = facts["interval"]
    assert 0 <= low <= facts["scores"][-1]["value"] <= high <= 1
    assert {"auc", "pauc", "auc slider_id_00", "pauc slider_id_07"} <= {*facts["scores"][-1]["metrics"]}
    assert facts["confusion"] is None
    assert facts["train"]["history"][-1]["metric"] == "accuracy"  # no fault is needed to choose the epoch
    assert "AUC" in result.out
    assert "48 test clips" in result.out
    page = (run / "report.html").read_text()
    assert "pAUC slider_id_03" in page
    assert "Confusion" not in page


def test_evaluate_knows_the_task_from_the_model(made: tuple[Path, Result]) -> None:
    run, _ = made
    facts = json.loads((run / "report.json").read_text())
    # The synthetic clips that `evaluate` makes are those of the defaults, in number; their length is the model's.
    found = call("evaluate", run / "model.tflite", "--split", "val", "--runtime", "reference")
    assert found.code == 0, found.err
    assert "slider_id_07 x 1.03" in found.out
    assert found.out.splitlines()[-1].endswith("of 288 windows, runtime reference")
    assert facts["scores"][-1]["name"] == ("int8 under TFLM" if interpreter.available() else "int8, numpy reference")
