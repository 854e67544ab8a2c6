"""Chooses a search space among several by successive halving (Jamieson and Talwalkar 2016), before a search.

Every space starts with a few networks that meet the limits: its standard one, scaled to them for several shapes of the
input, and random ones. In each round every network is trained on the same number of examples. Then the better half of
the spaces stays, and within each of them the better half of its networks, until one space is left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from micronets.boards.board import Board, Budget, board_budget
from micronets.cost.costs import RuntimeCosts
from micronets.cost.counts import macs
from micronets.design.budget_fitter import BudgetFitter, none_fits
from micronets.design.candidates import random_candidates, uniform_candidates
from micronets.design.halving import Entry, train_round
from micronets.design.search_settings import SearchSettings
from micronets.errors import BudgetError, DataError
from micronets.ir.space import SearchSpace, derive
from micronets.ir.space_trials import SpaceTrial, SpaceTrials
from micronets.progress import Event, NoteEvent, Progress
from micronets.tasks import TaskData
from micronets.terminal import counted

STAGE = "space"
"""The stage of progress events while spaces are compared."""


@dataclass(frozen=True)
class Contender:
    """A space that may be chosen.

    - `space`: its choices and its networks.
    - `budget`: the limits, to which those of the board are added.
    - `runtime`: the runtime that will execute the network, with the front ends of the space's inputs.
    """

    space: SearchSpace
    budget: Budget
    runtime: RuntimeCosts


@dataclass(kw_only=True)
class _Entry(Entry):
    """A network of the space `name`."""

    name: str


def choose_space(
    contenders: Sequence[Contender],
    data: TaskData,
    board: Board,
    settings: SearchSettings,
    *,
    seed: int,
    directory: Path,
    progress: Progress,
    left_out: Mapping[str, str] | None = None,
) -> SpaceTrials:
    """Returns the space to search among several, and the trials that decided it.

    All rounds together train for `settings.space_share * settings.epochs` passes over the training split, divided
    evenly among the rounds, and in each round among its networks; a network gets one batch at least.

    - `contenders`: the spaces, at least one, in the order that settles ties.
    - `data`: the task; networks learn from its training split and are compared on its validation split.
    - `board`: the board for which costs are computed.
    - `settings`: the section `[search]`, of which `space_share` and `space_networks` apply here.
    - `seed`: seed of the initial weights and of all random draws.
    - `directory`: the search's directory; finished trainings in it are reused, interrupted ones are resumed.
    - `progress`: receives events of the stage `STAGE`, and at the end an event of the search with the outcome.
    - `left_out`: spaces that are excluded for other reasons than the limits, by name, with the reason.

    Raises `BudgetError` if no space has a network that meets the limits, `DataError` without validation examples, and
    what `train_network` raises.
    """
    if not data.size("val"):
        raise DataError("the data have no validation examples; spaces are compared on them")
    missing, refusals, entries = dict(left_out or {}), list[BudgetError](), list[_Entry]()
    for contender in contenders:
        try:
            entries += _entries(contender, board, settings.space_networks, seed)
        except BudgetError as e:
            refusals.append(e)
            missing[contender.space.name] = str(e)
            progress(NoteEvent(STAGE, f"{contender.space.name} is left out: {e}"))
    names = _names(entries)
    if not names:
        raise none_fits(refusals)
    trials: list[SpaceTrial] = []
    rounds = math.ceil(math.log2(len(names)))

    def told(event: Event) -> None:
        progress(replace(event, stage=STAGE))

    whole = settings.space_share * settings.epochs * len(data.epoch(np.random.default_rng(0)))
    for number in range(1, rounds + 1):
        examples = max(settings.batch, round(whole / rounds / len(entries)))
        for i, entry in enumerate(entries, 1):
            what = f"round {number} of {rounds}, network {i} of {len(entries)}, of {entry.name}"
            progress(NoteEvent(STAGE, f"{what}: {counted(examples, 'examples')}"))
            train_round(entry, number, data, examples, settings, seed=seed, directory=directory, progress=told)
            work = macs(entry.arch.steps())
            trials.append(SpaceTrial(number, entry.name, entry.values, entry.costs, work, examples, entry.score))
        entries = _better_half(entries)
    found = SpaceTrials(_names(entries)[0], tuple(trials), missing)
    progress(NoteEvent("search", found.text()))
    return found


def _entries(contender: Contender, board: Board, count: int, seed: int) -> list[_Entry]:
    """Returns the networks with which a space starts. Raises `BudgetError` if none meets the limits."""
    space = contender.space
    fitter = BudgetFitter(space, board_budget(contender.budget, board), board, runtime=contender.runtime)
    feasible = fitter.feasible_shapes()
    scaled = uniform_candidates(fitter, feasible, len(feasible))
    parts = -(-count // 2)
    values = [scaled[(2 * i + 1) * len(scaled) // (2 * parts)] for i in range(min(parts, len(scaled)))]
    drawn = random_candidates(fitter, count, seed) if count > 1 else []
    values += [v for v in drawn if v not in values][: count - len(values)]
    return [_Entry(name=space.name, values=v, arch=derive(space, v), costs=dict(fitter.costs(v))) for v in values]


def _better_half(entries: Sequence[_Entry]) -> list[_Entry]:
    """Returns the entries of the better half of the spaces, and of each of these the better half; both rounded up."""
    ranked = sorted(entries, key=lambda entry: -entry.score)  # ties keep their order
    names = _names(ranked)
    kept = []
    for name in names[: -(-len(names) // 2)]:
        own = [entry for entry in ranked if entry.name == name]
        kept += own[: -(-len(own) // 2)]
    return kept


def _names(entries: Sequence[_Entry]) -> list[str]:
    """Returns the names of the spaces of some entries, each once, in the order in which they first occur."""
    return list(dict.fromkeys(entry.name for entry in entries))
