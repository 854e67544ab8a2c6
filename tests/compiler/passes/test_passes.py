"""Passes keep every output bit and remove what they say."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.compiler import compile_model, optimise
from micronets.compiler.passes.dead_channels import drop_dead_channels
from micronets.compiler.passes.depthwise_as_conv import depthwise_as_conv
from micronets.compiler.passes.fold_pads import fold_pads
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.tflite import read
from tests.support.random_models import random_arch, random_input, random_model


def silenced(model: QuantizedModel, seed: int) -> QuantizedModel:
    """Returns the model with about half of the filters of each convolution all zero."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, w in model.weights.items():
        values = w.weights.copy()
        if values.ndim == 4:
            depthwise = any(a.name == name and isinstance(a, layers.DepthwiseConv2D) for a in model.arch.layers)
            if depthwise:
                values[..., rng.random(values.shape[3]) < 0.5] = 0
            else:
                values[rng.random(len(values)) < 0.5] = 0
        weights[name] = replace(w, weights=values)
    return replace(model, weights=weights)


def assert_same(model: QuantizedModel, smaller: QuantizedModel, seed: int) -> None:
    x = random_input(model, 6, seed)
    assert np.array_equal(reference.run(model, x), reference.run(smaller, x)), model.arch.layers


def chain(padding: str, pooled: Layer) -> Arch:
    base = {"padding": padding, "kernel": (3, 3)}
    stack = (
        layers.Conv2D(name="a", inputs=(INPUT,), filters=8, activation="relu", **base),
        layers.DepthwiseConv2D(name="b", inputs=("a",), activation="relu6", **base),
        layers.Relu(name="c", inputs=("b",)),
        layers.Conv2D(name="d", inputs=("c",), filters=8, kernel=(1, 1)),
        layers.Conv2D(name="e", inputs=("d",), filters=8, **base),
        pooled,
        layers.Reshape(name="g", inputs=("f",), shape=(8,)),
        layers.FullyConnected(name="h", inputs=("g",), units=3),
    )
    return Arch((9, 9, 2), stack)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_silent_filters_and_what_they_fed_go(padding: str) -> None:
    size = 9 if padding == "same" else 3
    dropped = 0
    for seed in range(20):
        pooled = (
            layers.Mean(name="f", inputs=("e",), keep_dims=True),
            layers.AveragePool2D(name="f", inputs=("e",), pool=(size, size), stride=(size, size)),
            layers.MaxPool2D(name="f", inputs=("e",), pool=(size, size), stride=(size, size)),
        )[seed % 3]
        model = silenced(random_model(chain(padding, pooled), seed), seed)
        smaller = drop_dead_channels(model)
        assert_same(model, smaller, seed)
        before, after = (
            sum(a.filters for a in m.arch.layers if isinstance(a, layers.Conv2D)) for m in (model, smaller)
        )
        assert smaller.arch.shapes()["a"] == smaller.arch.shapes()["c"] or padding == "valid"
        dropped += before - after
    assert dropped > 100


def test_random_networks_keep_every_bit() -> None:
    for seed in range(150):
        model = silenced(random_model(random_arch(seed), seed), seed)
        assert_same(model, drop_dead_channels(model), seed)


def test_a_constant_beside_padding_stays() -> None:
    """Of a constant that is not the zero point, a border pixel sees less than one inside."""
    stack = (
        layers.Conv2D(name="a", inputs=(INPUT,), filters=2, kernel=(1, 1)),
        layers.Conv2D(name="b", inputs=("a",), filters=1, kernel=(3, 3)),
    )
    model = random_model(Arch((5, 5, 1), stack), 2)
    w = model.weights["a"]
    values = w.weights.copy()
    values[1] = 0
    weights = dict(model.weights) | {"a": replace(w, weights=values, bias=np.full(2, 9999, np.int32))}
    model = replace(model, weights=weights, quant=dict(model.quant) | {"a": TensorQuant(0.1, 3)})
    assert reference.tensors(model, np.zeros((1, 5, 5, 1), np.int8))["a"][0, 0, 0, 1] != model.quant["a"].zero_point
    assert drop_dead_channels(model).arch == model.arch


def test_what_else_is_read_stays() -> None:
    stack = (
        layers.Conv2D(name="a", inputs=(INPUT,), filters=4, kernel=(1, 1)),
        layers.Conv2D(name="b", inputs=("a",), filters=4, kernel=(1, 1)),
        layers.Add(name="c", inputs=("a", "b")),
    )
    model = silenced(random_model(Arch((5, 5, 1), stack), 1), 1)
    assert drop_dead_channels(model).arch == model.arch


