"""Decisions against labels, label files, composed streams and the choice of a detector."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from micronets.errors import DataError
from micronets.frontend.labels import SpokenWord, read_labels
from micronets.quantized import reference
from micronets.streaming import CERTAIN, Decision, Detector, Stream, plan_stream
from micronets.streaming.compose import GAIN_DB, PAUSE_S, compose, loud_part
from micronets.streaming.judge import THRESHOLDS, DecisionCounts, det_curve, judged, tuned
from micronets.streaming.offline import Heard, hear
from tests.support.listening import DETECTORS, FRONT_ENDS, LABELS, listening_model, sound
from tests.support.wavs import tone

RATE = 16000
KNOWN = ("yes", "no")


def heard(front_end: str, detector: Detector, samples: np.ndarray) -> Heard:
    """Returns what the network of that front end says about samples."""
    model = listening_model(front_end, detector)
    return hear(model, plan_stream(model, "model"), samples, lambda x: reference.run(model, x))


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_whole_recording_gives_the_decisions_of_a_stream(front_end: str, detector: str) -> None:
    samples = sound(5, seed=2)
    model = listening_model(front_end, DETECTORS[detector])
    found = heard(front_end, DETECTORS[detector], samples).decide(DETECTORS[detector])
    assert found == Stream(model).feed(samples)
    assert found


def decisions(*times: tuple[float, int]) -> list[Decision]:
    """Returns decisions at times in seconds, for classes."""
    return [Decision(one, CERTAIN // 2, round(time * RATE)) for time, one in times]


def test_a_decision_is_right_once_for_each_word_and_not_too_late() -> None:
    events = (SpokenWord(1.0, 1.5, "yes"), SpokenWord(4.0, 4.5, "no"), SpokenWord(7.0, 7.5, "yes"))
    times = [(0.9, 0), (1.2, 0), (1.9, 0), (4.4, 0), (5.5, 1), (8.6, 0)]
    found = judged(decisions(*times), events, KNOWN, RATE)
    assert [d.right for d in found] == [False, True, False, False, True, False]
    assert [d.latency for d in found if d.right] == pytest.approx([-0.3, 1.0])
    assert found[1].label == "yes"
    assert found[1].score == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "1.0\t1.5\tyes\n\\\t100\t200\n2\t2.5\tno\n",
        "start,end,label\n1.0,1.5,yes\n\n2,2.5,no\n",
        "2,2.5,no\r\n1,1.5,yes\r\n",
    ],
    ids=["Audacity", "CSV", "any order"],
)
def test_label_files_of_two_kinds_are_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(text.encode())
    assert read_labels(path, KNOWN, 3) == (SpokenWord(1, 1.5, "yes"), SpokenWord(2, 2.5, "no"))


@pytest.mark.parametrize(
    "text",
    [
        "1,0;1,5;yes\n2,0;2,5;no\n",
        "sep=;\n1.0;1.5;yes\n2;2.5;no\n",
        "1,0\t1,5\tyes\n2\t2,5\tno\n",
        "# mine\n1.0,1.5,yes\n2,2.5,no\n",
        "label,start,duration\nyes,1,0.5\nno,2,0.5\n",
        "Start (ms),End (ms),Class\n1000,1500,yes\n2000,2500,no\n",
        "Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\n1\t1\t1.5\tyes\n2\t2\t2.5\tno\n",
    ],
    ids=["decimal commas", "Excel", "tabs", "a remark", "durations", "milliseconds", "Raven"],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_label_files_of_spreadsheets_and_other_editors_are_read(text: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode(encoding))
    assert read_labels(path, KNOWN, 3) == (SpokenWord(1, 1.5, "yes"), SpokenWord(2, 2.5, "no"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1,2,yes\n1.5,3,no", "line 2: begins at 1.5 s, before line 1 ends at 2 s; labels may not overlap"),
        ("2,1,yes", "line 1: ends at 1 s, before it begins at 2 s"),
        ("1,9,yes", "line 1: 1 to 9 s; the recording lasts from 0 to 5 s"),
        ("-1,2,yes", "line 1: -1 to 2 s; the recording lasts"),
        ("nan,2,yes", "line 1: nan to 2 s; the recording lasts"),
        ("1,2,yess", "line 1: label 'yess' is none of the model's; did you mean 'yes'?"),
        ("1 2 yes", "line 1: '1 2 yes' is not start, end, label"),
        ("1,1_5,yes", "line 1: '1,1_5,yes' is not start, end, label"),
        ('1,2,"yes', "line 1: a quotation mark is opened and not closed"),
        ("start,length,label\n1,4.5,yes", "line 2: 1 to 5.5 s; the recording lasts"),
        ("start,end (samples),label\n1,2,yes", "line 1: the headings 'start,end (samples),label' name no start, end"),
        ("label,start,place\nyes,1,2", "line 1: the headings 'label,start,place' name no start, end and label"),
        ("1,2", "line 1: '1,2' is not start, end, label"),
        ("a,2,yes", "line 1: 'a,2,yes' is not start, end, label"),
    ],
)
def test_labels_that_cannot_be_are_one_clear_line(text: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(DataError) as e:
        read_labels(path, KNOWN, 5)
    assert error in str(e.value)
    assert "\n" not in str(e.value)
    with pytest.raises(DataError, match="cannot read these labels"):
        read_labels(tmp_path / "none.csv", KNOWN, 5)


def test_a_composed_stream_has_its_words_where_it_says() -> None:
    """The clips are far louder than the noise, and of a pitch of their own."""
    words = {"yes": [20 * tone(s, 8000, hertz=500) for s in range(3)], "no": [20 * tone(9, 6000, hertz=1500)]}
    others = [20 * tone(5, 8000, hertz=3000)]
    noise = [np.random.default_rng(0).normal(0, 1, 160000)]
    samples, events = compose(words, others, noise, RATE, 60, seed=4)
    assert len(samples) == 60 * RATE
    assert 5 < len(events) < 60 / (2 * (PAUSE_S[0] + 0.4))
    for event in events:
        part = samples[round(event.start * RATE) : round(event.end * RATE)].astype(float)
        hertz = np.abs(np.fft.rfft(part)).argmax() * RATE / len(part)
        assert hertz == pytest.approx({"yes": 500, "no": 1500}[event.label], abs=20)
        assert part.std() > 40000 / 2 * 10 ** (GAIN_DB[0] / 20) / 2
    again, same = compose(words, others, noise, RATE, 60, seed=4)
    np.testing.assert_array_equal(samples, again)
    assert events == same
    assert compose(words, others, noise, RATE, 60, seed=5)[1] != events


def test_the_loud_part_of_a_clip_leaves_its_silence_out() -> None:
    clip = np.concatenate([np.full(1600, 1.0), 1000 * np.ones(3200), np.zeros(800)]).astype(np.float32)
    assert loud_part(clip, RATE) == (1600, 4800)
    assert loud_part(np.zeros(1000, np.float32), RATE) == (0, 960)


def test_a_higher_threshold_accepts_less() -> None:
    samples = sound(20, seed=7)
    one = replace(DETECTORS["eager"], hop_frames=2)
    h = heard("log-mel", one, samples)
    events = [SpokenWord(d.time / RATE - 0.2, d.time / RATE, LABELS[d.class_index]) for d in h.decide(one)[::5]]
    points = det_curve(h, events, one)
    assert [p.threshold for p in points] == [t / CERTAIN for t in THRESHOLDS]
    assert points[0].false_accepts_per_hour > points[-2].false_accepts_per_hour
    assert points[-1].miss_rate == 1  # no average reaches certainty


def counts_of(right: list[list[int]], wrong: list[list[int]]) -> DecisionCounts:
    """Returns counts of one part of a stream, for classes; the last number holds for all higher thresholds."""
    levels = len(THRESHOLDS)
    rows = [np.array([row + row[-1:] * (levels - len(row)) for row in rows])[..., None] for rows in (right, wrong)]
    return DecisionCounts(rows[0], rows[1], np.full((len(right), 1), 10))


def test_false_accepts_are_divided_so_that_most_words_are_detected() -> None:
    """All pairs of thresholds of two classes are tried; a third cannot fire."""
    rng = np.random.default_rng(1)
    falling = [np.sort(rng.integers(0, 12, (3, 20)))[:, ::-1].tolist() for _ in range(2)]
    counts, able = counts_of(falling[0], falling[1]), np.array([True, True, False])
    for budget, levels in zip((0, 3, 9, 30), counts.best_levels(0.0, (0, 3, 9, 30), able), strict=True):
        pairs = [(a, b) for a, b in product(range(20), repeat=2) if falling[1][0][a] + falling[1][1][b] <= budget]
        most = max((falling[0][0][a] + falling[0][1][b] for a, b in pairs), default=0)
        assert counts.right[0, levels[0], 0] + counts.right[1, levels[1], 0] == most or not pairs
        assert counts.wrong[0, levels[0], 0] + counts.wrong[1, levels[1], 0] <= budget or not pairs
        assert levels[2] == len(THRESHOLDS) - 1


def test_a_class_that_was_lucky_gets_no_low_threshold() -> None:
    """The second class was never accepted falsely; the others were, at the same thresholds, five times each."""
    counts = counts_of([[9, 8, 7]] * 3, [[5, 1, 0], [0, 0, 0], [5, 1, 0]])
    able = np.full(3, True)
    ((_, own, _),) = counts.best_levels(0.0, [2], able)
    ((_, pooled, _),) = counts.best_levels(1.0, [2], able)
    assert own == 0
    assert pooled > 0


@pytest.mark.parametrize("per_hour", [0, 600, 2000, 100000])
def test_a_detector_keeps_to_the_false_accepts_of_its_stream(per_hour: int) -> None:
    samples = sound(12, seed=8)
    base = replace(DETECTORS["eager"], hop_frames=2, never=(0, 3), refractory_ms=(300,) * 4)
    h = heard("log-mel", base, samples)
    eager = replace(base, thresholds=(0,) * 4)
    events = [SpokenWord(d.time / RATE - 0.1, d.time / RATE, LABELS[d.class_index]) for d in h.decide(eager)[::3]]
    found = tuned([h], [events], base, per_hour)
    judgement = judged(h.decide(found), events, LABELS, RATE)
    right = sum(d.right for d in judgement)
    assert len(judgement) - right <= per_hour * h.seconds / 3600
    assert right > len(events) / 2 or per_hour < 10000


def test_a_detector_that_does_better_than_all_rules_is_kept() -> None:
    base = replace(DETECTORS["eager"], hop_frames=2, average=5)  # a number of runs that no rule averages
    h = heard("log-mel", base, sound(4, seed=8))
    events = [SpokenWord(d.time / RATE - 0.1, d.time / RATE, LABELS[d.class_index]) for d in h.decide(base)]
    assert tuned([h], [events], base, 0) == base
