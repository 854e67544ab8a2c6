"""The kernels' files: which a network gets, in which order, and that C and assembly agree on sizes and offsets."""

from collections import Counter
from pathlib import Path

import pytest

import micronets.compiler
import micronets.device
from benchmarks import struct_offsets
from micronets.boards.board import load_board
from micronets.boards.targets import MVE, PLAIN
from micronets.compiler import compile_model
from micronets.compiler.kernel_files import PLACEMENT, is_source, kernel_files, kernel_name
from micronets.device.cross_compiler import find_compiler, run_tool
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D
from tests.support.generated_c import assert_equals_reference
from tests.support.random_models import random_arch, random_model

CSRC = Path(micronets.compiler.__file__).parent / "csrc"
FILES = sorted(path for path in CSRC.rglob("*.*") if path.is_file())
F446 = load_board("NUCLEO-F446RE")


def assemble(which: str, folder: Path, source: str, *changes: tuple[str, str, str]) -> None:
    """Compiles one file of the kernels with changes in others, each given as (file, old text, new text)."""
    try:
        cc = find_compiler(F446, which)
    except DeviceError as e:
        pytest.skip(str(e))
    texts = {path.name: path.read_text("utf-8") for path in FILES}
    for name, old, new in changes:
        assert texts[name].count(old) == 1, f"{name} holds {texts[name].count(old)} times: {old}"
        texts[name] = texts[name].replace(old, new)
    for name, text in texts.items():
        (folder / name).write_text(text)
    run_tool(
        [*cc.command, *cc.core_flags, *cc.hosted, "-O2", "-c", str(folder / source), "-o", str(folder / "o.o")],
        "compile",
    )


def test_every_source_has_its_place() -> None:
    names = {kernel_name(path.name) for path in FILES if is_source(path.name)}
    assert names == set(PLACEMENT)
    assert len(PLACEMENT) == len(names)


def test_files_have_different_names_and_lie_where_they_belong() -> None:
    assert max(Counter(path.name for path in FILES).values()) == 1
    for path in FILES:
        of_extension = [name for name in ("dsp", "mve") if path.name.startswith(f"micronets_{name}_")]
        usual = "plain" if is_source(path.name) else "include"
        assert path.parent.name == (*of_extension, usual)[0], path.name


def test_no_line_has_more_than_120_columns() -> None:
    firmware = Path(micronets.device.__file__).parent / "firmware"
    for path in (*FILES, *(path for path in firmware.rglob("*.*") if path.is_file())):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            assert len(line) <= 120, f"{path.name}:{number} has {len(line)} columns"


def test_a_kernel_brings_what_it_calls_and_no_more() -> None:
    sources = [name for name in kernel_files(["micronets_conv_1x1"]) if is_source(name)]
    assert sources == ["micronets_dsp_im2col_multiply.S", "micronets_im2col_multiply.c", "micronets_conv_1x1.c"]
    assert [*filter(is_source, kernel_files(["micronets_add"]))] == [
        "micronets_dsp_add_by4.S",
        "micronets_add.c",
        "micronets_dsp_add.c",
    ]
    assert [*filter(is_source, kernel_files(["micronets_depthwise_3x3_s1_relu"]))] == [
        "micronets_depthwise_3x3_s1_relu.c",
        "micronets_dsp_depthwise_3x3_s1_relu.c",
    ]


def test_no_other_file_asks_what_the_compiler_and_the_core_are() -> None:
    words = ("__ARM_", "__thumb", "__GNUC__", "__clang__", "__OPTIMIZE__")
    found = {path.name for path in FILES if any(word in path.read_text("utf-8") for word in words)}
    assert found == {"micronets_target.h"}


def test_the_header_of_offsets_is_up_to_date() -> None:
    try:
        expected = struct_offsets.header()
    except DeviceError as e:
        pytest.skip(str(e))
    assert struct_offsets.HEADER.read_text("utf-8") == expected, "write it anew: python -m benchmarks.struct_offsets"


