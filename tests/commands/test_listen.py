"""`listen`: decisions on a recording, as lines, JSON and a terminal display; and without a microphone, the way out."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from micronets.boards.board import load_board
from micronets.commands.listen import ModelListener
from micronets.device.cross_compiler import find_compiler
from micronets.errors import DeviceError
from micronets.frontend import encode_wav
from micronets.streaming import CERTAIN, Stream
from micronets.tflite import write
from tests.commands.test_stream import LABELS, day, tones_model, write_day
from tests.support.calling import call


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "tones.tflite"
    path.write_bytes(write(tones_model()))
    return path


def test_a_recording_gives_the_decisions_of_a_stream(model: Path, tmp_path: Path) -> None:
    wav, _ = write_day(tmp_path)
    want = Stream(tones_model()).feed(day()[0])
    found = call("listen", model, "--input", wav, "--json", "--runtime", "reference")
    assert found.code == 0, found.err
    rows = [json.loads(line) for line in found.out.splitlines()]
    assert rows == [{"time": d.time / 16000, "label": LABELS[d.class_index], "score": d.score / CERTAIN} for d in want]
    assert len(rows) == 12
    lines = call("listen", model, "--input", wav, "--runtime", "reference").out.splitlines()
    assert [line.split()[2] for line in lines[:-1]] == [row["label"] for row in rows]
    assert lines[-1] == "12 decisions"


def test_a_simulated_board_decides_the_same(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("unicorn")
    pytest.importorskip("elftools")
    wav, board = tmp_path / "short.wav", load_board("NUCLEO-F446RE")
    wav.write_bytes(encode_wav(day()[0][: 9 * 16000], 16000))
    try:
        find_compiler(board)
    except DeviceError as e:
        pytest.skip(str(e))
    words = ("listen", model, "--input", wav, "--runtime", "reference")
    alone, found = call(*words), call(*words, "--board", board.name)
    assert found.out.splitlines()[:-1] == alone.out.splitlines()[:-1]
    assert found.out.splitlines()[-1] == "3 decisions, by the C on a simulated NUCLEO-F446RE as on this machine"
    monkeypatch.setattr("micronets.commands.listen.decided", lambda row: [])
    wrong = call(*words, "--board", board.name)
    assert wrong.code == 1
    assert "NUCLEO-F446RE, simulated: the C decides otherwise than numpy at" in wrong.err


def test_a_board_does_not_hear_a_microphone(model: Path) -> None:
    found = call("listen", model, "--board", "NUCLEO-F446RE")
    assert found.code == 2
    assert "--board NUCLEO-F446RE: is for a recording, or composed" in found.err
    assert "unknown board 'F4'" in call("listen", model, "--input", "composed", "--board", "F4").err


def test_levels_are_those_of_the_sound(model: Path) -> None:
    listener = ModelListener(model, "reference")
    assert listener.feed(np.zeros(1600)).level == -96
    assert listener.feed(np.full(1600, 32767)).level == pytest.approx(0, abs=0.01)
    loud = listener.feed(3276.8 * np.sign(np.sin(np.arange(1600))))
    assert loud.level == pytest.approx(-20, abs=0.1)
    assert loud.time == pytest.approx(0.3)


def test_another_rate_is_said(model: Path, tmp_path: Path) -> None:
    wav, _ = write_day(tmp_path, 8000)
    found = call("listen", model, "--input", wav, "--runtime", "reference")
    assert "resampled from 8,000 Hz to 16,000 Hz" in found.err
    assert found.out.splitlines()[-1] == "12 decisions"


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")
def test_a_terminal_shows_level_and_best_class(model: Path, tmp_path: Path) -> None:
    import pty

    wav = tmp_path / "short.wav"
    wav.write_bytes(encode_wav(day()[0][: 16000 * 4]))
    ours, theirs = pty.openpty()
    words = ["-m", "micronets.cli", "listen", str(model), "--input", str(wav), "--runtime", "reference"]
    with subprocess.Popen([sys.executable, *words], stdout=theirs, stderr=subprocess.PIPE) as child:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        assert child.wait(60) == 0, child.stderr.read()  # type: ignore[union-attr]
    os.close(ours)
    assert b" dB  low" in seen
    assert b"_unknown_" in seen
    assert seen.count(b"\r") > 30
    assert b"1 decision " in seen


def test_without_a_microphone_one_line_tells_the_way_out(model: Path) -> None:
    if importlib.util.find_spec("sounddevice") is not None:
        pytest.skip("sounddevice is installed")
    found = call("listen", model, "--runtime", "reference")
    assert found.code == 2
    assert "this needs the package 'sounddevice': " in found.error
    assert "[listen]" in found.error
    found = call("listen", model, "--input", "nothing.wav", "--runtime", "reference")
    assert found.error == "nothing.wav: no such recording; check the path, or name a microphone"


STAND_IN = """
import numpy

class PortAudioError(Exception):
    pass

class InputStream:
    def __init__(self, samplerate, blocksize, device, channels, dtype):
        assert (samplerate, blocksize, channels, dtype) == (16000, 1600, 1, "int16")
        if device == "no such":
            raise ValueError("No input device matching 'no such'")
        self.samples, self.at = numpy.load(LOADED), 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def read(self, n):
        block = self.samples[self.at : self.at + n]
        if len(block) < n:
            raise PortAudioError("Stream is stopped [PaErrorCode -9983]")
        self.at += n
        return block[:, None], self.at == LOST
"""
"""What `sounddevice` does with a microphone that hears an array, loses samples once, and ends with an error."""


@pytest.mark.parametrize("lost", [0, 16000 * 20])
def test_a_microphone_is_heard_until_it_fails(
    lost: int, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.rint(day()[0]).astype(np.int16)
    np.save(tmp_path / "sound.npy", samples)
    folder = tmp_path / "packages"
    folder.mkdir()
    text = STAND_IN.replace("LOADED", repr(str(tmp_path / "sound.npy"))).replace("LOST", str(lost))
    (folder / "sounddevice.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    found = call("listen", model, "--json", "--runtime", "reference")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    stream = Stream(tones_model())
    want = stream.feed(samples[: lost - 1600 if lost else None])
    if lost:
        stream.gap(0)
        want += stream.feed(samples[lost - 1600 :])
    assert [json.loads(line)["time"] for line in found.out.splitlines()] == [d.time / 16000 for d in want]
    assert found.code == 2
    assert "the default microphone: Stream is stopped [PaErrorCode -9983]; python -m sounddevice lists" in found.err
    found = call("listen", model, "--input", "no such", "--runtime", "reference")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    assert "--input no such: No input device matching 'no such'; python -m sounddevice" in found.error
