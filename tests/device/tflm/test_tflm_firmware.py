"""`measure` and `characterize` with `--runtime tflm`, where TFLM was built.

TFLM itself is not here: `tests/support/tflm_standin.py` writes and builds a small stand-in with its public interface,
whose interpreter runs a few networks with the C that micronets generates. So what is tested is everything around TFLM:
which files are found and compiled and with which flags, the link, static constructors, marks of layers, outputs, the
arena, and messages.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from micronets import tflite
from micronets.boards.board import Board, load_board
from micronets.commands import characterize_report, measure
from micronets.commands.characterize import draw
from micronets.cost import latency_model
from micronets.device.tflm import tflm_firmware
from micronets.device.tflm.tflm_firmware import TflmCheckout
from micronets.errors import MicronetsError
from micronets.installation import install
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Add, Conv2D, DepthwiseConv2D, FullyConnected, Mean, Softmax
from micronets.quantized.random_weights import with_random_weights
from tests.commands import test_characterize
from tests.support import tflm_standin
from tests.support.calling import Result, call
from tests.support.needs import needs
from tests.support.pages import shell_commands

ARCH = Arch(
    (12, 10, 2),
    (
        Conv2D(name="stem", inputs=(INPUT,), filters=8, kernel=(3, 3), activation="relu"),
        DepthwiseConv2D(name="dw", inputs=("stem",), kernel=(3, 3)),
        Conv2D(name="pw", inputs=("dw",), filters=8, kernel=(1, 1)),
        Add(name="add", inputs=("stem", "pw")),
        Mean(name="mean", inputs=("add",)),
        FullyConnected(name="fc", inputs=("mean",), units=4),
        Softmax(name="softmax", inputs=("fc",)),
    ),
)
DATA = tflite.write(with_random_weights(ARCH))
NETWORKS = 12
M4, M7 = load_board("NUCLEO-F446RE"), load_board("NUCLEO-F746ZG")


def missing() -> str:
    """Returns why nothing can be built here for a board, if so."""
    for package in ("unicorn", "capstone", "elftools"):
        try:
            __import__(package)
        except ImportError:
            return f"needs {package}: {install('sim')}"
    try:
        tflm_firmware.compilers(TflmCheckout(Path(), Path()))
    except MicronetsError as e:
        return str(e)
    return ""


WHY = missing()
cross = pytest.mark.skipif(bool(WHY), reason=WHY)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a checkout of the stand-in, with a library for the M4 that knows `DATA` and networks of a tiny space."""
    root = tflm_standin.checkout(tmp_path_factory.mktemp("tflm"))
    drawn = draw(test_characterize.tiny(), NETWORKS, 0)
    tflm_standin.library(root, [DATA, *(tflite.write(with_random_weights(d.arch)) for d in drawn)], M4)
    return root


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def broken(root: Path, model: Path, tmp_path: Path) -> Callable[..., Result]:
    """Measures with a library that has faults."""

    def run(**faults: int) -> Result:
        library = tflm_standin.library(root, [DATA], M4, tmp_path / "broken" / "library.a", **faults)
        return measured(model, root, "--tflm-library", library)

    return run


def measured(model: Path, root: Path, *words: str | Path, board: str = M4.name) -> Result:
    return call("measure", model, "--board", board, "--runtime", "tflm", "--tflm", root, *words)


