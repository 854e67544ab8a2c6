"""The findings of the command characterize as a page and as text; `latency_findings.py` has their records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from micronets.report import charts
from micronets.report.latency_findings import Findings, ModelErrors, NetworkRecord
from micronets.report.markup import Markup, document, el, html_table, section
from micronets.report.style import CSS
from micronets.terminal import text_table


def characterization_page(found: Findings, records: Sequence[NetworkRecord]) -> str:
    """Returns the text of `characterization.html`, a self-contained page without scripts."""
    title = f"{found.board}: latency of random networks"

    def plot(width: int) -> Markup:
        return ops_plot(records, found.networks, width)

    sections = [
        el("header", el("h1", title), el("p", f"{source_line(found)}.", class_="small")),
        section("Whole networks against ops", charts.both_widths(plot), _rows_html(whole_rows(found))),
        section("Layers against ops", _rows_html(kind_rows(found))),
        section("Channels that fill blocks of four", _rows_html(channel_rows(found))) if found.channels else None,
        section("The latency model", _rows_html(model_rows(found.model)), _rows_html(residual_rows(found.model)))
        if found.model
        else None,
    ]
    return document(f"micronets: {title}", CSS, sections)


def _rows_html(rows: Sequence[Sequence[str]]) -> Markup:
    """Returns rows, the first of which is the head, as a table of the page; all columns but the first are numbers."""
    return html_table(rows[0], rows[1:], numeric=range(1, len(rows[0])), own_line="first")


def findings_text(found: Findings) -> str:
    """Returns the main tables of the findings, and their source, as text for a terminal."""
    parts = [whole_rows(found), kind_rows(found)]
    parts += [model_rows(found.model)] if found.model else []
    tables = [text_table(rows[0], rows[1:], range(1, len(rows[0]))) for rows in parts]
    return "\n\n".join([*tables, source_line(found)])


def source_line(found: Findings) -> str:
    """Describes the source of the figures in one line."""
    counts = ", ".join(f"{n} of {space}" for space, n in found.networks.items())
    large = f"; {found.too_large} more are too large for it" if found.too_large else ""
    return f"source: {found.source}, {found.board}, {found.toolchain}; random networks: {counts}{large}"


def ops_plot(records: Sequence[NetworkRecord], spaces: Iterable[str], width: int = charts.WIDTH) -> Markup:
    """Draws the latency of networks against their ops, with a colour per space.

    - `records`: measured networks; those of other spaces, such as single layers, are left out.
    - `spaces`: the names of the spaces to draw.
    - `width`: width of the drawing.
    """
    groups = [(s, [(r.ops / 1e6, r.latency_ms) for r in records if r.space == s]) for s in spaces]
    return charts.scatter_chart(groups, "latency, ms", "millions of ops (1 MAC is 2)", width)


def whole_rows(found: Findings) -> list[tuple[str, ...]]:
    """Returns a head, a row per space, and one for all spaces: the line of latency over ops."""
    lines = {**found.whole, **({"all of them": found.pooled} if len(found.whole) > 1 else {})}
    return [
        ("space", "networks", "ms per Mop", "intercept ms", "r2"),
        *((n, str(v.count), f"{v.slope:.3f}", f"{v.intercept:.1f}", f"{v.r2:.3f}") for n, v in lines.items()),
    ]


def kind_rows(found: Findings) -> list[tuple[str, ...]]:
    """Returns a head, and a row per kind of layer: the line of cycles over ops."""
    return [
        ("layers", "count", "cycles per op", "slope", "intercept, cycles", "r2"),
        *(
            (n, str(v.count), f"{v.cycles_per_op:.2f}", f"{v.slope:.2f}", f"{v.intercept:,.0f}", f"{v.r2:.3f}")
            for n, v in found.kinds.items()
        ),
    ]


def channel_rows(found: Findings) -> list[tuple[str, ...]]:
    """Returns a head, and a row per number of channels of one convolution: its cycles."""
    return [
        ("channels", "cycles", "cycles per MAC"),
        *((str(v.channels), f"{v.cycles:,}", f"{v.cycles / v.macs:.3f}") for v in found.channels),
    ]


def model_rows(model: ModelErrors) -> list[tuple[str, ...]]:
    """Returns a head, and rows for each space, all spaces and the line through ops: errors on held-out networks."""
    lines = {**model.spaces, "all of them": model.held_out, "ops alone, one line": model.ops_alone}
    return [
        ("held-out networks", "count", "mean error", "worst", "rank correlation", "r2"),
        *(
            (n, str(v.count), f"{v.mean:.1%}", f"{v.worst:.1%}", f"{v.rank:.4f}", f"{v.r2:.4f}")
            for n, v in lines.items()
        ),
    ]


def residual_rows(model: ModelErrors) -> list[tuple[str, ...]]:
    """Returns a head, and a row per kind of kernel: the error of the model on layers of held-out networks."""
    return [
        ("kernel", "layers", "error", "share of all cycles"),
        *((n, str(v.layers), f"{v.error:.1%}", f"{v.share:.1%}") for n, v in model.residuals.items()),
    ]
