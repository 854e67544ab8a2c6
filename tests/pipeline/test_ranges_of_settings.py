"""Every number of a configuration has a range: what no run can use is one line, not a crash and not a wait of hours."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import micronets as mn
from micronets import tasks
from micronets.boards.board import Budget
from micronets.design.train_settings import TrainSettings
from micronets.errors import SpecError
from micronets.ir import spaces
from micronets.pipeline.config import parse
from micronets.pipeline.toml_config import flat
from micronets.ranges import check_number, check_seed, shown
from micronets.tasks import TASKS

BUDGET = {"arena_bytes": "1M", "tflite_bytes": "1M", "sram_bytes": "1M", "flash_bytes": "1M"}
BUDGET |= {"latency_ms": 1e3, "energy_mj": 1e3, "macs": 1e9}  # type: ignore[dict-item]
ABSURD = (math.nan, math.inf, -1e15, 2e15, int("9" * 4000))


def tables() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yields every task with every space that it has, and a configuration with all optional tables."""
    for task, record in TASKS.items():
        for space in spaces.names(record.inputs):
            table: dict[str, Any] = {"task": task, "board": "NUCLEO-F446RE", "space": {"name": space}}
            if task == "kws":  # once is enough for what all tasks have, and checking a teacher takes time
                table |= {"budget": BUDGET, "teacher": {}}
            yield task, space, table | ({"data": {"frontend": {}}} if record.inputs == "kws" else {})


def numbers() -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yields a configuration, the name of one of its settings that is a number or a list of numbers, and its value."""
    seen: set[tuple[str, str]] = set()
    for task, space, table in tables():
        for name, value in flat(parse(table, "x.toml")).items():
            of = space if name.startswith(("space.", "teacher.options.", "teacher.values.")) else task
            of = "" if name.startswith(("budget.", "search.", "train.", "teacher.train.")) else of
            first = value[0] if isinstance(value, list) and value else value
            if (of, name) in seen or isinstance(first, bool) or not isinstance(first, (int, float)):
                continue
            seen.add((of, name))
            yield table, name, value


def with_setting(table: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Returns a configuration with another value of a setting, by its dotted name."""
    made = copy.deepcopy(table)
    *head, last = name.split(".")
    place = made
    for key in head:
        place = place.setdefault(key, {})
    place[last] = value
    return made


def test_every_number_has_a_range() -> None:
    """A setting that accepts what cannot be is named here, whoever has added it."""
    names, accepted = set(), []
    for table, name, value in numbers():
        names.add(name)
        for absurd in ABSURD:
            if name.startswith("budget.") and absurd == 2e15:  # a limit of more than there can be limits nothing
                continue
            try:
                parse(with_setting(table, name, [absurd] * len(value) if isinstance(value, list) else absurd), "x.toml")
                accepted.append(f"{name} = {absurd}"[:60])
            except SpecError as e:
                assert "\n" not in str(e), name  # noqa: PT017
                assert len(str(e)) < 300, name  # noqa: PT017
    assert accepted == []
    assert {"data.augmentation.snr_db", "data.frontend.n_fft", "data.kept", "space.stem_strides", "train.lr"} <= names
    assert len(names) > 100


@pytest.mark.parametrize(
    ("task", "name", "value", "message"),
    [
        ("images", "kept", 0, "data.kept = 0; allowed: 1 to 1,024"),
        ("audio", "clip_seconds", -1, "data.clip_seconds = -1; allowed: 0.05 to 600"),
        ("features", "shift", 1.5, "data.shift = 1.5; allowed: 0 to 1"),
        ("kws", "share", int("9" * 15), "data.share = 1e+15; allowed: 0 to 100"),
        ("kws", "augmentation", {"snr_db": [9, 3]}, "augmentation: snr_db = [9, 3]; need a range, from low to high"),
        ("ad", "augmentation", {"time_masks": -2}, "augmentation: time_masks = -2; allowed: 0 to 100"),
    ],
)
def test_what_is_said(task: str, name: str, value: Any, message: str) -> None:
    space = spaces.names(TASKS[task].inputs)[0]
    table = {"task": task, "board": "NUCLEO-F446RE", "space": {"name": space}, "data": {name: value}}
    with pytest.raises(SpecError) as e:
        parse(table, "x.toml")
    assert str(e.value) == f"x.toml: {message}"


def test_the_same_from_python() -> None:
    for task, option, value in (("images", "kept", -1), ("features", "noise", math.nan), ("ad", "clip_seconds", 1e9)):
        with pytest.raises(SpecError, match=rf"^task {task}: {option} = .*; allowed: "):
            tasks.load(task, None, **{option: value})


def test_numbers_in_errors_are_short() -> None:
    with pytest.raises(SpecError, match=r"^n = an integer of 13288 bits; allowed: 1 to 2,000$"):
        check_number("n", (5, int("9" * 4000)), 1, 2000)
    assert (shown(0.25), shown(7), shown("x" * 90)) == ("0.25", "7", "'" + "x" * 56 + "...")


@pytest.mark.parametrize("value", ["x", None, [1]])
def test_a_value_from_python_that_is_no_number_is_one_line(value: object) -> None:
    with pytest.raises(SpecError, match=r"^train: lr = .*; need a number$"):
        TrainSettings(lr=value)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"^kept = .*; need a number$"):
        check_number("kept", (value,), 0, 1)
    if value is not None:
        with pytest.raises(SpecError, match=r"^budget: macs = .*; need a number$"):
            Budget(macs=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "x", None, math.nan])
def test_a_seed_from_python_that_cannot_be_is_one_line(seed: object) -> None:
    with pytest.raises(SpecError, match=r"^seed = .*; need an integer from 0 to 4294967295$"):
        check_seed(seed)
    data = mn.arrays(np.zeros((40, 6, 2), np.float32), np.arange(40) % 2)
    with pytest.raises(SpecError, match=r"^seed (=|is) "):
        mn.search("dscnn", data, board="NUCLEO-F446RE", seed=seed)  # type: ignore[arg-type]
