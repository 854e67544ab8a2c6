import random
from dataclasses import replace

import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.cost import counts
from micronets.cost.costs import relaxed_budget_costs
from micronets.design.fakequant import round_weights
from micronets.design.net import Net
from micronets.design.supernet import Supernet
from micronets.ir import spaces
from micronets.ir.layers import INPUT, Conv2D, FullyConnected
from micronets.ir.space import Block, Choice, SearchSpace, Template, ValueOf, derive, with_bits
from tests.support.tiny_task import tiny_space


def small_images(name: str, **options):
    """A space for small pictures, with its name."""
    return spaces.make(name, "images", 3, resolutions=(32, 25), **options)


RESNET = small_images("resnet", max_width=8, stem_strides=(1, 2))
TIED = small_images("mobilenetv2", width_multiplier=0.25, tied=True)
UNTIED = replace(small_images("mobilenetv2", width_multiplier=0.35, tied=False), name="mobilenetv2-untied")


def fixed(space, name: str, **values: int):
    """The space with one option for some choices, as `[space.fix]` makes it."""
    choices = [replace(c, options=(values[c.name],)) if c.name in values else c for c in space.choices]
    return replace(space, choices=tuple(choices), name=name)


def dense_on_a_map() -> SearchSpace:
    """Returns a space whose matrix reads a map of several places, of a width that is searched for."""

    def template(pick: ValueOf) -> Template:
        stem = Conv2D(name="stem", inputs=(INPUT,), filters=pick("width"), kernel=(3, 3), stride=(2, 2))
        return Template((6, 4, 1), (Block((stem, FullyConnected(name="logits", inputs=("stem",), units=3))),))

    return SearchSpace("dense-on-a-map", (Choice("width", "width", (4, 8, 12)),), template)


BITS = replace(with_bits(tiny_space(), (4, 8)), name="tiny-bits")

SPACES = [
    tiny_space(),
    BITS,
    dense_on_a_map(),
    spaces.make("dscnn", "kws", 12, max_width=40),
    spaces.make("dscnn", "ad", 4, max_width=40),
    spaces.make("temporal", "kws", 12, max_width=40),
    RESNET,
    TIED,
    UNTIED,
    fixed(UNTIED, "narrow-before", project4_1=4, project6_1=8),
    fixed(UNTIED, "narrow-branch", project4_2=4, project6_3=8),
    fixed(RESNET, "narrow-stem", stem_width=4),
    fixed(tiny_space(), "blocks-stay", keep_residual=1, keep_plain=1),
    fixed(tiny_space(), "blocks-gone", keep_residual=0, keep_plain=0),
    fixed(UNTIED, "depth-given", keep_expand1_1=1, keep2_2=1, keep3_2=0, keep4_2=1),
]


def trained_looking(space) -> Supernet:
    """Returns a supernet whose batch norms do something: zero shifts would hide channels that should be dead."""
    torch.manual_seed(0)
    supernet = Supernet(space)
    for name, value in [*supernet.net.named_parameters(), *supernet.net.named_buffers()]:
        if value.ndim == 1 and value.is_floating_point():
            value.data.uniform_(0.5, 1.5) if "mean" not in name else value.data.uniform_(-0.3, 0.3)
    return supernet.eval()


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.name)
def test_one_network_of_the_supernet_is_the_derived_one(space) -> None:
    supernet, rng = trained_looking(space), random.Random(3)
    for values in [space.smallest(), space.largest(), *(space.sample(rng) for _ in range(6))]:
        net = Net(derive(space, values)).eval()
        net.load_state_dict(supernet.cut(net.arch))
        round_weights(net)
        x = torch.randn(3, *net.arch.input_shape)
        with torch.no_grad():
            torch.testing.assert_close(supernet(x, supernet.one_hot(values)), net(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.name)
def test_a_network_computed_alone_learns_what_it_learns_under_masks(space) -> None:
    """Outputs, and the gradients of all shared weights, are those of the pass that masks the largest network."""
    supernet, values = trained_looking(space).double().train(), space.sample(random.Random(5))
    arch = derive(space, values)
    x, gradients = torch.randn(4, *arch.input_shape, dtype=torch.float64), []
    outputs = [supernet(x, supernet.one_hot(values)), supernet.compute(x, arch)]
    torch.testing.assert_close(*outputs)
    for logits in outputs:
        supernet.net.zero_grad()
        logits.square().mean().backward()
        gradients.append({n: 0 if p.grad is None else p.grad.clone() for n, p in supernet.net.named_parameters()})
    for name, masked in gradients[0].items():
        alone = gradients[1][name] + torch.zeros_like(masked)
        assert (alone - masked).norm() <= 1e-9 * masked.norm() + 1e-12, name


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.name)
def test_costs_of_a_one_hot_sample_are_the_integer_costs(space) -> None:
    supernet, rng = Supernet(space), random.Random(4)
    for _ in range(5):
        values = space.sample(rng)
        relaxed = counts.macs(supernet.steps(supernet.one_hot(values)))
        assert float(relaxed) == pytest.approx(counts.macs(derive(space, values).steps()), rel=1e-6)


