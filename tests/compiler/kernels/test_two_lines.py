"""Depthwise convolutions of two lines of outputs at a time: odd sizes, several passes, columns as lines, clamps."""

import random
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from micronets.boards.targets import DSP, Target
from micronets.compiler import Compiled, compile_model
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.depthwise import DepthwiseKernel
from micronets.compiler.kernels.goal import GOALS, Goal
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, DepthwiseConv2D
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel, TensorQuant
from tests.support.generated_c import assert_equals_reference
from tests.support.needs import needs
from tests.support.random_models import random_input, random_model

ALWAYS: Target = replace(
    DSP,
    depthwise=replace(
        DSP.depthwise,
        two_lines_channel=0,
        two_lines_copy=0,
        two_lines_value=0,
        two_lines_line=0,
        two_lines_odd=0,
        two_lines_group=1,
        two_lines_single=1,
        two_lines_stride2=0,
    ),
)
"""A target on which two lines at a time are always the fastest way."""

_ZERO_POINTS = (-128, 5)


def some_models(count: int) -> list[QuantizedModel]:
    """Returns networks of a depthwise layer of 3 x 3: both strides, with and without a zero point of -128."""
    return [
        _model(seed, *way) for seed, way in zip(range(count), [*product((1, 2), _ZERO_POINTS)] * count, strict=False)
    ]


def _model(seed: int, stride: int, zero_point: int) -> QuantizedModel:
    r = random.Random(f"two lines {seed}")
    shape = (r.choice((3, 4, 5, 6, 7, 11, 25)), r.choice((3, 4, 5, 6, 7, 10, 13)), r.choice((1, 3, 4, 5, 8, 14)))
    layer = DepthwiseConv2D(
        name="y",
        inputs=(INPUT,),
        kernel=(3, 3),
        stride=(stride, stride),
        padding=r.choice(("same", "same", "valid") if min(shape[:2]) > 2 + stride else ("same",)),
        activation=r.choice(("none", "relu", "relu6")),
    )
    model = random_model(Arch(shape, (layer,)), seed)
    return replace(model, quant={**model.quant, "y": TensorQuant(model.quant["y"].scale, zero_point)})


def compiled(models: list[QuantizedModel]) -> list[Compiled]:
    """Returns the C of networks; most of them compute two lines at a time, by all four functions."""
    found = [compile_model(model, target=ALWAYS, goal="speed") for model in models]
    text = " ".join(each.files["model.c"] for each in found)
    assert text.count("{run_depthwise_two_lines}") >= len(models) // 2
    for function in ("s1", "s1_straight", "s2", "s2_straight"):
        assert re.search(rf"\.kernel = micronets_depthwise_two_lines_{function}[,}}]", text)
    return found


def test_the_goal_of_least_memory_keeps_the_other_kernels() -> None:
    """In patches, which have few lines, four channels go together without a second line."""
    layers = (DepthwiseConv2D(name="a", inputs=(INPUT,), kernel=(3, 3)),)
    forms = {goal: _forms(Arch((24, 24, 32), layers), goal) for goal in GOALS}
    assert forms == {
        "fastest": ("two_lines", "by4"),
        "speed": ("two_lines", "by4"),
        "balanced": ("two_lines", "by4"),
        "size": ("by_channel", "by_channel"),
    }


def _forms(arch: Arch, goal: Goal) -> tuple[str, str]:
    """Returns the forms of the kernel of a depthwise layer: on all rows, and in patches."""
    (kernel,) = choose_all(arch, DSP, goal)
    assert isinstance(kernel, DepthwiseKernel)
    return kernel.schedule.form, kernel.in_patches().schedule.form


def test_outputs_equal_the_reference() -> None:
    models = some_models(20)
    assert_equals_reference(models, compiled=compiled(models))


@pytest.mark.parametrize("which", ["gcc", "zig"])
def test_simulated_outputs_equal_the_reference(which: str) -> None:
    """The loops in assembly, on the simulated processor: each of the four functions."""
    needs("unicorn", "sim")
    needs("elftools", "sim")
    from micronets.boards.board import load_board
    from micronets.device.cross_compiler import build_firmware, firmware_files
    from micronets.device.sim.machine import simulate

    board = load_board("NUCLEO-F446RE")
    models = some_models(8 if which == "gcc" else 4)
    for i, (model, each) in enumerate(zip(models, compiled(models), strict=True)):
        elf = build_firmware(firmware_files(each), board, which).elf
        x = random_input(model, 2, i)
        want = reference.run(model, x)
        got = simulate(elf, x.reshape(len(x), -1), 1, want[0].size, board)
        assert np.array_equal(got.outputs.ravel(), want.ravel()), f"{i}: {model.arch}"
