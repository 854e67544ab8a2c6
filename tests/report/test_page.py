"""What `report.html` says about a run, on the facts of a published one."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from micronets.commands.evaluate import Evaluation
from micronets.pipeline import directory
from micronets.pipeline.directory import RunDir
from micronets.pipeline.summary import summary, summary_json
from micronets.records import from_json
from micronets.report.facts import Facts, ScoreRow
from micronets.report.page import run_page
from micronets.tasks.scoring import BALANCED

ZOO = Path(__file__).parents[2] / "zoo"


def facts_of(name: str) -> Facts:
    return from_json(Facts, json.loads((ZOO / name / "report.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def unequal() -> Facts:
    """Returns a run on unequal classes, whose rare one is never recognised."""
    facts = facts_of("vww_f446re")
    row = ScoreRow("int8 under TFLM", 0.95, "host", {"accuracy": 0.95, BALANCED: 0.5})
    remarks = ("never recognised: 'leak'",)
    confusion = ((0, 4), (0, 76))
    return replace(
        facts, scores=(row,), classes=("leak", "normal"), confusion=confusion, judged=80, balanced=0.5, remarks=remarks
    )


def header(page: str) -> str:
    return page[page.index("<header") : page.index("</header>")]


def test_unequal_classes_stand_beside_the_headline(unequal: Facts) -> None:
    page = run_page(unequal)
    assert "balanced accuracy 50.00 %" in header(page)
    assert "Never recognised: 'leak'." in header(page)
    assert '<span class="pill bad">class leak is never recognised</span>' in header(page)
    assert re.search(r'<td>leak</td><td class="n">4</td><td class="n">0.00 %</td>', page)


def test_the_summary_counts_unequal_classes(unequal: Facts) -> None:
    text = summary(unequal, RunDir(Path("run")))
    assert "remark: never recognised: 'leak'" in text.splitlines()
    assert re.search(r"^leak +4 +0.00 %$", text, re.MULTILINE)
    table = summary_json(unequal, RunDir(Path("run")))
    assert table["remarks"] == ["never recognised: 'leak'"]
    assert dict(zip(table["classes"], map(sum, table["confusion"]), strict=True)) == {"leak": 4, "normal": 76}
    assert table["scores"][-1]["metrics"][BALANCED] == 0.5


@pytest.mark.parametrize("name", ["ad_f446re", "vww_f446re"])
def test_a_score_below_chance_is_red(name: str) -> None:
    facts = facts_of(name)
    assert "bad" not in header(run_page(facts))
    low = replace(facts, worse_than_guessing=True)
    assert '<p class="lead bad">' in header(run_page(low))
    assert '<span class="pill bad">worse than chance</span>' in header(run_page(low))


def test_simulated_is_among_the_sources_and_the_page_suits_a_phone() -> None:
    page = run_page(facts_of("ad_f446re"))
    assert "<td>simulated</td>" in page[page.index("Sources of the numbers") :]
    assert page.count('<div class="wide">') == page.count('<div class="narrow">') > 4
    assert "@media (max-width: 640px)" in page
    paper = page[page.index("@media print") :]
    assert ".scroll { overflow: visible; }" in paper, "columns that do not fit are cut off on paper"
    assert "section { break-inside" not in paper, "a long section begins on a new page, behind an empty one"


def test_stages_that_had_nothing_to_do_are_not_listed(tmp_path: Path) -> None:
    record = {
        "search": {"state": "done", "inputs": {}, "outputs": {"search/arch.json": "1"}, "seconds": 12.0},
        "teacher": {"state": "done", "inputs": {}, "outputs": {}, "seconds": 0.0},
        "export": {"state": "done", "inputs": {}, "outputs": {"model.tflite": "1"}, "seconds": 0.2},
    }
    (tmp_path / "stages.json").write_text(json.dumps(record))
    assert directory.seconds(RunDir(tmp_path)) == {"search": 12.0, "export": 0.2}
    page = run_page(replace(facts_of("ad_f446re"), seconds={"search": 12.0, "export": 0.2}))
    assert "<td>search 12 s, export under 1 s</td>" in page


def test_a_metric_of_the_users_own_has_its_name() -> None:
    """The report came last, and a name that it did not know ended a finished run with a KeyError."""
    facts = facts_of("vww_f446re")
    scores = tuple(replace(s, metrics={"f1: <b>": s.value}) for s in facts.scores)
    page = run_page(replace(facts, metric="f1: <b>", scores=scores))
    assert "<h2>F1</h2>" in page
    assert "F1: &lt;b&gt;. Data: " in page
    assert "<b>. Data" not in page


def test_a_single_metric_without_classes_leaves_no_empty_table() -> None:
    found = Evaluation(
        model="m.tflite", task="own", metric="f1", value=0.5, interval=None, metrics={"f1": 0.5}, samples=9,
        noun="maps", runtime="tflm", source="host", split="test", data="maps", synthetic=False, notes=(),
        classes=("a", "b"), confusion=None, class_counts=None, remarks=(),
    )  # fmt: skip
    assert found.text().splitlines() == ["maps, split test", "f1 50.00 % of 9 maps, runtime tflm"]
