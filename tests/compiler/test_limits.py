"""Numbers that the compiler and its kernels share: one that differs does not build."""

import re
from pathlib import Path

import pytest

import micronets.compiler
from micronets.boards.board import load_board
from micronets.compiler import limits
from micronets.device.cross_compiler import find_compiler, run_tool
from micronets.errors import DeviceError

CSRC = Path(micronets.compiler.__file__).parent / "csrc"
F446 = load_board("NUCLEO-F446RE")
AGREE = "micronets_agree_|array .*negative"  # how gcc and clang name what does not build


def compile_headers(which: str, folder: Path, *changes: tuple[str, str, str]) -> None:
    """Compiles the kernels' headers for a Cortex-M with changes, each given as (file, old text, new text)."""
    try:
        cc = find_compiler(F446, which)
    except DeviceError as e:
        pytest.skip(str(e))
    texts = {path.name: path.read_text("utf-8") for path in CSRC.rglob("*.h")}
    for name, old, new in changes:
        assert texts[name].count(old) == 1, f"{name} holds {texts[name].count(old)} times: {old}"
        texts[name] = texts[name].replace(old, new)
    for name, text in texts.items():
        (folder / name).write_text(text)
    source = folder / "all.c"
    source.write_text('#include "micronets_kernels.h"\n')
    flags = (*cc.core_flags, *cc.hosted, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function")
    run_tool([*cc.command, *flags, "-c", str(source), "-o", str(folder / "all.o")], "compile")


def test_the_header_holds_the_numbers_of_the_compiler() -> None:
    assert (CSRC / limits.HEADER).read_text("utf-8") == limits.header_text(), "write it anew: limits.write_header()"


@pytest.mark.parametrize("which", ["gcc", "zig"])
def test_the_sizes_agree_as_they_are(which: str, tmp_path: Path) -> None:
    compile_headers(which, tmp_path)


@pytest.mark.parametrize(
    "name", ["MICRONETS_CHANNEL_WORDS", *(f"{name.upper()}_BYTES" for name in limits.STRUCT_BYTES)]
)
def test_another_number_does_not_build(name: str, tmp_path: Path) -> None:
    [line] = re.findall(rf"^#define {name} \d+$", (CSRC / limits.HEADER).read_text("utf-8"), re.MULTILINE)
    with pytest.raises(DeviceError, match=AGREE):
        compile_headers(
            "zig", tmp_path, (Path(limits.HEADER).name, f"{line}\n", f"#define {name} {int(line.split()[-1]) + 2}\n")
        )


@pytest.mark.parametrize(
    ("header", "old", "new"),
    [
        ("micronets_kernels.h", "uint16_t pad_top, pad_left;", "uint16_t pad_top, pad_left, pad_bottom;"),
        ("micronets_kernels.h", "    int32_t unused; ", "    "),
    ],
)
def test_another_struct_does_not_build(header: str, old: str, new: str, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=AGREE):
        compile_headers("zig", tmp_path, (header, old, new))
