"""Networks with names of their own: several in one program, in C and in C++."""

import shutil
import subprocess
from itertools import count, permutations
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.targets import PLAIN
from micronets.compiler import compile_model
from micronets.compiler.generate.names import Names, name_from
from micronets.compiler.kernel_files import is_source
from micronets.errors import SpecError
from micronets.ir.layers import INPUT
from micronets.quantized import reference
from micronets.quantized.model import QuantizedModel
from tests.support.random_models import random_arch, random_model

NAMES = ("first", "second", "kws_2")


def networks() -> dict[str, QuantizedModel]:
    """Returns random networks by name, those of the first seeds that read and write codes of 8 bits and no floats."""
    models = (random_model(random_arch(seed), seed) for seed in count())
    plain = (m for m in models if {m.arch.types()[name] for name in (INPUT, *m.arch.outputs)} == {"int8"})
    plain = (m for m in plain if len(m.arch.outputs) == 1)
    return dict(zip(NAMES, plain, strict=False))


PROGRAM = """\
#include <stdio.h>
{includes}
{arenas}
int main(void)
{{
    for (int n = 0; n < 2; n++) {{
{calls}
    }}
    return 0;
}}
"""

CALL = """\
        {{
            int8_t *const in = micronets_{name}_input(arena_{name});
            for (int i = 0; i < MICRONETS_{upper}_INPUT_COUNT; i++) {{
                in[i] = (int8_t)(i * 7 + n);
            }}
            micronets_{name}_invoke(arena_{name});
            for (int i = 0; i < MICRONETS_{upper}_OUTPUT_COUNT; i++) {{
                printf("%d ", micronets_{name}_output(arena_{name})[i]);
            }}
        }}"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """Returns a directory with a folder for each network and a program that runs all, and what the program prints."""
    if shutil.which("gcc") is None or shutil.which("ar") is None:
        pytest.skip("needs gcc and ar")
    root = tmp_path_factory.mktemp("several")
    expected = []
    models = networks()
    for name, model in models.items():
        (root / name).mkdir()
        for file, text in compile_model(model, PLAIN, name=name).files.items():
            (root / name / file).write_text(text)
    for n in range(2):
        for model in models.values():
            shape = model.arch.input_shape
            x = (np.arange(np.prod(shape)) * 7 + n).astype(np.int8).reshape(1, *shape)
            expected += reference.run(model, x).ravel().tolist()
    program = PROGRAM.format(
        includes="\n".join(f'#include "{name}.h"' for name in NAMES),
        arenas="\n".join(
            f"static uint8_t arena_{name}[MICRONETS_{name.upper()}_ARENA_BYTES] __attribute__((aligned(16)));"
            for name in NAMES
        ),
        calls="\n".join(CALL.format(name=name, upper=name.upper()) for name in NAMES),
    )
    (root / "main.c").write_text(program)
    return root, expected


def run(command: list[str | Path], cwd: Path | None = None) -> str:
    """Returns what a command prints; fails with its errors."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(root: Path, out: Path, compiler: list[str], order: tuple[str, ...]) -> list[int]:
    """Builds an archive of each network, links them in an order and returns what the program prints."""
    out.mkdir(exist_ok=True)
    for name in order:
        folder = root / name
        sources = [f for f in sorted(folder.iterdir()) if is_source(f.name) and f.name != "example.c"]
        for source in sources:
            language = [] if source.suffix == ".S" else compiler[1:]
            run([compiler[0], *language, f"-I{folder}", "-c", source, "-o", out / f"{name}-{source.stem}.o"])
        archive = out / f"lib{name}.a"
        archive.unlink(missing_ok=True)
        run(["ar", "rcs", archive, *sorted(out.glob(f"{name}-*.o"))])
    includes = [f"-I{root / name}" for name in order]
    program = out / "program"
    run([*compiler, *includes, "-c", root / "main.c", "-o", out / "main.o"])
    link = "g++" if compiler[0] == "g++" else compiler[0]
    run([link, out / "main.o", f"-L{out}", *(f"-l{name}" for name in order), "-o", program, *compiler[-1:]])
    return list(map(int, run([program]).split()))


