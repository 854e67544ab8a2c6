"""Augmentation of pictures in torch, a whole batch at a time.

Moving, zooming, mirroring and resizing are one filter for each picture and axis, of a few taps: the pictures of the network's
own resolution come out, anti-aliased by the same filter that `frontend.image` uses.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from micronets.frontend.image import FILTERS, LUMA

if TYPE_CHECKING:
    from torch import Tensor

    from micronets.frontend.image import Bytes, ImageFrontEnd
    from micronets.tasks.imagedata import ImageAugmentation

_ON_DEVICE = 2 << 30  # bytes; a larger data set stays in host memory


class Augmenter:
    """Draws augmented batches from pictures `[N, S, S, C]`, uint8."""

    def __init__(self, pictures: Bytes, settings: ImageAugmentation) -> None:
        self.settings, self.pictures = settings, pictures
        self.side = pictures.shape[1]
        self._device: dict[torch.device, Tensor] = {}

    def __call__(self, indices: Tensor, frontend: ImageFrontEnd, generator: torch.Generator) -> Tensor:
        """`[B]` indices -> `[B, resolution, resolution, colour]` float32 on the generator's device."""
        # Pixels need more than the 8 bits of a bfloat16, and resizing all of float32's.
        with torch.no_grad(), torch.autocast(generator.device.type, enabled=False):
            x = self._rows(indices, generator.device).float()
            if frontend.colour < x.shape[3]:
                x = _gray(x)
            x = self._placed(x, frontend, generator)
            x = self._coloured(x, generator)
            x = self._erased(x, generator)
            # Whole pixels, as a camera gives them.
            x = x.clamp_(0, 255).round_().sub_(frontend.input_mean).div_(frontend.input_scale)
            return x.expand(-1, -1, -1, frontend.colour)

    def _rows(self, indices: Tensor, device: torch.device) -> Tensor:
        if self.pictures.nbytes > _ON_DEVICE and device.type != "cpu":
            return torch.from_numpy(self.pictures[indices.cpu().numpy()]).to(device)
        if device not in self._device:
            self._device[device] = torch.from_numpy(self.pictures).to(device)
        return self._device[device].index_select(0, indices.to(device, torch.int64))

    def _placed(self, x: Tensor, fe: ImageFrontEnd, g: torch.Generator) -> Tensor:
        """The part of each picture that is used, at the network's resolution."""
        s, n, side = self.settings, len(x), self.side
        low, high = s.zoom
        part = side * torch.exp(_uniform(n, math.log(low), math.log(high), g))
        ratio = torch.exp(_uniform(n, -0.5, 0.5, g) * math.log(s.aspect))
        mirrored = torch.rand(n, generator=g, device=g.device) < s.flip
        vertical = self._taps(part * ratio, None, fe, g)
        horizontal = self._taps(part / ratio, mirrored, fe, g)
        c, after = x.shape[3], fe.resolution
        # Whole lines of pixels are weighed and added; so columns and rows change places in between, and back.
        rows = _weighed(x.view(n * side, side * c), *vertical).view(n, after, side, c)
        columns = _weighed(rows.transpose(1, 2).reshape(n * side, after * c), *horizontal)
        return columns.view(n, after, after, c).transpose(1, 2).contiguous()

    def _taps(self, part: Tensor, mirrored: Tensor | None, fe: ImageFrontEnd, g: torch.Generator) -> tuple[Tensor, Tensor]:
        """Lines that each line along one axis is made of, of a stretch of `part` pixels at a random place.

        Two `[B * resolution, taps]`: their indices among the `B * S` lines of the batch, and filter weights.
        """
        s, n, side, after, device = self.settings, len(part), self.side, fe.resolution, g.device
        most = round(s.shift * side)
        start = torch.rand(n, generator=g, device=device) * (side - part)
        start += torch.randint(-most, most + 1, (n,), generator=g, device=device)
        at = torch.arange(after, device=device) + 0.5
        at = at.expand(n, after) if mirrored is None else torch.where(mirrored[:, None], after - at, at)
        step = part / after
        coarse = step.clamp(min=1)[:, None, None]
        reach, largest = FILTERS[fe.filter], s.zoom[1] * math.sqrt(s.aspect)
        count = math.floor(2 * reach * max(1.0, largest * side / after) + 1e-4) + 1
        centres = (start[:, None] + at * step[:, None])[:, :, None]
        first = (centres - reach * coarse - 0.5).ceil()
        taps = first + torch.arange(count, device=device)
        weights = _kernel((taps + 0.5 - centres) / coarse, fe.filter)
        # What lies beyond an edge is mirrored at it, where the part may reach there; else it has no weight, as in evaluation.
        pad = min(side - 1, math.ceil(most + max(0.0, largest - 1) * side - 1e-4))
        weights *= (taps >= -pad) & (taps < side + pad)
        weights /= weights.sum(2, keepdim=True)
        index = taps.to(torch.int64).remainder_(2 * side)
        index = torch.minimum(index, 2 * side - 1 - index)
        index += side * torch.arange(n, device=device)[:, None, None]
        return index.view(n * after, count), weights.view(n * after, count)

    def _coloured(self, x: Tensor, g: torch.Generator) -> Tensor:
        """Saturation, contrast and brightness: a share of the picture, one of its gray, and a constant. Changes `x`."""
        s, n = self.settings, len(x)
        saturated = bool(s.saturation) and x.shape[3] == 3
        own, gray, level = torch.ones(n, device=x.device), torch.zeros(n, device=x.device), torch.zeros(n, device=x.device)
        shades = _gray(x) if saturated else x[:, :1, :1, :1]
        if saturated:
            own = 1 + _uniform(n, -s.saturation, s.saturation, g)
            gray = 1 - own
        if s.contrast:
            share = 1 + _uniform(n, -s.contrast, s.contrast, g)
            mean = own * x.mean((1, 2, 3)) + gray * shades.mean((1, 2, 3))
            own, gray, level = own * share, gray * share, mean * (1 - share)
        if s.brightness:
            share = 1 + _uniform(n, -s.brightness, s.brightness, g)
            own, gray, level = own * share, gray * share, level * share
        own, gray, level = (v.view(n, 1, 1, 1) for v in (own, gray, level))
        if saturated:
            return x.mul_(own).add_(shades.mul_(gray).add_(level))
        return x.mul_(own).add_(level) if s.contrast or s.brightness else x

    def _erased(self, x: Tensor, g: torch.Generator) -> Tensor:
        s, n = self.settings, len(x)
        if not s.erase:
            return x
        chosen = torch.rand(n, 1, generator=g, device=g.device) < s.erase
        rows, columns = (_stretch(n, x.shape[1], s.erase_side, g) for _ in range(2))
        hit = chosen[:, 0].nonzero()[:, 0]
        some = x[hit]
        where = rows[hit][:, :, None, None] & columns[hit][:, None, :, None]
        x[hit] = torch.where(where, some.mean((1, 2), keepdim=True), some)
        return x


