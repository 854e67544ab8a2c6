"""Simulated quantisation: its arithmetic by hand, its gradients, and that the exported integers do what it says."""

import numpy as np
import pytest

from tests.support.needs import needs, needs_tflm

torch = needs("torch", "design")

from dataclasses import replace

from micronets import tflite
from micronets.design import fakequant, torch_ops
from micronets.design.export import to_quantized
from micronets.design.net import Net
from micronets.design.predict import predict
from micronets.device.tflm import interpreter
from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT
from micronets.ir.types import BITS
from micronets.quantized import reference
from micronets.quantized.arithmetic import dequantize, quantize
from micronets.quantized.model import TensorQuant


def tensor_codes(net, values) -> dict[str, np.ndarray]:
    """Fake-quantised tensors (of `Net.tensors`) as the integer codes that they stand for, maps as `[N, H, W, C]`."""
    quant = to_quantized(net).quant
    codes = {}
    for name, value in values.items():
        nhwc = value.permute(0, 2, 3, 1) if value.ndim == 4 else value
        exact = nhwc.detach().cpu().double().numpy() / quant[name].scale
        codes[name] = np.rint(exact).astype(np.int64) + quant[name].zero_point
    return codes


def mixed(weight_bits=8, act_bits=8) -> Arch:
    """Returns a network with every kind of layer that a trained one may have."""
    bits = {"act_bits": act_bits, "weight_bits": weight_bits}
    return Arch(
        (13, 6, 2),
        (
            layers.Pad(name="pad", inputs=(INPUT,), paddings=((1, 0), (0, 0), (0, 0))),
            layers.Conv2D(
                name="a", inputs=("pad",), filters=16, kernel=(3, 3), stride=(2, 1), activation="relu", **bits
            ),
            layers.DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3), activation="relu6", **bits),
            layers.Conv2D(name="c", inputs=("b",), filters=16, kernel=(1, 1), **bits),
            layers.Add(name="d", inputs=("c", "a"), activation="relu", act_bits=act_bits),
            layers.MaxPool2D(name="e", inputs=("d",), pool=(2, 2), stride=(1, 1), padding="same", act_bits=act_bits),
            layers.DepthwiseConv2D(name="f", inputs=("e",), kernel=(3, 1), dilation=(2, 1), multiplier=2, **bits),
            layers.Relu(name="g", inputs=("f",), act_bits=act_bits),
            layers.AveragePool2D(name="h", inputs=("g",), pool=(2, 2), stride=(2, 2), act_bits=act_bits),
            layers.Conv2D(
                name="i", inputs=("h",), filters=12, kernel=(1, 1), activation="relu", weight_bits=weight_bits
            ),
            layers.Mean(name="j", inputs=("i",), keep_dims=True),
            layers.Reshape(name="k", inputs=("j",), shape=(12,)),
            layers.FullyConnected(name="l", inputs=("k",), units=5),
        ),
    )


def prepared(arch, seed=0, n=64):
    """A network with lively batch norms, its ranges observed, and inputs."""
    torch.manual_seed(seed)
    net = Net(arch)
    x = torch.randn(n, *arch.input_shape)
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(m.weight, 0.5, 1.5)
            torch.nn.init.normal_(m.bias, 0, 0.3)
            m.momentum = None
    net.train()
    net(x)
    fakequant.attach(net, [x])
    return net.eval(), x


def test_rounding_by_hand():
    # [-1, 3] in 8 bits: scale 4/255, zero point -128 + 63.75 -> -64; 0 stays 0 exactly
    scale, zero = fakequant.scale_and_zero(-1.0, 3.0, 8)
    assert scale == pytest.approx(4 / 255)
    assert zero == -64
    assert fakequant.scale_and_zero(0.0, 15.0, 4) == (1.0, -8)
    x = torch.tensor([-5.0, -0.4, 0.0, 0.4, 0.6, 7.4, 14.9, 99.0])
    y = fakequant._Quantize.apply(x, torch.tensor([0.0, 15.0]), 0.0, 15.0, 4)
    assert y.tolist() == [0, 0, 0, 0, 1, 7, 15, 15]


