"""`micronets characterize`: random networks on the simulated board; resumes, says what it found, refuses slips."""

import csv
import json
import multiprocessing
import os
import shutil
import signal
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from micronets import tflite
from micronets.boards.board import Board
from micronets.commands import characterize as measuring
from micronets.commands import characterize_report, measure
from micronets.compiler import compile_model
from micronets.cost import latency_model
from micronets.device.board import monitor
from micronets.device.cross_compiler import Firmware, find_compiler, firmware_files
from micronets.errors import DeviceError, DoesNotFit, MicronetsError
from micronets.installation import install
from micronets.ir.arch import Arch
from micronets.ir.space import Block, Choice, SearchSpace, Template, derive
from micronets.quantized.random_weights import with_random_weights
from micronets.report import characterization as report
from micronets.report.latency_findings import NetworkRecord
from tests.support import serial_line
from tests.support.calling import call
from tests.support.needs import needs


def missing(board: Board) -> str:
    """Returns why networks cannot be measured here, if so."""
    for package in ("unicorn", "capstone", "elftools", "scipy"):
        try:
            __import__(package)
        except ImportError:
            return f"needs {package}: {install('sim')}"
    try:
        find_compiler(board)
    except MicronetsError as e:
        return str(e)
    return ""


@pytest.fixture
def tools(board: Board) -> None:
    if why := missing(board):
        pytest.skip(why)


def tiny() -> SearchSpace:
    """Returns a space of 36 networks with two layers each."""
    from micronets.ir.layers import INPUT, Conv2D, FullyConnected, Mean

    def template(pick):  # type: ignore[no-untyped-def]
        stem = Conv2D(name="stem", inputs=(INPUT,), filters=pick("width"), kernel=(3, 3), stride=(pick("stride"),) * 2)
        point = Conv2D(name="point", inputs=("stem",), filters=pick("wider"), kernel=(1, 1))
        tail = (Mean(name="mean", inputs=("point",)), FullyConnected(name="fc", inputs=("mean",), units=3))
        return Template((12, 10, 2), (Block((stem, point, *tail)),))

    widths = (4, 7, 8, 12, 16, 20)
    choices = (Choice("stride", "shape", (1, 2)), Choice("width", "width", widths), Choice("wider", "width", widths))
    return SearchSpace("tiny", choices, template)


def one_convolution(*channels: int) -> list[measuring.Drawn]:
    """Returns networks of one convolution of so many channels each, on maps of two pixels by two."""
    whole = characterize_report.channel_networks()[0]
    layer = whole.arch.layers[0]
    archs = {c: Arch((2, 2, c), (replace(layer, filters=c),)) for c in channels}
    return [measuring.Drawn(whole.space, {"channels": c}, arch) for c, arch in archs.items()]


def test_a_draw_is_uniform_distinct_and_grows_at_its_end() -> None:
    few, many = measuring.draw(tiny(), 10, 0), measuring.draw(tiny(), 40, 0)
    assert many[:10] == few
    assert len({d.arch for d in many}) == len(many) == 40
    assert all(derive(tiny(), d.values) == d.arch for d in many)
    assert len(measuring.draw(tiny(), 1000, 0)) == 72  # all there are
    assert measuring.draw(tiny(), 10, 1) != few


