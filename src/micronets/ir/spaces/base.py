"""`Space`: all that is known of a family of networks that can be searched, ours or the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from micronets.errors import SpecError, did_you_mean
from micronets.ir.space import SearchSpace, with_bits
from micronets.ir.spaces.inputs import INPUT_KINDS, Inputs

BITS = "bits"
"""The option that every space has besides its own: of how many bits the weights of a layer may be (`with_bits`)."""

SpaceOptions = Mapping[str, Any]
"""Options of a space by name. Each is of the type that the space's function, which may be a user's, has for it."""


@dataclass(frozen=True)
class Space:
    """A family of networks for inputs of some kinds.

    - name: what configurations and messages call it.
    - kinds: the kinds of inputs that it has networks for (`inputs.INPUT_KINDS`).
    - function: `(Inputs, classes, **options) -> SearchSpace`; its arguments with defaults are the options of the
      space.
    - standard: gives the network that the space grew out of, as values of all choices but widths and shapes; None if
      there is no such network.
    - defaults: for a kind of input, the options whose defaults differ from those of `function`.
    """

    name: str
    kinds: tuple[str, ...]
    function: Callable[..., SearchSpace]
    standard: Callable[[SearchSpace], Mapping[str, int]] | None = None
    defaults: Mapping[str, SpaceOptions] = field(default_factory=dict)

    def own_options(self) -> SpaceOptions:
        """Returns the options of the space without those of its inputs, each with its default."""
        return defaults(self.function)

    def options(self, kind: str) -> SpaceOptions:
        """Returns every option for inputs of `kind` with its default.

        Those of the inputs come first, then those of the space, and the bits of weights last.
        """
        own = {**defaults(INPUT_KINDS[kind]), **defaults(self.function), BITS: (8,)}
        return own | {k: v for k, v in self.defaults.get(kind, {}).items() if k in own}

    def option_types(self, kind: str) -> Mapping[str, Any]:
        """Returns the type of every option; an argument without an annotation has that of its default."""
        found: dict[str, Any] = {}
        for function in (INPUT_KINDS[kind], self.function):
            hints = get_type_hints(function)
            found |= {k: hints.get(k, _type_of(v)) for k, v in defaults(function).items()}
        return {**found, BITS: tuple[int, ...]}

    def make(self, kind: str, classes: int, **given: Any) -> SearchSpace:
        """Returns the search space for one kind of input.

        - kind: the kind of input.
        - classes: how many outputs the networks have.
        - given: options of the inputs and of the space, by name; the others have their defaults.

        Raises `SpecError` for an unknown option or a value out of range.
        """
        chosen = dict(self.options(kind))
        for key in given:
            if key not in chosen:
                raise SpecError(f"space {self.name}: no option '{key}'; {did_you_mean(key, chosen)}")
        chosen |= given
        of_inputs = defaults(INPUT_KINDS[kind])
        made = INPUT_KINDS[kind](**{k: v for k, v in chosen.items() if k in of_inputs})
        return self.of(made, classes, **{k: v for k, v in chosen.items() if k not in of_inputs})

    def make_for(
        self,
        kind: str,
        classes: int,
        options: SpaceOptions,
        decided: SpaceOptions,
        fix: Mapping[str, int],
    ) -> SearchSpace:
        """Returns the search space for a task's data.

        - kind: the kind of input.
        - classes: how many outputs the networks have.
        - options: the options that the user chose.
        - decided: the options that the data decide (`TaskData.space_options`); one that the space does not have is
          left out.
        - fix: choices that are to have one value, and this value.

        Raises `SpecError` for an unknown option or choice, for a value out of range, and for an option that the user
        chose differently from the data.
        """
        known, chosen = self.options(kind), dict(options)
        for k, v in decided.items():
            if chosen.get(k, v) not in (v, known.get(k)):
                raise SpecError(f"space.{k} = {chosen[k]}; the data decide this, and have {v}: remove it")
        chosen |= {k: v for k, v in decided.items() if k in known}
        return self.make(kind, classes, **chosen).fixed(fix)

    def of(self, inputs: Inputs, classes: int, **options: Any) -> SearchSpace:
        """Returns the search space for given inputs.

        - inputs: the choices of the input.
        - classes: how many outputs the networks have.
        - options: options of the space alone, by name, and the bits of weights.

        Raises `SpecError` for a value out of range.
        """
        own = {name: value for name, value in options.items() if name != BITS}
        return with_bits(self.function(inputs, classes, **own), options.get(BITS, (8,)))


def _type_of(default: object) -> Any:
    """Returns the type of an option without an annotation: that of its default; of a tuple, that of its first item."""
    if isinstance(default, tuple) and default:
        kind: Any = type(default[0])
        return tuple[kind, ...]
    return type(default)


def defaults(function: Callable[..., Any]) -> SpaceOptions:
    """Returns the arguments of a function that have defaults, each with its default."""
    parameters = inspect.signature(function).parameters
    return {k: p.default for k, p in parameters.items() if p.default is not p.empty}
