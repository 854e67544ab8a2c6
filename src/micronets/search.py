"""DNAS: weights and architecture of a `Supernet` trained together under hard limits (MicroNets, Section 5.1).

Loss = cross-entropy + penalty * sum over limits of max(0, cost / limit - 1). The costs of a step are those of the
drawn sample, from the same functions that cost an `Arch`, times the ratio between the exact and the relaxed cost of
the most likely network (a plan is larger than the live bytes it places). Relaxed costs only guide: the result is
derived, checked in integers, repaired if it misses a limit, and enlarged where room is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from micronets import optim
from micronets.arch import Arch
from micronets.board import Board, Budget, board_budget
from micronets.checkpoint import load_checkpoint, save_checkpoint
from micronets.cost import relaxed_budget_costs
from micronets.errors import SpecError
from micronets.files import digest
from micronets.fit import Fitter
from micronets.ops import Precision, autocast, pick_device, pick_precision, prepare_cpu
from micronets.space import SearchSpace, derive
from micronets.supernet import Sample, Supernet
from micronets.tasks import TaskData

Progress = Callable[[dict[str, Any]], None]
RECHECK = 25  # steps between two comparisons of relaxed and exact costs


@dataclass(frozen=True)
class SearchSettings:
    """How to search; the defaults are for keyword spotting.

    epochs: passes over the training split. warmup: share of the steps, the first ones, that train weights alone.
    batch, lr, weight_decay, label_smoothing: of the weights (AdamW, cosine schedule).
    arch_lr: of the architecture parameters (Adam).
    temperature, final_temperature: of the Gumbel-softmax, annealed geometrically after the warm-up.
    penalty: weight of the limits in the loss.
    precision: auto, fp32 or bf16. device: auto, cpu or cuda.
    """

    epochs: int = 8
    batch: int = 256
    lr: float = 4e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    warmup: float = 0.35
    arch_lr: float = 0.05
    temperature: float = 3.0
    final_temperature: float = 0.4
    penalty: float = 2.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "lr", "arch_lr", "temperature", "final_temperature", "penalty"):
            if getattr(self, name) <= 0:
                raise SpecError(f"search: {name} = {getattr(self, name)}; need more than 0")
        if not 0 <= self.warmup < 1:
            raise SpecError(f"search: warmup = {self.warmup}; a share of the steps from 0 to below 1")


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    values: of every choice. arch: their network, which meets every limit by the exact costs. costs: by limit name.
    history: one record per epoch. state: of `Net(arch)`, cut out of the supernet.
    """

    values: dict[str, int]
    arch: Arch
    costs: dict[str, float]
    history: list[dict[str, Any]]
    state: dict[str, Tensor]


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
) -> SearchResult:
    """Searches `space` on the training split of `data`; continues from `directory`'s checkpoint if there is one.

    Raises `BudgetError` before any training when nothing in the space can meet the limits.
    """
    limits = board_budget(budget, board)
    fitter = Fitter(space, limits, board)
    feasible = fitter.feasible_shapes()
    prepare_cpu()
    device = pick_device(settings.device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        supernet = Supernet(space).to(device)
    _forbid_infeasible(supernet, feasible)
    run = Stepper(supernet, fitter, board, limits, data, settings, seed, device)
    stamp = digest(repr((space.name, space.choices, data.source, budget, board, settings, seed, run.precision)))
    run.resume(load_checkpoint(directory / "checkpoint.pt", device, stamp))
    for epoch in range(run.epoch, settings.epochs):
        run.train_epoch(epoch, progress)
        save_checkpoint(directory / "checkpoint.pt", run.checkpoint(), stamp)
    probabilities = supernet.probabilities()
    repaired = fitter.repair(supernet.most_likely(), probabilities)
    values = fitter.fill(repaired, probabilities)
    arch = derive(space, values)
    return SearchResult(values, arch, dict(fitter.costs(values)), run.history, supernet.slice(arch))


def input_settings(data: TaskData, values: dict[str, int]) -> dict[str, int]:
    """The choices among `values` that are settings of the input."""
    return {name: values[name] for name in data.input_settings if name in values}


class Stepper:
    """The state of a search between two steps."""

    def __init__(
        self,
        supernet: Supernet,
        fitter: Fitter,
        board: Board,
        limits: Budget,
        data: TaskData,
        settings: SearchSettings,
        seed: int,
        device: torch.device,
    ) -> None:
        self.supernet, self.fitter, self.board, self.data = supernet, fitter, board, data
        self.limits = limits.limits()
        self.settings, self.seed, self.device = settings, seed, device
        self.labels = torch.from_numpy(data.labels("train")).to(device)
        self.epoch, self.history = 0, list[dict[str, Any]]()
        self.correction = dict.fromkeys(self.limits, 1.0)
        self.baseline: float | None = None
        self.steps = max(1, len(data.epoch(np.random.default_rng(seed))) // settings.batch)
        self.total = self.steps * settings.epochs
        self.weight_optimiser = optim.optimiser(supernet.net, "adamw", settings.weight_decay)
        self.arch_optimiser = torch.optim.Adam(supernet.alphas.parameters(), lr=settings.arch_lr, betas=(0.5, 0.999))
        self.precision: Precision = pick_precision(settings.precision, device)

    def resume(self, state: dict[str, Any] | None) -> None:
        if state is None:
            return
        self.supernet.load_state_dict(state["supernet"])
        self.weight_optimiser.load_state_dict(state["weight_optimiser"])
        self.arch_optimiser.load_state_dict(state["arch_optimiser"])
        self.epoch, self.history = state["epoch"], state["history"]
        self.correction, self.baseline = state["correction"], state["baseline"]

    def checkpoint(self) -> dict[str, Any]:
        return {
            "supernet": self.supernet.state_dict(),
            "weight_optimiser": self.weight_optimiser.state_dict(),
            "arch_optimiser": self.arch_optimiser.state_dict(),
            "epoch": self.epoch,
            "history": self.history,
            "correction": self.correction,
            "baseline": self.baseline,
        }

    def train_epoch(self, epoch: int, progress: Progress) -> None:
        # Every epoch seeds its own generators: a resumed run draws what the uninterrupted one drew.
        draws = torch.Generator().manual_seed(self.seed * 100_003 + epoch)
        noise = torch.Generator(self.device).manual_seed(self.seed * 100_003 + epoch)
        order = data_order(self.data, self.seed, epoch)
        started, losses, hits = time.monotonic(), [], 0
        self.supernet.train()
        for i in range(self.steps):
            step = epoch * self.steps + i
            batch = order[i * self.settings.batch : (i + 1) * self.settings.batch]
            loss, right = self.train_step(batch, step, draws, noise)
            losses.append(loss)
            hits += right
            if i % 20 == 19 or i == self.steps - 1:
                pace = (time.monotonic() - started) / (i + 1)
                progress(
                    {
                        "stage": "search",
                        "step": step + 1,
                        "steps": self.total,
                        "seconds_left": pace * (self.total - step - 1),
                        "loss": sum(losses[-20:]) / len(losses[-20:]),
                    }
                )
        self.epoch = epoch + 1
        values = self.supernet.most_likely()
        self.history.append(
            {
                "epoch": epoch + 1,
                "loss": sum(losses) / len(losses),
                "accuracy": hits / (len(losses) * self.settings.batch),
                "temperature": self.temperature((epoch + 1) * self.steps),
                "costs": dict(self.fitter.costs(values)),
                "values": values,
                "entropy": {k: entropy(p) for k, p in self.supernet.probabilities().items()},
            }
        )

    def temperature(self, step: int) -> float:
        s = self.settings
        done = max(0.0, (step / self.total - s.warmup) / (1 - s.warmup))
        return float(s.temperature * (s.final_temperature / s.temperature) ** min(done, 1.0))

    def train_step(self, batch: Tensor, step: int, draws: torch.Generator, noise: torch.Generator) -> tuple[float, int]:
        """One step on the weights and, after the warm-up, on the architecture; its loss and right answers.

        draws: for the choices, on the CPU. noise: for the augmentation, on the device.
        """
        s = self.settings
        for group in self.weight_optimiser.param_groups:
            group["lr"] = s.lr * optim.cosine(step, self.total, self.steps)
        searching = step >= s.warmup * self.total
        sample = self.supernet.sample(self.temperature(step), draws)
        x = self.data.augmented(batch, input_settings(self.data, dict(sample.shapes)), noise)
        y = self.labels[batch.to(self.device)]
        with autocast(self.device, self.precision):
            logits = self.supernet(x, sample)
        loss = F.cross_entropy(logits.float(), y, label_smoothing=s.label_smoothing)
        total = loss
        if searching:
            if step % RECHECK == 0:
                self._recheck()
            penalty = self._penalty(sample)
            total = loss + s.penalty * penalty + self._shape_loss(loss, penalty, sample)
        self.weight_optimiser.zero_grad(set_to_none=True)
        self.arch_optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.weight_optimiser.step()
        if searching:
            self.arch_optimiser.step()
        return float(loss.detach()), int((logits.detach().argmax(1) == y).sum())

    def _penalty(self, sample: Sample) -> Tensor:
        costs = relaxed_budget_costs(self.supernet.steps(sample), self.board, tuple(self.limits))
        excess = [torch.relu(costs[name] * (self.correction[name] / limit) - 1) for name, limit in self.limits.items()]
        return torch.stack([torch.as_tensor(e, device=self.device) for e in excess]).sum()

    def _shape_loss(self, loss: Tensor, penalty: Tensor, sample: Sample) -> Tensor:
        """Score function (Williams 1992): its gradient is that of the expected loss over the drawn shapes."""
        value = float(loss.detach() + self.settings.penalty * penalty.detach())
        if self.baseline is None:
            self.baseline = value
        advantage = value - self.baseline
        self.baseline += 0.05 * advantage
        return advantage * sample.log_prob

    def _recheck(self) -> None:
        values = self.supernet.most_likely()
        exact = self.fitter.costs(values)
        with torch.no_grad():
            steps = self.supernet.steps(self.supernet.one_hot(values))
            relaxed = relaxed_budget_costs(steps, self.board, tuple(self.limits))
        self.correction = {name: float(exact[name]) / max(float(relaxed[name]), 1e-9) for name in self.limits}


def data_order(data: TaskData, seed: int, epoch: int) -> Tensor:
    """Indices of one epoch, the same whenever it is asked for."""
    return torch.from_numpy(data.epoch(np.random.default_rng([seed, epoch])))


def entropy(probabilities: list[float]) -> float:
    """Entropy in nats."""
    return float(-sum(p * np.log(max(p, 1e-12)) for p in probabilities))


def _forbid_infeasible(supernet: Supernet, feasible: list[dict[str, int]]) -> None:
    """Takes shape options under which nothing fits out of the search."""
    for c in supernet.space.choices:
        if c.kind == "shape":
            for k, option in enumerate(c.options):
                if all(shapes[c.name] != option for shapes in feasible):
                    supernet.alphas[c.name].data[k] = -30.0
