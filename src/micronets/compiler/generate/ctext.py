"""Prints the compiler's values, numbers and comments as C text."""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from micronets.compiler.kernels.base import (
    Constant,
    InputRows,
    Name,
    Offset,
    OutputRows,
    PadTop,
    Real,
    Struct,
    Table,
    Value,
)

_WIDTH = 110  # columns of a table
_ROW = "   "  # how a row of a table begins
_PIECE = 1 << 16  # numbers that are words at a time
_BYTES = {value: f" {value}," for value in range(-128, 256)}
LINE = 120
"""The largest number of columns of a line, unless a single name is longer."""
_INDENT = 4


def wrapped_macro(text: str) -> str:
    """Returns the text of a macro, on as many lines as it needs."""
    return " \\\n    ".join(textwrap.wrap(text, 90))


def array(ctype: str, name: str, values: npt.NDArray[Any] | bytes, in_sram: bool = False) -> str:
    """Returns `static const ctype name[] = {...};` for an array of numbers, in lines of readable width.

    - ctype: the C type of an element; numbers are written as float constants for `float`, otherwise as integers.
    - name: the name of the array in C.
    - values: the numbers, of any shape, written in C order; integers have at most 32 bits. Bytes stand for numbers from
      0 to 255.
    - in_sram: whether the array is not const, so that it lies in SRAM.
    """
    flat = np.frombuffer(values, np.uint8) if isinstance(values, bytes) else values.ravel()
    rows: list[str] = []
    words: list[str] = []  # those of the row that is not full yet
    for first in range(0, len(flat), _PIECE):
        words += _words(ctype, flat[first : first + _PIECE])
        ends = list(accumulate(map(len, words)))  # in a text of all words, where each of them ends
        start = written = 0
        while ends[-1] - written > _WIDTH - len(_ROW):
            end = bisect_right(ends, written + _WIDTH - len(_ROW))
            rows.append(_ROW + "".join(words[start:end]))
            start, written = end, ends[end - 1]
        words = words[start:]
    rows.append(_ROW + "".join(words))
    return f"static {'' if in_sram else 'const '}{ctype} {name}[{len(flat)}] = {{\n" + "\n".join(rows) + "\n};\n"


def _words(ctype: str, values: npt.NDArray[Any]) -> Iterator[str]:
    """Returns numbers as the entries of a C table, each with a leading space and a trailing comma."""
    if values.dtype in (np.int8, np.uint8) and ctype != "float":
        return map(_BYTES.__getitem__, values.tolist())
    return (f" {text}," for text in map(real if ctype == "float" else integer, values.tolist()))


def integer(value: int) -> str:
    """Returns an integer of at most 32 bits as a C constant; the smallest has no literal and becomes an expression."""
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def wide(value: int) -> str:
    """Returns a 64-bit integer as a C constant."""
    return f"INT64_C({value})"


def wide_array(name: str, values: npt.NDArray[np.int64]) -> str:
    """Returns the definition of an int64_t array, one number per line."""
    lines = "\n".join(f"    {wide(value)}," for value in values.ravel().tolist())
    return f"static const int64_t {name}[{values.size}] = {{\n{lines}\n}};\n"


def as_words(values: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """Returns pairs of 16-bit numbers, `[n, 2]`, as words `[n]`; the first number of a pair is in the low half."""
    halves = values.astype(np.int64) & 0xFFFF
    return (halves[:, 0] | halves[:, 1] << 16).astype(np.uint32)


def real(value: float) -> str:
    """Returns a float constant that reads back as the same float32; infinities and NaN need `math_header`."""
    if np.isnan(value):
        return "NAN"
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if any(c in text for c in ".en") else f"{text}.0f"


def math_header(constants: Iterable[npt.NDArray[Any]]) -> str:
    """Returns the line that includes math.h if a constant contains an infinity or NaN, otherwise "".

    The compiler evaluates their macros, so the math library is not linked.
    """
    finite = all(np.isfinite(values).all() for values in constants if values.dtype.kind == "f")
    return "" if finite else "#include <math.h>\n"


def string(text: str) -> str:
    """Returns a text as a C string literal in UTF-8; bytes other than plain ASCII characters become octal escapes."""
    plain = "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode(errors="replace")
    )
    return f'"{plain}"'


