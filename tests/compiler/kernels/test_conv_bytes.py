"""Convolutions, depthwise and dense layers as cores without the DSP extension compute them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import Board, load_board
from micronets.boards.cores import CORES
from micronets.boards.targets import PLAIN
from micronets.compiler import compile_model
from micronets.compiler.kernel_files import every_file
from micronets.compiler.kernels.conv_bytes import in_bytes
from micronets.cost.counts import step_macs
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.device.host_compiler import compile_c
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Layer
from micronets.quantized import reference
from tests.compiler.kernels.test_depthwise import some_models
from tests.compiler.kernels.test_wide_sums import models as large_models
from tests.support.generated_c import NARROW, assert_equals_reference, needs_host_compiler
from tests.support.random_layers import layer_of
from tests.support.random_models import random_arch, random_input, random_model

Y = {"name": "y", "inputs": (INPUT,)}
BOARDS = ("NUCLEO-G0B1RE", "NUCLEO-F103RB", "ESP32-C3-DevKitM-1")


def test_networks_and_layers_equal_the_reference() -> None:
    """Networks whole and in patches, and single layers."""
    networks = [random_model(random_arch(seed), seed) for seed in range(8)]
    models = [*networks, *(layer_of(seed) for seed in range(18)), *large_models()[::2]]
    compiled = [compile_model(m, PLAIN) for m in models] + [compile_model(m, PLAIN, arena_limit=0) for m in networks]
    assert_equals_reference([*models, *networks], compiled=compiled, kernels=((), NARROW))


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


def test_depthwise_layers_equal_the_reference() -> None:
    """Odd sizes, several passes, columns as lines, dilation in parts, outputs over inputs, and large biases."""
    models = [m for m in some_models(30) if m.arch.layers[-1].weight_bits == 8]
    models += [layer_of(seed) for seed in range(0, 40, 6)]
    compiled = [compile_model(m, PLAIN) for m in models]
    for kernel in ("any", "3x3"):
        assert any(f"micronets_depthwise_bytes_{kernel}.c" in c.files for c in compiled)
    assert_equals_reference(models, compiled=compiled, kernels=((), NARROW))


SCALES = r"""
#include <stdio.h>

#include "micronets_requantize_sums.h"

/* Compares the product of halves with one of 64 bits, at the ends of all ranges, around multiples of 2^14 and 2^16, and
 * for other numbers. */
int main(void)
{
    const int32_t limit = (1 << 29) - 1;
    uint32_t state = 1;
    long wrong = 0;
    for (int32_t i = 0; i < 3000000; i++) {
        uint32_t word[4];
        for (int k = 0; k < 4; k++) {
            state = state * 1664525u + 1013904223u;
            word[k] = state >> 8;
        }
        int32_t value = (int32_t)(word[0] << 6) >> (word[1] & 15);
        uint32_t doubled = 0x80000000u | word[2] << 8 | (word[3] & 0xfe);
        value = (word[1] & 0x30) == 0 ? (value & ~0x3fff) - (int32_t)(word[1] >> 6 & 1) : value;
        value = (word[1] & 0x380) == 0 ? limit - (int32_t)(word[1] >> 10 & 3) : value;
        value = (word[1] & 0x380) == 0x80 ? (int32_t)(word[1] >> 10 & 3) - limit : value;
        doubled = (word[3] & 0x700) == 0 ? doubled | 0xfffe : doubled;
        doubled = (word[3] & 0x700) == 0x100 ? 0xfffffffeu - (word[2] & 6) : doubled;
        doubled = (word[3] & 0x700) == 0x200 ? doubled & 0xffff0000u : doubled;
        value = value > limit ? limit : value < -limit ? -limit : value;
        const int64_t wide = ((int64_t)value * (int64_t)doubled + ((int64_t)1 << 31)) >> 32;
        wrong += micronets_high_doubled(value, doubled) != wide;
    }
    printf("%ld\n", wrong);
    return 0;
}
"""


def test_scales_by_narrow_products_are_exact(tmp_path: Path) -> None:
    needs_host_compiler()
    for name, text in every_file().items():
        if name.endswith(".h"):
            (tmp_path / name).write_text(text)
    (tmp_path / "scales.c").write_text(SCALES)
    compile_c([tmp_path / "scales.c"], tmp_path / "scales", ("-O2", "-fsanitize=undefined", *NARROW))
    done = subprocess.run([tmp_path / "scales"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


# Instructions a product, with a tenth to spare. With the weights and depthwise kernels of the DSP cores these were
# 13.0, 12.1 and 34.5 on a Cortex-M0+, 8.4, 8.0 and 19.8 on a Cortex-M3, and 5.1, 4.8 and 20.9 on RISC-V.
@pytest.mark.parametrize("board", [load_board(name) for name in BOARDS], ids=lambda b: b.core)
@pytest.mark.parametrize(
    ("shape", "layer", "most"),
    [
        ((7, 7, 84), Conv2D(**Y, filters=84, kernel=(1, 1)), (5.4, 3.1, 4.0)),
        ((8, 8, 16), Conv2D(**Y, filters=32, kernel=(3, 3), padding="valid"), (5.2, 3.0, 3.9)),
        ((13, 13, 24), DepthwiseConv2D(**Y, kernel=(3, 3)), (16.0, 9.0, 10.1)),
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
    products = step_macs(model.arch.steps()[0])
    limit = dict(zip(("cortex-m0plus", "cortex-m3", "rv32imc"), most, strict=True))[board.core]
    assert found.layers[0].instructions / products < limit
