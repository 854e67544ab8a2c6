"""What `micronets compile` writes is a library of CMake, of Zephyr and of PlatformIO: each builds it, and it runs.

Zephyr and PlatformIO are large, and a test that needs one of them is skipped where it is not installed. Their manifests
are compared with the files of the package in any case.
"""

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from micronets import tflite
from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, FullyConnected, Relu
from micronets.quantized.random_weights import with_random_weights
from tests.support.calling import call
from tests.support.compilers import STRING_H, cross_compiler

RESIDUAL = Arch(
    (8, 8, 8),
    (
        Conv2D(name="a", inputs=(INPUT,), filters=8, kernel=(3, 3), activation="relu"),
        Conv2D(name="b", inputs=("a",), filters=8, kernel=(1, 1)),
        Add(name="c", inputs=("a", "b"), activation="relu"),
        FullyConnected(name="d", inputs=("c",), units=3),
    ),
)
"""A network whose kernels for the DSP extension lie in C and in assembly."""

needs_cmake = pytest.mark.skipif(
    shutil.which("cmake") is None or not any(map(shutil.which, ("cc", "gcc", "clang"))),
    reason="needs cmake, and a C compiler that it finds",
)
PARENT = """\
cmake_minimum_required(VERSION 3.13)
project(parent C)
enable_testing()
add_subdirectory(network)
add_executable(application network/example.c)
target_link_libraries(application PRIVATE micronets_model)
add_test(NAME application COMMAND application)
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite.write(with_random_weights(RESIDUAL)))
    directory = tmp_path / "project" / "network"
    assert call("compile", path, "--board", "NUCLEO-F446RE", "--out", directory).code == 0
    return directory


def run(command: Sequence[str | Path], directory: Path | None = None) -> str:
    """Runs a program in a directory and returns its stdout; fails with all that it prints unless it ends with 0."""
    done = subprocess.run([*map(str, command)], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_and_test(source: Path, build: Path) -> str:
    """Configures, builds and runs the tests; what ctest prints."""
    run(["cmake", "-S", source, "-B", build, "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"])
    run(["cmake", "--build", build])
    return run(["ctest"], build)


@needs_cmake
def test_cmake_alone_and_in_a_project(out: Path, tmp_path: Path) -> None:
    (out.parent / "CMakeLists.txt").write_text(PARENT)
    assert "example" in build_and_test(out, tmp_path / "alone")
    assert "application" in build_and_test(out.parent, tmp_path / "inside")


@needs_cmake
@pytest.mark.parametrize("kind", ["", "Debug", "MinSizeRel"])
def test_the_network_is_optimised_however_the_project_is_built(out: Path, tmp_path: Path, kind: str) -> None:
    (out.parent / "CMakeLists.txt").write_text(PARENT)
    options = [f"-DCMAKE_BUILD_TYPE={kind}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
    run(["cmake", "-S", out.parent, "-B", tmp_path / "b", *options])
    for entry in json.loads((tmp_path / "b/compile_commands.json").read_text()):
        levels = re.findall(r" (-O\S)", entry["command"])
        if not entry["file"].endswith("example.c"):
            assert levels[-1] == "-O2", entry["command"]


@needs_cmake
def test_cmake_fails_where_the_output_differs(out: Path, tmp_path: Path) -> None:
    text = (out / "test_vector.h").read_text()
    head, _, tail = text.partition("micronets_test_output")
    number = re.search(r"(-?\d+),", tail)
    assert number
    (out / "test_vector.h").write_text(
        head + "micronets_test_output" + tail.replace(number[0], f"{int(number[1]) ^ 1},", 1)
    )
    with pytest.raises(AssertionError, match=r"example \.+\*\*\*Failed"):
        build_and_test(out, tmp_path / "alone")


def cross_built(out: Path, build: Path, board: str, which: str) -> set[str]:
    """Builds the library by CMake for a board, whose core only the flags of C name.

    - which: the compiler, `gcc` or `clang`, which has no string.h of its own.

    Returns the functions that it defines.
    """
    cc = cross_compiler(load_board(board), which)
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("needs arm-none-eabi-gcc and its tools")
    flags = [*cc.command[1:], *load_board(board).compiler_flags, "-Wall", "-Wextra", "-Werror"]
    if which == "clang":
        flags += ["-isystem", str(STRING_H)]
    options = [
        f"-DCMAKE_C_FLAGS={' '.join(flags)}",
        "-DCMAKE_SYSTEM_NAME=Generic",
        f"-DCMAKE_C_COMPILER={cc.command[0]}",
    ]
    run(["cmake", "-S", out, "-B", build, *options, "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY"])
    run(["cmake", "--build", build])
    symbols = run(["arm-none-eabi-nm", build / "libmicronets_model.a"]).splitlines()
    defined = {line.split()[-1] for line in symbols if " T " in line}
    needed = {line.split()[-1] for line in symbols if " U " in line}
    assert {name for name in needed - defined if name.startswith("micronets_")} == set()
    return defined


@needs_cmake
@pytest.mark.parametrize("which", ["gcc", "clang"])
def test_cmake_builds_the_assembly_for_a_core_with_the_extension(out: Path, tmp_path: Path, which: str) -> None:
    found = cross_built(out, tmp_path / "b", "NUCLEO-F446RE", which)
    assert {"micronets_model_invoke", "micronets_row_linear", "micronets_im2col_multiply"} <= found


@needs_cmake
@pytest.mark.parametrize(("board", "which"), [("NUCLEO-G0B1RE", "gcc"), ("NUCLEO-F103RB", "clang")])
def test_cmake_builds_portable_kernels_for_a_core_without_the_extension(tmp_path: Path, board: str, which: str) -> None:
    path, out = tmp_path / "model.tflite", tmp_path / "c"
    path.write_bytes(tflite.write(with_random_weights(RESIDUAL)))
    assert call("compile", path, "--board", board, "--out", out).code == 0
    found = cross_built(out, tmp_path / "b", board, which)
    assert {"micronets_model_invoke", "micronets_conv_bytes", "micronets_dot_bytes"} <= found
    assert "micronets_row_linear" not in found  # which sums two tensors on cores with the extension alone
    assert not list(out.glob("*.S"))
    text = " ".join((out / "README.md").read_text("utf-8").split())
    assert "DSP instructions" not in text
    assert "The kernels are portable C, tested on Cortex-M0+, Cortex-M3 and RISC-V RV32IMC" in text


def test_a_network_without_assembly_asks_for_no_assembler() -> None:
    compiled = compile_model(with_random_weights(Arch((8, 8, 3), (Relu(name="a", inputs=(INPUT,)),))))
    assert not [name for name in compiled.files if name.endswith(".S")]
    assert "ASM" not in compiled.files["CMakeLists.txt"]
    assert ".S" not in compiled.files["README.md"]


def test_manifests_name_every_source_and_only_files_that_exist(out: Path) -> None:
    sources = {p.name for p in out.glob("*.[cS]")} - {"example.c"}
    cmake = (out / "CMakeLists.txt").read_text()
    library = re.search(r"add_library\(micronets_model STATIC\s+(.*?)\)", cmake, re.DOTALL)
    assembly = re.search(r"target_sources\(micronets_model PRIVATE\s+(.*?)\)", cmake, re.DOTALL)
    assert library
    assert assembly
    assert {*library[1].split(), *assembly[1].split()} == sources
    assert all(name.endswith(".S") for name in assembly[1].split())

    manifest = json.loads((out / "library.json").read_text())
    assert {"name", "version", "build", "headers"} <= manifest.keys()
    assert {entry[2:-1] for entry in manifest["build"]["srcFilter"]} == sources
    assert all(re.fullmatch(r"\+<[\w.]+>", entry) for entry in manifest["build"]["srcFilter"])
    assert (out / manifest["build"]["includeDir"] / manifest["headers"]).is_file()
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])

    module = dict(re.findall(r"^\s*(\w+): (\S+)$", (out / "zephyr/module.yml").read_text(), re.MULTILINE))
    assert module == {"name": "micronets_model", "cmake": "zephyr", "kconfig": "zephyr/Kconfig"}
    cmake = (out / module["cmake"] / "CMakeLists.txt").read_text()
    listed = re.search(r"foreach\(source IN ITEMS\s*(.*?)\s*\)", cmake, re.DOTALL)
    assert listed
    assert set(listed[1].split()) == sources
    assert "zephyr_library_sources(../${source})" in cmake
    assert re.search(r"^config MICRONETS_MODEL\n\tbool ", (out / module["kconfig"]).read_text())
    assert "if(CONFIG_MICRONETS_MODEL)" in cmake


PLATFORMIO = "[env:native]\nplatform = native\n"
"""The configuration of a PlatformIO project for this machine."""


@pytest.fixture
def pio() -> str:
    """Returns the command of PlatformIO."""
    command = shutil.which("pio")
    if command is None:
        pytest.skip("needs PlatformIO: pip install platformio")
    return command


def test_platformio_packs_the_library(pio: str, out: Path, tmp_path: Path) -> None:
    """PlatformIO checks library.json by its own schema before it packs."""
    run([pio, "pkg", "pack", out, "-o", tmp_path / "library.tar.gz"])
    assert (tmp_path / "library.tar.gz").is_file()
    manifest = json.loads((out / "library.json").read_text())
    (out / "library.json").write_text(json.dumps({**manifest, "version": "of my own"}))
    with pytest.raises(AssertionError, match="ManifestValidationError"):
        run([pio, "pkg", "pack", out, "-o", tmp_path / "refused.tar.gz"])


def test_platformio_builds_the_library_and_it_runs(pio: str, out: Path, tmp_path: Path) -> None:
    if "native" not in run([pio, "pkg", "list", "--global", "--only-platforms"]):
        pytest.skip("needs PlatformIO's platform for this machine: pio pkg install --global --platform native")
    project = tmp_path / "platformio"
    (project / "src").mkdir(parents=True)
    (project / "platformio.ini").write_text(PLATFORMIO)
    shutil.copy(out / "example.c", project / "src/main.c")
    shutil.copytree(out, project / "lib/network")
    text = run([pio, "run", "--verbose", "--project-dir", project])
    (compiled,) = (line for line in text.splitlines() if " -c " in line and line.endswith("network/model.c"))
    assert re.findall(r" (-O\S)", compiled)[-1] == "-O2"
    run([project / ".pio/build/native/program"])


def test_kconfig_reads_the_option(out: Path) -> None:
    kconfiglib = pytest.importorskip("kconfiglib", reason="needs kconfiglib: pip install kconfiglib")
    kconfig = kconfiglib.Kconfig(str(out / "zephyr/Kconfig"), warn_to_stderr=False)
    option = kconfig.syms["MICRONETS_MODEL"]
    assert (kconfig.warnings, option.type, option.str_value) == ([], kconfiglib.BOOL, "n")
    (node,) = option.nodes
    assert node.prompt[0].startswith("Neural network 8 x 8 x 8 -> 3")
    assert re.search(r"Memory: \d+ bytes of arena", node.help)


ZEPHYR_CMAKE = """\
cmake_minimum_required(VERSION 3.20)
find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})
project(application)
target_sources(app PRIVATE main.c first.c second.c)
"""

ZEPHYR_EXAMPLE = """\
#define main example_NAME
#include "DIRECTORY/example.c"
#undef main
"""

ZEPHYR_MAIN = """\
void printk(const char *format, ...);
int example_first(void);
int example_second(void);

