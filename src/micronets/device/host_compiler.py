"""The C compiler for programs on this machine; those for boards are in `cross_compiler.py`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from micronets import child_processes
from micronets.device.kept_objects import ReadFiles, compile_once
from micronets.errors import DeviceError
from micronets.files import temporary_directory, temporary_environment

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror")
_COMPILING = ("-Wno-unused-command-line-argument",)  # clang warns about linker flags when it does not link
_TIMEOUT_S = 600  # seconds after which the compiler is killed


def host_compiler() -> tuple[str, ...]:
    """Returns the command of the compiler: cc, gcc, clang or pip's ziglang. Raises `DeviceError` if there is none."""
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return (name,)
    if (zig := zig_compiler()) is not None:
        return zig
    raise DeviceError("no C compiler found (cc, gcc, clang): install one, or pip install ziglang")


def zig_compiler() -> tuple[str, ...] | None:
    """Returns the command of the clang in pip's ziglang; None if it is not installed.

    It calls the program in the package directly; `python -m ziglang` would start Python for every file.
    """
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        return None
    program = Path(found.origin).parent / ("zig.exe" if os.name == "nt" else "zig")
    return (str(program), "cc") if program.is_file() else (sys.executable, "-m", "ziglang", "cc")


def compile_c(
    sources: Sequence[Path],
    target: Path,
    flags: Sequence[str],
    command: Sequence[str] | None = None,
    folders: Sequence[Path] = (),
) -> None:
    """Compiles and links C files. A kernel that this process has compiled before, with the same flags, is only linked.

    - sources: the files; those of kernels begin with `micronets_`.
    - target: the program or library to create.
    - flags: flags for the compiler and the linker, which come after `WARNINGS`.
    - command: the words that call the compiler; None takes those of `host_compiler`.
    - folders: where the compiler looks for headers besides the folder of each source.

    Raises `DeviceError` with the compiler's first error message.
    """
    command = command or host_compiler()
    flags = (*WARNINGS, *flags)
    kernels = [path for path in sources if path.name.startswith("micronets_")]
    with temporary_directory() as directory:
        objects = [directory / f"{number}.o" for number in range(len(kernels))]
        files = ReadFiles(folders)
        for source, made in zip(kernels, objects, strict=True):
            compile_once(command, (*flags, *_COMPILING), files, source, made, _call)
        rest = [*(f"-I{folder}" for folder in folders), *(str(path) for path in sources if path not in kernels)]
        _call([*command, *flags, *map(str, objects), *rest, "-o", str(target)])


def _call(words: Sequence[str]) -> None:
    """Calls the compiler. Raises `DeviceError` with its first error message."""
    with temporary_environment() as environment:
        try:
            done = child_processes.run(words, timeout_s=_TIMEOUT_S, environment=environment)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise DeviceError(f"the C compiler '{words[0]}' did not run ({e}); install cc, gcc or clang") from e
    if done.returncode:
        output = done.stderr.decode(errors="replace").splitlines()
        lines = [line for line in output if "error" in line] or output or ["no message"]
        raise DeviceError(f"the C compiler '{words[0]}' failed: {lines[0]}")
