"""`TrainSettings`: the section [train] of a configuration. This file is read without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from micronets.design.setting_ranges import check_ranges
from micronets.errors import SpecError
from micronets.ranges import check_is_number
from micronets.tasks.base import TaskData
from micronets.tasks.labelled import given_labels


@dataclass(frozen=True)
class TrainSettings:
    """How to train a network; the defaults are for keyword spotting. Raises `SpecError` for a value out of its range.

    - `epochs`: passes over the training split in float, at least 1; in Python also 0, for a network that has weights.
    - `qat_epochs`: further passes with quantisation simulated; 0 trains in float only.
    - `batch`: examples a step, at least 1.
    - `optimiser`: `adamw` or `sgd` (with Nesterov's momentum), of the float stage; the other stage always uses AdamW.
    - `lr`: peak learning rate of the float stage, which then falls along a cosine; above 0.
    - `qat_lr`: peak learning rate of the quantised stage; above 0.
    - `warmup`: epochs of a linear rise of the learning rate at the start of each stage; 0 or more, fractions allowed.
    - `weight_decay`: weight decay of convolutions and matrices, 0 or more.
    - `label_smoothing`: label smoothing: the share of the label that is spread over all classes, 0 to below 1.
    - `mixup`: mixes the examples of a batch in pairs, inputs and labels alike, with a share drawn from Beta(mixup,
      mixup) (Zhang et al. 2018); 0 mixes none.
    - `cutmix`: probability, 0 to 1, that a step instead replaces a part of each example by that of its partner, a
      rectangle of an image or a time segment of other inputs, and mixes the labels by its area (Yun et al. 2019).
    - `ema_decay`: decay of the moving average of the weights at every step, 0 to below 1; the averages are evaluated
      and kept.
    - `start_share`: share of the quantised stage's initial weights in the weights that are evaluated and kept, 0 to
      below 1; the rest are the averaged ones. Training that continues from a finished network then learns what is new,
      such as negatives, and forgets less of what it knew (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
      models").
    - `distill_weight`: share of the loss that follows the teacher, if there is one; 0 to 1.
    - `hint_weight`: weight in the loss of the squared distance between an intermediate map of the network and one of
      the teacher's, which is standardised (`design/hints.py`); 0 or more. It helps if there are few examples and
      classes.
    - `made_weight`: how many times an example counts in the loss that was synthesised on top of the data, such as a
      negative of keyword spotting; above 0. More makes fewer false alarms and costs accuracy on words.
    - `distill_temperature`: temperature by which the outputs of teacher and network are divided for that share; above
      0.
    - `calibration_batches`: augmented batches on which the ranges of all tensors are first observed, at least 1.
    - `precision`: `fp32`, `bf16` or `auto`, which is `bf16` if the hardware multiplies it natively. In `bf16`, a
      convolution that this CPU computes wrongly is computed in float32.
    - `device`: `cpu`, `cuda` or `auto`, which is the GPU if there is one.
    - `checkpoint_seconds`: a checkpoint is written at the end of every epoch, and within one when this much time has
      passed since the last one.
    """

    epochs: int = 60
    qat_epochs: int = 15
    batch: int = 256
    optimiser: Literal["adamw", "sgd"] = "adamw"
    lr: float = 5e-3
    qat_lr: float = 5e-4
    warmup: float = 1.0
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    mixup: float = 0.0
    cutmix: float = 0.0
    ema_decay: float = 0.998
    start_share: float = 0.0
    distill_weight: float = 0.7
    hint_weight: float = 0.0
    distill_temperature: float = 2.0
    made_weight: float = 1.0
    calibration_batches: int = 4
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        check_ranges(
            "train",
            self,
            positive=("batch", "lr", "qat_lr", "distill_temperature", "made_weight", "calibration_batches"),
            not_negative=(
                "epochs",
                "qat_epochs",
                "warmup",
                "weight_decay",
                "mixup",
                "hint_weight",
                "checkpoint_seconds",
            ),
        )
        for name in ("label_smoothing", "ema_decay", "start_share", "distill_weight", "cutmix"):
            top = 1.0 if name in ("distill_weight", "cutmix") else 0.99999
            check_is_number(f"train: {name}", getattr(self, name))
            if not 0 <= getattr(self, name) <= top:
                raise SpecError(
                    f"train: {name} = {getattr(self, name)}; a share from 0 to {'1' if top == 1 else 'below 1'}"
                )


def check_made_weight(settings: TrainSettings, data: TaskData) -> None:
    """Raises `SpecError` if the settings weight synthesised examples and the train split of the data has none."""
    if settings.made_weight != 1 and len(given_labels(data, "train")) == data.size("train"):
        raise SpecError(
            f"train: made_weight = {settings.made_weight:g}: no examples are made on top of these data; leave it out, "
            "or set data.negatives where the task has it"
        )
