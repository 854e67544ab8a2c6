"""`checked`: makes a public function refuse arguments of a wrong kind in one line, by its annotations.

A caller in a notebook has no type checker. Without a check, `measure(model, None)` ends in a TypeError far inside; with
it, in `board is None; need text, a path or a Board`. The annotations are the only definition of a function's arguments.
"""

from __future__ import annotations

import builtins
import inspect
import os
import types
from collections import abc
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

from micronets.errors import SpecError
from micronets.files import unusable_path
from micronets.ranges import shown

F = TypeVar("F", bound=Callable[..., Any])


def checked(function: F) -> F:
    """Returns the function with its arguments checked against its annotations at each call, before anything is done.

    An annotation may name classes that are imported only for type checkers: an argument has such a class if one of its
    own classes has that name. Protocols and shapes of arrays are left to the function, since only it can say what is
    missing. The function raises `SpecError` for an argument of another kind.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:  # Python's own message names the missing or superfluous parameter
            return function(*args, **kwargs)
        check_arguments(function, given)
        return function(*args, **kwargs)

    return cast(F, call)


def check_arguments(function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raises `SpecError` for arguments, by name, of other kinds than those of a function's annotations.

    - function: a function of micronets.
    - given: some of its arguments.
    """
    kinds = _kinds(function)
    for name, value in given.items():
        if name in kinds:
            _check(value, kinds[name], name)


MISFITS = (TypeError, AttributeError, ValueError, ArithmeticError, LookupError)
"""The exceptions that a value of a wrong kind may cause on its first use."""


def check_records(*records: Any) -> None:
    """Raises `SpecError` for the first field of records (dataclasses) whose kind is not that of its annotation.

    This takes a while, so the records of a network are checked only after one of `MISFITS` was raised.
    """
    for record in records:
        for field, kind in _field_kinds(type(record)).items():
            _check(getattr(record, field), kind, f"{type(record).__name__}.{field}")


def check_kinds(record: Any, prefix: str) -> None:
    """Raises `SpecError` for the first field of a record of settings whose kind is not that of its annotation.

    A list is allowed for a tuple.

    - record: an instance of a dataclass.
    - prefix: the text before the name of a field in errors, such as "augmentation: ".
    """
    for field, kind in _field_kinds(type(record)).items():
        value = getattr(record, field)
        _check(tuple(value) if isinstance(value, list) else value, kind, f"{prefix}{field}")


def _field_kinds(record: type) -> Mapping[str, Any]:
    """Returns the annotations of the fields of a dataclass as types."""
    homes = {f: next(c for c in record.__mro__ if f in vars(c).get("__annotations__", {})) for f in _names(record)}
    return {f: _evaluated(c.__annotations__[f], inspect.getmodule(c)) for f, c in homes.items()}


def _names(record: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(record)) if is_dataclass(record) else ()


def _evaluated(annotation: Any, module: types.ModuleType | None) -> Any:
    """Returns an annotation of a module as a type."""
    return eval(annotation, {}, _Names(vars(module))) if isinstance(annotation, str) else annotation


