"""Frozen dataclasses as JSON and back: the single way in which results are written to files and read again."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, overload

from micronets.errors import FileError
from micronets.files import damage_text, read_plain_text, write_atomic

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

JsonObject = dict[str, Any]
"""A JSON object: the form of records in files and in the output of `--json`."""

Row = dict[str, Any]
"""A flat row of a table: a number, a text or None by the name of the column."""

T = TypeVar("T")
_LONGEST = 40  # characters of a value that a message quotes
_SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "null"}


@overload
def to_json(value: DataclassInstance) -> JsonObject: ...
@overload
def to_json(value: object) -> Any: ...
def to_json(value: Any) -> Any:
    """Returns a record as JSON: dataclasses and mappings as objects, tuples and lists as arrays."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    return value


def without_null(table: JsonObject) -> JsonObject:
    """Returns a JSON object without the keys whose value is null, for a file that leaves out unknown values."""
    return {key: value for key, value in table.items() if value is not None}


@overload
def from_json(cls: type[T], table: Any) -> T: ...
@overload
def from_json(cls: types.UnionType, table: Any) -> Any: ...
def from_json(cls: Any, table: Any) -> Any:
    """Returns the record from which `to_json` made `table`.

    - `cls`: its type, or a union of types, each with a field `kind` of a `Literal` that identifies it.
    - `table`: the record as JSON. A key that is no field of the record is ignored. A field without a key gets its
      default, or None if the type allows it.

    Raises `TypeError` for a field that has no value or one of another type; the message begins with the field's name,
    such as `search.history[2].loss`.
    """
    return _value(cls, table, "")


def read_record(make: Callable[[Any], T], path: Path, way_out: str) -> T:
    """Reads a file that holds one record.

    - `make`: makes the record from the file's JSON; raises `TypeError` or `ValueError` if it is none.
    - `path`: the file.
    - `way_out`: what a user can do about a damaged file; the message ends with it.

    Raises `FileError`, with the reason, for a file that cannot be read or is damaged.
    """
    text = _text_of(path, way_out)
    try:
        return make(json.loads(text))
    except (ValueError, TypeError, RecursionError) as e:
        raise FileError(f"{path}: damaged ({damage_text(e)}); {way_out}") from e


def read_lines(make: Callable[[Any], T], path: Path, way_out: str) -> tuple[T, ...]:
    """Reads the file that `write_lines` wrote.

    - `make`: makes a record from a line's JSON; raises `TypeError` or `ValueError` if it is none.
    - `path`: the file.
    - `way_out`: what a user can do about a damaged file; the message ends with it.

    Raises `FileError`, with the line and the reason, for a file that cannot be read or is damaged.
    """
    found = []
    for number, line in enumerate(_text_of(path, way_out).splitlines(), 1):
        try:
            if line.strip():
                found.append(make(json.loads(line)))
        except (ValueError, TypeError, RecursionError) as e:
            raise FileError(f"{path}, line {number}: damaged ({damage_text(e)}); {way_out}") from e
    return tuple(found)


def _text_of(path: Path, way_out: str) -> str:
    """Reads a file of records; raises `FileError` if it cannot be read or is no text."""
    try:
        return read_plain_text(path)
    except OSError as e:
        raise FileError(f"{path}: cannot be read ({damage_text(e)}); {way_out}") from e
    except ValueError as e:
        raise FileError(f"{path}: damaged ({damage_text(e)}); {way_out}") from e


def write_lines(path: Path, items: Iterable[Any]) -> None:
    """Writes records to a file, a line of JSON for each, atomically. Raises `OSError`."""
    write_atomic(path, "".join(json.dumps(to_json(item)) + "\n" for item in items))


def rows(items: Iterable[Any]) -> list[Row]:
    """Returns a flat dict for each record, for a table; fields of a nested record are named `outer_inner`."""
    return [dict(_flat(item, "")) for item in items]


def _record(cls: Any, table: Any, where: str) -> Any:
    """Makes the record of class `cls` from a table; `where` names the field whose value it is."""
    if not isinstance(table, Mapping):
        raise TypeError(_wrong_kind(where, table, f"an object ({cls.__name__})"))
    values = {}
    for name, (hint, required) in _fields(cls).items():
        place = f"{where}.{name}" if where else name
        if name in table:
            values[name] = _value(hint, table[name], place)
        elif type(None) in get_args(hint):
            values[name] = None
        elif required:
            raise TypeError(f"{place}: missing")
    return cls(**values)


@cache
def _fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    """Returns the fields of a class by name: their types, and whether they are required."""
    hints = get_type_hints(cls)
    return {f.name: (hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(cls)}


def _value(hint: Any, value: Any, where: str) -> Any:
    """Converts the value of a field to its type `hint`; raises `TypeError` for a value of another type."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any or (isinstance(hint, type) and is_dataclass(hint) and isinstance(value, hint)):
        return value
    if origin in (Union, types.UnionType):
        return _value(_union_member(args, value, where), value, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return _record(hint, value, where)
    if origin is Literal:
        if value not in args:
            raise TypeError(_wrong_kind(where, value, f"one of {', '.join(map(str, args))}"))
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)) or (args[-1] is not ... and len(value) != len(args)):
            raise TypeError(_wrong_kind(where, value, "an array" if args[-1] is ... else f"an array of {len(args)}"))
        kinds = args if args[-1] is not ... else (args[0],) * len(value)
        return tuple(
            _value(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value, strict=True))
        )
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise TypeError(_wrong_kind(where, value, "an object"))
        return {key: _value(args[1], item, f"{where}.{key}") for key, item in value.items()}
    if not _is_scalar(hint, value):
        raise TypeError(_wrong_kind(where, value, _SCALARS[hint]))
    return value


def _union_member(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """Returns the type of a union to which a value belongs: None, the only other type, or the record of its `kind`."""
    if value is None and type(None) in kinds:
        return type(None)
    others = [kind for kind in kinds if kind is not type(None)]
    if len(others) == 1:
        return others[0]
    if not isinstance(value, Mapping):
        raise TypeError(_wrong_kind(where, value, "an object"))
    named = {name: kind for kind in others for name in get_args(_fields(kind)["kind"][0])}
    given = value.get("kind")
    if not isinstance(given, str) or given not in named:
        place = f"{where}.kind" if where else "kind"
        raise TypeError(_wrong_kind(place, given, f"one of {', '.join(named)}"))
    return named[given]


def _is_scalar(hint: Any, value: Any) -> bool:
    """Returns whether a value is of the type `hint` of `_SCALARS`; an integer is a number too, a bool is neither."""
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float)) if hint is float else isinstance(value, hint)


def _wrong_kind(where: str, value: Any, wanted: str) -> str:
    """Returns the message for a value of the wrong kind; it quotes a part of the value."""
    text = json.dumps(value, default=str)
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return f"{where}: is {text}, not {wanted}" if where else f"is {text}, not {wanted}"


def _flat(item: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in fields(item):
        value = getattr(item, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            yield from _flat(value, f"{prefix}{field.name}_")
        else:
            yield f"{prefix}{field.name}", value
