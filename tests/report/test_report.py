import re
from itertools import pairwise

import pytest

from micronets.report import charts
from micronets.report.facts import PlannedBuffer
from micronets.report.markup import Markup, el, escape, html_table
from micronets.terminal import amount, duration, percent, text_table


def test_text_is_escaped_and_markup_is_not() -> None:
    assert escape("<b> & 'x'") == "&lt;b&gt; &amp; 'x'"
    assert escape(Markup("<b>")) == "<b>"
    assert el("p", "a < b", el("b", 1.5), None, class_="x", data_name='"q"') == (
        '<p class="x" data-name="&quot;q&quot;">a &lt; b<b>1.5</b></p>'
    )
    assert el("rect", x=1, y=2.345, rx=None) == '<rect x="1" y="2.35"/>'
    assert "<td>&lt;script&gt;</td>" in html_table(("name",), [("<script>",)])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 7, [0, 2, 4, 6, 8]),
        (0.61, 0.83, [0.6, 0.65, 0.7, 0.75, 0.8, 0.85]),
        (0, 0, [0, 0.2]),
        (0, 131072, [0, 50000, 100000, 150000]),
    ],
)
def test_ticks_are_round_and_enclose(low: float, high: float, expected: list[float]) -> None:
    marks = charts.ticks(low, high)
    assert marks == pytest.approx(expected)
    assert marks[0] <= low + 1e-12
    assert marks[-1] >= high - 1e-12
    assert all(b > a for a, b in pairwise(marks))


def widths(drawing: str, kind: str) -> list[float]:
    return [float(w) for w in re.findall(rf'<rect [^>]*width="([\d.]+)"[^>]*class="{kind}"', drawing)]


def test_bars_are_as_long_as_the_share_of_the_limit() -> None:
    drawing = charts.budget_bars([("arena", 50, 100, "", True), ("MACs", 120, 100, "", False)])
    (track, _), (good,), (bad,) = (widths(drawing, k) for k in ("track", "good", "bad"))
    assert good / track == pytest.approx(0.5, abs=0.01)
    assert bad / track == pytest.approx(1.2, abs=0.01)


def test_curves_skip_what_is_missing_and_draw_the_limit() -> None:
    drawing = charts.line_chart(
        [charts.Series("a", [1.0, None, float("nan"), 3.0]), charts.Series("b", [2.0])], "y", "x", limit=2.0
    )
    (points,) = re.findall(r'points="([^"]+)"', drawing)
    assert len(points.split()) == 2
    assert drawing.count("<circle") == 1, "a single point is a dot"
    assert drawing.count('class="limit"') == 1
    assert charts.line_chart([charts.Series("a", [])], "y", "x")


def test_buffers_stand_at_their_offsets() -> None:
    drawing = charts.memory_chart(
        [PlannedBuffer("a", 0, 100, 0, 1), PlannedBuffer("b", 100, 300, 1, 1)], ["one", "two"], 400, None
    )
    boxes = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" rx="2"/>', drawing)
    (xa, ya, wa, ha), (xb, yb, wb, hb) = [tuple(map(float, b)) for b in boxes]
    assert hb / ha == pytest.approx(3, rel=0.01)
    assert yb + hb == pytest.approx(ya, abs=0.05)
    assert xb > xa
    assert wa > 1.9 * wb
    assert "b: 300 bytes at 100, layers 2 to 2" in drawing


def test_confusion_names_every_mistake() -> None:
    drawing = charts.confusion_chart([[3, 1], [0, 4]], ("a", "b"))
    assert "a taken for b: 1 of 4" in drawing
    assert drawing.count('class="good"') == 2


def test_numbers_for_people() -> None:
    assert amount(65536, "B") == "65,536 B"
    assert amount(8300000, "MACs") == "8.30 M MACs"
    assert amount(12.53, "ms") == "12.53 ms"
    assert amount(28396, "") == "28,396"
    assert percent(0.95341) == "95.34 %"
    assert [duration(s) for s in (3.4, 65, 3725)] == ["3 s", "1:05", "1:02:05"]
    assert text_table(("a", "n"), [("x", "10"), ("long", "2")], numeric=(1,)).splitlines() == [
        "a      n",
        "----  --",
        "x     10",
        "long   2",
    ]
