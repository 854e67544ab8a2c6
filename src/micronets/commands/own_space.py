"""A search space of the user's own, a function in a file or in their program, checked before it is used."""

from __future__ import annotations

import functools
import inspect
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, get_args, get_origin

from micronets import user_code
from micronets.errors import SpecError, UserCodeError, did_you_mean
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, WEIGHT_BITS, Add, Layer, Pad, Softmax
from micronets.ir.space import Choice, SearchSpace, Template, ValueOf, derive, relaxed_steps
from micronets.ir.spaces import INPUT_KINDS, Space, find_space
from micronets.ir.spaces.base import BITS

SpaceFunction = Callable[..., SearchSpace]
"""`(inputs: Inputs, classes: int, **options) -> SearchSpace`."""

CONTRACT = "def my_space(inputs, classes, **options): ... return SearchSpace(name, choices, template)"

RESERVED = ("name", "file", "fix", BITS)
"""Keys of a configuration's `[space]` besides the options of its function and of its input."""

_SAMPLES = 20  # networks drawn at random, besides one for every option of every choice
_CHANGES: Mapping[str, frozenset[str]] = {
    "width": frozenset({"filters", "paddings"}),
    "kernel": frozenset({"kernel"}),
    "dilation": frozenset({"dilation"}),
    "keep": frozenset({"paddings"}),
    "bits": frozenset({"weight_bits"}),
}
"""By kind of choice, the layer fields that it may change: those that the supernet can mask, spread or mix."""


def load_space(text: str, key: str = "space.file") -> Space:
    """Returns the space that `FILE.py:FUNCTION` names.

    - `key`: the setting or option in which the user wrote it, for errors.

    Raises `FileError`, `UserCodeError`.
    """
    return space_of(user_code.load(text, key), f"{key} = '{text}'")


