"""The bytes of machine code of every kernel, for every core and compiler.

Run from the repository: `python -m benchmarks.code_sizes [CORE ...] [FILE ...]`, which writes the tables of all cores,
or of some, to src/micronets/runtimes/code_sizes.toml. With names of the kernels' files it measures these alone and
keeps the other numbers, which takes a second for each; that is right where kernels are new or have changed. It needs a
GCC for Arm and pip's ziglang; where one of them is missing, its tables stay as they are.

- Each C and assembly file of the kernels is compiled as for a firmware, and its sections are summed up, each filled up
  to a multiple of four bytes.
- The functions of the compiler's library that a file calls, memcpy and memset among them, are linked by themselves,
  which tells what else they bring along.
- Then firmware of networks of all kinds is built: the most that one has besides (`runtimes.code_sizes`) are the
  start-up code and the frame of model.c.

`python -m benchmarks.flash_of_c` then judges the sizes by a network for every kernel, and by others.
"""

from __future__ import annotations

import json
import random
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from docs.make_operators import CASES, Case
from micronets.boards.board import Board, board_names, load_board
from micronets.boards.cores import CORES
from micronets.boards.targets import Target
from micronets.compiler import Compiled, compile_model
from micronets.compiler.kernel_files import every_file, is_source
from micronets.cost.tflm_plan import align
from micronets.device.cross_compiler import (
    Compiler,
    build_firmware,
    default_linker_script,
    find_compiler,
    firmware_files,
    link_firmware,
    object_files,
)
from micronets.device.sim.elf import read_image, read_object, read_parts
from micronets.errors import DeviceError
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.layers import Div, Layer, Mean, Quantize, Relu, Reshape, Split
from micronets.ir.space import derive
from micronets.ir.types import Type
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from micronets.quantized.validate import FIXED
from micronets.runtimes.code_sizes import CodeSizes
from tests.support.int16_models import random_int16_model
from tests.support.random_models import random_arch, random_model
from tests.support.realistic_archs import random_arch as realistic_arch
from tests.support.recurrent import recurrent_network
from tests.support.stateful import streaming

PATH = Path("src/micronets/runtimes/code_sizes.toml")
COMPILERS = ("gcc", "zig")
LAYER_BYTES = {"gcc": 0, "zig": 32}
"""For each layer: clang unrolls the loop over the layers of a small network, GCC does not."""

MARGIN_BYTES = 32
"""By how much the frame of model.c may take more than that of the networks here.

Large offsets in the arena need longer instructions.
"""

_NO_FUNCTIONS = ("micronets_", "firmware_", "_GLOBAL_OFFSET_TABLE_", "__aeabi_unwind_")
"""The beginnings of names that files ask for without needing a function of the compiler's library: names of our own,
and tables for C++'s exceptions, which the linker leaves out.
"""

_HEAD = """\
# Bytes of machine code of the kernels, by core, compiler and file: each section filled up to a multiple of four bytes.
# Written by `python -m benchmarks.code_sizes`.
"""


def board_of(core: str) -> Board:
    """Returns a board with that core, whose flags of the compiler are those of all boards with it."""
    return next(board for board in map(load_board, board_names()) if board.core == core)


def measured(known: CodeSizes, cc: Compiler, core: str, names: Collection[str]) -> CodeSizes:
    """Returns the sizes with those of some files of the kernels measured, and with what these need."""
    headers = {name: text for name, text in every_file().items() if not is_source(name)}
    sources = {name: every_file()[name] for name in names}
    files = {name: size for name, size in known.files.items() if name in every_file() and name not in names}
    asked = {name: parts for name, parts in known.asked.items() if name in files}
    library = dict(known.library)
    for name, elf in object_files({**headers, **sources}, cc, ()).items():
        found = read_object(elf)
        if found.flash_bytes:
            files[name] = found.flash_bytes
        needed: dict[str, int] = {}
        for function in sorted(f for f in found.asked if not f.startswith(_NO_FUNCTIONS)):
            needed |= library_parts(function, cc, core)
        if needed:
            asked[name] = sorted(needed)
            library |= {part: max(size, library.get(part, 0)) for part, size in needed.items()}
    used = {part for parts in asked.values() for part in parts}
    return replace(
        known,
        files=dict(sorted(files.items())),
        library={part: library[part] for part in sorted(used)},
        asked=dict(sorted(asked.items())),
    )


@lru_cache(maxsize=256)
def library_parts(function: str, cc: Compiler, core: str) -> Mapping[str, int]:
    """Returns the bytes of a function of the compiler's library, and of all that it needs of it, by name.

    Its tables that have no name are one part.
    """
    parts = read_parts(_firmware_with(f"&{_ASKED}", function, cc, core))
    nothing = read_parts(_firmware_with("0", function, cc, core))
    found = {name: align(size, 4) for name, size in parts.items() if name not in nothing}
    tables = align(max(0, parts[""] - nothing[""]), 4)
    return found | ({f"tables of {function}": tables} if tables else {})


_ASKED = "asked"