@cross
def test_measured_like_our_own_c(root: Path, model: Path, board: Board) -> None:
    result = measured(model, root, "--json")
    assert result.code == 0, result.err
    found, ours = json.loads(result.out), measure.measure(model, board)
    assert (found["runtime"], found["source"], found["bit_exact"], found["samples"]) == ("tflm", "simulated", True, 5)
    assert found.keys() == ours.to_json().keys()
    assert (found["arena_c_bytes"], ours.arena_tflm_used_bytes, ours.arena_tflm_compiled_bytes) == (None, None, None)
    assert [row["name"] for row in found["per_layer"]] == [layer.name for layer in ARCH.layers]
    for theirs, own in zip(found["per_layer"], ours.per_layer, strict=True):
        # The same kernels, compiled in another place, and the profiler's calls: for the layer, and for a part of it.
        assert 0 < theirs["core_cycles"] - own.core_cycles < 150 + 0.02 * own.core_cycles, own.name
    outside = found["core_cycles"] - sum(row["core_cycles"] for row in found["per_layer"])
    assert 0 < outside < 3000  # copies of input and output
    assert found["latency_ms"] == pytest.approx(1e3 * found["cycles"] / board.clock_hz)
    assert found["energy_mj"] == pytest.approx(found["latency_ms"] * board.active_power_w)
    used = found["arena_tflm_used_bytes"]
    assert used == -(-ours.arena_c_bytes // 16) * 16 + 240 + 16  # as the stand-in counts
    assert used < found["arena_tflm_compiled_bytes"]
    assert used + found["stack_bytes"] < found["sram_bytes"] < used + found["stack_bytes"] + 2048
    assert found["constant_bytes"] == len(DATA)
    assert found["flash_bytes"] > found["code_bytes"] + len(DATA)
    assert "TFLM's library " in found["toolchain"]
    assert "-DTF_LITE_STATIC_MEMORY" in found["flags"]


@cross
@pytest.mark.parametrize("name", ["NUCLEO-F767ZI", "raspberry-pi-pico-2"])
def test_other_cores(name: str, model: Path, tmp_path: Path) -> None:
    root, board = tflm_standin.checkout(tmp_path), load_board(name)
    tflm_standin.library(root, [DATA], board)
    result = measured(model, root, "--json", board=name)
    assert result.code == 0, result.err
    assert json.loads(result.out)["bit_exact"] is True


@cross
def test_as_text(root: Path, model: Path) -> None:
    result = measured(model, root, "--rate", "1")
    assert result.code == 0
    assert "used by TFLM" in result.out
    assert "outputs for 5 inputs equal the reference's, every byte" in result.out
    assert "battery" in result.out


@cross
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")
def test_qemu_counts_the_same_instructions(root: Path, model: Path) -> None:
    result = measured(model, root, "--device", "qemu", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["qemu"]["instructions"] == found["instructions"]


@cross
def test_outputs_that_differ(broken: Callable[..., Result], model: Path) -> None:
    result = broken(WRONG=1)
    assert (result.code, result.error) == (
        1,
        f"{model}: TFLM's outputs differ from the reference; please report the model",
    )
    assert "DIFFER from the reference's" in result.out


@cross
def test_an_arena_larger_than_predicted(broken: Callable[..., Result]) -> None:
    result = broken(ARENA_MORE=20_000)
    assert result.code == 1
    assert result.error.startswith("TFLM uses 22,")
    assert result.error.endswith("raise kMicronetsArenaBytes in micronets_tflm.h")
    result = broken(ARENA_MORE=100_000)
    assert result.code == 2
    assert result.error.startswith(
        "simulator: TFLM could not set the model up in its arena: it logs 'Failed to allocate tensors: "
    )


@cross
def test_a_library_that_tells_nothing_of_its_layers(broken: Callable[..., Result]) -> None:
    result = broken(SILENT=1)
    assert result.code == 2
    assert (
        "TFLM told its profiler of 0 operators, the model has 7: TFLM's library must be built without" in result.error
    )
    result = broken(STRIPPED=1)
    assert result.code == 2
    assert (
        "library.a: it has no MicroPrintf: TFLM's library must be built without TF_LITE_STRIP_ERROR_STRINGS"
        in result.error
    )


@cross
def test_a_model_that_tflm_refuses(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(tflite.write(with_random_weights(ARCH, seed=1)))
    result = measured(path, root)
    assert (result.code, result.error) == (
        2,
        "simulator: TFLM could not set the model up in its arena: it logs 'the stand-in does not know this model'",
    )


@cross
def test_libraries_that_do_not_link(root: Path, model: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.a"
    subprocess.run(["arm-none-eabi-ar", "rcs", empty], check=True)
    result = measured(model, root, "--tflm-library", empty)
    assert result.code == 2
    assert result.error.startswith("link: arm-none-eabi-g++ failed: ")
    assert "undefined reference to `" in result.error
    soft = replace(M4, compiler_flags=("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft"))
    library = tflm_standin.library(root, [DATA], soft, tmp_path / "soft" / "library.a")
    result = measured(model, root, "--tflm-library", library)
    assert result.code == 2
    assert "uses VFP register arguments" in result.error


@cross
def test_a_compiler_without_the_headers_of_c_plus_plus(
    root: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkout's own compiler comes first; this one finds nothing."""
    place = root / tflm_standin.DOWNLOADS / "gcc_embedded/bin"
    place.mkdir(parents=True)
    try:
        for name in ("arm-none-eabi-g++", "arm-none-eabi-gcc"):
            (place / name).write_text(f'#!/bin/sh\nexec {shutil.which(name)} -nostdinc++ "$@"\n')
            (place / name).chmod(0o755)
        result = measured(model, root)
    finally:
        shutil.rmtree(place.parent)
    assert result.code == 2
    assert result.error == (
        f"{place}/arm-none-eabi-g++ finds no headers of a C++ library: install newlib and libstdc++ for it "
        "(Debian: apt install gcc-arm-none-eabi libstdc++-arm-none-eabi-newlib)"
    )


def test_no_compiler(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tflm_standin.checkout(tmp_path / "tflm")
    (tmp_path / "library.a").write_bytes(b"")
    monkeypatch.setenv("PATH", os.devnull)
    result = measured(model, root, "--tflm-library", tmp_path / "library.a")
    assert result.code == 2
    assert result.error.startswith(
        "no arm-none-eabi-g++ found: TFLM is C++; install Arm's GNU toolchain (Debian: apt install "
    )


def test_places_without_tflm(model: Path, tmp_path: Path) -> None:
    result = measured(model, tmp_path)
    assert result.code == 2
    assert "no checkout of TFLM: it has no tensorflow/lite/micro/micro_interpreter.h; git clone https" in result.error
    root = tflm_standin.checkout(tmp_path / "tflm")
    make = "OPTIMIZED_KERNEL_DIR=cmsis_nn microlite"
    result = measured(model, root)
    assert "no library for cortex-m4 in gen; there is none at all; build it there: make -f tensorflow" in result.error
    assert result.error.endswith(f"TARGET_ARCH=cortex-m4+fp {make}")
    for kind in ("default", "release_with_logs"):
        place = root / f"gen/cortex_m_generic_cortex-m7+fp_{kind}_cmsis_nn_gcc/lib"
        place.mkdir(parents=True)
        (place / tflm_standin.LIBRARY).write_bytes(b"")
    result = measured(model, root)
    assert (
        "no library for cortex-m4 in gen; there is one for cortex_m_generic_cortex-m7+fp_default_cmsis_nn_gcc"
        in result.error
    )
    result = measured(model, root, board=M7.name)
    assert result.code == 2
    assert "several libraries for cortex-m7: " in result.error
    assert result.error.endswith("; choose one with --tflm-library FILE")
    result = measured(model, root, "--tflm-library", tmp_path / "none.a")
    assert result.error.startswith(f"--tflm-library {tmp_path}/none.a: no such file; build one in {root}: make -f ")


def test_the_documentation_builds_what_the_messages_say() -> None:
    assert tflm_firmware.make_command(M4) in shell_commands("docs/measure.md")
    # no double precision there
    assert "TARGET_ARCH=cortex-m7+fp FPU=fpv5-sp-d16 OPTIMIZED" in tflm_firmware.make_command(M7)


def test_options_that_do_not_go_together(model: Path, tmp_path: Path) -> None:
    root = tflm_standin.checkout(tmp_path / "tflm")
    (tmp_path / "library.a").write_bytes(b"")
    words = ("measure", model, "--board", M4.name)
    assert call(*words, "--runtime", "tfml").error == "runtime: unknown 'tfml'; did you mean 'tflm'? known: c, tflm"
    assert call(*words, "--runtime", "tflm").error.startswith(
        "--runtime tflm: give --tflm DIR, a checkout of TFLM in which its "
    )
    assert call(*words, "--tflm", root).error == f"--tflm {root}: is for --runtime tflm; add that"
    library = ("--tflm-library", tmp_path / "library.a")
    assert measured(model, root, *library, "--device", "host").error.startswith(
        "device 'host': TFLM is measured in sim and qemu alone"
    )
    assert "TFLM's library is GCC's" in measured(model, root, *library, "--compiler", "zig").error
    assert "TFLM runs layer after layer" in measured(model, root, *library, "--patches", "off").error
    firmware = ("--device", "serial:x", "--firmware", tmp_path / "f.elf")
    assert "a board's own firmware runs our C alone" in measured(model, root, *library, *firmware).error
    words = ("characterize", "--space", "temporal", "--board", M4.name, "--samples", "3", "--out", tmp_path / "out")
    assert call(*words, "--runtime", "tflm").error.startswith("--runtime tflm: give --tflm DIR")
    tflm = ("--runtime", "tflm", "--tflm", root, *library)
    assert call(*words, *tflm, "--device", "serial:x").error.startswith(
        "device 'serial:x': TFLM is measured in sim and qemu alone"
    )


def test_an_operator_that_cannot_be_registered(model: Path, tmp_path: Path) -> None:
    """A file whose softmax is turned into another operator."""
    root = tflm_standin.checkout(tmp_path / "tflm")
    (tmp_path / "library.a").write_bytes(b"")
    softmax, other = 25, 30
    changed = (DATA[:i] + bytes([other]) + DATA[i + 1 :] for i in range(len(DATA)) if DATA[i] == softmax)
    model.write_bytes(next(data for data in changed if "(SKIP_GRAM)" in refusal(data)))
    result = measured(model, root, "--tflm-library", tmp_path / "library.a")
    assert result.code == 2
    assert "(SKIP_GRAM): this operator" in result.error
    assert "is not supported; docs/operators.md has those that are" in result.error


def refusal(data: bytes) -> str:
    try:
        tflite.read(data)
    except MicronetsError as e:
        return str(e)
    return ""


@cross
def test_characterised(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("scipy", "sim")
    monkeypatch.setattr(characterize_report, "measured_space", lambda _: test_characterize.tiny())
    monkeypatch.setattr(characterize_report, "channel_networks", list)
    monkeypatch.setattr(characterize_report, "layer_networks", list)
    words = (
        "characterize",
        "--space",
        "tiny",
        "--board",
        M4.name,
        "--samples",
        NETWORKS,
        "--out",
        tmp_path,
        "--jobs",
        1,
    )
    result = call(*words, "--runtime", "tflm", "--tflm", root, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert (found["runtime"], found["source"], found["networks"]) == ("tflm", "simulated", {"tiny": NETWORKS})
    assert "TFLM's library" in found["toolchain"]
    assert found["whole"]["tiny"]["r2"] > 0.8
    assert found["model"]["held_out"]["count"] == NETWORKS // 4
    fitted = latency_model.from_toml((tmp_path / "latency.toml").read_text("utf-8"), "latency.toml")
    assert (fitted.runtime, fitted.board) == ("tflm", M4.name)
    assert fitted.kinds.keys() == {"convolution", "pointwise", "mean", "fully_connected"}
    before = {p.name for p in (tmp_path / "models").iterdir()}
    assert call(*words, "--runtime", "tflm", "--tflm", root).code == 0
    assert {p.name for p in (tmp_path / "models").iterdir()} == before  # nothing is measured twice
    result = call(*words, "--samples", 3)  # our C is another measurement
    assert result.code == 0, result.err
    assert len({p.name for p in (tmp_path / "models").iterdir()}) == NETWORKS + 3


@pytest.mark.skipif(shutil.which("g++") is None or shutil.which("ar") is None, reason="needs g++ and ar")
@pytest.mark.parametrize("wrong", [0, 1])
def test_the_program_that_compile_writes(wrong: int, model: Path, tmp_path: Path) -> None:
    """`main.cc` and the rest, built for this machine as their README says, and run."""
    root, out = tflm_standin.checkout(tmp_path / "tflm"), tmp_path / "out"
    library = tflm_standin.library(root, [DATA], None, WRONG=wrong)
    assert call("compile", model, "--board", M4.name, "--runtime", "tflm", "--out", out).code == 0
    assert "TARGET_ARCH=cortex-m4+fp" in (out / "README.md").read_text("utf-8")
    subprocess.run(["gcc", "-O2", "-c", out / "model_data.c", "-o", tmp_path / "model_data.o"], check=True)
    include = [f"-I{root}", f"-I{root / tflm_standin.DOWNLOADS / 'flatbuffers/include'}", f"-I{out}"]
    flags = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-DTF_LITE_STATIC_MEMORY", *include]
    sources = [out / "main.cc", out / "resolver.cc", tmp_path / "model_data.o", library]
    subprocess.run(["g++", *flags, *sources, "-o", tmp_path / "run"], check=True)
    done = subprocess.run([tmp_path / "run"], capture_output=True, text=True, check=False)
    assert done.returncode == wrong
    said = (
        "the output DIFFERS from the expected one" if wrong else "the output is equal to the expected one, every byte"
    )
    assert said in done.stdout
