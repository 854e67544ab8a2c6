"""The stage `search`: finds the network, and writes it, its choices and its weights out of the supernet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from micronets import tasks, user_code
from micronets.boards.board import Budget, board_budget
from micronets.commands import own_space
from micronets.cost.tflite_size import METADATA_BYTES
from micronets.errors import CheckFailed, SpecError, UnsupportedError, UserCodeError
from micronets.files import digest, write_atomic
from micronets.ir.arch import Arch
from micronets.quantized.random_weights import untrained
from micronets.run.config import make_space
from micronets.run.context import RunContext, settings_for
from micronets.run.directory import ARCH, SEARCH_FOLDER, SEARCH_LOG, SEARCH_STATE, SPACE_COPY, SUPERNET, VALUES
from micronets.run.stages.base import Stage
from micronets.runtimes import MeasureOptions
from micronets.runtimes.measurement import LIMITS_MEASURED
from micronets.tflite import as_file


def check_budget(context: RunContext) -> None:
    """Refuses a budget that no network of the space was found to meet, before data are made or read.

    Where the data decide the number of classes or the size of the input, the least that they can be is taken; the search
    itself checks again once they are known. Raises `BudgetError`.
    """
    from micronets.design.budget_fitter import BudgetFitter

    config, board = context.config, context.board
    known = tasks.find(config.task).outline(config.data)
    given = {name: value for name, value in known.space_options.items() if name not in config.space}
    try:
        space = make_space(config.task, config.space, known.classes, given)
        if "file" in config.space:
            own_space.check(space, known.classes)
    except UserCodeError:
        raise
    except SpecError:
        if "file" not in config.space:
            raise
        return  # networks of the user's may want more than the least input: they are checked again when the data are there
    BudgetFitter(space, board_budget(config.budget, board), board, runtime=context.costs).feasible_shapes()


def _inputs(context: RunContext) -> dict[str, Any]:
    """The board, the budget, the space and the settings of the search; the budget is checked before data are looked at."""
    if not (context.run / VALUES).is_file():
        check_budget(context)
    settings = settings_for(context, "board", "budget", "runtime", "latency_model", "space", "search")
    return {**settings, "board file": digest(repr(context.board))}


def _search(context: RunContext) -> Sequence[str]:
    from micronets.design.dnas import search

    found = search(
        context.space,
        context.data,
        budget_without_metadata(context),
        context.board,
        context.config.search,
        seed=context.config.seed,
        directory=context.run / SEARCH_FOLDER,
        progress=context.progress,
        runtime=context.costs,
        measure=measured_costs(context),
    )
    write_atomic(context.run / SEARCH_LOG, _json_lines(found.history))
    write_atomic(context.run / VALUES, json.dumps(found.values, indent=1) + "\n")
    write_atomic(context.run / ARCH, found.arch.to_json())
    write_weights(context.run / SUPERNET, found.state)
    if "file" not in context.config.space:
        return ARCH, VALUES, SUPERNET, SEARCH_LOG
    write_atomic(context.run / SPACE_COPY, user_code.read(context.config.space["file"], "space.file"))
    return ARCH, VALUES, SUPERNET, SEARCH_LOG, SPACE_COPY


def budget_without_metadata(context: RunContext) -> Budget:
    """The budget less the labels and the front end that the file carries, as far as they exceed what the costs assume."""
    budget, metadata = context.config.budget, context.data.metadata({})
    taken = sum(len(name.encode()) + len(text.encode()) + 64 for name, text in metadata.items())
    more = max(0, taken - METADATA_BYTES)
    costs = context.costs.costs
    less = {name: limit - more for name, limit in budget.limits().items() if costs[name].metadata}
    return replace(budget, **less)  # type: ignore[arg-type]


def measured_costs(context: RunContext) -> Callable[[Arch], dict[str, float]] | None:
    """A function that measures a candidate of the search on the simulated board, by name of the limit.

    None where the limits are for a runtime that cannot be measured with what there is here, or where nothing can be
    simulated: the search then goes by estimates alone, and says so.
    """
    runtime = context.runtime
    names = [n for n in board_budget(context.config.budget, context.board).limits() if n in LIMITS_MEASURED]
    if not runtime.self_contained or not names:
        return None
    reason = runtime.unmeasurable(context.board)
    if reason is not None:
        context.progress({"stage": "search", "note": f"limits on the board are held by estimates alone: {reason}"})
        return None

    options = MeasureOptions(samples=1, patches=runtime.whole_layers)

    def measured(arch: Arch) -> dict[str, float]:
        try:
            found = runtime.measure(as_file(untrained(arch), "a candidate of the search"), context.board, options)
        except UnsupportedError as e:
            raise SpecError(f'runtime = "{runtime.name}": a network of the space cannot be compiled: {e}') from e
        if not found.bit_exact:
            raise CheckFailed("; ".join(runtime.problems(found)))
        return {name: float(getattr(found, name)) for name in names}

    return measured


def write_weights(path: Path, state: Mapping[str, Any]) -> None:
    """A torch state dict, written whole or not at all."""
    import torch

    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_atomic(path, buffer.getvalue())


def read_weights(path: Path) -> dict[str, Any]:
    """What `write_weights` wrote, on the CPU."""
    import torch

    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _json_lines(records: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(r) + "\n" for r in records)


SEARCH = Stage(
    "search", "search", _inputs, _search, (ARCH, VALUES, SUPERNET, SEARCH_LOG, SPACE_COPY, SEARCH_STATE), resumes=True
)
