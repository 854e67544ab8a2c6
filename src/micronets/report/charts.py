"""Drawings for the report pages as inline SVG, from plain numbers and names.

Colours are CSS classes of the page's style sheet (`style.py`), so that they follow light and dark screens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from micronets.report.facts import PlannedBuffer
from micronets.report.markup import Markup, el
from micronets.terminal import printable

WIDTH = 760  # of a drawing, in units of SVG; the page stretches it to its own width
NARROW = 360  # of the same drawing on a phone, where letters would otherwise be too small
LEAST_SPAN = 0.8  # of the greatest value: an axis that does not start at 0 starts there or lower
LETTER = 7.2  # largest average width of a letter of the small text in drawings, in units
COLOURS = 6  # the style sheet has this many classes, c0 to c5


@dataclass(frozen=True)
class Series:
    """One curve of a chart: its name, and its values; None is a missing value."""

    name: str
    values: Sequence[float | None]


def both_widths(draw: Callable[[int], Markup]) -> Markup:
    """Returns the drawing for `WIDTH` and for `NARROW`; the style sheet shows the one that fits the screen.

    - `draw`: makes the drawing at a given width.
    """
    return Markup(el("div", draw(WIDTH), class_="wide") + el("div", draw(NARROW), class_="narrow"))


def svg(width: int, height: float, *children: Markup | Sequence[Markup], label: str) -> Markup:
    """Returns a drawing of `width` by `height`; `label` describes it to those who cannot see it.

    - `width`, `height`: the size in units of SVG.
    - `children`: the elements of the drawing.
    - `label`: its title.
    """
    return el("svg", el("title", label), *children, viewBox=f"0 0 {width} {round(height)}", role="img")


def svg_text(x: float, y: float, value: str, class_: str = "", anchor: str = "start") -> Markup:
    """Returns text in a drawing.

    - `x`, `y`: its position in units of SVG; y is that of its baseline.
    - `value`: the text.
    - `class_`: its classes in the style sheet, separated by spaces; empty for none.
    - `anchor`: start, middle or end: the part of the text that is at x.
    """
    return el("text", value, x=x, y=y, class_=class_ or None, text_anchor=anchor)


def mark_text(x: float, y: float, value: str, width: int) -> Markup:
    """Returns a value below its position on an axis, moved to the left if the drawing's edge would cut it.

    - `x`: the position in units of SVG.
    - `y`: the baseline of the text, in the same units.
    - `value`: the text.
    - `width`: width of the drawing, in the same units.
    """
    over = x + LETTER * len(value) / 2 > width
    return svg_text(width if over else x, y, value, "small", "end" if over else "middle")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Returns about `count` round numbers at equal distances, the first at most `low`, the last at least `high`.

    - `low`, `high`: the ends of the range that the numbers cover.
    - `count`: the approximate number of steps between them.
    """
    span = (high - low) or abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(span / count))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m * count >= span * 0.999)
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))
    return [step * i for i in range(first, last + 1)]


def whole_ticks(last: int, count: int = 6) -> list[int]:
    """Returns the numbers of an axis that counts from 1 to `last`: 1, and about `count` round integers."""
    step = max(1, round(ticks(0, last, count)[1]))
    return sorted({1, *range(step, last + 1, step)})


def short_number(value: float) -> str:
    """Returns the text of a number for an axis, as in 1.2 M, 64 k or 0.25."""
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= factor:
            return f"{value / factor:.4g} {unit}"
    return f"{value:.3g}"


def budget_bars(rows: Sequence[tuple[str, float, float, str, bool]], width: int = WIDTH) -> Markup:
    """Draws a bar for each limit: (name, value, limit, text beside it, whether it is met). A line marks the limit.

    In a narrow drawing, name and text are above the bar. A bar that would leave the drawing ends at its edge.
    """
    narrow = width < WIDTH
    left, right, pitch, down = (4, 4, 48, 20) if narrow else (150, 190, 34, 0)
    room = width - left - right
    scale = room / min(4.0, max([1.05, *(value / limit for _, value, limit, _, _ in rows)]))
    parts = []
    for i, (name, value, limit, note, met) in enumerate(rows):
        y = i * pitch + 8 + down
        kind, long = "good" if met else "bad", min(room, max(2.0, scale * value / limit))
        label = svg_text(left, y - 7, name) if narrow else svg_text(left - 12, y + 15, name, anchor="end")
        beside = (width - right, y - 7, "end") if narrow else (width - right + 14, y + 15, "start")
        parts += [
            label,
            el("rect", x=left, y=y, width=scale, height=20, rx=3, class_="track"),
            el("rect", x=left, y=y, width=long, height=20, rx=3, class_=kind),
            svg_text(beside[0], beside[1], note, "small", beside[2]),
        ]
        parts.append(el("line", x1=left + scale, x2=left + scale, y1=y if narrow else y - 4, y2=y + 24, class_="limit"))
    end = len(rows) * pitch + 16
    parts.append(svg_text(left + scale, end, "limit", "small", "end" if narrow else "middle"))
    return svg(width, end + 6, parts, label="Result against budget")


