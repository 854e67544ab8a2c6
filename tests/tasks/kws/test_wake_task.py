"""The task `wake`: folders of words and of anything else, what is synthesised, and errors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import DataError, SpecError
from micronets.frontend import FrontEnd, encode_wav
from micronets.tasks.base import Card
from micronets.tasks.kws.data import KwsData
from tests.support.wavs import tone, write_words


@pytest.fixture
def _speech() -> None:
    pytest.importorskip("espeakng_loader", reason="needs the extra 'speech'")


def counts(data: tasks.TaskData) -> dict[str, list[int]]:
    return {s: np.bincount(data.labels(s), minlength=len(data.classes)).tolist() for s in ("train", "val", "test")}


def test_folders_that_are_no_wake_word_are_unknown(tmp_path: Path) -> None:
    """A word has one example a recording; a long recording of anything else has several."""
    root = write_words(tmp_path, {"alexa": 10, "cat": 10, "dog": 10})
    (root / "speech").mkdir()
    for i in range(10):
        (root / "speech" / f"{i}.wav").write_bytes(encode_wav(tone(i, 48000)))
    data = tasks.load("wake", root, words=("alexa",), clip_seconds=0.5, negatives=0.0)
    assert data.classes == ("_silence_", "_unknown_", "alexa")
    # A clip of a second has two windows of half a second, one of three seconds has six; a tenth is one of ten.
    assert counts(data) == {"train": [8, 8 * (2 + 2 + 6), 8], "val": [1, 10, 1], "test": [1, 10, 1]}
    assert data.name == "wake"
    assert not data.synthetic
    assert data.held is not None
    assert {c: len(paths) for c, paths in data.held.clips.items()} == {"_unknown_": 3, "alexa": 1}
    assert not [note for note in data.notes if "SYNTHESISED" in note]
    everything = tasks.load("wake", root, words=("alexa",), clip_seconds=0.5, splits=("all",), negatives=0.0)
    assert np.bincount(everything.labels("all")).tolist() == [10, 100, 10]


def test_a_long_recording_of_anything_else_is_divided_in_time(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"alexa": 10})
    (root / "radio").mkdir()
    (root / "radio/day.wav").write_bytes(encode_wav(tone(3, 22 * 8000)))
    data = tasks.load("wake", root, words=("alexa",), clip_seconds=0.5, negatives=0.0)
    assert counts(data) == {"train": [8, 16, 8], "val": [1, 2, 1], "test": [1, 2, 1]}
    assert data.held is not None
    assert set(data.held.clips) == {"alexa"}, "a stream of test clips would hold what was trained on"
    assert data.notes[-1].startswith("class 'radio': 1 recording, divided in time (clips: 16 train, 2 val, 2 test); ")
    alone = tasks.load("wake", root, words=("alexa",), clip_seconds=0.5, negatives=0.0, splits=("test",))
    assert np.array_equal(alone.inputs("test", {}), data.inputs("test", {}))


def test_recorded_silence_is_filled_up_with_noise_to_as_many_examples_as_a_word_has(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"alexa": 10, "cat": 10, "_silence_": 5})
    data = tasks.load("wake", root, words=("alexa",), clip_seconds=1.0, negatives=0.0)
    assert counts(data) == {"train": [8, 8, 8], "val": [1, 1, 1], "test": [1, 1, 1]}
    alone = tasks.load("wake", root, words=("alexa",), clip_seconds=0.25, negatives=0.0)
    assert counts(alone)["train"] == [3 * 4, 8 * 4, 8], "more recorded silence than that stays as it is"


def test_an_epoch_without_anything_but_the_words(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"alexa": 5, "cat": 5})
    data = tasks.load("wake", root, words=("alexa",), clip_seconds=0.5, share=0.0)
    shown = data.labels("train")[data.epoch(np.random.default_rng(0))]
    assert np.bincount(shown[shown > 1]).tolist() == [0, 0, 3]
    assert isinstance(data, KwsData)
    assert len(shown) == 3 + data.made_per_epoch, "no other sound and no silence but the negatives"


def test_two_words_and_folders_to_test_on(tmp_path: Path) -> None:
    root = write_words(tmp_path / "a", {"alexa": 4, "computer": 4, "other": 4})
    test = write_words(tmp_path / "b", {"computer": 3, "cat": 2})
    data = tasks.load("wake", root, words=("alexa", "computer"), test=test, clip_seconds=1.0, negatives=0.0)
    assert data.classes == ("_silence_", "_unknown_", "alexa", "computer")
    assert counts(data) == {"train": [3, 3, 3, 3], "val": [1, 1, 1, 1], "test": [0, 2, 0, 3]}


def test_a_model_is_judged_by_its_own_words(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"alexa": 4, "other": 4})
    fe = replace(FrontEnd().base(), clip_ms=1000)
    card = Card(("alexa", "_unknown_", "_silence_"), fe.to_json(), fe.input_shape, "a.tflite")
    found = tasks.examples("wake", card, root, split="all")
    assert np.bincount(found.labels).tolist() == [4, 4, 4]
    with pytest.raises(SpecError, match=r"a.tflite: has no wake word among its labels"):
        tasks.examples("wake", replace(card, labels=("_unknown_", "_silence_")), root)


@pytest.mark.usefixtures("_speech")
def test_what_is_not_recorded_is_synthesised_and_said(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"alexa": 4})
    data = tasks.load("wake", root, words=("alexa", "hey_house"), synthetic_clips=10, clip_seconds=1.0, negatives=0.0)
    assert counts(data) == {"train": [5, 8, 2, 8], "val": [1, 1, 1, 1], "test": [1, 1, 1, 1]}
    assert data.source.endswith("; other words, 'hey_house' synthesised by espeak-ng")
    assert f"SYNTHESISED by espeak-ng, as {root} has no recording of them: other words, 'hey_house'" in data.notes


@pytest.mark.usefixtures("_speech")
def test_without_data_everything_is_synthesised(tmp_path: Path) -> None:
    data = tasks.load("wake", words=("house",), synthetic_clips=20, clip_seconds=0.6, negatives=0.0)
    assert data.synthetic
    assert data.source.startswith("synthetic speech: 60 clips by espeak-ng")
    made = counts(data)
    assert (made["train"][2], made["val"], made["test"]) == (16, [2, 2, 2], [2, 2, 2])
    task = tasks.find("wake")
    known = task.outline(replace(task.options(), words=("house",), clip_seconds=0.6))
    assert (known.classes, dict(known.space_options)) == (3, dict(data.space_options))
    again = tasks.load("wake", words=("house",), synthetic_clips=20, clip_seconds=0.6, negatives=0.0)
    np.testing.assert_array_equal(data.stored("train"), again.stored("train"))


def test_what_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"alexa": 4, "other": 4})
    for error, path, options, said in (
        (
            DataError,
            root,
            {"words": ("alexi",)},
            "no folder has the name of a wake word (alexi); did you mean 'alexa'?",
        ),
        (DataError, root / "alexa" / "000.wav", {}, "a file; give the directory that has a folder of recordings"),
        (SpecError, root, {"words": ()}, "wake: words = []; need at least one wake word, each once"),
        (SpecError, root, {"words": ("alexa", "alexa")}, "need at least one wake word, each once"),
        (SpecError, root, {"words": ("_unknown_",)}, "need at least one wake word, each once"),
        (SpecError, None, {"test": root}, "needs a data directory; synthetic speech has its own"),
        (SpecError, root, {"splits": ("tset",)}, "split 'tset' is not known; did you mean 'test'?"),
    ):
        with pytest.raises(error) as e:
            tasks.load("wake", path, **{"words": ("alexa",), **options})
        assert said in str(e.value)
        assert "\n" not in str(e.value)
