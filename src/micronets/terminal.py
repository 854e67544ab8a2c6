"""Numbers in readable form, and tables of text. The callers decide what the numbers mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Escapes characters that a terminal or a browser would interpret, as Python does, for instance `\\x1b`.

    These are control characters except newline and tab, characters that change the writing direction or have no width,
    and lone surrogates. Text from models, data and files may hold them.
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def amount(value: float | None, unit: str) -> str:
    """Returns the text of an amount with its unit, as in `65,536 B`, `8.30 M MACs` or `12.5 ms`.

    A plain count, of unit "", is written as `28,396`, and None as `unknown`.
    """
    if value is None:
        return "unknown"
    if unit == "B":
        return f"{value:,.0f} B"
    if unit == "MACs":
        return f"{value / 1e6:,.2f} M MACs"
    return f"{value:,d}" if isinstance(value, int) else f"{value:,.4g} {unit}".rstrip()


def amount_row(label: str, value: float | None, unit: str, about: str) -> list[tuple[str, str, str]]:
    """Returns a row of a table of figures, as a list of one row, or an empty list for an unknown figure.

    - label: the name of the figure.
    - value: the figure; None if unknown.
    - unit: its unit, as for `amount`.
    - about: a remark for the last column.
    """
    return [] if value is None else [(label, amount(value, unit), about)]


def counted(number: int, nouns: str) -> str:
    """Returns the text of a number of things, as in `1 clip`, `1,200 other files` or `0 classes`.

    - number: their number.
    - nouns: the word for them, in the plural, which ends in s; other words may precede it.
    """
    if number != 1:
        return f"{number:,} {nouns}"
    for plural, single in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", "")):
        if nouns.endswith(plural):
            return f"1 {nouns.removesuffix(plural)}{single}"
    raise ValueError(f"'{nouns}' is no plural in s")


def percent(share: float) -> str:
    """Returns the text of a share, 0 to 1, as in `95.34 %`."""
    return f"{100 * share:.2f} %"


def metric_label(metric: str) -> str:
    """Returns the name of a metric as tables show it.

    `auc` becomes `AUC`, `pauc fan_id_00` becomes `pAUC fan_id_00`, `balanced_accuracy` becomes `balanced accuracy`;
    others stay as they are.
    """
    first, _, rest = metric.partition(" ")
    label = {"auc": "AUC", "pauc": "pAUC", "balanced_accuracy": "balanced accuracy"}.get(first, first)
    return " ".join([label, *([rest] if rest else [])])


def interval_text(interval: Sequence[float]) -> str:
    """Returns the text of a confidence interval of two shares, 0 to 1, as in `95 % interval 93.1 % to 97.0 %`."""
    return f"95 % interval {100 * interval[0]:.1f} % to {100 * interval[1]:.1f} %"


def duration(seconds: float) -> str:
    """Returns the text of a time in seconds as in `47 s`, `12:05` (minutes) or `3:02:10` (hours)."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """Lays out a table of text in columns as wide as their widest cell, without a newline at the end.

    - `head`: titles of the columns, underlined.
    - `rows`: the cells, one for each column.
    - `numeric`: numbers of the columns, from 0, that are aligned to the right.
    """
    lines = [[printable(str(cell)) for cell in r] for r in (head, *rows)]  # as wide as displayed
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    out = [
        "  ".join(c.rjust(w) if i in numeric else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True)))
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in [out[0], "  ".join("-" * w for w in widths), *out[1:]])
