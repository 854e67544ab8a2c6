"""The page of `micronets evaluate --stream`: a model's detections on a long recording, and its DET curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from micronets.report.charts import WIDTH, both_widths, mark_text, svg, svg_text, ticks, y_axis
from micronets.report.markup import Markup, document, el, html_table, section
from micronets.report.style import CSS
from micronets.terminal import counted, percent

_LEAST_PER_HOUR = 0.1  # the axis of false accepts begins at this or at a lower power of ten


@dataclass(frozen=True)
class CurvePoint:
    """A point of a DET curve: a threshold for all words, 0 .. 1, and the resulting errors.

    - miss_rate: misses per spoken word, 0 .. 1.
    - false_accepts_per_hour: at least 0.
    """

    threshold: float
    miss_rate: float
    false_accepts_per_hour: float


@dataclass(frozen=True)
class StreamPage:
    """The figures that the page shows.

    - model, stream: the name of the model's file, and the origin of the stream.
    - composed: whether the stream was made of clips.
    - seconds: its length.
    - lines: the detections, a sentence each.
    - notes: remarks on the stream.
    - words: (label, times said, times detected, false accepts) of each word.
    - point: the result of the model's own detector; its threshold is not shown, since each word may have another. None
      if no word was said.
    - curve: the DET curve, with one threshold for all words.
    """

    model: str
    stream: str
    composed: bool
    seconds: float
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    words: tuple[tuple[str, int, int, int], ...]
    point: CurvePoint | None
    curve: tuple[CurvePoint, ...]


def stream_page(page: StreamPage) -> str:
    """Returns the page as self-contained HTML: no script, no font, no network."""
    warning = None
    if page.composed:
        text = "It was made of clips, so that words come far more often than in a room. Real rooms differ."
        warning = el("p", el("b", "COMPOSED STREAM. "), text, class_="warning")
    header = el(
        "header",
        el("h1", f"{page.model} listens"),
        warning,
        el("p", f"{page.stream}, {page.seconds:,.0f} s"),
        el("ul", [el("li", line) for line in page.lines]),
        el("p", [el("span", note, el("br")) for note in page.notes], class_="small") if page.notes else None,
    )
    words = section("Words", _words_table(page))
    return document(f"micronets: {page.model} listens", CSS, header, words, _curve_section(page))


def listening_section(page: StreamPage) -> Markup:
    """Returns the section of a run's report with the model's detections on a stream of test recordings."""
    about = (
        f"The model on {page.seconds:,.0f} s of sound: {page.stream}, in which words come far more often than in a "
        "room. One false accept weighs much in so short a stream; micronets evaluate --stream judges longer ones."
    )
    return section(
        "As it listens",
        el("p", about),
        el("ul", [el("li", line) for line in (*page.lines, *page.notes)]),
        _curve(page),
        el("details", el("summary", "the words"), _words_table(page)),
    )


def _words_table(page: StreamPage) -> Markup:
    """Returns the table of spoken, detected and falsely accepted words."""
    return html_table(("word", "said", "detected", "false accepts"), page.words, numeric=(1, 2, 3))


def _curve_section(page: StreamPage) -> Markup:
    """Returns the section with the DET curve."""
    return section("DET curve", _curve(page))


def _curve(page: StreamPage) -> Markup:
    """Returns the DET curve with its description, and a table of its figures."""
    if page.point is None:
        return el("p", "None of the model's words is said, so that there is nothing to miss.")
    point = page.point
    about = (
        "Misses against false accepts an hour (detection error trade-off), for one threshold of all words. The dot is "
        f"the model's own detector: {percent(point.miss_rate)} missed, {point.false_accepts_per_hour:.1f} false "
        "accepts an hour."
    )
    rows = [(f"{p.threshold:.2f}", percent(p.miss_rate), f"{p.false_accepts_per_hour:.1f}") for p in page.curve]
    table = html_table(("threshold", "missed", "false accepts an hour"), rows, numeric=(0, 1, 2))
    return el(
        "div",
        el("p", about),
        both_widths(lambda width: det_chart(page.curve, point, width)),
        el("details", el("summary", f"{counted(len(rows), 'thresholds')} in figures"), table),
    )


def det_chart(curve: Sequence[CurvePoint], point: CurvePoint, width: int = WIDTH) -> Markup:
    """Draws a DET curve, and a dot for a detector.

    The horizontal axis has a logarithmic scale, with 0 at its left end.

    - curve: the points, in any order of thresholds.
    - point: the detector.
    - width: width of the drawing.
    """
    left, bottom, top, right, height = 62, 40, 26, 14, 340
    rates = [p.false_accepts_per_hour for p in (*curve, point)]
    positive = [rate for rate in rates if rate > 0]
    first = math.floor(math.log10(min([_LEAST_PER_HOUR, *positive])))
    last = max(first + 1, math.ceil(math.log10(max([10 * _LEAST_PER_HOUR, *positive]))))
    y_marks = ticks(0.0, max([100 * p.miss_rate for p in (*curve, point)] + [1.0]))
    decade = (width - left - right) / (last - first + 1)  # one more for 0

    def x(per_hour: float) -> float:
        return left if per_hour == 0 else left + decade * (1 + math.log10(per_hour) - first)

    def y(missed: float) -> float:
        return top + (height - top - bottom) * (y_marks[-1] - missed) / (y_marks[-1] - y_marks[0])

    parts = [y_axis(y_marks, y, left, width - right), svg_text(left, 14, "missed, %", "small")]
    x_marks = [(0.0, "0"), *((10.0**n, f"{10.0**n:,g}") for n in range(first, last + 1))]
    for value, name in x_marks:
        parts.append(el("line", x1=x(value), x2=x(value), y1=top, y2=height - bottom, class_="grid"))
        parts.append(mark_text(x(value), height - bottom + 16, name, width))
    parts.append(svg_text(width - right, height - 4, "false accepts an hour", "small", "end"))
    ordered = sorted(curve, key=lambda p: p.threshold)
    line = " ".join(f"{x(p.false_accepts_per_hour):.1f},{y(100 * p.miss_rate):.1f}" for p in ordered)
    dots = [
        el(
            "circle",
            el("title", f"threshold {p.threshold:.2f}: {percent(p.miss_rate)}, {p.false_accepts_per_hour:.1f} an hour"),
            cx=x(p.false_accepts_per_hour),
            cy=y(100 * p.miss_rate),
            r=2.6,
        )
        for p in ordered
    ]
    parts.append(el("g", el("polyline", points=line), dots, class_="curve c0"))
    own = el("circle", cx=x(point.false_accepts_per_hour), cy=y(100 * point.miss_rate), r=5.5)
    parts.append(el("g", own, class_="c1 fill"))
    return svg(width, height, parts, label="Misses against false accepts an hour")
