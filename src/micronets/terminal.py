"""Numbers as people read them, and tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def amount(value: float | None, unit: str) -> str:
    """`65,536 B`, `8.30 M MACs`, `12.5 ms`, and plain counts as `28,396`."""
    if value is None:
        return "unknown"
    if unit == "B":
        return f"{value:,.0f} B"
    if unit == "MACs":
        return f"{value / 1e6:,.2f} M MACs"
    return f"{value:,d}" if isinstance(value, int) else f"{value:,.4g} {unit}".rstrip()


def percent(share: float) -> str:
    """`95.34 %`."""
    return f"{100 * share:.2f} %"


def metric_label(metric: str) -> str:
    """Name of a metric as it stands in tables: `accuracy`, `AUC`, `pAUC fan_id_00`."""
    first, _, rest = metric.partition(" ")
    return " ".join([{"auc": "AUC", "pauc": "pAUC"}.get(first, first), *([rest] if rest else [])])


def interval_text(interval: Sequence[float]) -> str:
    """`95 % interval 93.1 % to 97.0 %`."""
    return f"95 % interval {100 * interval[0]:.1f} % to {100 * interval[1]:.1f} %"


def duration(seconds: float) -> str:
    """`47 s`, `12:05`, `3:02:10`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def columns(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table of fixed-width columns, those in `numeric` flush right, without a last newline."""
    lines = [list(map(str, r)) for r in (head, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = [
        "  ".join(c.rjust(w) if i in numeric else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in [out[0], "  ".join("-" * w for w in widths), *out[1:]])
