"""Scores say what a headline hides: unequal classes, classes that are never recognised, AUCs below chance."""

from pathlib import Path

import numpy as np
import pytest

from micronets import tasks
from micronets.errors import SpecError
from micronets.tasks.ad.data import AdData
from micronets.tasks.ad.settings import Windows
from micronets.tasks.arrays.in_memory import arrays
from micronets.tasks.kws.data import SILENCE, UNKNOWN, KwsData
from micronets.tasks.labelled import LabelledData
from micronets.tasks.scoring import (
    BALANCED,
    Score,
    balanced_accuracy,
    by_balanced_accuracy,
    classification,
    remarks,
    size_notes,
    unequal,
    worse_than_guessing,
)

RARE = [[0, 4], [0, 76]]  # 4 examples of the first class, never recognised


def score_of(confusion: list[list[int]]) -> Score:
    """Returns the score of outputs that have this confusion matrix."""
    pairs = [(t, p) for t, row in enumerate(confusion) for p, n in enumerate(row) for _ in range(n)]
    outputs = np.eye(len(confusion))[[p for _, p in pairs]]
    return classification(outputs, np.array([t for t, _ in pairs], np.int64), len(confusion))


def test_balanced_accuracy_is_the_mean_of_the_classes() -> None:
    assert balanced_accuracy(RARE) == 0.5
    assert balanced_accuracy([[3, 1, 0], [0, 0, 0], [0, 1, 1]]) == pytest.approx((0.75 + 0.5) / 2)
    assert score_of(RARE).metrics == {"accuracy": 0.95, BALANCED: 0.5}
    assert (unequal(RARE), unequal([[10, 0], [1, 13]])) == (True, False)


def test_the_balanced_accuracy_as_the_metric_has_an_interval_of_its_own() -> None:
    score = by_balanced_accuracy(score_of([[3, 1], [19, 57]]))
    assert (score.metric, score.value) == (BALANCED, pytest.approx(0.75))
    low, high = score.interval or (0, 0)
    assert 0.45 < low < 0.55 < 0.85 < high < 0.9, "the four examples of the rare class decide its width"


def test_remarks_name_what_the_accuracy_hides() -> None:
    assert remarks(score_of(RARE), ("leak", "normal")) == (
        "the classes are unequal, from 76 examples of 'normal' to 4 of 'leak': the balanced accuracy is 50.00 %",
        "no better than always predicting 'normal' (95.00 %)",
        "never recognised: 'leak'",
        "fewer than 5 examples of a class, which say little about it: 4 of 'leak'",
    )
    assert remarks(score_of([[9, 1], [2, 8]]), ("a", "b")) == ()
    assert remarks(score_of([[0, 10], [1, 9]]), ("a", "b"))[-1] == "never recognised: 'a'"


def test_classes_without_examples_are_named() -> None:
    assert remarks(score_of([[9, 0, 1], [0, 0, 0], [1, 0, 9]]), ("a", "b", "c")) == (
        "says nothing about classes without examples: 'b'",
    )
    assert remarks(score_of([[3, 0], [0, 0]]), ("a", "b")) == (
        "says nothing about classes without examples: 'b'",
        "fewer than 5 examples of a class, which say little about it: 3 of 'a'",
    )
    one = [[0] * 9, [1, 9, *[0] * 7], *[[0] * 9] * 7]
    assert remarks(score_of(one), "abcdefghi") == (
        "says nothing about classes without examples: 'a', 'c', 'd', 'e', 'f', 'g' and 2 more",
    )
    assert remarks(score_of([[0, 0], [0, 0]]), ("a", "b")) == ()


def test_an_auc_below_chance_is_remarked() -> None:
    low = remarks(Score({"auc": 0.41, "pauc": 0.5}, None, 10), ())
    assert low == ("the AUC is below 50 %: worse than chance, normal examples score higher than abnormal ones",)
    (one,) = remarks(Score({"auc": 0.6, "auc fan_id_00": 0.8, "auc fan_id_02": 0.4}, None, 10), ())
    assert one.startswith("the AUC for fan_id_02 is below 50 %")
    assert remarks(Score({"auc": 0.6, "auc fan_id_00": 0.6}, None, 10), ()) == ()


def test_a_balanced_accuracy_below_that_of_guessing_is_remarked() -> None:
    swapped = by_balanced_accuracy(score_of([[1, 4], [480, 20]]))
    assert "worse than guessing, which has a balanced accuracy of 50.00 %" in remarks(swapped, ("a", "b"))
    assert remarks(by_balanced_accuracy(score_of([[6, 4], [4, 6]])), ("a", "b")) == ()
    assert worse_than_guessing({"auc": 0.41, "pauc": 0.5}, None) > worse_than_guessing({"auc": 0.5, "pauc": 0.4}, None)
    assert worse_than_guessing({"accuracy": 0.5}, [[0, 4], [5, 1]])
    assert not worse_than_guessing({"accuracy": 0.0}, [[0, 9], [0, 0]]), "one class says nothing about guessing"