def line_chart(
    series: Sequence[Series],
    y_label: str,
    x_label: str,
    limit: float | None = None,
    mark: int | None = None,
    zero: bool = True,
    width: int = WIDTH,
) -> Markup:
    """Draws curves over the index of their values, which the axis counts from 1.

    - `series`: the curves.
    - `y_label`, `x_label`: the texts beside the axes.
    - `limit`: a value at which a dashed line is drawn.
    - `mark`: index, from 0, from which the background is shaded.
    - `zero`: whether the vertical axis always starts at 0. If not, and if all values lie in the upper half of what it
      would show, it starts below them all, at `LEAST_SPAN` of the greatest or lower, so that small changes do not look
      large.
    - `width`: width of the drawing.
    """
    height = 208
    left, bottom, top, right = 62, 34, 14, 14
    known = [v for s in series for v in s.values if v is not None and math.isfinite(v)]
    high = max([*known, *([limit] if limit is not None else [])], default=1.0)
    least = min(known, default=0.0)
    marks = ticks(min(0.0, least) if zero or least < high / 2 else min(least, LEAST_SPAN * high), high)
    count = max(1, *(len(s.values) for s in series))

    def x(i: float) -> float:
        return left + (width - left - right) * (i / (count - 1) if count > 1 else 0.5)  # one point is in the middle

    def y(v: float) -> float:
        return top + (height - top - bottom) * (marks[-1] - v) / (marks[-1] - marks[0])

    parts = [y_axis(marks, y, left, width - right)]
    x_marks = whole_ticks(count, 6 if width == WIDTH else 4)
    parts += [mark_text(x(n - 1), height - bottom + 16, str(n), width) for n in x_marks]
    parts.append(svg_text(width - right, height - 3, x_label, "small", "end"))
    if mark is not None:
        start = x(max(0, mark - 0.5))  # so that even a single last epoch has an area
        shade = el("rect", x=start, y=top, width=x(count - 1) - start, height=height - top - bottom, class_="shade")
        parts.insert(0, shade)
    if limit is not None:
        parts.append(el("line", x1=left, x2=width - right, y1=y(limit), y2=y(limit), class_="limit"))
    for k, s in enumerate(series):
        points = [f"{x(i):.1f},{y(v):.1f}" for i, v in enumerate(s.values) if v is not None and math.isfinite(v)]
        shape = el("circle", cx=points[0].split(",")[0], cy=points[0].split(",")[1], r=3) if len(points) == 1 else None
        parts.append(el("g", shape or el("polyline", points=" ".join(points)), class_=f"curve c{k % COLOURS}"))
    return el(
        "figure",
        el("p", y_label, class_="small axis"),
        svg(width, height, parts, label=y_label),
        legend([s.name for s in series]) if len(series) > 1 else None,
    )


def y_axis(marks: Sequence[float], y: Callable[[float], float], left: float, end: float) -> Markup:
    """Draws lines from `left` to `end` at the values `marks`, with the values beside them.

    - `marks`: the values.
    - `y`: returns the y coordinate of a value, in units of SVG.
    - `left`, `end`: the x coordinates of the lines' ends, in the same units.
    """
    rows = []
    for m in marks:
        rows += [el("line", x1=left, x2=end, y1=y(m), y2=y(m), class_="grid")]
        rows += [svg_text(left - 8, y(m) + 4, short_number(m), "small", "end")]
    return el("g", rows)


def legend(names: Sequence[str]) -> Markup:
    """Returns a legend: the names of curves beside their colours."""
    items = [el("span", el("i", class_=f"c{k % COLOURS}"), name) for k, name in enumerate(names)]
    return el("figcaption", items, class_="legend")


def choice_bars(rows: Sequence[tuple[str, float, float, str]], width: int = WIDTH) -> Markup:
    """Draws the chosen size within the largest one, for each choice (name, chosen size, largest size, note)."""
    names, notes = ([len(row[i]) for row in rows] for i in (0, 3))  # type: ignore[arg-type]
    left = max(60.0 if width < WIDTH else 150.0, LETTER * max(names, default=0) + 16)
    right, pitch = LETTER * max(notes, default=0) + 14, 22
    widest = max((largest for _, _, largest, _ in rows), default=1.0)
    scale = max(20.0, width - left - right) / widest
    parts = []
    for i, (name, chosen, largest, note) in enumerate(rows):
        y = i * pitch + 4
        parts += [
            svg_text(left - 12, y + 12, name, "small", "end"),
            el("rect", x=left, y=y, width=scale * largest, height=15, rx=2, class_="track"),
            el("rect", x=left, y=y, width=scale * chosen, height=15, rx=2, class_="c0 fill"),
            svg_text(left + scale * largest + 10, y + 12, note, "small"),
        ]
    return svg(width, len(rows) * pitch + 8, parts, label="Chosen widths against the largest network")