def test_loss_and_costs_reach_every_alpha(board) -> None:
    space = BITS
    supernet = Supernet(space)
    sample = supernet.sample(1.0, torch.Generator().manual_seed(0))
    logits = supernet(torch.randn(4, *supernet.input_shape(sample.shapes)), sample)
    (logits.square().sum() + sample.log_prob).backward()
    for c in space.choices:
        assert supernet.alphas[c.name].grad.abs().sum() > 0, c.name
    supernet.zero_grad()
    sample = supernet.sample(1.0, torch.Generator().manual_seed(0))
    costs = relaxed_budget_costs(supernet.steps(sample), board, ("macs", "tflite_bytes", "arena_bytes"))
    sum(costs.values()).backward()
    for name in ("width", "last", "keep_residual", "keep_plain", "bits_stem", "bits_logits"):
        assert supernet.alphas[name].grad[-1] > 0, f"{name}: more should cost more"


def test_samples_are_points_of_the_simplex_and_seeded() -> None:
    supernet = Supernet(tiny_space())
    a, b = (supernet.sample(0.5, torch.Generator().manual_seed(7)) for _ in range(2))
    assert a.shapes == b.shapes
    for name, weight in a.weights.items():
        assert torch.equal(weight, b.weights[name])
        assert weight.min() >= 0
        assert float(weight.detach().sum()) == pytest.approx(1)


def test_low_temperature_samples_follow_the_probabilities() -> None:
    supernet = Supernet(tiny_space())
    supernet.alphas["width"].data = torch.tensor([0.0, 1.0, 2.0])
    generator = torch.Generator().manual_seed(0)
    counts = sum(supernet.sample(0.01, generator).weights["width"].detach().round() for _ in range(1000))
    expected = torch.softmax(torch.tensor([0.0, 1.0, 2.0]), 0) * 1000
    assert torch.allclose(counts, expected, atol=60)


def test_a_gray_picture_gives_what_its_three_equal_colours_give() -> None:
    supernet = trained_looking(TIED)
    gray = torch.rand(2, 32, 32, 1)
    a, b = (supernet.one_hot(TIED.largest() | {"colour": c}) for c in (1, 3))
    with torch.no_grad():
        torch.testing.assert_close(supernet(gray, a), supernet(gray.expand(-1, -1, -1, 3), b), rtol=1e-3, atol=1e-4)


def test_a_cut_network_has_statistics_of_its_own() -> None:
    """Statistics of many mixed widths are not those of one network; a slice has those of the batches it was given."""
    space = tiny_space()
    supernet = trained_looking(space)
    values = space.largest() | {"width": 4, "kernel": 3, "dilation": 1}
    batches = [torch.randn(64, *supernet.input_shape({"frame_stride": 1})) for _ in range(3)]
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    net = Net(derive(space, values)).eval()
    net.load_state_dict(supernet.slice(net.arch, iter(batches)))
    for name, value in supernet.state_dict().items():
        assert torch.equal(value, before[name]), f"{name}: the supernet itself changes"
    x = torch.cat(batches)
    kept, cell = net.tensors(x), net.cell(net.arch.layers[0])
    stem = torch.nn.functional.conv2d(
        torch.nn.functional.pad(x.permute(0, 3, 1, 2), (0, 1, 1, 1)), cell.weight, stride=(1, 2)
    )
    torch.testing.assert_close(cell.bn.running_mean, stem.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(cell.bn.running_var, stem.var((0, 2, 3)), rtol=2e-2, atol=1e-3)
    assert cell.bn.momentum == 0.1
    assert torch.equal(cell.weight, supernet.cut(net.arch)["layers.stem.weight"])
    assert kept["logits"].isfinite().all()
    with pytest.raises(ValueError, match="no batches"):
        supernet.slice(net.arch, [])


def test_a_sum_whose_sizes_differ_by_rounding_has_costs() -> None:
    """Behind a block that may go, a relaxed width is gate * c + (1 - gate) * c, which is c but for rounding."""
    space = spaces.make("temporal", "kws", 12, max_width=40)
    supernet = Supernet(space)
    for seed in range(5):
        sample = supernet.sample(0.7, torch.Generator().manual_seed(seed))
        assert float(counts.macs(supernet.steps(sample)).detach()) > 0
