"""`TrainSettings`: what can be chosen about a training. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from micronets.errors import SpecError

WITHOUT_EFFECT = ("checkpoint_seconds",)
"""Settings of a search or a training that change nothing about its result: they may differ when it is taken up again."""


@dataclass(frozen=True)
class TrainSettings:
    """How to train; the defaults are for keyword spotting.

    epochs, qat_epochs: passes over the training split in float, then with quantisation simulated (0: float only).
    batch: examples a step.
    optimiser: adamw or sgd (Nesterov), of the float stage; the other stage always uses adamw.
    lr, qat_lr: highest learning rates, from which each stage falls along a cosine. warmup: epochs of a linear rise first.
    weight_decay: of convolution and matrix weights.
    label_smoothing: share of the label spread over all classes.
    mixup: examples of a batch are mixed in pairs, inputs and labels alike, by a share drawn from Beta(mixup, mixup) (Zhang
        et al. 2018); 0: not at all.
    ema_decay: of the averaged weights, which are the ones judged and kept.
    distill_weight, distill_temperature: share of the loss that follows a teacher, where there is one.
    calibration_batches: augmented batches on which ranges are first observed.
    precision: auto, fp32 or bf16. device: auto, cpu or cuda.
    checkpoint_seconds: a checkpoint is written at the end of an epoch, and when this much time has passed within one.
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
    ema_decay: float = 0.998
    distill_weight: float = 0.7
    distill_temperature: float = 2.0
    calibration_batches: int = 4
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "lr", "qat_lr", "distill_temperature", "calibration_batches"):
            if not getattr(self, name) > 0:
                raise SpecError(f"train: {name} = {getattr(self, name)}; need more than 0")
        for name in ("qat_epochs", "warmup", "weight_decay", "mixup", "checkpoint_seconds"):
            if not getattr(self, name) >= 0:
                raise SpecError(f"train: {name} = {getattr(self, name)}; need 0 or more")
        for name in ("label_smoothing", "ema_decay", "distill_weight"):
            top = 1.0 if name == "distill_weight" else 0.99999
            if not 0 <= getattr(self, name) <= top:
                raise SpecError(f"train: {name} = {getattr(self, name)}; a share from 0 to {'1' if top == 1 else 'below 1'}")
        for name, allowed in (("optimiser", ("adamw", "sgd")), ("precision", ("auto", "fp32", "bf16"))):
            if getattr(self, name) not in allowed:
                raise SpecError(f"train: {name} = '{getattr(self, name)}'; allowed: {', '.join(allowed)}")