@pytest.mark.usefixtures("tools")
def test_measured_resumed_and_judged(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = measuring.draw(tiny(), 14, 0) + one_convolution(136, 137)
    told: list[tuple[int, int]] = []

    def go(n: int) -> list[NetworkRecord]:
        return measuring.characterize(
            drawn[:n], board, tmp_path, compiler=None, jobs=1, progress=lambda *at: told.append(at)
        )

    first = go(5)
    assert told == [(i, 5) for i in range(6)]
    calls = []
    real = measuring.measured
    monkeypatch.setattr(measuring, "measured", lambda arch, *rest: (calls.append(arch), real(arch, *rest))[1])
    records = go(16)
    assert len(calls) == 11  # what was there is not measured again
    assert records[:5] == first
    again = go(16)
    assert again == records
    assert len(calls) == 11
    damaged = next(path for path in tmp_path.rglob("*.json") if "arch" in path.read_text("utf-8"))
    damaged.write_text("[1")
    assert go(16) == records, "a damaged record is measured again"
    assert len(calls) == 12
    r = records[0]
    assert r.ops == 2 * sum(layer.macs for layer in r.layers)
    assert r.cycles == sum(layer.cycles for layer in r.layers) + r.outside_cycles
    assert r.arch == drawn[0].arch
    rows = list(csv.DictReader((tmp_path / "models.csv").open()))
    assert [int(row["cycles"]) for row in rows] == [r.cycles for r in records]

    found, model = characterize_report.findings(records, board)
    assert found.networks == {"tiny": 14}
    assert found.whole["tiny"].r2 > 0.8
    assert found.kinds["pointwise"].cycles_per_op < found.kinds["convolution"].cycles_per_op
    assert [c.channels for c in found.channels] == [136, 137]
    assert model is not None
    assert found.model.held_out.count == 3
    assert model.mean_error == found.model.held_out.mean < found.model.ops_alone.mean
    assert latency_model.from_toml(latency_model.to_toml(model), "x").kinds.keys() == {
        "convolution",
        "pointwise",
        "mean",
        "fully_connected",
    }
    html = report.characterization_page(found, records)
    assert html.count("<circle") == 2 * 14, "once in the wide drawing, once in the narrow one; single layers in none"
    one_layer = [replace(r, space="layers", values={"classes": 4}) for r in records[:2]]
    assert report.characterization_page(found, [*records, *one_layer]) == html
    assert "rank correlation" in html


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize(("name", "tolerance"), [("kws_frontier", 1e-3), ("vww_f446re", 2e-2)])
def test_random_weights_take_the_time_of_trained_ones(
    board: Board, tmp_path: Path, name: str, tolerance: float
) -> None:
    """A few trained layers reach sums for which one multiplication does not round exactly; random ones do not."""
    model = tflite.read((Path(__file__).parents[2] / "zoo" / name / "model.tflite").read_bytes())
    path = tmp_path / "model.tflite"
    path.write_bytes(tflite.write(replace(model, metadata={})))  # the network alone, without its front end
    trained = measure.measure(path, board, samples=1)
    random = measuring.measured(model.arch, board)
    assert random.cycles == pytest.approx(trained.cycles, rel=tolerance)
    assert random.sram_bytes == trained.sram_bytes
    assert random.flash_bytes == trained.flash_bytes


@pytest.mark.usefixtures("tools")
def test_another_board_or_network_is_another_measurement(board: Board) -> None:
    arch = measuring.draw(tiny(), 2, 0)
    key = measuring.measurement_key(arch[0].arch, board, "gcc", "k")
    assert key != measuring.measurement_key(arch[1].arch, board, "gcc", "k")
    assert key != measuring.measurement_key(arch[0].arch, replace(board, clock_hz=1), "gcc", "k")
    assert key != measuring.measurement_key(arch[0].arch, board, "clang", "k")
    assert key != measuring.measurement_key(arch[0].arch, board, "gcc", "other kernels")


@pytest.mark.usefixtures("tools")
def test_ray_measures_the_same_bytes(board: Board, tmp_path: Path) -> None:
    needs("ray", "ray")
    drawn, told = measuring.draw(tiny(), 3, 0), list[tuple[int, int]]()

    def go(out: Path, ray: str) -> dict[str, bytes]:
        measuring.characterize(drawn, board, out, compiler=None, jobs=2, progress=lambda *at: told.append(at), ray=ray)
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.json")}

    assert go(tmp_path / "ray", "local") == go(tmp_path / "pool", "")
    assert told == [(i, 3) for i in range(4)] * 2


@pytest.mark.usefixtures("tools")
def test_a_board_is_flashed_for_every_network(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process pretends to be the board; what is too large for it is left out, and nothing is measured twice."""
    needs("serial", "board")
    bench = serial_line.Bench(tmp_path)

    def build(sources: monitor.Sources, board: Board, *rest: object) -> Firmware:
        if bench.count == 2:
            bench.count += 1
            raise DoesNotFit("it needs more SRAM than there is")
        return bench.build(sources, board, *rest)

    monkeypatch.setattr(monitor, "build_monitor", build)
    monkeypatch.setattr(monitor, "flash", bench.flash)
    drawn = measuring.draw(tiny(), 5, 0)

    def go(n: int, device: str) -> list[NetworkRecord]:
        return measuring.characterize(
            drawn[:n], board, tmp_path / "out", compiler=None, jobs=2, progress=lambda *_: None, device=device
        )

    with serial_line.on_a_line(bench.command) as port:
        first = go(3, f"serial:{port}")
        assert [r.space for r in first] == ["tiny"] * 2
        records = go(5, f"serial:{port}")
    assert bench.count == 5
    assert records[:2] == first
    for r, network in zip(records, [drawn[0], drawn[1], drawn[3], drawn[4]], strict=True):
        assert r.source == "measured"
        assert r.values == network.values
        assert r.cycles == sum(layer.cycles for layer in r.layers) + r.outside_cycles
        assert r.latency_ms == pytest.approx(1e3 * r.cycles / board.clock_hz)
        assert r.energy_mj == pytest.approx(r.latency_ms * board.active_power_w)
    found, _ = characterize_report.findings(records, board)
    assert found.source == "measured"
    assert [r.source for r in go(2, "sim")] == ["simulated"] * 2  # another device is another measurement


@pytest.mark.usefixtures("tools")
def test_a_process_is_no_board(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs("serial", "board")
    monkeypatch.setattr(monitor, "build_monitor", lambda sources, board, *_: Firmware(b"", "", ()))
    monkeypatch.setattr(monitor, "flash", lambda *_: None)
    arch = measuring.draw(tiny(), 1, 0)[0].arch
    program = serial_line.host_firmware(
        firmware_files(compile_model(with_random_weights(arch))), tmp_path / "firmware", board
    )
    with (
        serial_line.on_a_line([str(program)]) as port,
        pytest.raises(DeviceError, match="counts no cycles of a NUCLEO-F446RE"),
    ):
        measuring.measured(arch, board, device=f"serial:{port}")


@pytest.mark.usefixtures("tools")
@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")
def test_qemu_is_a_second_opinion(board: Board) -> None:
    arch = measuring.draw(tiny(), 1, 0)[0].arch
    assert measuring.measured(arch, board, device="qemu") == measuring.measured(arch, board)


@pytest.mark.usefixtures("tools")
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = characterize_report.layer_networks()[:2]  # of those that are measured besides
    monkeypatch.setattr(characterize_report, "layer_networks", lambda: few)
    channels = one_convolution(4, 5)
    monkeypatch.setattr(characterize_report, "channel_networks", lambda: channels)
    words = (
        "characterize",
        "--space",
        "temporal",
        "--board",
        "nucleo-f446re",
        "--samples",
        3,
        "--out",
        tmp_path,
        "--jobs",
        2,
    )
    result = call(*words, "--json")
    assert result.code == 0
    found = json.loads(result.out)
    assert found["networks"] == {"temporal:kws": 3}
    assert found["source"] == "simulated"
    assert found["model"] is None  # three networks are too few to fit and to judge by
    results = {"models.csv", "findings.json", "characterization.html"}
    assert {p.name for p in tmp_path.iterdir()} == {"models", ".micronets-files.json", *results}


def test_files_of_others_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "models.csv").write_text("mine")
    words = ("characterize", "--space", "temporal", "--board", "nucleo-f446re", "--samples", 3, "--out", tmp_path)
    result = call(*words)
    assert result.code == 2
    told = "models.csv: exists, but micronets did not write it; move it away, or name another --out"
    assert result.error == f"{tmp_path}/{told}"
    assert os.listdir(tmp_path) == ["models.csv"]


def test_slips(tmp_path: Path) -> None:
    base = ("characterize", "--board", "nucleo-f446re")
    assert "unknown space 'temporel'; did you mean 'temporal'?" in call(*base, "--space", "temporel").error
    assert "no networks for inputs of 'kvs'; did you mean 'kws'?" in call(*base, "--space", "dscnn:kvs").error
    assert "device: unknown 'simm'" in call(*base, "--space", "temporal", "--device", "simm", "--out", tmp_path).error
    assert (
        "device 'host': this machine counts no cycles" in call(*base, "--space", "temporal", "--device", "host").error
    )
    assert call(*base, "--space", "temporal", "--samples", 2).error.startswith("samples = 2; need at least 3")
    assert (
        call(*base, "--space", "temporal", "--jobs", 0, "--samples", 3, "--out", tmp_path).error
        == "jobs = 0; need at least 1"
    )
    ray = call(*base, "--space", "temporal", "--samples", 3, "--out", tmp_path, "--ray", "127.0.0.1:9").error
    assert ray.startswith("ray = '127.0.0.1:9': " if find_spec("ray") else "this needs the package 'ray': ")
    (tmp_path / "file").write_text("keep")
    result = call(*base, "--space", "temporal", "--samples", 3, "--jobs", 1, "--out", tmp_path / "file")
    assert (result.code, result.error) == (2, f"{tmp_path}/file: is a file; name a directory with --out")


def test_a_worker_gets_no_interrupt_while_it_starts() -> None:
    with measuring._interrupts_held():
        child = multiprocessing.get_context("spawn").Pool(1)
    with child:
        assert signal.SIGINT in child.apply(signal.pthread_sigmask, (signal.SIG_BLOCK, []))
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
