"""The types of tensors: how their codes are stored, and which codes there are."""

from __future__ import annotations

from typing import Literal, get_args

Type = Literal["int4", "int8", "uint8", "int16", "int32", "float32", "bool"]
"""The type of a tensor's elements. Tensors of "int4" keep each code of 4 bits in a byte of its own; TensorFlow Lite
Micro knows them as int8. A "bool" is a code of 0 or 1, which is false or true, in a byte."""

Types = tuple[Type, ...]

TYPES: Types = get_args(Type)

ELEMENT_BYTES: dict[Type, int] = {"int4": 1, "int8": 1, "uint8": 1, "int16": 2, "int32": 4, "float32": 4, "bool": 1}
"""Bytes that an element takes in memory."""

BITS: dict[Type, int] = {"int4": 4, "int8": 8, "uint8": 8, "int16": 16, "int32": 32, "float32": 32, "bool": 8}
"""Bits of an element's code."""

_CODES: dict[Type, tuple[int, int]] = {
    "int4": (-8, 7),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
    "bool": (0, 1),
}


def code_range(of: Type) -> tuple[int, int]:
    """Returns the smallest and the largest code of an integer type: (-128, 127) for "int8"."""
    return _CODES[of]


def stored(of: Type) -> Type:
    """Returns the type as which TensorFlow Lite Micro knows a tensor: "int8" for codes of 4 bits."""
    return "int8" if of == "int4" else of
