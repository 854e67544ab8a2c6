"""Reads TOML, and explains in plain words why a text is not TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

_MOST_BITS = 14_000
"""The maximum size of an integer: Python does not convert a larger one to text. TOML itself requires 64 bits."""


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

    For a number of thousands of digits, and for deeply nested lists, Python's own message is for programmers; it is
    replaced.
    """
    if isinstance(error, tomllib.TOMLDecodeError):
        return str(error)
    if isinstance(error, RecursionError):
        return "lists within lists, deeper than can be read"
    return "a number of more digits than can be read; need one below 2^53"


def _printable(value: object) -> bool:
    """Returns whether no integer in a TOML value is too long; hexadecimal ones are read whatever their length."""
    if isinstance(value, Mapping):
        return all(map(_printable, value.values()))
    if isinstance(value, list):
        return all(map(_printable, value))
    return not isinstance(value, int) or value.bit_length() <= _MOST_BITS
