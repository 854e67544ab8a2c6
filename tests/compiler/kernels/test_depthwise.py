"""Depthwise convolutions as C: odd sizes, several passes, columns as lines, clamps, sums of more than 16 bits."""

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.compiler import compile_model
from micronets.device.host_compiler import compile_c
from micronets.errors import DeviceError, SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from tests.support.generated_c import assert_equals_reference, needs_host_compiler
from tests.support.needs import needs
from tests.support.random_models import random_input, random_model

PAIRS = "-DMICRONETS_DSP"
NETWORKS = 40
SIMULATED = 10
_RARE = (47, 62, 241)  # 3 x 3 of stride 1 and any zero point, and of stride 2 and a zero point of -128


@pytest.fixture(autouse=True)
def compiler() -> None:
    needs_host_compiler()


def random_arch(seed: int) -> Arch:
    """Returns a depthwise layer, at times behind a convolution, whose memory lets passes take more lines."""
    r = random.Random(f"depthwise {seed}")
    while True:
        shape = (r.choice((1, 1, 2, 4, 5, 7, 13, 25, 49)), r.choice((1, 1, 2, 3, 5, 8, 13)), r.choice((1, 2, 3, 5, 8)))
        layer = DepthwiseConv2D(
            name="y",
            inputs=(INPUT,),
            kernel=r.choice(((3, 3), (3, 3), (r.randint(1, 9), r.randint(1, 9)), (9, 1), (1, 5), (5, 5))),
            stride=r.choice(((1, 1), (1, 1), (2, 2), (1, 2), (2, 1), (3, 3), (4, 1))),
            dilation=r.choice(((1, 1), (1, 1), (2, 2), (2, 1), (1, 3))),
            padding=r.choice(("same", "valid")),
            activation=r.choice(("none", "relu", "relu6")),
            multiplier=r.choice((1, 1, 1, 2, 3)),
            weight_bits=r.choice((8, 8, 4)),
        )
        before = (Conv2D(name="a", inputs=(INPUT,), filters=2 * shape[2], kernel=(1, 1)),) if r.random() < 0.3 else ()
        try:
            return Arch(shape, (*before, replace(layer, inputs=("a",) if before else (INPUT,))))
        except SpecError:
            continue


def at_the_end(model: QuantizedModel, zero_point: int) -> QuantizedModel:
    """Returns the model with that zero point of its input and output."""
    ends = (INPUT, model.arch.output)
    return replace(
        model, quant={n: TensorQuant(q.scale, zero_point) if n in ends else q for n, q in model.quant.items()}
    )


def with_odd_scales(model: QuantizedModel) -> QuantizedModel:
    """Returns the model with scales of the first and the last channel that the functions for pairs cannot hold."""
    w, layer = model.weights["y"], model.arch.layers[-1]
    unit = float(model.quant["y"].scale) / float(model.quant[layer.inputs[0]].scale)
    scales = np.broadcast_to(w.scales, w.weights.shape[-1]).copy()
    scales[0], scales[-1] = 0.7 * unit, 2.0**-25 * unit
    return replace(model, weights={**model.weights, "y": replace(w, scales=scales)})


def some_models(count: int) -> list[QuantizedModel]:
    models = {s: random_model(random_arch(s), s) for s in (*range(count), *_RARE)}
    made = [m if s % 3 == 0 else at_the_end(m, -128 if s % 3 == 1 else 127) for s, m in models.items()]
    return [with_odd_scales(m) if k % 4 == 1 else m for k, m in enumerate(made)]


def test_outputs_equal_the_reference() -> None:
    assert_equals_reference(some_models(NETWORKS))


def test_one_channel_of_a_large_scale_leaves_the_others_to_the_function_for_pairs() -> None:
    layer = DepthwiseConv2D(name="y", inputs=(INPUT,), kernel=(3, 3), padding="same")
    model = at_the_end(random_model(Arch((25, 13, 8), (layer,)), 2), -128)
    for each, function in ((model, "depthwise"), (with_odd_scales(model), "depthwise_odd")):
        text = compile_model(each).files["model.c"]
        assert f"run_{function}(" in text
        assert ".kernel = micronets_depthwise_3x3_s1_relu," in text


ROWS = ("any", "s1", "s2", "3x3_s1", "3x3_s1_relu", "3x3_s2", "3x3_s2_relu")


def test_every_kernel_is_among_them() -> None:
    calls = " ".join(compile_model(m).files["model.c"] for m in some_models(NETWORKS))
    for kernel in (*ROWS, "by4_any", "by4_3x3", "by4_3x3_relu"):
        assert (
            f".kernel = micronets_depthwise_{kernel}," in calls or f".kernel = micronets_depthwise_{kernel}}}" in calls
        )


@pytest.mark.parametrize("kernels", ["-DPLAIN", PAIRS])
def test_sanitizers_find_nothing(kernels: str, tmp_path: Path) -> None:
    """The arena of the example is as large as the plan says: what is read or written beside it is found."""
    flags = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    (tmp_path / "probe.c").write_text("int main(void) { return 0; }\n")
    try:
        compile_c([tmp_path / "probe.c"], tmp_path / "probe", flags)
    except DeviceError:
        pytest.skip("the C compiler has no sanitizers")
    for seed in (0, 15):
        directory = tmp_path / str(seed)
        directory.mkdir()
        for name, text in compile_model(random_model(random_arch(seed), seed)).files.items():
            (directory / name).write_text(text)
        compile_c(sorted(directory.glob("*.c")), directory / "example", (*flags, kernels))
        done = subprocess.run([directory / "example"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("which", ["gcc", "zig"])
def test_simulated_outputs_equal_the_reference(which: str) -> None:
    """The loops in assembly, on the simulated processor."""
    needs("unicorn", "sim")
    needs("elftools", "sim")
    from micronets.boards.board import load_board
    from micronets.device.cross_compiler import build_firmware, firmware_files
    from micronets.device.sim.machine import simulate

    board = load_board("NUCLEO-F446RE")
    found = [m for m in some_models(NETWORKS) if m.arch.layers[-1].weight_bits == 8]
    for i, model in enumerate([*found[:SIMULATED], found[-1]] if which == "gcc" else (found[1], found[2], found[9])):
        compiled = compile_model(model)
        try:
            elf = build_firmware(firmware_files(compiled), board, which).elf
        except DeviceError as e:
            if "no compiler" in str(e):
                pytest.skip(str(e))
            raise
        x = random_input(model, 2, i)
        want = reference.run(model, x)
        got = simulate(elf, x.reshape(len(x), -1), len(compiled.model.arch.layers), want[0].size, board)
        assert np.array_equal(got.outputs.ravel(), want.ravel()), f"{i}: {model.arch}"