@pytest.mark.parametrize("which", ["gcc", "zig"])
@pytest.mark.parametrize(
    ("source", "header", "old", "new"),
    [
        (
            "micronets_im2col_prepare.c",
            "micronets_im2col.h",
            "    int32_t zero_point; ",
            "    int32_t more, zero_point; ",
        ),
        (
            "micronets_depthwise_by4.c",
            "micronets_depthwise_by4_pass.h",
            "    int32_t bytes; ",
            "    int32_t more, bytes; ",
        ),
        ("micronets_dsp_add.c", "micronets_dsp_add_by4.h", "    int8_t *output; ", "    int8_t *more, *output; "),
        ("micronets_im2col_prepare.c", "micronets_offsets.h", "MICRONETS_IM2COL_CLAMP 36", "MICRONETS_IM2COL_CLAMP 40"),
    ],
)
def test_a_record_that_is_not_as_the_assembly_reads_it_does_not_build(
    which: str, source: str, header: str, old: str, new: str, tmp_path: Path
) -> None:
    assemble(which, tmp_path, source)
    with pytest.raises(DeviceError, match=r"micronets_agree_|array .*negative"):
        assemble(which, tmp_path, source, (header, old, new))


@pytest.mark.parametrize("which", ["gcc", "zig"])
@pytest.mark.parametrize(
    ("source", "name", "size"),
    [
        ("micronets_dsp_im2col_multiply.S", "MICRONETS_IM2COL_STEP_BYTES", 52),
        ("micronets_dsp_im2col_multiply_s4.S", "MICRONETS_IM2COL_S4_STEP_BYTES", 56),
        ("micronets_dsp_depthwise_by4_any.S", "MICRONETS_BY4_TAP_BYTES", 40),
        ("micronets_dsp_fully_connected_by8_rows.S", "MICRONETS_BY8_STEP_BYTES", 250),
        ("micronets_dsp_fully_connected_by8_rows_s4.S", "MICRONETS_BY8_S4_STEP_BYTES", 266),
    ],
)
def test_a_loop_of_another_size_does_not_build(which: str, source: str, name: str, size: int, tmp_path: Path) -> None:
    assemble(which, tmp_path, source)
    for other in (size - 2, size + 2):
        with pytest.raises(DeviceError, match=r"org"):
            assemble(which, tmp_path, source, ("micronets_loops.h", f"{name} {size}", f"{name} {other}"))


def test_a_package_for_a_core_with_vectors_alone_has_their_kernels() -> None:
    convolution = Conv2D(name="y", inputs=(INPUT,), filters=8, kernel=(3, 3))
    model = random_model(Arch((8, 8, 8), (convolution,)), 6)
    vectors, other = compile_model(model, MVE), compile_model(model)
    assert any(name.startswith("micronets_mve_") for name in vectors.files)
    assert not any(name.startswith("micronets_mve_") for name in other.files)
    header = (CSRC / "include/micronets_target.h").read_text("utf-8")
    assert vectors.files["micronets_target.h"] == (
        "/* The kernels for Arm's vector extension are part of this package. */\n#define MICRONETS_MVE_PACKAGE 1\n\n"
        + header
    )
    assert other.files["micronets_target.h"] == header
    assert "For a Cortex-M55 or Cortex-M85, the kernels use its vector and DSP" in vectors.files["README.md"]


def test_a_package_for_a_core_without_the_extension_has_portable_files_alone(tmp_path: Path) -> None:
    """Such a package also builds for a core with the extension, and for this machine told to use it."""
    model = random_model(random_arch(6), 6)
    dsp, plain = compile_model(model), compile_model(model, PLAIN)
    assert any(name.startswith("micronets_dsp_") for name in dsp.files)
    assert not any(name.startswith("micronets_dsp_") or name.endswith(".S") for name in plain.files)
    assert dsp.files["micronets_target.h"] == (CSRC / "include/micronets_target.h").read_text("utf-8")
    for text in (plain.files["README.md"], plain.files["CMakeLists.txt"]):
        assert ".S" not in text
        assert "assembly" not in text
    assert_equals_reference([model], ("-O1", "-DMICRONETS_DSP=1"), [plain])
    ELFFile = pytest.importorskip("elftools.elf.elffile").ELFFile
    try:
        cc = find_compiler(F446, "gcc")
    except DeviceError as e:
        pytest.skip(str(e))
    for name, text in plain.files.items():
        if "/" not in name:
            (tmp_path / name).write_text(text)
    sources = [str(tmp_path / name) for name in plain.files if is_source(name) and name != "example.c"]
    flags = [*cc.core_flags, *cc.hosted, "-O2", "-nostdlib", "-r", "-o", str(tmp_path / "all.o")]
    run_tool([*cc.command, *flags, *sources], "link")
    with (tmp_path / "all.o").open("rb") as f:
        symbols = list(ELFFile(f).get_section_by_name(".symtab").iter_symbols())
    assert any(s.name == "micronets_model_invoke" for s in symbols)
    assert not [s.name for s in symbols if s["st_shndx"] == "SHN_UNDEF" and s.name.startswith("micronets_")]
