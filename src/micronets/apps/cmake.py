"""A project for plain CMake: a firmware without an operating system, which also runs on a computer and in QEMU."""

from __future__ import annotations

from importlib.resources import files

from micronets.apps.project import NETWORK, Listener, Project, parts, readme
from micronets.apps.sensors import Sensor
from micronets.boards.cores import QemuMachine, core_of
from micronets.device.architectures import architecture_of
from micronets.device.cross_compiler import MemoryMap, linker_script

STACK_BYTES = 4096
"""Bytes of the stack of a firmware without an operating system."""


def cmake(listener: Listener) -> Project:
    """Returns the project for plain CMake: a firmware without an operating system, which also runs on a computer."""
    board, name = listener.board, listener.name
    core, facts = core_of(board.core, board.name), architecture_of(board.core)
    scripts = {}
    if core.qemu is not None:
        half = core.qemu.memory_bytes
        scripts["qemu"] = MemoryMap(facts.flash_origin, half, facts.ram_origin, half, STACK_BYTES)
    if board.firmware is not None:
        origins = board.firmware.flash_origin, board.firmware.ram_origin
        scripts["board"] = MemoryMap(origins[0], board.flash_bytes, origins[1], board.sram_bytes, STACK_BYTES)
    machines = ", ".join(scripts) or "the name of a linker script that you write in port/"
    firmware = files("micronets") / "device/firmware"
    sensor = listener.sensor
    known = {"name": name, "library": listener.names.library, "startup": facts.startup, "driver": sensor.driver}
    found = {
        **listener.application("app/"),
        **{f"port/{path}": listener.source(f"port/{path}") for path in (*_PORT, sensor.driver)},
        **{
            f"port/{path}": (firmware / path).read_text("utf-8")
            for path in (facts.startup, "initialise.h", "memory.c", "include/string.h")
        },
        **{f"port/{where}.ld": linker_script(memory) for where, memory in scripts.items()},
        "port/toolchain.cmake": _TOOLCHAIN.format(
            label=core.label,
            gcc=core.gcc[0],
            core=core.name,
            compilers=" ".join(core.gcc),
            flags=" ".join(board.compiler_flags),
        ),
        "CMakeLists.txt": _CMAKE.format(**known, machine=next(iter(scripts), "board"), machines=machines),
        "README.md": readme(
            listener,
            "A firmware without an operating system, built by CMake",
            _cmake_steps(sensor, core.qemu, "board" in scripts),
            parts(
                listener,
                "app/",
                {
                    f"port/{sensor.driver}": sensor.about_driver,
                    "port/host.c": "files and the terminal of this computer",
                    "port/semihosting.c": "files and the terminal for a processor, through an emulator or a debugger",
                    "port/": "the start-up code from reset to `main`, and the linker scripts",
                },
                NETWORK,
            ),
        ),
    }
    return Project(NETWORK, listener.network, found)


_CMAKE = """\
# The application as a firmware or, without a cross compiler, as a program for this computer.
cmake_minimum_required(VERSION 3.13)
project({name}_app C)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE MinSizeRel) # the network is built for speed all the same
endif()
if(CMAKE_CROSSCOMPILING)
  include_directories(SYSTEM port/include)
endif()
add_subdirectory(network)

add_executable(app app/app.c port/{driver})
target_include_directories(app PRIVATE app port)
target_link_libraries(app PRIVATE {library})
set_target_properties(app PROPERTIES C_STANDARD 11 C_EXTENSIONS ON)

if(CMAKE_CROSSCOMPILING)
  set(APP_MACHINE "{machine}" CACHE STRING "Where it runs, which tells where the memory is: {machines}")
  target_sources(app PRIVATE port/semihosting.c port/{startup} port/memory.c)
  # There is no C library: the compiler may not turn loops into calls of memcpy, least of all the loops of memcpy.
  target_compile_options(app PRIVATE -fno-tree-loop-distribute-patterns)
  target_link_libraries(app PRIVATE
    -nostdlib -static -Wl,--gc-sections -T${{CMAKE_CURRENT_SOURCE_DIR}}/port/${{APP_MACHINE}}.ld gcc)
else()
  target_sources(app PRIVATE port/host.c)
endif()
"""

_TOOLCHAIN = """\
# Builds for a {label} with {gcc}: cmake -DCMAKE_TOOLCHAIN_FILE=port/toolchain.cmake
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR {core})
find_program(APP_COMPILER NAMES {compilers})
set(CMAKE_C_COMPILER ${{APP_COMPILER}})
set(CMAKE_C_FLAGS_INIT "{flags} -ffreestanding -fbuiltin -ffunction-sections -fdata-sections")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # there is no C library to link a program with
"""

_PORT = ("file.h", "host.c", "semihosting.c")


def _cmake_steps(sensor: Sensor, qemu: QemuMachine | None, board: bool) -> str:
    """Returns how to build and start the project for CMake, in Markdown.

    - sensor: the sensor of the project.
    - qemu: QEMU's machine with the board's core; None if there is none.
    - board: whether the addresses of the board's memory are known.
    """
    text = f"""
As a program on this computer, with a recording in the place of a {sensor.device}:

    cmake -S . -B build/host && cmake --build build/host
    build/host/app {sensor.recording}
"""
    if qemu is not None:
        words = " ".join(("-M", qemu.machine, *qemu.options))
        text += f"""
As a firmware, in QEMU's emulation of the processor:

    cmake -S . -B build/qemu -DCMAKE_TOOLCHAIN_FILE=port/toolchain.cmake -DAPP_MACHINE=qemu
    cmake --build build/qemu
    {qemu.program} {words} -nographic -monitor none -serial none \\
        -semihosting-config enable=on,target=native,arg=app,arg={sensor.recording} -kernel build/qemu/app
"""
    if board:
        text += f"""
As a firmware for the board:

    cmake -S . -B build/board -DCMAKE_TOOLCHAIN_FILE=port/toolchain.cmake -DAPP_MACHINE=board
    cmake --build build/board

`build/board/app` is an ELF file for your debugger. As it is, it reads a recording through the debugger too (OpenOCD:
`arm semihosting enable` and `arm semihosting_cmdline app {sensor.recording}`). For a {sensor.device}, put a file with
the three functions of `{sensor.header}` in the place of `port/{sensor.driver}`, and for a serial line one with the
function of `output.h` and a `main` that calls `app_run` in the place of `port/semihosting.c`. The processor runs at the
clock that it has after reset; the start-up code of the chip's maker sets a faster one.
"""
    else:
        text += """
For the board, write a linker script for its memory, `port/board.ld`, and build with `-DAPP_MACHINE=board`.
"""
    return text