def constant(of: Table | Constant, tables_in_sram: bool = False) -> str:
    """Returns the definition of a table or struct, `static const ctype name = {.field = value, ...};`, as lines.

    - of: the table or struct.
    - tables_in_sram: whether tables are not const, so that they lie in SRAM.
    """
    match of:
        case Table():
            return array(of.ctype, of.name, of.values, tables_in_sram)
        case Constant():
            head = f"static const {of.value.ctype} {of.name} = "
            return f"{head}{_initialiser(of.value, 0, len(head))};\n"
        case _:
            assert_never(of)


def _initialiser(of: Value, indent: int, column: int) -> str:
    """Returns a value as `value` does, on several lines if it is too long for one.

    - indent: columns in front of the line on which the value begins.
    - column: its first column on that line; a comma or semicolon follows the value.
    """
    text = value(of)
    if column + len(text) < LINE or not isinstance(of, Struct | tuple):
        return text
    parts = (
        [(f".{field} = ", inner) for field, inner in of.fields]
        if isinstance(of, Struct)
        else [("", inner) for inner in of]
    )
    margin = " " * (indent + _INDENT)
    lines = [""]
    for name, inner in parts:
        item = f"{name}{value(inner)},"
        if lines[-1] and len(margin) + len(lines[-1]) + 1 + len(item) <= LINE:
            lines[-1] += f" {item}"
        else:
            lines.append(f"{name}{_initialiser(inner, len(margin), len(margin) + len(name))},")
    return "{\n" + "".join(f"{margin}{line}\n" for line in lines[1:]) + " " * indent + "}"


def block_comment(text: str) -> str:
    """Returns `/* text */` as a line, or as several if it is too long for one."""
    first, *more = textwrap.wrap(text, LINE - len("/*  */"), break_long_words=False, break_on_hyphens=False)
    return "\n * ".join([f"/* {first}", *more]) + " */\n"


def listing(head: str, items: Iterable[str]) -> str:
    """Returns `head {items};` as a line, or as several that do not divide an item if it is too long for one."""
    whole = list(items)
    text = ", ".join(whole)
    if len(head) + len(text) + len(" {};") <= LINE:
        return f"{head} {{{text}}};\n"
    lines = [""]
    for item in whole:
        if lines[-1] and _INDENT + len(lines[-1]) + len(f" {item},") > LINE:
            lines.append("")
        lines[-1] += f" {item}," if lines[-1] else f"{item},"
    return f"{head} {{\n" + "".join(f"{' ' * _INDENT}{line}\n" for line in lines) + "};\n"


def value(of: Value) -> str:
    """Returns the value of a field in C, for a layer that runs whole."""
    match of:
        case int():
            return str(of)
        case Name():
            return of.text
        case Real():
            return real(of.value)
        case Table():
            return of.name
        case Offset():
            return str(of.bytes)
        case OutputRows():
            return str(of.rows * of.each)
        case InputRows() | PadTop():
            return str(of.rows)
        case Struct():
            return "{" + ", ".join(f".{field} = {value(v)}" for field, v in of.fields) + "}"
        case tuple():
            return "{" + ", ".join(map(value, of)) + "}"
        case _:
            assert_never(of)


def declaration(ctype: str, name: str) -> str:
    """Returns the declaration of a variable or field of a type, without its semicolon."""
    return f"{ctype}{name}" if ctype.endswith("*") else f"{ctype} {name}"


def call(function: str, arguments: Iterable[str]) -> str:
    """Returns the statement that calls a function, indented by one step, as a line or as several."""
    head = " " * _INDENT + f"{function}("
    lines = [head]
    for item in [f"{argument}," for argument in arguments]:
        more = f" {item}" if lines[-1].endswith(",") else item
        if len(lines[-1]) + len(more) + 1 > LINE:
            lines.append(" " * len(head))
            more = item
        lines[-1] += more
    return "\n".join(lines).removesuffix(",") + ");"


def pointer(ctype: str, offset: str) -> str:
    """Returns a pointer to `ctype` into the arena `a`; a pointer to `void` needs no cast.

    - ctype: the type that it points to.
    - offset: a C expression of bytes.
    """
    plain = ctype in ("int8_t", "void", "const void")
    return f"a + {offset}" if plain else f"({ctype} *)(void *)(a + {offset})"


def comment(text: str) -> str:
    """Returns text from a model for a C comment: characters that could end the comment or its line become `_`."""
    return re.sub(r"[^A-Za-z0-9_ .,:;()\[\]'=+-]", "_", text)


def shape_text(dims: Iterable[int]) -> str:
    """Returns a shape for readers, for instance `49 x 10 x 1`; `1` for a single value."""
    return " x ".join(map(str, dims)) or "1"
