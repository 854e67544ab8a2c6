"""Convolutions and dense layers as cores with vectors compute them: in portable C here, in QEMU with the vectors."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.boards.cores import CORES
from micronets.boards.targets import DSP, MVE, Target
from micronets.compiler import Compiled, compile_model, optimise
from micronets.compiler.flash import flash_outline
from micronets.compiler.generate import model_c
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.errors import DeviceError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.quantized.random_weights import with_random_weights
from tests.compiler.kernels.test_wide_sums import models as large_models
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_arch, random_input, random_model
from tests.support.realistic_archs import random_arch as realistic_arch

sim = pytest.importorskip("micronets.device.sim.machine")
pytest.importorskip("elftools.elf.elffile")

Y = {"name": "y", "inputs": (INPUT,)}
CORSTONE = load_board("Corstone-300 (MPS3 AN547)")


def test_networks_and_layers_equal_the_reference() -> None:
    models = [random_model(random_arch(6), 6), convolutions(), *large_models()[:2], others(False), others(True)]
    compiled = [compile_model(m, MVE, arena_limit=0 if k < 2 else None) for k, m in enumerate(models)]
    assert_equals_reference(models, compiled=compiled)


def test_the_flash_that_a_layer_takes_is_known_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_c, "NARROW_GOALS", ())  # a search counts on wide records
    compiled = compile_model(with_random_weights(realistic_arch(1), 1), MVE)
    known = flash_outline(optimise(compiled.model).arch, MVE)
    assert 0 <= known.constant_bytes - compiled.constant_bytes <= 1024  # the table of a Softmax depends on a scale
    assert replace(known, constant_bytes=0) == replace(compiled.contents, constant_bytes=0)


def ran(model: QuantizedModel, target: Target, which: str) -> int:
    """Compares a network's outputs in QEMU with the reference's; returns its instructions."""
    machine = CORES[CORSTONE.core].qemu
    assert machine is not None
    if shutil.which(machine.program) is None:
        pytest.skip(f"needs {machine.program}")
    try:
        find_compiler(CORSTONE, which)
    except DeviceError as e:
        pytest.skip(str(e))
    compiled: Compiled = compile_model(model, target)
    x = random_input(model, 2, 1)
    expected = reference.run(model, x)
    elf = build_firmware(firmware_files(compiled), CORSTONE, which).elf
    raw = x.reshape(len(x), -1).view(np.int8)
    found = sim.simulate(elf, raw, len(compiled.model.arch.layers), expected[0].nbytes, CORSTONE)
    assert found.outputs.tobytes() == expected.tobytes()
    return int(found.instructions)


def convolutions() -> QuantizedModel:
    """Returns a network of windows of all remainders of 16 values, filters left after fours, odd numbers of pixels."""
    stack: list[Layer] = []
    for k, filters in enumerate((3, 17, 10, 5, 32, 33, 6)):
        kernel = ((1, 1), (3, 3), (2, 3))[k % 3]
        before = stack[-1].name if stack else INPUT
        stack.append(layers.Conv2D(name=f"c{k}", inputs=(before,), filters=filters, kernel=kernel))
    stack.append(layers.FullyConnected(name="d", inputs=("c6",), units=7))
    return with_random_weights(Arch((5, 7, 3), tuple(stack)), 1)


def others(unpacked: bool) -> QuantizedModel:
    """Returns all layers that have kernels for vectors; unpacked: whether their scales are of any size."""
    stack: tuple[Layer, ...] = (
        layers.DepthwiseConv2D(name="d0", inputs=(INPUT,), kernel=(3, 3)),
        layers.DepthwiseConv2D(name="d1", inputs=(INPUT,), kernel=(3, 5), dilation=(2, 1)),
        layers.Add(name="sum", inputs=("d0", "d1")),
        layers.Mul(name="product", inputs=("d0", "sum"), activation="relu"),
        layers.Logistic(name="sigmoid", inputs=("product",)),
        layers.DepthwiseConv2D(name="d2", inputs=("sigmoid",), kernel=(3, 3), stride=(2, 2), activation="relu"),
        layers.MaxPool2D(name="most", inputs=("d2",), pool=(2, 3), stride=(1, 2), padding="same"),
        layers.Conv2D(name="c0", inputs=("most",), filters=9, kernel=(1, 1)),
        layers.Conv2D(name="c1", inputs=("c0",), filters=6, kernel=(3, 3)),
    )
    arch = Arch((9, 11, 24), stack)
    return random_model(arch, 3) if unpacked else with_random_weights(arch, 3)


@pytest.mark.parametrize("which", ["gcc", "zig"])
def test_vectors_compute_the_bytes_of_the_reference(which: str) -> None:
    ran(others(False), MVE, which)
    if which == "gcc":
        ran(convolutions(), MVE, which)
        ran(others(True), MVE, which)


def test_shifts_to_the_left() -> None:
    ran(large_models()[0], MVE, "gcc")


# Measured with GCC 12: .24, .45.
@pytest.mark.parametrize(
    ("shape", "layer", "most"),
    [
        ((8, 8, 64), layers.Conv2D(**Y, filters=64, kernel=(1, 1)), 0.26),
        ((6, 6, 64), layers.DepthwiseConv2D(**Y, kernel=(3, 3)), 0.55),
    ],
)
def test_a_part_of_the_instructions_of_the_dsp_extension(shape: tuple[int, ...], layer: Layer, most: float) -> None:
    model = with_random_weights(Arch(shape, (layer,)), 3)
    assert ran(model, MVE, "gcc") < most * ran(model, DSP, "gcc")
