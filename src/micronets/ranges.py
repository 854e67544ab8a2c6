"""Ranges of numbers that users give: dataclass fields with ranges, and one message for a number out of range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from numbers import Integral, Real
from typing import Any

from micronets.errors import SpecError

_RANGE = "range"
MOST_SEED = 2**32 - 1
"""The largest seed: numpy accepts 32 bits."""


def ranged(default: Any, least: float, most: float) -> Any:
    """Returns a dataclass field with a range.

    - `default`: its default, a number or a tuple of numbers.
    - `least`, `most`: the range of the number, or of each number, both ends included.
    """
    return field(default=default, metadata={_RANGE: (least, most)})


def check_number(name: str, value: Any, least: float, most: float) -> None:
    """Raises `SpecError` for a number, or one of a tuple of numbers, that is out of its range or NaN.

    - `name`: what the number is, for the error, such as "data.kept".
    - `least`, `most`: the range, both ends included.
    """
    for one in value if isinstance(value, (tuple, list)) else (value,):
        check_is_number(name, one)
        if not least <= one <= most:  # also true for NaN, for which every comparison is false
            raise SpecError(f"{name} = {shown(one)}; allowed: {_end(least)} to {_end(most)}")


def check_is_number(name: str, value: Any) -> None:
    """Raises `SpecError` for a value that is not a real number; `name` is its name in the error."""
    if not isinstance(value, Real):
        raise SpecError(f"{name} = {shown(value)}; need a number")


def check_seed(seed: Any) -> None:
    """Raises `SpecError` for a seed that is not an integer from 0 to `MOST_SEED`."""
    if not isinstance(seed, Integral) or not 0 <= int(seed) <= MOST_SEED:
        raise SpecError(f"seed = {shown(seed)}; need an integer from 0 to {MOST_SEED}")


def check_fields(record: Any, prefix: str) -> None:
    """Checks every field of a dataclass that was made by `ranged`.

    - `record`: an instance of the dataclass.
    - `prefix`: the text before the name of a field in errors, such as "data.".

    Raises `SpecError`.
    """
    check_options(type(record), vars(record), prefix)


def check_options(kind: type, values: Mapping[str, Any], prefix: str) -> None:
    """Checks values for the fields of a dataclass against the ranges of `ranged`; None is not checked.

    - `kind`: the dataclass.
    - `values`: the values by the names of the fields; others are ignored.
    - `prefix`: the text before the name of a field in errors.

    Raises `SpecError`.
    """
    for f in fields(kind):
        if _RANGE in f.metadata and values.get(f.name) is not None:
            check_number(f"{prefix}{f.name}", values[f.name], *f.metadata[_RANGE])


def shown(value: object) -> str:
    """Returns the text of a value for an error, shortened if necessary."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = _digits(value) if isinstance(value, int) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _digits(value: int) -> str:
    """Returns the text of an integer, or its number of bits if it is too long for Python or for a reader."""
    return str(value) if abs(value) < 10**40 else f"an integer of {value.bit_length()} bits"


def _end(value: float) -> str:
    """Returns the text of an end of a range: `0.05`, `1,024`."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"