def test_gradients_by_hand():
    x = torch.tensor([-3.0, -0.7, 0.3, 1.2, 6.0], requires_grad=True)
    bounds = torch.tensor([-1.0, 2.75], requires_grad=True)  # 4 bits: scale 0.25, zero point -4
    y = fakequant._Quantize.apply(x, bounds, -1.0, 2.75, 4)
    torch.testing.assert_close(y.detach(), torch.tensor([-1.0, -0.75, 0.25, 1.25, 2.75]))
    g = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    y.backward(g)
    torch.testing.assert_close(x.grad, torch.tensor([0.0, 2.0, 3.0, 4.0, 0.0]))
    # d scale = (hi - lo) / 15; the rounding error of a value in range is error / scale for each unit of scale
    rounding = (2 * -0.05 + 3 * -0.05 + 4 * 0.05) / (0.25 * 15)
    torch.testing.assert_close(bounds.grad, torch.tensor([1.0 - rounding, 5.0 + rounding]), rtol=1e-4, atol=1e-5)


def test_relu_is_the_lower_end_of_the_range():
    x = torch.tensor([-0.001, 0.0, 0.001, 0.5], requires_grad=True)
    y = fakequant._Quantize.apply(x, torch.tensor([0.0, 1.0]), 0.0, 1.0, 8)
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 1, 1]


def test_folded_batch_norm_is_batch_norm():
    net, x = prepared(mixed())
    net.quantizer = None
    cell, pixel = net.layers["c"], torch.randn(2, 16, 3, 3)
    weight, bias = fakequant.folded_batch_norm(cell)
    want = cell.bn(torch.nn.functional.conv2d(pixel, cell.weight))
    torch.testing.assert_close(torch.nn.functional.conv2d(pixel, weight, bias), want, rtol=1e-4, atol=1e-5)
    assert net(x).shape == (64, 5)


def test_ranges_hold_zero_and_keep_their_inputs_scale():
    net, _ = prepared(mixed())
    quant = to_quantized(net).quant
    assert quant["pad"] == quant[INPUT]
    assert quant["e"] == quant["d"]
    assert quant["h"] == quant["g"]
    assert quant["k"] == quant["j"]
    assert quant["j"] != quant["i"]
    assert all(quant[n].zero_point == -128 for n in ("a", "b", "d", "g", "i", "j"))
    assert all(-128 < quant[n].zero_point < 127 for n in (INPUT, "c", "f", "l"))
    assert quant["b"].scale <= 6 / 255 * 1.0001


def test_quantised_accuracy_is_near_the_float_one():
    net, x = prepared(mixed())
    simulated = predict(net, x.numpy())
    net.quantizer = None
    exact = predict(net, x.numpy())
    error = np.abs(simulated - exact).mean() / exact.std()
    assert error < 0.03
    four, x = prepared(mixed(weight_bits=4, act_bits=4))
    rough = predict(four, x.numpy())
    four.quantizer = None
    assert error * 3 < np.abs(rough - predict(four, x.numpy())).mean() / exact.std() < 0.6


@pytest.mark.parametrize(("weight_bits", "act_bits"), [(8, 8), (4, 8), (4, 4)])
@pytest.mark.parametrize("seed", [0, 1])
def test_integers_agree_with_the_simulation(weight_bits, act_bits, seed):
    """A layer may differ by one code, all layers on average by 1.5 of the coarsest code, and classes hardly ever."""
    arch = mixed(weight_bits, act_bits)
    net, x = prepared(arch, seed, n=200)
    model = to_quantized(net, {"name": "value"})
    assert model.metadata == {"name": "value"}
    got = reference.tensors(model, quantize(x.numpy(), model.quant[INPUT]))
    with torch.no_grad():
        want = tensor_codes(net, net.tensors(x))
        assert_layers_agree(net, model, got)
    for name in want:
        coarsest = 2 ** (BITS[arch.types()[name]] - act_bits)
        assert np.abs(want[name] - got[name].astype(int)).mean() < 1.5 * coarsest, name
    assert np.mean(want["l"].argmax(1) == got["l"].argmax(1)) >= (0.97 if act_bits == 8 else 0.9)


