"""The end of a search: what it found is compared with networks that need no search, by short trainings.

Networks cut out of a supernet cannot be ranked well as they are (docs/search.md tells how well). So some networks of
different origin are trained by themselves for a while, and the best one on validation is the result: those that the
search found, the space's standard network scaled to the limits, and neighbours of it. A search whose own networks are
no better thus ends with the network that one would have without a search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from micronets.boards.board import Budget
from micronets.design.budget_fitter import BudgetFitter, Probabilities
from micronets.design.candidates import certain, neighbours, uniform_candidates
from micronets.design.cut_networks import CutNetworks
from micronets.design.halving import Contestant, play_off
from micronets.design.search_result import Measure, SearchResult, meet_measured_limits
from micronets.errors import BudgetError
from micronets.history import ORIGINS, Origin, SearchRecord
from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.progress import NoteEvent, Progress

MOST_UNIFORM = 8  # combinations of shapes of which a uniform network is looked at


@dataclass(frozen=True)
class Candidate:
    """A network that may take part in the finals.

    - `origin`: where it came from.
    - `values`: the likeliest option of every choice.
    - `probabilities`: of every option, by which limits are met (`meet_measured_limits`).
    - `log_ratio`: how improbable the options may be with which room is filled.
    """

    origin: Origin
    values: Mapping[str, int]
    probabilities: Probabilities
    log_ratio: float = 0.0


def finals(
    searched: Sequence[Candidate],
    networks: CutNetworks,
    fitter: BudgetFitter,
    limits: Budget,
    measure: Measure | None,
    *,
    seed: int,
    directory: Path,
    progress: Progress,
    history: Sequence[SearchRecord],
) -> SearchResult:
    """Returns the best of what a search found and of networks that need no search, after short trainings.

    `finalists` tells which networks take part.

    - `searched`: what the search found, the best first; there may be more than take part.
    - `networks`: cuts networks out of the supernet, from whose weights the short trainings start.
    - `fitter`: knows the space and the limits.
    - `limits`: what is to be met, also by measurement.
    - `measure`: measures what a network really costs, by name of the limit; None: the computed costs are taken.
    - `seed`: of the neighbours, and of the order and the augmentation of examples.
    - `directory`: the search's; every training has a folder of its own in it.
    - `progress`: receives events that say what is in progress, and how far it is.
    - `history`: what the search has noted so far, which the result continues.

    Raises `BudgetError` if none of the networks meets the limits when it is measured, and what `play_off` raises.
    """
    settings, data = networks.loop.settings, networks.data
    entries, measured = finalists(searched, networks, fitter, limits, measure, seed=seed, progress=progress)
    examples = round(settings.final_share * settings.epochs * len(data.epoch(np.random.default_rng(0))))
    best, rounds = play_off(
        entries,
        data,
        settings,
        examples,
        seed=seed,
        directory=directory,
        progress=progress,
        before=networks.loop.steps,
    )
    progress(NoteEvent("search", f"the best of {len(entries)} finalists: {ORIGINS[best.origin]}"))
    assert best.state is not None
    return SearchResult(
        best.values, best.arch, dict(best.costs), measured[best.arch], (*history, *rounds), dict(best.state)
    )


def finalists(
    searched: Sequence[Candidate],
    networks: CutNetworks,
    fitter: BudgetFitter,
    limits: Budget,
    measure: Measure | None,
    *,
    seed: int,
    progress: Progress,
) -> tuple[list[Contestant], dict[Arch, dict[str, float]]]:
    """Returns the networks that are compared at the end of a search, and what was measured of each.

    Of `finalists` networks a third are uniform ones, for the shapes under which they do best as cut out of the
    supernet, a third are the best neighbours of these, and the others were searched for. Where there are fewer of one
    kind, there are more of the next. Arguments and errors are those of `finals`.
    """
    space, count = fitter.space, networks.loop.settings.finalists
    uniform = uniform_candidates(fitter, fitter.feasible_shapes(), MOST_UNIFORM)
    uniform = sorted(uniform, key=networks.loss)[: max(1, count // 3)]
    near = sorted(neighbours(fitter, uniform, count, seed), key=networks.loss)
    rest = len(uniform) + max(1, count // 3)
    plain = [Candidate("uniform", values, certain(space, values)) for values in uniform]
    plain += [Candidate("neighbour", values, certain(space, values)) for values in near]
    ordered = [*plain[:rest], *searched, *plain[rest:]]
    return _entries(ordered, count, networks, fitter, limits, measure, progress)


def _entries(
    candidates: Sequence[Candidate],
    count: int,
    networks: CutNetworks,
    fitter: BudgetFitter,
    limits: Budget,
    measure: Measure | None,
    progress: Progress,
) -> tuple[list[Contestant], dict[Arch, dict[str, float]]]:
    """Returns the first `count` different networks that meet the limits, and what was measured of each."""
    entries, measured = list[Contestant](), dict[Arch, dict[str, float]]()
    missed: BudgetError | None = None
    for candidate in candidates:
        if len(entries) == count:
            break
        try:
            values, found = meet_measured_limits(
                fitter, candidate.values, candidate.probabilities, limits, measure, progress, candidate.log_ratio
            )
        except BudgetError as e:
            missed = e
            continue
        arch = derive(fitter.space, values)
        if arch not in measured:
            measured[arch] = found
            entries.append(
                Contestant(
                    values=values,
                    arch=arch,
                    costs=dict(fitter.costs(values)),
                    state=networks.state(values),
                    origin=candidate.origin,
                )
            )
    if not entries:
        assert missed is not None
        raise missed
    return entries, measured
