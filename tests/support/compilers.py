"""Cross compilers for tests: the two that the package finds by itself, and a clang that is installed on the machine."""

import shutil
from pathlib import Path

import pytest

import micronets.device
from micronets.boards.board import Board
from micronets.boards.cores import core_of
from micronets.device.cross_compiler import Compiler, find_compiler, run_tool
from micronets.errors import DeviceError

STRING_H = Path(micronets.device.__file__).parent / "firmware/include"
"""The folder of string.h, the one header of a C library that kernels include; a compiler alone does not bring it."""

_CLANG_TARGETS = {"arm": ("arm", "arm-none-eabi"), "riscv": ("riscv32", "riscv32-unknown-elf")}
"""What clang lists an architecture as, and the target that selects it, without an operating system."""


def cross_compiler(board: Board, which: str) -> Compiler:
    """Returns one of the compilers `gcc`, `clang` and `zig` for a board's core.

    The test is skipped, with the reason, where it is not installed.
    """
    if which == "clang":
        return _clang(board)
    try:
        return find_compiler(board, which)
    except DeviceError as e:
        pytest.skip(str(e))


def linking_compiler(board: Board, which: str) -> Compiler:
    """Returns a compiler as `cross_compiler` does, but one that links as well.

    Clang takes the linker and the compiler's library of the GCC for the core; the test is skipped where that is not
    installed.
    """
    cc = cross_compiler(board, which)
    if which != "clang":
        return cc
    linker, gcc = shutil.which("arm-none-eabi-ld"), shutil.which("arm-none-eabi-gcc")
    if linker is None or gcc is None or core_of(board.core, board.name).architecture != "arm":
        pytest.skip("needs arm-none-eabi-gcc, whose linker and library clang uses")
    library = run_tool([gcc, *board.compiler_flags, "-print-libgcc-file-name"], "library").strip()
    return Compiler(
        cc.command, cc.name, cc.core_flags, cc.hosted, cc.plain, ("-nostdlib", f"--ld-path={linker}", library)
    )


def _clang(board: Board) -> Compiler:
    command = shutil.which("clang")
    if command is None:
        pytest.skip("needs clang")
    registered, target = _CLANG_TARGETS[core_of(board.core, board.name).architecture]
    if registered not in run_tool([command, "--print-targets"], "targets").split():
        pytest.skip(f"needs a clang that compiles for {registered}")
    version = run_tool([command, "-dumpversion"], "version").strip()
    # A flag that only some of the steps from C to an object read is no mistake.
    call = (command, f"--target={target}", "-Wno-unused-command-line-argument")
    return Compiler(call, f"clang {version}", board.compiler_flags, ("-fhosted",), ("-fno-builtin",), ())
