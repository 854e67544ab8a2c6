"""3 x 3 convolutions by Winograd's F(4, 3): exact on every shape and on extreme numbers, and chosen where it pays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.boards.targets import DSP, PLAIN
from micronets.commands import compile
from micronets.compiler import compile_model, optimise, plan_patches
from micronets.compiler.flash import flash_outline
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.depthwise import DepthwiseKernel
from micronets.compiler.kernels.goal import GOALS, Goal, and_smaller
from micronets.compiler.kernels.winograd import WinogradKernel, winograd_bytes, winograd_words
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.errors import DeviceError, SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, Mean
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes import OUR_C, TFLM
from micronets.runtimes.base import MeasureOptions
from micronets.runtimes.c import compile_for, contents_bytes
from micronets.tflite import as_file
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_model

F446 = load_board("NUCLEO-F446RE")

SHAPES = [  # rows, columns, channels, filters, padding, activation
    (3, 8, 16, 8, "same", "relu"),
    (6, 16, 12, 7, "same", "relu6"),
    (5, 10, 32, 13, "valid", "none"),
    (9, 7, 20, 10, "same", "relu"),
]


def network(rows: int, columns: int, channels: int, filters: int, padding: str = "same", act: str = "none") -> Arch:
    layer = Conv2D(name="c", inputs=(INPUT,), filters=filters, kernel=(3, 3), padding=padding, activation=act)
    return Arch((rows, columns, channels), (layer,))


def spread(model: QuantizedModel, weights: np.ndarray | None = None) -> QuantizedModel:
    """Returns a network whose one layer has these weights, and scales that spread its codes over their range."""
    weights = model.weights["c"].weights if weights is None else weights
    source = TensorQuant(1 / 64, 3)
    target = TensorQuant(1 / 16, -10 if model.arch.layers[0].activation == "none" else -128)
    sums = 75.0 * np.sqrt((weights.astype(float) ** 2).sum(axis=(1, 2, 3)) + 1)
    scales = (60.0 / sums * target.scale / source.scale).astype(np.float32)
    bias = np.arange(len(weights), dtype=np.int32) * 37 - 100
    return replace(model, weights={"c": LayerWeights(weights, scales, bias)}, quant={INPUT: source, "c": target})


def models() -> list[QuantizedModel]:
    """Returns networks of every shape with random weights, and one with the greatest and the least weights."""
    found = [spread(random_model(network(*shape), i)) for i, shape in enumerate(SHAPES)]
    model = random_model(network(4, 8, 64, 8), 5)
    weights = np.random.default_rng(3).choice(np.array((-128, 127), np.int8), model.weights["c"].weights.shape)
    weights[0], weights[1] = 127, -128
    return [*found, spread(model, weights)]


def extreme_inputs(model: QuantizedModel) -> np.ndarray:
    """Returns codes drawn from all, and from the least and the greatest alone."""
    rng = np.random.default_rng(9)
    shape = (2, *model.arch.input_shape)
    two = rng.choice(np.array((-128, 127), np.int8), shape)
    return np.concatenate([rng.integers(-128, 128, shape).astype(np.int8), two, np.full_like(two[:1], -128)])


def test_words_by_hand() -> None:
    """Channels 0 and 2 share a word, then 1 and 3; filters are filled up to four."""
    weights = np.zeros((1, 3, 3, 4), np.int8)
    weights[0, 1, :, 0], weights[0, 1, :, 2] = (1, 2, 3), (-1, 0, 1)
    weights[0, 2, :, 3] = (0, 0, -5)
    words = winograd_words(weights)
    assert words.shape == (1, 6, 2, 3, 4)
    assert words.nbytes == winograd_bytes(1, 4)
    assert not words[..., 1:].any()
    assert not words[:, :, :, 0].any()
    first, third = (6, -24, -8, 17, 9, 72), (-6, 0, 0, 3, 3, 24)  # 24 G w
    assert words[0, :, 0, 1, 0].tolist() == [
        (a & 0xFFFF) | (b & 0xFFFF) << 16 for a, b in zip(first, third, strict=True)
    ]
    assert words[0, :, 1, 2, 0].tolist() == [(v & 0xFFFF) << 16 for v in (0, 20, 20, -20, -20, -120)]
    assert not words[0, :, 0, 2].any()
    assert not words[0, :, 1, 1].any()


def test_outputs_equal_the_reference() -> None:
    found = models()
    compiled = [compile_model(model, goal="speed") for model in found]
    inputs = [extreme_inputs(model) for model in found]
    for model, one, x in zip(found, compiled, inputs, strict=True):
        assert "run_conv_winograd(" in one.files["model.c"]
        assert len(np.unique(reference.run(model, x))) > 30
    assert_equals_reference(found, compiled=compiled, inputs=inputs)


def test_the_assembly_equals_the_reference() -> None:
    pytest.importorskip("unicorn")
    from micronets.device.sim.machine import simulate

    try:
        find_compiler(F446)
    except DeviceError as e:
        pytest.skip(str(e))
    for number, model in enumerate(models()):
        x = extreme_inputs(model)
        want = reference.run(model, x)
        elf = build_firmware(firmware_files(compile_model(model, goal="speed")), F446).elf
        found = simulate(elf, x.reshape(len(x), -1), 1, want[0].nbytes, F446)
        assert found.outputs.tobytes() == want.tobytes(), number


LARGE = Arch(
    (32, 32, 16),
    (
        Conv2D(name="a", inputs=(INPUT,), filters=16, kernel=(3, 3), activation="relu"),
        Conv2D(name="b", inputs=("a",), filters=24, kernel=(3, 3), activation="relu", stride=(4, 4)),
        Conv2D(name="c", inputs=("b",), filters=24, kernel=(3, 3), activation="relu"),
        Mean(name="m", inputs=("c",)),
    ),
)


@pytest.mark.parametrize(("goal", "layers"), [("speed", ["a", "c"]), ("balanced", ["a"]), ("size", [])])
def test_layers_by_goal(goal: Goal, layers: list[str]) -> None:
    """Layers are chosen by what they save, whatever is asked for on cores without DSP; flash is told as it is."""
    chosen = [k.step.layer.name for k in choose_all(LARGE, DSP, goal) if isinstance(k, WinogradKernel)]
    assert chosen == layers
    assert not any(isinstance(k, WinogradKernel) for k in choose_all(LARGE, PLAIN, goal))
    compiled = compile_model(random_model(LARGE, 1), goal=goal)
    assert compiled.contents == flash_outline(optimise(compiled.model).arch, DSP, goal)


def test_depthwise_layers_share_a_kernel_unless_for_speed() -> None:
    """A second kernel is worth its flash for `speed` where it saves more than 1 % of the network's cycles, else 5 %.

    The goal `size` does not know the kernel that makes it worth that for `balanced`.
    """
    layers = (
        DepthwiseConv2D(name="a", inputs=(INPUT,), kernel=(3, 3)),
        DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3), stride=(8, 8)),
        Conv2D(name="c", inputs=("b",), filters=128, kernel=(1, 1)),
        DepthwiseConv2D(name="d", inputs=("c",), kernel=(3, 3)),
        Conv2D(name="e", inputs=("d",), filters=128, kernel=(1, 1)),
    )
    arch = Arch((64, 64, 4), layers)
    kernels = {
        goal: {k.schedule.by4 for k in choose_all(arch, DSP, goal) if isinstance(k, DepthwiseKernel)} for goal in GOALS
    }
    assert kernels == {"fastest": {False, True}, "speed": {False, True}, "balanced": {False, True}, "size": {False}}
    for goal in GOALS:
        compiled = compile_model(with_random_weights(arch), goal=goal)
        assert compiled.contents == flash_outline(optimise(compiled.model).arch, DSP, goal)


def test_patches_take_the_other_kernel() -> None:
    plan = plan_patches(LARGE, 0, goal="speed")
    assert plan.groups
    assert not any(isinstance(plan.kernels[i], WinogradKernel) for group in plan.groups for i in group.layers)


def test_numbers_that_are_too_large_take_another_kernel() -> None:
    """Biases of 2^24 fall back to a kernel that makes do with the scratch memory and the overlap that were planned."""
    model = spread(random_model(network(6, 8, 16, 8), 3))
    unit = model.quant["c"].scale / model.quant[INPUT].scale
    scales = np.full(8, 60 / 2**24 * unit, np.float32)
    numbers = LayerWeights(model.weights["c"].weights, scales, np.full(8, 2**24, np.int32))
    large = replace(model, weights={"c": numbers})
    compiled = compile_model(large, goal="speed")
    assert isinstance(compiled.plan.kernels[0], WinogradKernel)
    assert "micronets_conv_winograd.c" not in compiled.files
    assert_equals_reference([large], compiled=[compiled], samples=1)


def test_a_board_with_less_memory_takes_the_next_goal(tmp_path: Path) -> None:
    """Where flash or SRAM end, the compiler chooses for the next goal that takes less, and needs no patches for it."""
    model = random_model(LARGE, 1)
    sizes = {goal: compile_for(model, F446, optimise=goal) for goal in GOALS}
    flash = {goal: contents_bytes(found.contents, F446) for goal, found in sizes.items()}
    assert flash["speed"] > flash["balanced"] > flash["size"]
    for goal in and_smaller("speed"):
        board = replace(F446, flash_bytes=flash[goal])
        assert compile_for(model, board, optimise="speed").contents == sizes[goal].contents
    tight = replace(F446, flash_bytes=flash["balanced"])
    told = compile.compile(as_file(model, "a.tflite"), tight, tmp_path / "c", optimise="speed")
    assert (told.optimise_asked, told.optimise) == ("speed", "balanced")
    assert "kernels chosen for balanced: with those for speed the model does not fit" in told.text().splitlines()
    assert "chosen for" not in compile.compile(as_file(model, "a.tflite"), tight, tmp_path / "c").text()
    arena = {goal: found.arena_bytes for goal, found in sizes.items()}
    assert arena["speed"] >= arena["balanced"] > arena["size"]
    found = compile_for(model, F446, str(arena["size"]), "speed")
    assert found.arena_bytes == arena["size"]
    assert not found.plan.groups


def test_wrong_goals_are_one_clear_line() -> None:
    model = random_model(LARGE, 1)
    with pytest.raises(
        SpecError, match=r"^--optimise sped: did you mean 'speed'\? known: balanced, fastest, size, speed$"
    ):
        compile_for(model, F446, optimise="sped")
    told = "^--optimise speed: is for --runtime c, which chooses between kernels; leave it out$"
    with pytest.raises(SpecError, match=told):
        TFLM.compile(as_file(model, "a.tflite"), F446, optimise="speed")
    with pytest.raises(SpecError, match=told):
        TFLM.check(MeasureOptions(optimise="speed"))


def test_measured_cycles_are_fewer() -> None:
    """A convolution of 16 channels takes less than 0.66 of the cycles, as measured; the outputs are checked."""
    pytest.importorskip("unicorn")
    try:
        find_compiler(F446)
    except DeviceError as e:
        pytest.skip(str(e))
    file = as_file(random_model(network(16, 16, 16, 16), 2), "a.tflite")
    found = [OUR_C.measure(file, F446, MeasureOptions(samples=1, optimise=goal)) for goal in ("speed", "size")]
    assert all(each.bit_exact for each in found)
    assert found[0].core_cycles < 0.66 * found[1].core_cycles
