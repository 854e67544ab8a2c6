"""A core that is not known is refused by every command; one without a cycle model is told no times."""

import json
from pathlib import Path

import pytest

from micronets.boards.board import Budget, load_board
from micronets.cost.costs import TFLM_COSTS, budget_costs, tflm_costs
from micronets.device.cross_compiler import find_compiler
from micronets.errors import DeviceError, SpecError
from micronets.runtimes.c import c_costs
from micronets.tflite import write
from tests.support.calling import call
from tests.support.needs import needs
from tests.support.random_models import random_arch, random_model

MODEL = random_model(random_arch(0), 0)
NO_TIMES = "no cycle model of a Cortex-M0+: instructions are counted, no times"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.tflite"
    path.write_bytes(write(MODEL))
    return path


@pytest.fixture
def esp32(tmp_path: Path) -> Path:
    """Returns a board's file of a core that there is no code for."""
    path = tmp_path / "esp32-s3.toml"
    path.write_text(call("boards", "--toml", "NUCLEO-F446RE").out.replace('"cortex-m4"', '"xtensa-lx7"', 1))
    return path


def config(tmp_path: Path, board: str | Path, more: str = "") -> Path:
    """Returns a configuration of a small search on synthetic sounds."""
    path = tmp_path / "config.toml"
    path.write_text(f'task = "kws"\nboard = "{board}"\n{more}\n[space]\nname = "dscnn"\n[data]\nsynthetic_clips = 24\n')
    return path


def test_every_command_refuses_an_unknown_core(model: Path, esp32: Path, tmp_path: Path) -> None:
    given, out = config(tmp_path, esp32), tmp_path / "out"
    commands = (
        ("inspect", model, "--board", esp32),
        ("compile", model, "--board", esp32, "--out", out),
        ("compile", model, "--board", esp32, "--out", out, "--runtime", "tflm"),
        ("measure", model, "--board", esp32),
        ("measure", model, "--board", esp32, "--device", "host"),
        ("characterize", "--board", esp32, "--space", "dscnn", "--out", out),
        ("search", given, "--out", out),
        ("run", given, "--out", out),
        ("run", given, "--out", out, "--dry-run"),
    )
    for words in commands:
        found = call(*words)
        assert (found.code, found.out) == (2, ""), words
        assert (f"{esp32}: core = 'xtensa-lx7': there is no code for it; known: cortex-m0plus, ") in found.error, words
        assert "compile for a board of another core and build the C, which is portable" in found.error
        assert not out.exists()


def test_inspect_tells_no_times_without_a_cycle_model(model: Path) -> None:
    found = json.loads(call("inspect", model, "--board", "NUCLEO-G0B1RE", "--json").out)
    assert found["no_times"] == f"NUCLEO-G0B1RE: {NO_TIMES}"
    assert found["latency_ms"] is found["energy_mj"] is found["uncertainty"] is None
    assert all(row["cycles"] is None for row in found["per_layer"])
    assert (found["fits"], found["fits_c"], found["no_tflm"]) == (True, True, None)
    text = call("inspect", model, "--board", "NUCLEO-G0B1RE").out
    assert NO_TIMES in text
    assert "latency" not in text
    assert "cycles" not in text.splitlines()[0]


def test_inspect_tells_nothing_of_tflm_where_it_is_not_built(model: Path) -> None:
    found = json.loads(call("inspect", model, "--board", "ESP32-C3-DevKitM-1", "--json").out)
    assert found["fits"] is found["sram_bytes"] is found["flash_bytes"] is None
    assert found["fits_c"] is True
    assert found["no_tflm"].startswith(
        "TFLM with CMSIS-NN is not built for the core 'rv32imc', only for cortex-m0plus, "
    )
    text = call("inspect", model, "--board", "ESP32-C3-DevKitM-1").out
    assert text.splitlines()[-1] == "net.tflite fits ESP32-C3-DevKitM-1 as our C (source: estimated)"


