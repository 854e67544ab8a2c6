import random
from dataclasses import replace

import pytest

from micronets.cost import counts
from micronets.errors import SpecError
from micronets.ir import spaces
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Weighted
from micronets.ir.space import Block, SearchSpace, Template, derive, relaxed_steps, with_bits
from micronets.ir.spaces.blocks import widths
from tests.support.tiny_task import tiny_space

BITS = replace(with_bits(tiny_space(), (8, 4)), name="tiny-bits")
SPACES = [tiny_space(), BITS, spaces.make("dscnn", "kws", 12), spaces.make("temporal", "kws", 12)]
LARGEST = tiny_space().largest()


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.name)
def test_relaxed_costs_at_one_value_of_every_choice_are_the_integer_costs(space) -> None:
    rng = random.Random(0)
    for values in [space.smallest(), space.largest(), *(space.sample(rng) for _ in range(20))]:
        arch = derive(space, values)
        steps = relaxed_steps(space, values)
        assert counts.macs(steps) == counts.macs(arch.steps())
        assert counts.params(steps) == counts.params(arch.steps())
        assert counts.weight_bytes(steps) == counts.weight_bytes(arch.steps())


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


def test_every_layer_with_weights_has_bits_of_its_own() -> None:
    layers = derive(BITS, BITS.largest() | {"bits_dw": 4, "bits_logits": 4}).layers
    found = {layer.name: layer.weight_bits for layer in layers if isinstance(layer, Weighted)}
    assert set(found) == {c.name.removeprefix("bits_") for c in BITS.choices if c.kind == "bits"}
    assert [name for name, bits in found.items() if bits == 4] == ["dw", "logits"]
    assert with_bits(tiny_space(), (8,)).choices == tiny_space().choices
    assert all(c.options == (4,) for c in with_bits(tiny_space(), (4,)).choices if c.kind == "bits")
    between = counts.weight_bytes(relaxed_steps(BITS, BITS.largest() | {"bits_stem": 5.0}))
    eight, four = (counts.weight_bytes(relaxed_steps(BITS, BITS.largest() | {"bits_stem": b})) for b in (8, 4))
    assert between == (eight + 3 * four) / 4 < eight


def test_bits_that_a_layer_cannot_have_or_has_already_are_left_as_they_are() -> None:
    grouped = Conv2D(name="grouped", inputs=(INPUT,), filters=4, kernel=(1, 1), groups=2)
    own = Conv2D(name="own", inputs=("grouped",), filters=4, kernel=(1, 1), weight_bits=4)
    blocks = (Block((grouped, own, FullyConnected(name="logits", inputs=("own",), units=3))),)
    space = with_bits(SearchSpace("mine", (), lambda pick: Template((2, 2, 4), blocks)), (4, 8))
    assert [c.name for c in space.choices] == ["bits_logits"]
    assert [layer.weight_bits for layer in derive(space, {"bits_logits": 8}).layers] == [8, 4, 8]
    with pytest.raises(SpecError, match=r"^space.bits = \[3\]; allowed: \[8\], \[4\] and \[8, 4\]$"):
        with_bits(tiny_space(), (3,))
    with pytest.raises(SpecError, match=r"^space tiny: has a choice 'bits_stem' of its own; leave out space\.bits$"):
        with_bits(replace(BITS, name="tiny", template=tiny_space().template), (4, 8))


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
