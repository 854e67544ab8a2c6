"""Long recordings with label files: windows, classes, splits without leakage, and errors."""

from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import DataError, SpecError
from micronets.frontend import FrontEnd, encode_wav, features, read_recording
from micronets.frontend.labels import SpokenWord
from micronets.tasks import TASKS
from micronets.tasks.kws import long_recordings
from micronets.tasks.long_windows import LabelledPair, LabelledPairs, cuts, divided, windows
from tests.support.wavs import tone

RATE = 16000
FE = FrontEnd(arithmetic="integer")


def day(folder: Path, name: str = "day1", words: int = 40, seed: int = 0, rest: float = 800.0) -> Path:
    """Writes a recording of two tones in turn, each for 0.5 s, and its labels; returns its path.

    - rest: the effective value of the noise behind every third tone; it is 1 behind the others.
    """
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 1, (2 * words + 4) * RATE)
    lines = []
    for n in range(words):
        label, hertz = (("low", 600), ("high", 2500))[n % 2]
        start = 1 + 2 * n + rng.uniform(0, 0.2)
        at = round(start * RATE)
        samples[at : at + RATE // 2] += 3 * tone(n, RATE // 2, RATE, hertz)
        lines.append(f"{start:.4f}\t{start + 0.5:.4f}\t{label}\n")
        if n % 3 == 0:
            samples[at + RATE // 2 : at + 7 * RATE // 4] += rng.normal(0, rest, 5 * RATE // 4)
    path = folder / f"{name}.wav"
    path.write_bytes(encode_wav(samples, RATE))
    path.with_suffix(".txt").write_text("".join(lines))
    return path


def test_a_recording_becomes_a_data_set_of_both_tasks(tmp_path: Path) -> None:
    path = day(tmp_path, words=40)
    for task in ("kws", "audio"):
        data = tasks.load(task, path, negatives=0.0)
        assert data.classes == ("_silence_", "_unknown_", "high", "low")
        counts = {s: np.bincount(data.labels(s), minlength=4) for s in ("train", "val", "test")}
        assert all((n > 0).all() for n in counts.values())
        assert sum(counts.values())[2:].tolist() == [20, 20]
        assert counts["train"][2:].sum() >= 24
        assert counts["val"][2:].min() >= 2
        assert "divided in time, between labels" in " ".join(data.notes)
    whole = tasks.load("kws", path, splits=("all",), negatives=0.0)
    assert np.bincount(whole.labels("all"), minlength=4)[2:].tolist() == [20, 20]


def test_a_window_has_its_label_in_the_middle(tmp_path: Path) -> None:
    path = day(tmp_path, words=6)
    data = tasks.load("kws", path, splits=("all",), negatives=0.0)
    samples = read_recording(path).samples
    first = next(line.split() for line in path.with_suffix(".txt").read_text().splitlines())
    middle = round(RATE * (float(first[0]) + float(first[1])) / 2)
    want = features([samples[middle - RATE // 2 : middle + RATE // 2]], data.frontend)[0]
    low = data.stored("all")[data.labels("all") == data.classes.index("low")]
    assert any(np.array_equal(one, want) for one in low)


def test_windows_by_hand() -> None:
    """A label in the middle, one at each end, a long one, one longer than the part, and what lies between."""

    def found(*events: tuple[float, float, str], begin: int = 0, end: int = 100) -> list:
        return windows([SpokenWord(*event) for event in events], begin, end, 1, 10)

    assert found((40, 50, "a"))[:5] == [(None, 0, 10), (None, 10, 20), (None, 20, 30), (None, 30, 40), ("a", 40, 50)]
    assert found((40, 50, "a"))[5:] == [(None, at, at + 10) for at in range(50, 100, 10)]
    assert [w for w in found((43, 45, "a")) if w[0]] == [("a", 39, 49)]
    assert [w for w in found((1, 3, "a"), (98, 99, "b")) if w[0]] == [("a", 0, 10), ("b", 90, 100)]
    assert [w for w in found((20, 45, "a")) if w[0]] == [("a", 21, 31), ("a", 33, 43)]
    assert found((42, 43, "a"), begin=40, end=46) == [("a", 40, 46)]
    assert found((0, 8, "a"), (14, 30, "b"))[:2] == [("a", 0, 10), ("b", 17, 27)]


def parts(length: int, events: list[tuple[float, float, str]]) -> tuple[np.ndarray, tuple[SpokenWord, ...]]:
    return np.arange(length, dtype=np.float32), tuple(SpokenWord(*event) for event in events)


@pytest.mark.parametrize("count", [1, 2])
def test_no_sample_is_in_two_splits(count: int, tmp_path: Path) -> None:
    """Labels stand so close that windows around them would overlap."""
    rng = np.random.default_rng(3)
    pairs = LabelledPairs(
        tmp_path, tuple(LabelledPair(tmp_path / f"{i}.wav", tmp_path / f"{i}.csv") for i in range(count)), ()
    )
    sounds = []
    for _ in pairs.found:
        starts = np.cumsum(rng.uniform(0.3, 1.2, 80))
        events = [(s, s + 0.2, rng.choice(["a", "b", "c"])) for s in starts.tolist()]
        sounds.append(parts(round(RATE * (starts[-1] + 1)), events))
    found, split_of, how = divided(pairs, sounds, FE.sample_rate, FE.clip_samples, ["val", "test"])
    assert "divided in time" in how
    for i in range(count):
        used = {
            split: set().union(
                *(
                    cut.samples.tolist()
                    for cut in found
                    if cut.part.startswith(f"{i}.wav") and split_of[cut.part] == split
                )
            )
            for split in ("train", "val", "test")
        }
        assert not used["train"] & used["val"]
        assert not used["train"] & used["test"]
        assert not used["val"] & used["test"]
    for split in ("train", "val", "test"):
        assert {cut.label for cut in found if split_of[cut.part] == split} >= {"a", "b", "c"}


def test_whole_recordings_go_to_one_split_where_there_are_enough(tmp_path: Path) -> None:
    for n in range(12):
        day(tmp_path, f"day{n}", words=4, seed=n)
    data = tasks.load("audio", tmp_path)
    assert f"{tmp_path.name}: whole recordings go to one split" in data.notes
    pairs = long_recordings.find_recordings(tmp_path)
    sounds = [long_recordings._read(pair, None, FE) for pair in pairs.found]
    _, split_of, _ = divided(pairs, sounds, FE.sample_rate, FE.clip_samples, ["val", "test"])
    assert len(split_of) == 12
    assert set(split_of.values()) == {"train", "val", "test"}


def test_soft_and_loud_pieces_of_the_rest_are_silence_and_unknown(tmp_path: Path) -> None:
    path = day(tmp_path, words=8)
    data = tasks.load("audio", path, splits=("all",))
    level = data.stored("all").astype(float).mean((1, 2))
    by = {c: level[data.labels("all") == i] for i, c in enumerate(data.classes)}
    assert by["_silence_"].max() < by["_unknown_"].min()
    quiet = tasks.load("audio", day(tmp_path, "quiet", words=8, rest=0), splits=("all",))
    assert quiet.classes == ("_silence_", "high", "low")


def test_many_windows_of_the_rest_are_thinned_out(tmp_path: Path) -> None:
    events = [(float(at), at + 0.5, "x") for at in (100, 200, 300)]
    pairs = LabelledPairs(tmp_path, (LabelledPair(tmp_path / "a.wav", tmp_path / "a.csv"),), ())
    whole = cuts(pairs, [parts(400 * RATE, events)], FE.sample_rate, FE.clip_samples, 1)
    assert sum(cut.label is None for cut in whole) > 390
    found = long_recordings._with_rest(whole, ["x"], {}, ())
    assert sum(cut.label == "x" for cut in found) == 3
    kept = [cut.samples[0] for cut in found if cut.label != "x"]
    assert len(kept) == 100
    assert np.diff(sorted(kept)).max() < 8 * RATE


def test_recordings_to_test_on_may_be_long_ones_too(tmp_path: Path) -> None:
    path, other = day(tmp_path), day(tmp_path, "day2", words=10, seed=9)
    data = tasks.load("kws", path, test=other, negatives=0.0)
    assert np.bincount(data.labels("test"), minlength=4)[2:].tolist() == [5, 5]
    other.with_suffix(".txt").write_text("1\t2\tlaw\n")
    with pytest.raises(DataError, match=r"day2.txt, line 1: label 'law' is none of the model's; did you mean 'low'"):
        tasks.load("kws", path, test=other)


def test_what_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    def refused(path: Path, **options: object) -> str:
        with pytest.raises((DataError, SpecError)) as e:
            tasks.load("kws", path, **options)
        assert "\n" not in str(e.value)
        return str(e.value)

    path = day(tmp_path, words=4)
    text = refused(path)
    assert "day1.wav: too few labels to divide into train, val and test: 'high' has 2; label more of it" in text
    assert "has labels of its own" in refused(path, words=("yes",))
    path.with_suffix(".csv").write_text("1,2,low\n")
    assert "day1.wav: has two label files, day1.csv and day1.txt; keep one" in refused(path)
    path.with_suffix(".csv").unlink()
    path.with_suffix(".txt").write_text("")
    assert "the label files have no labels" in refused(path)
    path.with_suffix(".txt").write_text("1\t2\t\n")
    assert "line 1: 1 to 2 s has no label" in refused(path)
    path.with_suffix(".txt").unlink()
    assert "day1.wav: a recording without labels; write start, end and label" in refused(path)
    assert "no folders in it" in refused(tmp_path)
    day(tmp_path, "day2")
    assert "1 recording without a label file left out (first: day1.wav)" in " ".join(tasks.load("kws", tmp_path).notes)


def test_the_outline_of_a_recording_is_that_of_the_front_end(tmp_path: Path) -> None:
    path = day(tmp_path, words=4)
    found = TASKS["kws"].outline(TASKS["kws"].options(path=str(path)))
    assert found.space_options == {"frames": FE.frames, "bands": FE.n_mels}
