from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micronets.errors import MicronetsError
from micronets.frontend import FrontEnd, encode_wav
from micronets.tasks import load as load_any
from micronets.tasks.class_folders import speaker
from micronets.tasks.kws.clips import background_parts
from micronets.tasks.kws.folders import own_splits, scan, speaker_split
from micronets.tasks.kws.task import KEYWORDS
from tests.support.cards import examples
from tests.support.wavs import tone, write_words


def load(name: str, path: Path | None = None, **options: Any) -> Any:
    """Loads a data set without negatives, with the front end in floats, which takes less time than that in integers."""
    return load_any(name, path, **{"frontend": FrontEnd(arithmetic="float"), "negatives": 0.0, **options})


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MICRONETS_CACHE", str(tmp_path_factory.mktemp("cache")))


def message(path: Path, **options: object) -> str:
    with pytest.raises(MicronetsError) as e:
        load("kws", path, **options)
    return str(e.value)


def test_own_words_split_clip_by_clip(tmp_path: Path) -> None:
    root = write_words(tmp_path / "words", {"lights": 20, "stop it": 3})
    data = load("kws", root)
    assert data.classes == ("lights", "stop it")
    counts = {s: np.bincount(data.labels(s)).tolist() for s in ("train", "val", "test")}
    assert counts == {"train": [16, 1], "val": [2, 1], "test": [2, 1]}
    assert data.source == "words: 23 recordings"
    assert len(data.background) == 200  # synthetic noise to mix with
    for s in counts:
        assert [data.classes[i] for i in data.labels(s)] == [name.split("/")[0] for name in data.files[s]]
    assert len({name for s in counts for name in data.files[s]}) == 23
    rows = np.concatenate([data.features[s] for s in counts])
    assert len(np.unique(rows.reshape(23, -1), axis=0)) == 23  # each clip once
    again = load("kws", root)
    assert all(np.array_equal(data.features[s], again.features[s]) for s in counts)


def test_a_test_folder_serves_the_test_split_and_nothing_else(tmp_path: Path) -> None:
    root = write_words(tmp_path / "words", {"a": 2, "b": 12})
    held = write_words(tmp_path / "held", {"b": 4})
    data = load("kws", root, test=held)
    assert [data.size(s) for s in ("train", "val", "test")] == [12, 2, 4]
    assert data.notes == (f"{held}: no test clips for a",)
    assert sorted(data.files["test"]) == sorted(p.relative_to(held).as_posix() for p in held.rglob("*.wav"))
    write_words(held, {"c": 1})
    assert message(root, test=held) == f"{held / 'c'}: class 'c' is not one of the classes; rename or remove it: a, b"


def test_speakers_stay_together_where_names_tell(tmp_path: Path) -> None:
    root = tmp_path / "words"
    for i in range(12):
        for word in ("on", "off"):
            (root / word).mkdir(parents=True, exist_ok=True)
            for take in range(2):
                (root / word / f"speaker{i}_nohash_{take}.wav").write_bytes(b"")
    splits = own_splits(scan(root), ("val", "test")).whole
    who = {s: {speaker(p.stem) for c in by for p in by[c]} for s, by in splits.items()}
    assert all(len(v) for v in who.values())
    assert not who["train"] & who["val"] | who["train"] & who["test"] | who["val"] & who["test"]
    assert sum(len(by[c]) for by in splits.values() for c in by) == 48
    assert all(len(splits[s][c]) in (2, 4) for s in ("val", "test") for c in ("on", "off"))


def test_names_that_tell_no_speaker() -> None:
    assert [speaker(s) for s in ("1a2b_nohash_3", "anna-3", "anna 3", "0007", "_x")] == [
        "1a2b",
        "anna",
        "anna",
        None,
        None,
    ]


def test_a_word_of_one_speaker_is_split_by_clip(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"on": 5, "off": 5}, "anna_{}.wav")
    splits = own_splits(scan(root), ("val", "test")).whole
    assert [len(splits[s]["on"]) for s in ("train", "val", "test")] == [3, 1, 1]


def test_the_speaker_hash_of_speech_commands() -> None:
    # Files whose split the published lists state.
    names = {
        "1acc97de_nohash_0.wav": "test",
        "03401e93_nohash_1.wav": "test",
        "0487ba9b_nohash_0.wav": "test",
    }
    assert {n: speaker_split(n) for n in names} == names
    shares = [speaker_split(f"{i:08x}_nohash_0.wav") for i in range(2000)]
    assert 150 < shares.count("val") < 250
    assert 150 < shares.count("test") < 250
    assert speaker_split("abc_nohash_0.wav") == speaker_split("abc_nohash_17.wav")


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """Writes a small Speech Commands: the ten keywords, two other words, 20 s of background noise, both lists."""
    root = write_words(tmp_path / "sc", dict.fromkeys((*KEYWORDS, "bed", "cat"), 6), "s{}_nohash_0.wav")
    (root / "_background_noise_").mkdir()
    (root / "_background_noise_" / "hum.wav").write_bytes(encode_wav(tone(7, 320000)))
    (root / "_background_noise_" / "README.md").write_text("noise")
    for name, i in (("validation_list.txt", 4), ("testing_list.txt", 5)):
        (root / name).write_text("".join(f"{w}/s{i}_nohash_0.wav\n" for w in (*KEYWORDS, "bed", "cat")))
    return root


