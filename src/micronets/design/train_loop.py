"""`Training`: the state of a training between two steps, which is what a checkpoint holds.

Every random number of a step comes from a generator seeded by (seed, stage, step), so there is no generator state to
keep and a step always sees the same batch, however often the training was stopped.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from micronets.design import fakequant, optim
from micronets.design.checkpoint import load_checkpoint, save_checkpoint
from micronets.design.net import Net, load_float
from micronets.design.predict import predict
from micronets.design.torch_ops import Precision, autocast, pick_device, pick_precision
from micronets.design.train_settings import WITHOUT_EFFECT, TrainSettings
from micronets.errors import DataError, FileError, TrainingError
from micronets.files import write_atomic
from micronets.ir.arch import Arch
from micronets.tasks import TaskData

STAGES = ("float", "quantised")
MIXING = 1
CALIBRATION = 2  # stands where the stage's number does in the seed of calibration batches
TICK_SECONDS = 1.0


class Training:
    """Trains through the stages of `STAGES`; the arguments are those of `train.fit`.

    stage: "float", "quantised" or "done". step: steps done in the stage. best: by stage, score, epoch and state dict.
    """

    def __init__(
        self,
        arch: Arch,
        data: TaskData,
        input_settings: Mapping[str, int],
        settings: TrainSettings,
        seed: int,
        init: Mapping[str, Tensor] | None,
        teacher: nn.Module | None,
        directory: Path,
        progress: Callable[[dict[str, Any]], None] | None,
    ) -> None:
        if not data.size("val"):
            raise DataError("the data have no validation examples; the best epoch is chosen on them")
        self.arch, self.data, self.input_settings, self.settings = arch, data, input_settings, settings
        self.seed, self.directory, self.progress = seed, directory, progress or (lambda _: None)
        self.device = pick_device(settings.device)
        self.precision: Precision = pick_precision(settings.precision, self.device)
        self.teacher = None if teacher is None else teacher.to(self.device).eval()
        self.loss = optim.objective(settings.label_smoothing, settings.distill_weight, settings.distill_temperature)
        self.labels = torch.from_numpy(data.labels("train")).to(self.device)
        self.val_inputs = data.inputs("val", input_settings)
        self.stage = "float"
        self.steps_per_epoch = max(1, len(self._order(0)) // settings.batch)
        self.stamp = _stamp(arch, data, input_settings, settings, seed, init, teacher)
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, dict[str, Any]] = {}
        self._seconds: dict[str, float] = {}  # for one step, by stage
        self._init = init
        state = load_checkpoint(self.checkpoint, torch.device("cpu"), self.stamp)
        if state is None:
            self._begin("float")
        else:
            self._resume(state)

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is."""
        return self.directory / "checkpoint.pt"

    def run(self) -> None:
        """All the steps that are left."""
        while self.stage != "done":
            self._run_stage()
            self._begin("quantised" if self.stage == "float" and self.settings.qat_epochs else "done")
            self._save()

    def _begin(self, stage: str) -> None:
        self.stage, self.step, self.loss_sum = stage, 0, torch.zeros((), device=self.device)
        if stage == "done":
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            net = Net(self.arch)
        if stage == "float" and self._init is not None:
            load_float(net, self._init)
        net.to(self.device)
        if stage == "quantised":
            load_float(net, self.best["float"]["state"])
            fakequant.attach(net, self._calibration())
        self._adopt(net)

    def _adopt(self, net: Net) -> None:
        """Makes `net` the one that is trained, with a fresh optimiser and average."""
        quantised = self.stage == "quantised"
        self.net = net.train(not quantised)  # folded batch norm keeps its statistics
        kind = "adamw" if quantised else self.settings.optimiser
        self.optimiser = optim.optimiser(net, kind, self.settings.weight_decay)
        self.ema = optim.Ema(net, self.settings.ema_decay)

    def _resume(self, state: dict[str, Any]) -> None:
        self.history, self.best, self.precision = state["history"], state["best"], state["precision"]
        self._begin("done")
        self.stage, self.step = state["stage"], state["step"]
        if self.stage == "done":
            return
        net = Net(self.arch).to(self.device)
        if self.stage == "quantised":
            fakequant.attach(net)
        net.load_state_dict(state["net"])
        self._adopt(net)
        self.optimiser.load_state_dict(state["optimiser"])
        self.ema.net.load_state_dict(state["ema"])
        self.loss_sum = state["loss_sum"].to(self.device)

    def _save(self) -> None:
        state: dict[str, Any] = {"stage": self.stage, "step": self.step, "history": self.history, "best": self.best}
        state |= {"precision": self.precision}
        if self.stage != "done":
            state |= {"net": self.net.state_dict(), "ema": self.ema.net.state_dict(), "loss_sum": self.loss_sum}
            state |= {"optimiser": self.optimiser.state_dict()}
        save_checkpoint(self.checkpoint, state, self.stamp)

    @property
    def _epochs(self) -> int:
        return self.settings.epochs if self.stage == "float" else self.settings.qat_epochs

    def _run_stage(self) -> None:
        steps, batch = self._epochs * self.steps_per_epoch, self.settings.batch
        order: Tensor | None = None
        saved = ticked = started = time.monotonic()
        started_at = self.step
        while self.step < steps:
            epoch, i = divmod(self.step, self.steps_per_epoch)
            if order is None or i == 0:
                order = self._order(epoch)
            self._train_step(order[i * batch : (i + 1) * batch], steps)
            self.step += 1
            if i + 1 == self.steps_per_epoch:
                self._end_epoch(epoch)
            now = time.monotonic()
            ended = i + 1 == self.steps_per_epoch
            if ended or now - ticked >= TICK_SECONDS:
                self._seconds[self.stage] = (now - started) / (self.step - started_at)
                self._report(self.history[-1] if ended else {"loss": self._mean_loss()})
                ticked = now
            if ended or now - saved >= self.settings.checkpoint_seconds:
                self._mean_loss()  # a training that has diverged must not replace a good checkpoint
                self._save()
                saved = now

    def _train_step(self, batch: Tensor, steps: int) -> None:
        s = self.settings
        top = s.lr if self.stage == "float" else s.qat_lr
        for group in self.optimiser.param_groups:
            group["lr"] = top * optim.cosine(self.step, steps, round(s.warmup * self.steps_per_epoch))
        x = self.data.augmented(batch, self.input_settings, self._generator(STAGES.index(self.stage), self.step))
        y = self.labels[batch.to(self.device)]
        share, partner = self._mixing(len(batch))
        x = x if share == 1 else torch.lerp(x[partner], x, share)
        with autocast(self.device, self.precision):
            guide = None
            if self.teacher is not None and s.distill_weight:
                with torch.no_grad():
                    guide = self.teacher(x)
            logits = self.net(x)
        loss = self.loss(logits, y, guide)
        if share < 1:
            loss = share * loss + (1 - share) * self.loss(logits, y[partner], guide)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.ema.update(self.step)
        self.loss_sum += loss.detach()

    def _mixing(self, n: int) -> tuple[float, Tensor]:
        """This step's mixup: the share of each example, and whom the rest of it comes from `[n]`."""
        if not self.settings.mixup:
            return 1.0, torch.arange(n)
        rng = np.random.default_rng([self.seed, STAGES.index(self.stage), self.step, MIXING])
        return float(rng.beta(self.settings.mixup, self.settings.mixup)), torch.from_numpy(rng.permutation(n)).to(self.device)

    def _mean_loss(self) -> float:
        """Over the steps of this epoch so far. Raises `TrainingError` if it is not a number."""
        mean = float(self.loss_sum) / (self.step % self.steps_per_epoch or self.steps_per_epoch)
        if not math.isfinite(mean):
            name, value = ("lr", self.settings.lr) if self.stage == "float" else ("qat_lr", self.settings.qat_lr)
            where = f"in epoch {(self.step - 1) // self.steps_per_epoch + 1} of the {self.stage} stage"
            raise TrainingError(
                f"training: the loss became {mean} {where}; lower {name} (now {value}) or set precision = 'fp32'"
            )
        return mean

    def _end_epoch(self, epoch: int) -> None:
        loss = self._mean_loss()
        score = self.data.evaluate(predict(self.ema.net, self.val_inputs), "val")
        record = {"stage": self.stage, "epoch": epoch + 1, "loss": loss, f"val_{score.metric}": score.value}
        self.history.append(record)
        if self.stage not in self.best or score.value >= self.best[self.stage]["score"]:
            state = {k: v.detach().cpu().clone() for k, v in self.ema.net.state_dict().items()}
            self.best[self.stage] = {"score": score.value, "epoch": epoch + 1, "state": state}
        self.loss_sum.zero_()
        lines = "".join(json.dumps(record) + "\n" for record in self.history)
        path = self.directory / "history.jsonl"
        try:
            write_atomic(path, lines)
        except OSError as e:
            raise FileError(f"{path}: cannot write ({e.strerror or e}); free space and run again to continue") from e

    def _report(self, metrics: Mapping[str, Any]) -> None:
        done = self.step + (self.settings.epochs * self.steps_per_epoch if self.stage == "quantised" else 0)
        steps = (self.settings.epochs + self.settings.qat_epochs) * self.steps_per_epoch
        pace = self._seconds[self.stage]
        later = self.settings.qat_epochs * self.steps_per_epoch if self.stage == "float" else 0
        left = pace * (steps - done - later) + self._seconds.get("quantised", pace) * later
        metrics = {k: v for k, v in metrics.items() if k != "stage"}
        stage = "train" if self.stage == "float" else "train quantised"
        self.progress({"stage": stage, "step": done, "steps": steps, "seconds_left": left, **metrics})

    def _order(self, epoch: int) -> Tensor:
        rng = np.random.default_rng([self.seed, STAGES.index(self.stage), epoch])
        return torch.from_numpy(self.data.epoch(rng))

    def _generator(self, *numbers: int) -> torch.Generator:
        seed = int(np.random.SeedSequence([self.seed, *numbers]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.Generator(self.device).manual_seed(seed)

    def _calibration(self) -> list[Tensor]:
        order, batch = self._order(0), self.settings.batch
        rows = [order[i * batch : (i + 1) * batch] for i in range(self.settings.calibration_batches)]
        return [
            self.data.augmented(r, self.input_settings, self._generator(CALIBRATION, i)) for i, r in enumerate(rows) if len(r)
        ]


def _stamp(
    arch: Arch,
    data: TaskData,
    input_settings: Mapping[str, int],
    settings: TrainSettings,
    seed: int,
    init: Mapping[str, Tensor] | None,
    teacher: nn.Module | None,
) -> str:
    """Hash of all that decides the result."""
    chosen = {k: v for k, v in asdict(settings).items() if k not in (*WITHOUT_EFFECT, "device")}
    sizes = [data.size(s) for s in ("train", "val")]
    facts = [
        arch.to_json(),
        sorted(input_settings.items()),
        chosen,
        seed,
        data.name,
        data.classes,
        data.source,
        data.metric,
        sizes,
    ]
    h = hashlib.blake2b(json.dumps(facts).encode(), digest_size=16)
    for state in (init or {}, {} if teacher is None else teacher.state_dict()):
        for name in sorted(state):
            h.update(name.encode())
            h.update(state[name].detach().cpu().double().numpy().tobytes())
    return h.hexdigest()
