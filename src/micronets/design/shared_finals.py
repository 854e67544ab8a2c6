"""The end of a search by a supernet: its training continues for fewer and fewer networks, until one is left.

While `finals.py` trains and compares networks separately, here they are compared inside the supernet: in every round
its steps train only the remaining networks, and the better half stays. As these share most of their weights, the winner
has been trained by most of the steps, under one learning rate schedule. In separate trainings, all steps but those of
the winner are spent in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from micronets.design.budget_fitter import BudgetFitter
from micronets.design.cut_networks import CutNetworks
from micronets.design.finals import Candidate, finalists
from micronets.design.halving import Contestant, better_half, sizes_of_rounds
from micronets.design.path_loop import PathLoop
from micronets.design.search_job import SearchJob
from micronets.design.search_result import SearchResult
from micronets.history import ORIGINS, ChosenCut, Finalist, Origin, SearchRecord, SupernetEpoch
from micronets.ir.space import derive
from micronets.progress import NoteEvent
from micronets.terminal import counted


def shared_finals(
    searched: Callable[[], Sequence[Candidate]],
    loop: PathLoop,
    job: SearchJob,
    fitter: BudgetFitter,
    path: Path,
    stamp: str,
) -> SearchResult:
    """Returns the best of a search's networks and of networks that need no search, from a supernet for them alone.

    The finalists are those of `finals.finals`. The remaining steps are divided evenly among the rounds; the last one
    trains the winner alone. After each other round the networks are compared by their validation loss as cut; if more
    than two are compared, a uniform one always stays.

    - `searched`: returns the networks that the search found, the best first; not called if the checkpoint has
      finalists.
    - `loop`: trains the supernet; its steps up to `loop.until` are done.
    - `job`: the search.
    - `fitter`: knows the space and the limits.
    - `path`, `stamp`: the checkpoint and its stamp, see `SearchLoop.run`.

    Raises `BudgetError` if no network meets the limits by measurement, and what `SearchLoop.run` raises.
    """
    if not loop.finalists:
        given = searched()
        entries, _ = finalists(given, CutNetworks(loop, job.data), job, fitter)
        loop.finalists = [{"origin": entry.origin, "values": entry.values} for entry in entries]
        loop.sizes = [*sizes_of_rounds(len(entries)), 1]
        loop.save(path, stamp)
    first, rounds = loop.until, len(loop.sizes)
    while True:
        loop.within = [finalist["values"] for finalist in loop.finalists]
        begin, end = (first + round((loop.steps - first) * n / rounds) for n in (loop.round, loop.round + 1))
        loop.until = end
        loop.run(job.progress, path, stamp)
        cut = CutNetworks(loop, job.data)
        if loop.round + 1 == rounds:
            break
        examples = (end - begin) * loop.settings.batch // len(loop.finalists)
        left = [_contestant(cut, fitter, **finalist) for finalist in loop.finalists]
        loop.round += 1
        loop.history += [
            Finalist(
                round=loop.round,
                origin=entry.origin,
                examples=examples,
                loss=entry.loss,
                accuracy=cut.accuracy(entry.values),
                costs=entry.costs,
                values=entry.values,
            )
            for entry in left
        ]
        shown = ", ".join(f"{ORIGINS[entry.origin]} {entry.loss:.4f}" for entry in left)
        job.progress(NoteEvent("search", f"round {loop.round} of {rounds - 1}, loss on validation: {shown}"))
        loop.finalists = [{"origin": entry.origin, "values": entry.values} for entry in better_half(left)]
        loop.save(path, stamp)
    (best,) = (_contestant(cut, fitter, **finalist) for finalist in loop.finalists)
    job.progress(NoteEvent("search", f"the best of {counted(loop.sizes[0], 'finalists')}: {ORIGINS[best.origin]}"))
    measured = {} if job.measure is None else job.measure(best.arch)
    return SearchResult(best.values, best.arch, dict(best.costs), measured, _sorted(loop), cut.state(best.values))


def _sorted(loop: PathLoop) -> tuple[SearchRecord, ...]:
    """Returns the history with the epochs first, then the network chosen as cut, then the rounds."""
    kinds = (SupernetEpoch, ChosenCut, Finalist)
    return tuple(record for kind in kinds for record in loop.history if isinstance(record, kind))


def _contestant(cut: CutNetworks, fitter: BudgetFitter, origin: Origin, values: Mapping[str, int]) -> Contestant:
    """Returns a network with its validation loss as cut; a lower loss gives a higher score."""
    loss = cut.loss(values)
    return Contestant(
        values=dict(values),
        arch=derive(fitter.space, values),
        costs=dict(fitter.costs(values)),
        score=-loss,
        loss=loss,
        origin=origin,
    )
