"""What `micronets compile` writes is a library: of CMake, built and run; of Zephyr and PlatformIO, by its manifests."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from micronets import tflite
from micronets.boards.board import load_board
from micronets.compiler import compile_model
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, FullyConnected
from micronets.quantized.random_weights import with_random_weights
from tests.support.calling import call
from tests.support.random_models import random_arch, random_model

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

needs_cmake = pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")
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


def build_and_test(source: Path, build: Path) -> str:
    """Configures, builds and runs the tests; what ctest prints."""
    words = {"capture_output": True, "text": True, "check": False}
    for command in (
        ["cmake", "-S", source, "-B", build, "-DCMAKE_C_FLAGS=-Wall -Wextra -Werror"],
        ["cmake", "--build", build],
    ):
        done = subprocess.run([*map(str, command)], **words)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(["ctest"], cwd=build, **words)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


@needs_cmake
def test_cmake_alone_and_in_a_project(out: Path, tmp_path: Path) -> None:
    (out.parent / "CMakeLists.txt").write_text(PARENT)
    try:
        assert "example" in build_and_test(out, tmp_path / "alone")
        assert "application" in build_and_test(out.parent, tmp_path / "inside")
    except AssertionError as e:
        if "No CMAKE_C_COMPILER could be found" in str(e):
            pytest.skip("needs a C compiler that cmake finds")
        raise


@needs_cmake
@pytest.mark.parametrize("kind", ["", "Debug", "MinSizeRel"])
def test_the_network_is_optimised_however_the_project_is_built(out: Path, tmp_path: Path, kind: str) -> None:
    (out.parent / "CMakeLists.txt").write_text(PARENT)
    options = [f"-DCMAKE_BUILD_TYPE={kind}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"]
    done = subprocess.run(
        ["cmake", "-S", out.parent, "-B", tmp_path / "b", *options], capture_output=True, text=True, check=False
    )
    if "No CMAKE_C_COMPILER could be found" in done.stderr:
        pytest.skip("needs a C compiler that cmake finds")
    assert done.returncode == 0, done.stderr
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
    with pytest.raises(AssertionError, match=r"example \.+\*\*\*Failed|No CMAKE_C_COMPILER"):
        build_and_test(out, tmp_path / "alone")


@needs_cmake
@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
def test_cmake_assembles_for_a_core_that_only_the_flags_of_c_name(out: Path, tmp_path: Path) -> None:
    flags = "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard"
    options = [f"-DCMAKE_C_FLAGS={flags}", "-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_C_COMPILER=arm-none-eabi-gcc"]
    options.append("-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY")
    for command in (["cmake", "-S", out, "-B", tmp_path / "b", *options], ["cmake", "--build", tmp_path / "b"]):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    command = ["arm-none-eabi-nm", str(tmp_path / "b/libmicronets_model.a")]
    symbols = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    defined = {line.split()[-1] for line in symbols if " T " in line}
    needed = {line.split()[-1] for line in symbols if " U " in line}
    assert {"micronets_add_by4", "micronets_im2col_multiply"} <= defined
    assert {name for name in needed - defined if name.startswith("micronets_")} == set()


@needs_cmake
@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
@pytest.mark.parametrize("board", ["NUCLEO-G0B1RE", "NUCLEO-F103RB"])
def test_cmake_builds_portable_kernels_for_a_core_without_the_extension(tmp_path: Path, board: str) -> None:
    path, out = tmp_path / "model.tflite", tmp_path / "c"
    path.write_bytes(tflite.write(with_random_weights(RESIDUAL)))
    assert call("compile", path, "--board", board, "--out", out).code == 0
    flags = " ".join(load_board(board).compiler_flags)
    options = [f"-DCMAKE_C_FLAGS={flags}", "-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_C_COMPILER=arm-none-eabi-gcc"]
    options.append("-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY")
    for command in (["cmake", "-S", out, "-B", tmp_path / "b", *options], ["cmake", "--build", tmp_path / "b"]):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    text = " ".join((out / "README.md").read_text("utf-8").split())
    assert "For a Cortex-M4, Cortex-M7 or Cortex-M33, the kernels use its DSP instructions" in text
    assert "portable C, tried on Cortex-M0+, Cortex-M3 and RISC-V RV32IMC" in text


def test_a_network_without_assembly_asks_for_no_assembler() -> None:
    compiled = compile_model(random_model(random_arch(5), 5))
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
    listed = re.search(r"zephyr_library_sources\(\s*(.*?)\s*\)", cmake, re.DOTALL)
    assert listed
    assert {(out / "zephyr" / name).resolve().name for name in listed[1].split()} == sources
    assert all((out / "zephyr" / name).is_file() for name in listed[1].split())
    assert re.search(r"^config MICRONETS_MODEL\n\tbool ", (out / module["kconfig"]).read_text())
    assert "if(CONFIG_MICRONETS_MODEL)" in cmake
