"""Boards, budgets and sizes."""

from dataclasses import replace
from pathlib import Path

import pytest

from micronets.boards.board import (
    Budget,
    FirmwareTarget,
    SimulationModel,
    board_budget,
    board_names,
    load_board,
    parse_size,
)
from micronets.errors import FileError, SpecError
from tests.support.calling import call

OWN = """
name = "My board"
core = "cortex-m4"
clock_hz = 80_000_000
sram_bytes = "96K"
flash_bytes = 262144
active_power_w = 0.05
flash_wait_states = 0
flash_cache = "none"
cycle_factor = 1
cycle_uncertainty = 0.2
compiler_flags = ["-mcpu=cortex-m4"]
[sources]
clock_hz = "datasheet"
sram_bytes = "datasheet"
flash_bytes = "datasheet"
active_power_w = "datasheet"
flash_wait_states = "datasheet"
cycle_factor = "assumed"
cycle_uncertainty = "assumed"
"""


def test_the_boards_of_the_paper_and_the_others() -> None:
    assert board_names() == tuple(
        sorted(
            (
                "Alif E7 DK",
                "CH32V307V-EVT",
                "Corstone-300 (MPS3 AN547)",
                "EK-RA8M1",
                "ESP32-C3-DevKitM-1",
                "ESP32-C6-DevKitC-1",
                "Longan Nano",
                "NUCLEO-F103RB",
                "NUCLEO-F446RE",
                "NUCLEO-F746ZG",
                "NUCLEO-F767ZI",
                "NUCLEO-G071RB",
                "NUCLEO-G0B1RE",
                "NUCLEO-H743ZI2",
                "NUCLEO-L073RZ",
                "NUCLEO-L4R5ZI",
                "NUCLEO-U385RG-Q",
                "NUCLEO-U575ZI-Q",
                "Raspberry Pi Pico",
                "Raspberry Pi Pico 2",
                "STM32N6570-DK",
                "nRF52840-DK",
                "nRF5340-DK",
            )
        )
    )
    small = load_board("NUCLEO-F446RE")
    assert (small.core, small.clock_hz, small.sram_bytes, small.flash_bytes) == (
        "cortex-m4",
        180_000_000,
        131072,
        524288,
    )
    assert load_board("NUCLEO-F746ZG").sram_bytes == 320 * 1024
    assert load_board("NUCLEO-F767ZI").flash_bytes == 2 * 1024**2


@pytest.mark.parametrize("name", board_names())
def test_every_number_has_a_source(name: str) -> None:
    board = load_board(name)
    numbers = {f for f, v in vars(board).items() if isinstance(v, (int, float))}
    assert set(board.sources) == numbers
    known = {"cortex-m85": "cortex-m55"}.get(board.core, board.core)  # GCC before 13 does not know a Cortex-M85
    assert any(known in flag for flag in board.compiler_flags)


@pytest.mark.parametrize("name", ["nucleo-f446re", "raspberry-pi-pico-2", "RASPBERRY PI PICO 2", "NRF52840_DK"])
def test_case_spaces_and_dashes_do_not_matter(name: str) -> None:
    assert load_board(name).name in board_names()


def test_an_unknown_board_names_the_nearest() -> None:
    with pytest.raises(
        SpecError, match=r"unknown board 'NUCLEO-F44RE'; did you mean 'NUCLEO-F446RE'\? known: .*\.toml file"
    ):
        load_board("NUCLEO-F44RE")


def test_a_board_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    board = load_board(str(path))
    assert (board.name, board.sram_bytes, board.flash_bytes) == ("My board", 96 * 1024, 262144)


def test_a_board_may_say_what_it_takes_asleep(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    assert load_board(str(path)).sleep_power_w is None
    asleep = OWN.replace("cycle_factor = 1\n", "cycle_factor = 1\nsleep_power_w = 2e-6\n")
    path.write_text(asleep + 'sleep_power_w = "measured"\n')
    assert load_board(str(path)).sleep_power_w == 2e-6
    path.write_text(asleep)
    with pytest.raises(SpecError, match="sleep_power_w has no source; say in"):
        load_board(str(path))
    for value in ("0", "-1", "true", '"2 uW"'):
        path.write_text(asleep.replace("2e-6", value) + 'sleep_power_w = "measured"\n')
        with pytest.raises(SpecError, match=r"sleep_power_w = .*; need a number above 0"):
            load_board(str(path))
    path.write_text(asleep.replace("2e-6", "1000") + 'sleep_power_w = "measured"\n')
    with pytest.raises(SpecError, match="sleep_power_w = 1000; need less than active_power_w, in watts"):
        load_board(str(path))
    path.write_text(OWN + 'sleep_power_w = "measured"\n')
    with pytest.raises(SpecError, match=r"unknown key 'sources.sleep_power_w'"):
        load_board(str(path))


SIMULATION = """
[simulation]
instruction_lines = 64
data_lines = 0
line_bytes = 16
miss_cycles = 2
factor = 1
uncertainty = 0.3
source = "mine"
"""


def test_a_board_may_say_how_to_simulate_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    assert load_board(str(path)).simulation is None
    path.write_text(OWN + SIMULATION)
    assert load_board(str(path)).simulation == SimulationModel(64, 0, 16, 2, 1, 0.3, "mine")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("miss_cycles = 2", "miss_cycles = -1", "simulation.miss_cycles = -1; need a number, not below 0"),
        ("miss_cycles = 2", "miss_cycles = true", "simulation.miss_cycles = True; need a number"),
        ("miss_cycles = 2", "misses = 2", r"\[simulation\] needs exactly these keys: instruction_lines, data_lines"),
        ("line_bytes = 16", "line_bytes = 24", "simulation.line_bytes = 24; need a power of two"),
        ("factor = 1", "factor = 0", "simulation.factor = 0; need a number"),
        ('"mine"', '""', "simulation.source = ''; need text"),
    ],
)
def test_a_bad_simulation_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN + SIMULATION.replace(old, new))
    with pytest.raises(SpecError, match=message):
        load_board(str(path))


