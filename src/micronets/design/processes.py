"""Several processes that share one search or training: each computes its rows of every batch (data parallelism).

All processes do the same steps, from the same weights. Each makes the whole augmented batch, so that the inputs do not
depend on the number of processes, and computes the loss of its own rows. The gradients are summed over all processes,
and batch norm uses the statistics of the whole batch. So a step equals that of one process within the rounding of
float32. `torch.nn.SyncBatchNorm` works on GPUs only; `batch_norm` works on every device, and also if scale and shift do
not belong to a module, as in a supernet.

Outside a `together` block there is one process, which computes everything, and nothing here changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from micronets.errors import DataError, MicronetsError, SpecError

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """The processes that work together.

    - `rank`: the number of this process, from 0. Process 0 makes every decision and measurement that is made once.
    - `count`: the number of processes.
    """

    rank: int = 0
    count: int = 1

    def rows(self, size: int) -> slice:
        """Returns the rows of a batch of `size` that this process computes; those of all processes cover it."""
        return slice(*self._bounds(size))

    def _bounds(self, size: int) -> tuple[int, int]:
        """Returns the first row of this process, and the end (exclusive) of its rows."""
        return self.rank * size // self.count, (self.rank + 1) * size // self.count

    def share(self, size: int) -> float:
        """Returns the share of a batch of `size`, 0 to 1, that this process computes."""
        first, end = self._bounds(size)
        return (end - first) / size

    def check_batch(self, size: int, section: str) -> None:
        """Raises `SpecError` for a batch of `size` that leaves a process without a row.

        - `section`: the section of the configuration that has the batch.
        """
        if size < self.count:
            raise SpecError(
                f"{section}: batches of {size} examples for {self.count} processes; use at most {size} processes, or "
                f"a larger {section}.batch"
            )

    def sum(self, values: Tensor) -> Tensor:
        """Sums tensors of the same shape over the processes; a single process gets its own tensor back."""
        if self.count == 1:
            return values
        total = values.detach().clone(memory_format=torch.contiguous_format)
        with _clear_error_when_lost(self):
            dist.all_reduce(total)
        return total

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Sums the gradients of parameters over the processes.

        A parameter that has no gradient in any process keeps none, so that the optimiser skips it.
        """
        if self.count == 1:
            return
        used = list(parameters)
        there = torch.tensor([float(p.grad is not None) for p in used], device=used[0].device)
        flat = [torch.zeros_like(p).flatten() if p.grad is None else p.grad.float().flatten() for p in used]
        total = self.sum(torch.cat([there, *flat]))
        parts = torch.split(total[len(used) :], [p.numel() for p in used])  # type: ignore[no-untyped-call]
        for p, has_gradient, part in zip(used, total[: len(used)].tolist(), parts, strict=True):
            if has_gradient:
                gradient = part.view(p.shape).to(p.dtype)
                if p.grad is None:
                    p.grad = gradient.clone()
                else:
                    p.grad.copy_(gradient)

    def whole(self, part: Tensor, size: int) -> Tensor:
        """Returns a tensor `[size, ...]` assembled from the rows of all processes.

        - `part`: the rows of this process (`rows`), as floating-point numbers.
        """
        if self.count == 1:
            return part
        placed = part.new_zeros((size, *part.shape[1:]))
        placed[self.rows(size)] = part.detach()
        return self.sum(placed)  # adding zeros changes no bit

    def agreed(self, make: Callable[[], T]) -> T:
        """Returns the result of `make`, which is called in process 0 alone."""
        if self.count == 1:
            return make()
        box: list[Any] = [make() if self.rank == 0 else None]
        with _clear_error_when_lost(self):
            dist.broadcast_object_list(box)
        value: T = box[0]
        return value

    def check_alike(self, stamp: str) -> None:
        """Raises `DataError` if the `stamp` of this process shows that it would do other work than process 0."""
        first = self.agreed(lambda: stamp)
        if first != stamp:
            raise DataError(
                "data, settings or network differ from those of process 0; give all machines the same files under the "
                "same paths, and the same versions of micronets, torch and numpy"
            )


