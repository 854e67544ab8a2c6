"""Optimiser, learning rates and weight averaging of a training."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Optimiser = Literal["adamw", "sgd"]
N = TypeVar("N", bound=nn.Module)


def optimiser(net: nn.Module, kind: Optimiser, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov's momentum; weight decay spares biases, batch norm and learnt ranges."""
    decays = [p for n, p in net.named_parameters() if p.ndim > 1 and not n.startswith("quantizer.")]
    chosen = {id(p) for p in decays}
    rest = [p for p in net.parameters() if id(p) not in chosen]
    groups = [{"params": decays, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), fused=True)


def cosine(step: int, steps: int, warmup: int) -> float:
    """Share of the highest learning rate at `step` of `steps`: a linear rise, then half a cosine down to 1 %."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


class Ema(Generic[N]):
    """A copy of a network whose weights follow those of the original slowly (Polyak averaging)."""

    def __init__(self, net: N, decay: float) -> None:
        self.net: N = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay
        pairs = list(zip(self.net.state_dict().values(), net.state_dict().values(), strict=True))
        self._floats = [(a, b) for a, b in pairs if a.is_floating_point()]
        self._others = [(a, b) for a, b in pairs if not a.is_floating_point()]

    def update(self, step: int) -> None:
        """Call after optimiser step number `step`; early averages are short."""
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_([a for a, _ in self._floats], [b for _, b in self._floats], 1 - decay)
            for a, b in self._others:
                a.copy_(b)


def objective(
    label_smoothing: float, distill_weight: float, temperature: float
) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Loss of (logits `[B, C]`, labels `[B]`, teacher's logits or None).

    Cross-entropy, mixed with `distill_weight` parts of T^2 KL(teacher || student) of outputs softened by the temperature
    (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015).
    """

    def loss(logits: Tensor, labels: Tensor, teacher: Tensor | None) -> Tensor:
        logits = logits.float()
        hard = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        if teacher is None or not distill_weight:
            return hard
        soft = F.kl_div(
            F.log_softmax(logits / temperature, 1),
            F.log_softmax(teacher.float() / temperature, 1),
            reduction="batchmean",
            log_target=True,
        )
        return (1 - distill_weight) * hard + distill_weight * temperature**2 * soft

    return loss
