"""Layers that run together in patches: every row is computed once, from the right rows, into the right bytes."""

import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from micronets.boards.targets import DSP
from micronets.compiler import compile_model, plan_arena
from micronets.compiler.generate.model_c import generate
from micronets.compiler.kernels.base import RowReach
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.memory.choose_patches import plan_patches
from micronets.compiler.memory.patches import PatchGroup, patch_group, possible_groups, rows_needed
from micronets.device import host
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, AveragePool2D, Conv2D, DepthwiseConv2D, Layer, MaxPool2D, Mean, Pad, Relu
from micronets.quantized import reference
from tests.support.generated_c import assert_equals_reference, needs_host_compiler
from tests.support.random_models import random_arch, random_input, random_model

_LARGE: list[Layer] = [
    Conv2D(name="stem", inputs=(INPUT,), filters=16, kernel=(3, 3), stride=(2, 2), activation="relu6"),
    DepthwiseConv2D(name="dw1", inputs=("stem",), kernel=(3, 3), activation="relu6"),
    Conv2D(name="pw1", inputs=("dw1",), filters=24, kernel=(1, 1), activation="relu6"),
    DepthwiseConv2D(name="dw2", inputs=("pw1",), kernel=(3, 3), stride=(2, 2), activation="relu6"),
    Conv2D(name="pw2", inputs=("dw2",), filters=32, kernel=(1, 1), activation="relu6"),
    Mean(name="mean", inputs=("pw2",)),
]
LARGE = Arch((160, 160, 3), tuple(_LARGE))  # 155 kB with whole maps, 77 of them the input


@pytest.fixture
def compiler() -> None:
    needs_host_compiler()


def high_arch(seed: int) -> Arch:
    """Returns a network on maps of many rows and few columns, for patches.

    Its layers have strides, kernels up to 5, dilation, both paddings and more channels; pools and residual sums are
    among them.
    """
    rng = random.Random(f"high {seed}")
    shape = (rng.choice((6, 9, 16, 23, 31)), rng.choice((1, 2, 4)), rng.choice((1, 3, 4)))
    layers: list[Layer] = []
    while len(layers) < 9:
        name, (h, _, c) = f"t{len(layers)}", Arch(shape, tuple(layers)).output_shape if layers else shape
        base = {"name": name, "inputs": (layers[-1].name if layers else INPUT,)}
        span, stride = rng.choice((1, 2, 3, 3, 4, 5)), rng.choice((1, 1, 1, 2, 3))
        sizes = {"stride": (stride, 1), "padding": "valid" if span < h and rng.random() < 0.3 else "same"}
        dilated = {"dilation": (rng.choice((1, 1, 2)), 1)} if sizes["padding"] == "same" else {}
        kind = rng.choice(("conv", "conv", "depthwise", "depthwise", "average", "max", "relu", "pad", "residual"))
        if kind == "conv":
            layers.append(Conv2D(**base, **sizes, **dilated, filters=rng.choice((1, 3, 4, 5)), kernel=(span, 1)))
        elif kind == "depthwise":
            layers.append(
                DepthwiseConv2D(**base, **sizes, **dilated, kernel=(span, 1), multiplier=rng.choice((1, 1, 2)))
            )
        elif kind in ("average", "max"):
            layers.append((AveragePool2D if kind == "average" else MaxPool2D)(**base, **sizes, pool=(span, 1)))
        elif kind == "relu":
            layers.append(Relu(**base))
        elif kind == "pad":
            layers.append(Pad(**base, paddings=((0, 0), (rng.randint(0, 1), 0), (0, rng.randint(0, 2)))))
        else:
            layers.append(DepthwiseConv2D(**base, kernel=(rng.choice((1, 3, 5)), 1)))
            layers.append(Conv2D(name=f"{name}b", inputs=(name,), kernel=(1, 1), filters=c))
            layers.append(Add(name=f"{name}c", inputs=(base["inputs"][0], f"{name}b")))
    return Arch(shape, tuple(layers))


def groups(arch: Arch, heights: tuple[int, ...]) -> Iterator[PatchGroup]:
    """Yields every group of layers that can run together, in patches of each height."""
    kernels = choose_all(arch, DSP)
    for first, last in possible_groups(kernels, arch.outputs):
        for height in heights:
            yield patch_group(kernels, first, last, height, arch.element_bytes())


