"""Kernel calls as C: for each call a record of its arguments in flash, and functions that call kernels from records.

The C runs every layer, whole or in patches, by calling `run_KERNEL(arena, record)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import assert_never

from micronets.compiler.generate import ctext
from micronets.compiler.kernels.base import (
    Arena,
    Argument,
    Call,
    Constant,
    ConstantOperand,
    CopiedTable,
    Name,
    OutputRows,
    Pointer,
    Real,
    Struct,
    Table,
    Value,
)

_RUNNERS = """\
/* Functions that run layers. A record holds the arguments of one call of a kernel, in the order of the kernel's
 * parameters. Tensors and scratch memory are byte offsets from the start of the arena `a`. run_KERNEL calls
 * micronets_KERNEL with the arguments in a record. */
{functions}"""

_RUNNER = """\
typedef struct {{
{fields}
}} {record};
MICRONETS_AGREE_SIZE({record}, {bytes});
static void {name}(int8_t *a, const void *record)
{{
    const {record} *const r = (const {record} *)record;
{before}{call}
}}
"""


def runner_name(call: Call) -> str:
    """Returns the name of the C function that runs a call from its record."""
    return f"run_{call.runner}"


def record(call: Call, index: int) -> Constant:
    """Returns the record of layer `index`, which is run by `call`."""
    fields = tuple(field for name, argument in call.arguments for field in _field_values(name, argument))
    return Constant(f"layer_{index}", Struct(_record_type(call), fields))


def runners(calls: Iterable[Call], written: Mapping[str, str] = MappingProxyType({})) -> str:
    """Returns the definitions of the functions that run these calls, and of the types of their records.

    written: definitions for records of another form, by `Call.runner`.
    """
    found = dict[str, Call]()
    for call in calls:
        first = found.setdefault(call.runner, call)
        assert _field_types(first) == _field_types(call), f"{call.function} is called with arguments of two types"
    functions = (written.get(name) or _runner(call) for name, call in found.items())
    return _RUNNERS.format(functions="\n".join(functions)) if found else ""


def runner_text(runner: str, fields: Iterable[str], record_bytes: int, before: str, call: str) -> str:
    """Returns the definitions of a function that runs a call, and of the type of its record.

    - runner: the `Call.runner`.
    - fields: the declarations of the record's fields.
    - record_bytes: bytes of the record with 32-bit pointers.
    - before: the statements before the call.
    - call: the call of the kernel, which refers to the record as `r`.
    """
    return _RUNNER.format(
        fields="\n".join(f"    {field};" for field in fields),
        record=f"{runner}_record",
        bytes=record_bytes,
        name=f"run_{runner}",
        before=before,
        call=call,
    )


def _runner(call: Call) -> str:
    """Returns the definitions of the function that runs a call, and of the type of its record."""
    arguments = [_passed(name, argument) for name, argument in call.arguments]
    fields = [ctext.declaration(ctype, name) for name, ctype in _field_types(call)]
    return runner_text(call.runner, fields, call.record_bytes, "", ctext.call(call.function, arguments))


def _record_type(call: Call) -> str:
    """Returns the C type of the records from which a call is run."""
    return f"{call.runner}_record"


def _field_types(call: Call) -> list[tuple[str, str]]:
    """Returns the names and the C types of the fields of a call's record."""
    return [field for name, argument in call.arguments for field in _typed_fields(name, argument)]


def _typed_fields(name: str, argument: Argument) -> Iterator[tuple[str, str]]:
    """Yields the name and the C type of each field that holds an argument called `name`; nothing for the arena, which
    all calls share.
    """
    match argument:
        case Arena():
            pass
        case int() | OutputRows() | Pointer():
            yield name, "int32_t"
        case Real():
            yield name, "float"
        case Name() | Struct():
            yield name, argument.ctype
        case Table():
            yield name, f"const {argument.ctype} *"
        case ConstantOperand(table, any_type):
            yield name, "const void *" if any_type else f"const {table.ctype} *"
        case CopiedTable(table):
            yield from ((name, f"const {table.ctype} *"), (f"{name}_count", "int32_t"), (f"{name}_copy", "int32_t"))
        case _:
            assert_never(argument)


def _field_values(name: str, argument: Argument) -> Iterator[tuple[str, Value]]:
    """Yields the name and the value of each field that holds an argument called `name`; nothing for the arena, which
    all calls share.
    """
    match argument:
        case Arena():
            pass
        case Pointer():
            yield name, argument.to
        case ConstantOperand():
            yield name, argument.table
        case CopiedTable(table, to):
            yield from ((name, table), (f"{name}_count", table.values.size), (f"{name}_copy", to))
        case int() | OutputRows() | Real() | Name() | Struct() | Table():
            yield name, argument
        case _:
            assert_never(argument)


def _passed(name: str, argument: Argument) -> str:
    """Returns the C expression passed to the kernel for an argument whose field is `name`."""
    match argument:
        case Arena():
            return "a"
        case Pointer():
            return ctext.pointer(argument.ctype, f"r->{name}")
        case Struct():
            return f"&r->{name}"
        case CopiedTable(table):
            copy = ctext.pointer(table.ctype, f"r->{name}_copy")
            return f"micronets_copy_words({copy}, r->{name}, r->{name}_count)"
        case int() | OutputRows() | Real() | Name() | Table() | ConstantOperand():
            return f"r->{name}"
        case _:
            assert_never(argument)