def _firmware_with(value: str, function: str, cc: Compiler, core: str) -> bytes:
    """Returns an image of little more than a function of the library, or without it where `value` does not name it.

    What lies among the vectors is kept by every linker, with all that it names.
    """
    text = f"""
        extern const char {_ASKED} __asm__("{function}");
        extern const char *const firmware_kept;
        const char *const firmware_kept __attribute__((used, section(".vectors"))) = {value};
    """
    return link_firmware({"asked.c": text}, cc, ("memory.c",), default_linker_script(core)).elf


def other_bytes(sizes: CodeSizes, board: Board, which: str, networks: Sequence[Compiled]) -> Iterator[int]:
    """Yields for each network how many bytes a firmware has besides constants and what `sizes` count."""
    for compiled in networks:
        image = read_image(build_firmware(firmware_files(compiled), board, which).elf)
        contents = compiled.contents
        known = contents.constant_bytes + contents.padding_bytes + sizes.code_bytes(contents)
        yield align(image.flash_bytes - known, 4)


def networks(target: Target) -> Iterator[Compiled]:
    """Yields the C of networks of every type of numbers and of every space, and of random ones, one of them in patches.

    Among them are networks with several outputs, with variables, and with layers that keep variables for themselves.
    """
    seen: set[tuple[type[Layer], Type]] = set()
    for case in CASES:
        kind = (type(case.layer), case.of)
        if kind not in seen and isinstance(case.layer, (Reshape, Split, Relu, Mean, Quantize, Div)):
            seen.add(kind)
            yield compile_model(case_model(case), target, goal=case.goal)
    for name, space in spaces.SPACES.items():
        drawn = spaces.make(name, space.kinds[0], 4)
        yield compile_model(with_random_weights(derive(drawn, drawn.sample(random.Random(name)))), target)
    yield compile_model(with_random_weights(realistic_arch(1), 1), target)
    yield compile_model(with_random_weights(realistic_arch(1), 1), target, arena_limit=0)
    for seed in (103, 104, 105):
        yield compile_model(random_model(random_arch(seed, several=True), seed), target)
        yield compile_model(random_int16_model(seed), target)
        yield compile_model(recurrent_network(seed), target)
        yield compile_model(streaming(seed), target)


def case_model(case: Case) -> QuantizedModel:
    """Returns a network of one layer, with what that needs, as docs/operators.md shows it."""
    outputs = None if case.layer.outputs else case.before[-1].outputs
    arch = Arch(case.shape, (*case.before, case.layer), case.of, outputs, case.constants)
    model = case.change(with_random_weights(arch))
    without_scale = {name: FIXED["1"] for name, of in arch.types().items() if of == "int32"}
    return replace(model, quant={**model.quant, **without_scale})


def main(words: Sequence[str]) -> None:
    """Writes the tables of cores for the compilers that are there, and keeps the others.

    - words: names of cores, of which none stands for all, and of files, of which none stands for all and for the frame.
    """
    names = [word for word in words if is_source(word)]
    cores = [word for word in words if not is_source(word)] or list(CORES)
    unknown = {*names, *cores} - set(CORES) - every_file().keys()
    if unknown:
        sys.exit(f"neither a core nor a file of a kernel: {', '.join(sorted(unknown))}")
    tables: dict[str, dict[str, Any]] = tomllib.loads(PATH.read_text("utf-8")) if PATH.exists() else {}
    made: dict[Target, list[Compiled]] = {}
    for core in cores:
        board = board_of(core)
        for which in COMPILERS:
            try:
                cc = find_compiler(board, which)
            except DeviceError as e:
                print(f"{core}, {which}: {e}")
                continue
            if names:
                sizes = measured(CodeSizes(**tables[core][which]), cc, core, names)
            else:
                nothing = CodeSizes(cc.name, 0, LAYER_BYTES[which], {}, {}, {})
                sizes = measured(nothing, cc, core, list(filter(is_source, every_file())))
                if board.target not in made:
                    made[board.target] = list(networks(board.target))
                start = max(other_bytes(sizes, board, which, made[board.target])) + MARGIN_BYTES
                sizes = replace(sizes, start_bytes=start)
            tables.setdefault(core, {})[which] = asdict(sizes)
            total = sum(sizes.files.values())
            print(f"{core}, {cc.name}: {total:,} bytes in all, {sizes.start_bytes:,} besides", flush=True)
            write(tables)


def write(tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the tables to their place."""
    lines = [_HEAD]
    for core in (name for name in CORES if name in tables):
        for which, table in sorted(tables[core].items()):
            lines += [f"[{core}.{which}]", f'compiler = "{table["compiler"]}"']
            lines += [f"{name} = {table[name]}" for name in ("start_bytes", "layer_bytes")]
            lines += ["", f"[{core}.{which}.files]"]
            lines += [f'"{name}" = {size}' for name, size in table["files"].items()]
            lines += ["", f"[{core}.{which}.library]"]
            lines += [f'"{name}" = {size}' for name, size in table["library"].items()]
            lines += ["", f"[{core}.{which}.asked]"]
            lines += [f'"{name}" = {json.dumps(parts)}' for name, parts in table["asked"].items()] + [""]
    PATH.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
