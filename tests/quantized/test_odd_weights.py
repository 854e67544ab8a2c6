"""Convolutions in groups, dense weights with a zero point, and filters of scale 0, from the file to the C."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.compiler.passes.pipeline import optimise
from micronets.errors import FileError, SpecError, UnsupportedError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read, write
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs, needs_tflm
from tests.support.random_models import random_input
from tests.support.tflm_parity import assert_equals_tflm, first_difference

X = (INPUT,)


def changed(model: QuantizedModel, name: str, change: Callable[[LayerWeights], LayerWeights]) -> QuantizedModel:
    """The model with other weights of one layer."""
    return replace(model, weights={**model.weights, name: change(model.weights[name])})


def grouped(groups: int, filters: int, kernel: tuple[int, int] = (3, 2), **more) -> QuantizedModel:
    """A network with a convolution in groups of 12 channels, between two others."""
    layers = (
        Conv2D(name="a", inputs=X, filters=12, kernel=(1, 1)),
        Conv2D(name="b", inputs=("a",), filters=filters, kernel=kernel, groups=groups, **more),
        Conv2D(name="c", inputs=("b",), filters=3, kernel=(1, 1)),
    )
    return with_random_weights(Arch((7, 6, 3), layers), groups)


def centred(zero_point: int, keep_dims: bool = False) -> QuantizedModel:
    """A network with dense weights that have a zero point."""
    layers = (
        FullyConnected(name="a", inputs=X, units=13, keep_dims=keep_dims, activation="relu"),
        FullyConnected(name="b", inputs=("a",), units=4),
    )
    model = with_random_weights(Arch((3, 21), layers), 5)
    return changed(model, "a", lambda w: replace(w, zero_point=zero_point))


def pruned(kind: str) -> QuantizedModel:
    """A network with a filter whose weights and scale are 0, as pruning leaves it."""
    layer: Conv2D | DepthwiseConv2D
    if kind == "conv":
        layer = Conv2D(name="a", inputs=X, filters=5, kernel=(3, 3))
    else:
        layer = DepthwiseConv2D(name="a", inputs=X, kernel=(3, 3))
    model = with_random_weights(Arch((6, 6, 5), (layer, Conv2D(name="b", inputs=("a",), filters=2, kernel=(1, 1)))), 2)

    def without_second(w: LayerWeights) -> LayerWeights:
        weights, scales = w.weights.copy(), w.scales.copy()
        np.moveaxis(weights, 0 if kind == "conv" else 3, 0)[1] = 0
        scales[1] = 0
        return replace(w, weights=weights, scales=scales)

    return changed(model, "a", without_second)


MODELS = {
    "two groups": grouped(2, 8),
    "three groups, strides": grouped(3, 9, stride=(2, 1), padding="valid"),
    "pixels, in groups": grouped(4, 4, (1, 1)),
    "dilated groups": grouped(6, 12, dilation=(1, 2), activation="relu6"),
    "a group for each channel": grouped(12, 12),
    "two filters for each channel": grouped(12, 24, activation="relu"),
    "one pixel in groups": with_random_weights(
        Arch((1, 1, 8), (Conv2D(name="a", inputs=X, filters=6, kernel=(1, 1), groups=2),)), 1
    ),
    "zero point": centred(-7),
    "zero point at the end": centred(-128),
    "zero point over vectors": centred(100, keep_dims=True),
    "pruned filter": pruned("conv"),
    "pruned channel": pruned("depthwise"),
}


def test_groups_by_hand() -> None:
    weights = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], np.int8).reshape(4, 1, 1, 2)
    layer = Conv2D(name="y", inputs=X, filters=4, kernel=(1, 1), groups=2)
    one = TensorQuant(1.0, 0)
    model = QuantizedModel(
        Arch((1, 1, 4), (layer,)), {INPUT: one, "y": one}, {"y": LayerWeights(weights, np.ones(4, np.float32), None)}
    )
    x = np.array([1, 2, 3, 4], np.int8).reshape(1, 1, 1, 4)
    assert reference.run(model, x).ravel().tolist() == [1 + 4, 3 + 8, 15 + 24, 21 + 32]
    (step,) = model.arch.steps()
    assert step.operator.macs(step.input_shapes, step.output_shapes) == 8


def test_a_zero_point_by_hand() -> None:
    weights = LayerWeights(np.array([[10, 12]], np.int8), np.ones(1, np.float32), None, zero_point=11)
    layer = FullyConnected(name="y", inputs=X, units=1)
    model = QuantizedModel(Arch((2,), (layer,)), {INPUT: TensorQuant(1.0, 1), "y": TensorQuant(1.0, 0)}, {"y": weights})
    assert reference.run(model, np.array([[4, 9]], np.int8)).ravel().tolist() == [-3 + 8]


@needs_tflm
@pytest.mark.parametrize("what", MODELS)
def test_every_tensor_equals_tflm_in_the_predicted_arena(what: str) -> None:
    assert_equals_tflm(MODELS[what])


@pytest.mark.parametrize("what", MODELS)
def test_a_file_reads_back(what: str) -> None:
    model = MODELS[what]
    again = read(write(model))
    assert again.arch == model.arch
    for name, w in model.weights.items():
        assert np.array_equal(again.weights[name].weights, w.weights)
        assert np.array_equal(again.weights[name].scales, w.scales)
        assert again.weights[name].zero_point == w.zero_point


def test_the_c_equals_the_reference() -> None:
    assert_equals_reference(list(MODELS.values()))


def test_a_group_for_each_channel_runs_as_a_depthwise_convolution() -> None:
    for what in ("a group for each channel", "two filters for each channel"):
        smaller = optimise(MODELS[what])
        layer = smaller.arch.layers[1]
        assert isinstance(layer, DepthwiseConv2D)
        assert layer.multiplier == (1 if what.startswith("a group") else 2)
        x = random_input(smaller, 3, 0)
        assert np.array_equal(reference.run(smaller, x), reference.run(MODELS[what], x))
    assert optimise(MODELS["two groups"]).arch.layers == MODELS["two groups"].arch.layers


def test_a_pruned_filter_goes() -> None:
    smaller = optimise(MODELS["pruned filter"])
    assert smaller.weights["a"].weights.shape[0] == 4


def test_weights_that_fit_8_bits_without_their_zero_point_take_the_fast_kernel() -> None:
    def few(w: LayerWeights) -> LayerWeights:
        return replace(w, weights=(w.weights // 4).astype(np.int8))

    text = compile_model(changed(centred(3), "a", few)).files
    assert not any(name.startswith("micronets_conv_any") for name in text)
    assert any(name.startswith("micronets_conv_any") for name in compile_model(centred(100)).files)


@needs_tflm
@pytest.mark.parametrize("name", ["grouped", "fc_weight_zp"])
def test_files_of_others(shared: Path, name: str) -> None:
    data = (shared / "cases" / f"{name}.tflite").read_bytes()
    model = read(data)
    assert not first_difference(data, model, random_input(model, 6, 1))


def test_what_cannot_be() -> None:
    with pytest.raises(SpecError, match=r"layer 'y': groups = 2; they must divide the 5 channels"):
        Arch((4, 4, 5), (Conv2D(name="y", inputs=X, filters=4, kernel=(1, 1), groups=2),))
    with pytest.raises(SpecError, match=r"layer 'y': groups = 2; they must divide the 3 filters"):
        Arch((4, 4, 4), (Conv2D(name="y", inputs=X, filters=3, kernel=(1, 1), groups=2),))
    with pytest.raises(SpecError, match=r"layer 'y': weight_bits = 4 in 2 groups; allowed: 8"):
        Arch((4, 4, 4), (Conv2D(name="y", inputs=X, filters=4, kernel=(1, 1), groups=2, weight_bits=4),))
    with pytest.raises(SpecError, match=r"layer 'b': its weights have the zero point 3; only one from -128 to 127"):
        write(changed(MODELS["two groups"], "b", lambda w: replace(w, zero_point=3)))
    with pytest.raises(SpecError, match=r"layer 'a': a weight scale is negative or no number"):
        write(changed(MODELS["zero point"], "a", lambda w: replace(w, scales=-w.scales)))


def test_files_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("micronets.tflite.writer.validate", lambda model: None)
    with pytest.raises(UnsupportedError, match=r"have a zero point, which TFLM takes of 8-bit weights of a FULLY_CONN"):
        read(write(changed(MODELS["two groups"], "b", lambda w: replace(w, zero_point=3))))
    with pytest.raises(FileError, match=r"damaged .tflite, the weights, tensor \d+ '', have the zero point 200"):
        read(write(changed(MODELS["zero point"], "a", lambda w: replace(w, zero_point=200))))
    wide = changed(MODELS["two groups"], "b", lambda w: replace(w, weights=w.weights[..., :5]))
    with pytest.raises(FileError, match=r"8 filters of 5 channels and an input of 12"):
        read(write(wide))


def test_the_torch_network_computes_groups() -> None:
    torch = needs("torch", "design")
    from micronets.design.net import Net

    layer = Conv2D(name="y", inputs=X, filters=4, kernel=(1, 1), groups=2)
    net = Net(Arch((1, 1, 4), (layer,))).eval()
    with torch.no_grad():
        net.cell(layer).weight.copy_(torch.arange(1.0, 9).reshape(4, 2, 1, 1))
        found = net(torch.tensor([1.0, 2, 3, 4]).reshape(1, 1, 1, 4)).ravel()
    assert found.tolist() == pytest.approx([5, 11, 39, 53], rel=1e-3)
