"""`measure --device serial:PORT` against its firmware: as a process, on emulated Cortex-M, and on lines that fail."""

import importlib.util
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets.installation import install
from tests.support.generated_c import needs_host_compiler
from tests.support.needs import needs

needs("serial", "board")
if not hasattr(os, "openpty"):
    pytest.skip("needs pseudo-terminals", allow_module_level=True)

from micronets import tflite
from micronets.boards.battery import CR2032, parse_battery
from micronets.boards.board import Board, board_names, load_board
from micronets.commands import measure
from micronets.compiler import Compiled, compile_model
from micronets.device import cross_compiler
from micronets.device.board import monitor, serial_session
from micronets.device.cross_compiler import firmware_files
from micronets.errors import DeviceError, DoesNotFit, SpecError
from micronets.ir.arch import Arch
from micronets.ir.layers import INPUT, Conv2D
from micronets.quantized import reference
from micronets.runtimes.base import seeded_inputs
from micronets.runtimes.measurement import measurement_from_json
from tests.commands.test_measure import missing
from tests.support import serial_line
from tests.support.calling import call
from tests.support.random_models import random_arch, random_model
from tests.support.serial_line import F446, MPS2, faulty, in_qemu, on_a_line

SEED = 1
KEYS = (
    *(
        "model",
        "board",
        "device",
        "source",
        "bit_exact",
        "cycles",
        "instructions",
        "latency_ms",
        "energy_mj",
        "sram_bytes",
    ),
    *("flash_bytes", "stack_bytes", "toolchain", "per_layer"),
)
crossed = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
emulated = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("model") / "model.tflite"
    file.write_bytes(tflite.write(random_model(random_arch(SEED), SEED)))
    return file


@pytest.fixture(scope="module")
def compiled(path: Path) -> Compiled:
    return compile_model(tflite.read(path.read_bytes()))


@pytest.fixture(scope="module")
def program(compiled: Compiled, tmp_path_factory: pytest.TempPathFactory) -> str:
    needs_host_compiler()
    return str(serial_line.host_firmware(firmware_files(compiled), tmp_path_factory.mktemp("firmware")))


def test_a_process(path: Path, program: str) -> None:
    with on_a_line([program]) as port:
        result = call("measure", path, "--board", "NUCLEO-F446RE", "--device", f"serial:{port}", "--json")
        assert result.code == 0, result.err
        figures = json.loads(result.out)
        shown = call("measure", path, "--board", "NUCLEO-F446RE", "--device", f"serial:{port}@115200").out
    assert set(KEYS) <= figures.keys()
    assert (figures["source"], figures["machine"], figures["counter"]) == ("host", "host", "ns")
    assert figures["bit_exact"] is True
    assert figures["cycles"] is figures["energy_mj"] is figures["stack_bytes"] is None
    assert [r["name"] for r in figures["per_layer"]] == [
        s.layer.name for s in compile_model(model(path)).model.arch.steps()
    ]
    total = figures["counts"]["first"]
    assert 0 < sum(r["counts"] for r in figures["per_layer"]) <= total
    assert figures["counts"]["least"] <= total <= figures["counts"]["most"]
    assert figures["latency_ms"] == pytest.approx(total / 1e6)
    assert "source: host, NUCLEO-F446RE, the tests' compiler" in shown
    assert "this machine, not the board" in shown
    assert "MAC/cycle" not in shown


def model(path: Path) -> tflite.reader.QuantizedModel:
    return tflite.read(path.read_bytes())