def test_measure_counts_instructions_and_tells_no_times(model: Path) -> None:
    needs("unicorn", "sim")
    needs("elftools", "sim")
    try:
        find_compiler(load_board("NUCLEO-G0B1RE"))
    except DeviceError as e:
        pytest.skip(str(e))
    words = ("measure", model, "--board", "NUCLEO-G0B1RE", "--samples", "2")
    found = json.loads(call(*words, "--json").out)
    assert (found["source"], found["bit_exact"], found["no_times"]) == ("emulated", True, f"NUCLEO-G0B1RE: {NO_TIMES}")
    for name in ("cycles", "core_cycles", "dual_issue_cycles", "latency_ms", "energy_mj", "uncertainty"):
        assert found[name] is None, name
    assert found["instructions"] > sum(row["instructions"] for row in found["per_layer"]) > 0
    assert found["sram_bytes"] == found["arena_c_bytes"] + found["stack_bytes"]
    assert found["flash_bytes"] > found["code_bytes"] + found["constant_bytes"] // 2
    text = call(*words).out
    assert f"times: NUCLEO-G0B1RE: {NO_TIMES}" in text
    assert ["instructions", f"{found['instructions']:,}"] in [line.split() for line in text.splitlines()]
    assert " ms" not in text
    refused = call(*words, "--rate", "1")
    assert refused.error == f"rate = 1: NUCLEO-G0B1RE: {NO_TIMES}; leave it out"


def test_limits_on_times_are_refused_by_both_runtimes() -> None:
    board = load_board("NUCLEO-G0B1RE")
    wanted = f"NUCLEO-G0B1RE: {NO_TIMES}; leave out limits on latency_ms and energy_mj, or limit macs"
    for costs in (TFLM_COSTS, tflm_costs(None), c_costs(None)):
        assert budget_costs(MODEL.arch, board, ["macs", "sram_bytes", "flash_bytes"], runtime=costs)
        for limit in Budget(latency_ms=1, energy_mj=1).limits():
            with pytest.raises(SpecError) as e:
                budget_costs(MODEL.arch, board, [limit], runtime=costs)
            assert str(e.value) == wanted


@pytest.mark.parametrize("runtime", ["c", "tflm"])
def test_a_search_under_a_limit_on_time_is_refused(tmp_path: Path, runtime: str) -> None:
    more = f'runtime = "{runtime}"\n[budget]\nlatency_ms = 50'
    found = call("search", config(tmp_path, "NUCLEO-G0B1RE", more), "--out", tmp_path / "out")
    assert found.code == 2
    assert found.error.startswith(f"NUCLEO-G0B1RE: {NO_TIMES}; leave out limits on latency_ms and energy_mj")


def test_tflm_is_refused_where_it_is_not_built(model: Path, tmp_path: Path) -> None:
    wanted = "ESP32-C3-DevKitM-1: TFLM with CMSIS-NN is not built for the core 'rv32imc', only for cortex-m0plus, "
    words = ("--board", "ESP32-C3-DevKitM-1", "--runtime", "tflm")
    found = call("compile", model, *words, "--out", tmp_path / "out")
    assert (found.code, found.error.startswith(wanted)) == (2, True)
    given = config(tmp_path, "ESP32-C3-DevKitM-1", 'runtime = "tflm"')
    found = call("search", given, "--out", tmp_path / "run")
    assert (found.code, found.error.startswith(wanted)) == (2, True)


def test_characterize_refuses_a_board_without_times(tmp_path: Path) -> None:
    words = ("characterize", "--board", "NUCLEO-G0B1RE", "--space", "dscnn", "--out", tmp_path / "out")
    found = call(*words)
    assert found.code == 2
    assert found.error == (
        f"device 'sim': NUCLEO-G0B1RE: {NO_TIMES}; measure on the board itself (serial:PORT), or take another board"
    )
