"""Modules of PyTorch become networks that compute the same, are quantised and are trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from torch import Tensor, nn
from torch.nn import functional as F

import micronets as mn
from micronets.errors import DataError, SpecError, UnsupportedError
from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork
from micronets.ir.layers import Add, Conv2D, DepthwiseConv2D, FullyConnected, Mean, Pad, Reshape, StridedSlice
from tests.support.torch_networks import MobileNetV2, Tcn


def awake(module: nn.Module, seed: int = 0) -> nn.Module:
    """Returns a module in evaluation mode whose weights and statistics of batch norms are all drawn at random."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            low, high = (0.5, 1.5) if name.endswith(("running_var", "original0")) else (-0.4, 0.5)
            value.copy_(torch.rand(value.shape, generator=generator) * (high - low) + low)
    return module.eval()


def here(network: FloatNetwork, x: Tensor) -> np.ndarray:
    """Returns what a network computes for inputs in the module's own order."""
    given = x.numpy()
    if network.channels_first:
        given = np.moveaxis(given, 1, -1)
    (found,) = execute(network, np.ascontiguousarray(given).reshape(len(x), *network.arch.input_shape)).values()
    return found


def check(module: nn.Module, *shape: int) -> FloatNetwork:
    """Compares a network with the module that it was made of, on random inputs, and returns it."""
    network = mn.from_torch(module, torch.zeros(1, *shape))
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        want = module(x)
    assert float(want.std()) > 0.01
    np.testing.assert_allclose(here(network, x).reshape(want.shape), want.numpy(), atol=2e-5, rtol=1e-4)
    return network


def kinds(network: FloatNetwork) -> list[type]:
    return [type(layer) for layer in network.arch.layers]


