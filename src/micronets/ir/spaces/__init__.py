"""Search spaces by name: each is a file with one `Space` record and a line in `SPACES`.

A space takes inputs of every kind that its record names. The kinds are `inputs.INPUT_KINDS`; a kind's options stand
beside those of the space.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from micronets.errors import SpecError, did_you_mean
from micronets.ir.space import SearchSpace
from micronets.ir.spaces import dscnn, mobilenetv2, resnet, temporal
from micronets.ir.spaces.base import Space, defaults
from micronets.ir.spaces.inputs import INPUT_KINDS

__all__ = ["AUTO", "INPUT_KINDS", "SPACES", "Space", "defaults", "find_space", "make", "names", "uniform"]

SPACES: Mapping[str, Space] = {s.name: s for s in (dscnn.SPACE, temporal.SPACE, resnet.SPACE, mobilenetv2.SPACE)}
"""The spaces that come with micronets."""

AUTO = "auto"
"""What stands in place of a space's name where the search first chooses among several spaces."""


def names(kind: str) -> tuple[str, ...]:
    """Returns the names of the spaces that have networks for inputs of `kind`."""
    return tuple(s.name for s in SPACES.values() if kind in s.kinds)


def find_space(name: str) -> Space:
    """Returns the space called `name`. Raises `SpecError` if there is none."""
    if name not in SPACES:
        raise SpecError(f"unknown space '{name}'; {did_you_mean(name, SPACES)}")
    return SPACES[name]


def make(name: str, kind: str, classes: int, **given: Any) -> SearchSpace:
    """Returns the search space `name` for one kind of input.

    - name: a name of `SPACES`.
    - kind: a name of `INPUT_KINDS`.
    - classes: how many outputs the networks have.
    - given: options of the inputs and of the space, by name; the others have their defaults.

    Raises `SpecError` for an unknown space or option, or for a value out of range.
    """
    return find_space(name).make(kind, classes, **given)


def uniform(space: SearchSpace, share: float, multiple: int = 4) -> tuple[SearchSpace, dict[str, int]]:
    """Returns the space's standard network with every width scaled alike: the space that holds it, and its values.

    - share: every width as a share of its largest option, 0..1. Maps are the largest that the space has.
    - multiple: what widths are rounded to a multiple of.

    Raises `SpecError` for a space without a standard network.
    """
    choices = []
    for c in space.choices:
        width = max(multiple, int(c.options[-1] * share / multiple + 0.5) * multiple)
        choices.append(replace(c, options=(width,)) if c.kind == "width" else c)
    scaled = replace(space, choices=tuple(choices))
    standard = find_space(space.name).standard
    if standard is None:
        raise SpecError(f"space {space.name}: names no standard network; give its record a function `standard`")
    nearest = {name: _nearest(scaled.choice(name).options, v) for name, v in standard(space).items()}
    return scaled, scaled.largest() | nearest


def _nearest(options: tuple[int, ...], value: int) -> int:
    return min(options, key=lambda o: abs(o - value))
