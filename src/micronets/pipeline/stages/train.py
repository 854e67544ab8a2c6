"""The stage `train`: trains the chosen network, first in float, then with simulated quantisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from micronets.errors import SpecError
from micronets.pipeline import directory
from micronets.pipeline.config import is_model
from micronets.pipeline.context import RunContext, settings_for
from micronets.pipeline.directory import (
    SUPERNET,
    TEACHER_FOLDER,
    TRAIN_FOLDER,
    TRAIN_LOG,
    TRAIN_STATE,
    WEIGHTS,
    StageInputs,
)
from micronets.pipeline.finished_teacher import finished_teacher, first_weights_digest
from micronets.pipeline.stages.base import Stage
from micronets.pipeline.stages.search import SEARCH, read_weights
from micronets.pipeline.stages.teacher import TEACHER

if TYPE_CHECKING:
    from torch import Tensor

    from micronets.commands.teacher import Teacher
    from micronets.design.net import Net


def _inputs(context: RunContext) -> StageInputs:
    """Returns the settings of the training, and digests of the chosen network and of the teacher's weights."""
    inputs = {**settings_for(context, "train", "init"), **directory.check_outputs(context.run, SEARCH, TEACHER)}
    teacher = context.config.teacher
    if teacher is not None and teacher.views:
        inputs["teacher.views"] = teacher.views
    return {**inputs, **first_weights_digest(context.config.init), **finished_teacher(teacher)}


def _train(context: RunContext) -> Sequence[str]:
    from micronets.design.train import TrainingJob, train_network

    teacher = _teacher_of(context)
    job = TrainingJob(
        context.arch,
        context.data,
        context.input_settings,
        context.config.train,
        seed=context.config.seed,
        init=_first_weights(context),
        teacher=None if teacher is None else teacher.net,
        teacher_view=None if teacher is None else teacher.view,
        teacher_views=0 if context.config.teacher is None else context.config.teacher.views,
    )
    train_network(job, context.run / TRAIN_FOLDER, context.progress)
    return WEIGHTS, TRAIN_LOG


def _first_weights(context: RunContext) -> Mapping[str, Tensor] | None:
    """Returns the weights that the training starts from; None: random ones.

    Raises `SpecError` for weights of a run whose network differs.
    """
    from micronets.design.train import load_result

    match context.config.init:
        case "supernet":
            return read_weights(context.run / SUPERNET)
        case "scratch":
            return None
        case file if is_model(file):
            return read_weights(context.run / SUPERNET)
        case run:
            result = load_result(Path(run) / TRAIN_FOLDER)
            if result.net.arch != context.arch:
                raise SpecError(
                    f"init = '{run}': is a run of another network; give both the same space, budget and search, or fix "
                    "the choices with [space.fix]"
                )
            return result.float_state


def _teacher_of(context: RunContext) -> Teacher | None:
    """Returns the teacher; None if there is none.

    Raises `SpecError` if the teacher of another run has another input or other outputs, or if a model cannot be the
    teacher for these data.
    """
    from micronets.commands.teacher import Teacher, teacher_of_file
    from micronets.design.train import load_result

    teacher = context.config.teacher
    if teacher is None:
        return None
    if teacher.model:
        return teacher_of_file(Path(teacher.model), context.data, context.input_settings, teacher.front_end)
    if not teacher.run:
        return Teacher(load_result(context.run / TEACHER_FOLDER).float_net())
    net = load_result(Path(teacher.run) / TRAIN_FOLDER).float_net()
    mine = context.arch.input_shape, context.arch.output_shape
    theirs = net.arch.input_shape, net.arch.output_shape
    if mine != theirs:
        raise SpecError(
            f"teacher.run = '{teacher.run}': its network maps {theirs[0]} to {theirs[1]}, this one {mine[0]} to "
            f"{mine[1]}; fix the input with [space.fix], or train a teacher in this run"
        )
    return Teacher(net)


def trained(context: RunContext) -> dict[str, Net]:
    """Returns the trained networks by name: in float, and with simulated quantisation."""
    from micronets.design.train import load_result

    result = load_result(context.run / TRAIN_FOLDER)
    return {"float": result.float_net(), "fake-quantised": result.net}


TRAIN = Stage("train", "train", _inputs, _train, (WEIGHTS, TRAIN_LOG, TRAIN_STATE), resumes=True, divided=True)
