"""A supernet whose cut networks work as they are, and an evolutionary search over these under hard limits.

Training follows the sandwich rule with in-place distillation (Yu and Huang 2019, "Universally Slimmable Networks"):
every step trains the largest network on the labels, and the smallest one and some random ones on the outputs of the
largest. So outer taps and last channels are trained in every step, unlike in `dnas.py`, where options compete. Then
networks within the limits are cut out, get batch norm statistics of their own, and are compared by their loss on
validation examples, by regularised evolution without ageing (Real et al. 2019).
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from micronets.boards.board import Board, Budget, board_budget
from micronets.cost.costs import TFLM_COSTS, RuntimeCosts
from micronets.design import optim
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.candidates import certain, random_values, uniform_candidates
from micronets.design.data_digest import data_digest
from micronets.design.dnas import Measure, SearchResult, meet_measured_limits
from micronets.design.dnas_loop import SearchLoop, input_settings
from micronets.design.net import Net
from micronets.design.predict import predict
from micronets.design.score_file import ScoreFile
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import Supernet
from micronets.design.torch_ops import autocast, pick_device, prepare_cpu
from micronets.errors import DataError, FileError, SpecError, TrainingError
from micronets.files import digest
from micronets.history import ChosenCut, SearchRecord
from micronets.ir.arch import Arch
from micronets.ir.space import SearchSpace, derive
from micronets.progress import NoteEvent, Progress
from micronets.tasks import TaskData
from micronets.terminal import counted

CHECKPOINT, SCORES = "checkpoint.pt", "scores.jsonl"
RANDOM_NETWORKS = 2  # random networks that a step trains, beside the largest and the smallest one
COMPARED_EXAMPLES = 1024  # validation examples, evenly spaced, that cut networks are compared on
PARENTS = 8  # the best networks, from which new ones are made
MUTATION = 0.1  # the probability with which a choice is drawn anew


class SandwichLoop(SearchLoop):
    """The training of a supernet by the sandwich rule; its checkpoints are those of `SearchLoop`.

    - `feasible`: the combinations of shapes under which a network fits; one is drawn for each step.
    """

    feasible: Sequence[Mapping[str, int]] = ()

    def chosen(self) -> dict[str, int]:
        """Returns the largest network, whose loss and accuracy the history records."""
        return self.supernet.space.largest()

    def train_step(self, batch: Tensor, step: int) -> tuple[float, int]:
        """Trains the shared weights by one step (see `SearchLoop.train_step`).

        The loss is that of the largest network.
        """
        s = self.settings
        seeds = np.random.SeedSequence([self.seed, step]).generate_state(2, np.uint64)
        rng = random.Random(int(seeds[0]))
        noise = torch.Generator(self.device).manual_seed(int(seeds[1]) >> 1)
        for group in self.weight_optimiser.param_groups:
            group["lr"] = s.lr * optim.cosine_schedule(step, self.steps, self.rise)
        space, shapes = self.supernet.space, dict(rng.choice(self.feasible))
        smaller = [space.smallest(), *(space.sample(rng) for _ in range(RANDOM_NETWORKS))]
        x = self.data.augmented(batch, input_settings(self.data, shapes), noise)
        y = self.labels[batch.to(self.device)]
        self.weight_optimiser.zero_grad(set_to_none=True)
        logits = self._logits(x, space.largest() | shapes)
        loss = F.cross_entropy(logits, y, label_smoothing=s.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        taught = logits.detach().softmax(1)
        for values in smaller:
            F.cross_entropy(self._logits(x, values | shapes), taught).backward()  # type: ignore[no-untyped-call]
        self.weight_optimiser.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(f"search: the loss became {value} in step {step + 1}; lower search.lr (now {s.lr})")
        return value, int((logits.detach().argmax(1) == y).sum())

    def _logits(self, x: Tensor, values: Mapping[str, int]) -> Tensor:
        """Computes the logits `[B, classes]` of one network of the supernet, as float32."""
        with autocast(self.device, self.precision):
            return self.supernet(x, self.supernet.one_hot(values)).float()  # type: ignore[no-any-return]


class CutNetworks:
    """The networks of a trained supernet, and their losses without further training, each of which is computed once.

    - `loop`: holds the supernet and gives the batches for statistics of batch norm.
    - `losses`: the mean cross-entropy on validation examples of each network that was looked at.
    - `scores`: the file that keeps losses for other searches on the same supernet; None if there is no such file.
    """

    def __init__(self, loop: SearchLoop, data: TaskData, scores: ScoreFile | None = None) -> None:
        self.loop, self.data, self.scores = loop, data, scores
        size = data.size("val")
        self._rows = np.unique(np.linspace(0, size - 1, min(size, COMPARED_EXAMPLES)).astype(np.int64))
        self._labels = torch.from_numpy(data.labels("val")[self._rows])
        self.losses: dict[Arch, float] = {}

    def state(self, values: Mapping[str, int]) -> dict[str, Tensor]:
        """Cuts out the weights of the network of `values`, with statistics of batch norm of its own."""
        arch = derive(self.loop.supernet.space, values)
        return self.loop.supernet.slice(arch, self.loop.calibration_batches(values))

    def loss(self, values: Mapping[str, int]) -> float:
        """Returns the validation loss of the network of `values`."""
        arch = derive(self.loop.supernet.space, values)
        if arch not in self.losses:
            settings = input_settings(self.data, values)
            key = digest(repr((arch.to_json(), sorted(settings.items()))))
            loss = None if self.scores is None else self.scores.get(key)
            if loss is None:
                net = Net(arch).to(self.loop.device)
                net.load_state_dict(self.state(values))
                x = self.data.inputs("val", settings, self._rows)
                loss = float(F.cross_entropy(torch.from_numpy(predict(net, x)), self._labels))
                if self.scores is not None:
                    self.scores.add(key, loss)
            self.losses[arch] = loss
        return self.losses[arch]


def evolve(
    networks: CutNetworks, fitter: BudgetFitter, start: Sequence[dict[str, int]], count: int, rng: random.Random
) -> dict[str, int]:
    """Returns the values of that network, among `count` that fit, whose validation loss is least.

    A third of them are the networks of `start` and random ones; the others are made from the best so far: choices of
    two of these, some drawn anew, lowered until they fit.

    - `networks`: gives the loss of a network.
    - `fitter`: knows the limits.
    - `start`: values that fit.
    - `count`: networks that are compared; fewer where no new ones are found.
    - `rng`: decides what is drawn.
    """
    space = fitter.space
    even = {c.name: [1 / len(c.options)] * len(c.options) for c in space.choices}
    known = [(networks.loss(values), values) for values in start[:count]]
    for _ in range(20 * count):
        if len(networks.losses) >= count:
            break
        if len(networks.losses) < max(2, count // 3) or len(known) < 2:
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
    return min(known, key=lambda pair: pair[0])[1]


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

    - `fitter`: knows the space; its costs and those of `board` and `runtime` are noted in the history alone.
    - `feasible`: the combinations of shapes that those searches need; one is drawn for each step.
    - `data`: the task; the supernet learns from its training split.
    - `settings`: epochs, learning rates and the rest of the section [search].
    - `seed`: of the initial weights and of everything that is drawn.
    - `directory`: where checkpoint.pt is written; a checkpoint found there is continued.
    - `progress`: receives events that say what is in progress, and how far it is.

    Returns a record for each epoch. Raises `TrainingError`, and `FileError` and `SpecError` for the checkpoint.
    """
    prepare_cpu()
    loop = _loop(fitter, board, runtime, data, settings, seed)
    loop.feasible = feasible
    _train(loop, directory / CHECKPOINT, _shared_stamp(loop), progress)
    return tuple(loop.history)


