"""Records that hold only what differs between the layers of a kernel, each number in as few bytes as it needs.

A network of many layers has as many records, most of whose bytes are zeros or the same everywhere. Where flash counts,
the function that runs a kernel gets a record with just the numbers that differ, one for several that are always equal,
and makes the kernel's structs of them and of constants on the stack.
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
"""The goals for which records may be narrow, as a layer then takes some hundred cycles more."""

FIELD_BYTES = 8
"""Bytes of code that set a field of a struct on the stack, at most: a load and a store."""

_STACK_WORTH = 3  # bytes of flash that each byte of a struct on the stack has to save

_SIZE = "uint32_t"  # what the type of a size counts as, so that its field has no sign

Path = tuple[str, ...]
"""A number that a kernel is called with: the name of its argument, and in a struct the names or places of fields."""

Number = int | Name | Table


@dataclass(frozen=True)
class _Column:
    """A number that a kernel is called with, for every call.

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
        """Returns whether the number is the same in all calls; no table is, as the functions stand in front of
        tables."""
        return not isinstance(self.values[0], Table) and all(value == self.values[0] for value in self.values)

    @property
    def bytes(self) -> int:
        """Bytes of the field where pointers have 32 bits."""
        return next((size for ctype, size in C_TYPE_BYTES.items() if ctype == self.ctype), WORD_BYTES)

    @property
    def key(self) -> tuple[bool, tuple[Number, ...]]:
        """What columns that share a field have in common: whether the type is one without a sign, and the values."""
        return self.ctype.startswith("u"), self.values


@dataclass(frozen=True)
class NarrowRecords:
    """The narrow records of one kernel.

    - calls: the calls that run its layers, by the number of the layer.
    - columns: the numbers that it is called with.
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
        """Bytes of a record where pointers have 32 bits."""
        sizes = [column.bytes for column in self._fields.values()]
        return math.ceil(sum(sizes) / max(sizes)) * max(sizes)

    @property
    def built_fields(self) -> int:
        """How many fields of structs are set on the stack for a call."""
        return sum(column.in_struct for path, column in self.columns.items() if not self._is_constant(path[0]))

    @property
    def saved_bytes(self) -> int:
        """How many bytes less the records take than wide ones."""
        structs = [struct for name, struct in _structs(self._first) if self._is_constant(name)]
        wide = sum(call.record_bytes for call in self.calls.values())
        return wide - len(self.calls) * self.record_bytes - sum(struct.bytes for struct in structs)

    @property
    def pays(self) -> bool:
        """Returns whether the records save flash, and enough of it for the memory that they take on the stack."""
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
        """Returns the record of a layer, by its number."""
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
        """Returns the C expression of a number that the kernel is called with."""
        column = self.columns[path]
        return ctext.value(column.values[0]) if column.is_constant else f"r->{self._fields[column.key].name}"

    def _expression(self, path: Path, value: Value) -> str:
        """Returns the C initialiser of a field of a struct, or of the struct."""
        if not isinstance(value, tuple):
            return self._number(path)
        return "{" + ", ".join(self._expression((*path, str(i)), inner) for i, inner in enumerate(value)) + "}"


def narrow_records(calls: Mapping[int, Call]) -> NarrowRecords | None:
    """Returns narrow records for layers that run whole by one kernel; None where they save nothing.

    calls: the calls that run the layers, by the number of the layer; all have the same `Call.runner`.
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
            return None  # a field of one or of four bytes, as the compiler has it
    found = NarrowRecords(calls, columns)
    return found if not all(column.is_constant for column in columns.values()) and found.pays else None


def _structs(call: Call) -> Iterator[tuple[str, Struct]]:
    """Yields the names and values of the arguments of a call that are structs."""
    for name, value in call.arguments:
        if isinstance(value, Struct):
            yield name, value


_Found = tuple[str, str, Number | None]  # the declared C type, the name of a field, and the value; None for no number


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
    """Returns a number of a call for a layer that runs whole; None for what is no number."""
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
    """Returns the C type of a field that holds all `values`; None where they are of different kinds.

    declared: the type that the kernel takes, whose sign the field has, too; one of 32 bits has a sign anyway.
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
    """Returns the statement `head {items};` within a function, on several lines where it is too long for one."""
    line = f"{head}{{{', '.join(items)}}};"
    if len(line) <= ctext.LINE:
        return f"{line}\n"
    return (
        f"{head}{{\n"
        + textwrap.fill(", ".join(items) + ",", ctext.LINE, initial_indent=" " * 8, subsequent_indent=" " * 8)
        + "\n    };\n"
    )
