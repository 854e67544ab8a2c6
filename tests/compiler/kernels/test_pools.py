"""Pools as C: windows of many sizes, sums of either sign, ties, the least and the largest codes."""

from dataclasses import replace

import numpy as np

from micronets.boards.targets import DSP
from micronets.compiler import compile_model
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.pool import AverageMapKernel, PoolKernel
from micronets.device import host
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, AveragePool2D, Conv2D, MaxPool2D
from micronets.quantized import reference
from tests.support.generated_c import assert_equals_reference, needs_host_compiler
from tests.support.random_models import random_model

WINDOWS = [(1, 1), (1, 2), (2, 2), (3, 3), (5, 7), (15, 17), (16, 16)]
CHANNELS = 9  # two groups of four, and one more


def test_windows() -> None:
    r = np.random.default_rng(0)
    models = [
        random_model(Arch((*pool, CHANNELS), (kind(name="y", inputs=(INPUT,), pool=pool, stride=(1, 1)),)), 1)
        for kind in (AveragePool2D, MaxPool2D)
        for pool in WINDOWS
    ]
    inputs = []
    for shape in (model.arch.input_shape for model in models):
        few, any_code = r.integers(-2, 3, (40, *shape)), r.integers(-128, 128, (40, *shape))
        x = np.concatenate([few, any_code, np.full((1, *shape), -128), np.full((1, *shape), 127)])
        inputs.append(x.astype(np.int8))
    assert_equals_reference(models, inputs=inputs)


def test_a_whole_map_has_a_small_kernel_where_it_hardly_counts() -> None:
    needs_host_compiler()
    conv = Conv2D(name="conv", inputs=(INPUT,), filters=CHANNELS, kernel=(3, 3), padding="same")
    pool = AveragePool2D(name="pool", inputs=("conv",), pool=(3, 4), stride=(3, 4))
    model = random_model(Arch((3, 4, 480), (conv, pool)), 1)
    kernels = {goal: choose_all(model.arch, DSP, goal)[1] for goal in ("size", "balanced", "speed")}
    assert [type(kernel) for kernel in kernels.values()] == [AverageMapKernel, AverageMapKernel, PoolKernel]
    halves = replace(model, arch=Arch((3, 4, 480), (conv, replace(pool, pool=(3, 2), stride=(3, 2)))))
    assert type(choose_all(halves.arch, DSP)[1]) is PoolKernel
    x = np.random.default_rng(0).integers(-128, 128, (20, *model.arch.input_shape)).astype(np.int8)
    assert np.array_equal(host.build_library([compile_model(model)]).run(0, x), reference.run(model, x))
