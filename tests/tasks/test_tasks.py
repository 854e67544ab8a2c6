"""What every task must have, and the classifiers' score."""

import dataclasses
import inspect

import numpy as np
import pytest

from micronets.pipeline.config import make_space, parse, spaces_of
from micronets.tasks import TASKS, find
from micronets.tasks.scoring import classification, wilson


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_complete(name: str) -> None:
    task = find(name)
    assert spaces_of(name), "no search space takes its input"
    assert {f.name for f in dataclasses.fields(task.options)} <= {*inspect.signature(task.load).parameters, "balance"}
    config = parse({"task": name, "board": "NUCLEO-F446RE", "space": {"name": spaces_of(name)[0]}}, "c.toml")
    assert isinstance(config.data, task.options)
    assert config.data.path == ""
    assert getattr(config.data, "balance", None) == "none", "unequal classes cannot be balanced"


def test_the_data_decide_options_of_the_space() -> None:
    config = parse({"board": "NUCLEO-F446RE", "space": {"name": "dscnn"}}, "c.toml")
    space = make_space("kws", config.space, 12, {"frames": 48, "nothing": 1})
    assert space.template(space.largest().__getitem__).input_shape[0] == 48


def test_accuracy_and_confusion() -> None:
    outputs = np.array([[0.9, 0.1, 0], [0.5, 0.5, 0], [0, 0, 1], [1, 0, 0.5]])
    score = classification(outputs, np.array([0, 0, 2, 2]), 3)
    assert (score.metric, score.value, score.samples) == ("accuracy", 0.75, 4)
    assert score.confusion == [[2, 0, 0], [0, 0, 0], [1, 0, 1]]


def test_the_interval_of_a_share() -> None:
    low, high = wilson(8, 10) or (0, 0)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    assert wilson(0, 0) is None
    assert (wilson(5, 5) or (0, 0))[1] == 1
