"""The bytes of machine code of every kernel, for every core and compiler.

Run from the repository: `python -m benchmarks.code_sizes [CORE ...]`, which writes the tables of all cores, or of some,
to src/micronets/runtimes/code_sizes.toml. With names of the kernels' files behind the cores it measures these files
alone, and keeps the other numbers. It needs a GCC for Arm and pip's ziglang; where one of them is missing, its
tables stay as they are. Each C and assembly file of the kernels is compiled as for a firmware, and its sections are
summed up, each filled up to a multiple of four bytes. Then firmware of networks of all kinds is built: the most that
one has besides (`runtimes.code_sizes`) are the start-up code and the frame of model.c.
"""

from __future__ import annotations

import json
import random
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from micronets.boards.board import Board, board_names, load_board
from micronets.boards.cores import CORES
from micronets.compiler import compile_model
from micronets.compiler.kernel_files import every_file, is_source
from micronets.cost.tflm_plan import align
from micronets.device.cross_compiler import Compiler, build_firmware, find_compiler, firmware_files, object_files
from micronets.device.sim.elf import ObjectFile, read_image, read_object
from micronets.errors import DeviceError
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Cast, Dequantize, Div, FullyConnected, Layer, Logistic, Quantize, Softmax
from micronets.ir.space import derive
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.quantized.validate import FIXED
from micronets.runtimes.code_sizes import ARITHMETIC_FILES, FLOAT_FILES, CodeSizes
from tests.support.random_models import random_arch
from tests.support.realistic_archs import random_arch as realistic_arch

PATH = Path("src/micronets/runtimes/code_sizes.toml")
COMPILERS = ("gcc", "zig")
LAYER_BYTES = {"gcc": 0, "zig": 32}
"""For each layer: clang unrolls the loop over the layers of a small network, GCC does not."""

MARGIN_BYTES = 32
"""By how much the frame of model.c may take more than that of the networks here.

Large offsets in the arena need longer instructions.
"""

Numbers = Literal["codes", "floats", "arithmetic"]
"""What a network computes with: codes alone, floats that become codes and back, or arithmetic of numbers."""

ARITHMETIC: tuple[Layer, ...] = (
    Div(name="quotient", inputs=(INPUT, INPUT)),
    Softmax(name="chances", inputs=("quotient",), to="float32"),
    Logistic(name="gates", inputs=("chances",)),
    Cast(name="whole", inputs=("gates",), to="int32"),
    Div(name="ratio", inputs=("whole", "whole")),
)
"""All arithmetic of numbers for which a core may need functions of the compiler's library."""

_MEMORY = {"memcpy": ("memcpy", "__aeabi_memcpy"), "memset": ("memset", "__aeabi_memset", "__aeabi_memclr")}
"""What fills and copies memory, with the beginnings of the names by which compilers call it."""

_HEAD = """\
# Bytes of machine code of the kernels, by core, compiler and file: each section filled up to a multiple of four bytes.
# Written by `python -m benchmarks.code_sizes`.
"""


def board_of(core: str) -> Board:
    """Returns a board with that core, whose flags of the compiler are those of all boards with it."""
    return next(board for board in map(load_board, board_names()) if board.core == core)


def measured(cc: Compiler, which: str) -> CodeSizes:
    """Returns the bytes of every file of the kernels that has any, and of memcpy and memset; without `start_bytes`."""
    objects = {name: read_object(elf) for name, elf in object_files(every_file(), cc, ("memory.c",)).items()}
    kernels = {name: found for name, found in sorted(objects.items()) if name != "memory.c" and found.flash_bytes}
    return CodeSizes(
        compiler=cc.name,
        start_bytes=0,
        layer_bytes=LAYER_BYTES[which],
        float_bytes=0,
        arithmetic_bytes=0,
        files={name: found.flash_bytes for name, found in kernels.items()},
        memory={name: objects["memory.c"].sections[f".text.{name}"] for name in _MEMORY},
        callers={name: [file for file, found in kernels.items() if _calls_function(found, name)] for name in _MEMORY},
    )


def some_measured(cc: Compiler, names: Sequence[str], table: dict[str, Any]) -> None:
    """Replaces what a table, as the file of sizes has it, says of some files of the kernels."""
    headers = {name: text for name, text in every_file().items() if not is_source(name)}
    for name, elf in object_files({**headers, **{name: every_file()[name] for name in names}}, cc, ()).items():
        found = read_object(elf)
        table["files"].pop(name, None)
        if found.flash_bytes:
            table["files"][name] = found.flash_bytes
        for function, callers in table["callers"].items():
            callers[:] = sorted({*callers, name} if _calls_function(found, function) else {*callers} - {name})
    table["files"] = dict(sorted(table["files"].items()))


