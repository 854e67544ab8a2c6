"""Long recordings of a sensor: windows by label files for training, decisions on a stream, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micronets.errors import DataError
from micronets.frontend.gaps import Gap, LongRecording, closed, unbroken
from micronets.frontend.labels import SpokenWord
from micronets.frontend.spectral import SpectralSettings
from micronets.tasks.arrays.task import load
from micronets.tflite import write
from tests.support.calling import call
from tests.support.spectral import following_model

RATE = 50
SETTINGS = SpectralSettings(frame=16, hop=8, bands=5, sample_rate=RATE)
HEAD = "time (s),x,y,z"


def day(folder: Path, name: str = "day1", words: int = 24, seed: int = 0) -> Path:
    """Writes a recording with a wave every other two seconds, slow and fast in turn, and its label file."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 3, (4 * words * RATE, 3))
    lines = []
    for i in range(words):
        at = 4 * i * RATE + int(rng.integers(20, 60))
        x[at : at + RATE] += 500 * np.sin((0.4, 1.6)[i % 2] * np.arange(RATE))[:, None]
        lines.append(f"{at / RATE},{at / RATE + 1},{('slow', 'fast')[i % 2]}")
    path = folder / f"{name}.csv"
    rows = [f"{i / RATE:.2f},{','.join(str(round(v)) for v in row)}" for i, row in enumerate(x)]
    path.write_text("\n".join([HEAD, *rows]) + "\n")
    path.with_suffix(".labels.csv").write_text("\n".join(lines))
    return path


def test_labels_become_windows_and_what_lies_between_unknown(tmp_path: Path) -> None:
    path = day(tmp_path)
    data = load(path, front_end="spectral", spectral=SETTINGS, window=48)
    assert data.classes == ("_unknown_", "fast", "slow")
    assert data.input_shape({}) == (5, 9, 3)
    assert "day1.csv: recordings are divided in time, between labels" in data.notes
    x = np.concatenate([data.stored(s) for s in ("train", "val", "test")])
    y = np.concatenate([data.labels(s) for s in ("train", "val", "test")])
    assert np.bincount(y)[1:].tolist() == [12, 12]
    assert x.shape[1:] == (48, 3)
    loud = np.abs(x).max((1, 2)) > 400
    assert loud[y > 0].all()
    assert loud[y == 0].mean() < 0.2
    for split in ("train", "val", "test"):
        assert set(data.labels(split).tolist()) == {0, 1, 2}
    again = load(path, splits=("all",), preparation=data.preparation)
    assert again.stored("all").shape[1:] == (48, 3)
    assert again.size("all") >= len(y)