def memory_chart(
    buffers: Sequence[PlannedBuffer], steps: Sequence[str], arena: int, limit: int | None, width: int = WIDTH
) -> Markup:
    """Draws a memory plan: a box per buffer, time to the right, addresses upwards.

    - `buffers`: the address and the lifetime of each buffer.
    - `steps`: names of the layers, one per column.
    - `arena`: bytes of the plan.
    - `limit`: bytes at which a dashed line is drawn, or None.
    - `width`: width of the drawing. If there is little room, only every second or third layer is named.
    """
    left, bottom, top, right, height = 62, 84, 26, 14, 400
    marks = ticks(0, max(arena, limit or 0, 1))
    column = (width - left - right) / len(steps)

    def y(v: float) -> float:
        return top + (height - top - bottom) * (marks[-1] - v) / marks[-1]

    parts = [y_axis(marks, y, left, width - right)]
    for i, name in list(enumerate(steps))[:: max(1, math.ceil(14 / column))]:
        x = left + (i + 0.5) * column
        turned = f"translate({x + 3:.1f} {height - bottom + 8}) rotate(-60)"
        parts.append(el("text", name, class_="small", text_anchor="end", transform=turned))
    outlines: list[Box] = []
    captions: list[Markup | None] = []
    for b in buffers:
        x, wide = left + b.first * column, (b.last - b.first + 1) * column
        tall = y(b.offset) - y(b.offset + b.bytes)
        caption = _box_caption(b.name, x + wide / 2, y(b.offset + b.bytes / 2), wide - 2, tall)
        outlines.append((x, y(b.offset + b.bytes), x + wide, y(b.offset)))
        captions.append(caption)
    title = "arena, bytes"
    parts.append(svg_text(left, 14, title, "small"))
    texts: list[Box] = [(0.0, y(m) - 6, left - 2, y(m) + 6) for m in marks]  # the values beside the axis
    texts.append((left, 2, left + LETTER * len(title), 18))
    for k, b in enumerate(buffers):
        if captions[k] is None:
            others = outlines[:k] + outlines[k + 1 :] + texts
            captions[k], taken = _caption_above(b.name, outlines[k], others, width - right)
            texts += taken
    for k, (b, (x, high, end, low)) in enumerate(zip(buffers, outlines, strict=True)):
        note = f"{b.name}: {b.bytes:,} bytes at {b.offset:,}, layers {b.first + 1} to {b.last + 1}"
        box = el("rect", x=x + 1, y=high, width=max(1.0, end - x - 2), height=low - high, rx=2)
        parts.append(el("g", el("title", note), box, captions[k], class_=f"c{k % COLOURS} fill"))
    if limit is not None:
        parts.append(el("line", x1=left, x2=width - right, y1=y(limit), y2=y(limit), class_="limit"))
        parts.append(svg_text(width - right, y(limit) - 5, f"limit {limit:,}", "small", "end"))
    return svg(width, height, parts, label="Memory over time")


Box = tuple[float, float, float, float]
"""A rectangle of a drawing: its left, upper, right and lower edge."""


def _caption_above(name: str, box: Box, others: Sequence[Box], end: float) -> tuple[Markup | None, list[Box]]:
    """Writes the name of a box above it if there is room: over its middle, or flush with one of its sides.

    - name: the name.
    - box: the box.
    - others: the boxes and texts that it must not overlap.
    - end: the right edge of the drawing.

    Returns the text, or None if there is no room, and the rectangle that it takes.
    """
    left, top, right, _ = box
    long = LETTER * len(name)
    middle = (left + right) / 2
    for x, start, anchor in (
        (middle, middle - long / 2, "middle"),
        (left + 1, left + 1, "start"),
        (right - 1, right - 1 - long, "end"),
    ):
        taken = (start, top - 16, start + long, top - 1)
        if start >= 0 and start + long <= end and not any(_overlap(taken, other) for other in others):
            return svg_text(x, top - 4, name, "small", anchor), [taken]
    return None, []


