"""`micronets measure`: networks as C on the simulated board and on this machine, against the reference."""

import importlib.util
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets import boards, tflite
from micronets.boards.board import load_board
from micronets.commands import measure
from micronets.compiler import optimise
from micronets.device.cross_compiler import find_compiler
from micronets.device.sim import cortex_m4
from micronets.errors import DeviceError, FileError, SpecError
from micronets.installation import install
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D, DepthwiseConv2D, Mean
from micronets.quantized import reference
from micronets.runtimes.base import seeded_inputs
from micronets.runtimes.measurement import LayersInPatches, measurement_from_json
from tests.support.calling import call
from tests.support.random_models import random_arch, random_model

F446 = load_board("NUCLEO-F446RE")
assert F446.simulation


def missing() -> str:
    """Returns why the simulator cannot run here, if so."""
    for package in ("unicorn", "capstone", "elftools"):
        if importlib.util.find_spec(package) is None:
            return f"needs {package}: {install('sim')}"
    try:
        find_compiler(F446)
    except DeviceError as e:
        return str(e)
    return ""


simulated = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


def model_file(directory: Path, seed: int) -> Path:
    path = directory / "model.tflite"
    path.write_bytes(tflite.write(random_model(random_arch(seed), seed)))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return model_file(tmp_path, 1)


@simulated
@pytest.mark.parametrize("seed", range(100, 112))
def test_random_networks_give_the_reference_s_bytes_on_the_simulated_board(tmp_path: Path, seed: int) -> None:
    figures = measure.measure(model_file(tmp_path, seed), F446)
    assert figures.bit_exact
    assert figures.fits
    assert measure.problems(figures) == []


@simulated
@pytest.mark.parametrize("name", ["mlperf_tiny/ad01_int8", "mlperf_tiny/kws_ref_model"])
def test_released_models(shared: Path, name: str) -> None:
    figures = measure.measure(shared / f"models/{name}.tflite", F446, samples=1)
    assert figures.bit_exact
    assert figures.sram_bytes < figures.arena_tflm_cortex_m_bytes


@simulated
def test_every_device_gives_the_same_keys(path: Path) -> None:
    """A serial device's and TFLM's are compared with these in their own tests."""
    found = {device: measure.measure(path, F446, device, samples=1) for device in ("sim", "host")}
    tables = [figures.to_json() for figures in found.values()]
    assert tables[0].keys() == tables[1].keys()
    assert found["host"].cycles is found["host"].counts is found["sim"].counts is None
    assert {figures.source for figures in found.values()} == {"simulated", "host"}


@simulated
@pytest.mark.parametrize("device", ["sim", "host"])
def test_a_measurement_comes_back_from_its_json(tmp_path: Path, device: str) -> None:
    figures = measure.measure(model_file(tmp_path, 3), F446, device, samples=1, patches="smallest")
    table = json.loads(json.dumps(figures.to_json()))
    assert measurement_from_json(table) == figures


@simulated
def test_a_cortex_m7_has_a_second_opinion_on_its_cycles(path: Path) -> None:
    figures = measure.measure(path, load_board("NUCLEO-F746ZG"), samples=1)
    assert 0.3 * figures.core_cycles < figures.dual_issue_cycles < figures.core_cycles
    assert f"{figures.dual_issue_cycles:,}  by a model of the M7's two pipelines" in figures.text()
    assert measure.measure(path, F446, samples=1).dual_issue_cycles is None


@simulated
def test_figures_of_the_simulation(path: Path) -> None:
    result = call("measure", path, "--board", "nucleo-f446re", "--json", "--samples", "2")
    assert result.code == 0, result.err
    figures = json.loads(result.out)
    assert figures["model"] == str(path)
    assert (figures["board"], figures["device"], figures["source"]) == ("NUCLEO-F446RE", "sim", "simulated")
    assert figures["bit_exact"] is True
    assert figures["samples"] == 2
    assert figures["latency_ms"] == pytest.approx(figures["cycles"] / 180e3)
    assert figures["energy_mj"] == pytest.approx(figures["latency_ms"] * 0.163)
    assert figures["sram_bytes"] == figures["arena_c_bytes"] + figures["stack_bytes"]
    assert figures["flash_bytes"] > figures["code_bytes"] > 0
    assert figures["uncertainty"] == 0.1
    assert figures["toolchain"]
    assert figures["sources"] == {
        "active_power_w": F446.sources["active_power_w"],
        "sleep_power_w": F446.sources["sleep_power_w"],
        "cycles": F446.simulation.source,
    }
    assert figures["duty_cycle"] is None
    arch = optimise(tflite.read(path.read_bytes())).arch
    assert [r["name"] for r in figures["per_layer"]] == [layer.name for layer in arch.layers]
    assert [r["kind"] for r in figures["per_layer"]] == [type(layer).__name__ for layer in arch.layers]
    assert 0 < sum(r["cycles"] for r in figures["per_layer"]) <= figures["cycles"]
    assert 0 < sum(r["instructions"] for r in figures["per_layer"]) <= figures["instructions"]


