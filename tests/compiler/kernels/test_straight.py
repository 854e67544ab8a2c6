"""Requantisation by straight lines gives the codes of rounding twice, for every sum that the weights can give."""

import re
from dataclasses import replace

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import Compiled, compile_model
from micronets.compiler.kernels.requantise import RequantNumbers
from micronets.compiler.kernels.straight import FRACTION_BITS, straight_lines
from micronets.compiler.limits import STRAIGHT, STRAIGHT_COARSE_SHIFT, STRAIGHT_SHIFT
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Activation, Conv2D, DepthwiseConv2D
from micronets.quantized import reference
from micronets.quantized.arithmetic import IntArray, multiply_by_quantized_multiplier, quantize_multiplier
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs
from tests.support.random_models import random_input, random_model

F446 = load_board("NUCLEO-F446RE")


def _conv(filters: int, size: int, stride: tuple[int, int] = (1, 1)) -> Conv2D:
    return Conv2D(name="y", inputs=(INPUT,), filters=filters, kernel=(size, size), stride=stride, activation="relu")


def _depthwise(stride: int) -> DepthwiseConv2D:
    return DepthwiseConv2D(name="y", inputs=(INPUT,), kernel=(3, 3), stride=(stride, stride), activation="relu")


LAYERS: dict[str, tuple[tuple[int, int, int], Conv2D | DepthwiseConv2D]] = {
    "one pair": ((4, 5, 4), _conv(4, 1)),
    "pointwise, filters left": ((3, 5, 24), _conv(7, 1)),
    "all steps": ((3, 3, 28), _conv(8, 1)),
    "3 x 3": ((5, 7, 8), _conv(10, 3, (1, 2))),
    "stem": ((9, 8, 3), _conv(8, 3, (2, 2))),
    "4 bits, filters left": ((3, 5, 24), replace(_conv(7, 1), weight_bits=4)),
    "4 bits, 3 x 3": ((5, 7, 8), replace(_conv(10, 3, (1, 2)), weight_bits=4)),
    "depthwise": ((9, 8, 10), _depthwise(1)),
    "depthwise, odd": ((5, 25, 6), _depthwise(1)),
    "depthwise, stride 2": ((13, 18, 7), _depthwise(2)),
}


def numbers_of(rows: IntArray, bias: IntArray, scales: IntArray, zero_point: int = -128) -> RequantNumbers:
    """Returns the numbers of filters with given biases and scales."""
    multiplier, shift = quantize_multiplier(scales)
    largest = np.abs(rows).sum(axis=1) * 128 + np.abs(bias)
    target = TensorQuant(0.1, zero_point)
    return RequantNumbers(bias.astype(np.int32), multiplier, shift, (-128, 127), target, largest)


@pytest.mark.parametrize(("shift", "bits"), [(STRAIGHT_SHIFT, (4, 12)), (STRAIGHT_COARSE_SHIFT, (2, 9))])
def test_every_sum_gets_the_code_of_two_roundings(shift: int, bits: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    rows, exact = rng.integers(-60, 61, (32, 9)), 0
    for row in rows[:, None]:
        bias, scales = rng.integers(-20000, 20000, 1), 2.0 ** -rng.uniform(*bits, 1)
        numbers = numbers_of(row, bias, scales)
        words = straight_lines(numbers, row, shift)
        if words is None:
            continue
        exact += 1
        low, high = np.minimum(-128 * row, 127 * row).sum(), np.maximum(-128 * row, 127 * row).sum()
        sums = np.arange(low, high + 1)
        rounded = multiply_by_quantized_multiplier(sums + bias, numbers.multiplier, numbers.shift)
        total = (sums << FRACTION_BITS) + words[0, 0]
        assert np.abs(total).max() < 2**31
        straight = (total * words[0, 1] >> 32 >> shift).clip(-128, 127)
        assert np.array_equal(straight, rounded.clip(0, 255) - 128), (bias, scales)
    assert exact >= 30


@pytest.mark.parametrize("scale", [0.5, 0.126])
def test_a_large_scale_has_no_line(scale: float) -> None:
    row = np.array([[40, -30, 20]])
    assert straight_lines(numbers_of(row, np.array([0]), np.array([scale])), row, STRAIGHT_SHIFT) is None
    assert straight_lines(numbers_of(row, np.array([0]), np.array([scale / 8])), row, STRAIGHT_SHIFT) is not None


def network(name: str, seed: int, activation: Activation = "relu", zero_point: int = -128) -> QuantizedModel:
    """Returns one of `LAYERS` with scales at which its outputs take most codes, different for each filter."""
    shape, layer = LAYERS[name]
    model = random_model(Arch(shape, (replace(layer, activation=activation),)), 4 * seed + 1)
    rng, weights = np.random.default_rng(seed), model.weights["y"].weights
    axis = 3 if isinstance(layer, DepthwiseConv2D) else 0
    rows = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).astype(np.int64)
    scales = 60 / (np.sqrt((rows**2).sum(axis=1)) * 70) * rng.uniform(0.4, 1.4, len(rows))
    bias = rng.integers(-500, 500, len(rows)).astype(np.int32)
    quant = {INPUT: TensorQuant(1 / 32, int(rng.integers(-128, 128))), "y": TensorQuant(1 / 32, zero_point)}
    return replace(model, quant=quant, weights={"y": LayerWeights(weights, scales.astype(np.float32), bias)})


def compiled(models: list[QuantizedModel]) -> list[Compiled]:
    """Returns the C of networks, all of which have straight tables."""
    found = [compile_model(model, goal="speed") for model in models]
    for one in found:
        assert re.search(rf"\.per_channel = {STRAIGHT},", one.files["model.c"]), one.model.arch
    return found


def test_outputs_equal_the_reference() -> None:
    models = [network(name, seed) for name in LAYERS for seed in (1, 2)]
    assert_equals_reference(models, compiled=compiled(models))


@pytest.mark.parametrize("which", ["gcc", "zig"])
def test_simulated_outputs_equal_the_reference(which: str) -> None:
    """The loops in assembly, on the simulated processor."""
    needs("unicorn", "sim")
    needs("elftools", "sim")
    from micronets.device.cross_compiler import build_firmware, firmware_files
    from micronets.device.sim.machine import simulate

    models = [network(name, 2) for name in LAYERS]
    for model, each in zip(models, compiled(models), strict=True):
        x = random_input(model, 2, 3)
        want = reference.run(model, x)
        elf = build_firmware(firmware_files(each), F446, which).elf
        got = simulate(elf, x.reshape(len(x), -1), 1, want[0].size, F446)
        assert np.array_equal(got.outputs.ravel(), want.ravel()), model.arch


def test_other_outputs_have_packed_tables() -> None:
    for model in (network("3 x 3", 1, zero_point=-127), network("3 x 3", 1, activation="relu6")):
        assert f".per_channel = {STRAIGHT}," not in compile_model(model, goal="speed").files["model.c"]
