"""Tasks by name: each is a folder or a file of this package with a `Task` record and an entry in `TASKS`."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any, get_args

from micronets import user_code
from micronets.arguments import check_arguments, checked
from micronets.errors import DataError, SpecError, did_you_mean
from micronets.ranges import check_options, check_seed
from micronets.tasks.ad import task as ad
from micronets.tasks.arrays import task as arrays
from micronets.tasks.base import Balance, Card, DataOptions, Examples, Outline, Task, TaskData
from micronets.tasks.images import ic_task, vww_task
from micronets.tasks.images import task as images
from micronets.tasks.kws import audio_task, wake_task
from micronets.tasks.kws import task as kws
from micronets.tasks.labelled import LabelledData
from micronets.tasks.own import task_of
from micronets.tasks.scoring import Score

__all__ = [
    "TASKS",
    "Card",
    "DataOptions",
    "Examples",
    "Outline",
    "Score",
    "Task",
    "TaskData",
    "examples",
    "find",
    "load",
]

_TASKS: tuple[Task[Any], ...] = (
    kws.TASK,
    ad.TASK,
    audio_task.TASK,
    wake_task.TASK,
    arrays.TASK,
    ic_task.TASK,
    vww_task.TASK,
    images.TASK,
)

TASKS: Mapping[str, Task[Any]] = {task.name: task for task in _TASKS}
"""The built-in tasks; a configuration without a task means the first."""


def find(name: str) -> Task[Any]:
    """Returns the built-in task of that name, or the user's own that `FILE.py:NAME` names.

    Raises `SpecError` for an unknown name, `FileError` and `UserCodeError` for a file that has no such task.
    """
    if user_code.is_own(name):
        return task_of(name)
    if name not in TASKS:
        raise SpecError(f"unknown task '{name}'; {did_you_mean(name, TASKS)}; or name one of your own as FILE.py:NAME")
    return TASKS[name]


@checked
def load(name: str, path: Path | str | None = None, **options: Any) -> TaskData:
    """Reads the data of a task.

    - `name`: the task, as for `find`.
    - `path`: where the data are; None: data are synthesised.
    - `options`: those of the task's own `load`, which are the fields of its `Task.options`, and `balance` (`Balance`).

    Raises `SpecError` for an unknown task or option and `DataError` for data that cannot be used.
    """
    task = find(name)
    check_options(task.options, options, f"task {name}: ")
    function = task.load
    known = [*signature(function).parameters][1:]
    balance = None if "balance" in known else options.pop("balance", None)
    for option in options:
        if option not in known:
            raise SpecError(f"task {name}: no option '{option}'; {did_you_mean(option, [*known, 'balance'])}")
    if task in _TASKS:
        check_arguments(function, options)
        check_seed(options.get("seed", 0))
    try:
        data = function(None if path is None else Path(path), **options)
    except OSError as e:
        if e.errno != errno.ENAMETOOLONG:
            raise
        raise DataError(f"{path}: cannot read these data ({e.strerror})") from e
    return data if balance is None else _balanced(data, balance)


def _balanced(data: TaskData, balance: Any) -> TaskData:
    """Returns the data with epochs as `balance` says. Raises `SpecError` for another word, or for data of no class."""
    known: tuple[Any, ...] = get_args(Balance)
    chosen = next((word for word in known if isinstance(balance, str) and balance == word), None)
    if chosen is None:
        raise SpecError(f"task {data.name}: balance = {balance!r}; {did_you_mean(str(balance), known)}")
    if not isinstance(data, LabelledData):
        kind = type(data).__name__
        raise SpecError(f"task {data.name}: balance = {balance}: is for data of class LabelledData, not {kind}")
    return data.balanced(chosen)


def examples(name: str, card: Card, path: Path | None, *, split: str = "test", test: Path | None = None) -> Examples:
    """Reads a split of a task's data in the form that a finished model takes.

    - `name`: the task, as for `find`.
    - `card`: what the model says about itself.
    - `path`: where the data are; None: data are synthesised.
    - `split`: "train", "val", "test", or "all" if the data have no splits of their own.
    - `test`: a directory that replaces the test split, if the task has such an option.

    Raises `SpecError` and `DataError`, also if the split is empty, or the model's input or labels do not match the
    data.
    """
    return find(name).examples(card, path, split=split, test=test)
