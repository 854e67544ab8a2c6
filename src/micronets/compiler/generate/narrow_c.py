"""Records that hold only the numbers that differ between the layers of a kernel, each in as few bytes as it needs.

A network of many layers has as many records, and most of their bytes are zero or the same in all records. If flash
counts, the function that runs a kernel gets a record of the numbers that differ; numbers that are always equal share a
field. It builds the kernel's structs on the stack from these numbers and from constants.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from micronets.compiler.generate import calls_c, ctext
from micronets.compiler.kernels.base import (
    C_TYPE_BYTES,
    WORD_BYTES,
    Argument,
    Call,
    Constant,
    InputRows,
    Name,
    Offset,
    OutputRows,
    PadTop,
    Pointer,
    Struct,
    Table,
    Value,
)
from micronets.compiler.kernels.goal import Goal
from micronets.compiler.limits import STRUCT_FIELDS

NARROW_GOALS: tuple[Goal, ...] = ("size", "balanced")
"""The goals for which records may be narrow; a layer then takes some hundred cycles more."""

FIELD_BYTES = 8
"""The most bytes of code that set a field of a struct on the stack: a load and a store."""

_STACK_WORTH = 3  # bytes of flash that each byte of a struct on the stack must save

_SIZE = "uint32_t"  # the declared type of a size, so that its field is unsigned

Path = tuple[str, ...]
"""The path to a number in a call: the name of the argument and, within a struct, the indices of its fields."""

Number = int | Name | Table


@dataclass(frozen=True)
class _Column:
    """A number that a kernel is called with, and its value in every call.

    - name: the name of its field in a record.
    - ctype: the C type of the field.
    - values: the number in each call.
    - in_struct: whether it is a field of a struct.
    """

    name: str
    ctype: str
    values: tuple[Number, ...]
    in_struct: bool

    @property
    def is_constant(self) -> bool:
        """Returns whether the number is the same in all calls. Tables never count as constant, since model.c defines
        them after the functions."""
        return not isinstance(self.values[0], Table) and all(value == self.values[0] for value in self.values)

    @property
    def bytes(self) -> int:
        """Bytes of the field with 32-bit pointers."""
        return next((size for ctype, size in C_TYPE_BYTES.items() if ctype == self.ctype), WORD_BYTES)

    @property
    def key(self) -> tuple[bool, tuple[Number, ...]]:
        """The key by which columns share a field: whether the type is unsigned, and the values."""
        return self.ctype.startswith("u"), self.values


@dataclass(frozen=True)
class NarrowRecords:
    """The narrow records of one kernel.

    - calls: the calls that run its layers, by layer index.
    - columns: the numbers in these calls.
    """

    calls: Mapping[int, Call]
    columns: Mapping[Path, _Column]

    @cached_property
    def _fields(self) -> Mapping[tuple[bool, tuple[Number, ...]], _Column]:
        """The fields of a record by their `_Column.key`, the largest first."""
        found = dict[tuple[bool, tuple[Number, ...]], _Column]()
        for column in sorted(self.columns.values(), key=lambda column: -column.bytes):
            if not column.is_constant:
                found.setdefault(column.key, column)
        return found

    @property
    def record_bytes(self) -> int:
        """Bytes of a record with 32-bit pointers."""
        sizes = [column.bytes for column in self._fields.values()]
        return math.ceil(sum(sizes) / max(sizes)) * max(sizes)

    @property
    def built_fields(self) -> int:
        """The number of struct fields that a call sets on the stack."""
        return sum(column.in_struct for path, column in self.columns.items() if not self._is_constant(path[0]))

    @property
    def saved_bytes(self) -> int:
        """The bytes that the records save in comparison with wide ones."""
        structs = [struct for name, struct in _structs(self._first) if self._is_constant(name)]
        wide = sum(call.record_bytes for call in self.calls.values())
        return wide - len(self.calls) * self.record_bytes - sum(struct.bytes for struct in structs)

    @property
    def pays(self) -> bool:
        """Returns whether the records save enough flash for the stack that they take."""
        stack = sum(struct.bytes for name, struct in _structs(self._first) if not self._is_constant(name))
        return self.saved_bytes - FIELD_BYTES * self.built_fields > _STACK_WORTH * stack

    @property
    def _first(self) -> Call:
        return next(iter(self.calls.values()))

    @property
    def _record_type(self) -> str:
        """The C type of the records."""
        return f"{self._first.runner}_record"

    def record(self, layer: int) -> Constant:
        """Returns the record of a layer, by its index."""
        at = list(self.calls).index(layer)
        fields = tuple((column.name, column.values[at]) for column in self._fields.values())
        return Constant(f"layer_{layer}", Struct(self._record_type, fields))

    def runner(self) -> str:
        """Returns the definitions of the function that runs a call, and of the type of its record."""
        call, structs = self._first, []
        for name, value in _structs(call):
            items = [self._expression((name, str(i)), inner) for i, (_, inner) in enumerate(value.fields)]
            head = "static const" if self._is_constant(name) else "const"
            structs.append(_initialised(f"    {head} {value.ctype} {name} = ", items))
        fields = [ctext.declaration(column.ctype, column.name) for column in self._fields.values()]
        return calls_c.runner_text(
            call.runner,
            fields,
            self.record_bytes,
            "".join(structs),
            ctext.call(call.function, [self._passed(name, value) for name, value in call.arguments]),
        )

    def _is_constant(self, argument: str) -> bool:
        """Returns whether an argument is the same in all calls."""
        return all(column.is_constant for path, column in self.columns.items() if path[0] == argument)

    def _passed(self, name: str, argument: Argument) -> str:
        """Returns the C expression that is passed to the kernel for an argument."""
        match argument:
            case Struct():
                return f"&{name}"
            case Pointer():
                return ctext.pointer(argument.ctype, self._number((name,)))
            case _:
                return self._number((name,))

    def _number(self, path: Path) -> str:
        """Returns the C expression of a number in the call."""
        column = self.columns[path]
        return ctext.value(column.values[0]) if column.is_constant else f"r->{self._fields[column.key].name}"

    def _expression(self, path: Path, value: Value) -> str:
        """Returns the C initialiser of a field of a struct, or of the struct."""
        if not isinstance(value, tuple):
            return self._number(path)
        return "{" + ", ".join(self._expression((*path, str(i)), inner) for i, inner in enumerate(value)) + "}"


def narrow_records(calls: Mapping[int, Call]) -> NarrowRecords | None:
    """Returns narrow records for layers that one kernel runs whole; None if they save nothing.

    calls: the calls that run the layers, by layer index; all have the same `Call.runner`.
    """
    if len(calls) < 2:
        return None
    rows = [dict(_numbers(call)) for call in calls.values()]
    columns = {}
    for path, (declared, name, _) in rows[0].items():
        values = [row[path][2] for row in rows if path in row]
        numbers = tuple(value for value in values if value is not None)
        ctype = _column_type(declared, numbers) if len(numbers) == len(rows) else None
        if ctype is None:
            return None
        columns[path] = _Column(name, ctype, numbers, len(path) > 1)
        if any(isinstance(value, Name) and value.is_enumerator for value in numbers) and not columns[path].is_constant:
            return None  # the compiler decides whether such a field has one byte or four
    found = NarrowRecords(calls, columns)
    return found if not all(column.is_constant for column in columns.values()) and found.pays else None


def _structs(call: Call) -> Iterator[tuple[str, Struct]]:
    """Yields the names and values of the arguments of a call that are structs."""
    for name, value in call.arguments:
        if isinstance(value, Struct):
            yield name, value


_Found = tuple[str, str, Number | None]  # declared C type and name of a field, and its value; None if not a number


def _numbers(call: Call) -> Iterator[tuple[Path, _Found]]:
    """Yields the numbers of a call."""
    for name, argument in call.arguments:
        if isinstance(argument, Struct) and argument.ctype in STRUCT_FIELDS:
            types = iter(STRUCT_FIELDS[argument.ctype])
            for i, (field, inner) in enumerate(argument.fields):
                yield from _inner_numbers((name, str(i)), f"{name}_{field}", inner, types)
        else:
            number = _number(argument.to if isinstance(argument, Pointer) else argument)
            yield (name,), ("int32_t" if isinstance(number, int) and number < 0 else _SIZE, name, number)


def _inner_numbers(path: Path, name: str, value: Value, types: Iterator[str]) -> Iterator[tuple[Path, _Found]]:
    """Yields the numbers in a field of a struct; types: the declared types of all numbers from here on."""
    if isinstance(value, tuple):
        for i, inner in enumerate(value):
            yield from _inner_numbers((*path, str(i)), f"{name}_{i}", inner, types)
    else:
        yield path, (next(types), name, _number(value))


def _number(value: Argument | Value) -> Number | None:
    """Returns a value of a call as a number, for a layer that runs whole; None if it is not a number."""
    match value:
        case int() | Name() | Table():
            return value
        case Offset():
            return value.bytes
        case OutputRows():
            return value.rows * value.each
        case InputRows() | PadTop():
            return value.rows
        case _:
            return None


def _column_type(declared: str, values: Sequence[Number]) -> str | None:
    """Returns the C type of a field that holds all `values`; None if they are of different kinds.

    declared: the type that the kernel takes. The field has the same signedness, but 32-bit fields are always signed.
    """
    numbers = [value for value in values if isinstance(value, int)]
    if len(numbers) == len(values):
        signed = min(numbers) < 0 or not declared.startswith("u")
        least = max(max(numbers), -1 - min(numbers)).bit_length()
        bits = next((bits for bits in (8, 16) if least + signed <= bits), 32)
        return None if least > 31 else f"{'' if signed or bits == 32 else 'u'}int{bits}_t"
    tables = {f"const {value.ctype} *" for value in values if isinstance(value, Table)}
    names = {value.ctype for value in values if isinstance(value, Name)}
    whole = all(isinstance(value, Table) for value in values) or all(isinstance(value, Name) for value in values)
    return (tables | names).pop() if whole and len(tables | names) == 1 else None


def _initialised(head: str, items: Sequence[str]) -> str:
    """Returns the statement `head {items};` within a function, on several lines if it is too long for one."""
    line = f"{head}{{{', '.join(items)}}};"
    if len(line) <= ctext.LINE:
        return f"{line}\n"
    return (
        f"{head}{{\n"
        + textwrap.fill(", ".join(items) + ",", ctext.LINE, initial_indent=" " * 8, subsequent_indent=" " * 8)
        + "\n    };\n"
    )
