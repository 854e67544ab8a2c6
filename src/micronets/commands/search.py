"""`search`: finds a network of a space that does well on data and meets a budget on a board."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micronets.arguments import checked
from micronets.boards.board import Board, Budget, board_budget, load_board
from micronets.commands import own_space
from micronets.commands.own_space import SpaceFunction
from micronets.cost import latency_model as latency_models
from micronets.cost.costs import RuntimeCosts, with_front_ends
from micronets.cost.front_end import FrontEndCost, front_end_cost_of
from micronets.cost.latency_model import LatencyModel
from micronets.cost.tflite_size import METADATA_BYTES, text_bytes
from micronets.design.search_settings import SearchSettings
from micronets.errors import CheckFailed, SpecError, UnsupportedError
from micronets.files import temporary_directory
from micronets.installation import require
from micronets.ir import spaces
from micronets.ir.arch import Arch
from micronets.ir.layers import Shape
from micronets.ir.space import SearchSpace, derive
from micronets.ir.spaces import AUTO, SPACES, Space
from micronets.ir.spaces.base import SpaceOptions
from micronets.ir.spaces.inputs import Inputs
from micronets.progress import NoteEvent, Progress
from micronets.quantized.random_weights import with_random_weights
from micronets.ranges import check_seed
from micronets.runtimes import MeasureOptions, Runtime, runtime_named
from micronets.runtimes.measurement import LIMITS_MEASURED
from micronets.tasks import TASKS, TaskData
from micronets.tasks.own import check_data
from micronets.tflite import as_file

if TYPE_CHECKING:
    from micronets.design.choose_space import Contender
    from micronets.design.dnas import SearchResult

_SHAPES = 64  # combinations of shape choices whose input is compared with that of the data


@checked
def search(
    space: str | SpaceFunction | Space | SearchSpace,
    data: TaskData,
    *,
    board: str | Path | Board,
    budget: Budget | None = None,
    options: SpaceOptions | None = None,
    fix: Mapping[str, int] | None = None,
    settings: SearchSettings | None = None,
    runtime: str | Runtime = "tflm",
    latency_model: LatencyModel | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Searches a space for the best network for the data within a budget, by the method that the settings name.

    - `space`: a function `(inputs, classes, **options) -> SearchSpace`, a `SearchSpace`, the name of a built-in one, or
      `FILE.py:FUNCTION`. `"auto"`: every built-in space that accepts the data is tried, and the best one is searched;
      `options` are then options of the input, and `fix` is empty.
    - `data`: the data that the network learns.
    - `board`, `budget`: the hard limits that it must meet; the board's own SRAM and flash always count.
    - `options`: options of the space.
    - `fix`: choices with a fixed value.
    - `settings`: settings of the search.
    - `runtime`: what will execute the network, and to which the limits on SRAM, flash, time and energy apply: `tflm` or
      `c`.
    - `latency_model`: a latency model for the board and the runtime, made by `micronets characterize`; None: the
      board's own, if there is one.
    - `seed`: seed of initial weights, order and augmentation of examples, and drawn networks.
    - `out`: a directory for checkpoints, from which a search that was interrupted continues; None: there are none.
    - `progress`: is called with stage, step, steps, seconds_left and the loss every few seconds.

    Raises `BudgetError` before any training if no network of the space meets the budget, `SpecError` for networks that
    are impossible or do not match the data, and `TrainingError` if the loss is not a number.
    """
    require("torch")
    from micronets.design import choose_space, search_methods
    from micronets.design.search_job import SearchJob

    where, chosen = load_board(board), runtime_named(runtime)
    check_data(data)
    check_seed(seed)
    bare = chosen.costs(latency_model or latency_models.shipped_model(where.name, chosen.name))
    limits, tell, how = budget or Budget(), progress or (lambda _: None), settings or SearchSettings()
    with _directory(out) as directory:
        if space == AUTO:
            contenders, left_out = _contenders(data, limits, bare, options or {}, fix or {})
            trials = choose_space.choose_space(
                contenders,
                data,
                where,
                how,
                seed=int(seed),
                directory=Path(directory),
                progress=tell,
                left_out=left_out,
            )
            made = next(c.space for c in contenders if c.space.name == trials.chosen)
        else:
            made = space_for(space, data, options or {}, fix or {})
        front_ends = front_ends_of(made, data)
        costs = with_front_ends(bare, front_end_costs(front_ends))
        job = SearchJob(
            made,
            data,
            budget_without_metadata(limits, data, costs),
            where,
            how,
            seed=int(seed),
            directory=Path(directory),
            progress=tell,
            runtime=costs,
            measure=measured_costs(limits, where, chosen, tell, front_ends),
        )
        return search_methods.search(job)


