"""Writes docs/configuration.md from the dataclasses that a configuration is made of:
`python -m docs.make_configuration`.

What a setting means stands in its class's docstring, as the list entry "- `name`: meaning" or as `name, name: meaning`;
here it becomes a table.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

from docs.wrap_markdown import wrapped
from micronets.boards.board import Budget
from micronets.design.search_settings import SearchSettings
from micronets.design.train_settings import TrainSettings
from micronets.ir import spaces
from micronets.ir.spaces.base import BITS, defaults
from micronets.ir.spaces.inputs import INPUT_KINDS
from micronets.pipeline.config import Config, TeacherConfig
from micronets.pipeline.sweep_config import SweepSettings
from micronets.pipeline.toml_config import literal
from micronets.tasks import TASKS

PAGE = Path(__file__).with_name("configuration.md")

HEAD = """# Configuration

One TOML file configures a run; `examples/` has some. This page lists every key. All keys have defaults except `board`
and either `space.name` or `space.file`; a run without a search does not need the latter
([own-data.md](own-data.md#training-a-finished-model-further)). An unknown key is an error that names the nearest known
one. `--set key=value` on the command line changes a setting, as in
`--set train.epochs=10 --set budget.arena_bytes=64K`. The resolved configuration is printed and saved as `config.toml`
in the run directory; it can be used as a configuration itself.

- Sizes are numbers of bytes, or strings with a unit: `"128K"` and `"128KiB"` are 131,072, `"128kB"` is 128,000.
- Counts may be written `8.3e6`.
- Paths are relative to the current directory.

This page is written by `python -m docs.make_configuration`.
"""

TOP_DEFAULTS = {
    "task": '"kws"',
    "out": '"runs/FILE"',
    "seed": "0",
    "threads": "0",
    "init": '"supernet"',
}  # as config.parse has them

SECTIONS: tuple[tuple[str, str, type], ...] = (
    ("", "Top", Config),
    ("budget.", "Budget", Budget),
    ("search.", "Search", SearchSettings),
    ("train.", "Training", TrainSettings),
    ("teacher.", "Teacher (optional)", TeacherConfig),
    ("sweep.", "Sweep", SweepSettings),
)


def entries(docstring: str, names: list[str]) -> list[tuple[list[str], str]]:
    """(names, meaning) of each `name, name: meaning` or list entry "- `name`, `name`: meaning" in a docstring.

    Exits with a message if a name is not explained.
    """
    name = "|".join(sorted(names, key=len, reverse=True))
    found = list(
        re.finditer(
            rf"- (`(?:{name})`(?:, `(?:{name})`)*): |(?:- )?(?<![\w`])((?:{name})(?:, (?:{name}))*): ", docstring
        )
    )
    ends = [m.start() for m in found[1:]] + [len(docstring)] * bool(found)
    rows = []
    for m, end in zip(found, ends, strict=True):
        meaning = re.split(r"\n\s*\n|\bRaises `", docstring[m.end() : end])[0]
        rows.append(((m[1] or m[2]).replace("`", "").split(", "), " ".join(meaning.split()).rstrip(".;")))
    missing = set(names) - {n for names_, _ in rows for n in names_}
    if missing:
        sys.exit(f"not explained in its docstring: {', '.join(sorted(missing))}")
    return rows


def table(prefix: str, docstring: str, defaults: dict[str, str]) -> str:
    """Returns one section's table."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for names, meaning in entries(docstring, list(defaults)):
        keys = ", ".join(f"`{prefix}{n}`" for n in names)
        values = ", ".join(f"`{defaults[n]}`" for n in names if defaults[n])
        lines.append(f"| {keys} | {values} | {meaning.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def default_of(field: dataclasses.Field[Any]) -> str:
    """Returns a default as TOML, empty where there is none."""
    if field.default is dataclasses.MISSING or field.default is None:
        return ""
    return literal(field.default)


def space_tables() -> str:
    """Returns the options of the input of every task, then those of every space, from the functions that make them."""
    parts = []
    kinds: dict[str, list[str]] = {}
    for task in TASKS.values():
        kinds.setdefault(task.inputs, []).append(task.name)
    for kind, tasks in kinds.items():
        parts.append(f"### `[space]`, input of {_tasks(tasks)}\n{_options(INPUT_KINDS[kind])}")
    for name, space in spaces.SPACES.items():
        parts.append(f'### `space.name = "{name}"`\n{_options(space.function)}')
        for kind, tasks in kinds.items():
            others = {k: v for k, v in space.defaults.get(kind, {}).items() if k in space.options(kind)}
            if others and kind in space.kinds:
                said = ", ".join(f"`{k} = {literal(v)}`" for k, v in others.items())
                parts.append(f"Defaults for {_tasks(tasks)}: {said}.")
    auto = (
        f'### `space.name = "{spaces.AUTO}"`\nAll spaces of the task are tried under the same limits, and the best one '
        "is searched ([search.md](search.md#choosing-a-space)). Only the options of the\ninput are allowed with it; "
        "`search.space_share` and `search.space_networks` set how much is tried."
    )
    bits = (
        '### `[space]`, every space\nThis option also exists for a space of your own, `name = "auto"` and '
        '`name = "init"`, and among the `options` of `mn.search`.\n\n'
        "| key | default | meaning |\n|---|---|---|\n"
        f"| `space.{BITS}` | `[8]` | the bits of the weights of a layer: `[8]`, `[4]`, or `[8, 4]` for a separate "
        "choice in every layer, called `bits_LAYER` ([search.md](search.md#bits-of-weights)) |"
    )
    fix = (
        "`[space.fix]` gives choices of the space a fixed value, as in `frame_stride = 2`, and so removes them from "
        "the search. The\nnames of the choices and their options are in `report.html`, and in the error message for "
        "an unknown name."
    )
    own = (
        '### `space.file = "my_space.py:my_space"`\nA search space of your own, instead of `space.name`: a '
        "function in your own Python file, `my_space(inputs, classes, **options)`\n-> `SearchSpace`. Its "
        "arguments with defaults are keys of `[space]`, in addition to those of the input. The\nrun keeps a copy in "
        "`search/space.py`, and cannot be resumed if the file has changed. [python.md](python.md) has an example."
    )
    return "\n\n".join(["## Space", *parts, auto, own, bits, fix])


def _options(function: Callable[..., Any]) -> str:
    """Returns the first line of a function's docstring, and a table of the arguments that have defaults."""
    doc = inspect.getdoc(function) or ""
    rows = table("space.", doc, {k: literal(v) for k, v in defaults(function).items()})
    return f"{doc.splitlines()[0]}\n\n{rows}"


def _tasks(names: list[str]) -> str:
    return f"task {names[0]}" if len(names) == 1 else f"tasks {', '.join(names[:-1])} and {names[-1]}"


def data_tables() -> str:
    """`[data]` of every task; a group of settings that several tasks share is shown once."""
    parts = []
    groups: dict[tuple[str, type], list[str]] = {}
    for task, record in TASKS.items():
        cls = record.options
        hints = get_type_hints(cls)
        nested = {name: _class_in(hint) for name, hint in hints.items() if _class_in(hint)}
        for name, group in nested.items():
            groups.setdefault((name, group), []).append(task)
        rows = table("data.", inspect.getdoc(cls) or "", _defaults(cls))
        parts.append(f"### `[data]`, task {task}\n{rows}")
    for (name, group), tasks in groups.items():
        rows = table(f"data.{name}.", inspect.getdoc(group) or "", _defaults(group))
        parts.append(f"### `[data.{name}]`, {_tasks(tasks)}\n{rows}")
    return "\n\n".join(["## Data", *parts])


def _class_in(hint: Any) -> Any:
    """Returns the dataclass that a type is, or may be; else None."""
    return next((t for t in (hint, *get_args(hint)) if dataclasses.is_dataclass(t)), None)


def _defaults(cls: type) -> dict[str, str]:
    return {f.name: default_of(f) for f in dataclasses.fields(cls)}


def page() -> str:
    """Returns the whole page."""
    parts = [HEAD]
    for prefix, title, cls in SECTIONS:
        fields = _defaults(cls)
        fields |= TOP_DEFAULTS if cls is Config else {}
        heading = f"## {title}" + (f": `[{prefix.rstrip('.')}]`" if prefix else "")
        parts.append(f"{heading}\n{table(prefix, inspect.getdoc(cls) or '', fields)}")
        if cls is Config:
            parts.append(data_tables())
        if cls is Budget:
            parts.append(space_tables())
    return wrapped("\n\n".join(p.strip() for p in parts)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
