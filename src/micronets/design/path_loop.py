"""`PathLoop`: the training steps of a supernet for one search, each of which trains a single network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from micronets.design import optim, processes
from micronets.design.dnas_loop import SearchLoop, input_settings
from micronets.design.torch_ops import autocast
from micronets.errors import TrainingError
from micronets.ir.space import derive


class PathLoop(SearchLoop):
    """The training of a supernet for one search, one network per step; its checkpoints are those of `SearchLoop`.

    - `within`: the networks that a step may train, all of which meet the limits.
    - `finalists`: the origin and the values of the networks left at the end of a search (`shared_finals`); empty
      before.
    - `sizes`: the number of networks in each round of the end.
    - `round`: completed rounds of the end.
    """

    kept = (*SearchLoop.kept, "finalists", "sizes", "round")
    within: Sequence[Mapping[str, int]] = ()
    finalists: Sequence[Mapping[str, Any]] = ()
    sizes: Sequence[int] = ()
    round: int = 0

    def chosen(self) -> dict[str, int]:
        """Returns the network of the last step, whose costs the history records."""
        return dict(self._drawn(max(0, self.step - 1)))

    def _drawn(self, step: int) -> Mapping[str, int]:
        """Returns the network that a step trains."""
        return self.within[int(np.random.SeedSequence([self.seed, step]).generate_state(1)[0]) % len(self.within)]

    def train_step(self, batch: Tensor, step: int) -> tuple[float, int]:
        """Trains the shared weights by one step (see `SearchLoop.train_step`)."""
        values = self._drawn(step)
        x, y = self.begin_step(batch, step, values)
        logits = self.logits(x, values)
        share = self.group.share(len(batch))
        loss = share * F.cross_entropy(logits, y, label_smoothing=self.settings.label_smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        return self.end_step(loss, logits, y, step)

    def begin_step(self, batch: Tensor, step: int, shapes: Mapping[str, int]) -> tuple[Tensor, Tensor]:
        """Sets the learning rate of a step and clears the gradients.

        - `batch`: indices of training examples `[B]`.
        - `step`: the number of the step, from 0.
        - `shapes`: values that include those of all shape choices.

        Returns the augmented inputs `[rows, H, W, C]` and the labels `[rows]` of the examples that this process
        computes: all of them, unless several processes work together.
        """
        seed = int(np.random.SeedSequence([self.seed, step]).generate_state(2, np.uint64)[1]) >> 1
        noise = torch.Generator(self.device).manual_seed(seed)
        for group in self.weight_optimiser.param_groups:
            group["lr"] = self.settings.lr * optim.cosine_schedule(step, self.steps, self.rise)
        self.weight_optimiser.zero_grad(set_to_none=True)
        x = self.data.augmented(batch, input_settings(self.data, shapes), noise)
        rows = self.group.rows(len(batch))
        return x[rows], self.labels[batch[rows].to(self.device)]

    def end_step(self, loss: Tensor, logits: Tensor, labels: Tensor, step: int) -> tuple[float, int]:
        """Does the optimiser's step; returns the loss and the number of examples classified correctly.

        The arguments are those of this process's rows; the result is that of the whole batch. Raises `TrainingError` if
        the loss is not a number.
        """
        self.group.sum_gradients(self.supernet.parameters())
        self.weight_optimiser.step()
        whole, right = self.summed(loss, logits, labels)
        value, lr = float(whole), self.settings.lr
        if not math.isfinite(value):
            raise TrainingError(f"search: the loss became {value} in step {step + 1}; lower search.lr (now {lr})")
        return value, right

    def logits(self, x: Tensor, values: Mapping[str, int]) -> Tensor:
        """Computes the logits `[rows, classes]` of one network of the supernet, as float32."""
        with autocast(self.device, self.precision), processes.divided():
            return self.supernet.compute(x, derive(self.supernet.space, values)).float()
