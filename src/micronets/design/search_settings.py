"""`SearchSettings`: what can be chosen about a search. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from micronets.errors import SpecError


@dataclass(frozen=True)
class SearchSettings:
    """How to search; the defaults are for keyword spotting.

    epochs: passes over the training split. warmup: share of the steps, the first ones, that train weights alone.
    optimiser: adamw or sgd (Nesterov), of the weights.
    batch, lr, weight_decay, label_smoothing: of the weights, with a cosine schedule.
    arch_lr: of the architecture parameters (Adam).
    temperature, final_temperature: of the Gumbel-softmax, annealed geometrically after the warm-up.
    penalty: weight of the limits in the loss.
    precision: auto, fp32 or bf16. device: auto, cpu or cuda.
    checkpoint_seconds: a checkpoint is written at the end of an epoch, and when this much time has passed within one.
    """

    epochs: int = 8
    optimiser: Literal["adamw", "sgd"] = "adamw"
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
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "lr", "arch_lr", "temperature", "final_temperature", "penalty"):
            if getattr(self, name) <= 0:
                raise SpecError(f"search: {name} = {getattr(self, name)}; need more than 0")
        if self.checkpoint_seconds < 0:
            raise SpecError(f"search: checkpoint_seconds = {self.checkpoint_seconds}; need 0 or more")
        if self.optimiser not in ("adamw", "sgd"):
            raise SpecError(f"search: optimiser = '{self.optimiser}'; allowed: adamw, sgd")
        if not 0 <= self.warmup < 1:
            raise SpecError(f"search: warmup = {self.warmup}; a share of the steps from 0 to below 1")
