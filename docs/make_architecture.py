"""Draws docs/architecture.svg, and writes the table of folders into docs/architecture.md.

Run from the repository: `python -m docs.make_architecture`.

The arrows are those of `docs.folders`, which a test holds the sources to; what a folder is for is the first line of its
`__init__.py`. A test (tests/docs/test_architecture.py) tells when picture or table are not those of today.
"""

from __future__ import annotations

import ast
from html import escape
from pathlib import Path

from benchmarks.tables import replace_section
from docs.folders import ALLOWED, exceptions, fewest_arrows

HERE = Path(__file__).parent
PICTURE, PAGE = HERE / "architecture.svg", HERE / "architecture.md"
PACKAGE = HERE.parent / "src" / "micronets"

WIDTH, HEIGHT = 960, 640
BOX = (150, 48)
PANELS = (  # x, y, width, height, title, where its line is below y, colour
    (20, 16, 920, 190, "On top: joins the halves", 22, "#eef2f7"),
    (20, 228, 410, 206, "Design: task, board, budget to .tflite (torch)", 22, "#fdf1e3"),
    (530, 228, 410, 256, "Deploy: .tflite to C, built and measured", 22, "#e6f4ea"),
    (20, 492, 920, 132, "Core: what both halves build on, without torch", 121, "#eceaf6"),
)
PLACES = {  # middle of the upper edge, and what the folder is in a few words
    "cli": (480, 50, "arguments, exit codes"),
    "fetch": (200, 50, "published data sets"),
    "apps": (850, 50, "firmware projects"),
    "pipeline": (170, 136, "stages, run directory"),
    "commands": (400, 136, "compile, measure, ..."),
    "report": (630, 136, "pages, tables, charts"),
    "design": (330, 266, "search, train, export"),
    "tasks": (115, 266, "data, labels, metric"),
    "streaming": (335, 366, "outputs to decisions"),
    "frontend": (140, 366, "sensor to input"),
    "device": (625, 266, "build, simulate, board"),
    "runtimes": (845, 266, "our C, TFLM"),
    "tflite": (625, 366, "read, write"),
    "importers": (735, 428, "other tools, ONNX"),
    "compiler": (845, 366, "passes, kernels, plan"),
    "ir": (115, 546, "layers, Arch, spaces"),
    "quantized": (345, 546, "integer reference"),
    "cost": (605, 546, "memory, size, time"),
    "boards": (845, 546, "boards, targets"),
}
FILE = (480, 282)  # the file in which the halves meet


def picture() -> str:
    """Returns the architecture as SVG: a box for each folder, an arrow to each folder that it may import."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="Helvetica, Arial, sans-serif">',
        "<title>The folders of src/micronets, and which may import which</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#44546a"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for x, y, width, height, title, line, colour in PANELS:
        parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="{colour}"/>')
        parts.append(_text(x + 14, y + line, title, 13, "#44546a", "start"))
    parts += [_arrow(a, b) for a, targets in fewest_arrows().items() for b in sorted(targets)]
    parts += _file()
    for name, (x, y, gist) in PLACES.items():
        left = x - BOX[0] // 2
        size = f'width="{BOX[0]}" height="{BOX[1]}" rx="6"'
        parts.append(f'<rect x="{left}" y="{y}" {size} fill="#ffffff" stroke="#44546a"/>')
        parts.append(_text(x, y + 20, name, 15, "#1a2433", weight="bold"))
        parts.append(_text(x, y + 38, gist, 12, "#44546a"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, size: int, colour: str, anchor: str = "middle", weight: str = "normal") -> str:
    style = f'font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


def _arrow(source: str, target: str) -> str:
    """Returns a line between two boxes, from edge to edge."""
    (x1, y1), (x2, y2) = (_middle(n) for n in (source, target))
    (x1, y1), (x2, y2) = _edge(x1, y1, x2, y2), _edge(x2, y2, x1, y1)
    line = f'x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"'
    return f'<line {line} stroke="#44546a" stroke-width="1.3" marker-end="url(#tip)"/>'


def _middle(name: str) -> tuple[float, float]:
    x, y, _ = PLACES[name]
    return x, y + BOX[1] / 2


def _edge(x: float, y: float, towards_x: float, towards_y: float) -> tuple[float, float]:
    """Where the line from the middle of a box towards another point leaves the box."""
    dx, dy = towards_x - x, towards_y - y
    share = min(BOX[0] / 2 / abs(dx) if dx else 2, BOX[1] / 2 / abs(dy) if dy else 2)
    return x + dx * share, y + dy * share


def _file() -> list[str]:
    """Returns the `.tflite` file between the halves, which one writes and the other reads."""
    x, y = FILE
    corner = f"M{x - 26} {y} h38 l14 14 v50 h-52 z M{x + 12} {y} v14 h14"
    flow = 'stroke="#b3541e" stroke-width="2" stroke-dasharray="5 3"'
    return [
        f'<line x1="431" y1="{y + 32}" x2="{x - 27}" y2="{y + 32}" {flow}/>',
        f'<line x1="{x + 27}" y1="{y + 32}" x2="529" y2="{y + 32}" {flow}/>',
        f'<path d="{corner}" fill="#ffffff" stroke="#b3541e" stroke-width="1.5"/>',
        _text(x, y + 38, ".tflite", 13, "#b3541e", weight="bold"),
    ]


def folders_table() -> str:
    """Returns a row for each folder, from the top down: what it is."""
    lines = ["| folder | what it is |", "|---|---|"]
    lines += [f"| `{name}/` | {_about(name)} |" for name in reversed(ALLOWED)]
    less = "; ".join(f"`{a}` may not import `{b}`" for a, b in exceptions())
    lines += ["", f"A folder may import whatever its arrows reach, directly or through others. Exceptions: {less}."]
    return "\n".join(lines)


def _about(name: str) -> str:
    """Returns the first line of a folder's docstring."""
    doc = ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text("utf-8")))
    if not doc:
        raise SystemExit(f"src/micronets/{name}/__init__.py has no docstring")
    return doc.splitlines()[0]


if __name__ == "__main__":
    PICTURE.write_text(picture(), "utf-8")
    replace_section(PAGE, "folders", folders_table())
