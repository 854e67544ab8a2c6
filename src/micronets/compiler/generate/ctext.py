"""Python values as C text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

_WIDTH = 110


def array(ctype: str, name: str, values: npt.NDArray[Any] | bytes) -> str:
    """`static const ctype name[] = {...};` of integers, in lines of readable width."""
    flat = np.frombuffer(values, np.uint8) if isinstance(values, bytes) else values.ravel()
    rows, row = [], "   "
    for text in map(integer, flat.tolist()):
        if len(row) + len(text) + 2 > _WIDTH:
            rows.append(row)
            row = "   "
        row += f" {text},"
    return f"static const {ctype} {name}[{len(flat)}] = {{\n" + "\n".join([*rows, row]) + "\n};\n"


def integer(value: int) -> str:
    """A constant of at most 32 bits; C has no literal for the lowest."""
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def real(value: float) -> str:
    """A float constant that reads back as the same float32."""
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if any(c in text for c in ".en") else f"{text}.0f"


def struct(ctype: str, name: str, fields: Iterable[tuple[str, object]]) -> str:
    """`static const ctype name = {.field = value, ...};`"""
    return constant(ctype, name, braces(fields))


def constant(ctype: str, name: str, value: str) -> str:
    """`static const ctype name = value;`"""
    return f"static const {ctype} {name} = {value};\n"


def braces(fields: Iterable[tuple[str, object]]) -> str:
    """`{.field = value, ...}`"""
    return "{" + ", ".join(f".{field} = {value}" for field, value in fields) + "}"


def comment(text: str) -> str:
    """Text from a model that can do no harm in a comment."""
    return re.sub(r"[^A-Za-z0-9_ .,:;()\[\]'=+-]", "_", text)


def shape(dims: Iterable[int]) -> str:
    """`49 x 10 x 1`."""
    return " x ".join(map(str, dims))