def test_a_directory_of_recordings_and_one_without_labels(tmp_path: Path) -> None:
    for n in range(12):
        day(tmp_path, f"day{n}", 4, n)
    (tmp_path / "day0.labels.csv").unlink()
    data = load(tmp_path, front_end="spectral", spectral=SETTINGS, window=48)
    assert f"{tmp_path}: 1 recording without a label file left out (first: day0.csv)" in data.notes
    assert f"{tmp_path.name}: whole recordings go to one split" in data.notes
    with pytest.raises(DataError, match=r"day0\.csv: one table; .* label of what happens in it into day0\.labels\.csv"):
        load(tmp_path / "day0.csv")


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ("1,2,slow\n1.5,3,fast", "line 2: begins at 1.5 s, before line 1 ends at 2 s"),
        ("3,2,slow", "line 1: ends at 2 s, before it begins at 3 s"),
        ("1,2,slow\n95,99,fast", "line 2: 95 to 99 s; the recording lasts from 0 to 96 s"),
        ("1,2,slow", "too few labels to divide"),
        ("", "the label files have no labels"),
    ],
)
def test_labels_that_cannot_be_are_one_line(tmp_path: Path, labels: str, text: str) -> None:
    path = day(tmp_path)
    path.with_suffix(".labels.csv").write_text(labels)
    with pytest.raises(DataError, match=text) as e:
        load(path, spectral=SETTINGS, window=48)
    assert "\n" not in str(e.value)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A random network that follows a sensor of three axes."""
    path = tmp_path / "moves.tflite"
    path.write_bytes(write(following_model()))
    return path


def test_recordings_of_another_form_are_one_line(model: Path, tmp_path: Path) -> None:
    path = day(tmp_path)
    text = path.read_text()
    times = text.replace("time (s)", "time (ms)")
    lines = text.splitlines()
    for changed, told in (
        (times, "its times show 50000 samples a second; the front end needs 50"),
        ("\n".join(line.rpartition(",")[0] for line in lines), "need 3 numbers a sample"),
        ("\n".join([*lines[:9], "1,2,x,4"]), "line 10, column 3 holds 'x', which is not a number"),
    ):
        path.write_text(changed)
        found = call("listen", model, "--input", path, "--runtime", "reference")
        assert found.code == 2
        assert told in found.error
    assert "composed: streams are composed of sounds" in call("listen", model, "--input", "composed").error
    assert "is for a sensor; name a recording of it" in call("listen", model).error


def test_what_is_decided_after_a_gap_has_the_time_of_the_labels(model: Path, tmp_path: Path) -> None:
    """The gap is as long as 12 hops of the detector, so that the frames behind it are those of the whole recording."""
    path, labels = day(tmp_path, words=12), tmp_path / "said.csv"
    lines = path.read_text().splitlines()  # a line of headings, then 50 samples a second

    def decisions() -> list[dict[str, Any]]:
        done = call("listen", model, "--input", path, "--runtime", "reference", "--json")
        assert done.code == 0, done.err
        notes.append(" ".join(done.err.split()))
        return [json.loads(line) for line in done.out.splitlines()]

    notes: list[str] = []
    begin, end = 25 * 16, 37 * 16
    whole = decisions()
    path.write_text("\n".join([*lines[: 1 + begin], *lines[1 + end :]]))
    found = decisions()
    assert "gap" not in notes[0]
    assert "1 gap in its times, the first after 7.98 s" in notes[1]
    settled = end / 50 + 3  # a window and the refractory time later
    for first, last in ((0, begin / 50), (settled, len(lines) / 50)):
        here = [d for d in whole if first < d["time"] <= last]
        assert here
        assert [d for d in found if first < d["time"] <= last] == here
    assert not [d for d in found if begin / 50 < d["time"] <= end / 50]
    labels.write_text("".join(f"{max(0, d['time'] - 0.5)},{d['time'] - 0.1},{d['label']}\n" for d in found))
    words = ("--stream", path, "--labels", labels, "--runtime", "reference", "--json")
    judged = json.loads(call("evaluate", model, *words).out)
    assert (judged["detected"], judged["false_accepts"]) == (len(found), 0)
    assert judged["seconds"] == pytest.approx((len(lines) - 1) / 50)


def test_labels_of_training_data_lie_beside_their_samples_behind_a_gap() -> None:
    """5 s are missing after 2 s, and 1 s after further 3 s."""
    gaps = (Gap(100, 250), Gap(250, 50))
    found = closed(
        [SpokenWord(*times, "a") for times in ((0, 1), (1.5, 4), (3, 6), (6.5, 8), (9, 12), (12, 13))], gaps, 50
    )
    assert [(e.start, e.end) for e in found] == [(0, 1), (1.5, 2), (2, 3), (4, 6), (6, 7)]
    assert [(where, lost) for where, lost in unbroken(400, gaps)] == [
        (slice(0, 100), 0),
        (slice(100, 250), 250),
        (slice(250, 400), 300),
    ]
    assert LongRecording(np.zeros((400, 3)), gaps).total == 700


def test_streams_of_a_sensor_are_judged_and_tuned(model: Path, tmp_path: Path) -> None:
    path, labels = day(tmp_path), tmp_path / "said.csv"
    heard = call("listen", model, "--input", path, "--runtime", "reference", "--json").out.splitlines()
    decisions = [json.loads(line) for line in heard]
    assert len(decisions) > 3
    labels.write_text("".join(f"{max(0, d['time'] - 0.5)},{d['time'] - 0.1},{d['label']}\n" for d in decisions))
    words = ("--stream", path, "--labels", labels, "--runtime", "reference", "--json")
    found = json.loads(call("evaluate", model, *words).out)
    assert (found["said"], found["detected"], found["false_accepts"]) == (len(decisions), len(decisions), 0)
    labels.write_text("1,2,sprint\n")
    told = call("evaluate", model, *words)
    assert told.code == 2
    assert "line 1: label 'sprint' is none of the model's" in told.error
    labels.write_text("".join(f"{d['time'] - 0.4},{d['time']},{d['label']}\n" for d in decisions[::2]))
    out = tmp_path / "tuned.tflite"
    tuned = call("tune", model, *words, "--false-accepts-per-hour", "20", "--out", out)
    assert tuned.code == 0, tuned.err
    after = json.loads(tuned.out)["after"]
    assert after["false_accepts_per_hour"] <= 20
    again = json.loads(call("evaluate", out, *words).out)
    assert again["detections"] == after["detections"]