@pytest.fixture(scope="module")
def elf(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the firmware of the F446, from the command line."""
    out = tmp_path_factory.mktemp("elf") / "deep" / "board.elf"
    result = call("measure", path, "--board", "NUCLEO-F446RE", "--device", "serial:/dev/none", "--firmware", out)
    assert result.code == 0, result.err
    assert result.out == f"{out}: write it to the board, then measure without --firmware\n"
    return out


@crossed
def test_a_file_that_is_no_firmware_is_not_overwritten(path: Path, elf: Path) -> None:
    before = path.read_bytes()
    words = ("measure", path, "--board", "NUCLEO-F446RE", "--device", "serial:/dev/none", "--firmware")
    result = call(*words, path)
    assert result.code == 2
    assert result.error == f"{path}: is there and is no firmware; move it away, or name another file with --firmware"
    assert path.read_bytes() == before
    assert call(*words, elf).code == 0, "an earlier firmware is replaced"


@emulated
@crossed
@pytest.mark.parametrize(
    ("board", "machine"),
    [
        (MPS2, "mps2-an386"),
        (replace(MPS2, core="cortex-m7", compiler_flags=load_board("NUCLEO-F746ZG").compiler_flags), "mps2-an500"),
        (F446, "netduinoplus2"),  # an STM32F405, whose USART2 is where the F446's is; there, it has no PLL
    ],
    ids=["m4", "m7", "stm32"],
)
def test_an_emulated_cortex_m(
    path: Path, compiled: Compiled, elf: Path, tmp_path: Path, board: Board, machine: str
) -> None:
    files = firmware_files(compiled)
    firmware = elf.read_bytes() if board is F446 else monitor.build_monitor(files, board).elf
    with in_qemu(firmware, tmp_path, machine) as port:
        figures = measure.measure(path, board, f"serial:{port}", samples=3)
    assert figures.bit_exact
    assert (figures.source, figures.machine, figures.counter) == ("emulated", "emulator", "ticks")
    here = measure.measure(path, board, "host", samples=1)
    assert figures.to_json().keys() == here.to_json().keys()
    assert measurement_from_json(json.loads(json.dumps(figures.to_json()))) == figures
    assert figures.cycles is figures.latency_ms is figures.energy_mj is None  # an emulator has none of them
    assert all(r.counts > 0 for r in figures.per_layer)
    assert sum(r.counts for r in figures.per_layer) <= figures.counts.first
    assert 0 < figures.stack_bytes < 2000
    assert figures.sram_bytes == figures.arena_c_bytes + figures.stack_bytes
    assert figures.flash_bytes > figures.code_bytes > 0
    assert figures.toolchain == cross_compiler.find_compiler(board).name
    assert measure.problems(figures) == []
    assert "source: emulated" in figures.text()
    with pytest.raises(SpecError, match=f"serial:{port} is emulated, whose times are not the board's; leave it out"):
        measure.at_rate(figures, board, 1.0, parse_battery(CR2032))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "faults",
    [{"drop": 0.002}, {"flip": 0.002}, {"invent": 0.002}, {"drop": 0.001, "flip": 0.001, "invent": 0.001}],
    ids=str,
)
def test_a_bad_line_changes_no_figure(path: Path, program: str, seed: int, faults: dict[str, float]) -> None:
    with on_a_line([program], faulty(seed, **faults), faulty(seed + 100, **faults)) as port:
        figures = measure.measure(path, F446, f"serial:{port}", samples=3, seed=seed)
    assert figures.bit_exact
    assert all(r.counts > 0 for r in figures.per_layer)


def test_a_board_that_is_reset_meanwhile_starts_over(path: Path, program: str) -> None:
    with on_a_line(["sh", "-c", f"head -c 600 | {program}; head -c 900 | {program}; {program}"]) as port:
        assert measure.measure(path, F446, f"serial:{port}", samples=5).bit_exact


def test_layers_that_run_in_bands(tmp_path: Path) -> None:
    needs_host_compiler()
    conv = {"kernel": (3, 3), "filters": 6}
    arch = Arch(
        (24, 16, 2), (Conv2D(name="a", inputs=(INPUT,), **conv), Conv2D(name="b", inputs=("a",), stride=(2, 2), **conv))
    )
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite.write(random_model(arch, 1)))
    compiled = compile_model(model(path), arena_limit=0)
    assert compiled.plan.groups
    with on_a_line([str(serial_line.host_firmware(firmware_files(compiled), tmp_path / "firmware"))]) as port:
        figures = measure.measure(path, F446, f"serial:{port}", samples=2, patches="smallest")
    assert figures.bit_exact
    counts = [r.counts for r in figures.per_layer]
    assert sum(counts) > 0.5 * figures.counts.first  # not of their last bands alone
    assert "run together in patches of" in figures.text()


@pytest.fixture
def session(program: str) -> Iterator[serial_session.Session]:
    with on_a_line([program]) as port, serial_session.Session(port) as session:
        yield session


def test_a_run_that_is_asked_for_twice_happens_once(session: serial_session.Session, compiled: Compiled) -> None:
    who = session.identify()
    x = seeded_inputs(compiled.model, 1, 3)
    raw = x.tobytes()
    for at in range(0, len(raw), 100):
        session._ask(serial_session._WRITE, struct.pack("<I", at) + raw[at : at + 100])
        session._ask(serial_session._WRITE, struct.pack("<I", at) + raw[at : at + 100])
    session._ask(serial_session._RUN, struct.pack("<I", 1))
    first = session._result()
    session._sequence -= 2  # as if the answer to RUN had been lost
    session._ask(serial_session._RUN, struct.pack("<I", 1))
    assert session._result() == first
    output = session._ask(serial_session._READ, struct.pack("<IH", 0, who.output_bytes))
    assert output == reference.run(compiled.model, x).tobytes()


def test_requests_that_make_no_sense_are_refused(session: serial_session.Session) -> None:
    who = session.identify()
    for kind, payload, what in (
        (99, b"", "an unknown command"),
        (serial_session._WRITE, b"12", "a bad request"),
        (serial_session._WRITE, bytes(4 + who.input_bytes + 1), "a bad request"),
        (serial_session._RUN, bytes(4), "a bad request"),
    ):
        with pytest.raises(DeviceError, match=f"the firmware refuses {what} while"):
            session._ask(kind, payload)
    for kind, payload in (
        (serial_session._RUN, struct.pack("<I", 1)),
        (serial_session._RESULT, b""),
        (serial_session._WRITE, struct.pack("<I", 1) + b"x"),
        (serial_session._READ, struct.pack("<IH", 0, 1)),
    ):
        with pytest.raises(serial_session._Reset):
            session._ask(kind, payload)
    assert session.identify() == who


def error(path: Path, port: str, board: str = "NUCLEO-F446RE") -> str:
    result = call("measure", path, "--board", board, "--device", f"serial:{port}")
    assert result.code == 2
    return result.error


def test_nobody_there(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_session, "_TRIES", 2)
    assert f"serial port {tmp_path}/no: there is no such port; " in error(path, f"{tmp_path}/no")
    with on_a_line(["sleep", "60"]) as port:
        assert f"serial port {port}: nothing answers at 115,200 baud: is the board on" in error(path, port)
    with on_a_line(["cat", "/dev/zero"]) as port:
        assert " bytes came at 115,200 baud, but no answer: other firmware is on the board" in error(path, port)


def test_somebody_else(path: Path, program: str, compiled: Compiled, tmp_path: Path) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(tflite.write(random_model(random_arch(2), 2)))
    with on_a_line([program]) as port:
        assert "the board holds another model (" in error(other, port)
    with on_a_line([program]) as port:
        assert "it answers as 'NUCLEO-F446RE', not as NUCLEO-F746ZG: name the board" in error(
            path, port, "NUCLEO-F746ZG"
        )
    newer = serial_line.host_firmware(firmware_files(compiled), tmp_path / "newer", protocol=7)
    with on_a_line([str(newer)]) as port:
        assert "speaks version 7 of the protocol, this micronets version 1: write its own" in error(path, port)


def test_cut_off_in_the_middle(path: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_session, "_RUN_S", 1.0)
    monkeypatch.setattr(serial_session, "_TRIES", 3)
    with on_a_line([program]) as port, serial_session.Session(port) as session:
        who = session.identify()
    identity = (
        10
        + serial_session._IDENTITY.size
        + sum(len(t) + 1 for t in (who.board, who.toolchain, who.flags, who.settings))
    )
    for more, doing in ((0, "writing the input"), (25, "running the network"), (50, "reading the output")):
        with (
            on_a_line([program], die_after=identity + more) as port,
            pytest.raises(DeviceError, match=f"fell silent while {doing}: is it"),
        ):
            measure.measure(path, F446, f"serial:{port}", samples=1)


def test_unplugged(program: str) -> None:
    with on_a_line([program]) as port:
        session = serial_session.Session(port)
        who = session.identify()
    with pytest.raises(DeviceError, match="the line broke off while writing the input: was the board unplugged"):
        session.run(who, bytes(who.input_bytes))


@crossed
def test_firmware_lies_in_the_memory_of_the_board(elf: Path) -> None:
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as f:
        file = ELFFile(f)
        sections = {s.name: s for s in file.iter_sections()}
        symbols = {s.name: s["st_value"] for s in sections[".symtab"].iter_symbols()}
        assert symbols["firmware_vectors"] == 0x0800_0000
        stack, reset = struct.unpack("<2I", sections[".text"].data()[:8])
        assert stack == symbols["firmware_stack_top"] == 0x2000_1000
        assert reset == symbols["firmware_reset"]
        end = sections[".arena"]["sh_addr"] + sections[".arena"]["sh_size"]
        assert 0x2000_1000 < end <= 0x2000_0000 + F446.sram_bytes


@crossed
def test_every_port_compiles_without_a_warning(compiled: Compiled, tmp_path: Path) -> None:
    files = firmware_files(compiled)
    own = monitor.host_sources()[0].parent
    for name in [n for n in board_names() if load_board(n).firmware]:
        board = load_board(name)
        assert board.firmware
        cc = cross_compiler.find_compiler(board)
        (tmp_path / "identity.h").write_text(monitor.identity_header(files, board, "", "", 0, 0))
        flags = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wshadow", f"-I{tmp_path}", "-fsyntax-only")
        sources = [own / f"{file}.c" for file in (board.firmware.port, "stm32", "cortex_m", "mps2")]
        done = subprocess.run(
            [*cc.command, *cc.core_flags, *flags, *sources], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@crossed
def test_a_network_that_does_not_fit_beside_the_monitor(compiled: Compiled) -> None:
    small = replace(F446, sram_bytes=5000)
    with pytest.raises(DoesNotFit, match=r"the firmware around it needs [\d,]+ bytes of SRAM more than there are"):
        monitor.build_monitor(firmware_files(compiled), small)


def test_boards_without_firmware_and_options_that_do_not_fit(path: Path, tmp_path: Path) -> None:
    def line(*words: str | Path) -> str:
        result = call("measure", path, "--board", "nRF52840-DK", *words)
        assert result.code == 2
        return result.error

    assert "nRF52840-DK: there is no firmware for this board" in line(
        "--device", "serial:x", "--firmware", tmp_path / "f"
    )
    assert "--flash writes to a board; name its port" in line("--flash")
    assert "--firmware is for a board; name its port" in line("--firmware", tmp_path / "f")
    assert "give one of them" in line("--flash", "--firmware", tmp_path / "f")
    assert "name a port: serial:/dev/ttyACM0" in line("--device", "serial:")
    assert "the speed 'fast' is not a number" in line("--device", "serial:x@fast")
    assert "unknown 'serail:x'; did you mean 'serial:PORT'?" in line("--device", "serail:x")


def test_ports_and_speeds() -> None:
    assert serial_session.parse_device("serial:/dev/ttyACM0") == ("/dev/ttyACM0", 115_200)
    assert serial_session.parse_device("serial:COM3@921600") == ("COM3", 921_600)
    with pytest.raises(SpecError, match="not a number from 1200 to 4000000"):
        serial_session.parse_device("serial:COM3@5")


@pytest.mark.skipif(importlib.util.find_spec("pyocd") is None, reason="needs pyocd")
def test_pyocd_s_complaint_is_one_line() -> None:
    """With a chip that does not exist, so that nothing is written even where a board is plugged in."""
    assert F446.firmware
    board = replace(F446, firmware=replace(F446.firmware, pyocd_target="no_such_chip"))
    with pytest.raises(
        DeviceError, match=r"^pyOCD: (no debug probe found: plug|it does not know the chip no_such_chip)"
    ) as e:
        monitor.flash(b"", board)
    assert "\n" not in str(e.value)


def test_without_pyocd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor.shutil, "which", lambda name: None)
    monkeypatch.setattr(monitor.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        DeviceError, match=re.escape(f"no pyOCD found to write the firmware: {install('board')}, or build")
    ):
        monitor.flash(b"", F446)


def test_without_pyserial(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    assert error(path, "x") == f"this needs the package 'serial': {install('board')}"


def test_the_hash_tells_networks_apart(compiled: Compiled) -> None:
    files = firmware_files(compiled)
    assert monitor.model_hash(files) == monitor.model_hash(dict(reversed(files.items())))
    changed = {**files, "model.c": files["model.c"] + " "}  # type: ignore[operator]
    assert monitor.model_hash(changed) != monitor.model_hash(files)
    assert len(np.frombuffer(monitor.model_hash(files), np.uint8)) == 8