@cache
def _kinds(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Returns the annotations of a function's parameters as types; those of `*args` and `**kwargs` are left out."""
    return {
        name: _evaluated(p.annotation, inspect.getmodule(function))
        for name, p in inspect.signature(function).parameters.items()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.annotation is not p.empty
    }


class _ByName(type):
    """The class of classes that are known only by name, since they are imported for type checkers only."""

    def __instancecheck__(cls, value: object) -> bool:
        """Returns whether a value is of a class of that name, or of one derived from it."""
        return any(kind.__name__ == cls.__name__ for kind in type(value).__mro__)

    def __getattr__(cls, name: str) -> _ByName:
        """Returns the class of that name in a module of this name, as in `torch.Tensor`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return _ByName(name, (), {})


class _Names(dict[str, Any]):
    """The names of a module; a name that it imports only for type checkers is a class known by name."""

    def __missing__(self, name: str) -> Any:
        """Returns such a class, and leaves Python's own names to Python."""
        if hasattr(builtins, name):
            raise KeyError(name)
        return _ByName(name, (), {})


def _check(value: Any, kind: Any, where: str) -> None:
    """Raises `SpecError` for a value of another kind, or for an entry of another kind in a container."""
    kinds = _alternatives(kind)
    if not any(_is_of_kind(value, one) for one in kinds):
        raise SpecError(f"{where} is {_described(value)}; need {_words(kinds)}")
    if isinstance(value, str | os.PathLike) and "\0" in str(value):
        raise SpecError(f"{where} = {shown(str(value))} holds a NUL character; take it out")
    is_path = any(one is Path or get_origin(one) is os.PathLike for one in kinds)
    if isinstance(value, str | os.PathLike) and is_path and (why := unusable_path(str(value))):
        raise SpecError(f"{where} = {shown(str(value))} {why}")
    if isinstance(value, str) and is_path and not value.strip():  # `Path("")` would be the current directory
        raise SpecError(f"{where} = '{value}' is empty; name a path, or '.' for the current directory")
    for one in kinds:
        of = get_args(one)
        match get_origin(one):
            case abc.Mapping if isinstance(value, abc.Mapping):
                for key, entry in value.items():
                    _check(key, of[0], f"a name in {where}")
                    _check(entry, of[1], f"{where}[{shown(key)}]")
            case abc.Sequence if _is_list(value):
                for i, entry in enumerate(value):
                    _check(entry, of[0], f"{where}[{i}]")
            case builtins.tuple if isinstance(value, tuple):
                each = of[:1] * len(value) if of[1:] == (...,) else of
                if len(each) != len(value):
                    raise SpecError(f"{where} has {len(value)} entries; need {len(each)}")
                for i, (entry, entry_kind) in enumerate(zip(value, each, strict=True)):
                    _check(entry, entry_kind, f"{where}[{i}]")


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Returns the kinds of a union, or the kind itself."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


_ACCEPTS: Mapping[Any, Callable[[Any], bool]] = {
    types.NoneType: lambda value: value is None,
    bool: lambda value: type(value).__name__ in ("bool", "bool_") or (isinstance(value, Integral) and value in (0, 1)),
    int: lambda value: isinstance(value, Integral),
    float: lambda value: isinstance(value, Real) and not (isinstance(value, Integral) and abs(int(value)) >= 2**1023),
    Path: lambda value: isinstance(value, str | os.PathLike),
    abc.Sequence: lambda value: _is_list(value),
}
"""By type, whether a value is accepted for it: a numpy integer for int, any path for Path, any list."""

_WORDS: Mapping[Any, str] = {
    types.NoneType: "None",
    str: "text",
    bool: "True or False",
    int: "an integer",
    float: "a number",
    Path: "a path",
    os.PathLike: "a path",
    abc.Mapping: "a mapping",
    abc.Sequence: "a list",
    tuple: "a tuple",
    abc.Callable: "a function",
}


def _is_of_kind(value: Any, kind: Any) -> bool:
    """Returns whether a value is of a kind that is no union; containers are not searched."""
    of = get_origin(kind) or kind
    if of in _ACCEPTS:
        return _ACCEPTS[of](value)
    if of is Literal:
        return any(type(value) is type(word) and value == word for word in get_args(kind))
    if isinstance(of, type) and of.__name__ == "ndarray":
        return hasattr(value, "__array__")  # torch tensors have it, too
    return not isinstance(of, type) or of is Any or _is_protocol(of) or isinstance(value, of)


def _is_list(value: Any) -> bool:
    """Returns whether a value has entries that can be iterated over more than once, and is no text."""
    return isinstance(value, abc.Collection) and not isinstance(value, str | bytes) and getattr(value, "ndim", 1) == 1


def _is_protocol(kind: type) -> bool:
    """Returns whether a class is a protocol, whose values are recognised by their members."""
    return bool(getattr(kind, "_is_protocol", False))


def _words(kinds: tuple[Any, ...]) -> str:
    """Returns the kinds as an error names them: `text, a path or a Board`."""
    words = list(dict.fromkeys(word for kind in kinds for word in _named(kind)))
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _named(kind: Any) -> tuple[str, ...]:
    """Returns the names of a kind that is no union, for an error; each word of a `Literal` is one."""
    of = get_origin(kind) or kind
    if of is Literal:
        return tuple(repr(word) for word in get_args(kind))
    return (_WORDS.get(of) or _with_article(of.__name__),)


def _described(value: Any) -> str:
    """Returns a value in words for an error: the value itself if it is short, otherwise its class."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return shown(value)
    return f"the class {value.__name__}" if isinstance(value, type) else _with_article(type(value).__name__)


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOUaeiou' else 'a'} {noun}"
