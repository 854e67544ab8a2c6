"""Every model in zoo/ is what its report says."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cards import card
from benchmarks.robustness import Count, Model, Robustness, read, rows, with_kept
from benchmarks.robustness_sounds import SOUNDS, sounds
from micronets import tflite
from micronets.boards.board import load_board
from micronets.commands.evaluate import quantized
from micronets.cost.costs import budget_costs
from micronets.device.tflm import interpreter
from micronets.frontend import FrontEnd, features, network_input
from micronets.quantized import reference
from micronets.tasks.kws.data import KEYWORDS
from tests.support.needs import needs_tflm

ROOT = Path(__file__).parents[2]
ZOO = sorted((ROOT / "zoo").glob("*/model.tflite"))


@pytest.mark.parametrize("path", ZOO, ids=lambda p: p.parent.name)
def test_model_is_what_its_report_says(path) -> None:
    content, facts = path.read_bytes(), json.loads(path.with_name("report.json").read_text())
    model = tflite.read(content)
    assert facts["ok"]
    assert facts["bit_exact"]["different"] == 0
    outputs = facts["samples"]["test"] * len(facts["classes"])  # times the windows of a clip, for anomalies
    assert facts["bit_exact"]["compared"] in (outputs, 8 * outputs)
    assert len(content) == facts["costs"]["tflite_bytes"]
    names = ("macs", "arena_bytes")
    costs = budget_costs(model.arch, load_board(facts["board"]["name"]), names)
    assert {n: costs[n] for n in names} == {n: facts["costs"][n] for n in names}
    for limit in facts["limits"]:
        assert limit["value"] <= limit["limit"], limit["name"]
    assert json.loads(model.metadata["micronets.labels"]) == facts["classes"]
    assert model.metadata["micronets.task"] == facts["task"]
    if facts["task"] == "kws":
        front_end = FrontEnd.from_json(model.metadata["micronets.frontend"], str(path))
        assert front_end.input_shape == model.arch.input_shape


@pytest.mark.parametrize("path", ZOO, ids=lambda p: p.parent.name)
def test_the_card_has_the_figures_of_the_report(path) -> None:
    """`python -m benchmarks.cards` writes them."""
    facts = json.loads(path.with_name("report.json").read_text("utf-8"))
    assert path.with_name("README.md").read_text("utf-8") == card(path.parent.name, facts)


@needs_tflm
@pytest.mark.parametrize("path", ZOO, ids=lambda p: p.parent.name)
def test_model_equals_the_reference_under_tflm_in_the_predicted_arena(path) -> None:
    content = path.read_bytes()
    model = tflite.read(content)
    x = np.random.default_rng(0).integers(-128, 128, (8, *model.arch.input_shape), dtype=np.int8)
    assert np.array_equal(interpreter.run(content, x), reference.run(model, x))
    predicted = budget_costs(model.arch, load_board("NUCLEO-F446RE"), ("arena_bytes",))["arena_bytes"]
    assert interpreter.min_arena(content, predicted) == pytest.approx(predicted, rel=0.02)


@pytest.mark.parametrize("name", ["kws_frontier", "kws_s_f446re", "kws_l_f446re"])
def test_a_keyword_model_hears_no_word_in_a_hum_or_a_knock(name: str) -> None:
    """`benchmarks.robustness` counts in many more; the sounds are not made as those that models learn from.

    Models that were never trained on such sounds hear words in half of them.
    """
    model = tflite.read((ROOT / "zoo" / name / "model.tflite").read_bytes())
    front_end = FrontEnd.from_json(model.metadata["micronets.frontend"])
    labels = json.loads(model.metadata["micronets.labels"])
    clips = [clip for kind in SOUNDS for clip in sounds(kind, 3)]
    codes = quantized(model, network_input(features(clips, front_end), front_end))
    heard = [labels[i] for i in reference.run(model, codes).reshape(len(clips), -1).argmax(1)]
    assert sum(word in KEYWORDS for word in heard) <= 0.1 * len(heard)


def test_a_card_tells_what_was_counted_besides_the_test(tmp_path: Path) -> None:
    """`python -m benchmarks.robustness` writes robustness.json, from which a card takes it."""
    found = Robustness({"clicks": Count(1, 50)}, {"as recorded": Count(9, 10)}, "2026-11-30")
    (tmp_path / "robustness.json").write_text(json.dumps(asdict(found)), encoding="utf-8")
    assert read(tmp_path / "robustness.json") == found
    assert read(tmp_path / "none.json") is None
    assert rows({"a": found}) == [
        "| | clips | a |",
        "| --- | --: | --: |",
        "| a word heard in: clicks, % | 50 | 2.0 |",
        "| words known: as recorded, % | 10 | 90.0 |",
    ]


def test_counts_of_other_models_are_kept_unless_their_clips_differ(tmp_path: Path) -> None:
    """`python -m benchmarks.robustness --models NAME` counts that model alone."""
    models = [Model(name, tmp_path / name / "model.tflite") for name in ("a", "b", "c")]
    new, old = (Robustness({"clicks": Count(n, 50)}, {"as recorded": Count(n, 10)}, "2026-11-30") for n in (1, 2))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "robustness.json").write_text(json.dumps(asdict(old)), encoding="utf-8")
    assert with_kept({"a": new}, models) == {"a": new, "b": old}
    assert with_kept({"b": new}, models) == {"b": new}
    fewer = Robustness({"clicks": Count(1, 20)}, {"as recorded": Count(1, 10)}, "2026-11-30")
    with pytest.raises(SystemExit, match=r"^b: counted on other clips than a; count all models, without --models$"):
        with_kept({"a": fewer}, models)
