"""Tasks and data sets of the user's own: they are checked first, and a failure names the user's line."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from micronets import user_code
from micronets.errors import DataError, UserCodeError
from micronets.tasks.base import SPLITS, Examples, Outline, Task, TaskData

R = TypeVar("R")

_MEMBERS = tuple(name for name in vars(TaskData) if not name.startswith("_"))


def task_of(text: str) -> Task[Any]:
    """Returns the task that `FILE.py:NAME` names.

    Raises `FileError`, and `UserCodeError` for anything but a complete `Task`.
    """
    found = user_code.load(text, "task")
    if not isinstance(found, Task):
        kind = type(found).__name__
        raise UserCodeError(
            f"task = '{text}': is of type {kind}; need a record micronets.Task(name=..., about=..., ...)"
        )
    where, file = f"task = '{text}'", user_code.file_of(text)
    if not (isinstance(found.options, type) and is_dataclass(found.options)):
        raise UserCodeError(f"{where}: options = {found.options!r}; need a dataclass with a field path")
    if "path" not in {f.name for f in fields(found.options)}:
        raise UserCodeError(f'{where}: {found.options.__name__} has no field path; add `path: str = ""`')
    for name in ("load", "outline", "examples"):
        if not callable(getattr(found, name)):
            raise UserCodeError(f"{where}: {name} = {getattr(found, name)!r}; need a function")

    def guarded(name: str, kind: type[R] | None) -> Callable[..., R]:
        function = getattr(found, name)

        @functools.wraps(function)
        def call(*given: Any, **options: Any) -> R:
            made: R = user_code.called(lambda: function(*given, **options), file, f"{name} of {where}")
            if kind is not None and not isinstance(made, kind):
                place = user_code.place(function)[1]
                raise UserCodeError(
                    f"{place}: {name} returns a {type(made).__name__}; need micronets.tasks.{kind.__name__}"
                )
            return made

        return call

    load: Callable[..., TaskData] = guarded("load", None)
    outline, examples = guarded("outline", Outline), guarded("examples", Examples)

    @functools.wraps(found.load)
    def checked(*given: Any, **options: Any) -> TaskData:
        return check_data(load(*given, **options), where)

    return replace(found, load=checked, outline=outline, examples=examples)


def check_data(data: TaskData, where: str = "data") -> TaskData:
    """Returns the data set itself, after checking that it is a complete and consistent `TaskData`.

    - `where`: what the data set is, for errors.

    Raises `UserCodeError` for one that lacks a member or fails, `DataError` for impossible labels or inputs.
    """
    missing = [name for name in _MEMBERS if not hasattr(data, name)]
    if missing:
        kind = type(data).__name__
        raise UserCodeError(f"{where}: {kind} is not a TaskData: it has no {', '.join(missing)}; see docs/python.md")
    if len(data.classes) < 2 or not all(isinstance(c, str) for c in data.classes):
        raise DataError(f"{where}: classes = {data.classes!r}; need the names of at least two")
    for split in SPLITS:
        user_code.called(lambda s=split: _check_split(data, s, where), None, f"a look at {where}")  # type: ignore[misc]
    for split in ("train", "val"):
        if not data.size(split):
            raise DataError(f"{where}: the {split} split is empty; a search and a training need one")
    return data


def _check_split(data: TaskData, split: str, where: str) -> None:
    """Checks the labels and the first inputs of a split."""
    labels, size = data.labels(split), data.size(split)
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu" or labels.shape != (size,):
        raise DataError(
            f"{where}: labels('{split}') is {_described(labels)}; need integers [{size}], one for each example"
        )
    if not size:
        return
    if not 0 <= int(labels.min()) <= int(labels.max()) < len(data.classes):
        have = f"{labels.min()} to {labels.max()}"
        raise DataError(
            f"{where}: labels('{split}') go from {have}; allowed: 0 to {len(data.classes) - 1}, see classes"
        )
    x, shape = data.inputs(split, {}, np.zeros(1, np.int64)), data.input_shape({})
    if not isinstance(x, np.ndarray) or x.shape != (1, *shape) or x.dtype != np.float32:
        raise DataError(f"{where}: inputs('{split}') of one example is {_described(x)}; need float32 {[1, *shape]}")


def _described(value: object) -> str:
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__
