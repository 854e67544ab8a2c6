"""Parts of the training examples by which a learning curve is drawn."""

import itertools

import numpy as np

from benchmarks.learning_curve import PartOfTraining, Point, part, table
from micronets import tasks
from micronets.pipeline.config import Config, parse
from micronets.tasks.base import TaskData
from micronets.tasks.scoring import classification

LABELS = np.repeat(np.arange(3), (80, 41, 1))


def test_a_part_has_its_share_of_every_class_and_lies_in_every_larger_one() -> None:
    parts = [part(LABELS, share) for share in (0.125, 0.25, 0.5, 1)]
    counts = [np.bincount(LABELS[kept]).tolist() for kept in parts]
    assert counts == [[10, 6, 1], [20, 11, 1], [40, 21, 1], [80, 41, 1]]
    for small, large in itertools.pairwise(parts):
        assert not (small & ~large).any()


def of_part(data: TaskData, share: float) -> PartOfTraining:
    return PartOfTraining(data, part(data.labels("train"), share))


def test_an_epoch_of_a_part_is_as_long_and_holds_nothing_else() -> None:
    data = tasks.load("features", synthetic_clips=80, balance="sampled")
    few = of_part(data, 0.25)
    order = few.epoch(np.random.default_rng(0))
    assert len(order) == len(data.epoch(np.random.default_rng(0))) == 80
    counts = np.bincount(order, minlength=80)
    assert set(np.flatnonzero(counts)) == set(np.flatnonzero(few.kept))
    assert few.kept.sum() == 20
    assert set(counts[few.kept]) == {4}
    assert np.array_equal(order, few.epoch(np.random.default_rng(0)))
    assert few.source == f"{data.source}, 20 of 80 to train"
    assert few.size("val") == data.size("val")
    whole = of_part(data, 1)
    assert np.array_equal(whole.epoch(np.random.default_rng(5)), data.epoch(np.random.default_rng(5)))


def test_the_table_has_a_line_for_each_share() -> None:
    settings = {"task": "features", "board": "NUCLEO-F446RE", "space": {"name": "dscnn"}, "train": {"epochs": 7}}
    config: Config = parse(settings, "c.toml")
    score = classification(np.eye(4), np.array([0, 1, 2, 0]), 4)
    text = table([Point(0.25, 20, "some windows", score, score)], config, "python -m benchmarks.learning_curve c.toml")
    assert text.startswith("some windows. Space dscnn, ")
    assert "then 7 of training and 15 with quantisation simulated" in text
    assert text.splitlines()[-1] == "| 0.25 | 20 | 75.00 | 75.00 | 30.1 to 95.4 |"
