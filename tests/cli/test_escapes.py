"""Text from models, data and files is shown and never obeyed; closed streams and absurd settings end in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from micronets.apps.sensors import NO_BREAK, code_span
from micronets.boards.board import load_board
from micronets.compiler.generate import ctext
from micronets.cost.latency_model import from_toml
from micronets.errors import FileError, MicronetsError, SpecError
from micronets.pipeline.config import load, parse
from micronets.pipeline.directory import RunDir, seconds
from micronets.pipeline.toml_config import parse_override, to_toml
from micronets.report.markup import el
from micronets.terminal import printable
from tests.support.calling import call

EVIL = "\x1b[31mred\x1b]0;owned\x07"
BASE = {"task": "kws", "board": "NUCLEO-F446RE", "space": {"name": "dscnn"}}


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable(EVIL) == "\\x1b[31mred\\x1b]0;owned\\x07"
    assert printable("a\tb\nc é 日本 🙂") == "a\tb\nc é 日本 🙂"
    assert printable("a\x9b\u202eb\udcff\x7f") == "a\\x9b\\u202eb\\udcff\\x7f"
    assert el("p", EVIL, title=EVIL) == ('<p title="\\x1b[31mred\\x1b]0;owned\\x07">\\x1b[31mred\\x1b]0;owned\\x07</p>')


def test_names_of_files_and_classes_are_escaped_in_messages(tmp_path: Path) -> None:
    result = call("inspect", tmp_path / f"{EVIL}.tflite", "--board", "NUCLEO-F446RE")
    assert result.code == 2
    assert "\\x1b[31mred\\x1b]0;owned\\x07.tflite: cannot read this model" in result.error
    assert "\x1b" not in result.err


def test_closed_streams_are_no_traceback() -> None:
    for closed in (">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"):
        command = f"{sys.executable} -m micronets.cli boards {closed}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), closed


@pytest.mark.parametrize("where", ["pipe", "/dev/zero"])
def test_pipes_and_devices_are_refused(tmp_path: Path, where: str) -> None:
    place = tmp_path / where
    if where == "pipe":
        os.mkfifo(place)
    for words in (("run", place), ("inspect", place, "--board", "NUCLEO-F446RE"), ("evaluate", place)):
        result = call(*words)
        assert result.code == 2
        assert "a pipe or a device, not a file" in result.error


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("space.blocks=3000", "blocks = 3000; allowed: 1 to 100"),
        ("train.calibration_batches=1e9", "calibration_batches = 1000000000; at most 10,000"),
        (
            f"train.epochs={'9' * 5000}",
            "--set train.epochs: a number of more digits than can be read; need one below 2^53",
        ),
        (f"train.epochs={'9' * 400}", "train.epochs = an integer of 1329 bits; need an integer, in size below 2^53"),
        ("train.lr=nan", "train.lr = nan; need a finite number"),
        ("train.mixup=inf", "train.mixup = inf; need a finite number"),
        ("search.penalty=-inf", "search.penalty = -inf; need a finite number"),
        ("budget.latency_ms=nan", "budget.latency_ms = nan; need a finite number"),
        ("data.augmentation.gain_db=nan", "data.augmentation.gain_db = nan; need a finite number"),
        (f"budget.sram_bytes='{'9' * 5000}'", "is not a size"),
        ("seed=-1", "seed = -1; allowed: 0 to 4294967295"),
        ("seed=4294967296", "seed = 4294967296; allowed: 0 to 4294967295"),
        ("data.synthetic_clips=1e12", "data.synthetic_clips = 1000000000000; allowed: 1 to 1,000,000"),
        ('data.path="a\\u0000b"', "holds a NUL character"),
        (f"init='{'a' * 70_000}'", "is too long: a name has 255 bytes at most, and a path 4,095"),
        (f"data.path='{'a/' * 2_100}'", "is too long: a name has 255 bytes at most, and a path 4,095"),
    ],
)
def test_absurd_settings_end_in_a_line(tmp_path: Path, setting: str, text: str) -> None:
    (tmp_path / "c.toml").write_text(to_toml(BASE))
    with pytest.raises(MicronetsError) as e:
        load(tmp_path / "c.toml", [setting])
    assert text in str(e.value)
    assert "\n" not in str(e.value)
    assert len(str(e.value)) < 6000


def test_a_del_in_a_path_is_written_and_read_again(tmp_path: Path) -> None:
    config = parse({**BASE, "out": "a\x7fb"}, "c.toml")
    (tmp_path / "config.toml").write_text(to_toml(config))
    assert load(tmp_path / "config.toml") == config


@pytest.mark.parametrize(
    "text", ["[]", "3", '{"search": 3}', '{"search": {}}', '{"search": {"state": "done"}}', "[" * 5000]
)
def test_records_of_other_shapes_are_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "stages.json").write_text(text)
    with pytest.raises(MicronetsError) as e:
        seconds(RunDir(tmp_path))
    assert str(e.value).startswith(f"{tmp_path / 'stages.json'}: damaged (")


def test_class_names_of_a_stranger(shared: Path, tmp_path: Path) -> None:
    from micronets import tasks

    classes = tasks.load("features", shared / "cases/arrays/evil.npz").classes
    assert any("\x1b" in c for c in classes)
    assert not any("\x1b" in printable(c) for c in classes)
    page = el("td", *classes)
    assert "<script>" not in page
    assert "\x1b" not in page


def test_what_python_says_of_endless_numbers_and_lists_is_not_passed_on(tmp_path: Path) -> None:
    digits = "a number of more digits"
    for text, problem in (
        ("9" * 5000, digits),
        ("0x" + "f" * 5000, digits),  # which Python reads, but does not print
        ("[1, 0b" + "1" * 20_000 + "]", digits),
        ("[" * 5000 + "]" * 5000, "lists within lists"),
    ):
        (tmp_path / "c.toml").write_text(f"seed = {text}\n")
        with pytest.raises(FileError, match=rf"c\.toml: not TOML \({problem}"):
            load(tmp_path / "c.toml")
        with pytest.raises(SpecError, match=rf"c\.toml: not TOML \({problem}"):
            load_board(str(tmp_path / "c.toml"))
        with pytest.raises(SpecError, match=rf"^--set data: {problem}"):
            parse_override(f"data={text}")
    huge = "[kinds.add]\nlayer = 0x" + "f" * 300  # an integer that no float holds
    with pytest.raises(SpecError, match="not a latency model"):
        from_toml(huge, "x.toml")


def test_a_label_is_one_string_of_c_wherever_lines_end() -> None:
    """Once a label with a space or a hyphen was divided where a line of the table ended, and the C did not compile."""
    labels = [*(f"turn-{k} the light on" for k in range(30)), "*/ x", "??/", 'a"\\', "é\n\x1b", "a" * 300]
    text = ctext.listing("const char *const labels[] =", map(ctext.string, labels))
    lines = text.splitlines()
    assert all(line.count('"') % 2 == 0 for line in lines)
    assert max(len(line) for line in lines if "aaa" not in line) <= 120
    assert text.isascii()
    assert "??" not in text
    values = [value.rstrip(",") for line in lines[1:-1] for value in line.strip().split(", ")]
    assert [eval(f"b{value}").decode() for value in values] == labels
    assert ctext.listing("x[] =", ["1", "2"]) == "x[] = {1, 2};\n"


def test_labels_in_markdown() -> None:
    assert code_span("<b>#  a`b\n- c</b>\x1b") == f"`<b>#{NO_BREAK}a'b{NO_BREAK}-{NO_BREAK}c</b>\\x1b`"
    assert code_span("") == f"`{NO_BREAK}`"
    assert len(code_span("x" * 100)) == 62
