"""Search spaces by name: each is a file with one `Space` record and a line in `SPACES`.

They take inputs of any kind that the record names; kinds are the functions of `micronets.ir.spaces.inputs`, and their
options stand beside the space's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from micronets.errors import SpecError, did_you_mean
from micronets.ir.space import SearchSpace
from micronets.ir.spaces import dscnn, mobilenetv2, resnet, temporal
from micronets.ir.spaces.base import Space
from micronets.ir.spaces.inputs import KINDS

__all__ = ["KINDS", "SPACES", "Space", "find", "make", "names", "uniform"]

SPACES: Mapping[str, Space] = {s.name: s for s in (dscnn.SPACE, temporal.SPACE, resnet.SPACE, mobilenetv2.SPACE)}
"""The spaces that come with micronets."""


def names(kind: str) -> tuple[str, ...]:
    """The spaces that have networks for inputs of `kind`."""
    return tuple(s.name for s in SPACES.values() if kind in s.kinds)


def find(name: str) -> Space:
    """The space of that name. Raises `SpecError`."""
    if name not in SPACES:
        raise SpecError(f"unknown space '{name}'; {did_you_mean(name, SPACES)}")
    return SPACES[name]


def make(name: str, kind: str, classes: int, **given: Any) -> SearchSpace:
    """The space `name` for inputs of `kind`, with `classes` outputs; `given` are options. Raises `SpecError`."""
    return find(name).make(kind, classes, **given)


def uniform(space: SearchSpace, share: float, multiple: int = 4) -> tuple[SearchSpace, dict[str, int]]:
    """The space's standard network with every width at one share of its largest, and the space that holds it.

    share: 0..1; widths are rounded to `multiple`. Maps are the largest. Raises `SpecError` for a space without a
    standard.
    """
    choices = []
    for c in space.choices:
        width = max(multiple, int(c.options[-1] * share / multiple + 0.5) * multiple)
        choices.append(replace(c, options=(width,)) if c.kind == "width" else c)
    scaled = replace(space, choices=tuple(choices))
    standard = find(space.name).standard
    if standard is None:
        raise SpecError(f"space {space.name}: names no standard network; give its record a function `standard`")
    return scaled, scaled.largest() | {
        name: _nearest(scaled.choice(name).options, v) for name, v in standard(space).items()
    }


def _nearest(options: tuple[int, ...], value: int) -> int:
    return min(options, key=lambda o: abs(o - value))
