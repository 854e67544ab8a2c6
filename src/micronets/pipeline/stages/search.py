"""The stage `search`: finds the network, and writes it, its choices, and its weights from the supernet."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from micronets import records, tasks, user_code
from micronets.boards.board import board_budget
from micronets.commands import own_space
from micronets.commands.first_network import FirstNetwork
from micronets.commands.search import (
    budget_without_metadata,
    contender,
    measured_costs,
)
from micronets.errors import BudgetError, FileError, SpecError, UserCodeError
from micronets.files import digest, read_plain, write_atomic
from micronets.ir.space import derive
from micronets.pipeline.config import SpaceConfig, is_model, make_space, spaces_to_try
from micronets.pipeline.context import RunContext, settings_for
from micronets.pipeline.directory import (
    ARCH,
    SEARCH_FOLDER,
    SEARCH_LOG,
    SEARCH_STATE,
    SPACE_COPY,
    SUPERNET,
    TRIAL_FOLDER,
    TRIALS,
    VALUES,
    StageInputs,
)
from micronets.pipeline.finished_teacher import check_before_search, finished_teacher, first_weights_digest
from micronets.pipeline.stages.base import Stage
from micronets.progress import NoteEvent
from micronets.records import write_lines

if TYPE_CHECKING:
    from torch import Tensor

    from micronets.design.budget_fitter import BudgetFitter


def check_budget(context: RunContext) -> None:
    """Refuses a budget that no network of the space was found to meet, before data are synthesised or read.

    The search checks it again once the data are known. Raises `BudgetError`.
    """
    from micronets.design.budget_fitter import none_fits

    refusals = []
    for space in spaces_to_try(context.config.task, context.config.space):
        try:
            fitter = fitter_before_data(context, space)
            if fitter is not None:
                fitter.feasible_shapes()
            return  # one space that may meet the budget is enough
        except BudgetError as e:
            refusals.append(e)
    raise none_fits(refusals)


def fitter_before_data(context: RunContext, given: SpaceConfig | None = None) -> BudgetFitter | None:
    """Returns a `BudgetFitter` with the costs of the space's networks and the limits, before data exist.

    - `given`: the `[space]`; None: that of the configuration, which names one space.

    If the data decide the number of classes or the size of the input, the least possible value is used. The same holds
    for an option at its default, since a configuration holds every option. Returns None if costs cannot be computed
    without the data.
    """
    from micronets.design.budget_fitter import BudgetFitter

    config, board = context.config, context.board
    if is_model(config.init):
        return None  # the only network is checked once the data, and so the number of classes, are known
    asked = config.space if given is None else given
    known = tasks.find(config.task).outline(config.data)
    usual = asked.record().options(tasks.find(config.task).inputs)
    decided = {k: v for k, v in known.space_options.items() if asked.options.get(k, usual.get(k)) == usual.get(k)}
    try:
        space = make_space(config.task, asked, known.classes, decided)
        if asked.file:
            own_space.check(space, known.classes)
    except UserCodeError:
        raise
    except SpecError:
        if not asked.file:
            raise
        #  A user's networks may need more than the least input: they are checked when the data are known.
        return None
    return BudgetFitter(space, board_budget(config.budget, board), board, runtime=context.costs)


def fitter_of(context: RunContext) -> BudgetFitter:
    """Returns a `BudgetFitter` with the exact costs of the space's networks and the limits, for the data."""
    from micronets.design.budget_fitter import BudgetFitter

    config, board, costs = context.config, context.board, context.costs_with_front_ends
    limits = board_budget(budget_without_metadata(config.budget, context.data, costs), board)
    return BudgetFitter(context.space, limits, board, runtime=costs)


def _inputs(context: RunContext) -> StageInputs:
    """Returns the board, the budget, the space and the settings of the search.

    Before any data are read, it checks the budget and the files that the training will start from.
    """
    if not (context.run / VALUES).is_file():
        check_budget(context)
        first_weights_digest(context.config.init)
        finished_teacher(context.config.teacher)
    settings = settings_for(context, "board", "budget", "runtime", "latency_model", "space", "search")
    of_file = first_weights_digest(context.config.init) if is_model(context.config.init) else {}
    supernet = context.config.search.supernet
    of_supernet = {"supernet file": supernet_digest(Path(supernet))} if supernet else {}
    return {**settings, "board file": digest(repr(context.board)), **of_file, **of_supernet}


