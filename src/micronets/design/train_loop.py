"""`TrainLoop`: the steps of a training, and the state between two steps, which a checkpoint holds.

Every random number of a step comes from a generator seeded by (seed, stage, step). So there is no generator state to
store, and a step always sees the same batch, however often the training was interrupted.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from micronets.design import fakequant, optim, processes
from micronets.design.checkpoint import load_checkpoint, readable_state, save_checkpoint
from micronets.design.data_digest import data_digest
from micronets.design.hints import Hint, TeacherOutputs, WithMaps, learner_of, richest_map
from micronets.design.mixing import Mixing, draw_mixing
from micronets.design.net import Net, load_float, map_names
from micronets.design.predict import predict_together
from micronets.design.setting_ranges import WITHOUT_EFFECT
from micronets.design.torch_ops import Precision, autocast, pick_device, pick_precision
from micronets.design.train_settings import TrainSettings
from micronets.errors import DataError, FileError, SpecError, TrainingError
from micronets.history import TrainEpoch, TrainStage, train_epoch
from micronets.ir.arch import Arch
from micronets.progress import Progress, StepEvent
from micronets.records import to_json, write_lines
from micronets.tasks import Score, TaskData
from micronets.tasks.base import MakeView
from micronets.tasks.labelled import classes_of_made, given_labels

TRAIN_STAGES: tuple[TrainStage, ...] = get_args(TrainStage)
MIXING_SEED = 1  # the last number of the seed that draws a step's mixing; other draws of the step lack it
CALIBRATION_SEED = 2  # takes the place of the stage's number in the seed of calibration batches
TRAIN_REPORT_SECONDS = 1.0  # the least time between two progress reports within an epoch


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """Everything that decides the result of a training.

    - `arch`: the network to train.
    - `data`: examples and metric of the task.
    - `input_settings`: settings of the front end by name, such as the stride between frames; they decide the input's
      shape.
    - `settings`: the section `[train]`, with epochs and learning rates.
    - `seed`: seed of the initial weights and of all random draws.
    - `init`: float weights to start from, by the names of `Net`'s state dict; None starts from random ones.
    - `teacher`: a network that maps the inputs to logits of the same classes, which the trained network also learns to
      imitate, except on synthesised examples; None trains on the labels alone.
    - `teacher_view`: makes the teacher's inputs; None: the teacher gets those of the trained network.
    - `teacher_views`: number of augmented forms of every example, used in turn, for each of which the teacher's outputs
      are computed once and cached; 0 augments it again in every epoch.
    """

    arch: Arch
    data: TaskData
    input_settings: Mapping[str, int]
    settings: TrainSettings
    seed: int
    init: Mapping[str, Tensor] | None = None
    teacher: nn.Module | None = None
    teacher_view: MakeView | None = None
    teacher_views: int = 0

    def fingerprint(self) -> str:
        """Returns the hash of everything that decides the result, computed once; checkpoints carry it."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        decisive = {k: v for k, v in asdict(self.settings).items() if k not in (*WITHOUT_EFFECT, "device")}
        facts: list[Any] = [
            self.arch.to_json(),
            sorted(self.input_settings.items()),
            decisive,
            self.seed,
            data_digest(self.data, self.input_settings),
        ]
        if self.teacher_views:
            facts.append(self.teacher_views)
        hash_ = hashlib.blake2b(json.dumps(facts).encode(), digest_size=16)
        if self.teacher_view is not None:
            seen = self.teacher_view(torch.arange(min(4, self.data.size("train"))), torch.Generator().manual_seed(0))
            hash_.update(seen.cpu().contiguous().numpy().tobytes())
        for state in (self.init or {}, {} if self.teacher is None else self.teacher.state_dict()):
            for name in sorted(state):
                hash_.update(name.encode())
                hash_.update(state[name].detach().cpu().double().numpy().tobytes())
        return hash_.hexdigest()


@dataclass(frozen=True, eq=False)
class BestEpoch:
    """The best epoch of a stage, or its initial weights if it has no epochs.

    - `score`: the task's metric on the validation split, 0 to 1.
    - `epoch`: its number, from 1; 0 for initial weights.
    - `state`: the state dict of the averaged network at its end.
    """

    score: float
    epoch: int
    state: dict[str, Tensor]