def _contenders(
    data: TaskData, budget: Budget, bare: RuntimeCosts, options: SpaceOptions, fix: Mapping[str, int]
) -> tuple[list[Contender], dict[str, str]]:
    """Returns the built-in spaces that accept the data, and the reasons against the others by name.

    Raises `SpecError` for choices of `fix`, which belong to one space, and if no space accepts the data.
    """
    if fix:
        raise SpecError(f'fix: {", ".join(fix)} are choices of one space, and space = "{AUTO}" tries several; name one')
    names = spaces.names(TASKS[data.name].inputs) if data.name in TASKS else tuple(SPACES)
    made, left_out = [], {}
    for name in names:
        try:
            made.append(space_for(name, data, options, fix))
        except SpecError as e:
            left_out[name] = str(e)
    if not made:
        raise SpecError("; ".join(left_out.values()))
    return [contender(space, data, budget, bare) for space in made], left_out


def contender(space: SearchSpace, data: TaskData, budget: Budget, bare: RuntimeCosts) -> Contender:
    """Returns a space with its limits and costs, to be compared with others.

    - `space`: the space.
    - `data`: the data, which determine the front ends and the file's metadata.
    - `budget`: the user's limits.
    - `bare`: computes the costs of networks without front ends.
    """
    from micronets.design.choose_space import Contender

    costs = with_front_ends(bare, front_end_costs(front_ends_of(space, data)))
    return Contender(space, budget_without_metadata(budget, data, costs), costs)


def _directory(out: str | Path | None) -> Any:
    """Returns a context with a directory for checkpoints: the given one, or a temporary one."""
    if out is None:
        return temporary_directory()
    from contextlib import nullcontext

    return nullcontext(out)


def space_for(
    space: str | SpaceFunction | Space | SearchSpace,
    data: TaskData,
    options: SpaceOptions,
    fix: Mapping[str, int],
) -> SearchSpace:
    """Makes the search space for given data, and checks the networks of a user's own space.

    - `space`: a finished space, a function that makes one, the name of a built-in one, or `FILE.py:FUNCTION`.
    - `data`: the data that the networks will learn.
    - `options`: options of the space, by name; a finished space takes none.
    - `fix`: choices with a fixed value, by name.

    Raises `SpecError` for a space that cannot be made or does not accept the data.
    """
    classes = len(data.classes)
    if isinstance(space, SearchSpace):
        if options:
            raise SpecError(
                f"options: the space '{space.name}' is made already; give the function that makes it, or none"
            )
        made = own_space.guarded(space).fixed(fix)
    else:
        record = own_space.space_of(space)
        if data.name in TASKS:
            made = record.make_for(TASKS[data.name].inputs, classes, options, data.space_options, fix)
        elif data.input_settings:
            raise SpecError(
                f"space: the input of {data.name} has settings ({', '.join(data.input_settings)}), which are choices "
                "of the space; give a SearchSpace that has them"
            )
        else:
            shape = data.input_shape({})
            made = record.of(Inputs((), lambda pick: shape), classes, **options).fixed(fix)
        if record in SPACES.values():  # tests hold ours to the contract
            return made
    own_space.check(made, classes)
    for n, shapes in enumerate(made.shape_combinations()):
        if n == _SHAPES:
            break
        arch = derive(made, made.largest() | shapes)
        want = data.input_shape({name: value for name, value in shapes.items() if name in data.input_settings})
        if arch.input_shape != want:
            raise SpecError(f"space '{made.name}': its networks take {arch.input_shape}, the data give {want}")
    return made


