"""Which folder of src/micronets may import which: a test holds the sources to it, docs/architecture.svg shows it."""

from collections.abc import Mapping

ALONE = frozenset(
    {
        "arguments",
        "cells",
        "child_processes",
        "errors",
        "files",
        "history",
        "installation",
        "number",
        "output_directory",
        "progress",
        "ranges",
        "records",
        "terminal",
        "toml_text",
        "user_code",
    }
)
"""Modules beside the folders that everybody may import."""

CORE = frozenset({"ir", "quantized", "boards", "cost"})
DEPLOY = frozenset({"tflite", "importers", "compiler", "device", "runtimes"})
DESIGN = frozenset({"frontend", "tasks", "design"})
ALLOWED: Mapping[str, frozenset[str]] = {
    "ir": frozenset(),
    "frontend": frozenset(),
    "quantized": frozenset({"ir", "frontend"}),
    "boards": frozenset(),
    "cost": frozenset({"ir", "quantized", "boards", "frontend"}),
    "streaming": frozenset({"ir", "quantized", "frontend"}),
    "tflite": frozenset({"ir", "quantized", "cost"}),
    "importers": frozenset({"ir", "quantized", "tflite", "cost"}),
    "compiler": CORE | {"frontend", "streaming"},
    "device": CORE | {"tflite", "frontend", "streaming", "compiler"},
    "runtimes": CORE | {"tflite", "compiler", "device"},
    "apps": CORE | {"streaming", "compiler", "device"},
    "tasks": frozenset({"ir", "frontend"}),
    "design": CORE | {"frontend", "tasks"},
    "fetch": frozenset(),
    "report": CORE | DEPLOY,
    "commands": CORE | DEPLOY | DESIGN | {"streaming", "apps", "report"},
    "pipeline": CORE | DEPLOY | DESIGN | {"streaming", "report", "commands"},
    "cli": CORE | DEPLOY | DESIGN | {"streaming", "fetch", "report", "commands", "pipeline"},
}
"""For each folder, the others that it may import: the core below, two halves that do not see each other, and on top
what joins them. Each folder stands after all that it may import, so there are no circles."""


def reachable(arrows: Mapping[str, frozenset[str]], start: str) -> frozenset[str]:
    """Returns every folder that can be reached from `start` along arrows, without `start`."""
    found: frozenset[str] = frozenset()
    for name in arrows[start]:
        found |= {name} | reachable(arrows, name)
    return found


def fewest_arrows() -> dict[str, frozenset[str]]:
    """`ALLOWED` without what can be reached by a longer way."""
    return {a: to - frozenset().union(*(reachable(ALLOWED, b) for b in to)) for a, to in ALLOWED.items()}


def exceptions() -> list[tuple[str, str]]:
    """(folder, other) where arrows lead from a folder to another that it may not import all the same."""
    return [(a, b) for a in ALLOWED for b in sorted(reachable(ALLOWED, a) - ALLOWED[a])]
