"""The stage `teacher`: trains the teacher in float, if the configuration has one that is not yet trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.pipeline import directory
from micronets.pipeline.config import checked_space, largest, make_space
from micronets.pipeline.context import RunContext, settings_for
from micronets.pipeline.directory import TEACHER_FOLDER, TEACHER_LOG, TEACHER_STATE, TEACHER_WEIGHTS, StageInputs
from micronets.pipeline.finished_teacher import finished_teacher
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.search import SEARCH


def _inputs(context: RunContext) -> StageInputs:
    """Returns the space, the teacher's settings, and digests of the chosen network and of another run's teacher."""
    inputs = {**settings_for(context, "space", "teacher"), **directory.check_outputs(context.run, SEARCH)}
    return {**inputs, **finished_teacher(context.config.teacher)}


def _teacher(context: RunContext) -> Sequence[str]:
    from micronets.design.train import TrainingJob, train_network

    teacher = context.config.teacher
    if teacher is None or teacher.train is None:
        return ()
    job = TrainingJob(
        teacher_arch(context),
        context.data,
        context.input_settings,
        replace(teacher.train, qat_epochs=0),
        seed=context.config.seed + 1,
    )
    train_network(job, context.run / TEACHER_FOLDER, lambda event: context.progress(replace(event, stage="teacher")))
    return (TEACHER_WEIGHTS,)


def teacher_arch(context: RunContext) -> Arch:
    """Returns the teacher's network: the largest of its space, with the input of the chosen network."""
    assert context.config.teacher is not None
    own = checked_space(
        context.config.task, {**context.chosen_space.toml_table(), **context.config.teacher.options}, "teacher.options"
    )
    space = make_space(context.config.task, own, len(context.data.classes), context.data.space_options)
    inputs = {c.name: context.values[c.name] for c in space.choices if c.name in context.input_settings}
    return derive(space, largest(space, {**context.config.teacher.values, **inputs}))


TEACHER = Stage(
    "teacher", "train", _inputs, _teacher, (TEACHER_WEIGHTS, TEACHER_LOG, TEACHER_STATE), resumes=True, divided=True
)
