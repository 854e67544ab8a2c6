"""Builds firmware for a core from C, with a GCC for it if one is installed, otherwise with clang from pip's `ziglang`.

The firmware around the network (`firmware/`) is our own (vectors, start-up, linker script, memcpy), so that no C
library is needed. `default_linker_script` uses the core's usual addresses, not a board's memory map; the sizes of the
image are compared with the board's afterwards.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import as_file, files
from pathlib import Path

from micronets import child_processes
from micronets.boards.board import Board
from micronets.boards.cores import Core, core_of
from micronets.compiler import Compiled
from micronets.compiler.kernel_files import is_source
from micronets.device.architectures import ARCHITECTURES, architecture_of
from micronets.device.host_compiler import zig_compiler
from micronets.device.kept_objects import ReadFiles, compile_once
from micronets.errors import DeviceError, SpecError
from micronets.files import temporary_directory, temporary_environment
from micronets.installation import install

_COMMON_FLAGS = ("-std=gnu11", "-O2", "-ffunction-sections", "-fdata-sections")
_LINK_FLAGS = ("-static", "-Wl,--gc-sections")
# Files whose loops the compiler may not replace by calls of memcpy and memset.
_PLAIN_LOOPS = ("memory.c", *(facts.startup for facts in ARCHITECTURES.values()))
_TIMEOUT_S = 300  # seconds after which a compiler or linker is killed
_ANY_BYTES = 32 << 20  # bytes of flash, and of SRAM: more than any network needs
_SIMULATED_STACK_BYTES = 16 << 10


@dataclass(frozen=True)
class Firmware:
    """A built firmware.

    - elf: the linked image, an ELF file.
    - toolchain: name and version of the compiler.
    - flags: the flags with which the network was compiled.
    """

    elf: bytes
    toolchain: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Compiler:
    """A cross compiler.

    - command: the words of the command that calls it.
    - name: its name and version.
    - core_flags: flags that select the core.
    - hosted: flags for code in which it may replace loops by memcpy and memset.
    - plain: flags for the code of memcpy and memset themselves, whose loops it must leave as they are.
    - libraries: flags of the linker for the compiler's own library.
    """

    command: tuple[str, ...]
    name: str
    core_flags: tuple[str, ...]
    hosted: tuple[str, ...]
    plain: tuple[str, ...]
    libraries: tuple[str, ...]


@lru_cache(maxsize=16)
def installed_compiler(core: Core) -> str | None:
    """Returns the compiler for a core on this machine, `gcc` or `zig`; None if there is none."""
    if any(map(shutil.which, core.gcc)):
        return "gcc"
    return "zig" if zig_compiler() is not None else None


def find_compiler(board: Board, which: str | None = None) -> Compiler:
    """Returns a cross compiler for a board's core.

    - board: the board.
    - which: `gcc` or `zig`; None takes the first of them that is installed.

    Raises `DeviceError` if there is none, and `SpecError` for a core that is not known or another `which`.
    """
    core = core_of(board.core, board.name)
    if which not in (None, "gcc", "zig"):
        raise SpecError(f"compiler: unknown '{which}'; known: gcc, zig")
    gcc = next((path for name in core.gcc if (path := shutil.which(name))), None)
    if gcc and which != "zig":
        version = run_tool([gcc, "-dumpfullversion"], "version").strip()
        flags = (*board.compiler_flags, "-ffreestanding")
        hosted, plain = ("-fbuiltin",), ("-fno-tree-loop-distribute-patterns",)
        return Compiler((gcc,), f"{Path(gcc).name} {version}", flags, hosted, plain, ("-nostdlib", "-lgcc"))
    if which != "gcc" and (zig := zig_compiler()) is not None:
        flags = (*core.zig, "-fno-sanitize=undefined")
        return Compiler(zig, f"zig clang {_zig_version(zig)}", flags, ("-fhosted",), ("-fno-builtin",), ())
    raise DeviceError(_no_compiler(core, which))


@cache
def _zig_version(zig: tuple[str, ...]) -> str:
    """Returns the version of the clang that a command calls. Raises `DeviceError` if it fails."""
    words = run_tool([*zig, "--version"], "version").split()
    return next((word for word in words if word[0].isdigit()), "")


def _no_compiler(core: Core, which: str | None) -> str:
    """Returns the message for a core without a compiler, which says how to get one."""
    wanted = {None: f"{core.gcc[0]} or ziglang", "gcc": core.gcc[0], "zig": "ziglang"}[which]
    return f"no compiler for a {core.label} found ({wanted}): {install('sim')}, or install {core.gcc[0]}"


def build_firmware(sources: Mapping[str, str | bytes], board: Board, which: str | None = None) -> Firmware:
    """Builds the firmware that a simulator or an emulator runs for a network.

    - sources: contents by file name of `model.h`, `model.c` and the kernels. `model.h` declares the functions
      `micronets_model_input`, `_output` and `_invoke`, and MICRONETS_MODEL_ARENA_BYTES; the code may call
      MICRONETS_LAYER(index) before each layer and once after the last.
    - board: the board for whose core it is built.
    - which: the compiler, `gcc` or `zig`; None takes the first that is installed.

    Raises `DeviceError` if no compiler is found, or with the compiler's first error.
    """
    own = ("main.c", architecture_of(board.core).startup, "memory.c")
    return link_firmware(sources, find_compiler(board, which), own, default_linker_script(board.core))


def link_firmware(
    sources: Mapping[str, str | bytes],
    cc: Compiler,
    own: Sequence[str],
    script: str,
    generated: Mapping[str, str] | None = None,
) -> Firmware:
    """Compiles and links a network and the firmware around it.

    - sources: the network, contents by file name.
    - cc: the compiler.
    - own: names of files of the folder `firmware`.
    - script: the linker script.
    - generated: headers for the files in `own`, contents by file name.

    Raises `DeviceError` with the first error of the compiler or the linker.
    """
    with (
        temporary_directory() as directory,
        as_file(files("micronets") / "device/firmware") as ours,
    ):
        objects = _objects(directory, ours, sources, cc, own, generated or {})
        elf = directory / "firmware.elf"
        place = directory / "place.ld"
        place.write_text(script, "utf-8")
        flags = [*cc.core_flags, *_COMMON_FLAGS, *_LINK_FLAGS]
        run_tool([*cc.command, *flags, "-T", str(place), *objects.values(), *cc.libraries, "-o", str(elf)], "link")
        return Firmware(elf.read_bytes(), cc.name, (*cc.core_flags, *_COMMON_FLAGS, *cc.hosted))


def object_files(sources: Mapping[str, str | bytes], cc: Compiler, own: Sequence[str]) -> dict[str, bytes]:
    """Compiles the files of a network, and some of the firmware's, as `link_firmware` does, without linking them.

    - sources: the files, contents by name; headers are not compiled.
    - cc: the compiler.
    - own: names of files of the folder `firmware`.

    Returns the object files, contents by the name of the source. Raises `DeviceError` with the compiler's first error.
    """
    with (
        temporary_directory() as directory,
        as_file(files("micronets") / "device/firmware") as ours,
    ):
        found = _objects(directory, ours, sources, cc, own, {})
        return {file: Path(path).read_bytes() for file, path in found.items()}


def _objects(
    directory: Path,
    ours: Path,
    sources: Mapping[str, str | bytes],
    cc: Compiler,
    own: Sequence[str],
    generated: Mapping[str, str],
) -> dict[str, str]:
    """Writes files into a directory and compiles them there; for the arguments see `link_firmware`.

    - ours: the folder `firmware`.

    Returns the paths of the object files by the names of the sources.
    """
    for file, text in sources.items():
        path = directory / "network" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        except OSError as e:
            e.filename = f"{directory} (TMPDIR names another place)"  # the error of a full disk names no file
            raise
    for file, header in generated.items():
        (directory / file).write_text(header, "utf-8")
    read = ReadFiles((directory / "network", ours, directory))
    library = ("-isystem", str(ours / "include"))
    shared = [*cc.core_flags, *_COMMON_FLAGS]
    jobs = {file: (directory / "network" / file, [*shared, *cc.hosted]) for file in sources if is_source(file)}
    for file in own:
        flags = cc.plain if file in _PLAIN_LOOPS else cc.hosted
        jobs[file] = (ours / file, [*shared, "-Os", *flags])
    objects = {file: directory / f"{i}.o" for i, file in enumerate(jobs)}

    def make(file: str) -> None:
        source, flags = jobs[file]
        first = (ours / "mark.h",) if file not in own and file.endswith(".c") else ()
        compile_once(
            cc.command, [*flags, *library], read, source, objects[file], lambda c: run_tool(c, "compile"), first
        )

    with ThreadPoolExecutor(2) as pool, child_processes.killed_when_interrupted():
        list(pool.map(make, jobs))
    return {file: str(path) for file, path in objects.items()}


@dataclass(frozen=True)
class MemoryMap:
    """The addresses and sizes of a firmware's memories.

    - flash_origin, flash_bytes: the first address and the size of the flash.
    - ram_origin, ram_bytes: the first address and the size of the SRAM.
    - stack_bytes: the bytes of the stack, which lies at the start of the SRAM. There is no memory below the SRAM, so a
      stack overflow causes a fault.
    """

    flash_origin: int
    flash_bytes: int
    ram_origin: int
    ram_bytes: int
    stack_bytes: int


def default_linker_script(core: str) -> str:
    """Returns the linker script for a core's usual addresses, with more flash and SRAM than any board has.

    Whether the image fits a board is checked afterwards, so that the message can state the excess.
    """
    facts = architecture_of(core)
    return linker_script(
        MemoryMap(
            facts.flash_origin,
            _ANY_BYTES,
            facts.ram_origin,
            _SIMULATED_STACK_BYTES + _ANY_BYTES,
            _SIMULATED_STACK_BYTES,
        )
    )


def linker_script(memory: MemoryMap) -> str:
    """Returns the linker script for these memories."""
    m = memory
    parts = (
        ("FLASH (rx)", m.flash_origin, m.flash_bytes),
        ("STACK (rw)", m.ram_origin, m.stack_bytes),
        ("RAM (rw)", m.ram_origin + m.stack_bytes, m.ram_bytes - m.stack_bytes),
    )
    lines = [f"    {name} : ORIGIN = {origin:#x}, LENGTH = {size}" for name, origin, size in parts]
    sections = (files("micronets") / "device/firmware/link.ld").read_text("utf-8")
    return "\n".join(["MEMORY", "{", *lines, "}", "", sections])


def firmware_files(compiled: Compiled) -> dict[str, str | bytes]:
    """Returns the files of a compiled network without the example and the front end, contents by file name.

    In the firmware its name is `model`, the default name of a network.
    """
    own = compiled.names.source, compiled.names.header
    return {
        name: text
        for name, text in compiled.files.items()
        if name in own or (name.startswith("micronets_") and name not in compiled.front_end)
    }


def run_tool(command: Sequence[str], what: str) -> str:
    """Runs a compiler or linker and returns its stdout.

    - command: the words of the command.
    - what: the name of the step in errors.

    Raises `DeviceError` with its first error message.
    """
    with temporary_environment() as environment:
        try:
            done = child_processes.run(command, timeout_s=_TIMEOUT_S, environment=environment)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise DeviceError(f"{what}: cannot run {command[0]} ({type(e).__name__})") from e
    if done.returncode:
        output = done.stderr.decode(errors="replace").splitlines()
        linker = [line for line in output if "overflowed" in line or "undefined reference" in line]
        errors = linker or [line for line in output if "error" in line.lower() and not line.startswith("collect2")]
        lines = errors or output or ["no message"]
        raise DeviceError(f"{what}: {Path(command[0]).name} failed: {lines[0].strip()[:300]}")
    return done.stdout.decode(errors="replace")
