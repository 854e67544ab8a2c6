"""Networks of the temporal space with streaming = true: windows stay on the map along time, whatever is chosen."""

import random

import pytest

from micronets.errors import SpecError
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.incremental import incremental
from micronets.ir.layers import Add, Slice
from micronets.ir.space import SearchSpace, derive
from micronets.ir.spaces.temporal import LEAST_COLUMNS, without_padding
from tests.ir.test_incremental import same_outputs


def archs(space: SearchSpace, count: int) -> list[Arch]:
    """Returns the largest and the smallest network of a space, and random ones."""
    rng = random.Random(5)
    return [derive(space, v) for v in (space.largest(), space.smallest(), *(space.sample(rng) for _ in range(count)))]


def test_every_network_can_take_the_new_frames_alone() -> None:
    for arch in archs(spaces.make("temporal", "kws", 12, streaming=True), 20):
        made, (columns, _, _) = incremental(arch), arch.shapes()[arch.steps()[-2].layer.inputs[0]]
        assert made.step == 2
        assert columns >= LEAST_COLUMNS
    space = small_space()
    assert same_outputs(derive(space, space.largest()), 3) > 3


def small_space() -> SearchSpace:
    options = {"max_width": 40, "blocks": 1, "stem_strides": (1, 2)}
    return spaces.make("temporal", "features", 3, height=98, width=8, streaming=True, **options)


def test_the_step_is_the_product_of_the_strides() -> None:
    space = small_space()
    found = {(v := space.sample(random.Random(i)))["stem_stride"]: incremental(derive(space, v)).step for i in range(9)}
    assert found == {1: 2, 2: 4}


def test_the_weights_are_those_of_the_padded_network() -> None:
    """The supernet has padding, and its weights go to the network without."""
    rng, space = random.Random(1), small_space()
    for _ in range(5):
        values = space.sample(rng)
        template = space.template(values.__getitem__)
        padded = [
            layer for block in template.blocks for layer in block.layers if block.keep is None or values[block.keep]
        ]
        names = {s.layer.name: s.weights for s in Arch(template.input_shape, tuple(padded)).steps()}
        made = {s.layer.name: s.weights for s in derive(space, values).steps() if not isinstance(s.layer, Slice)}
        assert made == names


def test_a_block_adds_the_middle_of_what_it_was_given() -> None:
    arch = derive(space := small_space(), space.largest())
    cuts = [layer for layer in arch.layers if isinstance(layer, Slice)]
    assert len(cuts) == sum(isinstance(layer, Add) for layer in arch.layers) == 2
    shapes = arch.shapes()
    for cut in cuts:
        lost = shapes[cut.inputs[0]][0] - cut.size[0]
        assert cut.begin == (lost // 2, 0, 0)
        assert lost % 2 == 0
    assert without_padding(arch) == arch


def test_what_leaves_too_few_columns_is_left_out_or_refused() -> None:
    long = spaces.make("temporal", "kws", 12, streaming=True, frames=600)
    assert [long.choice(n).options for n in ("frame_stride", "stem_stride", "kernel1_1")] == [
        (1, 2),
        (1, 2),
        (3, 5, 7, 9),
    ]
    short = spaces.make("temporal", "kws", 12, streaming=True)
    assert [short.choice(n).options for n in ("frame_stride", "stem_stride", "kernel1_1")] == [(1,), (1,), (3, 5, 7)]
    assert spaces.make("temporal", "kws", 12, streaming=True, blocks=1).choice("stem_stride").options == (1, 2)
    with pytest.raises(SpecError, match="space temporal: streaming = true: 20 frames with a stem_stride of 1 leave"):
        spaces.make("temporal", "kws", 12, streaming=True, frames=20)
    with pytest.raises(SpecError, match="streaming = true needs inputs of at least 5 bands, not 4"):
        spaces.make("temporal", "features", 3, streaming=True, height=98, width=4)
