"""Hints: a network learns from an intermediate map of its teacher, besides the teacher's outputs.

If there are few classes, a teacher's outputs say little about an example: one number for two classes. An intermediate
map says much more, for every position of the input, so that fewer examples suffice (Romero et al. 2015, "FitNets: Hints
for Thin Deep Nets").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from micronets.errors import SpecError
from micronets.ir.arch import Arch

SMALLEST_DEVIATION = 1e-3  # of a channel that counts as not constant
NEARLY_AS_RICH = 0.9  # share of the highest effective rank that suffices for a deeper map to be preferred


class TeacherOutputs(NamedTuple):
    """A teacher's results for a batch.

    - `logits`: its outputs `[B, classes]`.
    - `hint`: the non-constant channels of its map, standardised, `[B, C, H, W]`; None if the map is not learnt.
    """

    logits: Tensor
    hint: Tensor | None = None

    def of(self, rows: Tensor) -> TeacherOutputs:
        """Returns the results for the examples numbered `rows` `[B]`."""
        return TeacherOutputs(self.logits[rows], None if self.hint is None else self.hint[rows])


@runtime_checkable
class WithMaps(Protocol):
    """A network that can return the maps between its layers, as `Net` and `FrozenNet` do."""

    def map_names(self) -> Sequence[str]:
        """Returns the names of its convolutions' output maps, in order."""

    def with_maps(self, x: Tensor, names: Sequence[str]) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Computes the outputs `[N, outputs]` and the named maps `[N, C, H, W]` of inputs `[N, H, W, C]`."""


class Hint(nn.Module):
    """A loss: the distance between a map of a network and a map of its teacher.

    The network's map is averaged down to the teacher's number of positions, and mapped linearly, at every position, to
    the teacher's number of channels. The weights of this linear map are trained with the network, and dropped
    afterwards. The teacher's channels are standardised; constant ones are left out. An untrained network has a distance
    of about 1.

    - `name`: the teacher's map.
    - `learner`: name of the network's map that learns the teacher's.
    - `channels`: number of channels of the network's map.
    - `examples`: maps of the teacher `[N, C, H, W]`, whose means and deviations standardise its channels.
    """

    def __init__(self, name: str, learner: str, channels: int, examples: Tensor) -> None:
        super().__init__()
        self.name, self.learner = name, learner
        values = examples.float().movedim(1, 0).flatten(1)
        deviation = values.std(1)
        self.register_buffer("told", (deviation > SMALLEST_DEVIATION).nonzero().flatten())
        self.register_buffer("mean", values.mean(1)[self._told].view(-1, 1, 1))
        self.register_buffer("deviation", deviation[self._told].view(-1, 1, 1))
        self.map = nn.Conv2d(channels, len(self._told), 1)

    @property
    def _told(self) -> Tensor:
        told: Tensor = self.told  # type: ignore[assignment]
        return told

    def of_teacher(self, features: Tensor) -> Tensor:
        """Returns the target from the teacher's map `[B, C, H, W]`: its non-constant channels, standardised."""
        mean: Tensor = self.mean  # type: ignore[assignment]
        deviation: Tensor = self.deviation  # type: ignore[assignment]
        return (features[:, self._told].float() - mean) / deviation

    def forward(self, features: Tensor, taught: Tensor) -> Tensor:
        """Returns the mean squared distance, a 0-d tensor.

        - `features`: the network's map `[B, channels, H, W]`.
        - `taught`: the target that `of_teacher` returned.
        """
        mapped: Tensor = self.map(F.adaptive_avg_pool2d(features.float(), (taught.shape[2], taught.shape[3])))
        return (mapped - taught.float()).square().mean()


def richest_map(maps: Mapping[str, Tensor]) -> str:
    """Returns the name of the most informative map: the deepest of those that are nearly the richest.

    The richness of a map is its effective rank over all positions (Roy and Vetterli 2007): the exponential of the
    entropy of the variances along its principal axes, with the channels standardised. The last maps of a classifier are
    poor, since they hold little more than the class.

    - `maps`: maps `[N, C, H, W]` by name, in their order, all of the same examples.
    """
    ranks = {name: _effective_rank(values) for name, values in maps.items()}
    if not ranks or max(ranks.values()) == 0:
        raise SpecError("train: hint_weight needs a teacher with convolutions, whose maps can be learnt")
    return [name for name, rank in ranks.items() if rank >= NEARLY_AS_RICH * max(ranks.values())][-1]


def _effective_rank(values: Tensor) -> float:
    """Returns the effective rank of a map `[N, C, H, W]`; 0 if all channels are constant."""
    rows = values.float().movedim(1, -1).flatten(0, -2)
    deviation = rows.std(0)
    told = deviation > SMALLEST_DEVIATION
    if not bool(told.any()):
        return 0.0
    rows = (rows - rows.mean(0))[:, told] / deviation[told]
    shares = torch.linalg.eigvalsh(rows.T @ rows).clamp(min=0)
    shares = shares / shares.sum()
    return float(torch.exp(-(shares * (shares + 1e-12).log()).sum()))


def learner_of(arch: Arch, names: Sequence[str], places: Sequence[int]) -> str:
    """Returns the name of the map that learns the teacher's: the last one with at least as many rows and columns.

    If all maps are smaller, it is the first.

    - `arch`: the network.
    - `names`: its maps, in order.
    - `places`: rows and columns of the teacher's map.
    """
    if not names:
        raise SpecError("train: hint_weight needs a network with convolutions, whose maps can learn")
    shapes = arch.shapes()
    large = [name for name in names if shapes[name][0] >= places[0] and shapes[name][1] >= places[1]]
    return large[-1] if large else names[0]
