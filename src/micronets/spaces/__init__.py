"""Search spaces by name. Each is a module with

    space       (Inputs, classes, options) -> SearchSpace
    standard    (SearchSpace) -> values of its choices but widths and shapes: the network that the space grew out of
    DEFAULTS    options whose defaults are others for some kind of input

and takes any kind of input: a function of `micronets.spaces.inputs`, whose options stand beside the space's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, get_type_hints

from micronets.errors import SpecError, did_you_mean
from micronets.space import SearchSpace
from micronets.spaces import inputs

SPACES = ("dscnn", "temporal", "resnet", "mobilenetv2")
KINDS = ("kws", "ad", "images", "features")


def options(name: str, kind: str) -> dict[str, Any]:
    """Every option of space `name` for inputs of `kind`, with its default. Raises `SpecError` for an unknown name."""
    module = _module(name)
    own = {k: p.default for f in _functions(name, kind) for k, p in inspect.signature(f).parameters.items()}
    return {k: module.DEFAULTS.get(kind, {}).get(k, v) for k, v in own.items() if v is not inspect.Parameter.empty}


def option_types(name: str, kind: str) -> dict[str, Any]:
    """The type of every option."""
    return {k: t for f in _functions(name, kind) for k, t in get_type_hints(f).items()}


def documentation(name: str, kind: str) -> str:
    """The docstrings that explain the options."""
    return "\n\n".join(inspect.getdoc(f) or "" for f in reversed(_functions(name, kind)))


def make(name: str, kind: str, classes: int, **given: Any) -> SearchSpace:
    """The space `name` for inputs of `kind`, with `classes` outputs; `given` are options. Raises `SpecError`."""
    chosen = options(name, kind)
    for key in given:
        if key not in chosen:
            raise SpecError(f"space {name}: no option '{key}'; {did_you_mean(key, chosen)}")
    chosen |= given
    own = inspect.signature(_input_function(kind)).parameters
    space: SearchSpace = _module(name).space(
        _input_function(kind)(**{k: v for k, v in chosen.items() if k in own}),
        classes,
        **{k: v for k, v in chosen.items() if k not in own},
    )
    return space


def uniform(space: SearchSpace, share: float, multiple: int = 4) -> tuple[SearchSpace, dict[str, int]]:
    """The space's standard network with every width at one share of its largest, and the space that holds it.

    share: 0..1; widths are rounded to `multiple`. Maps are the largest.
    """
    choices = []
    for c in space.choices:
        width = max(multiple, int(c.options[-1] * share / multiple + 0.5) * multiple)
        choices.append(replace(c, options=(width,)) if c.kind == "width" else c)
    scaled = replace(space, choices=tuple(choices))
    standard: Mapping[str, int] = _module(space.name).standard(space)
    nearest = {name: min(scaled.choice(name).options, key=lambda o, v=v: abs(o - v)) for name, v in standard.items()}
    return scaled, scaled.largest() | nearest


def _module(name: str) -> Any:
    if name not in SPACES:
        raise SpecError(f"unknown space '{name}'; {did_you_mean(name, SPACES)}")
    return import_module(f"micronets.spaces.{name}")


def _input_function(kind: str) -> Callable[..., inputs.Inputs]:
    function: Callable[..., inputs.Inputs] = getattr(inputs, kind)
    return function


def _functions(name: str, kind: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return _input_function(kind), _module(name).space
