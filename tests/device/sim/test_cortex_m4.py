"""The cycles of a Cortex-M4, against sums made by hand from the manual's table.

The instructions are given as bytes, so that no compiler is needed.
"""

import pytest

from tests.support.needs import needs

needs("capstone", "sim")

from micronets.device.sim.cortex_m4 import Kind, block_cycles, decode, refill

LDR_R0_R1, LDR_R2_R1, LDR_R1_R1, LDR_R3_R1 = "0868", "4a68", "0968", "0b68"  # ldr rX, [r1] (r2: [r1, #4])
STR_R2, STR_R2_R0 = "0a60", "0a50"  # str r2, [r1]; str r2, [r1, r0]
ADD_R1, NOP, IT_EQ, B = "0431", "00bf", "08bf", "fee7"  # adds r1, #4
MLA, SMLAD, UDIV = "01fb0233", "20fb0132", "b1fbf2f3"
PUSH, POP, LDM4, STRD = "10b5", "10bd", "0fc9", "c1e90023"  # two registers; two with pc; r0 to r3
VADD_S2, VADD_S0_S2, VMLA_S2, VLDR_S0 = "30ee201a", "31ee200a", "00ee201a", "91ed000a"
VDIV, TBB = "80ee200a", "d8e800f0"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ((ADD_R1,), 1),
        ((MLA, SMLAD), 2),
        ((UDIV,), 7),
        ((LDR_R0_R1,), 2),
        ((LDR_R0_R1, LDR_R2_R1), 2 + 1),
        ((LDR_R0_R1, LDR_R2_R1, LDR_R3_R1), 2 + 1 + 1),
        ((LDR_R1_R1, LDR_R2_R1), 2 + 2),  # the address was just loaded
        ((LDR_R0_R1, NOP, LDR_R2_R1), 2 + 1 + 2),
        ((ADD_R1, LDR_R2_R1), 1 + 2 + 1),  # the address was just computed
        ((ADD_R1, NOP, LDR_R2_R1), 1 + 1 + 2),
        ((ADD_R1, STR_R2), 1 + 1 + 1),
        ((STR_R2,), 1),
        ((STR_R2_R0,), 2),
        ((LDR_R3_R1, STR_R2_R0), 2 + 1),
        ((STR_R2, LDR_R0_R1), 1 + 2),
        ((PUSH,), 1 + 2),
        ((POP,), 1 + 2),
        ((LDM4,), 1 + 4),
        ((STRD,), 3),
        ((NOP, IT_EQ, STR_R2), 1 + 0 + 1),
        ((MLA, IT_EQ, STR_R2), 1 + 1 + 1),
        ((B,), 1),
        ((TBB,), 2),
        ((VLDR_S0,), 2),
        ((VADD_S2,), 1),
        ((VADD_S2, VADD_S0_S2), 1 + 1 + 1),  # reads what was just computed
        ((VMLA_S2, VADD_S0_S2), 3 + 1 + 1),
        ((VMLA_S2, NOP, VADD_S0_S2), 3 + 1 + 1),
        ((VDIV,), 14),
    ],
)
def test_sequences(code: tuple[str, ...], expected: int) -> None:
    assert block_cycles(decode(bytes.fromhex("".join(code)))) == expected


def test_what_ran_before_counts() -> None:
    (first,), (second,) = (decode(bytes.fromhex(code)) for code in (LDR_R0_R1, LDR_R2_R1))
    assert block_cycles([second], first) == 1
    assert block_cycles([second], None) == 2


def test_a_taken_branch_refills_the_pipeline() -> None:
    (short,), (long,) = (decode(bytes.fromhex(code)) for code in (NOP, MLA))
    assert [refill(0x08000000, i) for i in (short, long)] == [3, 3]
    assert [refill(0x08000002, i) for i in (short, long)] == [3, 4]  # half of it is in the next word


def test_bytes_that_are_no_instruction_take_a_cycle_and_decoding_goes_on() -> None:
    found = decode(bytes.fromhex("ffffffff" + NOP))
    assert [i.size for i in found] == [4, 2]
    assert found[0].kind is Kind.PLAIN
    assert block_cycles(found) == 2
