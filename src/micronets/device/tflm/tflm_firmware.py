"""Builds firmware in which TensorFlow Lite Micro runs a network, from a checkout of TFLM with its library.

TFLM is not part of micronets. Only its documented interfaces are used: the library of its target `cortex_m_generic`,
its headers, and those that its Makefile downloads. Start-up code, linker script and memcpy are those of the firmware
for our own C; the rest of the C++ run-time comes from the small variant of newlib.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from micronets.boards.board import Board
from micronets.compiler.generate.tflm_package import make_words, target_arch
from micronets.device.architectures import architecture_of
from micronets.device.cross_compiler import Firmware, default_linker_script, run_tool
from micronets.errors import DeviceError, FileError, SpecError
from micronets.files import digest, temporary_directory

_LIBRARY_FILE = "libtensorflow-microlite.a"
_MAKE = "tensorflow/lite/micro/tools/make"
_HEADERS = ("tensorflow/lite/micro/micro_interpreter.h", "tensorflow/lite/schema/schema_generated.h")
_DOWNLOADS = ("flatbuffers/include", "gemmlowp", "ruy")
_GXX, _GCC = "arm-none-eabi-g++", "arm-none-eabi-gcc"
_TFLM_FLAGS = (
    "-O2",
    "-ffunction-sections",
    "-fdata-sections",
    "-funsigned-char",
    "-fno-unwind-tables",
    "-DTF_LITE_STATIC_MEMORY",
)
_CXX = ("-std=c++17", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics")
_TFLM_LINK_FLAGS = ("-nostartfiles", "-static", "--specs=nano.specs", "-Wl,--gc-sections")
NEEDS_MESSAGES = (
    "TFLM's library must be built without TF_LITE_STRIP_ERROR_STRINGS (BUILD_TYPE=default or "
    "release_with_logs, not release)"
)
"""The error for a library that does not report the operators that it runs."""

# Bytes of the arena beyond twice the prediction, so that TFLM can report its need even if it exceeds the prediction.
_SPARE_BYTES = 32 * 1024


@dataclass(frozen=True)
class TflmCheckout:
    """A checkout of TFLM with its library.

    - root: the directory of the checkout.
    - library: the library that was built for the board's core, in the checkout or elsewhere.
    """

    root: Path
    library: Path


def find_checkout(root: Path, library: Path | None, board: Board) -> TflmCheckout:
    """Returns a checkout of TFLM with its library for a board's core.

    - root: the directory of the checkout.
    - library: the library; None takes the one in the checkout's folder gen.
    - board: names the core.

    Raises `FileError` if one of the two is missing or not TFLM's, and `SpecError` for several libraries or for a core
    that TFLM cannot be built for.
    """
    arch = target_arch(board)
    for name in _HEADERS:
        if not (root / name).is_file():
            raise FileError(f"--tflm {root}: no checkout of TFLM: it has no {name}; git clone {_SOURCE} makes one")
    if library is not None:
        if not library.is_file():
            raise FileError(f"--tflm-library {library}: no such file; build one in {root}: {make_command(board)}")
        return TflmCheckout(root, library)
    found = sorted(root.glob(f"gen/cortex_m_generic_{arch}_*/lib/{_LIBRARY_FILE}"))
    if not found:
        others = sorted(path.parts[-3] for path in root.glob(f"gen/*/lib/{_LIBRARY_FILE}"))
        there = f"there is one for {', '.join(others)}" if others else "there is none at all"
        raise FileError(
            f"--tflm {root}: no library for {board.core} in gen; {there}; build it there: {make_command(board)}"
        )
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(root)) for path in found)
        raise SpecError(
            f"--tflm {root}: several libraries for {board.core}: {names}; choose one with --tflm-library FILE"
        )
    return TflmCheckout(root, found[0])


_SOURCE = "https://github.com/tensorflow/tflite-micro"


def make_command(board: Board) -> str:
    """Returns the command that builds the library for a board's core in a checkout."""
    return f"make -f {_MAKE}/Makefile {make_words(board)} OPTIMIZED_KERNEL_DIR=cmsis_nn microlite"


