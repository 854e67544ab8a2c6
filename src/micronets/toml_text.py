"""Reads TOML, and says in plain words why a text is none."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

_MOST_BITS = 14_000
"""Of an integer: of more, Python does not make a text. TOML itself asks for 64."""


def parse_toml(text: str) -> dict[str, Any]:
    """Returns the tables of a TOML text.

    Raises `ValueError` for a text that is not TOML and for an integer of thousands of digits, and `RecursionError` for
    deeply nested lists; `toml_problem` has the message.
    """
    table = tomllib.loads(text)
    if not _printable(table):
        raise ValueError("an integer of thousands of digits")
    return table


def toml_problem(error: ValueError | RecursionError) -> str:
    """Returns the message for a text that `parse_toml` does not read.

    For a number of thousands of digits, and for deeply nested lists, Python's own message addresses programmers; it is
    replaced.
    """
    if isinstance(error, tomllib.TOMLDecodeError):
        return str(error)
    if isinstance(error, RecursionError):
        return "lists within lists, deeper than can be read"
    return "a number of more digits than can be read; need one below 2^53"


def _printable(value: object) -> bool:
    """Returns whether no integer in a value of TOML is too long: hexadecimal digits are read, however many there
    are."""
    if isinstance(value, Mapping):
        return all(map(_printable, value.values()))
    if isinstance(value, list):
        return all(map(_printable, value))
    return not isinstance(value, int) or value.bit_length() <= _MOST_BITS