def supernet_digest(folder: Path) -> str:
    """Hashes the supernet that `search.supernet` names. Raises `FileError` if there is none."""
    path = folder / Path(SEARCH_STATE).name
    try:
        return digest(read_plain(path))
    except OSError as e:
        raise FileError(
            f"search.supernet = '{folder}': cannot read {path} ({e.strerror}); give the directory 'supernet' of a sweep"
        ) from e


def _search(context: RunContext) -> Sequence[str]:
    from micronets.design.search_job import SearchJob
    from micronets.design.search_methods import search
    from micronets.design.search_result import measured_once

    check_before_search(context.config, context.data)
    if context.given is not None:
        return _take_given(context, context.given)
    chosen = _choose_space(context)
    job = SearchJob(
        context.space,
        context.data,
        budget_without_metadata(context.config.budget, context.data, context.costs_with_front_ends),
        context.board,
        context.config.search,
        seed=context.config.seed,
        directory=context.run / SEARCH_FOLDER,
        progress=context.progress,
        runtime=context.costs_with_front_ends,
        measure=measured_once(
            measured_costs(context.config.budget, context.board, context.runtime, context.progress, context.front_ends)
        ),
    )
    found = search(job)
    write_lines(context.run / SEARCH_LOG, found.history)
    write_atomic(context.run / VALUES, json.dumps(found.values, indent=1) + "\n")
    write_atomic(context.run / ARCH, found.arch.to_json())
    write_weights(context.run / SUPERNET, found.state)
    if not context.config.space.file:
        return ARCH, VALUES, SUPERNET, SEARCH_LOG, *chosen
    write_atomic(context.run / SPACE_COPY, user_code.source_text(context.config.space.file, "space.file"))
    return ARCH, VALUES, SUPERNET, SEARCH_LOG, SPACE_COPY


def _choose_space(context: RunContext) -> Sequence[str]:
    """Chooses the space if the configuration leaves that to the run; returns the name of the file with the trials."""
    config, data = context.config, context.data
    if not config.space.tries_several:
        return ()
    from micronets.design.choose_space import choose_space

    contenders, left_out = [], {}
    for tried in spaces_to_try(config.task, config.space):
        try:
            space = make_space(config.task, tried, len(data.classes), data.space_options)
        except SpecError as e:
            left_out[tried.name] = str(e)
            continue
        contenders.append(contender(space, data, config.budget, context.costs))
    if not contenders:
        raise SpecError("; ".join(left_out.values()))
    trials = choose_space(
        contenders,
        data,
        context.board,
        config.search,
        seed=config.seed,
        directory=context.run / SEARCH_FOLDER,
        progress=context.progress,
        left_out=left_out,
    )
    write_atomic(context.run / TRIALS, json.dumps(records.to_json(trials), indent=1) + "\n")
    return (TRIALS,)


def _take_given(context: RunContext, given: FirstNetwork) -> Sequence[str]:
    """Writes the network of a file in place of a search result.

    If the bits of its weights are open, they start at 8. Layers change to 4 bits, those that save most first, until the
    budget is met. Raises `BudgetError` if it cannot be met, `UnsupportedError` if the network cannot be trained.
    """
    from micronets.commands import first_network

    fitter, space = fitter_of(context), context.space
    fitter.feasible_shapes()
    values = fitter.repair(space.largest(), {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices})
    context.progress(NoteEvent("search", f"no search: the network is that of {context.config.init}"))
    write_atomic(context.run / SEARCH_LOG, "")
    write_atomic(context.run / VALUES, json.dumps(values, indent=1) + "\n")
    write_atomic(context.run / ARCH, derive(space, values).to_json())
    weights = first_network.first_weights(given.network, context.data, given.settings)
    write_weights(context.run / SUPERNET, weights)
    return ARCH, VALUES, SUPERNET, SEARCH_LOG


def write_weights(path: Path, state: Mapping[str, Tensor]) -> None:
    """Writes a torch state dict atomically."""
    import torch

    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_atomic(path, buffer.getvalue())


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads a file of `write_weights`, to the CPU."""
    import torch

    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


SEARCH = Stage(
    "search",
    "search",
    _inputs,
    _search,
    (ARCH, VALUES, SUPERNET, SEARCH_LOG, SPACE_COPY, SEARCH_STATE, TRIALS, TRIAL_FOLDER),
    resumes=True,
    divided=True,
)
