"""Layers beyond the quick kernels' ranges: large sums, large biases, scales above one half, weights of -128."""

from dataclasses import replace

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Concatenation, Conv2D, FullyConnected, Layer, Split
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_input, random_model

Y = {"name": "y", "inputs": (INPUT,)}
LARGE: list[tuple[tuple[int, ...], Layer]] = [
    ((4000,), FullyConnected(**Y, units=5)),
    ((1, 1, 1021), Conv2D(**Y, filters=6, kernel=(1, 1))),
    ((4, 3, 130), Conv2D(**Y, filters=7, kernel=(3, 3), activation="relu")),
    ((5, 4, 64), Conv2D(**Y, filters=4, kernel=(3, 3), stride=(2, 2), padding="valid")),
    ((6, 5, 67), Conv2D(**Y, filters=3, kernel=(3, 3), dilation=(2, 2))),
    ((3, 3, 992), Conv2D(**Y, filters=7, kernel=(1, 1))),
]


def model_of(shape: tuple[int, ...], layer: Layer, seed: int, extreme: bool) -> QuantizedModel:
    """Returns random weights, or only the largest and the least but -128: then a sum goes from one end to the other."""
    model = random_model(Arch(shape, (layer,)), seed)
    w, rng = model.weights["y"], np.random.default_rng(seed)
    values = rng.choice(np.array([-127, 127], np.int8), w.weights.shape) if extreme else w.weights.clip(-127, 127)
    values[..., -1] = 127
    values[:2] = 127  # with inputs all at one end: the largest sum there is
    bias = rng.integers(-(2**27), 2**27, values.shape[0]).astype(np.int32)
    # The sums of one filter have both signs: no pass makes it a constant.
    bias[1] = 127 * values[1].size * model.quant[INPUT].zero_point
    quant = model.quant | {"y": replace(model.quant["y"], zero_point=0)}
    return replace(model, quant=quant, weights={"y": replace(w, weights=values, bias=bias)})


def models() -> list[QuantizedModel]:
    return [model_of(shape, layer, seed, seed % 2 == 0) for seed in (0, 1) for shape, layer in LARGE]


def test_outputs_equal_the_reference() -> None:
    found = models()
    compiled = [compile_model(m) for m in found]
    assert all("micronets_conv_wide(" in one.files["model.c"] for one in compiled)
    assert_equals_reference(found, compiled=compiled)


def test_a_dense_layer_writes_nothing_but_its_output() -> None:
    """A dense layer has no scratch memory, and what lies at the start of the arena is still needed after it."""
    halves = Split(name="first", inputs=(INPUT,), axis=0, others=("second",))
    large = FullyConnected(name="large", inputs=("second",), units=4)
    layers = halves, large, FullyConnected(name="small", inputs=("first",), units=4)
    arch = Arch((1200,), (*layers, Concatenation(name="y", inputs=("large", "small"), axis=0)))
    model = random_model(arch, 0)
    w = model.weights["large"]
    values = np.random.default_rng(0).choice(np.array([-127, 127], np.int8), w.weights.shape)
    model = replace(model, weights={**model.weights, "large": replace(w, weights=values, zero_point=0)})
    compiled = compile_model(model)
    assert "micronets_conv_wide(" in compiled.files["model.c"]
    assert compiled.plan.offsets["first"] == 0
    assert_equals_reference([model], compiled=[compiled])


def test_a_weight_of_minus_128_stays_quick_beside_a_positive_one() -> None:
    arch = Arch((2, 2, 4), (Conv2D(**Y, filters=2, kernel=(1, 1)),))
    model = replace(random_model(arch, 1), quant=dict.fromkeys((INPUT, "y"), TensorQuant(0.1, 0)))
    w = model.weights["y"]
    for first, kernel in ((5, "micronets_conv_1x1("), (-5, "micronets_conv_1x1_odd(")):
        values = np.full_like(w.weights, -128)
        values[0] = first
        changed = replace(
            model, weights={"y": replace(w, weights=values, bias=None, scales=w.scales * 0 + np.float32(1e-4))}
        )
        compiled = compile_model(changed)
        assert kernel in compiled.files["model.c"]
        assert_equals_reference([changed], compiled=[compiled])


@pytest.mark.parametrize("index", range(2 * len(LARGE)))
def test_on_the_simulated_processor(index: int) -> None:
    sim = pytest.importorskip("micronets.device.sim.machine")
    board = load_board("NUCLEO-F446RE")
    try:
        find_compiler(board)
    except DeviceError as e:
        pytest.skip(str(e))
    model = models()[index]
    x = random_input(model, 3, index)
    expected = reference.run(model, x)
    elf = build_firmware(firmware_files(compile_model(model)), board).elf
    found = sim.simulate(elf, x.reshape(len(x), -1).view(np.int8), 1, expected[0].nbytes, board)
    assert found.outputs.tobytes() == expected.tobytes()
    macs = model.weights["y"].weights.size * int(np.prod(expected.shape[1:])) // model.weights["y"].weights.shape[0]
    assert found.core_cycles < 3.5 * macs + 20_000  # 1.6 with many filters
