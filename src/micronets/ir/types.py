"""The types of tensors: how codes are stored, and their ranges."""

from __future__ import annotations

from typing import Literal, get_args

Type = Literal["int4", "int8", "uint8", "int16", "int32", "float32", "bool", "uint32", "uint64"]
"""The type of a tensor's elements. An "int4" tensor keeps each 4-bit code in a separate byte; TensorFlow Lite Micro
treats it as int8. A "bool" is a byte with the code 0 (false) or 1 (true). "uint32" and "uint64" hold numbers that
operators of TFLM's signal library pass to each other."""

Types = tuple[Type, ...]

TYPES: Types = get_args(Type)

UNSCALED: Types = ("float32", "uint32", "uint64")
"""The types whose elements are numbers, not codes. Their tensors have no scale and no zero point."""

ELEMENT_BYTES: dict[Type, int] = {
    "int4": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "int32": 4,
    "float32": 4,
    "bool": 1,
    "uint32": 4,
    "uint64": 8,
}
"""Bytes of an element in memory."""

BITS: dict[Type, int] = {of: 4 if of == "int4" else 8 * size for of, size in ELEMENT_BYTES.items()}
"""Bits of an element's code."""

_CODES: dict[Type, tuple[int, int]] = {
    "int4": (-8, 7),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (-(2**31), 2**31 - 1),
    "bool": (0, 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


def code_range(of: Type) -> tuple[int, int]:
    """Returns the smallest and the largest code of an integer type: (-128, 127) for "int8"."""
    return _CODES[of]


def stored(of: Type) -> Type:
    """Returns the type that a tensor has in TensorFlow Lite Micro: "int8" for 4-bit codes, otherwise `of`."""
    return "int8" if of == "int4" else of
