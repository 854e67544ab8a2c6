"""Building firmware; needs a cross compiler."""

import importlib.util
import re
import shutil
from importlib.resources import files

import pytest

from micronets.boards.board import board_names, load_board
from micronets.boards.cores import CORES, Core
from micronets.boards.targets import DSP
from micronets.device import cross_compiler as module
from micronets.device.cross_compiler import build_firmware, find_compiler
from micronets.errors import DeviceError, SpecError
from micronets.installation import install
from tests.support.small_network import SOURCES

COMPILERS = {"gcc": shutil.which("arm-none-eabi-gcc"), "zig": importlib.util.find_spec("ziglang")}
F446, F746, PICO = (load_board(name) for name in ("NUCLEO-F446RE", "NUCLEO-F746ZG", "Raspberry Pi Pico 2"))
ELF_ARM = b"\x7fELF\x01\x01"


@pytest.fixture(params=sorted(COMPILERS))
def which(request: pytest.FixtureRequest) -> str:
    if COMPILERS[request.param] is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@pytest.mark.parametrize("board", [F446, F746, PICO], ids=lambda b: b.core)
def test_firmware_of_every_core(which: str, board: object) -> None:
    firmware = build_firmware(SOURCES, board, which)  # type: ignore[arg-type]
    assert firmware.elf.startswith(ELF_ARM)
    assert any(c.isdigit() for c in firmware.toolchain)
    assert any("cortex" in f for f in firmware.flags)


def test_long_division_and_copies_are_linked(which: str) -> None:
    code = str(SOURCES["model.c"]).replace(
        "MICRONETS_LAYER(3);",
        "volatile int64_t q = 1 << 20; q /= x[0] | 1; memset(x, (int)q, 64); memmove(x + 1, x, 60); "
        "MICRONETS_LAYER(3);",
    )
    assert build_firmware({**SOURCES, "model.c": code}, F446, which).elf


def test_an_error_in_the_code_is_one_line(which: str) -> None:
    with pytest.raises(DeviceError, match=r"^compile: .* failed: .*error.*nothing_of_that_name") as e:
        build_firmware({**SOURCES, "model.c": "int x = nothing_of_that_name;"}, F446, which)
    assert "\n" not in str(e.value)


def test_no_compiler_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    monkeypatch.setattr(module, "zig_compiler", lambda: None)
    with pytest.raises(DeviceError, match="no compiler for a Cortex-M4 found .*" + re.escape(install("sim"))):
        find_compiler(F446)


def test_unknown_core_and_compiler() -> None:
    from dataclasses import replace

    with pytest.raises(SpecError, match="NUCLEO-F446RE: core = 'cortex-a53': there is no code for it; "):
        find_compiler(replace(F446, core="cortex-a53"))
    with pytest.raises(SpecError, match="unknown 'icc'; known: gcc, zig"):
        find_compiler(F446, "icc")


@pytest.mark.parametrize("core", [c for c in CORES.values() if c.target is DSP], ids=lambda c: c.name)
def test_cores_with_the_dsp_extension_are_built_for_it(which: str, core: Core) -> None:
    """A compiler that is not told of the extension builds the portable kernels, which take four times as long."""
    board = next(b for b in map(load_board, board_names()) if b.core == core.name)
    check = '#include "micronets_target.h"\n#if !MICRONETS_DSP_CORE\n#error no DSP extension\n#endif\n'
    header = (files("micronets.compiler") / "csrc/include/micronets_target.h").read_text("utf-8")
    assert build_firmware({**SOURCES, "check.c": check, "micronets_target.h": header}, board, which).elf
