"""Convolutions and dense layers with weights in bytes, which cores without the DSP extension take."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.plain_layers import layer_of
from micronets.boards.board import Board, load_board
from micronets.boards.cores import CORES
from micronets.boards.targets import PLAIN
from micronets.compiler import compile_model
from micronets.compiler.kernels.conv_bytes import in_bytes
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Layer
from micronets.quantized import reference
from tests.compiler.kernels.test_wide_sums import models as large_models
from tests.support.generated_c import STRICT, assert_equals_reference
from tests.support.random_models import random_arch, random_input, random_model

Y = {"name": "y", "inputs": (INPUT,)}
BOARDS = ("NUCLEO-G0B1RE", "NUCLEO-F103RB", "ESP32-C3-DevKitM-1")
NARROW = "-DMICRONETS_NARROW_PRODUCTS=1"


@pytest.mark.parametrize("flags", [("-O1", *STRICT), ("-O2", NARROW)], ids=["wide", "narrow"])
@pytest.mark.parametrize("limit", [None, 0], ids=["whole", "patches"])
def test_networks_and_layers_equal_the_reference(flags: tuple[str, ...], limit: int | None) -> None:
    models = [random_model(random_arch(seed), seed) for seed in range(8)]
    models += [layer_of(seed) for seed in range(18)]
    models += large_models()
    assert_equals_reference(models, flags, [compile_model(m, PLAIN, arena_limit=limit) for m in models])


def test_layers_take_these_kernels_whatever_their_numbers_are() -> None:
    for model in large_models():
        compiled = compile_model(model, PLAIN)
        assert "run_conv_bytes(" in compiled.files["model.c"] or "run_dense_bytes(" in compiled.files["model.c"]
        assert not any("wide" in name or "_dsp_" in name for name in compiled.files)


def test_a_dense_layer_whose_sizes_no_record_holds() -> None:
    model = random_model(Arch((70_000,), (FullyConnected(**Y, units=3),)), 1)
    w = model.weights["y"]
    model = replace(model, weights={"y": replace(w, weights=w.weights // 32)})
    assert_equals_reference([model], ("-O2",), [compile_model(model, PLAIN)])


def test_weights_lie_four_filters_side_by_side() -> None:
    rows = np.array([[1, -128], [2, 127], [3, 0], [4, -1], [5, 6]], np.int8)
    assert in_bytes(rows).tolist() == [
        [[129, 130, 131, 132], [0, 255, 128, 127]],
        [[133, 128, 128, 128], [134, 128, 128, 128]],
    ]


# Instructions a product, with a tenth to spare. With the packed weights of the DSP kernels these were 13.0 and 12.1 on
# a Cortex-M0+, 8.4 and 8.0 on a Cortex-M3, and 5.1 and 4.8 on RISC-V.
@pytest.mark.parametrize("board", [load_board(name) for name in BOARDS], ids=lambda b: b.core)
@pytest.mark.parametrize(
    ("shape", "layer", "most"),
    [
        ((7, 7, 84), Conv2D(**Y, filters=84, kernel=(1, 1)), (6.2, 3.7, 4.8)),
        ((8, 8, 16), Conv2D(**Y, filters=32, kernel=(3, 3), padding="valid"), (6.0, 3.6, 4.7)),
    ],
)
def test_instructions_a_product(
    board: Board, shape: tuple[int, ...], layer: Layer, most: tuple[float, float, float]
) -> None:
    sim = pytest.importorskip("micronets.device.sim.machine")
    try:
        find_compiler(board)
    except DeviceError as e:
        pytest.skip(str(e))
    model = random_model(Arch(shape, (layer,)), 3)
    x = random_input(model, 2, 3)
    expected = reference.run(model, x)
    elf = build_firmware(firmware_files(compile_model(model, CORES[board.core].target)), board).elf
    found = sim.simulate(elf, x.reshape(len(x), -1).view(np.int8), 1, expected[0].nbytes, board)
    assert found.outputs.tobytes() == expected.tobytes()
    weights = model.weights["y"].weights
    products = weights.size * expected[0].size // len(weights)
    limit = dict(zip(("cortex-m0plus", "cortex-m3", "rv32imc"), most, strict=True))[board.core]
    assert found.layers[0].instructions / products < limit