def follow(arch: Arch, group: PatchGroup) -> None:
    """Goes through the patches with buffers that hold the numbers of the rows in them."""
    kernels = choose_all(arch, DSP)[group.first : group.last + 1]
    steps = [kernel.step for kernel in kernels]
    shapes = arch.shapes()
    source = list(range(shapes[group.source][0]))
    output: list[int] = []
    buffers: dict[str, list[int | None]] = {name: [None] * rows for name, rows in group.rows.items()}
    done = dict.fromkeys((s.layer.name for s in steps), 0)
    at, sizes = 0, {name: size // shapes[name][0] for name, size in arch.tensor_bytes().items() if shapes[name]}
    for equal in group.patches:
        for _ in range(equal.times):
            at += equal.advance
            gone = at * sizes[group.source]
            if group.gap is not None:  # rows of the input that are still needed have not been written over
                assert len(output) * sizes[steps[-1].layer.name] <= gone + group.gap
            for kernel, patch in zip(kernels, equal.layers, strict=True):
                step = kernel.step
                layer, name, r = step.layer, step.layer.name, rows_needed(kernel)
                assert isinstance(r, RowReach)
                if not patch.rows:
                    continue
                buffer = buffers.get(name, output)
                if name in buffers:
                    buffer[: patch.kept] = buffer[patch.moved : patch.moved + patch.kept]
                    assert patch.kept + patch.rows <= len(buffer)
                for row in range(patch.rows):
                    y = done[name] + row
                    want = [
                        i
                        for i in range(y * r.stride - r.pad, y * r.stride - r.pad + r.span)
                        if 0 <= i < step.input_shapes[0][0]
                    ]
                    for k, tensor in enumerate(layer.inputs):
                        rows = source[at:] if tensor == group.source else buffers[tensor]
                        taps = range(row * r.stride - patch.pad_top, row * r.stride - patch.pad_top + r.span)
                        assert [rows[patch.start[k] + t] for t in taps if 0 <= t < patch.in_h] == want
                    if name in buffers:
                        buffer[patch.kept + row] = y
                    else:
                        output.append(y)
                done[name] += patch.rows
    assert output == list(range(shapes[steps[-1].layer.name][0]))
    for step in steps:
        assert done[step.layer.name] <= step.output_shape[0]  # none twice


@pytest.mark.parametrize("block", range(4))
def test_every_row_is_computed_once_from_the_right_rows(block: int) -> None:
    found = 0
    for seed in range(block, 24, 4):
        for arch in (high_arch(seed), random_arch(seed)):
            for group in groups(arch, (1, 2, 3, 5, 100)):
                follow(arch, group)
                found += 1
    assert found > 100


def test_hand_computed_patches_of_two_convolutions_and_a_sum() -> None:
    base = {"filters": 2, "kernel": (3, 1)}
    layers = (
        Conv2D(name="a", inputs=(INPUT,), stride=(2, 1), **base),
        Conv2D(name="b", inputs=("a",), **base),
        Add(name="c", inputs=("a", "b")),
        Mean(name="m", inputs=("c",)),
    )
    arch = Arch((16, 4, 1), layers)
    kernels = choose_all(arch, DSP)
    assert list(possible_groups(kernels, arch.outputs)) == [(0, 2), (1, 2)]
    assert list(possible_groups(kernels, ("m", "a"))) == [(1, 2)]  # an output has to be whole
    group = patch_group(kernels, 0, 2, 1, arch.element_bytes())
    assert group.rows == {"a": 3, "b": 1}
    assert [(equal.times, equal.advance) for equal in group.patches] == [(1, 0), (1, 4), (4, 2), (1, 2), (1, 2)]
    first, second, middle, clipped, last = (equal.layers for equal in group.patches)
    assert [b.rows for b in first] == [2, 1, 1]
    assert [(b.moved, b.kept, b.rows) for b in second] == [(0, 2, 1), (0, 0, 1), (0, 0, 1)]
    assert [(b.moved, b.kept, b.rows) for b in middle] == [(1, 2, 1), (0, 0, 1), (0, 0, 1)]
    assert middle[1].start[0] == 0
    assert middle[2].start == (1, 0)
    assert (middle[0].in_h, clipped[0].in_h) == (3, 2)  # there is no row 16
    assert [b.rows for b in last] == [0, 1, 1]
    # rows of 8 bytes come out, two of 4 are done with for each, and four more since the first patch
    assert group.gap == 0


def test_c_in_patches_equals_the_reference() -> None:
    cases = []
    for seed in range(10):
        for i, arch in enumerate((high_arch(seed), random_arch(seed + 100))):
            model = random_model(arch, seed + i)
            possible = list(groups(arch, (1, 2, 5)))
            for group in random.Random(seed).sample(possible, min(2, len(possible))):
                cases.append((model, generate(model, plan_arena(arch, groups=(group,)))))
    assert len(cases) > 20
    models, compiled = zip(*cases, strict=True)
    assert_equals_reference(models, compiled=compiled)


def test_a_large_input_fits_in_patches_alone(compiler: None) -> None:
    """128 KB are there."""
    model = random_model(LARGE, 0)
    plain, patched = compile_model(model), compile_model(model, arena_limit=128 * 1024)
    assert plain.arena_bytes > 150_000
    assert 76_800 < patched.arena_bytes <= 128 * 1024
    assert compile_model(model, arena_limit=0).arena_bytes < 93_000
    x = random_input(model, 2, 0)
    assert np.array_equal(host.run_on_host(patched, x), reference.run(model, x))


def test_a_limit_that_holds_changes_nothing_and_no_arena_grows() -> None:
    for seed in range(20):
        arch = random_arch(seed)
        plain = plan_arena(arch)
        assert plan_patches(arch, plain.bytes) == plain
        smallest = plan_patches(arch, 0)
        assert smallest.bytes < plain.bytes if smallest.groups else smallest == plain


def test_lines_of_long_groups_have_at_most_120_columns() -> None:
    names = [INPUT, *(f"conv{i}" for i in range(14))]
    layers = tuple(Conv2D(name=name, inputs=(source,), filters=2, kernel=(3, 1)) for source, name in pairwise(names))
    arch = Arch((32, 4, 2), layers)
    group = patch_group(choose_all(arch, DSP), 0, 13, 1, arch.element_bytes())
    model = random_model(arch, 0)
    text = generate(model, plan_arena(arch, groups=(group,))).files["model.c"]
    assert "static void patches_0" in text
    assert max(map(len, text.splitlines())) <= 120
