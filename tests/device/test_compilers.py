"""GCC, clang and Zig's clang accept every file of a compiled network without a warning, for every core; and what clang
makes of a network gives the reference's bytes on the simulated core.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.support.needs import needs

needs("unicorn", "sim")
needs("capstone", "sim")
ELFFile = needs("elftools.elf.elffile", "sim").ELFFile

import micronets.compiler
from micronets.boards.board import Board, load_board
from micronets.boards.targets import DSP
from micronets.compiler import Compiled, compile_model
from micronets.compiler.kernel_files import is_source
from micronets.device.architectures import architecture_of
from micronets.device.cross_compiler import default_linker_script, firmware_files, link_firmware, run_tool
from micronets.device.sim.machine import simulate
from micronets.errors import DeviceError
from micronets.quantized import reference
from tests.support.compilers import STRING_H, cross_compiler, linking_compiler
from tests.support.random_models import random_arch, random_input, random_model

F446, PICO_2, G0, RISCV = map(
    load_board, ("NUCLEO-F446RE", "Raspberry Pi Pico 2", "NUCLEO-G0B1RE", "ESP32-C3-DevKitM-1")
)
"""A board for each of Arm's instruction sets that clang and GCC both build for, and one with RISC-V."""

CSRC = Path(micronets.compiler.__file__).parent / "csrc"

BUILDS = [(F446, "gcc"), (F446, "clang"), (F446, "zig"), (PICO_2, "gcc"), (G0, "gcc"), (RISCV, "gcc")]
"""Which compiler builds for which board: every instruction set and every compiler is among them."""

CHECKED = [(F446, "clang"), (G0, "gcc"), (RISCV, "gcc")]
"""Those that only check the C: GCC's warnings of optimised code come with the Cortex-M4's, and from this machine's."""

ASSEMBLED = [(F446, "zig"), (PICO_2, "gcc")]
"""Those that only assemble: their C is what GCC compiles for a Cortex-M4, and clang checks for it."""


def package(board: Board) -> Compiled:
    """Compiles a network with convolutions, depthwise convolutions and a sum of two tensors."""
    return compile_model(random_model(random_arch(6), 6), board.target)


def objects(board: Board, which: str, directory: Path) -> dict[str, Path]:
    """Compiles a package in which every kernel lies, each file by itself, with warnings as errors.

    Returns the objects by the names of their sources; there are none of C that is only checked, or not read at all.
    """
    cc = cross_compiler(board, which)
    texts = {path.name: path.read_text() for path in CSRC.glob("*/*.*")} | dict(package(board).files)
    for name, text in texts.items():
        (directory / name).write_text(text)
    sources = sorted(filter(is_source, texts))
    assert {"model.c", "example.c"} < set(sources)
    assert len(sources) > 180
    flags = [*cc.core_flags, *cc.hosted, "-isystem", str(STRING_H), "-std=gnu99", "-Wall", "-Wextra", "-Werror"]
    c, assembly = ([name for name in sources if name.endswith(end)] for end in (".c", ".S"))
    made = assembly
    if (board, which) in CHECKED:
        run([*cc.command, *flags, "-fsyntax-only", *c], directory)
    elif (board, which) not in ASSEMBLED:
        run([*cc.command, *flags, "-O2", "-c", *c], directory)
        made = sources
    for name in assembly:  # Zig takes one at a time
        run([*cc.command, *flags, "-c", name], directory)
    found = {name: (directory / name).with_suffix(".o") for name in made}
    assert len(set(found.values())) == len(found)
    return found


def run(command: list[str], directory: Path) -> None:
    """Runs a compiler, and fails with what it says."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def functions(path: Path) -> set[str]:
    """Returns the names of the functions that an object defines for others."""
    with path.open("rb") as f:
        symbols = ELFFile(f).get_section_by_name(".symtab").iter_symbols()
        return {s.name for s in symbols if s["st_info"]["bind"] == "STB_GLOBAL" and s["st_shndx"] != "SHN_UNDEF"}


@pytest.mark.parametrize(("board", "which"), BUILDS, ids=[f"{board.core}-{which}" for board, which in BUILDS])
def test_every_file_compiles_without_a_warning(board: Board, which: str, tmp_path: Path) -> None:
    """Assembly brings its functions where the core has the DSP extension, and no byte elsewhere."""
    found = objects(board, which, tmp_path)
    assembly = [name for name in found if name.endswith(".S")]
    assert assembly
    for name in assembly:
        assert bool(functions(found[name])) == (board.target is DSP), name
    if len(found) == len(assembly):
        return
    every = [function for path in found.values() for function in functions(path)]
    assert len(every) == len(set(every)), "a kernel is defined twice"
    assert {f"micronets_{name}" for name in ("conv_1x1", "add", "depthwise_3x3_s1")} < set(every)


def test_clang_refuses_an_instruction_that_the_core_does_not_have(tmp_path: Path) -> None:
    """So the test above would show a kernel in assembly that only GCC takes."""
    cc = cross_compiler(F446, "clang")
    source = tmp_path / "bad.S"
    source.write_text(".syntax unified\n.thumb\nrsc r0, r1, r2\n")
    with pytest.raises(DeviceError, match=r"^assemble: clang failed: .*bad\.S.* error: "):
        run_tool([*cc.command, *cc.core_flags, "-c", str(source), "-o", str(tmp_path / "bad.o")], "assemble")


@pytest.mark.parametrize(
    ("board", "seed"), [(F446, 0), (F446, 6), (PICO_2, 6), (G0, 6)], ids=lambda v: getattr(v, "core", None)
)
def test_networks_of_clang_compute_the_bytes_of_the_reference(board: Board, seed: int) -> None:
    model = random_model(random_arch(seed), seed)
    compiled = compile_model(model, board.target)
    x = random_input(model, 2, seed)
    y = reference.run(model, x)
    own = ("main.c", architecture_of(board.core).startup, "memory.c")
    firmware = link_firmware(
        firmware_files(compiled), linking_compiler(board, "clang"), own, default_linker_script(board.core)
    )
    assert firmware.toolchain.startswith("clang ")
    raw = x.reshape(len(x), -1).view(np.int8)
    found = simulate(firmware.elf, raw, len(compiled.model.arch.layers), y[0].nbytes, board)
    assert found.outputs.tobytes() == y.tobytes()