def _overlap(a: Box, b: Box) -> bool:
    """Returns whether two rectangles share more than an edge."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _box_caption(name: str, x: float, y: float, wide: float, tall: float) -> Markup | None:
    """Writes the name of a box inside it, around (x, y): along it, upwards if only that fits, or not at all."""
    long = LETTER * len(name) + 6
    if wide >= long and tall >= 15:
        return svg_text(x, y + 4, name, "small box", "middle")
    if tall >= long and wide >= 9.5:
        turned = f"translate({x + 4:.1f} {y:.1f}) rotate(-90)"
        return el("text", name, class_="small box", text_anchor="middle", transform=turned)
    return None


def _shortened(name: str, room: float) -> str:
    """Returns a name, shortened by an ellipsis if it would be wider than `room` pixels."""
    shown = printable(name)
    most = max(2, int(room / LETTER))
    return shown if len(shown) <= most else f"{shown[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def confusion_chart(counts: Sequence[Sequence[int]], classes: Sequence[str], width: int = WIDTH) -> Markup:
    """Draws a confusion matrix, each cell shaded by its share of the row.

    - `counts`: `counts[true][predicted]`, the number of examples.
    - `classes`: the names of the classes, in the order of the counts.
    - `width`: width of the drawing, in units of SVG: `WIDTH` or `NARROW`.
    """
    left, top = (110, 112) if width == WIDTH else (82, 98)
    cell = min(46.0, (width - left - 10) / max(1, len(classes)))
    parts = [svg_text(left, 12, "columns: predicted, rows: true", "small")]
    for i, name in enumerate(classes):
        parts.append(svg_text(left - 8, top + (i + 0.5) * cell + 4, _shortened(name, left - 8), "small", "end"))
        turned = f"translate({left + (i + 0.5) * cell:.1f} {top - 8}) rotate(-60)"
        room = (top - 8 - 18) / math.sin(math.radians(60))  # below the heading
        parts.append(el("text", _shortened(name, room), class_="small", transform=turned))
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            share = n / max(1, sum(row))
            x, y = left + j * cell, top + i * cell
            colour = "good" if i == j else "bad"
            box = el(
                "rect",
                x=x,
                y=y,
                width=cell - 1,
                height=cell - 1,
                class_=colour,
                opacity=(0.06 if i == j or n else 0.02) + 0.94 * share**0.5,
            )
            class_ = "small box" if share > 0.3 else "small"
            room = cell >= LETTER * len(str(n)) + 1
            count = svg_text(x + cell / 2, y + cell / 2 + 4, str(n), class_, "middle") if n and room else None
            parts.append(el("g", el("title", f"{classes[i]} taken for {classes[j]}: {n} of {sum(row)}"), box, count))
    return svg(width, top + len(classes) * cell + 4, parts, label="Confusion matrix")


def scatter_chart(
    groups: Sequence[tuple[str, Sequence[tuple[float, float]]]], y_label: str, x_label: str, width: int = WIDTH
) -> Markup:
    """Draws points in named groups, and the line of least squares through each group; both axes start at 0.

    - `groups`: the name of each group and its points (x, y), none below 0.
    - `y_label`, `x_label`: the labels of the axes.
    - `width`: width of the drawing, in units of SVG: `WIDTH` or `NARROW`.
    """
    left, bottom, top, right, height = 62, 40, 26, 14, 340
    points = [p for _, group in groups for p in group]
    x_marks = ticks(0, max([x for x, _ in points], default=1.0), 5 if width == WIDTH else 3)
    y_marks = ticks(0, max([y for _, y in points], default=1.0))

    def x(v: float) -> float:
        return left + (width - left - right) * v / x_marks[-1]

    def y(v: float) -> float:
        return top + (height - top - bottom) * (y_marks[-1] - v) / y_marks[-1]

    parts = [y_axis(y_marks, y, left, width - right), svg_text(left, 14, y_label, "small")]
    parts += [mark_text(x(m), height - bottom + 16, short_number(m), width) for m in x_marks]
    parts.append(svg_text(width - right, height - 4, x_label, "small", "end"))
    for k, (_, group) in enumerate(groups):
        dots = [el("circle", cx=x(a), cy=y(b), r=2.6, fill_opacity=0.7) for a, b in group]
        parts.append(el("g", dots, _trend(group, x, y), class_=f"curve c{k % COLOURS}"))
    return el("figure", svg(width, height, parts, label=y_label), legend([name for name, _ in groups]))


def _trend(
    group: Sequence[tuple[float, float]], x: Callable[[float], float], y: Callable[[float], float]
) -> Markup | None:
    """Draws the line of least squares through points, over their range; `x` and `y` give coordinates of values."""
    n = len(group)
    mean_x, mean_y = (sum(p[i] for p in group) / max(n, 1) for i in (0, 1))
    spread = sum((a - mean_x) ** 2 for a, _ in group)
    if n < 3 or spread == 0:
        return None
    slope = sum((a - mean_x) * (b - mean_y) for a, b in group) / spread
    ends = [(a, max(0.0, mean_y + slope * (a - mean_x))) for a in (min(a for a, _ in group), max(a for a, _ in group))]
    return el("polyline", points=" ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in ends), stroke_width=1)
