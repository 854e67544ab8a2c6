"""A run whose limits are those of our C: searched by a latency model, measured, stepped back, reported."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from micronets.boards.board import load_board
from micronets.cost import latency_model
from micronets.runtimes import OUR_C, on_sim
from tests.cost.test_latency_model import TRUTH
from tests.support.calling import call
from tests.support.needs import needs
from tests.support.tones import CONFIG, config, tones

needs("torch", "design")
BOARD = load_board("NUCLEO-F446RE")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tones(tmp_path_factory.mktemp("data") / "words")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Returns a latency model that promises five times the speed there is."""
    kinds = {name: {k: v / 5 for k, v in counts.items()} for name, counts in TRUTH.kinds.items()}
    kinds["add"] = {"value": 3.0}
    path = tmp_path / "latency.toml"
    path.write_text(latency_model.to_toml(latency_model.LatencyModel(BOARD.name, "c", kinds, 10, 0.1, 0.2, "made up")))
    return path


@pytest.mark.skipif(bool(OUR_C.unmeasurable(BOARD)), reason=OUR_C.unmeasurable(BOARD) or "-")
def test_a_limit_in_milliseconds_is_kept_by_measurement(words: Path, model: Path, tmp_path: Path) -> None:
    given = config(tmp_path, words, CONFIG)
    inputs = ("space.frame_strides=[1]", "space.coefficients=[10]")
    quick = ("search.epochs=1", "train.epochs=1", "train.qat_epochs=1")
    chosen = ("runtime=c", f"latency_model={model}", *inputs, *quick)
    settings = [word for setting in chosen for word in ("--set", setting)]
    loose = call("run", given, *settings, "--out", tmp_path / "loose", "--json")
    assert loose.code == 0, loose.err
    c = json.loads(loose.out)["c"]
    frames = c["front_end"]["latency_ms"]  # of every network of the space, whose input is always the same
    limit = round(frames + 0.7 * (c["latency_ms"] - frames), 3)
    tight = call("run", given, *settings, "--set", f"budget.latency_ms={limit}", "--out", tmp_path / "tight", "--json")
    assert tight.code == 0, tight.err
    found = json.loads(tight.out)
    row = next(r for r in found["limits"] if r["name"] == "latency_ms")
    assert (row["source"], row["met"], row["value"]) == ("simulated", True, found["c"]["latency_ms"])
    assert row["value"] <= limit
    assert "stepping back" in tight.err
    assert found["c"]["bit_exact"]
    page = (tmp_path / "tight/report.html").read_text("utf-8")
    assert "As C on the board" in page
    assert "<h2>Battery</h2><p>At one inference a second, asleep in between." in page
    battery = json.loads((tmp_path / "tight/report.json").read_text("utf-8"))["battery"]
    assert battery["duty"] == pytest.approx(row["value"] / 1e3)
    active, asleep = (p or 0.0 for p in (BOARD.active_power_w, BOARD.sleep_power_w))
    assert battery["average_w"] == pytest.approx(active * battery["duty"] + asleep * (1 - battery["duty"]))
    assert (tmp_path / "tight/c/model.c").is_file()


def test_a_latency_model_of_another_board_is_refused(words: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(latency_model.to_toml(TRUTH))
    result = call("run", config(tmp_path, words, CONFIG), "--set", "runtime=c", "--set", f"latency_model={path}")
    assert result.error == f"latency_model = '{path}': is for B and runtime c, not for NUCLEO-F446RE and c"
    path.write_text(latency_model.to_toml(replace(TRUTH, board="NUCLEO-F446RE")))
    result = call("run", config(tmp_path, words, CONFIG), "--set", f"latency_model={path}")
    own = "NUCLEO-F446RE and runtime c"
    assert result.error == f"latency_model = '{path}': is for {own}, not for NUCLEO-F446RE and tflm"
    missing = call("run", config(tmp_path, words, CONFIG), "--set", "runtime=c", "--set", "latency_model=no.toml")
    assert missing.error.startswith("latency_model = 'no.toml': cannot read it")


def test_without_tools_the_c_is_written_and_the_report_says_why_nothing_was_measured(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_sim, "unavailable", lambda board: "no compiler for a Cortex-M found")
    result = call("run", config(tmp_path, words, CONFIG), "--out", tmp_path / "run")
    assert result.code == 0, result.err
    assert "C written, not measured: no compiler" in result.err
    assert "our C: written, not measured here" in result.out
    assert json.loads((tmp_path / "run/measure.json").read_text()) is None
    page = (tmp_path / "run/report.html").read_text("utf-8")
    assert "Not measured here" in page
    assert "Battery" not in page
    shutil.rmtree(tmp_path / "run/c")
    assert call("run", tmp_path / "run", "--resume").error.startswith(f"{tmp_path / 'run/c/'}")
