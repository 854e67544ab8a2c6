"""Writes csrc/include/micronets_offsets.h: where the kernels in assembly find the fields of records that C declares.

    python -m benchmarks.struct_offsets

Run it after a record that the assembly reads has changed. The offsets are those of a cross compiler for a Cortex-M4. C
that includes a record compares them once more with its own: a header that is out of date does not build.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from micronets.boards.board import load_board
from micronets.device.cross_compiler import find_compiler, run_tool

CSRC = Path(str(files("micronets.compiler") / "csrc"))
HEADER = CSRC / "include/micronets_offsets.h"


@dataclass(frozen=True)
class Record:
    """A C struct whose fields assembly reads.

    - prefix: what the names of its offsets begin with.
    - ctype: the name of the struct.
    - header: the file that declares it.
    - fields: the names of its fields.
    """

    prefix: str
    ctype: str
    header: str
    fields: tuple[str, ...]


RECORDS = (
    Record(
        "IM2COL",
        "micronets_im2col_block",
        "micronets_im2col.h",
        (
            *(
                "start",
                "weights",
                "end",
                "bias",
                "multiplier",
                "filters",
                "skipped",
                "columns",
                "zero_point",
                "clamp",
                "pairs",
                "input",
            ),
            *("lowest4", "highest4"),
        ),
    ),
    Record(
        "WINOGRAD",
        "micronets_winograd_block",
        "micronets_winograd.h",
        (
            *("weights", "bias", "multiplier", "filters", "bytes", "pitch", "zero_point", "saturates"),
            *("lowest4", "highest4", "turn"),
        ),
    ),
    Record(
        "BY4",
        "micronets_depthwise_by4_pass",
        "micronets_depthwise_by4_pass.h",
        (
            *(
                "scales",
                "zero_point",
                "bytes",
                "lowest4",
                "highest4",
                "weights",
                "x_step",
                "out_step",
                "out_end",
                "x",
                "x_line",
            ),
            *(
                "out_line",
                "lines",
                "next",
                "row",
                "back",
                "weights_end",
                "skipped",
                "entry",
                "count",
                "left",
                "to",
                "at",
            ),
        ),
    ),
    Record(
        "TWO_LINES",
        "micronets_depthwise_two_lines_pass",
        "micronets_depthwise_two_lines_pass.h",
        (
            *("constants", "x", "output", "out_step", "out_line", "span", "turn", "x_line", "x_turn", "odd", "lines"),
            *("channels",),
        ),
    ),
    Record(
        "ADD_BY4",
        "micronets_add_by4_constants",
        "micronets_dsp_add_by4.h",
        (
            *("codes_a", "codes_b", "output", "offset_a", "offset_b", "multiplier_b", "shift_b", "multiplier", "shift"),
            *("zero_point", "needs_clamp", "end", "lowest4", "highest4"),
        ),
    ),
)

_TEXT = """\
/* Offsets, in bytes, of the fields that kernels in assembly read. Written by benchmarks/struct_offsets.py.
 *
 * MICRONETS_..._OFFSETS_AGREE is true where the compiler's offsets are the same; C checks it beside each record. */
#ifndef MICRONETS_OFFSETS_H
#define MICRONETS_OFFSETS_H

/* clang-format off */

{records}
/* clang-format on */

#endif
"""


def offsets(record: Record) -> dict[str, int]:
    """Returns the offset of each field, as a cross compiler has it. Raises `DeviceError` where there is none."""
    cc = find_compiler(load_board("NUCLEO-F446RE"))
    lines = "".join(
        f'    __asm__ volatile("OFFSET {field} %c0" : : "i"(__builtin_offsetof({record.ctype}, {field})));\n'
        for field in record.fields
    )
    with tempfile.TemporaryDirectory(prefix="micronets-") as name:
        source, target = Path(name) / "offsets.c", Path(name) / "offsets.s"
        source.write_text(
            f'#include "{record.header}"\nvoid offsets(void);\nvoid offsets(void)\n{{\n{lines}}}\n', "utf-8"
        )
        include = [f"-I{CSRC / folder}" for folder in ("include", "dsp")]
        firmware = str(files("micronets.device") / "firmware/include")
        flags = [*cc.core_flags, *cc.hosted, "-O1", *include, "-isystem", firmware, "-DMICRONETS_WRITING_OFFSETS"]
        run_tool([*cc.command, *flags, "-S", str(source), "-o", str(target)], "compile")
        found = re.findall(r"OFFSET (\w+) #?(\d+)", target.read_text("utf-8"))
    return {field: int(value) for field, value in found}


def header() -> str:
    """Returns the text of the header."""
    parts = []
    for record in RECORDS:
        found = offsets(record)
        names = {field: f"MICRONETS_{record.prefix}_{field.upper()}" for field in record.fields}
        defines = "".join(f"#define {names[field]} {found[field]}\n" for field in record.fields)
        checks = " && \\\n".join(f"     offsetof({record.ctype}, {field}) == {names[field]}" for field in record.fields)
        agree = f"#define MICRONETS_{record.prefix}_OFFSETS_AGREE \\\n    ({checks.lstrip()})\n"
        parts.append(f"/* {record.ctype}, {record.header} */\n{defines}{agree}")
    return _TEXT.format(records="\n".join(parts))


if __name__ == "__main__":
    HEADER.write_text(header(), "utf-8")
