"""`SearchResult`: the result of every search method, and how measured limits are met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from micronets.boards.board import Budget
from micronets.design import processes
from micronets.design.budget_fitter import BudgetFitter, Probabilities
from micronets.errors import BudgetError
from micronets.history import SearchRecord
from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.progress import NoteEvent, Progress
from micronets.terminal import counted

Measure = Callable[[Arch], dict[str, float]]
MOST_MEASURED = 8  # networks that a search measures before it gives up
SAFETY_FACTOR = 0.998  # a missed limit is lowered a little more than the measurement requires


@dataclass(frozen=True, eq=False)  # weights are not compared
class SearchResult:
    """The network that a search found.

    - `values`: the option of every choice of the space.
    - `arch`: the network of these options, which meets every limit by its exact costs.
    - `costs`: its exact costs by name of the limit, in the limit's unit.
    - `measured`: what the caller's `measure` returned for this network; empty without one.
    - `history`: a record per epoch of the supernet, or per network that was trained separately.
    - `state`: the state dict of `Net(arch)`, cut out of the supernet's shared weights, with its own batch norm
      statistics. The network works without further training, and a training that starts from it needs fewer steps.
    """

    values: dict[str, int]
    arch: Arch
    costs: dict[str, float]
    measured: dict[str, float]
    history: tuple[SearchRecord, ...]
    state: dict[str, Tensor]


def measured_once(measure: Measure | None) -> Measure | None:
    """Returns a function that measures in process 0 alone, and returns the result in all processes.

    - `measure`: measures in process 0; None there stands for the computed costs.
    """
    group = processes.group()
    if not group.agreed(lambda: measure is not None):
        return None

    def once(arch: Arch) -> dict[str, float]:
        return group.agreed(lambda: {} if measure is None else measure(arch))

    return once


def meet_measured_limits(
    fitter: BudgetFitter,
    likely: Mapping[str, int],
    probabilities: Probabilities,
    limits: Budget,
    measure: Measure | None,
    progress: Progress,
    log_ratio: float,
) -> tuple[dict[str, int], dict[str, float]]:
    """Finds values near the likely ones whose network meets every limit, by its costs and by its measurement.

    If a measurement misses a limit that the cost met, the fitter's own copy of that limit is scaled by the ratio of the
    two, and smaller values are sought. If the network meets all limits, every limit is scaled by its own ratio, and the
    room that the estimate left unused is filled with larger values. The front end's part of a limit is not scaled: its
    estimate is close, and a smaller network does not lower it.

    - `fitter`: finds values under its limits, which are changed here.
    - `likely`: the most probable option of every choice.
    - `probabilities`: the probability of every option, by choice.
    - `limits`: the limits to meet.
    - `measure`: measures a network, by name of the limit; with None, the costs are trusted.
    - `progress`: receives an event for every network whose measurement misses a limit.
    - `log_ratio`: how improbable the options that fill the room may be, see `BudgetFitter.fill`.

    Returns the values and the measured costs of their network, which are empty without `measure`. Raises `BudgetError`
    if no network meets the limits by its costs, or none of the first `MOST_MEASURED` by measurement.
    """
    values = fitter.fill(fitter.repair(likely, probabilities), probabilities, log_ratio)
    if measure is None:
        return values, {}
    wanted = limits.limits()
    best: tuple[dict[str, int], dict[str, float]] | None = None
    for _ in range(MOST_MEASURED):
        found = measure(derive(fitter.space, values))
        over = {name: value for name, value in found.items() if value > wanted[name]}
        if over and best is not None:
            return best
        costs, fixed = fitter.costs(values), fitter.front_end_costs(values)
        for name, value in over.items():
            miss = (
                f"{name} measured {value:,.6g}, over the limit of {wanted[name]:,.6g}; the estimate was "
                f"{costs[name]:,.6g}"
            )
            progress(NoteEvent("search", f"{miss}: stepping back"))
        for name, value in (over or found).items():
            part = fixed[name] if fixed[name] < min(wanted[name], value) else 0.0
            scaled = part + (costs[name] - part) * ((wanted[name] - part) / (value - part)) * SAFETY_FACTOR
            fitter.limits[name] = min(fitter.limits[name], scaled) if over else scaled
        if over:
            values = fitter.fill(fitter.repair(values, probabilities), probabilities, log_ratio)
            continue
        best = values, found
        values = fitter.fill(values, probabilities, log_ratio) if fitter.fits(values) else values
        if values == best[0]:
            return best
    if best is not None:
        return best
    missed = ", ".join(f"{name} {value:,.6g} of {wanted[name]:,.6g}" for name, value in over.items())
    raise BudgetError(
        f"search: {counted(MOST_MEASURED, 'networks')} measured, and the last still misses {missed}; "
        "raise the limit a little"
    )
