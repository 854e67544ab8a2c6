"""Recordings of one's own: any length and rate, pieces that stay together, lines that name what is wrong."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import MicronetsError
from micronets.frontend import FrontEnd, encode_wav, features
from tests.support.wavs import tone, write_words


def message(path: Path, **options: object) -> str:
    """Returns the error of reading recordings, which must be one line."""
    with pytest.raises(MicronetsError) as e:
        tasks.load("audio", path, **options)
    assert "\n" not in str(e.value)
    return str(e.value)


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


def test_the_only_recording_of_a_class_is_divided_in_time(tmp_path: Path) -> None:
    """Each split has a stretch of it; one clip between two stretches is in neither, so that they share no sample."""
    root = write_words(tmp_path, {"b": 6})
    (root / "a").mkdir()
    long = tone(1, 12 * 8000 + 500)
    (root / "a/day.wav").write_bytes(encode_wav(long))
    data = tasks.load("audio", root, clip_seconds=0.5)
    own = {s: data.features[s][data.labels(s) == 0] for s in ("train", "val", "test")}
    fe = replace(FrontEnd(fmax=8000).base(), clip_ms=500)
    each = features([np.rint(long[250 + 8000 * i :][:8000]).astype(np.float32) for i in range(12)], fe)
    assert np.array_equal(own["train"], each[:8])
    assert np.array_equal(own["val"], each[9:10])
    assert np.array_equal(own["test"], each[11:12])
    assert data.files["val"][-1] == "a/day.wav"
    assert data.notes[-1] == (
        "class 'a': 1 recording, divided in time (clips: 8 train, 1 val, 1 test); pieces of a recording are alike, so "
        "figures are optimistic"
    )
    for split in ("train", "val", "test"):
        alone = tasks.load("audio", root, clip_seconds=0.5, splits=(split,))
        assert np.array_equal(alone.features[split], data.features[split])
        assert (alone.files[split], alone.notes[-1]) == (data.files[split], data.notes[-1])
    assert np.bincount(tasks.load("audio", root, clip_seconds=0.5, splits=("all",)).labels("all")).tolist() == [12, 12]
    card = tasks.Card(("b", "a"), data.metadata({})["micronets.frontend"], data.input_shape({}), "m")
    for split in ("val", "test"):  # as `micronets evaluate` reads them for a finished model
        judged = tasks.examples("audio", card, root, split=split)
        assert np.array_equal(judged.inputs, data.inputs(split, {}))
    short = encode_wav(tone(1, 4 * 8000))
    (root / "a/day.wav").write_bytes(short)
    assert message(root, clip_seconds=0.5) == (
        f"{root / 'a'}: class 'a' has 1 clip; at least 3 are needed (one each for train, val and test); record more, "
        "or one recording of at least 2.5 s, which is then divided in time"
    )
    (root / "a/more.wav").write_bytes(encode_wav(long))
    both = tasks.load("audio", root, clip_seconds=0.5)
    assert [(both.labels(s) == 0).sum() for s in ("train", "val", "test")] == [4 + 8, 1, 1]


def test_three_short_recordings_are_not_called_long(tmp_path: Path) -> None:
    """One each for training, validation and test leaves less than half for training, and nothing can be cut."""
    assert tasks.load("audio", write_words(tmp_path, {"a": 3, "b": 3})).notes == ()


def test_all_examples_are_no_split_beside_others(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 3, "b": 3})
    expected = "splits: all, test; 'all' holds every example: give it alone, or leave it out"
    for task in ("audio", "kws", "features", "ad", "wake", "images"):
        with pytest.raises(MicronetsError) as e:
            tasks.load(task, root, splits=("all", "test"))
        assert str(e.value) == expected