def test_speech_commands_are_the_12_class_task(commands: Path) -> None:
    data = load("kws", commands)
    assert data.classes == ("_silence_", "_unknown_", *KEYWORDS)
    assert np.bincount(data.labels("train")).tolist() == [1000, 8, *[4] * 10]
    assert np.bincount(data.labels("val")).tolist() == [1] * 12
    assert np.bincount(data.labels("test")).tolist() == [1] * 12
    assert data.notes == ()
    test = load("kws", commands, splits=("test",))
    assert np.array_equal(test.features["test"], data.features["test"])
    assert test.size("train") == 0


def test_background_recordings_are_in_one_split_each(commands: Path) -> None:
    """The silence that validates and tests is of noises that no training clip has in it."""
    levels = {f"noise{i}.wav": 0.1 * (i + 1) for i in range(6)}
    folder = commands / "_background_noise_"
    (folder / "hum.wav").unlink()
    for name, level in levels.items():
        (folder / name).write_bytes(encode_wav(level * tone(7, 32000)))
    parts = background_parts(sorted(folder.glob("*.wav")))
    of = {s: {p.path.name for p in given} for s, given in parts.items()}
    assert sorted(map(len, of.values())) == [1, 1, 4]
    assert set.union(*of.values()) == set(levels)
    assert all((p.start, p.end) == (0.0, 1.0) for given in parts.values() for p in given)
    few = background_parts([folder / "a.wav"])
    assert [(few[s][0].start, few[s][0].end) for s in ("train", "val", "test")] == [(0, 0.8), (0.8, 0.9), (0.9, 1)]
    for p in parts["val"]:
        p.path.write_bytes(encode_wav(0 * tone(7, 32000)))  # nothing but the validation split may notice
    quiet = load("kws", commands)
    assert not quiet.features["val"][quiet.labels("val") == 0].any()
    assert quiet.features["test"][quiet.labels("test") == 0].any()
    # One crop in a hundred is so soft that it has no sample of 16 bits but 0.
    assert quiet.background.any(axis=(1, 2)).mean() > 0.98


def test_no_seed_changes_which_unknowns_validate(commands: Path) -> None:
    a, b = load("kws", commands), load("kws", commands, seed=1)
    for s in ("val", "test"):
        assert np.array_equal(a.features[s], b.features[s]), s
    assert not np.array_equal(a.background, b.background)


def test_other_keywords_of_the_same_folders(commands: Path) -> None:
    data = load("kws", commands, words=["bed", "yes"])
    assert data.classes == ("_silence_", "_unknown_", "bed", "yes")
    assert np.bincount(data.labels("train")).tolist() == [1000, 16, 4, 4]
    assert message(commands, words=["bedd"]) == (
        f"words: 'bedd' has no folder in {commands}; did you mean 'bed'? known: bed, cat, down, go, left, no, off, "
        "on, right, stop, up, yes"
    )


def test_the_task_of_every_word_has_neither_silence_nor_unknowns(commands: Path, tmp_path: Path) -> None:
    words = ("bed", "cat", *KEYWORDS)
    data = load("kws", commands, words=words, silence=False)
    assert data.classes == words
    assert {s: np.bincount(data.labels(s)).tolist() for s in ("train", "val", "test")} == {
        "train": [4] * 12,
        "val": [1] * 12,
        "test": [1] * 12,
    }
    assert data.background.any(axis=(1, 2)).mean() > 0.98  # noise to mix with is still that of the recordings
    (commands / "_background_noise_" / "hum.wav").unlink()
    assert len(load("kws", commands, words=words, silence=False).background)
    fewer = load("kws", commands, words=["yes"], silence=False)
    assert fewer.classes == ("_unknown_", "yes")
    own = write_words(tmp_path / "own", {"a": 3, "b": 3})
    assert message(own, silence=False) == (
        f"kws: option silence = false is for Speech Commands; in {own} every folder is a class"
    )


@pytest.mark.parametrize("silence", [True, False])
def test_a_model_of_other_words_is_judged_by_its_own(commands: Path, silence: bool) -> None:
    """`evaluate` reads the classes that the model knows from a directory of Speech Commands."""
    words = ("cat", "bed", *KEYWORDS)
    labels = ["_silence_", *words] if silence else [*words]
    front_end = load("kws", commands, splits=("test",)).frontend
    found = examples(commands, front_end, labels, split="test")
    assert found.classes == tuple(labels)
    assert np.bincount(found.labels).tolist() == [1] * len(labels)


