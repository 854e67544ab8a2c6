"""Recordings of one's own: any length and rate, pieces that stay together, lines that name what is wrong."""

from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import MicronetsError
from micronets.frontend import FrontEnd, encode_wav, features
from tests.support.wavs import tone, write_words


def test_long_recordings_become_several_examples_and_stay_in_one_split(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 6, "b": 6})
    for i in range(6):  # 3.3 s: three windows from the middle
        (root / "a" / f"{i:03d}.wav").write_bytes(encode_wav(tone(i, 52800)))
    data = tasks.load("audio", root)
    assert {s: np.bincount(data.target[s]).tolist() for s in data.target} == {
        "train": [12, 4],
        "val": [3, 1],
        "test": [3, 1],
    }
    everything = tasks.load("audio", root, splits=("all",))
    first = tone(0, 52800)
    pieces = [np.rint(first[2400 + 16000 * i :][:16000]) for i in range(3)]
    assert np.array_equal(everything.features["all"][:3], features(pieces, FrontEnd(fmax=8000)))
    again = tasks.load("audio", root)  # from the cache
    assert all(np.array_equal(data.features[s], again.features[s]) for s in data.features)


def test_the_length_decides_the_frames_of_the_space(tmp_path: Path) -> None:
    data = tasks.load("audio", write_words(tmp_path, {"a": 3, "b": 3}), clip_seconds=0.5)
    assert data.input_shape({"frame_stride": 1}) == (48, 40, 1)
    assert data.space_options == {"frames": 48, "bands": 40}
    assert data.source == f"{tmp_path.name}: 12 clips of 0.5 s"


def test_whole_sources_and_other_rates(tmp_path: Path) -> None:
    root = tmp_path / "sounds"
    for k, c in enumerate(("door", "window")):
        for who in ("anna", "ben", "cleo", "dan"):
            for i in range(3):
                (root / c).mkdir(parents=True, exist_ok=True)
                path = root / c / f"{who}_{i}.wav"
                path.write_bytes(encode_wav(tone(k * 10 + i, 44100, 44100, 500 + 600 * k), 44100))
    data = tasks.load("audio", root)
    assert {s: len(y) for s, y in data.target.items()} == {"train": 12, "val": 6, "test": 6}
    assert f"train: resampled to 16000 Hz: 12 recordings (first: {root / 'door/'}" in data.notes[0]


def test_bad_recordings_in_one_line(tmp_path: Path) -> None:
    def message(path: Path, **options: object) -> str:
        with pytest.raises(MicronetsError) as e:
            tasks.load("audio", path, **options)
        assert "\n" not in str(e.value)
        return str(e.value)

    one = write_words(tmp_path / "one", {"a": 3})
    assert message(one) == (
        f"{one}: only one class, 'a'; a classifier needs at least two folders; "
        "to judge a finished model on this one alone, evaluate it with --split all"
    )
    texts = write_words(tmp_path / "texts", {"a": 3})
    (texts / "b").mkdir()
    (texts / "b/x.txt").write_text("x")
    assert message(texts).startswith(f"{texts / 'b'}: no .wav files for class 'b' (1 other file, first: x.txt); ")
    bad = write_words(tmp_path / "bad", {"a": 3, "b": 3})
    (bad / "a/000.wav").write_bytes(encode_wav(np.zeros(0)))
    assert message(bad) == f"{bad / 'a/000.wav'}: no samples (length zero); remove it or record it again"
    (bad / "a/000.wav").write_bytes(b"RIFFxxxxWAVEjunk")
    assert message(bad).startswith(f"{bad / 'a/000.wav'}: damaged WAV file")
    assert message(tmp_path / "none").startswith(f"{tmp_path / 'none'}: no such directory")


def test_a_model_is_measured_on_the_same_clips(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 6, "b": 6})
    data = tasks.load("audio", root, clip_seconds=0.4)
    settings = {"frame_stride": 2, "coefficients": 10}
    card = tasks.Card(("b", "a"), data.metadata(settings)["micronets.frontend"], data.input_shape(settings), "m")
    found = tasks.examples("audio", card, root)
    assert np.array_equal(found.inputs, data.inputs("test", settings))
    assert np.array_equal(found.labels, 1 - data.labels("test"))


def test_synthetic_sound() -> None:
    data = tasks.load("audio", synthetic_clips=16, clip_seconds=0.3)
    assert data.source == "synthetic machine sounds: 28 clips of 0.3 s"
    assert data.synthetic
    assert [data.size(s) for s in ("train", "val", "test")] == [16, 4, 8]


def test_a_long_recording_that_is_not_for_training_is_named(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 3, "b": 6})
    for path in (root / "a").iterdir():
        before = path.read_bytes()
        path.write_bytes(encode_wav(tone(1, 10 * 16000)))
        data = tasks.load("audio", root)
        uneven = [n for n in data.notes if n.startswith("class 'a' is divided unevenly (")]
        assert bool(uneven) == ((data.target["train"] == 0).sum() < 6)
        assert any("cut into clips that all stay in this split" in n for n in data.notes)
        path.write_bytes(before)
