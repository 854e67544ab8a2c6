"""`finished_teacher`: what a run knows of a teacher that is trained already, before it is needed."""

from __future__ import annotations

from pathlib import Path

from micronets.commands.evaluate import front_end_json
from micronets.commands.teacher import check_teacher
from micronets.errors import SpecError
from micronets.files import fingerprint
from micronets.pipeline.config import TeacherConfig
from micronets.pipeline.directory import WEIGHTS
from micronets.tasks import TaskData


def finished_teacher(teacher: TeacherConfig | None) -> dict[str, str]:
    """Returns the digests of a teacher that is trained already, by name. Raises `SpecError` for one that is missing."""
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
        front_end_json({}, teacher.front_end)  # so that an unknown name is told before the search
    for what, path in files.items():
        if not path.is_file():
            key = "model" if what == "teacher model" else "front_end"
            raise SpecError(f"teacher.{key} = '{path}': no such file (paths start at {Path.cwd()})")
    return {what: fingerprint(path) for what, path in files.items()}


def check_before_search(teacher: TeacherConfig | None, data: TaskData) -> None:
    """Reads the model that is to teach, so that one that cannot is told before the search and not after it.

    Raises `FileError`, `SpecError`, `UnsupportedError`.
    """
    finished_teacher(teacher)
    if teacher is not None and teacher.model:
        check_teacher(Path(teacher.model), data, teacher.front_end)