int main(void)
{
    printk(example_first() || example_second() ? "outputs differ\\n" : "outputs equal\\n");
    return 0;
}
"""


@needs_cmake
def test_zephyr_builds_two_networks_as_modules_and_they_run(tmp_path: Path) -> None:
    """They run in QEMU, on a Cortex-M3, with the kernels that both need built once.

    ZEPHYR_MODULES in the environment names the modules, CMSIS among them, where there is no west workspace.
    """
    qemu = shutil.which("qemu-system-arm")
    if "ZEPHYR_BASE" not in os.environ or qemu is None:
        pytest.skip("needs Zephyr and qemu-system-arm: set ZEPHYR_BASE and ZEPHYR_TOOLCHAIN_VARIANT")
    application = tmp_path / "application"
    application.mkdir()
    (application / "CMakeLists.txt").write_text(ZEPHYR_CMAKE)
    (application / "prj.conf").write_text("CONFIG_MICRONETS_FIRST=y\nCONFIG_MICRONETS_SECOND=y\n")
    (application / "main.c").write_text(ZEPHYR_MAIN)
    (tmp_path / "model.tflite").write_bytes(tflite.write(with_random_weights(RESIDUAL)))
    networks = tmp_path / "first", tmp_path / "second"
    for out in networks:
        words = ("--board", "NUCLEO-F446RE", "--name", out.name, "--out", out)
        assert call("compile", tmp_path / "model.tflite", *words).code == 0
        example = ZEPHYR_EXAMPLE.replace("NAME", out.name).replace("DIRECTORY", str(out))
        (application / f"{out.name}.c").write_text(example)
    named = ";".join(map(str, networks))
    modules = [f"-D{name}={named}" for name in ("EXTRA_ZEPHYR_MODULES", "ZEPHYR_EXTRA_MODULES")]  # new and old Zephyrs
    if "ZEPHYR_MODULES" in os.environ:
        modules.append(f"-DZEPHYR_MODULES={os.environ['ZEPHYR_MODULES']}")
    run(["cmake", "-S", application, "-B", tmp_path / "b", "-DBOARD=qemu_cortex_m3", *modules])
    run(["cmake", "--build", tmp_path / "b"])
    assert len([*(tmp_path / "b").rglob("micronets_row_linear.c.obj")]) == 1
    command = [qemu, "-cpu", "cortex-m3", "-machine", "lm3s6965evb", "-nographic", "-kernel"]
    with subprocess.Popen(
        [*command, tmp_path / "b/zephyr/zephyr.elf"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        timer = threading.Timer(60, process.kill)
        timer.start()
        found = next((line.strip() for line in process.stdout if line.startswith("outputs ")), "nothing printed")
        timer.cancel()
        process.kill()
    assert found == "outputs equal"
