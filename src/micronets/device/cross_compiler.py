"""C sources -> firmware for a core, by a GCC for it where one is installed, else by clang from pip's `ziglang`.

The firmware around the network (`firmware/`) is ours: vectors, start-up, linker script, memcpy; no C library is needed.
Where `link_script` places things is no board's memory map: whoever uses the image compares its sizes with the board.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from micronets import child_processes
from micronets.boards.board import Board
from micronets.boards.cores import Core, core_of
from micronets.compiler import Compiled
from micronets.compiler.kernel_files import is_source
from micronets.device.architectures import ARCHITECTURES, architecture_of
from micronets.errors import DeviceError, SpecError
from micronets.installation import install

_COMMON = ("-std=gnu11", "-O2", "-ffunction-sections", "-fdata-sections")
_LINK = ("-static", "-Wl,--gc-sections")
_PLAIN_LOOPS = ("memory.c", *(facts.startup for facts in ARCHITECTURES.values()))  # their loops are to stay loops
_TIMEOUT_S = 300
_ANY_BYTES = 32 << 20
_STACK_BYTES = 16 << 10


@dataclass(frozen=True)
class Firmware:
    """elf: the linked image. toolchain: compiler and version. flags: those that the network was compiled with."""

    elf: bytes
    toolchain: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Compiler:
    """A cross compiler: how to call it, its name with the version, flags that select the core.

    hosted: for code in which it may use what it knows of memcpy; plain: for memcpy itself.
    """

    command: tuple[str, ...]
    name: str
    core_flags: tuple[str, ...]
    hosted: tuple[str, ...]
    plain: tuple[str, ...]
    libraries: tuple[str, ...]


def compiler(board: Board, which: str | None = None) -> Compiler:
    """The cross compiler for the board's core: `gcc`, `zig`, or the first of them that is there.

    Raises `DeviceError` if there is none, `SpecError` for a core that is not known and for another compiler.
    """
    core = core_of(board.core, board.name)
    if which not in (None, "gcc", "zig"):
        raise SpecError(f"compiler: unknown '{which}'; known: gcc, zig")
    gcc = next((path for name in core.gcc if (path := shutil.which(name))), None)
    if gcc and which != "zig":
        version = call([gcc, "-dumpfullversion"], "version").strip()
        flags = (*board.compiler_flags, "-ffreestanding")
        hosted, plain = ("-fbuiltin",), ("-fno-tree-loop-distribute-patterns",)
        return Compiler((gcc,), f"{Path(gcc).name} {version}", flags, hosted, plain, ("-nostdlib", "-lgcc"))
    if which != "gcc" and importlib.util.find_spec("ziglang") is not None:
        command = (sys.executable, "-m", "ziglang", "cc")
        lines = call([*command, "--version"], "version").split()
        version = next((word for word in lines if word[0].isdigit()), "")
        flags = (*core.zig, "-fno-sanitize=undefined")
        return Compiler(command, f"zig clang {version}", flags, ("-fhosted",), ("-fno-builtin",), ())
    raise DeviceError(_no_compiler(core, which))


def _no_compiler(core: Core, which: str | None) -> str:
    wanted = {None: f"{core.gcc[0]} or ziglang", "gcc": core.gcc[0], "zig": "ziglang"}[which]
    return f"no compiler for a {core.label} found ({wanted}): {install('sim')}, or install {core.gcc[0]}"


def build(sources: Mapping[str, str | bytes], board: Board, which: str | None = None) -> Firmware:
    """Firmware that runs the network of `sources` (`model.h`, `model.c`, kernels: contents by file name).

    `model.h` declares `micronets_input`, `micronets_output`, `micronets_invoke` and MICRONETS_ARENA_BYTES. The code may
    call MICRONETS_LAYER(index) before each layer and once after the last.
    Raises `DeviceError` where no compiler is found, or with the compiler's first error.
    """
    own = ("main.c", architecture_of(board.core).startup, "memory.c")
    return link(sources, compiler(board, which), own, link_script(board.core))


def link(
    sources: Mapping[str, str | bytes],
    cc: Compiler,
    own: Sequence[str],
    script: str,
    generated: Mapping[str, str] | None = None,
) -> Firmware:
    """`sources` and files of `firmware/`, compiled and linked.

    own: those files. script: of the linker. generated: headers for those files, contents by file name.
    """
    with (
        tempfile.TemporaryDirectory(prefix="micronets-") as name,
        as_file(files("micronets") / "device/firmware") as ours,
    ):
        directory = Path(name)
        for file, text in sources.items():
            path = directory / "network" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.write_bytes(text.encode() if isinstance(text, str) else text)
            except OSError as e:
                e.filename = f"{name} (TMPDIR names another place)"  # a write to a full disk names none
                raise
        for file, header in (generated or {}).items():
            (directory / file).write_text(header, "utf-8")
        include = [f"-I{directory / 'network'}", f"-I{ours}", f"-I{directory}", "-isystem", str(ours / "include")]
        shared = [*cc.core_flags, *_COMMON]
        mark = ["-include", str(ours / "mark.h")]
        jobs = [
            [*shared, *cc.hosted, *include, *(mark if file.endswith(".c") else []), str(directory / "network" / file)]
            for file in sources
            if is_source(file)
        ]
        for file in own:
            flags = cc.plain if file in _PLAIN_LOOPS else cc.hosted
            jobs.append([*shared, "-Os", *flags, *include, str(ours / file)])
        objects = [str(directory / f"{i}.o") for i in range(len(jobs))]
        with ThreadPoolExecutor(2) as pool, child_processes.killed_when_interrupted():
            commands = [[*cc.command, *job, "-c", "-o", o] for job, o in zip(jobs, objects, strict=True)]
            list(pool.map(lambda c: call(c, "compile"), commands))
        elf = directory / "firmware.elf"
        place = directory / "place.ld"
        place.write_text(script, "utf-8")
        call([*cc.command, *shared, *_LINK, "-T", str(place), *objects, *cc.libraries, "-o", str(elf)], "link")
        return Firmware(elf.read_bytes(), cc.name, (*cc.core_flags, *_COMMON, *cc.hosted))


@dataclass(frozen=True)
class MemoryMap:
    """First addresses of flash and SRAM and their sizes; the stack takes the first `stack_bytes` of the SRAM.

    Nothing lies below the SRAM, so that running over the end of the stack is an access to nothing.
    """

    flash_origin: int
    flash_bytes: int
    ram_origin: int
    ram_bytes: int
    stack_bytes: int


def link_script(core: str) -> str:
    """The linker's script for a core's own addresses, with flash and SRAM of any size.

    Whether the image fits a board is checked afterwards, so that it can be said by how much it does not.
    """
    facts = architecture_of(core)
    return placed(MemoryMap(facts.flash_origin, _ANY_BYTES, facts.ram_origin, _STACK_BYTES + _ANY_BYTES, _STACK_BYTES))


def placed(memory: MemoryMap) -> str:
    """The linker's script for these memories."""
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
    """The files of `compiled` that make up the network, without the example around it."""
    files = compiled.files.items()
    return {name: text for name, text in files if name in ("model.c", "model.h") or name.startswith("micronets_")}


def call(command: Sequence[str], what: str) -> str:
    """Runs a compiler or linker; its stdout. Raises `DeviceError` with its first complaint."""
    try:
        done = child_processes.run(command, timeout_s=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise DeviceError(f"{what}: cannot run {command[0]} ({type(e).__name__})") from e
    if done.returncode:
        said = done.stderr.decode(errors="replace").splitlines()
        linker = [line for line in said if "overflowed" in line or "undefined reference" in line]
        errors = linker or [line for line in said if "error" in line.lower() and not line.startswith("collect2")]
        lines = errors or said or ["no message"]
        raise DeviceError(f"{what}: {Path(command[0]).name} failed: {lines[0].strip()[:300]}")
    return done.stdout.decode(errors="replace")
