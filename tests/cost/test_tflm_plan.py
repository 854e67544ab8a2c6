"""The memory plan: by hand, against TFLM's own arithmetic, and its properties."""

import random
from collections.abc import Sequence

import pytest

from micronets.cost.counts import live_bytes
from micronets.cost.tflm_plan import (
    TFLM_ALIGNMENT,
    Buffer,
    align,
    lifetimes,
    memory_over_time,
    place_greedily,
    scratch_buffers,
    tflm_plan,
)
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, FullyConnected, Mean
from tests.support.realistic_archs import random_arch


def conv(name: str, source: str, filters: int, bits: int = 8) -> Conv2D:
    return Conv2D(name=name, inputs=(source,), filters=filters, kernel=(1, 1), weight_bits=bits)


RESIDUAL = Arch(
    (4, 4, 2),
    (conv("a", INPUT, 4), conv("b", "a", 8), conv("c", "b", 4), Add(name="d", inputs=("a", "c")), conv("e", "d", 1)),
)


def test_lifetimes_by_hand() -> None:
    times = {b.name: (b.bytes, b.first, b.last) for b in lifetimes(RESIDUAL)}
    assert times == {
        "input": (32, 0, 1),
        "a": (64, 1, 4),
        "b": (128, 2, 3),
        "c": (64, 3, 4),
        "d": (64, 4, 5),
        "e": (16, 5, 5),
    }


def test_plan_by_hand() -> None:
    # b (largest) at 0; then of the 64s from the last created: d at 0, c after b, a after c (alive with b and c).
    plan = tflm_plan(RESIDUAL)
    assert {b.name: b.offset for b in plan.buffers} == {"input": 0, "a": 192, "b": 0, "c": 128, "d": 0, "e": 64}
    assert plan.bytes == 256


def test_sizes_are_rounded_up_and_ties_go_to_the_last() -> None:
    first, second = place_greedily([Buffer("x", 17, 0, 1), Buffer("y", 20, 1, 2)])
    assert (second.offset, first.offset) == (0, 32)


def test_a_gap_that_fits_is_used() -> None:
    buffers = [Buffer("big", 160, 0, 1), Buffer("mid", 96, 1, 2), Buffer("late", 64, 2, 3), Buffer("gap", 32, 2, 2)]
    offsets = {b.name: b.offset for b in place_greedily(buffers)}
    assert offsets == {"big": 0, "mid": 160, "late": 0, "gap": 64}


def test_unpacked_four_bit_weights_take_a_scratch_buffer() -> None:
    arch = Arch((4, 4, 2), (conv("a", INPUT, 4, 4), FullyConnected(name="b", inputs=("a",), units=3, weight_bits=4)))
    assert [(b.name, b.bytes, b.first, b.last) for b in scratch_buffers(arch.steps())] == [
        ("a", 8, 1, 1),
        ("b", 192, 2, 2),
    ]
    assert scratch_buffers(arch.steps(), cmsis_nn=True) == ()


def test_scratch_of_cmsis_nn() -> None:
    def scratch(layer: Conv2D | DepthwiseConv2D, channels: int) -> int:
        buffers = scratch_buffers(Arch((9, 9, channels), (layer,)).steps(), cmsis_nn=True)
        return sum(b.bytes for b in buffers)

    stem = Conv2D(name="x", inputs=(INPUT,), filters=8, kernel=(3, 3))
    assert scratch(stem, 1) == 2 * 2 * 12  # two columns of nine, rounded up to twelve, of 16 bits
    assert scratch(conv("x", INPUT, 8), 64) == 0
    assert scratch(DepthwiseConv2D(name="x", inputs=(INPUT,), kernel=(3, 3)), 64) == 0
    assert scratch(DepthwiseConv2D(name="x", inputs=(INPUT,), kernel=(5, 1)), 64) == 2 * 5 * 64
    assert scratch(DepthwiseConv2D(name="x", inputs=(INPUT,), kernel=(5, 1), dilation=(2, 1)), 64) == 0
    mean = Arch((9, 9, 64), (Mean(name="x", inputs=(INPUT,)),))
    assert [b.bytes for b in scratch_buffers(mean.steps())] == [256, 16, 8]  # sums, a position, two axes


@pytest.mark.parametrize("seed", range(30))
def test_nothing_overlaps_and_live_bytes_are_a_lower_bound(seed: int) -> None:
    arch = random_arch(seed)
    plan = tflm_plan(arch, cmsis_nn=seed % 2 == 0)
    for i, a in enumerate(plan.buffers):
        assert a.offset % TFLM_ALIGNMENT == 0
        for b in plan.buffers[:i]:
            together = a.first <= b.last and b.first <= a.last
            assert not together or a.end <= b.offset or b.end <= a.offset
    assert live_bytes(arch.steps()) <= plan.bytes <= sum(align(b.bytes) for b in plan.buffers)


def plain_greedy(sizes: Sequence[int], times: Sequence[tuple[int, int]]) -> list[int]:
    """Places buffers by the plainest form of the rule: the largest first, each at the lowest free multiple of 16."""
    offsets: dict[int, int] = {}
    for i in sorted(reversed(range(len(sizes))), key=lambda k: sizes[k], reverse=True):  # noqa: C414
        busy = [
            range(offsets[j], offsets[j] + sizes[j])
            for j in offsets
            if times[j][0] <= times[i][1] and times[i][0] <= times[j][1]
        ]
        offset = 0
        while any(offset < b.stop and b.start < offset + sizes[i] for b in busy):
            offset += 16
        offsets[i] = offset
    return [offsets[i] for i in range(len(sizes))]


@pytest.mark.parametrize("seed", range(50))
def test_place_is_the_plain_rule(seed: int) -> None:
    rng = random.Random(seed)
    times = [tuple(sorted((rng.randrange(8), rng.randrange(8)))) for _ in range(12)]
    sizes = [16 * rng.randrange(1, 9) for _ in times]
    placed = place_greedily([Buffer(str(i), n, *t) for i, (n, t) in enumerate(zip(sizes, times, strict=True))])
    assert [b.offset for b in placed] == plain_greedy(sizes, times)  # type: ignore[arg-type]


def test_memory_over_time() -> None:
    moments = memory_over_time(tflm_plan(RESIDUAL), RESIDUAL)
    assert [(m.layer, m.live_bytes) for m in moments] == [("a", 96), ("b", 192), ("c", 256), ("d", 192), ("e", 80)]
    assert [b.name for b in moments[2].buffers] == ["a", "b", "c"]
