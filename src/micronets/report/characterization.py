"""The findings of `characterize` as a page, as text for a terminal, and their drawings."""

from __future__ import annotations

from collections.abc import Sequence

from micronets.report import charts
from micronets.report.latency_findings import Findings, ModelErrors, NetworkRecord
from micronets.report.markup import Markup, el, table
from micronets.report.style import CSS
from micronets.terminal import text_table


def page(found: Findings, records: Sequence[NetworkRecord]) -> str:
    """`characterization.html`: needs nothing else, neither script nor network."""
    title = f"{found.board}: latency of random networks"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"micronets: {title}"),
        el("style", Markup(CSS)),
    )
    sections = [
        el("header", el("h1", title), el("p", f"{source(found)}.", class_="small")),
        _section("Whole networks against ops", ops_plot(records), _html(whole_rows(found))),
        _section("Layers against ops", _html(kind_rows(found))),
        _section("Channels that fill blocks of four", _html(channel_rows(found))) if found.channels else None,
        _section("The latency model", _html(model_rows(found.model)), _html(residual_rows(found.model)))
        if found.model
        else None,
    ]
    return "<!doctype html>\n" + el("html", head, el("body", el("main", sections)), lang="en") + "\n"


def _section(title: str, *body: Markup) -> Markup:
    return el("section", el("h2", title), *body)


def _html(rows: Sequence[Sequence[str]]) -> Markup:
    return table(rows[0], rows[1:], numeric=range(1, len(rows[0])))


def text(found: Findings) -> str:
    """The same as text."""
    parts = [whole_rows(found), kind_rows(found)]
    parts += [model_rows(found.model)] if found.model else []
    tables = [text_table(rows[0], rows[1:], range(1, len(rows[0]))) for rows in parts]
    return "\n\n".join([*tables, source(found)])


def source(found: Findings) -> str:
    """Where the figures are from, in a line."""
    counts = ", ".join(f"{n} of {space}" for space, n in found.networks.items())
    large = f"; {found.too_large} more are too large for it" if found.too_large else ""
    return f"source: {found.source}, {found.board}, {found.toolchain}; random networks: {counts}{large}"


def ops_plot(records: Sequence[NetworkRecord]) -> Markup:
    """Latency of every network against its ops, a colour for each space."""
    single = ({"channels"}, {"inputs", "units"})  # networks of one layer
    spaces = list(dict.fromkeys(r.space for r in records if r.values.keys() not in single))
    groups = [(s, [(r.ops / 1e6, r.latency_ms) for r in records if r.space == s]) for s in spaces]
    return charts.scatter(groups, "latency, ms", "millions of ops (1 MAC is 2)")


def whole_rows(found: Findings) -> list[tuple[str, ...]]:
    """A row for each space, and one for all of them."""
    lines = {**found.whole, **({"all of them": found.pooled} if len(found.whole) > 1 else {})}
    return [
        ("space", "networks", "ms per Mop", "intercept ms", "r2"),
        *((n, str(v.count), f"{v.slope:.3f}", f"{v.intercept:.1f}", f"{v.r2:.3f}") for n, v in lines.items()),
    ]


def kind_rows(found: Findings) -> list[tuple[str, ...]]:
    """A row for each kind of layer."""
    return [
        ("layers", "count", "cycles per op", "slope", "intercept, cycles", "r2"),
        *(
            (n, str(v.count), f"{v.cycles_per_op:.2f}", f"{v.slope:.2f}", f"{v.intercept:,.0f}", f"{v.r2:.3f}")
            for n, v in found.kinds.items()
        ),
    ]


def channel_rows(found: Findings) -> list[tuple[str, ...]]:
    """A row for each number of channels of one convolution."""
    return [
        ("channels", "cycles", "cycles per MAC"),
        *((str(v.channels), f"{v.cycles:,}", f"{v.cycles / v.macs:.3f}") for v in found.channels),
    ]


def model_rows(model: ModelErrors) -> list[tuple[str, ...]]:
    """The latency model on held-out networks, by space and in all, and the line through ops beside it."""
    lines = {**model.spaces, "all of them": model.held_out, "ops alone, one line": model.ops_alone}
    return [
        ("held-out networks", "count", "mean error", "worst", "rank correlation", "r2"),
        *((n, str(v.count), f"{v.mean:.1%}", f"{v.worst:.1%}", f"{v.rank:.4f}", f"{v.r2:.4f}") for n, v in lines.items()),
    ]


def residual_rows(model: ModelErrors) -> list[tuple[str, ...]]:
    """By kind of kernel: how far off the model is on the layers of held-out networks."""
    return [
        ("kernel", "layers", "error", "share of all cycles"),
        *((n, str(v.layers), f"{v.error:.1%}", f"{v.share:.1%}") for n, v in model.residuals.items()),
    ]