class Maps(nn.Module):
    """Operations on maps: windows, a gate for each channel, shuffled channels, and a map that is flattened."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
        self.grouped = nn.Conv2d(8, 8, (3, 1), groups=2, padding="same")
        self.dilated = nn.Conv2d(8, 16, 3, padding=2, dilation=2, groups=8)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 16, 1), nn.Hardsigmoid())
        self.acts = nn.Sequential(nn.Hardswish(), nn.LeakyReLU(0.2), nn.ELU(), nn.SiLU(), nn.PReLU(16), nn.Dropout(0.5))
        self.pools = nn.Sequential(
            nn.ReLU(), nn.MaxPool2d(2, 2, 0, ceil_mode=True), nn.AvgPool2d(3, 1, 1), nn.ZeroPad2d((1, 0, 0, 2))
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(480, 6), nn.BatchNorm1d(6), nn.Tanh())
        self.last = nn.Linear(6, 4)
        self.register_buffer("scale", torch.rand(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.dilated(self.grouped(self.stem(x)))
        y = self.acts(y * self.gate(y))
        a, b = y.chunk(2, 1)
        y = torch.cat([a - b, torch.clamp(b, -0.5, 0.75), 1 - a], 1)
        n, c, height, width = y.shape
        y = y.view(n, 3, c // 3, height, width).transpose(1, 2).reshape(n, c, height, width)
        y = self.pools(y[:, 2:22])[:, :, 1:]
        y = torch.cat([y[:, :4] * self.scale, y[:, 4:] / 2], 1)
        return F.softmax(self.last(self.head(y[..., :4] + y.amax((2, 3), keepdim=True))), -1)


class Sequences(nn.Module):
    """Operations on sequences: causal convolutions, weight norm, matrix products over vectors, parts put together."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.utils.parametrizations.weight_norm(nn.Conv1d(5, 8, 3, padding=4, dilation=2))
        self.norm = nn.BatchNorm1d(8)
        self.mix = nn.Linear(8, 6)
        self.matrix = nn.Parameter(torch.rand(6, 6))
        self.position = nn.Parameter(torch.rand(1, 12, 6))
        self.pool = nn.MaxPool1d(2)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.first(x))[:, :, :-4])
        y = self.pool(F.pad(y, (2, 2)))[:, :, : x.shape[-1] // 2]
        y = self.mix(y.permute(0, 2, 1)) @ self.matrix + self.position[:, : y.shape[-1]] * 2
        z = torch.stack([y.sum(1), y.mean(1), y.amin(1), -y[:, 3]], 1)
        return torch.sigmoid(torch.maximum(z, z * 0.5).flatten(1))


def test_operations_on_maps() -> None:
    found = kinds(check(awake(Maps()), 3, 20, 12))
    assert found.count(DepthwiseConv2D) == 1
    assert found.count(FullyConnected) == 2  # batch norm is folded into the first


def test_operations_on_sequences() -> None:
    network = check(awake(Sequences()), 5, 24)
    first = next(layer for layer in network.arch.layers if isinstance(layer, Conv2D))
    assert network.arch.shapes()[first.name] == (24, 1, 8)  # what a slice cuts off is not computed


class Plain(nn.Module):
    """A module whose input is no map: vectors that are looked at as a picture of one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, (4, 3))
        self.out = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.conv(x.unsqueeze(1)).relu().mean((2, 3)))


def test_a_picture_of_one_channel_and_a_module_for_one_example() -> None:
    assert check(awake(Plain()), 9, 7).arch.input_shape == (9, 7, 1)

    class One(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(x.view(1, 12))

    module = awake(One())
    network = mn.from_torch(module, torch.zeros(1, 3, 4))
    x = torch.randn(1, 3, 4)
    np.testing.assert_allclose(here(network, x), module(x).detach().numpy(), atol=1e-5)


@pytest.fixture(scope="module")
def mobilenet() -> tuple[nn.Module, FloatNetwork]:
    """A small MobileNetV2, and the network that is made of it."""
    module = awake(MobileNetV2(5, 0.35, (2, 1, 1, 2, 1, 1, 1, 1), blocks=(1, 2, 1, 1, 0, 0, 0), last=32))
    module.train()
    network = mn.from_torch(module, torch.zeros(4, 3, 16, 16))
    assert all(part.training for part in module.modules())
    return module.eval(), network


def test_mobilenet_is_quantised_after_training(mobilenet: tuple[nn.Module, FloatNetwork], tmp_path: Path) -> None:
    module, network = mobilenet
    found = kinds(network)
    assert set(found) == {Conv2D, DepthwiseConv2D, Add, Pad, Mean, FullyConnected}
    assert found.count(Add) == 2
    names = [layer.name for layer in network.arch.layers]
    assert names[:4] == ["input_pad", "features.0.2", "features.1.conv.0.2", "features.1.conv.2"]
    assert mn.inspect(network.arch, "NUCLEO-F446RE").macs == mn.inspect(network, "NUCLEO-F446RE").macs > 100_000
    x = torch.randn(40, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    model = mn.export(network, tmp_path / "model.tflite", x)
    with torch.no_grad():
        want = module(x[:16]).numpy()
    real = mn.invoke(tmp_path / "model.tflite", x[:16].permute(0, 2, 3, 1).numpy())
    assert model.arch.input_shape == (16, 16, 3)
    assert np.abs(real - want).mean() < 0.1 * want.std()


def words() -> Any:
    """Returns sequences `[T, 1, C]` of three classes, in units of their own."""
    rng = np.random.default_rng(0)
    y = np.arange(240) % 3
    x = 3 + 2 * np.sin(np.arange(20)[:, None] * (0.2 + 0.4 * y)[:, None, None]) + rng.normal(0, 0.3, (240, 20, 4))
    return mn.arrays(x[:, :, None, :], y, standardise=False)


def test_a_tcn_is_trained_on_with_quantisation_simulated() -> None:
    data = words()
    module = awake(Tcn(4, 3, (8, 8)), seed=3)
    network = mn.from_torch(module, torch.zeros(1, 4, 20))
    assert network.arch.input_shape == data.input_shape({}) == (20, 1, 4)
    assert StridedSlice not in kinds(network)
    assert Reshape not in kinds(network)
    settings = mn.TrainSettings(epochs=0, qat_epochs=1, batch=32, qat_lr=1e-5, precision="fp32", ema_decay=0)
    trained = mn.train(network, data, settings=settings)
    x = torch.from_numpy(data.inputs("test", {}))
    with torch.no_grad():
        want = module(x[:, :, 0].transpose(1, 2)).numpy()
        kept = trained.float_net()(x).numpy()
    np.testing.assert_allclose(kept, want, atol=1e-4)  # the float stage of no epochs keeps the module's weights
    right = float((want.argmax(1) == data.labels("test")).mean())
    assert trained.float_score == pytest.approx(
        float((module_outputs(module, data, "val").argmax(1) == data.labels("val")).mean())
    )
    model = mn.quantise(trained, data)
    assert np.abs(mn.invoke(model, x.numpy()) - want).mean() < 0.1 * want.std()
    taught = mn.train(
        network, data, settings=mn.TrainSettings(epochs=4, qat_epochs=2, batch=32, lr=0.02, precision="fp32")
    )
    score = mn.evaluate(mn.quantise(taught, data), data=data).value
    assert score > max(right, 0.8)


def module_outputs(module: nn.Module, data: Any, split: str) -> np.ndarray:
    with torch.no_grad():
        return module(torch.from_numpy(data.inputs(split, {}))[:, :, 0].transpose(1, 2)).numpy()


def test_the_adopted_network_computes_the_same_in_both_modes(mobilenet: tuple[nn.Module, FloatNetwork]) -> None:
    from micronets.design.adopt import adopted
    from micronets.design.net import Net, load_float

    module, network = mobilenet
    x = np.random.default_rng(0).normal(0, 1, (64, 16, 16, 3)).astype(np.float32)
    weights = {name: (w.kernel, w.bias) for name, w in network.weights.items()}
    net = Net(network.arch)
    load_float(net, adopted(network.arch, weights, [x[:32], x[32:]]))
    with torch.no_grad():
        want = module(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
        np.testing.assert_allclose(net.eval()(torch.from_numpy(x)).numpy(), want, atol=1e-4)
        np.testing.assert_allclose(net.train()(torch.from_numpy(x)).numpy(), want, atol=1e-2)


class Deep(nn.Module):
    """Parts that are not supported, at some depth."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.ModuleDict({"norm": nn.LayerNorm(6), "rnn": nn.GRU(6, 6, batch_first=True)})
        self.act = nn.GELU()
        self.out = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.out(self.encoder["rnn"](self.encoder["norm"](x))[0].mean(1)))


