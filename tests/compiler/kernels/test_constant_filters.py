"""Filters whose output is one code: they take no layer from the quick kernels, whatever their numbers are."""

from dataclasses import replace

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Layer
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_input, random_model

Y = {"name": "y", "inputs": (INPUT,)}
LAYERS: list[tuple[tuple[int, ...], Layer]] = [
    ((8, 8, 16), Conv2D(**Y, filters=16, kernel=(3, 3))),
    ((9, 7, 3), Conv2D(**Y, filters=10, kernel=(3, 3), stride=(2, 2), activation="relu")),
    ((8, 8, 32), Conv2D(**Y, filters=16, kernel=(1, 1), activation="relu")),
    ((8, 8, 16), Conv2D(**Y, filters=16, kernel=(3, 3), weight_bits=4)),
    ((10, 10, 16), DepthwiseConv2D(**Y, kernel=(3, 3), activation="relu")),
    ((12, 12, 3), DepthwiseConv2D(**Y, kernel=(3, 3))),
    ((256,), FullyConnected(**Y, units=64)),
]
# The scale of the filter in units of an output step, its bias, its weights.
NUMBERS = {
    "pruned, large bias": (2.0**-29, 2**29, 0),
    "pruned, any scale": (8.0, 1000, 0),
    "saturated": (64.0, -(2**22), 1),
}


def model_of(shape: tuple[int, ...], layer: Layer, numbers: tuple[float, int, int] | None) -> QuantizedModel:
    """Returns a layer whose third filter has these numbers; None for random ones, as the other filters have."""
    model = random_model(Arch(shape, (layer,)), 7)
    w, source, target = model.weights["y"], model.quant[INPUT], model.quant["y"]
    depthwise = isinstance(layer, DepthwiseConv2D)
    count = w.weights.shape[-1] if depthwise else len(w.weights)
    unit = float(np.float32(target.scale)) / float(np.float32(source.scale))
    scales, bias = np.full(count, unit / 2000, np.float32), np.arange(count, dtype=np.int32) * 100 - 500
    weights = w.weights.clip(-7, 7)
    if numbers is not None:
        scales[2], bias[2] = numbers[0] * unit, numbers[1]
        weights[(..., 2) if depthwise else 2] = numbers[2]
    return replace(model, weights={"y": LayerWeights(weights, scales, bias)})


def test_outputs_equal_the_reference() -> None:
    assert_equals_reference([model_of(*one, n) for one in LAYERS for n in NUMBERS.values()])


@pytest.mark.parametrize(("shape", "layer"), LAYERS, ids=lambda v: type(v).__name__ if isinstance(v, Layer) else None)
def test_the_layer_takes_the_cycles_of_one_without(shape: tuple[int, ...], layer: Layer) -> None:
    sim = pytest.importorskip("micronets.device.sim.machine")
    board = load_board("NUCLEO-F446RE")
    try:
        find_compiler(board)
    except DeviceError as e:
        pytest.skip(str(e))
    cycles = []
    for numbers in (None, *NUMBERS.values()):
        one = model_of(shape, layer, numbers)
        x = random_input(one, 2, 3)
        expected = reference.run(one, x)
        elf = build_firmware(firmware_files(compile_model(one)), board).elf
        found = sim.simulate(elf, x.reshape(len(x), -1).view(np.int8), 1, expected[0].nbytes, board)
        assert found.outputs.tobytes() == expected.tobytes()
        cycles.append(found.core_cycles)
    assert all(abs(found / cycles[0] - 1) < 0.01 for found in cycles), cycles


def test_a_filter_that_has_several_codes_is_left_alone() -> None:
    shape, layer = LAYERS[0]
    model = model_of(shape, layer, (8.0, 0, 1))  # a scale that is too large for the quick kernel
    model.weights["y"].weights[2, 0] = -1  # sums of either sign
    assert "micronets_conv_c4_odd(" in compile_model(model).files["model.c"]
    assert_equals_reference([model])
