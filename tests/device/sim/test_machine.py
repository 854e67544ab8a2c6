"""A firmware on the simulated processor: outputs, counts, sizes, and what is found out about a bad network."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.needs import needs

needs("unicorn", "sim")
needs("capstone", "sim")
needs("elftools", "sim")

from micronets.boards.board import load_board
from micronets.device.cross_compiler import build_firmware, find_compiler
from micronets.device.sim import trace
from micronets.device.sim.elf import read_image
from micronets.device.sim.machine import Simulation, simulate
from micronets.errors import DeviceError
from tests.support.small_network import CODE, SOURCES, WEIGHTS, expected

F446, F746 = load_board("NUCLEO-F446RE"), load_board("NUCLEO-F746ZG")
X = np.random.default_rng(3).integers(-128, 128, (3, 64)).astype(np.int8)

try:
    find_compiler(F446)
except DeviceError as e:
    pytest.skip(str(e), allow_module_level=True)


@pytest.fixture(scope="module")
def elf() -> bytes:
    return build_firmware(SOURCES, F446).elf


def run(code: str) -> Simulation:
    return simulate(build_firmware({**SOURCES, "model.c": code}, F446).elf, X, 3, 64, F446)


def test_outputs_and_figures(elf: bytes) -> None:
    found = simulate(elf, X, 3, 64, F446)
    np.testing.assert_array_equal(found.outputs, expected(X))
    assert len(found.layers) == 3
    assert all(64 / 4 <= t.instructions <= 64 * 20 for t in found.layers)
    assert found.layers[1].instructions < found.layers[0].instructions  # a copy, and a multiplication for every value
    assert found.instructions <= found.core_cycles <= 4 * found.instructions
    assert found.instructions == sum(t.instructions for t in (*found.layers, found.outside))
    assert found.cycles == pytest.approx(1.09 * (found.core_cycles + 5 * misses(found)), abs=3)
    assert 8 <= found.stack_bytes < 512
    assert found.sram_bytes == 128 + found.stack_bytes
    assert found.image.constant_bytes == 64
    assert 64 < found.image.flash_bytes < 4096


def misses(found: Simulation) -> int:
    return sum(t.instruction_misses + t.data_misses for t in (*found.layers, found.outside))


def test_constants_are_read_once_a_line(elf: bytes) -> None:
    """64 bytes of weights in 16-byte lines: four misses, or five across a boundary."""
    assert simulate(elf, X, 3, 64, F446).layers[0].data_misses in (4, 5)


@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a compiler for this machine")
@pytest.mark.parametrize("board", [F446, F746], ids=lambda b: b.name)
def test_both_kinds_of_hooks_count_the_same(elf: bytes, board: object) -> None:
    fast, slow = (simulate(elf, X, 3, 64, board, native) for native in (True, False))  # type: ignore[arg-type]
    assert (fast.layers, fast.outside, fast.stack_bytes) == (slow.layers, slow.outside, slow.stack_bytes)
    np.testing.assert_array_equal(fast.outputs, slow.outputs)


@pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a compiler for this machine")
def test_hooks_need_no_cache_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MICRONETS_CACHE", str(tmp_path / "file"))
    assert trace.native_library.__wrapped__() is not None
    monkeypatch.setenv("MICRONETS_CACHE", str(tmp_path / "new"))
    assert trace.native_library.__wrapped__() is not None
    assert [p.suffix for p in (tmp_path / "new").iterdir()] == [".so"]


@pytest.mark.skipif(sys.platform == "win32", reason="the compiler of the test is a shell script")
def test_a_compiler_of_the_hooks_writes_its_temporary_files_where_they_are_removed(tmp_path: Path) -> None:
    """A compiler that is killed leaves such files; the directory they are in is removed by the next process."""
    compiler = tmp_path / "cc"
    compiler.write_text('#!/bin/sh\nfor last; do :; done\nprintf %s "$TMPDIR" > "$last"\ntouch "$TMPDIR/cc1.s"\n')
    compiler.chmod(0o755)
    used = Path(trace._compile_hooks([str(compiler)], "").decode())
    assert used.name.startswith("micronets-scratch-")
    assert not used.exists()


def test_without_a_compiler_the_hooks_are_python(elf: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micronets.device.sim.machine.native_library", lambda: None)
    np.testing.assert_array_equal(simulate(elf, X, 3, 64, F446).outputs, expected(X))
    with pytest.raises(DeviceError, match="no compiler for hooks in C"):
        simulate(elf, X, 3, 64, F446, native=True)


def test_a_loop_costs_what_the_table_says() -> None:
    """`subs r0, #1; bne` (aligned) runs 1,000 times: 1 + 1, and a refill of 3 but for the last time."""
    asm = '__asm volatile(".balign 4\\n1: subs %%0, #1\\n bne 1b" : "+l"(n));'
    loop = CODE.replace("MICRONETS_LAYER(1);", f"MICRONETS_LAYER(1); {{ int n = TIMES; {asm} }}") % ", ".join(
        map(str, WEIGHTS)
    )
    some, more = (run(loop.replace("TIMES", str(n))).layers[1] for n in (200, 1200))
    assert more.instructions - some.instructions == pytest.approx(2_000, abs=2)
    assert more.core_cycles - some.core_cycles == pytest.approx(5_000, abs=2)


@pytest.mark.parametrize("native", [None, False])
def test_a_constant_is_read_by_a_conditional_instruction(native: bool | None) -> None:
    """What follows the jump after a block of conditional instructions runs whole, though a hook saw a read in it."""
    two = """
    __asm(".syntax unified\\n .thumb_func\\n"
          "pick: cmp r1, #8\\n ite hi\\n ldrbhi r0, [r0, r1]\\n movls r0, #0\\n bx lr\\n"
          ".thumb_func\\n"
          "two: push {r4, lr}\\n movs r4, #0\\n movs r1, #9\\n bl pick\\n adds r4, #1\\n adds r4, #1\\n"
          "mov r0, r4\\n pop {r4, pc}\\n");
    int two(const void *constants);
    """
    called = "MICRONETS_LAYER(1); x[0] = (int8_t)(x[0] + two(weights) - 2);"
    code = (CODE % ", ".join(map(str, WEIGHTS))).replace("memcpy(x, y, 64);", f"memcpy(x, y, 64); {called}")
    code = code.replace("void micronets_model_invoke", two + "void micronets_model_invoke")
    elf = build_firmware({**SOURCES, "model.c": code}, F446).elf
    np.testing.assert_array_equal(simulate(elf, X, 3, 64, F446, native).outputs, expected(X))


def test_boards_without_a_simulation_of_their_own_use_a_factor(elf: bytes) -> None:
    plain, m7 = simulate(elf, X, 3, 64, replace(F446, simulation=None)), simulate(elf, X, 3, 64, F746)
    assert plain.core_cycles == m7.core_cycles
    assert plain.cycles == pytest.approx(F446.cycle_factor * plain.core_cycles, abs=3)
    assert plain.calibration.uncertainty == F446.cycle_uncertainty
    assert m7.cycles == pytest.approx(0.64 * (m7.core_cycles + 5 * misses(m7)), abs=3)
    assert m7.calibration.uncertainty == 0.25
    assert plain.dual_issue_cycles is None
    assert m7.dual_issue_cycles is not None
    assert 0.5 * m7.instructions <= m7.dual_issue_cycles <= m7.core_cycles
    assert misses(plain) == 0 < misses(m7)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("((volatile int8_t *)arena)[128] = 0;", r"wrote 1 bytes behind its arena"),
        ("((volatile int8_t *)arena)[-3] = 0;", r"wrote 3 bytes before its arena"),
        ("__builtin_trap();", r"the firmware failed in micronets_model_invoke\+0x"),
        ("*(volatile int *)0x40000000 = 1;", r"the firmware failed in micronets_model_invoke\+0x\w+: .*WRITE_UNMAPPED"),
        ("volatile char big[20000]; big[0] = 1;", r"a stack of more than 16384 bytes"),
        ("MICRONETS_LAYER(70);", r"a layer's number is out of range"),
    ],
)
def test_a_bad_network_is_found_out(statement: str, message: str) -> None:
    code = str(SOURCES["model.c"]).replace("MICRONETS_LAYER(2);", f"MICRONETS_LAYER(2); {statement}")
    with pytest.raises(DeviceError, match=message):
        run(code)


def test_other_files_are_refused(elf: bytes) -> None:
    with pytest.raises(DeviceError, match="not an ELF file"):
        read_image(b"no ELF at all")
    with pytest.raises(DeviceError, match=r"need \[N, bytes\] with N > 0"):
        simulate(elf, X[:0], 3, 64, F446)


def test_a_missing_simulator_is_one_line(elf: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "unicorn", None)
    with pytest.raises(ModuleNotFoundError, match="unicorn"):
        simulate(elf, X, 3, 64, F446)
