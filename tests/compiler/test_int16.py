"""The C of networks with int16 activations computes the reference's bytes: portable, for DSP, and simulated."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.boards.targets import DSP
from micronets.compiler import compile_model
from micronets.compiler.flash import flash_outline
from micronets.compiler.kernel_files import every_file
from micronets.compiler.kernels.choose import choose_all
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.device.host_compiler import compile_c
from micronets.errors import DeviceError, UnsupportedError
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized import reference
from micronets.quantized.int16 import sigmoid_table
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from tests.support.everywhere import same_everywhere
from tests.support.generated_c import STRICT, assert_equals_reference
from tests.support.int16_models import random_int16_input, random_int16_model
from tests.support.needs import needs

F446 = load_board("NUCLEO-F446RE")
X = (INPUT,)


def test_random_networks_equal_the_reference() -> None:
    assert_equals_reference([random_int16_model(seed, 14) for seed in range(8)], samples=6)


def test_long_sums_equal_the_reference() -> None:
    """Windows and vectors of more values than 32 bits can sum, whose every product is the largest there is."""
    models = []
    for layer, shape in (
        (layers.FullyConnected(name="y", inputs=X, units=5), (1500,)),
        (layers.FullyConnected(name="y", inputs=X, units=9, keep_dims=True), (3, 257)),
        (layers.Conv2D(name="y", inputs=X, filters=6, kernel=(3, 3)), (5, 5, 90)),
    ):
        arch = Arch(shape, (layer,), "int16")
        sizes = arch.steps()[0].weights
        assert sizes is not None
        weights = np.full(sizes.shape, -128, np.int8)
        scales = np.array([2.0**-9 / sizes.taps], np.float32)
        for bias in (None, np.full(sizes.channels, 2**40), np.full(sizes.channels, 9, np.int32)):
            quant = {INPUT: TensorQuant(0.01, 0), "y": TensorQuant(0.01, 0)}
            models.append(QuantizedModel(arch, quant, {"y": LayerWeights(weights, scales, bias)}))
    assert_equals_reference(models, samples=3)


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    probe = tmp_path / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    try:
        compile_c([probe], tmp_path / "probe", flags)
    except DeviceError:
        pytest.skip("the C compiler has no sanitizers")
    for seed, kernels in ((3, "-DMICRONETS_DSP"), (11, "-DPLAIN")):
        directory = tmp_path / str(seed)
        directory.mkdir()
        for name, text in compile_model(random_int16_model(seed)).files.items():
            (directory / name).write_text(text)
        compile_c(sorted(directory.glob("*.c")), directory / "example", (*flags, *STRICT, kernels))
        done = subprocess.run([directory / "example"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("seed", [6])
def test_a_simulated_processor_gives_the_bytes_of_the_reference(seed: int) -> None:
    needs("unicorn", "sim")
    from micronets.device.sim.machine import simulate

    try:
        find_compiler(F446)
    except DeviceError as e:
        pytest.skip(str(e))
    model = random_int16_model(seed)
    compiled = compile_model(model)
    x = random_int16_input(model, 4, seed)
    expected = reference.run(model, x)
    elf = build_firmware(firmware_files(compiled), F446).elf
    raw = x.reshape(len(x), -1).view(np.int8)
    found = simulate(elf, raw, len(compiled.model.arch.layers), expected[0].nbytes, F446)
    assert found.outputs.tobytes() == expected.tobytes(), model.arch.layers


def test_the_table_of_the_logistic_function_is_that_of_the_reference() -> None:
    text = every_file()["micronets_sigmoid_s16.c"]
    table = re.search(r"micronets_sigmoids\[256\] = \{(.*?)\}", text, re.DOTALL)
    assert table is not None
    assert [int(v) for v in table[1].replace("\n", " ").split(",") if v.strip()] == sigmoid_table().tolist()


def test_a_transposed_convolution_is_the_same_everywhere() -> None:
    stack = (
        layers.TransposeConv2D(
            name="a", inputs=X, filters=5, kernel=(3, 2), size=(8, 11), stride=(2, 3), activation="relu"
        ),
        layers.TransposeConv2D(name="b", inputs=("a",), filters=3, kernel=(2, 2), size=(9, 12), padding="valid"),
    )
    model = with_random_weights(Arch((4, 4, 6), stack, "int16"), 2)
    far = replace(model.weights["b"], bias=np.array([2**34, -(2**33), 7]))
    assert flash_outline(model.arch, DSP) == compile_model(model).contents
    model = replace(model, weights={**model.weights, "b": far})
    same_everywhere(model, random_int16_input(model, 4, 3))


def test_flash_is_known_without_weights() -> None:
    stack = (
        layers.Conv2D(name="conv", inputs=X, filters=5, kernel=(3, 3)),
        layers.DepthwiseConv2D(name="depthwise", inputs=("conv",), kernel=(2, 2)),
        layers.Logistic(name="gate", inputs=("depthwise",)),
        layers.Mul(name="gated", inputs=("depthwise", "gate")),
        layers.MaxPool2D(name="pool", inputs=("gated",), pool=(2, 2), stride=(2, 2)),
        layers.FullyConnected(name="dense", inputs=("pool",), units=7),
        layers.Softmax(name="soft", inputs=("dense",), to="int16"),
    )
    arch = Arch((8, 8, 3), stack, "int16")
    assert flash_outline(arch, DSP) == compile_model(with_random_weights(arch)).contents


def test_outputs_lie_over_inputs_that_die() -> None:
    stack: tuple[Layer, ...] = (
        layers.Relu(name="y", inputs=X),
        layers.Pad(name="y", inputs=X, paddings=((1, 0), (0, 0), (0, 0))),
    )
    for layer, rows in zip(stack, (8, 9), strict=True):
        assert compile_model(with_random_weights(Arch((8, 8, 4), (layer,), "int16"))).plan.bytes == rows * 8 * 4 * 2


def test_windows_that_lie_together_take_no_scratch_memory() -> None:
    models = []
    for shape, kernel, stride, padding, scratch in (
        ((9, 1, 4), (3, 1), (2, 1), "valid", 0),
        ((9, 1, 3), (3, 1), (2, 1), "valid", 24),
        ((9, 1, 4), (3, 1), (1, 1), "same", 24),
        ((6, 4, 1), (6, 4), (1, 1), "valid", 0),
        ((6, 5, 1), (6, 4), (1, 1), "valid", 48),
        ((1, 8, 2), (1, 6), (1, 2), "valid", 0),
        ((3, 3, 8), (1, 1), (2, 2), "same", 0),
    ):
        layer = layers.Conv2D(name="y", inputs=X, filters=5, kernel=kernel, stride=stride, padding=padding)
        arch = Arch(shape, (layer,), "int16")
        assert choose_all(arch, DSP)[0].scratch_bytes == scratch
        models.append(with_random_weights(arch))
    assert_equals_reference(models, samples=3)


def test_sums_that_32_bits_may_not_hold_are_refused() -> None:
    stack = (layers.Reshape(name="flat", inputs=X, shape=(65536,)), layers.Mean(name="y", inputs=("flat",), axes=(0,)))
    with pytest.raises(UnsupportedError, match="layer 'y': sums of 65536 values; at most 65535 fit 32 bits"):
        compile_model(with_random_weights(Arch((256, 256), stack, "int16")))
