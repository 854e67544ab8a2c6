"""The arena of the generated C: nothing is overwritten before its last use, and it is no larger than TFLM's plan."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.targets import DSP, PLAIN, Target
from micronets.commands.inspect import inspect
from micronets.compiler import ArenaPlan, compile_model, plan_arena
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.depthwise import DepthwiseKernel
from micronets.compiler.memory.plan import needs
from micronets.cost.tflm_plan import tflm_plan
from micronets.device.host import run_on_host
from micronets.ir.arch import Arch
from micronets.ir.layers import (
    INPUT,
    Abs,
    Add,
    Conv2D,
    DepthwiseConv2D,
    Elu,
    HardSwish,
    Layer,
    LeakyRelu,
    Logistic,
    Maximum,
    Minimum,
    Mul,
    Prelu,
    Quantize,
    Relu,
    Reshape,
    Rsqrt,
    SquaredDifference,
    Sub,
    Tanh,
    TensorSpec,
)
from micronets.quantized import reference
from micronets.quantized.model import LayerWeights, QuantizedModel, TensorQuant
from micronets.tflite import as_file, read
from tests.support.random_models import random_arch
from tests.support.realistic_archs import random_arch as realistic_arch
from tests.tflite.test_read_write import RELEASED


def check(arch: Arch) -> None:
    """Fails unless buffers that are alive at once lie apart, but for outputs that may run into a dying input."""
    plan = plan_arena(arch)
    overlaps = {kernel.step.layer.name: kernel.overlap for kernel in choose_all(arch, DSP)}
    readers = {s.layer.name: s.layer.inputs for s in arch.steps()}
    owner = needs(arch, DSP).owner
    for a in plan.buffers:
        assert a.offset % 4 == 0
        assert a.offset + a.bytes <= plan.bytes
        for b in plan.buffers:
            apart = (
                a.first > b.last or b.first > a.last or a.offset + a.bytes <= b.offset or b.offset + b.bytes <= a.offset
            )
            if a is b or apart or (b.offset, -b.first) < (a.offset, -a.first):
                continue
            assert not a.scratch, (a, b)
            assert b.last == a.first, (a, b)
            assert b.name in {owner[i] for i in readers[a.name] if i in owner}
            gap = overlaps[a.name].below
            if overlaps[a.name].same_start:
                assert a.offset == b.offset
                continue
            assert gap is not None
            assert b.offset - a.offset >= gap
    assert plan.bound_bytes <= plan.bytes


@pytest.mark.parametrize("block", range(4))
def test_random_networks(block: int) -> None:
    for seed in range(block, 120, 4):
        check(random_arch(seed))


def test_realistic_networks_need_no_more_than_tflm_plans() -> None:
    for seed in range(24):
        arch = realistic_arch(seed)
        check(arch)
        assert plan_arena(arch).bytes <= tflm_plan(arch).bytes


@pytest.mark.parametrize("name", RELEASED)
def test_released_models_reach_the_bound(shared: Path, name: str) -> None:
    arch = read((shared / "models" / name).read_bytes(), name).arch
    check(arch)
    plan = plan_arena(arch)
    assert plan.bytes <= tflm_plan(arch).bytes
    assert plan.bytes <= 1.2 * plan.bound_bytes


def test_a_pointwise_layer_takes_two_pixels_more_than_its_input() -> None:
    arch = Arch((10, 10, 8), (Conv2D(name="y", inputs=(INPUT,), filters=8, kernel=(1, 1)),))
    assert plan_arena(arch).bytes == 816 + 32  # and two columns of eight values of 16 bits


def test_add_relu_and_reshape_are_in_place() -> None:
    layers = (
        Relu(name="a", inputs=(INPUT,)),
        Add(name="b", inputs=(INPUT, "a")),
        Reshape(name="c", inputs=("b",), shape=(64,)),
        Relu(name="d", inputs=("c",)),
    )
    plan = plan_arena(Arch((8, 8, 1), layers))
    assert plan.bytes == 128
    assert plan.offsets["b"] == plan.offsets["c"] == plan.offsets["d"]


ELEMENTWISE: tuple[Layer, ...] = (
    *(kind(name="y", inputs=("a",)) for kind in (Relu, HardSwish, Logistic, Tanh, Elu, Abs, Rsqrt, Quantize)),
    LeakyRelu(name="y", inputs=("a",), alpha=0.1),
    *(
        kind(name="y", inputs=inputs)
        for kind in (Add, Sub, Mul, Minimum, Maximum, SquaredDifference, Prelu)
        for inputs in (("a", "b"), ("a", "c"))
    ),
)


@pytest.mark.parametrize("target", [DSP, PLAIN], ids=lambda target: target.name)
def test_elementwise_layers_are_in_place(target: Target) -> None:
    """A layer that changes each code alone, or combines each with another one, needs no memory for its output.

    Its input is the map of a convolution, larger than what the convolution reads; a second operand is another map, or a
    constant of one code a channel.
    """
    conv = Conv2D(name="a", inputs=(INPUT,), filters=32, kernel=(1, 1))
    constant, size = TensorSpec("c", (32,), "int8"), 8 * 8 * 32
    for layer in ELEMENTWISE:
        convolutions = (conv, replace(conv, name="b")) if "b" in layer.inputs else (conv,)
        constants = (constant,) if "c" in layer.inputs else ()
        plan = plan_arena(Arch((8, 8, 1), (*convolutions, layer), constants=constants), target)
        assert plan.bytes < size * len(convolutions) + size // 2, layer
        assert plan.offsets["y"] in {plan.offsets[conv.name] for conv in convolutions}, layer


def test_four_bits_need_no_more_memory_than_eight() -> None:
    eight = Conv2D(name="y", inputs=(INPUT,), filters=8, kernel=(3, 3))
    plans = [plan_arena(Arch((9, 9, 5), (replace(eight, weight_bits=bits),))) for bits in (8, 4)]
    assert plans[0].bytes == plans[1].bytes
    assert plans[0].offsets == plans[1].offsets


def rows_per_pass(plan: ArenaPlan) -> dict[str, int]:
    return {k.step.layer.name: k.rows_per_pass for k in plan.kernels if isinstance(k, DepthwiseKernel)}


def test_a_depthwise_layer_lies_over_its_input() -> None:
    """Beside its input it takes the lines under four lines of output, and 12 words for a channel.

    These lines are 6, each of 16 + 2 values of 16 bits.
    """
    arch = Arch((16, 8, 8), (DepthwiseConv2D(name="y", inputs=(INPUT,), kernel=(3, 3)),))
    plan = plan_arena(arch)
    assert plan.offsets["y"] == plan.offsets[INPUT]
    assert rows_per_pass(plan) == {"y": 4}
    assert plan.bytes == plan.bound_bytes == 1024 + 4 * 12 + 6 * 18 * 2 + 8


def test_strips_grow_into_memory_that_is_free() -> None:
    layers = (
        DepthwiseConv2D(name="y", inputs=(INPUT,), kernel=(3, 3)),
        Conv2D(name="z", inputs=("y",), kernel=(3, 3), filters=32),
    )
    arch = Arch((16, 8, 8), layers)
    plan = plan_arena(arch)
    assert rows_per_pass(plan) == {"y": 8}
    scratch = next(b for b in plan.buffers if b.scratch)
    assert isinstance(kernel := plan.kernels[0], DepthwiseKernel)
    assert scratch.bytes == kernel.schedule.scratch_bytes(8)
    check(arch)


def test_strided_depthwise_layers_lie_over_their_input_where_they_read_ahead() -> None:
    def lies_over(**sizes: object) -> bool:
        layer = DepthwiseConv2D(name="y", inputs=(INPUT,), **{"kernel": (3, 3), **sizes})  # type: ignore[arg-type]
        return choose_all(Arch((9, 9, 2), (layer,)), DSP)[0].overlap.same_start

    assert lies_over(stride=(2, 2))
    assert lies_over(padding="valid")
    assert lies_over(dilation=(2, 2))
    assert not lies_over(dilation=(2, 2), padding="valid")  # the parts of a line no longer lie over themselves
    assert not lies_over(multiplier=2)


def test_an_int8_input_of_a_first_quantize_takes_a_byte_for_each_value() -> None:
    """And one of float32 takes four."""
    layers = (
        Quantize(name="q", inputs=(INPUT,)),
        Conv2D(name="c", inputs=("q",), filters=2, kernel=(3, 3), stride=(4, 4)),
    )
    arch = Arch((20, 20, 3), layers)
    quant = {"q": TensorQuant(0.05, 3), "c": TensorQuant(0.1, 0)}
    weights = {"c": LayerWeights(np.full((2, 3, 3, 3), 5, np.int8), np.full(1, 0.02, np.float32), None)}
    real = QuantizedModel(replace(arch, input_type="float32"), quant, weights)
    codes = QuantizedModel(arch, {INPUT: TensorQuant(0.02, -7), **quant}, weights)
    arenas = {model is real: compile_model(model).arena_bytes for model in (real, codes)}
    assert arenas[True] >= 4 * 1200
    assert arenas[False] < 2 * 1200 + 600
    for limit in (0, None):
        compiled = compile_model(codes, arena_limit=limit)
        x = np.random.default_rng(0).integers(-128, 128, (3, 20, 20, 3)).astype(np.int8)
        assert np.array_equal(run_on_host(compiled, x), reference.run(codes, x))
    file = as_file(codes, "m")
    assert inspect(file, "NUCLEO-F446RE").arena_c_bytes == arenas[False]
    assert inspect(as_file(real, "m"), "NUCLEO-F446RE").arena_c_bytes == arenas[True]