def budget_without_metadata(budget: Budget, data: TaskData, costs: RuntimeCosts) -> Budget:
    """Returns the budget minus the file's labels and front end, as far as they exceed what the costs assume.

    - `budget`: the limits.
    - `data`: the data, which determine the labels and the front end.
    - `costs`: the runtime's cost functions, which name the limits for which metadata count.
    """
    metadata = data.metadata({})
    more = max(0, text_bytes(metadata) - METADATA_BYTES)
    less = {name: limit - more for name, limit in budget.limits().items() if costs.costs[name].metadata}
    return replace(budget, **less)  # type: ignore[arg-type]


def front_ends_of(space: SearchSpace, data: TaskData) -> dict[Shape, str]:
    """Returns the front ends that the networks of a space may have, as metadata, by the input's shape.

    If several input settings give the same shape, it is the front end with the most cycles. Front ends without an
    integer definition are left out.
    """
    choices = [c for c in space.choices if c.name in data.input_settings]
    found: dict[Shape, tuple[float, str]] = {}
    for options in product(*(c.options for c in choices)):
        settings = {c.name: option for c, option in zip(choices, options, strict=True)}
        text = data.metadata(settings).get("micronets.frontend")
        cost = front_end_cost_of(text)
        shape = tuple(data.input_shape(settings))
        if text is not None and cost is not None and cost.core_cycles > found.get(shape, (0.0, ""))[0]:
            found[shape] = cost.core_cycles, text
    return {shape: text for shape, (_, text) in found.items()}


def front_end_costs(front_ends: Mapping[Shape, str]) -> dict[Shape, FrontEndCost]:
    """Returns the costs of the front ends of `front_ends_of`, by the shape of the network's input."""
    costs = {shape: front_end_cost_of(text) for shape, text in front_ends.items()}
    return {shape: cost for shape, cost in costs.items() if cost is not None}


def measured_costs(
    budget: Budget, board: Board, runtime: Runtime, progress: Progress, front_ends: Mapping[Shape, str] | None = None
) -> Callable[[Arch], dict[str, float]] | None:
    """Returns a function that measures a search candidate on the simulated board, by name of the limit.

    - `budget`: the limits; the board's own are added to them.
    - `board`: the simulated board.
    - `runtime`: the runtime that executes the candidate.
    - `progress`: called with the reason if nothing on this machine can simulate the board.
    - `front_ends`: those of `front_ends_of`, which are measured with the networks; None measures the networks alone.

    It returns None if the limits are for a runtime that cannot be measured here, or if nothing can be simulated. The
    search then uses estimates alone, and says so.
    """
    names = [n for n in board_budget(budget, board).limits() if n in LIMITS_MEASURED]
    if not runtime.self_contained or not names:
        return None
    reason = runtime.unmeasurable(board)
    if reason is not None:
        progress(NoteEvent("search", f"limits on the board are checked by estimates alone: {reason}"))
        return None

    options = MeasureOptions(samples=1, patches=runtime.whole_layers)

    def measured(arch: Arch) -> dict[str, float]:
        text = (front_ends or {}).get(tuple(arch.input_shape))
        model = replace(with_random_weights(arch), metadata={} if text is None else {"micronets.frontend": text})
        try:
            found = runtime.measure(as_file(model, "a candidate of the search"), board, options)
        except UnsupportedError as e:
            raise SpecError(f'runtime = "{runtime.name}": a network of the space cannot be compiled: {e}') from e
        if not found.bit_exact:
            raise CheckFailed("; ".join(runtime.problems(found)))
        return {name: float(getattr(found, name)) for name in names}

    return measured
