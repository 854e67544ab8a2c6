"""Every space with every kind of input: what must hold for all of their networks."""

import random
from pathlib import Path

import numpy as np
import pytest

from micronets import tflite
from micronets.boards.board import Budget
from micronets.cost.costs import budget_costs, relaxed_budget_costs
from micronets.cost.counts import live_bytes, macs
from micronets.cost.tflite_size import tflite_bytes
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device.tflm import interpreter
from micronets.errors import SpecError
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Pad, Reshape, Softmax
from micronets.ir.space import SearchSpace, derive, relaxed_steps
from micronets.quantized import reference
from micronets.quantized.random_weights import with_random_weights
from tests.support.needs import needs_tflm
from tests.support.random_models import random_input

MODELS = Path(__file__).parents[3] / "shared" / "models"
NARROW = {
    "dscnn": {"max_width": 40},
    "temporal": {"max_width": 40},
    "resnet": {"max_width": 16},
    "mobilenetv2": {"width_multiplier": 0.25},
}
LIMITS = tuple(Budget.__dataclass_fields__)


def small_pads(**options) -> SearchSpace:
    """Returns a MobileNetV2 whose blocks have widths of their own."""
    return spaces.make("mobilenetv2", "images", 3, width_multiplier=0.35, tied=False, resolutions=(64, 50), **options)


SPACES = {f"{n}-{k}": spaces.make(n, k, 3, **NARROW[n]) for n in spaces.SPACES for k in spaces.INPUT_KINDS}
SPACES["mobilenetv2-untied"] = small_pads()


def some_values(space: SearchSpace, seed: int, count: int) -> list[dict[str, int]]:
    rng = random.Random(seed)
    return [space.smallest(), space.largest(), *(space.sample(rng) for _ in range(count))]


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_random_networks_are_valid_and_between_the_smallest_and_the_largest(space) -> None:
    low, high, *others = (macs(derive(space, v).steps()) for v in some_values(space, 0, 20))
    assert low <= min(others) < max(others) <= high
    for values in some_values(space, 1, 5):
        arch = derive(space, values)
        assert Arch.from_json(arch.to_json()) == arch
        assert arch.output_shape == (3,)
        assert not [a for a in arch.layers if isinstance(a, Pad) and a.paddings == ((0, 0), (0, 0), (0, 0))]


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_relaxed_costs_at_one_value_of_every_choice_are_the_integer_costs(space, board) -> None:
    for values in some_values(space, 2, 6):
        steps = derive(space, values).steps()
        relaxed = relaxed_steps(space, values)
        assert live_bytes(relaxed) == live_bytes(steps)
        exact, guess = relaxed_budget_costs(steps, board, LIMITS), relaxed_budget_costs(relaxed, board, LIMITS)
        for name in LIMITS:
            assert guess[name] == pytest.approx(exact[name], rel=1e-9), name


@needs_tflm
@pytest.mark.parametrize(
    "name", ["dscnn-ad", "temporal-features", "resnet-ic", "mobilenetv2-images", "mobilenetv2-untied"]
)
def test_random_networks_need_what_is_predicted_and_say_what_the_reference_says(name) -> None:
    small = [SPACES[name].smallest() | shapes for shapes in SPACES[name].shape_combinations()][-1]
    shapes = {c.name: small[c.name] for c in SPACES[name].choices if c.kind == "shape"}
    for seed, values in enumerate(some_values(SPACES[name], 7, 2)[2:]):
        arch = derive(SPACES[name], values | shapes)
        model = with_random_weights(arch, seed)
        data, x = tflite.write(model), random_input(model, 2, seed)
        predicted = arena_tflm_bytes(arch)
        assert 0 <= predicted - interpreter.min_arena(data, predicted) <= 16
        assert 0 <= tflite_bytes(arch.steps()) - len(data) <= 600 + 50 * len(arch.layers)
        assert np.array_equal(interpreter.run(data, x).reshape(2, 3), reference.run(model, x).reshape(2, 3))


@pytest.mark.parametrize("name", spaces.SPACES)
def test_narrower_everywhere_is_cheaper(name, board) -> None:
    costs = []
    for share in (0.25, 0.5, 1.0):
        space, values = spaces.uniform(spaces.make(name, "features", 3), share)
        assert {c.kind for c in space.choices if len(c.options) > 1} <= {"shape", "keep", "kernel", "dilation"}
        costs.append(budget_costs(derive(space, values), board, ("macs", "tflite_bytes", "arena_bytes")))
    for limit in costs[0]:
        assert costs[0][limit] < costs[1][limit] < costs[2][limit]


def released(name: str, *without: type) -> Arch:
    """Returns a released network, its layers renamed by their order, without kinds that compute nothing new."""
    path = MODELS / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    return renamed(tflite.read(path.read_bytes()).arch, without)


def renamed(arch: Arch, without: tuple[type, ...] = ()) -> Arch:
    names, layers = {INPUT: INPUT}, []
    for layer in arch.layers:
        inputs = tuple(names[i] for i in layer.inputs)
        if isinstance(layer, without):
            names[layer.name] = inputs[0]
            continue
        names[layer.name] = f"layer{len(layers)}"
        layers.append(type(layer)(**{**vars(layer), "name": names[layer.name], "inputs": inputs}))
    return Arch(arch.input_shape, tuple(layers))


