"""A measurement that was kept is good for as long as nothing that made it changes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import micronets
from micronets.commands.characterize import kernel_version
from micronets.commands.source_hash import sources

ROOT = Path(micronets.__file__).parent
CHARACTERIZE = "micronets.commands.characterize"

MEASURING = """
import json, sys
from pathlib import Path
import micronets
root = str(Path(micronets.__file__).parent)
opened = set()
def note(event, args):
    if event == "open" and str(args[0]).startswith(root):
        opened.add(str(args[0]))
sys.addaudithook(note)
from micronets.boards.board import load_board
from micronets.commands.characterize import measured
from micronets.errors import DeviceError
from micronets.ir.arch import Arch
from micronets.ir.layers import Add, AveragePool2D, Conv2D, DepthwiseConv2D, FullyConnected, Pad, Softmax, INPUT
layers = (
    Pad(name="p", inputs=(INPUT,), paddings=((1, 1), (0, 0), (0, 0))),
    Conv2D(name="a", inputs=("p",), filters=8, kernel=(3, 3)),
    DepthwiseConv2D(name="b", inputs=("a",), kernel=(3, 3)),
    Add(name="c", inputs=("a", "b")),
    AveragePool2D(name="d", inputs=("c",), pool=(2, 2), stride=(2, 2)),
    FullyConnected(name="e", inputs=("d",), units=4),
    Softmax(name="f", inputs=("e",)),
)
board = load_board("NUCLEO-F446RE")
try:
    measured(Arch((6, 6, 4), layers), board)
except (DeviceError, ImportError) as e:
    print(e, file=sys.stderr)
from micronets.device.board import monitor
text = monitor.board_linker_script(board, board.firmware)
loaded = {m.__file__ for m in list(sys.modules.values()) if (getattr(m, "__file__", None) or "").startswith(root)}
print(json.dumps(sorted(loaded | opened)))
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Returns a copy of the package, and its hash."""
    package = tmp_path_factory.mktemp("copied") / "micronets"
    shutil.copytree(ROOT, package, ignore=shutil.ignore_patterns("__pycache__"))
    return package, kernel_version(package)


CHANGED = (
    *("quantized/arithmetic.py", "quantized/softmax.py", "quantized/reference.py", "quantized/random_weights.py"),
    *("cost/tflm_plan.py", "ir/arch.py", "cost/counts.py", "tflite/writer.py", "compiler/csrc/**/micronets_add.c"),
    *("compiler/**/micronets_limits.h", "device/firmware/serial/monitor.c", "device/firmware/link.ld"),
    *("device/**/trace.c", "device/board/monitor.py", "device/sim/cortex_m4.py", "runtimes/on_sim.py"),
)
"""Files that make a measurement, one of every kind."""


def test_every_change_gives_another_hash(copied: tuple[Path, str]) -> None:
    package, before = copied
    found = {}
    for pattern in CHANGED:
        [path] = package.glob(pattern)
        content = path.read_bytes()
        path.write_bytes(content + b"\n")
        found[pattern] = kernel_version(package)
        path.write_bytes(content)
    assert kernel_version(package) == before
    assert len({before, *found.values()}) == 1 + len(CHANGED), found


def test_a_file_that_moves_stays_on_the_list(tmp_path: Path) -> None:
    package = tmp_path / "micronets"
    shutil.copytree(ROOT, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "compiler/elsewhere").mkdir()
    shutil.move(package / "compiler/csrc", package / "compiler/elsewhere/c")
    assert len(sources(CHARACTERIZE, package)) == len(sources(CHARACTERIZE))
    assert kernel_version(package) == kernel_version()


def test_what_only_trains_or_prints_a_run_is_not_on_it() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in sources(CHARACTERIZE)}
    assert not names & {"design", "pipeline", "cli", "tasks", "fetch"}


def test_no_file_that_a_measurement_reads_is_missing() -> None:
    """Every file of the package that is opened and every module that is loaded to measure a network is on the list.

    The network is compiled, built and, where the tools are there, simulated. The board's own file alone is not on the
    list, as the key names it by its contents.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEASURING], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    read = {Path(name) for name in json.loads(done.stdout.splitlines()[-1])}
    read = {path for path in read if path.is_file() and path.suffix not in (".pyc", ".toml")}
    known = set(sources(CHARACTERIZE))
    assert ROOT / "quantized/arithmetic.py" in read
    assert sorted(str(path.relative_to(ROOT)) for path in read - known) == []
