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


def test_numbers_of_epochs_are_round() -> None:
    assert charts.whole_ticks(60) == [1, 10, 20, 30, 40, 50, 60]
    assert charts.whole_ticks(14) == [1, 5, 10]
    assert charts.whole_ticks(3) == [1, 2, 3]
    assert charts.whole_ticks(1) == [1]
    drawing = charts.line_chart([charts.Series("a", [0.0] * 14)], "y", "x")
    assert re.findall(r'text-anchor="middle">(\d+)<', drawing) == ["1", "5", "10"]


def axis(values: list[float], zero: bool) -> list[float]:
    drawing = charts.line_chart([charts.Series("a", values)], "y", "x", zero=zero)
    return sorted(float(v) for v in re.findall(r'class="small" text-anchor="end">([\d.]+)<', drawing))


def test_an_axis_starts_at_0_unless_that_wastes_half_of_it() -> None:
    assert axis([0.15, 0.32], zero=False)[0] == 0
    assert axis([0.71, 0.97], zero=False)[0] == pytest.approx(0.7)
    assert axis([0.942, 0.95], zero=False)[0] == pytest.approx(0.75), "small changes do not look large"
    assert axis([0.91, 0.97], zero=True)[0] == 0


@pytest.mark.parametrize("width", [charts.WIDTH, charts.NARROW])
def test_a_name_is_inside_its_box_or_not_there(width: int) -> None:
    buffers = [PlannedBuffer("input", 0, 1000, 0, 0), PlannedBuffer("depthwise_convolution", 1000, 1000, 1, 2)]
    drawing = charts.memory_chart(buffers, [f"layer{i}" for i in range(20)], 2000, None, width)
    first, second = re.findall(r'<g class="c\d fill">.*?</g>', drawing)
    assert re.search(r'rotate\(-90\)">input</text>', first), "the input is named, upwards where it is narrow"
    assert ("depthwise_convolution</text>" in second) == ("rotate(-90)" in second)
    (box,) = re.findall(r'<rect x="([\d.]+)" [^>]*width="([\d.]+)"', first)
    (at,) = re.findall(r"translate\(([\d.]+) ", first)
    assert float(box[0]) < float(at) < float(box[0]) + float(box[1])


def test_the_name_of_a_thin_box_stands_above_it_where_there_is_room() -> None:
    thin, below = PlannedBuffer("input", 1250, 8, 0, 0), PlannedBuffer("stem", 0, 1250, 0, 1)
    steps = ["stem", "logits"]
    assert ">input</text>" in charts.memory_chart([thin, below], steps, 2000, None)
    wider = charts.memory_chart([thin, below], ["stem", *map(str, range(40))], 2000, None)
    assert ">input</text>" in wider, "it may be longer than the box"
    beside = PlannedBuffer("other", 1250, 700, 1, 40)
    ((x, anchor),) = re.findall(
        r'<text x="([\d.]+)"[^>]*text-anchor="(\w+)">input<',
        charts.memory_chart([thin, below, beside], ["stem", *map(str, range(40))], 2000, None),
    )
    assert anchor == "end"
    assert float(x) < 62 + (charts.WIDTH - 62 - 14) / 41, "it is flush with its box and clear of the one beside it"
    above = PlannedBuffer("other", 1258, 700, 0, 0)
    assert ">input</text>" not in charts.memory_chart([thin, below, above], steps, 2000, None)


@pytest.mark.parametrize("width", [charts.WIDTH, charts.NARROW])
def test_bars_and_their_notes_stay_in_the_drawing(width: int) -> None:
    drawings = [
        charts.budget_bars([("latency, our C", 900, 100, "900 ms of 100 ms", False)], width),
        charts.choice_bars([("stem_width_long", 8, 276, "8 of 276"), ("w", 276, 276, "276 of 276")], width),
    ]
    for drawing in drawings:
        for x, w in re.findall(r'<rect x="([\d.]+)"[^>]* width="([\d.]+)"', drawing):
            assert float(x) + float(w) <= width
        for x, text in re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="start">([^<]*)<', drawing):
            assert float(x) + charts.LETTER * len(text) <= width + 1


def test_a_page_has_every_drawing_for_a_wide_and_for_a_narrow_screen() -> None:
    drawn = charts.both_widths(lambda width: charts.confusion_chart([[3, 1], [0, 4]], ("a", "b"), width))
    assert re.findall(r'<div class="(\w+)"><svg viewBox="0 0 (\d+)', drawn) == [("wide", "760"), ("narrow", "360")]


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


def test_long_names_of_classes_stay_clear_of_the_heading_and_of_the_edge() -> None:
    names = ["go", "_unknown_", "a name that is far too long for its place", "\x1b" * 30]
    counts = [[1] * 4 for _ in names]
    for width in (charts.WIDTH, charts.NARROW):
        drawn = charts.confusion_chart(counts, names, width)
        shown = re.findall(r'class="small"[^>]*>([^<]*)</text>', drawn)
        assert {"go", "_unknown_"} <= set(shown)
        for name in shown:
            if name.endswith("\N{HORIZONTAL ELLIPSIS}"):
                assert charts.LETTER * len(name) <= 102
        assert sum(name.endswith("\N{HORIZONTAL ELLIPSIS}") for name in shown) == 4
        assert "a name that is far too long for its place taken for go: 1 of 4" in drawn


def test_columns_are_as_wide_as_what_is_shown() -> None:
    table = text_table(("class", "n"), [("\x1b[31mred", "1"), ("x", "22")], numeric=(1,))
    assert table.splitlines() == ["class         n", "-----------  --", "\\x1b[31mred   1", "x            22"]


def test_a_single_point_is_in_the_middle_and_not_on_the_axis() -> None:
    chart = charts.line_chart([charts.Series("loss", (0.5,))], "loss", "epoch", width=358)
    assert f'cx="{62 + (358 - 62 - 14) / 2:.1f}"' in chart


def test_a_cell_of_each_row_may_have_a_line_of_its_own_on_narrow_pages() -> None:
    table = html_table(("name", "bytes", "note"), [("a", "1", "so")], own_line="last")
    assert '<table class="last" style="--columns: 2"><thead>' in table
    assert "<table><thead>" in html_table(("name", "bytes"), [("a", "1")])
    layers = html_table(tuple("abcdefg"), [tuple("1234567")], own_line="first three")
    assert '<table class="first-three" style="--columns: 4"><thead>' in layers


def test_values_of_an_axis_are_not_cut_by_the_edge_of_a_drawing() -> None:
    assert 'text-anchor="middle"' in charts.mark_text(340, 10, "600", 360)
    assert (
        charts.mark_text(350, 10, "600 k", 360) == '<text x="360" y="10" class="small" text-anchor="end">600 k</text>'
    )


def test_a_last_epoch_of_another_kind_is_shaded() -> None:
    chart = charts.line_chart([charts.Series("loss", (0.5, 0.4, 0.3))], "loss", "epoch", mark=2)
    ((width,),) = [re.findall(r'<rect [^>]*width="([\d.]+)"[^>]*class="shade"', chart)]
    assert float(width) > 100