class TrainLoop:
    """A training through the stages of `TRAIN_STAGES`, from its start or from the checkpoint in its directory.

    - `stage`: the current stage, "float" or "quantised"; "done" after the last.
    - `step`: steps done in the current stage.
    - `start`: the state dict with which the quantised stage began, if `start_share` needs it; otherwise empty.
    - `best`: the best epoch of each stage that has begun.
    - `history`: one record per completed epoch.
    - `group`: the processes that compute the steps together.

    The arguments and errors are those of `train.train_network`.
    """

    def __init__(self, job: TrainingJob, directory: Path, progress: Progress | None = None) -> None:
        if not job.data.size("val"):
            raise DataError("the data have no validation examples; the best epoch is chosen on them")
        settings = job.settings
        if settings.epochs == 0 and job.init is None:
            raise SpecError("train: epochs = 0 leaves random weights; give at least 1, or a network that has weights")
        self.job, self.data, self.settings = job, job.data, settings
        self.directory, self.progress = directory, progress or (lambda _: None)
        self.device = pick_device(settings.device)
        self.precision: Precision = pick_precision(settings.precision, self.device)
        self.teacher = None if job.teacher is None else job.teacher.to(self.device).eval()
        self.loss = optim.make_loss(
            settings.label_smoothing,
            settings.distill_weight,
            settings.distill_temperature,
            classes_of_made(job.data),
            settings.made_weight,
        )
        self.labels = torch.from_numpy(job.data.labels("train")).to(self.device)
        self.given = len(given_labels(job.data, "train"))  # later examples were synthesised for the training
        self.val_inputs = job.data.inputs("val", job.input_settings)
        self.stage: TrainStage | Literal["done"] = "float"
        self.steps_per_epoch = max(1, len(self._order(0)) // settings.batch)
        self.stamp = job.fingerprint()
        self.group = processes.group()
        self.group.check_batch(min(settings.batch, len(self._order(0))), "train")
        self.group.check_alike(self.stamp)
        self.history: list[TrainEpoch] = []
        self.start: dict[str, Tensor] = {}
        self.best: dict[str, BestEpoch] = {}
        self._seconds_per_step: dict[str, float] = {}  # by stage
        self._cached_outputs: dict[int, TeacherOutputs] = {}  # for batches that are used again, by their number
        self.hint = self._make_hint()
        state = load_checkpoint(self.checkpoint, torch.device("cpu"), self.stamp)
        if state is None:
            self._begin("float")
        else:
            with readable_state(self.checkpoint):
                self._resume(state)

    @property
    def checkpoint(self) -> Path:
        """The path of the checkpoint, which exists once something was saved."""
        return self.directory / "checkpoint.pt"

    def run(self) -> None:
        """Does all remaining steps, and saves checkpoints on the way."""
        while self.stage != "done":
            self._run_stage()
            self._begin("quantised" if self.stage == "float" and self.settings.qat_epochs else "done")
            self._save()

    def _begin(self, stage: TrainStage | Literal["done"]) -> None:
        """Makes the network that `stage` starts from, and an optimiser for it."""
        self.stage, self.step, self.loss_sum = stage, 0, torch.zeros((), device=self.device)
        if stage == "done":
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.job.seed)
            net = Net(self.job.arch)
        if stage == "float" and self.job.init is not None:
            load_float(net, self.job.init)
        net.to(self.device)
        if stage == "quantised":
            load_float(net, self.best["float"].state)
            fakequant.attach(net, self._calibration_batches())
            if self.settings.start_share:
                self.start = {k: v.detach().clone() for k, v in net.state_dict().items()}
        self._set_net(net)
        if self._epochs == 0:  # the next stage begins with the initial weights
            self._keep_if_best(0)

    def _set_net(self, net: Net) -> None:
        """Makes `net` the network that is trained, with a new optimiser and a new average."""
        quantised = self.stage == "quantised"
        self.net = net.train(not quantised)  # folded batch norm keeps its statistics
        kind = "adamw" if quantised else self.settings.optimiser
        self.optimiser = optim.make_optimiser(net, kind, self.settings.weight_decay)
        if self.hint is not None:
            self.optimiser.add_param_group({"params": list(self.hint.parameters()), "weight_decay": 0.0})
        self.average = optim.AveragedNet(net, self.settings.ema_decay)

    def _resume(self, state: dict[str, Any]) -> None:
        """Continues from what `_save` wrote."""
        self.history = [train_epoch(table) for table in state["history"]]
        self.best = {name: BestEpoch(**table) for name, table in state["best"].items()}
        self.precision = state["precision"]
        self._begin("done")
        self.stage, self.step = state["stage"], state["step"]
        if self.stage == "done":
            return
        net = Net(self.job.arch).to(self.device)
        if self.stage == "quantised":
            fakequant.attach(net)
        net.load_state_dict(state["net"])
        self._set_net(net)
        if self.hint is not None:
            self.hint.load_state_dict(state["hint"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.net.load_state_dict(state["ema"])
        self.start = {k: v.to(self.device) for k, v in state.get("start", {}).items()}
        self.loss_sum = state["loss_sum"].to(self.device)

    def _save(self) -> None:
        """Writes the checkpoint."""
        best = {name: vars(found) for name, found in self.best.items()}
        state: dict[str, Any] = {"stage": self.stage, "step": self.step, "best": best, "precision": self.precision}
        state |= {"history": to_json(self.history)}
        if self.stage != "done":
            state |= {"net": self.net.state_dict(), "ema": self.average.net.state_dict(), "loss_sum": self.loss_sum}
            state |= {"optimiser": self.optimiser.state_dict(), "start": self.start}
            if self.hint is not None:
                state["hint"] = self.hint.state_dict()
        save_checkpoint(self.checkpoint, state, self.stamp)

    @property
    def _epochs(self) -> int:
        """Epochs of the current stage."""
        return self.settings.epochs if self.stage == "float" else self.settings.qat_epochs

    def _run_stage(self) -> None:
        """Does the remaining steps of the current stage."""
        steps, batch = self._epochs * self.steps_per_epoch, self.settings.batch
        order: Tensor | None = None
        saved = reported = started = time.monotonic()
        first_step = self.step
        while self.step < steps:
            epoch, i = divmod(self.step, self.steps_per_epoch)
            if order is None or i == 0:
                order = self._order(self._repeated_epoch(epoch))
            self._train_step(order[i * batch : (i + 1) * batch], steps)
            self.step += 1
            if i + 1 == self.steps_per_epoch:
                self._end_epoch(epoch)
            now = time.monotonic()
            ended = i + 1 == self.steps_per_epoch
            if ended or now - reported >= TRAIN_REPORT_SECONDS:
                self._seconds_per_step[self.stage] = (now - started) / (self.step - first_step)
                self._report(_figures(self.history[-1]) if ended else {"loss": self._mean_loss()})
                reported = now
            if ended or now - saved >= self.settings.checkpoint_seconds:
                self._mean_loss()  # a training that has diverged must not replace a good checkpoint
                self._save()
                saved = now

    def _train_step(self, batch: Tensor, steps: int) -> None:
        """Does one step on the examples of `batch` (indices `[B]` into the training split); the stage has `steps`."""
        s = self.settings
        highest = s.lr if self.stage == "float" else s.qat_lr
        for group in self.optimiser.param_groups:
            group["lr"] = highest * optim.cosine_schedule(self.step, steps, round(s.warmup * self.steps_per_epoch))
        epoch, i = divmod(self.step, self.steps_per_epoch)
        number = self._repeated_epoch(epoch) * self.steps_per_epoch + i
        inputs = self.data.augmented(batch, self.job.input_settings, self._generator(self._seed_of_stage, number))
        y = self.labels[batch.to(self.device)]
        mixing = self._draw_mixing(len(batch))
        rows = self.group.rows(len(batch))  # those that this process computes
        x = mixing.mixed(inputs)[rows]
        with autocast(self.device, self.precision), processes.divided():
            taught = self._outputs_of_teacher(batch, number, inputs, mixing)
            if self.hint is None:
                logits, features = self.net(x), None
            else:
                logits, maps = self.net.with_maps(x, (self.hint.learner,))
                features = maps[self.hint.learner]
        given = None if self.given == len(self.labels) else batch.to(self.device) < self.given
        loss = self._loss(logits, features, y, taught[0], given)
        if mixing.share < 1:
            others = None if given is None else given[mixing.partner]
            partners = self._loss(logits, features, y[mixing.partner], taught[1], others)
            loss = mixing.share * loss + (1 - mixing.share) * partners
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.group.sum_gradients(p for group in self.optimiser.param_groups for p in group["params"])
        self.optimiser.step()
        self.average.update(self.step)
        self.loss_sum += self.group.sum(loss.detach())

    def _loss(
        self,
        logits: Tensor,
        features: Tensor | None,
        labels: Tensor,
        taught: TeacherOutputs | None,
        given: Tensor | None,
    ) -> Tensor:
        """Returns the loss of a batch: that of its outputs, plus the weighted distance of its map from the teacher's.

        If several processes work together, it is this process's part of the loss; the parts are summed.

        - `logits`, `features`: of the rows that this process computes.
        - `labels`: of the whole batch `[B]`.
        - `taught`: the teacher's outputs for the whole batch.
        - `given`: a mask `[B]` of the examples that are data, on which the teacher is followed; None: all.
        """
        rows, share = self.group.rows(len(labels)), self.group.share(len(labels))
        mine = None if given is None else given[rows]
        loss = share * self.loss(logits, labels[rows], None if taught is None else taught.logits[rows], mine)
        if self.hint is None or features is None or taught is None or taught.hint is None:
            return loss
        theirs = taught.hint[rows]
        if given is not None and mine is not None:
            features, theirs = features[mine], theirs[mine]
            if not len(features):
                return loss
            share = len(features) / int(given.sum())
        distance: Tensor = self.hint(features, theirs)
        return loss + share * self.settings.hint_weight * distance

    def _make_hint(self) -> Hint | None:
        """Makes the `Hint`; the teacher's maps of the first batches decide which map is learnt, and its scaling.

        Returns None if no map is learnt. Raises `SpecError` for a teacher that does not return maps.
        """
        if not self.settings.hint_weight or self.teacher is None:
            return None
        if not isinstance(self.teacher, WithMaps):
            raise SpecError("train: hint_weight needs a teacher that returns its maps, as those of [teacher] do")
        names, seen = self.teacher.map_names(), []
        for inputs in self._calibration_batches(self.job.teacher_view):
            with torch.no_grad():
                seen.append(self.teacher.with_maps(inputs, names)[1])
        examples = {name: torch.cat([maps[name] for maps in seen]) for name in names}
        name = richest_map(examples)
        learner = learner_of(self.job.arch, map_names(self.job.arch.steps()), examples[name].shape[2:])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.job.seed)
            hint = Hint(name, learner, self.job.arch.shapes()[learner][2], examples[name])
        return hint.to(self.device)

    def _repeated_epoch(self, epoch: int) -> int:
        """Returns the epoch whose order and augmentation `epoch` of the current stage repeats; both count from 0."""
        views = self.job.teacher_views if self._has_teacher else 0
        return epoch % views if views else epoch

    @property
    def _has_teacher(self) -> bool:
        """Returns whether the training uses a teacher."""
        return self.teacher is not None and (self.settings.distill_weight > 0 or self.settings.hint_weight > 0)

    @property
    def _seed_of_stage(self) -> int:
        """The stage's number in the seeds of order and augmentation.

        If views are reused it is 0, that of the float stage.
        """
        return 0 if self._has_teacher and self.job.teacher_views else TRAIN_STAGES.index(self.stage)

    def _outputs_of_teacher(
        self, batch: Tensor, number: int, inputs: Tensor, mixing: Mixing
    ) -> tuple[TeacherOutputs | None, TeacherOutputs | None]:
        """Returns the teacher's outputs for the two parts of the loss; None and None without a teacher.

        - `batch`: the indices of the examples `[B]`.
        - `number`: the number of the batch, which decides the augmentation of its examples.
        - `inputs`: the inputs of the trained network, before they are mixed.
        - `mixing`: how the batch is mixed. A reused batch is not mixed for the teacher, which answers for each example
          of a pair separately.
        """
        if not self._has_teacher or self.teacher is None:
            return None, None
        kept = self.job.teacher_views > 0
        found = self._cached_outputs.get(number) if kept else None
        if found is None:
            view = self.job.teacher_view
            seen = inputs if view is None else view(batch, self._generator(self._seed_of_stage, number))
            found = self._run_teacher(seen if kept else mixing.mixed(seen))
            if kept:
                self._cached_outputs[number] = found
        return found, found.of(mixing.partner) if kept and mixing.share < 1 else found

    def _run_teacher(self, seen: Tensor) -> TeacherOutputs:
        """Computes the teacher's outputs for inputs `[B, H, W, C]`, and its map if that is learnt.

        Each process computes the teacher on its own rows; all get the outputs for all rows.
        """
        assert self.teacher is not None
        size = len(seen)
        seen = seen[self.group.rows(size)]
        with torch.no_grad():
            if self.hint is None or not isinstance(self.teacher, WithMaps):
                return TeacherOutputs(self.group.whole(self.teacher(seen), size))
            logits, maps = self.teacher.with_maps(seen, (self.hint.name,))
            hint = self.hint.of_teacher(maps[self.hint.name])
            return TeacherOutputs(self.group.whole(logits, size), self.group.whole(hint, size).half())

    def _draw_mixing(self, examples: int) -> Mixing:
        """Draws how this step mixes its examples."""
        s, shape = self.settings, self.data.input_shape(self.job.input_settings)
        rng = np.random.default_rng([self.job.seed, TRAIN_STAGES.index(self.stage), self.step, MIXING_SEED])
        return draw_mixing(examples, shape, s.mixup, s.cutmix, rng, self.device)

    def _mean_loss(self) -> float:
        """Returns the mean loss over the steps of this epoch so far. Raises `TrainingError` if it is not a number."""
        mean = float(self.loss_sum) / (self.step % self.steps_per_epoch or self.steps_per_epoch)
        if not math.isfinite(mean):
            name, value = ("lr", self.settings.lr) if self.stage == "float" else ("qat_lr", self.settings.qat_lr)
            where = f"in epoch {(self.step - 1) // self.steps_per_epoch + 1} of the {self.stage} stage"
            raise TrainingError(
                f"training: the loss became {mean} {where}; lower {name} (now {value}) or set precision = 'fp32'"
            )
        return mean

    def _end_epoch(self, epoch: int) -> None:
        """Evaluates the averaged network, keeps it if it is the best so far, and writes the history."""
        loss = self._mean_loss()
        score = self._keep_if_best(epoch + 1)
        assert self.stage != "done"
        self.history.append(
            TrainEpoch(stage=self.stage, epoch=epoch + 1, loss=loss, metric=score.metric, score=score.value)
        )
        self.loss_sum.zero_()
        path = self.directory / "history.jsonl"
        try:
            write_lines(path, self.history)
        except OSError as e:
            raise FileError(f"{path}: cannot write ({e.strerror or e}); free space and run again to continue") from e

    def _keep_if_best(self, epoch: int) -> Score:
        """Evaluates the averaged network after an epoch, from 1, keeps it if it is the best, and returns its score."""
        net = self._evaluated()
        logits = predict_together(net, self.val_inputs)
        score = self.group.agreed(lambda: self.data.evaluate(logits, "val"))
        if self.stage not in self.best or score.value >= self.best[self.stage].score:
            state = {k: v.detach().cpu().clone() for k, v in net.state_dict().items()}
            self.best[self.stage] = BestEpoch(score.value, epoch, state)
        return score

    def _evaluated(self) -> Net:
        """Returns the averaged network, mixed with the stage's initial weights if `start_share` asks for it."""
        if not self.start:
            return self.average.net
        net = copy.deepcopy(self.average.net)
        with torch.no_grad():
            for name, value in net.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(self.start[name], self.settings.start_share)
        return net

    def _report(self, figures: Mapping[str, float]) -> None:
        """Reports the progress over both stages, and figures by name.

        A stage that has not begun is assumed to be as fast as this one.
        """
        done = self.step + (self.settings.epochs * self.steps_per_epoch if self.stage == "quantised" else 0)
        steps = (self.settings.epochs + self.settings.qat_epochs) * self.steps_per_epoch
        seconds = self._seconds_per_step[self.stage]
        later = self.settings.qat_epochs * self.steps_per_epoch if self.stage == "float" else 0
        left = seconds * (steps - done - later) + self._seconds_per_step.get("quantised", seconds) * later
        stage = "train" if self.stage == "float" else "train quantised"
        self.progress(StepEvent(stage, done, steps, left, figures))

    def _order(self, epoch: int) -> Tensor:
        """Returns the indices of the training examples in the order of an epoch (from 0) of the current stage."""
        rng = np.random.default_rng([self.job.seed, self._seed_of_stage, epoch])
        return torch.from_numpy(self.data.epoch(rng))

    def _generator(self, *numbers: int) -> torch.Generator:
        """Returns a random generator, seeded by the job's seed and `numbers`."""
        seed = int(np.random.SeedSequence([self.job.seed, *numbers]).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.Generator(self.device).manual_seed(seed)

    def _calibration_batches(self, view: MakeView | None = None) -> list[Tensor]:
        """Makes the augmented inputs `[B, H, W, C]` on which the ranges of all tensors are first observed.

        - `view`: makes the inputs of another network, the teacher; None: those of this network.
        """
        order, batch = self._order(0), self.settings.batch
        parts = [order[i * batch : (i + 1) * batch] for i in range(self.settings.calibration_batches)]
        settings = self.job.input_settings
        generators = [self._generator(CALIBRATION_SEED, i) for i in range(len(parts))]
        if view is not None:
            return [view(part, g) for part, g in zip(parts, generators, strict=True) if len(part)]
        return [self.data.augmented(part, settings, g) for part, g in zip(parts, generators, strict=True) if len(part)]


def _figures(ended: TrainEpoch) -> dict[str, float]:
    """Returns the figures of an epoch by the names under which its progress is reported."""
    return {"epoch": ended.epoch, "loss": ended.loss, f"val_{ended.metric}": ended.score}
