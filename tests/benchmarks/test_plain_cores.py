"""The cycles of a Cortex-M0+'s instructions, by hand from its manual, and the table of networks, on made-up figures."""

from pathlib import Path

import pytest

from benchmarks.plain_cores import NETWORKS, Row, half_words, instruction_cycles, m0plus_cycles, published_cycles, table
from micronets.device.sim.trace import NOWHERE, BlockCounts

HALF_WORDS = {
    "movs r0, #1": (0x2001, 1),
    "adds r0, r0, r1": (0x1840, 1),
    "muls r0, r1": (0x4348, 1),
    "ldr r0, [pc, #4]": (0x4801, 2),
    "ldrsb r2, [r4, r2]": (0x56A2, 2),
    "ldrb r0, [r3, #1]": (0x7858, 2),
    "str r0, [sp, #8]": (0x9002, 2),
    "add r0, sp, #8": (0xA802, 1),
    "stmia r0!, {r1, r2}": (0xC006, 3),
    "push {r4, r5, r6, r7, lr}": (0xB5F0, 6),
    "pop {r4, r5}": (0xBC30, 3),
    "pop {r4, r5, r6, r7, pc}": (0xBDF0, 8),
    "sub sp, #20": (0xB085, 1),
    "bne, not taken": (0xD1BC, 1),
    "b": (0xE08B, 2),
    "bx lr": (0x4770, 2),
    "mov r8, r1": (0x4688, 1),
    "mov pc, r1": (0x468F, 2),
    "bl, first half": (0xF7FF, 3),
}


@pytest.mark.parametrize("name", HALF_WORDS)
def test_cycles_of_an_instruction(name: str) -> None:
    code, cycles = HALF_WORDS[name]
    assert instruction_cycles(code) == cycles


def test_cycles_of_a_loop() -> None:
    """Ten rounds of `1: ldrb r0, [r3, #1]; muls r0, r1; bne 1b`, then `bl`: nine branches are taken."""
    flash = bytes.fromhex("58784843fcd1fff7feff")
    assert half_words(flash) == [0x7858, 0x4348, 0xD1FC, 0xF7FF]
    counts = BlockCounts({(1, NOWHERE, 0): 1, (1, 0, 0): 9, (1, 0, 3): 1}, {0: 6, 3: 4})
    assert m0plus_cycles(flash, counts) == (10 * (2 + 1 + 1) + 9 + 3, 10)


def test_the_least_published_cycles(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text(
        "system,mhz,kws_ms,vww_ms,ic_ms,ad_ms\nNUCLEO_G0B1RE,64,679,1869,1669,46\n"
        "NUCLEO_G0B1RE_int8,64,474,1414,1522,40\nNUCLEO_L4R5ZI,120,43,88,165,4\n"
    )
    found = published_cycles(tmp_path / "times.csv")
    assert found == {name: ms * 64e3 for name, ms in zip(NETWORKS, (474, 1414, 1522, 40), strict=True)}


def test_the_table() -> None:
    row = Row("kws_ref_model", 2_000_000, (8_000_000, 5_000_000, 6_000_000), 12_000_000, 2_000_000, 30_000_000.0)
    line = table([row]).splitlines()[-1]
    assert line == "| kws_ref_model | 2.00 | 8.00 (4.00) | 5.00 (2.50) | 6.00 (3.00) | 12.0 | 74.0 | 30.0 | 0.40 |"
