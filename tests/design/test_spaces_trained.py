"""Networks of every space, searched and quantised: what the supernet found is what the runtime computes."""

import random

import numpy as np
import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets import tflite
from micronets.boards.board import Budget
from micronets.cost.costs import budget_costs, relaxed_budget_costs
from micronets.design.dnas import SearchSettings, search
from micronets.design.export import to_quantized
from micronets.design.net import Net
from micronets.design.search_job import SearchJob
from micronets.design.supernet import Supernet
from micronets.device.tflm import interpreter
from micronets.ir import spaces
from micronets.ir.layers import INPUT, Pad, Slice
from micronets.ir.space import derive
from micronets.quantized import reference
from micronets.quantized.arithmetic import quantize
from tests.design.test_fakequant import assert_layers_agree, prepared
from tests.support.random_models import random_input
from tests.support.tiny_task import BANDS, FRAMES, TinyTask

OPTIONS = {
    "dscnn": {"max_width": 40, "blocks": 3, "strides": (2, 1, 2)},
    "temporal": {"max_width": 40, "blocks": 1},
    "resnet": {"max_width": 8},
    "mobilenetv2": {"width_multiplier": 0.25, "tied": False, "blocks": (1, 2, 2, 1, 2, 1, 1)},
}
SPACES = {n: spaces.make(n, "features", 3, height=FRAMES, width=BANDS, channels=1, **o) for n, o in OPTIONS.items()}
SPACES["streaming"] = spaces.make(
    "temporal", "features", 3, height=FRAMES, width=BANDS, channels=1, max_width=40, blocks=1, streaming=True
)
COSTS = ("macs", "tflite_bytes", "arena_bytes")


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_a_search_ends_within_its_limits_with_the_weights_of_its_network(space, tmp_path, board) -> None:
    low, high = (budget_costs(derive(space, v), board, COSTS) for v in (space.smallest(), space.largest()))
    budget = Budget(**{name: int(0.7 * low[name] + 0.3 * high[name]) for name in COSTS})
    settings = SearchSettings(epochs=1, batch=32, precision="fp32")
    task = TinyTask(train=96)
    task.input_settings = ()
    found = search(SearchJob(space, task, budget, board, settings, seed=0, directory=tmp_path, progress=lambda _: None))
    assert all(found.costs[name] <= limit for name, limit in budget.limits().items())
    assert found.costs["macs"] == budget_costs(found.arch, board, ("macs",))["macs"]
    Net(found.arch).load_state_dict(found.state)


@pytest.mark.parametrize(
    ("name", "input_shape"), [("temporal", (98, 40, 1)), ("dscnn", (49, 40, 1)), ("resnet", (32, 32, 3))]
)
def test_networks_compute_the_same_in_bf16_as_in_float32(name, input_shape) -> None:
    """A network that is trained in bf16 is evaluated in float32 and deployed in integers: all have to be the same."""
    height, width, channels = input_shape
    space = spaces.make(name, "features", 12, height=height, width=width, channels=channels)
    rng = random.Random(0)
    x = torch.randn(2, *input_shape, generator=torch.Generator().manual_seed(0))
    for _ in range(6):
        values = {c.name: rng.choice(c.options) for c in space.choices}
        torch.manual_seed(0)
        net = Net(derive(space, values)).train()
        with torch.no_grad():
            want = net.tensors(x)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                got = net.tensors(x)
        for tensor, value in want.items():
            error = (got[tensor].float() - value).norm() / value.norm()
            assert error < 0.1, f"{tensor} of {values}"


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_costs_have_a_gradient_in_every_choice_that_they_depend_on(space, board) -> None:
    supernet = Supernet(space)
    sample = supernet.sample(1.0, torch.Generator().manual_seed(0))
    sum(relaxed_budget_costs(supernet.steps(sample), board, COSTS).values()).backward()
    for c in space.choices:
        gradient = supernet.alphas[c.name].grad
        assert gradient is None or gradient.isfinite().all()
        if c.kind in ("width", "keep") and len(c.options) > 1:
            assert gradient[-1] != 0, c.name
            if not c.name.startswith("project"):  # there, two widths that become equal save a padding
                assert gradient[-1] > 0, f"{c.name}: more should cost more"


@pytest.mark.parametrize(("name", "kind"), [("resnet", Pad), ("mobilenetv2", Pad), ("streaming", Slice)])
def test_padded_and_cut_sums_are_exported_as_they_were_simulated(name, kind) -> None:
    space, rng = SPACES[name], random.Random(2)
    archs = [derive(space, space.sample(rng)) for _ in range(30)]
    arch = max(archs, key=lambda a: sum(isinstance(layer, kind) for layer in a.layers))
    assert any(isinstance(layer, kind) for layer in arch.layers)
    net, x = prepared(arch)
    model = to_quantized(net)
    with torch.no_grad():
        assert_layers_agree(net, model, reference.tensors(model, quantize(x.numpy(), model.quant[INPUT])))
    assert tflite.read(tflite.write(model)).arch == model.arch
    if interpreter.available():
        some = random_input(model, 2, 0)
        assert np.array_equal(
            interpreter.run(tflite.write(model), some).reshape(2, -1), reference.run(model, some).reshape(2, -1)
        )
