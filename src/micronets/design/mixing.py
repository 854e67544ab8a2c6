"""Mixing the examples of a step in pairs: mixup blends them, cutmix pastes a piece of one into the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Piece = tuple[float, float, float, float]
"""The piece of an input that is replaced: top, bottom, left and right, as shares of its height and width."""


@dataclass(frozen=True, eq=False)
class Mixing:
    """How the examples of a step are mixed in pairs.

    - `partner`: the index `[B]` of the other example of each pair.
    - `share`: the share of its label that each example keeps, 0 to 1; its partner's label has the rest.
    - `piece`: the piece of each input that is replaced by its partner's; None: inputs are blended as labels are.
    """

    partner: Tensor
    share: float = 1.0
    piece: Piece | None = None

    def mixed(self, x: Tensor) -> Tensor:
        """Returns inputs `[B, H, W, C]` mixed with those of their partners, at any resolution."""
        if self.share == 1:
            return x
        if self.piece is None:
            return torch.lerp(x[self.partner], x, self.share)
        top, bottom, left, right = _pixels(self.piece, x.shape[1], x.shape[2])
        cut = x.clone()
        cut[:, top:bottom, left:right] = x[self.partner, top:bottom, left:right]
        return cut


def draw_mixing(
    examples: int,
    shape: tuple[int, int, int],
    mixup: float,
    cutmix: float,
    rng: np.random.Generator,
    device: torch.device,
) -> Mixing:
    """Draws how a step mixes its examples.

    - `examples`: the number of examples.
    - `shape`: `(H, W, C)` of an input.
    - `mixup`: inputs are blended by a share from Beta(mixup, mixup) (Zhang et al. 2018); 0: they are not.
    - `cutmix`: the probability that a step cuts a piece instead (Yun et al. 2019), whose share of the input is drawn
      uniformly: a rectangle of a square input, such as an image, otherwise a stretch of the first axis, which is time.
    - `rng`: draws all of it.
    - `device`: the device of the partners' indices.
    """
    if cutmix and rng.random() < cutmix:
        piece = _draw_piece(shape[0] == shape[1] > 1, rng)
        top, bottom, left, right = _pixels(piece, shape[0], shape[1])
        share = 1 - (bottom - top) * (right - left) / (shape[0] * shape[1])
    elif mixup:
        piece, share = None, float(rng.beta(mixup, mixup))
    else:
        return Mixing(torch.arange(examples))
    return Mixing(torch.from_numpy(rng.permutation(examples)).to(device), share, piece)


def _draw_piece(square: bool, rng: np.random.Generator) -> Piece:
    """Draws a piece of an input: a rectangle of a square one, otherwise a stretch of the first axis."""
    area = rng.random()
    height = math.sqrt(area) if square else area
    width = height if square else 1.0
    top, left = rng.random() * (1 - height), rng.random() * (1 - width)
    return top, top + height, left, left + width


def _pixels(piece: Piece, height: int, width: int) -> tuple[int, int, int, int]:
    """Returns top, bottom, left and right of a piece of an input, rounded to whole pixels."""
    top, bottom, left, right = piece
    return round(top * height), round(bottom * height), round(left * width), round(right * width)
