"""What a layer is compiled to, as values: their sizes, their text, and the kernel that makes them."""

import re
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.boards.targets import DSP
from micronets.compiler import compile_model, plan_arena
from micronets.compiler.generate import ctext
from micronets.compiler.kernels.base import (
    Constant,
    Element,
    InputRows,
    Name,
    Offset,
    OutputRows,
    PadTop,
    Pointer,
    Real,
    Struct,
    Table,
)
from micronets.compiler.kernels.choose import choose_all
from micronets.compiler.kernels.conv import ConvKernel
from micronets.compiler.kernels.dense import DenseKernel
from micronets.device.cross_compiler import find_compiler, run_tool
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, FullyConnected, Mean, Reshape
from micronets.quantized.model import QuantizedModel
from tests.support.random_models import random_arch, random_model

F446 = load_board("NUCLEO-F446RE")
ONE = {"name": "y", "inputs": (INPUT,)}


@pytest.mark.parametrize(("ctype", "size"), [("int8_t", 6), ("uint8_t", 6), ("int32_t", 24), ("uint32_t", 24)])
def test_a_table_takes_its_elements(ctype: Element, size: int) -> None:
    table = Table(ctype, "t_1", np.arange(6).reshape(2, 3))
    assert table.bytes == size
    assert ctext.constant(table) == f"static const {ctype} t_1[6] = {{\n    0, 1, 2, 3, 4, 5,\n}};\n"


def test_a_struct_by_hand() -> None:
    inner = Struct("micronets_window", (("in_h", InputRows(9)), ("out_h", OutputRows(4)), ("pad_top", PadTop(1))))
    fields = (
        ("input", Offset("x", 32)),
        ("count", OutputRows(4, 6)),
        ("base", inner),
        ("f", Name("g")),
        ("a", (1, -2)),
    )
    record = Constant("layer_3", Struct("micronets_conv_layer", fields))
    assert ctext.constant(record) == (
        "static const micronets_conv_layer layer_3 = {\n"
        "    .input = 32, .count = 24, .base = {.in_h = 9, .out_h = 4, .pad_top = 1}, .f = g, .a = {1, -2},\n"
        "};\n"
    )
    assert record.bytes == 64


def test_arguments_by_hand() -> None:
    arguments = (
        7,
        Name("t"),
        Real(0.5),
        Pointer(Offset("x", 8)),
        Pointer(Offset("x", 8), "const float"),
        OutputRows(2, 3),
    )
    assert [ctext.argument(a) for a in arguments] == ["7", "t", "0.5f", "a + 8", "(const float *)(void *)(a + 8)", "6"]


@pytest.mark.parametrize(
    ("shape", "layer", "function"),
    [
        ((4, 4, 3), Conv2D(**ONE, filters=4, kernel=(3, 3)), "micronets_conv"),
        ((4, 4, 4), Conv2D(**ONE, filters=4, kernel=(3, 3)), "micronets_conv_c4"),
        ((4, 4, 3), Conv2D(**ONE, filters=4, kernel=(1, 1)), "micronets_conv_1x1"),
        ((4, 4, 3), Conv2D(**ONE, filters=4, kernel=(1, 1), weight_bits=4), "micronets_conv_s4"),
        ((4, 4, 3), Conv2D(**ONE, filters=4, kernel=(1, 1), stride=(2, 2)), "micronets_conv"),
    ],
)
def test_the_kernel_of_a_convolution(shape: tuple[int, ...], layer: Conv2D, function: str) -> None:
    [kernel] = choose_all(Arch(shape, (layer,)), DSP)
    assert isinstance(kernel, ConvKernel)
    assert kernel.function == function


def test_a_convolution_of_one_pixel_is_a_dense_layer() -> None:
    [kernel] = choose_all(Arch((1, 1, 3), (Conv2D(**ONE, filters=4, kernel=(1, 1)),)), DSP)
    assert isinstance(kernel, DenseKernel)


def test_a_plan_holds_the_scratch_memory_of_the_kernels_that_are_written() -> None:
    for seed in range(40):
        plan = plan_arena(random_arch(seed))
        planned = {buffer.name: buffer.bytes for buffer in plan.buffers if buffer.scratch}
        wanted = {kernel.step.layer.name: kernel.scratch_bytes for kernel in plan.kernels if kernel.scratch_bytes}
        assert planned == wanted


def cases() -> list[tuple[str, QuantizedModel]]:
    """Returns networks with constants of every kind: records, tables of 4 bits, functions of their own, patches."""
    shrinking: tuple[Conv2D | DepthwiseConv2D | Mean, ...] = (
        Conv2D(name="a", inputs=(INPUT,), filters=16, kernel=(3, 3)),
        DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3), stride=(2, 2)),
        Mean(name="c", inputs=("b",)),
    )
    wide = FullyConnected(**ONE, units=12, weight_bits=4)
    found = [("patched", Arch((32, 32, 3), shrinking)), ("four bits", Arch((9,), (wide,)))]
    found += [("an alias alone", Arch((4, 2), (Reshape(**ONE, shape=(8,)),)))]
    found += [(f"random {seed}", random_arch(seed)) for seed in range(6)]
    return [(name, random_model(arch, 1)) for name, arch in found]


@pytest.mark.parametrize("which", ["gcc", "zig"])
def test_constants_take_what_the_compiler_of_c_makes_of_them(which: str, tmp_path: Path) -> None:
    try:
        cc = find_compiler(F446, which)
    except DeviceError as e:
        pytest.skip(str(e))
    flags = (*cc.core_flags, *cc.hosted, "-std=c99", "-Wno-unused-function")
    for number, (name, model) in enumerate(cases()):
        compiled = compile_model(model, arena_limit=0)
        assert bool(compiled.plan.groups) >= (name == "patched")
        directory = tmp_path / str(number)
        directory.mkdir()
        for file, text in compiled.files.items():
            (directory / file).write_text(text)
        source = compiled.files["model.c"]
        constants = re.findall(r"^static (?:const )?[\w ]+?\*?(?:const )?(\w+)(?:\[\w*\])* = \{", source, re.MULTILINE)
        total = " + ".join(f"sizeof({constant})" for constant in constants)
        check = f"typedef char checked[{total} == {compiled.constant_bytes} ? 1 : -1];\n"
        (directory / "model.c").write_text(source + check)
        run_tool(
            [*cc.command, *flags, "-c", str(directory / "model.c"), "-o", str(directory / "model.o")], f"compile {name}"
        )