def test_speech_commands_without_lists_use_the_hash(commands: Path) -> None:
    for name in ("validation_list.txt", "testing_list.txt"):
        (commands / name).unlink()
    of = [speaker_split(f"s{i}_nohash_0.wav") for i in range(6)]
    data = load("kws", commands)
    for s in ("train", "val", "test"):
        assert (data.labels(s) == data.classes.index("yes")).sum() == of.count(s) > 0
    for i in range(6):
        if of[i] == "val":
            (commands / "go" / f"s{i}_nohash_0.wav").unlink()
    assert message(commands) == f"{commands}: class 'go' has no validation clip; add recordings or leave the word out"


def test_speech_commands_need_background(commands: Path) -> None:
    (commands / "_background_noise_" / "hum.wav").unlink()
    assert message(commands) == (
        f"{commands}: no .wav files in _background_noise_, from which class '_silence_' is cut; add noise recordings "
        "there"
    )


def test_every_clip_of_a_folder(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 2, "b": 1})
    e = examples(root, load("kws", root, splits=("all",)).frontend, ["b", "x", "a"], split="all")
    assert e.labels.tolist() == [2, 2, 0]


def test_other_files_are_counted_not_read(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 3, "b": 3})
    (root / "a" / "notes.txt").write_text("x")
    (root / "a" / ".hidden").write_text("x")
    (root / "b" / "take.m4a").write_text("x")
    (root / "LICENSE").write_text("x")
    assert load("kws", root).notes == (
        f"2 files that are of no sound format ignored (first: {root / 'a' / 'notes.txt'})",
    )


def test_nothing_to_read(tmp_path: Path) -> None:
    assert message(tmp_path / "no") == (
        f"{tmp_path / 'no'}: no such directory; give a folder of WAV files per class, or the directory of a "
        "features.npz"
    )
    assert message(tmp_path) == f"{tmp_path}: no folders in it; give a directory with a folder of WAV files per class"
    (tmp_path / "_background_noise_").mkdir()
    assert message(tmp_path) == (
        f"{tmp_path}: no folders of words, only _background_noise_; give a folder of WAV files per class"
    )


def test_a_class_without_clips(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 3})
    (root / "b").mkdir()
    way_out = "add recordings or remove the folder"
    assert message(root) == f"{root / 'b'}: no .wav files for class 'b' (the folder is empty); {way_out}"
    (root / "b" / "x.txt").write_text("x")
    assert message(root) == f"{root / 'b'}: no .wav files for class 'b' (1 other file, first: x.txt); {way_out}"


def test_too_few_classes_or_clips(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 2})
    assert message(root) == (
        f"{root}: only one class, 'a'; a classifier needs at least two folders; "
        "to judge a finished model on this one alone, evaluate it with --split all"
    )
    write_words(root, {"b": 3})
    assert message(root) == (
        f"{root / 'a'}: class 'a' has 2 clips; at least 3 are needed (one each for train, val and test); record more, "
        "or cut long recordings into several files"
    )


def test_a_long_recording_of_silence_is_divided_in_time(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 3, "b": 3})
    (root / "_silence_").mkdir()
    (root / "_silence_" / "room.wav").write_bytes(encode_wav(tone(9, 24 * 16000)))
    data = load("kws", root, negatives=0.0)
    assert [np.bincount(data.labels(s)).tolist() for s in ("train", "val", "test")] == [
        [18, 1, 1],
        [2, 1, 1],
        [2, 1, 1],
    ]
    assert data.notes[-1] == (
        "class '_silence_': 1 recording, divided in time (clips: 18 train, 2 val, 2 test); pieces of a recording are "
        "alike, so figures are optimistic"
    )


def test_a_damaged_clip_is_named(tmp_path: Path) -> None:
    root = write_words(tmp_path, {"a": 3, "b": 3})
    (root / "b" / "001.wav").write_bytes(b"")
    assert message(root) == f"{root / 'b' / '001.wav'}: the file is empty (0 bytes); remove it or record it again"


def test_bad_options(tmp_path: Path) -> None:
    assert message(tmp_path, splits=("dev",)) == "split 'dev' is not known; known: all, test, train, val"
    with pytest.raises(MicronetsError, match="unknown task 'kw'; did you mean 'kws'"):
        load("kw")
    assert message(tmp_path, sede=1).startswith(
        "task kws: no option 'sede'; did you mean 'seed'? known: augmentation, "
    )
    root = write_words(tmp_path, {"a": 3, "b": 3})
    with pytest.raises(MicronetsError, match="kws: no split 'testing'; did you mean 'test'"):
        load("kws", root).labels("testing")