@pytest.mark.parametrize("order", list(permutations(NAMES))[::5], ids=" ".join)
def test_networks_share_a_program_as_archives_in_any_order(
    packages: tuple[Path, list[int]], order: tuple[str, ...], tmp_path: Path
) -> None:
    root, expected = packages
    assert build(root, tmp_path / "build", ["gcc", "-std=c99", "-O1"], order) == expected


@pytest.mark.parametrize("standard", ["c++11", "c++20"])
def test_networks_compile_as_cpp(packages: tuple[Path, list[int]], standard: str, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    root, expected = packages
    compiler = ["g++", "-x", "c++", f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-O1"]
    assert build(root, tmp_path / "build", compiler, tuple(NAMES)) == expected


@pytest.mark.parametrize(
    "flags",
    [("-std=c11", "-Os", "-fpic"), ("-std=c2x", "-flto", "-fstack-protector-all")],
    ids=" ".join,
)
def test_networks_compile_with_other_flags(
    packages: tuple[Path, list[int]], flags: tuple[str, ...], tmp_path: Path
) -> None:
    root, expected = packages
    assert build(root, tmp_path / "build", ["gcc", "-Wall", "-Wextra", "-Werror", *flags], tuple(NAMES)) == expected


def test_a_network_compiles_as_one_unit(packages: tuple[Path, list[int]], tmp_path: Path) -> None:
    root, _ = packages
    names = [f.name for f in sorted((root / "first").iterdir()) if f.suffix == ".c"]
    (tmp_path / "unit.c").write_text("".join(f'#include "{name}"\n' for name in names))
    run(["gcc", "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{root / 'first'}", tmp_path / "unit.c"], tmp_path)


STRICT = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Wundef",
    "-Wcast-qual",
    "-Wcast-align",
    "-Wdouble-promotion",
    "-Wfloat-equal",
    "-Wswitch-default",
    "-Wwrite-strings",
    "-Wpointer-arith",
    "-Wredundant-decls",
    "-Wvla",
    "-Wformat=2",
    "-Werror",
]
"""What projects with strict rules ask of C, by flags that GCC and clang both know, for C and C++."""


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_networks_compile_without_a_warning(packages: tuple[Path, list[int]], compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    root, _ = packages
    sources = {f.name: f for name in NAMES for f in sorted((root / name).glob("*.c"))}
    includes = [f"-I{root / name}" for name in NAMES]
    only_c = ["-Wstrict-prototypes", "-Wmissing-prototypes", "-Wold-style-definition", "-Wbad-function-cast"]
    run([compiler, "-std=c99", "-fsyntax-only", *STRICT, *only_c, *includes, *sources.values()])
    (tmp_path / "all.cc").write_text("".join(f'#include "{name}.h"\n' for name in NAMES))
    only_cpp = ["-Wold-style-cast", "-Wzero-as-null-pointer-constant"]
    run([compiler, "-x", "c++", "-std=c++11", "-fsyntax-only", *STRICT, *only_cpp, *includes, tmp_path / "all.cc"])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model", "model"),
        ("KWS-S (v2)", "kws_s_v2"),
        ("3d", "net_3d"),
        ("math", "model_math"),
        ("micronets_conv", "model_micronets_conv"),
        ("AUX", "model_aux"),
        ("é", "model"),
        ("", "model"),
        ("x" * 60, "x" * 40),
        ("a__b_", "a_b"),
    ],
)
def test_a_name_is_made_of_the_name_of_a_file(text: str, name: str) -> None:
    assert name_from(text) == name
    Names(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is not a valid C name"),
        ("Kws", "is not a valid C name"),
        ("a-b", "is not a valid C name"),
        ("1a", "is not a valid C name"),
        ("a__b", "is not a valid C name"),
        ("string", "is taken by another header"),
        ("micronets_add", "is taken by another header"),
        ("com1", "is a device on Windows"),
        ("x" * 41, "has 41 characters"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name: str, why: str) -> None:
    with pytest.raises(SpecError) as e:
        Names(name)
    assert str(e.value) == (f"name '{name}': {why}; use lower-case letters, digits and _, a letter first, at most 40")
