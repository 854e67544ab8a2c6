"""A supernet whose subnetworks work as they are, and an evolutionary search over these under hard limits.

A supernet for one search trains one network per step, drawn from networks that meet the limits (single path, Guo et al.
2020): no step is spent on networks that cannot be chosen. A supernet for many searches, of a sweep, follows the
sandwich rule with in-place distillation (Yu and Huang 2019, "Universally Slimmable Networks"): every step trains the
largest network on the labels, and the smallest one and some random ones on the outputs of the largest. Unlike in
`dnas.py`, options do not compete, so outer taps and last channels are trained.

To be compared, networks within the limits are cut out and get their own batch norm statistics; their loss on validation
examples ranks them. New ones are made by regularised evolution without ageing (Real et al. 2019). At the end of a
search the best of them are compared again, while the training continues for fewer and fewer of them
(`shared_finals.py`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from micronets.boards.board import Board, Budget
from micronets.cost.costs import RuntimeCosts
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.candidates import certain, random_candidates, random_values, uniform_candidates
from micronets.design.cut_networks import CutNetworks
from micronets.design.data_digest import data_digest
from micronets.design.dnas_loop import input_settings
from micronets.design.finals import Candidate
from micronets.design.path_loop import PathLoop
from micronets.design.score_file import ScoreFile
from micronets.design.search_job import SearchJob
from micronets.design.search_result import SearchResult, meet_measured_limits
from micronets.design.search_settings import SearchSettings
from micronets.design.shared_finals import shared_finals
from micronets.design.supernet import Supernet
from micronets.design.torch_ops import pick_device, prepare_cpu
from micronets.errors import DataError, FileError, SpecError
from micronets.files import digest
from micronets.history import ChosenCut, SearchRecord
from micronets.ir.space import derive
from micronets.progress import NoteEvent, Progress
from micronets.tasks import TaskData
from micronets.terminal import counted

CHECKPOINT, SCORES = "checkpoint.pt", "scores.jsonl"
RANDOM_NETWORKS = 2  # random networks per step, besides the largest and the smallest one
WITHIN = 100  # networks within the limits for which the supernet of one search is trained
PARENTS = 8  # the best networks, from which new ones are made
MUTATION = 0.1  # the probability that a choice is redrawn


class SandwichLoop(PathLoop):
    """The training of a supernet for many searches by the sandwich rule.

    - `feasible`: the combinations of shapes that allow a network; one is drawn per step.
    """

    feasible: Sequence[Mapping[str, int]] = ()

    def chosen(self) -> dict[str, int]:
        """Returns the largest network, whose loss and accuracy the history records."""
        return self.supernet.space.largest()

    def train_step(self, batch: Tensor, step: int) -> tuple[float, int]:
        """Trains the shared weights by one step (see `SearchLoop.train_step`).

        The loss is that of the largest network.
        """
        rng = random.Random(int(np.random.SeedSequence([self.seed, step]).generate_state(1, np.uint64)[0]))
        space, shapes = self.supernet.space, dict(rng.choice(self.feasible))
        smaller = [space.smallest(), *(space.sample(rng) for _ in range(RANDOM_NETWORKS))]
        x, y = self.begin_step(batch, step, shapes)
        logits, share = self.logits(x, space.largest() | shapes), self.group.share(len(batch))
        loss = share * F.cross_entropy(logits, y, label_smoothing=self.settings.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        taught = logits.detach().softmax(1)
        for values in smaller:
            (share * F.cross_entropy(self.logits(x, values | shapes), taught)).backward()  # type: ignore[no-untyped-call]
        return self.end_step(loss, logits, y, step)


def evolve(
    networks: CutNetworks, fitter: BudgetFitter, start: Sequence[Mapping[str, int]], count: int, rng: random.Random
) -> list[dict[str, int]]:
    """Returns the values of `count` networks that fit, in the order of their validation loss, the least first.

    The first third of them come from `start` or are random. The others are made from the best so far: the choices of
    two of these, some redrawn, lowered until they fit.

    - `networks`: gives the loss of a network.
    - `fitter`: knows the limits.
    - `start`: values that fit.
    - `count`: number of networks to compare; fewer if no new ones are found.
    - `rng`: makes the random draws.
    """
    space = fitter.space
    even = {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices}
    first = max(2, count // 3)
    known = [(networks.loss(values), dict(values)) for values in start[: min(first, count)]]
    known.sort(key=lambda pair: pair[0])
    for _ in range(20 * count):
        if len(networks.losses) >= count:
            break
        if len(networks.losses) < first or len(known) < 2:
            child = random_values(fitter, rng)
        else:
            a, b = (values for _, values in rng.sample(known[:PARENTS], 2))
            child = {
                c.name: rng.choice(c.options) if rng.random() < MUTATION else rng.choice((a, b))[c.name]
                for c in space.choices
            }
            child = child if fitter.fits(child) else fitter.repair(child, even)
        if all(child != values for _, values in known):
            known.append((networks.loss(child), child))
            known.sort(key=lambda pair: pair[0])
    return [values for _, values in known]


def train_supernet(
    fitter: BudgetFitter,
    feasible: Sequence[Mapping[str, int]],
    board: Board,
    runtime: RuntimeCosts,
    data: TaskData,
    settings: SearchSettings,
    *,
    seed: int,
    directory: Path,
    progress: Progress,
) -> tuple[SearchRecord, ...]:
    """Trains a supernet for searches under any limits, each of which names `directory` in `SearchSettings.supernet`.

    - `fitter`: knows the space; its costs, and those of `board` and `runtime`, appear in the history only.
    - `feasible`: the combinations of shapes that those searches need; one is drawn per step.
    - `data`: the task; the supernet learns from its training split.
    - `settings`: the section `[search]`, with epochs and learning rates.
    - `seed`: seed of the initial weights and of all random draws.
    - `directory`: where checkpoint.pt is written; a checkpoint in it is resumed.
    - `progress`: receives events that say what is in progress, and how far it is.

    Returns a record for each epoch. Raises `TrainingError`, and `FileError` and `SpecError` for the checkpoint.
    """
    prepare_cpu()
    loop = _loop(SandwichLoop, fitter, board, runtime, data, settings, seed)
    loop.feasible = feasible
    _train(loop, directory / CHECKPOINT, _shared_stamp(loop), progress)
    return tuple(loop.history)


Loop = TypeVar("Loop", bound=PathLoop)


def _loop(
    kind: type[Loop],
    fitter: BudgetFitter,
    board: Board,
    runtime: RuntimeCosts,
    data: TaskData,
    settings: SearchSettings,
    seed: int,
) -> Loop:
    """Makes a supernet with random weights, and the loop that trains it."""
    device = pick_device(settings.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        supernet = Supernet(fitter.space).to(device)
    return kind(supernet, fitter, board, runtime, data, settings, seed, device)


def _train(loop: PathLoop, path: Path, stamp: str, progress: Progress) -> None:
    """Does the steps that remain after the checkpoint at `path`."""
    loop.resume(path, stamp)
    loop.run(progress, path, stamp)


def _shared_stamp(loop: SandwichLoop) -> str:
    """Returns a hash of all that decides the weights of a shared supernet, except the shapes that its searches need."""
    space, decisive = (
        loop.supernet.space,
        loop.settings.decisive("supernet", "evaluations", "finalists", "final_share", "dnas_finals"),
    )
    of_data = data_digest(loop.data, input_settings(loop.data, space.largest()))
    return digest(repr(("shared", space.name, space.choices, of_data, decisive, loop.seed)))


def _own_stamp(loop: PathLoop, budget: Budget) -> str:
    """Returns a hash of all that decides the result of a search for one budget."""
    space, data = loop.supernet.space, loop.data
    of_data = data_digest(data, input_settings(data, space.largest()))
    of_board = budget, loop.board, loop.runtime.runtime
    facts = ("path", space.name, space.choices, of_data, *of_board, loop.settings.decisive("supernet"), loop.seed)
    return digest(repr(facts))


def _take_supernet(loop: SandwichLoop, folder: Path) -> ScoreFile:
    """Loads the weights that `train_supernet` left in `folder`; returns the file of losses beside them.

    Raises `FileError` if there are none, and `SpecError` if they are for other data, settings or spaces, or if their
    training has not ended.
    """
    path = folder / CHECKPOINT
    try:
        found = loop.resume(path, _shared_stamp(loop))
    except SpecError as e:
        raise SpecError(
            f"search.supernet = '{folder}': belongs to other data, another space or seed, or other search settings; "
            "use those of its sweep, or train a new one with --set search.supernet="
        ) from e
    if not found:
        raise FileError(
            f"search.supernet = '{folder}': there is no {CHECKPOINT}; give the directory 'supernet' of a sweep"
        )
    if loop.step < loop.steps:
        raise SpecError(
            f"search.supernet = '{folder}': is trained for {loop.step:,} of {loop.steps:,} steps; resume its sweep "
            "with --resume"
        )
    loop.supernet.train()
    computed = digest(path.read_bytes()), loop.device.type, torch.get_num_threads()  # all that decides the last bits
    return ScoreFile(folder / SCORES, digest(repr(computed)))


def networks_within(
    fitter: BudgetFitter, feasible: Sequence[Mapping[str, int]], count: int, seed: int
) -> list[dict[str, int]]:
    """Returns networks within the limits, for which a supernet is trained.

    - `fitter`: knows the space and the limits.
    - `feasible`: the combinations of shapes that allow a network.
    - `count`: the number of networks wanted, at least 1. At most half of them are uniform; the others are random.
    - `seed`: seed of the random ones.
    """
    uniform = uniform_candidates(fitter, feasible, max(1, count // 2))
    return uniform + random_candidates(fitter, count - len(uniform), seed) if count > len(uniform) else uniform


def cut_networks(job: SearchJob, fitter: BudgetFitter) -> CutNetworks:
    """Trains the supernet of a search, unless it is already trained, and returns its subnetworks.

    - `job`: the search; the supernet takes the share of its epochs that `SearchSettings.final_share` leaves.
    - `fitter`: knows the space, and the limits including those of the board.

    The errors are those of `search`.
    """
    data, settings = job.data, job.settings
    if not data.size("val"):
        raise DataError("the data have no validation examples; cut networks are compared on them")
    feasible = fitter.feasible_shapes()
    prepare_cpu()
    if settings.supernet:
        shared = _loop(SandwichLoop, fitter, job.board, job.runtime, data, settings, job.seed)
        return CutNetworks(shared, data, _take_supernet(shared, Path(settings.supernet)))
    loop = _loop(PathLoop, fitter, job.board, job.runtime, data, settings, job.seed)
    loop.until = max(1, round((1 - settings.final_share) * loop.steps))
    job.progress(NoteEvent("search", "drawing networks within the limits, for which the supernet is trained"))
    loop.within = networks_within(fitter, feasible, min(WITHIN, loop.steps), job.seed)
    _train(loop, job.directory / CHECKPOINT, _own_stamp(loop, job.budget), job.progress)
    return CutNetworks(loop, data)


def search(job: SearchJob) -> SearchResult:
    """Trains a supernet for networks within the limits and returns the best of its subnetworks.

    `SearchSettings.evaluations` of them are compared. A step takes about as long as one of `dnas.search`.

    If `SearchSettings.supernet` names a supernet of `train_supernet`, no other is trained.

    The history has a record with the losses of the networks that were compared, and records of the rounds by which the
    best ones are compared again, unless `SearchSettings.final_share` is 0 or the supernet is that of a sweep.

    Raises what `dnas.search` raises, and `DataError` if there are no validation examples.
    """
    space, settings, progress = job.space, job.settings, job.progress
    fitter = job.fitter()
    networks = cut_networks(job, fitter)
    loop = networks.loop
    chosen: list[ChosenCut] = []

    def searched() -> list[Candidate]:
        start = uniform_candidates(fitter, fitter.feasible_shapes(), PARENTS)
        progress(NoteEvent("search", f"comparing {counted(settings.evaluations, 'networks')} as cut"))
        ranking = evolve(networks, fitter, start, settings.evaluations, random.Random(job.seed))
        losses = sorted(networks.losses.values())
        compared = f"{counted(len(losses), 'cut networks')}: loss {losses[0]:.4f} to {losses[-1]:.4f}"
        progress(NoteEvent("search", compared))
        chosen.append(_chosen(networks, fitter, ranking[0], losses))
        return [Candidate("searched", values, certain(space, values)) for values in ranking]

    if isinstance(loop, PathLoop) and settings.final_share and not settings.supernet:

        def noted() -> list[Candidate]:
            found = searched()
            loop.history += chosen
            return found

        return shared_finals(noted, loop, job, fitter, job.directory / CHECKPOINT, _own_stamp(loop, job.budget))
    likely = searched()[0]
    values, measured = meet_measured_limits(
        fitter, likely.values, likely.probabilities, job.limits, job.measure, progress, 0.0
    )
    arch, state = derive(space, values), networks.state(values)
    best = replace(chosen[0], costs=dict(fitter.costs(values)), values=dict(values))
    return SearchResult(values, arch, dict(best.costs), measured, (*loop.history, best), state)


def _chosen(
    networks: CutNetworks, fitter: BudgetFitter, values: Mapping[str, int], losses: Sequence[float]
) -> ChosenCut:
    """Returns the record of the best network compared as cut; `losses` are those of all compared networks."""
    return ChosenCut(
        epoch=networks.loop.settings.epochs,
        loss=networks.loss(values),
        accuracy=networks.accuracy(values),
        costs=dict(fitter.costs(values)),
        values=dict(values),
        compared=tuple(losses),
    )