def _weighed(lines: Tensor, index: Tensor, weights: Tensor) -> Tensor:
    """`[M, values]`: sums of the lines `[N, values]` with these indices `[M, taps]`, by these weights."""
    return F.embedding_bag(index, lines, mode="sum", per_sample_weights=weights)


def _gray(x: Tensor) -> Tensor:
    return (x @ torch.tensor(LUMA, device=x.device))[..., None]


def _uniform(n: int, low: float, high: float, g: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=g, device=g.device)


def _stretch(n: int, length: int, widest: float, g: torch.Generator) -> Tensor:
    """bool `[n, length]`: true in one random stretch of up to `widest` of the length."""
    width = (torch.rand(n, 1, generator=g, device=g.device) * widest * length).ceil()
    start = (torch.rand(n, 1, generator=g, device=g.device) * (length - width + 1)).floor()
    at = torch.arange(length, device=g.device)
    return (at >= start) & (at < start + width)


def _kernel(distance: Tensor, name: str) -> Tensor:
    """As `frontend.image.kernel`."""
    if name == "box":
        return ((distance > -0.5) & (distance <= 0.5)).float()
    d = distance.abs_()
    if name == "bilinear":
        return d.neg_().add_(1).clamp_(min=0)
    if name == "bicubic":
        near, far = ((1.5 * d - 2.5) * d * d).add_(1), ((-0.5 * d + 2.5) * d - 4).mul_(d).add_(2)
        return torch.where(d < 1, near, far.mul_(d < 2))
    return torch.where(d < 3, torch.sinc(d) * torch.sinc(d / 3), 0.0)
