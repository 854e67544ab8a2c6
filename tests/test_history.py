"""The histories of searches and trainings are read as they are written."""

import json
from pathlib import Path
from typing import Any

import pytest

from micronets import progress, records
from micronets.history import (
    ChosenCut,
    Finalist,
    SearchRecord,
    SupernetEpoch,
    TrainedCandidate,
    TrainEpoch,
    search_record,
    train_epoch,
)
from micronets.report.facts import Facts, SearchFacts
from micronets.report.page import run_page

ZOO = Path(__file__).parents[1] / "zoo"
COMMON: dict[str, Any] = {"epoch": 2, "loss": 0.5, "accuracy": 0.75, "costs": {"macs": 900}, "values": {"width": 8}}
FINAL: dict[str, Any] = {name: COMMON[name] for name in ("loss", "accuracy", "costs", "values")} | {"examples": 1500}
RECORDS: tuple[SearchRecord, ...] = (
    SupernetEpoch(**COMMON, temperature=1.5, entropy={"width": 0.25}),
    TrainedCandidate(**COMMON),
    ChosenCut(**COMMON, compared=(0.5, 0.75)),
    Finalist(**FINAL | {"round": 1, "origin": "uniform", "values": {"width": 4}, "accuracy": 0.5}),
    Finalist(**FINAL, round=1, origin="neighbour"),
    Finalist(**FINAL | {"round": 2, "origin": "neighbour", "examples": 3000, "accuracy": 0.875}),
)


@pytest.mark.parametrize("record", RECORDS)
def test_records_of_a_search(record: SearchRecord) -> None:
    assert search_record(json.loads(json.dumps(records.to_json(record)))) == record


def test_epochs_of_a_training() -> None:
    epoch = TrainEpoch(stage="quantised", epoch=3, loss=0.5, metric="auc", score=0.75)
    assert train_epoch(json.loads(json.dumps(records.to_json(epoch)))) == epoch
    with pytest.raises(TypeError, match=r"^stage: is null, not one of float, quantised$"):
        train_epoch({"stage": None, "epoch": 3, "loss": 0.5, "metric": "auc", "score": 0.75})
    with pytest.raises(TypeError, match=r"^metric: missing$"):
        train_epoch({"stage": "float", "epoch": 3, "loss": 0.5})


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (RECORDS[:1], "the costs of its most likely network"),
        (RECORDS[1:2], "1 network within the limits, trained separately"),
        (
            (RECORDS[0], RECORDS[2]),
            "2 networks within the limits were compared as cut, by their loss on validation images: 0.5 to 0.75. The "
            "best one has a loss of 0.5, accuracy 75.00 %.",
        ),
        ((RECORDS[0], *RECORDS[3:]), "the costs of its most likely network"),
        (
            (RECORDS[0], *RECORDS[3:]),
            '<tr><td>neighbour of a uniform one</td><td class="n">75.00 %</td><td class="n">87.50 %</td></tr>',
        ),
        ((RECORDS[0], *RECORDS[2:]), "Training images of a network in each round: 1,500, 3,000."),
    ],
)
def test_the_report_says_how_the_network_was_found(history: tuple[SearchRecord, ...], said: str) -> None:
    table = json.loads((ZOO / "vww_f446re/report.json").read_text("utf-8"))
    table["search"] = {"history": [records.to_json(r) for r in history], "limits": {"macs": 1000, "arena_bytes": 9}}
    facts = records.from_json(Facts, table)
    assert facts.search == SearchFacts(history, {"macs": 1000, "arena_bytes": 9})
    page = run_page(facts)
    assert said in page
    assert records.from_json(Facts, json.loads(json.dumps(facts.to_json()))) == facts


def test_events_are_one_line() -> None:
    assert str(progress.NoteEvent("data", "reading here")) == "data      reading here"
    event = progress.StepEvent("search", 40, 400, 200.0, {"epoch": 3, "loss": 0.53249})
    assert str(event) == "search    step  40/400   10%  epoch 3  loss 0.5325  left 3:20"
    assert str(progress.StepEvent("listen", 2, 2)) == "listen    step 2/2  100%"
    assert [records.from_json(progress.Event, records.to_json(e)) for e in (event,)] == [event]
