"""The front of a sweep: which networks are Pareto-optimal, which to pick, and the table and the page that say so."""

import csv
import dataclasses
import random
import re

import pytest

from micronets.report.front import (
    COSTS,
    FrontPoint,
    Refusal,
    SweepFacts,
    front_csv,
    front_page,
    front_text,
    pareto,
)


def point(
    name: str, value: float, board: str = "A", limit: float = 0.0, ok: bool = True, **figures: float
) -> FrontPoint:
    """Returns a point with an accuracy of `value`, the same on the validation split."""
    return FrontPoint(
        name=name,
        directory=f"points/{name}",
        board=board,
        limits={"sram_bytes": limit} if limit else {},
        metric="accuracy",
        value=value,
        interval=(value - 0.02, value + 0.02),
        validation=value,
        figures=figures,
        source="simulated",
        ok=ok,
        failure="" if ok else "macs = 5 is over the limit of 4",
        seconds={"train": 61.0},
        synthetic=False,
    )


def facts(*points: FrontPoint, refused: tuple[Refusal, ...] = ()) -> SweepFacts:
    return SweepFacts("kws", "c", len(points), points, refused, "task = 'kws'")


@pytest.mark.parametrize("costs", [("macs",), ("latency_ms", "sram_bytes"), COSTS])
def test_the_front_is_that_of_comparing_all_with_all(costs: tuple[str, ...]) -> None:
    for seed in range(30):
        rng = random.Random(seed)
        points = [
            point(str(i), rng.randrange(6) / 10, **{cost: float(rng.randrange(5)) for cost in COSTS})
            for i in range(rng.randrange(1, 25))
        ]

        def beats(a: FrontPoint, b: FrontPoint) -> bool:
            better = [a.value - b.value, *(b.figures[cost] - a.figures[cost] for cost in costs)]
            return min(better) >= 0 and max(better) > 0

        brute = {p.name for p in points if not any(beats(q, p) for q in points)}
        assert {p.name for p in pareto(points, costs)} == brute


def test_boards_have_fronts_of_their_own_and_failed_networks_are_on_none() -> None:
    found = facts(
        point("slow", 0.9, "A", macs=9),
        point("quick", 0.95, "B", macs=2),
        point("worse", 0.8, "B", macs=3),
        point("failed", 0.99, "B", ok=False, macs=1),
        point("unknown", 0.99, "B"),
    )
    assert [p.name for p in found.optimal(("macs",))] == ["slow", "quick"]
    rows = {row["point"]: row for row in found.rows()}
    assert (rows["slow"]["pareto_in"], rows["worse"]["pareto_in"], rows["failed"]["ok"]) == ("macs", "", False)


def test_a_pick_is_the_best_of_validation_of_all_that_keep_the_limit() -> None:
    small, middle = point("small", 0.9, limit=100, sram_bytes=90), point("middle", 0.94, limit=200, sram_bytes=190)
    lucky = dataclasses.replace(point("lucky", 0.99, limit=400, sram_bytes=195), validation=0.93)
    found = facts(small, middle, lucky, point("failed", 1.0, limit=100, ok=False, sram_bytes=10))
    assert [(pick.most, pick.point.name) for pick in found.picks()] == [
        (100, "small"),
        (200, "middle"),
        (400, "middle"),
    ]
    assert found.picks()[0].text() == "best under 100 B of SRAM on A"
    even = facts(point("x", 0.9, limit=9, sram_bytes=8), point("y", 0.9, limit=9, sram_bytes=7))
    assert [pick.point.name for pick in even.picks()] == ["y"]
    (only,) = facts(point("one", 0.9, macs=8)).picks()
    assert only.text() == "best on A"


def test_table_text_and_page_show_every_point() -> None:
    reason = "budget: no network of space 'x' <fits>"
    found = facts(
        point("a-1", 0.9, "A", 100, sram_bytes=90, macs=5e6, latency_ms=12.5),
        point("b-1", 0.8, "B", 100, ok=False, sram_bytes=95, macs=4e6),
        refused=(Refusal("a-0", "A", {"sram_bytes": 5}, reason),),
    )
    rows = {row["point"]: row for row in csv.DictReader(front_csv(found).splitlines())}
    assert list(rows) == ["a-1", "b-1", "a-0"]
    assert rows["a-1"]["value"] == "0.9"
    assert (rows["a-1"]["low"], rows["a-1"]["latency_ms"], rows["b-1"]["latency_ms"]) == ("0.88", "12.5", "")
    assert (rows["a-1"]["macs"], rows["a-1"]["limit_sram_bytes"], rows["a-1"]["pareto"]) == ("5000000", "100", "yes")
    assert (rows["b-1"]["ok"], rows["b-1"]["note"]) == ("no", "macs = 5 is over the limit of 4")
    assert (rows["a-0"]["ok"], rows["a-0"]["note"], rows["a-0"]["value"]) == ("no", reason, "")
    text = front_text(found)
    assert re.search(r"^a-1 +90\.00 % +88\.0 to 92\.0 +12\.5 ms +90 B +- +- +5\.00 M MACs +Pareto$", text, re.MULTILINE)
    assert re.search(r"^b-1 .*FAILED$", text, re.MULTILINE)
    assert "best under 100 B of SRAM on A: a-1, accuracy 90.00 % (95 % interval 88.0 % to 92.0 %)" in text
    assert f"left out: a-0: {reason}" in text
    page = front_page(found)
    assert "&lt;fits&gt;" in page
    assert page.count('class="narrow"') == page.count('class="wide"') == 3, "latency, SRAM and MACs are known"
    assert set(re.findall(r'(?:href|src)="([^"]*)"', page)) == {"points/a-1/report.html", "points/b-1/report.html"}
    assert "nan" not in page
    assert 'class="lines-of-five" style="--columns: 5"' in page
    head = re.search(r"<th>network</th>.*?</tr>", page.split("All networks")[1])
    assert head
    assert head[0].count("<th") == 11, "one, ten or five columns, and a whole number of lines on each page"
