"""Frozen dataclasses as JSON and back: the one way in which results are written to files and read again."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Returns a record as JSON holds it: dataclasses and mappings as objects, tuples and lists as arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    return value


def from_json(cls: type[T], table: Mapping[str, Any]) -> T:
    """Returns the record of type `cls` of which `to_json` made `table`.

    A key that the record lacks is left out. A field that the table lacks has its default, or None where the type allows
    it, so that files of earlier versions are read. A class that has had other keys renames them in a static method
    `upgraded`, from a table to a table. Raises `TypeError` where a field has no value.
    """
    table = getattr(cls, "upgraded", dict)(table)
    hints = get_type_hints(cls)
    values = {}
    for field in fields(cls):  # type: ignore[arg-type]
        if field.name in table:
            values[field.name] = _value(hints[field.name], table[field.name])
        elif type(None) in get_args(hints[field.name]):
            values.setdefault(field.name, None)
    return cls(**values)


def _value(hint: Any, value: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if value is None:
        return None
    if origin in (Union, types.UnionType):
        return _value(next(a for a in args if a is not type(None)), value)
    if isinstance(hint, type) and is_dataclass(hint):
        return value if isinstance(value, hint) else from_json(hint, value)
    if isinstance(value, list) and args:
        kinds = args if origin is tuple and args[-1] is not ... else (args[0],) * len(value)
        return tuple(_value(kind, item) for kind, item in zip(kinds, value, strict=True))
    if isinstance(value, Mapping) and len(args) == 2:
        return {key: _value(args[1], item) for key, item in value.items()}
    return value


def rows(items: Iterable[Any]) -> list[dict[str, Any]]:
    """Returns a flat dict for each record, for a table; fields of a nested record are named `outer_inner`."""
    return [dict(_flat(item, "")) for item in items]


def _flat(item: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in fields(item):
        value = getattr(item, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            yield from _flat(value, f"{prefix}{field.name}_")
        else:
            yield f"{prefix}{field.name}", value
