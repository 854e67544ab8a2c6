"""Parts that a search and a training share: optimiser, learning rate schedule, weight averaging and loss."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Generic, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Optimiser = Literal["adamw", "sgd"]
Module = TypeVar("Module", bound=nn.Module)


def make_optimiser(net: nn.Module, kind: Optimiser, weight_decay: float) -> torch.optim.Optimizer:
    """Makes the optimiser of a network's parameters, with a learning rate of 0 that the caller sets at every step.

    - `kind`: `adamw` (Loshchilov and Hutter 2019; betas 0.9 and 0.99) or `sgd` (Nesterov's momentum of 0.9).
    - `weight_decay`: decay of the weights of convolutions and matrices; biases, batch norm and learnt ranges have none.
    """
    decays = [p for n, p in net.named_parameters() if p.ndim > 1 and not n.startswith("quantizer.")]
    chosen = {id(p) for p in decays}
    rest = [p for p in net.parameters() if id(p) not in chosen]
    groups = [{"params": decays, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), fused=True)


def cosine_schedule(step: int, steps: int, warmup: int) -> float:
    """Returns the learning rate at `step`, as a share, 0.01 to 1, of its peak (Loshchilov and Hutter 2017).

    - `step`: from 0 to `steps` - 1.
    - `steps`: steps of the whole training.
    - `warmup`: steps of a linear rise at the start, after which the rate falls along half a cosine to 1 %.
    """
    if step < warmup:
        return (step + 1) / warmup
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


class AveragedNet(Generic[Module]):
    """A copy of a network whose weights are an exponential moving average of the original's (Polyak averaging).

    - `net`: the copy, in evaluation mode and without gradients.
    - `decay`: share of the average that every step keeps, 0 to below 1.
    """

    def __init__(self, net: Module, decay: float) -> None:
        self.net: Module = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay
        pairs = list(zip(self.net.state_dict().values(), net.state_dict().values(), strict=True))
        self._floats = [(average, value) for average, value in pairs if average.is_floating_point()]
        self._others = [(average, value) for average, value in pairs if not average.is_floating_point()]

    def update(self, step: int) -> None:
        """Adds the original's weights to the average.

        The first steps keep less than `decay`, so that the random initial weights are soon forgotten. Integer tensors,
        such as the count of batches of a batch norm, are copied.

        - `step`: the number of the optimiser's step that has just been done, from 0.
        """
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(
                [average for average, _ in self._floats], [value for _, value in self._floats], 1 - decay
            )
            for average, value in self._others:
                average.copy_(value)


class Loss(Protocol):
    """A function of logits `[B, C]`, labels `[B]`, the teacher's logits `[B, C]` or None, and a bool mask `[B]` of the
    examples that are data and were not synthesised; None stands for all of them. Its value is a 0-d tensor."""

    def __call__(
        self, logits: Tensor, labels: Tensor, teacher: Tensor | None, given: Tensor | None = None
    ) -> Tensor: ...


def make_loss(
    label_smoothing: float,
    distill_weight: float,
    temperature: float,
    accepted: Sequence[int] = (),
    made_weight: float = 1.0,
) -> Loss:
    """Makes the loss of a training.

    Its value is the mean over the batch of (1 - w) cross-entropy + w T^2 KL(teacher || student), both
    outputs softened by the temperature T (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", Section
    2). Without a teacher it is the cross-entropy alone. Examples that were made on top of the data follow no teacher.
    Where several classes are right for them, their loss is -ln of the sum of the probabilities of these: nothing is
    spent on which of them it is, and examples that are known already hardly count.

    - `label_smoothing`: share of each label that is spread over all classes, 0 to below 1.
    - `distill_weight`: w, 0 to 1.
    - `temperature`: T, above 0.
    - `accepted`: the classes that are right for every example that was made; none: its label alone.
    - `made_weight`: how many times the loss of an example that was made counts, above 0.
    """

    def loss(logits: Tensor, labels: Tensor, teacher: Tensor | None, given: Tensor | None = None) -> Tensor:
        logits = logits.float()
        if given is not None:
            made = _missed(logits, accepted) if accepted else smoothed(logits, labels, "none")
            return torch.where(given, of_data(logits, labels, teacher, "none"), made_weight * made).mean()
        return of_data(logits, labels, teacher, "mean")

    def smoothed(logits: Tensor, labels: Tensor, reduction: Literal["none", "mean"]) -> Tensor:
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction=reduction)

    def of_data(logits: Tensor, labels: Tensor, teacher: Tensor | None, reduction: Literal["none", "mean"]) -> Tensor:
        """Returns the loss of examples that are data: `[B]`, or its mean."""
        hard = smoothed(logits, labels, reduction)
        if teacher is None or not distill_weight:
            return hard
        mine, taught = F.log_softmax(logits / temperature, 1), F.log_softmax(teacher.float() / temperature, 1)
        if reduction == "none":
            soft = F.kl_div(mine, taught, reduction="none", log_target=True).sum(1)
        else:
            soft = F.kl_div(mine, taught, reduction="batchmean", log_target=True)
        return (1 - distill_weight) * hard + distill_weight * temperature**2 * soft

    return loss


def _missed(logits: Tensor, right: Sequence[int]) -> Tensor:
    """Returns -ln of the probability of the classes `right` together, `[B]`."""
    return logits.logsumexp(1) - logits[:, list(right)].logsumexp(1)
