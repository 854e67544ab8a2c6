"""Makes typed, frozen dataclasses from TOML tables, and writes them as TOML.

An unknown key or a wrong type is an error that says what to do. Field types may be bool, int, float, str, `Literal`,
tuples, `T | None`, mappings from str, and nested dataclasses. Fields whose names end in `_bytes` take sizes such as
`"128K"`; an integer may be written `8.3e6`.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from micronets.boards.board import parse_size
from micronets.errors import SpecError, UserCodeError, did_you_mean
from micronets.files import unusable_path
from micronets.ranges import shown
from micronets.toml_text import parse_toml, toml_problem
from micronets.user_code import called

T = TypeVar("T")

_LARGEST = 2.0**53
"""An exclusive bound of every number of a configuration; integers up to it are exact as floats."""


def build(cls: type[T], table: Mapping[str, Any], prefix: str, where: str) -> T:
    """Makes an instance of the dataclass `cls`.

    - `table`: the TOML table.
    - `prefix`: the table's dotted name, for errors.
    - `where`: the file's name, for errors.

    Raises `SpecError` for an unknown key, a missing one without default, or a value of the wrong type, and
    `UserCodeError` if a dataclass of the user's own fails.
    """
    hints = get_type_hints(cls)
    known = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    values = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise SpecError(f"{where}: unknown key '{name}'; {did_you_mean(key, known)}")
        values[key] = convert(hints[key], _completed(known[key], value), name, where)
    for key, field in known.items():
        if key not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise SpecError(
                f"{where}: '{prefix}{key}' is missing; give it in the file or with --set {prefix}{key}=VALUE"
            )
    try:
        if cls.__module__.partition(".")[0] == "micronets":
            return cls(**values)
        return called(lambda: cls(**values), None, f"{cls.__name__}, made for {where},", passed_on=(SpecError,))
    except UserCodeError:
        raise
    except SpecError as e:
        raise SpecError(f"{where}: {e}") from e


def _completed(field: dataclasses.Field[Any], value: Any) -> Any:
    """Returns a table of settings, completed with the values of the field's own default.

    These may differ from the dataclass's defaults: a task chooses its own augmentation, for instance.
    """
    factory = field.default_factory
    if not isinstance(value, Mapping) or factory is dataclasses.MISSING:
        return value
    default = factory()
    if not dataclasses.is_dataclass(default) or isinstance(default, type):
        return value
    usual = {f.name: getattr(default, f.name) for f in dataclasses.fields(default) if f.init}
    return {name: v for name, v in usual.items() if v is not None} | dict(value)


def convert(hint: Any, value: Any, name: str, where: str) -> Any:
    """Converts `value` to the type `hint`. Raises `SpecError` naming `name` and `where`."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return convert(next(a for a in args if a is not type(None)), value, name, where)
    if origin is Literal:
        if value not in args:
            raise SpecError(f"{where}: {name} = {value!r}; {did_you_mean(str(value), map(str, args))}")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise SpecError(f"{where}: {name} = {value!r}; need a list")
        if args[-1:] != (...,) and len(value) != len(args):
            raise SpecError(f"{where}: {name} = {value!r}; need {len(args)} values")
        kinds = (args[0],) * len(value) if args[-1:] == (...,) else args
        return tuple(convert(k, v, f"{name}[{i}]", where) for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise SpecError(f"{where}: {name} = {value!r}; need a table")
        return {str(k): convert(args[1], v, f"{name}.{k}", where) for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise SpecError(f"{where}: {name} = {value!r}; need a table [{name}]")
        return build(hint, value, f"{name}.", where)  # type: ignore[arg-type]
    return _scalar(hint, value, name, where)


def _scalar(hint: Any, value: Any, name: str, where: str) -> Any:
    if hint is Any:
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int and name.endswith("_bytes") and isinstance(value, str):
        return parse_size(value, f"{where}: {name}")
    if is_number and not abs(value) < _LARGEST:  # NaN compares as False with every bound
        kind = "an integer" if hint is int else "a finite number"
        raise SpecError(f"{where}: {name} = {shown(value)}; need {kind}, in size below 2^53")
    if isinstance(value, str) and (why := unusable_path(value)):  # every text is a name or a path
        raise SpecError(f"{where}: {name} = {shown(value)}; {why}")
    if hint is int and is_number and float(value).is_integer():
        return int(value)
    if hint is float and is_number:
        return float(value)
    if (hint is bool and isinstance(value, bool)) or (hint is str and isinstance(value, str)):
        return value
    need = {int: "an integer", float: "a number", bool: "true or false", str: "text"}[hint]
    if hint is str and not isinstance(value, Mapping | list | tuple):  # a number, a date or a boolean without quotes
        written = str(value).lower() if isinstance(value, bool) else str(value)
        raise SpecError(f"{where}: {name} = {written}; need {need}, in quotes: {name}='\"{written}\"'")
    raise SpecError(f"{where}: {name} = {value!r}; need {need}")


def parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    """Parses `a.b=value` into `(("a", "b"), value)`; a value that is not TOML is a string. Raises `SpecError`."""
    name, equals, value = text.partition("=")
    keys = tuple(k.strip() for k in name.split("."))
    if not equals or not all(keys):
        raise SpecError(f"--set {text}: write --set key=value, for example --set train.epochs=10")
    if not value.strip():
        empty = f"--set '{text.strip()}\"\"'"
        raise SpecError(f"--set {text}: has no value (is a variable of your shell not set?); an empty text is {empty}")
    try:
        return keys, parse_toml(f"x = {value.strip()}")["x"]
    except tomllib.TOMLDecodeError:
        return keys, value.strip()
    except (ValueError, RecursionError) as e:  # a number of thousands of digits, or deeply nested lists
        raise SpecError(f"--set {name.strip()}: {toml_problem(e)}") from e


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Returns every setting of a dataclass by its dotted name, without None; tuples become lists.

    A dataclass whose keys in TOML are not its fields returns them from a method `toml_table`.
    """
    items: dict[str, Any] = {}
    for key, v in _table_of(value).items():
        if dataclasses.is_dataclass(v) or isinstance(v, Mapping):
            items |= flat(v, f"{prefix}{key}.")
        elif v is not None:
            items[f"{prefix}{key}"] = list(v) if isinstance(v, tuple) else v
    return items


def _table_of(value: Any) -> Mapping[str, Any]:
    """Returns the contents of a TOML table by key: a mapping itself, or the fields of a dataclass."""
    if not dataclasses.is_dataclass(value):
        found: Mapping[str, Any] = value
        return found
    own: Callable[[], Mapping[str, Any]] | None = getattr(value, "toml_table", None)
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)} if own is None else own()


def to_toml(value: Any) -> str:
    """Returns the settings of a dataclass as TOML: plain keys first, then a table for each nested dataclass."""
    lines: dict[str, list[str]] = {"": []}
    for name, v in flat(value).items():
        table, _, key = name.rpartition(".")
        lines.setdefault(table, []).append(f"{key} = {literal(v)}")
    head, *tables = lines.items()
    return "\n\n".join(["\n".join(head[1]), *(f"[{name}]\n" + "\n".join(rows) for name, rows in tables)]) + "\n"


def literal(value: Any) -> str:
    """Returns a value in the notation of TOML."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(v) for v in value) + "]"
    if isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML requires DEL to be escaped
    return repr(value)
