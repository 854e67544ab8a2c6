"""`SearchLoop`: the training steps of a search, on weights and architecture, and the state that a checkpoint holds.

`dnas.py` starts it, and derives the network from the final probabilities.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from micronets.boards.board import Board
from micronets.cost.costs import RuntimeCosts, relaxed_budget_costs
from micronets.design import optim, processes
from micronets.design.budget_fitter import BudgetFitter
from micronets.design.checkpoint import load_checkpoint, readable_state, save_checkpoint
from micronets.design.search_settings import SearchSettings
from micronets.design.supernet import ChoiceSample, Supernet
from micronets.design.torch_ops import Precision, autocast, pick_precision
from micronets.errors import TrainingError
from micronets.history import SearchRecord, SupernetEpoch, search_record
from micronets.number import Number
from micronets.progress import Progress, StepEvent
from micronets.records import to_json
from micronets.tasks import TaskData

CORRECTION_STEPS = 25  # steps between two comparisons of relaxed and exact costs
MOST_RISE = 0.2  # the weights' learning rate warms up over the first epoch, but over no larger share of the steps
REPORT_SECONDS = 2.0  # the least time between two progress reports
REPORT_STEPS = 20  # a report gives the mean loss of this many last steps
_MODULES = ("supernet", "weight_optimiser", "arch_optimiser")  # attributes with a state dict, kept in a checkpoint


class SearchLoop:
    """A search from its start, or from the checkpoint given to `resume`.

    - `supernet`: the weights and the architecture parameters that are trained.
    - `fitter`: gives the limits and the exact costs of networks.
    - `board`, `runtime`: the board and the runtime of the relaxed costs.
    - `data`: the task's examples.
    - `seed`: seed of all random draws.
    - `device`: the supernet's device.
    - `share`: its share of `settings.epochs`; at least one step is done.
    - `until`: the step at which `run` ends: the last one, or an earlier one if something happens in between.
    - `group`: the processes that compute the steps together.
    - `kept`: names of attributes that a checkpoint stores as they are: numbers, strings, and lists and dicts of these.
    """

    kept: tuple[str, ...] = ("step", "losses", "hits", "correction", "baseline", "precision")

    def __init__(
        self,
        supernet: Supernet,
        fitter: BudgetFitter,
        board: Board,
        runtime: RuntimeCosts,
        data: TaskData,
        settings: SearchSettings,
        seed: int,
        device: torch.device,
        share: float = 1.0,
    ) -> None:
        self.supernet, self.fitter, self.board, self.runtime, self.data = supernet, fitter, board, runtime, data
        self.settings, self.seed, self.device = settings, seed, device
        self.labels = torch.from_numpy(data.labels("train")).to(device)
        self.history: list[SearchRecord] = []
        self.step, self.losses, self.hits = 0, list[float](), 0  # losses and correct answers of this epoch
        self.correction = dict.fromkeys(fitter.limits, 1.0)
        self.baseline: float | None = None
        self.steps_per_epoch = max(1, len(self._order(0)) // settings.batch)
        self.all_steps = self.steps_per_epoch * settings.epochs  # including those of a comparison at the end
        self.steps = max(1, round(share * self.all_steps))
        self.until = self.steps
        self.rise = min(self.steps_per_epoch, max(1, round(MOST_RISE * self.steps)))
        self.weight_optimiser = optim.make_optimiser(supernet.net, settings.optimiser, settings.weight_decay)
        self.arch_optimiser = torch.optim.Adam(supernet.alphas.parameters(), lr=settings.arch_lr, betas=(0.5, 0.999))
        self.precision: Precision = pick_precision(settings.precision, device)
        self.group = processes.group()
        self.group.check_batch(min(settings.batch, len(self._order(0))), "search")

    def resume(self, path: Path, stamp: str) -> bool:
        """Continues from the checkpoint at `path`, and returns whether there is one; without one, nothing changes.

        The search keeps the precision in which it began. Raises `FileError` and `SpecError` as `load_checkpoint` does,
        which explains `stamp`.
        """
        self.group.check_alike(stamp)
        state = load_checkpoint(path, self.device, stamp)
        if state is None:
            return False
        with readable_state(path):
            self.history = [search_record(table) for table in state["history"]]
            for name in _MODULES:
                getattr(self, name).load_state_dict(state[name])
            for name in self.kept:
                setattr(self, name, state[name])
        return True

    def run(self, progress: Progress, path: Path, stamp: str) -> None:
        """Does the remaining steps before step `until`.

        - `progress`: called about every two seconds with step, steps, seconds_left and the recent loss.
        - `path`: the checkpoint, written at the end of every epoch, and within one after `settings.checkpoint_seconds`.
        - `stamp`: identifies the search, see `checkpoint.save_checkpoint`.

        Raises `TrainingError` if the loss is not a number, and `FileError` if the checkpoint cannot be written.
        """
        self.supernet.train()
        saved = reported = time.monotonic()
        reported_step = self.step
        order: Tensor | None = None
        while self.step < self.until:
            epoch, i = divmod(self.step, self.steps_per_epoch)
            if order is None or i == 0:
                order = self._order(epoch)
            loss, right = self.train_step(order[i * self.settings.batch : (i + 1) * self.settings.batch], self.step)
            self.losses.append(loss)
            self.hits += right
            self.step += 1
            ended = i + 1 == self.steps_per_epoch or self.step == self.steps
            now = time.monotonic()
            if now - reported >= REPORT_SECONDS or self.step == self.until:
                left = (now - reported) / (self.step - reported_step) * (self.all_steps - self.step)
                recent = self.losses[-REPORT_STEPS:]
                progress(StepEvent("search", self.step, self.all_steps, left, {"loss": sum(recent) / len(recent)}))
                reported, reported_step = now, self.step
            if ended:
                self._end_epoch(epoch)
            if ended or self.step == self.until or now - saved >= self.settings.checkpoint_seconds:
                self.save(path, stamp)
                saved = now

    def save(self, path: Path, stamp: str) -> None:
        """Writes the checkpoint (see `run`)."""
        modules = {name: getattr(self, name).state_dict() for name in _MODULES}
        values = {name: getattr(self, name) for name in self.kept}
        save_checkpoint(path, {**modules, **values, "history": to_json(self.history)}, stamp)

    def _order(self, epoch: int) -> Tensor:
        """Returns the indices of the training examples in the order of an epoch, counted from 0."""
        return torch.from_numpy(self.data.epoch(np.random.default_rng([self.seed, epoch])))

    def chosen(self) -> dict[str, int]:
        """Returns the network that the history records: the most likely one."""
        return self.supernet.most_likely()

    def _end_epoch(self, epoch: int) -> None:
        """Adds the epoch, counted from 0, to the history."""
        values = self.chosen()
        self.history.append(
            SupernetEpoch(
                epoch=epoch + 1,
                loss=sum(self.losses) / len(self.losses),
                accuracy=self.hits / (len(self.losses) * self.settings.batch),
                costs=dict(self.fitter.costs(values)),
                values=values,
                temperature=self.temperature(self.step),
                entropy={k: entropy(p) for k, p in self.supernet.probabilities().items()},
            )
        )
        self.losses, self.hits = [], 0

    def temperature(self, step: int) -> float:
        """Returns the temperature of the Gumbel-softmax at a step: constant in the warm-up, then falling."""
        s = self.settings
        done = max(0.0, (step / self.steps - s.warmup) / (1 - s.warmup))
        return float(s.temperature * (s.final_temperature / s.temperature) ** min(done, 1.0))

    def arch_lr(self, step: int) -> float:
        """Returns the learning rate of the architecture at a step: it falls linearly over the last steps."""
        settling = self.settings.settle * self.steps
        return self.settings.arch_lr * (min(1.0, (self.steps - step) / settling) if settling else 1.0)

    def calibration_batches(self, values: Mapping[str, int]) -> Iterator[Tensor]:
        """Yields inputs `[B, H, W, C]` of augmented training examples, with the input settings in `values`.

        A network cut out of the supernet gets its batch norm statistics from these. Every call yields the same inputs.
        """
        order, size = self._order(self.settings.epochs), self.settings.batch
        settings = input_settings(self.data, values)
        for i in range(self.settings.calibration_batches):
            batch = order[i * size : (i + 1) * size]
            if len(batch) < min(size, len(order)):
                break
            seed = int(np.random.SeedSequence([self.seed, self.steps + i]).generate_state(1, np.uint64)[0]) >> 1
            yield self.data.augmented(batch, settings, torch.Generator(self.device).manual_seed(seed))

    def train_step(self, batch: Tensor, step: int) -> tuple[float, int]:
        """Trains the weights by one step and, after the warm-up, the architecture parameters too.

        Every step seeds its own generators, so that a resumed search draws the same as an uninterrupted one.

        - `batch`: indices `[B]` into the training split.
        - `step`: number of the step, from 0.

        Returns the cross-entropy and the number of correct answers. Raises `TrainingError` if the loss is not a number.
        """
        s = self.settings
        draw_seed, noise_seed = (
            int(n) >> 1 for n in np.random.SeedSequence([self.seed, step]).generate_state(2, np.uint64)
        )
        draws = torch.Generator().manual_seed(draw_seed)
        noise = torch.Generator(self.device).manual_seed(noise_seed)
        for group in self.weight_optimiser.param_groups:
            group["lr"] = s.lr * optim.cosine_schedule(step, self.steps, self.rise)
        searching = step >= s.warmup * self.steps
        for group in self.arch_optimiser.param_groups:
            group["lr"] = self.arch_lr(step)
        sample = self.supernet.sample(self.temperature(step), draws)
        x = self.data.augmented(batch, input_settings(self.data, dict(sample.shapes)), noise)
        y = self.labels[batch.to(self.device)]
        rows, share = self.group.rows(len(batch)), self.group.share(len(batch))
        x, y = x[rows], y[rows]
        with autocast(self.device, self.precision), processes.divided():
            logits = self.supernet(x, sample)
        loss = share * F.cross_entropy(logits.float(), y, label_smoothing=s.label_smoothing)
        whole, right = self.summed(loss, logits, y)
        total = loss
        if searching:
            if step % CORRECTION_STEPS == 0:
                self._update_correction()
            penalty = self._penalty(sample)
            # Every process computes these terms, and their gradients are summed.
            extra = self._shape_loss(whole, penalty, sample) / self.group.count
            total = loss + s.penalty * penalty / self.group.count + extra
        self.weight_optimiser.zero_grad(set_to_none=True)
        self.arch_optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.group.sum_gradients(self.supernet.parameters())
        self.weight_optimiser.step()
        if searching:
            self.arch_optimiser.step()
        value = float(whole)
        if not math.isfinite(value):
            raise TrainingError(f"search: the loss became {value} in step {step + 1}; lower search.lr (now {s.lr})")
        return value, right

    def summed(self, loss: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, int]:
        """Returns the loss of a whole batch, without gradient, and the number of examples classified correctly.

        - `loss`: the part of this process; the parts of all processes are summed.
        - `logits`, `labels`: of this process's rows, `[rows, classes]` and `[rows]`.
        """
        right = (logits.detach().argmax(1) == labels).sum()
        if self.group.count == 1:
            return loss.detach(), int(right)
        total = self.group.sum(torch.stack([loss.detach().float(), right.float()]))
        return total[0], int(total[1])

    def _penalty(self, sample: ChoiceSample) -> Tensor:
        """Returns the sum over the limits of max(0, cost / limit - 1), from the corrected relaxed costs of a sample."""
        costs = self._relaxed(sample)
        excess = [
            torch.relu(costs[name] * (self.correction[name] / limit) - 1) for name, limit in self.fitter.limits.items()
        ]
        return torch.stack([torch.as_tensor(e, device=self.device) for e in excess]).sum()

    def _relaxed(self, sample: ChoiceSample) -> Mapping[str, Number]:
        """Returns the relaxed costs of a sample by name of the limit: numbers, or 0-d tensors with gradient."""
        return relaxed_budget_costs(
            self.supernet.steps(sample), self.board, tuple(self.fitter.limits), runtime=self.runtime
        )

    def _shape_loss(self, loss: Tensor, penalty: Tensor, sample: ChoiceSample) -> Tensor:
        """Returns a term whose gradient is that of the expected loss over the drawn shapes.

        It is the score-function estimator (Williams 1992, REINFORCE) with a moving average as the baseline.
        """
        value = float(loss.detach() + self.settings.penalty * penalty.detach())
        if self.baseline is None:
            self.baseline = value
        advantage = value - self.baseline
        self.baseline += 0.05 * advantage
        return advantage * sample.log_prob

    def _update_correction(self) -> None:
        """Sets the correction factors to the ratios between exact and relaxed cost of the most likely network."""
        values = self.supernet.most_likely()
        exact = self.fitter.costs(values)
        with torch.no_grad():
            relaxed = self._relaxed(self.supernet.one_hot(values))
        self.correction = {name: float(exact[name]) / max(float(relaxed[name]), 1e-9) for name in self.fitter.limits}


def input_settings(data: TaskData, values: Mapping[str, int]) -> dict[str, int]:
    """Picks from the options `values` of a space's choices the settings of the task's front end."""
    return {name: values[name] for name in data.input_settings if name in values}


def entropy(probabilities: list[float]) -> float:
    """Returns the entropy, in nats, of probabilities that sum to 1."""
    return float(-sum(p * math.log(max(p, 1e-12)) for p in probabilities))
