"""Tensors that are runs of others lie inside these: joining, dividing and slicing them then costs nothing."""

from __future__ import annotations

import numpy as np
import pytest

from micronets.boards.targets import DSP
from micronets.compiler import compile_model
from micronets.compiler.kernels.base import Place
from micronets.compiler.memory.plan import needs, plan_arena
from micronets.device.host import build_library
from micronets.ir import layers
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Layer
from micronets.quantized import reference
from micronets.quantized.random_weights import with_random_weights
from micronets.runtimes.base import seeded_inputs


def conv(name: str, source: str, filters: int = 4) -> layers.Conv2D:
    return layers.Conv2D(name=name, inputs=(source,), filters=filters, kernel=(3, 3))


BRANCHES: tuple[Layer, ...] = (
    conv("a", INPUT),
    conv("b", INPUT),
    layers.Concatenation(name="joined", inputs=("a", "b"), axis=0),
    conv("end", "joined"),
)
"""Two branches over the same input whose rows are joined."""

SEQUENCE: tuple[Layer, ...] = (
    layers.Split(name="first", inputs=(INPUT,), axis=0, others=("second",), sizes=(12, 4)),
    layers.FullyConnected(name="x", inputs=("first",), units=8),
    layers.FullyConnected(name="y", inputs=("second",), units=8),
    layers.Pack(name="both", inputs=("x", "y"), axis=0),
    layers.StridedSlice(name="last", inputs=("both",), begin=(1, 0), size=(1, 8), strides=(1, 1), shrink=(0,)),
    layers.Unpack(name="one", inputs=("both",), axis=0, others=("two",)),
    layers.Add(name="sum", inputs=("one", "last")),
    layers.Concatenation(name="end", inputs=("sum", "two"), axis=0),
)
"""Vectors that are divided, packed, taken out and joined."""


def copies(arch: Arch) -> list[str]:
    """The layers that have a call in our C, by name, of a network with random weights."""
    compiled = compile_model(with_random_weights(arch))
    kernels, steps = compiled.plan.kernels, compiled.model.arch.steps()
    made = [
        kernel.code(compiled.model, Place(i, compiled.plan.offsets)).call
        for i, (kernel, step) in enumerate(zip(kernels, steps, strict=True))
    ]
    return [step.layer.name for step, call in zip(steps, made, strict=True) if call is not None]


def test_joined_rows_are_written_where_they_belong() -> None:
    arch = Arch((16, 8, 4), BRANCHES)
    plan = plan_arena(arch)
    assert plan.offsets["a"] == plan.offsets["joined"]
    assert plan.offsets["b"] == plan.offsets["joined"] + 16 * 8 * 4
    # Copied, the parts and what they become would be alive at once: 4 times the map, and now input and joined map.
    assert plan.bytes < 4 * 16 * 8 * 4
    assert copies(arch) == ["a", "b", "end"]


def test_a_sequence_is_taken_apart_and_put_together_without_a_copy() -> None:
    arch = Arch((16, 8), SEQUENCE)
    net = needs(arch, DSP)
    assert net.owner["first"] == net.owner["second"] == INPUT
    assert net.within["second"] == 12 * 8
    assert {net.owner[name] for name in ("x", "y", "last", "one", "two")} == {"both"}
    assert net.within["last"] == net.within["two"] == 8
    assert copies(arch) == ["x", "y", "sum", "end"]  # the last one also takes "two", which lies in "both"


@pytest.mark.parametrize("stack", [BRANCHES, SEQUENCE], ids=["branches", "sequence"])
def test_the_bytes_are_those_of_the_reference(stack: tuple[Layer, ...]) -> None:
    shape = (16, 8, 4) if stack is BRANCHES else (16, 8)
    arch = Arch(shape, stack, output_names=tuple(n for a in stack for n in a.outputs if n != "first"))
    for outputs in (None, arch.output_names):
        model = with_random_weights(Arch(shape, stack, output_names=outputs), 3)
        x = seeded_inputs(model, 4, 5)
        library = build_library([compile_model(model)])
        for name, want in reference.outputs(model, x).items():
            np.testing.assert_array_equal(library.outputs(0, x)[name], want, err_msg=name)


def test_what_cannot_lie_inside_is_copied() -> None:
    twice = Arch(
        (4, 8), (layers.Relu(name="a", inputs=(INPUT,)), layers.Concatenation(name="y", inputs=("a", "a"), axis=0))
    )
    input_too = Arch(
        (4, 8), (layers.Relu(name="a", inputs=(INPUT,)), layers.Concatenation(name="y", inputs=("a", INPUT), axis=0))
    )
    odd = Arch((3, 3), (layers.Split(name="a", inputs=(INPUT,), axis=0, others=("b", "c")),))
    for arch in (twice, input_too):
        net = needs(arch, DSP)
        assert net.owner["a"] == "y"
        assert net.owner[INPUT] == INPUT
    assert needs(odd, DSP).owner["b"] == "b"  # 3 bytes behind the start: words would not be aligned
    columns = Arch((4, 8), (layers.Split(name="a", inputs=(INPUT,), axis=1, others=("b",)),))
    assert needs(columns, DSP).owner["b"] == "b"


def test_a_slice_does_not_keep_a_large_map_alive() -> None:
    stack = (
        layers.Relu(name="map", inputs=(INPUT,)),
        layers.Slice(name="row", inputs=("map",), begin=(0, 0, 0), size=(1, 32, 8)),
        conv("wide", "row", 32),
        conv("end", "wide", 32),
        layers.Add(name="sum", inputs=("row", "row")),
    )
    arch = Arch((8, 32, 8), stack, output_names=("end", "sum"))
    net = needs(arch, DSP)
    assert net.owner["row"] in ("row", "map", INPUT)
    assert plan_arena(arch).bytes <= 8 * 32 * 8 + 32 * 8 + 32 * 32 * 2


def test_a_transposition_that_changes_nothing_costs_nothing() -> None:
    arch = Arch((1, 6, 4), (layers.Transpose(name="y", inputs=(INPUT,), permutation=(1, 0, 2)),))
    assert needs(arch, DSP).owner["y"] == INPUT


def test_an_output_does_not_overwrite_an_input_that_lies_beside_another() -> None:
    """A row that is subtracted from several is read again and again: no output may lie over it."""
    stack = (
        layers.Relu(name="x", inputs=(INPUT,)),
        layers.Split(name="rows", inputs=("x",), axis=0, others=("row",), sizes=(6, 1)),
        layers.Sub(name="difference", inputs=("rows", "row")),
    )
    arch = Arch((7, 8), stack)
    net = needs(arch, DSP)
    assert net.owner["rows"] == net.owner["row"]
    model = with_random_weights(arch, 1)
    x = seeded_inputs(model, 6, 2)
    np.testing.assert_array_equal(build_library([compile_model(model)]).run(0, x), reference.run(model, x))
