"""The options of CUSTOM operators: a map from names to whole numbers, as FlexBuffers store one.

A FlexBuffer is read from its end: the last byte is the width of its root value in bytes, and the one before is that
value's type. A map is a list of values with the widths and types of these behind it, and in front of it the way to a
list of its keys, in order (https://flatbuffers.dev/internals/#flexbuffers). The reader trusts nothing: it follows no
place outside the bytes, and takes only maps of whole numbers and truth values.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from flatbuffers import flexbuffers

_WIDTHS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_INT, _UINT, _MAP, _BOOL = 1, 2, 9, 26
_MOST_KEYS = 64
_MOST_CHARACTERS = 64


class FlexError(ValueError):
    """Raised for bytes that are no map of whole numbers."""


def read_map(data: bytes) -> dict[str, int]:
    """Returns the numbers of a map, by name; truth values are 0 and 1. Raises `FlexError`."""
    if len(data) < 3:
        raise FlexError("too short")
    width, kind = data[-1], data[-2]
    if kind >> 2 != _MAP or width not in _WIDTHS:
        raise FlexError("no map")
    start = _target(data, len(data) - 2 - width, width)
    width = 1 << (kind & 3)
    count = _unsigned(data, start - width, width)
    if count > _MOST_KEYS:
        raise FlexError(f"{count} keys")
    key_width = _unsigned(data, start - 2 * width, width)
    if key_width not in _WIDTHS:
        raise FlexError("no list of keys")
    keys = _target(data, start - 3 * width, width)
    found = {}
    for i in range(count):
        name = _text(data, _target(data, keys + i * key_width, key_width))
        found[name] = _number(data, start + i * width, width, _unsigned(data, start + count * width + i, 1) >> 2)
    return found


def write_map(numbers: Mapping[str, int]) -> bytes:
    """Returns the bytes of a map of whole numbers and truth values; `read_map` is the inverse."""
    return bytes(flexbuffers.Dumps(dict(numbers)))


def _unsigned(data: bytes, at: int, width: int) -> int:
    """Returns an unsigned number of that size in bytes. Raises `FlexError` outside the data."""
    if at < 0 or at + width > len(data):
        raise FlexError(f"it points to byte {at} of {len(data)}")
    return int(struct.unpack_from("<" + _WIDTHS[width], data, at)[0])


def _target(data: bytes, at: int, width: int) -> int:
    """Returns where the way at a place leads to, which is towards the beginning."""
    return at - _unsigned(data, at, width)


def _text(data: bytes, at: int) -> str:
    """Returns the text at a place, which a byte of 0 ends."""
    end = data.find(b"\0", max(at, 0), max(at, 0) + _MOST_CHARACTERS)
    if at < 0 or end < 0:
        raise FlexError("a name without an end")
    return data[at:end].decode(errors="replace")


def _number(data: bytes, at: int, width: int, kind: int) -> int:
    """Returns a whole number, or a truth value as 0 or 1."""
    if kind not in (_INT, _UINT, _BOOL):
        raise FlexError(f"a value of type {kind}")
    value = _unsigned(data, at, width)
    if kind == _BOOL:
        return int(value != 0)
    return value - (1 << 8 * width) if kind == _INT and value >> (8 * width - 1) else value