def _calls_function(found: ObjectFile, name: str) -> bool:
    """Whether a file calls memcpy or memset."""
    return any(asked.startswith(_MEMORY[name]) for asked in found.asked)


def other_bytes(sizes: CodeSizes, board: Board, which: str) -> Iterator[tuple[Numbers, int]]:
    """Yields, for networks of all kinds, how many bytes a firmware has besides constants and what `sizes` count.

    The bytes come with what the network computes with.
    """
    for model in networks():
        compiled = compile_model(model, board.target)
        image = read_image(build_firmware(firmware_files(compiled), board, which).elf)
        contents = compiled.contents
        known = contents.constant_bytes + contents.padding_bytes + sizes.code_bytes(contents)
        arithmetic = not ARITHMETIC_FILES.isdisjoint(contents.files)
        numbers: Numbers = (
            "arithmetic" if arithmetic else "codes" if FLOAT_FILES.isdisjoint(contents.files) else "floats"
        )
        yield numbers, align(image.flash_bytes - known, 4)


def networks() -> Iterator[QuantizedModel]:
    """Yields a network of one dense layer, one of every space, and random ones."""
    dense = FullyConnected(name="dense", inputs=(INPUT,), units=4)
    yield with_random_weights(Arch((1, 1, 8), (dense,)))
    floats = (
        Quantize(name="q", inputs=(INPUT,)),
        replace(dense, inputs=("q",)),
        Dequantize(name="d", inputs=("dense",)),
    )
    yield with_random_weights(Arch((1, 1, 8), floats))
    numbers = with_random_weights(Arch((1, 1, 8), ARITHMETIC, "float32"))
    of = numbers.arch.types()
    yield replace(numbers, quant={**numbers.quant, **{name: FIXED["1"] for name in of if of[name] == "int32"}})
    for name, space in spaces.SPACES.items():
        drawn = spaces.make(name, space.kinds[0], 4)
        yield with_random_weights(derive(drawn, drawn.sample(random.Random(name))))
    yield with_random_weights(realistic_arch(1), 1)
    yield with_random_weights(random_arch(103), 103)


def main(cores: Sequence[str], files: Sequence[str] = ()) -> None:
    """Writes the tables of these cores for the compilers that are there, and keeps the others.

    - cores: names of cores.
    - files: names of files that are measured alone; none for all.
    """
    tables: dict[str, dict[str, Any]] = tomllib.loads(PATH.read_text("utf-8")) if PATH.exists() else {}
    for core in cores:
        for which in COMPILERS:
            try:
                cc = find_compiler(board_of(core), which)
            except DeviceError as e:
                print(f"{core}, {which}: {e}")
                continue
            if files:
                some_measured(cc, files, tables[core][which])
                write(tables)
                continue
            sizes = measured(cc, which)
            found = list(other_bytes(sizes, board_of(core), which))
            start = max(size for numbers, size in found if numbers == "codes") + MARGIN_BYTES
            floats = max(0, *(size - start for numbers, size in found if numbers == "floats"))
            more = max(0, *(size - start - floats for numbers, size in found if numbers == "arithmetic"))
            sizes = replace(sizes, start_bytes=start, float_bytes=floats, arithmetic_bytes=more)
            tables.setdefault(core, {})[which] = asdict(sizes)
            total = sum(sizes.files.values())
            print(f"{core}, {cc.name}: {total:,} bytes in all, {start:,} besides, {floats:,} for floats", flush=True)
            write(tables)


def write(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the tables to their place."""
    lines = [_HEAD]
    for core in (name for name in CORES if name in tables):
        for which, table in sorted(tables[core].items()):
            lines += [f"[{core}.{which}]", f'compiler = "{table["compiler"]}"']
            lines += [
                f"{name} = {table[name]}" for name in ("start_bytes", "layer_bytes", "float_bytes", "arithmetic_bytes")
            ]
            lines += ["", f"[{core}.{which}.files]"]
            lines += [f'"{name}" = {size}' for name, size in table["files"].items()]
            lines += ["", f"[{core}.{which}.memory]"]
            lines += [f"{name} = {size}" for name, size in table["memory"].items()]
            lines += ["", f"[{core}.{which}.callers]"]
            lines += [f"{name} = {json.dumps(files)}" for name, files in table["callers"].items()] + [""]
    PATH.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    given = [name for name in sys.argv[1:] if is_source(name)]
    main([name for name in sys.argv[1:] if name not in given] or list(CORES), given)
