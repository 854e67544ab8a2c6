"""Optimisers and networks as trainings make them, without torch's compiler, whose import takes seconds."""

import sys

import pytest

from tests.support.forked import Forked
from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.design.net import Net
from micronets.design.optim import make_optimiser, uncompiled
from tests.support.toy_task import ARCH


def steps(kind: str, uncompiled_: bool, count: int = 3) -> list[torch.Tensor]:
    """Returns the weights after a few steps of an optimiser of ours or of torch's own."""
    torch.manual_seed(0)
    net = torch.nn.Linear(4, 3)
    own = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
    settings = {"momentum": 0.9, "nesterov": True} if kind == "sgd" else {"betas": (0.9, 0.99)}
    optimiser = (uncompiled(own) if uncompiled_ else own)(net.parameters(), lr=0.1, weight_decay=0.01, **settings)
    for _ in range(count):
        optimiser.zero_grad()
        net(torch.ones(2, 4)).square().sum().backward()
        optimiser.step()
        optimiser.load_state_dict(optimiser.state_dict())
    return [p.detach() for p in net.parameters()]


@pytest.mark.parametrize("kind", ["sgd", "adam", "adamw"])
def test_steps_are_those_of_torch(kind: str) -> None:
    for ours, theirs in zip(steps(kind, True), steps(kind, False), strict=True):
        assert torch.equal(ours, theirs)


def train_a_little() -> None:
    """Does what a search and a training do with optimisers, and says whether torch's compiler came with it."""
    with torch.device("meta"):
        Net(ARCH)
    net = Net(ARCH)
    for kind in ("sgd", "adamw"):
        optimiser = make_optimiser(net, kind, 0.1)
        optimiser.zero_grad()
        net(torch.zeros(2, *ARCH.input_shape)).sum().backward()
        optimiser.step()
        optimiser.load_state_dict(optimiser.state_dict())
    print("torch._dynamo" in sys.modules)


def test_no_compiler_is_imported() -> None:
    process = Forked(train_a_little)
    assert process.end(120) == ("False\n", "")