@simulated
def test_table(path: Path) -> None:
    out = call("measure", path, "--board", "NUCLEO-F746ZG").out
    assert "outputs for 5 inputs equal the reference's, every byte" in out
    assert "+-25%" in out
    assert "source: simulated, NUCLEO-F746ZG, " in out
    assert "\ncycles: cycles simulated for the F446, its waits for flash included, times published ratios" in out
    assert "\npower: MicroNets (arXiv 2010.11267) Table 4" in out


@simulated
def test_a_rate(path: Path) -> None:
    given = ("measure", path, "--board", "NUCLEO-L4R5ZI", "--samples", "1", "--rate")
    figures = json.loads(call(*given, "2", "--battery", "1Ah@3V", "--json").out)
    board = load_board("NUCLEO-L4R5ZI")
    assert board.sleep_power_w
    duty = 2 * figures["latency_ms"] / 1e3
    average = board.active_power_w * duty + board.sleep_power_w * (1 - duty)
    assert figures["duty_cycle"]["average_w"] == pytest.approx(average)
    assert figures["duty_cycle"]["life_hours"] == pytest.approx(3 / average)
    assert "battery life" in call(*given, "2").out
    refused = call(*given, "1e6")
    assert refused.code == 2
    assert "rate = 1e+06 inferences a second: NUCLEO-L4R5ZI takes" in refused.err


@simulated
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")
def test_qemu_agrees(path: Path) -> None:
    result = call("measure", path, "--board", "NUCLEO-F446RE", "--device", "qemu", "--json")
    assert result.code == 0, result.err
    figures = json.loads(result.out)
    assert (figures["device"], figures["source"], figures["bit_exact"]) == ("qemu", "simulated", True)
    assert figures["qemu"]["instructions"] == figures["instructions"]
    assert "QEMU" in figures["qemu"]["version"]
    found = measurement_from_json(figures)
    assert found.qemu is not None
    (problem,) = measure.problems(replace(found, qemu=replace(found.qemu, instructions=1)))
    assert problem.startswith("QEMU counts ")


def test_on_this_machine(path: Path) -> None:
    result = call("measure", path, "--board", "NUCLEO-F446RE", "--device", "host", "--json")
    assert result.code == 0, result.err
    figures = json.loads(result.out)
    assert (figures["device"], figures["source"], figures["bit_exact"]) == ("host", "host", True)
    assert figures["latency_ms"] > 0
    assert figures["cycles"] is figures["energy_mj"] is figures["fits"] is None
    table = call("measure", path, "--board", "NUCLEO-F446RE", "--device", "host").out
    assert "this machine, not the board" in table
    assert "energy" not in table


