"""The end of a search: short trainings compare its result with networks that need no search.

Subnetworks of a supernet cannot be ranked well as they are (docs/search.md says how well). So some networks of
different origin are trained separately for a while, and the best one on validation is the result: those that the search
found, the space's standard network scaled to the limits, and neighbours of it. So if a search's own networks are no
better, it ends with the network that one would have without a search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from micronets.design.budget_fitter import BudgetFitter, Probabilities
from micronets.design.candidates import certain, neighbours, uniform_candidates
from micronets.design.cut_networks import CutNetworks
from micronets.design.halving import Contestant, play_off
from micronets.design.search_job import SearchJob
from micronets.design.search_result import SearchResult, meet_measured_limits
from micronets.errors import BudgetError
from micronets.history import ORIGINS, Origin, SearchRecord
from micronets.ir.arch import Arch
from micronets.ir.space import derive
from micronets.progress import NoteEvent

MOST_UNIFORM = 8  # combinations of shapes for which a uniform network is considered


@dataclass(frozen=True)
class Candidate:
    """A network that may take part in the finals.

    - `origin`: where it comes from.
    - `values`: the likeliest option of every choice.
    - `probabilities`: the probability of every option, with which limits are met (`meet_measured_limits`).
    - `log_ratio`: the limit of `BudgetFitter.fill` on how improbable an option may be.
    """

    origin: Origin
    values: Mapping[str, int]
    probabilities: Probabilities
    log_ratio: float = 0.0


def finals(
    searched: Sequence[Candidate],
    networks: CutNetworks,
    job: SearchJob,
    fitter: BudgetFitter,
    history: Sequence[SearchRecord],
) -> SearchResult:
    """Returns the best of a search's networks and of networks that need no search, after short trainings.

    `finalists` says which networks take part.

    - `searched`: the networks that the search found, the best first; more than take part are allowed.
    - `networks`: cuts networks out of the supernet; the short trainings start from their weights.
    - `job`: the search; every training has its own folder in the search's directory.
    - `fitter`: knows the space and the limits.
    - `history`: the search's records so far, which the result continues.

    Raises `BudgetError` if no network meets the limits by measurement, and what `play_off` raises.
    """
    entries, measured = finalists(searched, networks, job, fitter)
    examples = round(job.settings.final_share * job.settings.epochs * len(job.data.epoch(np.random.default_rng(0))))
    best, rounds = play_off(entries, job, examples, before=networks.loop.steps)
    job.progress(NoteEvent("search", f"the best of {len(entries)} finalists: {ORIGINS[best.origin]}"))
    assert best.state is not None
    return SearchResult(
        best.values, best.arch, dict(best.costs), measured[best.arch], (*history, *rounds), dict(best.state)
    )


def finalists(
    searched: Sequence[Candidate],
    networks: CutNetworks,
    job: SearchJob,
    fitter: BudgetFitter,
) -> tuple[list[Contestant], dict[Arch, dict[str, float]]]:
    """Returns the networks that are compared at the end of a search, and the measured costs of each.

    A third of the networks are uniform ones, for the shapes that do best as cut out of the supernet. A third are the
    best neighbours of these, and the others were found by the search. If there are too few of one kind, there are more
    of the next. Arguments and errors are those of `finals`.
    """
    space, count = job.space, job.settings.finalists
    uniform = uniform_candidates(fitter, fitter.feasible_shapes(), MOST_UNIFORM)
    uniform = sorted(uniform, key=networks.loss)[: max(1, count // 3)]
    near = sorted(neighbours(fitter, uniform, count, job.seed), key=networks.loss)
    rest = len(uniform) + max(1, count // 3)
    plain = [Candidate("uniform", values, certain(space, values)) for values in uniform]
    plain += [Candidate("neighbour", values, certain(space, values)) for values in near]
    ordered = [*plain[:rest], *searched, *plain[rest:]]
    return _entries(ordered, networks, job, fitter)


def _entries(
    candidates: Sequence[Candidate], networks: CutNetworks, job: SearchJob, fitter: BudgetFitter
) -> tuple[list[Contestant], dict[Arch, dict[str, float]]]:
    """Returns the first different networks that meet the limits, and the measured costs of each."""
    entries, measured = list[Contestant](), dict[Arch, dict[str, float]]()
    missed: BudgetError | None = None
    for candidate in candidates:
        if len(entries) == job.settings.finalists:
            break
        try:
            values, found = meet_measured_limits(
                fitter,
                candidate.values,
                candidate.probabilities,
                job.limits,
                job.measure,
                job.progress,
                candidate.log_ratio,
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
