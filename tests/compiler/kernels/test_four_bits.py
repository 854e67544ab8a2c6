"""Layers with weights of 4 bits: sums at the limits of the kernels, and weights that the order cannot hold."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Weighted
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_model

Y = {"name": "y", "inputs": (INPUT,), "weight_bits": 4}
MOST = 3840 // 7  # weights of 7 that a filter of the quick kernels may have
LAYERS: dict[str, tuple[tuple[int, ...], Weighted]] = {
    "pointwise, the most inputs": ((3, 1, MOST), Conv2D(**Y, filters=8, kernel=(1, 1))),
    "pointwise, one more": ((3, 1, MOST + 1), Conv2D(**Y, filters=8, kernel=(1, 1))),
    "pointwise, odd": ((3, 3, 7), Conv2D(**Y, filters=5, kernel=(1, 1), activation="relu")),
    "windows of fours": ((6, 5, 56), Conv2D(**Y, filters=6, kernel=(3, 3))),
    "windows, odd": ((7, 6, 3), Conv2D(**Y, filters=7, kernel=(3, 5), stride=(2, 1), activation="relu6")),
    "depthwise, odd": ((9, 7, 7), DepthwiseConv2D(**Y, kernel=(3, 3), activation="relu")),
    "depthwise, a line": ((20, 1, 8), DepthwiseConv2D(**Y, kernel=(5, 1))),
    "depthwise, twice as many": ((5, 6, 3), DepthwiseConv2D(**Y, kernel=(3, 3), multiplier=2)),
    "dense, the most inputs": ((MOST,), FullyConnected(**Y, units=6)),
    "dense, one more": ((MOST + 1,), FullyConnected(**Y, units=6)),
    "dense, by eights": ((64,), FullyConnected(**Y, units=16, activation="relu")),
    "dense, by eights, the most inputs": ((MOST // 8 * 8,), FullyConnected(**Y, units=8)),
}


def with_weights(shape: tuple[int, ...], layer: Weighted, weights: np.ndarray) -> QuantizedModel:
    """Returns a layer with given weights, and scales so small that large sums do not all become the same code."""
    model = random_model(Arch(shape, (layer,)), 7)
    sizes = model.arch.steps()[0].weights
    assert sizes is not None
    bias = np.random.default_rng(weights.size).integers(-2000, 2000, sizes.channels).astype(np.int32)
    numbers = LayerWeights(weights.astype(np.int8), np.full(sizes.scales, 2.0**-9, np.float32), bias)
    size = sizes.taps
    quant = {INPUT: TensorQuant(2.0**-6, -3), "y": TensorQuant(size * 2.0**-10, 5)}
    return replace(model, weights={"y": numbers}, quant=quant)


@cache
def models() -> list[QuantizedModel]:
    """Returns every layer with the largest weights, with mixed ones, random ones, and ones with -8."""
    found = []
    for shape, layer in LAYERS.values():
        w = random_model(Arch(shape, (layer,)), 7).weights["y"].weights
        signs = np.where(np.arange(w.size) % 3, 7, -7).reshape(w.shape)
        eights = np.random.default_rng(w.size).integers(-8, 8, w.shape)
        for weights in (np.full(w.shape, 7), np.full(w.shape, -7), signs, w, eights):
            found.append(with_weights(shape, layer, weights))
    return found


def extremes(model: QuantizedModel) -> np.ndarray:
    """Returns inputs of the least code, of the greatest, and of one or the other at random."""
    shape = (2, *model.arch.input_shape)
    rng = np.random.default_rng(1)
    parts = [np.full(shape, -128), np.full(shape, 127), rng.choice([-128, 127], shape), rng.integers(-128, 128, shape)]
    return np.concatenate(parts).astype(np.int8)


def test_outputs_equal_the_reference() -> None:
    several = models()
    assert_equals_reference(several, inputs=[extremes(model) for model in several])


def test_the_simulated_core_computes_the_same() -> None:
    sim = pytest.importorskip("micronets.device.sim.machine")
    board = load_board("NUCLEO-F446RE")
    try:
        find_compiler(board)
    except DeviceError as e:
        pytest.skip(str(e))
    for model in models()[::3]:
        x = extremes(model)[[0, 2, 4]]
        expected = reference.run(model, x)
        elf = build_firmware(firmware_files(compile_model(model)), board).elf
        found = sim.simulate(elf, x.reshape(len(x), -1), 1, expected[0].nbytes, board)
        assert found.outputs.tobytes() == expected.tobytes(), model.arch.layers[0]


@pytest.mark.parametrize(("name", "quick"), [(name, not name.endswith("more")) for name in LAYERS])
def test_larger_sums_take_kernels_for_eight_bits(name: str, quick: bool) -> None:
    shape, layer = LAYERS[name]
    w = random_model(Arch(shape, (layer,)), 7).weights["y"].weights
    for weights, packed in ((np.full(w.shape, 7), quick), (w.clip(-7, 7), True)):
        files = compile_model(with_weights(shape, layer, weights)).files
        assert any("s4" in file for file in files) == packed