ALONE = Group()


class _State:
    """The processes that work together now, and whether the current computation sees only a part of a batch."""

    group = ALONE
    divides = False


def group() -> Group:
    """Returns the processes of the current search or training; `ALONE` for an ordinary one."""
    return _State.group


@contextmanager
def together() -> Iterator[Group]:
    """Makes all processes that `torch.distributed` has connected work together while the block runs.

    All of them must enter the block, and do the same in it.
    """
    before = _State.group
    if dist.is_available() and dist.is_initialized():
        _State.group = Group(dist.get_rank(), dist.get_world_size())
    try:
        yield _State.group
    finally:
        _State.group = before


@contextmanager
def divided() -> Iterator[None]:
    """Declares that what the block computes in training mode is this process's part of a batch.

    Batch norm then uses the statistics of the whole batch, in the block's forward and backward pass.
    """
    before, _State.divides = _State.divides, _State.group.count > 1
    try:
        yield
    finally:
        _State.divides = before


class BatchNorm(nn.BatchNorm2d):
    """Batch norm of maps `[N, C, H, W]`, with the statistics of the whole batch if it is divided among processes."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns the normalised map; in training mode the running statistics are updated."""
        if not (self.training and _State.divides):
            return super().forward(x)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, True, self.momentum or 0.0, self.eps
        )


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor,
    bias: Tensor,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """Normalises a map `[N, C, H, W]` as torch's function of the same name does.

    Within `divided`, `x` is a part of the batch, and mean and variance are those of the whole (combined as in Chan et
    al. 1979). Arguments are torch's; `momentum` is the weight of the current batch.
    """
    if not (training and _State.divides):
        return F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    with torch.autocast(x.device.type, enabled=False):
        values = x.float()
        places = values.new_full((1,), x.numel() // x.shape[1])
        variance, mean = torch.var_mean(values, (0, 2, 3), correction=0)
        gathered = _gathered(torch.cat([places, mean, variance]))
        counts, means, variances = gathered[:, :1], gathered[:, 1 : 1 + len(mean)], gathered[:, 1 + len(mean) :]
        total = counts.sum()
        shares = counts / total
        mean = (shares * means).sum(0)
        variance = (shares * (variances + (means - mean).square())).sum(0)
        with torch.no_grad():
            if running_mean is not None and running_var is not None:
                running_mean.lerp_(mean, momentum)
                running_var.lerp_(variance * (total / (total - 1)), momentum)
        gain = weight * (variance + eps).rsqrt()
        shape = (-1, 1, 1)
        return torch.addcmul((bias - mean * gain).view(shape), values, gain.view(shape)).to(x.dtype)


def _gathered(values: Tensor) -> Tensor:
    """Returns the vectors `[K]` of all processes as `[count, K]`; gradients flow back to each process."""
    placed = torch.zeros((_State.group.count, len(values)), device=values.device, dtype=values.dtype)
    rank = torch.tensor([_State.group.rank], device=values.device)
    total: Tensor = _Sum.apply(placed.index_copy(0, rank, values[None]), _State.group)  # type: ignore[no-untyped-call]
    return total


class _Sum(torch.autograd.Function):
    """The sum of tensors over the processes; the gradient of each is the sum of all processes' gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, of: Group) -> Tensor:
        """Returns the sum; `of` are the processes."""
        ctx.of = of
        return of.sum(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Returns the gradient of the values, and None for the processes."""
        of: Group = ctx.of
        return of.sum(gradients[0]), None


class ProcessLost(MicronetsError):
    """One of several processes that work together ended before the others."""


@contextmanager
def _clear_error_when_lost(of: Group) -> Iterator[None]:
    """Turns the error that torch raises after another process has ended into one clear line."""
    try:
        yield
    except RuntimeError as e:
        raise ProcessLost(
            f"another of the {of.count} processes ended early; resume the run with --resume, with any number of "
            "processes"
        ) from e
