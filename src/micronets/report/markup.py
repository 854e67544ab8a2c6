"""HTML and SVG as nested function calls; text is escaped unless it is already `Markup`."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Literal

from micronets.terminal import printable

_VOID = {"meta", "br", "img", "line", "rect", "path", "circle", "polyline"}


class Markup(str):
    """Text that is already HTML or SVG, and is inserted unchanged."""

    __slots__ = ()


Child = str | float | int | Iterable["Child"] | None
Attribute = str | float | int | None


def escape(value: Child) -> Markup:
    """Turns a value into markup: text is escaped, a number written out, a sequence joined, and None left out."""
    if value is None:
        return Markup("")
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return Markup(html.escape(printable(value), quote=False))
    if isinstance(value, (int, float)):
        return Markup(number(value))
    return Markup("".join(escape(v) for v in value))


def el(tag: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Returns an element of HTML or SVG.

    - `tag`: its name.
    - `children`: its content, as for `escape`.
    - `attributes`: by name, with underscores for dashes, and one at the end of a Python keyword (`class_`); those that
      are None are left out.
    """
    given = {k.rstrip("_").replace("_", "-"): v for k, v in attributes.items() if v is not None}
    written = "".join(
        f' {k}="{html.escape(printable(v) if isinstance(v, str) else number(v))}"' for k, v in given.items()
    )
    if tag in _VOID and not children:
        return Markup(f"<{tag}{written}/>")
    return Markup(f"<{tag}{written}>{escape(children)}</{tag}>")


def number(value: float) -> str:
    """Returns the text of a number with at most two decimals, which is exact enough for a coordinate."""
    return str(value) if isinstance(value, int) else f"{value:.2f}".rstrip("0").rstrip(".")


def html_table(
    head: Iterable[Child],
    rows: Iterable[Iterable[Child]],
    numeric: Iterable[int] = (),
    *,
    own_line: Literal["first", "first three", "lines of five", "last"] | None = None,
) -> Markup:
    """Returns a table that scrolls sideways if it is too wide for the page.

    - `head`: titles of the columns.
    - `rows`: the cells, one per column.
    - `numeric`: numbers of the columns, from 0, that are aligned to the right.
    - `own_line`: the cells of each row that get a line of their own on a narrow page, so that nothing is cut off: the
      first one or the first three above the others, or the last one below them. Of the three, the second is as wide as
      two columns, so that four numbers fit below them. "lines of five" is for 11 columns: the first cell has its own
      line at all widths, and a narrow page has two cells in its first line, four in its second (the figure and its
      interval first) and five in its third.
    """
    head = list(head)
    right = set(numeric)

    def cells(kind: str, row: Iterable[Child]) -> Markup:
        return el("tr", [el(kind, c, class_="n" if i in right else None) for i, c in enumerate(row)])

    body = [cells("td", r) for r in rows]
    below = {"first three": len(head) - 3, "lines of five": 5}
    columns = None if own_line is None else f"--columns: {below.get(own_line, len(head) - 1)}"
    class_ = None if own_line is None else own_line.replace(" ", "-")
    table = el("table", el("thead", cells("th", head)), el("tbody", body), class_=class_, style=columns)
    return el("div", table, class_="scroll")


def section(title: str, *body: Child) -> Markup:
    """Returns a section of a page, with its heading."""
    return el("section", el("h2", title), *body)


def document(title: str, style: str, *body: Child) -> str:
    """Returns the text of a complete, self-contained page with the style sheet `style`."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        el("style", Markup(style)),
    )
    return "<!doctype html>\n" + el("html", head, el("body", el("main", *body)), lang="en") + "\n"
