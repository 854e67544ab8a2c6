"""A finished network computes in torch what it computes elsewhere, whatever it is made of."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.needs import needs

torch = needs("torch", "design")

from micronets.design.frozen_net import FrozenNet, Parameters
from micronets.importers.dequantised import code_ranges, dequantised
from micronets.importers.float_tflite import read_float
from micronets.importers.interpreter import execute, layer_outputs
from micronets.importers.network import FloatNetwork, FloatWeights
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, TensorSpec
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, quantize
from micronets.quantized.random_weights import with_random_weights
from tests.importers.small_float import SHAPE, small_float_file


def frozen(network: FloatNetwork, ranges=None, order=None) -> FrozenNet:
    kernels = {name: w.kernel for name, w in network.weights.items()}
    biases = {name: w.bias for name, w in network.weights.items()}
    parameters = Parameters(kernels, biases, network.constants, ranges or {})
    return FrozenNet(network.arch, parameters, lambda step, x: layer_outputs(network, step, x), order).eval()


def logits(net: FrozenNet, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return net(torch.from_numpy(x)).numpy()


def tensor(network: FloatNetwork, x: np.ndarray, name: str) -> np.ndarray:
    seen: dict[str, np.ndarray] = {}
    execute(network, x, lambda key, values: seen.setdefault(key, values))
    return seen[name].reshape(len(x), -1)


def test_a_float_file_without_its_softmax() -> None:
    network = read_float(small_float_file())
    x = np.random.default_rng(1).normal(size=(3, *SHAPE)).astype(np.float32)
    net = frozen(network)
    assert net.output == network.arch.layers[-2].name
    assert np.allclose(logits(net, x), tensor(network, x, net.output), atol=1e-5)
    steeper = replace(network.arch.layers[-1], beta=2.0)
    sharp = replace(network, arch=replace(network.arch, layers=(*network.arch.layers[:-1], steeper)))
    assert np.allclose(logits(frozen(sharp), x), 2 * logits(net, x), rtol=1e-5)
    assert np.array_equal(logits(frozen(network, order=(3, 0, 1, 2)), x), logits(net, x)[:, [3, 0, 1, 2]])


def test_every_layer_that_torch_computes_and_one_that_it_does_not() -> None:
    stack = (
        layers.Conv2D(name="stem", inputs=(INPUT,), filters=6, kernel=(3, 3), stride=(2, 2), activation="relu6"),
        layers.Conv2D(name="grouped", inputs=("stem",), filters=6, kernel=(1, 3), groups=2),
        layers.DepthwiseConv2D(name="deep", inputs=("grouped",), kernel=(3, 3), stride=(2, 1), multiplier=2),
        layers.HardSwish(name="hard", inputs=("deep",)),
        layers.Pad(name="pad", inputs=("hard",), paddings=((1, 0), (0, 2), (0, 0))),
        layers.MaxPool2D(name="most", inputs=("pad",), pool=(2, 2), stride=(2, 1), padding="same"),
        layers.AveragePool2D(name="middle", inputs=("most",), pool=(3, 3), stride=(1, 1), padding="same"),
        layers.Logistic(name="gate", inputs=("middle",)),
        layers.Mul(name="gated", inputs=("middle", "gate")),
        layers.LeakyRelu(name="leaky", inputs=("gated",), alpha=0.2),
        layers.Sub(name="less", inputs=("leaky", "shift")),
        layers.Add(name="more", inputs=("less", "gate"), activation="relu"),
        layers.Concatenation(name="both", inputs=("more", "leaky"), axis=2),
        layers.Mean(name="mean", inputs=("both",), axes=(0, 1)),
        layers.Reshape(name="flat", inputs=("mean",), shape=(24,)),
        layers.FullyConnected(name="logits", inputs=("flat",), units=4),
        layers.Softmax(name="shares", inputs=("logits",)),
    )
    rng = np.random.default_rng(0)
    arch = Arch((9, 7, 2), stack, constants=(TensorSpec("shift", (12,), "int8"),))
    weights = {}
    for step in arch.steps():
        if step.weights is not None:
            shape = step.weights.shape
            outputs = shape[-1 if isinstance(step.layer, layers.DepthwiseConv2D) else 0]
            kernel = rng.normal(0, 0.5, shape).astype(np.float32)
            weights[step.layer.name] = FloatWeights(kernel, rng.normal(size=outputs).astype(np.float32))
    network = FloatNetwork(arch, weights, {"shift": rng.normal(size=12).astype(np.float32)})
    x = rng.normal(size=(5, 9, 7, 2)).astype(np.float32)
    asked: list[str] = []
    net = frozen(network)
    inner = net.compute
    net.compute = lambda step, inputs: (asked.append(step.layer.name), inner(step, inputs))[1]
    assert np.allclose(logits(net, x), tensor(network, x, "logits"), atol=1e-4)
    assert asked == ["leaky"]


@pytest.mark.parametrize("seed", range(3))
def test_the_real_numbers_of_an_integer_network(seed: int) -> None:
    stack = (
        layers.Conv2D(name="a", inputs=(INPUT,), filters=8, kernel=(3, 3), stride=(2, 2)),
        layers.DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3), activation="relu"),
        layers.Conv2D(name="c", inputs=("b",), filters=8, kernel=(1, 1)),
        layers.Add(name="d", inputs=("a", "c")),
        layers.Mean(name="e", inputs=("d",)),
        layers.FullyConnected(name="f", inputs=("e",), units=5),
    )
    model = with_random_weights(Arch((10, 8, 3), stack), seed)
    codes = np.random.default_rng(seed).integers(-128, 128, (6, 10, 8, 3), np.int8)
    net = frozen(dequantised(model), code_ranges(model))
    wanted = dequantize(reference.run(model, codes), model.quant["f"]).reshape(6, 5)
    found = logits(net, dequantize(codes, model.quant[INPUT]))
    assert np.abs(found - wanted).max() <= 3 * model.quant["f"].scale
    beyond = np.where(codes < 0, np.float32(-1e4), np.float32(1e4))
    saturated = dequantize(quantize(beyond, model.quant[INPUT]), model.quant[INPUT])
    assert np.allclose(logits(net, beyond), logits(net, saturated), rtol=1e-4)
