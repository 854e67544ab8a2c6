"""Layers that nothing reads go; what the network returns and keeps stays."""

import numpy as np

from micronets.compiler.passes.unread import drop_unread
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, MaxPool2D, Relu
from micronets.quantized import reference
from micronets.quantized.random_weights import with_random_weights
from tests.support.random_models import random_arch, random_input, random_model
from tests.support.stateful import streaming


def test_a_branch_without_a_reader_goes() -> None:
    layers = (
        MaxPool2D(name="pool", inputs=(INPUT,), pool=(2, 2), stride=(2, 2)),
        Relu(name="side", inputs=("pool",)),
        Add(name="dead", inputs=("side", "side")),
        Relu(name="y", inputs=("pool",), six=True),
    )
    model = with_random_weights(Arch((4, 4, 2), layers))
    found = drop_unread(model)
    assert [layer.name for layer in found.arch.layers] == ["pool", "y"]
    assert found.quant.keys() == {INPUT, "pool", "y"}
    x = np.random.default_rng(0).integers(-128, 128, (3, 4, 4, 2)).astype(np.int8)
    assert np.array_equal(reference.run(found, x), reference.run(model, x))


def test_a_last_layer_that_is_no_output_goes() -> None:
    layers = (Relu(name="y", inputs=(INPUT,)), Relu(name="more", inputs=("y",)))
    model = with_random_weights(Arch((4,), layers, output_names=("y",)))
    found = drop_unread(model)
    assert [layer.name for layer in found.arch.layers] == ["y"]
    assert found.arch.outputs == ("y",)


def test_networks_without_such_layers_are_what_they_were() -> None:
    model = streaming(1)
    assert drop_unread(model) is model


def test_random_networks_keep_every_bit() -> None:
    for seed in range(30):
        model = random_model(random_arch(seed, several=True), seed)
        x = random_input(model, 2, seed)
        found, want = reference.outputs(drop_unread(model), x), reference.outputs(model, x)
        assert list(found) == list(want)
        assert all(np.array_equal(found[name], want[name]) for name in want)
