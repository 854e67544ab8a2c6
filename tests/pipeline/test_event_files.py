"""Event files: the bytes that TensorBoard reads, the figures of a run, and runs that go on without them."""

import struct
from pathlib import Path

import pytest

from micronets.errors import FileError
from micronets.pipeline import context as contexts
from micronets.pipeline import event_files
from micronets.pipeline.config import parse
from micronets.pipeline.directory import EVENTS, RunDir, locked
from micronets.pipeline.event_files import crc32c, event_record, masked_crc, recorded
from micronets.progress import Event, NoteEvent, StepEvent


def records(data: bytes) -> list[bytes]:
    """Returns the records of a TFRecord file, after checking both checksums of each."""
    found = []
    while data:
        length = struct.unpack_from("<Q", data)[0]
        head, body, tail = data[:8], data[12 : 12 + length], data[12 + length : 16 + length]
        assert struct.unpack("<I", data[8:12])[0] == masked_crc(head)
        assert struct.unpack("<I", tail)[0] == masked_crc(body)
        found.append(body)
        data = data[16 + length :]
    return found


def test_the_checksum_is_crc_32c() -> None:
    assert crc32c(b"123456789") == 0xE3069283, "the check value of the catalogue of CRCs"
    assert crc32c(bytes(32)) == 0x8A9136AA, "RFC 3720, B.4"
    assert crc32c(b"\xff" * 32) == 0x62A8AB43, "RFC 3720, B.4"


def test_a_record_has_the_bytes_of_an_event() -> None:
    """These are the bytes that TensorBoard 2.21's own protocol buffers serialise."""
    event = event_files.scalars(1.5, 300, {"a/b": 0.25})
    assert event.hex() == "09000000000000f83f10ac022a0c0a0a0a03612f62150000803e"
    assert records(event_record(event) + event_record(b"")) == [event, b""]


def test_figures_go_to_a_file_and_all_events_are_passed_on(tmp_path: Path) -> None:
    told: list[Event] = []
    events = [
        NoteEvent("search", "begins"),
        StepEvent("search", 1, 9, 8.0, {"loss": 2.0, "accuracy": 0.5}),
        StepEvent("search", 2, 9, 7.0, {"loss": float("nan")}),
        StepEvent("train", 3, 9),
    ]
    with recorded(tmp_path / "t", told.append) as tell:
        tell(events[0])
        assert not (tmp_path / "t").exists(), "a file without figures"
        for event in events[1:]:
            tell(event)
    assert told == events
    (path,) = (tmp_path / "t").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    first, second = records(path.read_bytes())
    assert b"brain.Event:2" in first
    assert b"search/loss" in second
    assert b"search/accuracy" in second


def test_what_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("in the way")
    told: list[Event] = []
    with recorded(tmp_path / "t", told.append) as tell:
        for step in (1, 2):
            tell(StepEvent("search", step, 2, 0.0, {"loss": 1.0}))
    assert len(told) == 2
    assert (tmp_path / "t").read_text() == "in the way"


@pytest.mark.parametrize("installed", [True, False])
def test_a_run_has_event_files_where_tensorboard_is_installed(
    installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "is_wanted", lambda: installed)
    table = {"board": "NUCLEO-F446RE", "space": {"name": "dscnn"}, "out": str(tmp_path / "run"), "threads": 1}
    step = StepEvent("search", 1, 2, 0.0, {"loss": 1.0})
    for refused in (False, True):  # the second one stops before its first stage has left anything
        with contexts.opened(parse(table, "c.toml"), resume=refused, progress=lambda _: None) as context:
            context.progress(step)
    assert (tmp_path / "run" / EVENTS).exists() == installed
    with contexts.opened(parse(table, "c.toml"), resume=True, progress=lambda _: None, event_files=False) as context:
        context.progress(step)
    assert len(list((tmp_path / "run").glob(f"{EVENTS}/*"))) == installed
    (tmp_path / "run" / "other").write_text("")
    with pytest.raises(FileError, match="holds other files"), locked(RunDir(tmp_path / "run")):
        pass


def test_tensorboard_reads_the_file(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="no TensorBoard")
    with recorded(tmp_path, lambda _: None) as tell:
        for step in range(3):
            tell(StepEvent("train", step, 3, 0.0, {"loss": 1 / (step + 1), "val_accuracy": step / 3}))
    found = accumulator.EventAccumulator(str(tmp_path))
    found.Reload()
    assert sorted(found.Tags()["scalars"]) == ["train/loss", "train/val_accuracy"]
    assert [(e.step, round(e.value, 4)) for e in found.Scalars("train/loss")] == [(0, 1.0), (1, 0.5), (2, 0.3333)]
