"""Inputs of a run from outside it: a trained teacher, and initial weights from a finished run or a file."""

from __future__ import annotations

from pathlib import Path

from micronets.commands.evaluate import front_end_json
from micronets.commands.teacher import check_teacher
from micronets.errors import SpecError
from micronets.files import fingerprint
from micronets.pipeline.config import INITS, Config, TeacherConfig, is_model
from micronets.pipeline.directory import WEIGHTS
from micronets.tasks import TaskData


def finished_teacher(teacher: TeacherConfig | None) -> dict[str, str]:
    """Returns the digests of an already trained teacher, by name. Raises `SpecError` if one is missing."""
    if teacher is None or not (teacher.run or teacher.model):
        return {}
    if teacher.run:
        weights = Path(teacher.run) / WEIGHTS
        if not weights.is_file():
            raise SpecError(f"teacher.run = '{teacher.run}': no {weights} there; finish that run first")
        return {"teacher weights": fingerprint(weights)}
    files = {"teacher model": Path(teacher.model)}
    if teacher.front_end.endswith(".json"):
        files["teacher front end"] = Path(teacher.front_end)
    elif teacher.front_end:
        front_end_json({}, teacher.front_end)  # raises an error for an unknown name, before the search
    for what, path in files.items():
        if not path.is_file():
            key = "model" if what == "teacher model" else "front_end"
            raise SpecError(f"teacher.{key} = '{path}': no such file (paths start at {Path.cwd()})")
    return {what: fingerprint(path) for what, path in files.items()}


def first_weights_digest(init: str) -> dict[str, str]:
    """Returns the digest of the file with the initial weights of the training, by name.

    Raises `SpecError` if it is not there.
    """
    if init in INITS:
        return {}
    if is_model(init):
        if not Path(init).is_file():
            raise SpecError(f"init = '{init}': no such file (paths start at {Path.cwd()})")
        return {"first weights": fingerprint(Path(init))}
    weights = Path(init) / WEIGHTS
    if not weights.is_file():
        raise SpecError(f"init = '{init}': no {weights} there; finish that run first")
    return {"first weights": fingerprint(weights)}


def check_before_search(config: Config, data: TaskData) -> None:
    """Checks before the search that everything that the training needs is there.

    Raises `FileError`, `SpecError` or `UnsupportedError`, also for a model that cannot be the teacher.
    """
    teacher = config.teacher
    first_weights_digest(config.init)
    finished_teacher(teacher)
    if teacher is not None and teacher.model:
        check_teacher(Path(teacher.model), data, teacher.front_end)
