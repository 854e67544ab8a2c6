"""Search without a supernet: a few networks within the limits are trained briefly, and the best one is chosen.

The networks are random ones, or the space's standard network scaled to the limits: the baselines of every other method.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from micronets.design.budget_fitter import BudgetFitter, Probabilities
from micronets.design.dnas_loop import input_settings
from micronets.design.search_job import SearchJob
from micronets.design.search_result import SearchResult, meet_measured_limits
from micronets.design.search_settings import SearchSettings
from micronets.design.train import TrainingJob, train_network
from micronets.design.train_settings import TrainSettings
from micronets.errors import DataError
from micronets.history import TrainedCandidate
from micronets.ir.space import SearchSpace, derive
from micronets.ir.spaces import SPACES
from micronets.progress import NoteEvent
from micronets.terminal import counted

CANDIDATE_FOLDER = "trials"
"""The folder, in the directory of the search, that holds a folder for every network."""

SHARES = [i / 100 for i in range(100, 0, -1)]  # of all widths, which a uniform network tries in this order


def search(job: SearchJob) -> SearchResult:
    """Trains `SearchSettings.candidates` networks that meet the limits and returns the best on the validation split.

    The epochs are divided among the networks, at least one for each. If weights may have 4 bits, the last epoch of each
    network (or an additional one, if it has only one) simulates quantisation, and the quantised network is compared.

    Each network has its own folder in the folder `CANDIDATE_FOLDER` of the directory, with its checkpoint.

    Returns the best network with the weights of its short training, from which the final training can start.

    Raises what `dnas.search` raises, and `DataError` if there are no validation examples.
    """
    if not job.data.size("val"):
        raise DataError("the data have no validation examples; candidates are compared on them")
    space, settings = job.space, job.settings
    fitter = job.fitter()
    feasible = fitter.feasible_shapes()
    if settings.method == "uniform":
        wanted = uniform_candidates(fitter, feasible, settings.candidates)
    else:
        wanted = random_candidates(fitter, settings.candidates, job.seed)
    history: list[TrainedCandidate] = []
    epochs = max(1, settings.epochs // len(wanted))
    how = short_training(settings, epochs, quantised=any(c.kind == "bits" and 4 in c.options for c in space.choices))
    best: SearchResult | None = None
    best_score = -1.0
    for number, likely in enumerate(wanted, 1):
        sure = certain(space, likely)
        values, measured = meet_measured_limits(fitter, likely, sure, job.limits, job.measure, job.progress, 0.0)
        arch, costs = derive(space, values), dict(fitter.costs(values))
        training = TrainingJob(arch, job.data, input_settings(job.data, values), how, job.seed)
        own = job.directory / CANDIDATE_FOLDER / training.fingerprint()[:12]
        own.mkdir(parents=True, exist_ok=True)
        job.progress(NoteEvent("search", f"network {number} of {len(wanted)}, {counted(epochs, 'epochs')} each"))
        trained = train_network(training, own, job.progress)
        score = trained.float_score if trained.quantised_score is None else trained.quantised_score
        history.append(
            TrainedCandidate(
                epoch=number * epochs,
                loss=trained.history[-1].loss,
                accuracy=score,
                costs=costs,
                values=values,
            )
        )
        if score > best_score:
            best_score = score
            best = SearchResult(values, arch, costs, measured, (), trained.float_state)
    assert best is not None
    return replace(best, history=tuple(history))


def short_training(settings: SearchSettings, epochs: int, *, quantised: bool = False) -> TrainSettings:
    """Returns the settings of a candidate's training.

    - `settings`: the section `[search]`.
    - `epochs`: the number of epochs, at least 1.
    - `quantised`: whether the last epoch simulates quantisation; a single epoch is followed by one that does.
    """
    return TrainSettings(
        epochs=max(1, epochs - 1) if quantised else epochs,
        qat_epochs=int(quantised),
        batch=settings.batch,
        optimiser=settings.optimiser,
        lr=settings.lr,
        warmup=min(1.0, 0.2 * epochs),
        weight_decay=settings.weight_decay,
        label_smoothing=settings.label_smoothing,
        precision=settings.precision,
        device=settings.device,
        checkpoint_seconds=settings.checkpoint_seconds,
    )


def certain(space: SearchSpace, values: Mapping[str, int]) -> Probabilities:
    """Returns probabilities that are 1 for the options `values`."""
    return {c.name: [float(option == values[c.name]) for option in c.options] for c in space.choices}


def random_candidates(fitter: BudgetFitter, count: int, seed: int) -> list[dict[str, int]]:
    """Returns at most `count` different random networks that use up the limits.

    - `fitter`: checks the networks of a space under a budget.
    - `count`: the number of networks wanted; there are fewer if `10 * count` draws give fewer.
    - `seed`: seed of the draws.
    """
    rng, found = random.Random(seed), list[dict[str, int]]()
    for _ in range(10 * count):
        values = random_values(fitter, rng)
        if values not in found:
            found.append(values)
        if len(found) == count:
            break
    return found


def random_values(fitter: BudgetFitter, rng: random.Random) -> dict[str, int]:
    """Returns random values, lowered at random until they fit, then raised at random until nothing larger fits."""
    chance = {c.name: [rng.random() for _ in c.options] for c in fitter.space.choices}
    return fitter.fill(fitter.repair(fitter.space.sample(rng), chance), chance)


def uniform_candidates(fitter: BudgetFitter, feasible: Sequence[Mapping[str, int]], count: int) -> list[dict[str, int]]:
    """Returns the standard network at the largest common share of its widths that fits, for combinations of shapes.

    If the bits of weights are open, there is one such network with 8 bits in all layers, and one with 4.

    - `feasible`: the combinations for which some network fits.
    - `count`: the maximum number of networks; of more combinations, evenly spaced ones are taken.
    """
    space = fitter.space
    standard = standard_values(space)
    found: list[dict[str, int]] = []
    bits = [c for c in space.choices if c.kind == "bits"]
    all_bits = sorted({option for c in bits for option in c.options}, reverse=True)
    alike = [{c.name: b if b in c.options else c.options[-1] for c in bits} for b in all_bits] or [{}]
    for shapes, same in product(feasible, alike):
        for share in SHARES:
            values = standard | dict(shapes) | same
            for c in space.choices:
                if c.kind == "width":
                    values[c.name] = min(c.options, key=lambda option: abs(option - share * c.options[-1]))
            if fitter.fits(values):
                found.append(values)
                break
    if not found:  # the standard network is too large at any width
        found = [fitter.repair(standard | space.smallest() | dict(feasible[0]), certain(space, standard))]
    count = min(count, len(found))
    return [found[round(i * (len(found) - 1) / max(1, count - 1))] for i in range(count)]


def neighbours(fitter: BudgetFitter, start: Sequence[Mapping[str, int]], count: int, seed: int) -> list[dict[str, int]]:
    """Returns at most `count` different networks that fit and are close to those of `start`.

    One choice of a network of `start` gets another option. If that misses a limit, other choices are lowered; if it
    leaves room, others are raised. The networks of `start` take turns.

    - `fitter`: checks the networks of a space under a budget.
    - `start`: values that fit, at least one.
    - `count`: the number of networks wanted; there are fewer if `10 * count` draws give fewer.
    - `seed`: seed of the draws.
    """
    rng, found = random.Random(seed), list[dict[str, int]]()
    known = {derive(fitter.space, values) for values in start}
    free = [c for c in fitter.space.choices if c.kind != "shape" and len(c.options) > 1]
    for number in range(10 * count if free else 0):
        if len(found) == count:
            break
        values = dict(start[number % len(start)])
        choice = rng.choice(free)
        values[choice.name] = rng.choice([option for option in choice.options if option != values[choice.name]])
        wanted = certain(fitter.space, values)
        values = fitter.fill(fitter.repair(values, wanted), wanted)
        network = derive(fitter.space, values)
        if network not in known:
            known.add(network)
            found.append(values)
    return found


def standard_values(space: SearchSpace) -> dict[str, int]:
    """Returns the values of the space's standard network at full width: all blocks, middle kernels, no dilation."""
    values = space.largest()
    for c in space.choices:
        if c.kind == "kernel":
            values[c.name] = c.options[len(c.options) // 2]
        elif c.kind == "dilation":
            values[c.name] = c.options[0]
    own = SPACES[space.name].standard if space.name in SPACES else None
    for name, value in (own(space) if own is not None else {}).items():
        values[name] = min(space.choice(name).options, key=lambda option: abs(option - value))
    return values