FIRMWARE = """
[firmware]
port = "stm32f4"
flash_origin = 0x0800_0000
ram_origin = 0x2000_0000
uart = "mine"
pyocd_target = ""
"""


def test_a_board_may_say_how_to_measure_on_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    assert load_board(str(path)).firmware is None
    path.write_text(OWN + FIRMWARE)
    assert load_board(str(path)).firmware == FirmwareTarget("stm32f4", 0x0800_0000, 0x2000_0000, "mine", "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('uart = "mine"', "uart = 2", "firmware.uart = 2; need text"),
        ("0x2000_0000", "-4", "firmware.ram_origin = -4; need a 32-bit address"),
        ("ram_origin", "sram_origin", r"\[firmware\] needs exactly these keys: port, flash_origin, ram_origin, uart"),
    ],
)
def test_a_bad_firmware_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN + FIRMWARE.replace(old, new))
    with pytest.raises(SpecError, match=message):
        load_board(str(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('core = "cortex-m4"\n', 'cor = "cortex-m4"\n', "unknown key 'cor'; did you mean 'core'?"),
        ('core = "cortex-m4"\n', "", "'core' is missing; a board has: active_power_w"),
        ('core = "cortex-m4"\n', "core = 4\n", "core = 4; need one of: cortex-m0plus, "),
        (
            'core = "cortex-m4"\n',
            'core = "cortex-m0plus"\n',
            "'cycle_factor' is about times, but there is no cycle model of a Cortex-M0+: instructions are counted, no "
            "times; leave it out",
        ),
        ('"My board"', '"\\u001b[31m"', "name = '\\x1b[31m'; need up to 60 letters, digits, spaces and"),
        ('"My board"', '"a */ b"', "name = 'a */ b'; need up to 60 letters"),
        ('"My board"', '"a\\u202eb"', "name = 'a\\u202eb'; need up to 60 letters"),
        ('"My board"', '"a\\nb"', "name = 'a\\nb'; need up to 60 letters"),
        ('"My board"', '"<b>`${x}"', "name = '<b>`${x}'; need up to 60 letters"),
        ('"-mcpu=cortex-m4"', '"-DX=1\\n)"', "compiler_flags holds '-DX=1\\n)'; need one flag an entry"),
        ('"-mcpu=cortex-m4"', '"-O2 ${X}"', "compiler_flags holds '-O2 ${X}'; need one flag an entry"),
        ("clock_hz = 80_000_000", "clock_hz = -1", "clock_hz = -1; need an integer above 0"),
        ('active_power_w = "datasheet"', "", "active_power_w has no source"),
        ('sram_bytes = "96K"', 'sram_bytes = "96Q"', "sram_bytes: '96Q' is not a size"),
        ("[sources]", "[sources]\nclok_hz = 'x'", "unknown key 'sources.clok_hz'; did you mean 'clock_hz'?"),
        ("[sources]", "[sources", "not TOML"),
        ("active_power_w = 0", "active_power_w = nan #", "active_power_w = nan; need a number above 0"),
        ("active_power_w = 0", "active_power_w = inf #", "active_power_w = inf; need a number above 0"),
    ],
)
def test_a_bad_board_file_is_one_clear_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(SpecError) as e:
        load_board(str(path))
    assert message in str(e.value)
    assert str(path) in str(e.value)
    assert "\n" not in str(e.value)


def test_a_board_of_ones_own_begins_with_a_known_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = call("boards", "--toml", "nucleo f446re").out
    path.write_text(text)
    assert load_board(str(path)) == load_board("NUCLEO-F446RE")
    path.write_text(text.replace('"128K"', '"64K"').replace("NUCLEO-F446RE", "mine"))
    assert load_board(str(path)).sram_bytes == 65536
    result = call("boards", "--toml", "NUCLEO-F445RE")
    assert (result.code, result.out) == (2, "")
    assert result.error.startswith("unknown board 'NUCLEO-F445RE'; did you mean 'NUCLEO-F446RE'?")


def test_a_missing_board_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no\.toml: cannot read"):
        load_board(str(tmp_path / "no.toml"))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("128K", 131072),
        ("64kB", 64000),
        ("1MiB", 1048576),
        ("1.5K", 1536),
        ("110 kB", 110000),
        ("7", 7),
        (7, 7),
        ("2M", 2 << 20),
    ],
)
def test_sizes(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("bad", ["K", "-1", "1G", "0.3", "", True, -1])
def test_bad_sizes(bad: str | int) -> None:
    with pytest.raises(SpecError, match=r"arena: .* is not a size"):
        parse_size(bad, "arena")


def test_a_board_alone_is_a_budget() -> None:
    board = load_board("NUCLEO-F446RE")
    assert board_budget(Budget(), board).limits() == {"sram_bytes": 131072, "flash_bytes": 524288}
    own = Budget(sram_bytes=1000, flash_bytes=1 << 30, macs=5)
    assert board_budget(own, board) == replace(own, flash_bytes=524288)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="budget: macs = 0; a limit is greater than 0"):
        Budget(macs=0)