def _loop(
    fitter: BudgetFitter, board: Board, runtime: RuntimeCosts, data: TaskData, settings: SearchSettings, seed: int
) -> SandwichLoop:
    """Makes a supernet with random weights, and the loop that trains it."""
    device = pick_device(settings.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        supernet = Supernet(fitter.space).to(device)
    return SandwichLoop(supernet, fitter, board, runtime, data, settings, seed, device)


def _train(loop: SandwichLoop, path: Path, stamp: str, progress: Progress) -> None:
    """Trains by the steps that are left after the checkpoint at `path`."""
    loop.resume(path, stamp)
    loop.run(progress, path, stamp)


def _shared_stamp(loop: SandwichLoop) -> str:
    """Returns a hash of all that decides the weights of a shared supernet, except the shapes that its searches need."""
    space, decisive = loop.supernet.space, loop.settings.decisive("supernet", "evaluations")
    of_data = data_digest(loop.data, input_settings(loop.data, space.largest()))
    return digest(repr(("shared", space.name, space.choices, of_data, decisive, loop.seed)))


def _take_supernet(loop: SandwichLoop, folder: Path) -> ScoreFile:
    """Loads the weights that `train_supernet` left in `folder`; returns the path of the file of losses beside them.

    Raises `FileError` if there are none, and `SpecError` if they are for other data, settings or spaces, or if their
    training has not ended.
    """
    path = folder / CHECKPOINT
    try:
        found = loop.resume(path, _shared_stamp(loop))
    except SpecError as e:
        raise SpecError(
            f"search.supernet = '{folder}': is of other data, another space or seed, or other settings of the search; "
            "give those of its sweep, or train another with --set search.supernet="
        ) from e
    if not found:
        raise FileError(
            f"search.supernet = '{folder}': there is no {CHECKPOINT}; give the directory 'supernet' of a sweep"
        )
    if loop.step < loop.steps:
        raise SpecError(
            f"search.supernet = '{folder}': is trained for {loop.step:,} of {loop.steps:,} steps; go on with its "
            "sweep by --resume"
        )
    loop.supernet.train()
    computed = digest(path.read_bytes()), loop.device.type, torch.get_num_threads()  # all that decides the last bits
    return ScoreFile(folder / SCORES, digest(repr(computed)))


def cut_networks(
    fitter: BudgetFitter,
    data: TaskData,
    budget: Budget,
    board: Board,
    settings: SearchSettings,
    *,
    seed: int,
    directory: Path,
    progress: Progress,
    runtime: RuntimeCosts = TFLM_COSTS,
) -> CutNetworks:
    """Trains the supernet of a search, unless that is done already, and returns the networks that can be cut out of it.

    - `fitter`: knows the space, and the limits with those of the board.
    - The other arguments and the errors are those of `search`.
    """
    if not data.size("val"):
        raise DataError("the data have no validation examples; cut networks are compared on them")
    feasible, space = fitter.feasible_shapes(), fitter.space
    prepare_cpu()
    loop = _loop(fitter, board, runtime, data, settings, seed)
    loop.feasible = feasible
    scores: ScoreFile | None = None
    if settings.supernet:
        scores = _take_supernet(loop, Path(settings.supernet))
    else:
        decisive = settings.decisive("supernet")
        of_data = data_digest(data, input_settings(data, space.largest()))
        stamp = digest(repr((space.name, space.choices, of_data, budget, board, runtime.runtime, decisive, seed)))
        _train(loop, directory / CHECKPOINT, stamp, progress)
    return CutNetworks(loop, data, scores)


def search(
    space: SearchSpace,
    data: TaskData,
    budget: Budget,
    board: Board,
    settings: SearchSettings,
    *,
    seed: int,
    directory: Path,
    progress: Progress,
    runtime: RuntimeCosts = TFLM_COSTS,
    measure: Measure | None = None,
) -> SearchResult:
    """Trains a supernet by the sandwich rule and returns the best of `settings.evaluations` networks cut out of it.

    A step takes about as long as four of `dnas.search`.

    - `space`: the choices, and the network that every combination of their options is.
    - `data`: the task; the supernet learns from its training split; cut networks are compared on its validation split.
    - `budget`: the limits, to which those of the board itself are added.
    - `board`: what the costs are computed for.
    - `settings`: epochs, learning rates and the rest of the section [search]. Where `settings.supernet` names a
      supernet that `train_supernet` has trained, none is trained here.
    - `seed`: of the initial weights and of everything that is drawn.
    - `directory`: where the checkpoint is written; a checkpoint found there is continued.
    - `progress`: receives events that say what is in progress, and how far it is.
    - `runtime`: what will execute the network, which decides its costs.
    - `measure`: measures what a network really costs, by name of the limit, as in `dnas.search`. None: the computed
      costs are taken.

    The last record of the history has the losses of the networks that were compared.

    Raises what `dnas.search` raises, and `DataError` where there are no validation examples.
    """
    limits = board_budget(budget, board)
    fitter = BudgetFitter(space, limits, board, runtime=runtime)
    networks = cut_networks(
        fitter, data, budget, board, settings, seed=seed, directory=directory, progress=progress, runtime=runtime
    )
    loop, start = networks.loop, uniform_candidates(fitter, fitter.feasible_shapes(), PARENTS)
    likely = evolve(networks, fitter, start, settings.evaluations, random.Random(seed))
    values, measured = meet_measured_limits(fitter, likely, certain(space, likely), limits, measure, progress, 0.0)
    arch, costs, state = derive(space, values), dict(fitter.costs(values)), networks.state(values)
    net = Net(arch).to(loop.device)
    net.load_state_dict(state)
    accuracy = data.evaluate(predict(net, data.inputs("val", input_settings(data, values))), "val").value
    losses = sorted(networks.losses.values())
    compared = f"{counted(len(losses), 'cut networks')}: loss {losses[0]:.4f} to {losses[-1]:.4f}"
    progress(NoteEvent("search", compared))
    chosen = ChosenCut(
        epoch=settings.epochs,
        loss=networks.loss(values),
        accuracy=accuracy,
        costs=costs,
        values=values,
        compared=tuple(losses),
    )
    return SearchResult(values, arch, costs, measured, (*loop.history, chosen), state)
