"""Search spaces by name. Each is a module with

    space       (Inputs, classes, options) -> SearchSpace
    standard    (SearchSpace) -> values of its choices but widths and shapes: the network that the space grew out of
    DEFAULTS    options whose defaults are others for some kind of input

and takes inputs of any kind that stands beside its name: kinds are functions of `micronets.ir.spaces.inputs`, and their options
stand beside the space's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, get_type_hints

from micronets.errors import SpecError, did_you_mean
from micronets.ir.space import SearchSpace
from micronets.ir.spaces import inputs

KINDS = ("kws", "ad", "images", "ic", "features")
SPACES: Mapping[str, tuple[str, ...]] = {
    "dscnn": KINDS,
    "temporal": ("kws", "ad", "features"),
    "resnet": KINDS,
    "mobilenetv2": KINDS,
}


def names(kind: str) -> tuple[str, ...]:
    """The spaces that have networks for inputs of `kind`."""
    return tuple(name for name, kinds in SPACES.items() if kind in kinds)


def options(name: str, kind: str) -> dict[str, Any]:
    """Every option of space `name` for inputs of `kind`, with its default. Raises `SpecError` for an unknown space."""
    own = {k: v for f in functions(name, kind) for k, v in defaults(f).items()}
    return own | {k: v for k, v in module(name).DEFAULTS.get(kind, {}).items() if k in own}


def option_types(name: str, kind: str) -> dict[str, Any]:
    """The type of every option."""
    return {k: t for f in functions(name, kind) for k, t in get_type_hints(f).items()}


def functions(name: str, kind: str) -> tuple[Callable[..., inputs.Inputs], Callable[..., SearchSpace]]:
    """The functions that make the inputs and the space; their arguments with defaults are options."""
    return getattr(inputs, kind), module(name).space


def defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a function that have defaults, with these."""
    parameters = inspect.signature(function).parameters
    return {k: p.default for k, p in parameters.items() if p.default is not p.empty}


def module(name: str) -> Any:
    """The module of a space. Raises `SpecError`."""
    if name not in SPACES:
        raise SpecError(f"unknown space '{name}'; {did_you_mean(name, SPACES)}")
    return import_module(f"micronets.ir.spaces.{name}")


def make(name: str, kind: str, classes: int, **given: Any) -> SearchSpace:
    """The space `name` for inputs of `kind`, with `classes` outputs; `given` are options. Raises `SpecError`."""
    chosen = options(name, kind)
    for key in given:
        if key not in chosen:
            raise SpecError(f"space {name}: no option '{key}'; {did_you_mean(key, chosen)}")
    chosen |= given
    make_inputs, make_space = functions(name, kind)
    of_inputs = defaults(make_inputs)
    made = make_inputs(**{k: v for k, v in chosen.items() if k in of_inputs})
    return make_space(made, classes, **{k: v for k, v in chosen.items() if k not in of_inputs})


def uniform(space: SearchSpace, share: float, multiple: int = 4) -> tuple[SearchSpace, dict[str, int]]:
    """The space's standard network with every width at one share of its largest, and the space that holds it.

    share: 0..1; widths are rounded to `multiple`. Maps are the largest.
    """
    choices = []
    for c in space.choices:
        width = max(multiple, int(c.options[-1] * share / multiple + 0.5) * multiple)
        choices.append(replace(c, options=(width,)) if c.kind == "width" else c)
    scaled = replace(space, choices=tuple(choices))
    standard: Mapping[str, int] = module(space.name).standard(space)
    return scaled, scaled.largest() | {name: _nearest(scaled.choice(name).options, v) for name, v in standard.items()}


def _nearest(options: tuple[int, ...], value: int) -> int:
    return min(options, key=lambda o: abs(o - value))