def test_a_released_model_has_dead_filters(shared: Path) -> None:
    model = read((shared / "models/mlperf_tiny/vww_96_int8.tflite").read_bytes())
    compiled = compile_model(model)
    assert_same(model, compiled.model, 1)
    assert compiled.constant_bytes < 0.75 * sum(w.weights.size for w in model.weights.values())


@pytest.mark.parametrize(
    ("size", "paddings", "stride", "folds"),
    [
        (8, ((0, 1), (0, 1), (0, 0)), (2, 2), True),  # MobileNet's: TensorFlow would pad the same
        (9, ((1, 1), (1, 1), (0, 0)), (2, 2), True),
        (9, ((1, 1), (1, 1), (0, 0)), (1, 1), True),
        (8, ((1, 1), (1, 1), (0, 0)), (2, 2), False),  # as PyTorch pads: windows lie elsewhere
        (8, ((2, 2), (2, 2), (0, 0)), (1, 1), False),
        (8, ((0, 1), (0, 1), (0, 1)), (2, 2), False),
    ],
)
@pytest.mark.parametrize("depthwise", [False, True])
def test_pads_become_the_padding_of_a_convolution_where_that_is_the_same(
    size: int, paddings: tuple[tuple[int, int], ...], stride: tuple[int, int], folds: bool, depthwise: bool
) -> None:
    base = {"name": "b", "inputs": ("a",), "kernel": (3, 3), "stride": stride, "padding": "valid"}
    layer: Layer = layers.DepthwiseConv2D(**base) if depthwise else layers.Conv2D(filters=3, **base)
    model = random_model(Arch((size, size, 2), (layers.Pad(name="a", inputs=(INPUT,), paddings=paddings), layer)), 4)
    model = replace(model, quant=dict(model.quant) | {"a": model.quant[INPUT]})
    smaller = fold_pads(model)
    assert len(smaller.arch.layers) == (1 if folds else 2)
    assert_same(model, smaller, 4)


def test_a_pad_that_others_read_or_that_changes_the_scale_stays() -> None:
    pad = layers.Pad(name="a", inputs=(INPUT,), paddings=((1, 1), (1, 1), (0, 0)))
    conv = layers.Conv2D(name="b", inputs=("a",), filters=2, kernel=(3, 3), padding="valid")
    pools = layers.MaxPool2D(name="c", inputs=("a",), pool=(3, 3), stride=(1, 1))
    model = random_model(Arch((5, 5, 2), (pad, conv, pools, layers.Add(name="d", inputs=("b", "c")))), 1)
    same = replace(model, quant=dict(model.quant) | {"a": model.quant[INPUT]})
    assert fold_pads(same) is same
    scaled = random_model(Arch((5, 5, 2), (pad, conv)), 1)
    other = TensorQuant(0.5, model.quant[INPUT].zero_point)
    scaled = replace(scaled, quant=dict(scaled.quant) | {"a": other})
    assert fold_pads(scaled) is scaled


def test_random_networks_keep_every_bit_without_their_pads() -> None:
    for seed in range(200):
        model = random_model(random_arch(seed), seed)
        assert_same(model, fold_pads(model), seed)


def test_a_convolution_whose_only_value_loses_all_its_dimensions_compiles() -> None:
    stack = (
        layers.Conv2D(name="c", inputs=(INPUT,), filters=1, kernel=(1, 1)),
        layers.Reshape(name="r", inputs=("c",), shape=()),
    )
    model = with_random_weights(Arch((1, 1, 2), stack))
    assert compile_model(model).model.arch.layers


@pytest.mark.parametrize("multiplier", [4, 5, 8])
def test_a_depthwise_convolution_of_one_channel_becomes_a_convolution(multiplier: int) -> None:
    """It is what the first layer of TFLM's micro_speech is; the arena is then smaller than TFLM's."""
    window = {"kernel": (5, 3), "stride": (2, 1), "multiplier": multiplier, "activation": "relu"}
    arch = Arch((11, 9, 1), (layers.DepthwiseConv2D(name="a", inputs=(INPUT,), **window),))
    model = random_model(arch, multiplier)
    (layer,) = optimise(model).arch.layers
    assert isinstance(layer, layers.Conv2D)
    assert_same(model, depthwise_as_conv(model), multiplier)
    assert compile_model(model).arena_bytes < 99 + 54 * multiplier + 200
    few = random_model(
        Arch((11, 9, 1), (layers.DepthwiseConv2D(name="a", inputs=(INPUT,), kernel=(5, 3), multiplier=3),)), 1
    )
    assert depthwise_as_conv(few) is few
