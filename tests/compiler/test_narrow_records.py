"""Records that hold only what differs between the layers of a kernel."""

import re

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.compiler.generate.narrow_c import FIELD_BYTES, narrow_records
from micronets.compiler.kernels.base import Call, Name, Offset, Pointer, Real, Struct, Table
from micronets.device import host
from micronets.device.cross_compiler import build_firmware, find_compiler, firmware_files
from micronets.device.sim.elf import read_image
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, Layer
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from micronets.runtimes.c import contents_bytes
from tests.support.generated_c import needs_host_compiler
from tests.support.random_models import random_model

F446 = load_board("NUCLEO-F446RE")
BLOCKS = 12


def deep_model() -> QuantizedModel:
    """Returns a network of many depthwise and pointwise layers whose sizes differ."""
    layers: list[Layer] = []
    before = INPUT
    for i in range(BLOCKS):
        stride = (2, 2) if i == 4 else (1, 1)
        layers.append(DepthwiseConv2D(name=f"d{i}", inputs=(before,), kernel=(3, 3), stride=stride, activation="relu"))
        layers.append(Conv2D(name=f"p{i}", inputs=(f"d{i}",), filters=4 + 3 * i % 8, kernel=(1, 1)))
        before = f"p{i}"
    return random_model(Arch((8, 8, 5), tuple(layers)), 1)


def calls(*numbers: int) -> dict[int, Call]:
    """Returns calls of a kernel that differ in where the input lies, and in sizes that are equal."""
    found = {}
    for i, number in enumerate(numbers):
        pad = Struct(
            "micronets_pad_params",
            (
                ("in_shape", (1, 2, number)),
                ("before", (0, 0, 0)),
                ("after", (0, 0, 4)),
                ("value", -number),
            ),
        )
        found[i] = Call.of(
            "micronets_pad",
            input=Pointer(Offset("x", 1000 * i)),
            output=Pointer(Offset("y", 0)),
            params=pad,
            count=number,
        )
    return found


def test_equal_numbers_share_a_field_and_constants_have_none() -> None:
    records = narrow_records(calls(*range(20, 120)))
    assert records is not None
    assert records.runner() == (
        "typedef struct {\n"
        "    int32_t input;\n"
        "    int8_t params_in_shape_2;\n"
        "    int8_t params_value;\n"
        "    uint8_t count;\n"
        "} pad_record;\n"
        "MICRONETS_AGREE_SIZE(pad_record, 8);\n"
        "static void run_pad(int8_t *a, const void *record)\n"
        "{\n"
        "    const pad_record *const r = (const pad_record *)record;\n"
        "    const micronets_pad_params params = {{1, 2, r->params_in_shape_2}, {0, 0, 0}, {0, 0, 4},"
        " r->params_value};\n"
        "    micronets_pad(a + r->input, a + 0, &params, r->count);\n"
        "}\n"
    )
    assert records.record(3).value.fields == (
        ("input", 3000),
        ("params_in_shape_2", 23),
        ("params_value", -23),
        ("count", 23),
    )
    assert records.saved_bytes == 100 * (40 - 8)


def test_records_stay_wide_where_narrow_ones_save_too_little_or_cannot_be() -> None:
    assert narrow_records(calls(20)) is None
    assert narrow_records(calls(*range(20, 24))) is None
    floats = {i: Call.of("micronets_try", input=Pointer(Offset("x", i)), scale=Real(0.5)) for i in range(100)}
    assert narrow_records(floats) is None
    table = Table("int8_t", "table", np.zeros(4, np.int8))
    mixed = {i: Call.of("micronets_try", other=table if i else 0) for i in range(100)}
    assert narrow_records(mixed) is None


def test_a_deep_network_computes_the_same_bytes_from_narrow_records() -> None:
    needs_host_compiler()
    model = deep_model()
    small, fast = (compile_model(model, goal=goal) for goal in ("size", "speed"))
    text = small.files["model.c"]
    assert re.search(r"uint8_t pixels;.*} conv_1x1_record;", text, re.DOTALL)
    assert small.contents.built_fields > 0 == fast.contents.built_fields
    assert small.constant_bytes + FIELD_BYTES * small.contents.built_fields < fast.constant_bytes
    x = np.random.default_rng(0).integers(-128, 128, (20, *model.arch.input_shape)).astype(np.int8)
    library = host.build_library([small, fast])
    assert all(np.array_equal(library.run(i, x), reference.run(model, x)) for i in (0, 1))


def test_flash_of_narrow_records_is_predicted() -> None:
    try:
        find_compiler(F446)
    except DeviceError as e:
        pytest.skip(str(e))
    compiled = compile_model(deep_model(), F446.target)
    built = read_image(build_firmware(firmware_files(compiled), F446).elf).flash_bytes
    assert 0 <= contents_bytes(compiled.contents, F446) - built < 600


def test_enumerators_that_differ_need_wide_records() -> None:
    """Compilers give a field of an enumerator's type one byte or four."""

    def run(*kinds: str) -> dict[int, Call]:
        pad = Struct(
            "micronets_pad_params", (("in_shape", (1, 2, 3)), ("before", (0,) * 3), ("after", (0,) * 3), ("value", 0))
        )
        return {
            i: Call.of(
                "micronets_cast",
                input=Pointer(Offset("x", i)),
                of=Name(f"MICRONETS_{kind}", "micronets_type"),
                params=pad,
            )
            for i, kind in enumerate(kinds)
        }

    assert narrow_records(run("INT8", "INT8", "INT8")) is not None
    assert narrow_records(run("INT8", "INT16", "INT8")) is None
