"""Estimates the bytes of machine code of a network on a board, without building it.

code_sizes.toml has the bytes of every kernel for each core and compiler, as `python -m benchmarks.code_sizes` has
measured them, and of the functions that compilers call where a core has no instruction: memcpy and memset, division,
shifts of 64 bits, floats. The rest is the start-up code, the frame of model.c, and a small function for each kernel
that calls it from records.
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
from micronets.compiler.generate.narrow_c import FIELD_BYTES
from micronets.device.cross_compiler import installed_compiler

RUNNER_BYTES = 52
"""Bytes of a function that calls a kernel from a layer's record, at most."""

COPY_BYTES = 24
"""Bytes that such a function has more where it copies a table first, at most."""

STATE_BYTES, VARIABLE_BYTES = 96, 28
"""Bytes of the function that fills the variables at first, with its call, and of each variable's part in it."""

GROUP_BYTES, GROUP_LAYER_BYTES = 160, 96
"""Bytes of the function that runs a group of layers in patches, and of each layer's part in it."""


@dataclass(frozen=True)
class CodeSizes:
    """Bytes of machine code for a core, as a compiler makes it.

    - compiler: its name and version.
    - start_bytes: what every firmware has: start-up code and the frame of model.c.
    - layer_bytes: for each layer, where the compiler unrolls the loop over the layers.
    - files: bytes of the kernels' files by name; a file of another instruction set is not among them.
    - library: bytes of the functions and constants of the compiler's library, by name.
    - asked: for each file that needs some of them, their names.
    """

    compiler: str
    start_bytes: int
    layer_bytes: int
    files: Mapping[str, int]
    library: Mapping[str, int]
    asked: Mapping[str, Sequence[str]]

    def files_bytes(self, contents: Contents) -> int:
        """Returns the bytes of a network's kernels, and of what they need of the compiler's library."""
        needed = {name for file in contents.files for name in self.asked.get(file, ())}
        return sum(self.files.get(name, 0) for name in contents.files) + sum(self.library[name] for name in needed)

    def frame_bytes(self, contents: Contents) -> int:
        """Returns the bytes of the functions of model.c that grow with the network."""
        groups = contents.groups * GROUP_BYTES + contents.groups_layers * GROUP_LAYER_BYTES
        layers = contents.layers * self.layer_bytes
        state = STATE_BYTES + contents.variables * VARIABLE_BYTES if contents.variables else 0
        runners = contents.runners * RUNNER_BYTES + contents.copying_runners * COPY_BYTES
        runners += contents.built_fields * FIELD_BYTES
        return runners + layers + groups + state

    def code_bytes(self, contents: Contents) -> int:
        """Returns the bytes of all code of a firmware with that network; what is built has no more."""
        return self.start_bytes + self.files_bytes(contents) + self.frame_bytes(contents)


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