def compilers(tflm: TflmCheckout) -> tuple[str, str]:
    """Returns the commands of GCC for C and for C++.

    They are those that TFLM's Makefile downloaded into the checkout, otherwise those on the path. Raises `DeviceError`
    if there is none for C++, or one without the headers of its library.
    """
    own = str(tflm.root / _MAKE / "downloads/gcc_embedded/bin")
    for place in (own, None):
        gcc, gxx = shutil.which(_GCC, path=place), shutil.which(_GXX, path=place)
        if gcc and gxx:
            break
    else:
        raise DeviceError(f"no {_GXX} found: TFLM is C++; install Arm's GNU toolchain (Debian: apt install {_DEBIAN})")
    with temporary_directory() as directory:
        probe = directory / "probe.cc"
        probe.write_text("#include <cstdint>\n#include <cstring>\n", "utf-8")
        try:
            run_tool([gxx, "-fsyntax-only", "-mcpu=cortex-m4", "-mthumb", str(probe)], "compile")
        except DeviceError as e:
            raise DeviceError(
                f"{gxx} finds no headers of a C++ library: install newlib and libstdc++ for it (Debian: apt install "
                f"{_DEBIAN})"
            ) from e
    return gcc, gxx


_DEBIAN = "gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib"


def firmware_arena_bytes(expected: int) -> int:
    """Returns the bytes of the firmware's arena if TFLM is expected to need `expected` bytes."""
    return 2 * expected + _SPARE_BYTES


def toolchain(tflm: TflmCheckout) -> str:
    """Returns the compiler's version and a hash of the library, as text. Raises the errors of `compilers`."""
    gxx = compilers(tflm)[1]
    version = run_tool([gxx, "-dumpfullversion"], "version").strip()
    return f"{_GXX} {version}, TFLM's library {digest(tflm.library.read_bytes())}"


def build_tflm_firmware(
    sources: Mapping[str, str], tflm: TflmCheckout, board: Board, sizes: tuple[int, int, int, int], arena_bytes: int
) -> Firmware:
    """Builds firmware in which TFLM runs a network, for `machine.simulate`.

    - sources: the network, contents by file name, as `tflm_package.tflm_files` returns them.
    - tflm: the checkout of TFLM.
    - board: the board, whose core it is built for.
    - sizes: the number of the model's operators, the bytes of its input, those of its output, and the number of the
      variables that it keeps from one inference to the next.
    - arena_bytes: the bytes that TFLM is expected to need. The firmware's arena is larger, so that TFLM can report its
      actual need.

    Raises `DeviceError` if there is no compiler, or with the first error of the compiler or the linker.
    """
    gcc, gxx = compilers(tflm)
    core = board.compiler_flags
    room = firmware_arena_bytes(arena_bytes)
    named = zip(("LAYERS", "INPUT_BYTES", "OUTPUT_BYTES", "VARIABLES", "ARENA_BYTES"), (*sizes, room), strict=True)
    defines = [f"-DFIRMWARE_{name}={value}u" for name, value in named]
    with (
        temporary_directory() as directory,
        as_file(files("micronets") / "device/firmware") as ours,
    ):
        for file, text in sources.items():
            (directory / file).write_text(text, "utf-8")
        downloads = tflm.root / _MAKE / "downloads"
        include = [f"-I{directory}", f"-I{ours / 'tflm'}", f"-I{tflm.root}"]
        include += [f"-I{downloads / part}" for part in _DOWNLOADS if (downloads / part).is_dir()]
        cxx = [gxx, *core, *_TFLM_FLAGS, *_CXX, *defines, *include]
        c = [gcc, *core, *_TFLM_FLAGS, "-std=gnu11", f"-I{directory}"]
        plain = [*c, "-Os", "-ffreestanding", "-fno-tree-loop-distribute-patterns", f"-I{ours / 'include'}"]
        jobs = [
            [*cxx, str(ours / "tflm" / "main.cc")],
            [*cxx, str(ours / "tflm" / "support.cc")],
            [*cxx, str(directory / "resolver.cc")],
            [*c, str(directory / "model_data.c")],
            [*plain, str(ours / architecture_of(board.core).startup)],
            [*plain, str(ours / "memory.c")],
        ]
        objects = [str(directory / f"{i}.o") for i in range(len(jobs))]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda job, o: run_tool([*job, "-c", "-o", o], "compile"), jobs, objects))
        place, elf = directory / "place.ld", directory / "firmware.elf"
        place.write_text(default_linker_script(board.core), "utf-8")
        try:
            run_tool(
                [gxx, *core, *_TFLM_LINK_FLAGS, "-T", str(place), *objects, str(tflm.library), "-lm", "-o", str(elf)],
                "link",
            )
        except DeviceError as e:
            if "`MicroPrintf" in str(e):
                raise DeviceError(f"{tflm.library}: it has no MicroPrintf: {NEEDS_MESSAGES}") from e
            raise
        return Firmware(elf.read_bytes(), toolchain(tflm), (*core, *_TFLM_FLAGS, *_CXX))
