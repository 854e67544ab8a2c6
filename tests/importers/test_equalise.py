"""Channels of unequal sizes share the codes of a map; evened out, they have as many codes each."""

import numpy as np
import pytest

import micronets as mn
from micronets.errors import SpecError
from micronets.importers.calibrate import PtqSettings, post_training
from micronets.importers.equalise import with_even_channels
from micronets.importers.interpreter import execute
from micronets.importers.network import FloatNetwork, FloatWeights
from micronets.importers.outputs import spread

L = mn.layers
SIZES = 10.0 ** -np.arange(0, 2, 0.25)  # of the 8 channels of the first map
X = np.random.default_rng(0).normal(0, 1, (80, 8, 8, 2)).astype(np.float32)


def network() -> FloatNetwork:
    """Returns a network whose first map has channels of unequal sizes, which matter equally for its output."""
    rng = np.random.default_rng(1)
    layers = (
        L.Conv2D(name="conv", inputs=(mn.INPUT,), filters=8, kernel=(3, 3), activation="relu"),
        L.DepthwiseConv2D(name="dw", inputs=("conv",), kernel=(3, 3), activation="relu"),
        L.Conv2D(name="pw", inputs=("dw",), filters=6, kernel=(1, 1)),
        L.Mean(name="pool", inputs=("pw",)),
        L.FullyConnected(name="logits", inputs=("pool",), units=3),
    )
    first = rng.normal(0, 1, (8, 3, 3, 2)) * SIZES[:, None, None, None]
    weights = {
        "conv": FloatWeights(first.astype(np.float32), (0.1 * SIZES).astype(np.float32)),
        "dw": FloatWeights(rng.normal(0, 1, (1, 3, 3, 8)).astype(np.float32), np.zeros(8, np.float32)),
        "pw": FloatWeights((rng.normal(0, 1, (6, 1, 1, 8)) / SIZES).astype(np.float32), np.zeros(6, np.float32)),
        "logits": FloatWeights(rng.normal(0, 1, (3, 6)).astype(np.float32), np.zeros(3, np.float32)),
    }
    return FloatNetwork(mn.Arch((8, 8, 2), layers), weights)


def magnitudes(net: FloatNetwork) -> dict[str, np.ndarray]:
    """Returns the largest magnitude of every channel of the maps in front of other weights."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str, values: np.ndarray) -> np.ndarray:
        if name in ("conv", "dw"):
            found[name] = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
        return values

    execute(net, X, keep)
    return found


def test_channels_are_evened_out_and_nothing_else_changes() -> None:
    net = network()
    even = with_even_channels(net, magnitudes(net))
    np.testing.assert_allclose(execute(even, X)["logits"], execute(net, X)["logits"], rtol=1e-3, atol=1e-3)
    before, after = magnitudes(net), magnitudes(even)
    for name, most in (("conv", 4.0), ("dw", 4.0)):  # channels of less than 1/32 are raised by that much alone
        assert before[name].max() / before[name].min() > 25
        assert after[name].max() / after[name].min() < most


def test_the_output_of_a_network_with_unequal_channels_changes_less() -> None:
    found = {
        kind: post_training(network(), X, PtqSettings("minmax", kind, correct_bias=False)).report
        for kind in ("none", "activations")
    }
    none, even = found["none"], found["activations"]
    assert none is not None
    assert even is not None
    assert even.chosen.snr_db > none.chosen.snr_db + 3
    chosen = post_training(network(), X).report
    assert chosen is not None
    assert chosen.chosen.equalise != "none"
    assert f"{chosen.chosen.equalise} equalised" in chosen.text()


def test_inputs_are_taken_from_all_over() -> None:
    x = np.arange(100)
    np.testing.assert_array_equal(spread(x, 4), [0, 33, 66, 99])
    assert spread(x, 100) is x


def test_an_unknown_equalisation_is_named_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"equalise = 'activation'; did you mean 'activations'\?"):
        PtqSettings(equalise="activation")  # type: ignore[arg-type]
