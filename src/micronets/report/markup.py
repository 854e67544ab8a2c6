"""HTML and SVG as nested function calls. Text is escaped unless it is `Markup` already."""

from __future__ import annotations

import html
from collections.abc import Iterable

_VOID = {"meta", "br", "line", "rect", "path", "circle", "polyline"}


class Markup(str):
    """Text that is markup: put in as it is."""

    __slots__ = ()


Child = str | float | int | Iterable["Child"] | None
Attribute = str | float | int | None


def escape(value: Child) -> Markup:
    """`value` as markup: text escaped, numbers written out, sequences joined, `None` left out."""
    if value is None:
        return Markup("")
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return Markup(html.escape(value, quote=False))
    if isinstance(value, (int, float)):
        return Markup(number(value))
    return Markup("".join(escape(v) for v in value))


def el(tag: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """An element. Attribute names lose a trailing underscore (`class_`) and have dashes for underscores; `None` is left out."""
    given = {k.rstrip("_").replace("_", "-"): v for k, v in attributes.items() if v is not None}
    written = "".join(f' {k}="{html.escape(v if isinstance(v, str) else number(v))}"' for k, v in given.items())
    if tag in _VOID and not children:
        return Markup(f"<{tag}{written}/>")
    return Markup(f"<{tag}{written}>{escape(children)}</{tag}>")


def number(value: float) -> str:
    """A coordinate or a count, as short as it is exact enough."""
    return str(value) if isinstance(value, int) else f"{value:.2f}".rstrip("0").rstrip(".")


def table(head: Iterable[Child], rows: Iterable[Iterable[Child]], numeric: Iterable[int] = ()) -> Markup:
    """An HTML table that scrolls sideways where it is too wide; columns in `numeric` are set flush right."""
    right = set(numeric)

    def cells(kind: str, row: Iterable[Child]) -> Markup:
        return el("tr", [el(kind, c, class_="n" if i in right else None) for i, c in enumerate(row)])

    body = [cells("td", r) for r in rows]
    return el("div", el("table", el("thead", cells("th", head)), el("tbody", body)), class_="scroll")