class Branches(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return x * self.calls


def module_of(function: Any) -> nn.Module:
    class Made(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return function(x)

    return Made()


ZEROS = torch.zeros(1, 4, 6)
REFUSED = {
    "parts": (
        Deep(),
        ZEROS,
        "from_torch: not supported: module 'encoder.norm' (LayerNorm) computes layer_norm, module 'encoder.rnn' (GRU) "
        "computes gru, module 'act' (GELU) computes gelu; in place of this norm take BatchNorm, which costs nothing in "
        "the finished network; in place of a recurrent layer take convolutions over time (a TCN), or import a .tflite "
        "with an LSTM; in place of GELU take ReLU, Hardswish or SiLU",
    ),
    "branches": (
        Branches(),
        ZEROS,
        "from_torch: torch.export cannot trace the module with an input [2, 4, 6]: Could not guard on data-dependent",
    ),
    "state": (
        Counting(),
        torch.zeros(1, 3),
        "from_torch: the module changes calls at every call; a module without a state between calls can be read",
    ),
    "place": (
        nn.Sequential(nn.ReLU(), nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular")),
        ZEROS,
        "from_torch: not supported: module '1' (Conv1d) computes copy and slice_scatter; docs/conversion.md has the",
    ),
    "another shape": (
        nn.Conv1d(5, 4, 3),
        ZEROS,
        "from_torch: torch.export cannot trace the module with an input [2, 4, 6]: ",
    ),
    "transposed": (
        nn.Sequential(nn.ConvTranspose1d(4, 4, 3)),
        ZEROS,
        "from_torch: module '0' (ConvTranspose1d), convolution: a transposed convolution; upsample in another way",
    ),
    "batch": (
        module_of(lambda x: x.mean(0, keepdim=True)),
        ZEROS,
        "from_torch: the module itself (Made), mean: works along the batch",
    ),
    "constant": (
        module_of(lambda x: (x * 2, torch.ones(3))),
        ZEROS,
        "from_torch: an output does not depend on the input; return computed tensors only",
    ),
    "integers": (nn.ReLU(), torch.zeros(1, 3).long(), "from_torch: the example is int64 [1, 3]; give floats [N, ...]"),
    "no batch": (nn.ReLU(), torch.zeros(3), "from_torch: the example is float32 [3]; give floats [N, ...]"),
    "a list": (nn.ReLU(), [1.0], "from_torch: the example is a list; give a tensor [N, ...] that the module takes"),
    "no module": ({"weight": 1}, ZEROS, "from_torch: a dict is no module; give a trained torch.nn.Module"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_told(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    module, example, message = REFUSED[case]
    with pytest.raises((SpecError, UnsupportedError)) as raised:
        mn.from_torch(module, example)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_what_does_not_fit_a_network_is_told() -> None:
    network = mn.from_torch(
        nn.Sequential(nn.Conv1d(4, 8, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(144, 3)), torch.zeros(1, 4, 20)
    )
    data = words()
    with pytest.raises(UnsupportedError) as raised:
        mn.train(network, data)
    assert str(raised.value) == (
        "layer '1': Logistic cannot be trained; leave it to the finished model, which is quantised after training: "
        "mn.quantise(network, data)"
    )
    assert mn.quantise(network, data).metadata["micronets.labels"] == '["0", "1", "2"]'
    with pytest.raises(DataError, match=r"need \[N, 20, 1, 4\] or \[N, 4, 20\]"):
        mn.quantise(network, np.zeros((9, 20, 7)))
    with pytest.raises(SpecError, match="epochs = 0 leaves random weights; give at least 1, or a network that has"):
        mn.train(
            network.arch.__class__(
                (20, 1, 4), (Mean(name="m", inputs=("input",)), FullyConnected(name="f", inputs=("m",), units=3))
            ),
            data,
            settings=mn.TrainSettings(epochs=0),
        )
