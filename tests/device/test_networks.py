"""Random networks on the simulated processor equal the reference: the assembly of the kernels on odd shapes."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.needs import needs

needs("unicorn", "sim")
needs("capstone", "sim")
needs("elftools", "sim")

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.device.sim.machine import simulate
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Layer
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from tests.support.random_models import random_arch, random_input, random_model

F446 = load_board("NUCLEO-F446RE")

try:
    find_compiler(F446)
except DeviceError as e:
    pytest.skip(str(e), allow_module_level=True)


def assert_equal(model: QuantizedModel, which: str | None = None) -> None:
    compiled = compile_model(model)
    x = random_input(model, 4, 1)
    expected = reference.run(model, x)
    elf = build_firmware(firmware_files(compiled), F446, which).elf
    raw = x.reshape(len(x), -1).view(np.int8)
    found = simulate(elf, raw, len(compiled.model.arch.layers), expected[0].nbytes, F446)
    assert found.outputs.tobytes() == expected.tobytes(), model.arch.layers


def chain(shape: tuple[int, ...], *sizes: tuple[int, int, int]) -> Arch:
    """Returns convolutions one after another, each given as (filters, kernel, stride)."""
    layers: list[Layer] = []
    for i, (filters, kernel, stride) in enumerate(sizes):
        inputs = (layers[-1].name if layers else INPUT,)
        size = {"kernel": (kernel, kernel), "stride": (stride, stride), "activation": ("none", "relu", "relu6")[i % 3]}
        layers.append(Conv2D(name=f"c{i}", inputs=inputs, filters=filters, **size, weight_bits=(8, 8, 8, 4)[i % 4]))
    return Arch(shape, tuple(layers))


@pytest.mark.parametrize("seed", [2, 3, 6, 13])
def test_random_networks(seed: int) -> None:
    assert_equal(random_model(random_arch(seed), seed))


@pytest.mark.parametrize("seed", [1, 4])
def test_windows_of_every_length(seed: int) -> None:
    """Filters and channels of every remainder, one pixel, pairs of values from 1 to beyond a round of the loop."""
    few = chain(
        (5, 3, 1),
        (1, 3, 1),
        (2, 1, 1),
        (3, 1, 1),
        (5, 2, 1),
        (6, 1, 1),
        (7, 3, 2),
        (8, 1, 1),
        (9, 1, 1),
        (4, 3, 3),
        (13, 1, 1),
    )
    many = chain(
        (6, 5, 3),
        (17, 3, 1),
        (18, 1, 1),
        (19, 1, 1),
        (20, 1, 1),
        (36, 1, 2),
        (35, 1, 1),
        (34, 3, 2),
        (33, 1, 1),
        (12, 1, 1),
    )
    for arch in (few, many):
        assert_equal(random_model(arch, seed))


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 7, 4, 8, 12, 20])
def test_windows_over_the_edge(channels: int) -> None:
    """Lines of windows in a strip, single ones where a line is long, and taps apart; rows of every remainder of 4."""
    plain = [((9, 7), (3, 3), (1, 1)), ((5, 60), (4, 3), (2, 2)), ((12, 10), (10, 4), (1, 1)), ((7, 8), (2, 2), (3, 4))]
    sizes = [(*s, (1, 1)) for s in (*plain, ((3, 1), (3, 1), (1, 1)))] + [((6, 9), (2, 5), (1, 1), (2, 3))]
    chosen = [(channels + k) % len(sizes) for k in (0, 1, 3)]  # each size meets channels of every remainder
    for seed, (size, kernel, stride, dilation) in ((k, sizes[k]) for k in chosen):
        layer = Conv2D(name="c", inputs=(INPUT,), filters=5, kernel=kernel, stride=stride, dilation=dilation)
        assert_equal(random_model(Arch((*size, channels), (layer,)), seed))


@pytest.mark.parametrize("inputs", [1, 6, 19, 64])
def test_matrices(inputs: int) -> None:
    layers = [
        FullyConnected(name="a", inputs=(INPUT,), units=inputs + 1),
        FullyConnected(name="b", inputs=("a",), units=6, weight_bits=4),
    ]
    assert_equal(random_model(Arch((inputs,), tuple(layers)), inputs))


@pytest.mark.parametrize("inputs", [8, 40, 64, 104])
def test_matrices_by_eights(inputs: int) -> None:
    sizes = [(24, "relu"), (8, "relu6"), (inputs, "none"), (16, "relu")]
    names = [INPUT, *(f"m{i}" for i in range(len(sizes)))]
    layers = [
        FullyConnected(name=names[i + 1], inputs=(names[i],), units=units, activation=activation)
        for i, (units, activation) in enumerate(sizes)
    ]
    model = random_model(Arch((inputs,), tuple(layers)), inputs)
    assert "micronets_fully_connected_by8.c" in compile_model(model).files
    assert_equal(model)
    first = model.weights["m0"]
    one = replace(first, scales=first.scales[:1])  # for all filters
    assert_equal(replace(model, weights={**model.weights, "m0": one}))


def test_the_other_compiler() -> None:
    try:
        find_compiler(F446, "zig")
    except DeviceError as e:
        pytest.skip(str(e))
    assert_equal(random_model(chain((5, 3, 3), (6, 3, 1), (9, 1, 1), (4, 2, 2)), 0), "zig")
    assert_equal(random_model(Arch((24,), (FullyConnected(name="a", inputs=(INPUT,), units=16),)), 0), "zig")
