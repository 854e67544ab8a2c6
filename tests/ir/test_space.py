import random

import pytest

from micronets.cost import counts
from micronets.errors import SpecError
from micronets.ir import spaces
from micronets.ir.layers import Conv2D, DepthwiseConv2D
from micronets.ir.space import derive, relaxed_steps
from micronets.ir.spaces.blocks import widths
from tests.support.tiny_task import tiny_space

SPACES = [tiny_space(), spaces.make("dscnn", "kws", 12), spaces.make("temporal", "kws", 12)]
LARGEST = tiny_space().largest()


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.name)
def test_relaxed_costs_at_one_value_of_every_choice_are_the_integer_costs(space) -> None:
    rng = random.Random(0)
    for values in [space.smallest(), space.largest(), *(space.sample(rng) for _ in range(20))]:
        arch = derive(space, values)
        steps = relaxed_steps(space, values)
        assert counts.macs(steps) == counts.macs(arch.steps())
        assert counts.params(steps) == counts.params(arch.steps())


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.name)
def test_smallest_and_largest_bound_every_sample(space) -> None:
    rng = random.Random(1)
    low, high = (counts.macs(derive(space, v).steps()) for v in (space.smallest(), space.largest()))
    for _ in range(50):
        assert low <= counts.macs(derive(space, space.sample(rng)).steps()) <= high


def test_a_dropped_block_is_bridged() -> None:
    arch = derive(tiny_space(), LARGEST | {"keep_residual": 0, "keep_plain": 0})
    assert [a.name for a in arch.layers] == ["stem", "pool", "logits"]
    assert arch.layers[1].inputs == ("stem",)


def test_derive_sets_every_kind_of_choice() -> None:
    arch = derive(tiny_space(), LARGEST | {"width": 4, "kernel": 3, "dilation": 2, "frame_stride": 2})
    stem, dw = arch.layers[:2]
    assert arch.input_shape == (8, 8, 1)
    assert isinstance(stem, Conv2D)
    assert stem.filters == 4
    assert isinstance(dw, DepthwiseConv2D)
    assert (dw.kernel, dw.dilation) == ((3, 1), (2, 1))


def test_channels_after_a_half_kept_block_are_the_mean() -> None:
    steps = relaxed_steps(tiny_space(), LARGEST | {"width": 4, "last": 12, "keep_plain": 0.25})
    assert steps[-1].layer.name == "logits"
    assert steps[-1].input_shapes == ((0.25 * 12 + 0.75 * 4,),)


def test_paper_widths() -> None:
    assert widths(276) == (28, 56, 84, 112, 140, 164, 192, 220, 248, 276)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (LARGEST | {"width": 5}, r"space tiny: width = 5; options: \(4, 8, 12\)"),
        ({}, r"space tiny: choice 'frame_stride' has no value; options: \(1, 2\)"),
        (LARGEST | {"kernal": 3}, "space tiny: no choice 'kernal'; did you mean 'kernel'\\? known: dilation, .*"),
    ],
)
def test_bad_values_are_named(values, message) -> None:
    with pytest.raises(SpecError, match=f"^{message}$"):
        derive(tiny_space(), values)


@pytest.mark.parametrize("name", ["dscnn", "temporal"])
def test_space_options_are_checked(name) -> None:
    with pytest.raises(SpecError, match="min_blocks = 3; allowed: 1 to blocks = 2"):
        spaces.make(name, "kws", 12, blocks=2, min_blocks=3)
    with pytest.raises(SpecError, match="max_width = 8; allowed: 40 to 4,096"):
        spaces.make(name, "kws", 12, max_width=8)
