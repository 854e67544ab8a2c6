"""The reference: by hand, against plain loops, and against float arithmetic. Against TFLM: test_tflm_parity.py."""

import tracemalloc

import numpy as np
import pytest

from micronets.errors import SpecError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized import reference
from micronets.quantized.arithmetic import activation_range, multiply_by_quantized_multiplier, quantize_multiplier
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from tests.support.random_models import random_arch, random_input, random_model

ONE = TensorQuant(1.0, 0)


def int8(values: object) -> np.ndarray:
    return np.array(values, np.int8)


def model_of(shape: tuple[int, ...], layer: Layer, quant: TensorQuant = ONE, **weights: LayerWeights) -> QuantizedModel:
    return QuantizedModel(Arch(shape, (layer,)), {INPUT: ONE, layer.name: quant}, weights)


def test_fully_connected_by_hand() -> None:
    w = LayerWeights(int8([[1, 2], [-3, 4]]), np.float32([0.5]), np.array([10, -1], np.int32))
    m = model_of((2,), layers.FullyConnected(name="f", inputs=(INPUT,), units=2), TensorQuant(1.0, 3), f=w)
    # (1*5 + 2*-7 + 10) / 2 = 0.5 -> 1; (-3*5 + 4*-7 - 1) / 2 = -22; and the zero point
    assert reference.run(m, int8([[5, -7]])).tolist() == [[4, -19]]


def test_convolution_by_hand_pads_with_the_zero_point() -> None:
    w = LayerWeights(np.ones((1, 3, 3, 1), np.int8), np.float32([1.0]), None)
    layer = layers.Conv2D(name="c", inputs=(INPUT,), filters=1, kernel=(3, 3))
    m = QuantizedModel(Arch((2, 2, 1), (layer,)), {INPUT: TensorQuant(1.0, -5), "c": ONE}, {"c": w})
    x = int8([[[[-4], [-3]], [[-2], [-1]]]])  # real 1 2 3 4, padding real 0
    assert reference.run(m, x).ravel().tolist() == [10, 10, 10, 10]


def test_pooling_and_mean_by_hand() -> None:
    x = int8([[[[1], [2]], [[3], [-5]]]])
    average = layers.AveragePool2D(name="p", inputs=(INPUT,), pool=(2, 2), stride=(1, 1), padding="same")
    # windows: all four 1/4 -> 0; right column -3/2 -> -2; bottom row -2/2; the last alone
    assert reference.run(model_of((2, 2, 1), average), x).ravel().tolist() == [0, -2, -1, -5]
    largest = layers.MaxPool2D(name="p", inputs=(INPUT,), pool=(2, 1), stride=(1, 1))
    assert reference.run(model_of((2, 2, 1), largest), x).ravel().tolist() == [3, 2]
    mean = layers.Mean(name="m", inputs=(INPUT,))
    assert reference.run(model_of((2, 2, 1), mean, TensorQuant(0.25, 1)), x).tolist() == [[2]]


def test_add_pad_relu_by_hand() -> None:
    x = int8([[100, -100, 3]])
    assert reference.run(model_of((3,), layers.Add(name="a", inputs=(INPUT, INPUT))), x).tolist() == [[127, -128, 6]]
    padded = model_of((3,), layers.Pad(name="p", inputs=(INPUT,), paddings=((1, 2),)), TensorQuant(1.0, 7))
    assert reference.run(padded, x).tolist() == [[7, 100, -100, 3, 7, 7]]
    assert reference.run(model_of((3,), layers.Relu(name="r", inputs=(INPUT,))), x).tolist() == [[100, 0, 3]]
    assert reference.run(model_of((3,), layers.Relu(name="r", inputs=(INPUT,), six=True)), x).tolist() == [[6, 0, 3]]


def test_values_are_repeated_by_hand() -> None:
    arch = Arch((2, 1), (layers.BroadcastTo(name="y", inputs=(INPUT,), shape=(2, 2, 3)),))
    model = QuantizedModel(arch, dict.fromkeys((INPUT, "y"), TensorQuant(0.5, 3)), {})
    made = reference.run(model, np.array([[[1], [-2]]], np.int8))
    assert made.tolist() == [[[[1, 1, 1], [-2, -2, -2]]] * 2]
    with pytest.raises(SpecError, match=r"layer 'y': BroadcastTo of \(2, 1\) to \(3, 3\); sizes must be equal, or 1"):
        Arch((2, 1), (layers.BroadcastTo(name="y", inputs=(INPUT,), shape=(3, 3)),))


def test_softmax_is_within_one_code_of_the_float_one() -> None:
    quant = {INPUT: TensorQuant(0.1, 12), "s": TensorQuant(1 / 256, -128)}
    m = QuantizedModel(Arch((7,), (layers.Softmax(name="s", inputs=(INPUT,)),)), quant, {})
    x = np.random.default_rng(0).integers(-128, 128, (200, 7)).astype(np.int8)
    e = np.exp(0.1 * x.astype(np.float64))
    want = np.minimum(e / e.sum(axis=1, keepdims=True) * 256, 255) - 128
    assert np.abs(reference.run(m, x) - want).max() <= 1.0


