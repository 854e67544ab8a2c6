"""Search, training, quantisation-aware training and export put every tensor beside its neighbours, on any device."""

from dataclasses import replace

import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.boards.board import Budget
from micronets.cost.costs import TFLM_COSTS
from micronets.design import choose_space, dnas, sandwich, search_methods, train_loop
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.dnas import SearchSettings, search
from micronets.design.export import to_quantized
from micronets.design.net import Net
from micronets.design.search_job import SearchJob
from micronets.design.supernet import Supernet
from micronets.design.train import TrainingJob, TrainSettings, train_network
from micronets.ir import spaces
from tests.support.other_device import OTHER, OtherTensor, other_device
from tests.support.tiny_task import TinyTask, tiny_space


class TaskThere(TinyTask):
    """The tiny task, whose augmented examples are on the other device."""

    def augmented(self, indices, settings, generator):
        return super().augmented(indices, settings, generator).to(OTHER)


# torch says what is true of its own `meta` tensors: that loading values into them does nothing.
pytestmark = pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter:UserWarning")


@pytest.fixture
def there(monkeypatch):
    """Makes the other device the one that every search and training picks, within the test."""
    for module in (dnas, sandwich, train_loop):
        monkeypatch.setattr(module, "pick_device", lambda name="auto": OTHER)
    with other_device(monkeypatch) as device:
        yield device


def test_the_other_device_computes_and_refuses_strangers(there) -> None:
    a = torch.arange(3.0, device=there)
    assert isinstance(a, OtherTensor)
    assert a.device == there
    assert (a * 2 + torch.tensor(1.0)).tolist() == [1, 3, 5]
    assert float((a @ a).cpu()) == 5
    with pytest.raises(AssertionError, match=r"a CPU tensor .* meets one of another device"):
        a @ torch.ones(3)


def test_a_search_and_a_training_run_whole_on_another_device(there, tmp_path, board) -> None:
    data = TaskThere()
    settings = SearchSettings(epochs=2, batch=32, lr=0.02, precision="fp32")
    wanted = SearchJob(
        tiny_space(), data, Budget(macs=9000), board, settings, seed=1, directory=tmp_path, progress=lambda _: None
    )
    found = search(wanted)
    assert found.costs["macs"] <= 9000
    teacher = Net(found.arch)
    job = TrainingJob(
        found.arch,
        data,
        {"frame_stride": found.values["frame_stride"]},
        TrainSettings(epochs=2, qat_epochs=1, batch=32, lr=1e-2, mixup=0.2, precision="fp32"),
        seed=1,
        init=found.state,
        teacher=teacher,
    )
    result = train_network(job, tmp_path / "train")
    assert all(value.device.type == "cpu" for value in result.state.values())
    assert to_quantized(result.net).arch == found.arch


@pytest.mark.parametrize("method", ["supernet", "random"])
def test_other_methods_of_search_run_on_another_device(there, method, tmp_path, board) -> None:
    settings = SearchSettings(method=method, epochs=1, batch=64, precision="fp32", candidates=2, evaluations=4)
    options = {"seed": 1, "directory": tmp_path, "progress": lambda _: None}
    found = search_methods.search(SearchJob(tiny_space(), TaskThere(), Budget(macs=9000), board, settings, **options))
    assert found.costs["macs"] <= 9000


def test_the_supernet_of_a_sweep_and_a_choice_of_space_run_on_another_device(there, tmp_path, board) -> None:
    data, limits = TaskThere(), Budget(macs=9000)
    settings = SearchSettings(method="supernet", epochs=1, batch=64, precision="fp32", space_networks=1)
    fitter, options = BudgetFitter(tiny_space(), limits, board), {"seed": 1, "progress": lambda _: None}
    made = sandwich.train_supernet(
        fitter, fitter.feasible_shapes(), board, TFLM_COSTS, data, settings, directory=tmp_path, **options
    )
    assert len(made) == 1
    contenders = [choose_space.Contender(replace(tiny_space(), name=n), limits, TFLM_COSTS) for n in ("one", "other")]
    found = choose_space.choose_space(contenders, data, board, settings, directory=tmp_path, **options)
    assert len(found.trials) == 2


def test_a_trained_network_is_exported_where_it_is(there, tmp_path, board) -> None:
    from micronets.design import fakequant

    net = Net(spaces_arch()).to(there)
    fakequant.attach(net, [torch.rand(4, *net.arch.input_shape, device=there)])
    assert isinstance(net.quantizer.base, OtherTensor)
    assert to_quantized(net).arch == net.arch


def spaces_arch():
    """Returns the largest network of the tiny space."""
    from micronets.ir.space import derive

    return derive(tiny_space(), tiny_space().largest())


@pytest.mark.parametrize(
    "space",
    [
        spaces.make("dscnn", "kws", 12, max_width=40),
        spaces.make("temporal", "kws", 12, max_width=40),
        spaces.make("resnet", "images", 3, resolutions=(32, 25), max_width=8),
        spaces.make("mobilenetv2", "images", 3, resolutions=(32,), width_multiplier=0.35, tied=False),
    ],
    ids=lambda s: s.name,
)
def test_every_space_has_gradients_and_costs_on_another_device(there, space) -> None:
    supernet = Supernet(space).to(there)
    draws = torch.Generator()
    for sample in (supernet.sample(1.0, draws), supernet.one_hot(space.smallest())):
        x = torch.rand(2, *supernet.input_shape(sample.shapes), device=there)
        supernet(x, sample).square().sum().backward()
        supernet.steps(sample)
    assert supernet.net.cell(supernet.net.arch.layers[0]).weight.grad.device == there