def space_of(given: str | Space | SpaceFunction, where: str = "space") -> Space:
    """Returns a space from its name, from `FILE.py:FUNCTION`, or from a function of the user's.

    - `where`: its name in error messages.

    Raises `SpecError` for an unknown name and `UserCodeError` for an unsuitable function.
    """
    if isinstance(given, Space):
        return given
    if isinstance(given, str):
        return load_space(given, where) if user_code.is_own(given) else find_space(given)
    if not callable(given):
        raise UserCodeError(f"{where}: is of type {type(given).__name__}; need a function: {CONTRACT}")
    file, place = user_code.place(given)
    parameters = user_code.called(lambda: inspect.signature(given).parameters, file, "reading its arguments")
    plain = [p for p in parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    if len(plain) != 2 or any(p.kind in (p.VAR_POSITIONAL, p.KEYWORD_ONLY) for p in plain):
        names = ", ".join(parameters)
        raise UserCodeError(
            f"{place}: takes ({names}); need two arguments, inputs and classes, then options: {CONTRACT}"
        )
    name = getattr(given, "__name__", "own")

    def function(inputs: Any, classes: int, **options: Any) -> SearchSpace:
        made = user_code.called(lambda: given(inputs, classes, **options), file, f"the function of space '{name}'")
        if not isinstance(made, SearchSpace):
            raise UserCodeError(f"{place}: returns {_kind(made)}; need a SearchSpace: {CONTRACT}")
        return guarded(made)

    function.__signature__ = inspect.signature(given)  # type: ignore[attr-defined]
    function.__annotations__ = user_code.called(
        lambda: inspect.get_annotations(given, eval_str=True), file, "its annotations"
    )
    made = Space(name, tuple(INPUT_KINDS), function)
    for option in made.own_options():
        taken = [kind for kind, inputs in INPUT_KINDS.items() if option in inspect.signature(inputs).parameters]
        if taken or option in RESERVED:
            of = f"inputs ({', '.join(taken)}) have" if taken else "[space] has"
            raise UserCodeError(f"{place}: option '{option}' has a name that {of} already; give it another one")
    for option, hint in made.option_types("features").items():
        if not _can_be_written(hint):
            raise UserCodeError(
                f"{place}: option '{option}' is of type {hint}; allowed: bool, int, float, str, tuples of these"
            )
    return made


def _can_be_written(hint: Any) -> bool:
    """Returns whether TOML can express a value of the type."""
    if get_origin(hint) is tuple:
        return all(a is ... or _can_be_written(a) for a in get_args(hint))
    return hint in (bool, int, float, str, Any) or get_origin(hint) is not None


def _kind(value: object) -> str:
    return "nothing (it has no return)" if value is None else f"a value of type {type(value).__name__}"


def guarded(space: SearchSpace) -> SearchSpace:
    """Returns the space with a template whose failures name the user's line, after checking its choices.

    Raises `UserCodeError` for invalid choices.
    """
    file, place = user_code.place(space.template)
    _check_choices(space, place)
    names = tuple(c.name for c in space.choices)
    what = f"the template of space '{space.name}'"

    @functools.wraps(space.template)
    def template(pick: ValueOf) -> Template:
        def known(name: str) -> Any:
            if name not in names:
                raise SpecError(f"no choice '{name}'; {did_you_mean(name, names)}")
            return pick(name)

        made = user_code.called(lambda: space.template(known), file, what)
        if not isinstance(made, Template):
            raise UserCodeError(f"{place}: {what} returns {_kind(made)}; need Template(input_shape, blocks)")
        return made

    return replace(space, template=template)


def _check_choices(space: SearchSpace, place: str) -> None:
    if not isinstance(space.choices, tuple) or not all(isinstance(c, Choice) for c in space.choices):
        raise UserCodeError(f"{place}: space '{space.name}': choices = {space.choices!r}; need a tuple of Choice")
    seen: set[str] = set()
    for c in space.choices:
        where = f"{place}: space '{space.name}', choice '{c.name}'"
        if not isinstance(c.name, str) or c.name in seen:
            raise UserCodeError(f"{where}: the name is taken or is not text; give every choice its own")
        seen.add(c.name)
        if c.kind not in (*_CHANGES, "shape"):
            raise UserCodeError(f"{where}: kind = {c.kind!r}; {did_you_mean(str(c.kind), (*_CHANGES, 'shape'))}")
        whole = isinstance(c.options, tuple) and all(isinstance(o, int) and not isinstance(o, bool) for o in c.options)
        if not whole or not c.options or len(set(c.options)) != len(c.options):
            raise UserCodeError(f"{where}: options = {c.options!r}; need a tuple of different integers, at least one")
        if c.kind != "shape" and list(c.options) != sorted(c.options):
            raise UserCodeError(f"{where}: options = {c.options}; need them in ascending order")
        if c.kind == "keep" and not {*c.options} <= {0, 1}:
            raise UserCodeError(f"{where}: options = {c.options}; a choice of kind keep has 0 and 1")
        if c.kind == "bits" and not {*c.options} <= {*WEIGHT_BITS}:
            raise UserCodeError(f"{where}: options = {c.options}; a choice of kind bits has 4 and 8")
        if c.kind not in ("keep", "shape") and min(c.options) < 1:
            raise UserCodeError(f"{where}: options = {c.options}; need 1 or more")
        if c.kind == "kernel" and len({o % 2 for o in c.options}) != 1:
            raise UserCodeError(f"{where}: options = {c.options}; need sizes that are all even or all odd")


def check(space: SearchSpace, classes: int) -> None:
    """Refuses a space with networks that are invalid, or that cannot be searched together.

    It derives the largest and the smallest network, one for every option of every choice, and some at random. Raises
    `SpecError` with the position of the template, the values for which it fails, and the reason.
    """
    place = user_code.place(space.template)[1]
    try:
        largest = _checked(space, place, "in its largest network", space.largest(), classes)
        _check_blocks(space, place, largest)
        _checked(space, place, "in its smallest network", space.smallest(), classes)
        for values, choices_text in _others(space):
            _checked(space, place, choices_text, values, classes)
        for c in space.choices:
            _check_changes(space, place, c)
        _check_between(space)
    except RecursionError as e:
        raise UserCodeError(f"{place}: space '{space.name}': its template calls itself endlessly") from e


def _check_between(space: SearchSpace) -> None:
    """Checks that the template accepts values between the options, with which a search estimates costs."""
    means = {c.name: c.options[0] if c.kind == "shape" else sum(c.options) / len(c.options) for c in space.choices}
    try:
        relaxed_steps(space, means)
    except UserCodeError as e:
        between = "a search also uses values between the options, so not in range(), as an index or in a condition"
        raise UserCodeError(f"{e} ({between})") from e


def _others(space: SearchSpace) -> Iterator[tuple[dict[str, int], str]]:
    largest, rng = space.largest(), random.Random(0)
    for c in space.choices:
        for option in c.options:
            if option != largest[c.name]:
                yield largest | {c.name: option}, f"where {c.name} = {option} and the rest is the largest"
    for _ in range(_SAMPLES):
        values = space.sample(rng)
        yield values, f"where {', '.join(f'{k} = {v}' for k, v in values.items())}"


def _checked(space: SearchSpace, place: str, choices_text: str, values: Mapping[str, int], classes: int) -> Arch:
    where = f"{place}: space '{space.name}', {choices_text}"
    try:
        arch = derive(space, values)
    except UserCodeError as e:
        raise UserCodeError(f"{e} ({choices_text})") from e
    except SpecError as e:
        raise SpecError(f"{where}: {e}") from e
    except Exception as e:  # a layer with fields of wrong types passes its constructor and fails later
        reason = " ".join(str(e).split())
        raise SpecError(
            f"{where}: no network ({type(e).__name__}: {reason}); check the types of its layers' fields"
        ) from e
    if math.prod(arch.output_shape) != classes:
        raise SpecError(
            f"{where}: the network has an output of {arch.output_shape}; need {classes}, one for each class"
        )
    if isinstance(arch.layers[-1], Softmax):
        raise SpecError(
            f"{where}: the last layer is a Softmax; a network that is searched ends in logits: leave it out"
        )
    return arch


def _layers(space: SearchSpace, values: Mapping[str, int]) -> list[Layer]:
    return [layer for block in space.template(lambda name: values[name]).blocks for layer in block.layers]


def _check_blocks(space: SearchSpace, place: str, arch: Arch) -> None:
    """Checks the supernet's conditions on blocks that may be left out.

    Such a block maps its input to the same shape, or adds to it.
    """
    values, shapes, previous = space.largest(), arch.shapes(), INPUT
    kinds = {c.name: c.kind for c in space.choices}
    padded: dict[str, str] = {}
    for block in space.template(lambda name: values[name]).blocks:
        where = f"{place}: space '{space.name}'"
        if not block.layers:
            raise SpecError(f"{where}: a block has no layers; leave it out")
        last = block.layers[-1]
        if block.keep is not None and kinds.get(block.keep) != "keep":
            known = [name for name, kind in kinds.items() if kind == "keep"]
            raise SpecError(
                f"{where}: block '{last.name}' has keep = {block.keep!r}; {did_you_mean(str(block.keep), known)}"
            )
        padded |= {a.name: a.inputs[0] for a in block.layers if isinstance(a, Pad)}
        adds = isinstance(last, Add) and previous in [padded.get(i, i) for i in last.inputs]
        before, after = shapes.get(previous), shapes.get(last.name)
        if block.keep is not None and not adds and before is not None and after is not None and before != after:
            raise SpecError(
                f"{where}: block '{last.name}' may be left out ({block.keep}) but turns {before} into {after}; such a "
                "block must keep the shape, or end in an Add with its input"
            )
        previous = last.name


def _check_changes(space: SearchSpace, place: str, choice: Choice) -> None:
    """Checks that a choice changes only what its kind says, and that layers keep their kinds and names."""
    largest = space.largest()
    mine = _layers(space, largest)
    for option in choice.options:
        where = f"{place}: space '{space.name}', choice '{choice.name}' = {option}"
        others = _layers(space, largest | {choice.name: option})
        if [(type(a), a.name) for a in mine] != [(type(a), a.name) for a in others]:
            raise SpecError(
                f"{where}: has other layers; let a choice of kind keep leave a block out, and name layers alike"
            )
        if choice.kind == "shape":
            continue
        for a, b in zip(mine, others, strict=True):
            changed = {f.name for f in fields(a) if getattr(a, f.name) != getattr(b, f.name)}
            odd = sorted(changed - _CHANGES[choice.kind])
            if odd:
                raise SpecError(
                    f"{where}: changes {', '.join(odd)} of the {type(a).__name__} '{a.name}'; a choice of kind "
                    f"{choice.kind} may change {', '.join(sorted(_CHANGES[choice.kind]))}, one of kind shape anything"
                )
            padding = getattr(b, "padding", "same")
            if choice.kind == "kernel" and changed and padding != "same":
                raise SpecError(f"{where}: '{b.name}' has padding '{padding}'; a kernel that is a choice needs 'same'")