def test_resnet_contains_resnet_8() -> None:
    space = spaces.make("resnet", "images", 10, resolutions=(32,), colours=(3,))
    scaled, values = spaces.uniform(space, 0.5)
    arch = derive(space, values)
    assert arch == derive(scaled, values)
    theirs = released("mlperf_tiny/pretrainedResnet_quant.tflite", Softmax, Reshape)
    assert renamed(arch) == theirs
    assert macs(arch.steps()) == 12_501_632
    assert arena_tflm_bytes(renamed(arch)) == arena_tflm_bytes(theirs) < 55_993


def test_dscnn_contains_the_papers_anomaly_detection() -> None:
    space = spaces.make("dscnn", "ad", 8)
    widths = dict(zip(("stem_width", *(f"width{i}" for i in range(1, 6))), (276, 248, 276, 276, 248, 248), strict=True))
    kernels = {c.name: 3 for c in space.choices if c.kind == "kernel"}
    arch = derive(space, space.largest() | kernels | widths | {"stem_stride": 1})
    theirs = released("micronets/ad_large_int8.tflite", Softmax, Reshape)
    assert [s.output_shape for s in arch.steps()][:-2] == [s.output_shape for s in theirs.steps()][:-2]
    assert macs(arch.steps()) == macs(theirs.steps()) == 64_494_656


VWW_2 = {  # ../shared/reference/micronet_archs.json: widths of expansion and projection of each stage's blocks
    1: [(4, 8)],
    2: [(28, 24), (28, 20)],
    3: [(128, 28), (152, 16), (152, 28)],
    4: [(152, 24), (112, 24), (112, 12), (76, 32)],
    5: [(76, 16), (56, 28), (56, 28)],
    6: [(56, 16), (96, 16), (96, 16)],
    7: [(96, 32)],
}


def test_mobilenetv2_contains_the_papers_visual_wake_words() -> None:
    space = spaces.make("mobilenetv2", "images", 2, tied=False)
    values = space.largest() | {c.name: 3 for c in space.choices if c.kind == "kernel"}
    values |= {"resolution": 50, "colour": 1, "stem_width": 12, "head_width": 128}
    for stage, blocks in VWW_2.items():
        for i, (expand, project) in enumerate(blocks, start=1):
            values |= {f"expand{stage}_{i}": expand, f"project{stage}_{i}": project}
    arch = derive(space, values)
    theirs = released("micronets/vww2_50_50_INT8.tflite", Reshape)
    # The last two are their average pool with `same` padding and their matrix product as a convolution.
    assert renamed(arch).layers[:-2] == theirs.layers[:-2]
    assert macs(arch.steps()) == macs(theirs.steps()) == 3_143_416


def test_tied_widths_need_no_pads() -> None:
    for tied, pads in ((True, False), (False, True)):
        space = spaces.make("mobilenetv2", "images", 2, tied=tied)
        networks = [derive(space, v) for v in some_values(space, 3, 5)]
        assert any(isinstance(a, Pad) for net in networks for a in net.layers) == pads


@pytest.mark.parametrize("width", [0.1, 0.25, 0.4, 0.75])
def test_a_pad_grows_with_the_share_of_a_channel(width) -> None:
    """Between equal widths and widths one channel apart, the padding's cost rises evenly."""
    space = small_pads()
    values = {name: float(v) for name, v in space.smallest().items()} | {
        "resolution": 50,
        "colour": 1,
        "stem_stride": 2,
        "keep2_2": 1.0,
    }
    steps = relaxed_steps(space, values | {"project2_1": 4.0, "project2_2": 4.0 + width})
    gates = {s.layer.name: s.gate for s in steps if isinstance(s.layer, Pad)}
    assert gates["add2_2_before"] == pytest.approx(width)
    assert gates["add2_2_branch"] == 0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet", {"max_width": 6}, "space resnet: max_width = 6; allowed: multiples of 4 from 8"),
        ("resnet", {"blocks": 1, "min_blocks": 2}, "space resnet: min_blocks = 2; allowed: 1 to blocks = 1"),
        ("resnet", {"kernels": (2, 3)}, r"space resnet: kernels = \[2, 3\]; need odd sizes, one of them above 1"),
        ("mobilenetv2", {"width_multiplier": 3.0}, "space mobilenetv2: width_multiplier = 3.0; allowed: 0.1 to 2"),
        ("mobilenetv2", {"blocks": (1, 2)}, r"space mobilenetv2: blocks = \[1, 2\]; need 7 numbers of at least 1"),
        ("mobilenetv2", {"kernels": (1, 3)}, "space mobilenetv2: kernels = 1; allowed: 3 to 255"),
        ("mobilenetv2", {"colours": (2,)}, r"space: colours = \[2\]; allowed: 1 \(gray\) and 3 \(red, green, blue\)"),
        ("mobilenetv2", {"resolutions": ()}, r"space: resolutions = \[\]; need at least one"),
        (
            "dscnn",
            {"blocks": 2},
            r"space dscnn: strides = \[2, 1, 1, 2, 2\] are 5, more than blocks = 2; give strides, too, such as",
        ),
        ("dscnn", {"strides": (1, 3)}, r"space dscnn: strides = \[1, 3\]; allowed: 1 or 2 for each of the 5 blocks"),
        (
            "dscnn",
            {"stem_kernels": (3, 4)},
            r"space dscnn: stem_kernels = \[3, 4\]; need sizes that are all even or all odd",
        ),
        ("dscnn", {"coefficients": (1,)}, "space dscnn: no option 'coefficients'; known: "),
    ],
)
def test_bad_options_are_named(name, options, message) -> None:
    with pytest.raises(SpecError, match=f"^{message}"):
        spaces.make(name, "images", 3, **options)
