"""Estimates the bytes of machine code of a network on a board, without building it.

code_sizes.toml has the bytes of every kernel for each core and compiler, as `python -m benchmarks.code_sizes` has
measured them. The rest is the start-up code, memcpy and memset, the frame of model.c, and a small function for each
kernel that calls it from records.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from micronets.boards.board import Board
from micronets.boards.cores import core_of
from micronets.compiler.flash import Contents
from micronets.device.cross_compiler import installed_compiler

RUNNER_BYTES = 52
"""Bytes of a function that calls a kernel from a layer's record, at most."""

STATE_BYTES, VARIABLE_BYTES = 96, 28
"""Bytes of the function that fills the variables at first, with its call, and of each variable's part in it."""

GROUP_BYTES, GROUP_LAYER_BYTES = 160, 96
"""Bytes of the function that runs a group of layers in patches, and of each layer's part in it."""


ARITHMETIC_FILES = frozenset(
    {
        "micronets_binary_s32.c",
        "micronets_binary_f32.c",
        "micronets_function_f32.c",
        "micronets_reduce_f32.c",
        "micronets_softmax_f32.c",
        "micronets_compare_numbers.c",
        "micronets_arg_extreme_f32.c",
        "micronets_unary_f32.c",
        "micronets_root.c",
        "micronets_l2_normalization_f32.c",
    }
)
"""The kernels that add, divide and compare floats, or divide integers."""

FLOAT_FILES = ARITHMETIC_FILES | {
    "micronets_quantize.c",
    "micronets_quantize_s16.c",
    "micronets_dequantize.c",
    "micronets_dequantize_any.c",
    "micronets_cast.c",
}
"""The kernels that compute with floats."""


@dataclass(frozen=True)
class CodeSizes:
    """Bytes of machine code for a core, as a compiler makes it.

    - compiler: its name and version.
    - start_bytes: what every firmware has: start-up code and the frame of model.c.
    - layer_bytes: for each layer, where the compiler unrolls the loop over the layers.
    - float_bytes: what floats of 32 bits take besides, where the core computes them by functions.
    - arithmetic_bytes: what the kernels of `ARITHMETIC_FILES` take besides that.
    - files: bytes of the kernels' files by name; a file of another instruction set is not among them.
    - memory: bytes of memcpy and memset.
    - callers: the files that need them.
    """

    compiler: str
    start_bytes: int
    layer_bytes: int
    float_bytes: int
    arithmetic_bytes: int
    files: Mapping[str, int]
    memory: Mapping[str, int]
    callers: Mapping[str, Sequence[str]]

    def files_bytes(self, contents: Contents) -> int:
        """Returns the bytes of a network's kernels, and of memcpy and memset where one of them needs these."""
        needed = (name for name, files in self.callers.items() if not set(files).isdisjoint(contents.files))
        return sum(self.files.get(name, 0) for name in contents.files) + sum(self.memory[name] for name in needed)

    def frame_bytes(self, contents: Contents) -> int:
        """Returns the bytes of the functions of model.c that grow with the network."""
        groups = contents.groups * GROUP_BYTES + contents.groups_layers * GROUP_LAYER_BYTES
        layers = contents.layers * self.layer_bytes
        state = STATE_BYTES + contents.variables * VARIABLE_BYTES if contents.variables else 0
        return contents.runners * RUNNER_BYTES + layers + groups + state

    def code_bytes(self, contents: Contents) -> int:
        """Returns the bytes of all code of a firmware with that network; what is built has no more."""
        floats = 0 if FLOAT_FILES.isdisjoint(contents.files) else self.float_bytes
        floats += 0 if ARITHMETIC_FILES.isdisjoint(contents.files) else self.arithmetic_bytes
        return self.start_bytes + floats + self.files_bytes(contents) + self.frame_bytes(contents)


def code_sizes(board: Board) -> CodeSizes:
    """Returns the sizes for a board's core by the compiler that would build for it on this machine.

    Where none is installed, they are those of GCC, or of clang for a core that GCC was not measured for.
    """
    core = core_of(board.core, board.name)
    tables = _tables()[core.name]
    which = installed_compiler(core)
    return tables[which] if which is not None and which in tables else next(iter(tables.values()))


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, Mapping[str, CodeSizes]]:
    """Returns the sizes by core and by compiler, `gcc` first and `zig` second."""
    text = (files("micronets") / "runtimes/code_sizes.toml").read_text("utf-8")
    return {
        core: {which: CodeSizes(**compilers[which]) for which in ("gcc", "zig") if which in compilers}
        for core, compilers in tomllib.loads(text).items()
    }