def plain_convolution(m: QuantizedModel, x: np.ndarray) -> np.ndarray:
    """Computes one Conv2D or DepthwiseConv2D of one sample, by loops over every index."""
    layer, w = m.arch.layers[0], m.weights[m.arch.output]
    assert isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D))
    qx, qy = m.quant[INPUT], m.quant[layer.name]
    out = np.zeros(m.arch.output_shape, np.int64)
    height, width, channels = m.arch.input_shape
    top, left = layer.window.before(m.arch.input_shape)
    lo, hi = activation_range(layer.activation, qy)
    for r, c, o in np.ndindex(*out.shape):
        acc = 0 if w.bias is None else int(w.bias[o])
        for i, j in np.ndindex(*layer.kernel):
            y, z = r * layer.stride[0] + i * layer.dilation[0] - top, c * layer.stride[1] + j * layer.dilation[1] - left
            if not (0 <= y < height and 0 <= z < width):
                continue
            if isinstance(layer, layers.DepthwiseConv2D):
                acc += (int(x[y, z, o // layer.multiplier]) - qx.zero_point) * int(w.weights[0, i, j, o])
            else:
                acc += sum((int(x[y, z, k]) - qx.zero_point) * int(w.weights[o, i, j, k]) for k in range(channels))
        scale = (
            np.float64(np.float32(qx.scale))
            * np.float64(w.scales[o % len(w.scales)])
            / np.float64(np.float32(qy.scale))
        )
        code = int(multiply_by_quantized_multiplier(np.array(acc), *quantize_multiplier(scale))) + qy.zero_point
        out[r, c, o] = min(max(code, lo), hi)
    return out.astype(np.int8)


CONVOLUTIONS = [
    {"kernel": (3, 3)},
    {"kernel": (3, 2), "stride": (2, 1), "padding": "valid", "activation": "relu"},
    {"kernel": (1, 1), "stride": (3, 2), "activation": "relu6"},
    {"kernel": (2, 3), "stride": (4, 4)},
    {"kernel": (3, 2), "dilation": (2, 3)},
    {"kernel": (5, 5), "stride": (2, 2)},
]


@pytest.mark.parametrize("options", CONVOLUTIONS)
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolutions_equal_plain_loops(options: dict, depthwise: bool) -> None:
    base = {"name": "c", "inputs": (INPUT,)} | options
    layer = layers.DepthwiseConv2D(multiplier=2, **base) if depthwise else layers.Conv2D(filters=4, **base)
    m = random_model(Arch((7, 6, 3), (layer,)), seed=len(str(options)))
    x = random_input(m, 3, seed=1)
    got = reference.run(m, x)
    for sample, want in zip(x, got, strict=True):
        assert np.array_equal(plain_convolution(m, sample), want)


def test_large_sums_stay_exact() -> None:
    """Sums beyond 2**24, where float32 would round, and a bias that makes the accumulator wrap at 32 bits."""
    w = LayerWeights(np.full((1, 4096), 127, np.int8), np.float32([2.0**-20]), np.array([2**31 - 1], np.int32))
    m = model_of((4096,), layers.FullyConnected(name="f", inputs=(INPUT,), units=1), f=w)
    x = np.full((1, 4096), 127, np.int8)
    x[0, 0] = 126
    acc = 127 * (127 * 4096 - 1) + 2**31 - 1 - 2**32
    assert reference.run(m, x).item() == max(-128, round(acc / 2**20))
    small = LayerWeights(w.weights, np.float32([2.0**-19]), np.array([-(127 * 127 * 4096) + 2**18], np.int32))
    assert (
        reference.run(model_of((4096,), layers.FullyConnected(name="f", inputs=(INPUT,), units=1), f=small), x).item()
        == 0
    )


@pytest.mark.parametrize("seed", range(20))
def test_tensors_and_run_agree_for_any_batch(seed: int) -> None:
    arch = random_arch(seed)
    m = random_model(arch, seed)
    x = random_input(m, 5, seed)
    values = reference.tensors(m, x)
    assert list(values) == list(arch.shapes())
    assert {k: v.shape[1:] for k, v in values.items()} == arch.shapes()
    assert np.array_equal(reference.run(m, x), values[arch.output])
    assert np.array_equal(np.concatenate([reference.run(m, s[None]) for s in x]), values[arch.output])
    assert reference.run(m, x[:0]).shape == (0, *arch.output_shape)


def test_wrong_input_is_refused() -> None:
    m = model_of((3,), layers.Relu(name="r", inputs=(INPUT,)))
    with pytest.raises(SpecError, match=r"the model takes int8 \[N, 3\], not float64 \[1, 3\]; quantise with"):
        reference.run(m, np.zeros((1, 3)))
    with pytest.raises(SpecError, match=r"not int8 \[1, 4\]"):
        reference.run(m, np.zeros((1, 4), np.int8))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Tanh(name="y", inputs=(INPUT,)),
        layers.LeakyRelu(name="y", inputs=(INPUT,), alpha=0.1),
        layers.Abs(name="y", inputs=(INPUT,)),
        layers.Add(name="y", inputs=(INPUT, INPUT)),
        layers.Softmax(name="y", inputs=(INPUT,)),
        layers.L2Normalization(name="y", inputs=(INPUT,)),
    ],
)
def test_large_layers_take_little_memory(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a TANH of 11 million values needed more than a gigabyte for arrays of int64."""
    model = with_random_weights(Arch((30, 700, 3), (layer,)), 0)
    x = random_input(model, 1, 0)
    whole = reference.run(model, x)
    monkeypatch.setattr(reference, "_CHUNK_VALUES", 2000)
    tracemalloc.start()
    try:
        assert np.array_equal(reference.run(model, x), whole)
        assert tracemalloc.get_traced_memory()[1] < 8 * x.size
    finally:
        tracemalloc.stop()