def assert_layers_agree(net, model, got):
    """Each layer, simulated on the very integers that the reference gave it, differs by one code at most."""
    net.quantizer.refresh()
    for step in net.steps:
        inputs = [real(model, got, n) for n in step.layer.inputs]
        y = net.quantizer.activation(step.layer.name, net.run(step.layer, inputs, net.quantizer)[0])
        alone = tensor_codes(net, {step.layer.name: y})[step.layer.name]
        assert np.abs(alone - got[step.layer.name].astype(int)).max() <= 1, step.layer.name


def real(model, codes, name):
    """An integer tensor as the float network holds it."""
    value = torch.from_numpy(dequantize(codes[name], model.quant[name]))
    return torch_ops.to_nchw(value) if value.ndim == 4 else value


@needs_tflm
@pytest.mark.parametrize("weight_bits", [8, 4])
def test_the_runtime_agrees_with_the_reference(weight_bits):
    net, x = prepared(mixed(weight_bits))
    model = to_quantized(net, softmax=True)
    codes = quantize(x.numpy(), model.quant[INPUT])
    np.testing.assert_array_equal(interpreter.run(tflite.write(model), codes), reference.run(model, codes))


def test_layout_and_size_of_the_exported_weights():
    net, _ = prepared(mixed())
    weights = to_quantized(net).weights
    assert weights["a"].weights.shape == (16, 3, 3, 2)
    assert weights["f"].weights.shape == (1, 3, 1, 32)
    assert weights["l"].weights.shape == (5, 12)
    assert weights["a"].scales.shape == (16,)
    assert weights["l"].scales.shape == (1,)
    for w in weights.values():
        assert w.weights.dtype == np.int8
        assert np.abs(w.weights.astype(int)).max() == 127
        assert w.bias.dtype == np.int32


def test_a_dead_channel_with_a_bias_fits_int32():
    net, _ = prepared(mixed())
    with torch.no_grad():
        net.layers["c"].weight[3] = 0
        net.layers["c"].bn.bias[3] = 50.0
    model = to_quantized(net)
    w = model.weights["c"]
    value = w.bias[3] * float(w.scales[3]) * model.quant["b"].scale
    folded = fakequant.folded_batch_norm(net.layers["c"])[1][3].item()
    assert value == pytest.approx(folded, rel=1e-3)


def test_softmax_is_appended_once():
    net, _ = prepared(mixed())
    model = to_quantized(net, softmax=True)
    assert isinstance(model.arch.layers[-1], layers.Softmax)
    assert model.quant[model.arch.output] == TensorQuant(1 / 256, -128)
    arch = mixed()
    whole = replace(arch, layers=(*arch.layers, layers.Softmax(name="s", inputs=("l",))))
    net, _ = prepared(whole)
    assert to_quantized(net, softmax=True).arch == whole == to_quantized(net).arch


def test_training_moves_ranges_and_weights():
    net, x = prepared(mixed(weight_bits=4, act_bits=4))
    loss = (net(x) - 1).square().mean()
    loss.backward()
    q = net.quantizer
    assert (q.log.grad[: list(q.index).index("j"), 1] != 0).all()
    relu = q.base[:, 0] == 0
    assert (q.log.grad[relu, 0] == 0).all()
    assert (q.log.grad[~relu, 0] != 0).any()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for n, p in net.named_parameters() if "log" not in n)


def test_bf16_gradients_are_near_those_of_float32():
    grads = []
    for precision in ("fp32", "bf16"):
        net, x = prepared(mixed())
        with torch_ops.autocast(torch.device("cpu"), precision):
            y = net(x)
        y.float().square().mean().backward()
        grads.append(torch.cat([p.grad.flatten() for n, p in net.named_parameters() if n.startswith("layers")]))
    assert torch.nn.functional.cosine_similarity(grads[0], grads[1], dim=0) > 0.97


def test_errors():
    with pytest.raises(SpecError, match="the network is in float"):
        to_quantized(Net(mixed()))
    stack = (layers.MaxPool2D(name="p", inputs=(INPUT,), pool=(2, 2), stride=(2, 2), act_bits=4),)
    with pytest.raises(SpecError, match="layer 'p': act_bits = 4, but MaxPool2D keeps its input's 8 bits"):
        fakequant.attach(Net(Arch((4, 4, 1), stack)))