def test_outputs_that_differ_fail_the_check(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = reference.output_bytes
    monkeypatch.setattr(reference, "output_bytes", lambda model, x: right(model, x) ^ np.int8(1))
    result = call("measure", path, "--board", "NUCLEO-F446RE", "--device", "host")
    assert result.code == 1
    assert "outputs for 5 inputs DIFFER from the reference's" in result.out
    assert result.error.endswith("outputs differ from the reference; please report the model")


@simulated
def test_a_board_too_small_fails_the_check_and_says_by_how_much(path: Path, tmp_path: Path) -> None:
    source = Path(boards.__file__).parent / "nucleo-f446re.toml"
    text = source.read_text("utf-8").replace('sram_bytes = "128K"', "sram_bytes = 100")
    small = tmp_path / "small.toml"
    small.write_text(text.replace('flash_bytes = "512K"', "flash_bytes = 200"), "utf-8")
    result = call("measure", path, "--board", small, "--json")
    figures = json.loads(result.out)
    assert result.code == 1
    assert figures["fits"] is False
    assert f"SRAM: {figures['sram_bytes']:,} bytes are {figures['sram_bytes'] - 100:,} more than" in result.error
    assert f"layer '{figures['largest_layer']}' holds most" in result.error
    assert f"flash: {figures['flash_bytes']:,} bytes are" in result.error
    # The same verdict, and the same exit code, from every command that judges a model.
    for words in (("inspect", path), ("compile", path, "--out", tmp_path / "c")):
        result = call(*words, "--board", small)
        assert result.code == 1, words
    assert call("inspect", path, "--board", small).error.startswith("model.tflite does NOT fit NUCLEO-F446RE: ")
    assert not (tmp_path / "c").exists()


def test_inputs_are_seeded_and_hold_the_extremes() -> None:
    model = random_model(random_arch(1), 1)
    a, b, c = (seeded_inputs(model, 5, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a[0] != c[0]).any()
    assert a.shape == (5, *model.arch.input_shape)
    if INPUT in model.quant:
        assert (a[1].min(), a[1].max(), a[2].min(), a[2].max()) == (-128, -128, 127, 127)


def test_float_inputs_reach_the_ends_of_the_range() -> None:
    seed = next(s for s in range(1000) if random_arch(s).input_type == "float32")
    model = random_model(random_arch(seed), seed)
    x = seeded_inputs(model, 3, 0)
    assert x.dtype == np.float32
    codes = reference.tensors(model, x)["q_in"]
    assert (codes[1].max(), codes[2].min()) == (-128, 127)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--device", "simm"), "device: unknown 'simm'; did you mean 'sim'? known: host, qemu, serial:PORT, sim"),
        (("--seed", "-1"), "seed = -1; need at least 0"),
        (("--sead", "3"), "; see micronets measure --help"),
        (("--samples", "x"), "'--samples': 'x' is not a valid integer; see micronets measure --help"),
        (("--samples", "0"), "samples = 0; allowed: 1 to 100,000"),
        (("--compiler", "icc"), "compiler: unknown 'icc'; known: gcc, zig"),
        (("--device", "host", "--compiler", "gcc"), "compiler 'gcc': cross compilers are for the devices sim and qemu"),
    ],
)
def test_bad_options(path: Path, words: tuple[str, ...], message: str) -> None:
    result = call("measure", path, "--board", "NUCLEO-F446RE", *words)
    assert result.code == 2
    assert message in result.error


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read this model"):
        measure.measure(tmp_path / "none.tflite", F446)
    with pytest.raises(SpecError, match="unknown board"):
        load_board("NUCLEO-F445RE")
    (tmp_path / "text.tflite").write_text("no model")
    result = call("measure", tmp_path / "text.tflite", "--board", "NUCLEO-F446RE")
    assert result.code == 2
    assert str(tmp_path / "text.tflite") in result.error


@simulated
@pytest.mark.parametrize("package", ["unicorn", "capstone", "elftools"])
def test_a_missing_package_is_one_line(path: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    cortex_m4._disassembler.cache_clear()
    cortex_m4.decode.cache_clear()
    result = call("measure", path, "--board", "NUCLEO-F446RE")
    assert result.code == 2
    assert result.error == f"this needs the package '{package}': {install('sim')}"


@simulated
def test_layers_in_bands_take_little_longer_than_whole_ones_and_less_memory(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    layers = (
        Conv2D(name="a", inputs=(INPUT,), filters=8, kernel=(3, 3)),
        DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3), stride=(2, 2)),
        Mean(name="c", inputs=("b",)),
    )
    file.write_bytes(tflite.write(random_model(Arch((24, 16, 2), layers), 1)))
    plain, bands = (measure.measure(file, F446, samples=2, patches=patches) for patches in ("auto", "smallest"))
    assert plain.bands == ()
    assert bands.bands == (LayersInPatches("a", "b", layers=2, rows=1),)
    assert bands.bit_exact
    assert bands.sram_bytes < 0.6 * plain.sram_bytes
    assert "layers 'a' to 'b' run together in patches of 1 row" in bands.text()
    for whole, patched in zip(plain.per_layer, bands.per_layer, strict=True):
        assert whole.macs == patched.macs
        # A band of one row gathers three rows of a depthwise layer for it, where more rows share them.
        most = 2.5 if whole.kind == "DepthwiseConv2D" else 1.1
        assert patched.core_cycles < most * whole.core_cycles + 100
