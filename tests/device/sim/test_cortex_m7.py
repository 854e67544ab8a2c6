"""The dual-issue scoreboard, against cycles counted by hand; instructions as bytes, so no compiler is needed."""

import pytest

from tests.support.needs import needs

needs("capstone", "sim")

from micronets.device.sim.cortex_m4 import decode
from micronets.device.sim.cortex_m7 import MISPREDICTED, Pipeline, cycles_by_layer
from micronets.device.sim.trace import NOWHERE, BlockCounts

# adds rX, #4; adds r2, r2, r1
ADD_R1, ADD_R2, ADD_R2_R1, NOP, IT_EQ, B = "0431", "0432", "5218", "00bf", "08bf", "fee7"
LDR_R0_R1, LDR_R2_R1, LDR_R3_R0, LDRB_R0_R1 = "0868", "4a68", "0368", "0878"
LDR_POST = "51f8040b"  # ldr r0, [r1], #4
STR_R2, STR_R3_R1 = "0a60", "4b60"
SMLAD_R2, SMLAD_R4, SMLAD_R0, MUL_R3 = "20fb0122", "20fb0144", "22fb0533", "03fb03f3"
# smlad r2, r0, r1, r2; smlad r4, r0, r1, r4; smlad r3, r2, r5, r3 (multiplies what the first made); mul r3, r3, r3
ADD_SHIFTED, UDIV, LDM4, SXTB16 = "01eb8003", "b1fbf2f3", "0fc9", "2ffa84f5"  # add r3, r1, r0, lsl #2; sxtb16 r5, r4


def issued(*code: str) -> int:
    pipeline = Pipeline()
    pipeline.run(decode(bytes.fromhex("".join(code))))
    return pipeline.issued()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ((ADD_R1,), 1),
        ((ADD_R1, ADD_R2), 1),
        ((ADD_R1, ADD_R2_R1), 2),  # reads what the first writes
        ((ADD_R1, ADD_R2, ADD_R1), 2),
        ((LDR_R0_R1, LDR_R2_R1), 1),
        ((LDR_R0_R1, STR_R2), 2),  # two loads or one store
        ((STR_R2, STR_R3_R1), 2),
        ((STR_R2, ADD_R1), 1),
        ((ADD_R1, LDR_R0_R1), 3),  # an address, a cycle earlier than a sum
        ((LDR_R0_R1, LDR_R3_R0), 3),
        ((LDR_R0_R1, ADD_SHIFTED), 3),
        ((LDRB_R0_R1, ADD_SHIFTED), 4),  # a byte comes a cycle later than a word
        ((LDR_POST, LDR_R2_R1), 2),  # the pointer is there early
        ((ADD_R2, STR_R2), 1),  # data to store, a cycle later
        ((SMLAD_R2, SMLAD_R4), 2),  # one multiplier
        ((SMLAD_R2, SMLAD_R2, SMLAD_R2), 3),  # sums are passed on
        ((SMLAD_R2, SMLAD_R0), 3),  # factors are not: two cycles
        ((SMLAD_R2, ADD_R1), 1),
        ((ADD_R1, SXTB16), 2),  # only in the first slot
        ((SXTB16, ADD_R1), 1),
        ((MUL_R3, LDR_R2_R1), 1),
        ((UDIV,), 7),
        ((ADD_R1, UDIV, ADD_R1), 1 + 7 + 1),
        ((LDM4,), 2),  # 64 bits a cycle
        ((NOP, IT_EQ, ADD_R1), 1),  # folded
    ],
)
def test_sequences(code: tuple[str, ...], expected: int) -> None:
    assert issued(*code) == expected


def test_a_loop() -> None:
    """`smlad r2, .., r2; smlad r4, .., r4; b` runs a hundred times: two multiplications a turn, one misprediction."""
    loop, out = decode(bytes.fromhex(SMLAD_R2 + SMLAD_R4 + B)), decode(bytes.fromhex(ADD_R1))
    counts = BlockCounts(edges={(1, NOWHERE, 0): 1, (1, 0, 0): 99, (1, 0, 5): 1}, sizes={0: 10, 5: 2})
    assert cycles_by_layer(counts, {0: loop, 5: out}, 2) == [0, 100 * 2 + 1 + MISPREDICTED]


def test_a_branch_that_always_goes_the_same_way_is_predicted() -> None:
    block = decode(bytes.fromhex(ADD_R1 + B))
    counts = BlockCounts(edges={(0, NOWHERE, 0): 1, (0, 0, 0): 1000}, sizes={0: 4})
    assert cycles_by_layer(counts, {0: block}, 1) == [1001]
