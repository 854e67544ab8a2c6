"""What a layer is compiled to, as values: their sizes, their text, and the kernel that makes them."""

import re
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.boards.targets import DSP
from micronets.compiler import compile_model, compiled_contents, plan_arena
from micronets.compiler.generate import calls_c, ctext
from micronets.compiler.kernels.base import (
    Arena,
    Call,
    Constant,
    ConstantOperand,
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


@pytest.mark.parametrize("kind", ["int8", "int16", "int32"])
@pytest.mark.parametrize("count", [0, 1, 26, 27, 28, 500])
def test_rows_of_a_table_are_as_long_as_they_may_be(kind: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctext, "_PIECE", 7)  # numbers that are written at a time; rows are longer
    info = np.iinfo(kind)
    values = np.random.default_rng(count).integers(info.min, info.max, count, dtype=kind, endpoint=True)
    head, *rows, foot = ctext.array(f"{kind}_t", "x", values).splitlines()
    assert (head, foot) == (f"static const {kind}_t x[{count}] = {{", "};")
    words = [row.split() for row in rows]
    assert [int(word[:-1]) for row in words for word in row] == values.tolist()
    assert all(len(row) <= 110 for row in rows)
    assert all(len(row) + 1 + len(after[0]) > 110 for row, after in zip(rows, words[1:], strict=False))


def test_bytes_of_flash_are_counted_without_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """For an input of ten million values, the text of the test vector takes seconds, which `inspect` does not need."""
    model = random_model(random_arch(3), 3)
    known = compile_model(model, arena_limit=0)
    monkeypatch.setattr(ctext, "array", None)
    assert compiled_contents(model, arena_limit=0) == known.contents


def test_a_struct_by_hand() -> None:
    inner = Struct("micronets_window", (("in_h", InputRows(9)), ("out_h", OutputRows(4)), ("pad_top", PadTop(1))))
    fields = (
        ("input", Offset("x", 32)),
        ("count", OutputRows(4, 6)),
        ("base", inner),
        ("f", Name("g", "micronets_row *")),
        ("a", (1, -2)),
    )
    record = Constant("layer_3", Struct("conv_record", fields))
    assert ctext.constant(record) == (
        "static const conv_record layer_3 = {\n"
        "    .input = 32, .count = 24, .base = {.in_h = 9, .out_h = 4, .pad_top = 1}, .f = g, .a = {1, -2},\n"
        "};\n"
    )
    assert inner.bytes == 32


def test_a_call_by_hand() -> None:
    table = Table("uint8_t", "table_2", np.array([1, 2, 3, 4], np.uint8))
    window = Struct("micronets_window", (("in_h", InputRows(9)), ("pad_top", PadTop(1))))
    call = Call.of(
        "micronets_try",
        arena=Arena(),
        input=Pointer(Offset("x", 8), "const float"),
        output=Pointer(Offset("y", 16)),
        table=table,
        other=ConstantOperand(table),
        window=window,
        count=OutputRows(2, 3),
        low=-7,
        scale=Real(0.5),
        kernel=Name("micronets_inner", "micronets_row *"),
    )
    assert calls_c.runners([call, call]).partition("*/\n")[2] == (
        "typedef struct {\n"
        "    int32_t input;\n"
        "    int32_t output;\n"
        "    const uint8_t *table;\n"
        "    const uint8_t *other;\n"
        "    micronets_window window;\n"
        "    int32_t count;\n"
        "    int32_t low;\n"
        "    float scale;\n"
        "    micronets_row *kernel;\n"
        "} try_constant_other_record;\n"
        "MICRONETS_AGREE_SIZE(try_constant_other_record, 64);\n"
        "static void run_try_constant_other(int8_t *a, const void *record)\n"
        "{\n"
        "    const try_constant_other_record *const r = (const try_constant_other_record *)record;\n"
        "    micronets_try(a, (const float *)(void *)(a + r->input), a + r->output, r->table, r->other, &r->window,"
        " r->count,\n"
        "                  r->low, r->scale, r->kernel);\n"
        "}\n"
    )
    assert ctext.constant(calls_c.record(call, 2)) == (
        "static const try_constant_other_record layer_2 = {\n"
        "    .input = 8, .output = 16, .table = table_2, .other = table_2, .window = {.in_h = 9, .pad_top = 1},"
        " .count = 6,\n"
        "    .low = -7, .scale = 0.5f, .kernel = micronets_inner,\n"
        "};\n"
    )
    assert (call.record_bytes, call.tables) == (64, (table,))


def test_one_function_runs_the_calls_of_a_kernel() -> None:
    few, many = (Call.of("micronets_try", count=count) for count in (1, Name("MANY", "micronets_type")))
    assert calls_c.runners([few, few]).count("run_try(") == 1
    with pytest.raises(AssertionError, match="micronets_try is called with arguments of two types"):
        calls_c.runners([few, many])


@pytest.mark.parametrize(
    ("shape", "layer", "function"),
    [
        ((4, 4, 3), Conv2D(**ONE, filters=4, kernel=(3, 3)), "micronets_conv"),
        ((4, 4, 4), Conv2D(**ONE, filters=4, kernel=(3, 3)), "micronets_conv_c4"),
        ((4, 4, 3), Conv2D(**ONE, filters=4, kernel=(1, 1)), "micronets_conv_1x1"),
        ((4, 4, 3), Conv2D(**ONE, filters=4, kernel=(1, 1), weight_bits=4), "micronets_conv_1x1_s4"),
        ((4, 4, 3), Conv2D(**ONE, filters=4, kernel=(3, 3), weight_bits=4), "micronets_conv_s4"),
        ((4, 4, 4), Conv2D(**ONE, filters=4, kernel=(3, 3), weight_bits=4), "micronets_conv_c4_s4"),
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