def test_few_clips_of_a_machine_are_named() -> None:
    machine, abnormal = np.repeat([0, 1], [9, 5]), np.array([0] * 6 + [1] * 3 + [1] * 5, bool)
    data = AdData(
        classes=("fan_id_00", "fan_id_02"),
        source="",
        windows=Windows(frames=2),
        clips={"test": np.zeros((14, 2, 2), np.uint8)},
        machine={"test": machine},
        abnormal={"test": abnormal},
    )
    score = data.evaluate(np.random.default_rng(0).normal(size=(data.size("test"), 2)), "test")
    assert remarks(score, data.classes)[-1] == (
        "fewer than 5 clips of a kind, which say little about it: 3 of 'fan_id_00, abnormal', 0 of 'fan_id_02, normal'"
    )


def test_notes_on_sizes() -> None:
    sizes = {"train": {"a": 608, "b": 32}, "val": {"a": 76, "b": 4}, "test": {"a": 0, "b": 0}}
    assert size_notes(sizes, "clips", "balance them") == (
        "the classes are unequal: 608 training clips of 'a', 32 of 'b'; balance them",
        "split val has fewer than 5 clips of a class: 4 of 'b'",
    )
    assert size_notes({"train": {"a": 9, "b": 10}, "val": {"a": 5, "b": 5}}, "clips") == ()


def unequal_arrays() -> LabelledData:
    x = np.random.default_rng(0).normal(size=(400, 4))
    return arrays(x, np.repeat([0, 1, 2], [300, 80, 20]))


def test_a_balanced_epoch_has_every_class_as_often() -> None:
    data = unequal_arrays().balanced("sampled")
    target = data.labels("train")
    epochs = [data.epoch(np.random.default_rng(seed)) for seed in (1, 2)]
    for epoch in epochs:
        counts = np.bincount(target[epoch])
        assert counts.tolist() == [round(len(target) / 3)] * 3
        shown = np.bincount(epoch, minlength=len(target))
        assert shown[target == 2].min() >= 1, "rare examples are all there"
        assert max(np.ptp(shown[target == c]) for c in range(3)) <= 1, "no example much more often than another"
    assert not np.array_equal(np.sort(epochs[0]), np.sort(epochs[1])), "those of frequent classes are drawn anew"
    assert data.metric == BALANCED == data.evaluate(np.eye(3)[data.labels("val")], "val").metric
    assert data.balanced("none").metric == "accuracy"


def test_without_balance_every_example_is_seen_once() -> None:
    data = unequal_arrays()
    assert np.array_equal(np.sort(data.epoch(np.random.default_rng(0))), np.arange(data.size("train")))


def test_words_are_balanced_and_the_rest_keeps_its_share() -> None:
    target = np.repeat([0, 1, 2, 3], [60, 20, 7, 90])
    empty = np.zeros((0, 1, 1), np.uint8)
    plain = KwsData(
        classes=("yes", "no", SILENCE, UNKNOWN),
        source="",
        frontend=None,  # type: ignore[arg-type]
        features={},
        target={"train": target},
        background=empty,
        share=0.5,
    )
    counts = [
        np.bincount(target[d.epoch(np.random.default_rng(0))]).tolist() for d in (plain, plain.balanced("sampled"))
    ]
    assert counts == [[60, 20, 20, 20], [40, 40, 20, 20]]


@pytest.mark.parametrize("name", ["features", "images", "ic"])
def test_tasks_take_the_setting(name: str) -> None:
    size = {"features": "synthetic_clips", "images": "synthetic_images", "ic": "synthetic_images"}[name]
    assert tasks.load(name, balance="sampled", **{size: 40}).metric == BALANCED
    with pytest.raises(SpecError, match=r"balance = 'sample'; did you mean 'sampled'\? known: none, sampled"):
        tasks.load(name, balance="sample", **{size: 40})


def test_unequal_files_are_noted(shared: Path) -> None:
    from micronets.pipeline.context import notes_on
    from micronets.tasks.arrays.task import ArraysOptions

    data = tasks.load("features", shared / "cases/csv/imb")
    assert notes_on(data, ArraysOptions())[-3:] == (
        "the classes are unequal: 608 training examples of 'normal', 32 of 'leak'; "
        'data.balance = "sampled" shows the network every class equally often',
        "split val has fewer than 5 examples of a class: 4 of 'leak'",
        "split test has fewer than 5 examples of a class: 4 of 'leak'",
    )
    assert 'data.balance = "sampled"' not in " ".join(notes_on(data, ArraysOptions(balance="sampled")))
