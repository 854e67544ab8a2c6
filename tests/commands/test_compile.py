"""`micronets compile`, and the generated C as a runtime of `evaluate`."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.commands import compile, evaluate
from micronets.compiler import compile_model, plan_arena
from micronets.compiler.generate.tflm_package import arena_with_margin
from micronets.cost.costs import budget_costs
from micronets.cost.tflm_arena import arena_tflm_bytes
from micronets.device import cross_compiler
from micronets.device.host_compiler import compile_c
from micronets.errors import DeviceError, DoesNotFit
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Pad, Relu, Reshape
from micronets.quantized import reference
from micronets.runtimes.c import code_bytes, sram_bytes
from micronets.tflite import as_file, read, read_file, write
from tests.compiler.memory.test_patches import LARGE
from tests.support.calling import call
from tests.support.generated_c import needs_host_compiler
from tests.support.random_models import random_arch, random_input, random_model

BOARD = ("--board", "NUCLEO-F446RE")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.tflite"
    file.write_bytes(write(random_model(random_arch(5), 5)))
    return file


def needs_compiler() -> None:
    needs_host_compiler()


def test_what_it_writes_builds_and_agrees_with_its_test_vector(path: Path, tmp_path: Path) -> None:
    needs_compiler()
    result = call("compile", path, *BOARD, "--out", tmp_path / "c", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    written = [p for p in (tmp_path / "c").rglob("*") if p.is_file()]
    assert sorted(p.relative_to(tmp_path / "c").as_posix() for p in written) == found["files"]
    assert found["arena_c_bytes"] < found["arena_tflm_cortex_m_bytes"]
    compile_c(sorted((tmp_path / "c").glob("*.c")), tmp_path / "example", ("-O1",))
    assert subprocess.run([tmp_path / "example"], check=False).returncode == 0


def test_a_network_without_a_kernel(tmp_path: Path) -> None:
    needs_compiler()
    arch = Arch((4, 4, 2), (Reshape(name="flat", inputs=(INPUT,), shape=(32,)),))
    path, out = tmp_path / "model.tflite", tmp_path / "c"
    path.write_bytes(write(random_model(arch, 1)))
    for _ in range(2):  # and again into the same directory
        assert call("compile", path, *BOARD, "--out", out).code == 0
    compile_c(sorted(out.glob("*.c")), tmp_path / "example", [])
    assert subprocess.run([tmp_path / "example"], check=False).returncode == 0


@pytest.mark.parametrize("runtime", ["c", "tflm"])
def test_an_earlier_result_is_replaced_and_what_others_wrote_stays(path: Path, tmp_path: Path, runtime: str) -> None:
    out = tmp_path / "deep" / "c"
    assert call("compile", path, *BOARD, "--out", out, "--runtime", "tflm" if runtime == "c" else "c").code == 0
    first = {p.name for p in out.rglob("*") if p.is_file()}
    (out / "mine.c").write_text("int mine;")
    result = call("compile", path, *BOARD, "--out", out, "--runtime", runtime, "--json")
    assert result.code == 0
    found = json.loads(result.out)["files"]
    left = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    assert left == sorted([*found, "mine.c"])
    assert first - {Path(name).name for name in found}, "something of the first result was to be removed"
    assert (out / "mine.c").read_text() == "int mine;"
    assert os.listdir(tmp_path / "deep") == ["c"]


@pytest.mark.parametrize("runtime", ["c", "tflm"])
def test_a_file_that_was_edited_is_refused(path: Path, tmp_path: Path, runtime: str) -> None:
    words = ("compile", path, *BOARD, "--out", tmp_path / "c", "--runtime", runtime)
    assert call(*words).code == 0
    (tmp_path / "c/test_vector.h").write_text("mine")
    result = call(*words)
    assert result.code == 2
    assert result.error == (
        f"{tmp_path / 'c/test_vector.h'}: has changed since micronets wrote it; move it to another directory to keep "
        "it (or delete it), then run the command again, or name another --out"
    )
    assert (tmp_path / "c/test_vector.h").read_text() == "mine"


def test_a_users_file_of_a_name_that_is_wanted_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/model.c").write_text("mine")
    result = call("compile", path, *BOARD, "--out", tmp_path / "c")
    assert result.code == 2
    assert result.error == (
        f"{tmp_path / 'c/model.c'}: exists, but micronets did not write it; move it away, or name another --out"
    )
    assert os.listdir(tmp_path / "c") == ["model.c"]


def test_a_directory_of_something_else_is_left_alone(path: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    result = call("compile", path, *BOARD, "--out", tmp_path / "mine")
    assert result.code == 2
    assert result.error.endswith("mine: there is something else (notes.txt); name a new or empty directory")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def test_a_model_too_large_for_the_board_is_refused(tmp_path: Path) -> None:
    conv = {"kernel": (3, 3), "filters": 8}
    wide = Arch(
        (300, 200, 1), (Conv2D(name="stem", inputs=(INPUT,), **conv), Conv2D(name="next", inputs=("stem",), **conv))
    )
    heavy = Arch((1000,), (FullyConnected(name="fc", inputs=(INPUT,), units=600),))
    for arch, texts in (
        (wide, ("bytes of SRAM of NUCLEO-F446RE", "more than the 131,072", "layer 'next'")),
        (heavy, ("bytes of flash of NUCLEO-F446RE", "more than the 524,288", "'fc' with 602,400")),
    ):
        file = tmp_path / "large.tflite"
        file.write_bytes(write(random_model(arch, 1)))
        result = call("compile", file, *BOARD, "--out", tmp_path / "c")
        assert result.code == 1
        for text in texts:
            assert text in result.error
        assert not (tmp_path / "c").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
@pytest.mark.parametrize(("place", "reason"), [("file/c", "Not a directory"), ("/proc/c", "No such file or directory")])
def test_a_place_where_no_directory_can_be_made(path: Path, tmp_path: Path, place: str, reason: str) -> None:
    (tmp_path / "file").write_text("keep")
    result = call("compile", path, *BOARD, "--out", tmp_path / place)
    assert result.code == 2
    assert f"{place}: no directory can be made there ({reason}); name another place" in result.error


def test_inspect_tells_whether_each_runtime_fits(path: Path, tmp_path: Path) -> None:
    board = tmp_path / "board.toml"
    text = call("boards", "--toml", "NUCLEO-F446RE").out
    sizes = json.loads(call("inspect", path, *BOARD, "--json").out)
    assert sizes["fits"]
    assert sizes["fits_c"]
    assert "fits NUCLEO-F446RE, under TFLM and as our C (source" in call("inspect", path, *BOARD).out
    board.write_text(text.replace('"512K"', str(sizes["flash_c_bytes"])))
    over = sizes["flash_bytes"] - sizes["flash_c_bytes"]
    told = f"as our C, NOT under TFLM: {over:,} bytes of flash too much under TFLM"
    assert told in call("inspect", path, "--board", board).out
    board.write_text(text.replace('"512K"', str(sizes["flash_c_bytes"] - 1)))
    figures = json.loads(call("inspect", path, "--board", board, "--json").out)
    assert not figures["fits_c"]
    told = (
        f"does NOT fit NUCLEO-F446RE: {over + 1:,} bytes of flash too much under TFLM, 1 bytes of flash too much "
        "as our C"
    )
    assert told in call("inspect", path, "--board", board).out


def test_a_failed_write_leaves_the_old_directory(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "c"
    assert call("compile", path, *BOARD, "--out", out).code == 0
    before = (out / "model.c").read_text()

    def fails(source: Path, target: Path) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "replace", fails)
    assert call("compile", path, *BOARD, "--out", out).code == 2
    assert (out / "model.c").read_text() == before
    assert sorted(os.listdir(tmp_path)) == ["c", "model.tflite"]


def test_no_model_is_one_clear_line(tmp_path: Path) -> None:
    result = call("compile", tmp_path / "none.tflite", *BOARD, "--out", tmp_path / "c")
    assert (result.code, "cannot read this model" in result.error) == (2, True)


def test_the_generated_c_is_a_runtime_of_evaluate() -> None:
    needs_compiler()
    model = random_model(random_arch(5), 5)
    x = random_input(model, 7, 1)
    assert np.array_equal(evaluate.outputs(as_file(model, "a model"), x, "c"), reference.run(model, x))


def test_inspect_tells_the_arena_of_the_c(path: Path, tmp_path: Path) -> None:
    result = call("inspect", path, *BOARD, "--json")
    compiled = json.loads(call("compile", path, *BOARD, "--out", tmp_path / "c", "--json").out)
    assert json.loads(result.out)["arena_c_bytes"] == compiled["arena_c_bytes"]
    assert "arena, our C" in call("inspect", path, *BOARD).out


def test_one_name_of_an_arena_means_one_thing(path: Path, tmp_path: Path) -> None:
    """Of `inspect`, `compile` and `measure`, and of the limits of a budget."""
    needs_compiler()
    commands = {
        "inspect": ("inspect", path, *BOARD, "--json"),
        "compile": ("compile", path, *BOARD, "--out", tmp_path / "c", "--json"),
        "compile for TFLM": ("compile", path, *BOARD, "--out", tmp_path / "t", "--runtime", "tflm", "--json"),
        "measure": ("measure", path, *BOARD, "--device", "host", "--json"),
    }
    found = {name: json.loads(call(*words).out) for name, words in commands.items()}
    file = read_file(path)
    meanings = {
        "arena_tflm_host64_bytes": file.arena_tflm_bytes(8),
        "arena_tflm_cortex_m_bytes": file.arena_tflm_bytes(4),
        "arena_tflm_compiled_bytes": arena_with_margin(file.arena_tflm_bytes(4)),
        "arena_tflm_used_bytes": None,
        "arena_c_bytes": compile_model(read(path.read_bytes())).arena_bytes,
        "sram_c_bytes": sram_bytes(
            compile_model(read(path.read_bytes())).arena_bytes, read(path.read_bytes()).arch.steps()
        ),
    }
    own = ("arena_c_patched_bytes", "arena_bound_bytes")
    for name, figures in found.items():
        arenas = {k: v for k, v in figures.items() if k.startswith("arena_") or k == "sram_c_bytes"}
        assert {k: v for k, v in arenas.items() if v is not None and k not in own}.items() <= meanings.items(), name
    arch = file.model.arch
    assert budget_costs(arch, load_board("NUCLEO-F446RE"), ("arena_bytes",))["arena_bytes"] == arena_tflm_bytes(arch, 8)


@pytest.mark.parametrize("sram", ["128K", "96K"])
def test_inspect_and_compile_estimate_the_same_sram_also_in_bands(tmp_path: Path, sram: str) -> None:
    board, path = tmp_path / "board.toml", tmp_path / "large.tflite"
    board.write_text(call("boards", "--toml", "NUCLEO-F446RE").out.replace('"128K"', f'"{sram}"'))
    path.write_bytes(write(random_model(LARGE, 0)))
    inspected = json.loads(call("inspect", path, "--board", board, "--json").out)
    compiled = json.loads(call("compile", path, "--board", board, "--out", tmp_path / "c", "--json").out)
    assert compiled["bands"]
    keys = ("arena_c_bytes", "sram_c_bytes")
    assert [inspected[k] for k in keys] == [compiled[k] for k in keys]


@pytest.mark.parametrize("silent", [False, True])
def test_inspect_plans_what_compile_does(tmp_path: Path, silent: bool) -> None:
    """The network has what passes take away: a PAD before a convolution, a RELU before that, and dead filters."""
    layers = (
        Conv2D(name="a", inputs=(INPUT,), filters=24, kernel=(3, 3)),
        Relu(name="r", inputs=("a",)),
        Pad(name="p", inputs=("r",), paddings=((1, 1), (1, 1), (0, 0))),
        Conv2D(name="b", inputs=("p",), filters=4, kernel=(3, 3), padding="valid"),
    )
    model = random_model(Arch((20, 20, 1), layers), 0)
    same = model.quant["a"]
    weights = dict(model.weights)
    if silent:
        values = weights["a"].weights.copy()
        values[4:] = 0
        weights["a"] = replace(weights["a"], weights=values)
    model = replace(model, quant={**model.quant, "r": same, "p": same}, weights=weights)
    path = tmp_path / "m.tflite"
    path.write_bytes(write(model))
    inspected = json.loads(call("inspect", path, *BOARD, "--json").out)
    compiled = json.loads(call("compile", path, *BOARD, "--out", tmp_path / "c", "--json").out)
    assert inspected["arena_c_bytes"] == compiled["arena_c_bytes"] < plan_arena(model.arch).bytes
    assert compiled["source"] == "estimated"


def test_bands_are_for_models_that_would_not_fit(path: Path, tmp_path: Path) -> None:
    assert json.loads(call("compile", path, *BOARD, "--out", tmp_path / "c", "--json").out)["bands"] == []
    large = tmp_path / "large.tflite"
    large.write_bytes(write(random_model(LARGE, 0)))
    compiling = ("compile", large, *BOARD, "--out", tmp_path / "large")
    found = json.loads(call(*compiling, "--json").out)
    assert [b["first"] for b in found["bands"]] == ["pw1"]  # the fewest layers that it takes
    assert 131_072 - found["arena_c_bytes"] > 0
    text = call(*compiling).out
    assert "layers 'pw1' to 'dw2' run together in patches of" in text
    off = call(*compiling, "--patches", "off")
    assert off.code == 1
    assert "or a larger stride there or before, --patches auto, or a larger board" in off.error
    inspected = json.loads(call("inspect", large, *BOARD, "--json").out)
    smallest = json.loads(call(*compiling, "--patches", "smallest", "--json").out)["arena_c_bytes"]
    assert smallest == inspected["arena_c_patched_bytes"] < 93_000
    between = json.loads(call(*compiling, "--patches", "96K", "--json").out)["arena_c_bytes"]
    asked = call(*compiling, "--patches", "1K")
    assert asked.code == 1
    assert f"--patches 1K: the smallest arena that was found has {smallest:,} bytes; allow that much" in asked.error
    assert smallest <= between <= 96 * 1024


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ("--patches", "some"),
            "--patches some: did you mean 'smallest'? known: auto, off, smallest; or give a size for the arena such as "
            "64K",
        ),
        (("--patches", "64Q"), "patches: '64Q' is not a size"),
        (
            ("--patches", "off", "--runtime", "tflm"),
            "patches = off: TFLM runs layer after layer; leave it out, or take the",
        ),
    ],
)
def test_bad_patches_are_one_clear_line(path: Path, tmp_path: Path, words: tuple[str, ...], text: str) -> None:
    result = call("compile", path, *BOARD, "--out", tmp_path / "c", *words)
    assert result.code == 2
    assert text in result.error


def test_code_and_stack_count_in_what_fits(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights alone would fit this flash, and the arena alone this SRAM."""
    board = load_board("NUCLEO-F446RE")
    out = tmp_path / "c"
    found = compile.compile(path, board, out)
    tight = replace(board, flash_bytes=found.constant_bytes + 1000)
    with pytest.raises(
        DoesNotFit, match=r"weights and tables of [\d,]+ bytes and code of [\d,]+ \(.*\) are [\d,]+ more than"
    ):
        compile.compile(path, tight, out)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code = code_bytes(compile_model(read_file(path).model), board)
    assert code[1] == "estimated"
    told = rf"and code of {code[0]:,} \(estimated\) are {code[0] - 1000:,} more than .* of NUCLEO-F446RE"
    with pytest.raises(DoesNotFit, match=told):
        compile.compile(path, tight, out)
    compile.compile(path, replace(board, flash_bytes=found.constant_bytes + code[0]), out)
    narrow = replace(board, sram_bytes=found.arena_c_bytes + 600)
    with pytest.raises(DoesNotFit, match=r"and a stack of 768 are 168 more than the [\d,]+ bytes of SRAM of"):
        compile.compile(path, narrow, out, patches="off")


def test_code_is_measured_where_there_is_a_compiler() -> None:
    pytest.importorskip("elftools")
    board = load_board("NUCLEO-F446RE")
    try:
        name = cross_compiler.find_compiler(board).name
    except DeviceError as e:
        pytest.skip(str(e))
    size, source = code_bytes(compile_model(random_model(random_arch(1), 1)), board)
    assert 1000 < size < 20_000
    assert source == f"built by {name}"
