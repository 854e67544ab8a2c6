"""The results of a sweep: Pareto fronts and picks, as records, a table (`front.csv`), a page (`front.html`), a text."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from micronets.boards.board import LIMITS
from micronets.records import JsonObject, Row
from micronets.report.charts import (
    COLOURS,
    NARROW,
    WIDTH,
    both_widths,
    legend,
    mark_text,
    short_number,
    svg,
    svg_text,
    ticks,
    y_axis,
)
from micronets.report.markup import Markup, document, el, html_table, section
from micronets.report.style import CSS
from micronets.terminal import amount, counted, duration, interval_text, metric_label, percent, text_table

COSTS = ("latency_ms", "sram_bytes", "flash_bytes", "energy_mj", "macs")
"""The costs against which accuracy is compared, by the names of their limits."""


@dataclass(frozen=True)
class FrontPoint:
    """A finished network of a sweep.

    - `name`, `directory`: its name, and its run directory below that of the sweep.
    - `board`: the name of its board.
    - `limits`: its limits that differ from point to point, by name, in the limit's unit.
    - `metric`, `value`, `interval`: the task's metric; its value for the int8 network on the test split, 0 to 1; and
      its 95 % interval, if there is one.
    - `validation`: the metric on the validation split, by which networks are picked.
    - `figures`: its memory, time and energy on its board, by the name of the limit; unknown ones are left out.
    - `source`: how time, energy, SRAM and flash were found: "simulated" or "estimated".
    - `ok`, `failure`: whether every limit is met and every check passed, and what failed.
    - `seconds`: seconds that each stage of its run took.
    - `synthetic`: whether its examples are synthetic.
    """

    name: str
    directory: str
    board: str
    limits: Mapping[str, float]
    metric: str
    value: float
    interval: tuple[float, ...] | None
    validation: float
    figures: Mapping[str, float]
    source: str
    ok: bool
    failure: str
    seconds: Mapping[str, float]
    synthetic: bool


@dataclass(frozen=True)
class Refusal:
    """A point for whose limits no network was found: its name, board, limits (see `FrontPoint`), and the reason."""

    name: str
    board: str
    limits: Mapping[str, float]
    reason: str


@dataclass(frozen=True)
class Pick:
    """The network to take under a limit on a board.

    - `board`, `limit`, `most`: the board, and the name and the value of the limit; "" and 0 if no limit differs.
    - `point`: the network.
    """

    board: str
    limit: str
    most: float
    point: FrontPoint

    def text(self) -> str:
        """Returns the purpose of the pick in words, as in `best under 65,536 B of SRAM on NRF52840-DK`."""
        if not self.limit:
            return f"best on {self.board}"
        label, unit = LIMITS[self.limit].label, LIMITS[self.limit].unit
        most = f"{self.most:,.0f} MACs" if unit == label else f"{amount(self.most, unit)} of {label}"
        return f"best under {most} on {self.board}"


@dataclass(frozen=True)
class SweepFacts:
    """All facts about a sweep.

    - `task`, `runtime`: the task, and the runtime to which the limits on the boards apply.
    - `planned`: the expected number of finished points.
    - `points`: the finished points, in the order in which they were planned.
    - `refused`: the points whose limits no network was found to meet.
    - `config`: the configuration as TOML.
    """

    task: str
    runtime: str
    planned: int
    points: tuple[FrontPoint, ...]
    refused: tuple[Refusal, ...]
    config: str

    @property
    def boards(self) -> tuple[str, ...]:
        """The names of the boards that have finished points, in their order."""
        return tuple(dict.fromkeys(point.board for point in self.points))

    @property
    def swept(self) -> tuple[str, ...]:
        """The names of the limits that differ from point to point."""
        all_limits = [point.limits for point in self.points] + [refusal.limits for refusal in self.refused]
        return tuple(dict.fromkeys(name for limits in all_limits for name in limits))

    def optimal(self, costs: Sequence[str] = COSTS) -> tuple[FrontPoint, ...]:
        """Returns the points that are Pareto-optimal on their board in accuracy and some costs; see `pareto`.

        Costs that are unknown for all points of a board, such as times, do not count there.
        """
        found: list[FrontPoint] = []
        for board in self.boards:
            own = [point for point in self.points if point.board == board and point.ok]
            known = [cost for cost in costs if any(cost in point.figures for point in own)]
            found += pareto(own, known) if known else []
        return tuple(found)

    def rows(self) -> list[Row]:
        """Returns a flat row for each point, finished or refused; unknown figures are None."""
        optimal, by_cost = self.optimal(), {cost: self.optimal((cost,)) for cost in COSTS}
        found: list[Row] = []
        for point in self.points:
            low, high = point.interval or (None, None)
            row: Row = {"point": point.name, "board": point.board}
            row |= {f"limit_{name}": point.limits.get(name) for name in self.swept}
            row |= {"metric": point.metric, "value": point.value, "low": low, "high": high}
            row |= {"validation": point.validation} | {name: point.figures.get(name) for name in LIMITS}
            row |= {"source": point.source, "ok": point.ok, "pareto": point in optimal}
            row["pareto_in"] = " ".join(cost for cost in COSTS if point in by_cost[cost])
            found.append(row | {"seconds": sum(point.seconds.values()), "note": point.failure})
        for refusal in self.refused:
            row = {"point": refusal.name, "board": refusal.board}
            row |= {f"limit_{name}": refusal.limits.get(name) for name in self.swept}
            found.append(row | {"ok": False, "pareto": False, "note": refusal.reason})
        return found

    def picks(self) -> tuple[Pick, ...]:
        """Returns, for each board and each value of each limit of the sweep, the network to take.

        It is the best one on the validation split among all of the board's that meet the limit, for whichever limit
        they were made; ties go to the network with less cost.
        """
        found = []
        for board in self.boards:
            good = [point for point in self.points if point.board == board and point.ok]
            for name in self.swept or ("",):
                values = {p.limits.get(name, 0.0) for p in self.points if p.board == board}
                for most in sorted(values):
                    kept = [p for p in good if not name or p.figures.get(name, math.inf) <= most]
                    if kept:
                        by = name or "macs"
                        best = min(kept, key=lambda p: (-p.validation, p.figures.get(by, math.inf), p.name))
                        found.append(Pick(board, name, most, best))
        return tuple(found)

    def to_json(self) -> JsonObject:
        """Returns the rows of the table, and the picks by their purpose."""
        picks = {pick.text(): pick.point.name for pick in self.picks()}
        return {"task": self.task, "runtime": self.runtime, "points": self.rows(), "picks": picks}


def pareto(points: Sequence[FrontPoint], costs: Sequence[str]) -> list[FrontPoint]:
    """Returns the points for which no other point is at least as good in accuracy and all costs, and better in one.

    - `points`: networks on one board.
    - `costs`: names of costs, of which less is better; points for which one is unknown are left out.
    """

    def key(point: FrontPoint) -> tuple[float, ...]:
        return (-point.value, *(point.figures[cost] for cost in costs))

    known = sorted((p for p in points if all(cost in p.figures for cost in costs)), key=key)
    front: list[FrontPoint] = []
    for point in known:  # any point that beats another comes before it, and so does one on the front that beats it
        mine = key(point)
        if not any(key(one) != mine and all(a <= b for a, b in zip(key(one), mine, strict=True)) for one in front):
            front.append(point)
    return front


def front_csv(facts: SweepFacts) -> str:
    """Returns the table: a row for each point, its unit in the name of each column, shares from 0 to 1."""
    rows = facts.rows()
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    table.writerows([[_cell(row.get(name)) for name in names] for row in rows])
    return text.getvalue()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) >= 2 else f"{value:.6g}"
        case _:
            return str(value)


def front_text(facts: SweepFacts) -> str:
    """Returns the text that `micronets sweep` prints at its end: all points, and the picks."""
    optimal = facts.optimal()
    head = ("point", _metric(facts), "95 %", *(LIMITS[cost].label for cost in COSTS), "")
    rows = [
        (
            point.name,
            percent(point.value),
            _interval(point),
            *(_figure(point, cost) for cost in COSTS),
            _mark(point, optimal),
        )
        for point in facts.points
    ]
    lines = ["SYNTHETIC DATA"] if any(point.synthetic for point in facts.points) else []
    lines += [f"{facts.task}, {counted(len(facts.points), 'networks')}; limits are for runtime {facts.runtime}", ""]
    lines += [text_table(head, rows, (1, 2, *range(3, 3 + len(COSTS)))), ""]
    lines += [f"{pick.text()}: {pick.point.name}, {_short(pick.point)}" for pick in facts.picks()]
    lines += [f"left out: {refusal.name}: {refusal.reason}" for refusal in facts.refused]
    return "\n".join(lines)


def _metric(facts: SweepFacts) -> str:
    return metric_label(facts.points[0].metric) if facts.points else "score"


def _interval(point: FrontPoint) -> str:
    return "-" if point.interval is None else f"{100 * point.interval[0]:.1f} to {100 * point.interval[1]:.1f}"


def _figure(point: FrontPoint, cost: str) -> str:
    return amount(point.figures[cost], LIMITS[cost].unit) if cost in point.figures else "-"


def _mark(point: FrontPoint, optimal: Sequence[FrontPoint]) -> str:
    if not point.ok:
        return "FAILED"
    return "Pareto" if point in optimal else ""


def _short(point: FrontPoint) -> str:
    """Returns a line with the score of a network and its memory and time."""
    interval = f" ({interval_text(point.interval)})" if point.interval else ""
    figures = [f"{LIMITS[cost].label} {_figure(point, cost)}" for cost in COSTS[:3] if cost in point.figures]
    return ", ".join([f"{metric_label(point.metric)} {percent(point.value)}{interval}", *figures])


def front_page(facts: SweepFacts) -> str:
    """Returns the page as self-contained HTML: no script, no font, no network."""
    left = facts.planned - len(facts.points)
    synthetic = any(point.synthetic for point in facts.points)
    warning = el("p", el("b", "SYNTHETIC DATA. "), "Real examples differ.", class_="warning") if synthetic else None
    going = el("p", f"Still to be made: {counted(left, 'points')}.") if left else None
    header = el(
        "header",
        el("h1", f"{facts.task} on {', '.join(facts.boards) or 'no board yet'}"),
        warning,
        el("p", f"{counted(len(facts.points), 'networks')}; limits are for runtime {facts.runtime}."),
        going,
    )
    plots = [_plot(facts, cost) for cost in COSTS]
    return document(
        f"micronets: a sweep of {facts.task}",
        CSS,
        header,
        _picks_section(facts),
        section("Fronts", el("p", _PLOT_TEXT), [plot for plot in plots if plot is not None]) if facts.points else None,
        _points_section(facts),
        _refused_section(facts),
        section("Configuration", el("pre", facts.config)),
    )


_PLOT_TEXT = (
    "A dot is the int8 network of a point on the test split, the line through it its 95 % interval. A curve joins "
    "the networks of a board that no other one beats in both, and its dots are filled. If intervals overlap, the "
    "test examples do not distinguish the networks."
)


def _picks_section(facts: SweepFacts) -> Markup | None:
    """Shows which network to take under each limit."""
    rows = [
        (pick.text(), _link(pick.point), percent(pick.point.value), _interval(pick.point)) for pick in facts.picks()
    ]
    if not rows:
        return None
    about = "Picked on the validation split; the figures are those of the test split, which was used for no choice."
    table = html_table(("", "network", _metric(facts), "95 %"), rows, (2, 3), own_line="first")
    return section("What to take", el("p", about), table)


def _link(point: FrontPoint) -> Markup:
    return el("a", point.name, href=f"{point.directory}/report.html")


def _points_section(facts: SweepFacts) -> Markup | None:
    """Shows every finished point in figures."""
    optimal = facts.optimal()
    head = ("network", "", _metric(facts), "95 %", "source", "made in", *(LIMITS[cost].label for cost in COSTS))
    rows = [
        (
            _link(point),
            _mark(point, optimal),
            percent(point.value),
            _interval(point),
            point.source,
            duration(sum(point.seconds.values())),
            *(_figure(point, cost) for cost in COSTS),
        )
        for point in facts.points
    ]
    about = "Pareto: no other network of the board is at least as good in accuracy and all costs, and better in one."
    table = html_table(head, rows, numeric=(2, 3, *range(5, len(head))), own_line="lines of five")
    return section("All networks", el("p", about), table) if rows else None


def _refused_section(facts: SweepFacts) -> Markup | None:
    """Shows the points that were left out, and why."""
    rows = [(refusal.name, refusal.reason) for refusal in facts.refused]
    return section("Left out", html_table(("point", "why"), rows, own_line="first")) if rows else None


def _plot(facts: SweepFacts, cost: str) -> Markup | None:
    """Draws accuracy against one cost; None if no point has the cost."""
    if not any(cost in point.figures for point in facts.points):
        return None
    return el(
        "figure",
        both_widths(lambda width: front_chart(facts, cost, width)),
        legend(facts.boards) if len(facts.boards) > 1 else None,
    )


def front_chart(facts: SweepFacts, cost: str, width: int = WIDTH) -> Markup:
    """Draws the points of all boards: their score against a cost, with intervals, and each board's front.

    - `facts`: the facts of the sweep, with the points.
    - `cost`: the name of the cost; its axis starts at 0.
    - `width`: width of the drawing.
    """
    left, bottom, top, right, height = 62, 40, 26, 22, 300
    shown = [point for point in facts.points if cost in point.figures]
    ends = [100 * share for point in shown for share in (point.value, *(point.interval or ()))]
    y_marks = ticks(min(ends), max(ends))
    x_marks = ticks(0.0, max(point.figures[cost] for point in shown), 5 if width > NARROW else 3)
    label = f"{metric_label(shown[0].metric)} against {LIMITS[cost].label}"

    def x(point: FrontPoint) -> float:
        return left + (width - left - right) * point.figures[cost] / x_marks[-1]

    def y(value: float) -> float:
        return top + (height - top - bottom) * (y_marks[-1] - value) / (y_marks[-1] - y_marks[0])

    parts = [
        y_axis(y_marks, y, left, width - right),
        svg_text(left, 14, f"{metric_label(shown[0].metric)}, %", "small"),
    ]
    for mark in x_marks:
        at = left + (width - left - right) * mark / x_marks[-1]
        parts.append(mark_text(at, height - bottom + 16, short_number(mark), width))
    unit = LIMITS[cost].unit
    axis = LIMITS[cost].label if unit == LIMITS[cost].label else f"{LIMITS[cost].label}, {unit}"
    parts.append(svg_text(width - right, height - 4, axis, "small", "end"))
    optimal = facts.optimal((cost,))
    for k, board in enumerate(facts.boards):
        own = [point for point in shown if point.board == board]
        front = sorted((point for point in own if point in optimal), key=x)
        line = " ".join(f"{x(point):.1f},{y(100 * point.value):.1f}" for point in front)
        bars = [
            el("line", x1=x(p), x2=x(p), y1=y(100 * p.interval[0]), y2=y(100 * p.interval[1]), stroke_width=1)
            for p in own
            if p.interval is not None
        ]
        curve = el("polyline", points=line) if len(front) > 1 else None
        parts.append(el("g", curve, bars, class_=f"curve c{k % COLOURS}"))
        parts.append(
            el("g", [_dot(p, x(p), y(100 * p.value), p in optimal) for p in own], class_=f"c{k % COLOURS} fill")
        )
    return svg(width, height, parts, label=label)


def _dot(point: FrontPoint, x: float, y: float, filled: bool) -> Markup:
    """Draws a point, with a tooltip of its name and figures."""
    title = el("title", f"{point.name}: {_short(point)}")
    return el("circle", title, cx=x, cy=y, r=4.5 if filled else 3, fill_opacity=1 if filled else 0.35)
